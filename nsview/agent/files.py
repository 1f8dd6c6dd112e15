"""Files of unknown origin, opened so that they can neither hang nor mislead.

A state file may have been put there by whoever runs in a container: a FIFO would hang the reader, a symlink lead
out of the container, a huge file fill the memory.
"""

from __future__ import annotations

import errno
import os

from nsview import linux

from . import jsontext

LIMIT = 4 << 20


def read(path, limit=LIMIT, dir_fd=None):
    """The bytes of a file that is whatever it is meant to be, such as one of /proc's. More than limit is an OSError
    (EFBIG)."""
    return _all(os.open(path, os.O_RDONLY, dir_fd=dir_fd), limit)


def peek(fd, size):
    """What an open file of the kernel's says now; nothing where what it tells of is gone."""
    try:
        return os.pread(fd, size, 0)
    except OSError:
        return b""


def number(path):
    """The number that a file of the kernel's says; 0 where it says none."""
    try:
        return int(read(path))
    except (OSError, ValueError):
        return 0


def read_in_root(root_fd, path, limit=LIMIT, believed=None):
    """The bytes of a regular file below root_fd; symlinks stay inside. OSError where that is not what is there, or
    `believed`, called with the open file, says no."""
    fd = linux.open_file_in_root(root_fd, path)
    if believed and not believed(fd):
        os.close(fd)
        raise OSError(errno.EPERM, "another's word")
    return _all(fd, limit)


def _all(fd, limit):
    """All bytes of an open file up to limit; closes it."""
    try:
        chunks: list[bytes] = []
        left = limit + 1
        while left > 0:
            chunk = os.read(fd, min(left, 1 << 16))
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
            left -= len(chunk)
    finally:
        os.close(fd)
    raise OSError(27, "larger than %d bytes" % limit)


def read_json(root_fd, path, believed=None):
    """The JSON object in a file below root_fd, or None where there is none that can be read, or is `believed`."""
    try:
        value = jsontext.value(read_in_root(root_fd, path, LIMIT, believed))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def text(data: bytes) -> str:
    """Bytes as text: UTF-8, other bytes as backslash escapes."""
    return data.decode("utf-8", "backslashreplace")
