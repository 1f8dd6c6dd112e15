"""Makes the pictures of the README from recordings of real hosts.

    .venv/bin/python -m scripts.screenshots

Each picture is the explorer itself after the keys a user would press, as SVG and as PNG.
"""

import asyncio
import os
import re
from pathlib import Path

import cairosvg

from nsview.hosts.recording import RecordedHost, demo
from nsview.tui.app import NsviewApp

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
    "small": (demo(), (80, 24), ("slash", *"web-logs", "enter", "down", "escape")),
}


def plain(svg: str) -> str:
    """The picture for cairo, which knows no web fonts; DejaVu has the frames and arrows."""
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")


async def picture(recording: Path, size: tuple[int, int], keys: tuple[str, ...]) -> str:
    """The SVG of the explorer on a recording after these keys."""
    app = NsviewApp(RecordedHost(recording))
    async with app.run_test(size=size) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
        await pilot.pause(0.4)  # details are asked for when the cursor rests
        return app.export_screenshot(title="nsview")


def main() -> None:
    for name, (recording, size, keys) in PICTURES.items():
        svg = asyncio.run(picture(recording, size, keys))
        # Ids that Textual draws at random would make each run a change.
        svg = re.sub(r"terminal-\d+", "terminal", svg)
        (HERE / f"{name}.svg").write_text(svg)
        cairosvg.svg2png(bytestring=plain(svg).encode(), write_to=str(HERE / f"{name}.png"), scale=1)
        print(f"{name}: {size[0]}×{size[1]}")


if __name__ == "__main__":
    main()
