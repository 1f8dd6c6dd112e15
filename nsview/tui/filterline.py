"""The line where a filter is typed, and below it what is wrong with it, or how it may go on."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.events import Key
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input

from nsview.model.text import safe

from .binding import Binding

Complete = Callable[[str], Sequence[str]]


class FilterInput(Input):
    """The line itself; it is there only while it is needed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Keep"),
        Binding("tab", "complete", "Complete"),
        Binding("up", "older", "Typed before", show=False),
        Binding("down", "newer", "To the rows", show=False),
        Binding("escape", "screen.clear_filter", "Clear"),
    ]

    def __init__(self, complete: Complete | None = None, history: Callable[[], Sequence[str]] = tuple) -> None:
        super().__init__(
            placeholder="all words must match: container, image, command, user, pid ..; or container=web not host=net",
            id="filter",
            compact=True,
            suggester=_Suggester(complete) if complete else None,
        )
        self.cursor_blink = False  # it would repaint twice a second
        self._complete = complete
        self._history = history
        self._back = 0  # how far back in the history; 0 is what is being typed
        self._typed = ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "complete" or self._complete is not None

    def on_key(self, event: Key) -> None:
        if event.key == "tab":
            # Not as a binding, whose turn comes after that of letters typed meanwhile.
            event.stop()
            event.prevent_default()
            self.action_complete()

    def action_complete(self) -> None:
        """Take the first way to go on; where there is none, on to the rows."""
        found = self._complete(self.value) if self._complete else ()
        if found:
            self.value = found[0]
            self.cursor_position = len(self.value)
        else:
            self.screen.focus_next()

    def action_older(self) -> None:
        self._show(self._back + 1)

    async def action_newer(self) -> None:
        if self._back:
            self._show(self._back - 1)
        else:
            await self.run_action("screen.keep_filter")

    def _show(self, back: int) -> None:
        """What was typed so many filters ago."""
        history = [one for one in self._history() if one != self._typed]
        if not self._back:
            self._typed = self.value
            history = [one for one in self._history() if one != self._typed]
        if back <= len(history):
            self._back = back
            self.value = history[-back] if back else self._typed
            self.cursor_position = len(self.value)

    def begin(self, text: str) -> None:
        """Ready to be typed on."""
        self.value = text
        self._back = 0
        self.cursor_position = len(text)


class FilterNote(Widget):
    """The line below it: a mark under the character that is wrong and what is wrong with it, else ways to go on."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"filter-note--wrong", "filter-note--ways"}

    def __init__(self) -> None:
        super().__init__(id="filter-note")
        self._wrong: tuple[int, str] | None = None
        self._ways: Sequence[str] = ()
        self._said = ""

    def tell(self, wrong: tuple[int, str] | None, ways: Sequence[str], said: str = "") -> None:
        """wrong: in which cell, and what. ways: what the text may become. said: else, what else there is to know."""
        self._wrong, self._ways, self._said = wrong, ways, said
        self.refresh()

    def render(self) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        if self._wrong:
            at, message = self._wrong
            message = safe(message)
            style = self.get_component_rich_style("filter-note--wrong")
            if at + len(message) + 2 <= self.size.width or at < len(message) + 2:
                text.append(" " * at + f"^ {message}", style)
            else:
                text.append(f"{message} ^".rjust(at + 1), style)
        elif self._ways:
            text.append(" tab ", self.get_component_rich_style("filter-note--ways"))
            text.append("  ".join(safe(way) for way in self._ways))
        else:
            text.append(self._said)
        return text


class _Suggester(Suggester):
    """The first way to go on, in grey behind the cursor."""

    def __init__(self, complete: Complete) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        found = self._complete(value)
        return found[0] if found and found[0].startswith(value) else None
