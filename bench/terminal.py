"""A full-screen program in a terminal of its own, and when what was painted: the times are of the terminal's side."""

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import termios
import threading
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from time import perf_counter, sleep

from pairs import RunFailed

COLUMNS, LINES = 160, 50
_STYLES = rb"(?:\x1b\[[0-9;]*m)*"


class Terminal:
    """A program that runs from entering to leaving. What it writes is kept, with the time of each piece."""

    def __init__(self, words: Sequence[str], env: Mapping[str, str]) -> None:
        self.words = words
        self._env = dict(env)
        self._seen = bytearray()
        self._ends: list[int] = []  # where each piece ends ..
        self._times: list[float] = []  # .. and when it came
        self._came = threading.Condition()

    def __enter__(self) -> "Terminal":
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            with contextlib.suppress(OSError):
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
                os.execvpe(self.words[0], list(self.words), self._env)
            os._exit(127)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        # The session too: an agent has a group of its own, but ends when its stdin does.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._reader.join(5)
        os.close(self._terminal)

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._terminal, 1 << 16)
            except OSError:  # EIO: the program has ended
                piece = b""
            now = perf_counter()
            if b"\x1b[5n" in piece:  # is it there? as terminals answer
                os.write(self._terminal, b"\x1b[0n")
            with self._came:
                self._seen += piece
                self._ends.append(len(self._seen))
                self._times.append(now)
                self._came.notify_all()
            if not piece:
                return

    def send(self, keys: bytes) -> tuple[int, float]:
        """Type these; (how much had been painted before, when)."""
        mark, now = self.mark, perf_counter()
        os.write(self._terminal, keys)
        return mark, now

    @property
    def mark(self) -> int:
        """How much has been painted, in bytes."""
        return len(self._seen)

    def text(self, since: int = 0) -> bytes:
        """What was painted after so much."""
        with self._came:
            return bytes(self._seen[since:])

    def find(self, pattern: "re.Pattern[bytes]", since: int, timeout: float = 10) -> "tuple[re.Match[bytes], float]":
        """(match, when its end was painted) of the first in what was painted after `since`. RunFailed where none is.

        What a program writes as one piece of text is one in the stream; styles and moves of the cursor are in between.
        """
        deadline = perf_counter() + timeout
        begin = since
        with self._came:
            while True:
                match = pattern.search(bytes(self._seen[begin:]))
                if match:
                    return match, self._times[bisect_left(self._ends, begin + match.end())]
                begin = max(since, len(self._seen) - 200)  # a match may have begun in what is there
                left = deadline - perf_counter()
                if left <= 0 or not self._came.wait(left):
                    raise RunFailed(f"{pattern.pattern!r} was not painted within {timeout:g} s")

    def painted(self, text: str, since: int = 0, timeout: float = 10) -> float:
        """When a text was painted, in whatever styles: what is sought is underlined within it."""
        letters = (re.escape(letter.encode()) for letter in text)
        return self.find(re.compile(_STYLES.join(letters)), since, timeout)[1]

    def rest(self, seconds: float, timeout: float = 60) -> None:
        """Until nothing has been painted for so long from now on, or the timeout."""
        begin = perf_counter()
        while (now := perf_counter()) < begin + timeout:
            last = max([begin, *self._times[-1:]])
            if now - last >= seconds:
                return
            sleep(last + seconds - now)
