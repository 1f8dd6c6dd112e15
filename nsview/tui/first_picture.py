"""The first picture: the rows of the first snapshot, on the screen before Textual is imported.

Importing Textual takes longer than reading the host. So the rows are painted by the explorer's own functions as soon
as they are known, in the places where the explorer will paint them, and it takes over a terminal that shows them
already. The details and the keys stay blank until then.
"""

import contextlib
import os
import signal
import sys
import termios
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

from rich.cells import cell_len, set_cell_size

from nsview.model.rows import Rows
from nsview.model.snapshot import Snapshot
from nsview.state import State

from . import colours, first_view
from .text import bar_text, row_text
from .text.pieces import Piece

ALTERNATE, USUAL = "\x1b[?1049h", "\x1b[?1049l"
_HIDDEN, _SHOWN = "\x1b[?25l", "\x1b[?25h"  # the cursor
_NOT_YET = " " * len("live")
_PATIENCE = 1.0  # seconds in which a terminal that reads has taken the picture
# The details as in the style sheet: percent of the width, at most so many cells; or of the height, if narrow.
_DETAILS, _MOST, _DETAILS_BELOW = 42, 84, 40


def lines(snapshot: Snapshot, last: State, width: int, height: int) -> list[list[Piece]] | None:
    """The picture: pieces from edge to edge for each line of a terminal of this size, with the names of `colours` as
    styles. None if there is nothing to show yet."""
    view = first_view.of_snapshot(snapshot, first_view.usual(last), last)
    if view is None or snapshot.host.notes:
        return None
    rows_width, rows_height = _room(width, height, last.details)
    order = first_view.order(view)
    above = [
        _filled("status", bar_text.status(snapshot, width, source=_NOT_YET, order=order), width),
        _filled("kindbar", bar_text.kindbar(view.by, order, width), width),
    ]
    rows = Rows(snapshot, view)
    chosen = [rows.find(key) for key in first_view.chosen(rows)]
    columns = row_text.columns(snapshot, rows_width, last.columns)
    body = [_filled("listing", row_text.header(columns, view), rows_width)]
    for place, row in enumerate(rows[: rows_height - 1]):
        pieces = row_text.row(row, columns, snapshot, view.by)
        if place in chosen:
            pieces = [(text, f"{style}-on-cursor" if style else "cursor") for text, style in pieces]
        body.append(_filled("listing", pieces, rows_width, "listing--cursor" if place in chosen else ""))
    body += [[(" " * rows_width, "listing")]] * (rows_height - len(body))
    if rows_width < width:
        body = [[*line, (" " * (width - rows_width), "details")] for line in body]
    below = [[(" " * width, "details")]] * (height - len(above) - len(body) - 1)
    return [*above, *body, *below, [(" " * width, "keys")]][:height]


def _room(width: int, height: int, details: bool) -> tuple[int, int]:
    """(cells, lines) for the rows, with their header."""
    height = max(1, height - 3)
    if not details:
        return width, height
    if width < first_view.NARROW:
        return width, height - height * _DETAILS_BELOW // 100
    return width - min(width * _DETAILS // 100, _MOST), height


def _filled(part: str, pieces: Sequence[Piece], width: int, rest: str = "") -> list[Piece]:
    """Pieces with the whole names of their styles, cut to a width or filled with `rest`; a line of one style is so to
    its end."""
    line: list[Piece] = []
    for text, style in pieces:
        fitting = text if cell_len(text) <= width else set_cell_size(text, width)
        line.append((fitting, f"{part}--{style}" if style else part))
        width -= cell_len(fitting)
    return [*line, (" " * width, rest or (line[0][1] if len(line) == 1 else part))]


class Picture:
    """The owner of the terminal from the first snapshot on, until a screen takes over or the block ends."""

    def __init__(self, last: State) -> None:
        """last: the looks of the explorer when it ended last."""
        self._last = last
        self._colours = colours.of_theme(last.theme)
        self._system = colours.system()
        self._turn = threading.RLock()
        self._over = False  # too late to paint
        self._before: list[Any] | None = None  # the settings of the terminal before, while it shows the picture
        self._signals: dict[int, Any] = {}

    def __enter__(self) -> "Picture":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            self._signals[number] = signal.signal(number, self._end)
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()
        while self._signals:
            signal.signal(*self._signals.popitem())

    def _end(self, number: int, frame: FrameType | None) -> NoReturn:
        """Exit at once: an exception raised amid an import can become another one, and only the terminal is open."""
        self._give_back()
        os._exit(128 + number)

    def show(self, snapshot: Snapshot) -> None:
        """Paint a snapshot, unless a screen has taken over. For any thread."""
        if self._colours is None or self._system is None or self._last.lens or not os.isatty(2):
            return
        found = lines(snapshot, self._last, *_size())
        if found is None:
            return
        painted = "".join(f"\x1b[{y};1H{self._painted(line)}" for y, line in enumerate(found, 1))
        with self._turn, contextlib.suppress(OSError, termios.error):
            if not self._over and self._before is None:
                self._before = quiet()
                _write(ALTERNATE + _HIDDEN + painted)

    def _painted(self, line: list[Piece]) -> str:
        assert self._colours is not None
        return "".join(self._colours[style].render(text, color_system=self._system) for text, style in line if text)

    def hand_over(self) -> bool:
        """Paint no more, and set the terminal as it was, except for the alternate screen. True if that is shown. For
        the main thread."""
        with self._turn, contextlib.suppress(termios.error):
            self._over = True
            before, self._before = self._before, None
            if before is not None:
                termios.tcsetattr(0, termios.TCSANOW, before)
        return before is not None

    def _give_back(self) -> None:
        """Leave the terminal as it was found, if it is still ours. May be called again amid a call."""
        taken = self._turn.acquire(timeout=_PATIENCE)  # else the terminal does not read, and would not read this either
        self._over = True
        if self._before is not None:
            with contextlib.suppress(OSError, termios.error):
                termios.tcsetattr(0, termios.TCSANOW, self._before)
                if taken:
                    _write(USUAL + _SHOWN)
            self._before = None
        if taken:
            self._turn.release()


def _size() -> tuple[int, int]:
    """(columns, lines) as shutil.get_terminal_size, which Textual calls, has them; importing shutil takes longer."""
    told = [int(word) if (word := os.environ.get(name, "")).isdecimal() else 0 for name in ("COLUMNS", "LINES")]
    if 0 in told:
        found = os.get_terminal_size(1)
        told = [number or real for number, real in zip(told, found, strict=True)]
    return told[0] or 80, told[1] or 24


def quiet() -> list[Any]:
    """Turn off echo and line mode, so that typed keys but ^C wait for the explorer. Return the old settings."""
    before = termios.tcgetattr(0)
    now = [*before[:6], [*before[6]]]
    now[0] &= ~termios.ICRNL  # Enter is not ^J
    now[3] &= ~(termios.ECHO | termios.ICANON)
    for key in (termios.VSUSP, termios.VQUIT):
        now[6][key] = b"\0"
    termios.tcsetattr(0, termios.TCSANOW, now)
    return before


def _write(text: str) -> None:
    """Write to the file that Textual writes to, past its buffer, which is locked while a terminal does not read."""
    assert sys.__stderr__ is not None
    data = text.encode(sys.__stderr__.encoding, "backslashreplace")
    while data:
        data = data[os.write(2, data) :]
