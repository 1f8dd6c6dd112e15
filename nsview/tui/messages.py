"""All that is said between the feed, the widgets and the screen.

Nobody compares or prints what is said; that dataclasses write how to would be a hundredth of the start.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.message import Message

from nsview.model.net import Nets
from nsview.model.records import Details
from nsview.model.rows import Grouping, Row
from nsview.model.security import Security
from nsview.model.table import Line


@dataclass(repr=False, eq=False)
class SnapshotArrived(Message):
    """There is a newer snapshot. Said once, however many come before it is heard: a queue of them would only grow."""


@dataclass(repr=False, eq=False)
class Progressed(Message):
    """How far a first look has come, in processes."""

    done: int
    total: int


@dataclass(repr=False, eq=False)
class DetailsArrived(Message):
    """The answer to a request for details; None: that process is gone."""

    id: int
    details: Details | None


@dataclass(repr=False, eq=False)
class SecurityArrived(Message):
    """Facts of some processes, in answer to a request: of `total` processes `done` are told."""

    id: int
    processes: Sequence[Security]
    lsm: tuple[str, ...]
    done: int
    total: int


@dataclass(repr=False, eq=False)
class NetsArrived(Message):
    """All net namespaces from within, as asked for; None where a recording does not have them."""

    id: int
    nets: Nets | None


@dataclass(repr=False, eq=False)
class LinksChanged(Message):
    """Interfaces have changed since net namespaces were asked for."""


@dataclass(repr=False, eq=False)
class NetsProgressed(Message):
    """How far the reading of net namespaces has come: so many of these things."""

    what: str
    done: int
    total: int


@dataclass(repr=False, eq=False)
class AgentRestarted(Message):
    """The agent has ended by itself, and another goes on. how: that, in words."""

    how: str


@dataclass(repr=False, eq=False)
class FeedEnded(Message):
    """No more will come. failure: why, None where it simply ended."""

    failure: str | None


@dataclass(repr=False, eq=False)
class Chosen(Message):
    """The cursor is on another row."""

    row: Row | None


@dataclass(repr=False, eq=False)
class FoldWanted(Message):
    """The row under the cursor is to be folded or unfolded."""

    row: Row


@dataclass(repr=False, eq=False)
class EnterWanted(Message):
    """The row under the cursor is to be entered."""

    row: Row


@dataclass(repr=False, eq=False)
class GroupingWanted(Message):
    """The rows are to be grouped otherwise."""

    by: Grouping


@dataclass(repr=False, eq=False)
class LineChosen(Message):
    """The cursor of a lens is on another line, or on another cell of it."""

    line: Line | None


@dataclass(repr=False, eq=False)
class LineOpened(Message):
    """What the line of a lens is about is wanted."""

    line: Line
