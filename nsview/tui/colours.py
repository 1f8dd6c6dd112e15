"""The colours of the first picture, by theme: what Textual, which is not there yet when they are wanted, will make of
them. `python -m nsview.tui.colours` has it tell them anew, into the file beside this one."""

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from rich.color import ColorSystem
from rich.style import Style

if TYPE_CHECKING:
    from .app import NsviewApp

FILE = Path(__file__).with_suffix(".json")
USUAL = "textual-dark"
PARTS = (
    "listing", "status", "status--name", "status--warning", "kindbar", "kindbar--key", "kindbar--chosen", "keys",
    "details",
)  # fmt: skip
Colours = dict[str, Style]
"""By the id of a widget, or by that, two dashes and a style's name: "listing", "listing--pid" .."""


def of_theme(name: str | None) -> Colours | None:
    """Those of a theme, of Textual's usual one where none is named; None where they are not known."""
    found = json.loads(FILE.read_bytes()).get(name or os.environ.get("TEXTUAL_THEME", USUAL))
    return found and {part: Style.parse(words) for part, words in found.items()}


def system() -> ColorSystem | None:
    """How colours are told to this terminal, by the signs that Rich goes by; None where they are fewer than 256."""
    if "NO_COLOR" in os.environ or "TEXTUAL_COLOR_SYSTEM" in os.environ:
        return None
    if os.environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return ColorSystem.TRUECOLOR
    many = os.environ.get("TERM", "").strip().lower().rpartition("-")[2] in ("256color", "kitty")
    return ColorSystem.EIGHT_BIT if many else None


def of_app(app: "NsviewApp") -> Colours:
    """Those that an explorer has now."""
    from .widgets.row_list import STYLES

    found = {}
    for part in PARTS:
        id, _, style = part.partition("--")
        widget = app.explorer.query_one(f"#{id}")
        found[part] = widget.get_component_rich_style(part) if style else widget.rich_style
    for name in STYLES:
        found[f"listing--{name}"] = found["listing"] + app.explorer.listing.style_of(name)
    return found


async def _of_all() -> dict[str, Colours]:
    from nsview.hosts.recording import RecordedHost, demo

    from .app import NsviewApp

    app, found = NsviewApp(RecordedHost(demo())), {}
    async with app.run_test() as pilot:
        for theme in sorted(app.available_themes):
            app.theme = theme
            await pilot.pause()
            found[theme] = of_app(app)
    return found


if __name__ == "__main__":
    all = asyncio.run(_of_all()).items()
    told = {theme: {part: str(style) for part, style in found.items()} for theme, found in all}
    FILE.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
