"""Namespaces that no process is in, each held in one way, and members held in further ways: who holds what is found."""

import ctypes
import fcntl
import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nsview.agent import holders, listns, nsfs, scan
from nsview.hosts import frames
from nsview.hosts.local import LocalHost
from nsview.model.snapshot import Snapshot

from .population import Population
from .test_hierarchy import Key, inode, key
from .test_host import namespace
from .user import AS_NOBODY, User
from .workspace import PATIENCE, Workspace, wait_until

Holder = dict[str, Any]
Start = Callable[..., tuple[int, int]]

# Each makes a namespace that it is not in itself, says the inode, and holds it until it is killed.
_COMMON = """
import ctypes, os, signal, socket, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
NET, PID, TIME, UTS, MNT = 0x40000000, 0x20000000, 0x80, 0x4000000, 0x20000
def call(result):
    if result != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
def inode(path):
    return os.stat(path).st_ino
def say(inode):
    print(inode, flush=True)
    signal.pause()
def away(flags, do):
    "Do something in new namespaces, in a thread that ends after it."
    done = []
    def run():
        call(libc.unshare(flags))
        done.append(do("/proc/thread-self/ns/"))
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return done[0]
"""
_FD = "fd = away(NET, lambda ns: os.open(ns + 'net', os.O_RDONLY)); say(os.fstat(fd).st_ino)"
_SOCKET = "s, i = away(NET, lambda ns: (socket.socket(), inode(ns + 'net'))); say(i)"
_THREAD = """
def run():
    call(libc.unshare(UTS))
    print(inode('/proc/thread-self/ns/uts'), flush=True)
    threading.Event().wait()
threading.Thread(target=run).start()
"""
_DEAD_PID_FOR_CHILDREN = """
call(libc.unshare(PID))
child = os.fork()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
say(inode('/proc/self/ns/pid_for_children'))
"""
_TIME_FOR_CHILDREN = "call(libc.unshare(TIME)); say(inode('/proc/self/ns/time_for_children'))"
_MOUNTED_FD = "fd = os.open(sys.argv[1], os.O_RDONLY); say(os.fstat(fd).st_ino)"
_MESSAGE = """
a, b = socket.socketpair()
fd = away(MNT | 0x200, lambda ns: os.open(ns + 'mnt', os.O_RDONLY))
number = os.fstat(fd).st_ino
socket.send_fds(a, [b'.'], [fd])
os.close(fd)
say(number)
"""


@pytest.fixture
def start(workspace: Workspace) -> Iterator[Start]:
    """Runs one of the programs: its pid, and the inode it says."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str, *args: str) -> tuple[int, int]:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _COMMON + code, *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env=workspace.environment,
        )
        started.append(process)
        assert process.stdout
        return process.pid, int(process.stdout.readline())

    yield run
    for process in started:
        process.kill()
        process.communicate()


def searched(scanner: scan.Scanner) -> dict[Key, dict[str, Any]]:
    look = scanner.look()
    search = scanner.search(look)
    while not search.step(0.001):
        pass
    found: dict[Key, dict[str, Any]] = scanner.searched(look, search)["namespaces"]
    return found


def end(pid: int) -> None:
    os.kill(pid, 9)
    wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z", 10, "its end")


@pytest.mark.parametrize(
    ("code", "kind", "expected"),
    [
        (_FD, "net", {"kind": "fd"}),
        (_SOCKET, "net", {"kind": "socket"}),
        (_THREAD, "uts", {"kind": "thread"}),
        (_DEAD_PID_FOR_CHILDREN, "pid", {"kind": "for_children"}),
        (_TIME_FOR_CHILDREN, "time", {"kind": "for_children"}),
    ],
    ids=["fd", "socket", "thread", "dead pid for children", "time for children"],
)
def test_a_namespace_without_processes_and_its_one_holder(start: Start, code: str, kind: str, expected: Holder) -> None:
    pid, number = start(code)
    scanner = scan.Scanner()
    before = scanner.look()["namespaces"].get((kind, number))
    # The kernel's list, where there is one, has it but where a socket alone holds it. Not who holds it.
    assert (before is not None) == (listns.ids() is not None and expected["kind"] != "socket")
    assert before is None or before["held_by"] == []
    record = searched(scanner)[kind, number]
    assert [{name: holder[name] for name in expected} for holder in record["held_by"]] == [expected]
    (holder,) = record["held_by"]
    assert holder["pid"] == pid
    assert os.stat(holder.get("path", f"/proc/{pid}/fd/{holder.get('fd')}")).st_ino == number or "fd" in holder
    assert record["id"] is not None
    assert record["owner"] == inode(namespace(os.getpid(), "user"))
    # It stays with every look ..
    assert scanner.look()["namespaces"][kind, number] == record
    end(pid)  # .. and goes with its holder, without another search.
    assert (kind, number) not in scanner.look()["namespaces"]


def test_an_fd_that_is_closed_holds_no_more(start: Start) -> None:
    pid, number = start(_FD.replace("say(", "signal.signal(10, lambda *_: os.close(fd)); say("))
    scanner = scan.Scanner()
    assert ("net", number) in searched(scanner)
    os.kill(pid, 10)
    wait_until(lambda: f"net:[{number}]" not in map(_link, Path(f"/proc/{pid}/fd").iterdir()), 10, "close")
    assert ("net", number) not in scanner.look()["namespaces"]


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


@pytest.mark.parametrize("unmounted", [False, True])
def test_an_fd_opened_through_a_bind_mount_is_one_of_a_namespace(
    start: Start, workspace: Workspace, unmounted: bool
) -> None:
    mounted = workspace.root / "held"
    mounted.touch()
    subprocess.run(["unshare", f"--net={mounted}", "true"], check=True)
    try:
        pid, number = start(_MOUNTED_FD, str(mounted))
    finally:
        if unmounted:
            subprocess.run(["umount", "--lazy", mounted], check=True)
    try:
        held_by = searched(scan.Scanner())["net", number]["held_by"]
        # Where mounts are shared it is in others' mount namespaces too.
        held_by = [h for h in held_by if h["kind"] == "fd" or h.get("pid") is h.get("mnt") is None]
        mount = [] if unmounted else [{"kind": "mount", "path": str(mounted)}]
        assert held_by == [*mount, {"kind": "fd", "pid": pid, "fd": 3}]
    finally:
        subprocess.run(["umount", "--lazy", mounted], check=False, capture_output=True)


def test_a_bind_mount_in_another_mount_namespace_alone(population: Population, workspace: Workspace) -> None:
    mounted = workspace.root / "there only"
    mounted.touch()
    # unshare --mount makes mounts private, so it is seen in there alone.
    words = 'unshare --uts mount --bind /proc/self/ns/uts "$0"; exec /bin/sleep 9999'
    pid = population.process("mnt", command=["/bin/sh", "-c", words, str(mounted)])
    wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", 10, "the mount")
    number = os.stat(f"/proc/{pid}/root{mounted}").st_ino
    assert f"uts:[{number}]" != namespace(os.getpid(), "uts")
    scanner = scan.Scanner()
    before = scanner.look()["namespaces"].get(("uts", number))
    assert before["held_by"] == [] if listns.ids() else before is None
    record = searched(scanner)["uts", number]
    assert record["held_by"] == [{"kind": "mount", "pid": pid, "path": str(mounted)}]
    assert record["names"] == []  # that is what it is called here
    assert record["id"] is not None
    assert scanner.look()["namespaces"]["uts", number] == record
    population.kill(pid)
    assert ("uts", number) not in scanner.look()["namespaces"]


def test_members_and_other_holders_of_one_namespace(population: Population, start: Start) -> None:
    member = population.process("uts")
    thread = population.thread("net")
    start_of = scan.Scanner()
    code = "fd = os.open(f'/proc/{sys.argv[1]}/ns/uts', os.O_RDONLY); say(os.fstat(fd).st_ino)"
    pid, number = start(code, str(member))
    found = searched(start_of)
    assert key(member, "uts") == ("uts", number)
    assert found["uts", number]["held_by"] == [{"kind": "fd", "pid": pid, "fd": 3}]
    link = f"/proc/{thread.pid}/task/{thread.tid}/ns/net"
    assert found["net", os.stat(link).st_ino]["held_by"] == [{"kind": "thread", "pid": thread.pid, "path": link}]
    population.kill(member)
    assert ("uts", number) in start_of.look()["namespaces"]


def test_a_socket_of_its_processes_own_namespace_is_no_news(population: Population, start: Start) -> None:
    pid, _ = start("s = socket.socket(); say(inode('/proc/self/ns/net'))")
    held_by = searched(scan.Scanner())[key(pid, "net")]["held_by"]
    assert not [holder for holder in held_by if holder.get("pid") == pid]


def test_a_mount_namespace_in_a_message_is_known_by_the_kernels_list(start: Start) -> None:
    """Its only reference is an fd in a unix socket's queue, which nobody can see."""
    pid, number = start(_MESSAGE)
    scanner = scan.Scanner()
    record = searched(scanner)["mnt", number]
    assert record["held_by"] == [] and record["id"] is not None
    assert ("mnt", number) in scanner.look()["namespaces"]
    end(pid)
    wait_until(lambda: ("mnt", number) not in scanner.look()["namespaces"], 10, "its end")


def test_every_mount_namespace_that_the_kernel_lists_is_found(population: Population, start: Start) -> None:
    start(_FD.replace("NET", "MNT | 0x200").replace("'net'", "'mnt'"))
    population.thread("mnt")
    population.process("mnt")
    before = _mount_namespaces()
    found = {number for kind, number in searched(scan.Scanner()) if kind == "mnt"}
    assert len(before) > 3 and before & _mount_namespaces() <= found, "others' come and go"


def _mount_namespaces() -> set[int]:
    """The kernel's list, walked here on its own: NS_MNT_GET_NEXT and .._PREV, struct mnt_ns_info."""
    libc = ctypes.CDLL(None)
    found = {os.stat("/proc/self/ns/mnt").st_ino}
    for request in (0x8010B70B, 0x8010B70C):
        fd = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        info = (ctypes.c_char * 16).from_buffer_copy(struct.pack("=IIQ", 16, 0, 0))
        while (following := libc.ioctl(fd, ctypes.c_ulong(request), ctypes.byref(info))) >= 0:
            os.close(fd)
            fd = following
            found.add(os.fstat(fd).st_ino)
        os.close(fd)
    return found


def test_hostile_names_are_no_namespaces(start: Start, workspace: Workspace) -> None:
    """Files that are called like the links of namespaces and sockets."""
    directory = workspace.root / "hostile"
    directory.mkdir()
    code = """
os.chdir(sys.argv[1])
fds = [os.open(name, os.O_CREAT | os.O_RDWR) for name in ("net:[1]", "socket:[1]", "mnt:[4026531832]")]
os.mkfifo("uts:[2]")
fds.append(os.open("uts:[2]", os.O_RDWR))
say(0)
"""
    pid, _ = start(code, str(directory))
    found = searched(scan.Scanner())
    assert not {("net", 1), ("uts", 2)} & set(found)
    assert not [h for record in found.values() for h in record["held_by"] if h.get("pid") == pid]


def test_a_million_fds_of_one_namespace_are_cut_and_counted(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "HOLDERS_LIMIT", 10)
    _, number = start("fds = [os.open('/proc/self/ns/ipc', 0) for _ in range(25)]; say(os.fstat(fds[0]).st_ino)")
    scanner = scan.Scanner()
    look = scanner.look()
    search = scanner.search(look)
    while not search.step(1):
        pass
    assert len(search.found["ipc", number]) == 10
    assert search.left_out >= 15


# through the agent, as the screen and the command line ask


@pytest.fixture
def host() -> Iterator[LocalHost]:
    running = LocalHost()
    yield running
    running.stop()


def test_the_snapshot_says_what_has_not_been_looked_at(start: Start, host: LocalHost) -> None:
    pid, number = start(_FD)
    first = host.first()
    assert first.search is None
    assert (("net", number) in first.namespaces) == (listns.ids() is not None)
    before = time.time()
    after = host.holders()
    assert after.search and after.search.kinds == holders.KINDS
    assert before <= after.search.taken_at <= time.time()
    assert after.search.processes > 3
    assert [(h.kind, h.pid) for h in after.namespaces["net", number].held_by] == [("fd", pid)]


def test_a_slow_search_ends_and_others_are_answered_meanwhile(start: Start, host: LocalHost) -> None:
    _, number = start(_FD)
    first = host.first()
    one, two = host.request_holders(), host.request_holders(slowly=False)
    asked, details = host.request_details(first.processes[os.getpid()]), None
    answered = []
    for said in host.read():
        if isinstance(said, frames.DetailsFrame) and said.id == asked:
            details = said.details
        if isinstance(said, Snapshot) and said.search and said.search.id not in answered:
            answered.append(said.search.id)
            assert ("net", number) in said.namespaces
            if said.search.id == two:
                break
    assert details is not None
    assert answered == [one, two]


def until(host: LocalHost, ready: Callable[[Snapshot], bool]) -> Snapshot:
    """The first snapshot that is so, waited for."""
    deadline = time.monotonic() + 10 * PATIENCE
    for said in host.read():
        if isinstance(said, Snapshot) and ready(said):
            return said
        assert time.monotonic() < deadline
    raise AssertionError("the agent ended")


def test_what_was_found_stays_while_others_come_and_goes_when_it_is_let_go(
    start: Start, host: LocalHost, population: Population
) -> None:
    pid, number = start(_FD.replace("say(", "signal.signal(10, lambda *_: os.close(fd)); say("))
    other, second = start(_SOCKET)
    member = population.process("uts")
    third, _ = start("fd = os.open(f'/proc/{sys.argv[1]}/ns/uts', os.O_RDONLY); say(0)", str(member))
    host.first()
    found = host.holders()
    assert {("net", number), ("net", second)} <= set(found.namespaces)
    assert [h.pid for h in found.namespaces[key(member, "uts")].held_by] == [third]
    new = population.process("ipc")
    after = until(host, lambda s: new in s.processes)
    assert {("net", number), ("net", second)} <= set(after.namespaces)
    assert after.search == found.search
    os.kill(pid, 10)
    after = until(host, lambda s: ("net", number) not in s.namespaces)
    assert ("net", second) in after.namespaces
    end(third)
    until(host, lambda s: s.namespaces[key(member, "uts")].held_by == ())
    end(other)
    until(host, lambda s: ("net", second) not in s.namespaces)


def _nsview(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nsview", *args], capture_output=True, text=True, timeout=60, check=False
    )


def test_list_finds_them_when_asked_to_and_inspect_always(start: Start) -> None:
    pid, number = start(_SOCKET)
    quick = json.loads(_nsview("list", "--type", "net", "--json").stdout)
    assert quick["search"] is None
    assert number not in [n["inode"] for n in quick["namespaces"]]
    whole = json.loads(_nsview("list", "--type", "net", "--json", "--holders").stdout)
    assert set(whole["search"]["kinds"]) == set(holders.KINDS)
    (found,) = [n for n in whole["namespaces"] if n["inode"] == number]
    assert found["held_by"] == [{"kind": "socket", "pid": pid, "fd": 3, "path": None}]
    assert found["nprocs"] == 0
    inspected = _nsview("inspect", f"net:{number}", "--json")
    assert json.loads(inspected.stdout)["held_by"] == found["held_by"]
    assert f"socket 3 of {pid} python" in _nsview("inspect", f"net:[{number}]").stdout
    assert f"held by socket 3 of {pid} python" in _nsview("list", "--holders").stdout


def test_a_recording_holds_them(start: Start, tmp_path: Path) -> None:
    pid, number = start(_FD)
    file = tmp_path / "recording"
    assert _nsview("record", str(file), "--seconds", "3").returncode == 0
    listed = json.loads(_nsview("list", "--from", str(file), "--json").stdout)
    (found,) = [n for n in listed["namespaces"] if n["inode"] == number]
    assert [(holder["kind"], holder["pid"]) for holder in found["held_by"]] == [("fd", pid)]


def test_an_ordinary_user_is_told_what_could_not_be_searched(user: User) -> None:
    code = (
        "import json\nfrom nsview.agent import scan\n"
        "scanner = scan.Scanner(); look = scanner.look(); search = scanner.search(look)\n"
        "while not search.step(1): pass\n"
        "print(json.dumps([search.processes, search.unreadable]))"
    )
    processes, unreadable = json.loads(user.run(*AS_NOBODY, *user.python, "-c", code).stdout)
    assert 0 < unreadable["EACCES"] <= processes


def test_ioctls_are_the_kernels() -> None:
    """SIOCGSKNS of a socket of ours leads to our net namespace: the number is right on this machine."""
    import socket

    with socket.socket() as made:
        fd = fcntl.ioctl(made.fileno(), nsfs.SIOCGSKNS)
        try:
            assert os.fstat(fd).st_ino == os.stat("/proc/self/ns/net").st_ino
        finally:
            os.close(fd)
