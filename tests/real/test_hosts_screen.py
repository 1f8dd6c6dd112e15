"""The table of several hosts, by a real sshd and by pipes: one at a time is opened, and the hostile harm no other."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from nsview.cli import main
from nsview.hosts import among, inventory, link
from nsview.hosts.remote import RemoteHost
from nsview.model import host_groups
from nsview.model.hosts_table import Reported
from nsview.model.kinds import KIND_NAMES
from nsview.tui import fleet
from nsview.tui.fleet_app import FleetApp
from nsview.tui.lenses import LENSES
from tests.tui.screens import SMALL, WIDE, drawn

from .account import Account
from .daemons import IMAGE, Docker
from .sshd import Sshd
from .test_finding import until
from .test_many_hosts import GOOD, HOSTILE, NAMES, _running, _session
from .test_many_hosts import far as far
from .workspace import wait_until


@asynccontextmanager
async def shown(*commands: str, size: tuple[int, int] = WIDE) -> AsyncIterator[tuple[FleetApp, Pilot[int]]]:
    """The table of the hosts that these pipes lead to."""
    app = FleetApp(inventory.entries([("--via", command) for command in commands]))
    async with app.run_test(size=size) as pilot:
        yield app, pilot


def of(app: FleetApp, name: str) -> Reported:
    return next(one.reported for one in app.fleet.links if one.entry.name == name)


async def live(app: FleetApp, pilot: Pilot[int], *names: str) -> None:
    await until(pilot, lambda: all(of(app, name).state == "live" for name in names))


def lines(app: FleetApp) -> list[list[str]]:
    return [[cell.text for cell in line.cells] for line in app.hosts.table.lines]


async def go_to(app: FleetApp, pilot: Pilot[int], name: str) -> None:
    """Put the cursor on the line that begins with a name."""
    await until(pilot, lambda: any(line[0] == name for line in lines(app)))
    app.hosts.table.cursor = next(place for place, line in enumerate(lines(app)) if line[0] == name)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hosts are tried again at once."""
    monkeypatch.setattr(among, "AGAIN", (0.1, 0.1))
    yield


# -- real hosts -----------------------------------------------------------------------------------


@pytest.fixture
def ways(far: list[Sshd], account: Account) -> list[str]:
    """The commands that lead to these servers, by ssh with the user's key and known hosts."""
    ssh = f"ssh -F {account.home}/.ssh/config -o UserKnownHostsFile={account.home}/.ssh/known_hosts -o BatchMode=yes"
    return [f"{ssh} {name}" for name in NAMES]


async def test_each_host_has_a_line_and_opens_in_an_explorer_of_its_own(ways: list[str]) -> None:
    nobody = ways[0].replace("-o Batch", "-p 1 -o Batch")
    async with shown(*ways, nobody) as (app, pilot):
        await live(app, pilot, *ways)
        await until(pilot, lambda: of(app, nobody).state == "failed")
        assert "Connection refused" in of(app, nobody).error
        await until(pilot, lambda: all(of(app, way).use and of(app, way).lag for way in ways))
        await until(pilot, lambda: "4 hosts: 1 failed, 3 live" in drawn(app))
        for name, way in zip(NAMES, ways, strict=True):
            await go_to(app, pilot, way)
            await pilot.press("enter")
            await until(pilot, lambda: app.screen is app.explorer)
            snapshot = app.explorer.snapshot
            assert snapshot and snapshot.host.name == name and name in drawn(app).splitlines()[0]
            assert snapshot.processes[1].comm == "sshd"  # its own pids
            await pilot.press("u")
            await until(pilot, lambda: app.lens is not None)
            await pilot.press("escape")
            assert app.screen is app.explorer
            await pilot.press("escape" if name == "far1" else "backspace")
            await until(pilot, lambda: app.screen is app.hosts)
        await go_to(app, pilot, nobody)
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen is app.hosts
        assert "can't be opened" in " ".join(notice.message for notice in app._notifications)


async def test_views_find_and_lenses_have_the_things_of_all_real_hosts(ways: list[str]) -> None:
    async with shown(*ways) as (app, pilot):
        await live(app, pilot, *ways)
        for number, kind in enumerate(KIND_NAMES, 1):
            await pilot.press(str(number))
            await until(pilot, lambda: lines(app)[0][0].startswith("▾") and len(lines(app)) > 5)
            for way in ways:
                snapshot = of(app, way).snapshot
                assert snapshot is not None
                told = {
                    line.cells[0].text.strip() for line in app.hosts.table.lines if host_groups.of(line).host == way
                }
                assert {one.label for one in snapshot.namespaces.values() if one.type == kind} <= told
        await pilot.press(":", *"comm=sshd pid=1")
        await until(pilot, lambda: app.screen.query_one(OptionList).option_count == len(ways))
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.screen is app.explorer and app.explorer.thing == 1)
        assert app.session.snapshot and app.session.snapshot.host.name == NAMES[1]
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.hosts)
        await pilot.press("w")
        await until(pilot, lambda: all(of(app, way).heard.nets for way in ways))
        await until(
            pilot, lambda: sum("net namespace" in line[1] for line in lines(app) if len(line) == 2) == len(ways)
        )
        await pilot.press("u")
        await until(pilot, lambda: all(of(app, way).heard.meter.host for way in ways))


async def test_a_link_that_is_cut_is_made_again_while_its_explorer_stays(soon: None, ways: list[str]) -> None:
    """At first by the host itself, once a minute; then by the table."""
    async with shown(ways[0], "env") as (app, pilot):
        await live(app, pilot, ways[0], "env")
        await go_to(app, pilot, ways[0])
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.explorer and app.explorer.snapshot is not None)
        for _ in range(2):
            host, before = app.session.host, app.session.snapshot
            assert isinstance(host, RemoteHost)
            host._agent.kill()
            await until(pilot, lambda before=before: app.session.snapshot is not before)  # type: ignore[misc]
            await live(app, pilot, ways[0], "env")
        assert app.session.host is not host and app.session.runs
        await until(pilot, lambda: app.explorer.snapshot is app.session.snapshot)


RELAY = """
import os, subprocess, sys
child = subprocess.Popen(["sh"], stdout=subprocess.PIPE)
for line in child.stdout:
    cut = os.path.exists(sys.argv[1]) and line.startswith(b'{"frame"')
    sys.stdout.buffer.write(line[: len(line) // 2] if cut else line)
    sys.stdout.buffer.flush()
    if cut:
        os.unlink(sys.argv[1])
        child.kill()
        os._exit(1)
"""
"""A pipe that is cut in the middle of a frame once a file is there."""


async def test_a_link_that_is_cut_in_a_frame_leaves_each_lens_which_goes_on(soon: None, tmp_path: Path) -> None:
    (tmp_path / "relay").write_text(RELAY)
    cut = tmp_path / "cut"
    relay = f"{sys.executable} {tmp_path}/relay {cut}"
    async with shown(relay, "env") as (app, pilot):
        await live(app, pilot, relay, "env")
        for name, lens in LENSES.items():
            await pilot.press("g", "enter")
            await until(pilot, lambda: app.screen is app.explorer and app.explorer.snapshot is not None)
            await pilot.press(lens.key)
            await until(pilot, lambda: app.lens is not None and app.lens.is_mounted)
            opened, before = app.lens, app.session.snapshot
            cut.touch()
            app.fleet.links[0].ask()
            await until(pilot, lambda: not cut.exists(), f"a cut in {name}")
            await until(pilot, lambda before=before: app.session.snapshot is not before)  # type: ignore[misc]
            await live(app, pilot, relay, "env")
            assert app.lens is opened and opened is not None, name
            await until(pilot, lambda opened=opened: opened.snapshot is app.session.snapshot)  # type: ignore[misc]
            await pilot.press("escape", "escape")
            await until(pilot, lambda: app.screen is app.hosts)
        assert of(app, "env").error == ""


# -- one among others -----------------------------------------------------------------------------


async def test_the_hostile_have_a_line_each_and_the_others_answer() -> None:
    async with shown(*GOOD, *HOSTILE) as (app, pilot):
        await live(app, pilot, *GOOD)
        names = [one.entry.name for one in app.fleet.links][len(GOOD) :]
        await until(pilot, lambda: all(of(app, name).state == "failed" for name in names))
        await until(pilot, lambda: "9 hosts: 7 failed, 2 live" in drawn(app))
        errors = {line[0]: line[-1] for line in lines(app)}
        assert all(errors[name].isprintable() and errors[name] for name in names), errors
        assert "a flood of more than" in errors["sh -c yes"]
        assert all(errors[name] == "" for name in GOOD)
        await pilot.press("/", *"env", "enter", "enter")  # and keys are answered
        await until(pilot, lambda: app.screen is app.explorer)


async def test_one_that_hangs_is_told_and_its_programs_are_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(link, "PATIENCE", 1.0)
    hanging = f"sh -c 'echo $$ >> {tmp_path}/pids; sleep 997; true'"
    async with shown(hanging, "env") as (app, pilot):
        await live(app, pilot, "env")
        await until(pilot, lambda: of(app, hanging).state == "failed")
        assert "has not answered for" in of(app, hanging).error
    sessions = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    wait_until(lambda: not [pid for pid in _running() if _session(pid) in sessions], 10, "the end of what hung")


async def test_more_than_one_looks_at_among_others_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(among, "MOST", 3)
    async with shown("env") as (app, pilot):
        await until(pilot, lambda: of(app, "env").state == "failed")
        assert "more than 3 processes, namespaces and containers" in of(app, "env").error


async def test_one_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(among, "HEAVIEST", 1 << 10)
    async with shown("env") as (app, pilot):
        await until(pilot, lambda: of(app, "env").state == "failed")
        assert "MiB to keep in memory" in of(app, "env").error and app.fleet.links[0].session is None


async def test_a_host_is_tried_again_until_it_answers(soon: None, tmp_path: Path) -> None:
    late = f"sh -c 'echo >> {tmp_path}/tried; test -e {tmp_path}/up || exit 7; exec sh'"
    async with shown(late, "env") as (app, pilot):
        await until(pilot, lambda: (tmp_path / "tried").exists() and (tmp_path / "tried").stat().st_size > 2)
        assert of(app, late).error == "via ended with exit code 7"
        (tmp_path / "up").touch()
        await live(app, pilot, late, "env")
        assert of(app, late).error == ""


async def test_a_host_is_tried_at_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(among, "AGAIN", (1000.0, 1000.0))
    late = f"sh -c 'test -e {tmp_path}/up || exit 7; exec sh'"
    async with shown(late) as (app, pilot):
        await until(pilot, lambda: of(app, late).state == "failed")
        (tmp_path / "up").touch()
        await pilot.pause(1)
        assert of(app, late).state == "failed"
        await pilot.press("r")
        await live(app, pilot, late)


async def test_no_agent_is_left_at_the_end() -> None:
    async with shown(*GOOD) as (app, pilot):
        await live(app, pilot, *GOOD)
        agents = [one.session.host._agent for one in app.fleet.links if one.session]  # type: ignore[union-attr]
        assert all(agent.poll() is None for agent in agents)
    wait_until(lambda: all(agent.poll() is not None for agent in agents), 10, "the end of the agents")


def test_a_name_that_is_none_is_a_line_of_its_own() -> None:
    wrong = inventory.in_text("a b\n", "hosts")
    found = fleet.Fleet(wrong, lambda *_: None).links[0]
    assert found.reported.state == "failed" and "is no name of a host" in found.reported.error
    assert not found.due(1e9)


def test_the_explorer_of_many_wants_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--via", "env", "--via", "env A=1"]) == 2
    assert "the explorer needs a terminal" in capsys.readouterr().err


# -- containers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_which_hosts_run_an_image_on_the_network_of_the_host(docker: Docker, size: tuple[int, int]) -> None:
    docker.container("hosts-near", "--network=host")
    docker.container("hosts-apart", "--network=none")
    try:
        async with shown(*GOOD, size=size) as (app, pilot):
            await live(app, pilot, *GOOD)
            await pilot.press("9")
            await until(pilot, lambda: sum(line[0].startswith("  hosts-") for line in lines(app)) == 4)
            await pilot.press("/", *f"hosts- image={IMAGE.partition(':')[0]} net=host", "enter")
            near = [line for name in GOOD for line in (f"▾ {name}", "  hosts-near")]
            await until(pilot, lambda: [line[0] for line in lines(app)] == near)
            assert drawn(app).count("hosts-near") >= 2 and "hosts-apart" not in drawn(app)
            await pilot.press("down", "down", "down", "enter")
            await until(pilot, lambda: app.screen is app.explorer)
            thing = app.explorer.thing
            assert app.explorer.record is not None and docker.inspect("hosts-near")["Id"] in str(thing)
            assert app.session is app.fleet.links[1].session
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is app.hosts)
            assert [line[0] for line in lines(app)] == near  # as it was left
            await pilot.press("escape", "0")
            await until(pilot, lambda: [line[0] for line in lines(app)] == [*GOOD])
    finally:
        for name in ("hosts-near", "hosts-apart"):
            docker.remove(name)
