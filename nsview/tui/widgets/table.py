"""The table of a lens, drawn a line at a time: only visible lines are drawn.

The cursor is on a line, or on one cell of it if `by_cell` is set, and stays on the line of the same key while lines
come and go.
"""

from collections.abc import Collection, Hashable, Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip

from nsview.model.filter import Sought
from nsview.model.table import Cell, Column, Line, ordered, widths
from nsview.model.text import safe

from ..messages import LineChosen, LineFolded, LineOpened
from ..text import pieces
from .binding import Binding
from .cursor import SOUGHT, Cursor

STYLES = (
    "header", "group", "host", "container", "shared", "label", "pid", "command", "guide", "dim", "warning", "error",
    "same-0", "same-1", "same-2", "same-3", "same-4", "same-5", "marked", "cursor", "cursor-blurred",
)  # fmt: skip
GAP = 2


class Table(Cursor, can_focus=True):
    """Lines in columns, and a cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"table--{name}" for name in STYLES}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", tooltip="Go to the thing of the line"),
        Binding("s", "sort", "Sort", tooltip="Sort by the column of the cursor, or by the next one"),
        Binding("S", "reverse", "Turn the order round", show=False),
        Binding("left,h", "aside(-1)", "Left, or fold", show=False, id="left"),
        Binding("right,l", "aside(1)", "Right, or unfold", show=False, id="right"),
    ]

    drawn = False
    """True while the lines are those of a picture: without columns, and in the one order."""
    column: reactive[int] = reactive(0, repaint=False)

    def __init__(self, columns: Sequence[Column], *, by_cell: bool = False) -> None:
        super().__init__("table")
        self.columns = tuple(columns)
        self.by_cell = by_cell
        self.lines: list[Line] = []
        self.sought = Sought(None)  # sought by the filter of the lines
        self._marked: Collection[Hashable] = ()
        self._given: list[Line] = []  # before they were sorted
        self._sorted_by: int | None = None
        self._reversed = False
        self._widths: list[int] = []

    @property
    def line(self) -> Line | None:
        """The line under the cursor, None if the table is empty."""
        return self.lines[self.cursor] if self.lines else None

    @property
    def is_sorted(self) -> bool:
        """True if the lines are in another order than they were given in."""
        return self._sorted_by is not None

    def show(self, lines: Sequence[Line]) -> None:
        """Show these lines instead; the cursor stays on its line, else at its place."""
        self._given = list(lines)
        self._arrange()

    def _arrange(self) -> None:
        before = self.line
        by = None if self.drawn else self._sorted_by
        self.lines = self._given if by is None else ordered(self._given, by, self._reversed)
        self._measure()
        key = before.key if before else None
        place = next((place for place, line in enumerate(self.lines) if line.key == key), self.cursor)
        self.cursor = max(0, min(place, len(self.lines) - 1))
        self._keep_in_sight()
        self.refresh()
        if before != self.line:
            self.post_message(LineChosen(self.line))

    def _measure(self) -> None:
        # The next layout makes the scroll bar, which takes its width from the columns.
        bar = self.styles.scrollbar_size_vertical if len(self.lines) > self._visible else 0
        self._widths = [] if self.drawn else widths(self.columns, self._given, self.size.width - bar - 1, GAP)
        self.virtual_size = Size(self.size.width, len(self.lines) + 1)

    def shows(self, column: int) -> bool:
        """True if the screen is wide enough for a column."""
        return column < len(self._widths) and bool(self._widths[column])

    def mark(self, things: Collection[Hashable]) -> None:
        """Mark the lines of these things, and no others."""
        self._marked = things
        self.refresh()

    def select(self, key: object) -> bool:
        """Put the cursor on the line of this key. False if there is none."""
        for place, line in enumerate(self.lines):
            if line.key == key:
                self.cursor = place
                return True
        return False

    def on_resize(self) -> None:
        self._measure()
        self._keep_in_sight()

    # Drawing

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.style_of("")
        if y == 0:
            return self._header(width, base + self.style_of("header"))
        place = self.scroll_offset.y + y - 1
        if place >= len(self.lines):
            return Strip.blank(width, base)
        chosen = place == self.cursor
        below = self.cursor_style if chosen and not self.by_cell else ""
        line_style = self.style_on("", below)
        line = self.lines[place]
        marked = line.thing is not None and line.thing in self._marked
        segments = [Segment("◆" if marked else " ", line_style + self.style_of("marked") if marked else line_style)]
        for column, cell in enumerate(line.cells):
            goes_on = column == len(line.cells) - 1 < len(self.columns) - 1
            if not self._widths[column] and not goes_on:
                continue
            style = self.style_on(cell.style, below) if below else line_style + self._style_of(cell)
            if chosen and self.by_cell and column == self.column:
                style += self.style_of(self.cursor_style)
            found = self.sought.of(self.columns[column].title.lower())
            space = width - sum(segment.cell_length for segment in segments) if goes_on else self._widths[column]
            right = self.columns[column].right and not goes_on
            for text, mark in pieces.marked(_fit(cell, space, right), "", found):
                segments.append(Segment(text, style + SOUGHT if mark else style))
            segments.append(Segment(" " * GAP, line_style))
        return Strip(segments).adjust_cell_length(width, line_style)

    def _style_of(self, cell: Cell) -> Style:
        return self.style_of(cell.style) if cell.style else Style.null()

    def _header(self, width: int, style: Style) -> Strip:
        text = " "
        for place, column in enumerate(self.columns):
            if self._widths and self._widths[place]:
                sign = ("▼" if self._reversed else "▲") if place == self._sorted_by else ""
                text += _fit(Cell(column.title), self._widths[place], column.right) + sign.ljust(GAP)
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    # The cursor

    def count(self) -> int:
        return len(self.lines)

    def moved(self) -> None:
        self.post_message(LineChosen(self.line))

    def watch_column(self) -> None:
        self._refresh_line(self.cursor)
        if self.is_attached:
            self.moved()

    def action_aside(self, by: int) -> None:
        """Move the cursor to the next visible cell; else fold the line, or unfold it."""
        if not self.by_cell:
            if self.line is not None:
                self.post_message(LineFolded(self.line, by < 0))
            return
        place = self.column + by
        while 0 <= place < len(self.columns) and not self._widths[place]:
            place += by
        if 0 <= place < len(self.columns):
            self.column = place

    def action_open(self) -> None:
        if self.line is not None:
            self.post_message(LineOpened(self.line))

    # The order

    def action_sort(self) -> None:
        if self.drawn:
            return
        if self.by_cell:
            self._sort_by(self.column)
            return
        after = 0 if self._sorted_by is None else self._sorted_by + 1
        while after < len(self.columns) and not self._widths[after]:
            after += 1
        self._sort_by(after if after < len(self.columns) else None)

    def action_reverse(self) -> None:
        if self._sorted_by is not None:
            self._reversed = not self._reversed
            self._arrange()

    def _sort_by(self, column: int | None) -> None:
        if column == self._sorted_by:
            self.action_reverse()
        else:
            self.sort_by(column)

    def sort_by(self, column: int | None) -> None:
        """Sort by this column, in the order that it begins with; None: as the lines were given."""
        self._sorted_by, self._reversed = column, column is not None and self.columns[column].falling
        self._arrange()

    def _column_at(self, x: int) -> int | None:
        left = 1
        for column, width in enumerate(self._widths):
            if width:
                if left <= x < left + width + GAP:
                    return column
                left += width + GAP
        return None

    def on_click(self, event: events.Click) -> None:
        column = self._column_at(event.x)
        if event.y == 0:
            if column is not None:
                self._sort_by(column)
            return
        place = self.scroll_offset.y + event.y - 1
        if place >= len(self.lines):
            return
        self.cursor = place
        if self.by_cell and column is not None:
            self.column = column
        if event.chain == 2:
            self.action_open()


def _fit(cell: Cell, width: int, right: bool) -> str:
    text = safe(cell.text)
    if cell.brief and cell_len(text) > width:
        text = safe(cell.brief)
    has = cell_len(text)
    if has > width:
        return set_cell_size(text, width - 1) + "…"
    space = " " * (width - has)
    return space + text if right else text + space
