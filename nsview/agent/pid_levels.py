"""The pid of a process in each pid namespace, from that of /proc down to its own, without a read of its status.

Most processes are in the pid namespace of /proc, and have one pid. For those below, the kernel tells by an fd of the
namespace; during a look these fds stay open, so that the next process in the same namespace costs one system call a
level. Source: NS_GET_PID_IN_PIDNS of ioctl_nsfs(2), Linux 6.11.
"""

from __future__ import annotations

import errno
import os
from fcntl import ioctl

from . import nsfs

FILES = 128  # open at once; the processes of one namespace were mostly born together, so have pids near each other


class Levels:
    """The pids of the processes of one /proc. top: the inode of its pid namespace, None if that is not ours.

    The kernel counts as we do, so it can't be asked of another /proc's processes.
    """

    def __init__(self, top: int | None) -> None:
        self._top = top
        self._looking = False
        self._open: dict[int, list[int]] = {}
        self._files = 0

    def begin(self) -> None:
        """Begin a look at all processes, until `end`: namespaces may be kept open."""
        self._looking = self._top is not None

    def end(self) -> None:
        """Close the namespaces."""
        self._looking = False
        while self._open:
            self._close(next(iter(self._open)))

    def of(self, pid: int, fd: int, inode: int | None) -> list[int] | None:
        """The pids of a process, its own last. fd: its directory; inode: its pid namespace. None if its status must be
        read."""
        if inode == self._top and inode is not None:
            return [pid]
        if not self._looking or inode is None:
            return None
        fds = self._open.get(inode)
        if fds is None:
            fds = self._opened(fd, inode)
        try:
            return [pid, *[ioctl(level, nsfs.NS_GET_PID_IN_PIDNS, pid) for level in fds]] if fds else None
        except OSError as error:
            self._looking = error.errno != errno.ENOTTY  # ENOTTY: an older kernel; else the process has exited
            return None

    def _opened(self, fd: int, inode: int) -> list[int]:
        """fds of the namespaces below that of /proc, the process's own last; [] if they can't all be opened."""
        fds: list[int] = []
        try:
            fds.append(os.open("ns/pid", os.O_RDONLY, dir_fd=fd))
            if os.fstat(fds[0]).st_ino == inode:
                while True:
                    above = ioctl(fds[0], nsfs.NS_GET_PARENT)
                    if os.fstat(above).st_ino == self._top:
                        os.close(above)
                        self._open[inode] = fds
                        self._files += len(fds)
                        while self._files > FILES and len(self._open) > 1:
                            self._close(next(iter(self._open)))
                        return fds
                    fds.insert(0, above)
        except OSError:
            pass
        _close(fds)
        return []

    def _close(self, inode: int) -> None:
        fds = self._open.pop(inode)
        self._files -= len(fds)
        _close(fds)


def _close(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
