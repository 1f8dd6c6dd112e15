"""The list of rows, drawn a line at a time: only visible rows are drawn.

The cursor stays on the same process or group while snapshots come and go, and at the same height of the screen.
"""

from collections.abc import Hashable, Mapping, Sequence
from time import monotonic
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from nsview.model.columns import Extra
from nsview.model.rows import Rows
from nsview.model.snapshot import Snapshot
from nsview.model.view import GroupRow, ProcessRow, Row, RowKey

from ..messages import FoldWanted, OrderWanted, RowChosen
from ..text import row_text
from ..text.pieces import Piece
from .binding import Binding
from .cursor import Cursor
from .line_view import Lines

STYLES = (
    "header", "group", "host", "container", "shared", "label", "pid", "inside", "user", "command", "guide", "dim",
    "warning", "new", "gone", "moved", "marked", "cursor", "cursor-blurred",
)  # fmt: skip


class RowList(Lines, Cursor, can_focus=True):
    """Rows, and a cursor on one of them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"listing--{name}" for name in STYLES}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "fold", "Fold, or to the row above it in the tree", show=False),
        Binding("right,l", "unfold", "Unfold, or down", show=False),
        Binding("enter", "open", "Fold or unfold; on a single process: enter it", show=False),
    ]

    def __init__(self) -> None:
        super().__init__("listing")
        self.rows: Rows | Sequence[Row] = ()
        self.extras: tuple[Extra, ...] = ()  # columns that the user added
        self._chosen: RowKey | None = None  # the row that the cursor is to stay on
        self._columns = row_text.Columns(5, 6, 8, 10)
        self._measured = 0.0, -1, -1, False  # when, and of what, the columns were measured
        self._marks: Mapping[Hashable, row_text.Mark] = {}

    @property
    def row(self) -> Row | None:
        """The row under the cursor, None if the list is empty."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def show(
        self, rows: Rows, select: Sequence[RowKey] | None = None, marks: Mapping[Hashable, row_text.Mark] | None = None
    ) -> None:
        """Show rows, or the same rows changed, with these marks. The cursor goes to the first of `select` that is
        there, else stays on its row, else on its line."""
        keys = select or ([self._chosen] if self._chosen else [])
        height = self.cursor - self.scroll_offset.y if self.rows else self._visible
        self.rows = rows
        if marks is not None:
            self._marks = marks
        self._measure(rows.snapshot, again=marks is not None)
        self.set_height(len(rows) + 1)
        found = (place for key in keys if (place := rows.find(key)) is not None)
        place = max(0, min(next(found, self.cursor), len(rows) - 1))
        self.set_reactive(RowList.cursor, place)
        if self.size:  # before the first layout the top is shown
            self.scroll_to(y=self.cursor - height, animate=False, force=True, immediate=True)
            self._keep_in_sight()
            self.repaint()
        self._choose()

    def _choose(self) -> None:
        """Post `RowChosen` if the cursor is on another row."""
        row, before = self.row, self._chosen
        self._chosen = row.key if row else None
        if self._chosen != before:
            self.post_message(RowChosen(row))

    def _measure(self, snapshot: Snapshot, *, again: bool = False) -> None:
        """Measure the columns, seldom, as this looks at every process. again: not in answer to a key, so that there is
        time to measure them for new processes alone."""
        now = monotonic(), len(snapshot.containers), self.size.width, snapshot.partial
        due = again and (snapshot.partial or now[0] > self._measured[0] + 5)
        if due or now[1:] != self._measured[1:] or self._columns.extras != self.extras:
            self._columns, self._measured = row_text.columns(snapshot, self.size.width, self.extras), now

    def mark(self, marks: Mapping[Hashable, row_text.Mark]) -> None:
        """Mark these rows as new, gone, moved or marked, and no others."""
        if marks != self._marks:
            self._marks = marks
            self.repaint()

    def on_resize(self) -> None:
        if isinstance(self.rows, Rows):
            self._measure(self.rows.snapshot)
            self.set_height(len(self.rows) + 1)
            self._keep_in_sight()
            self.refresh()

    def line(self, y: int) -> Hashable:
        """The pieces of a line, and the name of the style below them."""
        rows = self.rows
        if not isinstance(rows, Rows):
            return (), ""
        if y == 0:
            return tuple(row_text.header(self._columns, rows.view)), "header"
        place = self.scroll_offset.y + y - 1
        if place >= len(rows):
            return (), ""
        row = rows[place]
        view = rows.view
        pieces = row_text.row(row, self._columns, rows.snapshot, view.by, self._marks.get(row.key), view.filter.sought)
        if place != self.cursor:
            return tuple(pieces), ""
        return tuple(pieces), self.cursor_style

    def strip(self, line: tuple[tuple[Piece, ...], str], width: int) -> Strip:
        pieces, below = line
        segments = [Segment(text, self.style_on(style, below)) for text, style in pieces]
        return Strip(segments).adjust_cell_length(width, self.style_on("", below))

    def count(self) -> int:
        return len(self.rows)

    def moved(self) -> None:
        self._choose()

    def action_fold(self) -> None:
        row = self.row
        if isinstance(row, GroupRow | ProcessRow) and row.folded is False:
            self.post_message(FoldWanted(row))
        elif isinstance(row, ProcessRow) and isinstance(self.rows, Rows):
            above = self.rows.above(row)
            if above is not None:
                self._go(above)

    def action_unfold(self) -> None:
        row = self.row
        if isinstance(row, GroupRow | ProcessRow) and row.folded:
            self.post_message(FoldWanted(row))
        else:
            self.action_move(1)

    async def action_open(self) -> None:
        row = self.row
        if isinstance(row, GroupRow | ProcessRow) and row.folded is not None:
            self.post_message(FoldWanted(row))
        elif isinstance(row, GroupRow | ProcessRow):
            await self.run_action("screen.enter")

    async def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            by = self.rows.view.by if isinstance(self.rows, Rows) else ""
            orders = row_text.ORDERS.get(row_text.title_at(self._columns, by, event.x))
            if orders is None:
                await self.run_action("screen.sort")
            else:
                self.post_message(OrderWanted(*orders))
            return
        place = self.scroll_offset.y + event.y - 1
        if place >= len(self.rows):
            return
        row = self.rows[place]
        again = place == self.cursor
        self.cursor = place
        on_mark = isinstance(row, GroupRow) and event.x < 2
        if isinstance(row, GroupRow | ProcessRow) and row.folded is not None and (on_mark or again):
            self.post_message(FoldWanted(row))
        elif isinstance(row, ProcessRow) and event.chain == 2:
            await self.run_action("screen.enter")
