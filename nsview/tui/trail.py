"""Where one has been, as a browser keeps it: back, and forward again."""

from msgspec import Struct

from nsview.model.rows import RowKey, View

MOST = 200
"""How many places are kept."""


class Place(Struct, frozen=True):
    """One look at a host. row: the keys of the chosen row, best first. lens: the one that was open over it."""

    view: View
    row: tuple[RowKey, ...]
    lens: str | None = None


class Trail:
    """The places before and after the one where one is, which itself is not kept: it still changes."""

    def __init__(self) -> None:
        self._back: list[Place] = []
        self._forward: list[Place] = []

    def leave(self, here: Place) -> None:
        """Another place is gone to; what lay forward is forgotten."""
        self._back = [*self._back[-MOST + 1 :], here]
        self._forward.clear()

    def back(self, here: Place) -> Place | None:
        """The place before; None at the first."""
        if not self._back:
            return None
        self._forward.append(here)
        return self._back.pop()

    def forward(self, here: Place) -> Place | None:
        """The place that was left by going back; None where there is none."""
        if not self._forward:
            return None
        self._back.append(here)
        return self._forward.pop()
