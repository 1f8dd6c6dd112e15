"""The mounts of a mount namespace, and their differences from the host's.

The host's path of the same files, if it has one, tells a container's own mounts from those that it was given.
"""

from __future__ import annotations

from .. import hostfiles, mountinfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..protocol import KindName, MountEntry, Mounts

LIMIT = 500  # mounts in an answer; mounts that the host has at the same place are left out first
MISSING_LIMIT = 50

_host: tuple[str, list[mountinfo.Mount]] = "", []  # the host's text and its mounts, which seldom change


def read(fd: int, initial: Mapping[KindName, int | None]) -> Mounts:
    """The frame's record of a process's mounts. fd: of its directory in /proc."""
    own = mountinfo.parse(mountinfo.read(".", fd))
    known = _of_host(initial)
    host = known or []
    places = mountinfo.Places(host)
    groups = {mount.shared for mount in host if mount.shared}
    hidden = mountinfo.hidden(own)
    records: list[MountEntry] = []
    for mount in own:
        paths = places.paths(mount)
        path = mount.point if mount.point in paths else next(iter(paths), None)
        records.append(
            {
                "point": mount.point,
                "root": mount.root,
                "fstype": mount.fstype,
                "source": mount.source,
                "options": list(mount.options),
                "shared": mount.shared,
                "master": mount.master,
                "unbindable": mount.unbindable,
                "hidden": mount.id in hidden,
                "host_path": path,
                "host_peer": mount.shared in groups or mount.master in groups,
            }
        )
    missing = _missing(own, host)
    if len(records) > LIMIT:
        differing = sorted(range(len(records)), key=lambda n: records[n]["host_path"] == records[n]["point"])
        kept = [records[number] for number in sorted(differing[:LIMIT])]
    else:
        kept = records
    return {
        "mounts": kept,
        "total": len(records),
        "missing": missing[:MISSING_LIMIT],
        "missing_total": len(missing),
        "host_known": known is not None,
    }


def _of_host(initial: Mapping[KindName, int | None]) -> list[mountinfo.Mount] | None:
    """The mounts of the host's mount namespace. None if no process in it may be looked at."""
    global _host
    found = hostfiles.host()
    if found.root is None and found.inode != initial.get("mnt"):
        return None
    text = hostfiles.mounts()
    if text != _host[0]:
        _host = text, mountinfo.parse(text)
    return _host[1]


def _missing(own: Iterable[mountinfo.Mount], host: Iterable[mountinfo.Mount]) -> list[str]:
    """The host's mount points without a mount here; [] if the root is not the host's, and all would be missing."""
    tops = [{(m.device, m.root) for m in mounts if m.point == "/"} for mounts in (own, host)]
    if not tops[0] & tops[1]:
        return []
    here = {(mount.point, mount.device, mount.root) for mount in own}
    return [mount.point for mount in host if (mount.point, mount.device, mount.root) not in here]
