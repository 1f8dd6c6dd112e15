"""The use of the host in the line at the top: read now and then, while it is seen."""

from textual.worker import Worker

from nsview.model.usage_table import host_brief

from ..widgets.status import Status
from .browser import Browser

EVERY = 5.0
"""Seconds between two readings, each of which costs the agent three small files."""


class Pulse:
    """Reads the use of the host of a screen, and has its status tell it."""

    def __init__(self, screen: Browser) -> None:
        self._screen = screen
        self._began = False

    def begin(self) -> None:
        """Read for the first time, and from now on; nothing if that has begun."""
        if not self._began:
            self._began = True
            self._screen.set_interval(EVERY, self.beat)
            self.beat()

    def beat(self) -> None:
        """Read, if the screen is seen."""
        if self._began and self._screen.is_current and self._screen.session.runs:
            self._reading: Worker[None] = self._screen.run_worker(self._read, group="host", exclusive=True)

    async def _read(self) -> None:
        now = await self._screen.session.host_usage()
        self._screen.query_one(Status).use = host_brief(now) if now else ""
