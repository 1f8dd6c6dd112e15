"""The explorer of another host, whose pids are others': a pid namespace of its own is that host.

Nothing that is chosen there is done to the process of the same number here.
"""

import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from nsview.hosts import place
from nsview.hosts.remote import RemoteHost
from nsview.model.view import ProcessRow
from nsview.tui.app import NsviewApp
from nsview.tui.screens.enter_dialog import JoinDialog
from nsview.tui.screens.menu import Menu
from tests.tui.screens import WIDE, drawn

from .conftest import require
from .test_finding import until

THREADS = f"import threading,time; {os.getpid()}; threading.Thread(target=time.sleep, args=(1000,)).start()"


@asynccontextmanager
async def exploring() -> AsyncIterator[tuple[NsviewApp, Pilot[int]]]:
    """The explorer of a host with an agent (pid 1), `sleep 4321` and a process with a second thread."""
    require("unshare")
    started = f'sleep 4321 & python3 -c "{THREADS}" & exec "$@"'
    way = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", started, "sh"]
    path = f"{os.path.dirname(sys.executable)}:/usr/local/bin:/usr/bin:/bin"
    host = RemoteHost(place.Destination("far", "via", (*way, "env", f"PATH={path}")), asking=False)
    app = NsviewApp(host)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: bool(app.explorer.listing.rows))
        await pilot.press("0")
        await until(pilot, lambda: isinstance(app.explorer.listing.row, ProcessRow))
        yield app, pilot


async def choose(app: NsviewApp, pilot: Pilot[int], words: str) -> ProcessRow:
    await pilot.press("/", *words, "enter")
    await until(pilot, lambda: words in drawn(app) and isinstance(app.explorer.listing.row, ProcessRow))
    for _ in range(9):
        row = app.explorer.listing.row
        if isinstance(row, ProcessRow) and words in row.process.command:
            return row
        await pilot.press("down")
    raise AssertionError(drawn(app))


def numbers_there() -> list[int]:
    """The pid there of the process with a second thread, and the number of that thread, by the kernel's word here."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            if words[2:3] == [THREADS.encode()]:
                tasks = sorted(Path(f"/proc/{name}/task").iterdir(), key=lambda task: int(task.name))
                texts = [(task / "status").read_text() for task in tasks]
                return [int(text.partition("NSpid:")[2].partition("\n")[0].split()[-1]) for text in texts]
    return []


def notices(app: NsviewApp) -> str:
    return " ".join(notice.message for notice in app._notifications)


async def test_no_signal_is_sent_to_the_process_of_that_number_here(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []
    monkeypatch.setattr("nsview.tui.screens.signal_menu.send", lambda *words: sent.append(words))
    async with exploring() as (app, pilot):
        row = await choose(app, pilot, "sleep")
        assert os.path.exists(f"/proc/{row.process.pid}")
        await pilot.press("K")
        await pilot.pause()
        said = f"pid {row.process.pid} is a process of far, and signals are sent on this machine alone"
        assert said in notices(app)
        await pilot.press("enter")
        await pilot.pause()
        assert not isinstance(app.screen, Menu) and sent == []


async def test_what_is_copied_does_nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(NsviewApp, "copy_to_clipboard", lambda self, text: copied.append(text))
    async with exploring() as (app, pilot):
        row = await choose(app, pilot, "sleep")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, JoinDialog))
        assert app.context.entrance._helper is None  # which would be of this machine
        await pilot.press("ctrl+y")
        assert copied and copied[0].startswith("# --via ") and f"nsenter -t {row.process.pid}" in copied[0]
        await pilot.press("escape", "4", "g")
        await until(pilot, lambda: "BY HAND" in drawn(app))
        assert "# --via " in drawn(app).partition("BY HAND")[2]


async def test_the_first_line_says_by_which_way_it_is_seen() -> None:
    async with exploring() as (app, pilot):
        await until(pilot, lambda: "live, --via 'unshare" in drawn(app).partition("\n")[0])


async def test_a_thread_there_is_found_while_keys_go_on() -> None:
    async with exploring() as (app, pilot):
        await until(pilot, lambda: len(numbers_there()) == 2)
        pid, thread = numbers_there()
        await pilot.press(":", *str(thread))
        # Until that host has answered, the number may be a part of a command alone.
        offers = app.screen.query_one(OptionList)
        await until(pilot, lambda: any(re.search(rf"\b{pid}\b", str(one.prompt)) for one in offers.options[:1]))
        await pilot.press("enter")
        await until(pilot, lambda: not app.screen.query("#goto-line"))
        row = app.explorer.listing.row
        assert isinstance(row, ProcessRow) and row.process.pid == pid
