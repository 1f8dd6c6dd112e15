"""`nsview list`: a table, or JSON, of namespaces, processes, containers, nets, or the use by containers."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join.failure import FAILED, NOTHING, USAGE, Failure

from .answer import Answer, show
from .console import own_pids, parsed, sudo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nsview.model.snapshot import Snapshot
    from nsview.model.table import Column, Line

    from .sight import Sight


def run(options: SimpleNamespace) -> int:
    if options.type and options.table not in (None, "namespaces"):
        raise Failure(USAGE, f"--type narrows namespaces, not {options.table}")
    if options.all and options.table not in ("containers", "use"):
        raise Failure(USAGE, "--all is about containers: nsview list containers --all")
    return show(options, {"nets": _nets, "use": _use}.get(options.table, _all if options.all else _records))


def _records(options: SimpleNamespace) -> "Callable[[Sight], Answer]":
    """The question for namespaces, processes or containers. Raises Failure if it is wrong."""
    from nsview import report
    from nsview.model import export, filter, listing

    from . import tables

    table = options.table or ("namespaces" if options.type or not options.json else None)
    fields = filter.OF_CONTAINERS if table == "containers" else filter.FIELDS
    first = parsed(options, options.type, fields)
    columns, lines_of = _table(table or "namespaces")
    tables.check(options, columns)

    def answer(sight: "Sight") -> Answer:
        # Words that nothing else has may still be a port, an address or an interface.
        for nets_too in dict.fromkeys((first.needs_nets, first.about_nets)):
            whole, nets = sight.look(holders=options.holders, nets=nets_too)
            wanted = parsed(options, options.type, fields, filter.reach_of(nets, whole)) if nets else first
            snapshot = filter.narrow(whole, wanted, options.type, own_pids(options))
            found = getattr(snapshot, table or "namespaces")
            if found:
                break
        lines = lines_of(snapshot, whole)
        shown = tables.LineTable(columns, lines, whole)
        value = export.listing(snapshot, whole, (table,) if table else export.TABLES) if options.json else None
        if not found and (options.filter or options.type):
            unknown = "; the recording does not tell of ports, addresses and interfaces"
            failure = Failure(NOTHING, "nothing matched" + (unknown if wanted.needs_nets and not nets else ""))
            return Answer(shown, value, whole.host.notes, failure)  # an unreadable one may be meant
        as_root = sudo(options)
        notes = (
            report.unreadable(whole, as_root)
            if listing.is_open(lines, whole, wanted, tables.titles(options, shown)) else None,
            report.nameless(snapshot.containers.values(), whole.host, as_root) if table == "containers" else None,
            *whole.host.notes, *(nets.notes if nets else ()),
        )  # fmt: skip
        return Answer(shown, value, () if options.json else tuple(note for note in notes if note))

    return answer


def _table(name: str) -> "tuple[Sequence[Column], Callable[[Snapshot, Snapshot], list[Line]]]":
    """(columns, the function that makes the lines from a narrowed snapshot and the whole one) of a table."""
    from nsview.model import listing

    if name == "processes":
        return listing.PROCESSES, lambda snapshot, whole: listing.processes(snapshot)
    if name == "containers":
        return listing.CONTAINERS, lambda snapshot, whole: listing.containers(snapshot)
    return listing.NAMESPACES, listing.namespaces


def _all(options: SimpleNamespace) -> "Callable[[Sight], Answer]":
    """The question for containers with those that have no process, and the engines' records of all of them."""
    from nsview.model import container_table, export, filter, listing, usage

    from . import tables

    tables.check(options, listing.CONTAINERS)
    wanted = parsed(options, "container", filter.OF_CONTAINERS)

    def answer(sight: "Sight") -> Answer:
        snapshot, _ = sight.look(usage=True)
        meter = usage.Meter()
        for reading in sight.engines():
            meter = usage.read(meter, reading)
        if meter.engines is None:
            raise Failure(FAILED, "the recording has no records of engines in it; `nsview record` makes one that has")
        whole = container_table.with_stopped(snapshot, meter)
        found = filter.narrow(whole, wanted, None, own_pids(options))
        lines = listing.containers(found, container_table.ends(snapshot, meter))
        shown = tables.LineTable(listing.CONTAINERS, lines, whole)
        value = export.all_containers(found, whole, meter.engines) if options.json else None
        if not found.containers and options.filter:
            return Answer(shown, value, failure=Failure(NOTHING, "nothing matched"))
        unread = (f"{path} could not be read: stopped containers may be missing" for path in meter.engines.unread)
        return Answer(shown, value, () if options.json else (*unread, *whole.host.notes))

    return answer


def _use(options: SimpleNamespace) -> "Callable[[Sight], Answer]":
    """The question for the lines of containers that the lens shows, those that use most of a processor first."""
    from msgspec.structs import replace

    from nsview.model import container_table, export, usage, usage_table
    from nsview.model.table import ordered

    from . import tables

    # The audit is a command of its own, and two readings draw no line.
    left_out = {"RISK", *(() if options.watch is not None else ("RECENT",))}
    places = [place for place, column in enumerate(container_table.COLUMNS) if column.title not in left_out]
    columns = [container_table.COLUMNS[place] for place in places]
    tables.check(options, columns)
    wanted = parsed(options, "container", usage_table.fields(container_table.COLUMNS))
    meter = usage.Meter()

    def answer(sight: "Sight") -> Answer:
        nonlocal meter
        snapshot, _ = sight.look(usage=True)
        for reading in sight.usages():
            meter = usage.read(meter, reading)
        if meter.host is None:
            raise Failure(FAILED, "the recording has no use in it; `nsview record` makes one that has")
        around = container_table.Around(container_table.shares(snapshot))
        lines = [line for line in container_table.lines(snapshot, meter, around) if wanted.line(line, snapshot)]
        lines = [line for line in lines if options.all or line.thing is not None]
        lines = ordered(lines, container_table.BY_CPU, reverse=True)
        value = export.use(snapshot, meter, [str(line.key) for line in lines]) if options.json else None
        lines = [replace(line, cells=tuple(line.cells[place] for place in places)) for line in lines]
        shown = tables.LineTable(columns, lines, snapshot)
        if not lines and options.filter:
            return Answer(shown, value, failure=Failure(NOTHING, "nothing matched"))
        return Answer(shown, value, () if options.json else snapshot.host.notes)

    return answer


def _nets(options: SimpleNamespace) -> "Callable[[Sight], Answer]":
    """The question for the lines that the net map shows; as JSON the net namespaces of which one is left."""
    from msgspec.structs import replace

    from nsview.model import export
    from nsview.model.netfields import fields
    from nsview.model.netmap import COLUMNS, Map, NetItem
    from nsview.model.table import narrow

    from . import tables

    tables.check(options, COLUMNS)
    parsed(options, "net", fields())  # an error in it is reported before anything is read

    def answer(sight: "Sight") -> Answer:
        whole, nets = sight.look(holders=options.holders, nets=True)
        if nets is None:
            raise Failure(FAILED, "the recording has no net map in it; `nsview record` makes one that has")
        found = Map(nets, whole)
        wanted = parsed(options, "net", fields(found))
        asking = own_pids(options)
        seen = replace(whole, processes={pid: p for pid, p in whole.processes.items() if pid not in asking})
        lines = narrow(found.lines(), lambda line: wanted.line(line, seen))
        left = {item.net.inode for line in lines if isinstance(item := line.subject, NetItem)}
        shown = tables.LineTable(COLUMNS, lines, whole)
        value = export.nets(found, [net for net in found.nets if net.inode in left]) if options.json else None
        if not lines:
            return Answer(shown, value, whole.host.notes, Failure(NOTHING, "nothing matched"))
        return Answer(shown, value, () if options.json else nets.notes)

    return answer
