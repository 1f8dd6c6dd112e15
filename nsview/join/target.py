"""The process to follow, held so that a later one of the same pid is never taken for it."""

import os

from nsview import linux

from .failure import FAILED, GONE, NOT_PERMITTED, Failure


class Target:
    """directory: its open /proc/PID, which never becomes another process's. pidfd: None before Linux 5.3."""

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
            raise Failure(NOT_PERMITTED, f"process {pid} is not readable: run nsview as root") from None
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
            raise Failure(
                NOT_PERMITTED, f"the root of process {self.pid} is not readable: run nsview as root"
            ) from None
        except OSError:
            raise self.gone from None

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
