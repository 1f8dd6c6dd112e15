"""Real processes that do what /proc's readers must stand."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

_SAYS = """
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
def name(text):
    libc.prctl(15, ctypes.c_char_p(text), 0, 0, 0)
def say(*words):
    print(*words, flush=True)
def wait():
    signal.pause()
"""


@contextlib.contextmanager
def running(code: str, *arguments: str | bytes, argv0: str | bytes | None = None) -> Iterator[list[int]]:
    """A Python process that runs this code until the end of the block: its pid and the numbers that it said.

    The code may call name(bytes) (its comm), say(numbers) and wait(); it must say a line before it waits.
    """
    argv: list[str | bytes] = [argv0 or sys.executable, "-I", "-S", "-c", _SAYS + code, *arguments]
    process = subprocess.Popen(
        argv, executable=sys.executable, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the process ended before it said a line"
        yield [process.pid, *map(int, line.split())]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
