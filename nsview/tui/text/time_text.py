"""The time line of a recording, as styled pieces of text. Pure."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nsview.hosts.moment import clock

from .pieces import Piece, cells_of

_BARS = "▁▂▃▄▅▆▇█"
_KEYS = (
    (("pause", "play"), "play"), (("step-back", "step"), "step"), (("previous-change", "change"), "change"),
    (("moment",), "go to"),
)  # fmt: skip
"""(the names of actions, the words for them); of the first pair only one is there."""


class TimeLineText(NamedTuple):
    """The line from edge to edge. left, cells: the place of the track. Styles: "" cursor, key, busy, said."""

    pieces: list[Piece]
    left: int
    cells: int


def line(
    span: tuple[float, float], moment: float, playing: bool, said: str,
    activity: Iterable[tuple[float, float, int]], keys: Mapping[str, str], width: int,
) -> TimeLineText:  # fmt: skip
    """The line. moment: inf for the end. activity: [(from, to, the number of processes that came or went)]. keys:
    {name of an action: its key}."""
    moment = min(moment, span[1])
    left: list[Piece] = [(f" {'▶' if playing else '‖'} {clock(moment)} ", "")]
    right: list[Piece] = [(f" {said} ", "said")] if said else [(f" {clock(span[1])} ", "")]
    if width >= 110 and not said:
        right += _keys(keys)
    taken = cells_of(left) + cells_of(right)
    if width - taken < 10:
        right, taken = [], cells_of(left)
    cells = max(0, width - taken)
    return TimeLineText([*left, *_track(span, moment, activity, cells), *right], cells_of(left), cells)


def _track(
    span: tuple[float, float], moment: float, activity: Iterable[tuple[float, float, int]], cells: int
) -> list[Piece]:
    """A bar a cell for the processes that came or went, high for many, and the cursor at the moment."""
    if not cells:
        return []
    sums = [0.0] * cells
    for begin, end, number in activity:
        first, last = place(span, begin, cells), place(span, end, cells)
        for cell in range(first, last + 1):
            sums[cell] += number / (last + 1 - first)
    top = math.log1p(max(sums, default=0.0)) or 1.0
    bars = [_BARS[min(7, int(8 * math.log1p(one) / top))] if one else "─" for one in sums]
    here = place(span, moment, cells)
    pieces: list[Piece] = []
    for cell, bar in enumerate(bars):
        style = "cursor" if cell == here else "busy" if bar != "─" else ""
        if pieces and pieces[-1][1] == style:
            pieces[-1] = (pieces[-1][0] + bar, style)
        else:
            pieces.append((bar, style))
    return pieces


def place(span: tuple[float, float], moment: float, cells: int) -> int:
    """The cell of a moment."""
    begin, end = span
    share = (moment - begin) / (end - begin) if end > begin else 0.0
    return max(0, min(cells - 1, round(share * (cells - 1))))


def _keys(keys: Mapping[str, str]) -> list[Piece]:
    pieces: list[Piece] = []
    for names, words in _KEYS:
        if shown := [keys[name] for name in names if name in keys]:
            pieces += [(" " + " ".join(shown[:2] if words != "play" else shown[:1]), "key"), (f" {words} ", "")]
    return pieces
