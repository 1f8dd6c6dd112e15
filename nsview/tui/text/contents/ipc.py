"""ipc: queues, shared memory, semaphores."""

from nsview.model.contents import Contents, Segment
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot
from nsview.model.text import count, safe

from ..pieces import Pieces, size
from . import ContentsText

_SHOWN = 50  # of each sort


def tell(process: Process, contents: Contents, snapshot: Snapshot) -> ContentsText:
    ipc = contents.ipc
    assert ipc is not None
    sorts: list[tuple[str, str, list[Pieces]]] = [
        ("queues", "message queue", [
            _line(q.key, q.id, q.mode, q.uid, f"{count(q.messages, 'message')}, {size(q.bytes)}")
            for q in ipc.queues[:_SHOWN]
        ]),
        ("segments", "shared memory segment", [
            _line(s.key, s.id, s.mode, s.uid, f"{size(s.size)}, attached {count(s.attached, 'time')}{_by(s, snapshot)}")
            for s in ipc.segments[:_SHOWN]
        ]),
        ("semaphores", "semaphore set", [
            _line(s.key, s.id, s.mode, s.uid, count(s.number, "semaphore")) for s in ipc.semaphores[:_SHOWN]
        ]),
        ("posix_queues", "POSIX message queue", [
            [("  " + safe(q.name), ""), (f"  {q.mode:03o}  uid {q.uid}  {size(q.bytes)}", "dim")]
            for q in (ipc.posix_queues or ())[:_SHOWN]
        ]),
    ]  # fmt: skip
    lines: list[Pieces] = []
    brief = []
    for sort, name, listed in sorts:
        total = ipc.total.get(sort, len(listed))
        if total:
            lines += [[(count(total, name), "label")], *listed]
            brief.append(count(total, name))
        if total > len(listed):
            lines.append([(f"  and {total - len(listed)} more", "dim")])
    if not lines:
        lines.append([("no queue, no shared memory, no semaphore in it", "dim")])
    if ipc.posix_queues is None:
        lines.append([("POSIX message queues: not visible", "warning")])
    return ContentsText("IPC", lines, ", ".join(brief) or "nothing in it")


def _line(key: int, id: int, mode: int, uid: int, what: str) -> Pieces:
    name = f"0x{key:08x}" if key else "private"
    return [(f"  {name:<10}", ""), (f"  id {id}  {mode & 0o777:03o}  uid {uid}  ", "dim"), (what, "")]


def _by(segment: Segment, snapshot: Snapshot) -> str:
    process = snapshot.processes.get(segment.pid)
    return f", by {process.pid} {safe(process.comm)}" if process else ""
