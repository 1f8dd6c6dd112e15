"""Which processes may have changed since the last look: those that have run.

No event tells of setns and unshare, but who calls them must run, and the kernel counts for how long. To ask for the
processor time of a process is 0.9 µs where to read it is 80, so a host that sleeps costs next to nothing; and where
there are many, most are not even asked (see `cpustat`). That is the time of all threads, while the namespaces of a
process are those of its first one: of whoever has run, schedstat tells whether that has. A pid that was reused has
hardly used as many nanoseconds as the one before, and events tell of it.

What lost: an open schedstat of each process, which is 1.7 µs, and takes 5 KB of the kernel's memory.
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
    from typing import Any

ENOUGH = 1000  # processes; to ask fewer is cheap
_PROCESS = 2  # what is below ~pid in the number of a clock: of all threads, as the scheduler counts (CPUCLOCK_SCHED)
_STAT = 64  # bytes of a schedstat
_SPARE = 512  # file descriptors left for all else, those of `levels` included
_TURN = 4000  # schedstats that are read in one pass


class Watch:
    """Follows a set of processes. `passed` gives the pids that have run, and those that are gone."""

    def __init__(self, proc="/proc"):
        self._proc_fd = os.open(proc, os.O_PATH | os.O_DIRECTORY)
        self._clocks = int(os.readlink("self", dir_fd=self._proc_fd)) == os.getpid()
        self._used: dict[int, Any] = {}  # {pid: ns of processor time}; without clocks, {pid: schedstat's bytes}
        self._firsts: dict[int, bytes] = {}  # {pid: schedstat's bytes}, of its first thread, where it has run
        self._tree: Any = None  # of cgroups, where these tell who need not be asked ..
        self._enough = ENOUGH  # .. and from how many processes on that is tried

    def add(self, pid):
        """Follow a process from now on. Call it before the process is read, so that nothing falls in between."""
        try:
            self._used[pid] = time.clock_gettime_ns(_PROCESS | ~pid << 3) if self._clocks else self._schedstat(pid)
        except OSError:
            self.discard(pid)

    def seen(self, pids):
        """{pid: what was last seen} of those of these that are followed; for `adopt`."""
        return {pid: self._used[pid] for pid in pids if pid in self._used}

    def adopt(self, seen):
        """Follow processes by what a copy of this has seen."""
        self._used.update(seen)

    def discard(self, pid):
        """Follow it no longer."""
        self._used.pop(pid, None)
        self._firsts.pop(pid, None)

    def passed(self):
        """(pids that have run since the last pass, pids that are gone)."""
        ran: list[int] = []
        gone: list[int] = []
        pids = self._to_ask()
        before = list(map(self._used.__getitem__, pids))
        if self._clocks:
            # In C, for a loop would take half as long again.
            asked = map(time.clock_gettime_ns, [_PROCESS | ~pid << 3 for pid in pids])
        else:
            asked = map(self._schedstat, pids)
        now: list[Any] = []
        while len(now) < len(pids):
            try:
                now.extend(asked)
            except OSError:
                now.append(None)  # of the one after those that it has been extended by
        if now != before:
            for pid, old, new in zip(pids, before, now):  # noqa: B905  Python 3.8
                if new is None:
                    gone.append(pid)
                elif new != old:
                    self._used[pid] = new
                    if not self._clocks or self._first_ran(pid):
                        ran.append(pid)
        return ran, gone

    def _to_ask(self):
        """The pids that may have run."""
        if not self._clocks:
            turn = list(islice(self._used, _TURN))
            for pid in turn:
                self._used[pid] = self._used.pop(pid)  # the last to come again
            return turn
        if self._tree is None and len(self._used) >= self._enough:
            self._enough = 2 * len(self._used)  # where it does not pay it is not tried again soon
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

    def _grown(self):
        """The tree of cgroups, None where it can't be seen."""
        try:
            root = cpustat.root(int(os.readlink("self", dir_fd=self._proc_fd)))
            return root and cpustat.Tree(root, min(len(self._used) // 2, _most_files() - _SPARE))
        except OSError:
            return None

    def _first_ran(self, pid):
        """Whether the first thread of a process may have run since this was asked last."""
        try:
            now = self._schedstat(pid)
        except OSError:
            return True  # gone just now, or a kernel without it
        before, self._firsts[pid] = self._firsts.get(pid), now
        return now != before

    def _schedstat(self, pid):
        return procfs.read_at(self._proc_fd, "%d/schedstat" % pid, _STAT)


def _most_files():
    """How many files we may have open, raised to what is allowed: to root that is as many as the kernel has at all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (files.number("/proc/sys/fs/nr_open"), hard):
        with contextlib.suppress(OSError, ValueError):
            if most == resource.RLIM_INFINITY or most > soft:
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
                soft = most
                break
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft
