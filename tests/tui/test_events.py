"""The lens i: the events of a recording and those that come, followed; and their number while paused."""

import gzip
from pathlib import Path

import msgspec
import pytest

from nsview.hosts.frames import DeltaFrame, EndedFrame
from nsview.hosts.recording import RecordedHost, demo
from nsview.model.events.record import Event
from nsview.model.rows import GroupRow
from nsview.model.snapshot import Snapshot
from nsview.tui import session
from nsview.tui.app import NsviewApp
from nsview.tui.screens.ended import EndedScreen
from nsview.tui.screens.events import Events
from nsview.tui.widgets.row_list import RowList
from nsview.tui.widgets.table import Table

from .screens import NET, SMALL, WIDE, drawn, opened

DEMO = RecordedHost(demo()).first()
WEB = next(one for one in DEMO.containers.values() if one.name == "web")


def delta(time: float, **changes: object) -> bytes:
    known: dict[str, object] = {
        name: [] for name in (
            "processes", "gone", "namespaces", "namespaces_gone", "containers", "containers_gone"
        )
    }  # fmt: skip
    return msgspec.json.encode(DeltaFrame(taken_at=DEMO.taken_at + time, **(known | changes)))  # type: ignore[arg-type]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """The demo, in which then `web` is killed for want of memory, comes back, and is paused."""
    init = DEMO.processes[WEB.init_pid or 0]
    namespaces = [n for n in DEMO.namespaces.values() if n.inode == init.namespaces.net]
    end = EndedFrame(
        taken_at=DEMO.taken_at + 1,
        pid=init.pid,
        start=init.start,
        comm=init.comm,
        container=WEB.key,
        code=137,
        oom=True,
    )
    again = [msgspec.structs.replace(DEMO.processes[pid], start=9_999_999) for pid in WEB.pids]
    lines = [
        msgspec.json.encode(end),
        delta(1.1, gone=[*WEB.pids], containers_gone=[WEB.key], namespaces_gone=[n.key for n in namespaces]),
        delta(3.0, processes=again, containers=[WEB], namespaces=namespaces),
        delta(60.0, containers=[msgspec.structs.replace(WEB, state="paused")]),
    ]
    file = tmp_path / "events.jsonl"
    file.write_bytes(gzip.decompress(demo().read_bytes()) + b"\n".join(lines) + b"\n")
    return file


def shown(app: NsviewApp) -> list[tuple[str, str]]:
    """(kind, subject) of each line."""
    assert isinstance(app.screen, Events)
    return [(line.cells[1].text, line.cells[3].text) for line in app.screen.table.lines]


def of_web(app: NsviewApp) -> list[str]:
    return [kind for kind, subject in shown(app) if subject == "web"]


def events(*kinds: str) -> list[Event]:
    return [Event(1e9, kind, f"thing {kind}") for kind in kinds]  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_i_lists_what_happened_in_a_recording_the_latest_chosen(recording: Path, size: tuple[int, int]) -> None:
    async with opened(recording, size) as (app, pilot):
        await pilot.press("i")
        await pilot.pause()
        assert of_web(app) == ["oom", "stopped", "restarted", "paused"]
        table = app.screen.query_one(Table)
        assert table.cursor == len(table.lines) - 1 and "events: 1 oom, 2 stopped" in drawn(app)
        await pilot.press("enter")
        await pilot.pause()
        row = app.screen.query_one(RowList).row
        assert isinstance(row, GroupRow) and [container.name for container in row.containers] == ["web"]
        await pilot.press("backspace")
        await pilot.pause()
        assert isinstance(app.screen, Events)
        await pilot.press("escape")
        assert app.screen is app.explorer


async def test_the_filter_leaves_events_of_a_kind_a_container_and_a_code(recording: Path) -> None:
    async with opened(recording) as (app, pilot):
        await pilot.press("i", "slash", *"kind=stopped container=web code=137", "enter")
        assert of_web(app) == ["stopped"]
        assert "killed for want of memory" in drawn(app)


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_namespaces_without_a_name_are_counted_until_a_key_shows_all(
    recording: Path, size: tuple[int, int]
) -> None:
    many = events("born", "gone")
    named = msgspec.structs.replace(many[0], names=("/run/netns/blue",))
    own = msgspec.structs.replace(many[1], container=WEB.key, name="web")
    async with opened(recording, size) as (app, pilot):
        app.session.events.clear()
        app.session._happened(many)
        await pilot.press("i")
        await pilot.pause()
        assert "Nothing has happened but to namespaces without a name. O shows 2 events" in " ".join(drawn(app).split())
        app.session._happened([*events("unshared", "oom"), named, *many * 100, own])
        await pilot.pause(0.7)
        for _ in range(2):
            assert [kind for kind, _ in shown(app)] == ["unshared", "oom", "born", "gone"]
            heading, keys = drawn(app).splitlines()[1], drawn(app).splitlines()[-1]
            assert "4 events: 1 oom" in heading and "O shows 202 more, of unnamed" in heading
            assert " O All " in keys
            await pilot.press("escape", "i")
            await pilot.pause()
        await pilot.press("slash", *"kind=born", "enter")
        assert len(shown(app)) == 102, "a filter goes through all"
        await pilot.press("escape", "O")
        await pilot.pause()
        heading = drawn(app).splitlines()[1]
        assert len(shown(app)) == 206 and "unnamed" not in heading and "206 events: 1 oom" in heading
        await pilot.press("O")
        assert len(shown(app)) == 4


async def test_on_the_last_line_it_follows_and_elsewhere_it_stays(recording: Path) -> None:
    async with opened(recording) as (app, pilot):
        await pilot.press("i")
        table = app.screen.query_one(Table)
        app.session._happened(events("started"))
        await pilot.pause(0.7)
        assert table.line is not None and table.line.cells[3].text == "thing started"
        await pilot.press("up")
        chosen = table.line
        app.session._happened(events("added", "removed"))
        await pilot.pause(0.7)
        assert table.line == chosen and shown(app)[-1] == ("removed", "thing removed")
        await pilot.press("G")
        app.session._happened(events("opened"))
        await pilot.pause(0.7)
        assert table.line.cells[3].text == "thing opened"


async def test_an_event_of_a_thing_that_is_gone_says_so(recording: Path) -> None:
    async with opened(recording) as (app, pilot):
        await pilot.press("i")
        app.session._happened(events("closed"))
        await pilot.pause(0.7)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, Events) and "is here any more" in drawn(app)


async def test_while_paused_the_events_are_counted_until_they_are_seen() -> None:
    async with opened() as (app, pilot):
        app.session._happened(events("started"))
        await pilot.press("space")
        await pilot.pause(0.2)
        assert "paused" in drawn(app).splitlines()[0] and "event" not in drawn(app).splitlines()[0]
        app.session._happened(events("oom", "stopped", "born"))
        await pilot.pause(0.2)
        assert "2 events: 1 oom, 1 stopped" in drawn(app).splitlines()[0]
        await pilot.press("i")
        await pilot.pause()
        assert ("oom", "thing oom") in shown(app) and ("started", "thing started") in shown(app)
        await pilot.press("escape")
        await pilot.pause(0.2)
        assert "paused" in drawn(app).splitlines()[0] and "event" not in drawn(app).splitlines()[0]


async def test_where_nothing_happened_it_says_so() -> None:
    async with opened() as (app, pilot):
        app.session.events.clear()
        await pilot.press("i")
        await pilot.pause()
        assert "This recording shows nothing that has happened" in drawn(app)


async def test_the_latest_events_are_kept_and_keep_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as (app, _):
        for _ in range(session.EVENTS_KEPT // 100 + 2):
            app.session._happened(events("started") * 100)
        numbers = [number for number, _ in app.session.events]
        assert len(numbers) == len(app.session.unseen) == session.EVENTS_KEPT
        assert numbers == [*range(numbers[0], numbers[0] + session.EVENTS_KEPT)] and numbers[0] > 1


async def test_births_of_unnamed_namespaces_are_forgotten_before_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "EVENTS_KEPT", 10)
    async with opened() as (app, pilot):
        app.session.events.clear()
        for _ in range(4):
            app.session._happened(events("oom", *["born", "gone"] * 10))
        kinds = [event.kind for _, event in app.session.events]
        assert len(kinds) == 10 and kinds.count("oom") == 4
        await pilot.press("i")
        await pilot.pause()
        assert [kind for kind, _ in shown(app)] == ["oom"] * 4
        assert "74 older forgotten" in drawn(app).splitlines()[1]
        app.session._happened(events("oom") * 12)
        assert [event.kind for _, event in app.session.events] == ["oom"] * 10


async def test_events_of_snapshots_that_were_not_shown_are_told_too(recording: Path) -> None:
    """The screen shows the latest snapshot alone of those that come at once; none of their events is left out."""
    found: list[Snapshot] = []
    async with opened(recording) as (app, pilot):
        app.explorer.show_snapshot = lambda snapshot, happened: found.append(snapshot)  # type: ignore[method-assign]
        await pilot.pause()
        told = [event.kind for _, event in app.session.events if event.subject == "web"]
        assert told == ["oom", "stopped", "restarted", "paused"]


async def test_the_end_of_a_container_that_has_stopped_opens_from_its_event() -> None:
    async with opened(NET.with_name("shop.jsonl.gz")) as (app, pilot):
        await pilot.press("i", "slash", *"kind=stopped", "enter", "g")
        await pilot.pause()
        line = app.lens.line() if app.lens else None
        assert app.lens and line
        name = line.subject.name  # type: ignore[attr-defined]
        assert name not in {one.name for one in app.explorer.snapshot.containers.values()}  # type: ignore[union-attr]
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, EndedScreen) and name in drawn(app)
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.lens and app.lens.line() == line
