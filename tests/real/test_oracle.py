"""Every inode and every count against independent readers: readlink, ps, lsns and the kernel's own list.

The machine lives while it is read, so what is compared is what was so before and after.
"""

import ast
import ctypes
import json
import os
import platform
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsview.hosts.local import LocalHost
from nsview.model.kinds import KIND_NAMES
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot

from .command import links, printed, said
from .population import Population
from .workspace import PATIENCE, Workspace, start_time

PS_COLUMNS = ("mntns", "utsns", "ipcns", "pidns", "netns", "userns", "cgroupns", "timens")


@pytest.fixture
def snapshot() -> Snapshot:
    return look()


def look() -> Snapshot:
    host = LocalHost(once=True)
    try:
        return host.first()
    finally:
        host.stop()


def starts() -> dict[int, str | None]:
    return {pid: start_time(pid) for pid in map(int, filter(str.isdigit, os.listdir("/proc")))}


def alive(before: dict[int, str | None], after: dict[int, str | None]) -> set[int]:
    return {pid for pid, start in before.items() if start is not None and after.get(pid) == start}


def read_links(pid: int) -> dict[str, int | None]:
    """{kind: inode}; None where readlink does not tell."""
    found: dict[str, int | None] = {}
    for kind in KIND_NAMES:
        try:
            found[kind] = int(os.readlink(f"/proc/{pid}/ns/{kind}").partition("[")[2][:-1])
        except OSError:
            found[kind] = None
    return found


def ours(process: Process) -> dict[str, int | None]:
    return {kind: getattr(process.namespaces, kind) for kind in KIND_NAMES}


@pytest.fixture
def people(population: Population) -> dict[str, int]:
    """A crowd whose namespaces are known."""
    first = population.process("net", "uts")
    return {
        "first": first,
        "joined": population.joined(first, "net"),
        "all": population.process(*KIND_NAMES, options=("--map-root-user",)),
        "mnt": population.process("mnt"),
        "pid": population.process("pid", "mnt"),
        "user": population.process("user"),
        "time": population.process("time"),
        "cgroup": population.process("cgroup"),
        "thread": population.thread("net").pid,
        "zombie": population.zombie(),
    }


def stable(people: dict[str, int]) -> tuple[Snapshot, dict[int, dict[str, int | None]]]:
    """A snapshot, and the links of all processes that were alive and in the same namespaces before and after it."""
    before, links_before = starts(), {pid: read_links(pid) for pid in starts()}
    snapshot = look()
    after = {pid: read_links(pid) for pid in links_before}
    same = {pid for pid in alive(before, starts()) if links_before[pid] == after[pid]}
    assert set(people.values()) <= same
    return snapshot, {pid: after[pid] for pid in same}


def test_every_process_and_every_link_is_as_readlink_says(people: dict[str, int]) -> None:
    snapshot, truth = stable(people)
    assert truth.keys() <= snapshot.processes.keys()
    # The leader of a dead thread group is asked of a thread of it, which readlink on the process cannot tell.
    differing = {
        pid: (ours(snapshot.processes[pid]), inodes)
        for pid, inodes in truth.items()
        if ours(snapshot.processes[pid]) != inodes and not _known_otherwise(snapshot.processes[pid])
    }
    assert differing == {}
    for pid, inodes in truth.items():
        assert {k: i for k, i in ours(snapshot.processes[pid]).items() if inodes[k] is not None} == {
            k: i for k, i in inodes.items() if i is not None
        }


def _known_otherwise(process: Process) -> bool:
    """By a thread of a dead leader, or, of one that is protected from root too, by what proves it from outside."""
    return process.state == "Z" or process.unreadable == "EACCES"


def test_what_is_unreadable_is_exactly_what_readlink_cannot_read(people: dict[str, int]) -> None:
    snapshot, truth = stable(people)
    unreadable = {pid for pid, inodes in truth.items() if None in inodes.values()}
    assert people["zombie"] in unreadable
    said_so = {pid for pid in truth if snapshot.processes[pid].unreadable}
    # Another suite's may be a dead leader, whose namespaces are asked of its threads.
    asked_of_threads = {pid for pid in unreadable - said_so if snapshot.processes[pid].state == "Z"}
    assert said_so == unreadable - asked_of_threads


def test_ps_says_the_same_of_every_process(people: dict[str, int]) -> None:
    before = starts()
    snapshot, truth = stable(people)
    table = said(["ps", "-eo", ",".join(("pid", *PS_COLUMNS)), "--no-headers"])
    later = {pid: read_links(pid) for pid in truth}
    lived = alive(before, starts())
    compared = 0
    for line in table.splitlines():
        pid, *inodes = line.split()
        if int(pid) not in lived or later.get(int(pid)) != truth.get(int(pid)) or int(pid) not in truth:
            continue
        theirs = dict(zip(KIND_NAMES, (None if i in ("-", "0") else int(i) for i in inodes), strict=True))
        if not _known_otherwise(snapshot.processes[int(pid)]):
            assert ours(snapshot.processes[int(pid)]) == theirs, pid
            compared += 1
    assert compared >= len(people) - 1


def test_pids_parents_states_users_and_names_are_those_of_ps(people: dict[str, int]) -> None:
    before = starts()
    snapshot = look()
    table = said(["ps", "-eo", "pid,ppid,uid,stat,comm", "--no-headers"])
    lived = alive(before, starts())
    compared = 0
    for line in table.splitlines():
        pid, ppid, uid, state, comm = line.split(None, 4)
        process = snapshot.processes.get(int(pid))
        if process is None or int(pid) not in lived:
            continue
        compared += 1
        assert process.uid == int(uid)
        # Whoever runs while it is looked at may sleep by the next look, and a parent may have died.
        assert process.state == state[0] or {process.state, state[0]} <= set("RSDI")
        if int(pid) in people.values():
            assert (process.ppid, process.comm) == (int(ppid), comm.removesuffix(" <defunct>"))
    assert compared > len(people)


def test_members_of_the_crowds_namespaces_are_exactly_those_put_there(people: dict[str, int]) -> None:
    snapshot = look()
    net = snapshot.processes[people["first"]].namespaces.net
    assert net is not None
    assert set(snapshot.members("net")[net]) == {people["first"], people["joined"]}
    for name in ("mnt", "user", "cgroup", "time"):
        kind: Any = name
        inode = getattr(snapshot.processes[people[name]].namespaces, name)
        assert snapshot.members(kind)[inode] == (people[name],)
    everything = snapshot.processes[people["all"]]
    own = links(os.getpid())
    assert all(inode not in (None, own[kind]) for kind, inode in ours(everything).items())
    assert everything.nspid[-1] == 1
    # A thread's namespace is not its process's.
    assert snapshot.processes[people["thread"]].namespaces.net == own["net"]


def test_a_zombie_has_the_namespaces_that_outlive_it_and_says_that_the_rest_is_gone(people: dict[str, int]) -> None:
    process = look().processes[people["zombie"]]
    own = links(os.getpid())
    assert (process.state, process.unreadable) == ("Z", "ENOENT")
    assert ours(process) == {k: own[k] if k in ("pid", "user") else None for k in KIND_NAMES}


def lsns() -> dict[tuple[str, int], dict[str, Any]]:
    table = json.loads(said(["lsns", "-J", "-o", "NS,TYPE,NPROCS,PID"]))["namespaces"]
    return {(row["type"], int(row["ns"])): row for row in table}


def test_lsns_sees_no_namespace_that_is_missing(people: dict[str, int]) -> None:
    before = set(lsns())
    listed = {(n["type"], n["inode"]) for n in printed("list", "namespaces")["namespaces"]}
    stayed = before & set(lsns())
    assert stayed <= listed
    for name in ("first", "all", "mnt", "user"):
        assert set(read_links(people[name]).items()) <= stayed


def test_lsns_counts_the_same_members(people: dict[str, int]) -> None:
    """Of namespaces where nobody came or went. lsns 2.38 leaves out who is not readable, as pid 1 may be for root."""
    snapshot = look()
    theirs = lsns()
    again = look()
    compared = set()
    for key, row in theirs.items():
        members = snapshot.members(key[0]).get(key[1], ())  # type: ignore[index]
        if again.members(key[0]).get(key[1], ()) == members and not set(members) & {os.getpid(), 1}:  # type: ignore[index]
            # lsns does not ask the threads of a dead leader.
            dead = sum(snapshot.processes[pid].state == "Z" for pid in members)
            assert len(members) - dead <= row["nprocs"] <= len(members), key
            assert row["pid"] in members, key
            compared.add(key)
    first = snapshot.processes[people["first"]].namespaces
    assert {("net", first.net), ("uts", first.uts)} <= compared
    assert {(k, getattr(snapshot.processes[people["all"]].namespaces, k)) for k in KIND_NAMES} <= compared


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_lsns_of_one_process_has_the_same_inode(people: dict[str, int], kind: str) -> None:
    output = said(["lsns", "-n", "-o", "NS", "-t", kind, "-p", str(people["all"])])
    assert int(output) == printed("inspect", str(people["all"]))["namespaces"][kind]


NS_MNT_GET_NEXT, NS_MNT_GET_PREV = 0x8010B70B, 0x8010B70C  # linux/nsfs.h, Linux 6.12


def mount_namespaces_of_the_kernel() -> set[int]:
    """The inodes of all mount namespaces, also of those without processes, as the kernel walks them."""
    libc = ctypes.CDLL(None)
    found = set()
    for request in (NS_MNT_GET_NEXT, NS_MNT_GET_PREV):
        fd = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        while fd != -1:
            found.add(os.fstat(fd).st_ino)
            info = struct.pack("=IIQ", 16, 0, 0)
            following = libc.ioctl(ctypes.c_int(fd), ctypes.c_ulong(request), info)
            os.close(fd)
            fd = following
    return found


def test_the_kernels_own_walk_has_every_mount_namespace_that_is_listed(people: dict[str, int]) -> None:
    if tuple(int(part) for part in platform.release().split(".")[:2]) < (6, 12):
        pytest.skip("the kernel has no such walk before Linux 6.12")
    snapshot = look()
    walked = mount_namespaces_of_the_kernel()
    again = look()
    stayed = {inode for type, inode in snapshot.namespaces.keys() & again.namespaces.keys() if type == "mnt"}
    assert snapshot.processes[people["mnt"]].namespaces.mnt in stayed
    assert stayed <= walked


# Two parents of one pid namespace, each with a name and an argument of its own, whose children all get the same pid.
_REUSE = """
import ctypes, os, signal, sys, time
libc = ctypes.CDLL(None)
def parent(word):
    libc.prctl(15, word.encode(), 0, 0, 0)
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", CHILDREN, word])
CHILDREN = '''
import ctypes, os, sys, time
ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)
last = os.open("/proc/sys/kernel/ns_last_pid", os.O_WRONLY)
while True:
    os.pwrite(last, b"499", 0)
    if os.fork() == 0:
        time.sleep(0.0005)
        os._exit(0)
    try:
        os.wait()
    except ChildProcessError:
        pass
'''
for word in ("first", "second"):
    if os.fork() == 0:
        parent(word)
signal.pause()
"""


@pytest.fixture
def reuse(workspace: Workspace) -> Iterator[int]:
    """The pid of the first process of a pid namespace where pid 500 is somebody else's all the time."""
    started = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-I", "-S", "-c", _REUSE],
        env=workspace.environment, start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 20 * PATIENCE
        while not (children := Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()):
            assert time.monotonic() < deadline
        yield int(children[0])
    finally:
        started.kill()
        started.wait()


def test_a_pid_used_again_and_again_never_mixes_two_processes(reuse: int) -> None:
    """Read from inside of that pid namespace, where the pid is the same each time: what the record says of its parent,
    its name and its arguments is all of one process."""
    code = """
import collections, sys, time
sys.path.insert(0, sys.argv[1])
from nsview.agent import procfs
reader, seen, begun = procfs.Reader(), collections.Counter(), time.monotonic()
def enough():
    both = {("first",) * 3, ("second",) * 3} <= seen.keys()
    return both and sum(what[0] == "starts" for what in seen) > 20
# On a loaded machine it takes longer until the pid was used by both.
while time.monotonic() < begun + 3 or (not enough() and time.monotonic() < begun + 40):
    try:
        record, _ = reader.process(500)
    except procfs.Vanished:
        seen["vanished"] += 1
        continue
    if record["comm"] in ("first", "second"):
        argument = record["cmdline"][-1] if record["cmdline"] else record["comm"]
        parent, _ = reader.process(record["ppid"])
        seen[record["comm"], argument, parent["comm"]] += 1
        seen["starts", record["start"]] = 1
print(dict(seen))
"""
    root = str(Path(__file__).parents[2])
    output = said(["nsenter", "-t", str(reuse), "-p", "-m", sys.executable, "-I", "-S", "-c", code, root])
    seen = ast.literal_eval(output)
    mixed = {what for what in seen if what != "vanished" and what[0] != "starts" and len(set(what)) != 1}
    assert mixed == set()
    assert {("first",) * 3, ("second",) * 3} <= seen.keys(), "the pid was not used by both"
    assert sum(what[0] == "starts" for what in seen) > 20, "the pid was not used again"
