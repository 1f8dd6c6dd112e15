"""The first picture is the one that the explorer paints a moment later, cell by cell."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style

from nsview.hosts.recording import RecordedHost, demo
from nsview.model.view import Grouping
from nsview.state import Memory, State
from nsview.tui import colours, first_picture
from nsview.tui.app import NsviewApp
from nsview.tui.widgets.status import Status
from scripts.colours import of_app

from .screens import NET, SMALL, USER, WIDE, opened, running

Cell = tuple[str, Style]


def cells(pieces: Iterable[tuple[str, Style | None]]) -> list[Cell]:
    """What stands in each cell, a wide character in its first, and how. Of a blank only what lies below it is seen."""
    found = []
    for text, style in pieces:
        for character in text:
            looks = style or Style.null()
            seen = Style(color=None if character == " " else looks.color, bgcolor=looks.bgcolor, bold=looks.bold)
            found += [(character, seen)] + [("", seen)] * (cell_len(character) - 1)
    return found


def remembering(**state: object) -> Memory:
    memory = Memory()
    memory.remember(**state)
    return memory


@pytest.mark.parametrize(
    ("recording", "size", "state"),
    [
        (demo(), WIDE, {}),
        (demo(), SMALL, {}),
        (demo(), (119, 30), {"grouping": "pid", "groups": "size"}),
        (demo(), (133, 43), {"grouping": "container", "theme": "textual-light"}),
        (demo(), (250, 60), {"grouping": "tree", "processes": "pid", "columns": ("ppid", "image")}),
        (demo(), (90, 12), {"details": False, "theme": "okabe-ito"}),
        (USER, WIDE, {}),
        (NET, (200, 20), {"grouping": "user", "theme": "nord"}),
    ],
)  # fmt: skip
async def test_it_is_what_the_explorer_paints(recording: Path, size: tuple[int, int], state: dict[str, object]) -> None:
    memory = remembering(**state)
    app = NsviewApp(RecordedHost(recording), memory=memory)
    async with running(app, size) as pilot:
        app.explorer.query_one(Status).source = "live"
        await pilot.pause()
        snapshot = app.explorer.snapshot
        assert snapshot is not None
        picture, styles = first_picture.lines(snapshot, memory.state, *size), colours.of_theme(memory.state.theme)
        assert picture is not None
        assert styles is not None
        painted = [cells((text, styles[style]) for text, style in line) for line in picture]
        seen = [cells((s.text, s.style) for s in strip) for strip in app.screen._compositor.render_strips()]
        assert len(painted) == size[1]
        area = app.explorer.listing.scrollable_content_region
        rows = dict.fromkeys(range(area.y, area.bottom), area.width)
        widths = {0: size[0] - len("live "), 1: size[0], **rows}
        different = {
            (x, y): (painted[y][x], seen[y][x])
            for y, width in widths.items()
            for x in range(width)
            if painted[y][x] != seen[y][x]
        }
        assert different == {}
        # Whether it is live is for the explorer to say, which is.
        assert "live" not in "".join(cell for cell, _ in painted[0])


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (9, 3), (20, 4), (40, 6), (80, 5), (300, 4), (119, 200)])
@pytest.mark.parametrize("grouping", ["net", "tree", "container"])
def test_it_fits_any_terminal(size: tuple[int, int], grouping: Grouping) -> None:
    painted = first_picture.lines(RecordedHost(demo()).first(), State(grouping=grouping), *size)
    assert painted is not None
    assert len(painted) == size[1]
    assert {cell_len("".join(text for text, _ in line)) for line in painted} == {size[0]}


@pytest.mark.parametrize("told", [{}, {"COLUMNS": "100"}, {"COLUMNS": "0", "LINES": "30"}, {"LINES": "many"}])
def test_it_is_as_large_as_textual_takes_the_terminal_for(
    told: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size((132, 0)))
    assert first_picture._size() == shutil.get_terminal_size()


async def test_the_colours_are_those_that_textual_makes_of_the_themes() -> None:
    async with opened() as (app, pilot):
        for theme in app.available_themes:
            app.theme = theme
            await pilot.pause()
            assert of_app(app) == colours.of_theme(theme), f"{theme}: run python -m scripts.colours"


def test_the_usual_theme_is_the_one_that_textual_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTUAL_THEME", raising=False)
    assert colours.of_theme(None) == colours.of_theme("textual-dark")
    monkeypatch.setenv("TEXTUAL_THEME", "nord")
    assert colours.of_theme(None) == colours.of_theme("nord")
    assert colours.of_theme("dracula") != colours.of_theme("nord")


def test_where_colours_are_not_known_nothing_is_painted() -> None:
    assert colours.of_theme("no such theme") is None


@pytest.mark.parametrize(
    ("variables", "system"),
    [
        ({"TERM": "xterm-256color"}, ColorSystem.EIGHT_BIT),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, ColorSystem.TRUECOLOR),
        ({"TERM": "screen", "COLORTERM": "24bit"}, ColorSystem.TRUECOLOR),
        ({"TERM": "linux"}, None),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, None),
        ({"TERM": "xterm-256color", "TEXTUAL_COLOR_SYSTEM": "standard"}, None),
    ],
)
def test_the_colours_are_told_as_rich_tells_them(
    variables: dict[str, str], system: ColorSystem | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "COLORTERM", "NO_COLOR", "TEXTUAL_COLOR_SYSTEM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert colours.system() == system
    if system is not None:
        assert Console(force_terminal=True).color_system == {"TRUECOLOR": "truecolor", "EIGHT_BIT": "256"}[system.name]


def test_a_part_by_which_nothing_is_known_of_what_is_asked_for_is_not_painted() -> None:
    part = replace(RecordedHost(demo()).first(), partial=True)
    assert first_picture.lines(part, State(), *WIDE) is not None
    assert first_picture.lines(part, State(grouping="container"), *WIDE) is None


def test_what_the_host_should_be_told_has_its_own_line_so_the_picture_waits() -> None:
    snapshot = RecordedHost(demo()).first()
    noted = replace(snapshot, host=replace(snapshot.host, notes=("hidepid",)))
    assert first_picture.lines(noted, State(), *WIDE) is None
