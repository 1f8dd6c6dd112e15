"""The menu of how the explorer's rows are sorted, and of the columns that may be added to them."""

from functools import partial
from typing import TYPE_CHECKING

from nsview.model.columns import EXTRAS
from nsview.model.rows import GroupOrder, ProcessOrder

from .menu import Menu

if TYPE_CHECKING:
    from .explorer import Explorer

GROUPS: dict[GroupOrder, str] = {
    "age": "groups: the oldest first",
    "size": "groups: the largest first",
    "name": "groups: by name of container or path",
    "inode": "groups: by inode",
}
PROCESSES: dict[ProcessOrder, str] = {
    "tree": "processes: below their parents",
    "pid": "processes: by pid",
    "user": "processes: by user",
    "command": "processes: by command",
    "start": "processes: the newest first",
}


def ask(explorer: "Explorer") -> None:
    """Let the user choose, and do it."""
    view, columns = explorer.view, explorer.listing.extras
    choices = [
        *((words, view.groups == order, partial(explorer.sort, order, view.processes))
          for order, words in GROUPS.items()),
        *((words, view.processes == order, partial(explorer.sort, view.groups, order))
          for order, words in PROCESSES.items()),
        *((f"column {name}", name in columns, partial(explorer.toggle_column, name)) for name in EXTRAS),
    ]  # fmt: skip

    def chosen(place: int | None) -> None:
        if place is not None:
            choices[place][2]()

    entries = [(f"{'✓' if on else ' '} {words}", "") for words, on, _ in choices]
    explorer.app.push_screen(Menu("Sort, and columns", entries), chosen)
