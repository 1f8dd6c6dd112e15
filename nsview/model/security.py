"""What confines a process, and what of the host it can reach: the facts that an audit and a comparison go by.

They are asked for, and told per process; what is of a mount namespace is told with the first process of it.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from .records import Capabilities, Label, Process

CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT "
    "SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP "
    "MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()
"""Their names without CAP_, in the order of their bits (capabilities(7))."""

WHOLE_MAP = ((0, 0, 4294967295),)
"""The uid_map of the host's first user namespace (user_namespaces(7))."""


class Mount(Struct, frozen=True):
    """One mount that a path leads to, as proc_pid_mountinfo(5) has it.

    device: "major:minor" of its file system; root: which part of that is mounted. options: of this mount,
    super_options: of the file system. host: where the host has the same, None where it has it nowhere.
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


class Socket(Struct, frozen=True):
    """The socket of a daemon that starts containers, within reach. path: inside; host: on the host.

    known: it is the very one that the daemon listens on; else its name says so. mode: its permissions.
    """

    path: str
    host: str
    daemon: str
    known: bool
    mode: int
    uid: int
    gid: int


class Node(Struct, frozen=True):
    """A device node. type: "b" for block, "c" for character."""

    path: str
    type: Literal["b", "c"]
    major: int
    minor: int


class Inside(Struct, frozen=True):
    """What paths inside lead to: daemons' sockets, nodes of disks and memory in /dev, and which of the entries of
    /proc and /sys that runtimes mask are there all the same."""

    sockets: tuple[Socket, ...]
    nodes: tuple[Node, ...]
    unmasked: tuple[str, ...]


class Security(Struct, frozen=True):
    """What confines one process, read `age` seconds after it began.

    uid, gid: effective, as the agent's host counts. seccomp: 0 off, 1 strict, 2 filter. seccomp, no_new_privs: None
    where the kernel does not say. uid_map, gid_map: (inside, outside, how many), outside as the agent counts.
    label: None where no security module confines it. mounts, inside: None where not read, or told with another process
    of its mount namespace (`Facts.place`). devices: the rules of cgroup v1; None where there are none to read, as on
    v2. unreadable: an errno's name, why mounts or inside could not be read.
    """

    pid: int
    start: int
    age: float
    uid: int
    gid: int
    groups: tuple[int, ...]
    capabilities: Capabilities
    seccomp: int | None
    no_new_privs: bool | None
    uid_map: tuple[tuple[int, int, int], ...]
    gid_map: tuple[tuple[int, int, int], ...]
    label: Label | None = None
    mounts: tuple[Mount, ...] | None = None
    inside: Inside | None = None
    devices: tuple[str, ...] | None = None
    unreadable: str | None = None

    @property
    def in_reach(self) -> int:
        """The capabilities that it has, or may have by executing something (capabilities(7))."""
        held = self.capabilities.permitted
        return held if self.no_new_privs else held | self.capabilities.bounding


class Facts(Struct, frozen=True):
    """The facts of some processes of one host. lsm: the security modules that it has. done, total: how many of those
    last asked for have been told."""

    processes: Mapping[int, Security] = {}
    lsm: tuple[str, ...] = ()
    done: int = 0
    total: int = 0

    def of(self, process: Process) -> Security | None:
        """The facts of this very process, not of one that had its pid before."""
        found = self.processes.get(process.pid)
        return found if found and found.start == process.start else None

    def place(self, process: Process, others: Iterable[Process]) -> Security | None:
        """The facts with the mounts that a process sees: its own, else those of another in its mount namespace."""
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
        """All that was asked for has been told."""
        return self.done == self.total


def added(old: Facts, processes: Iterable[Security], lsm: tuple[str, ...], done: int, total: int) -> Facts:
    """The facts with those of further processes; where some were known the newer ones count."""
    return Facts({**old.processes, **{told.pid: told for told in processes}}, lsm, done, total)


def names(mask: int) -> list[str]:
    """The names of the capabilities in a mask, without CAP_; one that is newer than these is its number."""
    found = []
    for bit in range(64):
        if mask >> bit & 1:
            found.append(CAPABILITIES[bit] if bit < len(CAPABILITIES) else str(bit))
    return found


def mask(*wanted: str) -> int:
    """The mask of capabilities by their names."""
    return sum(1 << CAPABILITIES.index(name) for name in wanted)
