"""A running agent's deltas add up to what a fresh look sees, whatever has happened meanwhile."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from nsview.hosts import HostError
from nsview.hosts.local import LocalHost
from nsview.model.snapshot import Snapshot

from .daemons import Docker
from .workspace import wait_until

# What a test process does when told to, a word each on stdin.
PUPPET = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    if word == "unshare": libc.unshare(int(rest))
    if word == "rename": libc.prctl(15, rest.encode(), 0, 0, 0)
    if word == "fork" and os.fork() == 0: time.sleep(600)
    if word == "exec": os.execvp("sleep", ["sleep", "600"])
    if word == "orphan" and os.fork() == 0:
        if os.fork() == 0: time.sleep(600)
        os._exit(0)
    if word == "zombie" and os.fork() == 0: os._exit(0)
    print("done", flush=True)
"""
CHANGES = ("unshare 134217728", "unshare 1073741824", "rename other", "fork", "orphan", "zombie", "exec")


class Live:
    """A running agent, and the last snapshot of it."""

    def __init__(self, host: LocalHost | None = None) -> None:
        self.host = host or LocalHost()
        self.snapshot: Snapshot | None = None
        self.count = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        wait_until(lambda: self.snapshot is not None, 20, "the first snapshot")

    def _read(self) -> None:
        with contextlib.suppress(HostError):
            for said in self.host.read():
                if isinstance(said, Snapshot):
                    self.snapshot = said
                    self.count += 1

    @property
    def now(self) -> Snapshot:
        assert self.snapshot is not None
        return self.snapshot

    def close(self) -> None:
        self.host.stop()
        self._thread.join(5)


@pytest.fixture
def live() -> Iterator[Live]:
    opened = Live()
    yield opened
    opened.close()


@pytest.fixture
def puppets() -> Iterator[list["subprocess.Popen[bytes]"]]:
    made = [
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", PUPPET], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True,
        )
        for _ in range(8)
    ]  # fmt: skip
    yield made
    for puppet in made:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(puppet.pid, signal.SIGKILL)
        puppet.communicate()


def fresh() -> Snapshot:
    host = LocalHost(once=True)
    try:
        return host.first()
    finally:
        host.stop()


def facts(snapshot: Snapshot, session: set[int]) -> dict[int, object]:
    """What is said of the processes that belong to these sessions' leaders: all but whether they happen to run."""
    found: dict[int, object] = {}
    for pid, process in snapshot.processes.items():
        try:
            leader = os.getsid(pid)
        except ProcessLookupError:
            leader = 0
        if leader in session:
            alive = process.state in "RSDI"
            found[pid] = (process.start, process.ppid, process.comm, process.cmdline, process.namespaces, alive)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_what_is_followed_equals_what_is_seen_afresh(
    live: Live, puppets: list["subprocess.Popen[bytes]"], seed: int
) -> None:
    chance = random.Random(seed)
    living = list(puppets)
    for _ in range(40):
        if not living:
            break
        puppet = chance.choice(living)
        change = chance.choice((*CHANGES, "die"))
        if change == "die":
            living.remove(puppet)
            puppet.kill()
            puppet.wait()
            continue
        assert puppet.stdin
        assert puppet.stdout
        puppet.stdin.write(change.encode() + b"\n")
        puppet.stdin.flush()
        if change == "exec":
            living.remove(puppet)
        else:
            puppet.stdout.readline()
        time.sleep(chance.choice((0, 0, 0.01, 0.1)))
    session = {puppet.pid for puppet in puppets}
    for _ in range(10):  # what was just orphaned is reaped a little later
        time.sleep(0.5)
        expected = facts(fresh(), session)
        if facts(live.now, session) == expected:
            break
    assert facts(live.now, session) == expected != {}
    for process in live.now.processes.values():
        if process.pid in expected and process.state != "Z":
            for kind in ("net", "ipc", "mnt"):
                assert (kind, getattr(process.namespaces, kind)) in live.now.namespaces


def test_containers_come_get_members_and_go(live: Live, docker: Docker) -> None:
    name = f"follow-{os.getpid()}"
    pid = docker.container(name)
    try:
        wait_until(lambda: any(c.name == name for c in live.now.containers.values()), 5, "the container")
        key = next(c.key for c in live.now.containers.values() if c.name == name)
        assert live.now.processes[pid].container == key
        docker.run("exec", "--detach", name, "sleep", "77")
        wait_until(lambda: len(live.now.containers[key].pids) == 2, 5, "its second process")
        (other,) = set(live.now.containers[key].pids) - {pid}
        assert live.now.processes[other].container == key
        os.kill(other, signal.SIGKILL)
        wait_until(lambda: live.now.containers[key].pids == (pid,), 5, "the second process's end")
    finally:
        docker.remove(name)
    wait_until(lambda: key not in live.now.containers, 5, "the container's end")
    assert pid not in live.now.processes


def test_a_host_that_sleeps_is_not_told_of(live: Live) -> None:
    """Frames are counted: nothing but what happens makes one."""
    child = subprocess.Popen(["sleep", "600"])
    try:
        wait_until(lambda: child.pid in live.now.processes, 5, "the child")
        sleeping = live.now.processes[child.pid]
        time.sleep(3)
        assert live.now.processes[child.pid] is sleeping or live.now.processes[child.pid] == sleeping
    finally:
        child.kill()
        child.wait()


def test_a_storm_of_births_is_coalesced(live: Live) -> None:
    """A thousand processes come and go: frames stay few, and the end is right."""
    before = live.count
    for _ in range(100):
        children = [subprocess.Popen(["true"]) for _ in range(10)]
        for child in children:
            child.wait()
    wait_until(lambda: not any(p.comm == "true" for p in live.now.processes.values()), 5, "the end of the storm")
    assert live.count - before < 500
