"""What the kernel tells of a namespace: owner, parent, id, and where it is bind-mounted.

Sources: ioctl_nsfs(2), include/uapi/linux/nsfs.h; NS_GET_ID came with Linux 6.18,
NS_GET_PID_FROM_PIDNS and NS_GET_PID_IN_PIDNS with 6.11, the others with 4.9 and 4.11.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from nsview.linux import NS_GET_NSTYPE

from .mountinfo import unescaped

NS_GET_USERNS = 0xB701
NS_GET_PARENT = 0xB702
NS_GET_OWNER_UID = 0xB704
NS_GET_PID_FROM_PIDNS = 0x8004B706
NS_GET_PID_IN_PIDNS = 0x8004B708
NS_GET_ID = 0x8008B70D
NS_GET_MNTNS_ID = 0x8008B705
_HIERARCHICAL = ("pid", "user")
_KIND_OF_FLAG = {
    0x00020000: "mnt",
    0x04000000: "uts",
    0x08000000: "ipc",
    0x20000000: "pid",
    0x40000000: "net",
    0x10000000: "user",
    0x02000000: "cgroup",
    0x00000080: "time",
}  # CLONE_NEW*

# Inodes of the first namespaces, fixed in the kernel (enum init_ns_ino; net and mnt since 6.18).
FIXED_INITIAL = {
    "ipc": 4026531839,
    "uts": 4026531838,
    "user": 4026531837,
    "pid": 4026531836,
    "cgroup": 4026531835,
    "time": 4026531834,
}
FIXED_INITIAL_SINCE_6_18 = {"net": 4026531833, "mnt": 4026531832}


def describe(kind, inode, open_namespace, device, above=None):
    """A namespace's frame record; what the kernel does not tell stays None.

    above: {(kind, inode): record} to which its owner, its parent and theirs are added, up to the edge of what we may
    see; no process need be in them. A namespace keeps those above it alive, so what is there is right as long as it
    lives itself.
    """
    record = {
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
            return record  # its process moved on between link and open
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


def was_opened(record):
    """The kernel has told something of the namespace; not so where it could not be opened. Linux 4.9."""
    return record["id"] is not None or record["owner"] is not None or bool(record["out_of_view"])


def _relate(record, field, kind, fd, request, above):
    """Put into the field the inode that an ioctl leads to, or its name into out_of_view.

    EPERM is the kernel's word both for "not yours to see" and for "there is none": the first namespace's parent.
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
            above[kind, inode] = describe(kind, inode, lambda: os.dup(other), record["device"], above)
    finally:
        os.close(other)


def owner_uid(fd):
    """Who made a user namespace, as a uid of ours; the overflow uid where it has none here."""
    try:
        return struct.unpack("=I", fcntl.ioctl(fd, NS_GET_OWNER_UID, bytes(4)))[0]
    except OSError:
        return None


def open_path(path: str, device: int) -> int:
    """An fd of the namespace that a link in /proc or a bind mount leads to. device: of nsfs.

    OSError where something else is there by now, which is not opened: with a device or a FIFO that may do harm.
    """
    if os.stat(path).st_dev != device:
        raise OSError(errno.ENOENT, "no namespace any more", path)
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def kind_of(fd):
    """What kind of namespace an fd is of; OSError where it is of none. Linux 4.11."""
    return _KIND_OF_FLAG[fcntl.ioctl(fd, NS_GET_NSTYPE)]


def mount_namespace_id(fd):
    """The id by which listmount(2) and statmount(2) know a mount namespace. Linux 6.11."""
    return struct.unpack("=Q", fcntl.ioctl(fd, NS_GET_MNTNS_ID, bytes(8)))[0]


def id_of(fd):
    """The kernel's id of a namespace, never used twice; None before Linux 6.18."""
    try:
        return struct.unpack("=Q", fcntl.ioctl(fd, NS_GET_ID, bytes(8)))[0]
    except OSError:
        return None


def mounts(mountinfo):
    """{(kind, inode): [path, ..]} of the namespaces bind-mounted in one mount namespace, from its mountinfo's text."""
    found: dict[tuple[str, int], list[str]] = {}
    for _, key, path in each_mount(mountinfo):
        paths = found.setdefault(key, [])
        if path not in paths:
            paths.append(path)
    return found


def each_mount(mountinfo):
    """(id of the mount, (kind, inode), path) of each of them."""
    if " - nsfs " not in mountinfo:
        return
    for line in mountinfo.split("\n"):
        if " - nsfs " in line:
            id, _, _, root, point = line.split(" ", 5)[:5]
            kind, _, inode = root[:-1].partition(":[")
            if inode.isdecimal() and id.isdecimal():
                yield int(id), (kind, int(inode)), unescaped(point)


def initial(kernel, own_pid_namespace, of_kthreadd, of_pid_1):
    """{kind: inode or None} of the host's first namespaces.

    kernel: (major, minor). of_kthreadd, of_pid_1: their {kind: inode} where readable, else {}. Before Linux 6.18 the
    inodes of net and mnt differ from boot to boot: kthreadd's are the first ones, and pid 1's nearly always; from
    inside another pid namespace neither can be seen.
    """
    found: dict[str, int | None] = {**FIXED_INITIAL}
    if kernel >= (6, 18):
        found.update(FIXED_INITIAL_SINCE_6_18)
        return found
    seen = (of_kthreadd or of_pid_1) if own_pid_namespace == FIXED_INITIAL["pid"] else {}
    for kind in FIXED_INITIAL_SINCE_6_18:
        found[kind] = seen.get(kind)
    return found
