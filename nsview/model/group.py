"""A group of a view, and its place among the others."""

from collections import Counter

from .flat import Flat, SortKey
from .forest import Forest
from .records import Container, Namespace, Process
from .snapshot import Snapshot
from .view import GroupRow, View

TREE = ("tree",)
"""The id of the one group of the tree, which has no head."""
GroupRank = tuple[bool, bool, SortKey, str, int, str]


def is_apart(record: Namespace | Container | None) -> bool:
    """True of the host's own namespace, and of processes in none or in the tree: the others say nothing of a member."""
    return record is None or (isinstance(record, Namespace) and record.initial)


class Group:
    """A group, kept up to date from one snapshot to the next."""

    __slots__ = (
        "apart", "containers", "context", "depth", "forest", "ghosts", "head", "id", "itself", "oldest", "owner",
        "pids", "rank", "record", "shown", "size",
    )  # fmt: skip

    def __init__(self, id: object, record: Namespace | Container | None, pids: tuple[int, ...]) -> None:
        self.id = id  # the second part of its row's key
        self.record = record
        self.apart = is_apart(record)
        self.pids = pids
        self.oldest: Process | None = None
        self.itself = True  # all members are left: there is no filter, or it matches the group itself
        self.shown = 0  # members that the filter leaves
        self.ghosts: set[int] = set()
        self.context: frozenset[int] = frozenset()
        self.containers: Counter[str | None] | None = None  # {key: its members}, once asked for
        self.forest: Forest | Flat | None = None  # made when a process of it is looked at
        self.head: GroupRow | None = None  # the row of the group, made when it is looked at
        self.size = 0  # rows, with its head
        self.depth = 0
        self.owner = False
        self.rank: GroupRank | None = None  # sort key


def seen(group: Group) -> bool:
    """True if the group has a row."""
    return group.itself or bool(group.shown)


def group_rank(group: Group, view: View, snapshot: Snapshot) -> GroupRank:
    """The sort key of a group. Usually its age, so that new groups come last and nothing moves; processes that could
    not be read come at the very end."""
    record, by, oldest = group.record, view.groups, group.oldest
    rank, name = 0, ""
    if by == "size":
        rank = -len(group.pids)
    elif by == "inode" and isinstance(record, Namespace):
        rank = record.inode
    elif by == "name":
        name = _name(group, snapshot).lower()
        rank = not name  # groups without a name come last
    initial = isinstance(record, Namespace) and record.initial
    return not initial, record is None, rank, name, oldest.start if oldest else 1 << 62, str(group.id)


def _name(group: Group, snapshot: Snapshot) -> str:
    """The name of a group: a container's, that of its oldest member's container, or its mount."""
    if isinstance(group.record, Container):
        return group.record.name
    container = snapshot.container_of(group.oldest) if group.oldest else None
    if container:
        return container.name
    return next(iter(group.record.names), "") if group.record else ""


def process_rank(process: Process, view: View) -> SortKey:
    """The sort key of a process in its group, unless that is a tree."""
    match view.processes:
        case "user":
            return process.user
        case "command":
            return process.command.lower()
        case "start":
            return -process.start
        case _:
            return 0
