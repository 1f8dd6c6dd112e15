"""What an ipc namespace holds: sysvipc(7) by /proc/sysvipc, mq_overview(7) by the file system of its own.

Both are those of who opens them, so they are read from within. The queues' file system need not be mounted anywhere:
fsmount(2) gives one that no path leads to (Linux 5.2); before, what is mounted at /dev/mqueue is looked at.
"""

from __future__ import annotations

import os
import re

from nsview import linux

from .. import files, mountinfo, procfs
from .joined import within

LIMIT = 200  # of each sort
_BYTES = re.compile(rb"QSIZE:(\d+)")


def read(fd, initial):
    """{"queues": [..], "segments": [..], "semaphores": [..], "posix_queues": [..] or None, "total": {each: n}}

    posix_queues: None where they can't be seen. uids are as the agent's user namespace counts, pids as its /proc does.
    """
    found = within("ipc", fd, _look)
    if found["posix_queues"] is None:
        found["posix_queues"] = _mounted(fd)
    sorts = ("queues", "segments", "semaphores", "posix_queues")
    total = {sort: len(found[sort] or ()) for sort in sorts}
    return dict({sort: found[sort] and found[sort][:LIMIT] for sort in sorts}, total=total)


def _look():
    return {
        "queues": [
            {**_owned(row, "msqid"), "bytes": int(row["cbytes"]), "messages": int(row["qnum"])}
            for row in _table("msg")
        ],
        "segments": [
            {**_owned(row, "shmid"), "size": int(row["size"]), "attached": int(row["nattch"]), "pid": int(row["cpid"])}
            for row in _table("shm")
        ],
        "semaphores": [{**_owned(row, "semid"), "number": int(row["nsems"])} for row in _table("sem")],
        "posix_queues": _posix(),
    }


def _table(name):
    """[{column: text}, ..] of /proc/sysvipc/NAME."""
    header, *lines = files.text(files.read("/proc/sysvipc/" + name, 16 << 20)).split("\n")
    columns = header.split()
    return [dict(zip(columns, line.split())) for line in lines if line]  # noqa: B905  Python 3.8


def _owned(row, id):
    # The key is a signed number there, and unsigned everywhere else.
    key = int(row["key"]) & 0xFFFFFFFF
    return {"key": key, "id": int(row[id]), "mode": int(row["perms"], 8), "uid": int(row["uid"])}


def _posix():
    """[{"name", "bytes", "mode", "uid"}, ..] of the namespace of this thread, or None."""
    try:
        directory = linux.detached_mount("mqueue")
    except OSError:
        return None
    try:
        return _queues(directory)
    finally:
        os.close(directory)


def _mounted(fd):
    """The same where it is mounted in the process's own mount namespace: it may be another ipc namespace's."""
    points = [mount.point for mount in mountinfo.parse(mountinfo.read(".", fd)) if mount.fstype == "mqueue"]
    if "/dev/mqueue" not in points:
        return None
    try:
        root = os.open("root", os.O_PATH | os.O_DIRECTORY, dir_fd=fd)
        try:
            directory = linux.open_in_root(root, "/dev/mqueue", os.O_PATH | os.O_DIRECTORY)
        finally:
            os.close(root)
    except OSError:
        return None
    try:
        return _queues(directory) if linux.filesystem_magic(directory) == linux.MQUEUE_MAGIC else None
    except OSError:
        return None
    finally:
        os.close(directory)


def _queues(directory):
    listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory)
    try:
        names = sorted(os.listdir(listed), key=os.fsencode)
        return [queue for queue in (_queue(listed, name) for name in names) if queue]
    finally:
        os.close(listed)


def _queue(directory, name):
    try:
        status = os.stat(name, dir_fd=directory)
        match = _BYTES.search(procfs.read_at(directory, name, 256))
    except OSError:
        return None  # gone meanwhile, or another user's
    return {
        "name": "/" + files.text(os.fsencode(name)),
        "bytes": int(match.group(1)) if match else 0,
        "mode": status.st_mode & 0o777,
        "uid": status.st_uid,
    }
