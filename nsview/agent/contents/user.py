"""The maps of the ids of a user namespace. user_namespaces(7), proc_pid_setgroups(5).

The kernel writes a map for its reader: outside are the ids of the agent's user namespace, however many lie between.
"""

from __future__ import annotations

from .. import files, procfs
from ..users import id_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..protocol import Ids, KindName

_LIMIT = 1 << 16  # a map has at most 340 lines


def read(fd: int, initial: Mapping[KindName, int | None]) -> Ids:
    """The frame's record of the maps of a process's user namespace. fd: of its directory in /proc."""
    setgroups = files.text(procfs.read_at(fd, "setgroups", 16)).strip()
    uids, gids = (id_map(files.text(procfs.read_at(fd, name, _LIMIT))) for name in ("uid_map", "gid_map"))
    return {"uid_map": uids, "gid_map": gids, "setgroups": setgroups}
