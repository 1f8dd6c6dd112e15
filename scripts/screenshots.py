"""Makes the pictures of the README from recordings of real hosts.

    .venv/bin/python -m scripts.screenshots [NAME ..]

Each picture is the explorer itself after the keys a user would press, as SVG and as PNG.
"""

import asyncio
import os
import re
import sys
from collections.abc import Collection
from pathlib import Path

import cairosvg
from textual.pilot import Pilot

from nsview.hosts.inventory import NamedHost
from nsview.hosts.playback import Playback
from nsview.hosts.recording import RecordedHost, demo
from nsview.tui.app import NsviewApp
from nsview.tui.fleet import HostSession
from nsview.tui.fleet_app import FleetApp

os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")  # of the colours of the pictures
HERE = Path(__file__).resolve().parent.parent / "screenshots"
USER = HERE / "user.jsonl.gz"
SHOP = HERE / "shop.jsonl.gz"

# name: (recording, size, keys)
PICTURES: dict[str, tuple[Path, tuple[int, int], tuple[str, ...]]] = {
    "net": (demo(), (160, 50), ("slash", *"web-logs", "enter", "down", "escape")),
    "tree": (demo(), (160, 50), ("0", "slash", *"httpd", "enter", "down", "down", "down", "down")),
    "containers": (demo(), (160, 50), ("9", "down")),
    "enter": (SHOP, (160, 50), ("slash", *"shop-api", "enter", "down", "escape", "e")),
    "filter": (demo(), (160, 50), ("slash", *"shop")),
    "use": (SHOP, (160, 32), ("u",)),
    "matrix": (SHOP, (160, 24), ("m", "down", "right", "right")),
    "netmap": (SHOP, (160, 40), ("w", "g", "p")),
    "audit": (SHOP, (160, 32), ("a",)),
    "user": (USER, (160, 50), ("down",)),
    "timeline": (SHOP, (160, 32), ("at", *"+12s", "enter")),
    "fleet": (SHOP, (160, 24), ("9", "slash", *"net=host", "enter")),
    "small": (demo(), (80, 24), ("slash", *"web-logs", "enter", "down", "escape")),
}


def plain(svg: str) -> str:
    """The picture for cairo, which knows no web fonts; DejaVu has the frames and arrows."""
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")


class Shops(FleetApp):
    """The table of hosts that are one recording, and of one that can't be reached."""

    def __init__(self, recording: Path) -> None:
        super().__init__(NamedHost(name, ("-H", name)) for name in ("shop1", "shop2", "shop3", "db2"))
        self.fleet.turn = lambda: None  # type: ignore[method-assign]
        self._recording = recording

    async def settle(self, pilot: Pilot[int]) -> None:
        *shops, other = self.fleet.links
        other.show_end("ssh: connect to host db2 port 22: No route to host")
        for link in shops:
            link.session = HostSession(RecordedHost(self._recording), self.call_later, link.refuse)
            link.session.receive()
        await pilot.pause(2)
        for link in shops:
            link.state = "live"


def app_of(name: str, recording: Path) -> NsviewApp:
    """The explorer of a picture."""
    if name == "fleet":
        return Shops(recording)
    return NsviewApp((Playback if name == "timeline" else RecordedHost)(recording))


async def picture(app: NsviewApp, size: tuple[int, int], keys: tuple[str, ...]) -> str:
    """The SVG of an explorer after these keys."""
    async with app.run_test(size=size) as pilot:
        if isinstance(app, Shops):
            await app.settle(pilot)
        elif isinstance(app.session.host, Playback):
            await pilot.pause(2)  # its pace is the recording's
        else:
            await app.workers.wait_for_complete()
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
        await pilot.pause(0.4)  # details are asked for when the cursor rests
        return app.export_screenshot(title="nsview")


def main(names: Collection[str]) -> None:
    for name, (recording, size, keys) in PICTURES.items():
        if names and name not in names:
            continue
        svg = asyncio.run(picture(app_of(name, recording), size, keys))
        # Ids that Textual draws at random would make each run a change.
        svg = re.sub(r"terminal-\d+", "terminal", svg)
        (HERE / f"{name}.svg").write_text(svg)
        cairosvg.svg2png(bytestring=plain(svg).encode(), write_to=str(HERE / f"{name}.png"), scale=1)
        print(f"{name}: {size[0]}×{size[1]}")


if __name__ == "__main__":
    main(sys.argv[1:])
