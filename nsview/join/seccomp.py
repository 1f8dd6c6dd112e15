"""A process's seccomp filters: read from it, and put on.

It is stopped for the few microseconds that ptrace(2) needs it to be; PTRACE_SEIZE leaves no signal behind. Needs
CAP_SYS_ADMIN and not to be under a filter oneself (kernel/seccomp.c, seccomp_get_filter).
"""

from __future__ import annotations

import ctypes
import errno
import os
import time

from nsview import linux

_PTRACE_DETACH, _PTRACE_SEIZE, _PTRACE_INTERRUPT = 17, 0x4206, 0x4207
_PTRACE_SECCOMP_GET_FILTER = 0x420C  # Linux 4.4
_WALL = 0x40000000
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_INSTRUCTION = 8  # bytes, struct sock_filter
_PATIENCE = 1.0  # seconds


class _Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def filters(pid: int) -> list[bytes]:
    """The filters of a process as arrays of struct sock_filter, the oldest first. OSError where that can't be."""
    _ptrace(_PTRACE_SEIZE, pid)
    _ptrace(_PTRACE_INTERRUPT, pid)
    deadline = time.monotonic() + _PATIENCE
    while os.waitpid(pid, _WALL | os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            # It is let go when this process ends, which is soon.
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        time.sleep(0.0001)
    found: list[bytes] = []
    try:
        while True:
            length = _ptrace(_PTRACE_SECCOMP_GET_FILTER, pid, len(found))
            buffer = ctypes.create_string_buffer(length * _INSTRUCTION)
            _ptrace(_PTRACE_SECCOMP_GET_FILTER, pid, len(found), ctypes.addressof(buffer))
            found.append(buffer.raw)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
    finally:
        _ptrace(_PTRACE_DETACH, pid)
    return found[::-1]


def put_on(program: bytes) -> None:
    """Be under a filter from now on. seccomp(2); needs CAP_SYS_ADMIN in the user namespace or no_new_privs."""
    argument = _Program(len(program) // _INSTRUCTION, program)
    linux.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(argument))


def _ptrace(request: int, pid: int, address: int = 0, data: int = 0) -> int:
    return linux.checked(
        linux.libc().ptrace(
            ctypes.c_long(request), ctypes.c_long(pid), ctypes.c_void_p(address), ctypes.c_void_p(data)
        ),
        "ptrace",
    )
