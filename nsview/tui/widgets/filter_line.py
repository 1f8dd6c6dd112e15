"""The line where a filter is typed, and below it an error, a note or completions."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import BindingType
from textual.events import Key
from textual.geometry import Size
from textual.reactive import Reactive
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets.input import Selection

from nsview.model.filter import Filter, FilterError
from nsview.model.text import safe

from ..contrast import readable
from .binding import Binding
from .entry_line import EntryLine

Complete = Callable[[str], Sequence[str]]


class FilterInput(EntryLine):
    """The line itself, on the screen only while it is needed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Keep"),
        Binding("tab", "complete", "Complete"),
        Binding("up", "older", "Typed before", show=False),
        Binding("down", "newer", "To the rows", show=False),
        Binding("escape", "screen.clear_filter", "Clear"),
    ]

    virtual_size = Reactive(Size(0, 0), layout=False)  # else each letter would lay out the whole screen anew

    def __init__(
        self,
        placeholder: str,
        complete: Complete,
        history: Callable[[], Sequence[str]],
        parse: Callable[[str], Filter],
        entered: Callable[[], None],
    ) -> None:
        """complete: gives completions. history: gives the filters typed before, here or elsewhere. parse: raises
        FilterError for a text that is no filter here. entered: called at Enter."""
        super().__init__(
            entered, placeholder=placeholder, id="filter", suggester=_Suggester(complete), select_on_focus=False
        )
        self.complete = complete
        self._typed_before = history
        self._parse = parse
        self._back = 0  # the number of filters back in the history; 0 is the one being typed
        self._typed = ""

    async def on_key(self, event: Key) -> None:
        if event.key == "tab":
            event.stop()
            event.prevent_default()
            self.action_complete()

    def action_complete(self) -> None:
        """Take the first completion; if there is none, go to the rows."""
        found = self.complete(self.value)
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
        """Show the filter that was typed so many filters ago."""
        if not self._back:
            self._typed = self.value
        history = [one for one in self._typed_before() if one != self._typed and self._means_something(one)]
        if back <= len(history):
            self._back = back
            self.value = history[-back] if back else self._typed
            self.cursor_position = len(self.value)

    def _means_something(self, text: str) -> bool:
        """True if a text is a filter here: another lens has other fields."""
        try:
            return bool(self._parse(text))
        except FilterError:
            return False

    def begin(self, text: str) -> None:
        """Show a text, selected, so that typed letters replace it: at once, as some may be on their way."""
        self.value = text
        self._back = 0
        self.selection = Selection(0, len(text))


class FilterNote(Widget):
    """The line below: a mark under the wrong character with the error, else a note, else completions."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"filter-note--wrong", "filter-note--ways"}

    def __init__(self) -> None:
        super().__init__(id="filter-note")
        self._wrong: tuple[int, str] | None = None
        self._ways: Sequence[str] = ()
        self._said = ""

    def tell(self, line: FilterInput, error: FilterError | None, said: str = "") -> None:
        """Show the error in that line, else a note, else completions."""
        line.set_class(error is not None, "wrong")
        self._wrong = (cell_len(line.value[: error.at]) - line.scroll_offset.x, str(error)) if error else None
        self._ways, self._said = () if error or said else line.complete(line.value), said
        self.refresh()

    def render(self) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        if self._wrong:
            at, message = self._wrong
            message = safe(message)
            style = readable(self.get_component_rich_style("filter-note--wrong"))
            if at + len(message) + 2 <= self.size.width or at < len(message) + 2:
                text.append(" " * at + f"^ {message}", style)
            else:
                text.append(f"{message} ^".rjust(at + 1), style)
        elif self._ways:
            text.append(" tab ", readable(self.get_component_rich_style("filter-note--ways")))
            text.append("  ".join(safe(way) for way in self._ways))
        else:
            text.append(self._said)
        return text


class _Suggester(Suggester):
    """The first completion, in grey behind the cursor."""

    def __init__(self, complete: Complete) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        found = self._complete(value)
        return found[0] if found and found[0].startswith(value) else None
