"""The frozen records, named as the agent's frames and `--json` name them.

Numbers are as the kernel gives them: pids as seen by the agent, `start` in clock ticks since boot (field 22 of
/proc/PID/stat), inodes of nsfs. Text is whatever a process or a state file said: decoded from UTF-8 with backslash
escapes for other bytes, and not yet safe for a terminal (see `text`).
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .contents import Contents
from .kinds import KindName

NamespaceKey = tuple[KindName, int]
"""(type, inode): a namespace within one snapshot. Inodes are reused, so never across snapshots."""


class Namespaces(Struct, frozen=True, omit_defaults=True, gc=False):
    """The inode of each namespace that one process is a member of; None where it could not be read."""

    mnt: int | None = None
    uts: int | None = None
    ipc: int | None = None
    pid: int | None = None
    net: int | None = None
    user: int | None = None
    cgroup: int | None = None
    time: int | None = None


class Process(Struct, frozen=True, gc=False):
    """One process. `unreadable` is why its namespaces could not all be read: an errno's name, or None.

    nspid: its pid in each pid namespace from the agent's to its own; the last is the one it sees itself.
    uid, user: the effective user, named by the agent's host. uid_inside: the same as its own user namespace counts,
    None where that is not known or has no id for it. user_inside: its name by the passwd of the process's own root,
    which is the word of who runs there; None where it is not known, or all is as the host sees it.
    cgroup: its path, v2's where that says more than "/".
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
        """The command line as one string; the bracketed name where there is none, as ps(1) shows it."""
        return " ".join(self.cmdline) if self.cmdline else f"[{self.comm}]"

    @property
    def inner_pid(self) -> int | None:
        """Its pid as it sees itself; None where that is the pid we know it by."""
        return self.nspid[-1] if len(self.nspid) > 1 else None

    @property
    def inner_user(self) -> str | None:
        """Its user as it sees itself, by name where there is one; None where that is the user we know it by."""
        if self.uid_inside is None or (self.uid_inside == self.uid and self.user_inside in (None, self.user)):
            return None
        return self.user_inside or str(self.uid_inside)

    @property
    def users(self) -> str:
        """Its user outside, and inside where that is another."""
        inner = self.inner_user
        return self.user if inner is None else f"{self.user}→{inner}"

    @property
    def users_told(self) -> str:
        """The same, with numbers."""
        told = f"{self.user} ({self.uid})"
        inner = self.inner_user
        return told if inner is None else f"{told}, inside {inner} ({self.uid_inside})"


class Holder(Struct, frozen=True, omit_defaults=True):
    """One thing that keeps a namespace alive.

    process: a member. thread: of a process that is not one. for_children: what a process has in store for those it
    will fork. fd: an open file of the namespace; socket: one made in it. mount: a bind mount of it. child: a namespace
    below it or that it owns, named in `path`; said only of those without members.
    pid: who holds it; for a mount, a process that sees it, None where the agent does. fd: the number that it is open
    as. path: what opens it: below /proc for a thread and for_children, in that process's mount namespace for a mount.
    """

    kind: Literal["process", "thread", "for_children", "mount", "fd", "socket", "child"]
    pid: int | None = None
    fd: int | None = None
    path: str | None = None


class Namespace(Struct, frozen=True):
    """One namespace. Its member processes are asked of the snapshot (`Snapshot.members`).

    device: st_dev of nsfs. id: the kernel's never-reused id (NS_GET_ID, Linux 6.18), None before.
    owner: inode of the owning user namespace; parent: of the parent, for pid and user. out_of_view: which of these
    two the kernel would not tell, because they are above what the agent may see.
    owner_uid: for user, the uid of who made it, as the agent's host counts.
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
        """As /proc/PID/ns writes it: net:[4026532173]."""
        return f"{self.type}:[{self.inode}]"


class Search(Struct, frozen=True):
    """When, and how well, holders were last searched for that only a search finds.

    id: of the request for it. taken_at: seconds since the epoch. kinds: of the holders looked for.
    processes: how many were searched; unreadable: why some could not be, or not wholly, an errno's name to how many.
    left_out: holders not kept, because one namespace had so many.
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
        """namespace/name; what is known of its uid where only a cgroup could be read."""
        return f"{self.namespace}/{self.name}" if self.name else self.uid


class Container(Struct, frozen=True):
    """One container, found without asking a daemon.

    key: "docker:<id>", "containerd:<engine namespace>/<id>", ...; unique within a snapshot.
    init_pid: its first process, None where unknown. shim_pid, daemon_pid: the shim that runs it and the daemon that
    the shim serves, None where there is none or it is dead.
    witness: what the claim rests on, in words.
    uid: of the user whose engine runs it, as the host counts; 0 for one of root's. outer: the key of the container that
    its engine runs in, None where that is the host.
    state: paused: its cgroup is frozen. restarting: it has no process, and its engine will start it again. exited: its
    first process is a zombie. None: not told.
    supervisor_gone: its shim or conmon is dead, None where that is not known. execs: the pids of those that came into
    it from outside, as by `docker exec`. restarts: how often its engine has started it again, None: not told.
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
    state: Literal["running", "paused", "restarting", "exited", "dead"] | None = None
    supervisor_gone: bool | None = None
    execs: tuple[int, ...] = ()
    restarts: int | None = None

    @property
    def whose(self) -> str:
        """Whose engine runs it, in words; "" for root's on the host."""
        words = [f"of uid {self.uid}"] if self.uid else []
        return ", ".join([*words, f"in {self.outer}"] if self.outer else words)


class Host(Struct, frozen=True):
    """The host that a snapshot is of, as its agent saw it at start.

    privileged: the agent runs as root and may read other users' processes.
    namespaces: the agent's own. initial: the host's first namespaces, None for a kind that could not be told.
    nsview: the agent's version.
    notes: what keeps the agent from seeing all of the host, and what would help, a line each.
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
    """Who and with what a process in a container runs: what `docker exec` would give a new one.

    source: where this was read, "config.json" of the container's bundle or "status" of the process itself.
    rlimits: name as in setrlimit(2) without RLIMIT_ ("NOFILE") to (soft, hard); -1 is unlimited.
    environment: NAME=value strings; None where the process's own /proc/PID/environ is to be used.
    umask, oom_score_adj: None where nothing is said.
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
    """What a security module confines a process by. text: AppArmor's profile, or SELinux's context."""

    module: Literal["apparmor", "selinux"]
    text: str


class Account(Struct, frozen=True):
    """A user of a container by its own /etc/passwd and /etc/group. asked: USER[:GROUP] as it was given.

    Ids are those of the container's user namespace. home: None where /etc/passwd does not say.
    """

    asked: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str | None = None


class Socket(Struct, frozen=True):
    """An internet socket of a process. protocol: tcp or udp. state: such as listening, established, bound (udp).

    peer, peer_port: whom it is connected to, None where it is to nobody.
    """

    protocol: str
    state: str
    address: str
    port: int
    peer: str | None
    peer_port: int | None


class Sockets(Struct, frozen=True):
    """Those of a process in its own net namespace, the ones that listen first. left_out: how many more there are."""

    sockets: tuple[Socket, ...]
    left_out: int


class Details(Struct, frozen=True):
    """What is read of one process only when it is asked for.

    exe, root: as the links in /proc/PID read, None where not permitted.
    cgroup_lines: /proc/PID/cgroup, a line each. frozen: its cgroup is paused.
    pid_namespace_dead: the pid 1 that new processes in its pid namespace would need has exited.
    shells: those found inside its root, best first. home: of its user, from its own /etc/passwd.
    setgroups_denied: /proc/PID/setgroups says "deny".
    seccomp: 0 off, 1 strict, 2 filter.
    identity: None where it could not be read (errno's name in `unreadable`).
    label: None where no security module labels it, or confines it.
    contents: of its namespaces, as far as they were asked for.
    config: the config.json that is the authority for its container, None where there is none to be believed.
    thread: the one that was read instead of the process's first, which has exited; 0 for the first.
    runtime: the one that made the container's filter by that file, "runc" or "crun".
    filtered: a command beside it is to be under a seccomp filter, by that file or else by the process's own state.
    has_proc: a proc(5) is mounted at /proc inside its root, or that is not known.
    sockets: None where they were not asked for, or its file descriptors may not be read.
    """

    pid: int
    start: int
    exe: str | None
    cwd: str | None
    root: str | None
    threads: int
    seccomp: int
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
    thread: int = 0
    has_proc: bool = True
    sockets: Sockets | None = None
