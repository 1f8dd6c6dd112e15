"""The lenses that are open, each over the screen from which it was opened."""

from collections.abc import Hashable

from textual.app import App

from .lenses import LENSES
from .screens.explorer import Explorer
from .screens.lens import Lens
from .text.bar_text import NAMES
from .trail import LensPlace


class OpenLenses:
    """Opens lenses over the explorer and over each other, and leads back."""

    def __init__(self, app: App[int], explorer: Explorer) -> None:
        self._app, self._explorer = app, explorer
        self._open: list[Lens] = []

    @property
    def top(self) -> Lens | None:
        """The lens above all others. None if none is open."""
        return self._open[-1] if self._open else None

    @property
    def name(self) -> str | None:
        """The name of that lens. None if it has none: a log, a comparison."""
        return _name_of(self.top)

    @property
    def places(self) -> tuple[LensPlace, ...]:
        """The places in all that are open, to come back to."""
        return tuple(_place_in(lens) for lens in self._open)

    def open(self, lens: Lens) -> None:
        """Open a lens over the screen; a log or a comparison instead of the one before."""
        if type(lens) is type(self.top):
            self.close()
        lens.lead_back = self.close
        lens.below = self.top.NAME if self.top else NAMES.get(self._explorer.grouping, self._explorer.grouping)
        self._open.append(lens)
        self._app.push_screen(lens)

    def close(self) -> None:
        """Go back to the screen from which the top one was opened, which is as it was left."""
        if self._open:
            self._open.pop()
            self._app.pop_screen()

    def close_all(self) -> None:
        """Go back to the explorer."""
        while self._open:
            self.close()

    def begin_at(self, key: Hashable) -> None:
        """Put the cursor of the top lens on the line of a key."""
        if self.top is not None:
            self.top.begin_at(key)

    def restore(self, place: LensPlace) -> None:
        """Have the top lens, which has just been opened, begin as it was left."""
        if self.top is not None:
            self.top.restore(place)

    def come_back(self, name: str) -> bool:
        """Close the lenses over the one of a name. False if none of that name is open."""
        if name not in map(_name_of, self._open):
            return False
        while self.name != name:
            self.close()
        return True


def _place_in(lens: Lens) -> LensPlace:
    table, name = lens.table, _name_of(lens) or lens.NAME
    line = table.line.key if table.line else None
    return LensPlace(name, lens.by, lens.filter, line, table.column, table.order, lens.subject)


def _name_of(lens: Lens | None) -> str | None:
    names = (name for name, entry in LENSES.items() if entry.made == type(lens).__name__)
    return next(names, None)
