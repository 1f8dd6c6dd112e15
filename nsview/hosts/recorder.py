"""Save the frames of a host's agent as they arrive."""

import threading
import time
from collections.abc import Callable
from typing import BinaryIO

from . import frames
from .live import LiveHost
from .local import LocalHost

NETS = 2.0  # the least number of seconds between two readings of the net namespaces
USE = 5.0
"""Seconds between two readings of the use of containers."""
SETTLING = 3.0
"""Seconds before the confinement of a new container is asked for: its processes have settled by then."""


def record(
    file: BinaryIO, seconds: float | None = None, say: Callable[[str], object] = print, host: LiveHost | None = None
) -> int:
    """Write the frames of a host to a file until interrupted (^C) or for that many seconds, and return their number.

    Each frame is written whole and at once, so the file can be read even if the machine dies. say: called if the agent
    had to be started again; the recording goes on with the first frames of the new one. host: None for this machine.
    """
    host = host or LocalHost()

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
    asked, changed = time.monotonic(), False
    timer = threading.Timer(seconds, host.stop) if seconds else None
    newcomers = _Newcomers(host)
    ended = threading.Event()
    threading.Thread(target=_read_use, args=(host, ended), daemon=True).start()
    number = 0
    try:
        if timer:
            timer.start()
        for line in host.lines():
            file.write(line)
            file.flush()
            number += 1
            # The net map must show the current namespaces.
            changed |= b'"type":"net"' in line and line.startswith(b'{"frame":"delta"')
            if changed and time.monotonic() > asked + NETS:
                asked, changed = time.monotonic(), False
                host.request_nets()
            newcomers.hear(line)
    except KeyboardInterrupt:
        pass
    finally:
        if timer:
            timer.cancel()
        ended.set()
        newcomers.stop()
        host.stop()
    return number


def _read_use(host: LiveHost, ended: threading.Event) -> None:
    """Ask for the use of containers at the beginning and every USE seconds."""
    while True:
        host.request_usage([], None)
        if ended.wait(USE):
            return


class _Newcomers:
    """Requests for the confinement of containers that start after the first request, one for each."""

    def __init__(self, host: LiveHost) -> None:
        self._host = host
        self._known: set[str] = set()
        self._timers: list[threading.Timer] = []

    def hear(self, line: bytes) -> None:
        if b'"containers":[{' not in line:
            return
        frame = frames.decode(line)
        if not isinstance(frame, frames.SnapshotFrame | frames.DeltaFrame):
            return
        new = [container for container in frame.containers if container.key not in self._known]
        self._known.update(container.key for container in new)
        if isinstance(frame, frames.SnapshotFrame) or not new:
            return
        pids = [pid for container in new for pid in container.pids]
        self._timers = [timer for timer in self._timers if timer.is_alive()]
        self._timers.append(threading.Timer(SETTLING, self._host.request_security, [pids]))
        self._timers[-1].start()

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
