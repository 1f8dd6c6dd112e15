"""Which processes may have changed since the last look: those that have run.

No event tells of setns and unshare, but who calls them must run, and the scheduler counts that. One pread of an open
/proc/PID/schedstat is 1.8 µs where a whole process is 80, so a host that sleeps costs next to nothing. The files stay
open, and each pins its process: a pid that was reused fails with ESRCH rather than answer for another.

Where there are more processes than files that may be open, the rest are read by name, in turns.
Source: Documentation/scheduler/sched-stats.rst, fs/proc/base.c (proc_pid_schedstat).
"""

from __future__ import annotations

import os
import resource

_SPARE = 256  # file descriptors left for all else
_TURN = 4000  # processes without an open file that are read by name in one pass


class Watch:
    """Follows a set of processes. `passed` gives the pids that have run, and those that are gone."""

    def __init__(self, proc="/proc"):
        self._proc_fd = os.open(proc, os.O_PATH | os.O_DIRECTORY)
        self._open = {}  # {pid: fd}
        self._ran = {}  # {pid: schedstat's bytes}
        self._by_name = []  # pids without an open file, the next one to read first
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != soft:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
                soft = hard
            except (OSError, ValueError):
                pass
        self._limit = max(0, (1 << 20 if soft == resource.RLIM_INFINITY else soft) - _SPARE)

    def add(self, pid):
        """Follow a process from now on. Call it before the process is read, so that nothing falls in between."""
        self.discard(pid)
        try:
            fd = os.open("%d/schedstat" % pid, os.O_RDONLY, dir_fd=self._proc_fd)
        except OSError:
            return  # gone, or a kernel without it: then only full looks see its changes
        try:
            self._ran[pid] = os.pread(fd, 64, 0)
        except OSError:
            os.close(fd)
            return
        if len(self._open) < self._limit:
            self._open[pid] = fd
        else:
            os.close(fd)
            self._by_name.append(pid)

    def discard(self, pid):
        """Follow it no longer."""
        fd = self._open.pop(pid, None)
        if fd is not None:
            os.close(fd)
        self._ran.pop(pid, None)

    def passed(self):
        """(pids that have run since the last pass, pids that are gone)."""
        ran, gone = [], []
        last, pread = self._ran, os.pread
        for pid, fd in self._open.items():
            try:
                now = pread(fd, 64, 0)
            except OSError:
                gone.append(pid)
                continue
            if last[pid] != now:
                last[pid] = now
                ran.append(pid)
        self._pass_by_name(ran, gone)
        return ran, gone

    def _pass_by_name(self, ran, gone):
        turn, self._by_name = self._by_name[:_TURN], self._by_name[_TURN:]
        for pid in turn:
            before = self._ran.get(pid)
            if before is None:
                continue  # discarded
            try:
                fd = os.open("%d/schedstat" % pid, os.O_RDONLY, dir_fd=self._proc_fd)
            except OSError:
                gone.append(pid)
                continue
            try:
                now = os.pread(fd, 64, 0)
            except OSError:
                gone.append(pid)
                continue
            finally:
                os.close(fd)
            self._by_name.append(pid)
            if now != before:
                self._ran[pid] = now
                ran.append(pid)
