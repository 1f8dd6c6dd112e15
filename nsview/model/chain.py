"""The descent of a process from the top of the tree, container daemons included.

A containerd-shim outlives its daemon by design: to the kernel its parent is pid 1. The socket given to the shim names
the daemon that it serves (`Container.daemon_pid`), and that link replaces the parent's.
"""

from typing import Literal

from msgspec import Struct

from .records import Process
from .snapshot import Snapshot


class ChainLink(Struct, frozen=True):
    """One process of a chain, and its link to the process before it.

    link: "parent", or "serves" from a daemon to a shim that is not its child.
    """

    process: Process
    link: Literal["parent", "serves"]


def chain(snapshot: Snapshot, pid: int) -> tuple[ChainLink, ...]:
    """The links from the top of the tree down to the process itself, empty if there is no such process."""
    links: list[ChainLink] = []
    seen: set[int] = set()
    current = snapshot.processes.get(pid)
    while current is not None and current.pid not in seen:
        seen.add(current.pid)
        parent = snapshot.parent(current)
        links.append(ChainLink(current, "serves" if parent != current.ppid else "parent"))
        current = snapshot.processes.get(parent)
    return tuple(reversed(links))
