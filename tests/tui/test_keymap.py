"""Keys of the user's own for what keys do."""

import re
from pathlib import Path

import pytest
from textual.widgets import Input

from nsview.config import Config, ConfigError
from nsview.tui.app import NsviewApp
from nsview.tui.keymap import named, scopes
from nsview.tui.screens.help import HelpScreen

from .screens import SMALL, drawn, explorer, running

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "config.md"


def configured(tmp_path: Path, text: str) -> NsviewApp:
    file = tmp_path / "config.toml"
    file.write_text(text)
    app = explorer()
    app.configure(Config(file))
    return app


async def test_an_action_has_the_keys_that_the_user_gives_it_and_no_other(tmp_path: Path) -> None:
    app = configured(tmp_path, '[keys]\nfilter = "ctrl+f, &"\nfold-all = ["z"]\ndown = "f6"\n')
    async with running(app) as pilot:
        before = len(app.explorer.listing.rows)
        await pilot.press("f", "slash", "j", "down")
        assert (len(app.explorer.listing.rows), app.explorer.listing.cursor) == (before, 1)
        await pilot.press("f6")
        assert app.explorer.listing.cursor == 2
        await pilot.press("z")
        assert len(app.explorer.listing.rows) < before
        for key in ("ctrl+f", "ampersand"):
            await pilot.press(key)
            assert isinstance(app.focused, Input)
            await pilot.press(*"zn&f")
            assert app.focused.value == "zn&f"  # what is typed is typed
            await pilot.press("escape")
        assert "^f" in drawn(app).splitlines()[-1]
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        text = drawn(app)
        await pilot.press("pagedown")
        await pilot.pause(0.4)  # it scrolls smoothly
        assert re.search(r"\^f &\s+Show only what matches", text + drawn(app))


def test_what_shares_a_key_by_itself_may_be_given_it(tmp_path: Path) -> None:
    configured(tmp_path, '[keys]\nfocus-next = "tab"\nclose = ["escape", "q"]\nclear-filter = "escape"\n')


async def test_two_actions_may_change_their_keys(tmp_path: Path) -> None:
    app = configured(tmp_path, '[keys]\ntoggle-details = "f"\nfold-all = "d"\n')
    async with running(app, SMALL) as pilot:
        before = len(app.explorer.listing.rows)
        await pilot.press("f")
        assert app.explorer.has_class("no-details")
        await pilot.press("d")
        assert len(app.explorer.listing.rows) < before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('theme = "okabe"', "line 1: theme: no such theme; there are"),
        ('[keys]\nfiltr = "x"', "line 2: keys.filtr: no such action; is it filter"),
        ('[keys]\n\nfilter = "e"', "line 3: keys.filter: e is the key of enter already"),
        ('[keys]\nfilter = "j"', "line 2: keys.filter: j is the key of down already"),
        ('[keys]\nfilter = "z"\npause = "z"', "keys.pause: z is the key of filter already"),
        ('[keys]\nfilter = ","', "line 2: keys.filter: no such key: ''"),
        ("[keys]\nfilter = []", "line 2: keys.filter: no key"),
        ('[keys]\nfilter = "ctrl+nothing"', "line 2: keys.filter: no such key: 'ctrl+nothing'"),
        ('[keys]\nfilter = "control+f"', "line 2: keys.filter: no such key: 'control+f'"),
        ('[keys]\nfilter = "\\u001b"', "line 2: keys.filter: no such key: '\\x1b'"),
        ('[keys]\nfilter = "ctrl+q"', "line 2: keys.filter: ctrl+q always quits"),
    ],
)
def test_what_cannot_be_is_one_line_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml: line ") as raised:
        configured(tmp_path, text)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_action_that_the_page_names_is_there_with_these_keys() -> None:
    every: dict[str, set[str]] = {}
    for scope in scopes(NsviewApp):
        for name, keys in named(scope).items():
            every.setdefault(name, set()).update(keys)
    told = re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$", DOCS.read_text(), re.MULTILINE)
    assert len(told) > 40
    assert len(told) == len({name for name, _ in told})
    for name, keys in told:
        assert set(re.findall("`(.*?)`", keys)) <= every[name], name
