"""K and L on the screen: what is offered, what is refused, and a log as it comes."""

import pytest
from textual.widgets import OptionList

from nsview.model.log import Log, LogLine
from nsview.tui.app import NsviewApp
from nsview.tui.screens.enter_dialog import JoinDialog
from nsview.tui.screens.logs import Logs
from nsview.tui.screens.menu import Menu

from .screens import drawn, opened
from .test_keys import go_to

TENS = ["line 27", "line 37", "line 47", "line 57"]


def notices(app: NsviewApp) -> str:
    return " ".join(notice.message for notice in app._notifications)


async def test_k_on_a_process_asks_with_term_first_and_sends_what_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    def send(pid: int, start: int, name: str) -> bool:
        sent.append((pid, start, name))
        return True

    monkeypatch.setattr("nsview.tui.screens.signal_menu.send", send)
    async with opened() as (app, pilot):
        await go_to(app, "web-logs", "tail")
        process = app.explorer.process
        assert process is not None
        await pilot.press("K")
        assert "This is a recording" in notices(app)
        monkeypatch.setattr(app.session.host, "live", True)
        monkeypatch.setattr(app.session.host, "here", True)
        await pilot.press("K")
        assert isinstance(app.screen, Menu) and f"Send to tail, pid {process.pid}, in web-logs" in drawn(app)
        assert str(app.screen.query_one(OptionList).get_option_at_index(0).prompt).startswith("TERM")
        await pilot.press("escape")
        assert not sent
        await pilot.press("K", "enter")
        await app.workers.wait_for_complete()
        assert sent == [(process.pid, process.start, "TERM")]
        assert f"TERM was sent to tail, pid {process.pid}: it has exited." in notices(app)


async def test_k_on_a_container_offers_the_commands_of_its_engine_to_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(NsviewApp, "copy_to_clipboard", lambda self, text: copied.append(text))
    async with opened() as (app, pilot):
        await pilot.press("9", *"/web-logs", "enter", "g", "K")
        await pilot.pause()
        assert "docker stop web-logs" in drawn(app)
        await pilot.press("down", "enter")
        await pilot.pause()
        assert copied == ["docker kill web-logs"]


async def test_k_on_a_namespace_says_what_it_is_for() -> None:
    async with opened() as (app, pilot):
        await pilot.press("g", "K")
        assert "Signals are for processes" in notices(app)


async def test_l_shows_a_log_as_it_comes_with_escapes_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [
        Log(driver="json-file", path="/x.log", lines=tuple(LogLine("2026-01-02T03:04:05.6Z", "stdout", f"line {n}")
            for n in range(60)), place=(1, 2)),
        Log(driver="json-file", path="/x.log", lines=(LogLine("", "stderr", "\x1b[2Jlast"),), place=(1, 3), skipped=99),
        Log(driver="json-file", path="/x.log", place=(1, 3), gone=True),
    ]  # fmt: skip
    asked = []

    async def log(container: str, tail: int, place: tuple[int, int] | None = None) -> Log:
        asked.append((container, place))
        return said.pop(0) if len(said) > 1 else said[0]  # it may be started again

    monkeypatch.setattr("nsview.tui.screens.logs.PACE", 0.01)
    async with opened() as (app, pilot):
        await go_to(app, "web-logs", "tail")
        monkeypatch.setattr(app.session, "log", log)
        await pilot.press("L")
        await pilot.pause(0.3)
        assert isinstance(app.screen, Logs)
        assert [place for _, place in asked][:4] == [None, (1, 2), (1, 3), (1, 3)]
        assert app.screen.table.cursor == 62  # the end is followed
        text = drawn(app)
        assert "\\x1b[2Jlast" in text and "… 99 bytes are left out" in text and "which has stopped" in text
        turns = [line.cells[2].text for line in app.screen.table.lines if "───" in line.cells[2].text]
        assert turns == ["─── web-logs has stopped ───"]
        await pilot.press("slash", *"line 7", "enter")
        assert [line.cells[2].text for line in app.screen.table.lines] == ["line 7", "line 17", *TENS]
        await pilot.press("escape", "escape")
        assert app.screen is app.explorer


async def test_l_without_a_log_says_why() -> None:
    async with opened() as (app, pilot):
        await go_to(app, "web-logs", "tail")
        await pilot.press("L")
        await pilot.pause()
        assert "This is a recording; logs are not in it." in drawn(app)
        await pilot.press("escape", "g", "L")
        assert "No container is behind this row" in notices(app)


async def test_the_buttons_of_the_dialog_before_joining_are_seen_on_24_lines_and_no_notice_covers_them() -> None:
    async with opened(size=(80, 24)) as (app, pilot):
        await go_to(app, "web", "httpd")
        app.notify("Back from web: exit code 0")
        await pilot.pause()
        assert len(app._notifications) == 1
        await pilot.press("x")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await pilot.pause(0.5)
        assert isinstance(app.screen, JoinDialog) and app.screen.query("#words").only_one().size.height > 4
        assert app.screen.query_one("#buttons").region.bottom < 24 and not app._notifications
