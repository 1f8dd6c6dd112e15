"""The steps of a plan, in the words and the data that the helper needs for each.

They are frozen records tagged with their class's name. `text` is one line for a person; where a step has a choice, the
line says which way it goes and why.
"""

from typing import ClassVar

from msgspec import Struct

from nsview.model.records import Capabilities


class Step(Struct, frozen=True, tag=True):
    """One action. `outside`: done while still in the host's namespaces, because it needs the host's files or power."""

    outside: ClassVar[bool] = False

    @property
    def text(self) -> str:
        raise NotImplementedError


class CheckIdentity(Step, frozen=True):
    """Hold the process by a pidfd and compare its start time (clock ticks since boot, proc_pid_stat(5) field 22)."""

    outside: ClassVar[bool] = True
    pid: int
    start: int

    @property
    def text(self) -> str:
        return f"check that pid {self.pid} is still the process that was chosen, and hold on to it"


class HoldNamespace(Step, frozen=True):
    """Open a namespace by its path and compare kind, inode and device: a path may be another's since it was chosen."""

    outside: ClassVar[bool] = True
    path: str
    kind: str
    flag: int
    inode: int
    device: int

    @property
    def text(self) -> str:
        return f"open {self.path} and check that it is still {self.kind}:[{self.inode}]"


class JoinCgroups(Step, frozen=True):
    """Move into each hierarchy's cgroup: (controllers as in /proc/PID/cgroup, "" for v2, path).

    The path may be another's by then, for a container with a cgroup tree of its own may rename: it is moved into only
    while the process that is followed is in it.
    """

    outside: ClassVar[bool] = True
    cgroups: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        paths = list(dict.fromkeys(path for _, path in self.cgroups))
        return f"move into its cgroup, if that is not frozen: {', '.join(paths)}"


class SetOomScore(Step, frozen=True):
    """proc_pid_oom_score_adj(5). Lowering it needs the host's CAP_SYS_RESOURCE, hence before joining."""

    outside: ClassVar[bool] = True
    value: int

    @property
    def text(self) -> str:
        return f"set oom_score_adj to {self.value}"


class SetLimits(Step, frozen=True):
    """setrlimit(2): name without RLIMIT_ to (soft, hard), -1 unlimited. Raising needs the host's CAP_SYS_RESOURCE."""

    outside: ClassVar[bool] = True
    limits: dict[str, tuple[int, int]]

    @property
    def text(self) -> str:
        return f"set its resource limits ({len(self.limits)} of them)"


class JoinNamespaces(Step, frozen=True):
    """setns(2) on the pidfd: all at once, or none. flags: the CLONE_NEW* bits of the kinds."""

    kinds: tuple[str, ...]
    flags: int

    @property
    def text(self) -> str:
        return f"join {', '.join(self.kinds)}"


class Fork(Step, frozen=True):
    """A pid or time namespace is for children."""

    @property
    def text(self) -> str:
        return "fork: only a child is in the pid or time namespace that was joined"


class MountProc(Step, frozen=True):
    """unshare(2) CLONE_NEWNS, then proc(5) of the pid namespace joined on /proc, which nobody else sees."""

    @property
    def text(self) -> str:
        return "mount a /proc of that pid namespace in a mount namespace of our own, so that ps and top show it"


class ChangeRoot(Step, frozen=True):
    """chroot(2) to what /proc/PID/root was, opened before joining; no-op where that is the mount namespace's root."""

    path: str

    @property
    def text(self) -> str:
        return f"change the root to the process's own, {self.path}"


class NewSession(Step, frozen=True):
    """setsid(2), the pty as controlling terminal where there is one, and a session keyring of its own (keyrings(7))."""

    @property
    def text(self) -> str:
        return "start a session on a pty and keyring of its own (where stdin is no terminal: on pipes of its own)"


class SetLabel(Step, frozen=True):
    """Be confined from the exec on as the process is: module "apparmor" or "selinux", label its profile or context.

    Written to /proc/PID/attr, proc_pid_attr(5), as `exec PROFILE` (aa_change_onexec(2)) or as the context alone.
    """

    module: str
    label: str

    @property
    def text(self) -> str:
        name = "AppArmor's profile" if self.module == "apparmor" else "SELinux's context"
        return f"take {name} {self.label}, from the exec on"


class SetUmask(Step, frozen=True):
    value: int

    @property
    def text(self) -> str:
        return f"set umask to {self.value:04o}"


class CopySeccomp(Step, frozen=True):
    """Load the seccomp filters that the process is under, read from it with ptrace(2) PTRACE_SECCOMP_GET_FILTER.

    config: the config.json to make the filter from where this user may not read it.
    """

    config: str | None = None

    @property
    def text(self) -> str:
        made = f", made from {self.config}" if self.config else ""
        return f"put on the process's seccomp filters{made}"


class SetIds(Step, frozen=True):
    """setgroups(2), setresgid(2), setresuid(2). groups: None to leave them (setgroups is denied there).

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


class SetCapabilities(Step, frozen=True):
    """The five sets of capabilities(7).

    guard: capabilities of which one, the first that can be had, is added so that the container's processes may not
    trace this one (ptrace(2): a tracer needs at least the tracee's permitted set). Empty where they cannot see it.
    """

    sets: Capabilities
    guard: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        guard = (
            "; one harmless one is added, so that the container's processes can't trace this one" if self.guard else ""
        )
        return f"drop to its capabilities: effective {self.sets.effective:x}, bounding {self.sets.bounding:x}{guard}"


class SetNoNewPrivs(Step, frozen=True):
    @property
    def text(self) -> str:
        return "set no_new_privs"


class ChangeDirectory(Step, frozen=True):
    """chdir(2). asked: by the user, so that it is a failure where it can't be; else / will do."""

    path: str
    asked: bool = False

    @property
    def text(self) -> str:
        return f"change the working directory to {self.path}"


class SetEnvironment(Step, frozen=True):
    """source: "given" (variables), "target" (the process's /proc/PID/environ, read by the helper as bytes before
    joining), or "host" (a few harmless variables of the caller's). home: HOME where the variables lack it. asked: by
    the user, NAME=value, over all others."""

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


class Execute(Step, frozen=True):
    """execve(2) the first candidate that can be run. A name without a slash is looked up in the new PATH.

    toolbox: the one candidate is an applet of the host's static busybox, executed from a sealed copy in memory.
    """

    candidates: tuple[tuple[str, ...], ...]
    toolbox: bool = False

    @property
    def text(self) -> str:
        words = "run " + ", or else ".join(" ".join(candidate) for candidate in self.candidates)
        return f"{words}, from a sealed copy in memory of the host's static busybox" if self.toolbox else words


AnyStep = (
    CheckIdentity
    | HoldNamespace
    | JoinCgroups
    | SetOomScore
    | SetLimits
    | JoinNamespaces
    | Fork
    | MountProc
    | ChangeRoot
    | NewSession
    | SetLabel
    | SetUmask
    | CopySeccomp
    | SetIds
    | SetCapabilities
    | SetNoNewPrivs
    | ChangeDirectory
    | SetEnvironment
    | Execute
)
