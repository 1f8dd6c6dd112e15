"""The uid and the name inside beside those outside, against what the kernel and the containers themselves say."""

import os
import pwd
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from nsview import report
from nsview.hosts.local import LocalHost
from nsview.model import listing
from nsview.model.records import Process
from tests.unit.processes import running

from .command import nsview, printed, processes, said
from .conftest import require
from .daemons import SLEEP, Docker
from .population import Population
from .runtimes import Podman, RootlessPodman
from .workspace import wait_until

APP = 1000  # of the root directory's passwd


def as_it_sees_itself(pid: int) -> int:
    """The effective uid in its status as one reads it who is in its user namespace."""
    words = ("nsenter", f"--user=/proc/{pid}/ns/user", "--preserve-credentials", "cat", f"/proc/{pid}/status")
    return int(re.findall(r"^Uid:\t\d+\t(\d+)", said(words), re.MULTILINE)[0])


def users(pid: int) -> tuple[int, int | None, str | None]:
    process = processes()[pid]
    return process["uid"], process["uid_inside"], process["user_inside"]


def test_a_container_with_ids_of_its_own(podman: Podman) -> None:
    podman.import_image("users:1")
    maps = [(f"--uidmap=0:{first}:65536", f"--gidmap=0:{first}:65536") for first in (300000, 400000)]
    pid = podman.container("ids", *maps[0], "--user", "33:33", image="users:1")
    named = podman.container("named", *maps[1], "--user", "app", image="users:1")
    assert users(pid) == (300033, 33, "33")  # podman's entry for it; whatever the host calls its own 33
    assert users(named) == (400000 + APP, APP, "app")
    assert (as_it_sees_itself(pid), as_it_sees_itself(named)) == (33, APP)

    def found(expression: str) -> set[int]:
        done = printed("list", "processes", "--filter", expression)
        return {process["pid"] for process in done["processes"]} & {pid, named}

    assert found("uid=33") == found("uid=300033") == found("user=300033") == found("user=33") == {pid}
    assert found("user=app") == found(f"uid={APP} container=named") == {named}
    text = nsview("list", "processes", "--filter", "container=named or container=ids").stdout
    assert "300033→33 " in text and f"{400000 + APP}→app" in text
    assert f"inside app ({APP})" in nsview("inspect", str(named)).stdout


def test_a_users_own_containers(account: Any, rootfs: Path) -> None:
    require(*RootlessPodman.NEEDS)
    podman = RootlessPodman(account, rootfs)
    try:
        pid = podman.container("rootless")
        uid, inside, name = users(pid)
        assert (inside, name) == (0, "root") and uid == os.stat(f"/proc/{pid}").st_uid != 0
        assert printed("list", "processes", "--filter", f"pid={pid} uid=0")["processes"]
    finally:
        podman.clear()


def test_in_the_hosts_user_namespace_a_containers_name_stands_beside_the_hosts(docker: Docker) -> None:
    """One number, two passwds: the host's name is of the host's, the container's own is told as inside."""
    pid = docker.container("named-inside", "--user", "app")
    try:
        process = processes()[pid]
        try:
            host = pwd.getpwuid(APP).pw_name
        except KeyError:
            host = str(APP)
        assert (process["user"], process["uid"], process["uid_inside"]) == (host, APP, APP)
        assert process["user_inside"] == "app"
    finally:
        docker.remove("named-inside")


def test_what_the_kernel_says_of_every_user_namespace_however_deep(population: Population) -> None:
    pids = [population.process("user", options=(option,)) for option in ("--map-root-user", "--map-current-user")]
    maps = (f"unshare --user --map-user={number} --map-group={number}" for number in (7, 9, 11))
    deep = [*" ".join(maps).split(), *SLEEP]
    pids.append(population.process("user", "pid", options=("--map-root-user",), command=deep))
    shown = processes()
    for pid in pids:
        assert shown[pid]["uid_inside"] == as_it_sees_itself(pid), pid
        assert shown[pid]["uid"] == os.geteuid()
    assert shown[pids[0]]["user_inside"] == "root"  # by the host's passwd, for its root is the host's
    own = shown[os.getpid()]
    assert (own["uid_inside"], own["user_inside"]) == (os.geteuid(), None)


def test_no_id_inside_until_the_map_is_written() -> None:
    code = "assert libc.unshare(0x10000000) == 0\nsay(0)\nwait()"
    host = LocalHost()
    try:
        with running(code) as (pid, _):

            def seen() -> Process:
                host.rescan()
                return host.holders().processes[pid]

            assert host.first().processes[pid].uid_inside is None
            Path(f"/proc/{pid}/uid_map").write_text(f"21 {os.geteuid()} 1\n")
            wait_until(lambda: seen().uid_inside == 21, 60, "a look")
            assert seen().users.endswith("→21")
    finally:
        host.stop()


@pytest.mark.parametrize(
    ("passwd", "name"),
    [
        ("#!/bin/sh\nx:x:10:\nroot:x:1:\n\x1b[31mevil:x:0:0\n", "\x1b[31mevil"),
        ("a" * 300 + ":x:0:0\n", None),
        ("x" * (300 << 10) + "\nroot:x:0:0\n", None),
        (b"\xff:x:0:0\n", "\\xff"),
        (":x:0:0\nroot:0:0\n", None),
        ("", None),
    ],
    ids=["evil", "long", "large", "bytes", "broken", "empty"],
)
def test_a_hostile_passwd(
    population: Population, tmp_path: Path, rootfs: Path, passwd: str | bytes, name: str | None
) -> None:
    root = _root(tmp_path, rootfs)
    (root / "etc/passwd").write_bytes(passwd if isinstance(passwd, bytes) else passwd.encode())
    pid = _within(population, root)
    process = processes()[pid]
    assert (process["uid_inside"], process["user_inside"]) == (0, name)
    if name and name.startswith("\x1b"):
        assert "\x1b" not in nsview("list", "processes", "--filter", f"pid={pid}").stdout


@pytest.mark.parametrize("kind", ["fifo", "link", "none", "directory"])
def test_a_passwd_that_is_none_neither_hangs_nor_leads_out(
    population: Population, tmp_path: Path, rootfs: Path, kind: str
) -> None:
    root = _root(tmp_path, rootfs)
    passwd = root / "etc/passwd"
    (tmp_path / "outside").write_text("outside:x:0:0\n")
    match kind:
        case "fifo":
            os.mkfifo(passwd)
        case "link":
            passwd.symlink_to("/../../../.." + str(tmp_path / "outside"))
        case "directory":
            passwd.mkdir()
    pid = _within(population, root)
    assert processes()[pid]["user_inside"] is None


def _root(tmp_path: Path, rootfs: Path) -> Path:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "bin").mkdir()
    shutil.copy(rootfs / "bin/busybox", root / "bin/sleep")
    tmp_path.chmod(0o755)
    return root


def _within(population: Population, root: Path) -> int:
    options = ("--map-root-user", f"--root={root}")
    return population.process("user", "mnt", options=options, command=("/bin/sleep", "999"))


def test_the_table_says_both() -> None:
    from tests.unit.make import host, process

    shown = host(process(5), process(6, uid=300033, user="300033", uid_inside=33), process(7, uid_inside=0))
    lines = report.listing(listing.PROCESSES, listing.processes(shown)).splitlines()
    assert [line.split()[3] for line in lines[1:]] == ["root", "300033→33", "root"]
