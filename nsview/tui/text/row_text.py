"""A row of the explorer as styled pieces of text. Pure; every piece is safe for a terminal.

Styles are names (see `row_list`), so that themes decide on colours.
"""

from typing import Literal

from msgspec import Struct

from nsview.model.columns import WIDTHS, Extra, text
from nsview.model.condition import is_paused, sessions, warnings
from nsview.model.counts import nprocs, processes
from nsview.model.filter import Sought
from nsview.model.guides import indent
from nsview.model.holder_text import summary
from nsview.model.label import of_process
from nsview.model.members import USUALLY_SHARED, kinds_shared_with_host
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot
from nsview.model.text import cells, count, fit, safe
from nsview.model.view import GroupOrder, GroupRow, NoteRow, ProcessOrder, ProcessRow, Row, View

from .pieces import Piece, Pieces, marked

Mark = Literal["new", "gone", "moved", "marked"]
"""An event that has just befallen a process, or the user's mark; shown by a sign too, for want of colours."""

SIGNS: dict[Mark | None, str] = {None: "  ", "new": "+ ", "gone": "- ", "moved": "~ ", "marked": "◆ "}
ORDERS: dict[str, tuple[GroupOrder | None, ProcessOrder | None]] = {
    "PID": (None, "pid"), "USER": (None, "user"), "COMMAND": (None, "command"), "CONTAINER": ("name", None),
}  # fmt: skip
"""{title of a column: the order of groups by it, or of processes}"""
_GAP = "  "
_END = 1 << 16
OPEN, FOLDED, LEAF = "▼ ", "▶ ", "  "
NOTHING = Sought(None)
_OF_GROUPS = ("container", "image", "runtime", "pod", "label", "inode")
"""The fields whose values stand in the head of a group."""


class Columns(Struct, frozen=True):
    """The widths of the columns left of the command, in cells; 0 leaves a column out."""

    pid: int
    inside: int
    user: int
    container: int
    extras: tuple[Extra, ...] = ()


def columns(snapshot: Snapshot, width: int, extras: tuple[Extra, ...] = ()) -> Columns:
    """Columns as wide as their content, as far as a screen of that width has room. extras: added by the user."""
    pid = max(len(str(max(snapshot.processes, default=0))), 5)
    inner = max((p.nspid[-1] for p in snapshot.processes.values() if len(p.nspid) > 1), default=0)
    user = max((cells(p.users) for p in snapshot.processes.values()), default=4)
    nested = any(p.inner_user for p in snapshot.processes.values())
    names = max((cells(safe(c.name)) for c in snapshot.containers.values()), default=0)
    return Columns(
        pid,
        max(len(str(inner)), 6) if inner else 0,
        min(max(user, 4), (8 if width < 100 else 14) + (6 if nested else 0)),
        min(max(names, 9), 14 if width < 100 else 26) if names else 0,
        extras,
    )


def _has_names(size: Columns, grouped_by: str) -> bool:
    """True if there is a column of containers' names: in groups of containers the name stands above the rows."""
    return bool(size.container) and grouped_by != "container"


def _titles(size: Columns, grouped_by: str) -> list[tuple[str, int]]:
    """(title as wide as its column, cells of the column and the gap behind it), left to right; the last has no end."""
    titles = ["  " + "PID".rjust(size.pid)]
    if size.inside:
        titles.append("INSIDE".rjust(size.inside))
    titles.append("USER".ljust(size.user))
    if _has_names(size, grouped_by):
        titles.append("CONTAINER".ljust(size.container))
    titles += [extra.upper().ljust(WIDTHS[extra]) for extra in size.extras]
    return [*((title, len(title) + len(_GAP)) for title in titles), ("COMMAND", _END)]


def header(size: Columns, view: View) -> list[Piece]:
    """The names of the columns, and a sign at those that the rows are in order of."""
    line = ""
    for title, room in _titles(size, view.by):
        groups, processes = ORDERS.get(title.strip(), (None, None))
        sign = "▲" if groups == view.groups or processes == view.processes else ""
        line += (title.rstrip() + sign).ljust(room if room < _END else 0)
    return [(line, "header")]


def title_at(size: Columns, grouped_by: str, x: int) -> str:
    """The title of the column at a cell of the header."""
    for title, room in _titles(size, grouped_by):
        if x < room:
            return title.strip()
        x -= room
    return ""


def row(
    line: Row, size: Columns, snapshot: Snapshot, grouped_by: str, mark: Mark | None = None, sought: Sought = NOTHING
) -> list[Piece]:
    """The pieces of a row, left to right, not yet cut to the width of the screen. sought: marked where it stands."""
    match line:
        case ProcessRow():
            return _process(line, size, grouped_by, mark, NOTHING if line.context else sought)
        case GroupRow():
            pieces = _group(line, snapshot, grouped_by, mark)
            found = sought.of(*_OF_GROUPS)
            return [part for text, style in pieces for part in marked(text, style, None if style == "dim" else found)]
        case NoteRow():
            return [("  " + line.text, "dim")]


def _process(line: ProcessRow, size: Columns, grouped_by: str, mark: Mark | None, sought: Sought) -> list[Piece]:
    process = line.process
    pids = sought.of("pid")
    pieces: Pieces = []
    pieces += marked(SIGNS[mark] + str(process.pid).rjust(size.pid) + "  ", mark or _quiet("pid", line), pids)
    if size.inside:
        inner = process.inner_pid
        inside = ("" if inner is None else str(inner)).rjust(size.inside) + "  "
        pieces += marked(inside, _quiet("inside", line), pids)
    style = "dim" if process.user == "root" else _quiet("user", line)
    pieces += marked(fit(safe(process.users), size.user) + "  ", style, sought.of("user", "uid"))
    if _has_names(size, grouped_by):
        name = line.container.name if line.container else ""
        pieces += marked(fit(safe(name), size.container) + "  ", _quiet("container", line), sought.of("container"))
    for extra in size.extras:
        pieces.append((fit(safe(text(extra, process, line.container)), WIDTHS[extra]) + "  ", "dim"))
    pieces.append((line.guides, "guide"))
    if line.folded is not None:
        pieces.append((FOLDED if line.folded else OPEN, "dim"))
    if process.ended:
        pieces.append(("zombie ", "warning"))
    if is_paused(process, line.container):
        pieces.append(("paused ", "warning"))
    if line.container and process.pid in line.container.execs:
        pieces.append(("exec ", "dim"))
    style = mark or ("dim" if process.kthread else _quiet("command", line))
    return pieces + marked(safe(_command(process)), style, sought.of("command", "name"))


def _quiet(style: str, line: ProcessRow) -> str:
    """The style, or dim in a row that the filter does not match."""
    return "dim" if line.context else style


def _command(process: Process) -> str:
    """The command line without the directory of the program, which the details show: the eye looks for names."""
    command = process.command
    if command.startswith("/"):
        program, space, arguments = command.partition(" ")
        return program[program.rindex("/") + 1 :] + space + arguments
    return command


def _group(line: GroupRow, snapshot: Snapshot, grouped_by: str, mark: Mark | None) -> list[Piece]:
    fold = LEAF if line.folded is None else FOLDED if line.folded else OPEN
    pieces: list[Piece] = [(indent(line.depth) + fold, "dim")]
    if mark == "marked":
        pieces.append((SIGNS[mark], mark))
    if line.container:
        pieces += _container_head(line, snapshot)
    elif line.namespace:
        style = "dim" if line.owner else "host" if line.initial else "group"
        pieces.append((line.namespace.label, style))
        if who := [("host", "dim")] if line.owner and line.initial else _who(line, snapshot):
            pieces += [("  ", "command"), *who]
    elif grouped_by == "container":
        pieces.append(("in no container", "group"))
    else:
        dead = all((process := snapshot.processes.get(pid)) and process.ended for pid in line.pids)
        words = "given up by zombies" if dead else "not readable"
        pieces.append((f"{grouped_by} namespace {words}", "warning"))
    pieces.append((_count(line, snapshot) + (" so far" if snapshot.partial else ""), "dim"))
    if line.namespace and not line.pids:
        pieces.append((f"  {safe(summary(line.namespace, snapshot, named=True))}", "dim"))
    return pieces


def _container_head(line: GroupRow, snapshot: Snapshot) -> list[Piece]:
    container = line.container
    assert container is not None
    pieces: list[Piece] = [(safe(container.name), "container"), (f"  {safe(container.runtime)}", "group")]
    if container.pod:
        pieces.append((f"  pod {safe(container.pod.label)}", "command"))
        if container.role == "sandbox":
            pieces.append((" (sandbox)", "dim"))
    if container.image:
        pieces.append((f"  {safe(container.image)}", "command"))
    init = snapshot.processes.get(container.init_pid) if container.init_pid else None
    pieces += [(f"  {word}", "warning") for word in warnings(container)]
    if container.restarts and not container.pids:
        pieces.append((f"  {count(container.restarts, 'restart')}", "warning"))
    if container.execs:
        pieces.append((f"  {sessions(container)}", "dim"))
    shared = [k for k in kinds_shared_with_host(init, snapshot) if k not in USUALLY_SHARED] if init else []
    if shared:
        pieces.append(("  host's " + ", ".join(shared), "host"))
    return pieces


def _who(line: GroupRow, snapshot: Snapshot) -> list[Piece]:
    names = [safe(container.name) for container in line.containers]
    if line.initial:
        also = f" + {count(len(names), 'container')}" if names else ""
        return [(f"host{also}", "host")]
    if not names:
        if line.namespace is None:
            return []
        oldest = snapshot.processes.get(line.oldest) if line.oldest is not None else None
        what = of_process(oldest, snapshot) if oldest else None
        called = ", ".join((*([what] if what else []), *line.namespace.names))
        return [(safe(called), "label")] if called else []
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    pieces = [(shown, "container")]
    if len(names) > 1:
        pieces.append((f"  shared by {len(names)} containers", "shared"))
    return pieces


def _count(line: GroupRow, snapshot: Snapshot) -> str:
    record = line.container or line.namespace
    sure = record is None or nprocs(record, snapshot)[1]
    words = processes(len(line.pids), sure)
    return f"  {line.shown} of {words}" if line.shown != len(line.pids) else f"  {words}"
