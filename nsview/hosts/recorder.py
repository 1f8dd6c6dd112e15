"""Save the frames of a host's agent as they arrive."""

import itertools
import signal
import threading
import time
from collections.abc import Callable

import msgspec

from . import frames
from .live import LiveHost
from .members import Writer
from .redaction import redacted
from .told import UNKEPT, Told

NETS = 2.0  # the least number of seconds between two readings of the net namespaces
USE = 5.0
"""Seconds between two readings of the use of containers."""
SELDOM = 6
"""Readings of the use, of which one has the engines' records."""
SETTLING = 3.0
"""Seconds before the confinement of a new container is asked for: its processes have settled by then."""
LONGEST = 300.0
"""Seconds after which a new member begins, with a full look, on a host where little happens."""


def record(
    writer: Writer, host: LiveHost, seconds: float | None = None, say: Callable[[str], object] = print, *,
    redact: bool = False,
) -> int:  # fmt: skip
    """Write the frames of a host until interrupted (^C, SIGTERM), or for that many seconds, and return their number.

    Each frame is written whole and at once, so the file can be read even if the machine dies. A new member begins when
    the frames since the last full look outweigh it. say: called if the agent had to be started again; the recording
    goes on with the first frames of the new one. redact: leave out command lines and environments.
    """

    def ask() -> None:
        # The recording shows only the things that are asked for now.
        host.request_holders()
        host.request_security()
        host.request_nets()

    def restarted(how: str) -> None:
        say(how)
        ask()

    host.on_restart = restarted
    ask()
    timer = threading.Timer(seconds, host.stop) if seconds else None
    newcomers, net_changes = _Newcomers(host), _NetChanges(host)
    ended = threading.Event()
    threading.Thread(target=_read_use, args=(host, ended), daemon=True).start()
    file = _File(writer, host.name, redact=redact)
    # No exception amid a write.
    stop = lambda *_: threading.Thread(target=host.stop).start()  # noqa: E731
    signals = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        if timer:
            timer.start()
        for line in host.lines():
            frame = frames.decode(line)
            file.take(frame, line)
            if isinstance(frame, frames.DeltaFrame) and b'"type":"net"' in line:
                net_changes.hear()
            newcomers.hear(frame)
    finally:
        for number, before in signals.items():
            signal.signal(number, before)
        if timer:
            timer.cancel()
        ended.set()
        newcomers.stop()
        net_changes.stop()
        host.stop()
    return file.number


class _File:
    """The frames on their way to a file. number: of those that were written."""

    def __init__(self, writer: Writer, name: str = "this host", *, redact: bool = False) -> None:
        """name: of the host, in errors."""
        self.number = 0
        self._writer = writer
        self._redact = redact
        self._told = Told(name)
        self._began: float | None = None  # the open member

    def take(self, frame: frames.Frame, line: bytes) -> None:
        """Write a frame, or begin a member with all that was told."""
        if self._redact and (hidden := redacted(frame)) is not frame:
            frame, line = hidden, msgspec.json.encode(hidden) + b"\n"
        changes = self._told.take(frame)
        if self._told.taken_at is None or isinstance(frame, UNKEPT):
            return
        self.number += 1
        looked = isinstance(frame, frames.SnapshotFrame)
        if not looked:
            self._writer.write(line, changes)
        late = self._began is not None and time.monotonic() > self._began + LONGEST
        if looked or late or self._writer.tail > self._writer.head:
            self._began = time.monotonic()
            head = (msgspec.json.encode(one) + b"\n" for one in self._told.frames())
            self._writer.begin(self._told.taken_at, head)


def _read_use(host: LiveHost, ended: threading.Event) -> None:
    """Ask for the use of containers at the beginning and every USE seconds, and for the engines' records seldom."""
    for number in itertools.count():
        host.request_usage([], None, engines=number % SELDOM == 0)
        if ended.wait(USE):
            return


class _Timers:
    """Calls that wait for their time."""

    def __init__(self) -> None:
        self._alive: list[threading.Timer] = []

    @property
    def waits(self) -> bool:
        """True if a call waits."""
        return any(timer.is_alive() for timer in self._alive)

    def start(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        """Call after so many seconds, unless stopped before."""
        self._alive = [timer for timer in self._alive if timer.is_alive()]
        self._alive.append(threading.Timer(seconds, call, arguments))
        self._alive[-1].start()

    def stop(self) -> None:
        for timer in self._alive:
            timer.cancel()


class _NetChanges:
    """Requests for the net namespaces after one has come or gone: soon, and again when its interfaces and listeners
    are there. At most one of each waits."""

    def __init__(self, host: LiveHost) -> None:
        self._host = host
        self._asked = time.monotonic()
        self._soon, self._settled = _Timers(), _Timers()

    def hear(self) -> None:
        """Ask for what has changed by now, and for what will have."""
        for timers, wait in ((self._soon, max(0.0, self._asked + NETS - time.monotonic())), (self._settled, SETTLING)):
            if not timers.waits:
                timers.start(wait, self._ask)

    def _ask(self) -> None:
        self._asked = time.monotonic()
        self._host.request_nets()

    def stop(self) -> None:
        self._soon.stop()
        self._settled.stop()


class _Newcomers:
    """Requests for the confinement of containers that start after the first request, one for each."""

    def __init__(self, host: LiveHost) -> None:
        self._host = host
        self._known: set[str] = set()
        self._timers = _Timers()

    def hear(self, frame: frames.Frame) -> None:
        """Ask for what has started by now."""
        if not isinstance(frame, frames.SnapshotFrame | frames.DeltaFrame):
            return
        new = [container for container in frame.containers if container.key not in self._known]
        self._known.update(container.key for container in new)
        if isinstance(frame, frames.SnapshotFrame) or not new:
            return
        pids = [pid for container in new for pid in container.pids]
        self._timers.start(SETTLING, self._host.request_security, pids)

    def stop(self) -> None:
        self._timers.stop()
