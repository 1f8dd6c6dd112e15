"""The objects of an ipc namespace: sysvipc(7) by /proc/sysvipc, mq_overview(7) by the file system of its own.

Both show those of the process that opens them, so they are read from within. The queues' file system need not be
mounted anywhere: fsmount(2) gives one that no path leads to (Linux 5.2); before, the mount at /dev/mqueue is read.
"""

from __future__ import annotations

import os
import re

from nsview import linux

from .. import files, mountinfo, procfs
from .joined import within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..protocol import Ipc, KindName, Owned, PosixQueue, Queue, Segment, Semaphores

LIMIT = 200  # of each sort
_BYTES = re.compile(rb"QSIZE:(\d+)")


def read(fd: int, initial: Mapping[KindName, int | None]) -> Ipc:
    """The frame's record of the objects in a process's ipc namespace. fd: of its directory in /proc."""
    found = within("ipc", fd, _look)
    posix = _mounted(fd) if found["posix_queues"] is None else found["posix_queues"]
    queues, segments, semaphores = found["queues"], found["segments"], found["semaphores"]
    return {
        "queues": queues[:LIMIT],
        "segments": segments[:LIMIT],
        "semaphores": semaphores[:LIMIT],
        "posix_queues": posix and posix[:LIMIT],
        "total": {
            "queues": len(queues),
            "segments": len(segments),
            "semaphores": len(semaphores),
            "posix_queues": len(posix or ()),
        },
    }


def _look() -> Ipc:
    queues: list[Queue] = []
    for row in _table("msg"):
        queues.append({**_owned(row, "msqid"), "bytes": int(row["cbytes"]), "messages": int(row["qnum"])})
    segments: list[Segment] = []
    for row in _table("shm"):
        used = int(row["nattch"])
        segments.append({**_owned(row, "shmid"), "size": int(row["size"]), "attached": used, "pid": int(row["cpid"])})
    semaphores: list[Semaphores] = [{**_owned(row, "semid"), "number": int(row["nsems"])} for row in _table("sem")]
    return {
        "queues": queues, "segments": segments, "semaphores": semaphores, "posix_queues": _posix(), "total": {},
    }  # fmt: skip


def _table(name: str) -> list[dict[str, str]]:
    """[{column: text}, ..] of /proc/sysvipc/NAME."""
    header, *lines = files.text(files.read("/proc/sysvipc/" + name, 16 << 20)).split("\n")
    columns = header.split()
    return [dict(zip(columns, line.split())) for line in lines if line]  # noqa: B905  Python 3.8


def _owned(row: dict[str, str], id: str) -> Owned:
    key = int(row["key"]) & 0xFFFFFFFF  # signed in that file, and unsigned everywhere else
    return {"key": key, "id": int(row[id]), "mode": int(row["perms"], 8), "uid": int(row["uid"])}


def _posix() -> list[PosixQueue] | None:
    """The POSIX queues of this thread's namespace. None if they can't be seen."""
    try:
        directory = linux.detached_mount("mqueue")
    except OSError:
        return None
    try:
        return _queues(directory)
    finally:
        os.close(directory)


def _mounted(fd: int) -> list[PosixQueue] | None:
    """The POSIX queues in the process's own mount namespace, which may be another ipc namespace's. None if they are not
    mounted there."""
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


def _queues(directory: int) -> list[PosixQueue]:
    listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory)
    try:
        names = sorted(os.listdir(listed), key=os.fsencode)
        return [queue for queue in (_queue(listed, name) for name in names) if queue]
    finally:
        os.close(listed)


def _queue(directory: int, name: str) -> PosixQueue | None:
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
