"""What the clocks of a time namespace are ahead of the host's. time_namespaces(7), Linux 5.6.

/proc/PID/timens_offsets is of the namespace that the process has in store for its children, which is not its own
between unshare(2) and fork(2) (kernel/time/namespace.c, proc_timens_show_offsets).
"""

from __future__ import annotations

import os

from .. import files, procfs


def read(fd, initial):
    """{"monotonic": seconds or None, "boottime": .., "for_children": {"inode", "monotonic", "boottime"} or None}

    None where only a namespace for children tells its offsets.
    """
    own = os.stat("ns/time", dir_fd=fd).st_ino
    children = os.stat("ns/time_for_children", dir_fd=fd).st_ino
    offsets = _offsets(files.text(procfs.read_at(fd, "timens_offsets", 4096)))
    if own == children:
        return dict(offsets, for_children=None)
    known = 0.0 if own == initial.get("time") else None
    return {"monotonic": known, "boottime": known, "for_children": dict(offsets, inode=children)}


def _offsets(text):
    """Lines of clock, seconds, nanoseconds."""
    found = {"monotonic": 0.0, "boottime": 0.0}
    for line in text.split("\n"):
        words = line.split()
        if len(words) == 3 and words[0] in found:
            found[words[0]] = int(words[1]) + int(words[2]) / 1e9
    return found
