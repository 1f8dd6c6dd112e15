"""The rows of a container that was started again, in the place of one that is gone: all its numbers may be others."""

from msgspec import Struct

from .records import Container, Process
from .snapshot import Snapshot
from .stage import is_stage
from .view import Grouping, GroupRow, ProcessRow, Row, RowKey, group_key, process_key


class Standing(Struct, frozen=True):
    """The container that a row stands for. process: of its row, None of a group's. init: the key of its first process,
    None if that is not known."""

    container: Container
    process: Process | None
    init: RowKey | None


def standing(row: Row | None, snapshot: Snapshot) -> Standing | None:
    """The container that a row stands for: of a namespace, that of its oldest member. None if it stands for none, as
    the row of an exited process does, whose container may have begun anew by now."""
    process = container = None
    match row:
        case ProcessRow(process=shown):
            now = snapshot.processes.get(shown.pid)
            if now is not None and now.start == shown.start:
                process, container = shown, row.container
        case GroupRow(initial=False):
            oldest = snapshot.processes.get(row.oldest or 0)
            container = row.container or (snapshot.container_of(oldest) if oldest else None)
    if container is None:
        return None
    init = snapshot.init_of(container)
    return Standing(container, process, process_key(init) if init else None)


def heirs(before: Standing, snapshot: Snapshot, by: Grouping) -> list[RowKey]:
    """The keys of the rows to go to instead, best first. Empty while the container has not begun anew: a
    stage of its runtime may be in the host's namespaces still.

    A container that was made anew under the same name is the same one.
    """
    container = snapshot.containers.get(before.container.key)
    if container is None:
        alike = [one for one in snapshot.containers.values() if _who(one) == _who(before.container)]
        container = alike[0] if len(alike) == 1 else None
    init = snapshot.init_of(container)
    if container is None or init is None or is_stage(init) or process_key(init) == before.init:
        return []
    group = group_key(snapshot, by, init)
    keys = [process_key(init), *([group] if group else [])]
    if before.process is None:
        return keys[::-1]
    members = [snapshot.processes[pid] for pid in container.pids if pid in snapshot.processes]
    same = [process_key(p) for p in members if (p.comm, p.cmdline) == (before.process.comm, before.process.cmdline)]
    return [*same[:1], *keys]


def _who(container: Container) -> tuple[object, ...]:
    return container.name, container.runtime, container.engine_namespace, container.uid, container.outer
