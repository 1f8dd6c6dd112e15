"""util-linux's test cases of nsenter and lsns (tests/ts in its repository), in nsview's words.

Of its others lsns/ioctl_ns is in test_hierarchy, lsns/filter in test_finding, and what lsns/netnsid and
netnsid-for-persistent-namespaces ask, which namespace the other end of a pair is in, in test_net.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .command import nsview, printed
from .workspace import Workspace

# lsns/netns-from-sock and nsenter/enter-via-socket: a pair of sockets alone keeps the namespace.
_FOREIGN_SOCKETS = """
import ctypes, os, signal, socket
libc = ctypes.CDLL(None)
own = os.open("/proc/self/ns/net", os.O_RDONLY)
assert libc.unshare(0x40000000) == 0
inode = os.stat("/proc/self/ns/net").st_ino
pair = socket.socketpair(socket.AF_UNIX)
assert libc.setns(own, 0) == 0
os.close(own)
print(inode, *(end.fileno() for end in pair), flush=True)
signal.pause()
"""
# lsns/filedesc: argv[1] is the file of a namespace, which its owner takes away afterwards.
_FILE = """
import os, signal, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
print(os.fstat(fd).st_ino, fd, flush=True)
signal.pause()
"""


@pytest.fixture
def netns(workspace: Workspace) -> Iterator[Path]:
    name = f"{workspace.root.name}-u"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield Path("/run/netns", name)
    subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _entered(inode: int) -> bool:
    done = nsview("enter", f"net:{inode}", "--net", "--host-privileges", "--", "readlink", "/proc/self/ns/net")
    return (done.returncode, done.stdout, done.stderr) == (0, f"net:[{inode}]\n", "")


def _shown(inode: int) -> dict[str, Any]:
    """The record of one that no process is in, as lsns shows "net 0 root"."""
    shown: dict[str, Any] = printed("inspect", f"net:{inode}")
    assert (shown["type"], shown["nprocs"], shown["owner"]) == ("net", 0, os.stat("/proc/self/ns/user").st_ino)
    return shown


def test_enter_via_socket() -> None:
    holder = subprocess.Popen([sys.executable, "-c", _FOREIGN_SOCKETS], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout
        inode, *fds = map(int, holder.stdout.readline().split())
        held_by = [(one["kind"], one["pid"], one["fd"]) for one in _shown(inode)["held_by"]]
        assert held_by == [("socket", holder.pid, fd) for fd in fds]
        assert _entered(inode)
    finally:
        holder.kill()
        holder.communicate()


def test_filedesc(netns: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", _FILE, netns], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout
        inode, fd = map(int, holder.stdout.readline().split())
        subprocess.run(["ip", "netns", "delete", netns.name], check=True)
        assert {"kind": "fd", "pid": holder.pid, "fd": fd, "path": None} in _shown(inode)["held_by"]
        assert _entered(inode)
    finally:
        holder.kill()
        holder.communicate()


def test_nsfs(netns: Path, workspace: Workspace) -> None:
    again = workspace.root / "XYZ"
    again.touch()
    subprocess.run(["mount", "--bind", netns, again], check=True)
    try:
        inode = os.stat(netns).st_ino
        assert {str(netns), str(again)} <= set(_shown(inode)["names"])
        for path in (netns, again):
            done = nsview("enter", str(path), "--", "readlink", "/proc/self/ns/net")
            assert (done.returncode, done.stdout) == (0, f"net:[{inode}]\n"), done.stderr
    finally:
        subprocess.run(["umount", again], check=True)
