"""The places that the user has left, as a browser keeps them: back, and forward again."""

from collections.abc import Hashable

from msgspec import Struct

from nsview.model.filter import Filter
from nsview.model.leads import reveal
from nsview.model.records import Container, Process
from nsview.model.snapshot import Snapshot
from nsview.model.table import Thing
from nsview.model.view import ProcessRow, Row, RowKey, View

MOST = 200
"""The number of places that are kept."""


class LensPlace(Struct, frozen=True):
    """A place in a lens. name: of the lens. subject: the container of a log, the two of a comparison, None of others.
    by: the sort of thing that a line is. line: the key of the chosen one. column: that of the cursor. order: the column
    that the lines are sorted by, None if by none; and if in reverse."""

    name: str
    by: str | None
    filter: Filter
    line: Hashable
    column: int = 0
    order: tuple[int | None, bool] = (None, False)
    subject: Container | tuple[Process, Process] | None = None


class Place(Struct, frozen=True):
    """A view and its chosen row. row: the keys of that row, best first. lenses: the places in the lenses that were open
    over it, the top one last."""

    view: View
    row: tuple[RowKey, ...]
    lenses: tuple[LensPlace, ...] = ()


def here(view: View, row: Row | None) -> Place:
    """The place of a view and its chosen row; if that is gone when the place is shown again, its group is chosen."""
    group = row.group if isinstance(row, ProcessRow) else None
    return Place(view, tuple(key for key in (row and row.key, group) if key))


def place_of(snapshot: Snapshot, view: View, thing: Thing) -> Place | None:
    """The place that shows the row of a thing, in another view if need be. None if the thing is gone."""
    found = reveal(snapshot, view, thing)
    return Place(found[0], tuple(found[1])) if found else None


class Trail:
    """The places before and after the present one, which is not kept: it still changes."""

    def __init__(self) -> None:
        self._back: list[Place] = []
        self._forward: list[Place] = []

    @property
    def has_before(self) -> bool:
        """True if there is a place before the present one."""
        return bool(self._back)

    def leave(self, here: Place) -> None:
        """Keep a place that is being left, and forget the places forward of it."""
        self._back = [*self._back[-MOST + 1 :], here]
        self._forward.clear()

    def back(self, here: Place) -> Place | None:
        """The place before. None at the first."""
        if not self._back:
            return None
        self._forward.append(here)
        return self._back.pop()

    def forward(self, here: Place) -> Place | None:
        """The place that was left by going back. None if there is none."""
        if not self._forward:
            return None
        self._back.append(here)
        return self._forward.pop()
