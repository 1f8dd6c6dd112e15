"""How a process descends from the top of the tree, container daemons included.

A containerd-shim outlives its daemon by design: the kernel says its parent is pid 1. Whom it serves is known by the
socket it was given (`Container.daemon_pid`), and that link is put in the parent's place.
"""

from typing import Literal

from msgspec import Struct

from .records import Process
from .snapshot import Snapshot


class Link(Struct, frozen=True):
    """One process of a chain, and what ties it to the one before it.

    link: "parent", or "serves" from a daemon to a shim that is not its child.
    """

    process: Process
    link: Literal["parent", "serves"]


def chain(snapshot: Snapshot, pid: int) -> tuple[Link, ...]:
    """From the top of the tree down to the process itself; empty where there is no such process."""
    links: list[Link] = []
    seen: set[int] = set()
    current = snapshot.processes.get(pid)
    while current is not None and current.pid not in seen:
        seen.add(current.pid)
        parent = snapshot.parent(current)
        links.append(Link(current, "serves" if parent != current.ppid else "parent"))
        current = snapshot.processes.get(parent)
    return tuple(reversed(links))
