"""What the rows are grouped by: one key, or one click, each."""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.reactive import reactive
from textual.widget import Widget

from nsview.model.rows import GROUPINGS, Grouping

from .messages import GroupingWanted

NAMES: dict[Grouping, str] = {"tree": "tree", "container": "containers"}


class KindBar(Widget):
    """The groupings in a line, with their keys 0 to 9; the one in use stands out."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"kindbar--key", "kindbar--chosen"}

    by: reactive[Grouping] = reactive("net")
    order: reactive[str] = reactive("")
    """How rows are sorted, where not as usual."""

    def __init__(self) -> None:
        super().__init__(id="kindbar")

    def _cells(self) -> list[tuple[Grouping, str]]:
        # Names alone need 96 columns; a narrow screen gets less air between them.
        gap = "  " if self.size.width >= 100 else " "
        return [(by, f"{gap[1:]}{key} {NAMES.get(by, by)}{gap}") for key, by in enumerate(GROUPINGS)]

    def render(self) -> Text:
        key_style = self.get_component_rich_style("kindbar--key")
        chosen = self.get_component_rich_style("kindbar--chosen")
        text = Text(no_wrap=True, overflow="crop")
        for by, label in self._cells():
            start = len(text)
            text.append(label, chosen if by == self.by else "")
            if by != self.by:
                first = start + label.index(label.strip()[0])
                text.stylize(key_style, first, first + 1)
        if self.order:
            words = f"  ↕ by {self.order}"
            text.append(words if len(text) + len(words) <= self.size.width else " ↕", key_style)
        return text

    def on_click(self, event: events.Click) -> None:
        x = 0
        for by, label in self._cells():
            if x <= event.x < x + len(label):
                self.post_message(GroupingWanted(by))
                return
            x += len(label)
