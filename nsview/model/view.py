"""A way to look at a snapshot, and the rows that it has: their keys, their records and their folds."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import force_setattr

from . import filter as filters
from .kinds import KIND_NAMES
from .records import Container, Namespace, Process
from .snapshot import Snapshot

Grouping = Literal["mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time", "tree", "container"]
GROUPINGS: tuple[Grouping, ...] = ("tree", *KIND_NAMES, "container")

GroupOrder = Literal["age", "size", "name", "inode"]
ProcessOrder = Literal["tree", "pid", "user", "command", "start"]
LensName = Literal["use", "matrix", "net", "events", "audit"]

RowKey = tuple[object, ...]
"""("group", inode | container key | None) or ("process", pid, start): the identity of a row across snapshots."""


class View(Struct, frozen=True):
    """A way to look at a snapshot.

    by: a kind of namespace, "container", or "tree" for the processes as they descend from each other.
    filter: its tests without a kind of namespace are about the kind grouped by.
    nest: namespaces stand below their parent (pid and user), else below the user namespace that owns them.
    toggled: the rows whose fold is not the usual one. Usually the host's own namespace, kernel threads and processes
    outside of any container are folded, everything else is open.
    groups: their order: by age, the oldest first; by size, the largest first; by name; by inode. The host's own is the
    first in each. processes: as trees, or in order of pid, user, command, or start, the newest first.
    only: a filter leaves the processes that match alone, without the other members of their groups.
    """

    by: Grouping = "net"
    filter: filters.Filter = filters.Filter()
    toggled: frozenset[RowKey] = frozenset()
    nest: bool = False
    groups: GroupOrder = "age"
    processes: ProcessOrder = "tree"
    only: bool = False

    def __post_init__(self) -> None:
        force_setattr(self, "filter", self.filter.under(self.by))


class GroupRow(Struct, frozen=True):
    """The head of a group: of a namespace, a container, or the processes that are in none or none that is known.

    namespace, container: its record; both None if its members' namespaces could not be read, or if they are in no
    container. pids: all members; shown: the number of members that the filter leaves.
    containers: of the members, in order of name. oldest: the pid of the member that began first, None without members.
    depth: the number of namespaces that it is nested in. owner: shown as the owner of those below, not as one of the
    kind. folded: None if there is nothing below.
    """

    key: RowKey
    namespace: Namespace | None
    container: Container | None
    initial: bool
    pids: tuple[int, ...]
    shown: int
    containers: tuple[Container, ...]
    folded: bool | None
    oldest: int | None
    depth: int = 0
    owner: bool = False


class ProcessRow(Struct, frozen=True, gc=False):
    """A process. guides: the tree's lines left of it. context: shown for the rows below or beside it, though the filter
    does not match it. folded: None if there is nothing below. group: the group it stands in, None in the tree."""

    key: RowKey
    process: Process
    container: Container | None
    guides: str
    folded: bool | None
    context: bool
    group: RowKey | None


class NoteRow(Struct, frozen=True):
    """A line in words, if there is little else to show."""

    key: RowKey
    text: str


Row = GroupRow | ProcessRow | NoteRow


def process_key(process: Process) -> RowKey:
    """The key of a process's row, with its start, as a pid may be reused."""
    return "process", process.pid, process.start


def group_key(snapshot: Snapshot, by: Grouping, process: Process) -> RowKey | None:
    """The group that a process stands in, None in the tree."""
    if by == "tree":
        return None
    return "group", process.container if by == "container" else getattr(process.namespaces, by)


def is_folded(snapshot: Snapshot, view: View, key: RowKey) -> bool:
    """True if a group is folded in this view."""
    apart = key[1] is None or (
        view.by not in ("tree", "container") and snapshot.is_initial(view.by, key[1])  # type: ignore[arg-type]
    )
    return folded_in_view(view, key, apart)


def folded_in_view(view: View, key: RowKey, apart: bool) -> bool:
    """True if a group shows its head alone. apart: it is the host's own, or of processes in none: folded, unless there
    is a filter."""
    return (apart and not view.filter) != (key in view.toggled)
