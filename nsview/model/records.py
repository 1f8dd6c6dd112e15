"""The frozen records, named as the agent's frames and `--json` name them.

Numbers are as the kernel gives them: pids as seen by the agent, `start` in clock ticks since boot (field 22 of
/proc/PID/stat), inodes of nsfs. Text is as found in a process or a state file: decoded from UTF-8 with backslash
escapes for other bytes, and not yet safe for a terminal (see `text`).
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .contents import Contents
from .kinds import KindName

Natural = Annotated[int, Meta(ge=0)]
"""A number that goes by as a place in a list: none that counts from its end."""

NamespaceKey = tuple[KindName, int]
"""(type, inode): a namespace within one snapshot. Inodes are reused, so never across snapshots."""


class Namespaces(Struct, frozen=True, omit_defaults=True, gc=False):
    """The inode of each namespace that one process is a member of, None if it could not be read."""

    mnt: int | None = None
    uts: int | None = None
    ipc: int | None = None
    pid: int | None = None
    net: int | None = None
    user: int | None = None
    cgroup: int | None = None
    time: int | None = None


class Process(Struct, frozen=True, gc=False):
    """A process. unreadable: the errno's name if some namespace could not be read, else None.

    nspid: its pid in each pid namespace from the agent's to its own; the last is the one it sees itself.
    uid, user: the effective user, named by the agent's host. uid_inside: the same in its own user namespace, None if
    that is not known or has no id for it. user_inside: its name by the passwd of the process's own root, which is the
    container's word; None if it is not known, or all is as on the host.
    state: the letter of proc_pid_stat(5), in words by `condition.state`; "?" if nothing of the process could be read.
    R, S, D and I are as at the last other change of the process: between these four alone the agent tells no change.
    cgroup: its path, v2's if that is not just "/".
    kthread: a thread of the kernel (PF_KTHREAD), which has no command line.
    """

    pid: int
    ppid: int
    start: int
    uid: int
    user: str
    state: str
    comm: str
    cmdline: tuple[str, ...]
    nspid: Annotated[tuple[int, ...], Meta(min_length=1)]
    namespaces: Namespaces
    container: str | None = None
    unreadable: str | None = None
    cgroup: str = ""
    kthread: bool = False
    uid_inside: int | None = None
    user_inside: str | None = None

    @property
    def command(self) -> str:
        """The command line as one string, or the name in brackets if there is none, as in ps(1)."""
        return " ".join(self.cmdline) if self.cmdline else f"[{self.comm}]"

    @property
    def ended(self) -> bool:
        """True if no thread of it goes on. The kernel calls a process a zombie too whose first thread alone has exited:
        that one still has the namespaces of another thread."""
        return self.state in ("Z", "X") and self.namespaces.net is None

    @property
    def inner_pid(self) -> int | None:
        """The pid in the process's own pid namespace. None if that namespace is the agent's."""
        return self.nspid[-1] if len(self.nspid) > 1 else None

    @property
    def inner_user(self) -> str | None:
        """The user as the process sees itself, by name if there is one. None if that is the user outside."""
        if self.uid_inside is None or (self.uid_inside == self.uid and self.user_inside in (None, self.user)):
            return None
        return self.user_inside or str(self.uid_inside)

    @property
    def users(self) -> str:
        """The user outside, and inside if that is another."""
        inner = self.inner_user
        return self.user if inner is None else f"{self.user}→{inner}"

    @property
    def users_told(self) -> str:
        """The users with their numbers."""
        told = f"{self.user} ({self.uid})"
        inner = self.inner_user
        return told if inner is None else f"{told}, inside {inner} ({self.uid_inside})"


class Holder(Struct, frozen=True, omit_defaults=True):
    """One thing that keeps a namespace alive.

    process: a member. thread: of a process that is no member. for_children: a process whose children will be members.
    fd: an open file of the namespace; socket: one made in it. mount: a bind mount of it. child: a namespace below it
    or owned by it, named in `path`; told only of namespaces without members.
    pid: of the holder; for a mount, of a process that sees it, None if the agent does. fd: the number of the open file,
    socket or tun device. path: to open the namespace by: below /proc for a thread and for_children, in the mount
    namespace of `pid` for a mount; the place where a tun device was opened. mnt: the inode of the mount namespace of a
    mount that no process sees; the path is as that namespace's root sees it then.
    """

    kind: Literal["process", "thread", "for_children", "mount", "fd", "socket", "child"]
    pid: int | None = None
    fd: int | None = None
    path: str | None = None
    mnt: int | None = None


class Namespace(Struct, frozen=True):
    """One namespace. Its member processes are asked of the snapshot (`Snapshot.members`).

    device: st_dev of nsfs. id: the kernel's never-reused id (NS_GET_ID, Linux 6.18), None before.
    owner: inode of the owning user namespace; parent: of the parent, for pid and user. out_of_view: those of the two
    that the kernel would not tell, as the agent may not see so far up.
    owner_uid: for user, the uid of its maker, as the agent's host numbers it.
    names: paths where it is bind-mounted, e.g. /run/netns/blue.
    """

    type: KindName
    inode: int
    device: int
    id: int | None = None
    initial: bool = False
    owner: int | None = None
    parent: int | None = None
    names: tuple[str, ...] = ()
    held_by: tuple[Holder, ...] = ()
    owner_uid: int | None = None
    out_of_view: tuple[Literal["owner", "parent"], ...] = ()

    @property
    def key(self) -> NamespaceKey:
        return self.type, self.inode

    @property
    def label(self) -> str:
        """The text of the link in /proc/PID/ns, like net:[4026532173]."""
        return f"{self.type}:[{self.inode}]"


class HolderSearch(Struct, frozen=True):
    """The last search for the holders that only a search finds.

    id: of the request for it. taken_at: seconds since the epoch. kinds: of the holders searched for.
    processes: the number searched; unreadable: {errno's name: the number not or not wholly searched for it}.
    left_out: the number of holders not kept, as one namespace had too many.
    """

    id: int
    taken_at: float
    kinds: tuple[str, ...]
    processes: int
    unreadable: dict[str, int]
    left_out: int = 0


class Pod(Struct, frozen=True):
    """The Kubernetes pod that a container belongs to."""

    name: str
    namespace: str
    uid: str

    @property
    def label(self) -> str:
        """The text namespace/name, or the uid, maybe in part, if only a cgroup could be read."""
        return f"{self.namespace}/{self.name}" if self.name else self.uid


class Container(Struct, frozen=True):
    """A container, found without asking a daemon.

    key: "docker:<id>", "containerd:<engine namespace>/<id>", ...; unique within a snapshot.
    init_pid: its first process, None if unknown. shim_pid, daemon_pid: its shim and the daemon that the shim serves,
    None if there is none or it is dead.
    witness: the files and processes that make it a container, in words.
    uid: of the user whose engine runs it, as the host counts; 0 for root's. outer: the key of the container that its
    engine runs in, None for the host.
    state: paused: its cgroup is frozen. restarting: it has no process, and its engine will start it again. exited: its
    first process is a zombie. None: not known.
    supervisor_gone: its shim or conmon is dead, None if not known. execs: the pids that came into it from outside, as
    by `docker exec`. restarts: the number of times that its engine has started it again, None if not known. project: of
    compose that it belongs to, None if not known.
    """

    key: str
    id: str
    name: str
    runtime: str
    engine_namespace: str | None
    image: str | None
    pod: Pod | None
    role: Literal["container", "sandbox"]
    init_pid: int | None
    pids: tuple[int, ...]
    shim_pid: int | None
    daemon_pid: int | None
    witness: str
    uid: int = 0
    outer: str | None = None
    state: Literal["created", "running", "paused", "restarting", "exited", "dead"] | None = None
    supervisor_gone: bool | None = None
    execs: tuple[int, ...] = ()
    restarts: int | None = None
    project: str | None = None

    @property
    def whose(self) -> str:
        """The user and the container of its engine, in words; "" for root's on the host."""
        words = [f"of uid {self.uid}"] if self.uid else []
        return ", ".join([*words, f"in {self.outer}"] if self.outer else words)


class Host(Struct, frozen=True):
    """The host that a snapshot is of, as its agent saw it at start.

    privileged: the agent runs as root and may read other users' processes.
    namespaces: the agent's own. initial: the host's first namespaces, None for an unknown one.
    nsview: the agent's version.
    notes: the reasons why the agent cannot read all of the host, and the remedy, a line each.
    hides_processes: there are processes that the agent's /proc does not show.
    """

    name: str
    kernel: str
    boot_id: str
    uid: int
    privileged: bool
    nsview: str
    namespaces: Namespaces
    initial: Namespaces
    notes: tuple[str, ...] = ()
    hides_processes: bool = False


class Capabilities(Struct, frozen=True):
    """The five sets of capabilities(7), as bit masks."""

    effective: int = 0
    permitted: int = 0
    inheritable: int = 0
    bounding: int = 0
    ambient: int = 0


class Identity(Struct, frozen=True):
    """The ids and rights of a process in a container, as `docker exec` would give them to a new one.

    source: of these fields, "config.json" of the container's bundle or "status" of the process itself.
    rlimits: {name as in setrlimit(2) without RLIMIT_ ("NOFILE"): (soft, hard)}; -1 is unlimited.
    environment: NAME=value strings, None to use the process's own /proc/PID/environ.
    umask, oom_score_adj: None if not set there.
    """

    source: Literal["config.json", "status"]
    uid: int
    gid: int
    groups: tuple[int, ...]
    capabilities: Capabilities
    no_new_privs: bool
    cwd: str
    environment: tuple[str, ...] | None = None
    rlimits: dict[str, tuple[int, int]] = {}
    umask: int | None = None
    oom_score_adj: int | None = None


class Label(Struct, frozen=True):
    """The label by which a security module confines a process. text: AppArmor's profile, or SELinux's context."""

    module: Literal["apparmor", "selinux"]
    text: str


class Socket(Struct, frozen=True):
    """An internet socket of a process. protocol: tcp or udp. state: such as listening, established, bound (udp).

    peer, peer_port: the other end of the connection, None if not connected.
    """

    protocol: str
    state: str
    address: str
    port: int
    peer: str | None
    peer_port: int | None


class Sockets(Struct, frozen=True):
    """The sockets of a process in its own net namespace, listening ones first. left_out: the number of further ones."""

    sockets: tuple[Socket, ...]
    left_out: int


class Details(Struct, frozen=True):
    """The facts of one process that are read only on request.

    exe, root: the texts of the links in /proc/PID, None if not permitted.
    cgroup_lines: /proc/PID/cgroup, a line each. frozen: its cgroup is paused.
    pid_namespace_dead: the pid 1 that new processes in its pid namespace would need has exited.
    shells: found inside its root, best first. home: of its user, from its own /etc/passwd.
    setgroups_denied: /proc/PID/setgroups is "deny".
    seccomp: 0 off, 1 strict, 2 filter.
    identity: None if it could not be read (errno's name in `unreadable`).
    label: None if no security module labels or confines it.
    contents: of its namespaces, as far as they were asked for.
    config: the config.json that is the authority for its container, None if there is none to believe.
    thread: the one that was read instead of the process's first, which has exited; 0 for the first.
    runtime: the maker of the container's filter from that file, "runc" or "crun".
    filtered: a joined command must be under a seccomp filter, by that file or else by the process's own state.
    own_filters: and under the process's own filters, of which it has more than that file gives.
    has_proc: a proc(5) is mounted at /proc inside its root, or that is not known.
    unfinished: its container's runtime has not given it the container's files yet: its root is the host's.
    sockets: None if they were not asked for, or its file descriptors may not be read.
    """

    pid: int
    start: int
    exe: str | None
    cwd: str | None
    root: str | None
    threads: int
    seccomp: Natural
    cgroup_lines: tuple[str, ...]
    frozen: bool
    pid_namespace_dead: bool
    setgroups_denied: bool
    shells: tuple[str, ...]
    home: str | None
    identity: Identity | None
    unreadable: str | None = None
    label: Label | None = None
    contents: Contents | None = None
    config: str | None = None
    runtime: str = "runc"
    filtered: bool = False
    own_filters: bool = False
    thread: int = 0
    has_proc: bool = True
    unfinished: bool = False
    sockets: Sockets | None = None
