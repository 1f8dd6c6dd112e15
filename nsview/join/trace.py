"""Stop the command at its exec with ptrace(2), so that the supervisor looks before a program of the container runs.

The child asks to be traced (PTRACE_TRACEME) before it joins anything, while it is trusted. From then on nobody else may
trace the child, it stops at each fork and exec, and the kernel kills it when the supervisor exits (PTRACE_O_EXITKILL).
A filter of the container's reaches none of this.
"""

from __future__ import annotations

import ctypes
import os

from nsview import linux

from .failure import NOT_PERMITTED, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # the module signal would also make enums of it: see docs/design.md

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_TRACEME, _CONT, _DETACH, _SETOPTIONS, _GETEVENTMSG = 0, 7, 17, 0x4200, 0x4201
_O_TRACEFORK, _O_TRACEEXEC, _O_EXITKILL = 0x2, 0x10, 0x100000
_EVENT_FORK, _EVENT_EXEC = 1, 4


def ptrace(request: int, pid: int, address: int = 0, data: int = 0) -> int:
    """Call ptrace(2). Raises OSError if it fails."""
    call = linux.libc().ptrace
    arguments = ctypes.c_long(request), ctypes.c_long(pid), ctypes.c_void_p(address), ctypes.c_void_p(data)
    return linux.checked(call(*arguments), "ptrace")


def ask() -> None:
    """Be traced by the parent; returns once tracing has begun. Raises Failure if tracing is not possible here."""
    try:
        ptrace(_TRACEME, 0)
    except OSError:
        why = "nsview is traced itself (strace, gdb)" if _tracer() else "this kernel allows no tracing (ptrace)"
        raise Failure(
            NOT_PERMITTED, f"{why}, so the command's privileges can't be checked: see docs/security.md"
        ) from None
    os.kill(os.getpid(), signal.SIGSTOP)
    linux.prctl(PR_SET_PDEATHSIG, 0)  # PTRACE_O_EXITKILL replaces it, and does not outlive the tracing


def _tracer() -> bool:
    with open("/proc/self/status", "rb") as status:
        return b"\nTracerPid:\t0\n" not in status.read()


class Trace:
    """The supervisor's side. command: the pid of the process that executes, None until the kernel has told of its
    fork or its exec.

    execs: the number of execs of the command; it stays stopped at each until `go_on` or `let_go`.
    """

    def __init__(self, child: int, forks: bool) -> None:
        self.command = None if forks else child
        self.execs = 0
        self._known: set[int] = set()

    def stopped(self, pid: int, status: int) -> bool:
        """Answer a stop that waitpid(2) told. True if the command is stopped at an exec and waits for `go_on`.

        A forked process runs before its parent stops at the fork, so either may be told first: the process that
        executes is the command, whether its fork is known yet or not.
        """
        event, number = status >> 16, os.WSTOPSIG(status)
        if event == _EVENT_EXEC:
            self.command = pid
            self.execs += 1
            return True
        if event == _EVENT_FORK:
            told = ctypes.c_ulong()
            ptrace(_GETEVENTMSG, pid, 0, ctypes.addressof(told))
            self.command = told.value
        elif pid not in self._known:
            # The first stop of each process: the child stops itself, the kernel stops the child's child.
            self._known.add(pid)
            ptrace(_SETOPTIONS, pid, 0, _O_TRACEFORK | _O_TRACEEXEC | _O_EXITKILL)
            number = 0
        self._continue(pid, 0 if event or number == signal.SIGSTOP else number)
        return False

    def go_on(self) -> None:
        """Let the command run on to its next exec."""
        if self.command is not None:
            self._continue(self.command, 0)

    def let_go(self) -> None:
        """Stop tracing the command."""
        if self.command is not None:
            try:
                ptrace(_DETACH, self.command)
            except ProcessLookupError:
                return  # killed meanwhile: waitpid(2) will tell

    def _continue(self, pid: int, number: int) -> None:
        try:
            ptrace(_CONT, pid, 0, number)
        except ProcessLookupError:
            return
