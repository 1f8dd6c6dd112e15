"""The host's files, wherever nsview runs: each path of the host's is looked up here.

On the host a path is the host's own. In a container with the host's pid namespace (a debug pod, a DaemonSet) /proc is
the host's, and every other path the container's: there the host's paths are looked up below the root of a process that
sees all of the host's mount namespace. The kernel decides which process that is, not a pid:

- The host's mount namespace is that of kthreadd, which no program can be. If no thread of the kernel is to be seen (the
  host is itself a container), it is that of the topmost ancestor of this process.
- A process sees all of it if the kernel says that its root is "/" of that namespace, and it is in the same user
  namespace as the first one: in another, any user may have changed a root. Threads of the kernel are passed over: a
  root file system may be mounted over theirs.

Found once and held open, so that no other process or namespace can take its place. A process's cgroup is told relative
to the reader's cgroup namespace, so the host's is joined there; that changes nothing else.
Sources: namespaces(7), cgroup_namespaces(7), openat2(2); fs/d_path.c for the root of another mount namespace's.
"""

from __future__ import annotations

import os
import pwd

from nsview import linux

from . import files, mountinfo, nsfs, passwd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

KTHREADD = 2


class HostFiles:
    """The place of the host's files.

    root, mounts: its root directory and mountinfo, open; None if ours will do. guide: the pid whose namespaces are the
    host's. through: the pid of the process whose root it is, 0 for ours. inode: of the mount namespace that is looked
    into. lost: the host's is not ours to look into, so ours has to do.
    """

    __slots__ = ("guide", "inode", "lost", "mounts", "root", "through")

    def __init__(
        self,
        inode: int,
        guide: int = 0,
        root: int | None = None,
        mounts: int | None = None,
        lost: bool = False,
        through: int = 0,
    ) -> None:
        self.inode, self.guide, self.root, self.mounts = inode, guide, root, mounts
        self.lost, self.through = lost, through


_host: HostFiles | None = None


def host() -> HostFiles:
    """The place of the host's files, found at the first call."""
    global _host
    if _host is None:
        _host = _found()
        if _host.root is not None:
            _join_cgroup_namespace(_host.guide)
    return _host


def let_go() -> None:
    """Close the open files, and find them again when they are needed next: a command in a container inherits none of
    them."""
    global _host
    for fd in (_host.root, _host.mounts) if _host else ():
        if fd is not None:
            os.close(fd)
    _host = None


def forget() -> None:
    """Like let_go, after all files have been closed."""
    global _host
    _host = None


def _found() -> HostFiles:
    own = _namespace("self", "mnt")
    if own == nsfs.FIXED_INITIAL_SINCE_6_18["mnt"]:
        return HostFiles(own)
    try:
        kernel = _is_kernels(KTHREADD)
        guide = KTHREADD if kernel else _topmost()
        inode, user = _namespace(guide, "mnt"), _namespace(guide, "user")
    except FileNotFoundError:
        return HostFiles(own)  # no process above this one is to be seen
    except OSError:
        return HostFiles(own, lost=True)
    if inode == own:
        return HostFiles(own)
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            root, mounts = _files_of(pid, inode, user)
        except OSError:
            continue
        return HostFiles(inode, guide, root, mounts, through=pid)
    return HostFiles(own, lost=True)


def _namespace(pid: int | str, kind: str) -> int:
    return os.stat("/proc/%s/ns/%s" % (pid, kind)).st_ino


def _stat(pid: int) -> list[bytes]:
    with open("/proc/%d/stat" % pid, "rb") as stat:
        return linux.stat_fields(stat.read())


def _is_kernels(pid: int) -> bool:
    try:
        return bool(int(_stat(pid)[6]) & linux.PF_KTHREAD)
    except FileNotFoundError:
        return False


def _topmost() -> int:
    """The pid of the topmost ancestor of this process that is to be seen."""
    pid = int(os.readlink("/proc/self"))
    while True:
        parent = int(_stat(pid)[1])
        if parent == 0:
            return pid
        pid = parent


def _files_of(pid: int, inode: int, user: int) -> tuple[int, int]:
    """(root, mountinfo), open, of a process that sees all of this mount namespace. Raises OSError if it is none."""
    directory = os.open("/proc/%d" % pid, os.O_PATH | os.O_DIRECTORY)
    try:
        there = [os.stat("ns/" + kind, dir_fd=directory).st_ino for kind in ("mnt", "user")]
        if there != [inode, user] or _is_kernels(pid) or os.readlink("root", dir_fd=directory) != "/":
            raise OSError("not one of those")
        root = os.open("root", os.O_PATH | os.O_DIRECTORY, dir_fd=directory)
        try:
            return root, os.open("mountinfo", os.O_RDONLY, dir_fd=directory)
        except OSError:
            os.close(root)
            raise
    finally:
        os.close(directory)


def _join_cgroup_namespace(guide: int) -> None:
    try:
        if _namespace(guide, "cgroup") == _namespace("self", "cgroup"):
            return
        namespace = os.open("/proc/%d/ns/cgroup" % guide, os.O_RDONLY)
        try:
            linux.setns(namespace, linux.CLONE_NEW["cgroup"])
        finally:
            os.close(namespace)
    except OSError:
        pass  # `limitations` says so


# Look-ups on the host


def opened(path: str, flags: int, pid: int = 0) -> int:
    """An fd of the file that a path leads to on the host, or for a process."""
    root = host().root if pid == 0 else root_of(pid)
    if root is None:
        return os.open(path, flags)
    try:
        return linux.open_in_root(root, path, flags)
    finally:
        if pid:
            os.close(root)


def asked(path: str, flags: int) -> int:
    """An fd of the file that a path given by a person leads to: in /proc, on the host, or else in this process's own
    view."""
    if path.startswith("/") and not path.startswith("/proc/"):
        try:
            return opened(path, flags)
        except OSError:
            pass
    return os.open(path, flags)


def root_of(pid: int) -> int:
    """The root of a process, open with O_PATH; 0: the host's."""
    flags = os.O_PATH | os.O_DIRECTORY
    return os.open("/proc/%d/root" % pid, flags) if pid else opened("/", flags)


def status(path: str, flags: int = 0, pid: int = 0) -> os.stat_result:
    """The stat of the file that a path leads to, as for `opened`. flags: O_NOFOLLOW for that of a link itself."""
    fd = opened(path, os.O_PATH | flags, pid)
    try:
        return os.fstat(fd)
    finally:
        os.close(fd)


def exists(path: str) -> bool:
    """True if the host has a file at the path."""
    try:
        return bool(status(path))
    except OSError:
        return False


def listdir(path: str) -> list[str]:
    """The names in a directory of the host's."""
    fd = opened(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return os.listdir(fd)
    finally:
        os.close(fd)


def realpath(path: str) -> str:
    """A path of the host's with its links followed."""
    if host().root is None:
        return os.path.realpath(path)
    fd = opened(path, os.O_PATH)
    try:
        return os.readlink("/proc/self/fd/%d" % fd)
    finally:
        os.close(fd)


def namespace(path: str, device: int) -> int:
    """An fd of the namespace that is mounted at a path of the host's, as from nsfs.open_path."""
    if host().root is None:
        return nsfs.open_path(path, device)
    fd = opened(path, os.O_PATH)
    try:
        return nsfs.open_path("/proc/self/fd/%d" % fd, device)
    finally:
        os.close(fd)


def text(path: str) -> str:
    """The text of a small file of the host's; "" if it can't be read."""
    root = host().root
    try:
        return files.text(files.read(path) if root is None else files.read_in_root(root, path))
    except OSError:
        return ""


def mounts() -> str:
    """The text of the host's mountinfo; "" if it can't be read."""
    fd = host().mounts
    if fd is None:
        return mountinfo.read_own()
    chunks: list[bytes] = []
    at = 0
    while at < mountinfo.LIMIT:
        chunk = os.pread(fd, 1 << 16, at)
        if not chunk:
            break
        chunks.append(chunk)
        at += len(chunk)
    return files.text(b"".join(chunks))


def hierarchies(mounted: Iterable[mountinfo.Mount] | None = None) -> dict[str, list[mountinfo.Mount]]:
    """{controller: [its cgroup mounts]}, as from mountinfo.hierarchies; `point` is a path that this process can open.

    mounted: the host's mounts, if these are at hand. The kernel tells mount points without links.
    """
    found = mountinfo.hierarchies(mountinfo.of_cgroups(mounts()) if mounted is None else mounted)
    return {name: [mount.at(reached(mount.point)) for mount in own] for name, own in found.items()}


def reached(path: str) -> str:
    """The path by which this process opens the host's file at a path without symbolic links."""
    root = host().root
    return path if root is None else "/proc/self/fd/%d%s" % (root, path)


def user_name(uid: int) -> str | None:
    """The host's name of a user. None if it has none. In a container by the host's /etc/passwd alone."""
    if host().root is None:
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return None
    fields = passwd.of_uid(text("/etc/passwd"), uid)
    return fields[0] if fields else None


def name() -> str:
    """The host's name."""
    found = host()
    if found.root is not None:
        from .contents.joined import within  # with threads, which a start on the host does without

        try:
            fd = os.open("/proc/%d" % found.guide, os.O_PATH | os.O_DIRECTORY)
            try:
                return str(within("uts", fd, lambda: os.uname().nodename))
            finally:
                os.close(fd)
        except OSError:
            pass  # without CAP_SYS_ADMIN, as `limitations` says
    return os.uname().nodename
