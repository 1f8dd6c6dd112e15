"""A scrolling text, with the keys of lists."""

from typing import ClassVar

from textual.binding import BindingType
from textual.containers import VerticalScroll

from .binding import Binding


class Pane(VerticalScroll, can_focus=True):
    """A column of text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", "Up", show=False, id="up"),
        Binding("j", "scroll_down", "Down", show=False, id="down"),
        Binding("g", "scroll_home", "To its beginning", show=False, id="first"),
        Binding("G", "scroll_end", "To its end", show=False, id="last"),
    ]
