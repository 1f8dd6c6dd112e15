"""Styled pieces of text, of which lines are made, and words for numbers."""

import re
from collections.abc import Iterable

from rich.cells import cell_len

Piece = tuple[str, str]
"""(text, style's name): the themes decide on the look of a style."""

Pieces = list[Piece]
"""A line, left to right."""

FOUND = " found"
"""Added to a style: this is a text that the filter seeks."""


def marked(text: str, style: str, found: re.Pattern[str] | None) -> Pieces:
    """A text as pieces, with the parts that a pattern of one group finds in it told apart."""
    if found is None:
        return [(text, style)]
    return [(part, style + FOUND * (place % 2)) for place, part in enumerate(found.split(text)) if part]


_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def cells_of(pieces: Iterable[Piece]) -> int:
    """The number of cells that pieces take."""
    return sum(cell_len(text) for text, _ in pieces)


def size(number: float) -> str:
    """A number of bytes in words: 1536 is "1.5 KiB"."""
    place = 0
    while number >= 1024 and place < len(_UNITS) - 1:
        number /= 1024
        place += 1
    return f"{number:.0f} {_UNITS[place]}" if place == 0 else f"{number:.1f} {_UNITS[place]}"


def span(seconds: float) -> str:
    """A duration in words: 90061 is "1 day 1:01:01", 12.345 is "12.35 s"."""
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    if seconds < 60:
        return f"{sign}{seconds:.6g} s" if seconds == int(seconds) else f"{sign}{seconds:.2f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    clock = f"{hours}:{minutes:02}:{rest:02}"
    return f"{sign}{days} day{'s' if days > 1 else ''} {clock}" if days else f"{sign}{clock}"


def labelled(label: str, *pieces: Piece) -> Pieces:
    """A line that begins with a label in a column of its own."""
    return [(f"{label:<12}", "label"), *pieces]
