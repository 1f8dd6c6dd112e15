"""Numbers in words that claim no more than was seen: hidden processes are not none."""

from .kinds import KindName
from .records import Container, Namespace
from .snapshot import Snapshot
from .text import count


def number(least: int, sure: bool) -> str:
    """A number of which `least` were seen: "3", "≥ 3" if there may be more, or "?"."""
    return str(least) if sure else f"≥ {least}" if least else "?"


def processes(least: int, sure: bool) -> str:
    """The number with its noun: "2 processes", "≥ 2 processes", "no process visible to you"."""
    if sure:
        return count(least, "process")
    return f"≥ {count(least, 'process')}" if least else "no process visible to you"


def nprocs(record: Namespace | Container, snapshot: Snapshot) -> tuple[int, bool]:
    """(the number of seen processes of a namespace or container, whether these are all)."""
    if isinstance(record, Container):
        return len(record.pids), snapshot.sees_all("container")
    return nprocs_of(record.type, record.inode, snapshot)


def nprocs_of(kind: KindName, inode: int, snapshot: Snapshot) -> tuple[int, bool]:
    """(the number of seen processes in the namespace of an inode, whether these are all)."""
    return len(snapshot.members(kind).get(inode, ())), snapshot.sees_all(kind)
