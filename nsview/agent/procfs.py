"""One process, read through a directory fd of its own.

The fd pins the process: once its pid is gone or reused every read through it fails, so a record is never made of
two. Sources: proc(5), proc_pid_stat(5), proc_pid_status(5); the kernel's fs/proc/array.c.
"""

from __future__ import annotations

import errno
import os

from nsview import linux

from . import nsfs, outside, pid_levels, users
from .files import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .protocol import KindName, Namespaces, Process

KINDS: tuple[KindName, ...] = tuple(nsfs.KIND.values())
CMDLINE_LIMIT = 4096  # bytes; more than a screen can show

_STATUS_USUAL = 8192
_CGROUP_USUAL = 16384
_CGROUP_LIMIT = 1 << 17  # a path of up to 4,096 bytes for each hierarchy that cgroup v1 has
STATUS_LIMIT = 1 << 20  # one with the most groups there can be, 65,536
_LINKS = tuple((kind, "ns/" + kind) for kind in KINDS)
GONE = (errno.ENOENT, errno.ESRCH)
FORBIDDEN = (errno.EACCES, errno.EPERM)


def errno_name(error: OSError) -> str:
    """The name of an error's number, such as EACCES."""
    return errno.errorcode.get(error.errno or 0, "EIO")


class Vanished(Exception):
    """The process exited while it was read."""


class Reader:
    """A reader of the processes below one /proc, with a memory of what many of them share: user names and link texts.

    witnesses: the processes that may prove the namespaces of protected ones (see `outside`), by their names in /proc;
    none if this process may not trace any other.

    on_namespace(kind, inode, open_namespace) is called at the first sight of a namespace, while the process through
    which it was seen is at hand; open_namespace() returns an fd of it or raises OSError. If it returns False, as the
    process has exited just then, the next process in that namespace is a first sight too.
    """

    def __init__(
        self, proc: str = "/proc", on_namespace: Callable[[KindName, int, Callable[[], int]], bool] | None = None
    ) -> None:
        self.proc_fd = os.open(proc, os.O_PATH | os.O_DIRECTORY)
        self.on_namespace = on_namespace
        self.witnesses: tuple[int | str, ...] = ()
        self.users = users.Users()
        self._inodes: dict[str, int] = {}  # by the text of a link
        self._alike: dict[tuple[str, ...], Namespaces] = {}  # by the texts of all links: one object for many processes
        self.links = tuple(link for link in _LINKS if _readable_link(link[1]))
        self._paths = [path for _, path in self.links]
        self.levels = pid_levels.Levels(self._own_pid_namespace())

    def close(self) -> None:
        os.close(self.proc_fd)

    def pids(self) -> list[int]:
        """All pids, in ascending order."""
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.proc_fd)
        try:
            return sorted(int(name) for name in os.listdir(fd) if name.isdigit())
        finally:
            os.close(fd)

    def process(self, pid: int) -> tuple[Process, bytes]:
        """(record, cgroup bytes) of one process; the record is a frame's, less what `scan` adds. Raises Vanished."""
        try:
            fd = os.open(str(pid), os.O_PATH | os.O_DIRECTORY, dir_fd=self.proc_fd)
        except OSError as error:
            if error.errno in GONE:
                raise Vanished from None
            raise
        try:
            try:
                return self._process(pid, fd)
            except PermissionError as error:
                return self._forbidden(pid, fd, error), b""
        except OSError as error:
            if error.errno in GONE:
                raise Vanished from None
            raise
        finally:
            os.close(fd)

    def _process(self, pid: int, fd: int) -> tuple[Process, bytes]:
        comm, fields = _stat(fd)
        kthread = bool(int(fields[6]) & linux.PF_KTHREAD)
        namespaces, unreadable = self._namespaces(pid, fd, fields[0])
        if unreadable and self.witnesses:
            comm, fields = _stat(fd)  # a process that exits is refused for a moment: it may be a zombie by now
        if unreadable and fields[0] == b"Z" and int(fields[17]) < 2:
            unreadable = "ENOENT"  # given up by exiting, whatever error a look at it gives; no thread of it goes on
        elif unreadable and self.witnesses:
            namespaces = {**outside.shared(fd, self.witnesses), **namespaces}
        nspid = self.levels.of(pid, fd, namespaces.get("pid"))
        uid = os.fstat(fd).st_uid  # the effective one's, whatever else in /proc belongs to root: proc(5)
        nspid = nspid or nspid_of(fd) or [pid]
        uid_inside: int | None = uid
        user_inside = None
        if len(nspid) > 1 or namespaces.get("user") != self.users.own:
            uid_inside, user_inside = self.users.inside(uid, namespaces, len(nspid) > 1, fd)
        record: Process = {
            "pid": pid,
            "ppid": int(fields[1]),
            "start": int(fields[19]),
            "uid": uid,
            "user": self.users.names.get(uid) or self.users.name(uid),
            "uid_inside": uid_inside,
            "user_inside": user_inside,
            "state": fields[0].decode("ascii"),
            "comm": text(comm),
            "cmdline": [] if kthread else _arguments(read_at(fd, "cmdline", CMDLINE_LIMIT)),
            "nspid": nspid,
            "namespaces": namespaces,
            "container": None,
            "unreadable": unreadable,
            "cgroup": "",
            "kthread": kthread,
        }
        try:
            # The last read: all facts asked for by pid are true if this is still the same process.
            cgroup = cgroup_at(fd)
        except OSError as error:
            if error.errno in GONE:
                raise
            cgroup = b""
        return record, cgroup

    def _forbidden(self, pid: int, fd: int, error: OSError) -> Process:
        """The record of a process of which only the pid may be known (hidepid=1 of proc(5))."""
        uid = os.fstat(fd).st_uid
        return {
            "pid": pid,
            "ppid": 0,
            "start": 0,
            "uid": uid,
            "user": self.users.name(uid),
            "uid_inside": None,
            "user_inside": None,
            "state": "?",
            "comm": "?",
            "cmdline": [],
            "nspid": [pid],
            "namespaces": {},
            "container": None,
            "unreadable": errno_name(error),
            "cgroup": "",
            "kthread": False,
        }

    def _namespaces(self, pid: int, fd: int, state: bytes) -> tuple[Namespaces, str | None]:
        """(namespaces, None or the errno's name if some could not be read)."""
        try:
            texts = tuple([os.readlink(path, dir_fd=fd) for path in self._paths])
        except OSError as error:
            if error.errno in FORBIDDEN:
                # The kernel checks the process as a whole, so the other links may not be read either.
                return {}, errno_name(error)
            return self._namespaces_left(pid, fd, state)
        found = self._alike.get(texts)
        if found is None:
            found = {}
            for (kind, path), target in zip(self.links, texts):  # noqa: B905  Python 3.8
                inode = self._inodes.get(target)
                found[kind] = self._first_sight(kind, path, target, fd) if inode is None else inode
            if all(target in self._inodes for target in texts):
                self._alike[texts] = found
        return found, None

    def _namespaces_left(self, pid: int, fd: int, state: bytes) -> tuple[Namespaces, str | None]:
        """Like _namespaces, for an exiting process that has lost some of its links."""
        found: Namespaces = {}
        unreadable = None
        for kind, path in self.links:
            try:
                target = os.readlink(path, dir_fd=fd)
            except OSError as error:
                if error.errno in FORBIDDEN:
                    return found, errno_name(error)
                unreadable = errno_name(error)
                continue
            inode = self._inodes.get(target)
            if inode is None:
                inode = self._first_sight(kind, path, target, fd)
            found[kind] = inode
        if unreadable and state == b"Z":
            found.update(self._of_live_thread(pid, fd, found))
            if len(found) == len(self.links):
                unreadable = None
        return found, unreadable

    def _first_sight(self, kind: KindName, path: str, target: str, fd: int) -> int:
        inode = int(target[target.index("[") + 1 : -1])
        if not self.on_namespace or self.on_namespace(kind, inode, lambda: os.open(path, os.O_RDONLY, dir_fd=fd)):
            self._inodes[target] = inode
        return inode

    def see(self, pid: int, namespaces: Namespaces) -> bool:
        """Have the first sights of the namespaces of a process that another reader has read. True if none is left for
        the next process in them."""
        left = False
        for kind, inode in namespaces.items():
            target = "%s:[%d]" % (kind, inode)
            if target not in self._inodes:
                self._first_sight(kind, "%d/ns/%s" % (pid, kind), target, self.proc_fd)
                left = left or target not in self._inodes
        return not left

    def forget(self, kind: KindName, inode: int) -> None:
        """Forget a namespace that is gone; the same inode seen again is a new one."""
        self.users.forget(kind, inode)
        if self._inodes.pop("%s:[%d]" % (kind, inode), None):
            self._alike.clear()

    def _of_live_thread(self, pid: int, fd: int, found: Namespaces) -> Namespaces:
        """The namespaces that an exited leader has lost and a thread of its process still has (pthread_exit in
        main)."""
        try:
            tasks = os.open("task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        except OSError:
            return {}
        try:
            for tid in os.listdir(tasks):
                if int(tid) == pid:
                    continue
                links: Namespaces = {}
                for kind, path in self.links:
                    if kind in found:
                        continue
                    try:
                        target = os.readlink(tid + "/" + path, dir_fd=tasks)
                    except OSError:
                        break
                    inode = self._inodes.get(target)
                    links[kind] = self._first_sight(kind, tid + "/" + path, target, tasks) if inode is None else inode
                if links:
                    return links
        except OSError:
            pass
        finally:
            os.close(tasks)
        return {}

    def _own_pid_namespace(self) -> int | None:
        """The inode of this process's pid namespace. None if /proc shows the pids of another pid namespace."""
        try:
            fd = os.open("self", os.O_PATH | os.O_DIRECTORY, dir_fd=self.proc_fd)
        except OSError:
            return None
        try:
            if nspid_of(fd) == [os.getpid()]:
                return os.stat("ns/pid", dir_fd=fd).st_ino
        except OSError:
            pass
        finally:
            os.close(fd)
        return None


def nspid_of(fd: int) -> list[int]:
    """The pid of a process in each pid namespace from that of /proc to its own, by its status; [] if that has none."""
    for limit in (_STATUS_USUAL, STATUS_LIMIT):
        # The name's newlines are escaped by the kernel in status (not in stat), so a line's start is really one.
        _, _, rest = read_at(fd, "status", limit).partition(b"\nNSpid:\t")
        pids, end, _ = rest.partition(b"\n")
        if end:
            return [int(number) for number in pids.split(b"\t")]
    return []


def read_at(fd: int, name: str, limit: int) -> bytes:
    """Up to limit bytes of a small file below a directory fd, in one read."""
    file = os.open(name, os.O_RDONLY, dir_fd=fd)
    try:
        return os.read(file, limit)
    finally:
        os.close(file)


def cgroup_at(fd: int) -> bytes:
    """A process's cgroup, whole: one that is cut off would lack hierarchies."""
    text = read_at(fd, "cgroup", _CGROUP_USUAL)
    return text if len(text) < _CGROUP_USUAL else read_at(fd, "cgroup", _CGROUP_LIMIT)


def _stat(fd: int) -> tuple[bytes, list[bytes]]:
    """(name, the fields behind it up to the start) of a process's stat."""
    stat = read_at(fd, "stat", 1024)
    # The name may hold anything, ") R 1" included: the last parenthesis ends it.
    end = stat.rindex(b")")
    return stat[stat.index(b"(") + 1 : end], stat[end + 2 :].split(b" ", 20)


def stat_fields(fd: int) -> list[bytes]:
    """The fields of a process's stat behind its name, as linux.stat_fields gives them."""
    return linux.stat_fields(read_at(fd, "stat", 1024))


def thread_group(word: str) -> int | None:
    """The pid of the process of a thread id (the same for a first thread). None if the word is no thread's number."""
    if not (word.isascii() and word.isdecimal() and len(word) < 11):
        return None
    try:
        with open("/proc/%d/status" % int(word), "rb") as status:
            return next(int(line[6:]) for line in status if line.startswith(b"Tgid:\t"))
    except (OSError, StopIteration):
        return None


def live_thread(fd: int) -> int:
    """The id of a thread that goes on after the leader of its process, open as fd, has exited; 0 if none does."""
    try:
        tasks = os.open("task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
    except OSError:
        return 0
    try:
        for tid in os.listdir(tasks):
            try:
                stat = read_at(tasks, tid + "/stat", 1024)
            except OSError:
                continue
            if linux.stat_fields(stat)[0] not in (b"Z", b"X"):
                return int(tid)
    finally:
        os.close(tasks)
    return 0


def _arguments(data: bytes) -> list[str]:
    """The arguments of a command line; one that was cut ends in an ellipsis.

    A process may overwrite its own (setproctitle): then there is one argument, padded with NULs.
    """
    if not data:
        return []
    arguments = [text(argument) for argument in data.rstrip(b"\0").split(b"\0")]
    if len(data) == CMDLINE_LIMIT:
        arguments[-1] += "…"
    return arguments


def _readable_link(path: str) -> bool:
    try:
        os.readlink("/proc/self/" + path)
    except OSError:
        return False
    return True
