"""Panes and dialogs that break lines: nothing of a text stands below the scroll bar."""

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from nsview.model.events.record import Event
from nsview.tui.app import NsviewApp
from nsview.tui.widgets.row_list import RowList
from nsview.tui.widgets.table import Table
from tests.guards.test_screen import Feed
from tests.unit import make

from .screens import SMALL, WIDE, drawn, opened, running

SIZES = [WIDE, (120, 35), (100, 30), SMALL]
LONG = "".join(f"<{number}>" for number in range(400))


async def told(app: NsviewApp, pilot: Pilot[int]) -> str:
    """The text of the details, as far as it can be scrolled to, without blanks and without the bar."""
    pane = app.screen.query_one("#details")
    lines: dict[int, str] = {}
    assert pane.max_scroll_y > 0, "a bar is there"
    for top in range(0, pane.max_scroll_y + pane.size.height, pane.size.height):
        pane.scroll_to(y=top, animate=False, force=True)
        await pilot.pause()
        region = pane.region.shrink(pane.styles.gutter)
        for y, line in enumerate(drawn(app).splitlines()[region.y : region.bottom]):
            lines[round(pane.scroll_y) + y] = line[region.x : region.right]
    text = "".join(line for _, line in sorted(lines.items()))
    return "".join(character for character in text if character.isascii() and not character.isspace())


@pytest.mark.parametrize("size", SIZES)
async def test_a_long_text_of_a_row_is_told_to_its_last_letter(size: tuple[int, int]) -> None:
    one = make.process(7, comm="long", cmdline=(LONG,), net=7)
    app = NsviewApp(Feed(lambda: iter([make.host(make.process(1, 0), one)])))  # type: ignore[arg-type]
    async with running(app, size) as pilot:
        app.go_to(7)
        await pilot.pause(0.4)
        assert LONG in await told(app, pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_a_long_text_of_a_line_is_told_to_its_last_letter(size: tuple[int, int]) -> None:
    async with opened(size=size) as (app, pilot):
        await pilot.press("i")
        app.session._happened([Event(1e9, "joined", "net", command=LONG)])
        await pilot.pause(0.7)
        await pilot.press("G")
        await pilot.pause()
        assert LONG in await told(app, pilot)


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_all_that_scrolls_and_breaks_lines_has_a_place_for_the_bar(size: tuple[int, int]) -> None:
    def scrolls(widget: Widget) -> bool:
        lines = isinstance(widget, RowList | Table | Screen | Input)  # one line each, never broken
        return not lines and widget.is_scrollable and str(widget.styles.overflow_y) == "auto"

    seen = set()
    async with opened(size=size) as (app, pilot):
        await pilot.press("down")
        for key in ("e", "x", "o", "y", "E", "s", "question_mark", "colon"):
            await pilot.press(key)
            await pilot.pause()
            for widget in filter(scrolls, app.screen.query("*")):
                seen.add(widget.id)
                assert widget.styles.scrollbar_gutter == "stable", (key, widget)
            await pilot.press("escape")
            await pilot.pause()
    assert seen >= {"dialog", "help", "goto-things"}
