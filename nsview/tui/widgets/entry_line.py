"""A line of text whose keys take effect in the order in which they were typed.

Textual asks the bindings last, after each screen and widget above: an Enter would be overtaken by the letters after it,
and these would become a part of the line that was meant to be finished.
"""

from collections.abc import Callable
from typing import Any

from textual.events import Key
from textual.widgets import Input


class EntryLine(Input):
    """A line that calls `entered` at Enter; keys typed after the Enter are for the screen that `entered` opens."""

    def __init__(self, entered: Callable[[], None], **named: Any) -> None:
        super().__init__(compact=True, **named)
        self.cursor_blink = False  # blinking repaints twice a second
        self._entered = entered

    async def action_submit(self) -> None:
        self._entered()

    def on_key(self, event: Key) -> None:
        gone = self.app.focused is not self
        if gone or event.key == "enter":
            event.stop()
            event.prevent_default()
        if gone:
            self.app.post_message(Key(event.key, event.character))
        elif event.key == "enter":
            self._entered()
