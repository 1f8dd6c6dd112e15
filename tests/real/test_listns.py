"""The kernel's own list of namespaces: what it alone knows is found by the first look where there is one (Linux 6.19),
and nothing is missed where there is none. tests/kernels/run runs these on a kernel that has it."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from nsview import linux
from nsview.agent import listns, nsfs, scan

from .population import Population
from .test_hierarchy import Key
from .workspace import wait_until

HAS_LIST = scan.kernel_version(os.uname().release) >= listns.SINCE

# A net namespace whose only reference is an fd that is on its way: in the queue of a socket, which is nobody's to see.
_IN_FLIGHT = """
import array, ctypes, os, signal, socket, threading
libc = ctypes.CDLL(None)
ours, theirs = socket.socketpair()
def leave():
    assert libc.unshare(0x40000000) == 0
    fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    print(os.fstat(fd).st_ino, flush=True)
    ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    os.close(fd)
thread = threading.Thread(target=leave)
thread.start()
thread.join()
signal.pause()
"""


@pytest.fixture
def in_flight() -> Iterator[tuple[subprocess.Popen[str], Key]]:
    process = subprocess.Popen([sys.executable, "-c", _IN_FLIGHT], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process, ("net", int(process.stdout.readline()))
    process.kill()
    process.communicate()


def test_a_kernel_without_the_list_says_so_and_is_asked_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    if HAS_LIST:
        assert listns.ids()
        return
    with pytest.raises(OSError) as refused:
        linux.listns(0)
    assert refused.value.errno in (errno.ENOSYS, errno.EPERM)
    assert listns.ids() is None
    scanner = scan.Scanner()
    monkeypatch.setattr(linux, "listns", lambda after: pytest.fail("asked again"))
    scanner.look()


def test_a_filter_that_forbids_the_call_leaves_the_walk(
    population: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kernel of 6.19 answers below a seccomp filter that does not know the call."""
    pid = population.process("net")

    def forbidden(after: int) -> list[int]:
        raise OSError(errno.EPERM, "")

    monkeypatch.setattr(scan, "kernel_version", lambda release: listns.SINCE)
    monkeypatch.setattr(linux, "listns", forbidden)
    look = scan.Scanner().look()
    assert ("net", os.stat(f"/proc/{pid}/ns/net").st_ino) in look["namespaces"]


def test_what_no_process_leads_to_is_found_where_there_is_a_list(
    in_flight: tuple[subprocess.Popen[str], Key],
) -> None:
    process, key = in_flight
    scanner = scan.Scanner()
    found = scanner.look()["namespaces"]
    if not HAS_LIST:
        assert key not in found
        return
    record = found[key]
    assert record["held_by"] == [] and record["owner"] == nsfs.FIXED_INITIAL["user"] and record["id"] in listns.ids()
    scanner.update([process.pid])
    assert scanner.now["namespaces"][key] == record
    process.kill()
    process.wait()
    wait_until(lambda: key not in scanner.look()["namespaces"], 10, "its end")  # the kernel ends it when it has time


def test_every_namespace_of_the_list_is_found_and_no_other(population: Population) -> None:
    for kind in ("net", "uts", "mnt"):
        population.process(kind)
    look = scan.Scanner().look()["namespaces"].values()
    listed = listns.ids()
    if listed is not None:
        assert {record["id"] for record in look} == listed
    assert (listed is not None) is HAS_LIST


def test_a_namespace_is_opened_by_its_id_alone(population: Population) -> None:
    pid = population.process("uts")
    with open(f"/proc/{pid}/ns/uts", "rb") as file:
        inode, id = os.fstat(file.fileno()).st_ino, nsfs.id_of(file.fileno())
    if not HAS_LIST:
        assert listns.describe(id or 1, 0, {}) is None
        return
    found = listns.describe(id, 0, {})
    assert found is not None
    assert found[0] == ("uts", inode)
    assert found[1]["id"] == id
    assert listns.describe(1 << 60, 0, {}) is None
