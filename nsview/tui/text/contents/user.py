"""user: the ids outside of its ids, and the power of its root."""

from collections.abc import Iterable

from nsview.model.contents import Contents, IdRange
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot
from nsview.model.text import count

from ..pieces import Pieces, labelled
from . import ContentsText

_EVERY = 0xFFFFFFFF
_SHOWN = 12  # ranges; a map may have 340


def tell(process: Process, contents: Contents, snapshot: Snapshot) -> ContentsText:
    ids = contents.user
    assert ids is not None
    namespace = snapshot.namespaces.get(("user", process.namespaces.user or 0))
    lines: list[Pieces] = []
    if _is_same(ids.uid_map) and _is_same(ids.gid_map):
        lines.append([("every id is the same inside and outside", "dim")])
    else:
        lines.append([(f"{'':<6}{'inside':>21}    outside", "label")])
        lines += [*_drawn("uid", ids.uid_map), *_drawn("gid", ids.gid_map)]
    root = _outside(ids.uid_map, 0)
    initial = snapshot.is_initial("user", process.namespaces.user)
    if root == 0 and not initial:
        lines.append([("root in here is root outside too", "warning")])
    elif root is not None and not initial:
        lines.append([(f"root in here is uid {root} outside", "")])
    elif root is None:
        lines.append([("there is no root in here: no id outside is its 0", "dim")])
    if ids.setgroups == "deny":
        lines.append([("setgroups(2) is denied in here", "dim")])
    if namespace and namespace.owner_uid is not None and not initial:
        lines.append(labelled("owner", (f"uid {namespace.owner_uid}, who has every capability in it", "")))
    brief = "ids as outside" if _is_same(ids.uid_map) else "no ids" if root is None else f"root is uid {root} outside"
    return ContentsText("IDS", lines, brief)


def _is_same(ranges: Iterable[IdRange]) -> bool:
    return list(ranges) == [(0, 0, _EVERY)]


def _outside(ranges: Iterable[IdRange], inside: int) -> int | None:
    """The id outside of an id inside. None if it has none."""
    for first, outside, number in ranges:
        if first <= inside < first + number:
            return outside + inside - first
    return None


def _drawn(name: str, ranges: tuple[IdRange, ...]) -> list[Pieces]:
    """A line a range: the ids inside, and the same ids outside."""
    lines: list[Pieces] = []
    for place, (inside, outside, number) in enumerate(ranges[:_SHOWN]):
        style = "host" if outside == 0 else ""
        lines.append([
            (f"{name if not place else '':<6}", "label"), (f"{_range(inside, number):>21}", ""), (" ─▶ ", "dim"),
            (_range(outside, number), style), (f"  {count(number, 'id')}", "dim"),
        ])  # fmt: skip
    if not ranges:
        lines.append([(f"{name:<6}", "label"), ("none is mapped yet: all are seen as the overflow id", "warning")])
    if len(ranges) > _SHOWN:
        lines.append([(f"      and {len(ranges) - _SHOWN} more ranges", "dim")])
    return lines


def _range(first: int, number: int) -> str:
    return str(first) if number == 1 else f"{first}…{first + number - 1}"
