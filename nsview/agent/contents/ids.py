"""How the ids of a user namespace are those of another. user_namespaces(7), proc_pid_setgroups(5).

The kernel writes a map for who opens it: outside are the ids of the agent's user namespace, however many lie between.
"""

from __future__ import annotations

from .. import files, procfs
from ..users import id_map

_LIMIT = 1 << 16  # a map has at most 340 lines


def read(fd, initial):
    """{"uid_map": [[first inside, first outside, how many], ..], "gid_map": .., "setgroups": "allow" or "deny"}"""
    setgroups = files.text(procfs.read_at(fd, "setgroups", 16)).strip()
    uids, gids = (id_map(files.text(procfs.read_at(fd, name, _LIMIT))) for name in ("uid_map", "gid_map"))
    return {"uid_map": uids, "gid_map": gids, "setgroups": setgroups}
