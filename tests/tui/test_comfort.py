"""What makes it one's own: what is remembered, themes, keys, copies, files."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.events import MouseScrollUp
from textual.pilot import Pilot

from nsview.hosts import link
from nsview.hosts.local import LocalHost
from nsview.model.rows import rows
from nsview.model.view import GroupRow, ProcessRow, View
from nsview.state import Memory, State
from nsview.tui import app as tui
from nsview.tui import silence
from nsview.tui.lenses import LENSES
from nsview.tui.screens.audit import Audit
from nsview.tui.screens.enter_dialog import JoinDialog
from nsview.tui.screens.help import HelpScreen
from nsview.tui.widgets.details import DetailsPane
from nsview.tui.widgets.hint import LINES
from nsview.tui.widgets.pane import Pane
from nsview.tui.widgets.row_list import RowList
from nsview.tui.widgets.status import Status

from .screens import SMALL, WIDE, drawn, explorer, opened, running
from .test_keys import go_to


async def test_the_next_run_looks_as_the_last_one_did(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    async with opened(memory=Memory(file)) as (app, pilot):
        await pilot.press("4", "d")
    assert Memory(file).state == State(details=False, greeted=True)
    async with opened(memory=Memory(file)) as (app, pilot):
        assert app.explorer.view.by == "net", "not the grouping in which the last one happened to end"
        assert not app.explorer.query_one("#details").display


@pytest.mark.parametrize("lens", LENSES)
async def test_a_run_begins_with_the_grouping_and_the_lens_of_the_configuration(tmp_path: Path, lens: str) -> None:
    file = tmp_path / "state.json"
    file.write_text('{"grouping": "user"}')  # of an earlier version
    app = explorer(memory=Memory(file, grouping="pid", lens=lens))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.lenses.name == lens and app.explorer.snapshot is not None)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.explorer)
        assert app.explorer.view.by == "pid"


async def told(pilot: Pilot[int], words: str) -> None:
    """Until the status line says so."""
    for _ in range(600):
        status = pilot.app.screen.query_one(Status)
        if words in status.render().plain:
            return
        await pilot.pause(0.05)
    raise AssertionError(f"{words!r} never came: {status.render().plain!r}")


async def test_an_agent_that_is_stopped_is_not_called_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "PATIENCE", 0.2)
    host = LocalHost()
    app = tui.NsviewApp(host)
    async with app.run_test(size=WIDE) as pilot:
        await told(pilot, " live ")
        os.kill(host._agent.pid, signal.SIGSTOP)
        try:
            await pilot.press("0", "down")
            await told(pilot, " no word for ")
            await pilot.press("m")
            await pilot.pause()
            assert app.screen is app.lens
            await told(pilot, " no word for ")
        finally:
            os.kill(host._agent.pid, signal.SIGCONT)
        await told(pilot, " live ")


async def test_the_screen_is_kept_where_the_agent_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PATIENCE", 1.0)
    host = LocalHost()
    app = tui.NsviewApp(host)
    async with app.run_test(size=WIDE) as pilot:
        await told(pilot, " live ")
        os.kill(host._agent.pid, signal.SIGSTOP)
        await pilot.press("w")  # the net map asks
        await told(pilot, " stopped ")
        assert any("has not answered" in note.message for note in app._notifications)
        assert app.explorer.listing.row is not None
        await pilot.press("escape", "r")
        await told(pilot, " live ")
        assert app.session.host is not host


async def test_the_screen_is_kept_where_the_agent_is_killed() -> None:
    """Started again once, with a line: grouping, filter, selection, marks and the open lens are as they were."""
    host = LocalHost()
    app = tui.NsviewApp(host)
    async with app.run_test(size=WIDE) as pilot:
        await told(pilot, " live ")
        await pilot.press("2", "slash", *str(os.getpid()), "enter", "G", "v")
        await pilot.pause(0.5)
        explorer = app.explorer
        row = explorer.listing.row
        assert row is not None
        kept = explorer.view, row.key, dict(explorer.marks.of), explorer.snapshot
        os.kill(host._agent.pid, signal.SIGKILL)
        await until(pilot, lambda: len(app._notifications) == 1)
        assert "was started again" in next(iter(app._notifications)).message
        await until(pilot, lambda: explorer.snapshot is not kept[3])
        assert explorer.listing.row is not None
        assert (explorer.view, explorer.listing.row.key, dict(explorer.marks.of)) == kept[:3]
        await told(pilot, " live ")
        await pilot.press("a")  # the one agent answers what the other was asked
        await until(pilot, lambda: isinstance(app.lens, Audit) and app.lens.facts.complete)
        os.kill(host._agent.pid, signal.SIGKILL)
        await until(pilot, lambda: any("starts it" in one.message for one in app._notifications))
        await told(pilot, "stopped")


async def until(pilot: Pilot[int], ready: Callable[[], bool]) -> None:
    for _ in range(600):
        if ready():
            return
        await pilot.pause(0.05)
    raise AssertionError("never")


async def test_the_first_run_has_a_hint_that_any_key_ends_and_still_does_what_it_does(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    for again in range(2):
        app = explorer(memory=Memory(file))
        async with running(app, (80, 24)) as pilot:
            text = drawn(app)
            assert all((line in text) is not bool(again) for line in LINES)
            before = app.explorer.listing.cursor
            await pilot.press("down")
            await pilot.pause()
            assert app.explorer.listing.cursor == before + 1
            assert LINES[0] not in drawn(app)
    assert Memory(file).state == State(greeted=True)


async def test_the_hint_stands_once_though_the_first_part_had_nothing_to_show(tmp_path: Path) -> None:
    app = explorer(memory=Memory(tmp_path / "state.json"))
    async with running(app) as pilot:
        snapshot = app.explorer.snapshot
        assert snapshot is not None
        app.explorer.snapshot = None  # as it is while nothing of what is asked for is known
        app.show_snapshot(snapshot, None)
        app.explorer.snapshot = snapshot
        await pilot.pause()
        assert len(app.explorer.query("#hint")) == 1


async def test_a_click_ends_the_hint_and_is_a_click(tmp_path: Path) -> None:
    async with opened(memory=Memory(tmp_path / "state.json")) as (app, pilot):
        await pilot.click("#kindbar", offset=(3, 0))
        assert app.explorer.view.by == "tree"
        assert LINES[0] not in drawn(app)


async def test_pictures_and_tests_have_no_hint() -> None:
    async with opened() as (app, _):
        assert LINES[0] not in drawn(app)


async def test_the_palette_has_all_that_keys_do_with_the_key() -> None:
    async with opened() as (app, pilot):
        found = {command.title: command.help for command in app.get_system_commands(app.screen)}
        for title, key in (("Shell", "e"), ("Group by pid", "4"), ("Copy", "y"), ("Audit", "a"), ("Fold", "f")):
            assert found[title].startswith(f"Key {key}"), title
        assert {"Theme", "Quit"} <= found.keys()
        await pilot.press("ctrl+p")
        await pilot.pause(0.3)
        await pilot.press(*"group by uts")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await pilot.pause(0.3)
        if app.screen is not app.explorer:  # the first Enter chooses, where it is slow
            await pilot.press("enter")
            await pilot.pause(0.3)
        assert app.explorer.view.by == "uts"


async def test_a_page_on_in_a_palette_that_is_not_laid_out_does_no_harm() -> None:
    app = explorer()
    async with running(app, (80, 24)) as pilot:
        for opened in ("ctrl+p", "x"):
            await pilot.press(opened)
            await pilot.pause()
            commands = app.screen.query_one("CommandList")
            commands.clear_options().add_options(["one", "two"])  # type: ignore[attr-defined]
            commands.highlighted = 1  # type: ignore[attr-defined]
            app.screen.action_page("page_down")  # type: ignore[attr-defined]
            await pilot.press("escape", "escape")
        assert app.screen is app.explorer


async def test_rows_are_sorted_and_have_more_columns_as_wanted_now_and_the_next_time(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    async with opened(memory=Memory(file)) as (app, pilot):
        await pilot.press("s", "down", "enter")  # the largest group first
        await pilot.pause()
        sizes = [len(row.pids) for row in app.explorer.listing.rows if isinstance(row, GroupRow)]
        assert sizes == sorted(sizes, reverse=True)
        await pilot.press("s", *["down"] * 8, "enter")  # the newest process first
        await pilot.pause()
        await pilot.press("s", "end", "up", "enter")
        await pilot.pause()
        line = drawn(app).splitlines()
        assert "↕ by size, start" in line[1] and "nested" not in line[1]
        await pilot.press("t")
        assert "↕ by size, start, nested" in drawn(app).splitlines()[1]
        await pilot.press("t")
        assert "IMAGE" in line[2]
        assert any("shop/web:1.4" in row and "httpd" in row for row in line)
        await pilot.press("0")
        pids = [row.process.start for row in app.explorer.listing.rows if isinstance(row, ProcessRow)]
        assert pids == sorted(pids, reverse=True)
    app = explorer(memory=Memory(file))
    async with running(app, (80, 24)) as pilot:
        assert "9 containers  ↕" in drawn(app).splitlines()[1]
        assert " ↕ by size, start " in drawn(app).splitlines()[0]  # there is no room for it beside the groupings
        assert "IMAGE" in drawn(app).splitlines()[2]
        await pilot.press("s", "enter")
        await pilot.press("s", *["down"] * 4, "enter")
        await pilot.press("s", "end", "up", "enter")
        await pilot.pause()
        snapshot = app.explorer.snapshot
        assert snapshot is not None
        assert list(app.explorer.listing.rows) == rows(snapshot, View())
        assert "↕" not in drawn(app).splitlines()[1]
        assert "IMAGE" not in drawn(app).splitlines()[2]


async def test_every_mode_is_told_above_the_rows() -> None:
    """Also on a narrow screen: the filter, the order, nesting, matches alone, and that the rows are kept still."""
    for size in (SMALL, WIDE):
        async with opened(size=size) as (app, pilot):
            await pilot.press("t", "slash", *"web", "enter", "O")
            app.explorer._live.sort("size", "tree")
            app.explorer._live.pause()
            await pilot.pause()
            told = "\n".join(drawn(app).splitlines()[:2])
            for words in ("/web", "↕ by size, nested, only matches", "paused"):
                assert words in told, (size, told)


async def test_the_header_sorts_by_mouse_and_says_so() -> None:
    async with opened() as (app, pilot):
        header = drawn(app).splitlines()[2]
        for title, groups, processes in (
            ("PID", "age", "pid"), ("USER", "age", "user"), ("COMMAND", "age", "command"), ("COMMAND", "age", "tree"),
            ("CONTAINER", "name", "tree"), ("PID", "name", "pid"), ("CONTAINER", "age", "pid"),
        ):  # fmt: skip
            await pilot.click(RowList, offset=(header.index(f" {title}") + 1, 0))
            await pilot.pause()
            assert (app.explorer.view.groups, app.explorer.view.processes) == (groups, processes)
            shown = drawn(app).splitlines()[2]
            assert (f"{title}▲" in shown) == (title.lower() == processes or (title, groups) == ("CONTAINER", "name"))
            assert shown.replace("▲", " ").rstrip() == header.rstrip()
        await pilot.click(RowList, offset=(header.index("INSIDE"), 0))
        await pilot.pause()
        assert "Sort, and columns" in drawn(app)


async def test_the_cursor_stays_on_its_process_when_rows_are_sorted() -> None:
    async with opened() as (app, pilot):
        await pilot.press("end", "up")
        row = app.explorer.listing.row
        assert row is not None
        await pilot.press("s", "down", "enter")
        await pilot.pause()
        assert app.explorer.listing.row.key == row.key  # type: ignore[union-attr]


async def test_a_double_click_opens_a_process_and_the_wheel_scrolls() -> None:
    app = explorer()
    async with running(app, (80, 24)) as pilot:
        listing = app.explorer.listing
        await pilot.click("#listing", offset=(10, 3), times=2)
        await pilot.pause()
        assert isinstance(app.screen, JoinDialog)
        await pilot.press("escape", "0", "end")
        await pilot.pause()
        top = listing.scroll_offset.y
        await pilot._post_mouse_events([MouseScrollUp], "#listing", offset=(10, 5))
        await pilot.pause(0.3)
        assert listing.scroll_offset.y < top


@pytest.mark.parametrize("opened", ["tab", "question_mark"])
async def test_text_scrolls_with_the_keys_of_lists(opened: str) -> None:
    app = explorer()
    async with running(app, (80, 24)) as pilot:
        await pilot.press("down")
        await pilot.pause(0.4)
        await pilot.press(opened)
        await pilot.pause()
        pane = app.focused
        assert isinstance(pane, Pane | DetailsPane)
        await pilot.press("G")
        await pilot.pause(0.5)
        assert pane.scroll_offset.y == pane.max_scroll_y > 2
        await pilot.press("k")
        await pilot.pause(0.3)
        assert pane.scroll_offset.y == pane.max_scroll_y - 1
        await pilot.press("j", "g")
        await pilot.pause(0.5)
        assert pane.scroll_offset.y == 0


@pytest.mark.parametrize("name", LENSES)
async def test_the_keys_of_the_field_are_those_of_every_lens(name: str) -> None:
    async with opened() as (app, pilot):
        app.action_lens(name)
        await pilot.pause(0.4)
        lens = app.lens
        assert lens is not None
        last = len(lens.table.lines) - 1
        if last > 0:
            for key, place in (("G", last), ("g", 0), ("j", 1), ("k", 0), ("end", last), ("up", last - 1), ("home", 0)):
                await pilot.press(key)
                await pilot.pause()
                assert lens.table.cursor == place, key
        await pilot.press("slash", *"nothing at all is called so", "escape")
        await pilot.pause()
        assert app.screen is lens
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("q", "q")
        await pilot.pause()
        assert app.screen is app.explorer
        app.action_lens(name)
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.explorer


@pytest.mark.parametrize("width", [40, 60, 80, 120])
async def test_help_and_the_way_out_are_always_among_the_keys_shown(width: int) -> None:
    app = explorer()
    async with running(app, (width, 24)) as pilot:
        line = drawn(app).splitlines()[-1]
        assert line.rstrip().endswith("? Help  q Quit")
        assert "e Shell" in line
        await pilot.click("#keys", offset=(line.index("Help"), 0))
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)


def place_of(app: tui.NsviewApp, words: str) -> tuple[int, int]:
    """The place of these words in the details, from their left upper corner."""
    pane = app.explorer.query_one(DetailsPane)
    for y in range(pane.size.height):
        text = pane.render_line(y).text
        if words in text:
            return text.index(words), y
    raise AssertionError(f"{words} is not in the details")


async def test_pids_and_inodes_in_the_details_lead_to_their_rows_by_a_click() -> None:
    async with opened() as (app, pilot):
        await go_to(app, "web", "httpd")
        await pilot.pause(0.3)
        process, snapshot = app.explorer.process, app.explorer.snapshot
        assert process is not None and snapshot is not None
        container = snapshot.container_of(process)
        assert container is not None
        for words, leads_to in (
            (str(process.namespaces.uts), ("uts", process.namespaces.uts)),
            (str(container.shim_pid), container.shim_pid),
            (f"─{process.ppid} "[1:], process.ppid),
        ):
            app.go_to(process.pid)
            await pilot.pause(0.3)
            x, y = place_of(app, words)
            await pilot.hover(DetailsPane, offset=(x + 2, y))
            await pilot.pause()
            strip = app.explorer.query_one(DetailsPane).render_line(y)
            assert any(words.strip() in text and style and style.underline for text, style, _ in strip)
            await pilot.click(DetailsPane, offset=(x + 2, y))
            await pilot.pause()
            assert app.explorer.thing == leads_to
        await pilot.pause(0.3)
        before = app.explorer.thing
        await pilot.click(DetailsPane, offset=(1, 0))  # the title leads nowhere
        assert app.explorer.thing == before


async def test_of_a_namespace_its_owner_oldest_and_containers_lead_to_their_rows() -> None:
    async with opened() as (app, pilot):
        snapshot = app.explorer.snapshot
        assert snapshot is not None
        web = next(one for one in snapshot.containers.values() if one.name == "web")
        init = snapshot.init_of(web)
        assert init is not None and init.namespaces.net is not None
        owner = snapshot.namespaces["net", init.namespaces.net].owner
        oldest = min(snapshot.members("net")[init.namespaces.net], key=lambda pid: snapshot.processes[pid].start)
        for words, at, leads_to in (("owner ", 12, ("user", owner)), ("oldest ", 12, oldest), ("web ", 1, web.key)):
            app.go_to(("net", init.namespaces.net))
            await pilot.pause(0.3)
            x, y = place_of(app, words)
            await pilot.click(DetailsPane, offset=(x + at + 2, y))
            await pilot.pause()
            assert app.explorer.thing == leads_to


async def test_the_first_line_tells_the_load_the_memory_and_the_uptime_of_the_host() -> None:
    app = tui.NsviewApp(LocalHost())
    async with app.run_test(size=WIDE) as pilot:
        await told(pilot, " load ")
        assert re.search(r" load \d+\.\d\d  memory \d+%  up \d+[smhd]", drawn(app).splitlines()[0])
