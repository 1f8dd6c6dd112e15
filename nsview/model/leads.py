"""What can be gone to: the things that a text may mean, and the view in which a thing has a row."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from .filter import Filter
from .kinds import KIND_NAMES
from .records import Namespace, NamespaceKey, Process
from .rows import RowKey, View, group_key, is_folded, process_key
from .snapshot import Snapshot
from .target import NAMESPACE

Thing = int | NamespaceKey | str
"""What has a row of its own: a process by its pid, a namespace by its (type, inode), a container by its key."""


class Lead(Struct, frozen=True):
    """One thing to go to. role: what it is to where one comes from, or to what was typed. text: its name, not safe."""

    thing: Thing
    role: str
    text: str


def meant(snapshot: Snapshot, text: str) -> list[Lead]:
    """The things whose own name or number a text is, the likeliest first: `8058`, `4026532173`, `net:[4026532173]`,
    `web`, a container's key, id or the beginning of one, `/run/netns/blue` or `blue`."""
    text = text.strip()
    if not text:
        return []
    found: dict[Thing, Lead] = {}
    for lead in (*_numbered(snapshot, text), *_named(snapshot, text)):
        found.setdefault(lead.thing, lead)
    return list(found.values())


def _numbered(snapshot: Snapshot, text: str) -> Iterator[Lead]:
    if not (text.isascii() and text.isdecimal() and len(text) <= 20):
        return
    number = int(text)
    if number in snapshot.processes:
        yield of_process(snapshot, snapshot.processes[number], "process")
    for process in snapshot.processes.values():
        if number in process.nspid[1:]:
            yield of_process(snapshot, process, "pid inside")
    for namespace in snapshot.namespaces.values():
        if namespace.inode == number:
            yield of_namespace(namespace)


def _named(snapshot: Snapshot, text: str) -> Iterator[Lead]:
    if match := NAMESPACE.fullmatch(text):
        namespaces = snapshot.namespaces
        yield from (
            of_namespace(namespaces[kind, int(match[2] or match[3])])
            for kind in KIND_NAMES
            if kind == match[1] and (kind, int(match[2] or match[3])) in namespaces
        )
    lowered = text.lower()
    for container in snapshot.containers.values():
        if lowered in (container.key.lower(), container.name.lower(), container.id.lower()):
            yield of_container(snapshot, container.key, "container")
    for namespace in snapshot.namespaces.values():
        if any(lowered in (name.lower(), name.lower().rpartition("/")[2]) for name in namespace.names):
            yield of_namespace(namespace)
    # An id's beginning is one only where it can't be a pid.
    if len(text) >= 4:
        for container in snapshot.containers.values():
            if container.id.startswith(lowered) or (":" in text and container.key.lower().startswith(lowered)):
                yield of_container(snapshot, container.key, "container")


def of_process(snapshot: Snapshot, process: Process, role: str) -> Lead:
    """The lead to a process."""
    container = snapshot.container_of(process)
    inside = f"  {container.name}" if container else ""
    return Lead(process.pid, role, f"{process.pid} {process.command}{inside}")


def of_namespace(namespace: Namespace, role: str = "namespace") -> Lead:
    """The lead to a namespace."""
    return Lead(namespace.key, role, "  ".join((namespace.label, *namespace.names)))


def of_container(snapshot: Snapshot, key: str, role: str) -> Lead:
    """The lead to a container that is in the snapshot."""
    container = snapshot.containers[key]
    return Lead(key, role, f"{container.name}  {container.runtime}  {container.image or ''}".rstrip())


def reveal(snapshot: Snapshot, view: View, thing: Thing) -> tuple[View, list[RowKey]] | None:
    """The view nearest to this one in which a thing has a row, and the keys of that row, best first.

    A process stays in the grouping there is; what is folded above it is unfolded. A namespace is shown among those of
    its kind, a container among containers. A filter that would hide it is dropped. None: there is no such thing.
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
    """What a process hangs from in this view."""
    return snapshot.processes.get(snapshot.parent(process) if view.by == "tree" else process.ppid)
