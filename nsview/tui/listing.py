"""The list of rows, drawn a line at a time: only what is visible is ever rendered.

It holds the cursor on the same process or group while snapshots come and go, and at the same height of the screen.
"""

from collections.abc import Mapping
from time import monotonic
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from nsview.model.rows import GroupRow, ProcessRow, Row, RowKey
from nsview.model.snapshot import Snapshot

from . import draw
from .messages import Chosen, EnterWanted, FoldWanted

STYLES = (
    "header", "group", "host", "container", "shared", "label", "pid", "inside", "user", "command", "guide", "dim",
    "warning", "new", "gone", "moved", "cursor", "cursor-blurred",
)  # fmt: skip


class Listing(ScrollView, can_focus=True):
    """Rows, and a cursor on one of them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"listing--{name}" for name in STYLES}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "to_end(-1)", "First row", show=False),
        Binding("end,G", "to_end(1)", "Last row", show=False),
        Binding("left,h", "fold", "Fold, or to the row above it in the tree", show=False),
        Binding("right,l", "unfold", "Unfold, or down", show=False),
        Binding("enter", "open", "Fold or unfold; on a single process: enter it", show=False),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)

    def __init__(self) -> None:
        super().__init__(id="listing")
        self.rows: list[Row] = []
        self._snapshot: Snapshot | None = None
        self._grouped_by = ""
        self._columns = draw.Columns(5, 6, 8, 10)
        self._measured = 0.0, -1, -1  # when, and of what, the columns were measured
        self._styles: dict[str, Style] = {}
        self._marks: Mapping[RowKey, draw.Mark] = {}

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.rows else None

    def show(self, rows: list[Row], snapshot: Snapshot, grouped_by: str, select: list[RowKey] | None = None) -> None:
        """Show these rows instead. The cursor goes to the first of `select` that is there, else stays on its row, else
        on its line."""
        keys = select or ([self.row.key] if self.row else [])
        height = self.cursor - self.scroll_offset.y if self.rows else self._visible
        self.rows = rows
        self._snapshot = snapshot
        self._grouped_by = grouped_by
        self._measure(snapshot)
        self.virtual_size = Size(self.size.width, len(rows) + 1)
        found = (place for key in keys if (place := self._find(key)) is not None)
        place = next(found, self.cursor)
        self.cursor = max(0, min(place, len(rows) - 1))
        self.scroll_to(y=self.cursor - height, animate=False, force=True, immediate=True)
        self._keep_in_sight()
        self.refresh()
        self.post_message(Chosen(self.row))

    def _find(self, key: RowKey) -> int | None:
        """The place of a row, looked for from the cursor outwards: it is seldom far."""
        rows = self.rows
        for far in range(max(self.cursor, len(rows) - self.cursor) + 1):
            for place in (self.cursor - far, self.cursor + far):
                if 0 <= place < len(rows) and rows[place].key == key:
                    return place
        return None

    def _measure(self, snapshot: Snapshot) -> None:
        """How wide the columns are to be: anew when that may have changed, for it takes a look at every process."""
        now = monotonic(), len(snapshot.containers), self.size.width
        if now[0] > self._measured[0] + 5 or now[1:] != self._measured[1:]:
            self._columns, self._measured = draw.columns(snapshot, self.size.width), now

    def mark(self, marks: Mapping[RowKey, draw.Mark]) -> None:
        """Mark these rows as new, gone or moved, and no others."""
        if marks != self._marks:
            self._marks = marks
            self.refresh()

    def on_resize(self) -> None:
        if self._snapshot is not None:
            self._measure(self._snapshot)
            self.virtual_size = Size(self.size.width, len(self.rows) + 1)
            self._keep_in_sight()

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self.get_component_rich_style(f"listing--{name}", partial=True)
        return style

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self._snapshot is None:
            return Strip.blank(width, self.rich_style)
        if y == 0:
            pieces, base = draw.header(self._columns), self.rich_style
            return self._strip(pieces, width, base + self._style("header"))
        place = self.scroll_offset.y + y - 1
        if place >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        base = self.rich_style
        if place == self.cursor:
            base += self._style("cursor" if self.has_focus else "cursor-blurred")
        row = self.rows[place]
        pieces = draw.row(row, self._columns, self._snapshot, self._grouped_by, self._marks.get(row.key))
        return self._strip(pieces, width, base, plain=place == self.cursor and self.has_focus)

    def _strip(self, pieces: list[draw.Piece], width: int, base: Style, plain: bool = False) -> Strip:
        segments = [Segment(text, base if plain else self._style(style) + _background(base)) for text, style in pieces]
        return Strip(segments).adjust_cell_length(width, base)

    @property
    def _visible(self) -> int:
        """How many rows fit below the header."""
        return max(1, self.size.height - 1)

    def watch_cursor(self, old: int, new: int) -> None:
        self._keep_in_sight()
        self._refresh_row(old)
        self._refresh_row(new)
        if self.is_attached and old != new:
            self.post_message(Chosen(self.row))

    def _refresh_row(self, place: int) -> None:
        y = place - self.scroll_offset.y + 1
        if 0 < y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _keep_in_sight(self) -> None:
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True, immediate=True)
        elif self.cursor >= top + self._visible:
            self.scroll_to(y=self.cursor - self._visible + 1, animate=False, force=True, immediate=True)

    def _go(self, place: int) -> None:
        self.cursor = max(0, min(place, len(self.rows) - 1))

    def action_move(self, by: int) -> None:
        self._go(self.cursor + by)

    def action_page(self, by: int) -> None:
        self._go(self.cursor + by * self._visible)

    def action_to_end(self, by: int) -> None:
        self._go(0 if by < 0 else len(self.rows) - 1)

    def action_fold(self) -> None:
        row = self.row
        if isinstance(row, GroupRow | ProcessRow) and row.folded is False:
            self.post_message(FoldWanted(row))
        elif isinstance(row, ProcessRow):
            self._go(self._above(self.cursor, row))

    def _above(self, place: int, row: ProcessRow) -> int:
        """The row that this one hangs from."""
        for above in range(place - 1, -1, -1):
            other = self.rows[above]
            if isinstance(other, GroupRow) or (
                isinstance(other, ProcessRow) and len(other.guides) < len(row.guides)
            ):
                return above
        return place

    def action_unfold(self) -> None:
        row = self.row
        if isinstance(row, GroupRow | ProcessRow) and row.folded:
            self.post_message(FoldWanted(row))
        else:
            self.action_move(1)

    def action_open(self) -> None:
        row = self.row
        if isinstance(row, GroupRow | ProcessRow) and row.folded is not None:
            self.post_message(FoldWanted(row))
        elif isinstance(row, GroupRow | ProcessRow):
            self.post_message(EnterWanted(row))

    def on_click(self, event: events.Click) -> None:
        place = self.scroll_offset.y + event.y - 1
        if event.y == 0 or place >= len(self.rows):
            return
        row = self.rows[place]
        again = place == self.cursor
        self.cursor = place
        on_mark = isinstance(row, GroupRow) and event.x < 2
        if isinstance(row, GroupRow | ProcessRow) and row.folded is not None and (on_mark or again):
            self.post_message(FoldWanted(row))


def _background(style: Style) -> Style:
    return Style(bgcolor=style.bgcolor)
