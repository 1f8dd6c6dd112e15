"""What is followed, held so that nothing else is ever taken for it: a process, or a namespace that has a path."""

from __future__ import annotations

import errno
import fcntl
import os
import select

from nsview import linux

from .failure import FAILED, GONE, NOT_PERMITTED, Failure, as_root, of_errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Held:
    """What a plan leads to. Subclasses say how it is joined."""

    def join(self, kinds: Sequence[str], flags: int) -> None:
        """Be in its namespaces of these kinds; flags: their CLONE_NEW* bits. Failure where that is not possible."""
        raise NotImplementedError

    def descriptors(self) -> set[int]:
        """The numbers that it is open as."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of it: from here on nothing of the host's is to be reached."""
        for fd in self.descriptors():
            os.close(fd)

    def ended(self, seconds: float) -> bool:
        """It has ended, or does within that time. False where it is no process, or that can't be told."""
        return False


class Target(Held):
    """A process. directory: its open /proc/PID, which never becomes another process's. pidfd: None before Linux 5.3."""

    def __init__(self, pid: int, start: int) -> None:
        """GONE if there is none of that pid and start time (clock ticks since boot)."""
        self.pid = pid
        self.gone = Failure(GONE, f"process {pid} is gone: choose again")
        self.pidfd: int | None = None
        try:
            self.directory = os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                self.pidfd = linux.pidfd_open(pid)
            except OSError as error:
                if isinstance(error, ProcessLookupError):
                    raise
            # The directory's process lives now, so it had the pid all the while, and the pidfd is of it too.
            fields = self.read("stat").rpartition(b")")[2].split()
        except PermissionError:
            raise Failure(NOT_PERMITTED, f"process {pid} is not readable; {as_root()}") from None
        except OSError:
            raise self.gone from None
        if int(fields[19]) != start:
            raise Failure(GONE, f"process {pid} is gone, its pid is another's by now: choose again")
        if fields[0] in (b"Z", b"X"):
            raise Failure(GONE, f"process {pid} has exited (a zombie) and left its namespaces: choose another")

    def read(self, name: str) -> bytes:
        """A file of its /proc/PID, whole."""
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.directory)
        try:
            chunks = []
            while chunk := os.read(fd, 1 << 16):
                chunks.append(chunk)
            return b"".join(chunks)
        finally:
            os.close(fd)

    def root(self) -> int:
        """Its root directory, open with O_PATH."""
        try:
            return os.open("root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.directory)
        except PermissionError:
            raise Failure(NOT_PERMITTED, f"the root of process {self.pid} is not readable; {as_root()}") from None
        except OSError:
            raise self.gone from None

    def descriptors(self) -> set[int]:
        return {self.directory} if self.pidfd is None else {self.directory, self.pidfd}

    def ended(self, seconds: float) -> bool:
        # Its init, if that is what it is, waits until all in its pid namespace have been reaped, also by us.
        return self.pidfd is not None and bool(select.select([self.pidfd], [], [], seconds)[0])

    def join(self, kinds: Sequence[str], flags: int) -> None:
        """All at once, or none; before Linux 5.8 one by one."""
        names = ", ".join(kinds)
        try:
            if self.pidfd is None:
                raise OSError(errno.EINVAL, "")
            linux.setns(self.pidfd, flags)
        except OSError as error:
            if error.errno == errno.EINVAL:
                self._join_one_by_one(kinds)
            elif error.errno == errno.ESRCH:
                raise self.gone from None
            elif error.errno == errno.EPERM:
                raise Failure(NOT_PERMITTED, f"joining {names} is not permitted; {as_root()}") from None
            else:
                raise of_errno(error.errno or 0, f"joining {names}") from None

    def _join_one_by_one(self, kinds: Sequence[str]) -> None:
        """By the files of its /proc/PID/ns, opened all before any is joined.

        Root goes last into a user namespace, where it loses its power over the others; anyone else goes first into it,
        where it gets what it has not. mnt goes after those that need no path and before it.
        """
        order = sorted(kinds, key=lambda kind: (kind == "user") == (os.geteuid() == 0))
        try:
            opened = [
                (kind, os.open(f"ns/{kind}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.directory)) for kind in order
            ]
        except PermissionError:
            raise Failure(NOT_PERMITTED, f"joining {', '.join(kinds)} is not permitted; {as_root()}") from None
        except OSError:
            raise self.gone from None
        for kind, fd in opened:
            try:
                linux.setns(fd, 0)
            except OSError as error:
                raise of_errno(error.errno or 0, f"joining {kind}") from None
            os.close(fd)

    def id_inside(self, kind: str, number: int) -> int | None:
        """What a host's user or group id (kind: "uid", "gid") is in its user namespace; None where it has no number."""
        for inside, outside, count in self._map(kind):
            if outside <= number < outside + count:
                return inside + number - outside
        return None

    def id_outside(self, kind: str, number: int) -> int:
        """What a user or group id of its user namespace is on the host."""
        for inside, outside, count in self._map(kind):
            if inside <= number < inside + count:
                return outside + number - inside
        raise Failure(FAILED, f"{kind} {number} has no number outside of the user namespace: use --host-privileges")

    def _map(self, kind: str) -> list[tuple[int, int, int]]:
        """The lines of /proc/PID/uid_map or gid_map, see user_namespaces(7)."""
        lines = self.read(f"{kind}_map").splitlines()
        return [(int(inside), int(outside), int(count)) for inside, outside, count in map(bytes.split, lines)]


class NamedNamespace(Held):
    """A namespace by a path, such as a bind mount below /run/netns, with or without processes."""

    def __init__(self, path: str, kind: str, flag: int, inode: int, device: int) -> None:
        """flag: the CLONE_NEW* bit of its kind. GONE where the path leads to another namespace by now, or to none."""
        # A FIFO would make us wait, a device do anything: look at it, then open that very file.
        try:
            probe = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except PermissionError:
            raise Failure(NOT_PERMITTED, f"{path} is not readable; {as_root()}") from None
        except OSError:
            raise Failure(GONE, f"{path} is gone: choose again") from None
        try:
            if linux.filesystem_magic(probe) != linux.NSFS_MAGIC:
                raise Failure(GONE, f"{path} is no namespace any more: choose again")
            self._fd = os.open(f"/proc/self/fd/{probe}", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.close(probe)
        found = os.fstat(self._fd)
        if (fcntl.ioctl(self._fd, linux.NS_GET_NSTYPE), found.st_ino, found.st_dev) != (flag, inode, device):
            raise Failure(GONE, f"{path} is another namespace by now, {kind}:[{inode}] no more: choose again")

    def descriptors(self) -> set[int]:
        return {self._fd}

    def join(self, kinds: Sequence[str], flags: int) -> None:
        try:
            linux.setns(self._fd, flags)
        except OSError as error:
            raise of_errno(error.errno or 0, f"joining {', '.join(kinds)}") from None
