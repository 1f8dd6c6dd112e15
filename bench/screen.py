"""How long a full-screen program takes until its screen first holds something, seen from its terminal's other side."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
from collections.abc import Sequence
from time import perf_counter

from pairs import Run, RunFailed

COLUMNS, LINES = 160, 50
# Control sequences (CSI, OSC, DCS and single ones): what is left is the text, cell after cell as it is painted.
_CONTROL = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P_^][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")


def until(marks: Sequence[str], words: Sequence[str], *, env: dict[str, str], timeout: float = 60) -> Run:
    """A run of a program in its own terminal, from its start until these regular expressions were painted one after the
    other; then it is killed."""
    wanted = [re.compile(mark.encode()) for mark in marks]

    def run() -> float:
        begin = perf_counter()
        pid, terminal = pty.fork()
        if pid == 0:
            with contextlib.suppress(OSError):
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
                os.execvpe(words[0], list(words), env)
            os._exit(127)
        seen = b""
        try:
            while perf_counter() - begin < timeout:
                if not select.select([terminal], [], [], 0.5)[0]:
                    continue
                try:
                    seen += os.read(terminal, 65536)
                except OSError:  # EIO: the program has ended
                    break
                if _painted(wanted, _CONTROL.sub(b"", seen)):
                    return perf_counter() - begin
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)
        last = _CONTROL.sub(b"", seen).decode(errors="backslashreplace").strip()[-200:]
        raise RunFailed(f"{' '.join(words)}: {list(marks)!r} never came to the screen; last: {last!r}")

    return run


def _painted(wanted: Sequence[re.Pattern[bytes]], text: bytes) -> bool:
    at = 0
    for pattern in wanted:
        found = pattern.search(text, at)
        if found is None:
            return False
        at = found.end()
    return True
