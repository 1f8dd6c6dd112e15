"""The supervisor's child, which carries out the steps of a plan and becomes the command.

The child writes messages for the user on a pipe to its parent, a line each: `note TEXT`, `error CODE TEXT` (the end).
Nothing may be imported here once a step has run: the files would be the container's. From the first filter on, which
the container may have written, one system call is made: the exec.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import stat
import termios

from nsview import linux

from . import cgroups, seccomp, trace
from .failure import FAILED, GONE, NOT_EXECUTABLE, NOT_FOUND, NOT_PERMITTED, Failure, of_errno
from .streams import high
from .target import ENVIRONMENT, join

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from .given import Given
    from .target import Followed
else:
    import _signal as signal  # the module signal would also make enums of it: see docs/design.md

_PATH = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # as docker and podman set it
_HOST_VARIABLES = (b"TERM", b"HOME", b"LANG", b"LC_ALL", b"COLORTERM")

_PR_SET_KEEPCAPS, _PR_CAPBSET_READ, _PR_CAPBSET_DROP = 8, 23, 24  # linux/prctl.h
_PR_SET_NO_NEW_PRIVS, _PR_GET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 38, 39, 47
_AMBIENT_RAISE, _AMBIENT_CLEAR_ALL = 2, 4
_SYS_ADMIN = 1 << 21  # needed to put on a filter without no_new_privs: seccomp(2)

# The limits that the resource module has no name for: asm-generic/resource.h.
_LIMIT_NUMBERS = {"LOCKS": 10, "SIGPENDING": 11, "MSGQUEUE": 12, "NICE": 13, "RTPRIO": 14, "RTTIME": 15}


class Inside:
    """The state of the child between two steps."""

    def __init__(self, given: Given, ends: Iterable[int], terminal: bool, status: int) -> None:
        self._given = given
        self._terminal = terminal
        self._status = status
        self._inside = self._no_new_privs = False
        self._environment: list[bytes] = []
        self._followed_environment: list[bytes] | None = []  # None: not read yet
        self._arguments: list[bytes] = []
        self._proc: int | None = None
        for number, end in enumerate(ends):
            os.dup2(end, number)
        # Files opened from here on are closed on exec, as Python does by default.
        kept = {0, 1, 2, status, given.program, *given.namespaces.values()}
        kept |= {given.followed.directory} if given.followed else set()
        linux.close_all_but(kept | ({given.root} if given.root is not None else set()))

    @property
    def _followed(self) -> Followed:
        """The process to follow. A plan without such a process has no step that asks for it."""
        assert self._given.followed is not None
        return self._given.followed

    def carry_out(self, steps: Sequence[Mapping[str, Any]]) -> None:
        """Carry out all steps; the last one becomes the command. Raises Failure or OSError if a step fails."""
        trace.ask()
        by_name = {step["type"]: step for step in steps}
        self._inside = "ChangeRoot" in by_name or "mnt" in self._given.namespaces
        self._no_new_privs = "SetNoNewPrivs" in by_name or bool(linux.prctl(_PR_GET_NO_NEW_PRIVS))
        if by_name["SetEnvironment"]["source"] == "target":
            self._read_environment_early()
        if "SetLabel" in by_name:
            self._proc = high(os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
        for step in steps:
            if step["type"] in ("PutOnFilters", "Execute") and not self._arguments:
                self._prepare_exec(by_name["Execute"])
            _STEPS[step["type"]](self, step)

    def note(self, text: str) -> None:
        self._say(f"note {text}")

    def fail(self, failure: Failure) -> None:
        self._say(f"error {failure.code} {failure.text}")

    def _say(self, line: str) -> None:
        os.write(self._status, line.replace("\n", " ").encode(errors="surrogateescape") + b"\n")

    def _read_environment_early(self) -> None:
        try:
            self._read_environment()
        except OSError as error:
            # The environment of a process of another id in a user namespace of ours is readable only from within.
            if error.errno != errno.EACCES or "user" not in self._given.namespaces:
                raise of_errno(error.errno or 0, "the environment of the process") from None
            self._followed_environment = None

    def _read_environment(self) -> None:
        self._followed_environment = [v for v in self._followed.read("environ", ENVIRONMENT).split(b"\0") if b"=" in v]

    def checked(self, step: Mapping[str, Any]) -> None:
        """Do nothing: the supervisor has checked the identity before the fork."""

    def join_cgroups(self, step: Mapping[str, Any]) -> None:
        for note in cgroups.join(step["cgroups"], self._followed.pid):
            self.note(note)

    def set_oom_score(self, step: Mapping[str, Any]) -> None:
        try:
            with open("/proc/self/oom_score_adj", "rb") as file:
                if int(file.read()) == step["value"]:
                    return
            with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
                file.write(str(step["value"]).encode())
        except OSError as error:
            self.note(f"oom_score_adj {step['value']} can't be had: {error.strerror}")

    def set_limits(self, step: Mapping[str, Any]) -> None:
        for name, (soft, hard) in step["limits"].items():
            number = getattr(resource, f"RLIMIT_{name}", _LIMIT_NUMBERS.get(name))
            if number is None:
                continue
            before = resource.getrlimit(number)
            if before == (soft, hard):
                continue
            try:
                resource.setrlimit(number, (soft, hard))
            except (OSError, ValueError):
                most = before[1]
                resource.setrlimit(number, (min(soft, most, key=_amount), min(hard, most, key=_amount)))
                shown = "unlimited" if hard == resource.RLIM_INFINITY else str(hard)
                self.note(f"limit {name} {shown} can't be had without CAP_SYS_RESOURCE, so it stays at {most}")

    def set_groups(self, step: Mapping[str, Any]) -> None:
        if os.geteuid() or sorted(os.getgroups()) == sorted(step["groups"]):
            return
        try:
            os.setgroups(step["groups"])
        except OSError as error:
            raise of_errno(error.errno or 0, "giving up root's own groups") from None

    def join_namespaces(self, step: Mapping[str, Any]) -> None:
        given = self._given
        join(given.pins, given.namespaces)
        if self._followed_environment is None:
            try:
                self._read_environment()
            except OSError as error:
                raise of_errno(error.errno or 0, "the environment of the process") from None
        # From here on nothing of the host may be reached.
        for fd in (*given.namespaces.values(), *([given.followed.directory] if given.followed else ())):
            os.close(fd)

    def fork(self, step: Mapping[str, Any]) -> None:
        """Continue as a child, which alone is in the pid or time namespace; the kernel tells its pid to the tracer."""
        try:
            child = os.fork()
        except OSError as error:
            if error.errno == errno.ENOMEM:
                raise Failure(
                    GONE, "this pid namespace is dead: its init has exited (or memory ran out): choose without pid"
                ) from None
            if error.errno == errno.EAGAIN:
                raise Failure(
                    FAILED,
                    "no more processes are allowed in its cgroup (pids.max) or to its user: end some, or use "
                    "--host-privileges",
                ) from None
            raise of_errno(error.errno or 0, "fork") from None
        if child:
            os._exit(0)

    def mount_proc(self, step: Mapping[str, Any]) -> None:
        try:
            linux.unshare(linux.CLONE_NEW["mnt"])
            # Mounts and unmounts on the host go on to be seen here; mounts made here are not seen on the host.
            linux.mount("none", "/", "", linux.MS_REC | linux.MS_SLAVE)
            linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
        except OSError as error:
            self.note(f"no /proc of its own ({error.strerror}), so ps and top show the host's processes")

    def change_root(self, step: Mapping[str, Any]) -> None:
        root = self._given.root
        assert root is not None
        try:
            os.fchdir(root)
            if not os.path.samestat(os.stat("."), os.stat("/")):
                os.chroot(".")
            os.chdir("/")
        except OSError as error:
            raise of_errno(error.errno or 0, f"changing the root to {step['path']}") from None
        os.close(root)

    def new_session(self, step: Mapping[str, Any]) -> None:
        os.setsid()
        try:
            linux.leave_session_keyring()
        except OSError as error:
            # A kernel without keys has none to reach, and a filter that forbids keys will hold for the command too.
            if error.errno not in (errno.ENOSYS, errno.EPERM):
                raise of_errno(error.errno or 0, "a session keyring of its own") from None
        if self._terminal:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def set_label(self, step: Mapping[str, Any]) -> None:
        # Written to the host's /proc: the container may have none, or a false one, on which the label would have no
        # effect (CVE-2019-16884).
        assert self._proc is not None
        apparmor = step["module"] == "apparmor"
        word = f"exec {step['label']}" if apparmor else step["label"]
        try:
            try:
                fd = os.open(f"self/attr/{'apparmor/' if apparmor else ''}exec", os.O_WRONLY, dir_fd=self._proc)
            except FileNotFoundError:
                fd = os.open("self/attr/exec", os.O_WRONLY, dir_fd=self._proc)  # before Linux 5.8
            os.write(fd, os.fsencode(word))
            os.close(fd)
        except OSError as error:
            raise Failure(
                FAILED, f"its label {step['label']} can't be had: {error.strerror}: --host-privileges goes without"
            ) from None
        os.close(self._proc)
        self._proc = None

    def set_umask(self, step: Mapping[str, Any]) -> None:
        os.umask(step["value"])

    def set_ids(self, step: Mapping[str, Any]) -> None:
        assert self._given.ids is not None
        uid, gid, groups = self._given.ids
        # In a joined user namespace an id without a number reads as 65534, overflowuid: as if it were nobody's already.
        unsure = "user" in self._given.namespaces
        linux.prctl(_PR_SET_KEEPCAPS, 1)
        try:
            if groups is not None and (unsure or sorted(os.getgroups()) != sorted(groups)):
                os.setgroups(groups)
            if unsure or os.getresgid() != (gid, gid, gid):
                os.setresgid(gid, gid, gid)
            if unsure or os.getresuid() != (uid, uid, uid):
                os.setresuid(uid, uid, uid)
        except OSError as error:
            raise of_errno(error.errno or 0, f"becoming uid {uid}, gid {gid}") from None
        linux.prctl(_PR_SET_KEEPCAPS, 0)
        _, permitted, inheritable = linux.capabilities()
        linux.set_capabilities(permitted, permitted, inheritable)
        linux.prctl(linux.PR_SET_DUMPABLE, 0)  # the change of ids has set it to fs.suid_dumpable

    def set_capabilities(self, step: Mapping[str, Any]) -> None:
        """Set all five sets. The capability that putting on a filter needs stays permitted, but neither bounding,
        inheritable nor ambient: the exec drops it."""
        _, held, _ = linux.capabilities()
        sets = granted(step["sets"], self._given.guard, held, os.getuid())
        kept = _SYS_ADMIN & held if self._given.filters and not self._no_new_privs else 0
        try:
            linux.set_capabilities(held, held, sets["inheritable"])  # while the bounding set still allows it
            for number in range(64):
                if not sets["bounding"] >> number & 1 and _in_bounding_set(number):
                    linux.prctl(_PR_CAPBSET_DROP, number)
            linux.prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)
            linux.set_capabilities(sets["effective"] | kept, sets["permitted"] | kept, sets["inheritable"])
            for number in range(64):
                if sets["ambient"] >> number & 1:
                    linux.prctl(_PR_CAP_AMBIENT, _AMBIENT_RAISE, number)
        except OSError as error:
            raise of_errno(error.errno or 0, "setting its capabilities") from None
        linux.prctl(linux.PR_SET_DUMPABLE, 0)

    def set_no_new_privs(self, step: Mapping[str, Any]) -> None:
        linux.prctl(_PR_SET_NO_NEW_PRIVS, 1)

    def change_directory(self, step: Mapping[str, Any]) -> None:
        try:
            os.chdir(step["path"])
            # A path through /proc/self/fd can lead out of the root (CVE-2024-21626): getcwd(3) then has no name for it.
            if os.getcwd().startswith("/"):
                return
            reason = "it is outside of the root"
        except OSError as error:
            reason = error.strerror or "?"
        if step["asked"]:
            raise Failure(NOT_EXECUTABLE, f"{step['path']} can't be the working directory: {reason}")
        self.note(f"its working directory {step['path']} can't be entered, so it is /")
        os.chdir("/")

    def set_environment(self, step: Mapping[str, Any]) -> None:
        if step["source"] == "host":
            caller = os.environb
            self._environment = [name + b"=" + caller[name] for name in _HOST_VARIABLES if name in caller]
            self._environment.append(b"PATH=" + _PATH)
            self._ask(step["asked"])
            return
        given = [os.fsencode(variable) for variable in step["variables"]]
        variables = given if step["source"] == "given" else self._followed_environment or []
        if self._terminal:
            variables = [v for v in variables if not v.startswith(b"TERM=")] + [b"TERM=" + _terminal_name()]
        if step["home"] and not any(v.startswith(b"HOME=") for v in variables):
            variables = [*variables, b"HOME=" + os.fsencode(step["home"])]
        self._environment = variables
        self._ask(step["asked"])

    def _ask(self, asked: Iterable[str]) -> None:
        """Add each NAME=value; it replaces a variable of the same name."""
        for variable in map(os.fsencode, asked):
            name = variable.partition(b"=")[0] + b"="
            self._environment = [*(v for v in self._environment if not v.startswith(name)), variable]

    def _prepare_exec(self, step: Mapping[str, Any]) -> None:
        """Find the program and prepare the exec: under a filter no other system call may be made."""
        if step["toolbox"]:
            self._arguments = [os.fsencode(argument) for argument in step["candidates"][0]]
        else:
            path, argv = _executable(step["candidates"], self._environment, self._inside)
            self._arguments = [path, *argv]
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self._exec = linux.Exec(self._given.program, self._arguments, self._environment)
        self._loads = [seccomp.Load(filter) for filter in self._given.filters]

    def put_on_filters(self, step: Mapping[str, Any]) -> None:
        try:
            for load in self._loads:
                load()
        except OSError as error:
            raise Failure(
                NOT_PERMITTED, f"its seccomp filter can't be put on: {error.strerror}: --host-privileges goes without"
            ) from None

    def execute(self, step: Mapping[str, Any]) -> None:
        # The exit code tells the supervisor why there was no exec; a pipe might be in the container's reach by now.
        os._exit(self._exec() or errno.EIO)


_STEPS: dict[str, Callable[[Inside, Mapping[str, Any]], None]] = {
    "CheckIdentity": Inside.checked,
    "JoinCgroups": Inside.join_cgroups,
    "SetOomScore": Inside.set_oom_score,
    "SetLimits": Inside.set_limits,
    "SetGroups": Inside.set_groups,
    "JoinNamespaces": Inside.join_namespaces,
    "Fork": Inside.fork,
    "MountProc": Inside.mount_proc,
    "ChangeRoot": Inside.change_root,
    "NewSession": Inside.new_session,
    "SetLabel": Inside.set_label,
    "SetUmask": Inside.set_umask,
    "SetIds": Inside.set_ids,
    "PutOnFilters": Inside.put_on_filters,
    "SetCapabilities": Inside.set_capabilities,
    "SetNoNewPrivs": Inside.set_no_new_privs,
    "ChangeDirectory": Inside.change_directory,
    "SetEnvironment": Inside.set_environment,
    "Execute": Inside.execute,
}


def granted(sets: Mapping[str, int], guard: int, held: int, uid: int) -> dict[str, int]:
    """The part of five wanted sets that can be had. held: the capabilities permitted now. uid: as numbered inside."""
    permitted = (sets["permitted"] | guard) & held
    inheritable, ambient = sets["inheritable"] & held, sets["ambient"]
    if guard and uid != 0:
        inheritable, ambient = inheritable | guard, ambient | guard
    return {
        "effective": (sets["effective"] | guard) & permitted,
        "permitted": permitted,
        "inheritable": inheritable,
        "bounding": (sets["bounding"] | guard) & held,
        "ambient": ambient & permitted & inheritable,
    }


def _executable(candidates: list[list[str]], environment: Sequence[bytes], inside: bool) -> tuple[bytes, list[bytes]]:
    """(path, argv) of the first candidate that the current rights and PATH let run. Raises Failure if none can. inside:
    the files are the container's."""
    failure: Failure | None = None
    for candidate in candidates:
        argv = [os.fsencode(argument) for argument in candidate]
        for path in _paths(argv[0], environment):
            try:
                if stat.S_ISREG(os.stat(path).st_mode) and os.access(path, os.X_OK):
                    return path, argv
                noexec = os.statvfs(path).f_flag & os.ST_NOEXEC
                why = (
                    "its file system is mounted noexec; --toolbox needs none"
                    if noexec
                    else "it is no program, or not for this user"
                )
                failure = Failure(NOT_EXECUTABLE, f"{candidate[0]} can't be executed: {why}")
            except PermissionError:
                failure = Failure(NOT_EXECUTABLE, f"{candidate[0]} can't be executed: permission denied")
            except OSError:
                continue
    if failure:
        raise failure
    name = candidates[-1][0]
    if inside:
        raise Failure(
            NOT_FOUND,
            f"{name} is not in the container: name another, use --toolbox, or leave out --mnt for the host's",
        )
    raise Failure(NOT_FOUND, f"{name} is not on this host: install it, or name another command")


def _paths(name: bytes, environment: Sequence[bytes]) -> list[bytes]:
    if b"/" in name:
        return [name]
    path = next((v[5:] for v in reversed(environment) if v.startswith(b"PATH=")), _PATH)
    return [(directory or b".") + b"/" + name for directory in path.split(b":")]


def exec_failure(number: int, name: str) -> Failure:
    """A failed execve(2) as a shell reports it."""
    if number == errno.ENOENT:
        return Failure(NOT_FOUND, f"{name} can't be executed: it, or the interpreter it names, is not there")
    if number == errno.EAGAIN:
        return Failure(NOT_EXECUTABLE, f"{name} can't be executed: its user has as many processes as are allowed")
    return Failure(NOT_EXECUTABLE, f"{name} can't be executed: {os.strerror(number)}")


def _amount(limit: int) -> float:
    return float("inf") if limit == resource.RLIM_INFINITY else limit


def _in_bounding_set(number: int) -> bool:
    try:
        return linux.prctl(_PR_CAPBSET_READ, number) == 1
    except OSError:
        return False  # EINVAL: this kernel has no such capability


def _terminal_name() -> bytes:
    name = os.environb.get(b"TERM", b"")
    return name if name and name.replace(b"-", b"").replace(b".", b"").replace(b"+", b"").isalnum() else b"xterm"
