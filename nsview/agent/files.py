"""Files of unknown origin, opened so that they can neither hang nor mislead.

A state file may have been put there by whoever runs in a container: a FIFO would hang the reader, a symlink lead
out of the container, a huge file fill the memory.
"""

from __future__ import annotations

import errno
import os
import time

from nsview import linux

from . import jsontext

LIMIT = 4 << 20
_JUST_NOW = 1.0  # seconds for which a file may be half written
_SAYS_NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ESRCH)

damaged: dict[str, str] = {}
"""{path: why not, in words} of the state files of runtimes that are there and could not be read, until emptied."""


def note_damaged(root_fd, path, error):
    """Keep in mind that a file was found so; not that it is not there, or is not for us to read."""
    if isinstance(error, OSError) and error.errno in _SAYS_NOTHING:
        return
    try:
        if os.stat(path.lstrip("/"), dir_fd=root_fd, follow_symlinks=False).st_mtime > time.time() - _JUST_NOW:
            return
        place = os.readlink("/proc/self/fd/%d" % root_fd)
    except OSError:
        return
    why = error.strerror if isinstance(error, OSError) else "damaged"
    damaged[text(os.fsencode(place.rstrip("/") + "/" + path.lstrip("/")))] = why or "damaged"


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
    raise OSError(errno.EFBIG, "more than %d MiB" % (limit >> 20) if limit >> 20 else "more than %d bytes" % limit)


def read_json(root_fd, path, believed=None):
    """The JSON object in a file below root_fd, or None where there is none that can be read, or is `believed`."""
    try:
        return json_object(read_in_root(root_fd, path, LIMIT, believed))
    except (OSError, ValueError, RecursionError) as error:
        note_damaged(root_fd, path, error)
        return None


def json_object(data):
    """The JSON object that bytes are. ValueError or RecursionError where they are none."""
    value = jsontext.value(data)
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def text(data: bytes) -> str:
    """Bytes as text: UTF-8, other bytes as backslash escapes."""
    return data.decode("utf-8", "backslashreplace")
