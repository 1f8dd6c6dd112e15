"""Entering as an ordinary user: what is theirs without root, and for all else the command that root would give."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import require
from .daemons import Docker
from .test_unprivileged import AS_NOBODY, NOBODY, User
from .workspace import Workspace, wait_until


@pytest.fixture(scope="module")
def user(workspace: Workspace) -> User:
    require("setpriv", "unshare")
    return User(workspace)


@pytest.fixture
def own(user: User, workspace: Workspace, rootfs: Path) -> Iterator[int]:
    """A container of the user's, made without root: its first process, as the host counts."""
    mounts = "mount --rbind ROOT ROOT && cd ROOT && mount -t proc proc proc && exec chroot . /bin/sleep 2222"
    options = ["--user", "--map-root-user", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
    script = mounts.replace("ROOT", shlex.quote(str(rootfs)))
    started = subprocess.Popen([*AS_NOBODY, "unshare", *options, "sh", "-c", script], env=workspace.environment)
    try:
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
        pid = 0

        def runs() -> bool:
            nonlocal pid
            pid = int(children.read_text() or 0)
            return pid != 0 and b"2222" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")

        wait_until(runs, 20, "the user's container")
        yield pid
    finally:
        started.kill()
        started.wait()


_INSIDE = "id -u; readlink /proc/self/ns/net; cat /root/inside.txt; grep -E '^(CapEff|Uid)' /proc/self/status"


def test_what_is_theirs_needs_no_root(user: User, own: int) -> None:
    done = user.nsview("enter", str(own), "--", "/bin/sh", "-c", _INSIDE)
    assert done.returncode == 0, done.stderr
    uid, net, text, uids, effective = done.stdout.splitlines()
    assert (uid, net, text) == ("0", os.readlink(f"/proc/{own}/ns/net"), "a file of the container")
    assert uids.split()[1:] == ["0"] * 4 and int(effective.split()[1], 16) & 1 << 21
    # What is root inside is the user to the host.
    assert os.stat(f"/proc/{own}").st_uid == NOBODY


def test_the_toolbox_and_the_hosts_tools_need_none_either(user: User, own: int) -> None:
    done = user.nsview("enter", "--toolbox", str(own), "--", "readlink", "/proc/self/exe")
    assert (done.returncode, done.stdout) == (0, "/memfd:busybox (deleted)\n"), done.stderr
    done = user.nsview("enter", "--net", str(own), "--", "readlink", "/proc/self/ns/net")
    assert (done.returncode, done.stdout) == (0, os.readlink(f"/proc/{own}/ns/net") + "\n"), done.stderr


@pytest.mark.parametrize("options", [(), ("--net",), ("--toolbox", "--cwd=/a b"), ("--as", "app", "--all")])
def test_for_what_is_not_theirs_the_command_that_root_would_give_is_named(
    docker: Docker, user: User, options: tuple[str, ...]
) -> None:
    pid = docker.container("r-other")
    try:
        given = ["enter", str(pid), *options, "--", "ip", "addr"]
        done = user.nsview(*given)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
        assert done.stderr.endswith(f" as root: sudo nsview {shlex.join(given)}\n")
    finally:
        docker.remove("r-other")


def test_a_namespace_by_its_path_is_roots_too(user: User, workspace: Workspace) -> None:
    name = f"{workspace.root.name}-r"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        done = user.nsview("enter", f"/run/netns/{name}", "--", "ip", "addr")
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.endswith(f" as root: sudo nsview enter /run/netns/{name} -- ip addr\n")
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)
