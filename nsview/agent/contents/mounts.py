"""The mounts of a mount namespace, and how they differ from the host's.

Where the host has the same files is what tells a container's own from what it was given of the host's.
"""

from __future__ import annotations

from .. import hostfiles, mountinfo

LIMIT = 500  # mounts in an answer; those that the host has at the same place are left out first
MISSING_LIMIT = 50

_host: tuple[str, list[mountinfo.Mount]] = "", []  # the host's text, and what it says: it seldom changes


def read(fd, initial):
    """{"mounts": [..], "total": n, "missing": [point, ..], "missing_total": n, "host_known": bool}

    A mount: point, root, fstype, source, options, shared, master, unbindable as in mountinfo. hidden: no path leads to
    it. host_path: where the host has the same files, at the same place if it has them there, None: nowhere. host_peer:
    mounts made below it on the host appear here too. missing: where the host has one that is not here; nothing for who
    has another root altogether. host_known: the host's mounts could be read, without which none is known to be there.
    """
    own = mountinfo.parse(mountinfo.read(".", fd))
    known = _of_host(initial)
    host = known or []
    places = mountinfo.Places(host)
    groups = {mount.shared for mount in host if mount.shared}
    hidden = mountinfo.hidden(own)
    records = []
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


def _of_host(initial):
    """The mounts of the host's mount namespace; None where nobody in it may be looked at."""
    global _host
    found = hostfiles.host()
    if found.root is None and found.inode != initial.get("mnt"):
        return None
    text = hostfiles.mounts()
    if text != _host[0]:
        _host = text, mountinfo.parse(text)
    return _host[1]


def _missing(own, host):
    """Where the host has mounts that are not here; [] where the root is not the host's, and all would be missing."""
    tops = [{(m.device, m.root) for m in mounts if m.point == "/"} for mounts in (own, host)]
    if not tops[0] & tops[1]:
        return []
    here = {(mount.point, mount.device, mount.root) for mount in own}
    return [mount.point for mount in host if (mount.point, mount.device, mount.root) not in here]
