"""The processes that are new, gone or moved between two snapshots of one host."""

from msgspec import Struct

from .records import Process
from .snapshot import Snapshot, touched


class Changes(Struct, frozen=True):
    """The changes of processes from one snapshot to a later one. moved: (before, after) of each process that is in
    other namespaces now. A reused pid is one gone process and one new one."""

    new: tuple[Process, ...] = ()
    gone: tuple[Process, ...] = ()
    moved: tuple[tuple[Process, Process], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.moved)


def changes(before: Snapshot, after: Snapshot) -> Changes:
    """The changes between two snapshots. The cost is that of the changes if one soon follows the other."""
    new, gone, moved = [], [], []
    for pid in sorted(touched(before, after).pids):
        old, now = before.processes.get(pid), after.processes.get(pid)
        if old is now:
            continue
        if now and (old is None or old.start != now.start):
            new.append(now)
        elif old and now and old.namespaces != now.namespaces:
            moved.append((old, now))
        if old and (now is None or old.start != now.start):
            gone.append(old)
    return Changes(tuple(new), tuple(gone), tuple(moved))
