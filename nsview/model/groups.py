"""The groups of a view, with the members that its filter leaves, in order and as trees.

The trees of a group are made when a row of it is looked at. `groups_update` follows newer snapshots.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from .flat import Flat, SortKey
from .forest import Forest
from .group import TREE, Group, group_rank, is_apart, process_rank, seen
from .hierarchy import By, above, tree
from .records import Container, Namespace, NamespaceKey, Process
from .snapshot import PLACES, Snapshot
from .view import RowKey, View, folded_in_view, process_key

_IDS: Mapping[Any, Callable[[Process], object]] = {"tree": lambda process: TREE, **PLACES}
_FEW = 8  # if less than one of so many processes is left, these are counted by group
_PPID, _START = map(attrgetter, ("ppid", "start"))


class Groups:
    """The groups of a view of a snapshot, by id: an inode, the key of a container, TREE, or None for the rest.

    Processes that are just gone (ghosts) may be kept in their places for a while.
    """

    def __init__(self, snapshot: Snapshot, view: View) -> None:
        self.snapshot, self.view = snapshot, view
        self.ghosts: dict[int, Process] = {}
        self.begin()

    def begin(self, before: "Mapping[tuple[int, ...], Group] | None" = None, *, trees: bool = False) -> None:
        """Group everything. before: {pids: a group of another grouping with the same members}, whose derived values are
        taken over; trees: its trees too."""
        self.all: dict[object, Group] = {}
        self.id_of = _IDS[self.view.by]  # gives the group of a process
        self.haunts = self.haunted()
        for id, record, pids in self._partition():
            group = self.all[id] = Group(id, record, pids)
            group.ghosts = self.haunts.get(id, set())
            if before and (other := before.get(pids)):
                group.oldest, group.containers = other.oldest, other.containers
                if trees and other.ghosts == group.ghosts:
                    group.forest = other.forest
            else:
                group.oldest = self.oldest(pids)
            group.rank = group_rank(group, self.view, self.snapshot)
        self._sift(self.snapshot.processes)
        self.arrange()

    def _partition(self) -> Iterable[tuple[object, Namespace | Container | None, tuple[int, ...]]]:
        snapshot, by = self.snapshot, self.view.by
        members = self.members()
        if by == "tree":
            yield TREE, None, members[TREE]
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

    def members(self) -> Mapping[Any, tuple[int, ...]]:
        by = self.view.by
        if by == "tree":
            return {TREE: tuple(self.snapshot.processes)}
        return self.snapshot.populations if by == "container" else self.snapshot.members(by)

    def oldest(self, pids: tuple[int, ...]) -> Process | None:
        if not pids or self.view.by == "tree":
            return None
        processes = self.snapshot.processes
        starts = list(map(_START, map(processes.__getitem__, pids)))
        return processes[pids[starts.index(min(starts))]]

    def _sift(self, pids: Collection[int]) -> None:
        """Find the processes that the filter leaves, all of which are in `pids`, and count them by group."""
        wanted, snapshot = self.view.filter, self.snapshot
        self.left = wanted.among(pids, snapshot) if wanted else set[int]()
        self.toggled = self.with_toggled()
        numbers: Mapping[object, int] | None = None
        if len(self.left) < len(snapshot.processes) // _FEW:
            numbers = Counter(map(self.id_of, map(snapshot.processes.__getitem__, self.left)))
        for group in self.all.values():
            self.count(group, numbers)
            self.measure(group)

    def count(self, group: Group, numbers: Mapping[object, int] | None = None) -> None:
        """Count the members of a group that the filter leaves: all, if it matches the group itself.

        numbers: {group: members that are left}, if these have been counted.
        """
        was = self.whole(group)
        group.itself = not self.view.filter or self._itself(group)
        if group.itself:
            group.shown = len(group.pids)
        elif numbers is not None:
            group.shown = numbers.get(group.id, 0)
        else:
            group.shown = len(self.left.intersection(group.pids))
        if self.whole(group) is not was:
            group.forest = None

    def whole(self, group: Group) -> bool:
        """True if all members of a group have rows where one has: the others tell whom a match shares it with."""
        return group.itself or not (group.apart or self.view.only)

    def beside(self, group: Group, pid: int) -> bool:
        """True if a process that has a row is no match: it is shown for others."""
        if group.itself or not self.whole(group):
            return pid in group.context
        ghost = self.ghosts.get(pid)
        return not self.view.filter.process(ghost, self.snapshot) if ghost else pid not in self.left

    def _left_of(self, group: Group) -> Collection[int]:
        """The members that have rows, or would have were nothing folded."""
        if self.whole(group):
            return group.pids
        return self.left if group.shown == len(self.left) else self.left.intersection(group.pids)

    def _itself(self, group: Group) -> bool:
        """True if the filter matches the namespace or container itself, apart from its processes."""
        record, wanted = group.record, self.view.filter
        if isinstance(record, Namespace):
            return wanted.namespace(record, self.snapshot)
        return isinstance(record, Container) and wanted.container(record, self.snapshot)

    def arrange(self) -> None:
        """Sort the groups; processes that could not be read come at the very end."""
        self.ordered = sorted(self.all.values(), key=attrgetter("rank"))
        self._section()

    def _section(self) -> None:
        """Select the groups that have rows."""
        groups = list(filter(seen, self.ordered))
        if self.view.nest and self.view.by not in ("tree", "container"):
            groups = self._nested(groups)
        self.sections = groups

    def _nested(self, groups: list[Group]) -> list[Group]:
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
                group = Group(namespace.key, namespace, snapshot.members(namespace.type).get(namespace.inode, ()))
                group.owner, group.size = True, 1
            if group is not None:
                group.depth, group.head = branch.depth, None
                found.append(group)
        return found + [group for group in groups if group.record is None]

    def measure(self, group: Group) -> None:
        """Count the rows of a group; without making its trees if nothing in it is folded."""
        if group.id is not TREE and self.folded(group) is not False:
            group.size = 1
        elif group.forest is None and group.id is not TREE and group.id not in self.toggled:
            group.size = 1 + (len(group.pids) if self.whole(group) else group.shown) + len(group.ghosts)
        else:
            group.size = (group.id is not TREE) + len(self.forest(group))

    def with_toggled(self) -> set[object]:
        """The groups in which a process's fold is not the usual one."""
        pids = (key[1] for key in self.view.toggled if key[0] == "process")
        processes = (self.process(pid) for pid in pids)  # type: ignore[arg-type]
        return {self.id_of(process) for process in processes if process}

    def process(self, pid: int) -> Process | None:
        """A process that has a row, or would have one were nothing folded, ghosts included. None if there is none."""
        return self.snapshot.processes.get(pid) or self.ghosts.get(pid)

    def folded(self, group: Group) -> bool | None:
        if group.owner or not group.shown:
            return None
        return folded_in_view(self.view, ("group", group.id), group.apart)

    def hides(self, process: Process) -> bool:
        """True if the rows below a process are folded."""
        usually = process.kthread and self.view.by == "tree" and not self.view.filter
        return usually != (process_key(process) in self.view.toggled)

    def forest(self, group: Group) -> Forest | Flat:
        if group.forest is None and self.flat:
            members = map(self.process, self._wanted(group))
            group.forest = Flat({process.pid: self.rank(process) for process in members if process})
        if group.forest is None:
            pids = self._wanted(group)
            folded: Iterable[int] = ()
            if self.view.toggled or group.id is TREE:
                folded = [pid for pid in pids if (process := self.process(pid)) and self.hides(process)]
            group.forest = Forest(self._parents(group, pids), folded)
        return group.forest

    @property
    def flat(self) -> bool:
        return self.view.processes != "tree"

    def rank(self, process: Process) -> SortKey:
        return process_rank(process, self.view)

    def _wanted(self, group: Group) -> Collection[int]:
        """The pids of a group that the filter leaves, ghosts included."""
        if group.id is TREE and not group.itself and not self.flat:
            return self.kept(group)
        pids = self._left_of(group)
        return {*pids, *group.ghosts} if group.ghosts else pids

    def _parents(self, group: Group, pids: Iterable[int]) -> dict[int, int | None]:
        processes, ghosts = self.snapshot.processes, self.ghosts
        living = [pid for pid in pids if pid not in ghosts] if ghosts else list(pids)
        found: dict[int, int | None] = dict(zip(living, map(_PPID, map(processes.__getitem__, living)), strict=True))
        found.update((pid, ghosts[pid].ppid) for pid in pids if pid in ghosts)
        if group.id is TREE:
            found.update((shim, daemon) for shim, daemon in self.snapshot.serves.items() if shim in found)
        return found

    def parent(self, process: Process) -> int:
        return self.snapshot.parent(process) if self.view.by == "tree" else process.ppid

    def kept(self, group: Group) -> set[int]:
        """The pids of the tree under a filter: those that match, and their ancestors."""
        matching = {*self.left, *group.ghosts}
        kept = set(matching)
        for pid in matching:
            process = self.process(pid)
            above = process and self.process(self.parent(process))
            while above is not None and above.pid not in kept:
                kept.add(above.pid)
                above = self.process(self.parent(above))
        group.context = frozenset(kept - matching)
        return kept

    def look(self, view: View) -> None:
        """Show the same snapshot in another view."""
        before, self.view = self.view, view
        if replace(before, toggled=view.toggled) == view:
            self._fold(before.toggled ^ view.toggled)
        elif replace(before, toggled=view.toggled, filter=view.filter) == view:
            self._seek(before)
        else:
            trees = (
                "tree" not in (before.by, view.by)
                and not before.filter
                and not view.filter
                and before.processes == view.processes
                and all(kind == "group" for kind, *_ in before.toggled ^ view.toggled)
            )
            groups = self.all.values() if before.by != "tree" else ()
            self.begin({group.pids: group for group in groups}, trees=trees)

    def _seek(self, before: View) -> None:
        """Apply another filter to the same groups; if it narrows the one before, only to processes that were left."""
        self.haunts = self.haunted()
        for group in self.all.values():
            group.head = None
            group.context = frozenset()
            ghosts = self.haunts.get(group.id, set())
            if not self.whole(group) or ghosts != group.ghosts or before.toggled != self.view.toggled:
                group.forest = None  # other members have rows, or other folds
            group.ghosts = ghosts
        narrows = before.filter and self.view.filter.narrows(before.filter)
        self._sift(self.left if narrows else self.snapshot.processes)
        self._section()

    def _fold(self, keys: Iterable[RowKey]) -> None:
        """Fold rows that are open, and unfold folded ones."""
        self.toggled = self.with_toggled()
        changed = []
        for key in keys:
            process = self.process(key[1]) if key[0] == "process" else None  # type: ignore[arg-type]
            group = self.all.get(self.id_of(process) if process else key[1])
            if group is None:
                continue
            group.head = None
            changed.append(group)
            if process and isinstance(group.forest, Forest) and process.pid in group.forest.members:
                group.forest.fold(process.pid, self.hides(process))
        for group in changed:
            self.measure(group)

    def haunted(self) -> dict[object, set[int]]:
        """{group: the pids of its ghosts that the filter leaves, or all if the group is whole}."""
        found: dict[object, set[int]] = {}
        wanted = self.view.filter
        for pid, ghost in self.ghosts.items():
            id = self.id_of(ghost)
            if not wanted or wanted.process(ghost, self.snapshot) or not (self.view.only or is_apart(self.record(id))):
                found.setdefault(id, set()).add(pid)
        return found

    def record(self, id: object) -> Namespace | Container | None:
        by = self.view.by
        if by == "container":
            return self.snapshot.containers.get(id)  # type: ignore[call-overload,no-any-return]
        return None if by == "tree" else self.snapshot.namespaces.get((by, id))  # type: ignore[arg-type]
