"""The processes that may have changed since the last look: those that have run.

No event tells of setns and unshare, but their caller must run, and the kernel counts for how long. The processor time
of a process is asked for far more quickly than its files are read, so a host that sleeps costs next to nothing; and if
there are many, most are not even asked (see `cpustat`). That is the time of all threads, while the namespaces of a
process are those of its first one: schedstat tells whether that one has run. A reused pid has hardly used as many
nanoseconds as the one before, and events tell of it.

Where /proc is another pid namespace's the kernel can't be asked by its pids: there schedstats are read, in turns.
Source: clock_getcpuclockid(3), kernel/time/posix-cpu-timers.c (anyone may read any process's); Documentation/scheduler/
sched-stats.rst, fs/proc/base.c (proc_pid_schedstat).
"""

from __future__ import annotations

import contextlib
import os
import resource
import time
from itertools import islice

from . import cpustat, files, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

ENOUGH = 1000  # processes; to ask fewer is cheap
_PROCESS = 2  # the bits below ~pid in the number of a clock: of all threads, as the scheduler counts (CPUCLOCK_SCHED)
_STAT = 64  # bytes of a schedstat
_SPARE = 512  # file descriptors left for all else, those of `pid_levels` included
_TURN = 4000  # schedstats that are read in one pass


class Watch:
    """A set of followed processes. `passed` returns the pids that have run, and those that are gone."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc_fd = os.open(proc, os.O_PATH | os.O_DIRECTORY)
        self._clocks = int(os.readlink("self", dir_fd=self._proc_fd)) == os.getpid()
        self._used: dict[int, int | bytes] = {}  # {pid: ns of processor time}; without clocks, {pid: schedstat's bytes}
        self._firsts: dict[int, bytes] = {}  # {pid: schedstat's bytes}, of its first thread, where it has run
        self._tree: cpustat.Tree | None = None  # of cgroups, if these tell which processes need not be asked ..
        self._enough = ENOUGH  # .. and the number of processes from which on that is tried

    def add(self, pid: int) -> None:
        """Follow a process from now on. Call it before the process is read, so that nothing falls in between."""
        try:
            self._used[pid] = time.clock_gettime_ns(_PROCESS | ~pid << 3) if self._clocks else self._schedstat(pid)
        except OSError:
            self.discard(pid)

    def seen(self, pids: Iterable[int]) -> dict[int, int | bytes]:
        """{pid: last clock or schedstat} of the followed ones among these; for `adopt`."""
        return {pid: self._used[pid] for pid in pids if pid in self._used}

    def adopt(self, seen: dict[int, int | bytes]) -> None:
        """Follow processes by the clocks that a copy of this has seen."""
        self._used.update(seen)

    def discard(self, pid: int) -> None:
        """Follow a process no longer."""
        self._used.pop(pid, None)
        self._firsts.pop(pid, None)

    def passed(self) -> tuple[list[int], list[int]]:
        """(pids that have run since the last pass, pids that are gone)."""
        ran: list[int] = []
        gone: list[int] = []
        pids = self._to_ask()
        before = list(map(self._used.__getitem__, pids))
        if self._clocks:
            # No loop of Python: on a host that sleeps this is all the work.
            asked: Iterable[int | bytes] = map(time.clock_gettime_ns, [_PROCESS | ~pid << 3 for pid in pids])
        else:
            asked = map(self._schedstat, pids)
        now: list[int | bytes | None] = []
        while len(now) < len(pids):
            try:
                now.extend(asked)
            except OSError:
                now.append(None)  # for the process that raised it
        if now != before:
            for pid, old, new in zip(pids, before, now):  # noqa: B905  Python 3.8
                if new is None:
                    gone.append(pid)
                elif new != old:
                    self._used[pid] = new
                    if not self._clocks or self._first_ran(pid):
                        ran.append(pid)
        return ran, gone

    def _to_ask(self) -> list[int]:
        """The pids that may have run."""
        if not self._clocks:
            turn = list(islice(self._used, _TURN))
            for pid in turn:
                self._used[pid] = self._used.pop(pid)  # the last to come again
            return turn
        if self._tree is None and len(self._used) >= self._enough:
            self._enough = 2 * len(self._used)  # if it does not pay it is not tried again soon
            self._tree = self._grown()
        if self._tree is not None:
            with contextlib.suppress(OSError):
                awake = self._tree.awake()
                home = self._tree.home.keys()
                if 2 * len(home) >= len(self._used):
                    return [*(self._used.keys() - home), *(awake & home & self._used.keys())]
            self._tree.close()
            self._tree = None
        return list(self._used)

    def _grown(self) -> cpustat.Tree | None:
        """The tree of cgroups. None if it can't be seen."""
        try:
            root = cpustat.root(int(os.readlink("self", dir_fd=self._proc_fd)))
            return cpustat.Tree(root, min(len(self._used) // 2, _most_files() - _SPARE)) if root else None
        except OSError:
            return None

    def _first_ran(self, pid: int) -> bool:
        """True if the first thread of a process may have run since the last call."""
        try:
            now = self._schedstat(pid)
        except OSError:
            return True  # gone just now, or a kernel without it
        before, self._firsts[pid] = self._firsts.get(pid), now
        return now != before

    def _schedstat(self, pid: int) -> bytes:
        return procfs.read_at(self._proc_fd, "%d/schedstat" % pid, _STAT)


def _most_files() -> int:
    """The number of files that this process may have open, raised to the most allowed: to root that is as many as the
    kernel has at all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (files.number("/proc/sys/fs/nr_open"), hard):
        with contextlib.suppress(OSError, ValueError):
            if most == resource.RLIM_INFINITY or most > soft:
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
                soft = most
                break
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft
