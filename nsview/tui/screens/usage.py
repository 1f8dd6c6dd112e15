"""The use of processor, memory and I/O by containers or processes, as a top for them: live, sorted by any column."""

import asyncio
import contextlib
from collections.abc import Hashable, Sequence
from typing import ClassVar, Literal

from rich.console import RenderableType
from rich.text import Text
from textual import work
from textual.binding import BindingType
from textual.worker import get_current_worker

from nsview.model import usage, usage_table
from nsview.model.filter import Fields
from nsview.model.records import Container, Process
from nsview.model.snapshot import Snapshot
from nsview.model.table import Column, Line
from nsview.model.text import count, safe
from nsview.model.usage import age_text, bytes_text, percent_text, sparkline

from ..context import Context
from ..messages import LineChosen
from ..widgets.binding import Binding
from .lens import Lens

PACE = 2.0
"""Seconds between two readings, if there is not much to read."""
SHARE = 0.015
"""The share of a processor that the agent may use for readings: if there is much to read, the pace is slower."""
FIRST = 0.5
"""Seconds between the first two readings, for rates soon."""
_TOP = 12  # processes of a container that are listed in its details
_CHART = 44  # cells


class UsageLens(Lens):
    """Containers or processes, and their use."""

    NAME = "use"
    COLUMNS: ClassVar[Sequence[Column]] = usage_table.CONTAINERS
    EMPTY = "No container runs here. 0 shows processes."
    BESIDE = 150
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("0", "group('tree')", "Processes", key_display="0", tooltip="A line for each process"),
        Binding("9", "group('container')", "Containers", key_display="9", tooltip="A line for each container"),
    ]

    def __init__(self, context: Context, snapshot: Snapshot, origin: Process | None = None) -> None:
        super().__init__(context, snapshot, origin)
        self.by: Literal["container", "tree"] = "container" if snapshot.containers else "tree"
        self.meter = usage.Meter()
        self._recorded = False
        self._wanted = asyncio.Event()  # a reading at once
        self._chosen: Hashable = None
        self._pace = FIRST

    def on_mount(self) -> None:
        self._set_columns()
        self._read()

    # Reading

    @work(group="use")
    async def _read(self) -> None:
        """Read the use again and again, at a pace that costs the host little."""
        first = None
        while True:
            pace, self._pace = self._pace, PACE
            self._wanted.clear()
            try:
                cost = await self._read_once()
            except asyncio.CancelledError:
                if get_current_worker().is_cancelled:
                    raise
                cost = 0.0  # another host has taken the place of the one that was asked
            if cost is None:
                self._show_recorded()
                return
            self.make()
            if self.table.line is not None and self.table.line.key == first:
                self.table.cursor = 0  # nobody has moved it, and now it is known who uses most
            first = self.table.line.key if pace == FIRST and self.table.line else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), max(pace, cost / SHARE))

    def _show_recorded(self) -> None:
        """Show the use at the moment of a recording."""
        first, self._recorded = not self._recorded, True
        self.meter = usage.Meter()
        for reading in self.session.recorded_usage():
            self.meter = usage.read(self.meter, reading)
        self.make()
        if first:
            self.table.cursor = 0

    def show_moment(self) -> None:
        if self._recorded:
            self._show_recorded()

    async def _read_once(self) -> float | None:
        """Read the use of all lines, and more of the chosen container. The agent's processor seconds for that, None if
        the host is a recording."""
        if self.by == "container":
            now = await self.session.usage([], None, usage_table.PARTS)
        else:
            now = await self.session.usage(None, [])
        if now is None:
            return None
        self.meter = usage.read(self.meter, now, self.snapshot)
        return now.cost + await self._read_chosen()

    async def _read_chosen(self) -> float:
        """Read the processes of the chosen container, and its pressure. The agent's processor seconds for that."""
        chosen = self.container
        more = await self.session.usage(chosen.pids, [chosen.key], ("pressure",)) if chosen is not None else None
        if more is None:
            return 0.0
        self.meter = usage.read_more(self.meter, more)
        self._tell()
        return more.cost

    @property
    def container(self) -> Container | None:
        """The container of the chosen line."""
        line = self.line()
        return self.snapshot.containers.get(str(line.thing)) if line is not None else None

    # Lines

    def _set_columns(self) -> None:
        self.table.columns = usage_table.CONTAINERS if self.by == "container" else usage_table.PROCESSES
        self.table.sort_by(usage_table.BY_CPU)

    def action_group(self, by: Literal["container", "tree"]) -> None:
        if by != self.by:
            self.by = by
            self.table.show(())
            self._set_columns()
            self.make()
            self._pace = FIRST
            self._wanted.set()

    @property
    def fields(self) -> Fields:
        return usage_table.fields(self.table.columns)

    def lines(self) -> Sequence[Line]:
        make = usage_table.containers if self.by == "container" else usage_table.processes
        return make(self.snapshot, self.meter)

    def heading(self) -> str:
        number = count(len(self.table.lines), "container" if self.by == "container" else "process")
        if self._recorded and self.meter.host is None:
            return f"{number}; the use is not in this recording"
        return usage_table.heading(number, self.meter)

    def open(self, line: Line) -> None:
        if line.thing is not None:
            self.go_to(line.thing)

    def on_line_chosen(self, message: LineChosen) -> None:
        key = message.line.key if message.line else None
        if key != self._chosen:  # and not the same with other numbers
            self._chosen = key
            self._look_closer()

    @work(group="chosen", exclusive=True)
    async def _look_closer(self) -> None:
        await self._read_chosen()

    # Details

    def about(self, line: Line) -> RenderableType:
        container = self.snapshot.containers.get(str(line.thing))
        text = Text(no_wrap=True, overflow="ellipsis")
        if container is not None:
            self._tell_container(text, container)
        elif isinstance(line.thing, int) and (process := self.snapshot.processes.get(line.thing)):
            text.append(f"{safe(process.comm)} {process.pid}\n", self.table.style_of("group"))
            text.append(safe(process.command), self.table.style_of("command"))
        text.append("\n\nEnter goes there", self.table.style_of("dim"))
        return text

    def _tell_container(self, text: Text, container: Container) -> None:
        used, rates = self.meter.of(container.key), self.meter.latest(container.key)
        text.append(safe(container.name), self.table.style_of("group"))
        text.append(f"\n{safe(container.image or container.runtime)}\n", self.table.style_of("dim"))
        recent = tuple(rate.cpu for rate in self.meter.rates.get(container.key, ()))
        text.append(f"\n{sparkline(recent, _CHART)}\n", self.table.style_of("label"))
        limit = f" of {bytes_text(used.memory_limit)}" if used.memory_limit is not None else ", no limit"
        pids = f" of {used.pids_limit}" if used.pids_limit is not None else ""
        self._fact(text, "processor", f"{percent_text(rates.cpu)}% of one")
        self._fact(text, "throttled", f"{percent_text(rates.throttled)}% of the time" if rates.throttled else None)
        self._fact(text, "memory", f"{bytes_text(used.memory)}{limit}")
        self._fact(text, "OOM kills", str(used.oom_kills) if used.oom_kills else None)
        self._fact(text, "tasks", f"{'?' if used.pids is None else used.pids}{pids}")
        self._fact(text, "reads", f"{bytes_text(rates.read)}/s, {bytes_text(used.read_bytes)} since its start")
        self._fact(text, "writes", f"{bytes_text(rates.written)}/s, {bytes_text(used.written_bytes)} since its start")
        waits = [f"{kind} {share:.0f}%" for kind, share in used.pressure.items() if share is not None]
        self._fact(text, "waiting for", ", ".join(waits) or None)
        members = (self.snapshot.processes[pid] for pid in container.pids if pid in self.snapshot.processes)
        busiest = sorted(members, key=self._busy)
        text.append("\n\nPROCESSES", self.table.style_of("dim"))
        for process in busiest[:_TOP]:
            key = process.pid, process.start
            rss = self.meter.processes[key][1].rss if key in self.meter.processes else None
            numbers = f"\n{percent_text(self.meter.cpu.get(key)):>5}% {bytes_text(rss):>5} {process.pid:>7} "
            text.append(numbers).append(safe(process.command), self.table.style_of("command"))
        if len(busiest) > _TOP:
            text.append(f"\nand {len(busiest) - _TOP:,} more", self.table.style_of("dim"))
        init = self.snapshot.processes.get(container.init_pid or 0)
        text.append(f"\n\nstarted {age_text(usage.age(init, self.meter))} ago", self.table.style_of("dim"))

    def _busy(self, process: Process) -> tuple[float, int]:
        return -self.meter.cpu.get((process.pid, process.start), 0.0), process.pid

    def _fact(self, text: Text, label: str, value: str | None) -> None:
        if value is not None:
            text.append(f"\n{label:12}", self.table.style_of("label")).append(value)
