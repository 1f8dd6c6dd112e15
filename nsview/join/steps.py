"""Steps of a plan: the data to carry each out, and one line of text for a person."""

from __future__ import annotations

from nsview.record import Record


class Sets(Record):
    """The five sets of capabilities(7), as bit masks."""

    effective: int = 0
    permitted: int = 0
    inheritable: int = 0
    bounding: int = 0
    ambient: int = 0


class Way(Record):
    """One file through which a namespace can be opened.

    kind: of the namespace's holder ("process", "thread", "for_children", "fd", "socket", "mount", "child"). path: of
    an nsfs file; for a mount below the root of process `pid`, or as nsview sees it if pid is 0; for a child the file of
    the namespace below. pid, start: the holder, so that a later process of the same pid is not taken for it. fd: the
    number of a socket. relation: "owner" or "parent", from a child to the namespace.
    """

    kind: str
    path: str = ""
    pid: int = 0
    start: int = 0
    fd: int = -1
    relation: str = ""


class Pin(Record):
    """One namespace by identity, and the ways to it, the best first.

    flag: the CLONE_NEW* bit of its kind. device, inode: of nsfs. id: the kernel's own, None before Linux 6.18.
    ways: empty for a namespace of the process to follow.
    """

    kind: str
    flag: int
    device: int
    inode: int
    id: int | None = None
    ways: tuple[Way, ...] = ()

    @property
    def label(self) -> str:
        """The text of the link in /proc/PID/ns, like net:[4026532173]."""
        return f"{self.kind}:[{self.inode}]"


class Step(Record):
    """One action."""

    @property
    def text(self) -> str:
        raise NotImplementedError


class CheckIdentity(Step):
    """Open /proc/PID and compare the start time (clock ticks since boot, proc_pid_stat(5) field 22).

    thread: the thread to follow if the process's first has exited or another one was chosen, else 0.
    """

    pid: int
    start: int
    thread: int = 0

    @property
    def text(self) -> str:
        thread = f", and follow its thread {self.thread}" if self.thread else ""
        return f"hold pid {self.pid}, and check that it is still the process that was chosen{thread}"


class JoinCgroups(Step):
    """Move into each hierarchy's cgroup: (controllers as in /proc/PID/cgroup, "" for v2, path).

    A container with a cgroup tree of its own may rename its cgroups, so a cgroup is joined only while the process to
    follow is in it.
    """

    cgroups: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        paths = list(dict.fromkeys(path for _, path in self.cgroups))
        return f"move into its cgroup, if that is not frozen: {', '.join(paths)}"


class SetOomScore(Step):
    """Set proc_pid_oom_score_adj(5) before joining: lowering it needs the host's CAP_SYS_RESOURCE."""

    value: int

    @property
    def text(self) -> str:
        return f"set oom_score_adj to {self.value}"


class SetLimits(Step):
    """Set limits, setrlimit(2). limits: {name without RLIMIT_: (soft, hard)}, -1 for unlimited. Raising one needs the
    host's CAP_SYS_RESOURCE."""

    limits: dict[str, tuple[int, int]]

    @property
    def text(self) -> str:
        return f"set its resource limits ({len(self.limits)} of them)"


class SetGroups(Step):
    """setgroups(2) for root before joining a user namespace that denies it: the namespace's owner could use root's own
    groups. groups: as the host numbers them. An ordinary user keeps their own, as the namespace is theirs."""

    groups: tuple[int, ...]

    @property
    def text(self) -> str:
        groups = ",".join(map(str, self.groups)) or "none"
        return f"have the groups {groups} alone, for in its user namespace they can't be set any more"


class JoinNamespaces(Step):
    """Open each namespace, compare it with the pin, and join it by that file: setns(2)."""

    namespaces: tuple[Pin, ...]

    @property
    def text(self) -> str:
        ways = [way for pin in self.namespaces for way in pin.ways[:1]]
        through = "".join(f", through {way.path or f'socket {way.fd} of {way.pid}'}" for way in ways)
        return f"open, compare and join {', '.join(pin.label for pin in self.namespaces)}{through}"


class Fork(Step):
    """Fork: joining a pid or time namespace only puts the children in it, setns(2)."""

    @property
    def text(self) -> str:
        return "fork: only a child is in the pid or time namespace that was joined"


class MountProc(Step):
    """Mount proc(5) of the joined pid namespace on /proc, unseen by others after unshare(2) CLONE_NEWNS."""

    @property
    def text(self) -> str:
        return "mount a /proc of that pid namespace in a mount namespace of our own, so that ps and top show it"


class ChangeRoot(Step):
    """chroot(2) to the directory /proc/PID/root, opened before joining; no-op if it is the mount namespace's root."""

    path: str

    @property
    def text(self) -> str:
        return f"change the root to the process's own, {self.path}"


class NewSession(Step):
    """Start a session, setsid(2), with a session keyring of its own, keyrings(7), and the pty, if any, as terminal."""

    @property
    def text(self) -> str:
        return "start a session on a pty and keyring of its own (where stdin is no terminal: on pipes of its own)"


class SetLabel(Step):
    """Confine the command from the exec on as the process is. module: "apparmor" or "selinux"; label: its profile or
    context.

    Written to /proc/PID/attr, proc_pid_attr(5), as `exec PROFILE` (aa_change_onexec(2)) or as the context alone.
    """

    module: str
    label: str

    @property
    def text(self) -> str:
        name = "AppArmor's profile" if self.module == "apparmor" else "SELinux's context"
        return f"take {name} {self.label}, from the exec on"


class SetUmask(Step):
    value: int

    @property
    def text(self) -> str:
        return f"set umask to {self.value:04o}"


class SetIds(Step):
    """Set the ids: setgroups(2), setresgid(2), setresuid(2). groups: None to keep them, as setgroups is denied there.

    host_numbers: the ids are as seen from the host, to be translated by the process's uid_map and gid_map if its user
    namespace is joined.
    """

    uid: int
    gid: int
    groups: tuple[int, ...] | None
    host_numbers: bool

    @property
    def text(self) -> str:
        groups = "" if self.groups is None else f", groups {','.join(map(str, self.groups)) or 'none'}"
        return f"become uid {self.uid}, gid {self.gid}{groups}"


class SetCapabilities(Step):
    """Reduce the five sets to these; CAP_SYS_ADMIN stays permitted until the exec where a filter needs it.

    guard: capabilities of which the first that can be had is added, so that the container's processes may not trace
    this one (ptrace(2): a tracer needs at least the tracee's permitted set). Empty if they cannot see this one.
    """

    sets: Sets
    guard: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        guard = (
            "; one harmless one is added, so that the container's processes can't trace this one" if self.guard else ""
        )
        return f"drop to its capabilities: effective {self.sets.effective:x}, bounding {self.sets.bounding:x}{guard}"


class SetNoNewPrivs(Step):
    @property
    def text(self) -> str:
        return "set no_new_privs"


class ChangeDirectory(Step):
    """chdir(2). asked: the user asked for it, so an impossible path is a failure; else / is used instead."""

    path: str
    asked: bool = False

    @property
    def text(self) -> str:
        return f"change the working directory to {self.path}"


class SetEnvironment(Step):
    """Set the environment. source: "given" (variables), "target" (the process's /proc/PID/environ, read by the helper
    as bytes before joining), or "host" (a few harmless variables of the caller's). home: HOME if the variables lack
    it. asked: the user's NAME=value, which replace all others."""

    source: str
    variables: tuple[str, ...] = ()
    home: str | None = None
    asked: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        words = {
            "given": f"take the environment of the container's configuration ({len(self.variables)} variables)",
            "target": "take the process's own environment",
            "host": "keep TERM, HOME, LANG of the caller's environment and a standard PATH",
        }[self.source]
        names = ", ".join(variable.partition("=")[0] for variable in self.asked)
        return f"{words}, and set {names}" if names else words


class PutOnFilters(Step):
    """Load the seccomp filter of the container's configuration, as its runtime made it.

    config: the path of config.json. None if there is none: the filters are then read from the process itself with
    ptrace(2) (PTRACE_SECCOMP_GET_FILTER). Such filters may be hostile, so all restrictions are made before they are on.
    runtime: "runc" or "crun", the maker of the container's filter. own: the process's own filters too, for it is under
    more than the configuration gives.
    """

    config: str | None = None
    runtime: str = "runc"
    own: bool = False

    @property
    def text(self) -> str:
        if self.config:
            own = ", and the process's own, which are more" if self.own else ""
            return f"put on the seccomp filter of {self.config}{own}"
        return "put on the process's own seccomp filters, which no known configuration gives"


class Execute(Step):
    """execve(2) the first candidate that can be run. A name without a slash is looked up in the new PATH.

    toolbox: the only candidate is an applet of the host's static busybox, executed from a sealed copy in memory.
    """

    candidates: tuple[tuple[str, ...], ...]
    toolbox: bool = False

    @property
    def text(self) -> str:
        words = "run " + ", or else ".join(" ".join(candidate) for candidate in self.candidates)
        return f"{words}, from a sealed copy in memory of the host's static busybox" if self.toolbox else words
