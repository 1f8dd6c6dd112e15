"""The processes and containers that share a namespace."""

from collections.abc import Iterable

from msgspec import Struct

from .kinds import KIND_NAMES, KindName
from .records import Container, Process
from .snapshot import Snapshot

USUALLY_SHARED: tuple[KindName, ...] = ("user", "cgroup", "time")
"""The kinds that most containers share with the host: sharing one of these is not worth pointing at."""


class Sharing(Struct, frozen=True):
    """A namespace of a process and its other members.

    inode: None if it could not be read. nprocs: all members, the process itself included.
    containers: of the members, in order of name. sure: there are no other members.
    """

    kind: KindName
    inode: int | None
    initial: bool
    nprocs: int
    containers: tuple[Container, ...]
    sure: bool = True


def sharing(snapshot: Snapshot, process: Process) -> tuple[Sharing, ...]:
    """The eight namespaces of a process, in the usual order, and the other members of each."""
    # Most processes have the same few sets of namespaces: count by sets, not by process.
    numbers = dict.fromkeys(KIND_NAMES, 0)
    keys: dict[KindName, set[str | None]] = {kind: set() for kind in KIND_NAMES}
    own = [(kind, inode) for kind in KIND_NAMES if (inode := getattr(process.namespaces, kind)) is not None]
    for (namespaces, container), pids in snapshot.sets.items():
        for kind, inode in own:
            if getattr(namespaces, kind) == inode:
                numbers[kind] += len(pids)
                keys[kind].add(container)
    found = []
    for kind in KIND_NAMES:
        inode = getattr(process.namespaces, kind)
        initial = snapshot.is_initial(kind, inode)
        containers = _in_order(snapshot, keys[kind])
        found.append(Sharing(kind, inode, initial, numbers[kind], containers, snapshot.sees_all(kind)))
    return tuple(found)


def containers_of(snapshot: Snapshot, pids: Iterable[int]) -> tuple[Container, ...]:
    """The containers that these processes belong to, each once, in order of name."""
    return _in_order(snapshot, {snapshot.processes[pid].container for pid in pids})


def _in_order(snapshot: Snapshot, keys: set[str | None]) -> tuple[Container, ...]:
    found = [snapshot.containers[key] for key in keys if key is not None and key in snapshot.containers]
    return tuple(sorted(found, key=lambda container: (container.name, container.key)))


def kinds_shared_with_host(process: Process, snapshot: Snapshot) -> tuple[KindName, ...]:
    """The kinds in which a process is in the host's first namespace."""
    return tuple(kind for kind in KIND_NAMES if snapshot.is_initial(kind, getattr(process.namespaces, kind)))
