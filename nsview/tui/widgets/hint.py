"""A hint for a new user, shown once: five lines, gone with the first key."""

from rich.text import Text
from textual.widgets import Static

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
