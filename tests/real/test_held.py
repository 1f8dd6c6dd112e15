"""Holders that no path leads to, or only one that others see: each is found, and none is dropped for that."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsview.agent import holders, scan

from . import test_holders
from .population import Population
from .test_holders import Start, end, searched
from .workspace import Workspace, wait_until

start = test_holders.start  # the fixture

_THREAD_FOR_CHILDREN = """
def run():
    call(libc.unshare({flag}))
    if {flag} == PID:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    print(inode('/proc/thread-self/ns/{kind}_for_children'), flush=True)
    threading.Event().wait()
threading.Thread(target=run).start()
"""
_TUN = """
import fcntl, struct
def tun(ns):
    fd = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH22x', sys.argv[1].encode(), 0x1002 if sys.argv[1] else 0x1001))
    return fd, inode(ns + 'net')
fd, i = away(NET, tun)
say(i)
"""
_OPENED_ELSEWHERE = """
mnt = os.open(f'/proc/{sys.argv[1]}/ns/mnt', os.O_RDONLY)
def there(ns):
    call(libc.setns(mnt, MNT))
    return os.open(sys.argv[2], os.O_RDONLY)
fd = away(0x200, there)
os.close(mnt)
say(os.fstat(fd).st_ino)
"""
_MOUNT_NAMESPACE = """
mnt = os.open(f'/proc/{sys.argv[1]}/ns/mnt', os.O_RDONLY)
say(os.fstat(mnt).st_ino)
"""
_OPEN_IN_A_THREAD_ALONE = """
own = os.open('/proc/self/ns/net', os.O_RDONLY)
def run():
    call(libc.unshare(NET | 0x400))
    kept = ({open}, inode('/proc/thread-self/ns/net'))
    call(libc.setns(own, NET))
    print(kept[1], flush=True)
    threading.Event().wait()
ns = '/proc/thread-self/ns/'
threading.Thread(target=run).start()
"""
_OPEN_IN_DEAD_LEADER = """
kept, i = away(NET, lambda ns: ({open}, inode(ns + 'net')))
threading.Thread(target=threading.Event().wait).start()
print(i, flush=True)
libc.pthread_exit(None)
"""
_OPEN = {"fd": "os.open(ns + 'net', os.O_RDONLY)", "socket": "socket.socket()"}
_DEAD_LEADER = """
def run():
    print(inode('/proc/thread-self/ns/net'), flush=True)
    threading.Event().wait()
call(libc.unshare(NET))
threading.Thread(target=run).start()
libc.pthread_exit(None)
"""


def held_by(kind: str, number: int, *, without: str = "child") -> list[dict[str, Any]]:
    return [h for h in searched(scan.Scanner())[kind, number]["held_by"] if h["kind"] != without]


@pytest.mark.parametrize(("kind", "flag"), [("pid", "PID"), ("time", "TIME")])
def test_what_one_thread_has_in_store_for_its_children(start: Start, kind: str, flag: str) -> None:
    pid, number = start(_THREAD_FOR_CHILDREN.format(flag=flag, kind=kind))
    (holder,) = held_by(kind, number)
    assert (holder["kind"], holder["pid"]) == ("for_children", pid)
    assert os.readlink(holder["path"]) == f"{kind}:[{number}]" and "/task/" in holder["path"]


def test_what_all_threads_have_in_store_is_said_once(start: Start) -> None:
    code = "call(libc.unshare(TIME))\nfor _ in range(9): threading.Thread(target=threading.Event().wait).start()\n"
    pid, number = start(code + "say(inode('/proc/self/ns/time_for_children'))")
    assert held_by("time", number) == [
        {"kind": "for_children", "pid": pid, "path": f"/proc/{pid}/ns/time_for_children"}
    ]


@pytest.mark.parametrize("name", ["tun%d", ""], ids=["tap", "tun"])
def test_a_tun_device_holds_the_net_namespace_that_it_was_opened_in(start: Start, name: str) -> None:
    """As slirp4netns and pasta hold that of a container."""
    pid, number = start(_TUN, name)
    scanner = scan.Scanner()
    record = searched(scanner)["net", number]
    assert record["held_by"] == [{"kind": "socket", "pid": pid, "fd": 3, "path": "/dev/net/tun"}]
    assert record["id"] is not None, "it can be opened through it"
    assert scanner.look()["namespaces"]["net", number] == record
    inspected = nsview("inspect", f"net:{number}")
    assert f"fd 3 (/dev/net/tun) of {pid} python" in inspected
    end(pid)
    assert ("net", number) not in scanner.look()["namespaces"]


def nsview(*arguments: str) -> str:
    words = [sys.executable, "-m", "nsview", *arguments]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("kind", ["fd", "socket"])
def test_what_is_open_is_still_so_when_the_first_thread_has_ended(start: Start, kind: str) -> None:
    pid, number = start(_OPEN_IN_DEAD_LEADER.format(open=_OPEN[kind]))
    wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z", 10, "pthread_exit")
    scanner = scan.Scanner()
    record = searched(scanner)["net", number]
    assert [(holder["kind"], holder["pid"], holder["fd"]) for holder in record["held_by"]] == [(kind, pid, 3)]
    assert record["id"] is not None
    assert scanner.look()["namespaces"]["net", number] == record


@pytest.mark.parametrize("kind", ["fd", "socket"])
def test_what_one_thread_alone_has_open(start: Start, kind: str) -> None:
    """As after unshare(CLONE_FILES): the first thread has a table of its own, in which that is not."""
    pid, number = start(_OPEN_IN_A_THREAD_ALONE.format(open=_OPEN[kind]))
    scanner = scan.Scanner()
    record = searched(scanner)["net", number]
    (holder,) = record["held_by"]
    assert (holder["kind"], holder["pid"]) == (kind, pid)
    assert holder["path"].startswith(f"/proc/{pid}/task/")
    assert record["id"] is not None
    assert scanner.look()["namespaces"]["net", number] == record
    assert nsview("enter", f"net:{number}", "--", "readlink", "/proc/self/ns/net") == f"net:[{number}]\n"


def test_who_holds_by_a_socket_may_have_lost_its_first_thread(start: Start) -> None:
    pid, number = start(_OPEN_IN_DEAD_LEADER.format(open=_OPEN["socket"]))
    wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z", 10, "pthread_exit")
    assert nsview("enter", f"net:{number}", "--", "readlink", "/proc/self/ns/net") == f"net:[{number}]\n"


@pytest.fixture
def elsewhere(population: Population, workspace: Workspace) -> Iterator[tuple[int, Path, int]]:
    """(a process of a mount namespace of its own, where a uts namespace is mounted in there, that one's inode)."""
    path = workspace.root / "held-elsewhere"
    path.touch()
    words = 'unshare --uts mount --bind /proc/self/ns/uts "$0"; exec /bin/sleep 9999'
    pid = population.process("mnt", command=["/bin/sh", "-c", words, str(path)])
    wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", 10, "the mount")
    yield pid, path, os.stat(f"/proc/{pid}/root{path}").st_ino


def in_there(pid: int, *command: str) -> None:
    subprocess.run(["nsenter", f"--mount=/proc/{pid}/ns/mnt", *command], check=True)


def mounted_in_there(outer: int, place: Path) -> int:
    """The inode of a new mount namespace that is mounted at a place in that of a process, and has no process.

    A mount namespace can be mounted in one with a lower id alone, and since Linux 6.18 each processor gives ids from a
    stock of its own: it is made on one processor after another, among them that of the outer one.
    """
    words = ["nsenter", f"--mount=/proc/{outer}/ns/mnt", "unshare", "--mount", "/bin/cat"]
    for processor in sorted(os.sched_getaffinity(0)):
        with subprocess.Popen(["taskset", "--cpu-list", str(processor), *words], stdin=subprocess.PIPE) as inner:
            wait_until(lambda pid=inner.pid: Path(f"/proc/{pid}/comm").read_text() == "cat\n", 10, "unshare")
            mount = ["mount", "--bind", f"/proc/{inner.pid}/ns/mnt", str(place)]
            if not subprocess.run(["nsenter", f"--mount=/proc/{outer}/ns/mnt", *mount], check=False).returncode:
                return os.stat(f"/proc/{inner.pid}/ns/mnt").st_ino
    raise AssertionError("it can be mounted from no processor")


@pytest.mark.parametrize("then", ["", "cover", "unmount"])
def test_an_fd_that_was_opened_through_a_mount_that_we_do_not_see(
    start: Start, population: Population, elsewhere: tuple[int, Path, int], then: str
) -> None:
    pid, path, number = elsewhere
    holding, opened = start(_OPENED_ELSEWHERE, str(pid), str(path))
    assert opened == number
    if then == "cover":
        in_there(pid, "mount", "--bind", "/proc/self/ns/ipc", str(path))
    elif then == "unmount":
        in_there(pid, "umount", "--lazy", str(path))
    assert ("fd", holding) in [(holder["kind"], holder["pid"]) for holder in held_by("uts", number)]
    population.kill(pid)
    assert [(h["kind"], h["pid"]) for h in held_by("uts", number)] == [("fd", holding)]


def test_a_covered_mount_in_another_mount_namespace_holds_on(elsewhere: tuple[int, Path, int]) -> None:
    pid, path, number = elsewhere
    in_there(pid, "mount", "--bind", "/proc/self/ns/ipc", str(path))
    scanner = scan.Scanner()
    expected = [{"kind": "mount", "pid": pid, "path": str(path)}]
    assert searched(scanner)["uts", number]["held_by"] == expected
    assert scanner.look()["namespaces"]["uts", number]["held_by"] == expected
    in_there(pid, "umount", str(path))
    in_there(pid, "umount", str(path))
    assert ("uts", number) not in scanner.look()["namespaces"]


@pytest.mark.parametrize("covered", [False, True])
def test_a_mount_in_a_mount_namespace_without_processes(
    start: Start, population: Population, elsewhere: tuple[int, Path, int], covered: bool
) -> None:
    pid, path, number = elsewhere
    holding, inode = start(_MOUNT_NAMESPACE, str(pid))
    if covered:
        in_there(pid, "mount", "--bind", "/proc/self/ns/ipc", str(path))
    population.kill(pid)
    scanner = scan.Scanner()
    expected = [{"kind": "mount", "pid": None, "mnt": inode, "path": str(path)}]
    assert searched(scanner)["uts", number]["held_by"] == expected
    assert scanner.look()["namespaces"]["uts", number]["held_by"] == expected
    assert f"mount {path} in mnt:[{inode}]" in nsview("inspect", f"uts:{number}")
    listed = json.loads(nsview("list", "--type", "uts", "--holders", "--json"))["namespaces"]
    (record,) = [namespace for namespace in listed if namespace["inode"] == number]
    assert record["held_by"] == [{**expected[0], "fd": None}]
    end(holding)
    assert ("uts", number) not in scanner.look()["namespaces"]


def test_a_mount_namespace_that_is_mounted_in_one_without_processes(
    start: Start, population: Population, elsewhere: tuple[int, Path, int], workspace: Workspace
) -> None:
    """It is described by the kernel's list, for nothing that is mounted there can be opened by us."""
    outer, _, mounted = elsewhere
    place = workspace.root / "inner"
    place.touch()
    number = mounted_in_there(outer, place)
    holding, inode = start(_MOUNT_NAMESPACE, str(outer))
    population.kill(outer)
    found = searched(scan.Scanner())
    record = found["mnt", number]
    assert record["held_by"] == [{"kind": "mount", "pid": None, "mnt": inode, "path": str(place)}]
    assert record["id"] is not None and record["owner"] is not None
    assert [holder["mnt"] for holder in found["uts", mounted]["held_by"]] == [inode, number]
    end(holding)


@pytest.mark.parametrize("listed", [True, False], ids=["listmount", "before Linux 6.11"])
def test_a_mount_outside_the_root_of_the_oldest_process(
    population: Population, workspace: Workspace, rootfs: Path, monkeypatch: pytest.MonkeyPatch, listed: bool
) -> None:
    """The oldest is confined to a directory; where the kernel lists no mounts, a younger one is asked that is not."""
    path = workspace.root / "outside"
    path.touch()
    words = 'unshare --uts mount --bind /proc/self/ns/uts "$0"; exec chroot "$1" /bin/sleep 9999'
    pid = population.process("mnt", command=["/bin/sh", "-c", words, str(path), str(rootfs)])
    wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() in ("sleep\n", "busybox\n"), 10, "chroot")
    younger = population.joined(pid, "mnt")
    number = os.stat(f"/proc/{younger}/root{path}").st_ino
    if listed:
        population.kill(younger)
        expected = {"kind": "mount", "pid": None, "mnt": os.stat(f"/proc/{pid}/ns/mnt").st_ino, "path": str(path)}
    else:
        monkeypatch.setattr(holders, "mounts_of", lambda inode, path: None)
        expected = {"kind": "mount", "pid": younger, "path": str(path)}
    assert held_by("uts", number) == [expected]


def test_a_covered_mount_of_ours_is_listed_and_described_through_what_else_holds_it(
    start: Start, workspace: Workspace
) -> None:
    path = workspace.root / "covered"
    path.touch()
    subprocess.run(["unshare", f"--uts={path}", "true"], check=True)
    number = os.stat(path).st_ino
    holding, _ = start("fd = os.open(sys.argv[1], os.O_RDONLY); say(0)", str(path))
    subprocess.run(["mount", "--bind", "/proc/self/ns/ipc", path], check=True)
    try:
        scanner = scan.Scanner()
        assert scanner.look()["namespaces"]["uts", number]["names"] == [str(path)]
        record = searched(scanner)["uts", number]
        assert record["held_by"] == [
            {"kind": "mount", "path": str(path)}, {"kind": "fd", "pid": holding, "fd": 3},
        ]  # fmt: skip
        assert record["id"] is not None and record["owner"] is not None
        end(holding)
        assert scanner.look()["namespaces"]["uts", number]["held_by"] == [{"kind": "mount", "path": str(path)}]
    finally:
        subprocess.run(["umount", path], check=True)
        subprocess.run(["umount", path], check=True)


# list nets


def test_list_nets_has_every_net_namespace_that_list_namespaces_has(start: Start, workspace: Workspace) -> None:
    """One with a thread alone in it is read through that; one whose mount is covered is said to be so."""
    pid, of_thread = start(_DEAD_LEADER)
    wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z", 10, "pthread_exit")
    path = workspace.root / "covered net"
    path.touch()
    subprocess.run(["unshare", f"--net={path}", "true"], check=True)
    covered = os.stat(path).st_ino
    subprocess.run(["mount", "--bind", "/proc/self/ns/ipc", path], check=True)
    try:
        nets = json.loads(nsview("list", "nets", "--json"))["nets"]
        listed = json.loads(nsview("list", "--type", "net", "--json"))["namespaces"]
        of_inode = {net["inode"]: net for net in nets}
        assert {of_thread, covered} <= of_inode.keys()
        # Others' may come and go between the two; those of this test stay.
        own = {n["inode"] for n in listed if n["inode"] in (of_thread, covered) or n["initial"]}
        assert own <= of_inode.keys()
        assert of_inode[of_thread]["source"] and [i["name"] for i in of_inode[of_thread]["interfaces"]] == ["lo"]
        assert (of_inode[covered]["source"], of_inode[covered]["unreadable"]) == (None, "ENOENT")
        (line,) = [line for line in nsview("list", "nets").splitlines() if f"net:[{covered}]" in line]
        assert "not readable: another is mounted over it, or nothing that leads to it is left" in line
    finally:
        subprocess.run(["umount", path], check=True)
        subprocess.run(["umount", path], check=True)
