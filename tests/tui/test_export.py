"""What is taken out: the clipboard, and files of what is shown."""

import csv
import json
import os
import stat
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from nsview.hosts.recording import RecordedHost, demo
from nsview.model import export
from nsview.tui.app import NsviewApp
from nsview.tui.screens.export import ExportDialog, _name
from nsview.tui.screens.menu import Menu

from .screens import SMALL, drawn, opened


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TMUX", raising=False)


async def export_as(pilot: Pilot[int], name: str) -> None:
    await pilot.press("E")
    await pilot.pause()
    pilot.app.screen.query_one(Input).value = name
    await pilot.press("enter")
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause(0.1)


async def test_what_is_copied_is_chosen_and_said() -> None:
    async with opened(size=SMALL) as (app, pilot):
        await pilot.press("down", "y")
        await pilot.pause()
        assert isinstance(app.screen, Menu)
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen is app.explorer
        assert app.clipboard == str(app.explorer.listing.row.process.pid)  # type: ignore[union-attr]
        assert any(f"Copied pid: {app.clipboard}" in notice.message for notice in app._notifications)
        await pilot.press("y")
        await pilot.pause()
        await pilot.press("j", "j", "enter")
        await pilot.pause()
        assert app.clipboard == "httpd -f -p 8080 -h /root"
        await pilot.press("y", "escape")
        assert app.screen is app.explorer


async def test_a_namespace_and_a_line_of_a_lens_can_be_copied() -> None:
    async with opened() as (app, pilot):
        await pilot.press("y", "enter")
        await pilot.pause()
        assert app.clipboard.startswith("net:[")
        await pilot.press("9", "g", "y", "enter")
        await pilot.pause()
        assert app.clipboard == app.explorer.listing.row.container.name  # type: ignore[union-attr]


async def test_the_json_is_the_contracts_and_follows_the_filter() -> None:
    async with opened() as (app, pilot):
        await export_as(pilot, "all.json")
        await pilot.press("slash", *"proxy", "enter")
        await export_as(pilot, "some.json")
        whole = app.explorer.snapshot
        assert whole is not None
    assert json.loads(Path("all.json").read_text()) == json.loads(json.dumps(export.listing(whole, whole)))
    some = json.loads(Path("some.json").read_text())
    assert [container["name"] for container in some["containers"]] == ["proxy"]
    assert stat.S_IMODE(os.stat("all.json").st_mode) == 0o600


async def test_csv_and_a_picture() -> None:
    async with opened() as (app, pilot):
        await export_as(pilot, "all.csv")
        await export_as(pilot, "all.svg")
        number = len(app.explorer.snapshot.processes)  # type: ignore[union-attr]
    with open("all.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == number
    assert {row["container"] for row in rows} >= {"web", "proxy"}
    picture = Path("all.svg").read_text()
    assert picture.startswith("<svg")
    assert "web-logs" in picture
    assert "Export" not in picture


async def test_a_lens_is_exported_as_it_stands() -> None:
    async with opened() as (app, pilot):
        await pilot.press("a")
        await pilot.pause(0.3)
        lens = app.lens
        assert lens is not None
        await export_as(pilot, "lens.json")
        await export_as(pilot, "lens.csv")
        lines = [[cell.text for cell in line.cells] for line in lens.table.lines]
    told = json.loads(Path("lens.json").read_text())
    assert (told["schema"], told["lens"]) == (1, lens.NAME)
    assert [list(line.values()) for line in told["lines"]] == lines
    with open("lens.csv", newline="") as file:
        assert len(list(csv.reader(file))) == 1 + len(lines)


async def test_nothing_is_overwritten_or_written_through() -> None:
    Path("there.json").write_text("mine")
    Path("link.json").symlink_to("elsewhere.json")
    async with opened() as (app, pilot):
        for name in ("there.json", "link.json"):
            await export_as(pilot, name)
            assert isinstance(app.screen, ExportDialog)
            assert f"{name} exists" in drawn(app)
            await pilot.press("escape")
        await export_as(pilot, "no/such/directory.json")
        assert any("No such file" in notice.message for notice in app._notifications)
        await export_as(pilot, "a\0b.json")
        assert any("null byte" in notice.message for notice in app._notifications)
        await export_as(pilot, "~nobody-of-that-name/x.json")
        assert any("~nobody-of-that-name/x.json: No such file" in notice.message for notice in app._notifications)
        await export_as(pilot, "what.txt")
        assert isinstance(app.screen, ExportDialog)
        assert "end it in .json" in drawn(app)
    assert Path("there.json").read_text() == "mine"
    assert sorted(f.name for f in Path().iterdir()) == ["link.json", "there.json"]


async def test_the_arrows_choose_another_ending() -> None:
    async with opened(size=SMALL) as (app, pilot):
        await pilot.press("E")
        await pilot.pause()
        typed = app.screen.query_one(Input)
        endings = []
        for key in ("down", "down", "down", "up"):
            endings.append(Path(typed.value).suffix)
            await pilot.press(key)
        assert endings == [".json", ".csv", ".svg", ".json"]
        assert Path(typed.value).suffix == ".svg"
        for name in ("", "/", "..", ".json"):
            typed.value = name
            await pilot.press("down")
            assert typed.value.endswith(".json")


async def test_in_a_directory_that_is_gone_nothing_fails_but_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    async with opened(size=SMALL) as (app, pilot):
        await pilot.press("E", "enter")
        await pilot.pause()
        await app.workers.wait_for_complete()
        assert any("No such file" in notice.message for notice in app._notifications)


@pytest.mark.parametrize(
    "host", ["../../etc/cron.d/x", "/etc/passwd", "a b;rm -rf ~", "\x1b[2J", "-rf", ".", "", "ä" * 300, "a" * 300]
)
def test_a_host_may_call_itself_anything(host: str) -> None:
    app = NsviewApp(RecordedHost(demo()))
    name = _name(app.explorer, host)
    assert name.startswith("nsview-")
    assert len(name) < 100
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
