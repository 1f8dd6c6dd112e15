"""Filtering, following, and the way back and forward."""

from textual.events import Key

from nsview.model.rows import GroupRow, ProcessRow
from nsview.tui.app import NsviewApp
from nsview.tui.filterline import FilterInput

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
        assert typed(app) == "shop"


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


def typed(app: NsviewApp) -> str:
    """What stands in the filter's line."""
    return app.explorer.query_one(FilterInput).value


async def test_what_is_wrong_is_marked_below_its_place_and_the_last_good_filter_stays() -> None:
    app = explorer()
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("slash", *"proxy", "space", "right_parenthesis")
        *_, line, note, _ = drawn(app).splitlines()
        assert line.startswith("proxy )")
        assert note.startswith("      ^ nothing opens this parenthesis")
        assert app.explorer.view.filter.text == "proxy "
        assert "1 of 3 processes" in drawn(app)
        await pilot.press("enter")
        assert isinstance(app.focused, FilterInput)  # it is not kept as it is
        await pilot.press("backspace")
        assert "^" not in drawn(app).splitlines()[-2]
        await pilot.press("enter")
        assert app.focused is app.explorer.listing


async def test_fields_and_their_values_are_completed_from_what_is_there() -> None:
    app = explorer()
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("slash", *"cont")
        assert "tab container=" in drawn(app)
        await pilot.press("tab")
        assert typed(app) == "container="
        await pilot.press("w")
        assert "container=web  container=web-logs" in drawn(app)
        await pilot.press("tab", "space", *"HO", "tab")
        assert typed(app) == "container=web host"
        await pilot.press("tab", "p")
        assert typed(app) == "container=web host=p"
        await pilot.press("tab", "enter")
        assert app.explorer.view.filter.text == "container=web host=pid"
        assert on(app) == "Nothing matches. Esc clears the filter."


async def test_up_and_down_go_through_what_was_typed_before_and_from_its_end_to_the_rows() -> None:
    app = explorer()
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        for words in ("shop", "proxy", "web"):
            await pilot.press("slash", "ctrl+u", *words, "enter")
        await pilot.press("escape", "slash", *"x")
        seen = []
        for key in ("up", "up", "up", "up", "down", "down", "down"):
            await pilot.press(key)
            seen.append(typed(app))
        assert seen == ["web", "proxy", "shop", "shop", "proxy", "web", "x"]
        await pilot.press("down")
        assert app.focused is app.explorer.listing


async def test_n_goes_from_match_to_match_among_their_groups_and_after_the_filter_is_cleared() -> None:
    app = explorer()
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("n")
        assert any("Nothing has been sought" in notice.message for notice in app._notifications)
        await pilot.press("slash", *"container=web or container=proxy", "enter", "escape", "g")
        seen = []
        for key in ("n", "n", "n", "N", "N"):
            await pilot.press(key)
            seen.append(on(app))
        assert seen == ["web: httpd", "proxy: nc", "web: httpd", "proxy: nc", "web: httpd"]
        await pilot.press("0", "g", "n")
        assert on(app) == "web: httpd"


async def test_keys_that_arrive_all_at_once_are_for_the_line_that_the_first_opens() -> None:
    app = explorer()
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        for key in ("slash", *"req"):  # each of these letters would do something
            app.post_message(Key(key, None if key == "slash" else key))
        await pilot.pause(0.3)
        assert typed(app) == "req"
        assert app.screen is app.explorer


async def test_a_filter_about_a_kind_follows_the_grouping() -> None:
    app = explorer()
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("slash", *"shared>1 not host", "enter")
        groups = [row.namespace for row in app.explorer.listing.rows if isinstance(row, GroupRow)]
        assert len(groups) > 1 and {group.type for group in groups if group} == {"net"}
        await pilot.press("1")
        assert on(app) == "Nothing matches. Esc clears the filter."  # no container shares its mounts
        await pilot.press("5")
        assert [row.namespace for row in app.explorer.listing.rows if isinstance(row, GroupRow)] == groups
