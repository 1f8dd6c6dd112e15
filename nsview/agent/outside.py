"""What is proven of a process whose links may not be read, although this one may trace any: a protected one.

The kernel tells of every process the files of its net namespace, whose inodes no other has, the ids of its mounts, each
of which is in one mount namespace, and its pids. Where these are as those of a process that can be read, so is the
namespace; else nothing is known of it. That process is this one, or in a container one of the host's.

Sources: fs/proc/proc_net.c, proc_pid_mountinfo(5), proc_pid_status(5).
"""

from __future__ import annotations

import os

from . import procfs


def shared(fd, pid, known):
    """{kind: inode} of those namespaces of the process `pid` that the process of an open directory is in as well.
    known: the namespaces of that pid, which can be read."""
    try:
        here = os.open("/proc/%s" % pid, os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return {}
    try:
        alike = {"net": _net(fd) == _net(here), "mnt": _mount(fd) == _mount(here)}
        # Who has one pid is in the pid namespace of /proc.
        alike["pid"] = len(procfs.nspid_of(fd)) == len(procfs.nspid_of(here)) == 1
        return {kind: known[kind] for kind in alike if alike[kind] and kind in known}
    except OSError:
        return {}
    finally:
        os.close(here)


def _net(fd):
    return os.stat("net/dev", dir_fd=fd).st_ino


def _mount(fd):
    """The id of the first mount that it sees."""
    return procfs.read_at(fd, "mountinfo", 4096).split(b" ", 1)[0]
