"""What following a host costs in system calls and in updates: the same on every machine, no clock involved.

System calls are counted by strace, in a pid namespace with a /proc of its own, for two populations and two numbers of
turns: the difference of differences is what one turn costs one process.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

import nsview
from nsview.agent import scan, schedule
from tests.conftest import in_ci

FEW, MANY = 10, 210
PER_CHANGED = 21  # 20 of a scan, and its clock
_CALLS = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", re.MULTILINE)
_MEMORY = {"mmap", "munmap", "brk", "mremap", "madvise", "rt_sigaction"}  # the interpreter's own

_WORLD = """
import os, signal, subprocess, sys
number = int(sys.argv[1])
for _ in range(number):
    if os.fork() == 0:
        signal.pause()
strace = ["strace", "-c", "-o", sys.argv[2], sys.executable, "-I", "-S", "-c"]
subprocess.run([*strace, *sys.argv[3:]], check=True)
"""
_TURNS = """
import sys
sys.path.insert(0, sys.argv[1])
from nsview.agent import scan, watch
watching = watch.Watch()
scanner = scan.Scanner(watch=watching)
pids = [pid for pid, record in scanner.look()["processes"].items() if record["ppid"] == 1][:5]
for _ in range(int(sys.argv[3])):
    if sys.argv[2] == "pass":
        watching.passed()
    else:
        scanner.update(pids)
"""


def calls(number: int, what: str, turns: int, directory: Path) -> int:
    """How many system calls a look and so many turns make beside so many sleeping processes."""
    summary = directory / "strace"
    own_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    root = str(Path(nsview.__file__).parent.parent)
    subprocess.run(
        ["unshare", *own_root, "--pid", "--fork", "--mount-proc", sys.executable, "-I", "-S", "-c", _WORLD,
         str(number), str(summary), _TURNS, root, what, str(turns)],
        check=True,
    )  # fmt: skip
    counted = _CALLS.findall(summary.read_text())
    return sum(int(times) for times, name in counted if name not in _MEMORY and name != "total")


def of_a_turn(number: int, what: str, directory: Path) -> float:
    """How many system calls a turn makes."""
    if not shutil.which("strace"):
        (pytest.fail if in_ci() else pytest.skip)("strace is not installed (tests/run installs it)")
    return (calls(number, what, 11, directory) - calls(number, what, 1, directory)) / 10


def test_a_pass_over_a_process_that_sleeps_is_one_system_call(tmp_path: Path) -> None:
    few, many = (of_a_turn(number, "pass", tmp_path) for number in (FEW, MANY))
    assert (many - few) / (MANY - FEW) <= 1.05


def test_an_update_costs_what_has_changed_however_many_there_are(tmp_path: Path) -> None:
    few, many = (of_an_update(number, tmp_path) for number in (FEW, MANY))
    assert many - few <= 5, (few, many)  # what is beside 200 more; a machine with much else to do is not that exact
    assert many <= 5 * PER_CHANGED, many


def of_an_update(number: int, directory: Path) -> float:
    """The least of three counts: cgroups that others make meanwhile only add to them."""
    return min(of_a_turn(number, "update", directory) for _ in range(3))


class Unwalked(dict[Any, Any]):
    """A dict that may be asked for what is under a key, and for nothing else."""

    def _walked(self, *_: object) -> NoReturn:
        raise AssertionError("an update walked over all there is")

    __iter__ = keys = values = items = _walked  # type: ignore[assignment]


def test_an_update_walks_over_nothing_but_what_changed() -> None:
    """Births, deaths, and namespaces that come and go with them; a first look is what the rest is compared with."""
    words = ["unshare", *([] if os.geteuid() == 0 else ["--user"]), "--net", "--uts", "sleep", "600"]
    scanner = scan.Scanner()
    scanner.look()
    host, namespaces = scanner._host, scanner._namespaces
    host.processes = scanner.now["processes"] = Unwalked(host.processes)
    namespaces.records = scanner.now["namespaces"] = Unwalked(namespaces.records)
    namespaces._members = Unwalked(namespaces._members)
    child = subprocess.Popen(words)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and os.readlink(f"/proc/{child.pid}/exe").endswith("unshare"):
            time.sleep(0.01)
        born = scanner.update([child.pid, os.getpid()])
    finally:
        child.kill()
        child.wait()
    gone = scanner.update([child.pid])
    made = [(r["type"], r["inode"]) for r in born["namespaces"]]
    assert {"net", "uts"} <= {kind for kind, _ in made}
    assert [record["pid"] for record in born["processes"]] == [child.pid] == gone["gone"]
    assert set(made) <= set(gone["namespaces_gone"])


@pytest.mark.parametrize(
    ("kthread", "before", "after", "told"),
    [
        (True, "kworker/1:0-events", "kworker/1:0+mm_percpu_wq", False),
        (True, "kworker/u8:2-ext4-rsv-conversion", "kworker/u8:2", False),
        (True, "kworker/1:0-events", "kworker/1:2-events", True),
        (True, "kthreadd", "other", True),
        (False, "kworker/1:0-a", "kworker/1:0-b", True),
    ],
)
def test_what_a_worker_of_the_kernel_works_at_is_no_change(kthread: bool, before: str, after: str, told: bool) -> None:
    """Each has another name for each job, so that a host that does nothing else would never be quiet."""
    scanner = scan.Scanner()
    record = {"kthread": kthread, "comm": before, "state": "I", "container": None, "cgroup": "/"}
    now = scanner._placed({**record, "comm": after, "state": "R"}, b"0::/\n", record, {})
    assert (now is not record) is told


NOBODY: Any = SimpleNamespace(now={"processes": {}}, moved=set)
"""A scanner of a host without processes."""


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    thread_time = monotonic


class Storm:
    """The kernel's events where a thousand processes a second are born and die."""

    RATE = 1000

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.told = 0

    def take(self) -> tuple[set[int], dict[int, int], bool]:
        due = int((self.clock.now - 1000) * self.RATE)
        born = set(range(self.told, due))
        ended = {pid: 0 for pid in born if pid % 2}
        self.told = due
        return born - ended.keys(), ended, False


@pytest.mark.parametrize("cost", [0.0001, 0.0005, 0.002], ids=["0.1 ms", "0.5 ms", "2 ms a process"])
def test_a_storm_makes_updates_rarer_and_nothing_grows(monkeypatch: pytest.MonkeyPatch, cost: float) -> None:
    """A minute of a thousand births a second, on machines of three speeds."""
    clock = Clock()
    storm = Storm(clock)
    monkeypatch.setattr(schedule, "time", clock)
    monkeypatch.setattr(schedule, "_listening", lambda: storm)
    followed = schedule.Schedule()
    followed.watch.passed = lambda: ([], [])  # type: ignore[method-assign]
    followed.looked(0.1)
    updates, spent, gathered = 0, 0.0, []
    while clock.now < 1060:
        clock.now = max(clock.now + 0.001, min(followed.next(clock.now), clock.now + 0.05))
        followed.heard([storm], [])
        everything, pids, mounts, _ = followed.due(NOBODY)
        if everything:
            clock.now += 0.1
            followed.looked(0.1)
        elif pids or mounts:
            updates += 1
            gathered.append(len(pids))
            work = 0.002 + cost * min(len(pids), 100)  # what has come and gone meanwhile costs one failed open
            clock.now += work
            spent += work
            followed.updated(work, {})
    assert spent <= (schedule.UPDATES + 0.02) * 60
    assert updates <= 60 / schedule.EVERY + 1
    # No more waits at the end than at the beginning, and all of it is looked at.
    assert max(gathered[-10:]) <= 2 * max(gathered[:10])
    assert sum(gathered) >= 0.95 * 60 * Storm.RATE
    assert len(followed._ended) <= 2 * max(gathered)


def test_while_nothing_is_written_nothing_is_due_but_looks_and_passes() -> None:
    """However many cgroups are watched."""
    followed = schedule.Schedule()
    followed.looked(0.1)
    followed.begin()
    while followed.notices and (followed.notices.growing or followed.notices.changed):
        followed.due(NOBODY)
    assert followed.next(0.0) >= min(followed._next_look, followed._next_pass, followed._next_births)


def test_what_happens_after_a_while_of_quiet_is_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However dear updates are: only who has used up what was saved must wait, and no longer than that takes."""
    clock = Clock()
    storm = Storm(clock)
    monkeypatch.setattr(schedule, "time", clock)
    monkeypatch.setattr(schedule, "_listening", lambda: storm)
    followed = schedule.Schedule()
    followed.looked(0.1)
    followed._next_pass = followed._next_look = 2000.0  # these are not what is waited for
    waits = []
    for _ in range(4):
        clock.now += 0.9
        followed.heard([storm], [])
        waits.append(followed.next(clock.now) - clock.now)
        clock.now += waits[-1]
        followed.due(NOBODY)
        clock.now += 0.08
        followed.updated(0.08, {})
    assert waits == pytest.approx([schedule.GATHER] * 4)
    followed.heard([storm], [])
    assert followed.next(clock.now) - clock.now == pytest.approx(schedule.EVERY)
    followed.updated(0.2, {})
    followed.heard([storm], [])
    assert 0.2 < followed.next(clock.now) - clock.now <= 0.2 / schedule.UPDATES
