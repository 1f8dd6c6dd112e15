"""The few system calls that Python 3.8's standard library lacks, and nothing that decides when to make them.

Shared by the agent and the join helper, so the standard library alone; ctypes is loaded at the first call, because
most scans need none of these.
"""

from __future__ import annotations

import ctypes
import os

RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_IN_ROOT = 0x10

_SYS_OPENAT2 = 437  # the same number on every architecture, as for all calls since Linux 5.1
_SYS_PIDFD_OPEN = 434

_libc = None


def libc() -> ctypes.CDLL:
    """The C library, with errno kept for `checked`."""
    global _libc
    if _libc is None:
        _libc = ctypes.CDLL(None, use_errno=True)
    return _libc


def checked(result: int, what: str) -> int:
    """The result of a C call, or OSError with its errno where that is -1."""
    if result == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), what)
    return result


class _OpenHow(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def open_in_root(root_fd: int, path: str, flags: int) -> int:
    """Open a path as a process whose root is root_fd would: no symlink leads out of it. openat2(2), Linux 5.6."""
    how = _OpenHow(flags | os.O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    result = libc().syscall(
        ctypes.c_long(_SYS_OPENAT2),
        ctypes.c_int(root_fd),
        ctypes.c_char_p(os.fsencode(path)),
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    return checked(result, path)


def pidfd_open(pid: int) -> int:
    """A file descriptor that stands for the process and never for a later one of the same pid. Linux 5.3."""
    if hasattr(os, "pidfd_open"):
        return os.pidfd_open(pid, 0)
    return checked(libc().syscall(ctypes.c_long(_SYS_PIDFD_OPEN), ctypes.c_int(pid), ctypes.c_uint(0)), f"pid {pid}")


def setns(fd: int, flags: int) -> None:
    """Join the namespaces that fd (of an nsfs file, or a pidfd with several CLONE_NEW* flags, Linux 5.8) stands for."""
    checked(libc().setns(ctypes.c_int(fd), ctypes.c_int(flags)), "setns")


def prctl(option: int, *arguments: int) -> int:
    """prctl(2); unused arguments are 0."""
    padded = (list(arguments) + [0, 0, 0, 0])[:4]
    return checked(libc().prctl(ctypes.c_int(option), *[ctypes.c_ulong(a) for a in padded]), f"prctl {option}")
