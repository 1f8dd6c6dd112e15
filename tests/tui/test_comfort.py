"""What makes it one's own: what is remembered, themes, keys, copies, files."""

import os
import signal
from pathlib import Path

import pytest
from textual.pilot import Pilot

from nsview.hosts.local import LocalHost
from nsview.state import Memory, State
from nsview.tui import app as tui
from nsview.tui.status import Status

from .screens import WIDE, explorer, loaded


async def test_the_next_run_looks_as_the_last_one_did(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    app = explorer(memory=Memory(file))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("4", "d")
    assert Memory(file).state == State(grouping="pid", details=False)
    app = explorer(memory=Memory(file))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        assert app.explorer.view.by == "pid"
        assert not app.explorer.query_one("#details").display
        assert app.explorer.listing.rows[1].namespace.type == "pid"  # type: ignore[union-attr]


async def told(pilot: Pilot[int], words: str) -> None:
    """Until the status line says so."""
    status = pilot.app.explorer.query_one(Status)  # type: ignore[attr-defined]
    for _ in range(600):
        if words in status.render().plain:
            return
        await pilot.pause(0.05)
    raise AssertionError(f"{words!r} never came: {status.render().plain!r}")


async def test_an_agent_that_is_stopped_is_not_called_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tui, "PATIENCE", 0.2)
    host = LocalHost()
    app = tui.NsviewApp(host)
    async with app.run_test(size=WIDE) as pilot:
        await told(pilot, " live ")
        os.kill(host._agent.pid, signal.SIGSTOP)
        try:
            await pilot.press("0", "down")
            await told(pilot, " no word for ")
        finally:
            os.kill(host._agent.pid, signal.SIGCONT)
        await told(pilot, " live ")
