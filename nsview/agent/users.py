"""The user of a process: the uid that the agent sees and the one that the process sees itself, and the name of each.

A uid is an id of one user namespace, its name a line of one passwd. The host's ids have the host's names; an id inside
has the name in the passwd of the process's own root, which is the word of whoever runs there.
Sources: user_namespaces(7), passwd(5).
"""

from __future__ import annotations

import os

from nsview import linux

from . import files, hostfiles, nsfs, passwd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .protocol import KindName, Namespaces

_PASSWD_LIMIT = 256 << 10
_NAME_LIMIT = 256  # characters, LOGIN_NAME_MAX
_FILES = 1000  # files whose names are kept
_MAP_LIMIT = 64 << 10  # bytes of a uid_map, which has at most 340 lines


class Users:
    """A memory of maps and names. They are read at the first sight of a user namespace, or of a uid in a mount
    namespace; a process in our own user and pid namespaces costs nothing."""

    def __init__(self) -> None:
        self.own = nsfs.inode_of("self", "user")
        self._mnt = hostfiles.host().inode
        self.names: dict[int, str] = {}
        self._maps: dict[int, list[list[int]]] = {}
        self._inside: dict[int, dict[int, str | None]] = {}  # {mount namespace: {uid inside: name}}
        # {passwd: {uid inside: name}}: a thousand mount namespaces may see one file.
        self._by_file: dict[tuple[int, ...], dict[int, str | None]] = {}

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

    def forget(self, kind: KindName, inode: int) -> None:
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
            known[uid] = self._read_name(uid, fd)
        return known[uid]

    def _read_name(self, uid: int, fd: int) -> str | None:
        """The name of a uid by the passwd in the process's root. None if none can be read there."""
        root = place = None
        try:
            root = os.open("root", os.O_PATH | os.O_DIRECTORY, dir_fd=fd)
            place = linux.open_in_root(root, "/etc/passwd", os.O_PATH)
            seen = os.fstat(place)
            if len(self._by_file) >= _FILES:
                self._by_file.clear()
            known = self._by_file.setdefault((seen.st_dev, seen.st_ino, seen.st_ctime_ns), {})
            if uid not in known:
                file = linux.open_for_reading(place, "/etc/passwd")
                known[uid] = _name(uid, files.text(files.rest(file, _PASSWD_LIMIT)))
            return known[uid]
        except OSError:
            return None
        finally:
            for opened in (root, place):
                if opened is not None:
                    os.close(opened)


def id_map(text: str) -> list[list[int]]:
    """[[first inside, first outside, number], ..] of uid_map or gid_map; outside is as the reader counts."""
    return [[int(number) for number in line.split()] for line in text.split("\n") if line]


def _name(uid: int, text: str) -> str | None:
    fields = passwd.of_uid(text, uid)
    return fields[0] if fields and 0 < len(fields[0]) <= _NAME_LIMIT else None
