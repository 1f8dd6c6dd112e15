"""One host at one instant, and the next instant after a delta."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Any, Literal, NamedTuple, TypeVar

from msgspec import Struct

from .kinds import KIND_NAMES, KindName
from .records import Container, HolderSearch, Host, Namespace, NamespaceKey, Namespaces, Process

_Key = TypeVar("_Key")
_Record = TypeVar("_Record")


_By = KindName | Literal["container", "set"]
PLACES: dict[_By, Callable[[Process], Any]] = {
    **{kind: attrgetter(f"namespaces.{kind}") for kind in KIND_NAMES},
    "container": attrgetter("container"),
    "set": attrgetter("namespaces", "container"),
}
"""{grouping: the function that gives the group of a process}"""


class Touched(NamedTuple):
    """The keys of the records that may differ between two snapshots: all other records are the same."""

    pids: set[int]
    namespaces: set[NamespaceKey]
    containers: set[str]


class Snapshot(Struct, frozen=True, dict=True):
    """A host at one instant. Never changed: a delta makes the next snapshot, which shares the unchanged records.

    taken_at: seconds since the epoch. Derived groups are computed at first use; those once used are then carried on
    from one snapshot to the next at the cost of the changes.
    search: the last search for holders, None if there was none: then `held_by` is not complete, and a namespace
    without processes may be missing.
    partial: part of a first look that is still under way. Processes are missing, counts are too low, and no container
    is known.
    """

    host: Host
    taken_at: float
    processes: Mapping[int, Process]
    namespaces: Mapping[NamespaceKey, Namespace]
    containers: Mapping[str, Container]
    search: HolderSearch | None = None
    partial: bool = False

    @cached_property
    def _members(self) -> dict[_By, dict[Any, tuple[int, ...]]]:
        return {}

    def members(self, kind: KindName) -> dict[int | None, tuple[int, ...]]:
        """{inode: pids in ascending order} of one kind; under None the processes whose link could not be read."""
        return self._grouped(kind)

    @property
    def populations(self) -> dict[str | None, tuple[int, ...]]:
        """{key of a container: pids in ascending order}; under None the processes that are in no container."""
        return self._grouped("container")

    @cached_property
    def _wanted(self) -> set[_By]:
        """The groupings that were used of this snapshot, of earlier or later ones of the host: one set, which all
        share."""
        return set()

    @property
    def sets(self) -> dict[tuple[Namespaces, str | None], tuple[int, ...]]:
        """{(a set of namespaces, key of a container or None): pids of the processes in these, in ascending order}."""
        return self._grouped("set")

    def _grouped(self, by: _By) -> dict[Any, tuple[int, ...]]:
        self._wanted.add(by)
        found = self._members.get(by)
        if found is None:
            sets = self._members.get("set")
            # Most processes are in the same few sets: if these are known, group by sets, not by process.
            found = _members_of(self.processes, by) if sets is None else _members_by_set(sets, by)
            self._members[by] = found
        return found

    @cached_property
    def _id(self) -> object:
        """Identity token: later snapshots refer to this one without holding a reference."""
        return object()

    @cached_property
    def _steps(self) -> tuple[tuple[object, Touched], ...]:
        """The last few deltas that led here: (the token of the snapshot before it, the touched records) of each."""
        return ()

    @cached_property
    def serves(self) -> dict[int, int]:
        """{shim's pid: the pid of the daemon it serves}, of daemons that are alive and do not descend from the shim."""
        links: dict[int, int] = {}
        for container in self.containers.values():
            shim, daemon = container.shim_pid, container.daemon_pid
            if shim is None or daemon is None or daemon not in self.processes:
                continue
            above, seen = daemon, {0}
            while above != shim and above not in seen and above in self.processes:
                seen.add(above)
                above = links.get(above, self.processes[above].ppid)
            if above != shim:
                links[shim] = daemon
        return links

    @cached_property
    def _unreadable(self) -> Counter[str]:
        return Counter(p.unreadable for p in self.processes.values() if p.unreadable)

    @property
    def unreadable(self) -> dict[str, int]:
        """{errno's name: the number of processes with a namespace that could not be read for it}."""
        return {reason: number for reason, number in self._unreadable.items() if number}

    @cached_property
    def _seen(self) -> dict[_By, bool]:
        return {}

    def sees_all(self, by: KindName | Literal["container"]) -> bool:
        """True if all members of the namespaces of a kind, or of containers, are known: no process is hidden, and none
        that may be a member was unreadable. Else a number of members is the least there are, and none found is not
        none."""
        found = self._seen.get(by)
        if found is None:
            processes = self.processes
            unplaced: Iterable[int] = ()
            if not self.host.hides_processes and any(self._unreadable.values()):
                unplaced = processes if by == "container" else self.members(by).get(None, ())
            found = self._seen[by] = not (
                self.host.hides_processes or any(_may_be_in(processes[pid], by) for pid in unplaced)
            )
        return found

    def is_initial(self, kind: KindName, inode: int | None) -> bool:
        """True if a namespace is the host's first of its kind."""
        return inode is not None and getattr(self.host.initial, kind) == inode

    def parent(self, process: Process) -> int:
        """The pid of its parent in the tree as shown: the daemon for a shim, else the kernel's parent."""
        return self.serves.get(process.pid, process.ppid)

    def container_of(self, process: Process) -> Container | None:
        return self.containers.get(process.container) if process.container else None

    def init_of(self, container: Container | None) -> Process | None:
        """The first process of a container. None if it is not known, or there is no container."""
        return self.processes.get(container.init_pid or 0) if container else None


def _may_be_in(process: Process, by: str) -> bool:
    """True if a process may be in a namespace of a kind that could not be read. An exited process has kept only pid and
    user; the control group is readable unless nothing is."""
    if by == "container":
        return process.state == "?"
    return process.unreadable is not None and (process.unreadable not in _ENDED or by in ("pid", "user"))


_ENDED = ("ENOENT", "ESRCH")


def snapshot(
    host: Host,
    taken_at: float,
    processes: Iterable[Process],
    namespaces: Iterable[Namespace],
    containers: Iterable[Container],
    *,
    partial: bool = False,
) -> Snapshot:
    """The snapshot made of these records."""
    return Snapshot(
        host,
        taken_at,
        {process.pid: process for process in processes},
        {namespace.key: namespace for namespace in namespaces},
        {container.key: container for container in containers},
        partial=partial,
    )


def advance(
    old: Snapshot,
    taken_at: float,
    processes: Iterable[Process],
    gone: Iterable[int],
    namespaces: Iterable[Namespace],
    namespaces_gone: Iterable[NamespaceKey],
    containers: Iterable[Container],
    containers_gone: Iterable[str],
    *,
    partial: bool = False,
    host: Host | None = None,
) -> Snapshot:
    """The snapshot after a delta. processes, namespaces, containers: new and changed records; gone, namespaces_gone,
    containers_gone: the keys of those that are gone. host: what is known of it now, None for the same as before."""
    processes, gone, namespaces, containers = list(processes), list(gone), list(namespaces), list(containers)
    namespaces_gone, containers_gone = list(namespaces_gone), list(containers_gone)
    next_processes = dict(old.processes)
    for pid in gone:
        next_processes.pop(pid, None)
    for process in processes:
        next_processes[process.pid] = process
    next_namespaces = _after(old.namespaces, namespaces_gone, {namespace.key: namespace for namespace in namespaces})
    next_containers = _after(old.containers, containers_gone, {container.key: container for container in containers})
    new = Snapshot(host or old.host, taken_at, next_processes, next_namespaces, next_containers, old.search, partial)
    touched = Touched(
        {*gone, *(process.pid for process in processes)},
        {*namespaces_gone, *(namespace.key for namespace in namespaces)},
        {*containers_gone, *(container.key for container in containers)},
    )
    new.__dict__["_steps"] = (*old._steps[1 - _STEPS :], (old._id, touched))
    pairs = [(old.processes.get(pid), next_processes.get(pid)) for pid in touched.pids]
    new.__dict__["_wanted"] = old._wanted
    for by in PLACES.keys() & old._wanted:
        new._members[by] = _members_after(old._grouped(by), by, pairs)
    unreadable = new.__dict__["_unreadable"] = Counter(old._unreadable)
    for before, now in pairs:
        if before and before.unreadable:
            unreadable[before.unreadable] -= 1
        if now and now.unreadable:
            unreadable[now.unreadable] += 1
    return new


def _gathered(places: Iterable[_Key], things: Iterable[_Record]) -> dict[_Key, list[_Record]]:
    """{place: its things, in their order}. places: of each thing."""
    found: dict[_Key, list[_Record]] = {}
    get = found.get
    for place, thing in zip(places, things, strict=True):
        there = get(place)
        if there is None:
            found[place] = [thing]
        else:
            there.append(thing)
    return found


def _after(
    old: Mapping[_Key, _Record], gone: Iterable[_Key], changed: Mapping[_Key, _Record]
) -> Mapping[_Key, _Record]:
    """The records without those gone and with those changed; the same mapping if there are neither."""
    gone = list(gone)
    if not gone and not changed:
        return old
    kept = dict(old)
    for key in gone:
        kept.pop(key, None)
    kept.update(changed)
    return kept


def _members_of(processes: Mapping[int, Process], by: _By) -> dict[Any, tuple[int, ...]]:
    pids = sorted(processes)
    gathered = _gathered(map(PLACES[by], map(processes.__getitem__, pids)), pids)
    return {place: tuple(members) for place, members in gathered.items()}


def _members_by_set(
    sets: Mapping[tuple[Namespaces, str | None], tuple[int, ...]], by: _By
) -> dict[Any, tuple[int, ...]]:
    gathered = _gathered(
        (container if by == "container" else getattr(namespaces, by) for namespaces, container in sets), sets.values()
    )
    return {
        place: parts[0] if len(parts) == 1 else tuple(sorted(chain.from_iterable(parts)))
        for place, parts in gathered.items()
    }


def _members_after(
    groups: dict[Any, tuple[int, ...]], by: _By, pairs: list[tuple[Process | None, Process | None]]
) -> dict[Any, tuple[int, ...]]:
    """The members of each group after changes. pairs: (before, now) of the processes that changed.

    A group without a changed process keeps its very tuple; one with a changed process, even if it stayed, has a new
    one. So a fact derived from a group's tuple holds as long as the tuple is the same.
    """
    place = PLACES[by]
    out: dict[Any, list[int]] = {}
    into: dict[Any, list[int]] = {}
    for before, now in pairs:
        if before:
            out.setdefault(place(before), []).append(before.pid)
        if now:
            into.setdefault(place(now), []).append(now.pid)
    groups = dict(groups)
    for key in {*out, *into}:
        members = list(groups.get(key, ()))
        for pid in out.get(key, ()):
            del members[bisect_left(members, pid)]
        for pid in into.get(key, ()):
            insort(members, pid)
        if members:
            groups[key] = tuple(members)
        else:
            groups.pop(key, None)
    return groups


def searched(old: Snapshot, search: HolderSearch) -> Snapshot:
    """The snapshot after a search for holders has ended; the found holders came with the delta before."""
    new = Snapshot(old.host, old.taken_at, old.processes, old.namespaces, old.containers, search)
    new.__dict__.update((name, old.__dict__[name]) for name in ("_members", "_wanted") if name in old.__dict__)
    new.__dict__["_steps"] = (*old._steps[1 - _STEPS :], (old._id, Touched(set(), set(), set())))
    return new


_STEPS = 32  # deltas that a snapshot remembers


def touched(before: Snapshot, after: Snapshot) -> Touched:
    """The records that may differ between two snapshots of one host.

    The cost is that of the changes if one came soon after the other, else a comparison of all records' identities.
    """
    found = Touched(set(), set(), set())
    if after is before:
        return found
    for id, step in reversed(after._steps):
        found.pids.update(step.pids)
        found.namespaces.update(step.namespaces)
        found.containers.update(step.containers)
        if id is before._id:
            return found
    return Touched(
        _differing(before.processes, after.processes),
        _differing(before.namespaces, after.namespaces),
        _differing(before.containers, after.containers),
    )


def _differing(before: Mapping[_Key, Any], after: Mapping[_Key, Any]) -> set[_Key]:
    if before is after:
        return set()
    found = {key for key, record in after.items() if before.get(key) is not record}
    found.update(key for key in before if key not in after)
    return found


def with_ghosts(old: Snapshot, ghosts: Iterable[Process]) -> Snapshot:
    """The snapshot with processes in it that have just exited, unless their pids are used again by now."""
    missing = [ghost for ghost in ghosts if ghost.pid not in old.processes]
    return advance(old, old.taken_at, missing, (), (), (), (), (), partial=old.partial) if missing else old


def of_kind(snapshot: Snapshot, kind: KindName) -> list[Namespace]:
    """The namespaces of one kind, the host's first one first, then in order of inode."""
    found = [namespace for namespace in snapshot.namespaces.values() if namespace.type == kind]
    return sorted(found, key=lambda namespace: (not namespace.initial, namespace.inode))


def all_namespaces(snapshot: Snapshot) -> list[Namespace]:
    """All namespaces, by kind in the usual order."""
    return [namespace for kind in KIND_NAMES for namespace in of_kind(snapshot, kind)]
