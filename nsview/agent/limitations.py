"""The limits of this agent's view of the host, and their remedies, a line each.

They are told once, at the start: none of them changes while the agent runs, but for files of runtimes that can't be
read. Errors that are of one process each
(EACCES) are with the processes.

Sources: proc(5) (hidepid, subset), pid_namespaces(7) (/proc of another one), cgroup_namespaces(7),
capabilities(7) and ptrace(2) for the rights that reading the links of others takes.
"""

from __future__ import annotations

import os

from nsview.kernel import CAPABILITIES

from . import files, hostfiles, mountinfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .mountinfo import Mount
    from .protocol import KindName, Process

_SYS_PTRACE, _SYS_ADMIN = CAPABILITIES.index("SYS_PTRACE"), CAPABILITIES.index("SYS_ADMIN")
_HIDEPID = {"1": "noaccess", "2": "invisible", "4": "ptraceable"}


def notes(own: Process, initial: Mapping[KindName, int | None], pid: int) -> list[str]:
    """The lines. own: the record of this process as /proc shows it; pid: its pid as it sees itself, by getpid. initial:
    the host's first namespaces."""
    return [*_of_proc(own, initial, pid), *_of_namespaces(own, initial), *_of_privileges(own, initial), *of_files()]


def of_files() -> Iterator[str]:
    """The state files of runtimes that were found damaged or too large."""
    if files.damaged:
        path, why = min(files.damaged.items())
        more = " and %d more" % (len(files.damaged) - 1) if len(files.damaged) > 1 else ""
        yield "%s%s could not be read (%s): names of its containers may be missing" % (path, more, why)


def hides_processes(own: Process, initial: Mapping[KindName, int | None], host_proc: bool) -> bool:
    """True if /proc does not show all processes, or nothing more of some than their pids.

    host_proc: it is the /proc of the host's first pid namespace.
    """
    return not host_proc or bool(_hidden(proc_options(mountinfo.parse(mountinfo.read_own())), own, initial))


def may_trace_all(own: Process, initial: Mapping[KindName, int | None]) -> bool:
    """True if this process has CAP_SYS_PTRACE over all of the host."""
    user = own["namespaces"].get("user")
    return bool(effective() >> _SYS_PTRACE & 1) and user is not None and user == initial.get("user")


def _hidden(options: Mapping[str, str], own: Process, initial: Mapping[KindName, int | None]) -> str:
    """The word of proc(5) for how /proc hides the processes of others from this one; "" if it does not."""
    hidden = _HIDEPID.get(options.get("hidepid", "0"), options.get("hidepid", "0"))
    if hidden in ("0", "off"):
        return ""
    # A process that may trace any other sees them all regardless; so does a group, root's unless another is named, but
    # not with ptraceable.
    if may_trace_all(own, initial):
        # Except the processes that are protected from root too, which ptraceable hides.
        return hidden if hidden == "ptraceable" and not os.path.exists("/proc/1") else ""
    in_group = int(options.get("gid", 0)) in (os.getegid(), *os.getgroups())
    return "" if in_group and hidden != "ptraceable" else hidden


def _of_proc(own: Process, initial: Mapping[KindName, int | None], pid: int) -> Iterator[str]:
    options = proc_options(mountinfo.parse(mountinfo.read_own()))
    hidden = _hidden(options, own, initial)
    if hidden and may_trace_all(own, initial):
        yield "/proc hides processes that root may not trace (hidepid=%s): mount another to count them" % hidden
    elif hidden:
        yield "/proc hides the processes of other users (hidepid=%s): run nsview as root to see them" % hidden
    if "pid" in options.get("subset", "").split(":"):
        yield "/proc was mounted with subset=pid, so some of what nsview reads is missing; as root: mount another"
    if own["pid"] != pid or own["nspid"][-1] != pid:
        yield (
            "/proc is that of another pid namespace, so processes are shown with its pids; "
            "to see those of this one: mount -t proc proc /proc"
        )


def proc_options(mounts: Iterable[Mount]) -> dict[str, str]:
    """{option: value} of the topmost mount at /proc; flags have the value ""."""
    options: dict[str, str] = {}
    for mount in mounts:
        if mount.point == "/proc":
            options = dict(option.partition("=")[::2] for option in mount.super_options if mount.fstype == "proc")
    return options


def _of_namespaces(own: Process, initial: Mapping[KindName, int | None]) -> Iterator[str]:
    namespaces = own["namespaces"]
    apart = {kind for kind, inode in namespaces.items() if initial.get(kind) not in (None, inode)}
    if "pid" in apart:
        yield (
            "nsview runs in a pid namespace below the host's (in a container?): processes above it are not to be seen; "
            "run it on the host, or in a container with --pid=host (in a manifest: hostPID: true)"
        )
    if "user" in apart:
        yield (
            "nsview runs in a user namespace below the host's: root in there is not the host's, and what is above is "
            "out of view; run it as the host's root"
        )
    if "cgroup" in apart:
        yield (
            "nsview runs in a cgroup namespace below the host's: paths are relative to it, so containers may be "
            "missed; run it on the host, or in a container with --cgroupns=host, or --pid=host and --cap-add=SYS_ADMIN"
        )


def _of_privileges(own: Process, initial: Mapping[KindName, int | None]) -> Iterator[str]:
    if os.geteuid() != 0:
        return
    lost = hostfiles.host().lost and own["namespaces"].get("user") == initial.get("user")
    if missing := _missing():
        what = "read" if "SYS_PTRACE" in missing else "join"
        files_too = ", and the host's files" if lost else ""
        yield "nsview runs as root without %s, which the namespaces of others take to %s%s; %s" % (
            " and ".join("CAP_" + name for name in missing), what, files_too, _remedy(missing),
        )  # fmt: skip
    elif lost:
        yield (
            "nsview may not look into the host's mount namespace, so names of users, mounts and what runtimes keep are "
            "those of its own; in a container: --security-opt apparmor=unconfined (in a manifest: "
            "securityContext.appArmorProfile.type: Unconfined)"
        )


def _missing() -> list[str]:
    """The names of the capabilities that root lacks here."""
    held = effective()
    return [CAPABILITIES[bit] for bit in (_SYS_PTRACE, _SYS_ADMIN) if not held >> bit & 1]


def _remedy(missing: Iterable[str]) -> str:
    return "in a container: %s (in a manifest: securityContext.capabilities.add: [SYS_PTRACE, SYS_ADMIN])" % " ".join(
        "--cap-add=" + name for name in missing
    )


def why_unread(path: str) -> str | None:
    """The reason why root in a container can't read what a path leads to, and the remedy. None if it is another."""
    missing = [name for name in _missing() if name == "SYS_PTRACE"] if os.geteuid() == 0 else []
    if missing and (path.startswith("/proc/") or hostfiles.host().lost):
        what = "the namespaces of others" if path.startswith("/proc/") else "the host's files"
        return "%s can't be read without CAP_SYS_PTRACE; %s" % (what, _remedy(missing))
    return None


def effective() -> int:
    """The effective capabilities of this process, as a mask; 0 if they can't be read."""
    try:
        with open("/proc/self/status", "rb") as status:
            return next((int(line[8:], 16) for line in status if line.startswith(b"CapEff:\t")), 0)
    except OSError:
        return 0
