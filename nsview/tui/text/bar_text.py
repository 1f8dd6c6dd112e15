"""The two lines above the rows, as styled pieces of text. Pure."""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from nsview.model.changes import Changes
from nsview.model.snapshot import Snapshot
from nsview.model.text import count, safe
from nsview.model.view import GROUPINGS, Grouping

from .pieces import Piece, cells_of

NAMES: dict[Grouping, str] = {"tree": "tree", "container": "containers"}
READING = "reading /proc …"


def status(
    snapshot: Snapshot, width: int, *, source: str, progress: str = READING, filter: str = "",
    since: Changes | None = None, events: str = "",
) -> list[Piece]:  # fmt: skip
    """The host, its numbers, and how much could not be read, from edge to edge. Styles: "" name, warning, filter.

    source: live, recorded or stopped. progress: of the first look. since: the changes since the explorer was paused,
    None if it is not paused. events: those since then, in words.
    """
    host, wide = snapshot.host, width >= 110
    left: list[Piece] = [(" ", ""), (safe(host.name), "name")]
    if wide:
        left.append((f"  Linux {safe(host.kernel)}  as {'root' if host.privileged else f'uid {host.uid}'}", ""))
    if filter:
        left += [("  ", ""), (f" /{safe(filter)} ", "filter")]
    right = _counts(snapshot, wide, source, progress, since, events)
    room = width - cells_of(right)
    if room <= cells_of(left):
        left = _cut(left, max(0, room - 1))
    return [*left, (" " * max(1, room - cells_of(left)), ""), *right]


def _counts(
    snapshot: Snapshot, wide: bool, source: str, progress: str, since: Changes | None, events: str
) -> list[Piece]:  # fmt: skip
    """The numbers of processes, namespaces and containers, and the source; of a part, the progress."""
    if snapshot.partial:
        words = "stopped before everything was read" if source == "stopped" else progress
        return [(f" {words} ", "warning")]
    pieces: list[Piece] = []
    host = snapshot.host
    denied = sum(n for reason, n in snapshot.unreadable.items() if reason != "ENOENT")
    if denied:
        words = f" {denied} unreadable{'' if host.privileged else ', R reads them as root'} "
        pieces += [(words, "warning"), ("  ", "")]
    if wide or not denied:
        numbers = f"{count(len(snapshot.processes), 'process')}  {count(len(snapshot.namespaces), 'namespace')}  "
        pieces.append((numbers, ""))
    pieces.append((f"{count(len(snapshot.containers), 'container')}  ", ""))
    if since is None:
        pieces.append((f"{source} ", ""))
    else:
        told = f"  {events}" if events else ""
        pieces.append((f" paused  +{len(since.new)} -{len(since.gone)} ~{len(since.moved)}{told} ", "warning"))
    return pieces


def groupings(width: int) -> list[tuple[Grouping, str]]:
    """(grouping, its label with its key) for each, in a line of so many cells."""
    # Names alone need 96 columns; a narrow screen gets less air between them.
    gap = "  " if width >= 100 else " "
    return [(by, f"{gap[1:]}{key} {NAMES.get(by, by)}{gap}") for key, by in enumerate(GROUPINGS)]


def kindbar(by: Grouping, order: str, width: int) -> list[Piece]:
    """The groupings, the one in use standing out. Styles: "" key, chosen. order: of the rows, "" if as usual."""
    pieces: list[Piece] = []
    for each, label in groupings(width):
        if each == by:
            pieces.append((label, "chosen"))
        else:
            key = len(label) - len(label.lstrip())
            pieces += [(label[:key], ""), (label[key], "key"), (label[key + 1 :], "")]
    if order:
        words = f"  ↕ {order}"
        pieces.append((words if cells_of(pieces) + len(words) <= width else " ↕", "key"))
    return pieces


def _cut(pieces: Sequence[Piece], width: int) -> list[Piece]:
    """The pieces cut to so many cells, with … at the end if anything is cut."""
    kept: list[Piece] = []
    for text, style in pieces:
        if cell_len(text) > width:
            return [*kept, (set_cell_size(text, width - 1) + "…", style)] if width else kept
        kept.append((text, style))
        width -= cell_len(text)
    return kept
