"""What all lenses share, shown by a lens of the containers' images."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, get_args

import pytest
from msgspec.structs import replace
from rich.text import Text
from textual.pilot import Pilot

from nsview.model.records import Container
from nsview.model.table import Cell, Column, Line
from nsview.model.view import LensName
from nsview.tui import app as apps
from nsview.tui import lenses
from nsview.tui.screens.compare import Compare
from nsview.tui.screens.lens import Lens
from nsview.tui.widgets.status import Status
from nsview.tui.widgets.table import GAP, Table

from .screens import NET, SMALL, WIDE, drawn, opened


class Images(Lens):
    NAME = "images"
    ABOUT = "A line an image."
    COLUMNS: ClassVar[Sequence[Column]] = (Column("NAME"), Column("NPROCS", right=True), Column("IMAGE", keep=False))
    EMPTY = "No container runs here."
    opened: ClassVar[list[object]] = []

    def lines(self) -> Sequence[Line]:
        return [
            Line(c.key, (Cell(c.name, "container"), Cell(str(len(c.pids)), order=len(c.pids)), Cell(c.image or "-")), c)
            for c in self.snapshot.containers.values()
        ]

    def about(self, line: Line) -> Text:
        assert isinstance(line.subject, Container)
        return Text(f"about {line.subject.name}")

    def open(self, line: Line) -> None:
        self.opened.append(line.key)


@pytest.fixture(autouse=True)
def images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lenses.LENSES, "images", lenses.LensEntry(__name__, "Images", "I", "Images", ""))
    Images.opened.clear()


@asynccontextmanager
async def looking(size: tuple[int, int] = WIDE) -> AsyncIterator[tuple[apps.NsviewApp, Pilot[int], Table]]:
    """The demo with that lens open."""
    async with opened(size=size) as (app, pilot):
        app.action_lens("images")
        await pilot.pause()
        assert app.lens is not None
        yield app, pilot, app.lens.table


def names(table: Table) -> list[str]:
    return [line.cells[0].text for line in table.lines]


async def test_it_opens_over_the_explorer_and_goes_back_to_it() -> None:
    async with opened() as (app, pilot):
        app.action_lens("images")
        await pilot.pause()
        assert "about " in drawn(app)
        assert "shop/web:1.4" in drawn(app)
        await pilot.press("q")
        assert app.screen is app.explorer
        assert app.lens is None


async def test_from_a_lens_the_others_and_every_place_are_one_key_away() -> None:
    async with opened() as (app, pilot):
        steps = (("m", "matrix", 1), ("w", "net", 2), ("a", "audit", 3), ("a", "audit", 3), ("m", "matrix", 1))
        for key, name, depth in steps:
            before = app.lens
            await pilot.press(key)
            await pilot.pause()
            assert app.lenses.name == name
            assert len(app.screen_stack) == 1 + depth, "one that is open below is come back to"
            assert (app.lens is before) == (before is not None and key == "a" and type(before).__name__ == "Audit")
        await pilot.press("colon", *"ledger")
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen is app.explorer and app.lens is None
        row = app.explorer.listing.row
        assert row is not None and "ledger" in drawn(app)
        await pilot.press("backspace")
        await pilot.pause()
        assert app.lenses.name == "matrix", "back is where one came from"


LENS_KEYS = {name: lens.key for name, lens in lenses.LENSES.items()}
OPENERS = {
    **LENS_KEYS, "help": "question_mark", "find": "colon", "log": "L", "compare": "c", "copy": "y", "signal": "K",
    "palette": "ctrl+p", "enter": "e", "ready": "x",
}  # fmt: skip
"""{screen or dialog: the key that opens it from a lens}"""


def test_each_lens_can_be_the_one_that_a_run_begins_with() -> None:
    assert {*get_args(LensName)} == {*LENS_KEYS}


@pytest.mark.parametrize("name", LENS_KEYS)
async def test_esc_leads_back_to_the_very_screen_filter_row_and_order_from_which_another_was_opened(name: str) -> None:
    async with opened(size=(160, 24)) as (app, pilot):
        await pilot.press(LENS_KEYS[name])
        await pilot.pause(0.3)
        lens = app.lens
        assert lens is not None
        await pilot.press("slash", *"e", "enter", "end", "up", "v", "up")
        await pilot.pause()
        if not (line := lens.table.line):
            pytest.skip("this recording has no lines of it")
        before = lens.filter.text, line.key, lens.table.cursor, lens.table.scroll_offset, lens.table._sorted_by
        for opener, key in OPENERS.items():
            if opener == name:
                continue
            await pilot.press(key)
            await pilot.pause(0.2)
            if app.screen is lens:
                continue  # refused, with a notice: there is no log, or nothing to compare
            await pilot.press("escape")
            await pilot.pause(0.2)
            assert app.screen is lens and lens.table.line is not None, opener
            after = lens.table.line.key, lens.table.cursor, lens.table.scroll_offset, lens.table._sorted_by
            assert (lens.filter.text, *after) == before, opener


async def go_and_come_back(app: apps.NsviewApp, pilot: Pilot[int]) -> None:
    """To a container in the explorer, and back along the trail."""
    await pilot.press("colon", *"ledger")
    await pilot.pause()
    await pilot.press("enter")
    await pilot.pause()
    assert app.screen is app.explorer
    await pilot.press("backspace")
    await pilot.pause(0.3)


@pytest.mark.parametrize("key", ["L", "c"], ids=["log", "compare"])
async def test_back_along_the_trail_a_log_and_a_comparison_are_open_again(key: str) -> None:
    async with opened() as (app, pilot):
        await pilot.press("m", "slash", *"shop", "enter", "v", "down", key)
        await pilot.pause(0.3)
        lens = app.lens
        assert lens is not None and lens.subject is not None and lens.NAME in ("log", "compare")
        await go_and_come_back(app, pilot)
        again = app.lens
        assert again is not None and again is not lens and again.subject == lens.subject and again.NAME == lens.NAME
        await pilot.press("escape")
        await pilot.pause()
        assert app.lenses.name == "matrix" and app.lens is not None and app.lens.filter.text == "shop"


@pytest.mark.parametrize("name", LENS_KEYS)
async def test_back_along_the_trail_a_lens_has_its_lines_filter_and_row_again(name: str) -> None:
    async with opened(size=(160, 24)) as (app, pilot):
        await pilot.press(LENS_KEYS[name], *("0" if name in ("use", "matrix") else ""))
        await pilot.pause(0.3)
        await pilot.press("slash", *"e", "enter", "right", "s", "S", "end", "up")
        lens = app.lens
        assert lens is not None and lens.table.line is not None and lens.table.is_sorted
        before = lens.by, "e", lens.table.line.key, lens.table.order, lens.table.column
        await go_and_come_back(app, pilot)
        again = app.lens
        assert again is not None and again is not lens and app.lenses.name == name and again.table.line is not None
        table = again.table
        assert (again.by, again.filter.text, again.table.line.key, table.order, table.column) == before
        assert again.query_one(Status).filter == "e"
        await pilot.press("escape")
        assert not again.filter and app.lens is again


async def test_a_lens_under_another_rests_and_is_brought_up_to_date_when_it_is_seen_again() -> None:
    async with opened() as (app, pilot):
        await pilot.press("m")
        await pilot.pause()
        below, snapshot = app.lens, app.session.snapshot
        assert below is not None and snapshot is not None
        await pilot.press("a")
        await pilot.pause()
        lines = below._made
        fewer = {key: one for key, one in snapshot.containers.items() if one.name != "web"}
        below.show_snapshot(replace(snapshot, containers=fewer), None)
        await pilot.pause(0.7)
        assert below._made is lines and below.is_covered
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is below and len(below._made) == len(lines) - 1


async def test_n_goes_to_what_was_sought_when_all_is_shown_again() -> None:
    async with looking() as (app, pilot, table):
        assert app.lens is not None
        await pilot.press("n")
        await pilot.pause()
        assert table.cursor == 0
        assert any("/ does" in str(notice.message) for notice in app._notifications)
        await pilot.press("slash", *"shop/", "enter", "escape")
        shops = [place for place, line in enumerate(table.lines) if "shop/" in line.cells[2].text]
        assert 1 < len(shops) < len(table.lines)
        table.cursor = shops[0]
        for key, place in (("n", shops[1]), ("N", shops[0]), ("N", shops[-1]), ("n", shops[0])):
            await pilot.press(key)
            assert table.cursor == place


async def test_help_and_hints_tell_of_the_fields_that_it_has() -> None:
    async with opened(size=(160, 120)) as (app, pilot):
        app.action_lens("images")
        await pilot.pause()
        await pilot.press("slash")
        assert "one of name= image=" in drawn(app)
        assert "Complete" in drawn(app).splitlines()[-1]
        await pilot.press("escape", "question_mark")
        text = drawn(app)
        assert "container=web" in text and "CLONE_NEWNET" in text
        assert [line for line in text.splitlines() if "nprocs" in line and "the text below" not in line]


@pytest.mark.parametrize("size", [(160, 50), (80, 24)], ids=["160x50", "80x24"])
@pytest.mark.parametrize("keys", [*LENS_KEYS.values(), ("m", "L"), ("m", "v", "down", "c")], ids=str)
async def test_help_says_first_what_the_lines_of_the_lens_are(keys: tuple[str, ...], size: tuple[int, int]) -> None:
    async with opened(size=size) as (app, pilot):
        await pilot.press(*keys)
        await pilot.pause(0.2)
        lens = app.lens
        assert lens is not None
        await pilot.press("question_mark")
        await pilot.pause(0.2)
        first, *_ = (line.split("│")[1].strip() for line in drawn(app).splitlines() if lens.ABOUT[:12] in line)
        assert lens.ABOUT.startswith(first), "whole words, in a line of its own"


async def test_a_field_is_completed_from_the_lines_and_remembered() -> None:
    async with looking() as (app, pilot, table):
        await pilot.press("slash", *"image=ops")
        await pilot.pause()
        assert "tab image=ops/agent:" in " ".join(drawn(app).split())
        await pilot.press("tab", "enter")
        assert app.lens is not None
        wanted = app.lens.filter.text
        assert wanted.startswith("image=ops/agent:") and {line.cells[2].text for line in table.lines} == {wanted[6:]}
        assert f"/{wanted}" in drawn(app).splitlines()[0]
        await pilot.press("escape", "slash", "up")
        await pilot.pause()
        assert app.lens.filter.text == wanted
        await pilot.press("escape", "escape", "slash", "up")
        await pilot.pause()
        assert app.explorer.view.filter.text == wanted, "one history"


async def test_what_only_another_lens_can_be_asked_is_not_brought_back() -> None:
    async with opened() as (app, pilot):
        app.memory.add_to_history("container=web")
        app.memory.add_to_history("severity=high")
        await pilot.press("slash", "up")
        await pilot.pause()
        assert app.explorer.view.filter.text == "container=web"


async def test_an_error_points_at_its_character_and_what_was_right_stays_in_effect() -> None:
    async with looking() as (app, pilot, table):
        every = len(table.lines)
        await pilot.press("slash", *"shop colour=red")
        await pilot.pause()
        lines = drawn(app).splitlines()
        place = next(n for n, line in enumerate(lines) if line.startswith("shop colour=red"))
        assert lines[place + 1].startswith("     ^ no field is called colour here")
        assert "there are name, image" in lines[place + 1]
        assert app.lens is not None and app.lens.filter.text == "shop colour"
        await pilot.press("enter")
        assert app.lens.has_class("filtering"), "there is something to mend"
        await pilot.press("escape")
        assert len(table.lines) == every and not app.lens.has_class("filtering")


async def test_a_port_finds_the_line_of_whoever_listens() -> None:
    async with opened(NET) as (app, pilot):
        await pilot.press("m", "slash", *"port=8080")
        await pilot.pause()
        await pilot.pause()
        assert app.lens is not None
        assert names(app.lens.table) == ["web"]
        await pilot.press("escape", "w", "slash", *"port=8080")
        await pilot.pause()
        assert len(app.lens.table.lines) == 2, "on the map it is that of the line, and not of who is in there"


async def test_each_lens_has_the_fields_of_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(NET) as (app, pilot):
        for key, expression, found in (
            ("w", "kind=bridge", {"bridge", ""}), ("m", "name=ledger", {"ledger"}), ("a", "severity=high", {"high"}),
        ):  # fmt: skip
            await pilot.press(key, "slash", *expression, "enter")
            await pilot.pause()
            assert app.lens is not None and app.lens.filter.text == expression
            column = 1 if key == "w" else 0
            assert {line.cells[column].text for line in app.lens.table.lines} <= found
            await pilot.press("escape", "escape")


async def test_a_scroll_bar_covers_no_text() -> None:
    async with opened(NET, size=SMALL) as (app, pilot):
        await pilot.press("w")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.lens is not None
        table = app.lens.table
        for height in (24, 200, 16):
            await pilot.resize_terminal(80, height)
            await pilot.pause()
            shown = [width for width in table._widths if width]
            assert table.show_vertical_scrollbar == (height < 200)
            assert 1 + sum(shown) + GAP * (len(shown) - 1) == table.scrollable_content_region.width


async def test_its_lines_are_filtered_sorted_and_opened() -> None:
    async with looking(SMALL) as (app, pilot, table):
        assert app.lens is not None
        given = names(table)
        await pilot.press("s")
        assert names(table) == sorted(given)
        await pilot.press("S")
        assert names(table) == sorted(given, reverse=True)
        await pilot.press("slash", *"led", "enter")
        assert names(table) == ["ledger"]
        await pilot.press("enter")
        await pilot.pause()
        assert Images.opened == [table.lines[0].key]
        await pilot.press("slash", *"xxx")
        await pilot.pause()
        assert "Nothing here matches xxx" in drawn(app)
        await pilot.press("escape")
        assert len(table.lines) == len(given)
        assert app.lens is not None, "the first Esc clears the filter"
        await pilot.press("escape")
        assert app.lens is None


async def test_a_newer_snapshot_keeps_the_cursor_on_its_line() -> None:
    async with looking() as (app, pilot, table):
        assert app.lens is not None
        await pilot.press("j", "j")
        chosen = table.line
        assert chosen is not None
        first = names(table)[0]
        kept = {k: c for k, c in app.lens.snapshot.containers.items() if c.name != first}
        app.lens.snapshot = apps.Snapshot(
            app.lens.snapshot.host, 0, app.lens.snapshot.processes, app.lens.snapshot.namespaces, kept
        )
        app.lens.make()
        await pilot.pause()
        assert first not in names(table)
        assert table.line is not None
        assert table.line.key == chosen.key


async def test_a_click_on_a_title_sorts_and_one_on_a_line_chooses_it() -> None:
    async with looking() as (app, pilot, table):
        assert app.lens is not None
        await pilot.click(Table, offset=(2, 0))
        assert names(table) == sorted(names(table))
        await pilot.click(Table, offset=(2, 3))
        assert table.cursor == 2
        await pilot.click(Table, offset=(2, 3), times=2)
        await pilot.pause()
        assert Images.opened == [table.lines[2].key]


async def test_two_marked_lines_are_compared() -> None:
    async with opened(NET) as (app, pilot):
        await pilot.press("m", "c")
        assert any("Mark a line with v" in notice.message for notice in app._notifications)
        assert isinstance(app.lens, Lens)
        table = app.lens.table
        first, second = (line.cells[0].text for line in table.lines[:2])
        await pilot.press("g", "v", "j", "v")
        await pilot.pause()
        marked = [line[1:].split()[0] for line in drawn(app).splitlines() if line.startswith("◆")]
        assert marked == [first, second]
        await pilot.press("v", "j", "c")
        await pilot.pause()
        assert isinstance(app.lens, Compare)
        snapshot = app.lens.snapshot
        owners = [snapshot.container_of(process) for process in (app.lens.a, app.lens.b)]
        assert [owner.name for owner in owners if owner] == [first, names(table)[2]]
        await pilot.press("v")
        await pilot.pause()
        assert any("No process is behind this line" in notice.message for notice in app._notifications)


async def test_in_the_map_it_is_who_listens_that_is_compared() -> None:
    async with opened(NET) as (app, pilot):
        await pilot.press("w")
        await pilot.pause()
        await pilot.press("slash", *"port=8080", "enter", "G", "v", "escape", "g", "c")
        await pilot.pause()
        assert isinstance(app.lens, Compare) and app.lens.a.comm == "httpd"
        assert app.lens.snapshot.is_initial("net", app.lens.b.namespaces.net)


async def test_a_heading_that_is_cut_says_so_and_a_low_screen_is_the_lists() -> None:
    async with opened(size=SMALL) as (app, pilot):
        await pilot.press("m")
        await pilot.pause()
        heading = drawn(app).splitlines()[1].rstrip()
        assert "■ host's  □ usual" in heading and "9 containers, shared" in heading and heading.endswith("…")
        assert app.lens is not None and app.lens.query_one("#details").display
        for height in (5, 8):
            await pilot.resize_terminal(80, height)
            await pilot.pause()
            lines = drawn(app).splitlines()
            assert lines[2].split()[:2] == ["NAME", "mnt"] and lines[3].split()[:1] == ["api"]
            assert not app.lens.query_one("#details").display


async def test_the_heading_tells_the_way_back() -> None:
    async with opened() as (app, pilot):
        for key, told in (("9", " containers ›  matrix "), ("4", " pid ›  matrix ")):
            await pilot.press(key, "m")
            await pilot.pause()
            assert drawn(app).splitlines()[1].startswith(told)
            await pilot.press("escape")


async def test_what_a_filter_seeks_is_marked_in_the_lines() -> None:
    async with opened() as (app, pilot):
        await pilot.press("9", "m", "slash", *"name=we*", "enter")
        await pilot.pause()
        assert app.lens is not None
        table = app.lens.table
        marked = {s.text for y in range(1, 1 + len(table.lines)) for s in table.render_line(y) if s.style.underline}
        assert marked == {"we"}
        await pilot.press("escape")
        assert not any(s.style.underline for s in table.render_line(2))
