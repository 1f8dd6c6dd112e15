"""The things of several hosts as lines of one table, below a line for each host: containers, the namespaces of a kind.
Pure.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from . import condition, container_table, counts, facts, listing
from .facts import Fact
from .filter.fields import Field, Fields, of_columns
from .guides import indent
from .hosts_table import Of, Reported
from .kinds import KIND_NAMES, KindName
from .records import Container, Namespace
from .snapshot import Snapshot, of_kind
from .table import Cell, Column, Line
from .text import count
from .usage_table import numeric

HostsBy = Literal["host", "container", "use", "events", "audit", "net map"] | KindName
"""A table of several hosts: the hosts themselves, their containers, their namespaces of a kind, or a lens over all."""
LATE = 3.0
"""Seconds without an answer from which on that is said."""
MOST = 1000
"""Lines of one host: it may have, or say that it has, many more."""

CONTAINERS: tuple[Column, ...] = (
    Column("NAME", most=40, least=16),
    Column("STATE", most=24, keep=False),
    Column("IMAGE", most=44, least=16),
    Column("NET", most=24),
    Column("SHARES", most=30, keep=False),
    Column("PROCS", keep=False, right=True, falling=True),
)
NAMESPACES: tuple[Column, ...] = (
    Column("NAMESPACE", most=40, least=16),
    Column("NPROCS", right=True, falling=True),
    Column("PID", right=True),
    Column("WHOSE", most=40, least=14),
    Column("USER", most=16, keep=False),
    Column("NAMES", most=40, least=16, keep=False),
    Column("COMMAND", most=60, least=16, keep=False),
)


class Things(Struct, frozen=True):
    """The things of one sort of all hosts. noun: for one. lines: those of a host that has answered, by keys of its own.
    about: the facts of the thing of a line, for the details. source: the records of a host that its lines are made of,
    and made anew if they are others; None if it has not told them yet."""

    noun: str
    columns: tuple[Column, ...]
    fields: Fields
    lines: Callable[[Snapshot, Reported], Sequence[Line]]
    about: Callable[[Line, Snapshot], list[Fact]]
    source: Callable[[Reported], object] = lambda host: host.snapshot


class Held(Struct, frozen=True):
    """One container of a host. shared: the kinds of namespace that are the host's."""

    container: Container
    procs: int
    shared: tuple[str, ...]


# The lines of a host


def of_host(things: Things, host: Reported, *, folded: bool) -> list[Line]:
    """The line of a host and, unless it is folded, its things below it."""
    told = host.snapshot is not None and things.source(host) is not None
    found = things.lines(host.snapshot, host) if host.snapshot is not None and told else ()
    below = [] if folded else [_below(line, host) for line in found[:MOST]]
    if below and len(found) > MOST:
        words = f"… {len(found) - MOST:,} more: 0 and Enter show this host alone"
        below.append(Line(Of(host.name, host.options, "more"), (Cell(f"{indent(1, '  ')}…"), Cell(words)), depth=1))
    return [_head(host, found if told else None, things.noun, folded), *below]


def waiting(host: Reported) -> str:
    """The words for an answer that has not come yet, "" if none is awaited for long."""
    if host.heard.waits < LATE:
        return ""
    return f"no answer for {host.heard.waits:.0f} s"


def _head(host: Reported, found: Sequence[Line] | None, noun: str, folded: bool) -> Line:
    """The line of a host: its name, and all else in a cell as wide as the rest. found: None before it has answered."""
    words = [word for word in (host.state, host.error, waiting(host)) if word]
    if host.snapshot is not None and found is None and host.state == "live" and not folded:
        words.append("reading …")
    elif host.snapshot is not None and found is not None:
        number = sum(line.depth == 0 for line in found)
        told = f"{count(number, noun)}, {count(len(host.snapshot.processes), 'process')}"
        words.append(told if host.state == "live" else f"{told} when last heard")
    style = {"live": "dim", "failed": "error", "retrying": "warning"}.get(host.state, "dim")
    cells = Cell(f"{'▸' if folded else '▾'} {host.name}", "group"), Cell("  ".join(words), style)
    return Line(Of(host.name, host.options), cells, host.state, more=host.name)


def _below(line: Line, host: Reported) -> Line:
    first = replace(line.cells[0], text=indent(line.depth + 1, "  ") + line.cells[0].text)
    return replace(
        line, key=Of(host.name, host.options, line.key), cells=(first, *line.cells[1:]), depth=line.depth + 1,
        more=f"{line.more} {host.name}",
    )  # fmt: skip


# Containers


def _containers(snapshot: Snapshot, host: Reported) -> list[Line]:
    """A line for each container of a host, in order of name."""
    shares = container_table.shares(snapshot)
    found = sorted(snapshot.containers.values(), key=lambda one: (one.name, one.key))
    return [_container(one, snapshot, shares) for one in found]


def _container(one: Container, snapshot: Snapshot, shares: Mapping[str, str]) -> Line:
    init = snapshot.init_of(one)
    net, shared = init.namespaces.net if init else None, shares.get(one.key, "" if init else "?")
    whose = {
        kind: whose for told in shared.split() for kinds, _, whose in [told.partition("=")] for kind in kinds.split(",")
    }
    place = "?" if net is None else whose.get("net", "own")
    procs, sure = counts.nprocs(one, snapshot)
    state = ", ".join(condition.warnings(one)) or one.state or "running"
    cells = (
        Cell(one.name, "container"),
        Cell(state, "" if state == "running" else "warning"),
        Cell(one.image or "", "dim"),
        Cell(place, {"host": "host", "own": "dim", "?": "warning"}.get(place, "shared")),
        Cell(shared, "shared", brief=",".join(told.partition("=")[0] for told in shared.split())),
        numeric(counts.number(procs, sure), procs),
    )
    held = Held(one, procs, tuple(kind for kind, owner in whose.items() if owner == "host"))
    return Line(one.key, cells, held, more=f"{one.id} {one.runtime}", thing=one.key)


def _of_container(line: Line, snapshot: Snapshot) -> list[Fact]:
    assert isinstance(line.subject, Held)
    return facts.container(line.subject.container)


# Namespaces


def _namespaces(kind: KindName, snapshot: Snapshot, host: Reported) -> list[Line]:
    """A line for each namespace of a kind of a host, in the usual order."""
    return [_namespace(one, snapshot) for one in of_kind(snapshot, kind)]


def _namespace(one: Namespace, snapshot: Snapshot) -> Line:
    line = listing.namespace(one, snapshot)
    told = {column.title: cell for column, cell in zip(listing.NAMESPACES, line.cells, strict=True)}
    told["NAMESPACE"] = Cell(one.label, "host" if one.initial else "", one.inode)
    return replace(line, cells=tuple(told[column.title] for column in NAMESPACES))


def _of_namespace(line: Line, snapshot: Snapshot) -> list[Fact]:
    assert isinstance(line.subject, Namespace)
    return facts.namespace(line.subject, snapshot)


# Filters


def _hosts(line: Line) -> Sequence[str]:
    """The values of `host`: the name of the host, and the kinds in which a line is in the host's own namespace."""
    match line.subject:
        case Held(shared=shared):
            return of(line).host, *shared
        case Namespace(initial=True, type=kind):
            return of(line).host, kind
    return (of(line).host,)


def _states(line: Line) -> Sequence[str]:
    if of(line).key is None:
        return (str(line.subject),)
    words = line.cells[1].text
    return words, *words.split(", ")


def _procs(line: Line) -> Sequence[float]:
    return (line.subject.procs,) if isinstance(line.subject, Held) else ()


def of(line: Line) -> Of:
    """The key of a line."""
    assert isinstance(line.key, Of)
    return line.key


HOST = Field("host", "text", "the name of the host; or net, pid ..: in the host's namespace", line=_hosts)

_OF_CONTAINERS: Fields = of_columns(CONTAINERS) | {
    "host": HOST,
    "state": Field("state", "text", "running, paused, restarting ..; of a host live, failed ..", line=_states),
    "net": Field("net", "text", "whose its network is: host, own, or a container's", line=lambda line: _cell(line, 3)),
    "procs": Field("procs", "amount", "the number of processes", line=_procs, units={"": 1}),
}  # fmt: skip


def _cell(line: Line, place: int) -> Sequence[str]:
    return tuple(cell.text for cell in line.cells[place : place + 1]) if of(line).key is not None else ()


THINGS: Mapping[HostsBy, Things] = {
    "container": Things("container", CONTAINERS, _OF_CONTAINERS, _containers, _of_container),
    **{
        kind: Things(
            f"{kind} namespace", NAMESPACES, of_columns(NAMESPACES) | {"host": HOST}, partial(_namespaces, kind),
            _of_namespace,
        )
        for kind in KIND_NAMES
    },
}  # fmt: skip
"""{the grouping: the things of all hosts}"""
