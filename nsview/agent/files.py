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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LIMIT = 4 << 20
_JUST_NOW = 1.0  # seconds for which a file may be half written
_SAYS_NOTHING = (errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ESRCH)

damaged: dict[str, str] = {}
"""{path: why not, in words} of the state files of runtimes that are there and could not be read, until emptied."""


def note_damaged(root_fd: int, path: str, error: Exception) -> None:
    """Keep in mind that a file is damaged; nothing if it is not there, or not for this user to read."""
    if isinstance(error, OSError) and error.errno in _SAYS_NOTHING:
        return
    try:
        if os.stat(path.lstrip("/"), dir_fd=root_fd, follow_symlinks=False).st_mtime > time.time() - _JUST_NOW:
            return
        place = os.readlink("/proc/self/fd/%d" % root_fd)
    except OSError:
        return
    why = error.strerror if isinstance(error, OSError) else "damaged"
    if isinstance(error, FileNotFoundError):
        why = "a link that leads out of its directory"
    damaged[text(os.fsencode(place.rstrip("/") + "/" + path.lstrip("/")))] = why or "damaged"


def read(path: str, limit: int = LIMIT, dir_fd: int | None = None) -> bytes:
    """The bytes of a file whose origin is known, such as one of /proc. Raises OSError (EFBIG if it has more than
    `limit`)."""
    return rest(os.open(path, os.O_RDONLY, dir_fd=dir_fd), limit)


def text_of(path: str) -> str:
    """The text of a file of the kernel's; "" if it can't be read."""
    try:
        return text(read(path))
    except OSError:
        return ""


def link(path: str, dir_fd: int | None = None) -> str | None:
    """The target of a symbolic link. None if it can't be read."""
    try:
        return os.readlink(path, dir_fd=dir_fd)
    except OSError:
        return None


def peek(fd: int, size: int) -> bytes:
    """The present bytes of an open file of the kernel's; b"" if its subject is gone."""
    try:
        return os.pread(fd, size, 0)
    except OSError:
        return b""


def number(path: str) -> int:
    """The number in a file of the kernel's; 0 if there is none."""
    try:
        return int(read(path))
    except (OSError, ValueError):
        return 0


def read_in_root(root_fd: int, path: str, limit: int = LIMIT, believed: Callable[[int], bool] | None = None) -> bytes:
    """The bytes of a regular file below root_fd; symlinks stay inside. Raises OSError if there is no such file, or if
    `believed`, called with the open file, returns False."""
    fd = linux.open_file_in_root(root_fd, path)
    if believed and not believed(fd):
        os.close(fd)
        raise OSError(errno.EPERM, "another's word")
    return rest(fd, limit)


def rest(fd: int, limit: int) -> bytes:
    """The rest of the bytes of an open file, which is closed. Raises OSError (EFBIG) if there are more than `limit`."""
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


def read_json(root_fd: int, path: str, believed: Callable[[int], bool] | None = None) -> dict[str, Any] | None:
    """The JSON object in a file below root_fd. None if there is none that can be read and is `believed`."""
    try:
        return json_object(read_in_root(root_fd, path, LIMIT, believed))
    except (OSError, ValueError, RecursionError) as error:
        note_damaged(root_fd, path, error)
        return None


def json_object(data: bytes) -> dict[str, Any]:
    """The JSON object that bytes are. Raises ValueError or RecursionError if they are none."""
    value = jsontext.value(data)
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def text(data: bytes) -> str:
    """Bytes as text: UTF-8, other bytes as backslash escapes."""
    return data.decode("utf-8", "backslashreplace")
