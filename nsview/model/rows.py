"""The lines of the explorer's list, from a snapshot and a view of it.

A row has its record and its place in the tree; its look is the screen's business. Of 50,000 rows 50 are seen: so a row
is made when it is looked at, and of a newer snapshot only the changes are.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from operator import attrgetter
from typing import overload

from .group import TREE, Group
from .groups import Groups
from .groups_update import update
from .records import Container, Namespace, Process
from .snapshot import Snapshot, with_ghosts
from .view import GroupRow, NoteRow, ProcessRow, Row, RowKey, View, process_key

_CONTAINER = attrgetter("container")


class Rows(Sequence[Row]):
    """The rows of a view, top to bottom; those below a folded row are left out.

    `update` shows a newer snapshot, `look` another view; both change all rows at once. Processes that are just gone
    (ghosts) may be kept in their places for a while.
    """

    def __init__(self, snapshot: Snapshot, view: View) -> None:
        self._groups = Groups(snapshot, view)
        self._place()

    @property
    def snapshot(self) -> Snapshot:
        return self._groups.snapshot

    @property
    def view(self) -> View:
        return self._groups.view

    def look(self, view: View) -> None:
        """Show the same snapshot in another view."""
        self._groups.look(view)
        self._place()

    def update(self, snapshot: Snapshot, ghosts: Iterable[Process] = ()) -> None:
        """Show a newer snapshot, with these ghosts in it, unless their pids were reused."""
        update(self._groups, snapshot, ghosts)
        self._place()

    def _place(self) -> None:
        """Find the first row of each section, and the note if there is little to see."""
        sections = self._groups.sections
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
        group = self._groups.sections[number]
        place -= self._starts[number]
        if group.id is not TREE:
            if not place:
                return self._head(group)
            place -= 1
        return self._row(group, self._groups.forest(group)[place])

    def __iter__(self) -> Iterator[Row]:
        return (self[place] for place in range(len(self)))

    def _head(self, group: Group) -> GroupRow:
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
            oldest = group.oldest
            if group.owner and group.pids:  # none of its members has a row here
                members = map(snapshot.processes.__getitem__, group.pids)
                oldest = min(members, key=lambda process: (process.start, process.pid))
            group.head = GroupRow(
                ("owner", *namespace.key) if group.owner and namespace else ("group", group.id),
                namespace,
                record if isinstance(record, Container) else None,
                namespace is not None and namespace.initial,
                group.pids,
                len(group.pids) if group.owner else group.shown,
                () if group.owner else tuple(sorted(containers, key=lambda c: (c.name, c.key))),
                self._groups.folded(group),
                oldest.pid if oldest else None,
                group.depth,
                group.owner,
            )
        return group.head

    def _row(self, group: Group, pid: int) -> ProcessRow:
        process, forest = self._groups.process(pid), self._groups.forest(group)
        assert process is not None
        return ProcessRow(
            process_key(process),
            process,
            self.snapshot.container_of(process),
            forest.guides(pid),
            forest.folded(pid),
            self._groups.beside(group, pid),
            None if group.id is TREE else ("group", group.id),
        )

    def find(self, key: RowKey) -> int | None:
        """The place of the row of a key. None if there is none."""
        match key:
            case "process", int(pid), start:
                process = self._groups.process(pid)
                if process is None or process.start != start:
                    return None
                id = self._groups.id_of(process)
                group = self._groups.all.get(id)
                number = self._number(id)
                if group is None or number is None or (id is not TREE and self._groups.folded(group) is not False):
                    return None
                forest = self._groups.forest(group)
                if pid not in forest:
                    return None
                return self._starts[number] + (id is not TREE) + forest.index(pid)
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
            self._numbers = {group.id: number for number, group in enumerate(self._groups.sections)}
        return self._numbers.get(id)

    def above(self, row: ProcessRow) -> int | None:
        """The place of the row that a process's row hangs from. None at the top of the tree."""
        group = self._groups.all.get(self._groups.id_of(row.process))
        if group is None or row.process.pid not in self._groups.forest(group):
            return None
        parent = self._groups.forest(group).parent(row.process.pid)
        process = None if parent is None else self._groups.process(parent)
        if process:
            return self.find(process_key(process))
        return None if group.id is TREE else self.find(("group", group.id))

    @property
    def matches(self) -> int:
        """The number of processes that the filter leaves, with all members of a group that itself matches."""
        return sum(group.shown for group in self._groups.sections)

    def is_match(self, place: int) -> bool:
        """True if the row of a process at this place matches, and is not there only for rows below it. Cheaper than
        making the row."""
        number = bisect_right(self._starts, place) - 1
        if not 0 <= number < len(self._groups.sections):
            return False
        group = self._groups.sections[number]
        place -= self._starts[number] + (group.id is not TREE)
        return place >= 0 and not self._groups.beside(group, self._groups.forest(group)[place])

    def groups(self) -> Iterator[GroupRow]:
        """The heads, in order."""
        return (self._head(group) for group in self._groups.sections if group.id is not TREE)

    def foldable(self) -> set[RowKey]:
        """The keys of the groups that are open; if all are folded, of all that can be unfolded."""
        heads = [head for head in self.groups() if head.folded is not None]
        return {head.key for head in [head for head in heads if not head.folded] or heads}

    def with_ghosts(self) -> Snapshot:
        """The snapshot, ghosts included."""
        return with_ghosts(self.snapshot, self._groups.ghosts.values())


def rows(snapshot: Snapshot, view: View) -> list[Row]:
    """The rows of a view, as a list."""
    return list(Rows(snapshot, view))
