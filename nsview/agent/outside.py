"""The proven namespaces of a protected process: its links may not be read, although this process may trace any other.

Of every process the kernel tells the files of its net namespace, whose inodes no other has, the ids of its mounts, each
of which is in one mount namespace, and its pids. If these are the same as those of a process that can be read, so is
the namespace; else nothing is known of it. The readable process is this one, or in a container one of the host's.

Sources: fs/proc/proc_net.c, proc_pid_mountinfo(5), proc_pid_status(5).
"""

from __future__ import annotations

import os

from . import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .protocol import KindName, Namespaces


def shared(fd: int, pid: int | str, known: Namespaces) -> Namespaces:
    """The namespaces that the process of an open directory shares with the process `pid`. known: those of that pid."""
    try:
        here = os.open("/proc/%s" % pid, os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return {}
    try:
        alike: dict[KindName, bool] = {"net": _net(fd) == _net(here), "mnt": _mount(fd) == _mount(here)}
        # A process with one pid is in the pid namespace of /proc.
        alike["pid"] = len(procfs.nspid_of(fd)) == len(procfs.nspid_of(here)) == 1
        return {kind: known[kind] for kind in alike if alike[kind] and kind in known}
    except OSError:
        return {}
    finally:
        os.close(here)


def _net(fd: int) -> int:
    return os.stat("net/dev", dir_fd=fd).st_ino


def _mount(fd: int) -> bytes:
    """The id of the first mount that the process sees."""
    return procfs.read_at(fd, "mountinfo", 4096).split(b" ", 1)[0]
