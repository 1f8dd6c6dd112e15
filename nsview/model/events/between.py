"""The events from one snapshot to a later one."""

from collections.abc import Mapping

from ..snapshot import Snapshot, touched
from .containers import of_containers
from .namespaces import moves, of_namespaces
from .record import ORDER, Ended, Event, Step


def events(before: Snapshot, after: Snapshot, ends: Mapping[str, Ended] | None = None) -> tuple[Event, ...]:
    """The events from one snapshot of a host to a later one: ends, then changes, then beginnings.

    ends: {container's key: the exit of its first process}. The cost is that of the changes if one snapshot soon follows
    the other.
    """
    step = Step(before, after, touched(before, after))
    found = [*of_containers(step, ends or {}), *of_namespaces(step), *moves(step)]
    return tuple(sorted(found, key=lambda event: ORDER[event.kind]))
