"""The confinement of a process, and the parts of the host that it can reach: the facts of audits and comparisons.

The facts are read on request, process by process; those of a mount namespace come with its first process.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from nsview.kernel import CAPABILITIES

from .records import Capabilities, Label, Natural, Process

SECCOMP = ("off", "strict", "filter")
"""The modes of seccomp(2) by their numbers."""

WHOLE_MAP = ((0, 0, 4294967295),)
"""The uid_map of the host's first user namespace (user_namespaces(7))."""


class PathMount(Struct, frozen=True):
    """One mount that a path leads to, from proc_pid_mountinfo(5).

    device: "major:minor" of its file system; root: the directory of it that is mounted. options: of this mount,
    super_options: of the file system. host: the host's path of the same files, None if it has none.
    """

    point: str
    root: str
    device: str
    fstype: str
    source: str
    options: tuple[str, ...]
    super_options: tuple[str, ...]
    host: str | None = None

    @property
    def writable(self) -> bool:
        return "ro" not in self.options and "ro" not in self.super_options


class DaemonSocket(Struct, frozen=True):
    """The socket of a daemon that starts containers, within reach. path: inside; host: on the host.

    known: the daemon is known to listen on it; else only its name says so. mode: its permissions.
    """

    path: str
    host: str
    daemon: str
    known: bool
    mode: int
    uid: int
    gid: int


class DeviceNode(Struct, frozen=True):
    """A device node. type: "b" for block, "c" for character."""

    path: str
    type: Literal["b", "c"]
    major: int
    minor: int


class Exposed(Struct, frozen=True):
    """The dangerous files within reach inside: daemons' sockets, nodes of disks and memory in /dev, and the entries of
    /proc and /sys that runtimes usually mask but that are not masked here."""

    sockets: tuple[DaemonSocket, ...]
    nodes: tuple[DeviceNode, ...]
    unmasked: tuple[str, ...]


class Security(Struct, frozen=True):
    """The confinement of one process, read `age` seconds after its start.

    uid, gid: effective, as the agent's host numbers them. seccomp: 0 off, 1 strict, 2 filter. seccomp, no_new_privs:
    None if the kernel does not tell. uid_map, gid_map: (inside, outside, number of ids), outside as the agent numbers.
    label: None if no security module confines it. mounts, inside: None if not read, or told with another process of
    its mount namespace (`Facts.place`). devices: the rules of cgroup v1, None if there are none, as on v2. unreadable:
    the errno's name if mounts or inside could not be read, else None.
    """

    pid: int
    start: int
    age: float
    uid: int
    gid: int
    groups: tuple[int, ...]
    capabilities: Capabilities
    seccomp: Natural | None
    no_new_privs: bool | None
    uid_map: tuple[tuple[int, int, int], ...]
    gid_map: tuple[tuple[int, int, int], ...]
    label: Label | None = None
    mounts: tuple[PathMount, ...] | None = None
    inside: Exposed | None = None
    devices: tuple[str, ...] | None = None
    unreadable: str | None = None

    @property
    def in_reach(self) -> int:
        """The capabilities that it has, or may get by executing a program (capabilities(7))."""
        held = self.capabilities.permitted
        return held if self.no_new_privs else held | self.capabilities.bounding


class Facts(Struct, frozen=True):
    """The facts of some processes of one host. processes: by pid. lsm: the host's security modules. done, total: the
    progress of the last request, in processes."""

    processes: Mapping[int, Security] = {}
    lsm: tuple[str, ...] = ()
    done: int = 0
    total: int = 0

    @property
    def read_at(self) -> float:
        """The time of the last reading, in clock ticks since boot (USER_HZ, 100 on Linux). Infinite if nothing was
        read."""
        return max((one.start + 100 * one.age for one in self.processes.values()), default=math.inf)

    def of(self, process: Process) -> Security | None:
        """The facts of this process, and not of an earlier one with its pid. None if not known."""
        found = self.processes.get(process.pid)
        return found if found and found.start == process.start else None

    def place(self, process: Process, others: Iterable[Process]) -> Security | None:
        """The facts with the mounts that a process sees: its own, or those of another member of its mount namespace if
        its own have none. None if its own are not known."""
        own = self.of(process)
        if own is None or own.mounts is not None or own.unreadable or process.namespaces.mnt is None:
            return own
        for other in others:
            found = self.of(other)
            if found and found.mounts is not None and other.namespaces.mnt == process.namespaces.mnt:
                return found
        return own

    @property
    def complete(self) -> bool:
        """True if the answer to the last request has arrived whole."""
        return self.done == self.total


def added(old: Facts, processes: Iterable[Security], lsm: tuple[str, ...], done: int, total: int) -> Facts:
    """The facts with those of further processes; newer facts of a process replace older ones."""
    return Facts({**old.processes, **{told.pid: told for told in processes}}, lsm, done, total)


def names(mask: int) -> list[str]:
    """The names of the capabilities in a mask, without CAP_; a capability newer than CAPABILITIES is its number."""
    found = []
    for bit in range(64):
        if mask >> bit & 1:
            found.append(CAPABILITIES[bit] if bit < len(CAPABILITIES) else str(bit))
    return found


def mask(*wanted: str) -> int:
    """The mask of capabilities by their names."""
    return sum(1 << CAPABILITIES.index(name) for name in wanted)
