"""Filtering, following, and the way back and forward."""

from nsview.model.rows import GroupRow, ProcessRow
from nsview.tui.app import NsviewApp

from .screens import WIDE, drawn, explorer, loaded
from .test_keys import go_to, on


def pid_of(app: NsviewApp, name: str) -> int:
    """The first process of a container of the recording."""
    snapshot = app.explorer.snapshot
    assert snapshot is not None
    found = next(c.init_pid for c in snapshot.containers.values() if c.name == name)
    assert found is not None
    return found


def net_of(app: NsviewApp, name: str) -> int:
    """The inode of a container's net namespace."""
    snapshot = app.explorer.snapshot
    assert snapshot is not None
    net = snapshot.processes[pid_of(app, name)].namespaces.net
    assert net is not None
    return net


async def test_to_a_process_a_namespace_and_a_container_and_back_and_forward_again() -> None:
    app = explorer()
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        start = on(app)
        app.go_to(2)
        row = app.explorer.listing.row
        assert isinstance(row, ProcessRow) and row.process.pid == 2  # in the host's namespace, which was folded
        app.go_to(("net", net_of(app, "web")))
        assert on(app) == f"net:[{net_of(app, 'web')}]"
        app.go_to("web-logs")
        assert (app.explorer.view.by, on(app)) == ("container", "web-logs")
        seen = []
        for key in ("backspace", "alt+left", "backspace"):
            await pilot.press(key)
            seen.append((app.explorer.view.by, on(app)))
        assert seen == [("net", f"net:[{net_of(app, 'web')}]"), ("net", "-: kthreadd"), ("net", start)]
        await pilot.press("alt+right", "alt+right", "alt+right")
        assert (app.explorer.view.by, on(app)) == ("container", "web-logs")
        await pilot.press("alt+right")
        assert on(app) == "web-logs"


async def test_a_grouping_and_a_filter_are_places_to_come_back_to() -> None:
    app = explorer()
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        every = len(app.explorer.listing.rows)
        await go_to(app, "web-logs", "tail")
        await pilot.press("slash", *"shop", "enter", "9", "escape")
        assert app.explorer.view.filter.text == ""
        await pilot.press("backspace")
        assert (app.explorer.view.by, app.explorer.view.filter.text) == ("container", "shop")
        assert "/shop" in drawn(app)
        await pilot.press("backspace")
        assert (app.explorer.view.by, app.explorer.view.filter.text) == ("net", "shop")
        await pilot.press("backspace")
        assert (app.explorer.view.filter.text, on(app)) == ("", "web-logs: tail")
        assert len(app.explorer.listing.rows) == every
        await pilot.press("alt+right", "slash")
        assert app.explorer.query_one("#filter", expect_type=None).value == "shop"  # type: ignore[attr-defined]


async def test_escape_from_what_is_typed_can_be_undone_too() -> None:
    app = explorer()
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("slash", *"proxy", "escape")
        assert app.explorer.view.filter.text == ""
        await pilot.press("backspace")
        assert app.explorer.view.filter.text == "proxy"
        assert "1 of 3 processes" in drawn(app)


async def test_a_filter_that_would_hide_what_is_gone_to_is_dropped_and_comes_back() -> None:
    app = explorer()
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("slash", *"proxy", "enter")
        app.go_to(pid_of(app, "web-logs"))
        assert app.explorer.view.filter.text == ""
        assert on(app) == "web-logs: tail"
        await pilot.press("backspace")
        assert app.explorer.view.filter.text == "proxy"


async def test_what_is_not_there_is_said_and_nothing_moves() -> None:
    app = explorer()
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        before = on(app)
        for thing, words in (
            (999999, "999999 is not here any more"), (("net", 5), "net:[5] is not here any more"),
            ("[red]nobody", "Nothing here is [red]nobody"),
        ):  # fmt: skip
            app.go_to(thing)  # type: ignore[arg-type]
            await pilot.pause()
            assert any(words in notice.message for notice in app._notifications)
        assert on(app) == before
        await pilot.press("backspace")
        assert any("Nothing lies before" in notice.message for notice in app._notifications)
        assert on(app) == before


async def test_backspace_in_the_filter_takes_a_letter() -> None:
    app = explorer()
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("slash", *"shopx", "backspace")
        assert app.explorer.view.filter.text == "shop"
        assert isinstance(app.explorer.listing.row, GroupRow | ProcessRow)
