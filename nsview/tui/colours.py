"""The colours of the first picture, by theme, as Textual makes them once it is imported.

`python -m scripts.colours` writes them anew into the file beside this one."""

import json
import os
from pathlib import Path

from rich.color import ColorSystem
from rich.style import Style

FILE = Path(__file__).with_suffix(".json")
USUAL = "textual-dark"
PARTS = (
    "listing", "status", "status--name", "status--warning", "status--filter", "kindbar", "kindbar--key",
    "kindbar--chosen", "keys", "details",
)  # fmt: skip
Colours = dict[str, Style]
"""{id of a widget, or the id, two dashes and a style's name: its style}: "listing", "listing--pid" .."""


def of_theme(name: str | None) -> Colours | None:
    """The colours of a theme, of Textual's usual one if none is named. None if they are not known."""
    found = json.loads(FILE.read_bytes()).get(name or os.environ.get("TEXTUAL_THEME", USUAL))
    return found and {part: Style.parse(words) for part, words in found.items()}


def system() -> ColorSystem | None:
    """The codes by which this terminal takes colours, by the signs that Rich goes by. None if it has fewer than 256."""
    if "NO_COLOR" in os.environ or "TEXTUAL_COLOR_SYSTEM" in os.environ:
        return None
    if os.environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return ColorSystem.TRUECOLOR
    many = os.environ.get("TERM", "").strip().lower().rpartition("-")[2] in ("256color", "kitty")
    return ColorSystem.EIGHT_BIT if many else None
