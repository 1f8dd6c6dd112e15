"""The thing that the explorer shows is entered although the process that stood for it has exited meanwhile."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsview.hosts.local import LocalHost
from nsview.tui.app import NsviewApp
from nsview.tui.screens.enter_dialog import EnterDialog, JoinDialog, NamespaceDialog
from tests.tui.screens import WIDE

from .conftest import require
from .test_finding import until

NAME = f"nsv-back-{os.getpid()}"


@pytest.fixture
def net() -> Iterator[int]:
    require("ip")
    subprocess.run(["ip", "netns", "add", NAME], check=True)
    try:
        yield os.stat(f"/run/netns/{NAME}").st_ino
    finally:
        subprocess.run(["ip", "netns", "delete", NAME], check=True)


def sleeping() -> subprocess.Popen[bytes]:
    """A process in the namespace."""
    return subprocess.Popen(["ip", "netns", "exec", NAME, "sleep", "4711"])


def is_in(process: subprocess.Popen[bytes], net: int) -> bool:
    return os.readlink(f"/proc/{process.pid}/ns/net") == f"net:[{net}]"


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@pytest.mark.parametrize(("others", "kind"), [(0, NamespaceDialog), (1, JoinDialog)])
async def test_a_namespace_is_entered_by_what_is_left_in_it(net: int, others: int, kind: type[EnterDialog]) -> None:
    """While the explorer is paused it still shows the process, as it does for a moment after a command there."""
    started = [sleeping()]
    app = NsviewApp(LocalHost())
    try:
        async with app.run_test(size=WIDE) as pilot:
            await until(pilot, lambda: is_in(started[0], net))
            for _ in range(others):
                started.append(sleeping())
                await until(pilot, lambda: is_in(started[-1], net))
            await until(pilot, lambda: bool(app.explorer.listing.rows))
            await pilot.press("r", "/", *NAME, "enter", "g")
            await until(pilot, lambda: app.explorer.process is not None and app.explorer.process.pid == started[0].pid)
            await pilot.press("space")
            end(started[0])
            await pilot.press("e")
            await until(pilot, lambda: isinstance(app.screen, EnterDialog))
            dialog = app.screen
            assert isinstance(dialog, kind)
            if isinstance(dialog, JoinDialog):
                assert dialog.process.pid == started[1].pid
            await pilot.press("escape")
    finally:
        for process in started:
            end(process)
    assert not Path(f"/proc/{started[0].pid}").exists()
