"""Copy bytes between the caller's stdin, stdout and stderr and those of the command, which are never the same files.

If stdin is a terminal, the command gets a pty of its own for each stream that is a terminal of the caller; every other
stream is a pipe. The pty comes from the container's own devpts if it has one, so that tty(1) and the like find it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import termios

from nsview import linux

from .failure import attempt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SIZE = 1 << 16  # a pipe's capacity
_DEVPTS_MAGIC = 0x1CD1
_TIOCSPTLCK = 0x40045431
_TIOCGPTPEER = 0x5441  # Linux 4.13


class Streams:
    """Both sides of the three streams.

    ends: the command's, to become its 0, 1 and 2. master: of the pty, None if there are only pipes. interrupted: the
    last `move` has passed a ^C on.
    """

    def __init__(self, root: int | None, owner: tuple[int, int]) -> None:
        """Open both sides. root: the container's root, an open directory, to use its devpts, else None. owner: (uid,
        gid) of the command on the host, which may then open /dev/stdout and the like anew."""
        terminal = [_is_terminal(fd) for fd in (0, 1, 2)]
        self.master: int | None = None
        self.slave: int | None = None
        self.screen: int | None = None
        self._saved: list[Any] | None = None
        self._sink: int | None = None
        self._pending = b""
        self._routes: dict[int, int] = {}  # from the command's output to the caller's
        self._eof = False
        self.interrupted = False
        ends = []
        if terminal[0]:
            self.screen = 1 if terminal[1] else 2 if terminal[2] else 0
            self.master, self.slave = map(high, _pty(root))
            termios.tcsetattr(self.slave, termios.TCSANOW, termios.tcgetattr(0))
            self.resize()
            attempt(os.fchown, self.slave, owner[0], -1)
            os.set_blocking(self.master, False)
            self._routes[self.master] = self.screen
            self._sink = self.master
            ends.append(self.slave)
        else:
            read, self._sink = map(high, os.pipe())
            os.set_blocking(self._sink, False)
            ends.append(read)
        for fd in (1, 2):
            if self.slave is not None and terminal[fd]:
                ends.append(self.slave)
                continue
            read, write = map(high, os.pipe())
            os.set_blocking(read, False)
            self._routes[read] = fd
            ends.append(write)
        for end in ends:
            if end != self.slave:
                attempt(os.fchown, end, *owner)
        self.ends = tuple(ends)

    def close_ends(self) -> None:
        """Close the command's side here; the pty stays open, or a program that closes its own copy would end it."""
        for end in set(self.ends) - {self.slave}:
            os.close(end)

    def release(self) -> None:
        """Close the pty after the command's exit: it ends as soon as no other process has it open."""
        if self.slave is not None:
            os.close(self.slave)
            self.slave = None

    def resize(self) -> None:
        """Give the pty the size of the caller's terminal."""
        if self.master is not None and self.screen is not None:
            attempt(_copy_size, self.screen, self.master)

    def make_raw(self) -> None:
        """Let the caller's terminal pass all keys on. cfmakeraw(3)."""
        if self.master is None:
            return
        self._saved = termios.tcgetattr(0)
        raw = termios.tcgetattr(0)
        raw[0] &= ~(
            termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP
            | termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IXON
        )  # fmt: skip
        raw[1] &= ~termios.OPOST
        raw[2] = raw[2] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
        raw[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
        raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
        termios.tcsetattr(0, termios.TCSADRAIN, raw)

    def restore(self) -> None:
        """Give the caller's terminal back as it was."""
        if self._saved is not None:
            saved, self._saved = self._saved, None
            try:
                termios.tcsetattr(0, termios.TCSADRAIN, saved)
            except termios.error:
                return  # the terminal is gone

    @property
    def raw(self) -> bool:
        """True if the caller's terminal passes all keys on, by make_raw."""
        return self._saved is not None

    def readers(self, reading: bool) -> list[int]:
        """The descriptors to wait for input on; with the caller's stdin if `reading` and there is room for it."""
        wanted = list(self._routes)
        if reading and self._sink is not None and not self._pending and not self._eof:
            wanted.append(0)
        return wanted

    def writers(self) -> list[int]:
        """The descriptors to wait for until they can be written."""
        return [self._sink] if self._pending and self._sink is not None else []

    @property
    def open(self) -> bool:
        """True if output may still come."""
        return bool(self._routes)

    def waiting(self) -> int:
        """The number of bytes of output that can be read now."""
        return sum(
            int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), "little", signed=True) for fd in self._routes
        )

    def move(self, ready: list[int], writable: list[int]) -> int:
        """Copy from and to these descriptors; return the number of bytes of output. Raises EOFError if the caller's
        terminal is gone."""
        moved = 0
        self.interrupted = False
        for fd in ready:
            if fd in self._routes:
                moved += self._output(fd)
            elif fd == 0:
                self._input()
        if writable:
            self._flush()
        return moved

    def _output(self, source: int) -> int:
        try:
            data = os.read(source, _SIZE)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno != errno.EIO:  # the end of a pty
                raise
            data = b""
        if not data or not _write_all(self._routes[source], data):
            # Close it also if the caller's side has lost its reader: the command then gets SIGPIPE, as in a pipeline.
            del self._routes[source]
            if source != self.master:
                os.close(source)
        return len(data)

    def _input(self) -> None:
        try:
            data = os.read(0, _SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.interrupted = self.master is not None and b"\x03" in data
            self._pending = data
            self._flush()
        elif self.master is not None:
            raise EOFError
        else:
            self._eof = True
            self._close_sink()

    def _flush(self) -> None:
        assert self._sink is not None
        try:
            self._pending = self._pending[os.write(self._sink, self._pending) :]
        except BlockingIOError:
            return
        except OSError:
            self._pending = b""
            self._close_sink()

    def _close_sink(self) -> None:
        if self._sink is not None and self._sink != self.master:
            os.close(self._sink)
        self._sink = None


def high(fd: int) -> int:
    """Move a file to a descriptor of 16 or more, clear of the numbers that others use."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 16)
    os.close(fd)
    return moved


def _is_terminal(fd: int) -> bool:
    """True if a descriptor is a terminal's, as isatty(3); False if it is closed."""
    try:
        return os.isatty(fd)
    except OSError:
        return False


def _copy_size(source: int, destination: int) -> None:
    fcntl.ioctl(destination, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, bytes(8)))


def _pty(root: int | None) -> tuple[int, int]:
    """(master, slave) from the container's devpts, else from the host's."""
    if root is not None:
        try:
            return _pty_of(root)
        except OSError:
            pass  # the container has no devpts, or none that we may use
    return os.openpty()


def _pty_of(root: int) -> tuple[int, int]:
    """(master, slave) from /dev/pts/ptmx below root. Raises OSError if it is not on a devpts: opening another device
    could have any effect."""
    probe = linux.open_in_root(root, "/dev/pts/ptmx", os.O_PATH | os.O_NOFOLLOW)
    try:
        if linux.filesystem_magic(probe) != _DEVPTS_MAGIC or os.fstat(probe).st_rdev != os.makedev(5, 2):
            raise OSError(errno.ENOTTY, "not a devpts")
        master = os.open(f"/proc/self/fd/{probe}", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    finally:
        os.close(probe)
    try:
        fcntl.ioctl(master, _TIOCSPTLCK, bytes(4))  # 0 unlocks
        return master, fcntl.ioctl(master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        os.close(master)
        raise


def _write_all(fd: int, data: bytes) -> bool:
    """Write all data, however long it takes. False if there is no reader any more."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            select.select([], [fd], [])  # another process has made our stdout non-blocking
        except OSError:
            return False
    return True
