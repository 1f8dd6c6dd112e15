"""Makes the moving picture at the head of the README from recordings of real hosts.

    .venv/bin/python -m scripts.animation

It is the explorer itself after the keys that each step names, as a GIF that any browser shows.
"""

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path

import cairosvg
from PIL import Image

from nsview.hosts.recording import RecordedHost, demo
from nsview.tui.app import NsviewApp

from .screenshots import BUSY, HERE, plain

SIZE = 140, 30
WIDTH = 1120  # pixels
Step = tuple[tuple[str, ...], float]
"""(keys, seconds for which the screen after them is shown)"""
STEPS: tuple[tuple[Path, tuple[Step, ...]], ...] = (
    (BUSY, ((("u",), 3.5), (("slash", *"cpu>5"), 2.5))),
    (
        demo(),
        (
            (("slash", *"checkout"), 1.5),
            (("enter", "down"), 3.0),
            (("e",), 3.5),
            (("escape", "escape", "m"), 3.0),
            (("escape", "w", "g", "p"), 3.0),
            (("escape", "i"), 2.5),
            (("escape", "a"), 3.5),
        ),
    ),
)
"""(recording, steps)"""


async def _pictures(recording: Path, steps: tuple[Step, ...]) -> list[str]:
    app = NsviewApp(RecordedHost(recording))
    found = []
    async with app.run_test(size=SIZE) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        for keys, _ in steps:
            await pilot.press(*keys)
            await pilot.pause(0.6)  # details are asked for when the cursor rests
            found.append(app.export_screenshot(title="nsview"))
    return found


def _images(pictures: list[str]) -> Iterator[Image.Image]:
    for svg in pictures:
        png = cairosvg.svg2png(bytestring=plain(svg).encode(), output_width=WIDTH)
        yield Image.open(io.BytesIO(png)).convert("RGB").quantize(48, dither=Image.Dither.NONE)


def main() -> None:
    pictures = [svg for recording, steps in STEPS for svg in asyncio.run(_pictures(recording, steps))]
    first, *others = _images(pictures)
    durations = [int(seconds * 1000) for _, steps in STEPS for _, seconds in steps]
    path = HERE / "tour.gif"
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0, optimize=True)
    print(f"{path.name}: {len(durations)} steps, {path.stat().st_size >> 10} KiB")


if __name__ == "__main__":
    main()
