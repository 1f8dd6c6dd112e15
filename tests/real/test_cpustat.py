"""Who need not be asked whether they have run: the processes of cgroups in which nothing has. On the kernel's own v2
hierarchy, in cgroups of the tests' own."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nsview.agent import cpustat, watch

from .conftest import require
from .workspace import Workspace, wait_until

_SLEEPER = """
import ctypes, sys
print("ready", flush=True)
for line in sys.stdin:
    if line != "run\\n":
        assert ctypes.CDLL(None).unshare(int(line)) == 0
    print("done", flush=True)
"""
_NEWUTS = 0x4000000


class Sleeper:
    """A process that sleeps in a cgroup until it is told to do something."""

    def __init__(self, cgroup: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SLEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.pid = self._process.pid
        self._says("ready")
        self.move(cgroup)

    def _says(self, word: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == f"{word}\n"
        wait_until(lambda: Path(f"/proc/{self.pid}/wchan").read_text() not in ("", "0"), 10, "its sleep")

    def move(self, cgroup: Path) -> None:
        (cgroup / "cgroup.procs").write_text(str(self.pid))

    def run(self, what: int | str = "run") -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._says("done")

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def top(workspace: Workspace) -> Iterator[Path]:
    """A cgroup of our own: what is the very first one to a host is this one here."""
    require("mount", "umount")
    point = workspace.root / "cgroup2"
    point.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "cgroup2", "none", str(point)], check=True)
    made = point / f"nsview-test-{os.getpid()}"
    made.mkdir()
    try:
        yield made
    finally:
        for directory, _, _ in os.walk(made, topdown=False):
            wait_until(lambda place=directory: _removed(place), 10, f"the end of {directory}")
        subprocess.run(["umount", str(point)], check=True)


def _removed(directory: str) -> bool:
    with contextlib.suppress(OSError):
        os.rmdir(directory)
    return not os.path.exists(directory)


@pytest.fixture
def sleepers(top: Path) -> Iterator[list[Sleeper]]:
    """Two in each of two cgroups, one of them below another."""
    places = [top / "a", top / "b" / "below"]
    for place in places:
        place.mkdir(parents=True)
    made = [Sleeper(place) for place in places for _ in range(2)]
    yield made
    for sleeper in made:
        sleeper.end()


def test_who_is_where_nothing_has_run_is_left_alone(top: Path, sleepers: list[Sleeper]) -> None:
    tree = cpustat.Tree(str(top), 10)
    pids = [sleeper.pid for sleeper in sleepers]
    assert tree.awake() == set(pids), "whoever was never seen"
    assert tree.awake() == set()
    sleepers[3].run()
    assert tree.awake() == set(pids[2:]), "it, and who is beside it"
    assert tree.awake() == set()
    assert tree.number == 4  # the top, a, b, below
    tree.close()
    assert tree.number == 0


def test_who_was_moved_by_another_counts_where_it_is(top: Path, sleepers: list[Sleeper]) -> None:
    tree = cpustat.Tree(str(top), 10)
    tree.awake()
    sleepers[0].move(top / "b" / "below")
    sleepers[0].run()
    assert sleepers[0].pid in tree.awake()
    sleepers[0].run()
    assert sleepers[0].pid in tree.awake()
    new = top / "new"
    new.mkdir()
    sleepers[0].move(new)
    assert sleepers[0].pid in tree.awake()
    assert tree.awake() == set()
    sleepers[0].run()
    assert tree.awake() == {sleepers[0].pid}
    sleepers[0].move(top)
    tree.awake()
    assert sleepers[0].pid not in tree.home, "where nothing is counted it must be asked always"
    tree.close()


def test_what_ended_is_told_with_its_cgroup(top: Path, sleepers: list[Sleeper]) -> None:
    tree = cpustat.Tree(str(top), 10)
    tree.awake()
    sleepers[0].end()
    assert sleepers[0].pid in tree.awake()
    sleepers[1].end()
    wait_until(lambda: _removed(str(top / "a")), 10, "the cgroup's end")
    assert sleepers[1].pid in tree.awake()
    assert tree.number == 3 and not {sleeper.pid for sleeper in sleepers[:2]} & tree.home.keys()
    tree.close()


def test_too_many_cgroups_are_not_worth_it(top: Path, sleepers: list[Sleeper]) -> None:
    fds = len(os.listdir("/proc/self/fd"))
    tree = cpustat.Tree(str(top), 2)
    with pytest.raises(OSError, match="more than 2 cgroups"):
        tree.awake()
    tree.close()
    assert len(os.listdir("/proc/self/fd")) == fds


@pytest.fixture
def watched(top: Path, sleepers: list[Sleeper], monkeypatch: pytest.MonkeyPatch) -> Iterator[watch.Watch]:
    """The sleepers, followed by way of the tree of their own cgroups."""
    monkeypatch.setattr(cpustat, "root", lambda pid: str(top) if pid == os.getpid() else None)
    monkeypatch.setattr(watch, "ENOUGH", 4)
    for extra in range(4):  # cgroups may be half as many as processes
        sleepers.append(Sleeper(top / "a" if extra % 2 else top / "b" / "below"))
    made = watch.Watch()
    for sleeper in sleepers:
        made.add(sleeper.pid)
    made.passed()
    yield made
    for sleeper in sleepers:
        made.discard(sleeper.pid)
    if made._tree:
        made._tree.close()


def test_a_pass_asks_those_alone_and_finds_who_left_a_namespace(
    watched: watch.Watch, sleepers: list[Sleeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted(what: str, ask: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *words: asked.append(what) or ask(*words)  # type: ignore[func-returns-value]

    monkeypatch.setattr(os, "pread", counted("cgroup", os.pread))
    monkeypatch.setattr(time, "clock_gettime_ns", counted("process", time.clock_gettime_ns))
    assert watched.passed() == ([], [])
    assert asked == ["cgroup"] * 2, "a and b: the tree's own question to each"
    before = os.readlink(f"/proc/{sleepers[2].pid}/ns/uts")
    sleepers[2].run(_NEWUTS)
    assert os.readlink(f"/proc/{sleepers[2].pid}/ns/uts") != before
    asked.clear()
    assert watched.passed() == ([sleepers[2].pid], [])
    assert asked.count("process") == 4, "those beside it"
    sleepers[0].end()
    assert watched.passed() == ([], [sleepers[0].pid])


def test_who_is_in_no_cgroup_that_counts_is_asked_always(
    top: Path, watched: watch.Watch, sleepers: list[Sleeper]
) -> None:
    sleepers[0].move(top)
    watched.passed()
    sleepers[0].run()
    assert watched.passed() == ([sleepers[0].pid], [])
    for sleeper in sleepers[1:5]:
        sleeper.move(top)
        sleeper.run()
    watched.passed()
    assert watched._tree is None, "most are asked one by one: it does not pay"
    sleepers[7].run()
    assert watched.passed() == ([sleepers[7].pid], [])


def test_the_very_first_cgroup_is_told_from_that_of_a_cgroup_namespace(top: Path) -> None:
    found = cpustat.root(os.getpid())
    assert found is None or not Path(found, "cgroup.events").exists()
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from nsview.agent import cpustat, hostfiles\n"
        "hostfiles._host = hostfiles.HostFiles(0)  # as where only its own mounts are to be seen\n"
        "print(cpustat.root(os.getpid()))"
    )
    script = (
        f"echo $$ >{top}/cgroup.procs; exec unshare --cgroup --mount sh -c "
        '\'umount -a -t cgroup2; mount -t cgroup2 none "$1" && exec "$2" -c "$3" "$4"\' sh "$@"'
    )
    root = str(Path(__file__).resolve().parents[2])
    words = ["sh", "-c", script, "sh", str(top.parent), sys.executable, code, root]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "None\n"
    assert cpustat.root(1) is None or os.getpid() == 1


def test_a_count_is_exact(top: Path, sleepers: list[Sleeper]) -> None:
    """One wake-up that does next to nothing shows each time."""
    tree = cpustat.Tree(str(top), 10)
    tree.awake()
    for _ in range(200):
        sleepers[0].run()
        assert sleepers[0].pid in tree.awake()
    tree.close()
