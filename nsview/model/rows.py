"""The lines of the explorer's list, from a snapshot and a view of it.

A row knows what it stands for and where it is in the tree; what it looks like is the screen's business.
"""

from collections.abc import Callable, Generator, Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from . import filter as filters
from .group import containers_of
from .hierarchy import By, above, tree
from .kinds import KIND_NAMES
from .records import Container, Namespace, NamespaceKey, Process
from .snapshot import Snapshot

Grouping = Literal["mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time", "tree", "container"]
GROUPINGS: tuple[Grouping, ...] = ("tree", *KIND_NAMES, "container")

RowKey = tuple[object, ...]
"""("group", inode | container key | None) or ("process", pid, start): what a row stands for, whichever the snapshot."""


class View(Struct, frozen=True):
    """How a snapshot is looked at.

    by: a kind of namespace, "container", or "tree" for the processes as they descend from each other.
    nest: namespaces as they hang together: below their parent (pid and user), else below the user namespace that owns
    them.
    toggled: the rows whose fold is not the usual one. The usual: the host's own namespace, kernel threads and
    processes outside of any container folded, everything else open.
    """

    by: Grouping = "net"
    filter: filters.Filter = filters.Filter()
    toggled: frozenset[RowKey] = frozenset()
    nest: bool = False


class GroupRow(Struct, frozen=True):
    """The head of a group: a namespace, a container, or what could not be placed.

    namespace, container: what the group is; both None where its members' namespaces could not be read, or where they
    are in no container. pids: all members; shown: how many of them the filter leaves.
    containers: of the members. since: when its oldest member began, in clock ticks since boot.
    depth: how many namespaces it is nested in. owner: it is here as the owner of those below, not as one of the kind.
    folded: None where there is nothing below.
    """

    key: RowKey
    namespace: Namespace | None
    container: Container | None
    initial: bool
    pids: tuple[int, ...]
    shown: int
    containers: tuple[Container, ...]
    folded: bool | None
    since: int
    depth: int = 0
    owner: bool = False


class ProcessRow(Struct, frozen=True, gc=False):
    """A process. guides: the tree's lines left of it. context: kept for what is below it, though the filter does not
    match it. folded: None where there is nothing below. group: the group it stands in, None in the tree."""

    key: RowKey
    process: Process
    container: Container | None
    guides: str
    folded: bool | None
    context: bool
    group: RowKey | None


class NoteRow(Struct, frozen=True):
    """A line in words, where there is nothing else to show."""

    key: RowKey
    text: str


Row = GroupRow | ProcessRow | NoteRow


def process_key(process: Process) -> RowKey:
    """What a process's row is known by: a pid may be reused, so its start too."""
    return "process", process.pid, process.start


def group_key(snapshot: Snapshot, by: Grouping, process: Process) -> RowKey | None:
    """The group that a process stands in, None in the tree."""
    if by == "tree":
        return None
    return "group", process.container if by == "container" else getattr(process.namespaces, by)


class Cache:
    """The rows of each group as last made, for as long as nothing in the group changed. For one view at a time."""

    def __init__(self) -> None:
        self.view: View | None = None
        self.groups: dict[RowKey, GroupRow] = {}
        self.members: dict[RowKey, list[Row]] = {}


Step = Generator[None, None, list[Row]]
"""Rows in the making: each `next` does a little of the work, the last one gives them."""

ROWS_A_STEP = 500
"""How many rows are made in one step: about a millisecond."""


def rows(snapshot: Snapshot, view: View) -> list[Row]:
    """All rows of a view, top to bottom; folded ones leave out what is below them."""
    making = steps(snapshot, view, Cache())
    while True:
        try:
            next(making)
        except StopIteration as made:
            found: list[Row] = made.value
            return found


def steps(snapshot: Snapshot, view: View, cache: Cache) -> Step:
    """The rows of a view in steps, so that keys are answered in between; what the cache holds is not made again."""
    if cache.view != view:
        cache.view, cache.groups, cache.members = view, {}, {}
    found: list[Row] = []
    if view.by == "tree":
        found = yield from _tree(snapshot, view)
    else:
        groups = yield from _groups(snapshot, view, cache)
        members = cache.members
        cache.members = {}
        for group in _nested(groups, snapshot, view.by) if view.nest and view.by != "container" else groups:
            found.append(group)
            if group.folded is False:
                below = members.get(group.key)
                if below is None:
                    below = yield from _below(snapshot, view, group)
                cache.members[group.key] = below
                found += below
    if not found:
        words = "Nothing matches. Esc clears the filter." if view.filter else "No processes."
        return [NoteRow(("note", 0), words)]
    if len(found) == 1 and isinstance(found[0], GroupRow) and found[0].initial and not view.filter:
        kind = view.by
        found.append(NoteRow(("note", 1), f"Every process is in the host's {kind} namespace; no other is in use."))
    return found


def _groups(snapshot: Snapshot, view: View, cache: Cache) -> Generator[None, None, list[GroupRow]]:
    known, cache.groups = cache.groups, {}
    for number, (key, namespace, container, pids) in enumerate(_partition(snapshot, view)):
        if not number % 100:
            yield
        row = known.get(key)
        if row is None or not _holds(row, snapshot, namespace, container, pids):
            cache.members.pop(key, None)
            row = _group(snapshot, view, key, namespace, container, pids)
        cache.groups[key] = row
    # What does not match is remembered too, or it would be made again each time.
    shown = [row for row in cache.groups.values() if not view.filter or row.shown or _itself(view, row)]

    def order(group: GroupRow) -> tuple[bool, bool, int, str]:
        # By age, so that what is new comes last and nothing moves; what could not be read at the very end.
        unknown = group.namespace is None and group.container is None
        return not group.initial, unknown, group.since, str(group.key)

    return sorted(shown, key=order)


def _holds(
    row: GroupRow,
    snapshot: Snapshot,
    namespace: Namespace | None,
    container: Container | None,
    pids: tuple[int, ...],
) -> bool:
    """A row made of an earlier snapshot is still right: it was made of the very same records."""
    return (
        row.pids is pids
        and row.namespace is namespace
        and row.container is container
        and all(snapshot.containers.get(c.key) is c for c in row.containers)
    )


def _itself(view: View, row: GroupRow) -> bool:
    """The filter matches the namespace or container itself, whoever is in it."""
    return (row.namespace is not None and view.filter.namespace(row.namespace)) or (
        row.container is not None and view.filter.container(row.container)
    )


def _group(
    snapshot: Snapshot,
    view: View,
    key: RowKey,
    namespace: Namespace | None,
    container: Container | None,
    pids: tuple[int, ...],
) -> GroupRow:
    initial = namespace is not None and namespace.initial
    unplaced = namespace is None and container is None
    since = min((snapshot.processes[pid].start for pid in pids), default=1 << 62)
    members = containers_of(snapshot, pids)
    row = GroupRow(key, namespace, container, initial, pids, len(pids), members, None, since)
    number = len(pids) if _itself(view, row) else len(_matching(snapshot, view, pids))
    return replace(row, shown=number, folded=_is_folded(view, key, initial or unplaced) if number else None)


def is_folded(snapshot: Snapshot, view: View, key: RowKey) -> bool:
    """A group is folded in this view."""
    apart = key[1] is None or (
        view.by not in ("tree", "container") and snapshot.is_initial(view.by, key[1])  # type: ignore[arg-type]
    )
    return _is_folded(view, key, apart)


def _is_folded(view: View, key: RowKey, apart: bool) -> bool:
    """apart: it is the host's own, or could not be placed; these are folded unless something is sought."""
    return (apart and not view.filter) != (key in view.toggled)


def _nested(groups: list[GroupRow], snapshot: Snapshot, by: Grouping) -> list[GroupRow]:
    """The groups below what they hang from, with those of it that were not among them."""
    how: By = "parent" if by in ("pid", "user") else "owner"
    rows = {group.namespace.key: group for group in groups if group.namespace}
    needed: set[NamespaceKey] = set()
    for key in rows:
        climbing: NamespaceKey | None = key
        while climbing and climbing not in needed and climbing in snapshot.namespaces:
            needed.add(climbing)
            climbing = above(snapshot.namespaces[climbing], how)
    found = []
    for branch in tree(snapshot, how):
        namespace = branch.namespace
        row = rows.get(namespace.key)
        if row is None and namespace.key in needed:
            pids = snapshot.members(namespace.type).get(namespace.inode, ())
            row = GroupRow(
                ("owner", *namespace.key), namespace, None, namespace.initial, pids, len(pids), (), None, 0,
                owner=True,
            )  # fmt: skip
        if row is not None:
            found.append(replace(row, depth=branch.depth))
    return found + [group for group in groups if not group.namespace]


def _partition(
    snapshot: Snapshot, view: View
) -> Iterable[tuple[RowKey, Namespace | None, Container | None, tuple[int, ...]]]:
    if view.by == "container":
        for container in snapshot.containers.values():
            pids = container.pids
            if not all(pid in snapshot.processes for pid in pids):
                pids = tuple(pid for pid in pids if pid in snapshot.processes)
            yield ("group", container.key), None, container, pids
        outside = tuple(pid for pid, process in sorted(snapshot.processes.items()) if process.container is None)
        if outside:
            yield ("group", None), None, None, outside
        return
    kind = view.by
    assert kind != "tree"
    members = snapshot.members(kind)
    for (type, inode), namespace in snapshot.namespaces.items():
        if type == kind:
            yield ("group", inode), namespace, None, members.get(inode, ())
    if members.get(None):
        yield ("group", None), None, None, members[None]


def _matching(snapshot: Snapshot, view: View, pids: tuple[int, ...]) -> tuple[int, ...]:
    if not view.filter:
        return pids
    return tuple(pid for pid in pids if view.filter.process(snapshot.processes[pid], snapshot))


def _below(snapshot: Snapshot, view: View, group: GroupRow) -> Step:
    pids = group.pids if group.shown == len(group.pids) else _matching(snapshot, view, group.pids)
    return _forest(snapshot, view, pids, group.key, frozenset(), parent=lambda process: process.ppid)


def _tree(snapshot: Snapshot, view: View) -> Step:
    if not view.filter:
        return _forest(snapshot, view, tuple(snapshot.processes), None, frozenset(), snapshot.parent)
    matching = _matching(snapshot, view, tuple(snapshot.processes))
    kept = set(matching)
    for pid in matching:
        above = snapshot.processes.get(snapshot.parent(snapshot.processes[pid]))
        while above is not None and above.pid not in kept:
            kept.add(above.pid)
            above = snapshot.processes.get(snapshot.parent(above))
    return _forest(snapshot, view, tuple(kept), None, frozenset(kept.difference(matching)), snapshot.parent)


def _forest(
    snapshot: Snapshot,
    view: View,
    pids: Iterable[int],
    group: RowKey | None,
    context: frozenset[int],
    parent: Callable[[Process], int],
) -> Step:
    """These processes as trees by `parent`, in order of pid."""
    processes = snapshot.processes
    inside = set(pids)
    children: dict[int, list[int]] = {}
    tops = []
    for number, pid in enumerate(sorted(pids)):
        if not number % (4 * ROWS_A_STEP):
            yield
        above = parent(processes[pid])
        if above in inside and above != pid:
            children.setdefault(above, []).append(pid)
        else:
            tops.append(pid)
    found: list[Row] = []
    # (pid, guides of the row itself, guides of what is below it); a stack, for a chain may be thousands deep.
    stack = [(pid, "", "") for pid in reversed(tops)]
    while stack:
        pid, guides, below = stack.pop()
        if not len(found) % ROWS_A_STEP:
            yield
        process = processes[pid]
        own = children.get(pid)
        key = process_key(process)
        folded = None
        if own:
            usually_folded = process.kthread and group is None and not view.filter
            folded = usually_folded != (key in view.toggled)
        found.append(
            ProcessRow(key, process, snapshot.container_of(process), guides, folded, pid in context, group)
        )
        if own and not folded:
            for child in reversed(own):
                last = child == own[-1]
                stack.append((child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  ")))
    return found
