"""Who listens and what interfaces there are, by /proc and by the kernel's answers."""

import os
import resource
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsview.agent import main, procnet, sockdiag

MANY = 1 << 30
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the kernel writes words as the machine has them")


@pytest.fixture
def sockets() -> Iterator[dict[int, tuple[str, str, int]]]:
    """Listeners of ours: {inode: (protocol, address, port)}; among them some that wait for nobody."""
    opened = []
    expected = {}
    for family, kind, address in (
        (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"), (socket.AF_INET6, socket.SOCK_STREAM, "::1"),
        (socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"), (socket.AF_INET6, socket.SOCK_DGRAM, "::"),
    ):  # fmt: skip
        one = socket.socket(family, kind)
        one.bind((address, 0))
        if kind == socket.SOCK_STREAM:
            one.listen()
            opened.append(socket.create_connection(one.getsockname()[:2]))
        opened.append(one)
        protocol = "tcp" if kind == socket.SOCK_STREAM else "udp"
        expected[os.fstat(one.fileno()).st_ino] = (protocol, address, one.getsockname()[1])
    bound = socket.socket()  # bound alone does not listen
    bound.bind(("127.0.0.1", 0))
    opened.append(bound)
    yield expected
    for one in opened:
        one.close()


def ours(found: tuple[list[dict[str, Any]], int], inodes: set[int]) -> dict[int, tuple[str, str, int]]:
    listeners, left_out = found
    assert left_out == 0
    own = [x for x in listeners if x["inode"] in inodes]
    assert {x["uid"] for x in own} == {os.geteuid()}
    return {x["inode"]: (x["protocol"], x["address"], x["port"]) for x in own}


@needs_linux
def test_the_kernel_and_proc_tell_the_same_listeners(sockets: dict[int, tuple[str, str, int]]) -> None:
    assert ours(procnet.listeners("/proc/self/net", MANY), set(sockets)) == sockets
    assert ours(sockdiag.listeners(MANY), set(sockets)) == sockets
    inodes = {os.fstat(fd).st_ino for fd in map(int, os.listdir("/proc/self/fd")) if _is_socket(fd)}
    mine = {x["inode"] for x in sockdiag.listeners(MANY)[0]} & inodes
    assert mine == set(sockets), "connections and what is but bound are not told"


def _is_socket(fd: int) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
    except OSError:
        return False


@needs_linux
def test_what_is_beyond_the_limit_is_counted(sockets: dict[int, tuple[str, str, int]]) -> None:
    for listeners, left_out in (sockdiag.listeners(1), procnet.listeners("/proc/self/net", 1)):
        assert len(listeners) == 1
        assert left_out >= len(sockets) - 1


def directory(tmp_path: Path, **files: bytes) -> str:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return str(tmp_path)


_HEAD = b"Inter-|   Receive\n face |bytes\n"


@little_endian
def test_interfaces_and_routes_of_proc(tmp_path: Path) -> None:
    at = directory(
        tmp_path,
        dev=_HEAD + b"    lo:  1 2 3\n  eth0: 1 2 3\n\xff\xfe[m: 1 2 3\n",
        route=b"Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
        b"eth0\t00000000\t010011AC\t0003\t0\t0\t5\t00000000\n"
        b"eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\n",
        fib_trie=b"Main:\n        |-- 172.17.0.2\n           /32 host LOCAL\n        |-- 172.17.255.255\n"
        b"           /32 link BROADCAST\n        |-- 127.0.0.1\n           /32 host LOCAL\nLocal:\n"
        b"        |-- 172.17.0.2\n           /32 host LOCAL\n",
        if_inet6=b"fd000000000000000000000000000002 0c 40 00 80 eth0\n",
        dev_mcast=b"12   eth0            1     0     33330000\n",
        ipv6_route=b"0" * 32 + b" 00 " + b"0" * 32 + b" 00 fd000000000000000000000000000001 00000400 1 0 3 eth0\n"
        + b"0" * 32 + b" 00 " + b"0" * 32 + b" 00 " + b"0" * 32 + b" ffffffff 1 0 00200200 lo\n",
    )  # fmt: skip
    assert procnet.interfaces(at) == [
        {"index": 0, "name": "lo", "addresses": ["127.0.0.1/8"]},
        {"index": 12, "name": "eth0", "addresses": ["172.17.0.2/16", "fd00::2/64"]},
        {"index": 0, "name": "\\xff\\xfe[m", "addresses": []},
    ]
    assert procnet.default_routes(at) == [
        {"family": 4, "via": "172.17.0.1", "interface": "eth0", "metric": 5},
        {"family": 6, "via": "fd00::1", "interface": "eth0", "metric": 1024},
    ]


def test_a_kernel_without_ipv6_or_without_anything(tmp_path: Path) -> None:
    at = directory(tmp_path, dev=_HEAD + b"    lo: 1\n")
    assert procnet.interfaces(at) == [{"index": 0, "name": "lo", "addresses": []}]
    assert procnet.default_routes(at) == []
    assert procnet.listeners(at, MANY) == ([], 0)


@needs_linux
def test_file_descriptors_of_any_number_are_waited_for() -> None:
    """select(2) ends at 1023; an agent has one a process open before a reader's pipe is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3000:
        pytest.skip("no so many file descriptors are permitted")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3000), hard))
    read, write = os.pipe()
    high = 2500
    os.dup2(read, high)
    try:
        assert main._wait([high], [], 0) == ([], [])
        os.write(write, b"x")
        assert main._wait([high], [], 5) == ([high], [])
    finally:
        for fd in (read, write, high):
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
