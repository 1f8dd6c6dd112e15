"""One host at one instant, and how a delta makes the next one."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec import Struct

from .kinds import KIND_NAMES, KindName
from .records import Container, Host, Namespace, NamespaceKey, Process, Search


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
    def _members(self) -> dict[str, dict[int | None, tuple[int, ...]]]:
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
    def unreadable(self) -> dict[str, int]:
        """{errno's name: how many processes' namespaces could not all be read for it}."""
        return dict(Counter(p.unreadable for p in self.processes.values() if p.unreadable))

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
    for pid in gone:
        next_processes.pop(pid, None)
    next_processes.update((process.pid, process) for process in processes)
    next_namespaces = dict(old.namespaces)
    for key in namespaces_gone:
        next_namespaces.pop(key, None)
    next_namespaces.update((namespace.key, namespace) for namespace in namespaces)
    next_containers = dict(old.containers)
    for name in containers_gone:
        next_containers.pop(name, None)
    next_containers.update((container.key, container) for container in containers)
    return Snapshot(old.host, taken_at, next_processes, next_namespaces, next_containers, old.search)


def searched(old: Snapshot, search: Search) -> Snapshot:
    """The snapshot after a search for holders has ended; what it found came with the delta before."""
    return Snapshot(old.host, old.taken_at, old.processes, old.namespaces, old.containers, search)


def with_ghosts(old: Snapshot, ghosts: Iterable[Process]) -> Snapshot:
    """The snapshot with processes that are just gone still in it, unless their pids are others' by now."""
    missing = {ghost.pid: ghost for ghost in ghosts if ghost.pid not in old.processes}
    if not missing:
        return old
    return Snapshot(
        old.host, old.taken_at, {**old.processes, **missing}, old.namespaces, old.containers, old.search
    )


def of_kind(snapshot: Snapshot, kind: KindName) -> list[Namespace]:
    """The namespaces of one kind, the host's first one first, then in order of inode."""
    found = [namespace for namespace in snapshot.namespaces.values() if namespace.type == kind]
    return sorted(found, key=lambda namespace: (not namespace.initial, namespace.inode))


def all_namespaces(snapshot: Snapshot) -> list[Namespace]:
    """All namespaces, by kind in the usual order."""
    return [namespace for kind in KIND_NAMES for namespace in of_kind(snapshot, kind)]
