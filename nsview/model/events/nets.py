"""Interfaces and listeners that have come, or are gone, between two readings of the net namespaces."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

from ..net import Interface, Listener, Net, Nets
from ..records import NamespaceKey
from ..snapshot import Snapshot
from .record import ORDER, Event, EventKind, container_in, event, named, place

_Record = TypeVar("_Record")


def net_events(before: Nets, after: Nets, snapshot: Snapshot) -> tuple[Event, ...]:
    """The interfaces that came, are gone or have another name, and the ports that are newly, or no longer, listened on,
    from one reading to a later one. snapshot: of about the same time."""
    old, new = ({net.inode: net for net in nets.nets} for nets in (before, after))
    found: list[Event] = []
    for inode in sorted({*old, *new}):
        was, now = old.get(inode, Net(inode)), new.get(inode, Net(inode))
        if any(net.source is None and inode in nets for net, nets in ((was, old), (now, new))):
            continue  # could not be read
        if inode not in new and ("net", inode) in snapshot.namespaces:
            continue
        if was.left_out or now.left_out or (inode in old and inode in new and was.source != now.source):
            continue  # not all are listed
        found += _of_net(was, now, after.taken_at, snapshot)
    return tuple(sorted(found, key=lambda event: ORDER[event.kind]))


def _of_net(was: Net, now: Net, time: float, snapshot: Snapshot) -> Iterator[Event]:
    key: NamespaceKey = ("net", now.inode)
    inside, where = container_in(key, snapshot), place(key, snapshot)
    links, links_now = _by(_link, was.interfaces), _by(_link, now.interfaces)
    for name, link in links.items():
        if name not in links_now and link.name != "lo":
            yield event(time, "removed", link.name, f"from {where}", inside, namespaces=(key,))
    for name, link in links_now.items():
        if name not in links and link.name != "lo":
            words = " ".join([*([link.kind] if link.kind else []), *link.addresses])
            text = f"in {where}" + (f": {words}" if words else "")
            yield event(time, "added", link.name, text, inside, namespaces=(key,))
        elif name in links and links[name].name != link.name:
            yield event(time, "renamed", link.name, f"was {links[name].name}, in {where}", inside, namespaces=(key,))
    ports, ports_now = _by(_port, was.listeners), _by(_port, now.listeners)
    for kind, there, other in (("closed", ports, ports_now), ("opened", ports_now, ports)):
        for name, one in there.items():
            if name not in other:
                yield _of_listener(kind, one, time, key, snapshot)  # type: ignore[arg-type]


def _of_listener(kind: EventKind, one: Listener, time: float, key: NamespaceKey, snapshot: Snapshot) -> Event:
    process = next((snapshot.processes[pid] for pid in one.pids if pid in snapshot.processes), None)
    inside = (snapshot.container_of(process) if process else None) or container_in(key, snapshot)
    by = f"{'by' if kind == 'opened' else 'was by'} {named(process)}, " if process else ""
    more = {"pid": process.pid, "start": process.start, "command": process.command} if process else {}
    subject = f"{one.protocol} {one.endpoint}"
    return event(time, kind, subject, f"{by}in {place(key, snapshot)}", inside, namespaces=(key,), **more)


def _link(link: Interface) -> Hashable:
    return link.index or link.name


def _port(one: Listener) -> Hashable:
    return one.protocol, one.address, one.port


def _by(key: Callable[[_Record], Hashable], records: Iterable[_Record]) -> dict[Hashable, _Record]:
    return {key(record): record for record in records}
