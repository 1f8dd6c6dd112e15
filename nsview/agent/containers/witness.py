"""The maker of each piece of evidence: the kernel's word on processes, files and cgroups, never their looks.

Any user may call a process like a shim, put a config.json into a directory, or name a cgroup below one that was
delegated to them. So each witness has an owner, a uid of the host's: 0 if root alone could have made it.
Sources: proc_pid_status(5), cgroups(7) (delegation), symlink(7) and proc_sys_fs(5) for hard links.
"""

from __future__ import annotations

import os

from .. import files, hostfiles, nsfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..mountinfo import Mount
    from ..protocol import Namespaces

NOBODY = -1
"""The owner of a witness that speaks for nobody: a set-uid program, which its user started, has two masters."""
ANYBODY = -2
"""The owner of a cgroup below a directory in which a group, or everybody, may make cgroups."""


def owner_of_process(pid: int) -> int:
    """The uid that is all of a process's uids, or NOBODY; also if that can't be read, and of a set-uid program, which
    may be root in all of them under a name that its user chose."""
    try:
        if os.stat("/proc/%d/exe" % pid).st_mode & 0o4000:
            return NOBODY
    except OSError:
        pass  # another's, to an ordinary user
    try:
        with open("/proc/%d/status" % pid, "rb") as status:
            uids = next((line.split()[1:] for line in status if line.startswith(b"Uid:")), [])
    except OSError:
        return NOBODY
    return int(uids[0]) if len(set(uids)) == 1 else NOBODY


def owner_of_userns(pid: int) -> int | None:
    """The uid of the maker of a process's user namespace; that of the process if the namespace can't be opened. None if
    the kernel does not tell."""
    try:
        fd = os.open("/proc/%d/ns/user" % pid, os.O_RDONLY)
    except OSError:
        return owner_of_process(pid)
    try:
        return nsfs.owner_uid(fd)
    finally:
        os.close(fd)


def owned(fd: int, uid: int) -> bool:
    """True if nobody but this user and root can have written an open file or directory."""
    found = os.fstat(fd)
    by_group = found.st_mode & 0o020 and found.st_gid
    return found.st_uid in (0, uid) and not found.st_mode & 0o002 and not by_group


def owner_of_place(fd: int) -> int:
    """The uid of the user who could have put an open directory at its place: of the first above it, or itself, that is
    not root's. NOBODY if others may write to one, except a sticky one like /tmp, from which they can't take another's
    away."""
    found, above = 0, os.open(".", os.O_PATH | os.O_DIRECTORY, dir_fd=fd)
    try:
        last = None
        while True:
            status = os.fstat(above)
            if last == (status.st_dev, status.st_ino):
                return found
            last = status.st_dev, status.st_ino
            by_group = status.st_mode & 0o020 and status.st_gid and not status.st_uid
            if (status.st_mode & 0o002 or by_group) and not status.st_mode & 0o1000:
                return NOBODY
            found = status.st_uid or found
            higher = os.open("..", os.O_PATH | os.O_DIRECTORY, dir_fd=above)
            os.close(above)
            above = higher
    finally:
        os.close(above)


def read_json(directory: int, name: str, uid: int) -> dict[str, Any] | None:
    """The JSON object in a file of an open directory. None if there is none that is this user's or root's word.

    A hard link makes another's file one's own by name, so the directory counts as much as the file.
    """
    if not owned(directory, uid):
        return None
    return files.read_json(directory, name, lambda fd: owned(fd, uid))


def is_host(pid: int, uid: int) -> bool:
    """True if a process sees the host's own files, as an engine of the host's does: it is in the host's mount
    namespace, or in ours. An ordinary user's engine is in one of its own."""
    if uid:
        return True
    return nsfs.inode_of(pid, "mnt") in mounts_of_host()


def has_hosts_root(pid: int) -> bool:
    """True if the root directory of a process is that of the host."""
    try:
        return os.path.samestat(os.stat("/proc/%d/root/" % pid), hostfiles.status("/"))
    except OSError:
        return False


def mounts_of_host() -> set[int]:
    """The inodes of the mount namespaces that show the host's own files: the host's, and ours."""
    own = nsfs.inode_of("self", "mnt")
    return {hostfiles.host().inode, *([own] if own is not None else [])}


class Cgroups:
    """The owners of cgroups' names, for as long as one look takes.

    hierarchies: {controller: mounts}, from `mountinfo.hierarchies`.
    """

    def __init__(self, hierarchies: Mapping[str, list[Mount]]) -> None:
        self._mounts = {mount.point: mount for mounts in hierarchies.values() for mount in mounts}
        self._known: dict[str, int] = {}

    def owner(self, path: str) -> int:
        """The uid of the user who could have made a cgroup of this path: of the first directory on the way down to it
        that is not root's. If no hierarchy with it is mounted here, NOBODY, or the user that systemd named it after:
        then a supervisor's word is needed."""
        above = path[: path.rindex("/")] or "/"
        owner = self._known.get(above)
        if owner is None:
            owner = self._known[above] = self._owner(above)
        return owner

    def _owner(self, path: str) -> int:
        if path != "/":
            higher = self.owner(path)
            if higher > 0 or higher == ANYBODY:
                return higher
        found = [uid for mount in self._mounts.values() if (uid := _uid(mount, path)) is not None]
        if found:
            return next((uid for uid in found if uid), 0)
        return next((uid for part in path.split("/") if (uid := _of_slice(part)) is not None), NOBODY)


def _of_slice(part: str) -> int | None:
    """The uid of the user whose slice or service manager a part of a cgroup path is of. None if it is of none."""
    for prefix, ending in (("user-", ".slice"), ("user@", ".service")):
        number = part[len(prefix) : -len(ending)]
        if part == prefix + number + ending and number.isdecimal():
            return int(number)
    return None


def _uid(mount: Mount, path: str) -> int | None:
    """The owner of a cgroup's directory in one hierarchy, ANYBODY if others may write to it. None if there is none."""
    directory = mount.path_of(path)
    if directory is None:
        return None
    try:
        found = os.stat(directory)
    except OSError:
        return None
    by_group = found.st_mode & 0o020 and found.st_gid
    return ANYBODY if found.st_mode & 0o002 or by_group else found.st_uid


def confined(namespaces: Namespaces) -> bool:
    """True if by the kernel's word a process is in a user namespace below the first, as all of a user's containers are;
    also if that can't be read."""
    return namespaces.get("user") != nsfs.FIXED_INITIAL["user"]
