"""The table of several hosts, as it looks and as it stands a host that lies."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from nsview.hosts import among
from nsview.hosts.inventory import NamedHost
from nsview.hosts.nowhere import Nowhere
from nsview.model import container_table, ended, host_groups, host_leads, matrix
from nsview.model.hosts_table import HostState, Reported
from nsview.model.snapshot import Snapshot
from nsview.model.table import Line
from nsview.model.usage import HostUsage, Usage
from nsview.tui import app as app_module
from nsview.tui.fleet import Fleet, HostLink, HostSession
from nsview.tui.fleet_app import FleetApp
from nsview.tui.screens.help import HelpScreen
from nsview.tui.text import bar_text
from tests.real.test_finding import until
from tests.unit.make import container, host, process

from .screens import SMALL, WIDE, drawn


def at(*containers: tuple[str, str, int]) -> Snapshot:
    """A host of containers: (name, image, net namespace)."""
    members = [process(10 + n, container=f"docker:{one[0]}", net=one[2]) for n, one in enumerate(containers)]
    return host(
        process(1, 0), *members,
        containers=[container(name, [10 + n], image=image) for n, (name, image, _) in enumerate(containers)],
    )  # fmt: skip


HOSTS: dict[str, tuple[HostState, str, Snapshot | None, float]] = {
    "web1": ("live", "", at(("shop", "shop/web:1.4", 40), ("proxy", "docker.io/library/nginx:1.27", 1)), 0.4),
    "web2": ("live", "", at(("proxy", "nginx", 50)), 7.5),
    "ops@db1": ("failed", "the link broke (Connection reset by peer)", at(("db", "postgres:17", 60)), 1.0),
    "db2": ("failed", "ssh: connect to host db2 port 22: No route to host", None, 0.0),
    "db3": ("connecting", "", None, 0.0),
}


def fleet(hosts: Iterable[str] = HOSTS) -> FleetApp:
    """The table of these hosts, none of which is asked for anything."""
    app = FleetApp(NamedHost(name, ("-H", name)) for name in hosts)
    app.fleet.turn = lambda: None  # type: ignore[method-assign]
    for link in app.fleet.links:
        link.state, link.failure, snapshot, load = HOSTS[link.entry.name]
        if snapshot is not None:
            link.session = HostSession(Nowhere(), app.call_later, link.refuse)
            link.session.snapshot = snapshot
            link.session.watchers.append(link)
            link.use = Usage(
                100.0, 5.0, 0.0, HostUsage(4, (load, 1.0, 1.0), 8 << 30, int(7e9 / max(1.0, load)), 40.0), (), ()
            )
    return app


def press(*keys: str) -> Any:
    async def before(pilot: Pilot[int]) -> None:
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause(0.6)

    return before


def names(app: FleetApp) -> list[str]:
    """The first cell of each line."""
    return [line.cells[0].text for line in app.hosts.table.lines]


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
@pytest.mark.parametrize(
    "keys", [("down", "down"), ("9",), ("9", "/", *"image=nginx net=host", "enter"), ("5", "down")]
)
def test_looks(snap_compare: Any, size: tuple[int, int], keys: tuple[str, ...]) -> None:
    assert snap_compare(fleet(), terminal_size=size, run_before=press(*keys))


async def test_a_host_that_lies_costs_its_own_link_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lie that nobody thought of: its containers lead to an error."""

    def made(things: host_groups.Things, of: Reported, *, folded: bool) -> list[Line]:
        if of.name == "web1" and of.snapshot:
            raise KeyError
        return of_host(things, of, folded=folded)

    of_host = host_groups.of_host
    monkeypatch.setattr(host_groups, "of_host", made)
    app = fleet(["web1", "web2"])
    async with app.run_test(size=WIDE) as pilot:
        lying = app.fleet.links[0]
        await pilot.press("9")
        await pilot.pause()
        assert (lying.state, lying.reported.error) == ("failed", "its word can't be told (KeyError)")
        assert names(app) == ["▾ web1", "▾ web2", "  proxy"]
        await pilot.press("0", "g", "enter")
        await pilot.pause()
        assert app.screen is app.hosts and "web1 can't be opened" in next(iter(app._notifications)).message


async def test_hosts_fold() -> None:
    app = fleet(["web1", "web2", "db2"])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("9", "down", "left")  # by the line of a container
        await pilot.pause()
        assert names(app) == ["▸ web1", "▾ web2", "  proxy", "▾ db2"] and app.hosts.table.cursor == 0
        await pilot.press("enter")
        await pilot.pause()
        assert names(app) == ["▾ web1", "  proxy", "  shop", "▾ web2", "  proxy", "▾ db2"]
        await pilot.press("f")
        assert names(app) == ["▸ web1", "▸ web2", "▸ db2"]
        await pilot.press("/", *"proxy", "enter")  # a filter looks into what is folded
        assert names(app) == ["▾ web1", "  proxy", "▾ web2", "  proxy"]
        await pilot.press("escape", "f")
        assert len(names(app)) == 6
        await pilot.press("g", "down", "0")  # from a container to its host
        await pilot.pause()
        assert names(app) == ["web1", "web2", "db2"] and app.hosts.table.cursor == 0
        await pilot.press("9")
        await pilot.press("G", "e")
        await pilot.pause()
        assert "No process or namespace" in next(iter(app._notifications)).message


async def test_enter_opens_the_host_at_the_namespace_of_the_line() -> None:
    app = fleet(["web1", "web2"])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5", "/", *"container=shop", "enter", "down", "enter")
        await pilot.pause()
        assert app.screen is app.explorer and app.explorer.thing == ("net", 40)
        assert app.session is app.fleet.links[0].session
        await pilot.press("escape")
        await pilot.pause()
        assert names(app) == ["▾ web1", "  net:[40]"]  # as it was left


def offered(app: FleetApp) -> list[str]:
    return [" ".join(str(option.prompt).split()) for option in app.screen.query_one(OptionList).options]


async def test_find_names_the_host_before_each_thing_and_opens_it_there() -> None:
    app = fleet(["web1", "web2", "ops@db1", "db2"])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press(":", *"proxy")
        await until(pilot, lambda: len(offered(app)) > 1)
        assert [one.split()[0] for one in offered(app)[:2]] == ["web1", "web2"]
        assert not any("db1" in one for one in offered(app))  # its link has ended
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.screen is app.explorer)
        assert (app.session, app.explorer.thing) == (app.fleet.links[1].session, "docker:proxy")


async def test_find_takes_a_filter_with_the_name_of_a_host_and_says_what_is_wrong_in_one() -> None:
    app = fleet(["web1", "web2"])
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press(":", *"image=nginx host=web2")
        await until(pilot, lambda: bool(offered(app)))
        assert {one.split()[0] for one in offered(app)} == {"web2"}
        await pilot.press(*" nothing=3")
        await until(pilot, lambda: "no field is called nothing" in drawn(app))
        await pilot.press("escape")
        assert app.screen is app.hosts


async def test_find_begins_with_the_last_things_on_each_host() -> None:
    app = fleet(["web1", "web2", "ops@db1"])
    async with app.run_test(size=WIDE) as pilot:
        for text in ("shop", "proxy"):
            app.memory.add_target(text)
        await pilot.press(":")
        await until(pilot, lambda: len(offered(app)) == 3)
        assert [one.split()[0] for one in offered(app)] == ["web1", "web2", "web1"]
        assert ["proxy" in one for one in offered(app)] == [True, True, False]
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.screen is app.explorer)
        assert (app.session, app.explorer.thing) == (app.fleet.links[1].session, "docker:proxy")
        assert app.memory.state.targets == ("shop", "proxy")


async def test_a_host_that_lies_to_find_costs_its_own_link_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(snapshot: Snapshot, *rest: Any) -> host_leads.LeadsOf:
        if "docker:shop" in snapshot.containers:
            raise KeyError
        return of_host(snapshot, *rest)

    of_host = host_leads.of_host
    monkeypatch.setattr(host_leads, "of_host", made)
    app = fleet(["web1", "web2"])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press(":", *"proxy")
        await until(pilot, lambda: app.fleet.links[0].state == "failed" and bool(offered(app)))
        assert {one.split()[0] for one in offered(app)} == {"web2"}


@pytest.mark.parametrize("key", ["0", "9", "5"])
async def test_lines_are_taken_along_each_with_its_host(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = fleet(["web1", "web2", "db2"])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press(key, *(() if key == "0" else ("down",)), "E", "enter")
        await until(pilot, lambda: any("Written to" in one.message for one in app._notifications))
        written = json.loads(next(tmp_path.iterdir()).read_text())
        assert {"web1", "web2"} <= {line["HOST"] for line in written["lines"]} <= {"web1", "web2", "db2"}
        assert written["lens"] == {"0": "hosts", "9": "containers", "5": "net"}[key]
        shown = [name.strip() for name in names(app) if name[0] not in "▸▾"]
        assert [list(line.values())[key != "0"] for line in written["lines"]] == shown
        assert all(text == text.strip() for line in written["lines"] for text in line.values())
        await pilot.press("y", "enter")
        await pilot.pause()
        assert app.clipboard == "web1"
        copies = dict(app.hosts.copies())
        assert copies["host"] == "web1"
        if key != "0":
            assert copies[{"9": "name", "5": "namespace"}[key]] == shown[0]


async def test_keys_of_one_host_are_not_there_before_one_is_opened() -> None:
    app = fleet(["web1"])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("m", "L", "K", "v", "e")
        await pilot.pause()
        assert app.screen is app.hosts and not app._notifications
        await pilot.press("?")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape", "enter")
        await pilot.pause()
        assert app.screen is app.explorer
        await pilot.press("/", *"shop", "enter", "escape")
        await pilot.pause()
        assert app.screen is app.explorer and not app.explorer.filter  # the filter is cleared first
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.hosts and "1 host: 1 " in drawn(app)


async def test_q_ends_from_the_table_and_from_an_explorer() -> None:
    for keys in (("q",), ("enter", "q")):
        app = fleet(["web1"])
        async with app.run_test(size=WIDE) as pilot:
            await pilot.press(*keys)
            await pilot.pause()
        assert app._exit


def lying(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """Have a function fail on the containers of web1: a lie that nobody thought of."""
    true = getattr(owner, name)

    def failing(*rest: Any, **options: Any) -> Any:
        if any("docker:shop" in one.containers for one in rest if isinstance(one, Snapshot)):
            raise KeyError
        return true(*rest, **options)

    monkeypatch.setattr(owner, name, failing)


@pytest.mark.parametrize(
    ("owner", "name", "keys"),
    [
        (container_table, "lines", "u"),  # a worker
        (bar_text, "status", ""),  # what is painted
        (matrix, "lines", "m"),  # a screen that opens
        (ended, "of_thing", "m+enter"),  # a message to the application
        (app_module, "around", "o"),
    ],
    ids=str,
)
async def test_a_lie_costs_the_open_explorer_alone(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, keys: str
) -> None:
    app = fleet(["web1", "web2"])
    async with app.run_test(size=WIDE) as pilot:
        lying(monkeypatch, owner, name)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is not app.hosts or bool(app._notifications))
        await pilot.press(*filter(None, keys.split("+")))
        await until(pilot, lambda: app.screen is app.hosts and not app._leaving)
        assert [one.message for one in app._notifications] == ["web1 is closed: its word can't be told (KeyError)"]
        assert app.fleet.links[0].reported.error == "its word can't be told (KeyError)"
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.screen is app.explorer)
        await pilot.press("u")
        await until(pilot, lambda: app.lens is not None and bool(app.lens.table.lines))
        assert "proxy" in drawn(app)


def test_hosts_that_fail_again_and_again_keep_none_from_its_first_try(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(HostLink, "connect", lambda link: tried.append(link.entry.name))
    monkeypatch.setattr(among, "AGAIN", (0.0, 0.0))
    fleet = Fleet([NamedHost(f"host{number}", ("-H", f"host{number}")) for number in range(200)], lambda *_: None)
    for link in fleet.links[:150]:
        link.show_end("ssh: No route to host")
    fleet.turn()
    assert tried == [f"host{number}" for number in range(150, 150 + among.AT_ONCE)]
