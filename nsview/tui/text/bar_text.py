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
    since: Changes | None = None, events: str = "", matches: int | None = None, order: str = "",
    use: str = "",
) -> list[Piece]:  # fmt: skip
    """The host, its numbers, and how much could not be read, from edge to edge. Styles: "" name, warning, filter.

    source: live, recorded or stopped. progress: of the first look. since: the changes since the explorer was paused,
    None if it is not paused. events: those since then, in words. matches: the number of processes that the filter
    leaves, None if none is told. order: of the rows, told here if the line below has no room for it. use: of
    the host, in words.
    """
    host, wide = snapshot.host, width >= 110
    left: list[Piece] = [(" ", ""), (safe(host.name), "name"), *sought(filter)]
    if order and not _has_room(order, width):
        left += [("  ", ""), (f" ↕ {order} ", "filter")]
    right = _counts(snapshot, wide, source, progress, since, events, matches, brief=False)
    if cells_of(left) >= width - cells_of(right):  # modes are told rather than numbers
        right = _counts(snapshot, wide, source, progress, since, events, matches, brief=True)
    room = width - cells_of(right)
    also = next((words for words in _also(snapshot, use, wide) if cells_of(left) + len(words) < room), "")
    left.insert(2, (also, ""))
    if room <= cells_of(left):
        left = _cut(left, max(0, room - 1))
    return [*left, (" " * max(1, room - cells_of(left)), ""), *right]


def sought(filter: str) -> list[Piece]:
    """The badge of a filter; nothing without one."""
    return [("  ", ""), (f" /{safe(filter)} ", "filter")] if filter else []


def _also(snapshot: Snapshot, use: str, wide: bool) -> list[str]:
    """The words about the host, of which the first that have room are told."""
    host, use = snapshot.host, use and f"  {use}"
    who = f"  as {'root' if host.privileged else f'uid {host.uid}'}"
    kernel = f"  Linux {safe(host.kernel)}"
    return [*([kernel + who + use, who + use, kernel + who, who] if wide else []), use]


def _counts(
    snapshot: Snapshot, wide: bool, source: str, progress: str, since: Changes | None, events: str,
    matches: int | None, *, brief: bool,
) -> list[Piece]:  # fmt: skip
    """The numbers of processes, namespaces and containers, and the source; of a part, the progress."""
    if snapshot.partial:
        words = "stopped before everything was read" if source == "stopped" else progress
        return [(f" {words} ", "warning")]
    pieces: list[Piece] = []
    host = snapshot.host
    denied = sum(n for reason, n in snapshot.unreadable.items() if reason != "ENOENT")
    if denied:
        words = f" {denied} unreadable{'' if host.privileged or brief else ', R reads them as root'} "
        pieces += [(words, "warning"), ("  ", "")]
    of = "" if matches is None else f"{matches} of "
    if brief:
        pieces.append((f"{of}{len(snapshot.processes)}  " if of else "", ""))
    elif wide or not denied:
        numbers = f"{of}{count(len(snapshot.processes), 'process')}  {count(len(snapshot.namespaces), 'namespace')}  "
        pieces.append((numbers, ""))
    if not brief:
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
        pieces.append((f"  ↕ {order}" if _has_room(order, width) else " ↕", "key"))
    return pieces


def _has_room(order: str, width: int) -> bool:
    """True if the order of the rows can be told beside the groupings."""
    return sum(len(label) for _, label in groupings(width)) + len(order) + 4 <= width


def _cut(pieces: Sequence[Piece], width: int) -> list[Piece]:
    """The pieces cut to so many cells, with … at the end if anything is cut."""
    kept: list[Piece] = []
    for text, style in pieces:
        if cell_len(text) > width:
            return [*kept, (set_cell_size(text, width - 1) + "…", style)] if width else kept
        kept.append((text, style))
        width -= cell_len(text)
    return kept
