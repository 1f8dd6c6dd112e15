"""The pid namespaces that a process has a pid in, one below the other. pid_namespaces(7)."""

from msgspec import Struct

from .records import Process
from .snapshot import Snapshot


class Level(Struct, frozen=True):
    """A pid namespace, and a process's pid in it. inode: None if not known. init: its pid 1, None if not visible."""

    inode: int | None
    initial: bool
    pid: int
    init: Process | None


def levels(snapshot: Snapshot, process: Process) -> tuple[Level, ...]:
    """The levels from the agent's namespace down to the process's own."""
    found: list[Level] = []
    inode = process.namespaces.pid
    for pid in reversed(process.nspid):
        depth = len(process.nspid) - len(found)
        found.append(Level(inode, snapshot.is_initial("pid", inode), pid, _init(snapshot, inode, depth)))
        namespace = snapshot.namespaces.get(("pid", inode)) if inode is not None else None
        inode = namespace.parent if namespace else None
    return tuple(reversed(found))


def _init(snapshot: Snapshot, inode: int | None, depth: int) -> Process | None:
    """The pid 1 of a namespace. depth: of the namespace, 1 for the agent's. None if it is not in the snapshot."""
    if inode is None:
        return None
    for pid in snapshot.members("pid").get(inode, ()):
        process = snapshot.processes[pid]
        if len(process.nspid) == depth and process.nspid[-1] == 1:
            return process
    return None
