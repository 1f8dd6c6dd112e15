"""What a namespace of each kind holds, seen through one of its members, and read only when it is asked for.

mounts    mnt: what is mounted, how it propagates, where the same files are on the host. Nothing is joined
ids       user: the maps of user and group ids. Nothing is joined
names     uts: the host name. No file tells that of another namespace, so it is joined
ipc       ipc: System V queues, segments and semaphores, POSIX message queues; joined
cgroups   cgroup: where it is, its limits and its use, as seen from here; joined for the path that is seen from within
clocks    time: the offsets of the clocks. Nothing is joined
joined    a look from within a namespace, by a thread that joins it and exits

pid is told by every look (`nspid`), net by a reading of its own.
"""

from __future__ import annotations

from .. import procfs
from . import cgroups, clocks, ids, ipc, mounts, names

KINDS = {
    "mnt": mounts.read,
    "uts": names.read,
    "ipc": ipc.read,
    "user": ids.read,
    "cgroup": cgroups.read,
    "time": clocks.read,
}


def read(kinds, fd, initial):
    """{kind: record, "unreadable": {kind: errno's name}} of a process's namespaces of these kinds.

    fd: of its directory in /proc, which pins it. initial: the host's first namespaces, {kind: inode}.
    """
    found: dict[str, object] = {}
    unreadable: dict[str, str] = {}
    for kind in kinds:
        if kind in KINDS:
            try:
                found[kind] = KINDS[kind](fd, initial)
            except OSError as error:
                unreadable[kind] = procfs.errno_name(error)
            except ValueError:
                unreadable[kind] = "EIO"  # not as the manual says: another kernel's, or no kernel's
    found["unreadable"] = unreadable
    return found
