"""The log of one container, followed: its lines as they come, to be filtered and taken along."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from msgspec.structs import replace
from rich.console import RenderableType
from rich.text import Text
from textual import work
from textual.binding import BindingType
from textual.worker import get_current_worker

from nsview.model.log import Log, LogLine, missing, shown
from nsview.model.records import Container, Process
from nsview.model.snapshot import Snapshot
from nsview.model.table import Cell, Column, Line, Thing
from nsview.model.target import process_of
from nsview.model.text import count, safe

from ..context import Context
from ..trail import LensPlace
from ..widgets.binding import Binding
from .lens import Lens

PACE = 0.5
"""Seconds between two looks at the log."""
FIRST = 1000
"""Lines that it begins with."""
KEPT = 5000


class Logs(Lens):
    """The last lines of a container's log; the cursor follows while it is on the last one."""

    NAME = "log"
    ABOUT = "The end of the log that the container's engine keeps. On the last line it goes along."
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("TIME", 12), Column("", 3, keep=False), Column("TEXT", 100_000),
    )  # fmt: skip
    BESIDE = 10_000
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "Follow", tooltip="Go to the last line, and along with those that come"),
    ]

    def __init__(self, context: Context, snapshot: Snapshot, container: Container) -> None:
        super().__init__(context, snapshot, snapshot.init_of(container))
        self.container = self.subject = container
        self._kept: deque[Line] = deque(maxlen=KEPT)
        self._number = 0
        self._log = Log()
        self._why = "…"  # until the log is read
        self._turned = False  # the container has stopped or started since the log was read before

    def on_mount(self) -> None:
        self._read()

    def restore(self, place: LensPlace) -> None:
        """Begin as the log was left, but at its end: lines have other numbers when they are read again."""
        super().restore(replace(place, line=None))

    # Reading

    @work(group="log")
    async def _read(self) -> None:
        """Read the log again and again, also that of a container that has stopped: it may be started again."""
        place = None
        while True:
            try:
                log = await self.session.log(self.container.key, FIRST, place)
            except asyncio.CancelledError:
                if get_current_worker().is_cancelled:
                    raise
                await asyncio.sleep(PACE)  # another host has taken the place of the one that was asked
                continue
            self._turned = place is not None and log is not None and log.gone != self._log.gone
            self._log = log or Log()
            self._why = self._reason(log)
            if log is not None:
                self._add(log)
                place = log.place or place
            if log is None or self._why:
                self.make()
                return
            if not log.more:
                await asyncio.sleep(PACE)

    def _reason(self, log: Log | None) -> str:
        if log is None:
            return "This is a recording; logs are not in it."
        host = self.session.host
        return missing(log, self.container, self.snapshot, "R reads it as root", host.elsewhere) or ""

    def _add(self, log: Log) -> None:
        """Add the lines that came; the cursor goes along if it was on the last one."""
        follows = self.table.cursor >= len(self.table.lines) - 1
        lines = [LogLine("", "", f"… {log.skipped:,} bytes are left out")] if log.skipped else []
        told = [_line(line) for line in (*lines, *log.lines)]
        if self._turned:
            words = f"─── {safe(self.container.name)} has {'stopped' if log.gone else 'started again'} ───"
            turn = Line(0, (Cell("", "dim"), Cell("", "dim"), Cell(words, "warning")), LogLine("", "", words))
            told.insert(len(told) if log.gone else 0, turn)
        for line in told:
            self._number += 1
            self._kept.append(replace(line, key=self._number))
        if told or not self._made:
            self.make()
            if follows:
                self.action_follow()

    # Lines

    def lines(self) -> Sequence[Line]:
        return list(self._kept)

    def heading(self) -> str:
        where = f"  {safe(self._log.path)}" if self._log.path else ""
        ended = ", which has stopped" if self._log.gone else ""
        return f"{count(len(self._kept), 'line')} of {safe(self.container.name)}{ended}{where}"

    def empty(self) -> str:
        return self._why or "Nothing is written there yet."

    def about(self, line: Line) -> RenderableType:
        said = line.subject
        assert isinstance(said, LogLine)
        text = Text(f"{safe(said.time)}  {safe(said.stream)}\n", self.table.style_of("dim"))
        return text.append(shown(said), self.table.style_of("command"))

    # All lines are about the container; it is not behind each, for a filter shall ask for their text alone.

    def open(self, line: Line) -> None:
        self.go_to(self.container.key)

    def behind(self, line: Line) -> Thing | None:
        return self.container.key

    @property
    def thing(self) -> Thing | None:
        return self.container.key

    @property
    def process(self) -> Process | None:
        return process_of(self.snapshot, self.container.key)

    def action_follow(self) -> None:
        """Go to the last line."""
        self.table.cursor = max(0, len(self.table.lines) - 1)

    def action_logs(self) -> None:
        """Do nothing: the log is shown."""


def _line(said: LogLine) -> Line:
    """A line of the table, which has no key yet. Of the time the clock is shown; the rest is in the details."""
    clock = said.time.partition("T")[2][:12]
    style = "warning" if said.stream == "stderr" else "command"
    cells = (Cell(clock, "dim"), Cell("err" if said.stream == "stderr" else "", "warning"), Cell(shown(said), style))
    return Line(0, cells, said)
