"""The groups of a view brought up to date with a newer snapshot, at the cost of the changes."""

from collections.abc import Collection, Iterable, Mapping
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from .flat import Flat
from .group import TREE, Group, group_rank, seen
from .groups import Groups
from .records import Process
from .snapshot import Snapshot, touched

_MANY = 2000  # changes of a group, from which on making its trees anew is quicker
_PID = attrgetter("pid")


class Happened:
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


def update(groups: Groups, snapshot: Snapshot, ghosts: Iterable[Process] = ()) -> None:
    """Show a newer snapshot, with these ghosts in it, unless their pids were reused."""
    before, old_ghosts = groups.snapshot, groups.ghosts
    groups.snapshot = snapshot
    groups.ghosts = {ghost.pid: ghost for ghost in ghosts if ghost.pid not in snapshot.processes}
    if before.partial or before.host != snapshot.host or not groups.view.filter.local:
        groups.begin()
        return
    groups.haunts = groups.haunted()
    changed = touched(before, snapshot)
    by = groups.view.by
    pids = {*changed.pids, *old_ghosts, *groups.ghosts, *_reconsidered(groups, before, changed.containers)}
    if by == "tree":
        pids.update(shim for shim, _ in before.serves.items() ^ snapshot.serves.items())
    lost = groups.left.intersection(pids)
    groups.left -= lost
    happened: dict[object, Happened] = {}
    for pid in pids:
        old, now = before.processes.get(pid), snapshot.processes.get(pid)
        was, is_ = old or old_ghosts.get(pid), now or groups.ghosts.get(pid)
        moved = (
            was is not None
            and is_ is not None
            and (
                (was.start, was.kthread, before.parent(was) if by == "tree" else was.ppid, groups.rank(was))
                != (is_.start, is_.kthread, groups.parent(is_), groups.rank(is_))
            )
        )
        if was:
            what = happened.setdefault(groups.id_of(was), Happened())
            what.note(pid, what.left, old, moved)
        if is_:
            what = happened.setdefault(groups.id_of(is_), Happened())
            what.note(pid, what.came, now, moved)
        if now and groups.view.filter and groups.view.filter.process(now, snapshot):
            groups.left.add(pid)
    if by == "container":
        records: Iterable[object] = changed.containers
    else:
        records = [inode for type, inode in changed.namespaces if type == by]
    for id in records:
        happened.setdefault(id, Happened())
    if changed.containers:
        for group in groups.all.values():
            group.head = None  # may name one of them
            if groups.view.groups == "name":
                group.rank = group_rank(group, groups.view, groups.snapshot)
    groups.toggled = groups.with_toggled()
    members: Mapping[Any, tuple[int, ...]] = groups.members()
    disordered = False
    for id, what in happened.items():
        disordered |= _renew(groups, id, members.get(id, ()), what, lost)
    if disordered or groups.view.nest:
        groups.arrange()


def _reconsidered(groups: Groups, before: Snapshot, containers: Iterable[str]) -> Iterable[int]:
    """The processes that a filter may judge anew because the record of their container has changed."""
    if groups.view.filter:
        populations = groups.snapshot.populations
        for key in containers:
            old, new = before.containers.get(key), groups.snapshot.containers.get(key)
            if old is None or new is None or replace(old, pids=new.pids) != new:
                yield from populations.get(key, ())


def _renew(groups: Groups, id: object, pids: tuple[int, ...], what: Happened, lost: Collection[int]) -> bool:
    """Bring a group up to date. True if the order of groups may have changed.

    lost: the pids, of all that changed, that the filter had left.
    """
    record, group = groups.record(id), groups.all.get(id)
    if (record is None and id not in (None, TREE)) or (id is None and not pids):
        return groups.all.pop(id, None) is not None
    new = group is None
    if group is None:
        group = groups.all[id] = Group(id, record, pids)
        group.oldest = groups.oldest(pids)
    was = seen(group), group.rank
    group.head = None
    group.pids = pids
    group.ghosts = groups.haunts.get(id, set())
    if id is not TREE:
        _age(groups, group, what)
    if group.containers is not None:
        group.containers.subtract(process.container for process in what.left)
        group.containers.update(process.container for process in what.came)
    if new or record is not group.record:
        group.record = record
        groups.count(group)
    elif group.itself:
        group.shown = len(pids)
    else:
        group.shown += sum(process.pid in groups.left for process in what.came)
        group.shown -= sum(process.pid in lost for process in what.left)
    _replant(groups, group, what)
    groups.measure(group)
    group.rank = group_rank(group, groups.view, groups.snapshot)
    return new or was != (seen(group), group.rank)


def _age(groups: Groups, group: Group, what: Happened) -> None:
    """Find the oldest member: among all only if the oldest before is gone."""
    oldest = group.oldest
    if oldest is not None and oldest.pid in what.pids:
        now = next((process for process in what.came if process.pid == oldest.pid), None)
        if now is None or now.start != oldest.start:
            group.oldest = groups.oldest(group.pids)
            return
        oldest = now
    group.oldest = min((oldest, *what.came) if oldest else what.came, key=lambda p: (p.start, p.pid), default=None)


def _replant(groups: Groups, group: Group, what: Happened) -> None:
    """Bring the trees of a group up to date, if they were made."""
    forest = group.forest
    if forest is None:
        return
    if len(what.pids) > _MANY:
        group.forest = None  # making them anew is quicker
        return
    if group.id is TREE and not group.itself and not groups.flat:
        wanted: Collection[int] = groups.kept(group)
        candidates = what.pids | (forest.members ^ wanted)  # type: ignore[operator]
    else:
        whole = groups.whole(group)
        here = {process.pid for process in what.came if whole or process.pid in groups.left}
        wanted, candidates = here | group.ghosts, what.pids
    coming = []
    for pid in candidates:
        member = pid in forest.members
        if member and (pid not in wanted or pid in what.moved):
            forest.remove(pid)
            member = False
        if pid in wanted and not member and (process := groups.process(pid)):
            coming.append(process)
    for process in sorted(coming, key=_PID):
        if isinstance(forest, Flat):
            forest.add(process.pid, groups.rank(process))
        else:
            forest.add(process.pid, groups.parent(process), groups.hides(process))
