"""The explorer on recordings, as the tests of its looks and its keys start it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from nsview.hosts.recording import RecordedHost, demo
from nsview.state import Memory
from nsview.tui.app import NsviewApp

USER = Path(__file__).resolve().parent.parent.parent / "screenshots" / "user.jsonl.gz"
NET = USER.with_name("bridges.jsonl.gz")
"""Containers on a bridge of the host's, a namespace with a bridge of its own below it, and one that is alone."""
WIDE, SMALL = (160, 50), (80, 24)


def explorer(recording: Path | None = None, memory: Memory | None = None) -> NsviewApp:
    """An explorer of the demo, or of another recording, all of it at once."""
    return NsviewApp(RecordedHost(recording or demo()), memory=memory)


async def loaded(pilot: Pilot[int]) -> None:
    """Until the whole recording is on the screen."""
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


@asynccontextmanager
async def running(app: NsviewApp, size: tuple[int, int] = WIDE) -> AsyncIterator[Pilot[int]]:
    """The pilot of an explorer of a recording, all of which is on the screen."""
    async with app.run_test(size=size) as pilot:
        await loaded(pilot)
        yield pilot


@asynccontextmanager
async def opened(
    recording: Path | None = None, size: tuple[int, int] = WIDE, memory: Memory | None = None
) -> AsyncIterator[tuple[NsviewApp, Pilot[int]]]:
    """The same of the demo, or of another recording, and the explorer itself."""
    app = explorer(recording, memory)
    async with running(app, size) as pilot:
        yield app, pilot


def keys(*names: str) -> Callable[[Pilot[int]], Awaitable[None]]:
    """What to do before a picture is taken: load, press, and rest until the details have come."""

    async def press(pilot: Pilot[int]) -> None:
        await loaded(pilot)
        for name in names:
            await pilot.press(name)
        await pilot.pause(0.4)

    return press


def drawn(app: NsviewApp) -> str:
    """The text of the whole screen."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())
