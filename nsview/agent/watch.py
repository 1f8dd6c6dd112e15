"""Which processes may have changed since the last look: those that have run.

No event tells of setns and unshare, but who calls them must run, and the scheduler counts that. One pread of an open
/proc/PID/schedstat is 1.8 µs where a whole process is 80, so a host that sleeps costs next to nothing; and where there
are many, most are not even asked (see `cpustat`). The files stay open, and each pins its process: a pid that was reused
fails with ESRCH rather than answer for another.

Where there are more processes than files that may be open, the rest are read by name, in turns.
Source: Documentation/scheduler/sched-stats.rst, fs/proc/base.c (proc_pid_schedstat).
"""

from __future__ import annotations

import contextlib
import os
import resource
from itertools import islice, repeat

from . import cpustat, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ENOUGH = 1000  # processes; to ask fewer is cheap
_STAT = 64  # bytes of a schedstat
_SPARE = 512  # file descriptors left for all else, those of `levels` included
_TURN = 4000  # processes without an open file that are read by name in one pass


class Watch:
    """Follows a set of processes. `passed` gives the pids that have run, and those that are gone."""

    def __init__(self, proc="/proc"):
        self._proc_fd = os.open(proc, os.O_PATH | os.O_DIRECTORY)
        self._open: dict[int, int] = {}  # {pid: fd}
        self._ran: dict[int, bytes] = {}  # {pid: schedstat's bytes}
        self._by_name: dict[int, None] = {}  # pids without an open file, the next one to read first
        self._limit = max(0, _most_files() - _SPARE)
        self._tree: Any = None  # of cgroups, where these tell who need not be asked ..
        self._enough = ENOUGH  # .. and from how many processes on that is tried

    def add(self, pid):
        """Follow a process from now on. Call it before the process is read, so that nothing falls in between."""
        self.discard(pid)
        try:
            fd = os.open("%d/schedstat" % pid, os.O_RDONLY, dir_fd=self._proc_fd)
        except OSError:
            return  # gone, or a kernel without it: then only full looks see its changes
        try:
            self._ran[pid] = os.pread(fd, _STAT, 0)
        except OSError:
            os.close(fd)
            return
        self._keep(pid, fd)

    def seen(self, pids):
        """{pid: what was last seen} of those of these that are followed; for `adopt`."""
        return {pid: self._ran[pid] for pid in pids if pid in self._ran}

    def adopt(self, seen):
        """Follow processes by what a copy of this has seen."""
        for pid, ran in seen.items():
            self.discard(pid)
            self._ran[pid] = ran
            self._by_name[pid] = None

    def discard(self, pid):
        """Follow it no longer."""
        fd = self._open.pop(pid, None)
        if fd is not None:
            os.close(fd)
        self._by_name.pop(pid, None)
        self._ran.pop(pid, None)

    def passed(self):
        """(pids that have run since the last pass, pids that are gone)."""
        ran: list[int] = []
        gone: list[int] = []
        pids = self._to_ask()
        fds = list(map(self._open.__getitem__, pids))
        seen = list(map(self._ran.__getitem__, pids))
        try:
            # All in C as long as all live: half of what a loop costs.
            now = list(map(os.pread, fds, repeat(_STAT), repeat(0)))
        except OSError:
            now = list(map(files.peek, fds, repeat(_STAT)))
        if now != seen:
            for pid, before, after in zip(pids, seen, now):  # noqa: B905  Python 3.8
                if before != after:
                    if after:
                        self._ran[pid] = after
                    (ran if after else gone).append(pid)
        self._pass_by_name(ran, gone)
        return ran, gone

    def _to_ask(self):
        """The pids with an open file that may have run."""
        if self._tree is None and len(self._ran) >= self._enough:
            self._enough = 2 * len(self._ran)  # where it does not pay it is not tried again soon
            self._tree = self._grown()
        if self._tree is not None:
            with contextlib.suppress(OSError):
                awake = self._tree.awake()
                home = self._tree.home.keys()
                if 2 * len(home) >= len(self._ran):
                    return [*(self._open.keys() - home), *(awake & home & self._open.keys())]
            self._tree.close()
            self._tree = None
        return list(self._open)

    def _grown(self):
        """The tree of cgroups, None where it can't be seen."""
        try:
            root = cpustat.root(int(os.readlink("self", dir_fd=self._proc_fd)))
            return root and cpustat.Tree(root, min(len(self._ran) // 2, self._limit - len(self._open)))
        except OSError:
            return None

    def _pass_by_name(self, ran, gone):
        for pid in list(islice(self._by_name, _TURN)):
            del self._by_name[pid]
            try:
                fd = os.open("%d/schedstat" % pid, os.O_RDONLY, dir_fd=self._proc_fd)
            except OSError:
                gone.append(pid)
                continue
            now = files.peek(fd, _STAT)
            if not now:
                os.close(fd)
                gone.append(pid)
                continue
            if now != self._ran[pid]:
                self._ran[pid] = now
                ran.append(pid)
            self._keep(pid, fd)

    def _keep(self, pid, fd):
        """Its file stays open where there is room; else it is the last of those that are read by name."""
        if len(self._open) + (self._tree.number if self._tree else 0) < self._limit:
            self._open[pid] = fd
        else:
            os.close(fd)
            self._by_name[pid] = None


def _most_files():
    """How many files we may have open, raised to what is allowed: to root that is as many as the kernel has at all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (_kernels_most(), hard):
        with contextlib.suppress(OSError, ValueError):
            if most == resource.RLIM_INFINITY or most > soft:
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
                soft = most
                break
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft


def _kernels_most():
    try:
        with open("/proc/sys/fs/nr_open", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0
