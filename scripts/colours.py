"""The colours of the first picture, as Textual makes them: `python -m scripts.colours` writes them anew."""

import asyncio
import json

from nsview.hosts.recording import RecordedHost, demo
from nsview.tui.app import NsviewApp
from nsview.tui.colours import FILE, PARTS, Colours
from nsview.tui.contrast import readable
from nsview.tui.widgets.row_list import STYLES


def of_app(app: NsviewApp) -> Colours:
    """The colours that an explorer has now."""
    found = {}
    for part in PARTS:
        id, _, style = part.partition("--")
        widget = app.explorer.query_one(f"#{id}")
        found[part] = readable(widget.get_component_rich_style(part) if style else widget.rich_style)
    listing = app.explorer.listing
    for name in STYLES:
        found[f"listing--{name}"] = found["listing"] + listing.style_of(name)
        found[f"listing--{name}-on-cursor"] = listing.style_on(name, "cursor")
    return found


async def of_all() -> dict[str, Colours]:
    """{theme: its colours}"""
    app, found = NsviewApp(RecordedHost(demo())), {}
    async with app.run_test() as pilot:
        for theme in sorted(app.available_themes):
            app.theme = theme
            await pilot.pause()
            found[theme] = of_app(app)
    return found


if __name__ == "__main__":
    themes = asyncio.run(of_all()).items()
    written = {theme: {part: str(style) for part, style in found.items()} for theme, found in themes}
    FILE.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
