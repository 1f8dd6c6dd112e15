"""The session with one host: its snapshots as they arrive, and the answers to requests. No Textual here.

A thread receives from the host; everything else happens in the event loop of the screens, in which `deliver` has a
call made. Answers are awaited; `Watcher`s are shown the frames that arrive unasked.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from typing import Any

from nsview.hosts import HostError, frames
from nsview.hosts.live import LiveHost, is_number
from nsview.hosts.playback import Playback
from nsview.hosts.recording import RecordedHost
from nsview.model import ended
from nsview.model.changes import Changes, changes
from nsview.model.events.follower import Follower
from nsview.model.events.lines import latest
from nsview.model.events.record import Event
from nsview.model.filter import Reach, reach_of
from nsview.model.kinds import KindName
from nsview.model.log import Log
from nsview.model.net import Nets
from nsview.model.records import Details, Process
from nsview.model.security import Facts, added
from nsview.model.snapshot import Snapshot
from nsview.model.usage import Meter, Stopped, Usage

from .answers import Answers
from .inbox import Inbox
from .silence import Silence

AnyHost = LiveHost | RecordedHost

EVENTS_KEPT = 5000
"""Events that are kept: the latest."""
NETS_KEEP = 10.0
"""Seconds for which ports and addresses that were read are good enough to find by."""
ENGINES_KEEP = 2.0
"""The same of the records of engines, by which stopped containers are known."""
ANSWER = 5.0
"""Seconds that a key waits for a search, before it says that nothing is known."""


class Watcher:
    """A screen, or the application, that shows the frames that arrive; a frame that it does not need
    is ignored."""

    def show_snapshot(self, snapshot: Snapshot, happened: Changes | None) -> None:
        """A newer snapshot, and the changes since the one before; None if the two are not to be compared."""

    def show_events(self) -> None:
        """Something has happened: the session has more events."""

    def show_progress(self, done: int, total: int) -> None:
        """The first look has read so many of the processes."""

    def show_source(self, words: str) -> None:
        """The state of the host, in a word or two: live, recorded, stopped."""

    def show_nets(self, nets: Nets | None) -> None:
        """The net namespaces from within. None if a recording has none."""

    def show_nets_progress(self, what: str, done: int, total: int) -> None:
        """The agent has read so many of the net namespaces, or of other things. what: their plural."""

    def show_leader(self) -> None:
        """The process of the thread that was asked about is known."""

    def show_engines(self) -> None:
        """The records of engines were read: of the containers without a process."""

    def show_links_changed(self) -> None:
        """Interfaces, addresses or routes have changed since net namespaces were asked for."""

    def show_moment(self) -> None:
        """A recording is at another moment: net namespaces, confinement and use may be others."""

    def show_restart(self, how: str) -> None:
        """The agent has exited by itself, and another goes on. how: the reason, in words."""

    def show_end(self, failure: str | None) -> None:
        """The host has ended. failure: the reason, None if it simply ended."""


class Session:
    """One host, live or recorded, until `replace` puts another in its place."""

    def __init__(self, host: AnyHost, deliver: Callable[..., object]) -> None:
        """deliver(call, *arguments): has the call made in the event loop, soon; from any thread."""
        self.host = host
        self.watchers: list[Watcher] = []
        self.snapshot: Snapshot | None = None  # the latest
        self.nets: Nets | None = None  # as last read
        self.reach: Reach | None = None  # the containers behind ports, addresses and interfaces; None until read
        self.events: list[tuple[int, Event]] = []  # the `latest`, numbered from 1
        self.engines = Meter()  # the records of engines as last read, and nothing else
        self.unseen: deque[Event] = deque(maxlen=EVENTS_KEPT)  # not shown by any screen yet
        self.source = host.source
        self._deliver = deliver
        self._snapshots: Inbox[Snapshot] = Inbox(deliver, lambda arrived: self._show(arrived[-1]), most=1)
        self._new_events: Inbox[Event] = Inbox(deliver, self._happened)
        self._whole: Snapshot | None = None  # the latest that is not partial
        self._ended: AnyHost | None = None
        self._answers = Answers()
        self._searching: AnyHost | None = None
        self._nets_asked = self._engines_asked = -NETS_KEEP
        self._leader: tuple[str, int | None, int] = "", None, 0  # (a thread's number, its process, id of the request)
        self._silence = Silence(deliver, lambda: self.runs, self._tell_source)

    @property
    def live(self) -> bool:
        """True if the host can be asked and entered: it is no recording."""
        return self.host.live

    @property
    def playback(self) -> Playback | None:
        """The host as a recording that is played, None if it is none."""
        return self.host if isinstance(self.host, Playback) else None

    @property
    def runs(self) -> bool:
        """True if the host can still be asked."""
        return self._ended is not self.host

    # Arriving frames

    def begin(self) -> None:
        """Show the snapshot that was read before there was a screen, if there is one: the first picture is of it."""
        snapshot = self.host.early()
        if snapshot is not None:
            self._show(snapshot)

    async def run(self) -> None:
        """Receive from the host until it ends or another takes its place."""
        await asyncio.to_thread(self._receive, self.host)

    def _receive(self, host: AnyHost) -> None:
        failure = None
        follower = Follower()
        follower.take(self.snapshot)  # the one that was read ahead, or the last of another agent's
        if isinstance(host, LiveHost):
            host.on_restart = lambda how: self._deliver(self._restarted, host, how)
        elif isinstance(host, Playback):
            host.on_change = lambda: self._deliver(self._heard)
        try:
            for received in host.read():
                if host is not self.host:
                    return
                # Of each snapshot, also of those that are not shown since the next has come.
                self._new_events.put(follower.take(received))
                if isinstance(received, Snapshot):
                    self._keep(received)
                else:
                    self._deliver(self._take, host, received)
        except (HostError, ValueError, OSError) as error:
            failure = str(error)
        self._deliver(self._end, host, failure)

    def _happened(self, events: Collection[Event]) -> None:
        first = self.events[-1][0] + 1 if self.events else 1
        self.events = latest([*self.events, *enumerate(events, first)], EVENTS_KEPT)
        self.unseen.extend(events)
        for watcher in self.watchers:
            watcher.show_events()

    def _keep(self, snapshot: Snapshot) -> None:
        self._snapshots.put([snapshot])

    def _show(self, snapshot: Snapshot) -> None:
        before, self._whole = self._whole, None if snapshot.partial else snapshot
        self.snapshot = snapshot
        follows = before is not None and before.host == snapshot.host and self.host.timed
        if self.playback and before and before.taken_at > snapshot.taken_at:
            follows = False  # the recording went back
        happened = changes(before, snapshot) if before and follows else None
        for watcher in self.watchers:
            watcher.show_snapshot(snapshot, happened)
        self._heard()

    def _take(self, host: AnyHost, frame: frames.Frame) -> None:
        if host is not self.host:
            return
        if self._answers.take(frame):
            self._heard()
            self.take_engines(frame)
            return
        match frame:
            case frames.Progress():
                for watcher in self.watchers:
                    watcher.show_progress(frame.done, frame.total)
            case frames.ThreadFrame() if frame.id == self._leader[2]:
                text = self._leader[0]
                self._leader = text, frame.pid if str(frame.pid) != text else None, frame.id
                for watcher in self.watchers:
                    watcher.show_leader()
            case frames.NetFrame() if host.live:
                self._take_nets(frame)
            case frames.Links() | frames.UsageFrame() if self.playback:
                if self.nets is not None and isinstance(frame, frames.Links):
                    self.request_nets()
                for watcher in self.watchers:
                    watcher.show_moment()
                self._heard()
            case frames.Links():
                for watcher in self.watchers:
                    watcher.show_links_changed()
            case frames.NetProgress() if host.live:
                for watcher in self.watchers:
                    watcher.show_nets_progress(frame.what, frame.done, frame.total)

    def take_engines(self, frame: object) -> None:
        if isinstance(frame, Usage) and frame.engines is not None:
            self.engines = Meter(frame.taken_at, engines=frame.engines)
            for watcher in self.watchers:
                watcher.show_engines()

    def _take_nets(self, nets: Nets | None) -> None:
        self.nets = nets
        self.reach = reach_of(nets, self.snapshot) if self.snapshot else Reach()
        for watcher in self.watchers:
            watcher.show_nets(nets)

    def _end(self, host: AnyHost, failure: str | None) -> None:
        if host is not self.host:
            return
        if host.live:
            self._ended = host
        self._drop_answers()
        if failure is not None and self.snapshot is not None:
            self._tell_source("stopped")
        for watcher in self.watchers:
            watcher.show_end(failure)

    def _restarted(self, host: AnyHost, how: str) -> None:
        if host is not self.host:
            return
        if self._searching is host:
            self._searching = None
            self.search_holders(slowly=True)
        for watcher in self.watchers:
            watcher.show_restart(how)

    def _drop_answers(self) -> None:
        """End all waiting for answers: the host that was asked has ended."""
        self._answers.drop()
        self._leader = "", None, 0

    # Requests

    async def details(self, process: Process, contents: Sequence[KindName] = (), *, sockets: bool = False) -> (
        Details | None
    ):  # fmt: skip
        """The details of a process, with the content of its namespaces of these kinds, and its sockets if asked for.

        None if the process is gone, or in no recording. Cancelled if the host ends before it answers.
        """
        if not isinstance(self.host, LiveHost):
            return self.host.details(process)
        answer: Details | None = await self._answer(self.host.request_details(process, contents, sockets=sockets))
        return answer

    async def usage(
        self, pids: Sequence[int] | None = None, containers: Sequence[str] | None = None, fields: Sequence[str] = (),
        *, files: bool = False, engines: bool = False,
    ) -> Usage | None:  # fmt: skip
        """The use of these processes and containers, by default of all. fields: these parts of a container's alone.
        files: count open files too. engines: read the engines' records too.

        None if the host is a recording. Cancelled if the host ends before it answers.
        """
        if not isinstance(self.host, LiveHost):
            return None
        asked = self.host.request_usage(pids, containers, fields, files=files, engines=engines)
        answer: Usage = await self._answer(asked)
        return answer

    async def host_usage(self) -> Usage | None:
        """The use of the host alone, now or at the moment of a recording; None if that has none."""
        if not isinstance(self.host, LiveHost):
            return next(iter(deque(self.recorded_usage(), maxlen=1)), None)
        return await self.usage([], [])

    async def log(self, container: str, tail: int, place: tuple[int, int] | None = None) -> Log | None:
        """The last lines of the log of a container (its key), or those behind a place, if not too many to be seen.

        None if the host is a recording. Cancelled if the host ends before it answers.
        """
        if not isinstance(self.host, LiveHost):
            return None
        answer: Log = await self._answer(self.host.request_log(container, tail, place, skip=True))
        return answer

    def leader(self, text: str) -> int | None:
        """The pid of the process of a thread other than its first. None if the text is no such thread's number, or the
        answer is still to come; watchers are told of that."""
        if isinstance(self.host, LiveHost) and self.runs and self._leader[0] != text and is_number(text):
            self._leader = text, None, self.host.request_thread(int(text))
        return self._leader[1] if self._leader[0] == text else None

    async def _answer(self, id: int) -> Any:
        """The answer to the request of this id."""
        self._silence.asked()
        return await self._answers.expect(id)

    def recorded_usage(self) -> Iterator[Usage]:
        """The readings of the use of containers in a recording, oldest first; none of a live host."""
        if isinstance(self.host, RecordedHost):
            yield from self.host.usages()

    async def security(self, pids: Sequence[int] | None = None) -> AsyncIterator[Facts]:
        """The facts that confine processes: those of containers, or these. Each item has all that arrived so far; the
        last one is complete, if the host does not end before."""
        if not isinstance(self.host, LiveHost):
            recorded = self.host.security()
            known = [one for one in recorded.processes.values() if pids is None or one.pid in pids]
            yield added(Facts(), known, recorded.lsm, len(known), len(known))
            return
        async for facts in self._answers.facts(self.host.request_security(pids)):
            yield facts

    def request_nets(self, *, follow: bool = False) -> None:
        """Ask for all net namespaces from within; watchers are shown them. follow: and of the next change."""
        if isinstance(self.host, LiveHost):
            self.host.request_nets(follow=follow)
        else:
            self._deliver(self._take_nets, self.host.nets())

    def want_nets(self) -> None:
        """Ask for the net namespaces if they are not known, or were read a while ago."""
        if time.monotonic() - self._nets_asked > NETS_KEEP:
            self._nets_asked = time.monotonic()
            self.request_nets()

    def want_engines(self) -> None:
        """Ask for the records of engines if they are not known, or were read a while ago."""
        if not isinstance(self.host, LiveHost):
            for reading in self.recorded_usage():
                self.take_engines(reading)
        elif self.runs and time.monotonic() - self._engines_asked > ENGINES_KEEP:
            self._engines_asked = time.monotonic()
            asked = self.host.request_usage([], [], engines=True)
            self._answers.expect(asked)  # taken as it arrives

    def ended(self, thing: object) -> Stopped | None:
        """The record of a container without a process (its key). None if there is none, or it was started since."""
        return ended.of_thing(thing, self.snapshot, self.engines)

    def search_holders(self, *, slowly: bool) -> None:
        """Search for everything that keeps namespaces alive; slowly: only once for a host."""
        if isinstance(self.host, LiveHost) and not (slowly and self._searching is self.host):
            self._searching = self.host
            self.host.request_holders(slowly=slowly)

    async def searched(self) -> Snapshot | None:
        """The snapshot once the holders have been searched anew; the present one if that takes longer than ANSWER; None
        if there is none yet."""
        before = self.snapshot.search if self.snapshot else None
        self.search_holders(slowly=False)
        until = time.monotonic() + ANSWER
        while self.runs and self.snapshot and self.snapshot.search == before and time.monotonic() < until:
            await asyncio.sleep(0.02)
        return self.snapshot

    def rescan(self) -> bool:
        """Look now. True if the agent had ended and another was started, so that `run` is to be called again."""
        if not isinstance(self.host, LiveHost):
            return False
        if self.runs:
            self.host.rescan()
            return False
        self.replace(self.host.again())
        return True

    def replace(self, host: LiveHost) -> None:
        """Receive from another agent instead of the present one, from the next `run` on."""
        old, self.host = self.host, host
        self._drop_answers()
        self.let_go(old)

    def let_go(self, host: AnyHost) -> None:
        """End the agent of a host that this session has left."""
        host.stop()

    def _heard(self) -> None:
        self._silence.heard()
        self._tell_source(self.host.source)

    def _tell_source(self, words: str) -> None:
        self.source = words
        for watcher in self.watchers:
            watcher.show_source(words)
