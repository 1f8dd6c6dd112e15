"""The account USER[:GROUP] by a container's own /etc/passwd and /etc/group, as `docker exec --user` resolves it.

The files are the container's: they are read so that they can neither hang (a FIFO, a device), nor fill the memory, nor
lead out (a link), and are believed only about the container itself. Source: passwd(5), group(5), and moby/sys/user's
GetExecUser for telling a name from a number.
"""

from __future__ import annotations

import os

from nsview import linux
from nsview.agent.passwd import lines
from nsview.record import Record

from .failure import FAILED, NOTHING, USAGE, Failure
from .target import Followed

LIMIT = 1 << 20  # bytes of each file
_MOST = (1 << 31) - 1  # the largest id that docker takes


class Account(Record):
    """A user of a container by its own /etc/passwd and /etc/group. asked: USER[:GROUP] as it was given.

    Ids are those of the container's user namespace. home: None if /etc/passwd has none.
    """

    asked: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str | None = None


def of_process(pid: int, start: int, asked: str) -> Account:
    """The account by the files below a process's root directory. start: in clock ticks since boot.

    Raises Failure if the process is gone or has no such account.
    """
    followed = Followed(pid, start)
    try:
        root = followed.root()
        try:
            return resolve(asked, _text(root, "/etc/passwd"), _text(root, "/etc/group"))
        finally:
            os.close(root)
    finally:
        os.close(followed.directory)


def resolve(asked: str, passwd: str, group: str) -> Account:
    """The account by the text of both files. A number is never taken for a name; malformed lines are skipped; the
    first line that matches holds. Raises Failure if a name is in neither file."""
    user, separator, wanted_group = asked.partition(":")
    number = _number(user)
    if number is None and user.isascii() and user.isdecimal():
        raise Failure(USAGE, f"user {user} is no number of a user: they end at {_MOST}")
    name, uid, gid, home = None, number, 0, None
    for fields in lines(passwd, 7):
        if (fields[2] == str(number)) if number is not None else (fields[0] == user):
            ids = _number(fields[2]), _number(fields[3])
            if ids[0] is not None and ids[1] is not None:
                name, (uid, gid), home = fields[0], (ids[0], ids[1]), fields[5] or None
                break
    if uid is None or not user:
        raise Failure(NOTHING, f"user {user!r} is not in the container's /etc/passwd: give a number")
    if separator and wanted_group:
        return Account(asked, uid, _group(wanted_group, group), (), home)
    groups = []
    for fields in lines(group, 4):
        found = _number(fields[2])
        if found is not None and name in fields[3].split(","):
            groups.append(found)
    return Account(asked, uid, gid, tuple(dict.fromkeys(groups)), home)


def _group(wanted: str, group: str) -> int:
    number = _number(wanted)
    if number is not None:
        return number
    for fields in lines(group, 4):
        found = _number(fields[2])
        if fields[0] == wanted and found is not None:
            return found
    raise Failure(NOTHING, f"group {wanted!r} is not in the container's /etc/group: give a number")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 11 and int(text) <= _MOST else None


def _text(root: int, path: str) -> str:
    """The text of a file below a root directory, "" if there is none. Raises Failure if it is no small regular file."""
    try:
        fd = linux.open_file_in_root(root, path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Failure(FAILED, f"the container's {path} can't be read: {error.strerror}: give numbers") from None
    try:
        data = b""
        while len(data) <= LIMIT and (chunk := os.read(fd, 1 << 16)):
            data += chunk
    finally:
        os.close(fd)
    if len(data) > LIMIT:
        raise Failure(FAILED, f"the container's {path} is larger than {LIMIT} bytes: give numbers")
    return data.decode(errors="surrogateescape")
