"""Several hosts, each by an agent and a session of its own: connected a few at a time, asked now and then, and tried
again when their link has ended. No Textual here.

A host that hangs, floods or lies costs its own link, whose error is a line.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

from nsview.hosts import HostError, among
from nsview.hosts.inventory import NamedHost
from nsview.hosts.link import WATCHED
from nsview.hosts.live import LiveHost
from nsview.hosts.remote import RemoteHost
from nsview.model.changes import Changes
from nsview.model.host_groups import HostsBy
from nsview.model.hosts_table import Heard, HostState, Reported
from nsview.model.net import Nets
from nsview.model.snapshot import Snapshot
from nsview.model.text import safe
from nsview.model.usage import Usage

from .readings import Readings
from .session import AnyHost, Session, Watcher

PACE = 15.0
"""Seconds between two questions to a host, for its load, its memory and the time of the answer."""
_ENDING = 3.0
"""Seconds that all agents together have to end."""

Deliver = Callable[..., object]


class HostSession(Session):
    """A session that goes on whatever screen is there: a thread of its own receives from the host."""

    def __init__(self, host: AnyHost, deliver: Deliver, refuse: Callable[[Exception], object]) -> None:
        """refuse: called with an error to which a frame of the host leads, in whatever shows it."""
        super().__init__(host, partial(deliver, self._make))
        self.readings = Readings(self)
        self.refused = False
        self._refuse = refuse
        self._received: AnyHost | None = None  # the host that the thread receives from

    def _make(self, call: Callable[..., object], *arguments: object) -> None:
        if not self.refused:
            try:
                call(*arguments)
            except Exception as error:
                self._refuse(error)

    def begin(self) -> None:
        """Show what is known so far to the screen that has come."""
        if self.snapshot is not None:
            self._show(self.snapshot)
            if not self.runs:
                self._tell_source("stopped")

    async def run(self) -> None:
        """Receive from the host, unless that is under way."""
        self.receive()

    def receive(self) -> None:
        """Receive from the host in a thread, unless that is under way."""
        if self._received is not self.host:
            self._received = self.host
            if isinstance(self.host, LiveHost):
                self.host.allowed = WATCHED
            threading.Thread(target=self._in_thread, args=(self.host,), daemon=True).start()

    def _in_thread(self, host: AnyHost) -> None:
        try:
            self._receive(host)
        except Exception as error:
            self._deliver(self._end, host, among.untaken(error))

    def _keep(self, snapshot: Snapshot) -> None:
        among.check(snapshot)
        super()._keep(snapshot)

    def let_go(self, host: AnyHost) -> None:
        _stopped(host)


def _stopped(host: AnyHost) -> threading.Thread:
    """End the agent of a host in a thread, for that may take a while."""
    ending = threading.Thread(target=host.stop, daemon=True)
    ending.start()
    return ending


class HostLink(Watcher):
    """The link to one of the hosts. session: None until an agent was started there. failure: the last error, in a line;
    it stays until the host answers again."""

    def __init__(self, entry: NamedHost, deliver: Deliver, fleet: "Fleet", *, elevated: bool) -> None:
        """elevated: as root there, by a sudo that asks for no password."""
        self.entry = entry
        self.session: HostSession | None = None
        self.state: HostState = "failed" if entry.error else "waiting"
        self.failure = entry.error
        self.use: Usage | None = None
        self.began = 0.0  # when it was tried last
        self._deliver, self._fleet, self._elevated = deliver, fleet, elevated
        self._tries, self._again, self._since = among.Tries(), 0.0, 0.0
        self._asked, self._took = 0.0, 0.0
        self._closed = False
        self._question: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None  # for a lens

    @property
    def reported(self) -> Reported:
        """Return all that is known of the host."""
        snapshot = self.session.snapshot if self.session else None
        error = self.failure.removeprefix(f"{safe(self.entry.name)}: ")
        heard = self.session.readings.heard if self.session else Heard()
        return Reported(self.entry.name, self.entry.options, self.state, error, self.lag, snapshot, self.use, heard)

    @property
    def lag(self) -> float | None:
        """Seconds that the last answer took, or that the next one takes by now. None if there is no link."""
        if self.state != "live" or not self._asked:
            return None
        waits = time.monotonic() - self._asked if self._question else 0.0
        return max(waits, self._took) if self._took or waits > 1 else None

    # To the host and back

    def due(self, now: float) -> bool:
        """True if the host is to be tried now."""
        return not self.entry.error and (self.state == "waiting" or (self.state == "failed" and now >= self._again))

    @property
    def turn(self) -> float:
        """The place among those that are due: hosts that wait for their first try go before all that have failed."""
        return 0.0 if self.state == "waiting" else self._again

    def hasten(self) -> None:
        """Try the host at the next turn, if its link has ended."""
        self._again, self._tries = 0.0, among.Tries()

    def connect(self) -> None:
        """Start an agent there."""
        self.state = "retrying" if self.failure else "connecting"
        self.began = time.monotonic()
        threading.Thread(target=self._start, daemon=True).start()
        self._fleet.changed()

    def _start(self) -> None:
        try:
            host = among.started(self.entry, elevated=self._elevated)
        except HostError as error:
            self._deliver(self.show_end, str(error))
            return
        if self._closed:
            host.stop()
        else:
            self._deliver(self._take, host)

    def _take(self, host: RemoteHost) -> None:
        if self._closed:
            _stopped(host)
        elif self.session is None:
            self.session = HostSession(host, self._deliver, self.refuse)
            self.session.watchers.append(self)
        else:
            self.session.replace(host)
        if self.session is not None:
            self.session.receive()

    def show_snapshot(self, snapshot: Snapshot, happened: Changes | None) -> None:
        if self.session is None or not self.session.runs:
            return  # the last one, shown again to a screen
        if self.state != "live":
            self.state, self.failure, self._since = "live", "", time.monotonic()
            self.ask()
        self._fleet.changed()

    def show_restart(self, how: str) -> None:
        self.state, self.failure = "retrying", how
        self._fleet.changed()

    def show_nets(self, nets: Nets | None) -> None:
        self._fleet.heard()

    def show_leader(self) -> None:
        self._fleet.heard()

    def show_engines(self) -> None:
        self._fleet.heard()

    def refuse(self, error: Exception) -> None:
        """End the link to a host whose word leads to an error here: it is too much, or a lie that nobody thought of."""
        session = self.session
        if session is None:
            return
        session.refused = True
        session.watchers.remove(self)
        known = isinstance(error, HostError)
        self.show_end(str(error) if known else f"its word can't be told ({type(error).__name__})")
        self.session = self.use = None
        self._fleet.refused(self, session, error)

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Tell of the host; if that fails, refuse it and go on behind."""
        try:
            yield
        except Exception as error:
            self.refuse(error)

    def show_end(self, failure: str | None) -> None:
        now, was_live = time.monotonic(), self.state == "live"
        self.state, self.failure = "failed", failure or f"{self.entry.name}: the agent has ended"
        self._again = now + self._tries.wait(now - self._since if was_live else 0)
        if self.session is not None:
            _stopped(self.session.host)
        self._fleet.changed()

    # Asking

    def asks(self, now: float) -> bool:
        """True if the host is to be asked now."""
        return self.state == "live" and self._question is None and now >= self._asked + PACE

    def ask(self) -> None:
        """Ask the host for its load and its memory, unless an answer is still to come."""
        if self._question is None and self.session is not None and self.session.snapshot is not None:
            with self.told():
                among.weigh(self.session.snapshot, (event for _, event in self.session.events), self.session.nets)
                self._asked = time.monotonic()
                self._question = asyncio.get_running_loop().create_task(self._ask())

    async def _ask(self) -> None:
        assert self.session is not None
        try:
            self.use = await self.session.host_usage()
            self._took = time.monotonic() - self._asked
        except asyncio.CancelledError:
            pass  # the link has ended
        finally:
            self._question = None
        self._fleet.changed()

    def read(self, by: HostsBy, ignore: Collection[str]) -> None:
        """Ask the host for the lines of a lens, if it is time to. ignore: the rules that the audit leaves out."""
        if self.state == "live" and self.session is not None and self.session.readings.is_due(by):
            self._reading = asyncio.get_running_loop().create_task(self._read(self.session, by, ignore))

    async def _read(self, session: HostSession, by: HostsBy, ignore: Collection[str]) -> None:
        with self.told():
            await session.readings.read(by, ignore)
        self._fleet.changed()

    def close(self) -> threading.Thread | None:
        """End the link for good. The thread that does it, None if there is none."""
        self._closed = True
        return _stopped(self.session.host) if self.session else None


class Fleet:
    """The links to all hosts. changed: called after every change of one. heard: called when one has told of ports,
    threads or stopped containers, by which things are found. refused: called with a link that was ended for an error
    here, the session that it had, and the error."""

    def __init__(self, entries: Iterable[NamedHost], deliver: Deliver, *, elevated: bool = False) -> None:
        """deliver: as of a Session."""
        self.changed: Callable[[], object] = lambda: None
        self.heard: Callable[[], object] = lambda: None
        self.refused: Callable[[HostLink, HostSession, Exception], object] = lambda *_: None
        self.links = [HostLink(entry, deliver, self, elevated=elevated) for entry in entries]

    def turn(self) -> None:
        """Connect those that wait and those to be tried again, a few at a time, and ask those that are due."""
        now = time.monotonic()
        under_way = [
            link for link in self.links if link.state in ("connecting", "retrying") and now < link.began + among.SOON
        ]
        due = sorted((link for link in self.links if link.due(now)), key=lambda link: link.turn)
        for link in due[: max(0, among.AT_ONCE - len(under_way))]:
            link.connect()
        for link in self.links:
            if link.asks(now):
                link.ask()

    def stop(self) -> None:
        """End all links."""
        until = time.monotonic() + _ENDING
        for ending in [link.close() for link in self.links]:
            if ending is not None:
                ending.join(max(0.0, until - time.monotonic()))
