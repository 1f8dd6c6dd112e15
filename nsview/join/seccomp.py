"""Seccomp filters: made from a container's configuration, or read from a process, and put on.

The configuration is the authority, as for the runtime's own exec. The filters of a process are a claim: they are used
alone only if no configuration is known, and besides if a process has more than that of its container gives. ptrace(2)
stops the process for a few microseconds to read them; PTRACE_SEIZE leaves no signal behind. Needs CAP_SYS_ADMIN, and
that nsview is under no filter (kernel/seccomp.c, seccomp_get_filter).
"""

from __future__ import annotations

import ctypes
import errno
import os
import time

from nsview import linux
from nsview.record import Record

from .failure import NOT_PERMITTED, Failure
from .target import Followed, proc_is_ours
from .trace import ptrace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_PTRACE_DETACH, _PTRACE_SEIZE, _PTRACE_INTERRUPT = 17, 0x4206, 0x4207
_PTRACE_SECCOMP_GET_FILTER = 0x420C  # Linux 4.4
_WALL = 0x40000000
_SET_MODE_FILTER = 1  # seccomp(2)
_INSTRUCTION = 8  # bytes, struct sock_filter
_PATIENCE = 1.0  # seconds


class FilterProgram(Record):
    """One filter. program: an array of struct sock_filter; flags: SECCOMP_FILTER_FLAG_* of seccomp(2)."""

    program: bytes
    flags: int = 0


class _Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def wanted(step: Mapping[str, Any], config: Mapping[str, Any] | None, followed: Followed) -> tuple[FilterProgram, ...]:
    """The filters for a command beside the process, the oldest first.

    step: the dict of PutOnFilters. config: the content of the step's config.json, None if not read yet. Raises Failure
    if they can't be had: nothing weaker is put on.
    """
    path = step["config"]
    try:
        own = tuple(map(FilterProgram, filters(followed))) if path is None or step["own"] else ()
        if path is None:
            return own
        from . import profile

        return (profile.compiled(config if config is not None else _config(path, followed), step["runtime"]), *own)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Failure(
            NOT_PERMITTED,
            f"the seccomp filter of {path or f'process {followed.pid}'} can't be had: {why}; --host-privileges goes "
            "without",
        ) from None


def _config(path: str, followed: Followed) -> Mapping[str, Any]:
    from nsview.agent.containers import authority

    found = authority.config_of(followed.pid)
    if found is None or found.path != path:
        raise ValueError("it is not the container's configuration any more")
    config: Mapping[str, Any] = found.config
    return config


def filters(followed: Followed) -> list[bytes]:
    """The filters of a process as arrays of struct sock_filter, the oldest first. Raises OSError if unreadable."""
    if not proc_is_ours():
        raise OSError(errno.EPERM, "/proc shows the pids of another namespace")
    pid = followed.thread or followed.pid
    ptrace(_PTRACE_SEIZE, pid)
    found: list[bytes] = []
    try:
        ptrace(_PTRACE_INTERRUPT, pid)
        followed.read("stat")  # the process is alive, so the pid is still its own
        deadline = time.monotonic() + _PATIENCE
        while os.waitpid(pid, _WALL | os.WNOHANG)[0] == 0:
            if time.monotonic() > deadline:
                # The kernel detaches it when this process exits, which is soon.
                raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            time.sleep(0.0001)
        while True:
            length = ptrace(_PTRACE_SECCOMP_GET_FILTER, pid, len(found))
            buffer = ctypes.create_string_buffer(length * _INSTRUCTION)
            ptrace(_PTRACE_SECCOMP_GET_FILTER, pid, len(found), ctypes.addressof(buffer))
            found.append(buffer.raw)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
    finally:
        ptrace(_PTRACE_DETACH, pid)
    return found


class Load:
    """Put on one filter when called; all arguments are made before. seccomp(2), Linux 3.17."""

    def __init__(self, filter: FilterProgram) -> None:
        self._program = _Program(len(filter.program) // _INSTRUCTION, filter.program)
        self._arguments = (
            ctypes.c_long(linux.SYS_SECCOMP[os.uname().machine]), ctypes.c_uint(_SET_MODE_FILTER),
            ctypes.c_uint(filter.flags), ctypes.byref(self._program),
        )  # fmt: skip
        self._call = linux.libc().syscall

    def __call__(self) -> None:
        """Be under the filter from now on; needs CAP_SYS_ADMIN in the user namespace, or no_new_privs."""
        linux.checked(self._call(*self._arguments), "putting on its seccomp filter")
