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

from nsview.model.snapshot import Snapshot
from nsview.model.table import Column, Line, matches_words, narrow
from nsview.model.text import safe

from .binding import Binding
from .filterline import FilterInput
from .keys import Keys
from .messages import LineChosen, LineOpened
from .pane import Pane
from .status import Status
from .table import Table

if TYPE_CHECKING:
    from .app import NsviewApp

LARGE = 2000  # processes, from which on what a lens tells is made after its screen is there
EVERY = 0.5  # seconds between two looks at a host that changes


class Lens(Screen[None]):
    """What all lenses share: where things are, how lines are filtered, when they are made again, the way back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show only lines that hold all words typed"),
        Binding("d", "toggle_details", "Details", tooltip="Show or hide the details"),
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
    BY_CELL: ClassVar[bool] = False
    BESIDE: ClassVar[int] = 120
    """How wide a screen must be for the details to stand beside the table; else they stand below it."""
    TABLE: ClassVar[type[Table]] = Table

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot
        self._made: Sequence[Line] = ()
        self._later: Timer | None = None
        self._sought = ""  # the words of the last filter

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

    def hear(self, message: Message) -> None:
        """Something that was asked for has come, for whichever lens is open."""

    def empty(self) -> str:
        """What it means that there are no lines."""
        return self.EMPTY

    def narrowed(self, words: str) -> Sequence[Line]:
        """The lines that a filter leaves."""
        return narrow(self._made, matches_words(words)) if words.strip() else self._made

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
        self._show()

    def _head(self, heading: str) -> None:
        self.query_one("#lens-heading", Static).update(
            Text.assemble((f" {self.NAME} ", "reverse bold"), f"  {heading}", no_wrap=True, overflow="ellipsis")
        )

    def _show(self) -> None:
        words = self._words
        self.table.show(self.narrowed(words))
        self._head(self.heading())
        empty = not self.table.lines
        self.set_class(empty, "empty")
        if empty:
            nothing = f"Nothing here holds all of: {words.strip()}. Esc shows everything again."
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

    # Keys

    @property
    def _words(self) -> str:
        return "".join(typed.value for typed in self.query(FilterInput))

    async def action_filter(self) -> None:
        if not self.query(FilterInput):
            typed = FilterInput()
            typed.placeholder = "all words must match, in any column"
            await self.mount(typed, before="#keys")
        self.add_class("filtering")
        self.query_one(FilterInput).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one(Status).filter = event.value
        self._sought = event.value.strip() or self._sought
        self._show()

    def on_input_submitted(self) -> None:
        self.action_keep_filter()

    def action_keep_filter(self) -> None:
        self.remove_class("filtering")
        self.table.focus()

    def action_clear_filter(self) -> None:
        for typed in self.query(FilterInput):
            typed.value = ""
        self.action_keep_filter()

    def action_next_match(self, by: int = 1) -> None:
        """To the next line that the filter, or the one before it was cleared, matches; from the last to the first."""
        if not self._sought:
            self.notify("Nothing has been sought yet; / does.")
            return
        table, matches = self.table, matches_words(self._sought)
        if not table.seek(by, lambda place: matches(table.lines[place])):
            self.notify(f"No line here holds all of: {safe(self._sought)}", severity="warning", markup=False)

    def action_toggle_details(self) -> None:
        self.toggle_class("no-details")

    def action_back(self) -> None:
        if self._words:
            self.action_clear_filter()
        else:
            self.nsview.close_lens()
