"""The user of a process: the uid that the agent sees and the one that the process sees itself, and the name of each.

A uid is an id of one user namespace, its name a line of one passwd. The host's ids have the host's names; an id inside
has the name in the passwd of the process's own root, which is the word of whoever runs there.
Sources: user_namespaces(7), passwd(5).
"""

from __future__ import annotations

import os

from . import files, hostfiles, nsfs, passwd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .protocol import Kind, Namespaces

_PASSWD_LIMIT = 256 << 10
_NAME_LIMIT = 256  # characters, LOGIN_NAME_MAX
_MAP_LIMIT = 64 << 10  # it has at most 340 lines


class Users:
    """A memory of maps and names. They are read at the first sight of a user namespace, or of a uid in a mount
    namespace; a process in our own user and pid namespaces costs nothing."""

    def __init__(self) -> None:
        self.own = nsfs.inode_of("self", "user")
        self._mnt = hostfiles.host().inode
        self.names: dict[int, str] = {}
        self._maps: dict[int, list[list[int]]] = {}
        self._inside: dict[int, dict[int, str | None]] = {}  # {mount namespace: {uid inside: name}}

    def name(self, uid: int) -> str:
        """The host's name of a uid; the number if it has none."""
        found = self.names.get(uid)
        if found is None:
            found = self.names[uid] = hostfiles.user_name(uid) or str(uid)
        return found

    def inside(self, uid: int, namespaces: Namespaces, below: bool, fd: int) -> tuple[int | None, str | None]:
        """(the uid as the process sees it, None if not known or not mapped; its name by the passwd of the process's
        root, None if not known or the same as outside).

        fd: of the process's directory. below: it is in a pid namespace below that of /proc.
        """
        user = namespaces.get("user")
        if user == self.own:
            return uid, self._name_inside(uid, namespaces.get("mnt"), fd) if below else None
        seen = self._mapped(uid, user, fd) if user is not None else None
        return seen, None if seen is None else self._name_inside(seen, namespaces.get("mnt"), fd)

    def forget(self, kind: Kind, inode: int) -> None:
        """Forget a namespace that is gone; the same inode is another's when it is seen again."""
        if kind == "user":
            self._maps.pop(inode, None)
        elif kind == "mnt":
            self._inside.pop(inode, None)

    def _mapped(self, uid: int, user: int, fd: int) -> int | None:
        ranges = self._maps.get(user)
        if ranges is None:
            try:
                ranges = id_map(files.text(files.read("uid_map", _MAP_LIMIT, fd)))
            except OSError:
                return None
            if ranges:  # before the map is written no process in there has an id
                self._maps[user] = ranges
        for first, outside, number in ranges:
            if outside <= uid < outside + number:
                return first + uid - outside
        return None

    def _name_inside(self, uid: int, mnt: int | None, fd: int) -> str | None:
        if mnt == self._mnt:
            name = self.name(uid)
            return None if name == str(uid) else name
        if mnt is None:
            return None
        known = self._inside.setdefault(mnt, {})
        if uid not in known:
            known[uid] = _read_name(uid, fd)
        return known[uid]


def id_map(text: str) -> list[list[int]]:
    """[[first inside, first outside, number], ..] of uid_map or gid_map; outside is as the reader counts."""
    return [[int(number) for number in line.split()] for line in text.split("\n") if line]


def _read_name(uid: int, fd: int) -> str | None:
    """The name of a uid of the process's user namespace by the passwd in its root. None if none can be read there."""
    try:
        root = os.open("root", os.O_PATH | os.O_DIRECTORY, dir_fd=fd)
        try:
            text = files.text(files.read_in_root(root, "/etc/passwd", _PASSWD_LIMIT))
        finally:
            os.close(root)
    except OSError:
        return None
    fields = passwd.of_uid(text, uid)
    return fields[0] if fields and 0 < len(fields[0]) <= _NAME_LIMIT else None
