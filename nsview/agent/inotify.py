"""Changes of directories, told by the kernel. Source: inotify(7)."""

from __future__ import annotations

import ctypes
import os
import struct

from nsview import linux

from . import files

MODIFY, CLOSE_WRITE, MOVED_TO, CREATE, DELETE = 0x2, 0x8, 0x80, 0x100, 0x200
IGNORED, DIRECTORY = 0x8000, 0x40000000
_OVERFLOW, _ONLYDIR, _MASK_ADD = 0x4000, 0x01000000, 0x20000000
_HEADER = struct.Struct("=iIII")  # watch descriptor, mask, cookie, length of the name


class Inotify:
    """One queue of events; `fileno` for poll. Raises OSError if this user may have no more of them."""

    def __init__(self) -> None:
        flags = os.O_NONBLOCK | os.O_CLOEXEC
        self._fd = linux.checked(linux.libc().inotify_init1(ctypes.c_int(flags)), "inotify")

    def fileno(self) -> int:
        return self._fd

    def watch(self, directory: str, mask: int) -> int:
        """Watch this directory too, and return the number that its events bear: the same for the same directory."""
        wanted = ctypes.c_uint32(mask | _ONLYDIR | _MASK_ADD)
        path = ctypes.c_char_p(os.fsencode(directory))
        return linux.checked(linux.libc().inotify_add_watch(ctypes.c_int(self._fd), path, wanted), directory)

    def forget(self, number: int) -> None:
        """Watch this directory no longer, if it still is; IGNORED is told as the last event of that number."""
        linux.libc().inotify_rm_watch(ctypes.c_int(self._fd), ctypes.c_int(number))

    def take(self) -> tuple[list[tuple[int, int, bytes]], bool]:
        """([(number, mask, name)], lost): the events since the last call; lost: the kernel dropped some."""
        found: list[tuple[int, int, bytes]] = []
        lost = False
        while True:
            try:
                data = os.read(self._fd, 1 << 16)
            except BlockingIOError:
                return found, lost
            offset = 0
            while offset < len(data):
                number, mask, _, length = _HEADER.unpack_from(data, offset)
                offset += _HEADER.size + length
                lost = lost or bool(mask & _OVERFLOW)
                found.append((number, mask, data[offset - length : offset].rstrip(b"\0")))


def most() -> int:
    """The number of directories that this user may have watched."""
    return files.number("/proc/sys/fs/inotify/max_user_watches")
