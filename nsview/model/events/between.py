"""The events from one snapshot to a later one."""

from collections.abc import Mapping

from ..snapshot import Snapshot, touched
from .containers import of_containers
from .namespaces import moves, of_namespaces
from .record import ORDER, Ended, Event, Period


def events(before: Snapshot, after: Snapshot, ends: Mapping[str, Ended] | None = None) -> tuple[Event, ...]:
    """The events from one snapshot of a host to a later one: ends, then changes, then beginnings.

    ends: {container's key: the exit of its first process}. The cost is that of the changes if one snapshot soon follows
    the other.
    """
    period = Period(before, after, touched(before, after))
    found = [*of_containers(period, ends or {}), *of_namespaces(period), *moves(period)]
    return tuple(sorted(found, key=lambda event: ORDER[event.kind]))
