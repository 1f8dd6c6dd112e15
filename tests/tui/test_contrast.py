"""All that is drawn can be read, in every theme and on the chosen row; and each meaning has a colour of its own."""

from collections.abc import Iterator
from itertools import combinations

import pytest
from rich.color import ColorSystem
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.theme import BUILTIN_THEMES

from nsview.tui.app import NsviewApp
from nsview.tui.contrast import LEAST, readable
from nsview.tui.screens.lens import Lens
from nsview.tui.themes import OKABE_ITO, SIXTEEN
from nsview.tui.widgets import details, row_list, table
from nsview.tui.widgets.cursor import Cursor

from .colours import contrast, difference
from .screens import drawn, opened
from .test_themes import SCREENS, Fixed, colours, pieces

THEMES = sorted(name for name, theme in BUILTIN_THEMES.items() if not (theme.background or "").startswith("ansi"))
THEMES += [OKABE_ITO.name, SIXTEEN.name]
"""All but those of Textual's whose colours are the terminal's own."""
# The colours of the Linux console; as Rich numbers them.
VGA = TerminalTheme(
    (0, 0, 0), (170, 170, 170),
    [(0, 0, 0), (170, 0, 0), (0, 170, 0), (170, 85, 0), (0, 0, 170), (170, 0, 170), (0, 170, 170), (170, 170, 170)],
    [(85, 85, 85), (255, 85, 85), (85, 255, 85), (255, 255, 85), (85, 85, 255), (255, 85, 255), (85, 255, 255),
     (255, 255, 255)],
)  # fmt: skip
MEANINGS = ("host", "shared", "container", "warning", "error")


def test_a_colour_is_moved_only_as_far_as_reading_takes() -> None:
    dark, faint = Style.parse("#ffffff on #101010"), Style.parse("#804020 on #101010")
    assert readable(dark) is dark
    assert contrast(*colours(readable(faint))) == pytest.approx(LEAST, abs=0.6)
    assert contrast(*colours(readable(Style.parse("bold #ffff00 on #ffffff")))) >= LEAST
    assert readable(Style.parse("bold #ffff00 on #ffffff")).bold
    for own in (Style.parse("red on black"), Style.parse("bold"), Style.parse("default on #101010")):
        assert readable(own) is own


def styles(view: Cursor, names: tuple[str, ...]) -> Iterator[tuple[str, Style]]:
    """Each style of a view as it is drawn: on its background, and on the chosen line. Those with one of their own are
    drawn on that."""
    for name in names:
        for below in ("", "cursor", "cursor-blurred"):
            if not (name.startswith(("same-", "cursor")) and below):
                yield f"{name} on {below or 'the background'}", view.style_on(name, below)


def low(found: Iterator[tuple[str, Style]], least: float = LEAST) -> list[str]:
    return [f"{name}: {ratio:.2f}" for name, style in found if (ratio := contrast(*colours(style))) < least - 0.01]


@pytest.mark.parametrize("theme", THEMES)
async def test_every_style_of_every_theme_stands_out_from_its_background(theme: str) -> None:
    async with opened(memory=Fixed(theme)) as (app, pilot):
        listing = app.explorer.listing
        assert low(styles(listing, row_list.STYLES)) == []
        pane = app.explorer.query_one(details.DetailsPane)
        assert low((name, pane.style(name)) for name in details.STYLES) == []
        for key in ("9", "0"):
            await pilot.press(key)
            await pilot.pause()
            assert unread(app) == []
        for key in ("m", "a"):
            await pilot.press(key)
            await pilot.pause(0.2)
            assert isinstance(app.screen, Lens)
            assert low(styles(app.screen.table, table.STYLES)) == []
            assert unread(app) == []
            await pilot.press("escape")


LIGHT = [theme for theme in THEMES if theme in BUILTIN_THEMES and not BUILTIN_THEMES[theme].dark]
DIALOGS = ("enter", "help", "palette", "ready", "copy", "export", "compare", "go-to", "net-map")


@pytest.mark.parametrize("theme", [*LIGHT, "textual-dark", OKABE_ITO.name, SIXTEEN.name])
async def test_dialogs_and_the_comparison_can_be_read_too(theme: str) -> None:
    """Their dim text, what Textual draws in them, and in sixteen colours what is left of them there."""
    for name in DIALOGS:
        async with opened(memory=Fixed(theme)) as (app, pilot):
            await pilot.press(*SCREENS[name])
            await pilot.pause(0.3)
            found = [(text, style) for text, style in pieces(app) if style.color and style.bgcolor]
            assert found and low(iter(found)) == [], name
            if theme == SIXTEEN.name:
                assert [text for text, style in found if contrast(*in_sixteen(style)) < 4.2] == [], name


def unread(app: NsviewApp) -> list[str]:
    """The texts on the screen that do not stand out."""
    return low((text, style) for text, style in pieces(app) if style.color and style.bgcolor)


def in_sixteen(style: Style) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """The colours of a style in a terminal that has sixteen."""
    assert style.color and style.bgcolor
    text, ground = (
        tuple(one.downgrade(ColorSystem.STANDARD).get_truecolor(VGA)) for one in (style.color, style.bgcolor)
    )
    return text, ground


async def test_the_sixteen_colours_are_those_of_the_terminal_and_can_be_read() -> None:
    """On blue the sixteen have no better red than 4.2."""
    async with opened(memory=Fixed(SIXTEEN.name)) as (app, _):
        listing = app.explorer.listing
        found = list(styles(listing, row_list.STYLES))
        keys = app.screen.query_one("#keys")
        found.append(("keys", readable(keys.get_component_rich_style("keys--key"))))
        found += [(text, style) for text, style in pieces(app) if style.color and style.bgcolor]
        assert [name for name, style in found if contrast(*in_sixteen(style)) < 4.2] == []
        assert in_sixteen(found[-1][1])[0] != (255, 85, 85)
        assert in_sixteen(dict(found)["keys"])[0] == (255, 255, 255)  # and no red of what is grave
        meant = {name: in_sixteen(listing.style_on(name, ""))[0] for name in MEANINGS if name in row_list.STYLES}
        assert len(set(meant.values())) == len(meant)


async def test_a_terminal_of_sixteen_colours_gets_their_theme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    async with opened() as (app, _):
        assert app.current_theme is SIXTEEN
    async with opened(memory=Fixed("nord")) as (app, _):
        assert app.current_theme.name == "nord"


@pytest.mark.parametrize("theme", THEMES)
async def test_each_meaning_has_a_colour_of_its_own(theme: str) -> None:
    async with opened(memory=Fixed(theme)) as (app, pilot):
        await pilot.press("a")
        await pilot.pause(0.2)
        assert isinstance(app.screen, Lens)
        for below in ("", "cursor"):
            found = {name: colours(app.screen.table.style_on(name, below))[0] for name in MEANINGS}
            near = {(a, b): difference(found[a], found[b]) for a, b in combinations(MEANINGS, 2)}
            assert {pair: round(far) for pair, far in near.items() if far < (10 if not below else 5)} == {}


async def test_the_severity_of_the_chosen_finding_is_seen() -> None:
    async with opened(memory=Fixed(OKABE_ITO.name)) as (app, pilot):
        await pilot.press("a")
        await pilot.pause(0.3)
        assert isinstance(app.screen, Lens) and "high" in drawn(app)
        view = app.screen.table
        strip = view.render_line(view.cursor - view.scroll_offset.y + 1)
        severity, rest = ([s for s in strip if s.text.strip()][place].style for place in (0, 1))
        assert severity is not None and severity == view.style_on("error", "cursor") != rest
