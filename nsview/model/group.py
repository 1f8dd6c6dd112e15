"""Who shares a namespace, and with whom."""

from collections.abc import Iterable

from msgspec import Struct

from .kinds import KIND_NAMES, KindName
from .records import Container, Process
from .snapshot import Snapshot

USUALLY_SHARED: tuple[KindName, ...] = ("user", "cgroup", "time")
"""The kinds that most containers share with the host, where only the others are worth pointing at."""


class Sharing(Struct, frozen=True):
    """One namespace of a process and who else is in it.

    inode: None where it could not be read. pids: all members, the process itself included.
    containers: of the members, in order of name.
    """

    kind: KindName
    inode: int | None
    initial: bool
    pids: tuple[int, ...]
    containers: tuple[Container, ...]


def sharing(snapshot: Snapshot, process: Process) -> tuple[Sharing, ...]:
    """The eight namespaces of a process, in the usual order, and who else is in each."""
    found = []
    for kind in KIND_NAMES:
        inode = getattr(process.namespaces, kind)
        pids = snapshot.members(kind).get(inode, ()) if inode is not None else ()
        found.append(
            Sharing(kind, inode, snapshot.is_initial(kind, inode), pids, containers_of(snapshot, pids))
        )
    return tuple(found)


def containers_of(snapshot: Snapshot, pids: Iterable[int]) -> tuple[Container, ...]:
    """The containers that these processes belong to, each once, in order of name."""
    keys = {snapshot.processes[pid].container for pid in pids}
    found = [snapshot.containers[key] for key in keys if key is not None and key in snapshot.containers]
    return tuple(sorted(found, key=lambda container: (container.name, container.key)))


def kinds_apart(process: Process, snapshot: Snapshot) -> tuple[KindName, ...]:
    """The kinds in which a process is known to be in another namespace than the host's first."""
    apart = []
    for kind in KIND_NAMES:
        inode, initial = getattr(process.namespaces, kind), getattr(snapshot.host.initial, kind)
        if inode is not None and initial is not None and inode != initial:
            apart.append(kind)
    return tuple(apart)


def kinds_shared_with_host(process: Process, snapshot: Snapshot) -> tuple[KindName, ...]:
    """The kinds in which a process is in the host's first namespace."""
    return tuple(
        kind
        for kind in KIND_NAMES
        if snapshot.is_initial(kind, getattr(process.namespaces, kind))
    )
