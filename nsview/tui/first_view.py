"""The view that the explorer begins with, and the row that its cursor begins on."""

from msgspec.structs import replace

from nsview.model.rows import Rows
from nsview.model.snapshot import Snapshot
from nsview.model.view import RowKey, View
from nsview.state import State

NARROW = 120
"""The width in cells below which the details stand below the rows, not beside them."""


def usual(last: State) -> View:
    """The view to begin with, before anything is known of the host: not the one in which the last run happened to end,
    which may answer another question."""
    return View(by=last.grouping or "net", groups=last.groups, processes=last.processes)


def of_snapshot(snapshot: Snapshot, view: View, last: State) -> View | None:
    """The view for a first snapshot. None if the snapshot is a part of which this view could show nothing."""
    unreadable = sum(snapshot.unreadable.values()) * 2 > len(snapshot.processes)
    if snapshot.partial and (unreadable or view.by == "container"):
        return None
    if unreadable and not snapshot.host.privileged and last.grouping is None:
        # Without root few inodes can be read, but cgroups can: containers can be told apart.
        return replace(view, by="container")
    return view


def chosen(rows: Rows) -> list[RowKey]:
    """The row to begin with: below the host's own namespace, which is folded and seldom the question."""
    return [row.key for row in rows[1:2]]


def order(view: View) -> str:
    """The order of the rows in words, empty if it is the usual one."""
    orders = ", ".join(order for order in (view.groups, view.processes) if order not in ("age", "tree"))
    nested = view.nest and view.by not in ("tree", "container")
    only = view.only and view.filter and view.by != "tree"
    said = f"by {orders}" if orders else "", "nested" if nested else "", "only matches" if only else ""
    return ", ".join(filter(None, said))
