"""A host whose agent lies, open in every view and lens: no lie is the end of the others."""

import asyncio
from collections.abc import Callable

import pytest

from nsview.hosts.inventory import NamedHost
from nsview.tui.fleet_app import FleetApp
from nsview.tui.lenses import LENSES
from nsview.tui.widgets.table import Table
from tests.real.test_finding import until

from . import lies
from .screens import WIDE, drawn

_TRUE = lies.true_frames()
_ROUNDS = [*lies.rounds(_TRUE)]
_VIEWS = "0123456789"
_IN_A_LENS = {"use": "09", "matrix": "5", "net": "pp", "events": "", "audit": "G"}


def fleet() -> FleetApp:
    """The table of a host that lies and of one that does not."""
    app = FleetApp(NamedHost(name, ("-H", name)) for name in ("liar", "honest"))
    app.fleet.turn = lambda: None  # type: ignore[method-assign]
    return app


async def waited(ready: Callable[[], bool]) -> None:
    """Until something is so: a pilot waits for the widgets of a screen that may be closed."""
    while not ready():
        await asyncio.sleep(0.01)


async def opened(app: FleetApp) -> bool:
    """Open the first host. False if it is refused."""
    app.simulate_key("home")
    app.simulate_key("enter")
    await waited(lambda: app.screen is not app.hosts or app.fleet.links[0].session is None)
    return app.screen is not app.hosts


async def left(app: FleetApp) -> None:
    """Back in the table, whatever is open."""
    while app.screen is not app.hosts or app._leaving:
        app.simulate_key("escape")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("lie", [[], *_ROUNDS], ids=lambda lie: f"{len(lie)}-lies")
async def test_no_lie_ends_the_others(lie: list[lies.Lie]) -> None:
    frames = lies.told(_TRUE, *lie)
    app, shown = fleet(), 0
    async with app.run_test(size=WIDE) as pilot:
        for link, told in zip(app.fleet.links, (frames, _TRUE), strict=True):
            link._take(lies.Liar(told))  # type: ignore[arg-type]
        await waited(lambda: all(link.state in ("live", "failed") for link in app.fleet.links))
        for keys in (*_VIEWS, *((entry.key, *_IN_A_LENS[name]) for name, entry in LENSES.items())):
            if not await opened(app):
                break
            for key in (*keys, "down", "L", "escape", "e", "escape", "o", "escape"):
                app.simulate_key(key)
                await asyncio.sleep(0.02)
                shown += any(table.lines for table in app.screen.query(Table))
            await left(app)
        assert lie or shown > 20
        app.simulate_key("end")
        app.simulate_key("enter")
        await until(pilot, lambda: app.screen is app.explorer and app.session is app.fleet.links[1].session)
        assert "registry" in drawn(app)
