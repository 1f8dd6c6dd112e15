"""The facts of one process that are read only when they are asked for.

Sources: proc_pid_status(5), proc_pid_limits(5), the runtime specification's config.json (`process`), and for "frozen"
cgroup v2's cgroup.freeze and v1's freezer.state.
"""

from __future__ import annotations

import errno
import fcntl
import os

from nsview import linux
from nsview.kernel import CAPABILITIES

from . import files, freezer, hostfiles, nsfs, passwd, procfs
from .containers import authority
from .status import capabilities, label, limits, status_of, text_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .protocol import Details, Identity, KindName


SHELLS = ("/bin/bash", "/usr/bin/bash", "/bin/zsh", "/bin/ash", "/bin/dash", "/bin/sh", "/usr/bin/sh", "/busybox/sh")
_RUNTIMES = (b"runc:[", b"crun\n")  # a first process before it executes its command: runc, nsexec.c; crun
_LIMIT = {shown: name for name, shown in linux.LIMITS.items()}


def details(
    pid: int,
    start: int,
    kinds: Iterable[KindName] = (),
    initial: Mapping[KindName, int | None] | None = None,
    sockets: bool = False,
) -> Details | None:
    """The frame's record of one process. None if it is gone: its pid may be another's by now.

    kinds: of those namespaces the contents too. initial: the host's first namespaces. sockets: those of the process
    too.
    """
    return read(pid, start, 0, kinds, initial, sockets)[0]


def read(
    pid: int,
    start: int,
    thread: int = 0,
    kinds: Iterable[KindName] = (),
    initial: Mapping[KindName, int | None] | None = None,
    sockets: bool = False,
) -> tuple[Details | None, dict[str, Any] | None]:
    """(the record, the content of the container's configuration or None). thread: the one to read, 0 for the first that
    lives."""
    try:
        fd = os.open("/proc/%d" % pid, os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return None, None
    try:
        fields = procfs.stat_fields(fd)
        if int(fields[19]) != start:
            return None, None
        thread = thread or (procfs.live_thread(fd) if fields[0] == b"Z" else 0)
        if thread:
            leader, fd = fd, os.open("task/%d" % thread, os.O_PATH | os.O_DIRECTORY, dir_fd=fd)
            os.close(leader)
        found = authority.config_of(pid)
        record = _details(pid, start, thread, fd, found)
        if kinds:
            from . import contents  # kept out of a start

            record["contents"] = contents.read(kinds, fd, initial or {})
        if sockets:
            from .sockets import sockets as read_sockets

            record["sockets"] = read_sockets(fd)
        return record, found.config if found else None
    except OSError:
        return None, None
    finally:
        os.close(fd)


def _details(pid: int, start: int, thread: int, fd: int, found: authority.BelievedConfig | None) -> Details:
    status = status_of(fd)
    cgroups = files.text(procfs.cgroup_at(fd))
    record: Details = {
        "pid": pid,
        "start": start,
        "thread": thread,
        "exe": files.link("exe", fd),
        "cwd": files.link("cwd", fd),
        "root": files.link("root", fd),
        "threads": int(status.get("Threads", "0")),
        "seccomp": int(status.get("Seccomp", "0")),
        "cgroup_lines": [line for line in cgroups.split("\n") if line],
        "frozen": freezer.of_process(cgroups, hostfiles.hierarchies()) is True,
        "pid_namespace_dead": _pid_namespace_dead(fd),
        "setgroups_denied": text_at(fd, "setgroups").strip() == "deny",
        "shells": [],
        "home": None,
        "identity": None,
        "unreadable": None,
        "label": label(fd),
        "has_proc": True,
        "unfinished": False,
        "config": None,
        "runtime": "runc",
        "filtered": status.get("Seccomp") == "2",
        "own_filters": False,
    }
    try:
        root = os.open("root", os.O_PATH | os.O_DIRECTORY, dir_fd=fd)
    except OSError as error:
        record["unreadable"] = procfs.errno_name(error)
        return record
    try:
        record["shells"] = _shells(root)
        record["has_proc"] = _has_proc(root)
        record["unfinished"] = _is_unfinished(fd, root, found)
        if found:
            record["config"] = found.path
            record["runtime"], record["filtered"] = found.runtime, found.filtered
            record["own_filters"] = pid != found.first and _has_own_filters(status, found)
            if found.init_pid == pid:
                record["identity"] = _of_process(found.config.get("process"), fd, found.supervisor)
        identity = record["identity"] = record["identity"] or _of_status(fd, status, record["cwd"])
        record["home"] = _home(root, identity["uid"])
    finally:
        os.close(root)
    return record


def _shells(root: int) -> list[str]:
    """The shells below a root, each program once: /bin is often a link to /usr/bin."""
    found: dict[tuple[int, int], str] = {}
    for path in SHELLS:
        try:
            shell = linux.open_in_root(root, path, os.O_PATH)
        except OSError:
            continue
        try:
            status = os.fstat(shell)
        finally:
            os.close(shell)
        if status.st_mode & 0o111 and status.st_mode & 0o170000 == 0o100000:
            found.setdefault((status.st_dev, status.st_ino), path)
    return list(found.values())


def _is_unfinished(fd: int, root: int, found: authority.BelievedConfig | None) -> bool:
    """True if a process still has the host's root: its runtime is about to give it the one of config.json. Before it is
    in its cgroup it is known by its name, by which only a runtime gains."""
    if not os.path.samestat(os.fstat(root), hostfiles.status("/")):
        return False
    wanted = found.config.get("root") if found else None
    if wanted is None:
        return procfs.read_at(fd, "comm", 32).startswith(_RUNTIMES)
    return not isinstance(wanted, dict) or wanted.get("path") != "/"


def _has_own_filters(status: Mapping[str, str], found: authority.BelievedConfig) -> bool:
    """True if a process is under more filters than a container's configuration gives, or that is not known, as in a
    container within that container."""
    try:
        with open("/proc/%s/status" % (found.supervisor or "self"), encoding="utf-8", errors="replace") as file:
            above = dict(line.split(":", 1) for line in file)
        given = int(above["Seccomp_filters"]) + found.filtered
        return int(status["Seccomp_filters"]) > given
    except (KeyError, OSError):
        return status.get("Seccomp") == "2"  # before Linux 5.9


def _has_proc(root: int) -> bool:
    try:
        proc = linux.open_in_root(root, "/proc", os.O_PATH)
    except OSError:
        return False
    try:
        return linux.filesystem_magic(proc) == linux.PROC_MAGIC
    finally:
        os.close(proc)


def _home(root: int, uid: int) -> str | None:
    """The home of a user by the container's own /etc/passwd. None if it has none."""
    try:
        fields = passwd.of_uid(files.text(files.read_in_root(root, "/etc/passwd", 1 << 20)), uid)
    except OSError:
        return None
    return (fields[5] or None) if fields and len(fields) > 5 else None


def _of_status(fd: int, status: Mapping[str, str], cwd: str | None) -> Identity:
    """The identity by the process itself."""
    return {
        "source": "status",
        "uid": int(status["Uid"].split()[1]),
        "gid": int(status["Gid"].split()[1]),
        "groups": [int(group) for group in status.get("Groups", "").split()],
        "capabilities": capabilities(status),
        "no_new_privs": status.get("NoNewPrivs") == "1",
        "cwd": cwd or "/",
        "environment": None,
        "rlimits": _limits(text_at(fd, "limits")),
        "umask": _umask(status),
        "oom_score_adj": int(text_at(fd, "oom_score_adj") or 0),
    }


def _limits(table: str) -> dict[str, list[int]]:
    """{"NOFILE": [soft, hard]} from the table of /proc/PID/limits; -1 is unlimited."""
    return {
        _LIMIT[name]: [-1 if value == "unlimited" else int(value) for value in values]
        for name, values in limits(table).items()
        if name in _LIMIT
    }


def _of_process(process: Any, fd: int, supervisor: int | None) -> Identity | None:
    """The identity by the `process` object of the runtime specification. None if that is not as specified.

    Limits and umask that it leaves out are the supervisor's, which starts the runtime for a command too, and never
    those that the container's first process has given itself.
    """
    try:
        user = process.get("user") or {}
        sets = process.get("capabilities") or {}
        rlimits, umask = _inherited(supervisor)
        for limit in process.get("rlimits") or ():
            rlimits[limit["type"].replace("RLIMIT_", "", 1)] = [_limit(limit["soft"]), _limit(limit["hard"])]
        return {
            "source": "config.json",
            "uid": _number(user.get("uid", 0)),
            "gid": _number(user.get("gid", 0)),
            "groups": [_number(group) for group in user.get("additionalGids") or ()],
            "capabilities": {
                "effective": _mask(sets.get("effective") or ()),
                "permitted": _mask(sets.get("permitted") or ()),
                "inheritable": _mask(sets.get("inheritable") or ()),
                "bounding": _mask(sets.get("bounding") or ()),
                "ambient": _mask(sets.get("ambient") or ()),
            },
            "no_new_privs": bool(process.get("noNewPrivileges", False)),
            "cwd": str(process.get("cwd") or "/"),
            "environment": [str(variable) for variable in process.get("env") or ()],
            "rlimits": rlimits,
            "umask": _number(user["umask"]) if "umask" in user else umask,
            "oom_score_adj": int(process.get("oomScoreAdj", text_at(fd, "oom_score_adj") or 0)),
        }
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None


def _inherited(supervisor: int | None) -> tuple[dict[str, list[int]], int | None]:
    """(limits, umask) of a process. ({}, None) if there is none: then the command keeps those of its starter."""
    if supervisor is None:
        return {}, None
    try:
        fd = os.open("/proc/%d" % supervisor, os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return {}, None
    try:
        return _limits(text_at(fd, "limits")), _umask(status_of(fd))
    except OSError:
        return {}, None
    finally:
        os.close(fd)


def _umask(status: Mapping[str, str]) -> int | None:
    return int(status["Umask"], 8) if "Umask" in status else None


def _number(value: int) -> int:
    """An id or a mask of 32 bits. Raises ValueError if it is larger."""
    if not 0 <= value < 1 << 32:
        raise ValueError(value)
    return int(value)


def _limit(value: int) -> int:
    return -1 if value >= 1 << 63 else int(value)


def _mask(names: Iterable[str]) -> int:
    return sum(1 << CAPABILITIES.index(name.replace("CAP_", "", 1)) for name in names)


def _pid_namespace_dead(fd: int) -> bool:
    """True if no process can be born in its pid namespace any more: pid 1 there has exited.

    The kernel tells the pid of that one (NS_GET_PID_FROM_PIDNS, Linux 6.11); before that version, only joining the
    namespace would tell.
    """
    try:
        namespace = os.open("ns/pid", os.O_RDONLY, dir_fd=fd)
    except OSError:
        return False
    try:
        init_pid = fcntl.ioctl(namespace, nsfs.NS_GET_PID_FROM_PIDNS, 1)
        with open("/proc/%d/stat" % init_pid, "rb") as stat:
            return linux.stat_fields(stat.read())[0] in (b"Z", b"X")
    except OSError as error:
        return error.errno in (errno.ESRCH, errno.ENOENT)
    finally:
        os.close(namespace)
