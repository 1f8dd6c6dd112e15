"""The lenses over several hosts: the lines of each below a line for the host, which is asked while they are seen."""

import pytest

from nsview.hosts.inventory import NamedHost
from nsview.model import host_groups
from nsview.tui.fleet_app import FleetApp
from nsview.tui.screens.netmap import NetMap
from tests.real.test_finding import until

from . import lies
from .screens import SMALL, WIDE, drawn

TRUE = lies.true_frames()
SILENT = {kind: frame for kind, frame in TRUE.items() if kind not in ("usage", "security", "net")}


def fleet(*told: lies.Frames) -> tuple[FleetApp, list[lies.Liar]]:
    app = FleetApp(NamedHost(f"host{number}", ("-H", f"host{number}")) for number in range(len(told)))
    app.fleet.turn = lambda: None  # type: ignore[method-assign]
    return app, [lies.Liar(frames) for frames in told]


def take(app: FleetApp, agents: list[lies.Liar]) -> None:
    for link, agent in zip(app.fleet.links, agents, strict=True):
        link._take(agent)  # type: ignore[arg-type]


def below(app: FleetApp, host: str) -> list[str]:
    """The first cells of the lines of a host, its own first."""
    lines = [line for line in app.hosts.table.lines if host_groups.of(line).host == host]
    return [line.cells[0].text.strip() for line in lines]


def head(app: FleetApp, host: str) -> str:
    lines = [line for line in app.hosts.table.lines if host_groups.of(line).host == host]
    return lines[0].cells[1].text


@pytest.mark.parametrize(
    ("key", "line", "words"),
    [
        ("u", "registry", "10 containers"), ("i", "", "1 event"), ("a", "high", "10 findings"),
        ("w", "nsvdemo0", "7 net namespaces"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_each_lens_has_the_lines_of_each_host(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], key: str, line: str, words: str
) -> None:
    monkeypatch.setattr(host_groups, "LATE", 0.05)
    app, agents = fleet(TRUE, SILENT)
    async with app.run_test(size=size) as pilot:
        take(app, agents)
        await until(pilot, lambda: all(link.state == "live" for link in app.fleet.links))
        await pilot.press(key)
        await until(pilot, lambda: words in head(app, "host0"))
        assert below(app, "host0")[0] == "▾ host0" and any(line in one for one in below(app, "host0")[1:])
        if key != "i":  # which nobody is asked for
            await pilot.press("g", "left")  # the first host is folded, and the second one seen
            await until(pilot, lambda: "no answer for" in head(app, "host1"))
            assert below(app, "host1") == ["▾ host1"]
        await pilot.press("g", "right", "/", *"host=host0", "enter")
        await until(pilot, lambda: below(app, "host1") == [] and len(below(app, "host0")) > 1)


async def test_hosts_that_are_not_seen_are_not_asked() -> None:
    app, agents = fleet(TRUE, TRUE)
    async with app.run_test(size=SMALL) as pilot:
        take(app, agents)
        await until(pilot, lambda: all(link.state == "live" for link in app.fleet.links))
        await pilot.press("9", "f", "w")  # folded
        await pilot.pause(1.2)
        assert "net" not in agents[0].asked + agents[1].asked
        await pilot.press("g", "right")
        await until(pilot, lambda: len(below(app, "host0")) > 20)
        await pilot.press("f", "f")  # all are unfolded: the second is below the screen
        await pilot.pause(1.2)
        assert "net" not in agents[1].asked
        await pilot.press("G")
        await until(pilot, lambda: len(below(app, "host1")) > 20)


async def test_enter_opens_the_net_map_of_the_host_at_the_line_and_an_audited_container() -> None:
    app, agents = fleet(TRUE, TRUE)
    async with app.run_test(size=WIDE) as pilot:
        take(app, agents)
        await until(pilot, lambda: all(link.state == "live" for link in app.fleet.links))
        await pilot.press("w", "/", *"nsvdemo0 kind=bridge", "enter")
        await until(pilot, lambda: any("nsvdemo0" in one for one in below(app, "host0")))
        await pilot.press("g", "down", "down", "enter")
        await until(pilot, lambda: isinstance(app.lens, NetMap) and bool(app.lens.table.lines))
        assert app.lens is not None
        line = app.lens.table.line
        assert line is not None and "nsvdemo0" in line.cells[0].text
        await pilot.press("escape", "escape", "escape", "a")
        await until(pilot, lambda: "10 findings" in head(app, "host1"))
        await pilot.press("g", "down", "enter")
        await until(pilot, lambda: app.screen is app.explorer and "docker:" in str(app.explorer.thing))
        assert "node-agent" in drawn(app)
