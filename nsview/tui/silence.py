"""The silence of an agent that was asked: it may be stopped, or wait for something itself."""

import asyncio
import time
from collections.abc import Callable

PATIENCE = 5.0
"""Seconds that an answer may take before the silence is shown."""


class Silence:
    """The time since the first question without an answer, told again and again until one is heard."""

    def __init__(self, deliver: Callable[..., object], runs: Callable[[], bool], tell: Callable[[str], None]) -> None:
        """deliver: as the session's. runs: the host can be asked. tell: shows the silence, in words."""
        self._deliver, self._runs, self._tell = deliver, runs, tell
        self._asked: float | None = None  # the time of the first unanswered request
        self._waiting: asyncio.TimerHandle | None = None

    def asked(self) -> None:
        """Note that the agent owes an answer from now on."""
        if self._asked is None:
            self._asked = time.monotonic()
            self._wait(PATIENCE)

    def heard(self) -> None:
        self._asked = None

    def _wait(self, seconds: float) -> None:
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().call_later(seconds, self._deliver, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._waiting = None
        if self._asked is not None and self._runs():
            silence = time.monotonic() - self._asked
            if silence >= PATIENCE:
                self._tell(f"no word for {silence:.0f} s")
            self._wait(max(1, PATIENCE - silence))
