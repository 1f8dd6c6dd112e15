"""One host at one instant, and how a delta makes the next one."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TypeVar

from msgspec import Struct

from .kinds import KIND_NAMES, KindName
from .records import Container, Host, Namespace, NamespaceKey, Process, Search

_Key = TypeVar("_Key")
_Record = TypeVar("_Record")


class Snapshot(Struct, frozen=True, dict=True):
    """What a host was at one instant. Never changed: a delta makes the next one, which shares what stayed.

    taken_at: seconds since the epoch. What is derived is computed at first use and kept.
    search: the last search for holders, None where nobody has looked: then `held_by` is not all there is, and a
    namespace without processes may be missing.
    """

    host: Host
    taken_at: float
    processes: Mapping[int, Process]
    namespaces: Mapping[NamespaceKey, Namespace]
    containers: Mapping[str, Container]
    search: Search | None = None

    @cached_property
    def _members(self) -> dict[KindName, dict[int | None, tuple[int, ...]]]:
        return {}

    def members(self, kind: KindName) -> dict[int | None, tuple[int, ...]]:
        """{inode: pids in ascending order} of one kind; under None the processes whose link could not be read."""
        found = self._members.get(kind)
        if found is None:
            groups: dict[int | None, list[int]] = {}
            for pid in sorted(self.processes):
                groups.setdefault(getattr(self.processes[pid].namespaces, kind), []).append(pid)
            found = self._members[kind] = {inode: tuple(pids) for inode, pids in groups.items()}
        return found

    @cached_property
    def serves(self) -> dict[int, int]:
        """{shim's pid: the pid of the daemon it serves}, where the daemon lives and does not itself descend from it."""
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
        """{errno's name: how many processes' namespaces could not all be read for it}."""
        return {reason: number for reason, number in self._unreadable.items() if number}

    def is_initial(self, kind: KindName, inode: int | None) -> bool:
        """It is the host's first namespace of its kind."""
        return inode is not None and getattr(self.host.initial, kind) == inode

    def parent(self, process: Process) -> int:
        """Its parent in the tree as shown: the daemon for a shim, else the kernel's word."""
        return self.serves.get(process.pid, process.ppid)

    def container_of(self, process: Process) -> Container | None:
        return self.containers.get(process.container) if process.container else None


def snapshot(
    host: Host,
    taken_at: float,
    processes: Iterable[Process],
    namespaces: Iterable[Namespace],
    containers: Iterable[Container],
) -> Snapshot:
    """The snapshot made of these records."""
    return Snapshot(
        host,
        taken_at,
        {process.pid: process for process in processes},
        {namespace.key: namespace for namespace in namespaces},
        {container.key: container for container in containers},
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
) -> Snapshot:
    """The snapshot after a delta: new and changed records whole, the pids, namespaces and containers that are gone."""
    next_processes = dict(old.processes)
    pairs: list[tuple[Process | None, Process | None]] = []
    for pid in gone:
        if process := next_processes.pop(pid, None):
            pairs.append((process, None))
    for process in processes:
        pairs.append((next_processes.get(process.pid), process))
        next_processes[process.pid] = process
    next_namespaces = _after(old.namespaces, namespaces_gone, {namespace.key: namespace for namespace in namespaces})
    next_containers = _after(old.containers, containers_gone, {container.key: container for container in containers})
    new = Snapshot(old.host, taken_at, next_processes, next_namespaces, next_containers, old.search)
    for kind, groups in old._members.items():
        new._members[kind] = _members_after(groups, kind, pairs)
    unreadable = new.__dict__["_unreadable"] = Counter(old._unreadable)
    for before, now in pairs:
        if before and before.unreadable:
            unreadable[before.unreadable] -= 1
        if now and now.unreadable:
            unreadable[now.unreadable] += 1
    return new


def _after(
    old: Mapping[_Key, _Record], gone: Iterable[_Key], changed: Mapping[_Key, _Record]
) -> Mapping[_Key, _Record]:
    """The records without those gone and with those changed; the very same mapping where there are neither."""
    gone = list(gone)
    if not gone and not changed:
        return old
    kept = dict(old)
    for key in gone:
        kept.pop(key, None)
    kept.update(changed)
    return kept


def _members_after(
    groups: dict[int | None, tuple[int, ...]], kind: KindName, pairs: list[tuple[Process | None, Process | None]]
) -> dict[int | None, tuple[int, ...]]:
    """The members by one kind after (before, now) of the processes that changed.

    Groups in which nothing changed keep their very tuples; one in which a process did, even if it stayed, has a new
    one. So who has derived something of a group can tell whether it still holds.
    """
    out: dict[int | None, set[int]] = {}
    into: dict[int | None, set[int]] = {}
    for before, now in pairs:
        if before:
            out.setdefault(getattr(before.namespaces, kind), set()).add(before.pid)
        if now:
            into.setdefault(getattr(now.namespaces, kind), set()).add(now.pid)
    groups = dict(groups)
    for inode in {*out, *into}:
        left, joined = out.get(inode, set()), into.get(inode, set())
        members = [pid for pid in groups.get(inode, ()) if pid not in left]
        if joined:
            members += joined
            members.sort()  # two runs, which sort finds
        if members:
            groups[inode] = tuple(members)
        else:
            groups.pop(inode, None)
    return groups


def searched(old: Snapshot, search: Search) -> Snapshot:
    """The snapshot after a search for holders has ended; what it found came with the delta before."""
    return Snapshot(old.host, old.taken_at, old.processes, old.namespaces, old.containers, search)


def with_ghosts(old: Snapshot, ghosts: Iterable[Process]) -> Snapshot:
    """The snapshot with processes that are just gone still in it, unless their pids are others' by now."""
    missing = [ghost for ghost in ghosts if ghost.pid not in old.processes]
    return advance(old, old.taken_at, missing, (), (), (), (), ()) if missing else old


def of_kind(snapshot: Snapshot, kind: KindName) -> list[Namespace]:
    """The namespaces of one kind, the host's first one first, then in order of inode."""
    found = [namespace for namespace in snapshot.namespaces.values() if namespace.type == kind]
    return sorted(found, key=lambda namespace: (not namespace.initial, namespace.inode))


def all_namespaces(snapshot: Snapshot) -> list[Namespace]:
    """All namespaces, by kind in the usual order."""
    return [namespace for kind in KIND_NAMES for namespace in of_kind(snapshot, kind)]
