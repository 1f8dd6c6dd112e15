"""Events as lines of a table, and the fields by which a filter finds them."""

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from ..filter.fields import OF_THINGS, Field, of_columns
from ..records import NamespaceKey
from ..snapshot import Snapshot
from ..table import Cell, Column, Line, Thing
from ..text import clock, count
from .record import Event, EventKind, label

COLUMNS: tuple[Column, ...] = (
    Column("TIME", falling=True),
    Column("KIND"),
    Column("CONTAINER", most=24),
    Column("SUBJECT", most=40),
    Column("EVENT", most=200),
)
_OTHERS = {name: OF_THINGS[name] for name in ("container", "image", "runtime", "pid")} | {
    "pod": replace(OF_THINGS["pod"], line=lambda line: (getattr(line.subject, "pod", None) or "",)),
    "code": Field("code", "number", "the exit code", line=lambda line: _code(line.subject)),
}
FIELDS = of_columns(COLUMNS, _OTHERS) | {
    "container": Field(
        "container", "text", "the container that it happened to or in; * is any, \"\" is none",
        line=lambda line: _container(line.subject),
    ),
}  # fmt: skip
"""The fields of a filter of events: the columns, and those of the container, the last as far as it is there."""


def _container(event: object) -> tuple[str, ...]:
    key = event.container if isinstance(event, Event) else None
    return (event.name, key, key.rpartition(":")[2]) if isinstance(event, Event) and key else ("",)


def _code(event: object) -> tuple[int, ...]:
    return () if not isinstance(event, Event) or event.code is None else (event.code,)


_STYLES: dict[EventKind, str] = {
    "started": "container", "stopped": "warning", "restarted": "warning", "oom": "error", "born": "dim", "gone": "dim",
}  # fmt: skip


def time_text(time: float) -> str:
    """The local time, as in a log."""
    return clock(time, "%m-%d %H:%M:%S")


def line(number: int, event: Event) -> Line:
    """The line of an event. number: its own, by which the cursor stays on it."""
    thing: Thing | None = event.container or event.pid or (event.namespaces[0] if event.namespaces else None)
    cells = (
        Cell(time_text(event.time), "dim", order=event.time),
        Cell(event.kind, _STYLES.get(event.kind, "label")),
        Cell(event.name, "container"),
        Cell(event.subject, "" if event.kind not in ("born", "gone") else "dim"),
        Cell(event.text),
    )
    more = " ".join([event.container or "", event.pod or "", event.command or "", *map(label, event.namespaces)])
    return Line(number, cells, event, more=more, thing=thing)


def behind(event: Event, snapshot: Snapshot) -> Thing | None:
    """The thing that an event is about: the process of a namespace's or a process's own event, else the container
    first. None if nothing of it is there any more."""
    process = snapshot.processes.get(event.pid or 0)
    pid = process.pid if process is not None and process.start == event.start else None
    container = event.container if event.container in snapshot.containers else None
    namespace: NamespaceKey | None = next((key for key in event.namespaces if key in snapshot.namespaces), None)
    if event.kind in ("born", "gone", "added", "removed") and len(event.namespaces) == 1:
        return namespace or pid or container
    if event.kind in ("joined", "unshared", "opened", "closed", "oom"):
        return pid or container or namespace
    return container or pid or namespace


_MANY = ("born", "gone")


def is_told(event: Event) -> bool:
    """True unless the lens leaves out the event until all are asked for: of births and ends of namespaces outside of
    containers, without a name, there are many on a busy host."""
    return event.kind not in _MANY or bool(event.container or event.names)


def latest(events: Sequence[tuple[int, Event]], most: int) -> list[tuple[int, Event]]:
    """The numbered events less the oldest ones of more than `most`: first of those that are not told."""
    excess = len(events) - most
    if excess <= 0:
        return [*events]
    many = {number for number, event in [one for one in events if not is_told(one[1])][:excess]}
    return [one for one in events if one[0] not in many][-most:]


GRAVE: tuple[EventKind, ...] = ("oom", "stopped", "restarted")
"""The kinds that must not be overlooked."""


def counted(events: Iterable[Event], kinds: Sequence[EventKind]) -> str:
    """The numbers of events of these kinds, "2 stopped, 1 born"; "" if there are none."""
    number = Counter(event.kind for event in events)
    return ", ".join(f"{number[kind]} {kind}" for kind in kinds if number[kind])


def summary(events: Iterable[Event]) -> str:
    """The number of events in words, and of the grave ones; "" if there are none."""
    several = list(events)
    return ": ".join(filter(None, (count(len(several), "event"), counted(several, GRAVE)))) if several else ""
