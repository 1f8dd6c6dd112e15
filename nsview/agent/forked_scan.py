"""A first look at many processes, half of them read by a child, if a second processor is free.

A look is system calls and Python's work on their results, and a second thread would have to wait for the first. So a
copy of this process reads half of the pids and writes its records into a pipe; it lives for as long as that takes, and
if it fails its half is read again here.
"""

from __future__ import annotations

import marshal
import os
import select
import time

_SIGKILL = 9  # signal(7); the module signal would make enums of all its names
PATIENCE = 10.0  # seconds that the copy may take longer than we do: it may be stopped, or wait in D
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ENOUGH = 1000  # processes; to read fewer takes less than the copy's start and its answer


class Half:
    """A copy of this process that is reading. `take` returns the result of `read()` in the copy, None if that
    failed."""

    def __init__(self, read: Callable[[], Any]) -> None:
        """Start a copy that calls `read`, whose result must be of types that marshal takes. Raises OSError if none can
        be made."""
        answer, write = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:
            os.close(answer)
            os.close(write)
            raise
        if self._pid == 0:
            try:
                os.close(answer)
                with os.fdopen(write, "wb") as file:
                    file.write(marshal.dumps(read()))
            finally:
                os._exit(0)  # the exit handlers of this process are not the copy's to run
        os.close(write)
        self._answer = answer

    def take(self) -> Any:
        """Wait for the copy, not for ever, and return its result. None if it failed."""
        poll = select.poll()
        poll.register(self._answer, select.POLLIN)
        chunks: list[bytes] = []
        while poll.poll(1000 * PATIENCE):
            data = os.read(self._answer, 1 << 20)
            if not data:
                break
            chunks.append(data)
        os.close(self._answer)
        end(self._pid)
        try:
            return marshal.loads(b"".join(chunks))
        except (EOFError, ValueError, TypeError):
            return None


def end(pid: int) -> None:
    """End a child and collect it; one that the kernel does not let end is left."""
    os.kill(pid, _SIGKILL)
    for _ in range(1000):
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(0.001)


def pays(number: int) -> bool:
    """True if there is a second processor, and that number of processes is enough for it."""
    return number >= ENOUGH and len(os.sched_getaffinity(0)) > 1
