"""Filtering, following, and the way back and forward."""

from pathlib import Path

import pytest
from textual.events import Key
from textual.widgets import OptionList

from nsview.model.view import GroupRow, ProcessRow
from nsview.state import Memory
from nsview.tui.app import NsviewApp
from nsview.tui.screens.goto_dialog import GoTo
from nsview.tui.widgets.filter_line import FilterInput

from .screens import NET, SMALL, USER, WIDE, drawn, opened
from .test_keys import go_to, on


def pid_of(app: NsviewApp, name: str) -> int:
    """The first process of a container of the recording."""
    snapshot = app.explorer.snapshot
    assert snapshot is not None
    found = next(c.init_pid for c in snapshot.containers.values() if c.name == name)
    assert found is not None
    return found


def blue(app: NsviewApp) -> str:
    """The net namespace that ip(8) made, as it is called in the list."""
    snapshot = app.explorer.snapshot
    assert snapshot is not None
    return next(n.label for n in snapshot.namespaces.values() if "/run/netns/blue" in n.names)


def net_of(app: NsviewApp, name: str) -> int:
    """The inode of a container's net namespace."""
    snapshot = app.explorer.snapshot
    assert snapshot is not None
    net = snapshot.processes[pid_of(app, name)].namespaces.net
    assert net is not None
    return net


async def test_to_a_process_a_namespace_and_a_container_and_back_and_forward_again() -> None:
    async with opened() as (app, pilot):
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
    async with opened() as (app, pilot):
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
    async with opened() as (app, pilot):
        await pilot.press("slash", *"proxy", "escape")
        assert app.explorer.view.filter.text == ""
        await pilot.press("backspace")
        assert app.explorer.view.filter.text == "proxy"
        assert "1 of 3 processes" in drawn(app)


async def test_a_filter_that_would_hide_what_is_gone_to_is_dropped_and_comes_back() -> None:
    async with opened() as (app, pilot):
        await pilot.press("slash", *"proxy", "enter")
        app.go_to(pid_of(app, "web-logs"))
        assert app.explorer.view.filter.text == ""
        assert on(app) == "web-logs: tail"
        await pilot.press("backspace")
        assert app.explorer.view.filter.text == "proxy"


async def test_what_is_not_there_is_said_and_nothing_moves() -> None:
    async with opened() as (app, pilot):
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
    async with opened() as (app, pilot):
        await pilot.press("slash", *"shopx", "backspace")
        assert app.explorer.view.filter.text == "shop"


def typed(app: NsviewApp) -> str:
    """What stands in the filter's line."""
    return app.explorer.query_one(FilterInput).value


async def test_what_is_wrong_is_marked_below_its_place_and_the_last_good_filter_stays() -> None:
    async with opened() as (app, pilot):
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
    async with opened() as (app, pilot):
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
    async with opened() as (app, pilot):
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
    async with opened() as (app, pilot):
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
    async with opened() as (app, pilot):
        for key in ("slash", *"req"):  # each of these letters would do something
            app.post_message(Key(key, None if key == "slash" else key))
        await pilot.pause(0.3)
        assert typed(app) == "req"
        assert app.screen is app.explorer


async def test_a_filter_about_a_kind_follows_the_grouping() -> None:
    async with opened() as (app, pilot):
        await pilot.press("slash", *"shared>1 not host", "enter")
        groups = [row.namespace for row in app.explorer.listing.rows if isinstance(row, GroupRow)]
        assert len(groups) > 1 and {group.type for group in groups if group} == {"net"}
        await pilot.press("1")
        assert on(app) == "Nothing matches. Esc clears the filter."  # no container shares its mounts
        await pilot.press("5")
        assert [row.namespace for row in app.explorer.listing.rows if isinstance(row, GroupRow)] == groups


def offered(app: NsviewApp) -> list[str]:
    """The things that may be gone to, as drawn."""
    things = app.screen.query_one(OptionList)
    return [" ".join(str(option.prompt).split()) for option in things.options]


async def test_o_goes_to_what_a_process_has_numbers_of() -> None:
    async with opened() as (app, pilot):
        await go_to(app, "web-logs", "tail")
        net = net_of(app, "web-logs")
        await pilot.press("o")
        await pilot.pause()
        lines = offered(app)
        assert lines[0] == "container web-logs docker ops/agent:7"
        assert f"net namespace net:[{net}] web, web-logs 2 processes" in lines
        assert any(line.startswith("parent ") and "containerd-shim" in line for line in lines)
        assert any(line.startswith("container's daemon ") for line in lines)
        assert sum(line.split()[1] == "namespace" for line in lines) == 8
        await pilot.press(*"mnt", "enter")
        await pilot.pause()
        assert app.screen is app.explorer
        assert app.explorer.view.by == "mnt"
        assert on(app).startswith("mnt:[")
        await pilot.press("o", "down", "up", "enter")  # the container in it
        await pilot.pause()
        assert (app.explorer.view.by, on(app)) == ("container", "web-logs")
        await pilot.press("o", *"shim", "enter")
        await pilot.pause()
        assert on(app) == "-: containerd-shim"
        await pilot.press("backspace", "backspace", "backspace")
        assert (app.explorer.view.by, on(app)) == ("net", "web-logs: tail")


async def test_o_of_a_namespace_leads_to_owner_members_and_what_it_owns() -> None:
    async with opened() as (app, pilot):
        app.go_to(("net", net_of(app, "web")))
        await pilot.press("o")
        await pilot.pause()
        roles = [line.partition(" ")[0] for line in offered(app)]
        assert roles[:4] == ["container", "container", "oldest", "owner"] and set(roles[4:]) <= {"holds"}
        await pilot.press(*"owner", "enter")
        await pilot.pause()
        assert app.explorer.view.by == "user"
        await pilot.press("o", *"owned by it net:")
        await pilot.pause()
        assert f"net:[{net_of(app, 'web')}]" in " ".join(offered(app))
        await pilot.press("escape")
        assert app.screen is app.explorer


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["160x50", "80x24"])
async def test_a_number_or_a_name_typed_at_the_colon_is_jumped_to(size: tuple[int, int]) -> None:
    async with opened(size=size) as (app, pilot):
        pid, net = pid_of(app, "ledger"), net_of(app, "web")
        for text, by, row in (
            (str(pid), "net", "ledger: nc"),
            (str(net), "net", f"net:[{net}]"),
            (f"net:{net}", "net", f"net:[{net}]"),
            ("blue", "net", blue(app)),
            ("ledger", "container", "ledger"),
            ("name=syslogd", "container", "syslog: syslogd"),  # the first that a filter leaves
            ("2", "container", "-: kthreadd"),
        ):
            await pilot.press("colon", *text)
            await pilot.pause()
            await pilot.press("enter")
            await pilot.pause()
            assert app.screen is app.explorer, text
            assert (app.explorer.view.by, on(app)) == (by, row), text


async def test_what_may_mean_several_things_is_offered_and_chosen() -> None:
    async with opened() as (app, pilot):
        await pilot.press("colon", "1")
        await pilot.pause()
        assert len(offered(app)) > 3  # the first processes of containers call themselves that
        assert all("pid inside" in line for line in offered(app)[:3])
        third = offered(app)[2].split()[2]
        await pilot.press("down", "down", "enter")
        await pilot.pause()
        assert app.explorer.listing.row is not None
        assert app.explorer.listing.row.key[1] == int(third)
        app.go_to("1")
        await pilot.pause()
        assert isinstance(app.screen, GoTo)
        await pilot.press("escape")
        app.go_to("blue")
        await pilot.pause()
        assert on(app) == blue(app)


async def test_with_nothing_typed_the_last_ones_found_are_offered_in_the_next_run_too(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    async with opened(memory=Memory(file)) as (app, pilot):
        for text, *further in (("ledger",), ("blue",), ("1", "down", "down"), ("led",)):
            await pilot.press("colon", *text)
            await pilot.pause()
            chosen = offered(app)[len(further)]
            await pilot.press(*further, "enter")
            await pilot.pause()
        assert chosen.split()[:2] == ["container", "ledger"]
    Memory(file).add_target("gone-since")
    async with opened(memory=Memory(file)) as (app, pilot):
        await pilot.press("colon")
        await pilot.pause()
        assert [line.split()[0] for line in offered(app)] == ["container", "process", "namespace"], (
            "each once, the latest first"
        )
        assert "ledger" in offered(app)[0] and "blue" in offered(app)[2]
        await pilot.press("down", "down", "enter")
        await pilot.pause()
        assert on(app) == blue(app)
        await pilot.press("colon")
        await pilot.pause()
        assert "blue" in offered(app)[0]
        await pilot.press(*"nobody")
        await pilot.pause()
        assert not offered(app)


async def test_what_is_typed_at_the_colon_may_be_wrong_or_nothing() -> None:
    async with opened() as (app, pilot):
        before = on(app)
        await pilot.press("colon", "enter")
        await pilot.pause()
        assert "Type a name or a number" in drawn(app) and "Not found." not in drawn(app)
        await pilot.press(*"nobody")
        await pilot.pause()
        assert "Not found." in drawn(app)
        await pilot.press("enter", "ctrl+u", *"pid=", "x")
        await pilot.pause()
        assert "pid: a number goes here" in drawn(app)
        await pilot.press("enter", "escape")
        await pilot.pause()
        assert (app.screen is app.explorer, on(app)) == (True, before)


async def test_a_row_without_numbers_says_so() -> None:
    async with opened() as (app, pilot):
        await pilot.press("slash", *"zzz", "enter", "o")
        await pilot.pause()
        assert app.screen is app.explorer
        assert any("no numbers to follow" in notice.message for notice in app._notifications)


async def test_ports_addresses_and_interfaces_are_found_once_they_are_read() -> None:
    async with opened(NET) as (app, pilot):
        assert app.session.nets is None  # nobody has asked
        for expression, name in (
            ("port=8080", "web"), ("port=19100", "agent"), ("5432", "ledger"), ("10.213.67.3", "ledger"),
            ("address=10.213.67.2 name=httpd", "web"), ("veth14c58fe", "ledger"), ("interface=veth14*", "ledger"),
        ):  # fmt: skip
            await pilot.press("slash", "ctrl+u", *expression, "enter")
            await pilot.pause()
            found = {r.process.pid for r in app.explorer.listing.rows if isinstance(r, ProcessRow) and not r.context}
            assert found == {pid_of(app, name)}, expression
        assert app.session.nets is not None


async def test_ports_and_interfaces_are_gone_to() -> None:
    async with opened(NET) as (app, pilot):
        for text, row in (
            ("8080", "web: httpd"), ("veth14c58fe", f"net:[{net_of(app, 'ledger')}]"), ("19100", "agent: httpd"),
            ("10.213.67.2", f"net:[{net_of(app, 'web')}]"),
        ):  # fmt: skip
            await pilot.press("colon", *text)
            await pilot.pause(0.1)
            await pilot.press("enter")
            await pilot.pause()
            assert on(app) == row, text
        await pilot.press("o")
        await pilot.pause()
        lines = offered(app)
        assert any(line.startswith(f"listens on tcp 8080 {pid_of(app, 'web')}") for line in lines), lines
        assert any(line.startswith("eth0 leads to net:[4026531833] the host's") for line in lines), lines


async def test_a_recording_that_does_not_tell_of_ports_says_so() -> None:
    async with opened(USER) as (app, pilot):
        await pilot.press("slash", *"port=80")
        await pilot.pause()
        assert "ports, addresses and interfaces are not known of this host" in drawn(app)


async def test_a_filter_goes_to_a_match_and_n_over_matches_alone() -> None:
    async with opened() as (app, pilot):
        await go_to(app, "proxy", "nc")
        await pilot.press("slash", *"web httpd", "enter")
        assert on(app) == "web: httpd"
        dim = [row.process.comm for row in app.explorer.listing.rows if isinstance(row, ProcessRow) and row.context]
        assert dim == ["tail"]  # shares its net
        seen = set()
        for _ in range(4):
            await pilot.press("n")
            seen.add(on(app))
        assert seen == {"web: httpd"}
        await pilot.press("O")
        rows = app.explorer.listing.rows
        assert [row.process.comm for row in rows if isinstance(row, ProcessRow)] == ["httpd"]
        assert "only matches" in drawn(app) and on(app) == "web: httpd"
        await pilot.press("O", "escape")
        assert on(app) == "web: httpd" and not app.explorer.filter


@pytest.mark.parametrize(
    ("text", "whose"),
    [("veth14c58fe", "the host's"), ("10.213.67.2", "web, web-logs"), ("8080", "web, web-logs")],
)
async def test_the_line_of_the_net_map_says_whose_it_is_on_a_narrow_screen_too(text: str, whose: str) -> None:
    async with opened(NET, SMALL) as (app, pilot):
        await pilot.press("colon", *text)
        await pilot.pause(0.1)
        [line] = [line for line in drawn(app).splitlines() if "in the net map" in line]
        assert f"]  {whose}  " in line


@pytest.mark.parametrize("text", ["veth14c58fe", "10.213.67.2", "8080"])
async def test_the_line_of_the_net_map_is_offered_beside_the_thing_that_it_leads_to(text: str) -> None:
    async with opened(NET) as (app, pilot):
        for first in (True, False):  # the net map is read, and is open already
            await pilot.press("colon", *text)
            await pilot.pause(0.1)
            place = next(place for place, line in enumerate(offered(app)) if "in the net map" in line)
            assert place > 0, "Enter alone goes to the container or process"
            await pilot.press(*["down"] * place, "enter")
            await pilot.pause(0.1)
            line = app.lens and app.lens.line()
            assert app.lenses.name == "net" and line and text in " ".join(cell.text for cell in line.cells), first
            await pilot.press("g")
