"""The times of the next looks, and their subjects: by events of the kernel if it gives them, and by what has run.

Told by the kernel: births, deaths and changes (`events`), mounts, moves to other cgroups and new names of containers
(`notices`). Not told, so asked for: the processes that have run, for they may have left a namespace (`watch`).

A look at everything is right but dear; this module decides how seldom it will do.
"""

from __future__ import annotations

import os
import time

from . import ends, hostfiles, notices, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .events import KernelEvents
    from .protocol import Process
    from .scan import Scanner

# Seconds between two of a kind; each also waits long enough to take no more than its share of a core.
LOOK = 5.0, 0.004  # at everything, for changes that nothing else tells ..
LOOK_TOLD = 10.0, 0.004  # .. fewer, if births, deaths and moves are told
PASS = 0.8, 0.0006  # over the processes that have run: setns and unshare, and all changes if there are no events ..
PASS_MANY = 1.5, 0.009  # .. and if there are so many that it takes more than that share
NAMES = 0.25, 0.1  # over all containers, because a file that names one was written
BIRTHS = 0.1, 0.01  # a glance at the last pid, if there are no events
CGROUPS = 0.02  # at a time over cgroups that are new, or that processes may have moved to, then as long for all else ..
WAITED = 9  # .. or so many times as long as the kernel has made it wait, as where cgroups come and go all the time
GATHER = 0.01  # after the first event of some, so that a burst is one update
EVERY = 0.05  # from one update to the next at the least: an eye sees no more than that
AGAIN = 0.05  # after a death, until the zombie is looked for again
UPDATES = 0.25  # of a core at the most: a storm makes updates rarer, not later ..
BURST = 0.1  # .. but so many seconds of work are saved up while little happens, and an event after that need not wait


class Schedule:
    """A gatherer of the things that may have changed. sources, urgent: to be waited for besides time. ends: of the
    processes that exited."""

    def __init__(self) -> None:
        self.watch = watch.Watch()
        self.urgent = _mounts()  # ready when a mount came or went: a namespace may have a name
        self._loadavg = _opened("/proc/loadavg")
        self._last_pid = b""
        self._events = _listening()
        self.ends = ends.Ends()
        self.notices = _noticing()
        self.sources = [source for source in (self._events, self.notices) if source]
        self._pids: set[int] = set()  # the pids that may have changed ..
        self._ended: dict[int, int] = {}  # .. and those that exited: {pid: number of looks that found a zombie}
        self._everything = False
        self._mounts = False
        self._next_look = self._next_pass = self._next_births = self._next_names = time.monotonic()
        self._next_grow = self._next_moved = self._next_look
        self._next_update = self._next_forced = self._next_look  # the soonest times that their share of a core allows
        self._credit = BURST, self._next_look  # seconds of work that updates may take, and the time of that sum
        self._gathered: float | None = None  # the time at which the gathered pids are to be looked at

    def begin(self) -> None:
        """Begin to follow, after the first look is told."""
        if self._events:
            self.ends.begin()
        if self.notices:
            self.notices.begin()
            self._grow()

    def looked(self, cost: float) -> None:
        """Note a look at everything. cost: the seconds that the look took."""
        now = time.monotonic()
        self._everything = False
        told = self._events and self.notices and self.notices.whole
        least, share = LOOK_TOLD if told else LOOK
        self._next_look = now + max(least, cost / share)
        self._next_pass = now + PASS[0]
        self._gathered = self._unmoved()
        self._next_forced = now + cost * (1 - UPDATES) / UPDATES

    def updated(self, cost: float, processes: Collection[int], names: bool = False) -> None:
        """Note an update. cost: seconds that it took. processes: those there are now. names: the names of all
        containers were looked at too."""
        now = time.monotonic()
        if names:
            self._next_names = now + max(NAMES[0], cost / NAMES[1])
        self._gathered = self._unmoved()
        credit, since = self._credit
        credit = min(BURST, credit + (now - since) * UPDATES) - cost
        self._credit = credit, now
        self._next_update = now + max(EVERY, -credit / UPDATES)
        # A zombie is gone when its parent takes note of it, which is soon, or only a pass will tell.
        self._ended = {pid: n + 1 for pid, n in self._ended.items() if n < 4 and pid in processes}
        if self._ended:
            self._pids.update(self._ended)
            self._gathered = now + AGAIN

    def want_everything(self) -> None:
        """Look at everything next."""
        self._everything = True

    def next(self, now: float) -> float:
        """The time, by time.monotonic, at which something is due."""
        due = min(self._next_look, self._next_pass)
        if self._everything:
            due = min(due, self._next_forced)
        if not self._events:
            due = min(due, self._next_births)
        if self._gathered is not None:
            due = min(due, max(self._gathered, self._next_update))
        if self.notices and self.notices.written:
            due = min(due, max(self._next_names, self._next_update))
        if self.notices and self.notices.growing:
            due = min(due, self._next_grow)
        return due

    def heard(self, ready: Collection[object], urgent: Collection[int]) -> None:
        """Take the events of these sources, which are ready."""
        if self._events and self._events in ready:
            changed, ended, lost = self._events.take()
            self._pids |= changed | ended.keys()
            self._ended.update(dict.fromkeys(ended, 0))
            self.ends.heard(changed, ended)
            self._everything |= lost
        if self.notices and self.notices in ready:
            self._everything |= self.notices.heard()
            self._grow()
        if urgent:
            self._mounts = True
        if self._gathered is None and (self._pids or urgent or (self.notices and self.notices.changed)):
            self._gathered = time.monotonic() + GATHER

    def hear(self) -> None:
        """Take the events that the kernel has told until now."""
        if self._events:
            self.heard([self._events], ())

    def due(self, scanner: Scanner) -> tuple[bool, Collection[int], bool, bool]:
        """(look at everything, pids to look at, look at mounts, look at the names of containers)."""
        now = time.monotonic()
        processes = scanner.now["processes"]
        self._grow()
        if now >= (self._next_forced if self._everything else self._next_look):
            self._pids, self._mounts = set(), False
            if self.notices:
                self.notices.written = False
            return True, (), True, True
        if now >= self._next_pass:
            self._pass(now)
        if not self._events and now >= self._next_births:
            self._births(now, processes)
        if now < self._next_update:
            if self._gathered is None and self._pids:
                self._gathered = self._next_update
            return False, (), False, False
        names = False
        if self.notices:
            if self.notices.changed and now >= self._next_moved:
                self._pids |= scanner.moved(self.notices.moved(processes, CGROUPS))
                self._next_moved = _rested(now)
            names = self.notices.written and now >= self._next_names
            self.notices.written = self.notices.written and not names
        pids, mounts = self._pids, self._mounts
        self._pids, self._mounts, self._gathered = set(), False, self._unmoved()
        return False, pids, mounts, names

    def _unmoved(self) -> float | None:
        """The time to go on with cgroups that processes may have moved to. None if there are none."""
        return self._next_moved if self.notices and self.notices.changed else None

    def _grow(self) -> None:
        """Watch more of the cgroups; if new ones were found, look soon at their members."""
        began = time.monotonic()
        if not self.notices or not self.notices.growing or began < self._next_grow:
            return
        self.notices.grow(CGROUPS)
        self._next_grow = _rested(began)
        if self.notices.changed and self._gathered is None:
            self._gathered = time.monotonic() + GATHER

    def _pass(self, now: float) -> None:
        began = time.thread_time()  # without waits for other processes, which shall not make the next pass later
        ran, gone = self.watch.passed()
        self._pids.update(ran, gone)  # a pid of one that is gone may be another's by now
        cost = time.thread_time() - began
        self._next_pass = now + max(PASS[0], min(PASS_MANY[0], cost / PASS[1]), cost / PASS_MANY[1])

    def _births(self, now: float, processes: Mapping[int, Process]) -> None:
        """Gather the pids in /proc that are not known, if the last pid given has changed."""
        last = os.pread(self._loadavg[0], 256, 0).split()[-1] if self._loadavg else b""
        if last != self._last_pid or not last:
            self._last_pid = last
            there = {int(name) for name in os.listdir("/proc") if name.isdigit()}
            self._pids |= there.difference(processes)
        self._next_births = now + max(BIRTHS[0], (time.monotonic() - now) / BIRTHS[1])


def _rested(began: float) -> float:
    """The time to go on with the cgroups, after some of CGROUPS that began at a time."""
    now = time.monotonic()
    return now + max(now - began, WAITED * (now - began - CGROUPS))


def _listening() -> KernelEvents | None:
    """The kernel's events. None if it does not give them to this process."""
    from . import events  # and with it socket: not for a look alone

    try:
        return events.KernelEvents()
    except OSError:
        return None


def _mounts() -> list[int]:
    """[fd] of the host's mountinfo, [] if it can't be opened."""
    fd = hostfiles.host().mounts
    return _opened("/proc/self/mountinfo") if fd is None else [fd]


def _noticing() -> notices.Notices | None:
    """The notices. None if this user may have no more of them."""
    try:
        return notices.Notices()
    except OSError:
        return None


def _opened(path: str) -> list[int]:
    """[fd] of a file, [] if it can't be opened."""
    try:
        return [os.open(path, os.O_RDONLY)]
    except OSError:
        return []
