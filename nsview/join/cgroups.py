"""Find the mount of a cgroup hierarchy, see whether a cgroup is frozen, and move into one.

Source: cgroups(7), Documentation/admin-guide/cgroup-v2.rst, proc_pid_mountinfo(5).
"""

from __future__ import annotations

import os

from nsview.agent import freezer, hostfiles
from nsview.agent.cgroup import lines as lines
from nsview.agent.mountinfo import Mount
from nsview.agent.mountinfo import of_cgroups as mounts

from .failure import FAILED, GONE, NOT_PERMITTED, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def directory(controllers: str, path: str, mounted: Iterable[Mount]) -> str | None:
    """The directory of a hierarchy's cgroup. None if the hierarchy, or the cgroup's part of it, is not mounted."""
    wanted = set(controllers.split(",")) if controllers else set()
    for mount in mounted:
        if mount.fstype == ("cgroup" if wanted else "cgroup2") and wanted <= set(mount.super_options):
            found = mount.path_of(path)
            if found is not None:
                return found
    return None


def frozen(controllers: str, where: str) -> bool:
    """True if the cgroup, or one above it, is frozen or about to be: a process that moves in hangs until the thaw."""
    if not controllers:
        told = _text(where + "/cgroup.freeze").strip() == "1"
        return told or freezer.frozen(_text(where + "/" + freezer.FILES[""]))
    return "freezer" in controllers.split(",") and freezer.frozen(_text(where + "/" + freezer.FILES["freezer"]))


def process_frozen(pid: int) -> bool:
    """True if a process's cgroup is frozen in one of the hierarchies."""
    mounted = _mounted()
    for controllers, path in lines(_text(f"/proc/{pid}/cgroup")):
        where = directory(controllers, path, mounted)
        if where is not None and frozen(controllers, where):
            return True
    return False


def out_of_memory(cgroups: Iterable[tuple[str, str]]) -> bool:
    """True if the kernel has killed in one of these cgroups because its limit of memory was reached."""
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
    """Move this process into each hierarchy's cgroup and yield a note for each cgroup left out. Raises Failure if one
    is frozen or the process `pid` is not in it.

    A container that may write to its cgroups may rename them and put others in their place. So each cgroup is held
    open, seen to have the process in it, and joined through the open file.
    """
    hostfiles.forget()  # the files that it holds open are closed in this process
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
            # Moving the only thread by itself takes no lock that waits for all other processes (Linux 5.4).
            _move(where + ("/tasks" if controllers else "/cgroup.procs"), pid, name)
        except FileNotFoundError:
            raise Failure(GONE, f"{name} is gone: the container has stopped") from None
        except PermissionError as error:
            if os.geteuid() != 0:
                # Cgroups are delegated to users one by one; without this one the command keeps the caller's limits.
                yield f"{name} may not be joined by this user, so the caller's is kept"
                continue
            raise Failure(NOT_PERMITTED, f"{name}: {error.strerror}: use --host-privileges to stay outside") from None
        except OSError as error:
            raise Failure(FAILED, f"{name}: {error.strerror}: use --host-privileges to stay outside") from None
    hostfiles.let_go()


def birthplace(cgroups: Iterable[tuple[str, str]], pid: int) -> int | None:
    """The open directory of the v2 cgroup among these, to fork a child into. None if `join` has to move or to say why
    not.

    Writing to cgroup.procs waits for a lock against all forks (cgroup_threadgroup_rwsem, docs/design.md); forking into
    the cgroup does not. As in `join` the directory is held open and the process `pid` seen to be in the cgroup.
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
    return [mount.at(hostfiles.reached(mount.point)) for mount in mounts(hostfiles.mounts())]


def _move(members: str, pid: int, name: str) -> None:
    """Move into the cgroup of the file `members`, once the process `pid` is seen to be in it. Raises Failure if not."""
    procs = os.open(members, os.O_RDWR | os.O_CLOEXEC)
    try:
        if not _lists(procs, b"%d" % pid):
            raise Failure(GONE, f"{name} is not that of process {pid} any more: choose again")
        os.write(procs, b"0")
    finally:
        os.close(procs)


def _lists(procs: int, pid: bytes) -> bool:
    """True if a pid is a line of the open file."""
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
