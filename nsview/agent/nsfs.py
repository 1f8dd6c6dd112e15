"""The kernel's facts of a namespace: owner, parent, id, and the paths that it is bind-mounted at.

Sources: ioctl_nsfs(2), include/uapi/linux/nsfs.h; NS_GET_ID came with Linux 6.18,
NS_GET_PID_FROM_PIDNS and NS_GET_PID_IN_PIDNS with 6.11, the others with 4.9 and 4.11.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys

from nsview import linux
from nsview.linux import CLONE_NEW, NS_GET_NSTYPE

from .mountinfo import unescaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Literal

    from .protocol import KindName, Namespace, NamespaceKey, Namespaces

NS_GET_USERNS = 0xB701
NS_GET_PARENT = 0xB702
NS_GET_OWNER_UID = 0xB704
NS_GET_PID_FROM_PIDNS = 0x8004B706
NS_GET_PID_IN_PIDNS = 0x8004B708
NS_GET_ID = 0x8008B70D
NS_GET_MNTNS_ID = 0x8008B705
SIOCGSKNS = 0x894C  # socket(7)
_HIERARCHICAL = ("pid", "user")
KIND: dict[str, KindName] = {kind: kind for kind in CLONE_NEW}  # type: ignore[misc]  # the same names
"""{name: kind}, for names of unknown origin."""
_KIND_OF_FLAG = {flag: KIND[kind] for kind, flag in CLONE_NEW.items()}

# Inodes of the first namespaces, fixed in the kernel (enum init_ns_ino; net and mnt since 6.18).
FIXED_INITIAL: Namespaces = {
    "ipc": 4026531839,
    "uts": 4026531838,
    "user": 4026531837,
    "pid": 4026531836,
    "cgroup": 4026531835,
    "time": 4026531834,
}
FIXED_INITIAL_SINCE_6_18: Namespaces = {"net": 4026531833, "mnt": 4026531832}


def describe(
    kind: KindName,
    inode: int,
    open_namespace: Callable[[], int],
    device: int,
    above: dict[NamespaceKey, Namespace] | None = None,
) -> Namespace:
    """The frame's record of a namespace; None for each fact that the kernel does not tell.

    open_namespace: returns an fd of it. device: of nsfs. above: its owner, its parent and theirs are added here, as far
    up as the agent may see; no process need be in them. A namespace keeps those above it alive, so their records hold
    as long as it lives.
    """
    record: Namespace = {
        "type": kind,
        "inode": inode,
        "device": device,
        "id": None,
        "initial": False,
        "owner": None,
        "owner_uid": None,
        "parent": None,
        "out_of_view": [],
        "names": [],
        "held_by": [],
    }
    try:
        fd = open_namespace()
    except OSError:
        return record
    try:
        if os.fstat(fd).st_ino != inode:
            return record  # the process moved on between link and open
        record["id"] = id_of(fd)
        # The owner of a user namespace is its parent: user_namespaces(7).
        _relate(record, "owner", "user", fd, NS_GET_USERNS, above)
        if kind in _HIERARCHICAL:
            _relate(record, "parent", kind, fd, NS_GET_PARENT, above)
        if kind == "user":
            record["owner_uid"] = owner_uid(fd)
    finally:
        os.close(fd)
    return record


def was_opened(record: Namespace) -> bool:
    """True if the kernel has told something of the namespace, so that it could be opened. Linux 4.9."""
    return record["id"] is not None or record["owner"] is not None or bool(record["out_of_view"])


def _relate(
    record: Namespace,
    field: Literal["owner", "parent"],
    kind: KindName,
    fd: int,
    request: int,
    above: dict[NamespaceKey, Namespace] | None,
) -> None:
    """Put into the field the inode that an ioctl leads to, or the field's name into out_of_view.

    EPERM means both "not yours to see" and "there is none": the first namespace's parent.
    """
    try:
        other = fcntl.ioctl(fd, request)
    except OSError as error:
        if error.errno == errno.EPERM:
            record["out_of_view"].append(field)
        return
    try:
        inode = record[field] = os.fstat(other).st_ino
        if above is not None and (kind, inode) not in above:
            above[kind, inode] = describe(kind, inode, opener(other), record["device"], above)
    finally:
        os.close(other)


def owner_uid(fd: int) -> int | None:
    """The uid of the maker of a user namespace; the overflow uid if it has none here. None if the kernel does not
    tell."""
    try:
        return _number(fd, NS_GET_OWNER_UID, 4)
    except OSError:
        return None


def of_socket(pidfd: int, number: int) -> int:
    """An fd of the net namespace of a socket or tun device that another process has open as that number. Linux 5.6;
    of a tun device 4.10."""
    fd = linux.pidfd_getfd(pidfd, number)
    try:
        namespace: int = fcntl.ioctl(fd, SIOCGSKNS)
        return namespace
    finally:
        os.close(fd)


def inode_of(pid: int | str, kind: str) -> int | None:
    """The inode of a process's namespace. None if it can't be read, or the kernel has no such kind."""
    try:
        return os.stat("/proc/%s/ns/%s" % (pid, kind)).st_ino
    except OSError:
        return None


def opener(fd: int) -> Callable[[], int]:
    """A function that returns a copy of an fd."""
    return lambda: os.dup(fd)


def open_path(path: str, device: int) -> int:
    """An fd of the namespace that a link in /proc or a bind mount leads to. device: of nsfs.

    Raises OSError if the path leads to something else by now. That is not opened: with a device or a FIFO it may do
    harm.
    """
    if os.stat(path).st_dev != device:
        raise OSError(errno.ENOENT, "no namespace any more", path)
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def kind_of(fd: int) -> KindName:
    """The kind of the namespace of an fd. Raises OSError if it is of none. Linux 4.11."""
    return _KIND_OF_FLAG[fcntl.ioctl(fd, NS_GET_NSTYPE)]


def mount_namespace_id(fd: int) -> int:
    """The id of a mount namespace for listmount(2) and statmount(2). Linux 6.11."""
    return _number(fd, NS_GET_MNTNS_ID, 8)


def id_of(fd: int) -> int | None:
    """The kernel's id of a namespace, never used twice. None before Linux 6.18."""
    try:
        return _number(fd, NS_GET_ID, 8)
    except OSError:
        return None


def _number(fd: int, request: int, size: int) -> int:
    """The number that an ioctl writes."""
    return int.from_bytes(fcntl.ioctl(fd, request, bytes(size)), sys.byteorder)


def link(text: str | None) -> NamespaceKey | None:
    """(kind, inode) of the text of a link to a namespace, such as net:[4026532173]. None for another text, or None."""
    name, _, inode = (text or "")[:-1].partition(":[")
    kind = KIND.get(name)
    return (kind, int(inode)) if kind and inode.isdecimal() and text == "%s:[%s]" % (kind, inode) else None


def mounts(mountinfo: str) -> dict[NamespaceKey, list[str]]:
    """{(kind, inode): [path, ..]} of the namespaces bind-mounted in one mount namespace, from its mountinfo's text."""
    found: dict[NamespaceKey, list[str]] = {}
    for _, key, path in each_mount(mountinfo):
        paths = found.setdefault(key, [])
        if path not in paths:
            paths.append(path)
    return found


def each_mount(mountinfo: str) -> Iterator[tuple[int, NamespaceKey, str]]:
    """(id of the mount, (kind, inode), path) of each namespace that is mounted, from the text of a mountinfo."""
    if " - nsfs " not in mountinfo:
        return
    for line in mountinfo.split("\n"):
        if " - nsfs " in line:
            id, _, _, root, point = line.split(" ", 5)[:5]
            key = link(root)
            if key and id.isdecimal():
                yield int(id), key, unescaped(point)


def initial(
    kernel: tuple[int, ...], own_pid_namespace: int | None, of_kthreadd: Namespaces, of_pid_1: Namespaces
) -> dict[KindName, int | None]:
    """{kind: inode, None if not known} of the host's first namespaces.

    kernel: (major, minor). own_pid_namespace: the agent's. of_kthreadd, of_pid_1: the namespaces of those two, {} if
    not readable. Before Linux 6.18 the inodes of net and mnt differ from boot to boot: kthreadd's are the first ones,
    and pid 1's nearly always; from inside another pid namespace neither can be seen.
    """
    found: dict[KindName, int | None] = {**FIXED_INITIAL}
    if kernel >= (6, 18):
        found.update(FIXED_INITIAL_SINCE_6_18)
        return found
    seen: Namespaces = (of_kthreadd or of_pid_1) if own_pid_namespace == FIXED_INITIAL["pid"] else {}
    for kind in FIXED_INITIAL_SINCE_6_18:
        found[kind] = seen.get(kind)
    return found
