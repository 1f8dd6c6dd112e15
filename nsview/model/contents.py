"""What a namespace of each kind holds: the frozen records of what the agent reads when it is asked for.

Names are the frames' own (nsview/agent/contents). Paths, names and options are as they were found: not yet `safe`.
"""

from msgspec import Struct

from .kinds import KindName

READ: tuple[KindName, ...] = ("mnt", "uts", "ipc", "user", "cgroup", "time")
"""The kinds whose contents are asked for; pid is told by every snapshot, net by the net map."""


class Mount(Struct, frozen=True, gc=False):
    """One mount. root: what of its file system is mounted; point: where.

    shared, master: the peer groups of mount_namespaces(7), None: none. hidden: no path leads to it, for another is
    mounted over it. host_path: where the host has the same files, None: nowhere. host_peer: what is mounted below it
    on the host appears here too.
    """

    point: str
    root: str
    fstype: str
    source: str
    options: tuple[str, ...]
    shared: int | None = None
    master: int | None = None
    unbindable: bool = False
    hidden: bool = False
    host_path: str | None = None
    host_peer: bool = False

    @property
    def propagation(self) -> str:
        """As findmnt(8) says it: "private", "shared", "slave", "shared,slave", "unbindable"."""
        words = ["shared"] * (self.shared is not None) + ["slave"] * (self.master is not None)
        if self.unbindable:
            words.append("unbindable")
        return ",".join(words) or "private"

    @property
    def read_only(self) -> bool:
        return "ro" in self.options


class Mounts(Struct, frozen=True):
    """total: how many there are, of which `mounts` may be a part. missing: where the host has one that is not here."""

    mounts: tuple[Mount, ...]
    total: int
    missing: tuple[str, ...] = ()
    missing_total: int = 0


class Names(Struct, frozen=True):
    """domainname: None where it was never set."""

    hostname: str
    domainname: str | None = None


class Queue(Struct, frozen=True, gc=False):
    """A System V message queue. key: 0 for IPC_PRIVATE; mode: permissions; bytes, messages: in it now."""

    key: int
    id: int
    mode: int
    uid: int
    bytes: int
    messages: int


class Segment(Struct, frozen=True, gc=False):
    """A System V shared memory segment. size: bytes. attached: how often; pid: who made it, 0 where out of view."""

    key: int
    id: int
    mode: int
    uid: int
    size: int
    attached: int
    pid: int


class Semaphores(Struct, frozen=True, gc=False):
    """A System V semaphore set of so many."""

    key: int
    id: int
    mode: int
    uid: int
    number: int


class PosixQueue(Struct, frozen=True, gc=False):
    """A POSIX message queue. bytes: in it now."""

    name: str
    bytes: int
    mode: int
    uid: int


class Ipc(Struct, frozen=True):
    """total: how many there are of each, of which the tuples may be a part. posix_queues: None where not to be seen."""

    queues: tuple[Queue, ...]
    segments: tuple[Segment, ...]
    semaphores: tuple[Semaphores, ...]
    posix_queues: tuple[PosixQueue, ...] | None
    total: dict[str, int]


IdRange = tuple[int, int, int]
"""(first id inside, first id outside, how many)."""


class Ids(Struct, frozen=True):
    """The maps of a user namespace; outside is the agent's own. setgroups: "allow" or "deny"."""

    uid_map: tuple[IdRange, ...]
    gid_map: tuple[IdRange, ...]
    setgroups: str


class Resource(Struct, frozen=True):
    """limit: None where there is none; limited_by: the cgroup whose limit it is. current: used now."""

    limit: float | None
    limited_by: str | None
    current: float | None


class Cgroup(Struct, frozen=True):
    """Where a process is in the cgroup tree, and what it may use there.

    path: as seen from the agent; inside: as the process sees it, None where that can't be told. version: 1 or 2.
    memory, swap: bytes; pids: how many; cpu: limit in processors, current in seconds so far; None: nothing counts it.
    cpus: those it may run on. oom_kills, throttled: how often so far.
    """

    path: str
    inside: str | None
    version: int
    memory: Resource | None = None
    swap: Resource | None = None
    pids: Resource | None = None
    cpu: Resource | None = None
    cpus: str | None = None
    oom_kills: int | None = None
    throttled: int | None = None


class ChildClocks(Struct, frozen=True):
    """The offsets of the time namespace that a process has in store for its children."""

    inode: int
    monotonic: float
    boottime: float


class Clocks(Struct, frozen=True):
    """Seconds that the clocks are ahead of the host's; None where only a namespace for children tells its own."""

    monotonic: float | None
    boottime: float | None
    for_children: ChildClocks | None = None


class Contents(Struct, frozen=True):
    """What was asked for. unreadable: why a kind could not be read, an errno's name."""

    mnt: Mounts | None = None
    uts: Names | None = None
    ipc: Ipc | None = None
    user: Ids | None = None
    cgroup: Cgroup | None = None
    time: Clocks | None = None
    unreadable: dict[KindName, str] = {}
