"""The selection stays with a container that is started again: all its pids and inodes are others."""

import pytest
from textual.pilot import Pilot

from nsview.hosts.recording import RecordedHost
from nsview.model.snapshot import Snapshot
from nsview.model.usage import Engines, HostUsage, Stopped, Usage
from nsview.tui import marks
from nsview.tui.app import NsviewApp
from tests.unit.make import container, host, process

from .screens import SMALL, WIDE, drawn, opened
from .test_comfort import until
from .test_keys import go_to, on


def at(web: int | None) -> Snapshot:
    """A host of two containers; the pid of the first process of one, None while it is stopped."""
    db, one = container("db", [20]), container("web", [web] if web else [])
    members = [process(web, container=one.key, net=web, pid=web, comm="httpd")] if web else []
    others = [process(n, net=n) for n in (12, 13, 900)]
    return host(
        process(1, 0), process(20, container=db.key, net=20, pid=20, comm="postgres"), *others, *members,
        containers=[db, *([one] if web else [])],
    )  # fmt: skip


async def show(app: NsviewApp, pilot: Pilot[int], *snapshots: Snapshot) -> None:
    for snapshot in snapshots:
        app.session._show(snapshot)
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


@pytest.mark.parametrize("by", ["5", "4", "9", "0"])
@pytest.mark.parametrize("gap", [(), (None,)])
async def test_the_selection_is_on_the_first_process_of_a_container_that_was_restarted(
    by: str, gap: tuple[None, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "MOMENT", 0.0)
    async with opened() as (app, pilot):
        await show(app, pilot, at(30))
        await pilot.press(by)
        await go_to(app, "web", "httpd")
        await show(app, pilot, *map(at, gap), at(50))
        assert on(app) == "web: httpd"
        await show(app, pilot, *map(at, gap), at(70))
        assert on(app) == "web: httpd"
        if by != "0":
            await pilot.press("left")
            head = app.explorer.listing.row
            await show(app, pilot, *map(at, gap), at(90))
            assert on(app) == ("web" if by == "9" else f"{head.namespace.type}:[90]")  # type: ignore[union-attr]


async def test_who_has_gone_elsewhere_meanwhile_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MOMENT", 0.0)
    async with opened() as (app, pilot):
        await show(app, pilot, at(30))
        await go_to(app, "web", "httpd")
        await show(app, pilot, at(None))
        await go_to(app, "db", "postgres")
        await show(app, pilot, at(50))
        assert on(app) == "db: postgres"


@pytest.mark.parametrize("key", ["escape", "n", "O"])
async def test_a_view_that_changes_meanwhile_is_no_going_elsewhere(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MOMENT", 0.0)
    async with opened() as (app, pilot):
        await show(app, pilot, at(30))
        await pilot.press("5", "slash", *"httpd", "enter")
        await go_to(app, "web", "httpd")
        await show(app, pilot, at(None))
        await pilot.press(key)
        await pilot.pause()
        await show(app, pilot, at(50))
        assert on(app) == "web: httpd"


@pytest.mark.parametrize("size", [WIDE, SMALL])
@pytest.mark.parametrize(("oom", "meaning"), [(True, "killed for want of memory (OOM)"), (None, "killed (SIGKILL)")])
async def test_the_row_of_a_container_that_waits_to_be_started_again_tells_its_last_end(
    size: tuple[int, int], oom: bool | None, meaning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Stopped("docker:web", "web", "web", "docker", None, None, None, "exited", 137, oom, 940.0, 7, "config")
    reading = Usage(1000.0, 1.0, 0.0, HostUsage(1, None, None, None, 0.0), (), (), Engines((), (one,), ()))
    monkeypatch.setattr(RecordedHost, "usages", lambda self: iter([reading]))
    waits = host(process(1, 0), containers=[container("web", state="restarting")])
    async with opened(size=size) as (app, pilot):
        await show(app, pilot, at(30))
        await pilot.press("9")
        await go_to(app, "web", "httpd")
        await pilot.press("left")
        await show(app, pilot, waits)
        await until(pilot, lambda: "restarts" in drawn(app))
        found = " ".join(drawn(app).split())
        for words in ("restarting: it ended", f"exit code 137: {meaning}", "1m ago", "restarts 7"):
            assert words in found
        assert f"out of memory {'yes' if oom else 'not known'}" in found
        await show(app, pilot, at(50))
        await until(pilot, lambda: "exit code" not in drawn(app))
