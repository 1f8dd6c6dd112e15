"""The kernel's own list of namespaces, since Linux 6.19: it has those too to which nothing that can be seen leads.

An fd of one in the queue of a socket keeps it, a mount in a mount namespace without processes keeps another; no walk of
/proc finds those. One system call tells of all, so each look asks, and what no process or mount led to is opened by
its id. It is no replacement for `holders`: it does not say who holds one, and has none that sockets alone hold.
Before 6.19, and where a filter of system calls forbids it, the walk is what there is.

Sources: listns(2); fs/nsfs.c and kernel/nstree.c of Linux 6.19 (a file handle of the id alone).
"""

from __future__ import annotations

import errno
import os

from nsview import linux

from . import nsfs

SINCE = (6, 19)


def ids():
    """The ids of all namespaces that the kernel lets us see; None where it does not tell."""
    found: set[int] = set()
    last = 0
    while True:
        try:
            some = linux.listns(last)
        except OSError as error:
            # ENOENT: there is none after the last. ENOSYS, EPERM: there is no such call for us.
            return found if error.errno == errno.ENOENT else None
        if not some:
            return found
        found.update(some)
        last = some[-1]


def describe(id, device, above):
    """((kind, inode), record) of a namespace by its id; None where it has ended, or is not for us to open."""
    try:
        fd = linux.open_namespace(id)
    except OSError:
        return None
    try:
        kind, inode = nsfs.kind_of(fd), os.fstat(fd).st_ino
        return (kind, inode), nsfs.describe(kind, inode, lambda: os.dup(fd), device, above)
    finally:
        os.close(fd)
