"""Changes for which no process has to run: its move to another cgroup by a third, and a new text in a file of state.

A process is moved by a write to `cgroup.procs` of the new cgroup, and each write to a file is told to the watchers of
its directory, whichever mount it was written through. So one watch a cgroup tells of all moves, and of the
cgroups made there. A container's name lies in its runtime's files; the directories that these were read from are
watched for those names. A container is frozen by a write to a file of its cgroup. Nothing is asked while nothing is
written.

The watch of a removed cgroup would stay for ever, and the cgroup in the kernel's memory with it: in its file system a
directory never has so few links as a removed one of others. So the watch of the cgroup above tells of it.

Not told: births in another cgroup than the parent's (the process connector tells), and moves by the kernel itself.
Sources: fs/read_write.c (vfs_write calls fsnotify_modify), kernel/cgroup/cgroup.c (cgroup_procs_write).
"""

from __future__ import annotations

import errno
import os
import time

from . import files, hostfiles, inotify, mountinfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .protocol import Process

_CGROUP = inotify.MODIFY | inotify.CREATE | inotify.MOVED_TO | inotify.DELETE
_STATE = inotify.CLOSE_WRITE | inotify.MOVED_TO | inotify.DELETE
_LISTS = (b"cgroup.procs", b"cgroup.threads", b"tasks")  # a process is moved by its number in one of these
_FREEZING = (b"cgroup.freeze", b"freezer.state")
_EVENTS = b"cgroup.events"  # of v2, which freezes a little later than it is told to
_STATES = 4096  # directories of state at the most: a user may have any number of directories that look like one
_LIMIT = 64 << 20  # bytes of a list


class Notices:
    """The watches of cgroups, once `begin` was called, and of files of state. `fileno` for poll.

    whole: every cgroup in view is watched. written: a file that names a container, or one that freezes its processes,
    was written.
    """

    def __init__(self) -> None:
        self._inotify = inotify.Inotify()
        self._cgroups: dict[int, tuple[str, str]] = {}  # {number: (its directory, its path)}
        self._numbers: dict[str, int] = {}  # {directory of a cgroup: number}
        self._todo: list[tuple[str, str]] = []  # cgroups that are not watched yet
        self._changed: set[int] = set()  # numbers of the cgroups that processes may have been moved to
        self._freezing: set[int] = set()  # numbers of the cgroups that were told to freeze, or to thaw
        self._states: dict[int, set[bytes]] = {}  # {number: names of files}
        self._most = inotify.most() // 4  # other programs of this user need some too
        self.whole = False
        self.written = False

    def fileno(self) -> int:
        return self._inotify.fileno()

    def begin(self) -> None:
        """Begin to watch all cgroups; `grow` does it."""
        mounts = mountinfo.parse(hostfiles.mounts())
        hidden = mountinfo.hidden(mounts)
        widest: dict[str, mountinfo.Mount] = {}
        for mount in mounts:
            if mount.fstype in ("cgroup", "cgroup2") and mount.id not in hidden:
                other = widest.setdefault(mount.device, mount)
                if len(mount.root) < len(other.root):
                    widest[mount.device] = mount
        self._todo = [(hostfiles.reached(mount.point), mount.root.rstrip("/")) for mount in widest.values()]
        self.whole = bool(self._todo)

    @property
    def growing(self) -> bool:
        """True if there are cgroups that are not watched yet."""
        return bool(self._todo)

    def grow(self, seconds: float) -> None:
        """Watch more of the cgroups, for so many seconds."""
        until = time.monotonic() + seconds
        while self._todo and time.monotonic() < until:
            directory, path = self._todo.pop()
            if len(self._cgroups) >= self._most:
                self._give_up()
                return
            try:
                number = self._inotify.watch(directory, _CGROUP)
                # From here on each move to it, and each cgroup made in it, is told.
                below = _directories(directory)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    self._give_up()
                continue  # gone just now
            self._drop(number)  # after a renaming the same directory is known by its old path
            self._cgroups[number] = directory, path
            self._numbers[directory] = number
            self._changed.add(number)
            self._todo += [(directory + "/" + name, path + "/" + name) for name in below]

    def _give_up(self) -> None:
        """Watch no further cgroups; their changes are seen by looks at everything."""
        self._todo.clear()
        self.whole = False

    def _drop(self, number: int) -> None:
        """Forget what is known by this number."""
        directory, _ = self._cgroups.pop(number, ("", ""))
        if self._numbers.get(directory) == number:
            del self._numbers[directory]
        self._changed.discard(number)
        self._freezing.discard(number)

    def note(self, directory: int, name: str) -> None:
        """Watch for the next change of the file of this name in this directory, an fd: a container is named by it."""
        if len(self._states) < _STATES:
            try:
                number = self._inotify.watch("/proc/self/fd/%d" % directory, _STATE)
            except OSError:
                return
            self._states.setdefault(number, set()).add(os.fsencode(name))

    def heard(self) -> bool:
        """Take the events; True if the kernel had to drop some."""
        events, lost = self._inotify.take()
        for number, mask, name in events:
            if mask & inotify.IGNORED:  # gone
                self._drop(number)
                self._states.pop(number, None)
            elif number in self._cgroups:
                if mask & inotify.DIRECTORY:
                    self._below(number, mask, name)
                elif name in _LISTS:
                    self._changed.add(number)
                elif name in _FREEZING:
                    self._freezing.add(number)
                    self.written = True
                elif name == _EVENTS and number in self._freezing:
                    self.written = True
            elif name in self._states.get(number, ()):
                self.written = True
        if lost and self.whole:
            for number, (directory, _) in self._cgroups.items():
                if not os.path.isdir(directory):
                    self._inotify.forget(number)
            self.begin()  # some that were made may not have been told
        return lost

    def _below(self, number: int, mask: int, name: bytes) -> None:
        """A cgroup was removed from that of this number, made in it, or renamed, as v1 allows: by that the processes in
        it and below have another cgroup."""
        directory, path = self._cgroups[number]
        directory += "/" + os.fsdecode(name)
        if not mask & inotify.DELETE:
            self._todo.append((directory, path + "/" + files.text(name)))
        elif directory in self._numbers:
            self._inotify.forget(self._numbers[directory])

    @property
    def changed(self) -> bool:
        """True if processes may have been moved."""
        return bool(self._changed)

    def moved(self, processes: Mapping[int, Process], seconds: float) -> set[int]:
        """The pids of these processes whose cgroup's list contradicts their records, by as many lists as can be read in
        so many seconds: the kernel may make each wait."""
        found: set[int] = set()
        until = time.monotonic() + seconds
        while self._changed and time.monotonic() < until:
            directory, path = self._cgroups[self._changed.pop()]
            listed = map(int, _listed(directory).split())
            found.update(pid for pid in listed if pid in processes and processes[pid]["cgroup"] != (path or "/"))
        return found


def _directories(directory: str) -> list[str]:
    """The names of the directories in a directory."""
    if os.stat(directory).st_nlink == 2:
        return []
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def _listed(directory: str) -> bytes:
    """The pids in a cgroup, as text; of a threaded one its threads alone can be had."""
    for name in ("/cgroup.procs", "/cgroup.threads"):
        try:
            return files.read(directory + name, _LIMIT)
        except OSError:
            continue
    return b""
