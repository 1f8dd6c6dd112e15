"""The frames, requests and records that the agent writes and reads, one JSON object a line.

Frames go out on stdout, requests come in on stdin. The agent ends when stdin does, so it never outlives its reader.
A key of a class with `total=False` may be missing. `nsview/hosts/frames.py` decodes the same frames into frozen
records; tests/unit/agent/test_protocol.py compares the two, key by key.

Imported for types alone: to make the classes takes as long as the rest of the agent's start.

Units: pids are as the agent's /proc numbers them; `start` is in clock ticks since boot (field 22 of proc_pid_stat(5));
`taken_at` is in seconds since the epoch; inodes are those of nsfs; uids and gids are as the agent's user namespace
numbers them. Text is decoded from UTF-8 with backslash escapes for other bytes, and not yet safe for a terminal.
"""

from __future__ import annotations

from typing import Dict, List, Literal, Optional, Tuple, TypedDict, Union

KindName = Literal["mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"]
NamespaceKey = Tuple[KindName, int]
"""(type, inode) of a namespace, for as long as one look takes: inodes are used again."""
Namespaces = Dict[KindName, int]
"""{type: inode} of the namespaces that one process is in; one that could not be read is missing."""


# Records of a look


class Process(TypedDict):
    """One process. proc_pid_stat(5), proc_pid_status(5), namespaces(7).

    uid: the effective one; user: its name on the host. uid_inside: the same uid in the process's own user namespace,
    None if not known or not mapped; user_inside: its name in the passwd of the process's root, None if not known or the
    same as outside. nspid: the pid in each pid namespace from that of /proc to the process's own. container: the key of
    its container. unreadable: the errno's name if a namespace could not be read. cgroup: the path, of v2 if that says
    more than "/". kthread: a thread of the kernel.
    """

    pid: int
    ppid: int
    start: int
    uid: int
    user: str
    uid_inside: Optional[int]
    user_inside: Optional[str]
    state: str
    comm: str
    cmdline: List[str]
    nspid: List[int]
    namespaces: Namespaces
    container: Optional[str]
    unreadable: Optional[str]
    cgroup: str
    kthread: bool


class _Holder(TypedDict):
    kind: Literal["process", "thread", "for_children", "mount", "fd", "socket", "child"]


class Holder(_Holder, total=False):
    """One reason why a namespace exists, besides its member processes.

    pid: of the holder, or of a process that sees the mount; None, or missing if the agent sees it. fd: the number of
    the open file or socket. path: the path that opens the namespace, or its name for a child. mnt: the inode of the
    mount namespace of a mount that no process sees.
    """

    pid: Optional[int]
    fd: int
    path: str
    mnt: int


class Namespace(TypedDict):
    """One namespace. ioctl_nsfs(2), proc_pid_mountinfo(5).

    device: st_dev of nsfs. id: the kernel's id, never used twice (Linux 6.18), None before. initial: one of the host's
    first namespaces. owner: the inode of the owning user namespace; parent: of the parent of a pid or user namespace;
    out_of_view: those of the two that the kernel keeps to itself. owner_uid: of a user namespace, its maker's uid.
    names: the paths that it is bind-mounted at.
    """

    type: KindName
    inode: int
    device: int
    id: Optional[int]
    initial: bool
    owner: Optional[int]
    owner_uid: Optional[int]
    parent: Optional[int]
    out_of_view: List[Literal["owner", "parent"]]
    names: List[str]
    held_by: List[Holder]


class Pod(TypedDict):
    """The Kubernetes pod of a container. uid: may be all that is known; then the names are ""."""

    name: str
    namespace: str
    uid: str


class ContainerFacts(TypedDict):
    """The keys of a container that have the same type while it is being found."""

    key: str
    id: str
    name: str
    engine_namespace: Optional[str]
    image: Optional[str]
    pod: Optional[Pod]
    role: Literal["container", "sandbox"]
    init_pid: Optional[int]
    pids: List[int]
    shim_pid: Optional[int]
    daemon_pid: Optional[int]
    uid: int
    state: Optional[Literal["created", "running", "paused", "restarting", "exited", "dead"]]
    supervisor_gone: Optional[bool]
    execs: List[int]
    restarts: Optional[int]
    project: Optional[str]


class Container(ContainerFacts):
    """One container. key: "RUNTIME:ID", unique in a look.

    init_pid: the first process. shim_pid, daemon_pid: the shim and the daemon that it serves. uid: of the user whose
    engine runs it. outer: the key of the container that the engine runs in. witness: the evidence, in words.
    supervisor_gone: the shim or conmon is dead, None if not known. execs: pids of the members that came from outside.
    restarts: the number of times that the engine has started it again, None if not told. project: of compose that it
    belongs to, None if not told.
    """

    runtime: str
    witness: str
    outer: Optional[str]


class Look(TypedDict):
    """All records of one look, by key: kept by the agent, never sent."""

    processes: Dict[int, Process]
    namespaces: Dict[NamespaceKey, Namespace]
    containers: List[Container]


class Host(TypedDict):
    """The host, as the agent saw it at its start.

    uid: the agent's effective uid; privileged: it is 0. nsview: the agent's version. namespaces: the agent's own.
    initial: the host's first ones, as far as they are known. hides_processes: /proc does not show all processes.
    notes: the limits of the agent's view and their remedies, a line each.
    """

    name: str
    kernel: str
    boot_id: str
    uid: int
    privileged: bool
    nsview: str
    namespaces: Namespaces
    initial: Namespaces
    hides_processes: bool
    notes: List[str]


# Records of details


class Capabilities(TypedDict):
    """The five sets of capabilities(7), as bit masks."""

    effective: int
    permitted: int
    inheritable: int
    bounding: int
    ambient: int


class Label(TypedDict):
    """The label of a security module. text: AppArmor's profile or SELinux's context."""

    module: Literal["apparmor", "selinux"]
    text: str


class Identity(TypedDict):
    """The ids and rights that a command in a container gets.

    source: the origin of these. environment: NAME=value strings, None for that of the process. rlimits: {NOFILE: [soft,
    hard]}, -1 for unlimited. umask: None if not known.
    """

    source: Literal["config.json", "status"]
    uid: int
    gid: int
    groups: List[int]
    capabilities: Capabilities
    no_new_privs: bool
    cwd: str
    environment: Optional[List[str]]
    rlimits: Dict[str, List[int]]
    umask: Optional[int]
    oom_score_adj: int


class Socket(TypedDict):
    """An internet socket of a process. peer, peer_port: None if not connected."""

    protocol: str
    state: str
    address: str
    port: int
    peer: Optional[str]
    peer_port: Optional[int]


class Sockets(TypedDict):
    """The internet sockets of a process, listening ones first. left_out: the number of further ones."""

    sockets: List[Socket]
    left_out: int


class MountEntry(TypedDict):
    """One mount of a mount namespace. proc_pid_mountinfo(5).

    shared, master: peer groups, None if none. hidden: another mount lies over it. host_path: the host's path of the
    same files, None if it has none. host_peer: mounts made below it on the host appear here too.
    """

    point: str
    root: str
    fstype: str
    source: str
    options: List[str]
    shared: Optional[int]
    master: Optional[int]
    unbindable: bool
    hidden: bool
    host_path: Optional[str]
    host_peer: bool


class Mounts(TypedDict):
    """The contents of a mount namespace. total: the number of its mounts, as `mounts` may be a part.

    missing: mount points of the host without a mount here; missing_total: their number. host_known: the host's mounts
    could be read.
    """

    mounts: List[MountEntry]
    total: int
    missing: List[str]
    missing_total: int
    host_known: bool


class Names(TypedDict):
    """The contents of a uts namespace. domainname: None if it was never set."""

    hostname: str
    domainname: Optional[str]


class Owned(TypedDict):
    """The common keys of the System V objects. mode: its permissions."""

    key: int
    id: int
    mode: int
    uid: int


class Queue(Owned):
    """A System V message queue. key: 0 for IPC_PRIVATE. bytes, messages: in it now."""

    bytes: int
    messages: int


class Segment(Owned):
    """A System V shared memory segment. size: in bytes. attached: the number of attaches; pid: its maker's."""

    size: int
    attached: int
    pid: int


class Semaphores(Owned):
    """A System V semaphore set. number: of its semaphores."""

    number: int


class PosixQueue(TypedDict):
    """A POSIX message queue. bytes: in it now."""

    name: str
    bytes: int
    mode: int
    uid: int


class Ipc(TypedDict):
    """The contents of an ipc namespace. posix_queues: None if they can't be seen. total: the number of each sort."""

    queues: List[Queue]
    segments: List[Segment]
    semaphores: List[Semaphores]
    posix_queues: Optional[List[PosixQueue]]
    total: Dict[str, int]


class Ids(TypedDict):
    """The maps of a user namespace: [first inside, first outside, number]. setgroups: "allow" or "deny"."""

    uid_map: List[List[int]]
    gid_map: List[List[int]]
    setgroups: str


class Resource(TypedDict):
    """One resource of a cgroup. limit: None if unlimited. limited_by: the cgroup that sets the limit."""

    limit: Optional[float]
    limited_by: Optional[str]
    current: Optional[float]


class Cgroup(TypedDict):
    """The place of a process in the cgroup tree, and its resources there. cgroups(7)

    path: as the agent sees it; inside: as the process sees it, None if that can't be read. version: 1 or 2. memory,
    swap: in bytes; pids: a number; cpu: the limit in processors, the use in seconds; None if not counted. cpus: as
    "0-3,8". oom_kills, throttled: numbers so far, None if not known.
    """

    path: str
    inside: Optional[str]
    version: int
    memory: Optional[Resource]
    swap: Optional[Resource]
    pids: Optional[Resource]
    cpu: Optional[Resource]
    cpus: Optional[str]
    oom_kills: Optional[int]
    throttled: Optional[int]


class ChildClocks(TypedDict):
    """The offsets of the time namespace that a process has in store for its children, in seconds."""

    inode: int
    monotonic: float
    boottime: float


class Clocks(TypedDict):
    """The offsets of a time namespace from the host's, in seconds; None if only `for_children` tells its own."""

    monotonic: Optional[float]
    boottime: Optional[float]
    for_children: Optional[ChildClocks]


class Contents(TypedDict, total=False):
    """The contents of a process's namespaces, of the kinds asked for. unreadable: {kind: the errno's name}."""

    mnt: Mounts
    uts: Names
    ipc: Ipc
    user: Ids
    cgroup: Cgroup
    time: Clocks
    unreadable: Dict[KindName, str]


class _Details(TypedDict):
    pid: int
    start: int
    exe: Optional[str]
    cwd: Optional[str]
    root: Optional[str]
    threads: int
    seccomp: int
    cgroup_lines: List[str]
    frozen: bool
    pid_namespace_dead: bool
    setgroups_denied: bool
    shells: List[str]
    home: Optional[str]
    identity: Optional[Identity]
    unreadable: Optional[str]
    label: Optional[Label]
    has_proc: bool
    unfinished: bool
    config: Optional[str]
    runtime: str
    filtered: bool
    own_filters: bool
    thread: int


class Details(_Details, total=False):
    """The facts of one process that are read only on request.

    exe, cwd, root: the texts of the links in /proc/PID, None if they may not be read. seccomp: 0 off, 1 strict, 2
    filter. frozen: its cgroup is. pid_namespace_dead: pid 1 of its pid namespace has exited. shells: paths inside its
    root, best first. home: by the passwd of its root. identity: None if not readable, with the errno's name in
    `unreadable`. has_proc: a proc(5) is mounted inside. unfinished: its root is still the host's. config: the
    config.json that decides for its container; runtime: "runc" or "crun". filtered: a command must be under a seccomp
    filter, by that file if there is one. own_filters: and under the process's own, of which it has more than the file
    gives. thread: the one that was read if the first has exited, else 0.
    """

    contents: Contents
    sockets: Optional[Sockets]


# Records of security


class PathMount(TypedDict):
    """One mount that a path leads to. device: "major:minor". host: the host's path of the same files, or None."""

    point: str
    root: str
    device: str
    fstype: str
    source: str
    options: List[str]
    super_options: List[str]
    host: Optional[str]


class DaemonSocket(TypedDict):
    """A socket within reach of a daemon that starts containers. path: inside; host: on the host.

    known: that daemon is known to listen there; else only the name says so. mode: its permissions.
    """

    path: str
    host: str
    daemon: str
    known: bool
    mode: int
    uid: int
    gid: int


class DeviceNode(TypedDict):
    """A device node. type: block or character."""

    path: str
    type: Literal["b", "c"]
    major: int
    minor: int


class Exposed(TypedDict):
    """Dangerous files within reach inside: sockets, nodes in /dev, unmasked entries of /proc and /sys."""

    sockets: List[DaemonSocket]
    nodes: List[DeviceNode]
    unmasked: List[str]


class Security(TypedDict):
    """The confinement of one process. age: in seconds. mounts, inside: None if told with another process.

    uid, gid: effective. seccomp, no_new_privs: None if the kernel does not tell. uid_map, gid_map: [first inside, first
    outside, number]. devices: the lines of cgroup v1's devices.list, None if there is none. unreadable: the errno's
    name if mounts or files inside could not be read.
    """

    pid: int
    start: int
    age: float
    uid: int
    gid: int
    groups: List[int]
    capabilities: Capabilities
    seccomp: Optional[int]
    no_new_privs: Optional[bool]
    uid_map: List[List[int]]
    gid_map: List[List[int]]
    label: Optional[Label]
    mounts: Optional[List[PathMount]]
    inside: Optional[Exposed]
    devices: Optional[List[str]]
    unreadable: Optional[str]


# Records of net namespaces


LinkState = Literal["up", "down", "no carrier", "dormant", "unknown"]
"""The operational state of an interface, as `ip link` has it."""


class Link(TypedDict):
    """The other end of an interface. net: the inode of its net namespace, None if not found. peer: of a pair."""

    index: Optional[int]
    net: Optional[int]
    peer: bool


class _Interface(TypedDict):
    index: int
    name: str
    addresses: List[str]


class Interface(_Interface, total=False):
    """One interface. rtnetlink(7). addresses: "172.17.0.2/16". index: 0 if not known.

    kind: as `ip -d link` has it. mac: None if it has none. master: the index of its bridge or bond. The keys that only
    netlink tells are missing if /proc was read.
    """

    kind: str
    state: LinkState
    mac: Optional[str]
    mtu: Optional[int]
    altnames: List[str]
    master: Optional[int]
    link: Optional[Link]


class Route(TypedDict):
    """A default route of the main table. via: the gateway, None for a device alone."""

    family: Literal[4, 6]
    via: Optional[str]
    interface: Optional[str]
    metric: int


class Listener(TypedDict):
    """A socket that waits for connections or datagrams. inode: of the socket. pids: of those that have it open. serves:
    the other net namespace whose ports these publish, or None."""

    protocol: Literal["tcp", "udp"]
    address: str
    port: int
    inode: int
    uid: int
    pids: List[int]
    serves: Optional[int]


class _Forward(TypedDict):
    protocol: str
    address: Optional[str]
    port: int
    last: int
    to: str
    to_port: Optional[int]
    in_step: bool
    by: Literal["rules", "docker", "cni"]


class Forward(_Forward, total=False):
    """Ports that are sent on to another address, from port to last. address: None for all addresses.

    to_port: None for the same port. to_last, to_port_last: the last ones if the kernel chooses among several.
    in_step: to_port is that of the first port, and the others follow in step. by: the kernel's rules or an engine's
    record. container: the key of the engine's container.
    """

    container: str
    to_last: Optional[str]
    to_port_last: Optional[int]


class Net(TypedDict):
    """One net namespace from within. source: None if it could not be read; then unreadable is the errno's name.

    left_out: the number of interfaces and listeners that are not told. forwards_unread: why forwards are not all known,
    in words, or None.
    """

    inode: int
    source: Optional[Literal["netlink", "proc"]]
    interfaces: List[Interface]
    routes: List[Route]
    listeners: List[Listener]
    left_out: int
    unreadable: Optional[str]
    forwards: List[Forward]
    forwards_unread: Optional[str]


# Frames


class Hello(TypedDict):
    """The first frame."""

    frame: Literal["hello"]
    schema: int
    host: Host


class Progress(TypedDict):
    """The progress of a first look that takes long, in processes."""

    frame: Literal["progress"]
    done: int
    total: int


class _SnapshotFrame(TypedDict):
    frame: Literal["snapshot"]
    taken_at: float
    processes: List[Process]
    namespaces: List[Namespace]
    containers: List[Container]


class SnapshotFrame(_SnapshotFrame, total=False):
    """A first look. partial: a part of it, without containers; the first delta without that key makes it whole."""

    partial: bool


class Changes(TypedDict):
    """The difference of two looks: records that are new or changed, whole, and the keys of those that are gone.

    A namespace that is gone, and whose inode is another's by now, is in both lists.
    """

    processes: List[Process]
    gone: List[int]
    namespaces: List[Namespace]
    namespaces_gone: List[NamespaceKey]
    containers: List[Container]
    containers_gone: List[str]


class _DeltaFrame(Changes):
    frame: Literal["delta"]
    taken_at: float


class DeltaFrame(_DeltaFrame, total=False):
    """The changes since the last frame. partial: as in a snapshot."""

    partial: bool


class DetailsFrame(TypedDict):
    """The answer to a DetailsRequest. details: None if the process is gone."""

    frame: Literal["details"]
    id: int
    details: Optional[Details]


class SecurityFrame(TypedDict):
    """One of several answers to a SecurityRequest: `done` of `total` processes are told. lsm: the host's modules."""

    frame: Literal["security"]
    id: int
    done: int
    total: int
    lsm: List[str]
    processes: List[Security]


class HoldersFrame(TypedDict):
    """The end of a search; the holders came in the delta before.

    kinds: of the holders searched for. processes: the number searched. unreadable: {errno's name: number}. left_out:
    the number of holders that are not told.
    """

    frame: Literal["holders"]
    id: int
    taken_at: float
    kinds: List[str]
    processes: int
    unreadable: Dict[str, int]
    left_out: int


class _NetFrame(TypedDict):
    frame: Literal["net"]
    id: int
    taken_at: float
    nets: List[Net]
    notes: List[str]
    unsearched: int


class NetFrame(_NetFrame, total=False):
    """The answer to a NetRequest. unsearched: the number of processes whose sockets could not be listed.

    followed: the next change of any of these is told by a LinksFrame.
    """

    followed: bool


class ProcessUsage(TypedDict):
    """The use of one process: processor seconds since its start, resident bytes. fds: open files, None if not asked."""

    pid: int
    start: int
    cpu_seconds: float
    rss: int
    fds: Optional[int]


Pressure = Dict[str, Optional[float]]
"""{"cpu", "memory", "io": percent of the last 10 s in which some process waited for it}."""


class _ContainerUsage(TypedDict):
    key: str


class ContainerUsage(_ContainerUsage, total=False):
    """The use of one container by its cgroup, as far as it was asked for: sums of seconds and bytes, memory in bytes.

    None if it could not be read, and for no limit.
    """

    cpu_seconds: Optional[float]
    throttled_seconds: Optional[float]
    memory: Optional[int]
    memory_limit: Optional[int]
    oom_kills: Optional[int]
    read_bytes: Optional[int]
    written_bytes: Optional[int]
    pids: Optional[int]
    pids_limit: Optional[int]
    pressure: Pressure


class HostUsage(TypedDict):
    """The use of the host. load: of 1, 5 and 15 minutes; memory in bytes; booted: in seconds since the epoch."""

    processors: int
    load: List[float]
    memory: Optional[int]
    memory_available: Optional[int]
    booted: Optional[float]
    pressure: Pressure


class ContainerNet(TypedDict):
    """The way to one container over the network. addresses: of its net namespace by the kernel, [] in the host's;
    ports: the published ones by its engine's records. None for each that is not known."""

    key: str
    addresses: Optional[List[str]]
    ports: Optional[List[Forward]]


class Stopped(TypedDict):
    """One container without a process, by its engine's records. key: as of a live one.

    state: created if it was never started. exit_code, oom_killed: of its last end; finished: the time of that, in
    seconds since the epoch; error: the reason why it could not be started. restarts: as of a live one. command: of its
    first process. log: the path of its log. None for each that is not told. witness: the record's path.
    """

    key: str
    id: str
    name: str
    runtime: str
    image: Optional[str]
    pod: Optional[Pod]
    project: Optional[str]
    state: Literal["created", "exited", "dead"]
    exit_code: Optional[int]
    oom_killed: Optional[bool]
    finished: Optional[float]
    restarts: Optional[int]
    error: Optional[str]
    command: Optional[List[str]]
    log: Optional[str]
    witness: str


class Engines(TypedDict):
    """The records of engines: of the containers of a look, and the containers without a process. unread: the paths of
    records that are there and may not be read."""

    places: List[ContainerNet]
    stopped: List[Stopped]
    unread: List[str]


class _UsageFrame(TypedDict):
    frame: Literal["usage"]
    id: int
    taken_at: float
    clock: float
    cost: float
    host: HostUsage
    processes: List[ProcessUsage]
    containers: List[ContainerUsage]


class UsageFrame(_UsageFrame, total=False):
    """The answer to a UsageRequest. clock: seconds of a clock that is never set, for rates between two answers. cost:
    the agent's processor seconds for this answer. engines: missing if not asked for."""

    engines: Engines


class LogLine(TypedDict):
    """A line of a container's log, as its engine noted it: text is the container's. time: RFC 3339, "" if not told;
    stream: "stdout", "stderr" or ""."""

    time: str
    stream: str
    text: str


class LogFrame(TypedDict):
    """The answer to a LogRequest. driver: the format of the file, or the engine's other way to log; None if not known.

    path: of the file, None if there is none. unreadable: the errno's name if it can't be read. place: behind the last
    line, for the next request: [inode, offset]. more: there are further lines. skipped: bytes that are left out before
    these lines. gone: the container is not there any more.
    """

    frame: Literal["log"]
    id: int
    driver: Optional[str]
    path: Optional[str]
    unreadable: Optional[str]
    lines: List[LogLine]
    place: Optional[List[int]]
    more: bool
    skipped: int
    gone: bool


class NetProgress(TypedDict):
    """The progress of a reading of net namespaces."""

    frame: Literal["net_progress"]
    id: int
    what: Literal["namespaces", "links", "processes"]
    done: int
    total: int


class Links(TypedDict):
    """Interfaces, addresses or routes have changed since the last NetRequest."""

    frame: Literal["links"]


class Ended(TypedDict):
    """The first process of a container has exited, or a process was killed for want of memory. Told as soon as the
    kernel tells, before the delta without the process.

    start: None of a process that no look has seen. container: the key of its container. code: as shells give it: 128
    and the signal's number if a signal ended it. oom: the kernel killed it for want of memory; None if its log can't be
    read.
    """

    frame: Literal["ended"]
    taken_at: float
    pid: int
    start: Optional[int]
    comm: str
    container: Optional[str]
    code: int
    oom: Optional[bool]


class ThreadFrame(TypedDict):
    """The answer to a ThreadRequest. pid: of the process, None if there is no such thread."""

    frame: Literal["thread"]
    id: int
    pid: Optional[int]


class Kept(TypedDict):
    """The answer to a Keep. path: of the bytes, for as long as the agent runs; None if they could not be kept."""

    frame: Literal["kept"]
    id: int
    path: Optional[str]


class Error(TypedDict):
    """The agent can't go on."""

    frame: Literal["error"]
    text: str


Frame = Union[
    Hello, Progress, SnapshotFrame, DeltaFrame, DetailsFrame, SecurityFrame, HoldersFrame, NetFrame, NetProgress, Links,
    UsageFrame, LogFrame, Ended, ThreadFrame, Kept, Error,
]  # fmt: skip


# Requests


class _DetailsRequest(TypedDict):
    request: Literal["details"]
    id: int
    pid: int
    start: int


class DetailsRequest(_DetailsRequest, total=False):
    """Read the details of one process. contents: of its namespaces of these kinds; sockets: its own too."""

    contents: List[KindName]
    sockets: bool


class _SecurityRequest(TypedDict):
    request: Literal["security"]
    id: int


class SecurityRequest(_SecurityRequest, total=False):
    """Read the confinement of these processes; without pids, of those of all containers."""

    pids: List[int]


class _HoldersRequest(TypedDict):
    request: Literal["holders"]
    id: int


class HoldersRequest(_HoldersRequest, total=False):
    """Search for all holders of namespaces. slowly: nobody waits for it, so it works a tenth of the time."""

    slowly: bool


class _NetRequest(TypedDict):
    request: Literal["net"]
    id: int


class NetRequest(_NetRequest, total=False):
    """Read all net namespaces. packages: the directory of pyroute2, or None; follow: tell of the next change."""

    packages: Optional[str]
    follow: bool


class _UsageRequest(TypedDict):
    request: Literal["usage"]
    id: int


class UsageRequest(_UsageRequest, total=False):
    """Read the use of these processes and containers, of all if left out. fields: these parts of a container's record
    alone. files: count the open files of the processes too. engines: read the engines' records too, of all containers.
    """

    pids: List[int]
    containers: List[str]
    fields: List[str]
    files: bool
    engines: bool


class _LogRequest(TypedDict):
    request: Literal["log"]
    id: int
    container: str


class LogRequest(_LogRequest, total=False):
    """Read the log of the container with this key: the last lines (tail), or those behind a place, of which with `skip`
    only the last are told if they are many."""

    tail: int
    place: Optional[List[int]]
    skip: bool


class ThreadRequest(TypedDict):
    """Find the process of a thread."""

    request: Literal["thread"]
    id: int
    tid: int


class Keep(TypedDict):
    """Keep these bytes, in base64, in memory instead of the ones before, for a process that is to read them."""

    request: Literal["keep"]
    id: int
    packed: str


class Rescan(TypedDict):
    """Look at everything now."""

    request: Literal["rescan"]


class ModulesRequest(TypedDict):
    """Take these modules, as nsview/hosts/bundle.py packs them, in base64."""

    request: Literal["modules"]
    packed: str


class Stop(TypedDict):
    """End."""

    request: Literal["stop"]


Question = Union[
    DetailsRequest, SecurityRequest, HoldersRequest, NetRequest, UsageRequest, LogRequest, ThreadRequest, Keep,
]  # fmt: skip
"""A request that is answered by a frame of its id."""
Request = Union[Question, Rescan, ModulesRequest, Stop]
