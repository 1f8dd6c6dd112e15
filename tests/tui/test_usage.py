"""The lens u: its order, its two tables, its filters; and how often it reads."""

import asyncio
import gzip
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from nsview.hosts.frames import UsageFrame
from nsview.hosts.recording import RecordedHost, demo
from nsview.model.audit import audit
from nsview.model.container_table import place, risks
from nsview.model.net import Forward
from nsview.model.records import Container
from nsview.model.rows import GroupRow
from nsview.model.usage import ContainerNet, ContainerUsage, Engines, HostUsage, ProcessUsage, Stopped, Usage
from nsview.tui.app import NsviewApp
from nsview.tui.screens import usage as lens
from nsview.tui.screens.ended import EndedScreen
from nsview.tui.screens.logs import Logs
from nsview.tui.screens.usage import UsageLens
from nsview.tui.session import Session
from nsview.tui.widgets.row_list import RowList
from nsview.tui.widgets.table import Table

from .screens import SMALL, WIDE, drawn, explorer, loaded, opened, running

MIDDLE = 120, 35


class Readings:
    """The use of the demo's containers: `web` uses a whole core, each other next to nothing. asked: the requests."""

    def __init__(self, app: NsviewApp, cost: float = 0.0) -> None:
        self._app, self._cost, self._clock = app, cost, 0.0
        self.asked: list[tuple[Sequence[int] | None, Sequence[str] | None]] = []
        self.engines = 0  # requests for their records

    async def usage(
        self, pids: Sequence[int] | None = None, containers: Sequence[str] | None = None, fields: Sequence[str] = (),
        *, engines: bool = False,
    ) -> Usage:  # fmt: skip
        self.asked.append((pids, containers))
        self.engines += engines
        self._clock += 1.0
        snapshot = self._app.session.snapshot
        assert snapshot is not None
        known = snapshot.containers.values()
        chosen = [one for one in known if containers is None or one.key in containers]
        rates = {one.key: 1.0 if one.name == "web" else 0.001 for one in known}
        host = HostUsage(2, (0.5, 0.4, 0.3), 4 << 30, 3 << 30, snapshot.taken_at - 3600)
        made = Usage(
            snapshot.taken_at, self._clock, self._cost, host,
            tuple(
                ProcessUsage(pid, process.start, self._clock * (0.5 if pid % 2 else 0.1), pid << 10)
                for pid, process in snapshot.processes.items() if pids is None or pid in pids
            ),
            tuple(
                ContainerUsage(one.key, rates[one.key] * self._clock, 0.0, 20 << 20, 40 << 20, 0, 0, 0, len(one.pids))
                for one in chosen
            ),
            self.records(known) if engines else None,
        )  # fmt: skip
        self._app.session.take_engines(made)
        return made

    def records(self, known: Iterable[Container]) -> Engines:
        """Of `web`, which is reached at port 8080, and of two that have stopped; the others' are not known."""
        port = Forward("tcp", None, 8080, 8080, "172.17.0.2", 80, by="docker")
        told = {"web": (("172.17.0.2",), (port,))}
        places = tuple(ContainerNet(one.key, *told.get(one.name, (None, None))) for one in known)
        now = self._app.session.snapshot.taken_at  # type: ignore[union-attr]
        ends = (
            ("db", "site", "exited", 137, True, now - 7200, 3), ("job", None, "exited", 0, False, now - 90, 0),
        )  # fmt: skip
        return Engines(
            places,
            tuple(Stopped(f"docker:{name}", name, name, "docker", "shop/db", None, *end, "f") for name, *end in ends),  # type: ignore[arg-type]
            (),
        )


@contextmanager
def read(app: NsviewApp, monkeypatch: pytest.MonkeyPatch, cost: float = 0.0) -> Iterator[Readings]:
    readings = Readings(app, cost)
    monkeypatch.setattr(app.session, "usage", readings.usage)
    monkeypatch.setattr(lens, "FIRST", 0.01)
    yield readings


def names(app: NsviewApp) -> list[str]:
    assert isinstance(app.screen, UsageLens)
    return [line.cells[0].text.strip() for line in app.screen.table.lines]


def line_of(app: NsviewApp, name: str) -> str:
    (line,) = (line for line in drawn(app).splitlines() if line.split()[:1] == [name] and "…" not in line.split()[0])
    return line


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_u_shows_who_uses_most(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    app = explorer()
    async with running(app, size) as pilot:
        with read(app, monkeypatch):
            await pilot.press("u")
            await pilot.pause(0.2)
            assert names(app)[0] == "web" and {"db", "job", "▾ shop/checkout", "▾ site"} < set(names(app))
            text = drawn(app)
            assert "load 0.50 0.40 0.30 of 2 processors" in text and ("up 1h00m" in text) == (size == WIDE)
            web = next(line for line in text.splitlines() if line.split()[:1] == ["web"]).split()
            assert web[1:4] == ["running", "100", "20M"] and "8080→80" in web
            assert ("172.17.0.2" in web) == (size == WIDE) and "9 containers, 2 stopped" in text
            await pilot.press("enter")
            await pilot.pause()
            row = app.screen.query_one(RowList).row
            assert isinstance(row, GroupRow) and [container.name for container in row.containers] == ["web"]


async def test_a_digit_shows_processes_or_containers_and_each_has_its_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    app = explorer()
    async with running(app) as pilot:
        with read(app, monkeypatch) as readings:
            await pilot.press("u", "0")
            await pilot.pause(0.2)
            assert readings.asked[-1] == (None, [])
            pids = [int(name) for name in names(app)]
            assert pids[0] % 2 == 1 and len(pids) > len(app.session.snapshot.containers)  # type: ignore[union-attr]
            await pilot.press("slash", *"cpu<20", "enter")
            assert all(int(name) % 2 == 0 for name in names(app))
            await pilot.press("escape", "9")
            await pilot.pause(0.2)
            await pilot.press("slash", *"cpu>50 mem>1M", "enter")
            assert names(app) == ["web"]


async def test_the_chosen_container_alone_is_read_closer(monkeypatch: pytest.MonkeyPatch) -> None:
    app = explorer()
    async with running(app) as pilot:
        with read(app, monkeypatch) as readings:
            await pilot.press("u")
            await pilot.pause(0.2)
            before = len(readings.asked)
            await pilot.pause(0.3)
            assert len(readings.asked) == before, "numbers that change are no choice"
            await pilot.press("down", "down")  # a pod, and then a container of it
            await pilot.pause(0.2)
            ((pids, keys),) = readings.asked[before:]
            assert isinstance(app.screen, UsageLens) and app.screen.container is not None
            assert (tuple(pids or ()), list(keys or ())) == (app.screen.container.pids, [app.screen.container.key])
            assert "PROCESSES" in drawn(app)


async def test_where_there_is_much_to_read_the_pace_is_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lens, "PACE", 0.05)
    numbers = []
    for cost in (0.0, 1.0):
        app = explorer()
        async with running(app) as pilot:
            with read(app, monkeypatch, cost) as readings:
                await pilot.press("u")
                await asyncio.sleep(0.6)
                numbers.append(sum(keys is None for _, keys in readings.asked))
    assert numbers[0] > 3 and numbers[1] == 1


async def test_a_pod_folds_and_a_filter_looks_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    app = explorer()
    async with running(app) as pilot:
        with read(app, monkeypatch):
            await pilot.press("u")
            await pilot.pause(0.2)
            assert isinstance(app.screen, UsageLens)
            app.screen.table.select(next(x.key for x in app.screen.table.lines if "shop/checkout" in x.cells[0].text))
            whole = names(app)
            await pilot.press("left")
            assert set(whole) - set(names(app)) == {"▾ shop/checkout", "api", "proxy", "checkout"}
            await pilot.press("slash", *"proxy", "enter")
            assert names(app) == ["▾ shop/checkout", "proxy"]
            await pilot.press("escape")
            assert "▸ shop/checkout" in names(app)
            await pilot.press("right")
            assert names(app) == whole
            await pilot.press("f")
            assert {"▸ shop/checkout", "▸ site"} < set(names(app)) and "api" not in names(app)
            await pilot.press("enter", "f", "f")
            assert names(app) == whole


async def test_a_container_that_has_stopped_tells_its_end_and_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    app = explorer()
    async with running(app) as pilot:
        with read(app, monkeypatch):
            await pilot.press("u")
            await pilot.pause(0.2)
            assert "exited (137) OOM, 3 restarts, 2h00m ago" in line_of(app, "db")
            await pilot.press("slash", *"state=exited", "enter", "end")
            assert sorted(names(app)) == ["db", "job", "▾ site"]
            assert isinstance(app.screen, UsageLens) and app.screen.table.select("docker:db")
            await pilot.pause()
            assert "known by" in drawn(app)
            await pilot.press("e")
            await pilot.pause()
            assert isinstance(app.screen, UsageLens)


async def test_enter_on_one_that_has_stopped_opens_its_end_and_find_leads_there_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = explorer()
    monkeypatch.setattr(Session, "want_engines", lambda self: None)  # of the demo: it has none
    async with running(app) as pilot:
        with read(app, monkeypatch):
            await pilot.press("u")
            await pilot.pause(0.2)
            assert isinstance(app.screen, UsageLens) and app.screen.table.select("docker:db")
            await pilot.press("slash", *"state=exited", "enter")
            assert app.screen.table.select("docker:db")
            for keys in (("enter",), ("colon", *"docker:db", "enter")):
                await pilot.press(*keys)
                await pilot.pause()
                assert isinstance(app.screen, EndedScreen)
                text = drawn(app)
                assert "137: killed for want of memory (OOM)" in text and "2h00m ago" in text
                await pilot.press("escape")
                assert isinstance(app.screen, UsageLens) and app.screen.filter.text == "state=exited"
                assert app.screen.table.line is not None and app.screen.table.line.key == "docker:db"
            await pilot.press("K")
            await pilot.pause()
            await pilot.press("e")
            await pilot.pause()
            signalled, entered = (note.message for note in app._notifications)
            assert signalled == "db has stopped: there is nothing to signal."
            assert entered == "db has stopped: nothing runs in it. L shows its log, Enter its end."
            await pilot.press("L")
            await pilot.pause()
            assert isinstance(app.screen, Logs) and app.screen.container.name == "db"


async def test_the_records_of_engines_are_read_when_containers_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lens, "PACE", 0.02)
    app = explorer()
    async with running(app) as pilot:
        with read(app, monkeypatch) as readings:
            await pilot.press("u")
            await pilot.pause(0.3)
            assert readings.engines == 1 < len(readings.asked)
            snapshot = app.session.snapshot
            assert snapshot is not None and isinstance(app.screen, UsageLens)
            fewer = {key: one for key, one in snapshot.containers.items() if one.name != "ledger"}
            app.screen.show_snapshot(replace(snapshot, containers=fewer), None)
            await pilot.pause(0.3)
            assert readings.engines == 2


@pytest.mark.parametrize("size", [WIDE, (50, 24)])
async def test_the_risk_is_that_of_the_audit_and_read_where_it_is_seen(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = explorer()
    asked = []
    async with running(app, size) as pilot:
        with read(app, monkeypatch):
            security = app.session.security
            monkeypatch.setattr(app.session, "security", lambda pids: asked.append(pids) or security(pids))
            await pilot.press("u")
            await pilot.pause(0.3)
            assert len(asked) == (size == WIDE)
            if asked:
                found = risks(audit(app.session.snapshot, app.session.host.security()))  # type: ignore[union-attr, arg-type]
                assert found and isinstance(app.screen, UsageLens)
                shown = {str(x.thing): x.cells[place("RISK")].text for x in app.screen.table.lines if x.thing}
                assert {k: v for k, v in shown.items() if v != "-"} == {
                    k: risk.worst + (f" +{risk.number - 1}" if risk.number > 1 else "")
                    for k, risk in found.items()
                    if k in shown
                }


async def test_a_recording_with_the_use_shows_it_as_at_its_end(tmp_path: Path) -> None:
    recording = tmp_path / "with-use.jsonl"
    recorded = RecordedHost(demo())
    key = next(key for key, one in recorded.first().containers.items() if one.name == "web")
    readings = [
        UsageFrame(clock, clock, 0.0, HostUsage(2, (0.5, 0.4, 0.3), None, None, None), (),
                   (ContainerUsage(key, 0.7 * clock, 0.0, 20 << 20),), id=1)
        for clock in (1.0, 2.0)
    ]  # fmt: skip
    lines = [msgspec.json.encode(reading) for reading in readings]
    recording.write_bytes(gzip.decompress(demo().read_bytes()) + b"\n".join(lines) + b"\n")
    async with opened(recording) as (app, pilot):
        await pilot.press("u")
        await pilot.pause(0.2)
        assert names(app)[0] == "web"
        assert [cell.text for cell in app.screen.query_one(Table).lines[0].cells[2:4]] == ["70", "20M"]


@pytest.mark.parametrize("size", [WIDE, MIDDLE, SMALL], ids=["160x50", "120x35", "80x24"])
def test_looks(snap_compare: Any, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    app = explorer()

    async def press(pilot: Pilot[int]) -> None:
        await loaded(pilot)
        monkeypatch.setattr(lens, "FIRST", 0.01)
        monkeypatch.setattr(app.session, "usage", Readings(app).usage)
        await pilot.press("u")
        await pilot.pause(0.5)

    assert snap_compare(app, terminal_size=size, run_before=press)


async def test_a_recording_without_the_use_says_so() -> None:
    async with opened() as (app, pilot):
        await pilot.press("u")
        await pilot.pause(0.2)
        assert "the use is not in this recording" in drawn(app)
        await pilot.press("escape")
        assert app.screen is app.explorer
