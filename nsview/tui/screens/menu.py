"""A short list to choose from."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from nsview.model.text import safe

from ..widgets.binding import Binding

WIDTH = 70
"""Cells of an entry that are shown."""


class Menu(ModalScreen[int | None]):
    """Returns the place of the chosen entry, or None. Each entry: (name, text)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Close"),
        Binding("j", "down", "Down", show=False, id="down"),
        Binding("k", "up", "Up", show=False, id="up"),
    ]

    def __init__(self, title: str, entries: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._title = title
        self._entries = entries

    def compose(self) -> ComposeResult:
        with Vertical(id="menu"):
            yield Label(Text(self._title), id="dialog-title")
            yield OptionList(*(Option(line) for line in self._lines()), compact=True)
            yield Label(Text("Enter chooses, Esc goes back", "dim"))

    def _lines(self) -> list[Text]:
        wide = max(len(name) for name, _ in self._entries) + 2
        lines = [Text(safe(name).ljust(wide) + safe(text) if text else safe(name)) for name, text in self._entries]
        for line in lines:
            line.truncate(min(WIDTH, self.app.size.width - 6), overflow="ellipsis")  # an option would be wrapped
        return lines

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_index)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_down(self) -> None:
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        self.query_one(OptionList).action_cursor_up()
