"""The columns that a user may add to the explorer's list: facts that every snapshot has of every process."""

from collections.abc import Callable
from typing import Literal, get_args

from .records import Container, Process

Extra = Literal["ppid", "uid", "state", "runtime", "image", "cgroup"]
EXTRAS: tuple[Extra, ...] = get_args(Extra)
"""The names of the columns, in the order of the menu: one word each, which is the header too, in capitals. state: the
kernel's letter."""

WIDTHS: dict[Extra, int] = {"ppid": 7, "uid": 6, "state": 5, "runtime": 10, "image": 24, "cgroup": 30}
"""The width of each column in cells, the header's or more; a longer text is cut, a cgroup at its beginning."""


def _uids(process: Process, container: Container | None) -> str:
    inside = process.uid_inside
    return str(process.uid) if inside in (None, process.uid) else f"{process.uid}→{inside}"


_TEXTS: dict[Extra, Callable[[Process, Container | None], str]] = {
    "ppid": lambda process, container: str(process.ppid),
    "uid": _uids,
    "state": lambda process, container: process.state,
    "runtime": lambda process, container: container.runtime if container else "",
    "image": lambda process, container: (container.image or "") if container else "",
    "cgroup": lambda process, container: process.cgroup[-WIDTHS["cgroup"] :],
}


def text(column: Extra, process: Process, container: Container | None) -> str:
    """The text in a column; not yet safe for a terminal."""
    return _TEXTS[column](process, container)
