"""Many lines of which only the visible ones are drawn, and of these only the ones that differ from the screen.

Textual lays out the whole screen anew when a widget's virtual size changes, and paints all of a widget that scrolls;
lists that grow and shrink many times a second can afford neither.
"""

from collections.abc import Hashable
from math import ceil
from typing import Any

from textual.geometry import Region, Size
from textual.messages import Update
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip

_STRIPS = 512  # drawn lines that are kept


class Lines(ScrollView):
    """A view of lines. A subclass gives the content of each line, and draws it."""

    DEFAULT_CSS = "Lines { overflow-x: hidden; overflow-y: auto; }"

    virtual_size = Reactive(Size(0, 0), layout=False, repaint=False)

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._painted: dict[int, Hashable] = {}  # the content of each line of the view
        self._strips: dict[Hashable, Strip] = {}  # in order of their last use
        self._bar: tuple[int, ...] = ()  # the place and length of the scrollbar

    def line(self, y: int) -> Hashable:
        """The content of a line of the view; equal contents look equal."""
        raise NotImplementedError

    def strip(self, line: Any, width: int) -> Strip:
        """The drawing of a content."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        line = self._painted[y] = self.line(y)
        key = line, self.size.width
        strip = self._strips.pop(key, None) or self.strip(line, self.size.width)
        self._strips[key] = strip
        if len(self._strips) > _STRIPS:
            del self._strips[next(iter(self._strips))]
        return strip

    def repaint(self) -> None:
        """Paint the lines whose content differs from the screen."""
        width = self.size.width
        others = [y for y in range(self.size.height) if y not in self._painted or self.line(y) != self._painted[y]]
        if others:
            for y in others:
                self._painted.pop(y, None)  # painted soon: the next repaint need not compare it
            self.refresh(*[Region(0, y, width, 1) for y in others])
            # At once, not when this widget is idle: else the other effects of a key would be painted before.
            self.screen.post_message(Update(self))

    def notify_style_update(self) -> None:
        self._strips.clear()
        super().notify_style_update()

    def set_height(self, height: int) -> None:
        """Set the number of lines in all."""
        size = Size(self.size.width, height)
        if size != self.virtual_size:
            self.virtual_size = size
            if self.container_size:
                self.show_vertical_scrollbar = height > self.container_size.height
            self.scroll_y = self.validate_scroll_y(self.scroll_y)
            self._move_bar()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        self._move_bar()
        if round(old_value) != round(new_value):
            self.repaint()

    def _move_bar(self) -> None:
        """Move the scrollbar, and paint it if the move is visible: it is drawn in eighths of a cell."""
        if not self.show_vertical_scrollbar:
            return
        bar, window, height = self.vertical_scrollbar, self.container_size.height, self.virtual_size.height
        bar.set_reactive(ScrollBar.window_virtual_size, height)
        bar.set_reactive(ScrollBar.window_size, window)
        bar.set_reactive(ScrollBar.position, self.scroll_y)
        size = bar.size.height
        thumb = max(1, window * size / max(1, height))
        start = int((size - thumb) * self.scroll_y / max(1, height - window) * 8)
        look = size, start, ceil(thumb * 8)
        if look != self._bar:
            self._bar = look
            bar.refresh()
