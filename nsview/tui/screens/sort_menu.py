"""The menu of how the explorer's rows are sorted, and of the columns that may be added to them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from textual.app import App

from nsview.model.columns import EXTRAS, Extra
from nsview.model.view import GroupOrder, ProcessOrder, View

from .menu import Menu

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


def ask(
    app: App[Any],
    view: View,
    columns: Sequence[Extra],
    sort: Callable[[GroupOrder, ProcessOrder], None],
    toggle_column: Callable[[Extra], None],
) -> None:
    """Let the user choose an order, or a column to show or hide, and do it."""
    choices: list[tuple[str, bool, Callable[[], None]]] = [
        *((words, view.groups == order, partial(sort, order, view.processes)) for order, words in GROUPS.items()),
        *((words, view.processes == order, partial(sort, view.groups, order)) for order, words in PROCESSES.items()),
        *((f"column {name}", name in columns, partial(toggle_column, name)) for name in EXTRAS),
    ]

    def chosen(place: int | None) -> None:
        if place is not None:
            choices[place][2]()

    entries = [(f"{'✓' if on else ' '} {words}", "") for words, on, _ in choices]
    app.push_screen(Menu("Sort, and columns", entries), chosen)
