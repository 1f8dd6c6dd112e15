"""A first look at many processes by two of us at once: half of them are read by a child, where a processor is free.

A look is system calls and what Python adds to them, and a second thread would have to wait for the first. So a copy of
this process reads half of the pids and writes what it found into a pipe; it lives for as long as that takes, and where
it fails its half is read again here.
"""

from __future__ import annotations

import marshal
import os

ENOUGH = 1000  # processes; to read fewer takes less than the copy's start and its answer


class Half:
    """A copy of this process that is reading. `take` gives what `read()` gave it, None where it failed."""

    def __init__(self, read):
        """read: called in the copy, what it returns must be what marshal takes. Raises OSError where none can be."""
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
                os._exit(0)  # nothing of what this process would do at its end is the copy's to do
        os.close(write)
        self._answer = answer

    def take(self):
        """What was found; waits for it."""
        with os.fdopen(self._answer, "rb") as file:
            data = file.read()
        os.waitpid(self._pid, 0)
        try:
            return marshal.loads(data)
        except (EOFError, ValueError, TypeError):
            return None


def pays(number):
    """There is a second processor, and so many processes are enough for it."""
    return number >= ENOUGH and len(os.sched_getaffinity(0)) > 1
