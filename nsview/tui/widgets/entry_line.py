"""A line of text whose keys take effect in the order in which they were typed.

Textual asks the bindings last, after each screen and widget above: an Enter or Escape would be overtaken by the letters
after it, and these would become a part of the line that was meant to be finished.
"""

from collections.abc import Callable
from typing import Any

from textual.events import Key
from textual.widgets import Input


class EntryLine(Input):
    """A line that calls `entered` at Enter, and at once the action of Escape; keys typed after either are for the
    screen that follows."""

    def __init__(self, entered: Callable[[], None], text: str | None = None, **named: Any) -> None:
        super().__init__(text, compact=True, **named)
        self.cursor_blink = False  # blinking repaints twice a second
        self._entered = entered

    async def action_submit(self) -> None:
        self._entered()

    async def on_key(self, event: Key) -> None:
        gone = self.app.focused is not self
        if gone or event.key in ("enter", "escape"):
            event.stop()
            event.prevent_default()
        if gone:
            # Not posted, as it would come after those that the application has not looked at yet.
            await self.app.on_event(Key(event.key, event.character))
        elif event.key == "enter":
            self._entered()
        elif event.key == "escape" and (bound := self.screen.active_bindings.get("escape")):
            await self.app.run_action(bound.binding.action, bound.node)
