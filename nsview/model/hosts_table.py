"""Several hosts as lines of a table: their links, load and numbers; `host_groups` has the things of all. Pure."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from .audit.rule import Finding
from .events.record import Event
from .facts import Fact
from .filter.fields import Field, Fields
from .net import Nets
from .snapshot import Snapshot
from .table import Cell, Column, Line
from .text import count
from .usage import Meter, Usage, bytes_text
from .usage_table import HIGH, host_brief, numeric

HostState = Literal["waiting", "connecting", "live", "retrying", "failed"]
STATES: tuple[HostState, ...] = ("failed", "retrying", "connecting", "waiting", "live")
"""The states of a link, those first that must not be overlooked."""
SLOW = 2.0
"""Seconds for an answer from which on a host is slow."""

HOSTS: tuple[Column, ...] = (
    Column("HOST", most=40, least=16),
    Column("STATE"),
    Column("LAG", right=True, falling=True),
    Column("LOAD", right=True, falling=True),
    Column("MEM%", right=True, falling=True),
    Column("PROCS", right=True, falling=True),
    Column("CONTAINERS", keep=False, right=True, falling=True),
    Column("UNREADABLE", keep=False, right=True, falling=True),
    Column("ERROR", most=60, least=24),
)


class Heard(Struct, frozen=True):
    """The answers of one host to the questions of lenses. meter: its use. findings: of its audit, nets: its net
    namespaces, None before they were read. events: numbered, the latest last. waits: seconds for which an answer has
    been awaited, 0 if none is."""

    meter: Meter = Meter()
    findings: list[Finding] | None = None
    nets: Nets | None = None
    events: Sequence[tuple[int, Event]] = ()
    waits: float = 0.0


class Reported(Struct, frozen=True):
    """One of the hosts. options: of nsview, that lead there. error: the last one, "" if the host answers. lag: seconds
    that an answer takes. snapshot, use, heard: as last heard; the first two None if there was none."""

    name: str
    options: tuple[str, str]
    state: HostState
    error: str = ""
    lag: float | None = None
    snapshot: Snapshot | None = None
    use: Usage | None = None
    heard: Heard = Heard()


class Of(Struct, frozen=True):
    """The key of a line among those of several hosts: its host, by name and options, and its key among the lines of
    that host; None for the line of the host itself."""

    host: str
    options: tuple[str, str]
    key: Hashable = None


class Numbers(Struct, frozen=True, gc=False):
    """The numbers of a host's line, None if not known. mem: percent; lag: seconds."""

    lag: float | None
    load: float | None
    mem: float | None
    procs: int | None
    containers: int | None
    unreadable: int | None


# Hosts


def host(of: Reported) -> Line:
    """The line of a host; its numbers are dim if they are of before its link ended."""
    numbers = _numbers(of)
    here = of.state == "live"
    style = {"live": "container", "failed": "error", "retrying": "warning"}.get(of.state, "dim")
    cells = (
        Cell(of.name, "group" if here else ""),
        Cell(of.state, style, STATES.index(of.state)),
        _numeric(lag_text(numbers.lag), numbers.lag, warn=(numbers.lag or 0) >= SLOW),
        _numeric("" if numbers.load is None else f"{numbers.load:.2f}", numbers.load, here=here),
        _numeric(
            "" if numbers.mem is None else f"{numbers.mem:.0f}%", numbers.mem, (numbers.mem or 0) > 100 * HIGH, here
        ),
        _numeric(_plain(numbers.procs), numbers.procs, here=here),
        _numeric(_plain(numbers.containers), numbers.containers, here=here),
        _numeric(_plain(numbers.unreadable), numbers.unreadable, bool(numbers.unreadable), here),
        Cell(of.error, "error"),
    )
    return Line(Of(of.name, of.options), cells, numbers)


def _numbers(of: Reported) -> Numbers:
    snapshot, use = of.snapshot, of.use.host if of.use else None
    load = use.load[0] if use and use.load else None
    mem = None
    if use and use.memory and use.memory_used is not None:
        mem = 100 * use.memory_used / use.memory
    if snapshot is None:
        return Numbers(of.lag, load, mem, None, None, None)
    return Numbers(of.lag, load, mem, len(snapshot.processes), len(snapshot.containers), unreadable(snapshot))


def unreadable(snapshot: Snapshot) -> int:
    """The number of processes that may not be read."""
    return sum(number for reason, number in snapshot.unreadable.items() if reason != "ENOENT")


def _plain(value: int | None) -> str:
    return "" if value is None else str(value)


def _numeric(text: str, value: float | None, warn: bool = False, here: bool = True) -> Cell:
    cell = numeric(text, value)
    return Cell(cell.text, "warning" if warn and here else cell.style if here else "dim", cell.order)


def lag_text(seconds: float | None) -> str:
    """Milliseconds below a second, else seconds."""
    if seconds is None:
        return ""
    return f"{1000 * seconds:.0f}ms" if seconds < 1 else f"{seconds:.0f}s"


def heading(reports: Sequence[Reported]) -> str:
    """The number of hosts in each state, and of what the live ones have together."""
    states = [(state, sum(one.state == state for one in reports)) for state in STATES]
    told = ", ".join(f"{number} {state}" for state, number in states if number)
    snapshots = [one.snapshot for one in reports if one.snapshot and one.state == "live"]
    procs, containers = sum(len(one.processes) for one in snapshots), sum(len(one.containers) for one in snapshots)
    return f"{count(len(reports), 'host')}: {told}   {count(procs, 'process')}   {count(containers, 'container')}"


def of_host(of: Reported) -> list[Fact]:
    """The facts of a host, for the details."""
    snapshot = of.snapshot
    use = of.use.host if of.use else None
    found: list[Fact] = [("by", " ".join(of.options)), ("state", of.state), ("error", of.error)]
    if snapshot is not None:
        found += [
            ("its name", snapshot.host.name), ("kernel", snapshot.host.kernel),
            ("as", "root" if snapshot.host.privileged else f"uid {snapshot.host.uid}"),
            ("processes", str(len(snapshot.processes))), ("namespaces", str(len(snapshot.namespaces))),
            ("containers", str(len(snapshot.containers))), ("unreadable", _plain(unreadable(snapshot) or None) or None),
        ]  # fmt: skip
    if of.use is not None and use is not None:
        found += [("use", host_brief(of.use)), ("memory", bytes_text(use.memory) if use.memory else None)]
    return [*found, ("notes", snapshot.host.notes if snapshot else None)]


# Filters


def _amount(name: str, about: str, units: Mapping[str, float], part: str = "") -> Field:
    def values(line: Line) -> Sequence[float]:
        value = getattr(line.subject, part or name, None)
        return () if value is None else (value,)

    return Field(name, "amount", about, line=values, units=units)


def _text(name: str, about: str, of: Callable[[Line], Sequence[str]]) -> Field:
    return Field(name, "text", about, line=of)


def _cell(place: int) -> Callable[[Line], Sequence[str]]:
    return lambda line: (line.cells[place].text,)


def _named(fields: Iterable[Field]) -> Fields:
    return {field.name: field for field in fields}


OF_HOSTS: Fields = _named((
    _text("host", "the name of the host: host=web*", _cell(0)),
    _text("state", "live, connecting, retrying, failed, waiting", _cell(1)),
    _text("error", "the error of its link", _cell(len(HOSTS) - 1)),
    _amount("lag", "seconds for an answer: 2s", {"": 1, "s": 1, "m": 60}),
    _amount("load", "the load of the last minute", {"": 1}),
    _amount("mem%", "percent of its memory", {"": 1, "%": 1}, "mem"),
    _amount("procs", "the number of processes", {"": 1}),
    _amount("containers", "the number of containers", {"": 1}),
    _amount("unreadable", "the number of processes that may not be read", {"": 1}),
))  # fmt: skip
"""The fields of a filter of hosts."""
