"""The namespaces of containers, groups or processes: a line each, a column a kind. Pure.

A namespace that several lines share has a letter in its column, and a colour to go with the letter; the host's own has
a square, a namespace of one line only a dot. So equal cells look equal, and no sign depends on its colour alone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from .kinds import KIND_NAMES, KindName
from .label import label
from .members import USUALLY_SHARED
from .records import Namespace, Process
from .snapshot import Snapshot, of_kind
from .table import Cell, Column, Line, Thing
from .view import Grouping

HOST, USUAL_HOST, ALONE, PERHAPS, NONE = "■ host", "□ host", "·", "·?", "-"
"""The host's own; the host's own of a kind that most containers share; a namespace that no other line is in; one that
none is seen in, where some could not be read; no process is there to be in one. In a column of nothing but the host's
the square alone stands."""
LEGEND = (
    ("■", "the host's", "host's"),
    ("□", "the host's, as usual", "usual"),
    ("A", "shared by all with an A", "shared"),
    (ALONE, "nobody else's", "own"),
    ("+1", "its processes are in one more", "more"),
    (PERHAPS, "nobody else's that can be read", "perhaps"),
    (NONE, "of no process", "no process"),
)
"""(sign, its meaning, the same in a word): the last three where they are seen."""
COLOURS = 6
"""The number of colours for letters; further letters use them again."""

COLUMNS: tuple[Column, ...] = (
    Column("NAME", most=26, least=14),
    *(Column(kind, most=12) for kind in KIND_NAMES),
    Column("WHAT", most=60, keep=False),
)


class Entry(Struct, frozen=True):
    """The subject of a line.

    thing: the container's key, namespace or pid that has a row in the explorer. namespaces: for each kind, as in
    KIND_NAMES, the inodes of its members' namespaces, its first process's first; None for an unreadable one.
    """

    thing: Thing
    name: str
    what: str
    namespaces: tuple[tuple[int | None, ...], ...]


def lines(snapshot: Snapshot, by: Grouping) -> list[Line]:
    """The lines of containers, of the namespaces of one kind, or of processes ("tree")."""
    entries = list(_entries(snapshot, by))
    if by == "container":
        entries = _together(entries, snapshot)
    cells = [_cells(place, kind, entries, snapshot) for place, kind in enumerate(KIND_NAMES)]
    labels = [
        {inode: f"{kind}:[{inode}] {kind}:{inode}" for inode in known}
        for kind, known in zip(KIND_NAMES, cells, strict=True)
    ]
    name_style = "container" if by == "container" else ""
    made = []
    for entry in entries:
        shown = [_shown(known, inodes) for known, inodes in zip(cells, entry.namespaces, strict=True)]
        more = " ".join([texts[inodes[0]] for texts, inodes in zip(labels, entry.namespaces, strict=True) if inodes])
        row = Cell(entry.name, name_style), *shown, Cell(entry.what, "dim")
        made.append(Line(entry.thing, row, entry, more=more, thing=entry.thing))
    return made


def sharers(lines: Sequence[Line], kind: KindName, inode: int) -> list[str]:
    """The names of all lines that are in a namespace."""
    place = KIND_NAMES.index(kind)
    return [
        entry.name for line in lines if isinstance(entry := line.subject, Entry) and inode in entry.namespaces[place]
    ]


def legend(lines: Sequence[Line], snapshot: Snapshot, *, brief: bool) -> str:
    """The meanings of the signs. brief: in a word each."""
    texts = {cell.text for line in lines for cell in line.cells[1 : 1 + len(KIND_NAMES)]}
    seen = {"+1": any(" +" in text for text in texts), PERHAPS: not sees_all(snapshot), NONE: NONE in texts}
    told = [f"{sign} {word if brief else meaning}" for sign, meaning, word in LEGEND if seen.get(sign, True)]
    return "  ".join(told)


def summary(lines: Sequence[Line], snapshot: Snapshot) -> str:
    """The number of lines that share a namespace with the host, for each kind but the usually shared ones."""
    found = []
    entries = [line.subject.namespaces for line in lines if isinstance(line.subject, Entry)]
    unread = sum(any(None in inodes for inodes in namespaces) for namespaces in entries)
    for place, kind in enumerate(KIND_NAMES):
        initial = getattr(snapshot.host.initial, kind)
        if kind not in USUALLY_SHARED and initial is not None:
            number = sum(initial in namespaces[place] for namespaces in entries)
            if number:
                found.append(f"{number} {kind}")
    if unread and not sees_all(snapshot):
        found.append(f"not known of {unread}")
    return "shared with the host: " + (", ".join(found) or "only the usual kinds")


def sees_all(snapshot: Snapshot) -> bool:
    """True if every namespace of every process is known."""
    return all(snapshot.sees_all(kind) for kind in KIND_NAMES)


def _entries(snapshot: Snapshot, by: Grouping) -> Iterator[Entry]:
    if by == "container":
        for container in sorted(snapshot.containers.values(), key=lambda c: (c.name, c.key)):
            members = _members(snapshot, container.pids, container.init_pid)
            what = f"{container.runtime}  {container.pod.label if container.pod else container.image or ''}"
            yield Entry(container.key, container.name, what, _namespaces(members))
    elif by == "tree":
        for pid in sorted(snapshot.processes):
            process = snapshot.processes[pid]
            n = process.namespaces
            inodes = (n.mnt,), (n.uts,), (n.ipc,), (n.pid,), (n.net,), (n.user,), (n.cgroup,), (n.time,)
            yield Entry(pid, f"{pid} {process.comm}", process.command, inodes)
    else:
        for namespace in of_kind(snapshot, by):
            pids = snapshot.members(by).get(namespace.inode, ())
            members = _members(snapshot, pids, None)
            whose = "the host" if namespace.initial else _whose(namespace, members, snapshot)
            yield Entry(namespace.key, whose, namespace.label, _namespaces(members, by, namespace.inode))


def _together(entries: Sequence[Entry], snapshot: Snapshot) -> list[Entry]:
    """The entries in order, but side by side if their first processes share a namespace that is not the host's."""
    of: dict[tuple[KindName, int], list[int]] = {}
    keys = [
        [(kind, inodes[0]) for kind, inodes in zip(KIND_NAMES, entry.namespaces, strict=True) if inodes and inodes[0]]
        for entry in entries
    ]
    for place, own in enumerate(keys):
        for key in own:
            if not snapshot.is_initial(*key):
                of.setdefault(key, []).append(place)
    order: dict[int, None] = {}
    for place in range(len(entries)):
        waiting = [place]
        while waiting:
            if (one := waiting.pop(0)) not in order:
                order[one] = None
                waiting += [other for key in keys[one] for other in of.pop(key, ())]
    return [entries[place] for place in order]


def _members(snapshot: Snapshot, pids: Iterable[int], first: int | None) -> list[Process]:
    """The processes of these pids in order of age. The process `first`, if any, precedes the others."""
    found = [snapshot.processes[pid] for pid in pids if pid in snapshot.processes]
    found.sort(key=lambda process: (process.pid != first, process.state == "Z", process.start, process.pid))
    return found


def _whose(namespace: Namespace, members: Sequence[Process], snapshot: Snapshot) -> str:
    """The containers in a namespace, else the names of its mounts, else the label of its oldest member."""
    names = {container.name for process in members if (container := snapshot.container_of(process))}
    oldest = f"{members[0].pid} {label(namespace, snapshot) or members[0].comm}" if members else namespace.label
    return ", ".join(sorted(names)) or ", ".join(namespace.names) or oldest


def _namespaces(
    members: Sequence[Process], by: KindName | None = None, inode: int | None = None
) -> tuple[tuple[int | None, ...], ...]:
    if not members:
        return tuple((inode,) if kind == by else () for kind in KIND_NAMES)
    return tuple(tuple({getattr(process.namespaces, kind): None for process in members}) for kind in KIND_NAMES)


def _cells(place: int, kind: KindName, entries: Sequence[Entry], snapshot: Snapshot) -> dict[int | None, Cell]:
    """{inode: its cell in the column of this kind}, in order of first sight."""
    seen = Counter(inode for entry in entries for inode in entry.namespaces[place])
    initial = getattr(snapshot.host.initial, kind)
    shorts = _short(inode for inode in seen if inode is not None and inode != initial)
    found: dict[int | None, Cell] = {}
    letters = 0
    for inode, number in seen.items():
        if inode is None:
            found[inode] = Cell("? unread", "warning", order=1 << 40)
        elif inode == initial:
            usual = kind in USUALLY_SHARED
            text = USUAL_HOST if usual else HOST
            constant = len(seen) == 1 and len(entries) > 1
            found[inode] = Cell(text[0] if constant else text, "dim" if usual else "host", order=-1)
        elif number > 1:
            found[inode] = Cell(f"{_letter(letters)} {shorts[inode]}", f"same-{letters % COLOURS}", order=letters)
            letters += 1
        else:
            sign = ALONE if snapshot.sees_all(kind) else PERHAPS
            found[inode] = Cell(f"{sign} {shorts[inode]}", order=(1 << 20) + len(found))
    return found


def _shown(known: dict[int | None, Cell], inodes: tuple[int | None, ...]) -> Cell:
    """The cell of a line: its first process's namespace, and the number of other namespaces of its members."""
    if not inodes:
        return Cell(NONE, "dim", order=1 << 41)
    cell = known[inodes[0]]
    return cell if len(inodes) == 1 else Cell(f"{cell.text} +{len(inodes) - 1}", cell.style, cell.order)


def _short(inodes: Iterable[int]) -> dict[int, str]:
    """{inode: its last digits}, as many as tell all inodes apart, at least four."""
    whole = [str(inode) for inode in inodes]
    digits = 4
    while len({text[-digits:] for text in whole}) < len(whole):
        digits += 1
    return {int(text): text[-digits:] for text in whole}


def _letter(number: int) -> str:
    """The letters of a number from 0: A, B, .. Z, AA, AB, .."""
    text = ""
    number += 1
    while number:
        number, place = divmod(number - 1, 26)
        text = chr(ord("A") + place) + text
    return text
