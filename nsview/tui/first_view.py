"""How the explorer begins: what of the first snapshot it shows, and where the cursor is."""

from msgspec.structs import replace

from nsview.model.rows import RowKey, Rows, View
from nsview.model.snapshot import Snapshot
from nsview.state import State

NARROW = 120
"""Cells; on a screen of fewer the details are below the rows."""


def usual(last: State) -> View:
    """What one is used to, before anything is known of the host."""
    return View(by=last.grouping or "net", groups=last.groups, processes=last.processes)


def of_snapshot(snapshot: Snapshot, view: View, last: State) -> View | None:
    """What of that is good for a first snapshot; None where it is but a part, by which nothing that is asked for is
    known."""
    unreadable = sum(snapshot.unreadable.values()) * 2 > len(snapshot.processes)
    if snapshot.partial and (unreadable or view.by == "container"):
        return None
    if unreadable and not snapshot.host.privileged and last.grouping is None:
        # Few inodes are to be seen without root, but cgroups are: containers are what can be told apart.
        return replace(view, by="container")
    return view


def chosen(rows: Rows) -> list[RowKey]:
    """The row to begin with: below the host's own namespace, which is folded and seldom the question."""
    return [row.key for row in rows[1:2]]


def order(view: View) -> str:
    """How rows are sorted where not as usual, in words."""
    return ", ".join(order for order in (view.groups, view.processes) if order not in ("age", "tree"))
