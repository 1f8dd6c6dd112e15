"""Makes the moving picture at the head of the README from a recording of a real host.

    .venv/bin/python -m scripts.animation

It is the explorer itself after the keys that each step names, as a GIF that any browser shows.
"""

import asyncio
import io
from collections.abc import Iterator

import cairosvg
from PIL import Image

from nsview.hosts.recording import RecordedHost
from nsview.tui.app import NsviewApp

from .screenshots import HERE, SHOP, plain

SIZE = 140, 30
WIDTH = 1120  # pixels
Step = tuple[tuple[str, ...], float]
"""(keys, seconds for which the screen after them is shown)"""
STEPS: tuple[Step, ...] = (
    (("9", "down", "down"), 2.5),
    (("escape", "u"), 4.0),
    (("colon", *"8080"), 2.5),
    (("enter",), 2.5),
    (("w",), 3.5),
    (("escape", "i", "O"), 3.5),
    (("escape", "e"), 4.0),
)


async def _pictures() -> list[str]:
    app = NsviewApp(RecordedHost(SHOP))
    found = []
    async with app.run_test(size=SIZE) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        for keys, _ in STEPS:
            await pilot.press(*keys)
            await pilot.pause(0.6)  # details are asked for when the cursor rests
            found.append(app.export_screenshot(title="nsview"))
    return found


def _images(pictures: list[str]) -> Iterator[Image.Image]:
    for svg in pictures:
        png = cairosvg.svg2png(bytestring=plain(svg).encode(), output_width=WIDTH)
        yield Image.open(io.BytesIO(png)).convert("RGB").quantize(48, dither=Image.Dither.NONE)


def main() -> None:
    first, *others = _images(asyncio.run(_pictures()))
    durations = [int(seconds * 1000) for _, seconds in STEPS]
    path = HERE / "tour.gif"
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0, optimize=True)
    print(f"{path.name}: {len(durations)} steps, {path.stat().st_size >> 10} KiB")


if __name__ == "__main__":
    main()
