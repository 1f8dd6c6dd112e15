"""Containers as a table, or processes: their state and what they use, live, sorted by any column."""

import asyncio
import contextlib
from collections.abc import Hashable, Mapping, Sequence
from time import monotonic
from typing import ClassVar, Literal

from rich.console import RenderableType
from rich.text import Text
from textual import work
from textual.binding import BindingType
from textual.worker import get_current_worker

from nsview.model import container_table, usage, usage_table
from nsview.model.audit import audit
from nsview.model.changes import Changes
from nsview.model.container_table import Around, Risk
from nsview.model.filter import Fields, Filter
from nsview.model.records import Container, Process
from nsview.model.security import Facts, added
from nsview.model.snapshot import Snapshot
from nsview.model.table import Column, Line, Thing
from nsview.model.text import count

from ..context import Context
from ..messages import LineChosen, LineFolded
from ..text import use_text
from ..widgets.binding import Binding
from ..widgets.status import Status
from .lens import Lens

PACE = 2.0
"""Seconds between two readings, if there is not much to read."""
SHARE = 0.008
"""The share of a processor that the agent may use for readings: if there is much to read, the pace is slower."""
FIRST = 0.5
"""Seconds between the first two readings, for rates soon."""
SELDOM = 30.0
"""Seconds between two readings of the engines' records, while no container comes or goes."""
SETTLED = 3.0
"""Seconds after which the confinement of new containers is read: their processes have settled by then."""


class UsageLens(Lens):
    """Containers or processes, and their use."""

    NAME = "use"
    ABOUT = (
        "A line a container, or a process (0), with its use now. Those that have stopped are dim; a rate "
        "is - until it is read for the second time."
    )
    COLUMNS: ClassVar[Sequence[Column]] = container_table.COLUMNS
    EMPTY = "No container runs here. 0 shows processes."
    BESIDE = 200
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("0", "group('tree')", "Processes", key_display="0", tooltip="A line for each process"),
        Binding("9", "group('container')", "Containers", key_display="9", tooltip="A line for each container"),
        Binding("f", "fold_all", "Fold", show=False, tooltip="Fold all pods and projects, or unfold them"),
    ]

    def __init__(self, context: Context, snapshot: Snapshot, origin: Process | None = None) -> None:
        super().__init__(context, snapshot, origin)
        self.by: Literal["container", "tree"] = "container" if snapshot.containers else "tree"
        self.meter = usage.Meter()
        self._recorded = False
        self._wanted = asyncio.Event()  # a reading at once
        self._chosen: Hashable = None
        self._pace = FIRST
        self._folded: set[Hashable] = set()
        self._around: Around | None = None  # until a container changes
        self._facts = Facts()
        self._risks: Mapping[str, Risk] = {}
        self._judged: dict[str, int | None] = {}  # {key: the first process} of the containers that _risks knows of
        self._engines_of: object = None  # the containers whose engines' records were read ..
        self._engines_until = 0.0  # .. and the time until which they hold

    def on_mount(self) -> None:
        self._set_columns()
        self._read()

    def show_snapshot(self, snapshot: Snapshot, happened: Changes | None) -> None:
        """Make the lines of containers anew only if a container has changed, not for every process of the host."""
        alike = snapshot.containers is self.snapshot.containers and not (happened and happened.moved)
        if self.by == "container" and alike and snapshot.host == self.snapshot.host:
            self.snapshot = snapshot
            self.query_one(Status).snapshot = snapshot
        else:
            self._around = None
            super().show_snapshot(snapshot, happened)

    # Reading

    @work(group="use")
    async def _read(self) -> None:
        """Read the use again and again, at a pace that costs the host little."""
        first = None
        while True:
            while self.is_covered:
                await asyncio.sleep(FIRST)
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
            if pace == FIRST:
                self.call_after_refresh(self._judge)  # when it is known which columns there is space for
            if self.table.line is not None and self.table.line.key == first:
                self.table.cursor = 0  # nobody has moved it, and now it is known who uses most
            first = self.table.line.key if pace == FIRST and self.table.line and not self.restored else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), max(pace, cost / SHARE))

    def _show_recorded(self) -> None:
        """Show the use at the moment of a recording."""
        first, self._recorded = not self._recorded, True
        self.meter = usage.Meter()
        self.session.want_engines()
        for reading in self.session.recorded_usage():
            self.meter = usage.read(self.meter, reading)
        self.make()
        if first and not self.restored:
            self.table.cursor = 0
        self.call_after_refresh(self._judge)

    def show_moment(self) -> None:
        if self._recorded:
            self._show_recorded()

    async def _read_once(self) -> float | None:
        """Read the use of all lines, and more of the chosen container. The agent's processor seconds for that, None if
        the host is a recording."""
        if self.by == "container":
            now = await self.session.usage([], None, usage_table.PARTS, engines=self._engines_due())
        else:
            now = await self.session.usage(None, [])
        if now is None:
            return None
        self.meter = usage.read(self.meter, now, self.snapshot)
        return now.cost + await self._read_chosen()

    def _engines_due(self) -> bool:
        """True if the records of engines may have changed."""
        of = {(key, container.init_pid) for key, container in self.snapshot.containers.items()}
        if of == self._engines_of and monotonic() < self._engines_until:
            return False
        self._engines_of, self._engines_until = of, monotonic() + SELDOM
        return True

    @work(group="risk", exclusive=True)
    async def _judge(self) -> None:
        """Read the confinement of containers, of each once, while the column of their risk is seen."""
        while True:
            known = self.snapshot.containers
            new = {key: one.pids for key, one in known.items() if self._judged.get(key) != one.init_pid}
            if new and self.by == "container" and self.table.shows(container_table.place("RISK")):
                await self._read_risks([pid for members in new.values() for pid in members])
                self._judged = {k: one.init_pid for k, one in known.items() if k in new or k in self._judged}
                self._around = None
                self.make()
            await asyncio.sleep(SETTLED)

    async def _read_risks(self, pids: Sequence[int]) -> None:
        kept = [one for one in self._facts.processes.values() if self._is_member(one.pid)]
        async for told in self.session.security(pids):
            self._facts = added(Facts(), [*kept, *told.processes.values()], told.lsm, told.done, told.total)
        self._risks = container_table.risks(audit(self.snapshot, self._facts, self.context.audit_ignore))

    def _is_member(self, pid: int) -> bool:
        process = self.snapshot.processes.get(pid)
        return process is not None and process.container is not None

    def around(self) -> Around:
        """The facts around the containers of this snapshot."""
        if self._around is None:
            self._around = Around(container_table.shares(self.snapshot), self._risks, self._judged)
        return self._around

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
        """The container of the chosen line, None if the line is of none."""
        line = self.line()
        return self.snapshot.containers.get(str(line.thing)) if line is not None else None

    # Lines

    def _set_columns(self) -> None:
        containers = self.by == "container"
        self.table.columns = container_table.COLUMNS if containers else usage_table.PROCESSES
        self.table.sort_by(container_table.BY_CPU if containers else usage_table.BY_CPU)

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
        if self.by != "container":
            return usage_table.processes(self.snapshot, self.meter)
        folded = () if self.filter else self._folded
        return container_table.lines(self.snapshot, self.meter, self.around(), folded=folded)

    def use(self, wanted: Filter) -> None:
        found = bool(wanted) != bool(self.filter)
        super().use(wanted)
        if found and self._folded:
            self.make()  # a filter looks into folded groups too

    def heading(self) -> str:
        number = count(len(self.table.lines), "process")
        if self.by == "container":
            stopped = len(container_table.stopped_of(self.snapshot, self.meter))
            number = count(len(self.snapshot.containers), "container") + (f", {stopped} stopped" if stopped else "")
            unread = self.meter.engines.unread if self.meter.engines else ()
            number += " (stopped ones are not known: needs root)" if unread else ""
        if self._recorded and self.meter.host is None:
            return f"{number}; the use is not in this recording"
        return usage_table.heading(number, self.meter)

    def open(self, line: Line) -> None:
        if self.is_group(line):
            self._fold(line, line.key not in self._folded)
        elif thing := self._thing_of(line):
            self.go_to(thing)

    def _thing_of(self, line: Line) -> Thing | None:
        """The thing of a line; of a container without a process its key, of a group None."""
        return None if self.is_group(line) else line.thing or str(line.key)

    @property
    def thing(self) -> Thing | None:
        line = self.line()
        return self._thing_of(line) if line else None

    # Groups

    def on_line_folded(self, message: LineFolded) -> None:
        self._fold(message.line, message.folded)

    def _fold(self, line: Line, folded: bool) -> None:
        if self.is_group(line) and not self.filter:
            (self._folded.add if folded else self._folded.discard)(line.key)
            self.make()

    def action_fold_all(self) -> None:
        groups = {line.key for line in self._made if self.is_group(line)}
        self._folded = set() if groups <= self._folded else groups
        self.make()

    def is_group(self, line: Line) -> bool:
        """True if a line stands for a pod or a project."""
        return isinstance(line.key, tuple)

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
        style = self.table.style_of
        if one := self.session.ended(self._thing_of(line)):
            container = self.snapshot.containers.get(one.key)
            return use_text.stopped(one, self.session.engines, style, container.state if container else None)
        container = self.snapshot.containers.get(str(line.thing))
        if container is not None:
            return use_text.container(container, self.snapshot, self.meter, style)
        if isinstance(line.thing, int) and (process := self.snapshot.processes.get(line.thing)):
            return use_text.process(process, style)
        return use_text.group(line, style) if self.is_group(line) else Text()
