"""Messages from widgets to their screen, and events from screens to the application, whose `on_event` is the one place
where all that it handles comes by.

repr and eq are left out of these dataclasses: nothing needs them, and generating them takes time at the start.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

from textual.events import Event
from textual.message import Message

from nsview.model.records import Container, Process
from nsview.model.table import Line, Thing
from nsview.model.view import Grouping, GroupOrder, ProcessOrder, Row

from .session import Session
from .trail import Place


@dataclass(repr=False, eq=False)
class RowChosen(Message):
    """The cursor is on another row."""

    row: Row | None


@dataclass(repr=False, eq=False)
class FoldWanted(Message):
    """The row under the cursor is to be folded or unfolded."""

    row: Row


@dataclass(repr=False, eq=False)
class GroupingWanted(Message):
    """The rows are to be grouped otherwise."""

    by: Grouping


@dataclass(repr=False, eq=False)
class OrderWanted(Message):
    """The groups or the processes are to be in this order, or in the usual one if they are in this already."""

    groups: GroupOrder | None
    processes: ProcessOrder | None


@dataclass(repr=False, eq=False)
class LineChosen(Message):
    """The cursor of a lens is on another line, or on another cell of it."""

    line: Line | None


@dataclass(repr=False, eq=False)
class LineOpened(Message):
    """The thing that the line of a lens is about is wanted."""

    line: Line


@dataclass(repr=False, eq=False)
class LineFolded(Message):
    """The lines below a line of a lens are to be folded away, or shown."""

    line: Line
    folded: bool


@dataclass(repr=False, eq=False)
class GoWanted(Event):
    """The row of a thing is to be gone to."""

    thing: Thing


@dataclass(repr=False, eq=False)
class LeadsWanted(Event):
    """Everything that the numbers of a thing lead to is to be offered. name: of the thing, not `safe`."""

    thing: Thing
    name: str


@dataclass(repr=False, eq=False)
class CompareWanted(Event):
    """Two processes are to be compared."""

    a: Process
    b: Process


@dataclass(repr=False, eq=False)
class LogsWanted(Event):
    """The log of a container is to be shown."""

    container: Container


@dataclass(repr=False, eq=False)
class PlaceWanted(Event):
    """A place is to be shown as it was, with the lens that was open over it."""

    place: Place


@dataclass(repr=False, eq=False)
class HostWanted(Event):
    """The explorer of one of several hosts is to be opened; at a thing of it, as by GoWanted, if that is not None.
    line: the key of the line of its net map to open instead, None for none."""

    session: Session
    thing: Thing | None = None
    line: Hashable = None
    then: Literal["", "enter", "ready"] = ""


@dataclass(repr=False, eq=False)
class RescanWanted(Event):
    """The host is to be looked at again."""


@dataclass(repr=False, eq=False)
class CloseWanted(Event):
    """The explorer of one of several hosts is to be closed."""
