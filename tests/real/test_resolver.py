"""Every word that names something, for every command that takes one: on a real docker, and netns of ip(8)."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from nsview.hosts.local import LocalHost
from nsview.model.leads import meant

from .command import links, nsview, printed, said
from .conftest import require
from .daemons import Containerd, Docker, run
from .population import Population
from .workspace import Workspace, wait_until

WEB, TWIN, NETNS = (f"{name}{os.getpid()}" for name in ("rweb", "rtwin", "rblue"))


class Web(NamedTuple):
    """A container that publishes a port. port: the host's. veth: the host's end of its pair."""

    pid: int
    id: str
    net: int
    port: str
    veth: str


@pytest.fixture(scope="module")
def web(docker: Docker) -> Iterator[Web]:
    pid = docker.container(WEB, "-p", "127.0.0.1:0:8077", command=("httpd", "-f", "-p", "8077"))
    found = docker.inspect(WEB)
    ((bound,),) = found["NetworkSettings"]["Ports"].values()
    (inner,) = json.loads(said(["nsenter", "-t", str(pid), "-n", "ip", "-j", "link", "show", "eth0"]))
    (veth,) = [one["ifname"] for one in json.loads(said(["ip", "-j", "link"])) if one["ifindex"] == inner["link_index"]]
    yield Web(pid, found["Id"], links(pid)["net"], bound["HostPort"], veth)
    docker.remove(WEB)


@pytest.fixture
def netns(workspace: Workspace) -> Iterator[int]:
    """The inode of a net namespace that ip(8) made and nobody is in."""
    require("ip")
    run(["ip", "netns", "add", NETNS], workspace.environment)
    yield os.stat(f"/run/netns/{NETNS}").st_ino
    run(["ip", "netns", "delete", NETNS], workspace.environment, check=False)


def refused(*arguments: str) -> str:
    """The one line that a command ends with whose target is gone or not the only one."""
    done = nsview(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    return done.stderr.strip()


def first_shown(text: str) -> object:
    """The first thing that `:` shows of a text."""
    host = LocalHost()
    try:
        return meant(host.first(), text, host.nets(), host.thread_group(text))[0].thing
    finally:
        host.stop()


def test_a_container_is_found_by_each_of_its_words(web: Web) -> None:
    key = f"docker:{web.id}"
    for word in (WEB, web.id, web.id[:12], key, WEB.upper(), web.port):
        assert printed("inspect", word)["key"] == key, word
        assert first_shown(word) == key, word
    for word in (WEB, web.port, web.veth, str(web.net), str(web.pid), f"/proc/{web.pid}/ns/net"):
        compared = printed("compare", word, "1")
        assert (compared["a"], compared["b"]) == (web.pid, 1), word


def test_a_veth_leads_to_the_container_behind_it(web: Web) -> None:
    for word in (web.veth, str(web.net), f"net:{web.net}", f"net:[{web.net}]", f"/proc/{web.pid}/ns/net"):
        namespace = printed("inspect", word)
        assert (namespace["type"], namespace["inode"]) == ("net", web.net), word
        assert web.pid in namespace["pids"]
        if not word.startswith("/"):
            assert first_shown(word) == ("net", web.net)
    shown = nsview("inspect", web.veth).stdout
    assert f"net:[{web.net}]" in shown and web.id in shown


def test_a_netns_is_found_by_its_name(netns: int) -> None:
    for word in (NETNS, f"/run/netns/{NETNS}", str(netns), f"net:{netns}"):
        namespace = printed("inspect", word)
        assert (namespace["inode"], namespace["names"]) == (netns, [f"/run/netns/{NETNS}"]), word
    assert first_shown(NETNS) == ("net", netns)
    assert printed("inspect", NETNS)["held_by"]
    assert "no process is in" in refused("compare", NETNS, "1")
    listed = printed("list", "namespaces", "--filter", NETNS)["namespaces"]
    assert [namespace["inode"] for namespace in listed if not namespace["pids"]] == [netns]


def test_a_namespace_that_only_another_mount_namespace_knows_is_found_too(
    population: Population, netns: int, workspace: Workspace
) -> None:
    """The host's own of that name is meant for as long as there is one."""
    there = workspace.root / "seen-elsewhere"
    there.mkdir()
    made = " && ".join(f"touch {there}/{name} && unshare --net={there}/{name} true" for name in (NETNS, f"{NETNS}in"))
    pid = population.process("mnt", command=("sh", "-c", f"mount -t tmpfs none {there} && {made} && exec sleep 9999"))
    wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", 20, "its mounts")
    inode = os.stat(f"/proc/{pid}/root{there}/{NETNS}in").st_ino
    held = printed("inspect", f"{NETNS}in")
    assert (held["type"], held["inode"], held["names"]) == ("net", inode, [])
    assert printed("inspect", NETNS)["inode"] == netns
    assert f"{NETNS}in" in refused("inspect", f"{NETNS}inn").partition("the nearest: ")[2].split(", ")


def test_a_thread_is_said_to_be_one(population: Population) -> None:
    thread = population.thread()
    for arguments in (("inspect",), ("inspect", "--json"), ("compare", "1")):
        done = nsview(*arguments, str(thread.tid))
        assert done.returncode == 0
        assert done.stderr == f"nsview: {thread.tid} is a thread of process {thread.pid}\n"
        assert str(thread.pid) in done.stdout
    assert first_shown(str(thread.tid)) == thread.pid
    assert nsview("inspect", str(thread.pid)).stderr == ""


def test_containers_of_one_name_are_told_apart(docker: Docker, containerd: Containerd) -> None:
    pids = {docker.container(TWIN): f"docker:{docker.inspect(TWIN)['Id']}"}
    pids[containerd.container(TWIN)] = f"containerd:default/{TWIN}"
    try:
        for arguments in (("inspect", TWIN), ("compare", TWIN, "1")):
            line = refused(*arguments)
            for key, address in zip(pids.values(), (docker.containerd_address, containerd.address), strict=True):
                assert f"{key} ({address})" in line
        for pid, key in pids.items():
            assert printed("inspect", key)["init_pid"] == pid
    finally:
        docker.remove(TWIN)
        containerd.remove(TWIN)


def test_an_interface_of_many_is_told_by_where_it_is(population: Population, workspace: Workspace) -> None:
    name = f"r{os.getpid()}"
    inodes = []
    for _ in range(2):
        pid = population.process("net")
        inodes.append(links(pid)["net"])
        run(["nsenter", "-t", str(pid), "-n", "ip", "link", "add", name, "type", "bridge"], workspace.environment)
    line = refused("inspect", name)
    assert all(f"net:[{inode}] (has {name})" in line for inode in inodes)


def test_of_a_mistyped_word_the_nearest_are_told(web: Web, netns: int) -> None:
    for word, near in ((f"{WEB}x", WEB), (f"{NETNS}x", NETNS), (f"{web.veth}x", web.veth)):
        assert near in refused("inspect", word).partition("the nearest: ")[2].split(", ")


def test_a_published_port_filters_its_container(web: Web) -> None:
    for expression in (f"port={web.port}", f"{web.port} {WEB}", f"{web.veth} httpd"):
        found = printed("list", "containers", "--filter", expression)["containers"]
        assert [container["init_pid"] for container in found] == [web.pid], expression


def test_a_container_that_is_called_like_a_namespaces_inode_is_not_taken_for_it(docker: Docker) -> None:
    """Not by `enter` either, which looks for the usual names by itself."""
    name = str(os.stat("/proc/self/ns/net").st_ino)
    docker.container(name)
    try:
        for words in (["inspect", name], ["enter", name, "--", "true"]):
            assert "may mean docker:" in refused(*words)
    finally:
        docker.remove(name)
