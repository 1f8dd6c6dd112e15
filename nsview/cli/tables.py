"""A table as `-o`, `-q`, `--sort` and `--no-headers` ask for it."""

from collections.abc import Sequence
from types import SimpleNamespace

from nsview import report
from nsview.join.failure import USAGE, Failure
from nsview.model import listing
from nsview.model.snapshot import Snapshot
from nsview.model.table import Column, Line, ordered, place_named

from .console import paint, width

NAMES, WIDE = "name", "wide"
"""The formats of a table beside json and columns by their titles."""


def check(options: SimpleNamespace, columns: Sequence[Column]) -> None:
    """Raise Failure if a column is asked for that is not there, before anything is read."""
    _shown(options, columns)
    _order(options, columns)


def printed(options: SimpleNamespace, columns: Sequence[Column], lines: Sequence[Line], snapshot: Snapshot) -> str:
    """The text of a table. snapshot: all that there is, by which the words of `-q` are told apart."""
    for place, falling in reversed(_order(options, columns)):
        lines = ordered(lines, place, reverse=falling)
    if options.output == NAMES:
        return "\n".join(listing.words((line for line in lines if not line.depth), snapshot))
    size = None if options.output == WIDE and options.watch is None else width()
    return report.listing(columns, lines, _shown(options, columns), size, headers=options.headers, paint=paint())


def titles(options: SimpleNamespace, columns: Sequence[Column], lines: Sequence[Line]) -> list[str]:
    """The titles of the columns that are printed."""
    if options.output == NAMES:
        return []
    shown = _shown(options, columns)
    return [columns[place].title for place in (report.usual(columns, lines) if shown is None else shown)]


def _shown(options: SimpleNamespace, columns: Sequence[Column]) -> list[int] | None:
    """The places of the columns to print, None for the usual ones."""
    if options.output in (None, "json", NAMES):
        return None
    if options.output == WIDE:
        return list(range(len(columns)))
    return [_place("-o", columns, word) for word in options.output.split(",")]


def _order(options: SimpleNamespace, columns: Sequence[Column]) -> list[tuple[int, bool]]:
    """(place of a column, whether the greatest comes first) for each of --sort."""
    order = []
    for word in filter(None, options.sort.split(",")):
        place = _place("--sort", columns, word.lstrip("+-"))
        order.append((place, columns[place].falling if word[0] not in "+-" else word[0] == "-"))
    return order


def _place(option: str, columns: Sequence[Column], word: str) -> int:
    try:
        return place_named(columns, word)
    except LookupError as error:
        raise Failure(USAGE, f"{option}: {error.args[0]}") from None
