"""A hint for a new user, shown once: five lines, gone with the first key."""

from rich.text import Text
from textual.screen import Screen
from textual.widgets import Static

from nsview.state import Memory

LINES = (
    "Rows below a namespace share it; the host's own is marked. Enter folds it.",
    "1-8 group by a kind of namespace, 0 is the process tree, 9 the containers.",
    ": finds a pid, container, port, address, veth, netns …; / filters the rows.",
    "e opens a shell in a row's namespaces, x runs a ready command there.",
    "u use, m matrix, w net map, i events, a audit; ? all keys. Any key goes on.",
)
"""At most 76 cells each, for a screen of 80."""


class Hint(Static):
    """The hint, above the line of keys."""

    def __init__(self) -> None:
        super().__init__(Text("\n".join(LINES)), id="hint")


class Greeting:
    """Shows the hint to a user whose state file does not say that it was shown before."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._hint: Hint | None = None  # until a key is pressed

    def begin(self, screen: Screen[None]) -> None:
        """Show the hint to a new user."""
        if self._hint is None and self._memory.file and not self._memory.state.greeted:
            self._hint = Hint()
            screen.mount(self._hint, before="#keys")

    def end(self) -> None:
        """Remove the hint, and remember that it was shown."""
        if self._hint is not None:
            hint, self._hint = self._hint, None
            self._memory.remember(greeted=True)
            hint.remove()
