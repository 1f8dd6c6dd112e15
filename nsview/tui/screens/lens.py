"""A lens: one question answered on a screen of its own, by a table and the details of the chosen line.

A lens is made when it is opened and gone when it is closed, so it costs nothing in between. A subclass gives the lines
of a snapshot, and the details of a line.
"""

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import Static

from nsview.model import clipboard, export
from nsview.model.changes import Changes
from nsview.model.clipboard import Copy
from nsview.model.filter import Fields, Filter, of_columns
from nsview.model.net import Nets
from nsview.model.records import Container, Process
from nsview.model.snapshot import Snapshot
from nsview.model.table import Column, Line, Thing, narrow
from nsview.model.target import Target, process_of, target_of
from nsview.model.text import safe

from ..context import Context
from ..messages import GoWanted, LineChosen, LineOpened
from ..trail import LensPlace
from ..widgets.footer import Keys
from ..widgets.pane import Pane
from ..widgets.status import Status
from ..widgets.table import Table
from .enterable import Enterable
from .keys import LENS

LARGE = 2000  # processes, from which on the lines of a lens are made after its screen is there
LOW = 9  # lines of the screen, below which there are no details
EVERY = 0.5  # seconds between two looks at a host that changes


class Lens(Enterable):
    """A table of lines with details: how the lines are filtered, when they are made again, the way back."""

    NOUN = "line"

    BINDINGS: ClassVar[list[BindingType]] = LENS

    NAME: ClassVar[str]
    """The name, as it stands in the heading."""
    ABOUT: ClassVar[str]
    """The lines and their signs, in a sentence or two, for the help."""
    COLUMNS: ClassVar[Sequence[Column]]
    EMPTY: ClassVar[str]
    """The meaning of a table without lines, in a sentence or two."""
    by: str | None = None
    """The sort of thing that a line is: "container", "tree" for a process, or the kind of namespace; else None."""
    BY_CELL: ClassVar[bool] = False
    below: str | None = None
    """The name of the screen to which Esc leads back."""
    lead_back: Callable[[], None]
    """Close the lens, at once: keys typed ahead are for the screen below. Set by the one who opens the lens."""
    BESIDE: ClassVar[int] = 120
    """The width of the screen from which on the details stand beside the table, not below it."""
    TABLE: ClassVar[type[Table]] = Table

    snapshot: Snapshot
    subject: Container | tuple[Process, Process] | None = None
    """The container of a log, the two that a comparison compares; None for a lens about the host."""

    def __init__(self, context: Context, snapshot: Snapshot, origin: Process | None = None) -> None:
        """origin: the process that was chosen when the lens was opened."""
        super().__init__(context)
        self.snapshot = snapshot
        self.origin = origin
        self._made: Sequence[Line] = ()
        self._later: Timer | None = None
        self._stale = False  # a newer snapshot has come while another lens was over this one
        self._filter = Filter()
        self._start: Hashable = None  # the key of the line to begin at
        self.restored = False  # the user has come back to the lens as it was left
        self._place: LensPlace | None = None  # until it is shown as it was

    # For subclasses

    def lines(self) -> Sequence[Line]:
        """The lines of `self.snapshot`, and of whatever else the lens has asked for."""
        raise NotImplementedError

    def heading(self) -> str:
        """A summary of all lines, for the line below the status."""
        return ""

    @property
    def badge(self) -> str:
        """The mode that the lens is in, "" for the usual one."""
        return ""

    def about(self, line: Line) -> RenderableType:
        """The details of a line. Text of unknown origin must have passed `safe`."""
        raise NotImplementedError

    @property
    def fields(self) -> Fields:
        """The fields of a filter on this screen."""
        return of_columns(self.COLUMNS)

    def show_nets(self, nets: Nets | None) -> None:
        if self.filter.needs_nets:
            self.make()

    def empty(self) -> str:
        """The meaning of there being no lines, in words."""
        return self.EMPTY

    def narrowed(self) -> Sequence[Line]:
        """The lines that the filter leaves."""
        return narrow(self._made, lambda line: self.matches(line, self.filter)) if self.filter else self._made

    def matches(self, line: Line, wanted: Filter) -> bool:
        """True if a filter leaves a line."""
        return wanted.line(line, self.snapshot)

    def open(self, line: Line) -> None:
        """Go to the thing that a line is about."""

    def listed(self) -> Sequence[Line]:
        """The lines that are left, with a cell a column."""
        return self.table.lines

    def line(self) -> Line | None:
        """The chosen line. None if there is none."""
        return self.table.line

    # The screen

    @property
    def table(self) -> Table:
        return self.query_one(Table)

    def compose(self) -> ComposeResult:
        yield Status()
        yield Static(id="lens-heading")
        with Horizontal(id="body"):
            yield self.TABLE(self.COLUMNS, by_cell=self.BY_CELL)
            with Pane(id="details"):
                yield Static(id="details-text")
        yield Static(id="empty")
        yield from self.time_line()
        yield Keys()

    def on_mount(self) -> None:
        self.follow_session()
        status = self.query_one(Status)
        status.source, status.filter = self.session.source, self.filter.text
        self.show_status()
        self.table.focus()
        if len(self.snapshot.processes) < LARGE:
            self.make()
        else:
            # The screen first, for the lines take a moment.
            self._head(f"of {len(self.snapshot.processes):,} processes …")
            self.set_timer(0.03, self.make)

    def on_resize(self) -> None:
        self.set_class(self.size.width < self.BESIDE, "narrow")
        self.set_class(self.size.height < LOW, "low")

    def show_snapshot(self, snapshot: Snapshot, happened: Changes | None) -> None:
        """Make the lines of a newer snapshot soon, and no more often than one can read them."""
        self.snapshot = snapshot
        if self._later is None:
            self._later = self.set_timer(EVERY, self._take)

    @property
    def is_covered(self) -> bool:
        """True if another lens or an explorer is open over this lens. A dialog does not count: the lens is seen beside
        it."""
        above = self.app.screen_stack
        return self in above and any(isinstance(one, Enterable) for one in above[above.index(self) + 1 :])

    def on_screen_resume(self) -> None:
        if self._stale:
            self._take()

    def _take(self) -> None:
        self._later = None
        self._stale = self.is_covered
        if not self._stale:
            self.show_status()
            self.make()

    def show_status(self) -> None:
        """Show the host and its numbers in the line at the top."""
        self.query_one(Status).snapshot = self.snapshot

    def make(self) -> None:
        """Make the lines anew and show them."""
        self._made = self.lines_to_complete = self.lines()
        if self.filter:
            self._filter = self.parse(self.filter.text)  # the things that it goes by may have changed
        self._show()

    def _head(self, heading: str) -> None:
        crumb = f" {self.below} › " if self.below else ""
        badge = Text(f" {self.badge} ", "reverse") if self.badge else ""
        name = f" {self.NAME} ", "reverse bold"
        self.query_one("#lens-heading", Static).update(
            Text.assemble(crumb, name, " ", badge, f" {heading}", no_wrap=True, overflow="ellipsis")
        )

    def begin_at(self, key: Hashable) -> None:
        """Put the cursor on the line of a key, or as soon as there are lines."""
        self._start = key
        if self.is_mounted:
            self._go_to_start()

    def restore(self, place: LensPlace) -> None:
        """Begin as the lens was left. For one not yet mounted."""
        self.by, self._filter, self._start, self.restored = place.by, place.filter, place.line, True
        self._place = place

    def _go_to_start(self) -> None:
        if self._start is not None and self.table.lines:
            self.table.select(self._start)
            self._start = None

    def _show(self) -> None:
        self.table.sought = self.filter.sought
        if self._place is not None:
            self.table.order, self.table.column = self._place.order, self._place.column
            self._place = None
        self.table.show(self.narrowed())
        self._go_to_start()
        self._head(self.heading())
        empty = not self.table.lines
        self.set_class(empty, "empty")
        if empty:
            nothing = f"Nothing here matches {safe(self.filter.text.strip())}. Esc shows everything again."
            self.query_one("#empty", Static).update(Text(nothing if self.filter and self._made else self.empty()))
        self._tell()

    def _tell(self) -> None:
        line = self.table.line
        self.query_one("#details-text", Static).update(self.about(line) if line is not None else Text())

    def on_line_chosen(self, message: LineChosen) -> None:
        self._tell()
        self.query_one("#details", Pane).scroll_home(animate=False)

    def on_line_opened(self, message: LineOpened) -> None:
        self.open(message.line)

    def behind(self, line: Line) -> Thing | None:
        """The thing behind a line, to be entered. None if there is none."""
        return line.thing

    def to_enter(self) -> Target | None:
        line = self.line()
        thing = (self.behind(line) or self.thing) if line else None
        target = target_of(self.snapshot, thing) if thing is not None else None
        if one := self.session.ended(thing):
            words = f"{safe(one.name)} has stopped: nothing runs in it. L shows its log, Enter its end."
            self.notify(words, severity="warning", markup=False)
            return None
        if target is None:
            self.notify("No process or namespace is behind this line.", severity="warning")
        return target

    def go_to(self, thing: Thing) -> None:
        """Go to the row of a thing in the explorer."""
        self.post_message(GoWanted(thing))

    # Keys: two lines compared

    @property
    def process(self) -> Process | None:
        line = self.line()
        return process_of(self.snapshot, line.thing) if line and line.thing is not None else None

    @property
    def thing(self) -> Thing | None:
        line = self.line()
        return line.thing if line else None

    def to_mark(self) -> tuple[Hashable, Process] | None:
        line, process = self.line(), self.process
        return (line.thing, process) if line and process else None

    def show_marks(self) -> None:
        self.table.mark(self.marks.of)

    # Keys: the filter

    @property
    def filter(self) -> Filter:
        return self._filter

    @property
    def grouping(self) -> str | None:
        return self.by

    @property
    def hint(self) -> str:
        names = " ".join(f"{name}=" for name in self.fields)
        return f"all words must match, anywhere in a line; or one of {names}"

    def asks_for_nets(self, wanted: Filter) -> bool:
        return wanted.needs_nets

    def use(self, wanted: Filter) -> None:
        self._filter = wanted
        self.query_one(Status).filter = wanted.text
        self._show()

    def focus_rows(self) -> None:
        self.set_focus(self.table)  # at once, as for the line

    def go_to_match(self, by: int, wanted: Filter) -> bool:
        table = self.table
        return table.seek(by, lambda place: self.matches(table.lines[place], wanted))

    # Keys: the rest

    def action_toggle_details(self) -> None:
        self.toggle_class("no-details")

    def action_back(self) -> None:
        if self.filter:
            self.action_clear_filter()
        else:
            self.lead_back()

    # Taking along

    @property
    def title_of_file(self) -> str:
        return self.NAME

    def copies(self) -> list[Copy]:
        line = self.line()
        if line is None:
            return []
        return clipboard.of_line(line, self.table.columns, self.snapshot, self.session.host.elsewhere)

    def writing(self, ending: str) -> Callable[[], str]:
        titles = [column.title for column in self.table.columns]
        lines = [[cell.text for cell in line.cells] for line in self.table.lines]
        if ending == ".csv":
            return partial(clipboard.sheet, titles, lines)
        return partial(export.lens, self.NAME, titles, lines, self.snapshot)
