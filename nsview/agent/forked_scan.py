"""A first look at many processes, half of them read by a child, if a second processor is free.

A look is system calls and Python's work on their results, and a second thread would have to wait for the first. So a
copy of this process reads half of the pids and writes its records into a pipe; it lives for as long as that takes, and
if it fails its half is read again here.
"""

from __future__ import annotations

import marshal
import os

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
        """Wait for the copy and return its result. None if it failed."""
        with os.fdopen(self._answer, "rb") as file:
            data = file.read()
        os.waitpid(self._pid, 0)
        try:
            return marshal.loads(data)
        except (EOFError, ValueError, TypeError):
            return None


def pays(number: int) -> bool:
    """True if there is a second processor, and that number of processes is enough for it."""
    return number >= ENOUGH and len(os.sched_getaffinity(0)) > 1
