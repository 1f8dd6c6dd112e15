"""`nsview list`: a table, or JSON, of namespaces, processes, containers, nets, or the use by containers."""

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join.failure import FAILED, NOTHING, USAGE, Failure
from nsview.lookup import say

from .console import DONE, host_of, look, own_pids, parsed, print_json, width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nsview.hosts.live import LiveHost
    from nsview.hosts.recording import RecordedHost
    from nsview.model.usage import Usage


def run(options: SimpleNamespace) -> int:
    from nsview import report
    from nsview.model import export, filter

    if options.type and options.table not in (None, "namespaces"):
        raise Failure(USAGE, f"--type narrows namespaces, not {options.table}")
    if options.table == "nets":
        return _list_nets(options)
    if options.table == "use":
        return _list_use(options)
    wanted = parsed(options.filter, options.type)
    table = options.table or ("namespaces" if options.type or not options.json else None)
    # Words that nothing else has may still be a port, an address or an interface.
    for nets_too in dict.fromkeys((wanted.needs_nets, wanted.about_nets)):
        whole, nets = look(options, holders=options.holders, nets=nets_too)
        if nets:
            wanted = parsed(options.filter, options.type, nets=filter.reach_of(nets, whole))
        snapshot = filter.narrow(whole, wanted, options.type, own_pids(options))
        found = getattr(snapshot, table or "namespaces")
        if found:
            break
    if options.json:
        print_json(export.listing(snapshot, whole, (table,) if table else export.TABLES))
    elif table == "processes":
        print(report.processes(snapshot, width()))
    elif table == "containers":
        print(report.containers(snapshot, width()))
    else:
        print(report.namespaces(snapshot, whole, width()))
    if not found and (options.filter or options.type):
        say(whole.host.notes)  # what is not seen may be what was meant
        unknown = "; the recording does not tell of ports, addresses and interfaces"
        raise Failure(NOTHING, "nothing matched" + (unknown if wanted.needs_nets and not nets else ""))
    if not options.json:
        lines = report.unreadable(whole), *whole.host.notes, *(nets.notes if nets else ())
        say(line for line in lines if line)
    return DONE


_SPAN = 0.5
"""Seconds between two readings, for rates."""


def _list_use(options: SimpleNamespace) -> int:
    """The lines of containers that the lens shows, those that use most of a processor first."""
    from nsview import report
    from nsview.model import export, usage, usage_table
    from nsview.model.table import ordered

    wanted = parsed(options.filter, "container", usage_table.fields(usage_table.CONTAINERS))
    host, meter = host_of(options), usage.Meter()
    try:
        snapshot = host.first()
        for reading in _readings(host):
            meter = usage.read(meter, reading, snapshot)
    finally:
        host.stop()
    if meter.host is None:
        raise Failure(FAILED, "the recording has no use in it; `nsview record` makes one that has")
    lines = [line for line in usage_table.containers(snapshot, meter) if wanted.line(line, snapshot)]
    lines = ordered(lines, usage_table.BY_CPU, reverse=True)
    if options.json:
        print_json(export.use(snapshot, meter, [str(line.thing) for line in lines]))
    else:
        print(report.use(lines, width()))
    if not lines and options.filter:
        raise Failure(NOTHING, "nothing matched")
    if not options.json:
        say(snapshot.host.notes)
    return DONE


def _readings(host: "LiveHost | RecordedHost") -> "Iterator[Usage]":
    """Two readings of a live host, or those of a recording."""
    from nsview.hosts.live import LiveHost
    from nsview.model.usage_table import PARTS

    if not isinstance(host, LiveHost):
        yield from host.usages()
        return
    yield host.usage([], None, PARTS)
    time.sleep(_SPAN)
    yield host.usage([], None, PARTS)


def _list_nets(options: SimpleNamespace) -> int:
    """The lines that the net map shows; as JSON the net namespaces of which one is left."""
    from msgspec.structs import replace

    from nsview import report
    from nsview.model import export
    from nsview.model.netfields import fields
    from nsview.model.netmap import Map, NetItem
    from nsview.model.table import narrow

    parsed(options.filter, "net", fields())  # an error in it is reported before anything is read
    whole, nets = look(options, holders=options.holders, nets=True)
    if nets is None:
        raise Failure(FAILED, "the recording has no net map in it; `nsview record` makes one that has")
    found = Map(nets, whole)
    wanted = parsed(options.filter, "net", fields(found))
    asking = own_pids(options)
    seen = replace(whole, processes={pid: p for pid, p in whole.processes.items() if pid not in asking})
    lines = narrow(found.lines(), lambda line: wanted.line(line, seen))
    if options.json:
        left = {item.net.inode for line in lines if isinstance(item := line.subject, NetItem)}
        print_json(export.nets(found, [net for net in found.nets if net.inode in left]))
    else:
        print(report.nets(lines, width()))
    if not lines:
        say(whole.host.notes)
        raise Failure(NOTHING, "nothing matched")
    if not options.json:
        say(nets.notes)
    return DONE
