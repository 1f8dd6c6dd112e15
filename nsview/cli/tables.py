"""A table as `-o`, `-q`, `--sort` and `--no-headers` ask for it."""

import shlex
from collections.abc import Iterable, Sequence
from types import SimpleNamespace

from msgspec import Struct
from msgspec.structs import replace

from nsview import report
from nsview.join.failure import USAGE, Failure
from nsview.model import listing
from nsview.model.snapshot import Snapshot
from nsview.model.table import Cell, Column, Line, ordered, place_named

from .console import paint, width

NAMES, WIDE = "name", "wide"
"""The formats of a table beside json and columns by their titles."""
HOST = Column("HOST")
"""The first column, where several hosts are asked."""


class LineTable(Struct, frozen=True):
    """Lines and their columns. snapshot: all that there is, by which the words of `-q` are told apart; None if they are
    of several hosts, and the key of each line is its word."""

    columns: Sequence[Column]
    lines: Sequence[Line]
    snapshot: Snapshot | None

    def words(self) -> Iterable[str]:
        """The words of `-q`."""
        lines = (line for line in self.lines if not line.depth)
        if self.snapshot is None:
            return dict.fromkeys(str(line.key) for line in lines if line.key)
        return listing.words(lines, self.snapshot)

    def of_host(self, name: str, options: Sequence[str]) -> "LineTable":
        """The same table with the host's name before each line, and without its records. options: of nsview, that name
        the host: they stand before the words."""
        word = listing.word_in(self.snapshot) if self.snapshot else str
        own = [
            Line(
                None if line.thing is None else shlex.join((*options, word(line.thing))),
                (Cell(name, "label"), *line.cells), depth=line.depth,
            )
            for line in self.lines
        ]  # fmt: skip
        return LineTable((HOST, *self.columns), own, None)


NOTHING_LISTED = LineTable((), (), None)
"""The table of an answer that is none."""


def check(options: SimpleNamespace, columns: Sequence[Column]) -> None:
    """Raise Failure if a column is asked for that is not there, before anything is read."""
    _shown(options, _all(options, columns))
    _order(options, _all(options, columns))


def printed(options: SimpleNamespace, table: LineTable) -> str:
    """The text of a table."""
    for place, falling in reversed(_order(options, table.columns)):
        table = replace(table, lines=ordered(table.lines, place, reverse=falling))
    if options.output == NAMES:
        return "\n".join(table.words())
    size = None if options.output == WIDE and options.watch is None else width()
    shown = _shown(options, table.columns)
    return report.listing(table.columns, table.lines, shown, size, headers=options.headers, paint=paint())


def titles(options: SimpleNamespace, table: LineTable) -> list[str]:
    """The titles of the columns that are printed."""
    if options.output == NAMES:
        return []
    shown = _shown(options, _all(options, table.columns))
    if shown is None:
        return [table.columns[place].title for place in report.usual(table.columns, table.lines)]
    return [_all(options, table.columns)[place].title for place in shown]


def _all(options: SimpleNamespace, columns: Sequence[Column]) -> Sequence[Column]:
    """The columns with that of the hosts, if there are several."""
    return (HOST, *columns) if options.names else columns


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
