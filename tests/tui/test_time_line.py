"""The time line of a recording: played, stepped, gone about in by keys."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from nsview.hosts.playback import Playback
from nsview.hosts.recording import demo, opened
from nsview.tui.app import NsviewApp
from nsview.tui.text import time_text

from .screens import SMALL, WIDE, drawn, explorer, running


@asynccontextmanager
async def at(moment: str, size: tuple[int, int] = WIDE) -> AsyncIterator[tuple[NsviewApp, Playback, Pilot[int]]]:
    """An explorer of the demo, at rest at this moment."""
    playback = opened(f"{demo()}{moment}", Playback)
    app = NsviewApp(playback)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.explorer.snapshot is not None)
        yield app, playback, pilot


async def until(pilot: Pilot[int], holds: object) -> None:
    for _ in range(500):
        await pilot.pause(0.02)
        if holds():  # type: ignore[operator]
            return
    raise AssertionError(drawn(pilot.app))  # type: ignore[arg-type]


def names(app: NsviewApp) -> set[str]:
    assert app.explorer.snapshot is not None
    return {container.name for container in app.explorer.snapshot.containers.values()}


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_the_moment_is_below_the_rows(size: tuple[int, int]) -> None:
    async with at("@+6s", size) as (app, playback, pilot):
        await until(pilot, lambda: playback.activity)
        await pilot.pause(0.1)
        line = drawn(app).splitlines()[-2]
        from nsview.hosts.moment import clock

        assert line.startswith(f" ‖ {clock(playback.moment)} ") and clock(playback.span[1]) in line
        assert any(bar in line for bar in "▁▂▃▄▅▆▇█") and "─" in line
        assert ("< > change" in line) is (size is WIDE)
        assert len(line) == size[0]


async def test_help_has_the_keys_of_the_recording_together() -> None:
    async with at("@+6s", (160, 60)) as (app, _, pilot):
        await pilot.press("question_mark")
        await pilot.pause(0.2)
        lines = [line.partition("│")[2].strip() for line in drawn(app).splitlines()]
        begin = next(place for place, line in enumerate(lines) if line.startswith("Recording"))
        assert [line.split()[0] for line in lines[begin + 1 : begin + 6]] == [".", ",", ">", "<", "@"]


async def test_a_recording_that_is_not_played_has_no_time_line_and_none_of_its_keys() -> None:
    app = explorer()
    async with running(app) as pilot:
        assert not app.screen.query("#timeline")
        await pilot.press("greater_than_sign", "at", "full_stop")
        assert app.screen is app.explorer


async def test_keys_go_about_in_time() -> None:
    async with at("@+0s") as (app, playback, pilot):
        assert "job-4711" not in names(app)
        while "job-4711" not in names(app):
            before = app.explorer.snapshot
            await pilot.press("full_stop")
            await until(pilot, lambda before=before: app.explorer.snapshot is not before)
        while "job-4711" in names(app):
            before = app.explorer.snapshot
            await pilot.press("comma")
            await until(pilot, lambda before=before: app.explorer.snapshot is not before)
        await pilot.press("at", *"+6s", "enter")
        await until(pilot, lambda: "job-4711" in names(app))
        assert playback.moment == playback.span[0] + 6
        await pilot.press("at", *"noon", "enter")
        await pilot.pause(0.1)
        assert "is no moment" in drawn(app)
        await pilot.press("escape")


async def test_the_next_change_of_what_is_chosen_is_gone_to() -> None:
    async with at("@+6s") as (app, playback, pilot):
        app.go_to("job-4711")
        await pilot.pause(0.1)
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: playback.moment != playback.span[0] + 6)
        assert app.explorer.snapshot is not None
        gone = playback.moment
        await until(pilot, lambda: app.explorer.snapshot.taken_at == gone)  # type: ignore[union-attr]
        key = next(c.key for c in opened(f"{demo()}@+6s", Playback).first().containers.values() if c.name == "job-4711")
        then = app.explorer.snapshot
        before = opened(f"{demo()}@{gone - 0.001}", Playback).first()
        assert (then.containers.get(key), then.populations.get(key)) != (
            before.containers.get(key), before.populations.get(key),
        )  # fmt: skip


async def test_space_plays_and_rests_in_a_lens_too() -> None:
    async with at("@+0s") as (app, playback, pilot):
        await pilot.press("space")
        await until(pilot, lambda: playback.playing)
        await pilot.press("space")
        await until(pilot, lambda: not playback.playing)
        await pilot.press("m")
        await pilot.pause(0.1)
        assert app.lens is not None and app.screen.query("#timeline")
        await pilot.press("at", *"+6s", "enter")
        await until(pilot, lambda: "job-4711" in drawn(app))
        await pilot.press("space")
        await until(pilot, lambda: playback.playing)


async def test_births_and_deaths_are_marked_at_a_step_and_not_on_the_way_back() -> None:
    async with at("@+0s") as (app, _playback, pilot):
        while "job-4711" not in names(app):
            before = app.explorer.snapshot
            await pilot.press("full_stop")
            await until(pilot, lambda before=before: app.explorer.snapshot is not before)
        assert app.explorer._live._recent.marks
        await asyncio.sleep(0)
        app.explorer._live._recent.clear()
        await pilot.press("at", *"+0s", "enter")
        await until(pilot, lambda: "job-4711" not in names(app))
        assert not app.explorer._live._recent.marks


async def test_a_click_on_the_line_goes_there() -> None:
    async with at("@+0s") as (_app, playback, pilot):
        await pilot.click("#timeline", offset=(80, 0))
        await until(pilot, lambda: playback.moment > playback.span[0] + 1)
        assert playback.moment < playback.span[1] - 1


@pytest.mark.parametrize("span", [(0.0, 60.0), (0.0, 0.0), (-1e30, 1e30)])
@pytest.mark.parametrize("moment", [math.inf, 0.0, 30.0])
def test_the_line_is_drawn_before_the_first_frame_is_read(span: tuple[float, float], moment: float) -> None:
    """The moment is inf until then; a damaged recording may claim times that no calendar has."""
    line = time_text.line(span, moment, False, "", (), {}, 120)
    assert sum(len(text) for text, _ in line.pieces) == 120
