"""The pane about the chosen row."""

from collections.abc import Hashable
from typing import ClassVar

from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from nsview.model.table import Thing
from nsview.model.view import Row

from ..contrast import readable
from ..messages import GoWanted
from ..text.links import thing_at, underlined
from .line_view import Lines
from .pane import Pane

STYLES = ("title", "label", "host", "container", "dim", "warning", "error")


class DetailsPane(Lines, can_focus=True):
    """The details of a row, broken into lines of the pane's width; a click on a thing's name leads to its row."""

    BINDINGS: ClassVar[list[BindingType]] = Pane.BINDINGS
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"details--{name}" for name in STYLES}

    def __init__(self) -> None:
        super().__init__("details")
        self._shown: object = None
        self._content: RenderableType = Text()
        self._laid_out: list[tuple[Segment, ...]] = []
        self._pointed: Thing | None = None  # at by the mouse

    def show(self, row: Row | None, content: RenderableType) -> None:
        """Show the details of a row; those of another row than before from their first line."""
        self._content = content
        if row is not None and row.key != self._shown:
            self._shown = row.key
            self.scroll_to(y=0, animate=False, force=True)
        self._lay_out()

    def _lay_out(self) -> None:
        """Break the content into lines of this width, beside the bar."""
        width = self.scrollable_content_region.width
        if width:
            console = self.app.console
            options = console.options.update(width=width, height=None, highlight=False)
            self._laid_out = [
                tuple(line) for line in console.render_lines(self._content, options, style=readable(self.rich_style))
            ]
            self.set_height(len(self._laid_out))
            self.repaint()

    def on_resize(self) -> None:
        self._lay_out()
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._lay_out()

    def line(self, y: int) -> Hashable:
        place = self.scroll_offset.y + y
        return (self._laid_out[place], self._pointed) if place < len(self._laid_out) else ((), None)

    def strip(self, line: tuple[tuple[Segment, ...], Thing | None], width: int) -> Strip:
        segments, pointed = line
        shown = segments if pointed is None else underlined(segments, pointed)
        return Strip(shown).adjust_cell_length(width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        thing = thing_at(event.style)
        if thing is not None:
            self.post_message(GoWanted(thing))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._point(thing_at(event.style))

    def on_leave(self) -> None:
        self._point(None)

    def _point(self, thing: Thing | None) -> None:
        """Underline the texts that lead to the thing that the mouse points at."""
        if thing != self._pointed:
            self._pointed = thing
            self.repaint()

    def style(self, name: str) -> Style:
        """The style of this name on the pane's background."""
        return readable(self.get_component_rich_style(f"details--{name}"))
