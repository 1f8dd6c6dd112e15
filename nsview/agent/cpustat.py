"""The processes that may have run, by cgroup: if nothing in a cgroup has, none of its processes need be asked.

cpu.stat of a cgroup (v2, without any controller too) counts the processor time of all that is in it and below, exactly:
the kernel adds up what is outstanding when it is read. So one read stands for the clocks of all processes below, and a
branch that has not changed is left alone. Of one that has, cgroup.procs is read, which tells at once of processes that
were moved there; its members before that count too. A process that is moved twice between two passes, and runs only in
between, is missed until a look at everything.

Sources: Documentation/admin-guide/cgroup-v2.rst; kernel/cgroup/rstat.c (cgroup_base_stat_cputime_show), kernel/cgroup/
cgroup.c (cgroup_procs_show), fs/kernfs/inode.c (kernfs_refresh_inode: a directory's links count those below it).
"""

from __future__ import annotations

import contextlib
import os

from . import files, hostfiles, mountinfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_LIMIT = 64 << 20  # bytes of a cgroup.procs
_STAT = 256  # bytes of a cpu.stat, more than its first lines, which tell the time
_NONE: frozenset[int] = frozenset()


class _Cgroup:
    """One cgroup. fd: of its cpu.stat; used: the last bytes of that. procs: the last bytes of cgroup.procs; members:
    the pids in them. below: {name: _Cgroup}."""

    __slots__ = ("below", "fd", "members", "path", "procs", "used")

    def __init__(self, path: str) -> None:
        self.path = path
        self.below: dict[str, _Cgroup] = {}
        self.procs = b""
        self.members = _NONE
        self.fd = os.open(path + "/cpu.stat", os.O_RDONLY)
        self.used = files.peek(self.fd, _STAT)


class Tree:
    """The cgroups of a host, each known since it was first seen.

    home: {pid: its cgroup}, of the processes that need not be asked unless `awake` names them.
    """

    def __init__(self, root: str, most: int) -> None:
        """root: the mount point of the very first cgroup. Raises OSError if it can't be read, or has more than `most`
        below.

        After the first `awake` everything in it is known.
        """
        self.home: dict[int, _Cgroup] = {}
        self.number = 0
        self._most = most
        self._root = self._opened(root)

    def close(self) -> None:
        """Close all files."""
        self._forget([self._root])

    def awake(self) -> set[int]:
        """The pids of the processes that may have run since the last call, including all that were never seen before.
        Raises OSError if the tree grew beyond `most`."""
        found: set[int] = set()
        # Processes in the root itself are not counted, so those moved there must be known.
        changed = [self._root]
        while changed:  # no recursion: a user with a delegated cgroup may go as deep as a path is long
            cgroup = changed.pop()
            self._take_members(cgroup, found)
            ended = []
            for name, child in cgroup.below.items():
                used = files.peek(child.fd, _STAT)
                if not used:
                    ended.append(name)
                elif used != child.used:
                    child.used = used
                    changed.append(child)
            self._forget([cgroup.below.pop(name) for name in ended], found)
            changed += self._new(cgroup)
        return found

    def _take_members(self, cgroup: _Cgroup, found: set[int]) -> None:
        """Read the members of a cgroup again, and add them and the members before to `found`."""
        try:
            procs = files.read(cgroup.path + "/cgroup.procs", _LIMIT)
        except OSError:
            procs = b""  # gone just now, or threaded: a cgroup above it then has its processes
        if procs != cgroup.procs:
            before, now = cgroup.members, frozenset(map(int, procs.split()))
            cgroup.procs, cgroup.members = procs, now
            if cgroup is self._root:
                for pid in now - before:
                    self.home.pop(pid, None)
            else:
                self._leave(cgroup, before - now)
                self.home.update(dict.fromkeys(now, cgroup))
            found |= before
        found |= cgroup.members

    def _leave(self, cgroup: _Cgroup, pids: Iterable[int]) -> None:
        for pid in pids:
            if self.home.get(pid) is cgroup:
                del self.home[pid]

    def _new(self, cgroup: _Cgroup) -> list[_Cgroup]:
        """The cgroups below a cgroup that were not known."""
        below = cgroup.below
        try:
            if os.stat(cgroup.path).st_nlink - 2 == len(below):
                return []  # each that is known is there still, so these are all
            with os.scandir(cgroup.path) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return []  # gone just now
        found = []
        for name in names:
            if name not in below:
                with contextlib.suppress(FileNotFoundError):
                    below[name] = self._opened("%s/%s" % (cgroup.path, name))
                    found.append(below[name])
        return found

    def _opened(self, path: str) -> _Cgroup:
        if self.number > self._most:
            raise OSError(28, "more than %d cgroups" % self._most)
        cgroup = _Cgroup(path)
        self.number += 1
        return cgroup

    def _forget(self, cgroups: list[_Cgroup], found: set[int] | None = None) -> None:
        """Forget these cgroups and all below them, as they are gone, and add their members to `found`."""
        for cgroup in cgroups:  # grows as it goes
            os.close(cgroup.fd)
            self.number -= 1
            cgroups.extend(cgroup.below.values())
            self._leave(cgroup, cgroup.members)
            if found is not None:
                found |= cgroup.members


def root(pid: int) -> str | None:
    """The mount point of the root of the v2 hierarchy. None if this process can't see it.

    pid: this process's in the /proc that is read. In another pid namespace than that, cgroup.procs would have other
    pids.
    """
    if pid != os.getpid():
        return None
    mounts = mountinfo.parse(hostfiles.mounts())
    hidden = mountinfo.hidden(mounts)
    for mount in hostfiles.hierarchies(mounts).get("", ()):
        # cgroup.events is in every cgroup but the very first: in a cgroup namespace another one is called "/".
        if mount.id not in hidden and not os.path.exists(mount.point + "/cgroup.events"):
            return mount.point
    return None
