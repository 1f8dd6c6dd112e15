"""What is new, gone or moved between two snapshots of one host."""

from msgspec import Struct

from .records import Process
from .snapshot import Snapshot


class Changes(Struct, frozen=True):
    """Of processes, from one snapshot to a later one. moved: (before, after) of those in other namespaces than they
    were. A pid that was reused is one gone and one new."""

    new: tuple[Process, ...] = ()
    gone: tuple[Process, ...] = ()
    moved: tuple[tuple[Process, Process], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.moved)


def changes(before: Snapshot, after: Snapshot) -> Changes:
    """What happened to processes in between. Costs a comparison of identities where nothing happened to most."""
    new, gone, moved = [], [], []
    old_processes, new_processes = before.processes, after.processes
    for pid, process in new_processes.items():
        old = old_processes.get(pid)
        if old is process:
            continue
        if old is None or old.start != process.start:
            new.append(process)
        elif old.namespaces != process.namespaces:
            moved.append((old, process))
    for pid, process in old_processes.items():
        later = new_processes.get(pid)
        if later is not process and (later is None or later.start != process.start):
            gone.append(process)
    return Changes(tuple(new), tuple(gone), tuple(moved))
