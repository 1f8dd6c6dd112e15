"""One of several hosts that are watched at once: its agent, the bounds of what it may say, when it is tried again."""

from collections.abc import Iterable

import msgspec

from nsview.model.events.record import Event
from nsview.model.net import Nets
from nsview.model.snapshot import Snapshot

from . import HostError, place
from .inventory import NamedHost
from .link import WATCHED
from .remote import RemoteHost

AT_ONCE = 16
"""Hosts that are connected at the same time."""
SOON = 5.0
"""Seconds after which a host that is still silent does not keep others from being connected."""
AGAIN = 5.0, 300.0
"""Seconds until a host is tried again at first, and at most: each time twice as long."""
SETTLED = 60.0
"""Seconds after which a link that then ends is tried as soon as the first time."""
MOST = 50_000
"""Processes, namespaces and containers of one host."""
HEAVIEST = 64 << 20
"""Bytes of all of them and of the latest events, as JSON: an agent may make each as long as a frame."""


def started(entry: NamedHost, *, elevated: bool) -> RemoteHost:
    """The host, by an agent that was started there and may ask nobody for anything. elevated: as root, by sudo. Raises
    HostError."""
    if entry.error:
        raise HostError(entry.error)
    option, word = entry.options
    host = RemoteHost(place.via(word) if option == "--via" else place.of(word), elevated=elevated, asking=False)
    host.allowed = WATCHED
    return host


def untaken(error: Exception) -> str:
    """The line for an error that a host's word leads to here: a lie that nobody thought of, which harms no other."""
    return f"its word can't be taken in ({type(error).__name__})"


def check(snapshot: Snapshot) -> None:
    """Raise HostError if a snapshot is more than one host among others may have."""
    if len(snapshot.processes) + len(snapshot.namespaces) + len(snapshot.containers) > MOST:
        raise HostError(f"more than {MOST:,} processes, namespaces and containers: look at this host alone")


def weigh(snapshot: Snapshot, events: Iterable[Event], nets: Nets | None = None) -> None:
    """Raise HostError if a snapshot, events and a net map take more memory than one host among others may. Costs a
    microsecond a process, so it is for now and then."""
    records = snapshot.processes, snapshot.namespaces, snapshot.containers
    heavy = sum(len(msgspec.json.encode([*some.values()])) for some in records)
    if heavy + len(msgspec.json.encode(([*events], nets))) > HEAVIEST:
        raise HostError(f"more than {HEAVIEST >> 20} MiB to keep in memory: look at this host alone")


class Tries:
    """The tries of one host, each later than the one before."""

    def __init__(self) -> None:
        self._number = 0

    def wait(self, lived: float) -> float:
        """The seconds until the next try, after a link that was alive for so many."""
        self._number = 0 if lived > SETTLED else self._number
        first, most = AGAIN
        seconds = min(most, first * 2.0**self._number)
        self._number = min(self._number + 1, 16)
        return seconds
