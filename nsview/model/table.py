"""Lines and columns of a lens: narrowed, sorted and fitted to a width. Pure."""

from collections.abc import Callable, Hashable, Iterable, Sequence

from msgspec import Struct

from .records import NamespaceKey
from .text import cells, safe

Thing = int | NamespaceKey | str
"""A thing of a host with a row of its own: a process by its pid, a namespace by its (type, inode), a container by its
key."""

LEAST = 6
"""The least width of a column, in cells: `■ host` can be read."""


class Column(Struct, frozen=True):
    """A column of a table.

    most: its greatest width, in cells. keep: it stays if the screen is too narrow for all columns; of the others the
    last are left out first. least: the width to which it is narrowed before others are left out, None if it is not.
    whole: its texts are not cut: where they do not fit they are told in brief, or the column is left out. spare: it is
    left out before anything else is told in brief. right: its text is aligned to the right, as numbers are. falling:
    its order begins with the greatest. wide: printed by `-o wide` and by its name alone. rare: printed where a line has
    something in it.
    """

    title: str
    most: int = 40
    least: int | None = None
    whole: bool = False
    spare: bool = False
    keep: bool = True
    right: bool = False
    falling: bool = False
    wide: bool = False
    rare: bool = False

    @property
    def name(self) -> str:
        """The word for it on a command line: "engine_ns" for ENGINE NS, "mem%" for MEM%."""
        return "_".join("".join(c if c.isalnum() or c == "%" else " " for c in self.title.lower()).split())


def place_named(columns: Sequence[Column], word: str) -> int:
    """The place of the column of this name, else of the first with this word in its name. Raises LookupError."""
    names = [column.name for column in columns]
    asked = word.strip().lower().replace("-", "_")
    found = [place for place, name in enumerate(names) if name == asked]
    found += [place for place, name in enumerate(names) if asked in name.rstrip("%").split("_")]
    if not found:
        raise LookupError(f"no column {word!r}; there are {', '.join(names)}")
    return found[0]


class Cell(Struct, frozen=True, gc=False):
    """One column of a line.

    style: a style's name. order: the sort key, None to sort by its text. brief: words that stand where `text` does not
    fit.
    """

    text: str = ""
    style: str = ""
    order: int | float | None = None
    brief: str = ""


class Line(Struct, frozen=True, gc=False):
    """A line of a table.

    key: its identity, by which the cursor stays on it. cells: one for each column; if there are fewer, the last goes on
    over the columns that are left. subject: its record. depth: a line deeper than the one before
    belongs to it, and moves with it. more: further text that filters search. thing: of the host, behind the line, whose
    fields a filter may ask for too. where: the namespace that the line stands in: a filter's question about a container
    or a namespace may be answered by `thing` or by `where`.
    """

    key: Hashable
    cells: tuple[Cell, ...]
    subject: object = None
    depth: int = 0
    more: str = ""
    thing: Thing | None = None
    where: NamespaceKey | None = None


def narrow(lines: Sequence[Line], matches: Callable[[Line], bool]) -> list[Line]:
    """The lines that match, each below the line that it belongs to."""
    kept: list[Line] = []
    above: list[Line] = []  # the lines that the current one belongs to, as far as they are not yet kept
    for line in lines:
        while above and above[-1].depth >= line.depth:
            above.pop()
        if matches(line):
            kept += above
            above.clear()
            kept.append(line)
        else:
            above.append(line)
    return kept


def ordered(lines: Sequence[Line], column: int, reverse: bool = False) -> list[Line]:
    """The lines sorted by one column; a line that belongs to another stays below its parent line."""
    return [line for line, below in _sorted(_nested(lines), column, reverse) for line in _flat(line, below)]


_Nested = tuple[Line, list["_Nested"]]


def _nested(lines: Sequence[Line]) -> list[_Nested]:
    top: list[_Nested] = []
    open_: list[_Nested] = []
    for line in lines:
        while open_ and open_[-1][0].depth >= line.depth:
            open_.pop()
        node: _Nested = (line, [])
        (open_[-1][1] if open_ else top).append(node)
        open_.append(node)
    return top


def _sorted(nodes: list[_Nested], column: int, reverse: bool) -> list[_Nested]:
    def rank(node: _Nested) -> tuple[int, float, str]:
        cells = node[0].cells
        cell = cells[column] if column < len(cells) else Cell()
        # Numbers before words.
        return (1, 0, cell.text.lower()) if cell.order is None else (0, cell.order, "")

    nodes = sorted(nodes, key=rank, reverse=reverse)
    return [(line, _sorted(below, column, reverse)) for line, below in nodes]


def _flat(line: Line, below: list[_Nested]) -> Iterable[Line]:
    yield line
    for other, deeper in below:
        yield from _flat(other, deeper)


def widths(columns: Sequence[Column], lines: Iterable[Line], width: int, gap: int = 2) -> list[int]:
    """The width of each column on a screen of that width; 0 for a column that is left out."""
    wanted = [len(column.title) for column in columns]
    brief = list(wanted)
    for line in lines:
        for place, cell in enumerate(line.cells if len(line.cells) == len(columns) else line.cells[:-1]):
            has = _cells(cell.text)
            if has > wanted[place]:
                wanted[place] = has
            if cell.brief:
                has = _cells(cell.brief)
            if has > brief[place]:
                brief[place] = has
    found = [min(most, column.most) for most, column in zip(wanted, columns, strict=True)]
    floors = [
        min(size, size if column.least is None else column.least) for size, column in zip(found, columns, strict=True)
    ]
    for place, column in enumerate(columns):
        if column.whole:
            found[place], floors[place] = max(found[place], brief[place]), brief[place]

    def room(shown: Sequence[int]) -> int:
        return width - gap * (sum(map(bool, shown)) - 1) - sum(shown)

    places = range(len(columns) - 1, -1, -1)
    least = [has if one.whole else floor for has, floor, one in zip(found, floors, columns, strict=True)]
    for sizes, go in ((least, [place for place in places if columns[place].spare]), (floors, places)):
        for place in go:
            if not columns[place].keep and room(sizes) < 0:
                found[place] = least[place] = floors[place] = 0
    for place in places:
        if columns[place].whole and room(least) < 0:
            found[place] = least[place] = floors[place]
    limits = [has if one.whole else one.least or LEAST for has, one in zip(found, columns, strict=True)]
    for lowest in (limits, [LEAST] * len(columns)):
        found = _levelled(found, lowest, sum(found) + room(found))
    for place in places:  # the space that is left is for those that need more than they have, the last one first
        if found[place]:
            found[place] = min(max(found[place], wanted[place]), found[place] + max(0, room(found)))
    return found


def _cells(text: str) -> int:
    """The cells that a text takes once it is safe."""
    return len(text) if text.isascii() and text.isprintable() else cells(safe(text))


def _levelled(found: list[int], lowest: Sequence[int], room: int) -> list[int]:
    """The widths, the widest narrowed alike as far as they are more than the room; none below its lowest."""

    def capped(cap: int) -> list[int]:
        return [min(has, max(cap, least)) for has, least in zip(found, lowest, strict=True)]

    cap = next((cap for cap in range(max(found, default=0), 0, -1) if sum(capped(cap)) <= room), 0)
    level = capped(cap)
    for place, wider in enumerate(capped(cap + 1)):  # the rest of the room is less than a cell for each
        level[place] += wider > level[place] and sum(level) < room
    return level
