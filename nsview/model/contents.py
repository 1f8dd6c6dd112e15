"""The contents of a namespace of each kind: frozen records, which the agent reads on request.

Names are the frames' own (nsview/agent/contents). Paths, names and options are as they were found: not yet `safe`.
"""

from msgspec import Struct

from .kinds import KindName

READ: tuple[KindName, ...] = ("mnt", "uts", "ipc", "user", "cgroup", "time")
"""The kinds whose contents can be asked for; every snapshot has those of pid, the net map those of net."""


class MountEntry(Struct, frozen=True, gc=False):
    """One mount. root: the directory of its file system that is mounted; point: the mount point.

    shared, master: the peer groups of mount_namespaces(7), None if none. hidden: no path leads to it, as another is
    mounted over it. host_path: the host's path of the same files, None if it has none. host_peer: mounts made below it
    on the host appear here too.
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
        """The word of findmnt(8): "private", "shared", "slave", "shared,slave", "unbindable"."""
        words = ["shared"] * (self.shared is not None) + ["slave"] * (self.master is not None)
        if self.unbindable:
            words.append("unbindable")
        return ",".join(words) or "private"

    @property
    def read_only(self) -> bool:
        return "ro" in self.options


class Mounts(Struct, frozen=True):
    """The mounts of a mount namespace. total: their number, as `mounts` may be a part. missing: the host's mount points
    without a mount here; missing_total: their number. host_known: the host's mounts could be read, as `host_path` and
    `missing` need."""

    mounts: tuple[MountEntry, ...]
    total: int
    missing: tuple[str, ...] = ()
    missing_total: int = 0
    host_known: bool = True


class Names(Struct, frozen=True):
    """The names of a uts namespace. domainname: None if never set."""

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
    """A System V shared memory segment. size: bytes. attached: the number of attaches; pid: its maker, 0 if out of
    view."""

    key: int
    id: int
    mode: int
    uid: int
    size: int
    attached: int
    pid: int


class Semaphores(Struct, frozen=True, gc=False):
    """A System V semaphore set. number: of semaphores."""

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
    """The objects of an ipc namespace. total: the number of each, as the tuples may be a part. posix_queues: None if
    they can't be seen."""

    queues: tuple[Queue, ...]
    segments: tuple[Segment, ...]
    semaphores: tuple[Semaphores, ...]
    posix_queues: tuple[PosixQueue, ...] | None
    total: dict[str, int]


IdRange = tuple[int, int, int]
"""(first id inside, first id outside, number of ids)."""


class Ids(Struct, frozen=True):
    """The maps of a user namespace; outside is the agent's own. setgroups: "allow" or "deny"."""

    uid_map: tuple[IdRange, ...]
    gid_map: tuple[IdRange, ...]
    setgroups: str


class Resource(Struct, frozen=True):
    """One resource of a cgroup. limit: None if unlimited; limited_by: the cgroup that sets the limit. current: in use
    now, None if not counted."""

    limit: float | None
    limited_by: str | None
    current: float | None


class Cgroup(Struct, frozen=True):
    """The place of a process in the cgroup tree, and the resources it may use there.

    path: as seen from the agent; inside: as the process sees it, None if that can't be told. version: 1 or 2. memory,
    swap: bytes; pids: processes; cpu: limit in processors, current in seconds so far; None if not counted. cpus: the
    processors that it may run on. oom_kills, throttled: the number of times so far.
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
    """The offsets, in seconds, of the time namespace that the children of a process will be in."""

    inode: int
    monotonic: float
    boottime: float


class Clocks(Struct, frozen=True):
    """Seconds that the clocks are ahead of the host's, None if only a namespace for children tells its own."""

    monotonic: float | None
    boottime: float | None
    for_children: ChildClocks | None = None


class Contents(Struct, frozen=True):
    """The contents of a process's namespaces, of the kinds asked for. unreadable: {kind: the errno's name of the error
    in reading it}."""

    mnt: Mounts | None = None
    uts: Names | None = None
    ipc: Ipc | None = None
    user: Ids | None = None
    cgroup: Cgroup | None = None
    time: Clocks | None = None
    unreadable: dict[KindName, str] = {}
