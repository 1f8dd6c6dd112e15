"""A line across the screen, of styled pieces of text."""

from collections.abc import Iterable

from rich.text import Text
from textual.widget import Widget

from ..contrast import readable
from ..text.pieces import Piece


class Bar(Widget):
    """A line across the screen. Styles are component classes: its id, two dashes, the style's name; "" is its own."""

    def text(self, pieces: Iterable[Piece]) -> Text:
        """The pieces with the styles of this bar."""
        text = Text(no_wrap=True, overflow="crop")
        for words, style in pieces:
            text.append(words, readable(self.get_component_rich_style(f"{self.id}--{style}")) if style else None)
        return text
