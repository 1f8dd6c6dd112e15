"""Which processes may have run, by cgroup: where nothing has, none of its processes need be asked.

cpu.stat of a cgroup (v2, without any controller too) counts the processor time of all that is in it and below, exactly:
the kernel adds up what is outstanding when it is read. So one read of 1.1 µs stands for all processes below, where each
of their clocks is 0.9, and a branch that has not changed is left alone. Of one that has, cgroup.procs is read,
which tells at once of processes that were moved there; those it had before count too. One that is moved twice between
two passes, and runs only in between, is missed until a look at everything.

What lost: setns and unshare by perf's tracepoints or by BPF (system call tracepoints send every system call of every
process the long way round, function tracing is refused under lockdown, kprobes are not in every kernel).
Sources: Documentation/admin-guide/cgroup-v2.rst; kernel/cgroup/rstat.c (cgroup_base_stat_cputime_show), kernel/cgroup/
cgroup.c (cgroup_procs_show), fs/kernfs/inode.c (kernfs_refresh_inode: a directory's links count those below it).
"""

from __future__ import annotations

import contextlib
import os

from . import files, hostfiles, mountinfo

_LIMIT = 64 << 20  # bytes of a cgroup.procs
_STAT = 256  # bytes of a cpu.stat, more than its first lines, which tell the time
_NONE: frozenset[int] = frozenset()


class _Cgroup:
    """One cgroup. fd: of its cpu.stat; used: what that said last. procs, members: what cgroup.procs said last, and the
    pids in that. below: {name: _Cgroup}."""

    __slots__ = ("below", "fd", "members", "path", "procs", "used")

    def __init__(self, path):
        self.path = path
        self.below: dict[str, _Cgroup] = {}
        self.procs = b""
        self.members = _NONE
        self.fd = os.open(path + "/cpu.stat", os.O_RDONLY)
        self.used = files.peek(self.fd, _STAT)


class Tree:
    """The cgroups of a host, each known from when it was first seen.

    home: {pid: its cgroup}, of the processes that need not be asked unless `awake` names them.
    """

    def __init__(self, root, most):
        """root: where the very first cgroup is mounted. OSError where it can't be read, or has more than `most` below.

        After the first `awake` everything in it is known.
        """
        self.home: dict[int, _Cgroup] = {}
        self.number = 0
        self._most = most
        self._root = self._opened(root)

    def close(self):
        """Let go of it."""
        self._forget([self._root])

    def awake(self):
        """The pids of those that may have run since the last time, all that were never seen before included.

        OSError where it grew beyond `most`.
        """
        found: set[int] = set()
        # What is in the root itself is not counted, so whoever is moved there is to be known.
        changed = [self._root]
        while changed:  # no recursion: whom a cgroup is delegated to may go as deep as a path is long
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

    def _take_members(self, cgroup, found):
        """Read again who is in a cgroup; found: is given these and those who were in it before."""
        try:
            procs = files.read(cgroup.path + "/cgroup.procs", _LIMIT)
        except OSError:
            procs = b""  # gone just now, or threaded: its processes are then told of by one above it
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

    def _leave(self, cgroup, pids):
        for pid in pids:
            if self.home.get(pid) is cgroup:
                del self.home[pid]

    def _new(self, cgroup):
        """Those below a cgroup that were not known."""
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

    def _opened(self, path):
        if self.number > self._most:
            raise OSError(28, "more than %d cgroups" % self._most)
        cgroup = _Cgroup(path)
        self.number += 1
        return cgroup

    def _forget(self, cgroups, found=None):
        """These and all below them are gone; found: is given who was in them."""
        for cgroup in cgroups:  # grows as it goes
            os.close(cgroup.fd)
            self.number -= 1
            cgroups.extend(cgroup.below.values())
            self._leave(cgroup, cgroup.members)
            if found is not None:
                found |= cgroup.members


def root(pid):
    """Where the root of the v2 hierarchy is mounted, None where this process can't see it.

    pid: ours by the /proc that is read. In another pid namespace than that, cgroup.procs would speak of others.
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
