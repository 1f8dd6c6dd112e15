"""Where each cgroup hierarchy is mounted here, whether a cgroup is frozen, and how to move into it.

Source: cgroups(7), Documentation/admin-guide/cgroup-v2.rst, proc_pid_mountinfo(5).
"""

from __future__ import annotations

import os

from nsview.agent import hostfiles

from .failure import FAILED, GONE, NOT_PERMITTED, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Mount = tuple[str, str, str]
"""(controllers, "" for v2; the root that is mounted; where)"""


def mounts(mountinfo: str) -> Iterator[Mount]:
    """The cgroup mounts in the text of /proc/PID/mountinfo."""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        kind, _, rest = right.partition(" ")
        if kind in ("cgroup", "cgroup2"):
            fields = left.split(" ")
            options = "" if kind == "cgroup2" else rest.rpartition(" ")[2]
            yield options, _unescaped(fields[3]), _unescaped(fields[4])


def lines(text: str) -> Iterator[tuple[str, str]]:
    """(controllers, "" for v2; path) of each line of the text of /proc/PID/cgroup."""
    for line in text.splitlines():
        controllers, separator, path = line.partition(":")[2].partition(":")
        if separator:
            yield controllers, path


def directory(controllers: str, path: str, mounted: Iterable[Mount]) -> str | None:
    """Where a hierarchy's cgroup is to be found; None where that hierarchy, or that part of it, is not mounted."""
    wanted = set(controllers.split(","))
    for options, root, point in mounted:
        if not (wanted <= set(options.split(",")) if controllers else not options):
            continue
        root = root.rstrip("/")
        if path == root or path.startswith(root + "/"):
            return point + path[len(root) :].rstrip("/")
    return None


def frozen(controllers: str, where: str) -> bool:
    """The cgroup, or one above it, is frozen or about to be: whoever moves in hangs until it is thawed."""
    if not controllers:
        return "frozen 1" in _text(where + "/cgroup.events") or _text(where + "/cgroup.freeze").strip() == "1"
    return "freezer" in controllers.split(",") and _text(where + "/freezer.state").strip() in ("FROZEN", "FREEZING")


def process_frozen(pid: int) -> bool:
    """A process's cgroup is frozen in one of the hierarchies."""
    mounted = _mounted()
    for controllers, path in lines(_text(f"/proc/{pid}/cgroup")):
        where = directory(controllers, path, mounted)
        if where is not None and frozen(controllers, where):
            return True
    return False


def out_of_memory(cgroups: Iterable[tuple[str, str]]) -> bool:
    """The kernel has killed in one of these cgroups because its limit of memory was reached."""
    mounted = _mounted()
    for controllers, path in cgroups:
        where = directory(controllers, path, mounted)
        if where is not None:
            for name in ("memory.events", "memory.oom_control"):
                counts = dict(line.split(" ", 1) for line in _text(f"{where}/{name}").splitlines() if " " in line)
                if counts.get("oom_kill", "0").strip() != "0":
                    return True
    return False


def join(cgroups: Iterable[tuple[str, str]], pid: int) -> Iterator[str]:
    """Move this process into each hierarchy's cgroup, if none is frozen and the process `pid` is in it. What was left
    out is yielded, in words.

    A container that may write to its cgroups may rename them and put others in their place. So each is held open, seen
    to have the process in it, and moved into by what is held.
    """
    hostfiles.forget()  # its files are closed in this process
    own = set(lines(_text("/proc/self/cgroup")))
    wanted = [cgroup for cgroup in cgroups if cgroup not in own]
    mounted = _mounted() if wanted else []
    found: list[tuple[str, str, str]] = []
    for controllers, path in wanted:
        where = directory(controllers, path, mounted)
        if where is None:
            words = f"cgroup {controllers or 'v2'}:{path} is not mounted here"
            if os.geteuid() == 0:
                raise Failure(NOT_PERMITTED, f"{words}: mount it, or use --host-privileges to stay outside of it")
            yield f"{words}, so it is not joined"
            continue
        if frozen(controllers, where):
            raise Failure(FAILED, f"cgroup {path} is frozen (paused), where the command would hang: thaw it first")
        found.append((controllers, path, where))
    for controllers, path, where in found:
        name = f"cgroup {controllers or 'v2'}:{path}"
        try:
            # To move just this thread, which is all there is, takes no lock that waits for all others (Linux 5.4).
            _move(where + ("/tasks" if controllers else "/cgroup.procs"), pid, name)
        except FileNotFoundError:
            raise Failure(GONE, f"{name} is gone: the container has ended") from None
        except PermissionError as error:
            if os.geteuid() != 0:
                # A user's cgroups are delegated one by one; without them the command stays with the caller's limits.
                yield f"{name} may not be joined by this user, so the caller's is kept"
                continue
            raise Failure(NOT_PERMITTED, f"{name}: {error.strerror}: use --host-privileges to stay outside") from None
        except OSError as error:
            raise Failure(FAILED, f"{name}: {error.strerror}: use --host-privileges to stay outside") from None
    hostfiles.let_go()


def birthplace(cgroups: Iterable[tuple[str, str]], pid: int) -> int | None:
    """The directory of v2's among these cgroups, open, for a child to be born in; None where `join` is the way, which
    then says why.

    To write to its cgroup.procs waits for all processors to have seen that nobody forks (cgroup_threadgroup_rwsem): 7
    to 15 ms, more than all else on the way in. Who is born in it waits for nobody. As in `join` it is held, and the
    process `pid` seen to be in it.
    """
    path = next((path for controllers, path in cgroups if not controllers), None)
    if path is None:
        return None
    where = directory("", path, _mounted())
    if where is None or frozen("", where):
        return None
    try:
        held = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        members = os.open("cgroup.procs", os.O_RDONLY | os.O_CLOEXEC, dir_fd=held)
        try:
            if _lists(members, b"%d" % pid):
                return held
        finally:
            os.close(members)
    except OSError:
        pass
    os.close(held)
    return None


def _mounted() -> list[Mount]:
    """The host's cgroup mounts, each by a path that this process can open."""
    return [(options, root, hostfiles.reached(point)) for options, root, point in mounts(hostfiles.mounts())]


def _move(members: str, pid: int, name: str) -> None:
    """Into the cgroup whose list of members this file is, once the process is seen to be in it."""
    procs = os.open(members, os.O_RDWR | os.O_CLOEXEC)
    try:
        if not _lists(procs, b"%d" % pid):
            raise Failure(GONE, f"{name} is not that of process {pid} any more: choose again")
        os.write(procs, b"0")
    finally:
        os.close(procs)


def _lists(procs: int, pid: bytes) -> bool:
    """A pid is a line of the open file."""
    rest = b""
    while chunk := os.read(procs, 1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        if pid in lines:
            return True
    return False


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _unescaped(field: str) -> str:
    """mountinfo writes space, tab, newline and backslash in octal."""
    for escape, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(escape, character)
    return field
