"""Signals to a process that was seen before, and to no later one with the same pid. pidfd_send_signal(2), Linux 5.1."""

from __future__ import annotations

import os
import select
import signal

from nsview import linux

from .failure import FAILED, GONE, NOT_PERMITTED, Failure

MEANINGS = {
    "TERM": "end, in its own time",
    "KILL": "end at once: it can clean up nothing",
    "HUP": "read the configuration again; many end",
    "INT": "end, as ^C does",
    "QUIT": "end with a core dump",
    "USR1": "its own meaning",
    "USR2": "its own meaning",
    "STOP": "stop until CONT",
    "CONT": "go on",
}
"""{name: its effect on most programs}, the usual one first."""
PATIENCE = 1.0


def send(pid: int, start: int, name: str) -> bool:
    """Send a signal of MEANINGS to the process with this pid and start time, in clock ticks since boot. True if it has
    exited, PATIENCE seconds later at the latest. Raises Failure if it is gone, or the signal is not permitted."""
    try:
        pidfd = linux.pidfd_open(pid)
        try:
            # Read after the pidfd was opened: if the pid is not another's now, it was not then.
            with open(f"/proc/{pid}/stat", "rb") as stat:
                if int(linux.stat_fields(stat.read())[19]) != start:
                    raise ProcessLookupError
            signal.pidfd_send_signal(pidfd, signal.Signals[f"SIG{name}"])
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)  # readable from its exit on
            return bool(poll.poll(PATIENCE * 1000))
        finally:
            os.close(pidfd)
    except PermissionError:
        text = f"{name} to process {pid} is not permitted; as root: sudo kill -s {name} {pid}"
        raise Failure(NOT_PERMITTED, text) from None
    except (ProcessLookupError, FileNotFoundError):
        raise Failure(GONE, f"process {pid} is gone: nothing was sent") from None
    except OSError as error:
        raise Failure(FAILED, f"{name} to process {pid}: {error.strerror}") from None
