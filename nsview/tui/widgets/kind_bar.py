"""The groupings of the rows: one key, or one click, each."""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.reactive import reactive

from nsview.model.view import Grouping

from ..messages import GroupingWanted
from ..text import bar_text
from .bar import Bar


class KindBar(Bar):
    """The groupings in a line, with their keys 0 to 9; the one in use stands out."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"kindbar--key", "kindbar--chosen"}

    by: reactive[Grouping] = reactive("net")
    order: reactive[str] = reactive("")
    """The order of the rows in words, "" if it is the usual one."""

    def __init__(self) -> None:
        super().__init__(id="kindbar")

    def render(self) -> Text:
        return self.text(bar_text.kindbar(self.by, self.order, self.size.width))

    def on_click(self, event: events.Click) -> None:
        x = 0
        for by, label in bar_text.groupings(self.size.width):
            if x <= event.x < x + len(label):
                self.post_message(GroupingWanted(by))
                return
            x += len(label)
