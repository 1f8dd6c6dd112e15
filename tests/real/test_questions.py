"""Questions that people come with, typed into the explorer as they would, and read off its screen.

What is true is asked of docker, ip and the kernel.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsview.model.view import GroupRow
from nsview.tui.app import NsviewApp
from nsview.tui.screens.compare import Compare
from nsview.tui.screens.lens import Lens
from tests.tui.screens import drawn

from .command import links, nsview
from .conftest import require
from .daemons import Docker, run
from .test_finding import exploring, until
from .workspace import Workspace

WEB, PEER, APART = (f"{name}{os.getpid()}" for name in ("qweb", "qpeer", "qapart"))
PORT = "18097"


@pytest.fixture(scope="module")
def pids(docker: Docker) -> Iterator[dict[str, int]]:
    """{name: first process}: a server, who shares its network, and one with the daemon's socket and no filter."""
    yield {
        WEB: docker.container(WEB, command=("httpd", "-f", "-p", PORT)),
        PEER: docker.container(PEER, "--network", f"container:{WEB}"),
        APART: docker.container(
            APART, "--security-opt=seccomp=unconfined", "-v", f"{docker.address}:/run/docker.sock", "--network=none"
        ),
    }
    for name in (PEER, WEB, APART):
        docker.remove(name)


async def test_which_container_listens_on_this_port(pids: dict[str, int]) -> None:
    """iproute2#46, nerdctl#543: sockets of all net namespaces."""
    async with exploring() as (app, pilot):
        await pilot.press("w", "slash", *PORT, "enter")
        await until(pilot, lambda: f"{pids[WEB]} httpd" in drawn(app))
        line, *_ = [line for line in drawn(app).splitlines() if line.strip().startswith(f"tcp {PORT}")]
        assert line.split("▊")[0].split()[-3:] == [str(pids[WEB]), "httpd", WEB]


async def test_which_container_is_this_veth(pids: dict[str, int], docker: Docker, workspace: Workspace) -> None:
    """moby#17064: the host's end of the pair whose other end ip(8) shows within the container."""
    require("ip", "nsenter")
    within = ["nsenter", "-t", str(pids[WEB]), "-n", "ip", "-j", "link", "show", "eth0"]
    ends = json.loads(run(within, workspace.environment))[0]["link_index"]
    (veth,) = [
        link["ifname"]
        for link in json.loads(run(["ip", "-j", "link"], workspace.environment))
        if link["ifindex"] == ends
    ]
    async with exploring() as (app, pilot):
        await pilot.press("w", "slash", *veth, "enter")
        await until(pilot, lambda: f"↔ {veth} of host" in drawn(app))
        shown = [line.split("▊")[0].split() for line in drawn(app).splitlines()]
        (host,) = [line for line in shown if line[:1] == [veth]]
        # Who shares it has it too.
        assert " ".join(host[host.index("↔") :]).startswith(f"↔ eth0 of {PEER}, {WEB}")
        assert docker.inspect(WEB)["NetworkSettings"]["IPAddress"] in drawn(app)


async def test_why_does_this_namespace_still_exist(workspace: Workspace) -> None:
    """util-linux#1881: nobody is in it; an open file, and a mount, keep it."""
    require("ip")
    name = f"{workspace.bridge}-q"
    run(["ip", "netns", "add", name], workspace.environment)
    inode = os.stat(f"/run/netns/{name}").st_ino
    with Path(f"/run/netns/{name}").open() as held, subprocess.Popen(["sleep", "9999"], stdin=held) as holder:
        try:
            async with exploring() as (app, pilot):

                def there() -> bool:
                    assert app.explorer.snapshot is not None
                    return ("net", inode) in app.explorer.snapshot.namespaces

                await pilot.press("H")
                await until(pilot, there)
                await pilot.press("colon", *str(inode))
                await pilot.pause(0.1)
                await pilot.press("enter")
                await until(pilot, lambda: f"fd 0 of {holder.pid} sleep" in drawn(app).partition("HELD BY")[2])
                assert f"mount /run/netns/{name}" in drawn(app).partition("HELD BY")[2]
                run(["ip", "netns", "delete", name], workspace.environment)
                holder.kill()
                holder.wait()
                held.close()
                await until(pilot, lambda: not there())
        finally:
            holder.kill()
            run(["ip", "netns", "delete", name], workspace.environment, check=False)


@pytest.mark.parametrize("lens", [False, True], ids=["explorer", "matrix"])
async def test_in_what_do_these_two_differ(pids: dict[str, int], lens: bool) -> None:
    async with exploring() as (app, pilot):
        if lens:
            await pilot.press("m", "slash", *f"container={WEB} or container={PEER}", "enter", "G", "v", "g", "c")
        for name, key in ((WEB, "v"), (PEER, "c")) if not lens else ():
            await pilot.press("colon", *f"container={name}")
            await pilot.pause(0.1)
            await pilot.press("enter")
            await until(pilot, lambda: app.explorer.listing.row is not None)
            await pilot.pause(0.1)
            await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, Lens) and "≠  mnt" in drawn(app))
        lines = [re.split(" {2,}", line.strip()) for line in drawn(app).splitlines()]
        told = {line[1]: line[0] for line in lines if line[0] in ("=", "≠")}
        first, second = links(pids[WEB]), links(pids[PEER])
        assert {kind: told[kind] for kind in first} == {
            kind: "=" if first[kind] == second[kind] else "≠" for kind in first
        }


async def test_what_should_be_looked_at(pids: dict[str, int]) -> None:
    async with exploring() as (app, pilot):
        await pilot.press("a", "slash", *APART, "enter")
        await until(pilot, lambda: "reaches docker's socket at /run/docker.sock" in drawn(app))
        assert "runs without a system call filter" in drawn(app)
        await pilot.press("escape", "slash", *WEB, "enter")
        await until(pilot, lambda: "reaches docker's socket" not in drawn(app))


async def test_each_lens_is_asked_in_the_language_of_the_explorer(pids: dict[str, int]) -> None:
    """The same question, by a field, in three lenses and on the command line."""
    net = links(pids[WEB])["net"]

    def left(app: NsviewApp) -> list[str]:
        assert isinstance(app.lens, Lens)
        return [line.cells[0].text.strip() for line in app.lens.table.lines]

    async with exploring() as (app, pilot):
        await pilot.press("m", "slash", *f"container={WEB} or container={PEER}", "enter")
        await until(pilot, lambda: left(app) == [PEER, WEB])
        await pilot.press("escape", "slash", *f"net:{net} not host=net name=httpd", "enter")
        await until(pilot, lambda: left(app) == [WEB])
        await pilot.press("escape", "slash", *f"port={PORT}", "enter")
        await until(pilot, lambda: left(app) == [WEB], "the port is read when it is asked for")
        await pilot.press("escape", "w", "slash", *f"port={PORT} container={WEB}", "enter")
        await until(pilot, lambda: left(app) == [f"{PEER}, {WEB}", f"tcp {PORT}"])
        await pilot.press("escape", "slash", *f"kind=veth net:{net}", "enter")
        await until(pilot, lambda: left(app) == [f"{PEER}, {WEB}", "eth0"])
        await pilot.press("escape", "a", "slash", *f"rule=seccomp-off container={APART}", "enter")
        await until(pilot, lambda: len(left(app)) == 1 and "without a system call filter" in drawn(app))
        await pilot.press("escape", "slash", *f"container={WEB} rule=seccomp-off")
        await until(pilot, lambda: "Nothing here matches" in drawn(app))
    lines = nsview("list", "nets", "--filter", f"port={PORT} container={WEB}").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [f"{PEER},", "tcp"]
    done = nsview("audit", "--json", "--filter", f"rule=seccomp-off container~{os.getpid()}")
    assert done.returncode == 1
    assert [one["name"] for one in json.loads(done.stdout)["findings"]] == [APART]
    wrong = nsview("audit", "--filter", "colour=red")
    assert wrong.returncode == 2 and "at character 1: no field is called colour here" in wrong.stderr


async def test_which_container_is_a_published_port_for(docker: Docker) -> None:
    """The port is typed, Enter goes to the container; docker inspect knows it too."""
    name, inside = f"qpub{os.getpid()}", "8077"
    pid = docker.container(name, "-p", f"127.0.0.1:0:{inside}", command=("httpd", "-f", "-p", inside))
    try:
        ((bound,),) = docker.inspect(name)["NetworkSettings"]["Ports"].values()
        async with exploring() as (app, pilot):
            await pilot.press("w", "slash", *bound["HostPort"], "enter")
            await until(pilot, lambda: f"→ {name}:{inside}  " in drawn(app))
            shown = [line.split("▊")[0].split() for line in drawn(app).splitlines()]
            there, *_ = [line for line in shown if line[:2] == ["tcp", inside]]  # the details below tell it too
            assert " ".join(there[4:]).startswith(f"{pid} httpd {name} ← 127.0.0.1:")
            await pilot.press("g", "j")
            await until(pilot, lambda: f"{name}, port {inside}" in drawn(app).partition("PUBLISHED FOR")[2])
            await pilot.press("enter")
            await until(pilot, lambda: app.lens is None)
            row = app.explorer.listing.row
            assert isinstance(row, GroupRow) and row.container is not None and row.container.name == name
        lines = nsview("list", "nets", "--filter", f"port={bound['HostPort']} container={name}").stdout.splitlines()
        assert [line.split()[0] for line in lines[1:]] == ["host", "tcp", name, "tcp"]
    finally:
        docker.remove(name)


HOSTILE = "\x1b[31mred\x1b]0;owned\x07\r[bold]\nx"


async def test_hostile_names_are_harmless_in_each_lens_and_in_its_filter(docker: Docker, workspace: Workspace) -> None:
    """Who is watched chooses his own command, the names of his interfaces, and of what he mounts."""
    require("ip", "nsenter")
    name = f"qhost{os.getpid()}"
    pid = docker.container(name, "--cap-add=NET_ADMIN", "--cap-add=SYS_ADMIN", command=("sh", "-c", "exec sleep 9999"))
    netns = f"{workspace.bridge}-\x1b[31mq"
    listens = (
        "import ctypes, socket, sys, time\n"
        "ctypes.CDLL(None).prctl(15, sys.argv[1].encode())\n"
        "held = socket.create_server(('127.0.0.1', 0))\n"
        "print(held.getsockname()[1], flush=True)\n"
        "time.sleep(9999)\n"
    )
    run(["ip", "netns", "add", netns], workspace.environment)
    run(["nsenter", "-t", str(pid), "-n", "ip", "link", "add", "\x1b[31m[b]", "type", "bridge"], workspace.environment)
    within = ["nsenter", "-t", str(pid), "-n", sys.executable, "-c", listens, HOSTILE]
    try:
        with subprocess.Popen(within, stdout=subprocess.PIPE, text=True) as listener:
            assert listener.stdout is not None
            port = listener.stdout.readline().strip()
            try:
                async with exploring() as (app, pilot):
                    for key, typed, seen in (
                        ("w", f"net:{links(pid)['net']}", "\\x1b[31m[b]"), ("w", f"port={port}", "\\x1b[31mred"),
                        ("w", "31mq", "\\x1b[31mq"), ("m", f"container={name}", name), ("a", f"container={name}", name),
                        ("m", f"pid={listener.pid}", ""),
                    ):  # fmt: skip
                        await pilot.press(key, *(("0",) if not seen else ()), "slash", *typed, "enter")
                        await until(pilot, lambda seen=seen: (seen or "\\x1b[31mred") in drawn(app), typed)  # type: ignore[misc]
                        await pilot.press("slash", *" name=", "tab")
                        await pilot.pause()
                        assert drawn(app).replace("\n", "").isprintable(), typed
                        await pilot.press("escape", "escape")
                        await until(pilot, lambda: app.lens is None)
                    for row, mark in ((f"container={name}", "v"), (f"pid={listener.pid}", "c")):
                        await pilot.press("colon", *row)
                        await pilot.pause(0.2)
                        await pilot.press("enter")
                        await pilot.pause(0.2)
                        await pilot.press(mark)
                    await until(pilot, lambda: isinstance(app.lens, Compare))
                    assert drawn(app).replace("\n", "").isprintable()
            finally:
                listener.kill()
    finally:
        docker.remove(name)
        run(["ip", "netns", "delete", netns], workspace.environment, check=False)


@pytest.mark.parametrize("key", ["w", "m", "a"])
async def test_an_open_lens_outlives_what_it_shows(docker: Docker, key: str) -> None:
    name = f"qgone{os.getpid()}"
    docker.container(name, "--pid=host")
    async with exploring() as (app, pilot):
        await pilot.press(key, "slash", *f"container={name}", "enter")
        await until(pilot, lambda: f" {name}" in drawn(app).partition("container=")[2].partition("\n")[2])
        await pilot.press("v")
        docker.remove(name)
        await until(pilot, lambda: "Nothing here matches" in drawn(app))
        await pilot.press("c", "enter", "n", "s", "d", "escape")
        await until(pilot, lambda: "Nothing here matches" not in drawn(app))
        assert isinstance(app.lens, Lens) and name not in drawn(app)
