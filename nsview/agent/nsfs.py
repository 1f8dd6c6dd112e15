"""What the kernel tells of a namespace: owner, parent, id, and where it is bind-mounted.

Sources: ioctl_nsfs(2), include/uapi/linux/nsfs.h; NS_GET_ID came with Linux 6.18, the others with 4.9 and 4.11.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct

NS_GET_USERNS = 0xB701
NS_GET_PARENT = 0xB702
NS_GET_NSTYPE = 0xB703
NS_GET_ID = 0x8008B70D
_HIERARCHICAL = ("pid", "user")

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

_NSFS_MOUNT = re.compile(r"^\S+ \S+ \S+ ([a-z]+):\[(\d+)\] (\S+) .* - nsfs ", re.MULTILINE)
_OCTAL = re.compile(r"\\([0-7]{3})")


def describe(kind, inode, open_namespace, device):
    """A namespace's frame record; what the kernel does not tell stays None."""
    record = {
        "type": kind,
        "inode": inode,
        "device": device,
        "id": None,
        "initial": False,
        "owner": None,
        "parent": None,
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
        record["id"] = _id(fd)
        record["owner"] = _related(fd, NS_GET_USERNS) if kind != "user" else _related(fd, NS_GET_PARENT)
        if kind in _HIERARCHICAL:
            record["parent"] = _related(fd, NS_GET_PARENT)
    finally:
        os.close(fd)
    return record


def _related(fd, request):
    """The inode of the namespace that an ioctl leads to; None at the edge of what we may see (EPERM)."""
    try:
        other = fcntl.ioctl(fd, request)
    except OSError:
        return None
    try:
        return os.fstat(other).st_ino
    finally:
        os.close(other)


def _id(fd):
    try:
        return struct.unpack("=Q", fcntl.ioctl(fd, NS_GET_ID, bytes(8)))[0]
    except OSError:
        return None


def mounts(mountinfo):
    """{(kind, inode): [path, ..]} of the namespaces bind-mounted in one mount namespace, from its mountinfo's text."""
    found: dict[tuple[str, int], list[str]] = {}
    if " - nsfs " not in mountinfo:
        return found
    for match in _NSFS_MOUNT.finditer(mountinfo):
        path = _OCTAL.sub(lambda octal: chr(int(octal.group(1), 8)), match.group(3))
        paths = found.setdefault((match.group(1), int(match.group(2))), [])
        if path not in paths:
            paths.append(path)
    return found


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
