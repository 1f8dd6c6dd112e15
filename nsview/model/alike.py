"""Records of two hosts, or of two boots of one, that are alike: by name, image and command, as pids, inodes and ids say
nothing there. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from .label import label
from .records import Container, Namespace, Process
from .snapshot import Snapshot, all_namespaces

_Record = TypeVar("_Record")
_ID = re.compile(r"[0-9a-f]{12,}", re.ASCII)


def container_sign(record: Container) -> Hashable:
    """The parts of a container that its counterpart elsewhere has too."""
    return record.runtime, record.name, record.image, record.pod.label if record.pod else None


def process_sign(record: Process, at: Snapshot) -> Hashable:
    """The parts of a process that its counterpart elsewhere has too; in its command line no ids, as shims have them."""
    inside = at.container_of(record)
    return inside.name if inside else None, record.uid, record.comm, _ID.sub("", "\0".join(record.cmdline))


def namespace_sign(record: Namespace, at: Snapshot) -> Hashable:
    """The facts by which a namespace and its counterpart on another host are known as such: kind, container or name,
    label."""
    return record.type, record.initial, tuple(sorted(containers_in(record, at) or record.names)), label(record, at)


def containers_in(record: Namespace, at: Snapshot) -> list[str]:
    """The names of the containers whose processes are in a namespace."""
    members = (at.processes[pid] for pid in at.members(record.type).get(record.inode, ()))
    return [*dict.fromkeys(found.name for process in members if (found := at.container_of(process)))]


class Lone(NamedTuple):
    """The records of one snapshot that have no counterpart in the other."""

    namespaces: list[Namespace]
    processes: Sequence[Process]
    containers: list[Container]


def lone(one: Snapshot, other: Snapshot) -> Lone:
    """The records of a host without a counterpart on another, which is that of one record alone. Threads of the kernel,
    that each host has by its hardware, are left out."""
    processes, others = ([p for p in at.processes.values() if not p.kthread] for at in (one, other))
    return Lone(
        _lone(all_namespaces(one), all_namespaces(other), lambda n: namespace_sign(n, one),
              lambda n: namespace_sign(n, other)),
        _lone(processes, others, lambda p: process_sign(p, one), lambda p: process_sign(p, other)),
        _lone(one.containers.values(), other.containers.values(), container_sign, container_sign),
    )  # fmt: skip


def _lone(
    records: Iterable[_Record], others: Iterable[_Record],
    sign: Callable[[_Record], Hashable], of_others: Callable[[_Record], Hashable],
) -> list[_Record]:  # fmt: skip
    there, found = Counter(map(of_others, others)), []
    for record in records:
        there[sign(record)] -= 1
        if there[sign(record)] < 0:
            found.append(record)
    return found
