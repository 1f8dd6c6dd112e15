"""The looks of the main screens, held by snapshots (`pytest --snapshot-update` after a wanted change, and look)."""

from pathlib import Path
from typing import Any

import pytest

from .screens import NET, SMALL, USER, WIDE, explorer, keys

SCREENS: dict[str, tuple[Path | None, tuple[str, ...]]] = {
    "net": (None, ("down",)),
    "pid": (None, ("4", "down")),
    "only-the-host": (None, ("8",)),
    "tree": (None, ("0", "end")),
    "containers": (None, ("9",)),
    "filter": (None, ("slash", *"shop")),
    "filter-wrong": (None, ("slash", *"web (shop", "enter")),
    "follow": (None, ("down", "o")),
    "nothing-matches": (None, ("slash", *"no such thing")),
    "enter": (None, ("down", "e")),
    "help": (None, ("question_mark",)),
    "copy": (None, ("down", "y")),
    "sort": (None, ("s",)),
    "unprivileged": (USER, ("down",)),
    "unprivileged-net": (USER, ("5",)),
    "no-details": (None, ("d",)),
    "matrix": (None, ("m", "down", *["right"] * 5)),
    "matrix-net": (None, ("m", "5")),
    "explained": (None, ("m", "down", *["right"] * 5, "question_mark")),
    "net-map": (NET, ("w",)),
    "net-map-port": (NET, ("w", "slash", *"8080", "enter", "down")),
    "net-map-drawn": (NET, ("w", "g", "p")),
    "net-map-drawn-port": (NET, ("w", "p", "slash", *"8080", "enter")),
}


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["160x50", "80x24"])
@pytest.mark.parametrize("name", SCREENS)
def test_screen(snap_compare: Any, name: str, size: tuple[int, int]) -> None:
    recording, pressed = SCREENS[name]
    assert snap_compare(explorer(recording), terminal_size=size, run_before=keys(*pressed))
