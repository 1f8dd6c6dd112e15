"""The theme for those who see fewer colours, by computation; and the screen without any."""

from collections.abc import Iterator
from itertools import combinations

import pytest
from rich.style import Style
from textual.geometry import Region
from textual.widgets import Button

from nsview.state import Memory, State
from nsview.tui.app import NsviewApp
from nsview.tui.widgets.row_list import RowList

from .colours import DEUTERANOPIA, NORMAL, PROTANOPIA, RGB, contrast, difference
from .screens import SMALL, opened

SCREENS = {
    "net": ("down",),
    "pid": ("4", "down"),
    "tree": ("0", "end"),
    "containers": ("9",),
    "filter": ("slash", *"shop"),
    "enter": ("down", "e"),
    "help": ("question_mark",),
    "palette": ("ctrl+p",),
    "ready": ("x",),
    "copy": ("down", "y"),
    "export": ("E",),
    "matrix": ("m", "down", "right"),
    "net-map": ("w",),
    "audit": ("a", "down"),
    "compare": ("down", "v", "down", "v", "c"),
    "go-to": ("colon", *"we"),
}


class Fixed(Memory):
    """A memory of one theme."""

    def __init__(self, theme: str) -> None:
        super().__init__(theme=theme)


def test_the_computations_give_what_is_known() -> None:
    black, white, grey = (0, 0, 0), (255, 255, 255), (118, 118, 118)
    assert contrast(black, white) == pytest.approx(21)
    assert contrast(grey, white) == pytest.approx(4.54, abs=0.01)
    assert difference(black, white) == pytest.approx(100, abs=0.1)
    assert difference((255, 0, 0), (0, 255, 0)) == pytest.approx(170.6, abs=0.5)
    red, green = (200, 60, 60), (110, 110, 50)
    assert difference(red, green, DEUTERANOPIA) < difference(red, green) / 3


def pieces(app: NsviewApp) -> Iterator[tuple[str, Style]]:
    """All text on the screen with its style; on one that stands over another, what is not that other's. Without lines
    and blocks, which only set things apart."""
    above = app.screen.query("#dialog, #help, #menu, #goto, #--input, CommandList")
    parts = [*above] if app.screen.is_modal else [app.screen]
    whole = Region.from_union([part.region for part in parts])
    for strip in app.screen._compositor.render_strips()[whole.y : whole.bottom]:
        for segment in strip.crop(whole.x, whole.right):
            text = "".join(c for c in segment.text if not "\u2500" <= c < "\u25a0" and c != "🔎").strip()
            if text and segment.style is not None:
                yield text, segment.style


def colours(style: Style) -> tuple[RGB, RGB]:
    assert style.color is not None and style.bgcolor is not None
    text, ground = style.color.get_truecolor(), style.bgcolor.get_truecolor()
    return (ground, text) if style.reverse else (text, ground)


@pytest.mark.parametrize("screen", SCREENS)
async def test_all_text_of_our_theme_has_the_contrast_that_reading_takes(screen: str) -> None:
    async with opened(memory=Fixed("okabe-ito")) as (app, pilot):
        await pilot.press(*SCREENS[screen])
        await pilot.pause(0.4)
        inactive = {str(button.label) for button in app.screen.query(Button) if button.disabled}
        low = []
        seen = 0
        for text, style in pieces(app):
            found = contrast(*colours(style))
            if found < 4.5 and text not in inactive:
                low.append(f"{text!r}: {found:.2f}, {style}")
            seen += 1
        assert not low
        assert seen > 3


@pytest.mark.parametrize("eye", [NORMAL, PROTANOPIA, DEUTERANOPIA], ids=["normal", "protanopia", "deuteranopia"])
async def test_host_shared_and_container_are_told_apart_by_every_eye(eye: tuple[RGB, RGB, RGB]) -> None:
    async with opened(memory=Fixed("okabe-ito")) as (app, _):
        listing = app.explorer.query_one(RowList)
        names = ("host", "shared", "container", "command", "user")
        found = {name: colours(listing.rich_style + listing.style_of(name))[0] for name in names}
        for one, other in combinations(names, 2):
            # Twenty times what can just be seen.
            least = 20 if "user" not in (one, other) else 10
            assert difference(found[one], found[other], eye) >= least, (one, other)


async def test_a_theme_is_kept_and_begun_with() -> None:
    async with opened(size=SMALL) as (app, pilot):
        app.theme = "okabe-ito"
        await pilot.pause()
        background = app.screen.styles.background
        assert app.memory.state == State(theme="okabe-ito")
    async with opened(memory=Fixed("okabe-ito"), size=SMALL) as (app, pilot):
        assert app.screen.styles.background == background
        assert app.current_theme.name == "okabe-ito"
    async with opened(memory=Fixed("gone"), size=SMALL) as (app, pilot):
        assert app.current_theme.name == "textual-dark"


@pytest.mark.parametrize("screen", SCREENS)
async def test_without_colours_the_chosen_row_and_all_else_are_still_told_apart(
    screen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened() as (app, pilot):
        await pilot.press(*SCREENS[screen])
        await pilot.pause(0.4)
        told = set()
        for line in app.screen._compositor.render_strips():
            for segment in line.apply_filter(app._filters[-1], app.screen.styles.background):
                style = segment.style or Style.null()
                assert style.color is None or style.color.is_default, segment
                assert style.bgcolor is None or style.bgcolor.is_default, segment
                told |= {name for name in ("bold", "reverse", "underline", "dim") if getattr(style, name)}
        assert {"bold", "reverse"} <= told


async def test_without_colours_a_row_is_chosen_by_reverse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened() as (app, pilot):
        listing = app.explorer.listing

        def reversed_lines() -> list[int]:
            drawn = {y: listing.render_line(y) for y in range(1, 10)}
            return [y for y, strip in drawn.items() if any(piece.style and piece.style.reverse for piece in strip)]

        assert reversed_lines() == [listing.cursor + 1]
        await pilot.press("down")
        assert reversed_lines() == [listing.cursor + 1]
