"""A cursor on one of many lines below a header, which moves and stays in sight.

The lines and their drawing belong to the subclasses: the rows of the explorer, and the tables of lenses.
"""

from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Region
from textual.reactive import reactive
from textual.scroll_view import ScrollView

from ..contrast import readable
from ..text.pieces import FOUND
from .binding import Binding

SOUGHT = Style(bold=True, underline=True)
"""The look of a text that the filter seeks, besides its own."""


class Cursor(ScrollView):
    """A view of lines of which one is chosen. Styles are component classes: its id, two dashes, the style's name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="up"),
        Binding("down,j", "move(1)", "Down", show=False, id="down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="page-down"),
        Binding("home,g", "to_end(-1)", "First line", show=False, id="first"),
        Binding("end,G", "to_end(1)", "Last line", show=False, id="last"),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._styles: dict[str, Style] = {}
        self._styles_on: dict[tuple[str, str], Style] = {}

    def count(self) -> int:
        """The number of lines, without the header."""
        raise NotImplementedError

    def moved(self) -> None:
        """Called when the cursor is on another line."""
        raise NotImplementedError

    def notify_style_update(self) -> None:
        self._styles.clear()
        self._styles_on.clear()
        super().notify_style_update()

    def style_of(self, name: str) -> Style:
        """A style by its name; the view's own if the name is empty."""
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self._made(f"{self.id}--{name}") if name else readable(self.rich_style)
        return style

    def _made(self, name: str) -> Style:
        """A component's style without the background below it, except for a colour that lets some of it through."""
        whole = readable(self.get_component_rich_style(name))
        return self.get_component_rich_style(name, partial=True) + Style(color=whole.color)

    def style_on(self, whole: str, below: str) -> Style:
        """The style of a piece in a line with the style `below`: its own text, on the background of the line.

        whole: the name of its style, with FOUND or without.
        """
        style = self._styles_on.get((whole, below))
        if style is None:
            name, found, _ = whole.partition(FOUND)
            style = self.style_of("") + self.style_of(below) if below else self.style_of("")
            if name:
                style += self.style_of(name) + Style(bgcolor=style.bgcolor)
            if found:
                style += SOUGHT
            style = readable(style)
            self._styles_on[whole, below] = style
        return style

    @property
    def cursor_style(self) -> str:
        """The name of the style of the line, or cell, that the cursor is on."""
        return "cursor" if self.has_focus else "cursor-blurred"

    @property
    def _visible(self) -> int:
        """The number of lines that fit below the header."""
        return max(1, self.size.height - 1)

    def watch_cursor(self, old: int, new: int) -> None:
        self._keep_in_sight()
        self._refresh_line(old)
        self._refresh_line(new)
        if self.is_attached and old != new:
            self.moved()

    def _refresh_line(self, place: int) -> None:
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
        self.cursor = max(0, min(place, self.count() - 1))

    def seek(self, by: int, matches: Callable[[int], object]) -> bool:
        """Go to the next line (by: 1) or the one before (-1) whose place matches, round the end. False if none does."""
        for far in range(1, self.count() + 1):
            place = (self.cursor + by * far) % self.count()
            if matches(place):
                self.cursor = place
                return True
        return False

    def action_move(self, by: int) -> None:
        self._go(self.cursor + by)

    def action_page(self, by: int) -> None:
        self._go(self.cursor + by * self._visible)

    def action_to_end(self, by: int) -> None:
        self._go(0 if by < 0 else self.count() - 1)
