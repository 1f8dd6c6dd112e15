"""A lens: one question answered on a screen of its own, by a table and the details of the line chosen in it.

It is made when it is opened and gone when it is closed, so it costs nothing in between. A lens says which lines a
Snapshot makes, and what is told about one.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input, Static

from nsview.model.filter import Fields, Filter, FilterError, Texts, of_columns, parse
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot
from nsview.model.table import Column, Line, Thing, narrow
from nsview.model.target import process_of
from nsview.model.text import safe

from ..marks import Marks
from ..messages import LineChosen, LineOpened, NetsArrived
from ..widgets.binding import Binding
from ..widgets.filter_line import FilterInput, FilterNote
from ..widgets.footer import Keys
from ..widgets.pane import Pane
from ..widgets.status import Status
from ..widgets.table import Table

if TYPE_CHECKING:
    from ..app import NsviewApp

LARGE = 2000  # processes, from which on what a lens tells is made after its screen is there
LOW = 9  # lines, below which details are not worth those that they would take
EVERY = 0.5  # seconds between two looks at a host that changes


class Lens(Screen[None]):
    """What all lenses share: where things are, how lines are filtered, when they are made again, the way back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show only what matches (the words are below)"),
        Binding("e", "enter", "Shell", tooltip="Go to what is behind the line, and open a shell there"),
        Binding("x", "enter(True)", "Run", show=False, tooltip="Go there, and run a ready command in it"),
        Binding("d", "toggle_details", "Details", tooltip="Show or hide the details"),
        Binding("v", "mark", "Mark", show=False, tooltip="Mark the line, to compare it with another; again: unmark it"),
        Binding("c", "compare", "Compare", show=False, tooltip="Compare the two marked lines, or the one with this"),
        Binding("tab", "app.focus_next", "Between the lines and their details", show=False),
        Binding("n", "next_match", "Next line that matches the filter, also when it is cleared", show=False),
        Binding("N", "next_match(-1)", "Line before that matches the filter", show=False, id="previous-match"),
        Binding("m", "app.lens('matrix')", "Matrix", show=False),
        Binding("w", "app.lens('net')", "Net map", show=False),
        Binding("a", "app.lens('audit')", "Audit", show=False),
        Binding("colon", "app.jump", "Go to a pid, inode or name", show=False, key_display=":"),
        Binding("question_mark", "app.help", "Help", key_display="?"),
        Binding("escape,q", "back", "Back", tooltip="Clear the filter; back to the explorer", id="close"),
    ]

    NAME: ClassVar[str]
    """What it is called."""
    COLUMNS: ClassVar[Sequence[Column]]
    EMPTY: ClassVar[str]
    """What a table without lines means; one sentence, or two."""
    by: str | None = None
    """What a line is: "container", "tree" for a process, or the kind of namespace; None for something else."""
    BY_CELL: ClassVar[bool] = False
    BESIDE: ClassVar[int] = 120
    """How wide a screen must be for the details to stand beside the table; else they stand below it."""
    TABLE: ClassVar[type[Table]] = Table

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot
        self._made: Sequence[Line] = ()
        self._later: Timer | None = None
        self.marks = Marks[Thing]()
        self.filter = self._sought = Filter()  # the one in effect, and the last one that was not empty
        self._texts = Texts()

    # What a lens has to say

    def lines(self) -> Sequence[Line]:
        """The lines of `self.snapshot`, and of whatever else the lens has asked for."""
        raise NotImplementedError

    def heading(self) -> str:
        """What the line below the status tells of all lines together."""
        return ""

    def about(self, line: Line) -> RenderableType:
        """What is told about one line. Text of unknown origin must have passed `safe`."""
        raise NotImplementedError

    @property
    def fields(self) -> Fields:
        """What a filter can ask for by name."""
        return of_columns(self.COLUMNS)

    def hear(self, message: Message) -> None:
        """Something that was asked for has come, for whichever lens is open."""
        if isinstance(message, NetsArrived) and self.filter.needs_nets:
            self.make()

    def empty(self) -> str:
        """What it means that there are no lines."""
        return self.EMPTY

    def narrowed(self) -> Sequence[Line]:
        """The lines that the filter leaves."""
        return narrow(self._made, self._matches) if self.filter else self._made

    def _matches(self, line: Line) -> bool:
        return self.filter.line(line, self.snapshot)

    def open(self, line: Line) -> None:
        """Go to what a line is about."""

    def listed(self) -> Sequence[Line]:
        """The lines that are left, with a cell a column."""
        return self.table.lines

    def line(self) -> Line | None:
        """The chosen one of these."""
        return self.table.line

    # The screen

    @property
    def nsview(self) -> "NsviewApp":
        """The app, as the type that it is."""
        return self.app  # type: ignore[return-value]

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
        yield Keys()

    def on_mount(self) -> None:
        status = self.query_one(Status)
        status.source = self.nsview.explorer.query_one(Status).source
        status.snapshot = self.snapshot
        self.table.focus()
        if len(self.snapshot.processes) < LARGE:
            self.make()
        else:
            # The screen first, then what takes a moment.
            self._head(f"of {len(self.snapshot.processes):,} processes …")
            self.set_timer(0.03, self.make)

    def on_resize(self) -> None:
        self.set_class(self.size.width < self.BESIDE, "narrow")
        self.set_class(self.size.height < LOW, "low")

    def take(self, snapshot: Snapshot) -> None:
        """A newer snapshot: its lines are made soon, and no more often than one can read them."""
        self.snapshot = snapshot
        if self._later is None:
            self._later = self.set_timer(EVERY, self._take)

    def _take(self) -> None:
        self._later = None
        self.query_one(Status).snapshot = self.snapshot
        self.make()

    def make(self) -> None:
        """Make the lines anew and show them."""
        self._made = self.lines()
        if self.filter:
            self.filter = self._parse(self.filter.text)  # what it goes by may have changed
        self._show()

    def _head(self, heading: str) -> None:
        self.query_one("#lens-heading", Static).update(
            Text.assemble((f" {self.NAME} ", "reverse bold"), f"  {heading}", no_wrap=True, overflow="ellipsis")
        )

    def _show(self) -> None:
        self.table.show(self.narrowed())
        self._head(self.heading())
        empty = not self.table.lines
        self.set_class(empty, "empty")
        if empty:
            nothing = f"Nothing here matches {safe(self.filter.text.strip())}. Esc shows everything again."
            self.query_one("#empty", Static).update(Text(nothing if self._made else self.empty()))
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
        """What of the host is behind the chosen line, to be entered."""
        return line.thing

    def action_enter(self, ready: bool = False) -> None:
        """By way of the explorer, which says why where there is no way in; the way back leads there again."""
        line = self.line()
        thing = self.behind(line) if line else None
        if thing is None:
            self.notify("No process or namespace is behind this line.", severity="warning")
        elif self.nsview.go_to(thing):
            self.nsview.action_ready() if ready else self.nsview.explorer.action_enter()

    # Keys: two lines compared

    def _to_compare(self) -> tuple[Thing, Process] | None:
        """What is behind the chosen line, and the process that stands for it."""
        line = self.line()
        if line is None or line.thing is None:
            return None
        process = process_of(self.snapshot, line.thing)
        return (line.thing, process) if process else None

    def action_mark(self) -> None:
        found = self._to_compare()
        if found is None:
            self.notify("No process is behind this line, so there is nothing to compare.", severity="warning")
            return
        self.marks.turn(*found)
        self.table.mark(self.marks.of)

    def action_compare(self) -> None:
        """Compare the two that are marked, or the one that is with the chosen one."""
        found = self._to_compare()
        pair = self.marks.pair(self.snapshot, found[1] if found else None)
        if pair is None:
            self.notify("Mark a line with v, go to another, and press c to compare the two.")
            return
        self.nsview.compare(*pair)

    # Keys: the filter

    async def action_filter(self) -> None:
        if not self.is_attached:
            return  # typed ahead after q
        if not self.query(FilterInput):
            names = " ".join(f"{name}=" for name in self.fields)
            hint = f"all words must match, anywhere in a line; or one of {names}"
            line = FilterInput(hint, self._ways_on, lambda: self.nsview.memory.state.history, self._parse)
            await self.mount(line, FilterNote(), before="#keys")
        self.add_class("filtering")
        line = self.query_one(FilterInput)
        line.begin(self.filter.text)
        self._note(None)
        self.set_focus(line)  # at once: what is typed ahead is for it

    def _parse(self, text: str) -> Filter:
        return parse(text, self.by, self._texts, self.nsview.explorer.reach, self.fields)

    def _ways_on(self, text: str) -> list[str]:
        from nsview.model.filter.complete import complete

        return complete(text, self.snapshot, self.fields, self._made)

    def _note(self, error: FilterError | None) -> None:
        of_nets = self.nsview.explorer.of_nets(self.filter)
        self.query_one(FilterNote).tell(self.query_one(FilterInput), error, of_nets)

    def on_input_changed(self, event: Input.Changed) -> None:
        try:
            wanted = self._parse(event.value)
        except FilterError as error:
            self._note(error)  # the last one that was right stays in effect
            return
        if wanted.needs_nets:
            self.nsview.want_nets()
        if wanted.text != self.filter.text:
            self._use(wanted)
        self._note(None)

    def _use(self, wanted: Filter) -> None:
        self.filter = wanted
        self._sought = wanted or self._sought
        self.query_one(Status).filter = wanted.text
        self._show()

    def on_input_submitted(self) -> None:
        if not self.query_one(FilterInput).has_class("wrong"):
            self.action_keep_filter()

    def action_keep_filter(self) -> None:
        if self.filter:
            self.nsview.memory.add_to_history(self.filter.text)
        self.remove_class("filtering")
        self.table.focus()

    def action_clear_filter(self) -> None:
        self._use(Filter())
        self._texts = Texts()
        self.action_keep_filter()

    def action_next_match(self, by: int = 1) -> None:
        """To the next line that the filter, or the one before it was cleared, matches; from the last to the first."""
        if not self._sought:
            self.notify("Nothing has been sought yet; / does.")
            return
        table, sought = self.table, self._parse(self._sought.text)
        if not table.seek(by, lambda place: sought.line(table.lines[place], self.snapshot)):
            self.notify(f"No line here matches {safe(sought.text)}", severity="warning", markup=False)

    # Keys: the rest

    def action_toggle_details(self) -> None:
        self.toggle_class("no-details")

    def action_back(self) -> None:
        if self.filter:
            self.action_clear_filter()
        else:
            self.nsview.close_lens()
