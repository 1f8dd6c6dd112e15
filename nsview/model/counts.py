"""How many there are, in words that claim no more than was seen: what some processes hide is not none."""

from .kinds import KindName
from .records import Container, Namespace
from .snapshot import Snapshot
from .text import count


def number(least: int, sure: bool) -> str:
    """So many, where that is sure; else the least that there are, or that nothing is known."""
    return str(least) if sure else f"≥ {least}" if least else "?"


def processes(least: int, sure: bool) -> str:
    """The same with the word: "2 processes", "≥ 2 processes", "no process visible to you"."""
    if sure:
        return count(least, "process")
    return f"≥ {count(least, 'process')}" if least else "no process visible to you"


def nprocs(record: Namespace | Container, snapshot: Snapshot) -> tuple[int, bool]:
    """(how many processes of a namespace or container were seen, whether these are all)."""
    if isinstance(record, Container):
        return len(record.pids), snapshot.sees_all("container")
    return nprocs_of(record.type, record.inode, snapshot)


def nprocs_of(kind: KindName, inode: int, snapshot: Snapshot) -> tuple[int, bool]:
    """The same of the namespace of an inode."""
    return len(snapshot.members(kind).get(inode, ())), snapshot.sees_all(kind)
