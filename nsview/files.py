"""Open files of any origin without hanging: opening a FIFO waits for a writer, opening a device may have an effect."""

import errno
import os
import stat
from typing import BinaryIO

_KINDS = {
    stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a directory",
    stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip


def opened(path: str | os.PathLike[str]) -> BinaryIO:
    """A regular file, open for reading. Raises OSError, with a strerror for people, also if it is not regular."""
    _check(path, os.stat(path))  # before opening, as that may have an effect on a device
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check(path, os.fstat(fd))  # another file may have this path by now
        return open(fd, "rb")
    except BaseException:
        os.close(fd)
        raise


def _check(path: str | os.PathLike[str], found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise OSError(errno.EINVAL, f"{kind}, not a file", path)
