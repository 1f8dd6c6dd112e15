"""The offsets of the clocks of a time namespace from the host's. time_namespaces(7), Linux 5.6.

/proc/PID/timens_offsets is of the namespace that the process has in store for its children, which is not its own
between unshare(2) and fork(2) (kernel/time/namespace.c, proc_timens_show_offsets).
"""

from __future__ import annotations

import os

from .. import files, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..protocol import ChildClocks, Clocks, KindName


def read(fd: int, initial: Mapping[KindName, int | None]) -> Clocks:
    """The frame's record of the clocks of a process. fd: of its directory in /proc."""
    own = os.stat("ns/time", dir_fd=fd).st_ino
    children = os.stat("ns/time_for_children", dir_fd=fd).st_ino
    monotonic, boottime = _offsets(files.text(procfs.read_at(fd, "timens_offsets", 4096)))
    if own == children:
        return {"monotonic": monotonic, "boottime": boottime, "for_children": None}
    known = 0.0 if own == initial.get("time") else None
    later: ChildClocks = {"inode": children, "monotonic": monotonic, "boottime": boottime}
    return {"monotonic": known, "boottime": known, "for_children": later}


def _offsets(text: str) -> tuple[float, float]:
    """(monotonic, boottime) in seconds, from lines of clock, seconds, nanoseconds."""
    found = {"monotonic": 0.0, "boottime": 0.0}
    for line in text.split("\n"):
        words = line.split()
        if len(words) == 3 and words[0] in found:
            found[words[0]] = int(words[1]) + int(words[2]) / 1e9
    return found["monotonic"], found["boottime"]
