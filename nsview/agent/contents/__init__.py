"""The contents of a namespace of each kind, seen through one of its members, and read only on request.

mnt       the mounts, their propagation, and the host's paths of the same files. Nothing is joined
user      the maps of user and group ids. Nothing is joined
uts       the host name. No file tells that of another namespace, so it is joined
ipc       System V queues, segments and semaphores, POSIX message queues; joined
cgroup    the path, the limits and the use, as seen from here; joined for the path that is seen from within
time      the offsets of the clocks. Nothing is joined
joined    a look from within a namespace, by a thread that joins it and exits

pid is told by every look (`nspid`), net by a reading of its own.
"""

from __future__ import annotations

from .. import procfs
from . import cgroup, ipc, mnt, time, user, uts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from ..protocol import Contents, KindName

KINDS: dict[KindName, Callable[[int, Mapping[KindName, int | None]], Any]] = {
    "mnt": mnt.read,
    "uts": uts.read,
    "ipc": ipc.read,
    "user": user.read,
    "cgroup": cgroup.read,
    "time": time.read,
}


def read(kinds: Iterable[KindName], fd: int, initial: Mapping[KindName, int | None]) -> Contents:
    """The contents of a process's namespaces of these kinds.

    fd: of its directory in /proc, which pins it. initial: the host's first namespaces.
    """
    found: Contents = {}
    unreadable: dict[KindName, str] = {}
    for kind in kinds:
        if kind in KINDS:
            try:
                found[kind] = KINDS[kind](fd, initial)  # type: ignore[typeddict-unknown-key]  # KINDS lacks pid and net
            except OSError as error:
                unreadable[kind] = procfs.errno_name(error)
            except ValueError:
                unreadable[kind] = "EIO"  # not as the manual says: of another kernel, or of none
    found["unreadable"] = unreadable
    return found
