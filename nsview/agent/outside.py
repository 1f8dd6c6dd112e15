"""The proven namespaces of a protected process: its links may not be read, although this process may trace any other.

Of every process the kernel tells the files of its net namespace, whose inodes no other has, the ids of its mounts, each
of which is in one mount namespace, and its pids. If these are the same as those of a process that can be read, a
witness, so is the namespace; else nothing is known of it. Any process is a witness of the namespaces it is in, and of
no others: the one whose mounts are the host's may be in a net namespace of its own.

Sources: fs/proc/proc_net.c, proc_pid_mountinfo(5), proc_pid_status(5).
"""

from __future__ import annotations

import os

from . import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .protocol import KindName, Namespaces


def shared(fd: int, witnesses: Iterable[int | str]) -> Namespaces:
    """The namespaces that the process of an open directory shares with witnesses, by their names in /proc; one that is
    not there proves nothing."""
    found: Namespaces = {}
    for witness in witnesses:
        try:
            other = os.open("/proc/%s" % witness, os.O_PATH | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            for kind, trait in _TRAITS.items():
                inode = None if kind in found else _shared(fd, other, "ns/" + kind, trait)
                if inode is not None:
                    found[kind] = inode
        finally:
            os.close(other)
    return found


def _shared(fd: int, other: int, link: str, trait: Callable[[int], int | bytes | None]) -> int | None:
    """The inode of the namespace that two processes are in. None if that is not proven."""
    try:
        inode = os.stat(link, dir_fd=other).st_ino
        seen = trait(fd)
        alike = seen is not None and seen == trait(other)
        moved = os.stat(link, dir_fd=other).st_ino != inode
        return inode if alike and not moved else None
    except OSError:
        return None


def _net(fd: int) -> int:
    return os.stat("net/dev", dir_fd=fd).st_ino


def _mount(fd: int) -> bytes | None:
    """The id of the first mount that the process sees. None if it sees none."""
    return procfs.read_at(fd, "mountinfo", 4096).split(b" ", 1)[0] or None


def _pid(fd: int) -> int | None:
    """1 for a process with one pid, which is in the pid namespace of /proc. None if it has several."""
    return 1 if len(procfs.nspid_of(fd)) == 1 else None


_TRAITS: dict[KindName, Callable[[int], int | bytes | None]] = {"net": _net, "mnt": _mount, "pid": _pid}
"""By kind, the reader of something that the kernel tells of any process, and that two processes have in common only if
they are in the same namespace."""
