"""`nsview events` of several hosts: one list, in order of time, with the host's name before each event.

Each host is followed by a thread and an agent of its own. One whose link ends is a line on stderr, and is tried again.
"""

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import NamedTuple

from nsview import report
from nsview.hosts import HostError, among, inventory
from nsview.hosts.inventory import NamedHost
from nsview.hosts.remote import RemoteHost
from nsview.join.failure import FAILED, NOTHING, USAGE, Failure
from nsview.lookup import say
from nsview.model import export
from nsview.model.events.containers import running
from nsview.model.events.follower import Follower
from nsview.model.events.lines import FIELDS, line
from nsview.model.events.record import Event
from nsview.model.filter import Field, Filter
from nsview.model.snapshot import Snapshot
from nsview.model.table import Line

from .console import DONE, parsed, width
from .fleet import DEADLINE, Answered, notes

_TURN = 0.2
"""Seconds for which events are gathered, to be told in order of their times."""
_WIDEST = 24
"""The greatest width of the column of hosts."""


class _Heard(NamedTuple):
    """A word of a host: events, with the snapshot that is the last by then; or an error, or that it has ended."""

    place: int
    snapshot: Snapshot | None = None
    events: tuple[Event, ...] = ()
    error: str = ""


class _Followed:
    """A host and the thread that follows its events. error: the last error, until the host answers again."""

    def __init__(self, place: int, entry: NamedHost, options: SimpleNamespace, said: "queue.SimpleQueue[_Heard]"):
        self.place, self.entry, self.error = place, entry, entry.error
        self.heard = self.done = False
        self.notes: tuple[str, ...] = ()
        self.wanted = _filter_of(options, entry.name)
        self.began: float | None = None  # when the thread was started
        self._options, self._said = options, said
        self._host: RemoteHost | None = None
        self._closed = threading.Event()

    def start(self) -> None:
        """Listen to the host from now on."""
        self.began = time.monotonic()
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def waits(self) -> bool:
        """True while others are to wait for its answer."""
        recent = self.began is not None and time.monotonic() < self.began + among.SOON
        return recent and not (self.heard or self.error)

    def _run(self) -> None:
        tries = among.Tries()
        while not self._closed.is_set():
            began, error = time.monotonic(), "the agent has ended"
            try:
                self._host = among.started(self.entry, elevated=self._options.sudo)
                self._listen(self._host)
                error = "" if not self._options.follow else error
            except HostError as failure:
                error = str(failure)
            except Exception as failure:
                error = among.untaken(failure)
            if self._host is not None:
                self._host.stop()
            if error and not self._closed.is_set():
                self._said.put(_Heard(self.place, error=error))
            if not self._options.follow:
                return
            self._closed.wait(tries.wait(time.monotonic() - began))

    def _listen(self, host: RemoteHost) -> None:
        if not self._options.follow:
            first = host.first()
            among.check(first)
            self._said.put(_Heard(self.place, first, running(first, host.usage([], []).host)))
            return
        follower, last = Follower(), None
        for said in host.read():
            happened = follower.take(said)
            if isinstance(said, Snapshot):
                among.check(said)
            if isinstance(said, Snapshot) and last is None:
                self._said.put(_Heard(self.place, said))
            last = said if isinstance(said, Snapshot) else last
            if happened and last is not None:
                self._said.put(_Heard(self.place, last, happened))

    def close(self) -> threading.Thread:
        """End the agent there, in a thread, which is returned."""
        self._closed.set()
        ending = threading.Thread(target=self._host.stop if self._host else lambda: None, daemon=True)
        ending.start()
        return ending


def show_many(options: SimpleNamespace) -> int:
    """Print the events of all hosts of the options; return the exit code. Raises Failure, HostError."""
    if options.recording:
        raise Failure(USAGE, "--from is for one host, and -H, --via and --hosts name several")
    entries = inventory.entries(options.places)
    said: queue.SimpleQueue[_Heard] = queue.SimpleQueue()
    hosts = [_Followed(place, entry, options, said) for place, entry in enumerate(entries)]
    printer = _Printer(options, max(len(entry.name) for entry in entries))
    try:
        if options.follow:
            _follow(hosts, said, printer)
        else:
            _once(hosts, said, printer)
    except KeyboardInterrupt:
        if not options.follow:
            raise
    finally:
        for ending in [host.close() for host in hosts]:
            ending.join(2)
    failed = [host for host in hosts if host.error]
    if not options.follow:
        say(notes([Answered(host.entry.name, 0, host.error or None, notes=host.notes) for host in hosts]))
    if failed:
        return USAGE if all(host.entry.error for host in hosts) else FAILED
    if not printer.found:
        raise_or_say(options)
    return DONE


def raise_or_say(options: SimpleNamespace) -> None:
    """Say that there was no event. Raises Failure if the filter has left none."""
    if options.filter:
        raise Failure(NOTHING, "nothing matched")
    if options.follow:
        say(("nothing happened meanwhile",))
    else:
        say(("no container runs on these hosts; `nsview events --follow` prints what happens from now on",))


def _once(hosts: Sequence[_Followed], said: "queue.SimpleQueue[_Heard]", printer: "_Printer") -> None:
    """Ask each host for the containers that run; print all in order of their starts."""
    found: list[tuple[_Followed, _Heard]] = []
    until = time.monotonic() + DEADLINE
    while any(not (host.heard or host.error) for host in hosts):
        if time.monotonic() > until:
            for host in hosts:
                host.error = host.error or ("" if host.heard else f"no answer within {DEADLINE:.0f} s")
            break
        _start(hosts)
        for one in _gathered(said):
            host = hosts[one.place]
            host.heard, host.error = one.snapshot is not None, one.error
            host.notes = one.snapshot.host.notes if one.snapshot else ()
            found.append((host, one))
    printer.show(found)


def _follow(hosts: Sequence[_Followed], said: "queue.SimpleQueue[_Heard]", printer: "_Printer") -> None:
    """Print what happens until ^C. Return if no host can be followed."""
    say(f"{host.entry.name}: {host.error}" for host in hosts if host.entry.error)
    if all(host.entry.error for host in hosts):
        return
    print(f"nsview: following {len(hosts)} hosts; ^C ends", file=sys.stderr)
    while True:
        _start(hosts)
        words = _gathered(said)
        for one in words:
            host = hosts[one.place]
            name = host.entry.name
            if one.error and one.error != host.error:
                say((f"{name}: {one.error.removeprefix(f'{name}: ')}; it is tried again",))
            elif one.snapshot is not None and host.error:
                say((f"{name}: it is followed again",))
            host.error = one.error
            host.heard = host.heard or one.snapshot is not None
        printer.show([(hosts[one.place], one) for one in words])


def _start(hosts: Sequence[_Followed]) -> None:
    """Start to listen to some of those that wait, a few at a time."""
    under_way = sum(host.waits for host in hosts)
    for host in [one for one in hosts if one.began is None and not one.entry.error][: among.AT_ONCE - under_way]:
        host.start()


def _gathered(said: "queue.SimpleQueue[_Heard]") -> list[_Heard]:
    """The words of all hosts within a moment."""
    found = []
    until = time.monotonic() + _TURN
    with contextlib.suppress(queue.Empty):
        while (left := until - time.monotonic()) > 0:
            found.append(said.get(timeout=left))
    return found


def _filter_of(options: SimpleNamespace, name: str) -> Filter:
    """The filter of the options for a host. Raises Failure."""

    def names(line: Line) -> Sequence[str]:
        return (name,)

    return parsed(options, fields={**FIELDS, "host": Field("host", "text", "the name of the host", line=names)})


class _Printer:
    """The list as it is printed. found: the number of events so far."""

    def __init__(self, options: SimpleNamespace, widest: int) -> None:
        self.found = 0
        self._json, self._size = options.json, max(len("HOST"), min(widest, _WIDEST))

    def show(self, said: Iterable[tuple[_Followed, _Heard]]) -> None:
        """Print the events that match, in order of time."""
        told = [(event, host, one.snapshot) for host, one in said for event in one.events]
        for event, host, snapshot in sorted(told, key=lambda one: one[0].time):
            if snapshot is None or not host.wanted.line(line(self.found, event), snapshot):
                continue
            if not self.found and not self._json:
                print(report.events_header(width(), "HOST", self._size))
            self.found += 1
            name = host.entry.name
            text = export.event(event, name) if self._json else report.event(event, width(), name, self._size)
            print(text, flush=True)
