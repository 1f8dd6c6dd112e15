"""The texts of a row to copy, and tables as CSV. Copies are pasted into shells, so all texts are `safe`."""

import json
import shlex
from collections.abc import Iterable, Sequence

import msgspec

from . import engine, export
from .elsewhere import Elsewhere
from .kinds import KIND_NAMES
from .records import Container, Namespace, Process
from .snapshot import Snapshot
from .table import Column, Line
from .text import safe
from .view import GroupRow, ProcessRow, Row

Copy = tuple[str, str]
"""(the name of a text, the text)"""


def of_process(
    process: Process, snapshot: Snapshot, kind: str | None = None, elsewhere: Elsewhere | None = None
) -> list[Copy]:
    """The copies of a process. kind: of the namespace to list first, None for the usual order. elsewhere: the host of
    all that is copied, None for this machine."""
    inner = process.inner_pid
    kinds = sorted(KIND_NAMES, key=lambda name: name != kind)
    inodes = ((name, getattr(process.namespaces, name)) for name in kinds)
    container = snapshot.container_of(process)
    return _given(
        ("pid", str(process.pid)),
        ("pid inside", str(inner) if inner else ""),
        ("command", shlex.join(process.cmdline) or process.comm),
        ("user", process.user),
        ("user inside", process.inner_user or ""),
        *((f"container {name}", text) for name, text in _of_container(container, snapshot, elsewhere)),
        ("cgroup", process.cgroup),
        *((name, f"{name}:[{inode}]") for name, inode in inodes if inode),
        ("JSON", json.dumps(export.inspected_process(snapshot, process))),
    )


def of_namespace(namespace: Namespace, snapshot: Snapshot) -> list[Copy]:
    pids = snapshot.members(namespace.type).get(namespace.inode, ())
    return _given(
        ("namespace", namespace.label),
        ("inode", str(namespace.inode)),
        ("pids", " ".join(map(str, pids))),
        *(("path", name) for name in namespace.names),
        ("JSON", json.dumps(export.namespace(namespace, snapshot))),
    )


def of_container(container: Container, snapshot: Snapshot, elsewhere: Elsewhere | None = None) -> list[Copy]:
    return _given(*_of_container(container, snapshot, elsewhere), ("JSON", json.dumps(export.container(container))))


def _of_container(container: Container | None, snapshot: Snapshot, elsewhere: Elsewhere | None) -> list[Copy]:
    if container is None:
        return []
    return [
        ("name", container.name),
        ("id", container.id),
        ("image", container.image or ""),
        ("init pid", str(container.init_pid) if container.init_pid else ""),
        *engine.commands(container, snapshot, elsewhere),
    ]


def of_row(row: Row | None, snapshot: Snapshot, by: str, elsewhere: Elsewhere | None = None) -> list[Copy]:
    """The copies of the record of a row. by: the grouping, whose namespace comes first."""
    match row:
        case ProcessRow():
            return of_process(row.process, snapshot, by, elsewhere)
        case GroupRow(container=Container() as container):
            return of_container(container, snapshot, elsewhere)
        case GroupRow(namespace=Namespace() as namespace):
            return of_namespace(namespace, snapshot)
    return []


def of_line(
    line: Line, columns: Sequence[Column], snapshot: Snapshot, elsewhere: Elsewhere | None = None
) -> list[Copy]:
    """The copies of a line of a lens: its cells, and the copies of the record behind it."""
    cells = [
        (column.title.lower(), cell.text) for column, cell in zip(columns, line.cells, strict=False) if column.title
    ]
    match line.subject:
        case Process() as process:
            about = of_process(process, snapshot, elsewhere=elsewhere)
        case Namespace() as namespace:
            about = of_namespace(namespace, snapshot)
        case Container() as container:
            about = of_container(container, snapshot, elsewhere)
        case msgspec.Struct() as record:
            about = _given(("JSON", json.dumps(msgspec.to_builtins(record))))
        case _:
            about = []
    return _given(*cells, *about)


def _given(*pairs: Copy) -> list[Copy]:
    """The pairs with a text, each once, made safe."""
    return list(dict.fromkeys((name, safe(text)) for name, text in pairs if text.strip()))


def sheet(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table as CSV (RFC 4180), safe to open: a cell that a spreadsheet would read as a formula is made text."""
    return "".join(",".join(map(_cell, row)) + "\r\n" for row in (header, *rows))


def _cell(text: str) -> str:
    text = safe(text)
    inert = f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text
    return '"' + inert.replace('"', '""') + '"'


def processes_sheet(snapshot: Snapshot) -> str:
    """The processes of a snapshot as CSV, one a line."""
    namespaces = (f"{kind}_ns" for kind in KIND_NAMES)
    header = ("pid", "inside", "ppid", "user", "uid", "state", "container", "runtime", "image", *namespaces, "command")
    rows = []
    for _, process in sorted(snapshot.processes.items()):
        container = snapshot.container_of(process)
        rows.append((
            str(process.pid), str(process.inner_pid or ""), str(process.ppid), process.user, str(process.uid),
            process.state, *((container.name, container.runtime, container.image or "") if container else ("",) * 3),
            *(str(getattr(process.namespaces, kind) or "") for kind in KIND_NAMES), process.command,
        ))  # fmt: skip
    return sheet(header, rows)
