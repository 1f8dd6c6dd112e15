"""Files from anywhere, opened so that none holds the program up: a FIFO waits for its writer, a device may act."""

import errno
import os
import stat
from typing import BinaryIO

_KINDS = {
    stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a directory",
    stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip


def opened(path: str | os.PathLike[str]) -> BinaryIO:
    """A regular file, to be read. Raises OSError with a strerror for people, of what is none too."""
    _check(path, os.stat(path))  # to open a device would be to use it
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check(path, os.fstat(fd))  # another may be there by now
        return open(fd, "rb")
    except BaseException:
        os.close(fd)
        raise


def _check(path: str | os.PathLike[str], found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise OSError(errno.EINVAL, f"{kind}, not a file", path)
