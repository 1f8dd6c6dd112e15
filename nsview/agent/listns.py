"""The kernel's own list of namespaces, since Linux 6.19: it has those too to which nothing that can be seen leads.

An fd of a namespace in the queue of a socket keeps it alive, a mount in a mount namespace without processes keeps
another; no walk of /proc finds those. One system call lists all, so each look makes it, and a namespace that no process
or mount led to is opened by its id. The list is no replacement for `holders`: it does not name the holder of a
namespace, and lacks those that sockets alone hold. Before 6.19, and where a filter of system calls forbids it, the walk
is all there is.

Sources: listns(2); fs/nsfs.c and kernel/nstree.c of Linux 6.19 (a file handle of the id alone).
"""

from __future__ import annotations

import errno
import os

from nsview import linux

from . import nsfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .protocol import Namespace, NamespaceKey

SINCE = (6, 19)


def ids() -> set[int] | None:
    """The ids of all namespaces that the kernel lets us see. None if it does not tell."""
    found: set[int] = set()
    last = 0
    while True:
        try:
            some = linux.listns(last)
        except OSError as error:
            # ENOENT: there is none after the last. ENOSYS, EPERM: the call is not available.
            return found if error.errno == errno.ENOENT else None
        if not some:
            return found
        found.update(some)
        last = some[-1]


def describe(
    id: int, device: int, above: dict[NamespaceKey, Namespace] | None
) -> tuple[NamespaceKey, Namespace] | None:
    """((kind, inode), record) of a namespace by its id. None if it has ended, or may not be opened."""
    try:
        fd = linux.open_namespace(id)
    except OSError:
        return None
    try:
        kind, inode = nsfs.kind_of(fd), os.fstat(fd).st_ino
        return (kind, inode), nsfs.describe(kind, inode, nsfs.opener(fd), device, above)
    finally:
        os.close(fd)
