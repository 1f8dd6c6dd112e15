"""The lines of the explorer's list, from a snapshot and a view of it.

A row has its record and its place in the tree; its look is the screen's business. Of 50,000 rows 50 are seen: so a row
is made when it is looked at, and of a newer snapshot only the changes are.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import attrgetter
from typing import Any, Literal, overload

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from . import filter as filters
from .flat import Flat, SortKey
from .forest import Forest
from .hierarchy import By, above, tree
from .kinds import KIND_NAMES
from .records import Container, Namespace, NamespaceKey, Process
from .snapshot import PLACES, Snapshot, touched, with_ghosts

Grouping = Literal["mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time", "tree", "container"]
GROUPINGS: tuple[Grouping, ...] = ("tree", *KIND_NAMES, "container")

GroupOrder = Literal["age", "size", "name", "inode"]
ProcessOrder = Literal["tree", "pid", "user", "command", "start"]

RowKey = tuple[object, ...]
"""("group", inode | container key | None) or ("process", pid, start): the identity of a row across snapshots."""


class View(Struct, frozen=True):
    """A way to look at a snapshot.

    by: a kind of namespace, "container", or "tree" for the processes as they descend from each other.
    filter: its tests without a kind of namespace are about the kind grouped by.
    nest: namespaces stand below their parent (pid and user), else below the user namespace that owns them.
    toggled: the rows whose fold is not the usual one. Usually the host's own namespace, kernel threads and processes
    outside of any container are folded, everything else is open.
    groups: their order: by age, the oldest first; by size, the largest first; by name; by inode. The host's own is the
    first in each. processes: as trees, or in order of pid, user, command, or start, the newest first.
    """

    by: Grouping = "net"
    filter: filters.Filter = filters.Filter()
    toggled: frozenset[RowKey] = frozenset()
    nest: bool = False
    groups: GroupOrder = "age"
    processes: ProcessOrder = "tree"

    def __post_init__(self) -> None:
        force_setattr(self, "filter", self.filter.under(self.by))


class GroupRow(Struct, frozen=True):
    """The head of a group: of a namespace, a container, or the processes that are in none or none that is known.

    namespace, container: its record; both None if its members' namespaces could not be read, or if they are in no
    container. pids: all members; shown: the number of members that the filter leaves.
    containers: of the members, in order of name. oldest: the pid of the member that began first, None without members.
    depth: the number of namespaces that it is nested in. owner: shown as the owner of those below, not as one of the
    kind. folded: None if there is nothing below.
    """

    key: RowKey
    namespace: Namespace | None
    container: Container | None
    initial: bool
    pids: tuple[int, ...]
    shown: int
    containers: tuple[Container, ...]
    folded: bool | None
    oldest: int | None
    depth: int = 0
    owner: bool = False


class ProcessRow(Struct, frozen=True, gc=False):
    """A process. guides: the tree's lines left of it. context: shown for the rows below it, though the filter does not
    match it. folded: None if there is nothing below. group: the group it stands in, None in the tree."""

    key: RowKey
    process: Process
    container: Container | None
    guides: str
    folded: bool | None
    context: bool
    group: RowKey | None


class NoteRow(Struct, frozen=True):
    """A line in words, if there is little else to show."""

    key: RowKey
    text: str


Row = GroupRow | ProcessRow | NoteRow


def process_key(process: Process) -> RowKey:
    """The key of a process's row, with its start, as a pid may be reused."""
    return "process", process.pid, process.start


def group_key(snapshot: Snapshot, by: Grouping, process: Process) -> RowKey | None:
    """The group that a process stands in, None in the tree."""
    if by == "tree":
        return None
    return "group", process.container if by == "container" else getattr(process.namespaces, by)


class _Group:
    """A group, kept up to date from one snapshot to the next."""

    __slots__ = (
        "containers", "context", "depth", "forest", "ghosts", "head", "id", "itself", "oldest", "owner", "pids", "rank",
        "record", "shown", "size",
    )  # fmt: skip

    def __init__(self, id: object, record: Namespace | Container | None, pids: tuple[int, ...]) -> None:
        self.id = id  # the second part of its row's key
        self.record = record
        self.pids = pids
        self.oldest: Process | None = None
        self.itself = True  # all members are left: there is no filter, or it matches the group itself
        self.shown = 0  # members that the filter leaves
        self.ghosts: set[int] = set()
        self.context: frozenset[int] = frozenset()
        self.containers: Counter[str | None] | None = None  # {key: its members}, once asked for
        self.forest: Forest | Flat | None = None  # made when a process of it is looked at
        self.head: GroupRow | None = None  # its row, made when it is looked at
        self.size = 0  # rows, with its head
        self.depth = 0
        self.owner = False
        self.rank: _Order | None = None  # its sort key


class Rows(Sequence[Row]):
    """The rows of a view, top to bottom; those below a folded row are left out.

    `update` shows a newer snapshot, `look` another view; both change all rows at once.
    Processes that are just gone (ghosts) may be kept in their places for a while.
    """

    def __init__(self, snapshot: Snapshot, view: View) -> None:
        self.snapshot, self.view = snapshot, view
        self._ghosts: dict[int, Process] = {}
        self._begin()

    def _begin(self, before: "Mapping[tuple[int, ...], _Group] | None" = None, *, trees: bool = False) -> None:
        """Group everything. before: {pids: a group of another grouping with the same members}, whose derived values are
        taken over; trees: its trees too."""
        self._groups: dict[object, _Group] = {}
        self._id = _PLACES[self.view.by]  # gives the group of a process
        self._haunts = self._haunted()
        for id, record, pids in self._partition():
            group = self._groups[id] = _Group(id, record, pids)
            group.ghosts = self._haunts.get(id, set())
            if before and (other := before.get(pids)):
                group.oldest, group.containers = other.oldest, other.containers
                if trees and other.ghosts == group.ghosts:
                    group.forest = other.forest
            else:
                group.oldest = self._oldest(pids)
            group.rank = self._order(group)
        self._sift(self.snapshot.processes)
        self._arrange()

    def _partition(self) -> Iterable[tuple[object, Namespace | Container | None, tuple[int, ...]]]:
        snapshot, by = self.snapshot, self.view.by
        members = self._members()
        if by == "tree":
            yield _TREE, None, members[_TREE]
        elif by == "container":
            if snapshot.partial:
                return  # no process is known to be in none
            for key, container in snapshot.containers.items():
                yield key, container, members.get(key, ())
        else:
            for (type, inode), namespace in snapshot.namespaces.items():
                if type == by:
                    yield inode, namespace, members.get(inode, ())
        if None in members:
            yield None, None, members[None]

    def _members(self) -> Mapping[Any, tuple[int, ...]]:
        by = self.view.by
        if by == "tree":
            return {_TREE: tuple(self.snapshot.processes)}
        return self.snapshot.populations if by == "container" else self.snapshot.members(by)

    def _oldest(self, pids: tuple[int, ...]) -> Process | None:
        if not pids or self.view.by == "tree":
            return None
        processes = self.snapshot.processes
        starts = list(map(_START, map(processes.__getitem__, pids)))
        return processes[pids[starts.index(min(starts))]]

    # The filter

    def _sift(self, pids: Collection[int]) -> None:
        """Find the processes that the filter leaves, all of which are in `pids`, and count them by group."""
        wanted, snapshot = self.view.filter, self.snapshot
        self._left = wanted.among(pids, snapshot) if wanted else set[int]()
        self._toggled = self._with_toggled()
        numbers: Mapping[object, int] | None = None
        if len(self._left) < len(snapshot.processes) // _FEW:
            numbers = Counter(map(self._id, map(snapshot.processes.__getitem__, self._left)))
        for group in self._groups.values():
            self._count(group, numbers)
            self._measure(group)

    def _count(self, group: _Group, numbers: Mapping[object, int] | None = None) -> None:
        """Count the members of a group that the filter leaves: all, if it matches the group itself.

        numbers: {group: members that are left}, if these have been counted.
        """
        was, group.itself = group.itself, not self.view.filter or self._itself(group)
        if group.itself:
            group.shown = len(group.pids)
        elif numbers is not None:
            group.shown = numbers.get(group.id, 0)
        else:
            group.shown = len(self._left.intersection(group.pids))
        if group.itself is not was:
            group.forest = None

    def _left_of(self, group: _Group) -> Collection[int]:
        """The members that the filter leaves."""
        if group.itself:
            return group.pids
        return self._left if group.shown == len(self._left) else self._left.intersection(group.pids)

    def _itself(self, group: _Group) -> bool:
        """True if the filter matches the namespace or container itself, apart from its processes."""
        record, wanted = group.record, self.view.filter
        if isinstance(record, Namespace):
            return wanted.namespace(record, self.snapshot)
        return isinstance(record, Container) and wanted.container(record, self.snapshot)

    def _seen(self, group: _Group) -> bool:
        """True if the group has a row."""
        return group.itself or bool(group.shown)

    # Places

    def _arrange(self) -> None:
        """Sort the groups; processes that could not be read come at the very end."""
        self._ordered = sorted(self._groups.values(), key=attrgetter("rank"))
        self._section()

    def _section(self) -> None:
        """Select the groups that have rows."""
        groups = list(filter(self._seen, self._ordered))
        if self.view.nest and self.view.by not in ("tree", "container"):
            groups = self._nested(groups)
        self._sections = groups
        self._place()

    def _order(self, group: _Group) -> "_Order":
        """The sort key of a group. Usually its age, so that new groups come last and nothing moves."""
        record, by, oldest = group.record, self.view.groups, group.oldest
        rank, name = 0, ""
        if by == "size":
            rank = -len(group.pids)
        elif by == "inode" and isinstance(record, Namespace):
            rank = record.inode
        elif by == "name":
            name = self._name(group).lower()
            rank = not name  # groups without a name come last
        initial = isinstance(record, Namespace) and record.initial
        return not initial, record is None, rank, name, oldest.start if oldest else 1 << 62, str(group.id)

    def _name(self, group: _Group) -> str:
        """The name of a group: a container's, that of its oldest member's container, or its mount."""
        if isinstance(group.record, Container):
            return group.record.name
        container = self.snapshot.container_of(group.oldest) if group.oldest else None
        if container:
            return container.name
        return next(iter(group.record.names), "") if group.record else ""

    def _nested(self, groups: list[_Group]) -> list[_Group]:
        """The groups below their parents or owners, which are added if they were not among them."""
        snapshot = self.snapshot
        how: By = "parent" if self.view.by in ("pid", "user") else "owner"
        known = {group.record.key: group for group in groups if isinstance(group.record, Namespace)}
        needed: set[NamespaceKey] = set()
        for key in known:
            climbing: NamespaceKey | None = key
            while climbing and climbing not in needed and climbing in snapshot.namespaces:
                needed.add(climbing)
                climbing = above(snapshot.namespaces[climbing], how)
        found = []
        for branch in tree(snapshot, how):
            namespace = branch.namespace
            group = known.get(namespace.key)
            if group is None and namespace.key in needed:
                group = _Group(namespace.key, namespace, snapshot.members(namespace.type).get(namespace.inode, ()))
                group.owner, group.size = True, 1
            if group is not None:
                group.depth, group.head = branch.depth, None
                found.append(group)
        return found + [group for group in groups if group.record is None]

    def _place(self) -> None:
        """Find the first row of each section, and the note if there is little to see."""
        sections = self._sections
        self._starts = list(accumulate([group.size for group in sections], initial=0))
        self._numbers: dict[object, int] | None = None
        self._notes: list[NoteRow] = []
        partial = self.snapshot.partial
        if not self._starts[-1]:
            if partial and self.view.by == "container":
                words = "Containers are known when every process is read; a moment."
            elif self.view.filter:
                words = f"Nothing {'that is read so far ' if partial else ''}matches. Esc clears the filter."
            else:
                words = "No processes."
            self._notes = [NoteRow(("note", 0), words)]
        elif self._starts[-1] == 1 and not self.view.filter:
            (record,) = (group.record for group in sections)
            if isinstance(record, Namespace) and record.initial:
                words = f"Every process is in the host's {record.type} namespace; no other is in use."
                if not self.snapshot.sees_all(record.type):
                    words = f"No other {record.type} namespace is visible to you; not every process's can be read."
                if partial:
                    words = f"Every process that is read so far is in the host's {record.type} namespace."
                self._notes = [NoteRow(("note", 1), words)]

    def _measure(self, group: _Group) -> None:
        """Count the rows of a group; without making its trees if nothing in it is folded."""
        if group.id is not _TREE and self._folded(group) is not False:
            group.size = 1
        elif group.forest is None and group.id is not _TREE and group.id not in self._toggled:
            group.size = 1 + group.shown + len(group.ghosts)
        else:
            group.size = (group.id is not _TREE) + len(self._forest(group))

    def _with_toggled(self) -> set[object]:
        """The groups in which a process's fold is not the usual one."""
        pids = (key[1] for key in self.view.toggled if key[0] == "process")
        processes = (self.process(pid) for pid in pids)  # type: ignore[arg-type]
        return {self._id(process) for process in processes if process}

    def process(self, pid: int) -> Process | None:
        """A process that has a row, or would have one were nothing folded, ghosts included."""
        return self.snapshot.processes.get(pid) or self._ghosts.get(pid)

    # Folds

    def _folded(self, group: _Group) -> bool | None:
        if group.owner or not group.shown:
            return None
        apart = group.record is None or (isinstance(group.record, Namespace) and group.record.initial)
        return _is_folded(self.view, ("group", group.id), apart)

    def _hides(self, process: Process) -> bool:
        """True if the rows below a process are folded."""
        usually = process.kthread and self.view.by == "tree" and not self.view.filter
        return usually != (process_key(process) in self.view.toggled)

    # Trees

    def _forest(self, group: _Group) -> Forest | Flat:
        if group.forest is None and self._flat:
            members = map(self.process, self._wanted(group))
            group.forest = Flat({process.pid: self._rank(process) for process in members if process})
        if group.forest is None:
            pids = self._wanted(group)
            folded: Iterable[int] = ()
            if self.view.toggled or group.id is _TREE:
                folded = [pid for pid in pids if (process := self.process(pid)) and self._hides(process)]
            group.forest = Forest(self._parents(group, pids), folded)
        return group.forest

    @property
    def _flat(self) -> bool:
        return self.view.processes != "tree"

    def _rank(self, process: Process) -> SortKey:
        match self.view.processes:
            case "user":
                return process.user
            case "command":
                return process.command.lower()
            case "start":
                return -process.start
            case _:
                return 0

    def _wanted(self, group: _Group) -> Collection[int]:
        """The pids of a group that the filter leaves, ghosts included."""
        if group.id is _TREE and not group.itself and not self._flat:
            return self._kept(group)
        pids = self._left_of(group)
        return {*pids, *group.ghosts} if group.ghosts else pids

    def _parents(self, group: _Group, pids: Iterable[int]) -> dict[int, int | None]:
        processes, ghosts = self.snapshot.processes, self._ghosts
        living = [pid for pid in pids if pid not in ghosts] if ghosts else list(pids)
        found: dict[int, int | None] = dict(zip(living, map(_PPID, map(processes.__getitem__, living)), strict=True))
        found.update((pid, ghosts[pid].ppid) for pid in pids if pid in ghosts)
        if group.id is _TREE:
            found.update((shim, daemon) for shim, daemon in self.snapshot.serves.items() if shim in found)
        return found

    def _parent(self, process: Process) -> int:
        return self.snapshot.parent(process) if self.view.by == "tree" else process.ppid

    def _kept(self, group: _Group) -> set[int]:
        """The pids of the tree under a filter: those that match, and their ancestors."""
        matching = {*self._left, *group.ghosts}
        kept = set(matching)
        for pid in matching:
            process = self.process(pid)
            above = process and self.process(self._parent(process))
            while above is not None and above.pid not in kept:
                kept.add(above.pid)
                above = self.process(self._parent(above))
        group.context = frozenset(kept - matching)
        return kept

    # Rows

    def __len__(self) -> int:
        return self._starts[-1] + len(self._notes)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        if place < 0:
            place += len(self)
        if not 0 <= place < len(self):
            raise IndexError(place)
        if place >= self._starts[-1]:
            return self._notes[place - self._starts[-1]]
        number = bisect_right(self._starts, place) - 1
        group = self._sections[number]
        place -= self._starts[number]
        if group.id is not _TREE:
            if not place:
                return self._head(group)
            place -= 1
        return self._row(group, self._forest(group)[place])

    def __iter__(self) -> Iterator[Row]:
        return (self[place] for place in range(len(self)))

    def _head(self, group: _Group) -> GroupRow:
        if group.head is None:
            record, snapshot = group.record, self.snapshot
            if group.containers is None:
                processes = snapshot.processes
                group.containers = Counter(map(_CONTAINER, map(processes.__getitem__, group.pids)))
            containers = [
                snapshot.containers[key]
                for key, number in group.containers.items()
                if number and key is not None and key in snapshot.containers
            ]
            namespace = record if isinstance(record, Namespace) else None
            group.head = GroupRow(
                ("owner", *namespace.key) if group.owner and namespace else ("group", group.id),
                namespace,
                record if isinstance(record, Container) else None,
                namespace is not None and namespace.initial,
                group.pids,
                group.shown,
                () if group.owner else tuple(sorted(containers, key=lambda c: (c.name, c.key))),
                self._folded(group),
                group.oldest.pid if group.oldest else None,
                group.depth,
                group.owner,
            )
        return group.head

    def _row(self, group: _Group, pid: int) -> ProcessRow:
        process, forest = self.process(pid), self._forest(group)
        assert process is not None
        return ProcessRow(
            process_key(process),
            process,
            self.snapshot.container_of(process),
            forest.guides(pid),
            forest.folded(pid),
            pid in group.context,
            None if group.id is _TREE else ("group", group.id),
        )

    def find(self, key: RowKey) -> int | None:
        """The place of the row of a key. None if there is none."""
        match key:
            case "process", int(pid), start:
                process = self.process(pid)
                if process is None or process.start != start:
                    return None
                id = self._id(process)
                group = self._groups.get(id)
                number = self._number(id)
                if group is None or number is None or (id is not _TREE and self._folded(group) is not False):
                    return None
                forest = self._forest(group)
                if pid not in forest:
                    return None
                return self._starts[number] + (id is not _TREE) + forest.index(pid)
            case "group", id:
                number = self._number(id)
            case "owner", *rest:
                number = self._number(tuple(rest))
            case "note", int(which):
                return next((self._starts[-1] for note in self._notes if note.key[1] == which), None)
            case _:
                return None
        return None if number is None else self._starts[number]

    def _number(self, id: object) -> int | None:
        if self._numbers is None:
            self._numbers = {group.id: number for number, group in enumerate(self._sections)}
        return self._numbers.get(id)

    def above(self, row: ProcessRow) -> int | None:
        """The place of the row that a process's row hangs from. None at the top of the tree."""
        group = self._groups.get(self._id(row.process))
        if group is None or row.process.pid not in self._forest(group):
            return None
        parent = self._forest(group).parent(row.process.pid)
        process = None if parent is None else self.process(parent)
        if process:
            return self.find(process_key(process))
        return None if group.id is _TREE else self.find(("group", group.id))

    def groups(self) -> Iterator[GroupRow]:
        """The heads, in order."""
        return (self._head(group) for group in self._sections if group.id is not _TREE)

    def foldable(self) -> set[RowKey]:
        """The keys of the groups that are open; if all are folded, of all that can be unfolded."""
        heads = [head for head in self.groups() if head.folded is not None]
        return {head.key for head in [head for head in heads if not head.folded] or heads}

    def with_ghosts(self) -> Snapshot:
        """The snapshot, ghosts included."""
        return with_ghosts(self.snapshot, self._ghosts.values())

    # Changes

    def look(self, view: View) -> None:
        """Show the same snapshot in another view."""
        before, self.view = self.view, view
        if replace(before, toggled=view.toggled) == view:
            self._fold(before.toggled ^ view.toggled)
        elif replace(before, toggled=view.toggled, filter=view.filter) == view:
            self._seek(before.filter)
        else:
            trees = (
                "tree" not in (before.by, view.by)
                and not before.filter
                and not view.filter
                and before.processes == view.processes
                and all(kind == "group" for kind, *_ in before.toggled ^ view.toggled)
            )
            groups = self._groups.values() if before.by != "tree" else ()
            self._begin({group.pids: group for group in groups}, trees=trees)

    def _seek(self, before: filters.Filter) -> None:
        """Apply another filter to the same groups; if it narrows `before`, only to the processes that were left."""
        self._haunts = self._haunted()
        for group in self._groups.values():
            group.head = group.forest = None
            group.context = frozenset()
            group.ghosts = self._haunts.get(group.id, set())
        self._sift(self._left if before and self.view.filter.narrows(before) else self.snapshot.processes)
        self._section()

    def _fold(self, keys: Iterable[RowKey]) -> None:
        """Fold rows that are open, and unfold folded ones."""
        self._toggled = self._with_toggled()
        changed = []
        for key in keys:
            process = self.process(key[1]) if key[0] == "process" else None  # type: ignore[arg-type]
            group = self._groups.get(self._id(process) if process else key[1])
            if group is None:
                continue
            group.head = None
            changed.append(group)
            if process and isinstance(group.forest, Forest) and process.pid in group.forest.members:
                group.forest.fold(process.pid, self._hides(process))
        for group in changed:
            self._measure(group)
        self._place()

    def update(self, snapshot: Snapshot, ghosts: Iterable[Process] = ()) -> None:
        """Show a newer snapshot, with these ghosts in it, unless their pids were reused."""
        before, old_ghosts = self.snapshot, self._ghosts
        self.snapshot = snapshot
        self._ghosts = {ghost.pid: ghost for ghost in ghosts if ghost.pid not in snapshot.processes}
        if before.partial or before.host != snapshot.host or not self.view.filter.local:
            self._begin()
            return
        self._haunts = self._haunted()
        changed = touched(before, snapshot)
        by = self.view.by
        pids = {*changed.pids, *old_ghosts, *self._ghosts, *self._reconsidered(before, changed.containers)}
        if by == "tree":
            pids.update(shim for shim, _ in before.serves.items() ^ snapshot.serves.items())
        lost = self._left.intersection(pids)
        self._left -= lost
        happened: dict[object, _Happened] = {}
        for pid in pids:
            old, now = before.processes.get(pid), snapshot.processes.get(pid)
            was, is_ = old or old_ghosts.get(pid), now or self._ghosts.get(pid)
            moved = was is not None and is_ is not None and (
                (was.start, was.kthread, before.parent(was) if by == "tree" else was.ppid, self._rank(was))
                != (is_.start, is_.kthread, self._parent(is_), self._rank(is_))
            )
            if was:
                what = happened.setdefault(self._id(was), _Happened())
                what.note(pid, what.left, old, moved)
            if is_:
                what = happened.setdefault(self._id(is_), _Happened())
                what.note(pid, what.came, now, moved)
            if now and self.view.filter and self.view.filter.process(now, snapshot):
                self._left.add(pid)
        if by == "container":
            records: Iterable[object] = changed.containers
        else:
            records = [inode for type, inode in changed.namespaces if type == by]
        for id in records:
            happened.setdefault(id, _Happened())
        if changed.containers:
            for group in self._groups.values():
                group.head = None  # it may name one of them
                if self.view.groups == "name":
                    group.rank = self._order(group)
        self._toggled = self._with_toggled()
        members: Mapping[Any, tuple[int, ...]] = self._members()
        disordered = False
        for id, what in happened.items():
            disordered |= self._renew(id, members.get(id, ()), what, lost)
        if disordered or self.view.nest:
            self._arrange()
        else:
            self._place()

    def _haunted(self) -> dict[object, set[int]]:
        """{group: the pids of its ghosts that the filter leaves}."""
        found: dict[object, set[int]] = {}
        wanted = self.view.filter
        for pid, ghost in self._ghosts.items():
            if not wanted or wanted.process(ghost, self.snapshot):
                found.setdefault(self._id(ghost), set()).add(pid)
        return found

    def _reconsidered(self, before: Snapshot, containers: Iterable[str]) -> Iterable[int]:
        """The processes that a filter may judge anew because the record of their container has changed."""
        if self.view.filter:
            populations = self.snapshot.populations
            for key in containers:
                old, new = before.containers.get(key), self.snapshot.containers.get(key)
                if old is None or new is None or replace(old, pids=new.pids) != new:
                    yield from populations.get(key, ())

    def _record(self, id: object) -> Namespace | Container | None:
        by = self.view.by
        if by == "container":
            return self.snapshot.containers.get(id)  # type: ignore[call-overload,no-any-return]
        return None if by == "tree" else self.snapshot.namespaces.get((by, id))  # type: ignore[arg-type]

    def _renew(self, id: object, pids: tuple[int, ...], what: "_Happened", lost: Collection[int]) -> bool:
        """Bring a group up to date. True if the order of groups may have changed.

        lost: the pids, of all that changed, that the filter had left.
        """
        record, group = self._record(id), self._groups.get(id)
        if (record is None and id not in (None, _TREE)) or (id is None and not pids):
            return self._groups.pop(id, None) is not None
        new = group is None
        if group is None:
            group = self._groups[id] = _Group(id, record, pids)
            group.oldest = self._oldest(pids)
        was = self._seen(group), group.rank
        group.head = None
        group.pids = pids
        group.ghosts = self._haunts.get(id, set())
        if id is not _TREE:
            self._age(group, what)
        if group.containers is not None:
            group.containers.subtract(process.container for process in what.left)
            group.containers.update(process.container for process in what.came)
        if new or record is not group.record:
            group.record = record
            self._count(group)
        elif group.itself:
            group.shown = len(pids)
        else:
            group.shown += sum(process.pid in self._left for process in what.came)
            group.shown -= sum(process.pid in lost for process in what.left)
        self._replant(group, what)
        self._measure(group)
        group.rank = self._order(group)
        return new or was != (self._seen(group), group.rank)

    def _age(self, group: _Group, what: "_Happened") -> None:
        """Find the oldest member: among all only if the oldest before is gone."""
        oldest = group.oldest
        if oldest is not None and oldest.pid in what.pids:
            now = next((process for process in what.came if process.pid == oldest.pid), None)
            if now is None or now.start != oldest.start:
                group.oldest = self._oldest(group.pids)
                return
            oldest = now
        group.oldest = min((oldest, *what.came) if oldest else what.came, key=lambda p: (p.start, p.pid), default=None)

    def _replant(self, group: _Group, what: "_Happened") -> None:
        """Bring the trees of a group up to date, if they were made."""
        forest = group.forest
        if forest is None:
            return
        if len(what.pids) > _MANY:
            group.forest = None  # making them anew is quicker
            return
        if group.id is _TREE and not group.itself and not self._flat:
            wanted: Collection[int] = self._kept(group)
            candidates = what.pids | (forest.members ^ wanted)  # type: ignore[operator]
        else:
            here = {process.pid for process in what.came if group.itself or process.pid in self._left}
            wanted, candidates = here | group.ghosts, what.pids
        coming = []
        for pid in candidates:
            member = pid in forest.members
            if member and (pid not in wanted or pid in what.moved):
                forest.remove(pid)
                member = False
            if pid in wanted and not member and (process := self.process(pid)):
                coming.append(process)
        for process in sorted(coming, key=_PID):
            if isinstance(forest, Flat):
                forest.add(process.pid, self._rank(process))
            else:
                forest.add(process.pid, self._parent(process), self._hides(process))


class _Happened:
    """The changes of the processes of one group between two snapshots.

    pids: of all changed processes. moved: of those that stand elsewhere in their tree. left, came: the living processes
    as they were and as they are; a process that merely changed is in both.
    """

    def __init__(self) -> None:
        self.pids: set[int] = set()
        self.moved: set[int] = set()
        self.left: list[Process] = []
        self.came: list[Process] = []

    def note(self, pid: int, side: list[Process], alive: Process | None, moved: bool) -> None:
        self.pids.add(pid)
        if moved:
            self.moved.add(pid)
        if alive:
            side.append(alive)


_TREE = ("tree",)
"""The id of the one group of the tree, which has no head."""
_PLACES: Mapping[Any, Callable[[Process], object]] = {"tree": lambda process: _TREE, **PLACES}
_Order = tuple[bool, bool, SortKey, str, int, str]
_MANY = 2000
_FEW = 8  # if less than one of so many processes is left, these are counted by group
_PID, _PPID, _START, _CONTAINER = map(attrgetter, ("pid", "ppid", "start", "container"))


def rows(snapshot: Snapshot, view: View) -> list[Row]:
    """The rows of a view, as a list."""
    return list(Rows(snapshot, view))


def is_folded(snapshot: Snapshot, view: View, key: RowKey) -> bool:
    """True if a group is folded in this view."""
    apart = key[1] is None or (
        view.by not in ("tree", "container") and snapshot.is_initial(view.by, key[1])  # type: ignore[arg-type]
    )
    return _is_folded(view, key, apart)


def _is_folded(view: View, key: RowKey, apart: bool) -> bool:
    """apart: the group is the host's own, or of processes in none; folded unless there is a filter."""
    return (apart and not view.filter) != (key in view.toggled)
