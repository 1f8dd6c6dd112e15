"""Leads: the things that a text may mean or that another thing refers to, and the view in which each has its row."""

from collections.abc import Hashable, Iterable, Iterator
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from .counts import nprocs, processes
from .filter import Filter
from .hierarchy import By, above
from .kinds import KIND_NAMES
from .members import containers_of
from .net import Nets
from .records import Container, Namespace, NamespaceKey, Process
from .snapshot import Snapshot
from .table import Thing
from .target import PREFIXES, Meaning, Rank, Target, listens, meanings, process_of
from .view import Grouping, GroupRow, ProcessRow, Row, RowKey, View, group_key, is_folded, process_key

MOST = 60
"""The most leads of one text."""
SOME = 8
"""The most lines of the net map among them: each namespace has a `lo`."""


class Lead(Struct, frozen=True):
    """One thing to go to. role: its relation to the thing before or to the typed text. text: its name, not safe. line:
    the key of its line in the net map, if it has no row of its own."""

    thing: Thing
    role: str
    text: str
    line: Hashable = None


def meant(snapshot: Snapshot, text: str, nets: Nets | None = None, leader: int | None = None) -> list[Lead]:
    """The things whose name or number a text is, the likeliest first, as for `nsview inspect`; but without things whose
    ids begin with less than four typed letters, as these may begin a name. nets, leader: see `target.resolve`.
    """
    text = text.strip()
    found = meanings(snapshot, text, nets, leader)
    if len(text) < 4 and all(meaning.rank in (*PREFIXES, Rank.HINT) for meaning in found):
        found = [meaning for meaning in found if meaning.rank == Rank.HINT]
    return [_of_meaning(snapshot, meaning) for meaning in found]


def _of_meaning(snapshot: Snapshot, meaning: Meaning) -> Lead:
    match meaning.thing:
        case int():
            return of_process(snapshot, snapshot.processes[meaning.thing], meaning.how)
        case str():
            return of_container(snapshot, meaning.thing, meaning.how)
    return of_namespace(snapshot, snapshot.namespaces[meaning.thing], meaning.how)


def found(
    snapshot: Snapshot, text: str, wanted: Filter, nets: Nets | None = None, leader: int | None = None
) -> list[Lead]:
    """The things that a text means, then its lines in the net map, then the things that match it as a filter; the first
    MOST."""
    told = named(snapshot, text, nets, leader)
    return _each_once([*told, *islice(matching(snapshot, wanted), MOST)])[:MOST]


def named(snapshot: Snapshot, text: str, nets: Nets | None = None, leader: int | None = None) -> list[Lead]:
    """The things that a text means, then its lines in the net map."""
    lines = islice(_lines(snapshot, text.strip(), nets), SOME) if nets else ()
    return [*meant(snapshot, text, nets, leader), *lines]


def matching(snapshot: Snapshot, wanted: Filter) -> Iterator[Lead]:
    """The containers, namespaces and processes that a filter leaves; none if it is empty."""
    if not wanted:
        return
    for container in snapshot.containers.values():
        if wanted.container(container, snapshot):
            yield of_container(snapshot, container.key, "container")
    for namespace in snapshot.namespaces.values():
        if wanted.namespace(namespace, snapshot):
            yield of_namespace(snapshot, namespace)
    for process in snapshot.processes.values():
        if wanted.process(process, snapshot):
            yield of_process(snapshot, process, "process")


def _lines(snapshot: Snapshot, text: str, nets: Nets) -> Iterator[Lead]:
    """The lines of the net map of this interface, address or port."""
    from .netmap import key_of  # the first picture does not need it

    for net in nets.nets:
        key: NamespaceKey = ("net", net.inode)
        if key not in snapshot.namespaces:
            continue
        whose = "  ".join(filter(None, _named(snapshot, snapshot.namespaces[key])))
        for interface in net.interfaces:
            own = [address.partition("/")[0] for address in interface.addresses]
            if text in (interface.name, *interface.altnames, *own):
                words = "  ".join((interface.name, "of", whose, *own))  # a narrow dialog cuts the end
                yield Lead(key, "in the net map", words, key_of(net, interface))
        for listener in net.listeners:
            if text == str(listener.port):
                words = f"{listener.protocol} {listener.port}  of  {whose}  at {listener.endpoint}"
                yield Lead(key, "in the net map", words, key_of(net, listener))


def around(snapshot: Snapshot, thing: Thing, nets: Nets | None = None) -> list[Lead]:
    """The things that a thing refers to: its ancestors, namespaces, container, holders, and its connections as far as
    `nets` are known."""
    match thing:
        case int():
            process = snapshot.processes.get(thing)
            leads = _around_process(snapshot, process, nets) if process else ()
        case str():
            container = snapshot.containers.get(thing)
            leads = _around_container(snapshot, container, nets) if container else ()
        case _:
            namespace = snapshot.namespaces.get(thing)
            leads = _around_namespace(snapshot, namespace, nets) if namespace else ()
    return [lead for lead in _each_once(leads) if lead.thing != thing]


def _each_once(leads: Iterable[Lead]) -> list[Lead]:
    found: dict[tuple[Thing, Hashable], Lead] = {}
    for lead in leads:
        found.setdefault((lead.thing, lead.line), lead)
    return list(found.values())


def _around_process(snapshot: Snapshot, process: Process, nets: Nets | None) -> Iterator[Lead]:
    container = snapshot.container_of(process)
    if container:
        yield of_container(snapshot, container.key, "container")
    if daemon := snapshot.serves.get(process.pid):
        yield from _pid(snapshot, daemon, "daemon it serves")
    yield from _pid(snapshot, process.ppid, "parent")
    yield from _namespaces(snapshot, process)
    if container:
        yield from _runs(snapshot, container)
    yield from _connected(snapshot, process.namespaces.net, nets)
    children = (p for p in snapshot.processes.values() if snapshot.parent(p) == process.pid)
    yield from (of_process(snapshot, child, "child") for child in children)


def _around_container(snapshot: Snapshot, container: Container, nets: Nets | None) -> Iterator[Lead]:
    yield from _runs(snapshot, container)
    init = snapshot.init_of(container)
    if init:
        yield from _namespaces(snapshot, init)
        yield from _connected(snapshot, init.namespaces.net, nets)
    pod = container.pod
    for other in snapshot.containers.values():
        if pod and other.pod == pod:
            yield of_container(snapshot, other.key, "same pod")


def _around_namespace(snapshot: Snapshot, namespace: Namespace, nets: Nets | None) -> Iterator[Lead]:
    pids = snapshot.members(namespace.type).get(namespace.inode, ())
    for container in containers_of(snapshot, pids):
        yield of_container(snapshot, container.key, "container in it")
    if namespace.type == "net":
        yield from _connected(snapshot, namespace.inode, nets)
    if pids:
        oldest = min((snapshot.processes[pid] for pid in pids), key=lambda process: (process.start, process.pid))
        yield of_process(snapshot, oldest, "oldest in it")
    for role, key in (("owner", above(namespace, "owner")), ("parent", above(namespace, "parent"))):
        if key in snapshot.namespaces and key is not None:
            yield of_namespace(snapshot, snapshot.namespaces[key], role)
    for other in snapshot.namespaces.values():
        for role, by in _BELOW:
            if above(other, by) == namespace.key:
                yield of_namespace(snapshot, other, role)
    for holder in namespace.held_by:
        if holder.pid is not None:
            yield from _pid(snapshot, holder.pid, f"holds it: {holder.kind}")


_BELOW: tuple[tuple[str, By], ...] = (("child", "parent"), ("owned by it", "owner"))


def _runs(snapshot: Snapshot, container: Container) -> Iterator[Lead]:
    """The first process of a container, its shim and its daemon."""
    for role, pid in (("init", container.init_pid), ("shim", container.shim_pid), ("daemon", container.daemon_pid)):
        if pid is not None:
            yield from _pid(snapshot, pid, f"container's {role}")


def _namespaces(snapshot: Snapshot, process: Process) -> Iterator[Lead]:
    for kind in KIND_NAMES:
        inode = getattr(process.namespaces, kind)
        if inode is not None and (namespace := snapshot.namespaces.get((kind, inode))):
            yield of_namespace(snapshot, namespace, f"{kind} namespace")


def _connected(snapshot: Snapshot, inode: int | None, nets: Nets | None) -> Iterator[Lead]:
    """The listeners in a net namespace, and the namespaces that its interfaces lead to."""
    net = next((net for net in nets.nets if net.inode == inode), None) if nets else None
    for listener in net.listeners if net else ():
        for pid in listener.pids:
            yield from _pid(snapshot, pid, listens(listener))
    for interface in net.interfaces if net else ():
        to = snapshot.namespaces.get(("net", interface.link.net)) if interface.link and interface.link.net else None
        if to:
            yield of_namespace(snapshot, to, f"{interface.name} leads to")


def _pid(snapshot: Snapshot, pid: int, role: str) -> Iterator[Lead]:
    if pid in snapshot.processes:
        yield of_process(snapshot, snapshot.processes[pid], role)


def of_process(snapshot: Snapshot, process: Process, role: str) -> Lead:
    """The lead to a process."""
    container = snapshot.container_of(process)
    inside = f"{container.name}  " if container else ""
    return Lead(process.pid, role, f"{process.pid}  {inside}{process.command}")


def of_namespace(snapshot: Snapshot, namespace: Namespace, role: str = "namespace") -> Lead:
    """The lead to a namespace, with its members in words."""
    number = processes(*nprocs(namespace, snapshot))
    return Lead(namespace.key, role, "  ".join(filter(None, (*_named(snapshot, namespace), number))))


def _named(snapshot: Snapshot, namespace: Namespace) -> tuple[str, str]:
    """(the label of a namespace, whose it is: of its containers, else its mounts)."""
    pids = snapshot.members(namespace.type).get(namespace.inode, ())
    containers = [] if namespace.initial else [c.name for c in containers_of(snapshot, pids)]
    if len(containers) > 3:
        containers[3:] = [f"and {len(containers) - 3} more"]
    whose = "the host's" if namespace.initial else ", ".join(containers) or ", ".join(namespace.names)
    return namespace.label, whose


def of_container(snapshot: Snapshot, key: str, role: str) -> Lead:
    """The lead to a container that is in the snapshot."""
    container = snapshot.containers[key]
    return Lead(key, role, f"{container.name}  {container.runtime}  {container.image or ''}".rstrip())


def thing_of(row: Row | None) -> Thing | None:
    """The thing that a row stands for. None for a note, and for processes in no group."""
    match row:
        case ProcessRow():
            return row.process.pid
        case GroupRow(container=Container() as container):
            return container.key
        case GroupRow(namespace=Namespace() as namespace):
            return namespace.key
    return None


def process_of_row(snapshot: Snapshot, row: Row | None) -> Process | None:
    """The process that a row is about: of a group, its container's first process, else its oldest member. None if the
    group has no member."""
    match row:
        case ProcessRow():
            return row.process
        case GroupRow(pids=pids) if pids:
            thing = thing_of(row)
            return snapshot.processes.get(pids[0]) if thing is None else process_of(snapshot, thing)
    return None


def target_of_row(snapshot: Snapshot, row: Row | None) -> Target | None:
    """The target that a row is about, as the row has it: its process may have exited since. None of a note."""
    process = process_of_row(snapshot, row)
    thing = thing_of(row) or (process.pid if process else None)
    if thing is None:
        return None
    of = (row.namespace, row.container) if isinstance(row, GroupRow) else (None, None)
    return Target(thing, process, *of)


def regrouped(snapshot: Snapshot, view: View, row: Row | None, by: Grouping) -> tuple[View, list[RowKey]]:
    """The view under another grouping, in which the same row is visible, and the keys of that row, best first."""
    view = replace(view, by=by)
    process = process_of_row(snapshot, row)
    if process is None:
        return view, []
    group = group_key(snapshot, by, process)
    keys: list[RowKey] = [process_key(process), *([group] if group else [])]
    if isinstance(row, ProcessRow) and group and is_folded(snapshot, view, group):
        view = replace(view, toggled=view.toggled ^ {group})
    return view, keys if isinstance(row, ProcessRow) else keys[::-1]


def reveal(snapshot: Snapshot, view: View, thing: Thing) -> tuple[View, list[RowKey]] | None:
    """The view nearest to this one in which a thing has a row, and the keys of that row, best first. None if there is
    no such thing.

    A process keeps the current grouping, and the rows above it are unfolded. A namespace is shown among those of its
    kind, a container among containers. A filter that would hide the thing is dropped.
    """
    match thing:
        case int():
            process = snapshot.processes.get(thing)
            return _reveal_process(snapshot, view, process) if process else None
        case str():
            container = snapshot.containers.get(thing)
            if container is None:
                return None
            shown = view.filter.container(container, snapshot) or _any(snapshot, view.filter, container.pids)
            view = replace(view, by="container", filter=view.filter if shown else Filter())
            return view, [("group", thing)]
        case kind, inode:
            namespace = snapshot.namespaces.get(thing)
            if namespace is None:
                return None
            pids = snapshot.members(kind).get(inode, ())
            shown = view.filter.namespace(namespace, snapshot) or _any(snapshot, view.filter, pids)
            return replace(view, by=kind, filter=view.filter if shown else Filter()), [("group", inode)]


def _any(snapshot: Snapshot, wanted: Filter, pids: tuple[int, ...]) -> bool:
    return any(wanted.process(snapshot.processes[pid], snapshot) for pid in pids if pid in snapshot.processes)


def _reveal_process(snapshot: Snapshot, view: View, process: Process) -> tuple[View, list[RowKey]]:
    if not view.filter.process(process, snapshot):
        view = replace(view, filter=Filter())
    toggled = set(view.toggled)
    group = group_key(snapshot, view.by, process)
    if group is not None and is_folded(snapshot, view, group):
        toggled ^= {group}
    seen = {process.pid}
    above = _above(snapshot, view, process)
    while above is not None and above.pid not in seen and group_key(snapshot, view.by, above) == group:
        seen.add(above.pid)
        usually_folded = above.kthread and group is None and not view.filter
        key = process_key(above)
        if usually_folded != (key in toggled):
            toggled ^= {key}
        above = _above(snapshot, view, above)
    keys = [process_key(process), *([group] if group else [])]
    return replace(view, toggled=frozenset(toggled)), keys


def _above(snapshot: Snapshot, view: View, process: Process) -> Process | None:
    """The process above another in this view. None at the top."""
    return snapshot.processes.get(snapshot.parent(process) if view.by == "tree" else process.ppid)
