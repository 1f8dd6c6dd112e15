"""The holders of namespaces: the things that keep a namespace alive besides its member processes.

Threads that left their process's namespaces, open files and sockets, bind mounts in other mount namespaces, and the
namespaces in store for a process's children. To see these takes a look at every thread and fd: more than a scan of all
processes, several times as much on a host of servers (bench/facts.py). So it is no part of a scan: a `Search` is
made when it is asked for, in slices as short as its caller wishes, and its `Sighting`s are kept until the next.

Sources: proc_pid_fd(5), proc_pid_fdinfo(5), proc_pid_task(5), namespaces(7), pidfd_getfd(2) and the SIOCGSKNS of
socket(7)'s and a tun device's net namespace (Linux 5.6 and 4.10), SO_NETNS_COOKIE (5.14), listmount(2) and statmount(2)
(6.11), NS_MNT_GET_NEXT (6.12, ioctl_nsfs(2)).
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import sys
import time

from nsview import linux

from . import files, hostfiles, mountinfo, nsfs, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .procfs import Reader
    from .protocol import Holder, KindName, Look, Namespace, NamespaceKey, Namespaces

KINDS = ("thread", "for_children", "fd", "socket", "mount")
"""The kinds of holder that a search looks for; `process`, `child` and the mounts of the host's mount namespace are
known by every look."""

HOLDERS_LIMIT = 1000  # of one namespace; one process may have a million fds of it

SO_NETNS_COOKIE = 71
NS_MNT_GET_NEXT = 0x8010B70B
NS_MNT_GET_PREV = 0x8010B70C
_INODES = range(0xEFFFFFF0, 1 << 32)  # of nsfs; a file of another file system may have such a one, but seldom has

# Neither the pid nor the user namespace can be left by one thread of several: setns(2), unshare(2).
_OF_THREADS: tuple[KindName, ...] = ("mnt", "uts", "ipc", "net", "cgroup", "time")
_FOR_CHILDREN: tuple[KindName, ...] = ("pid", "time")


class Sighting:
    """One holder of one namespace, and the way to open the namespace through it.

    start: of the holder's process, so that another's of the same pid is not taken for it.
    """

    __slots__ = ("device", "holder", "inode", "start")

    def __init__(self, holder: Holder, start: int, inode: int, device: int) -> None:
        self.holder = holder
        self.start = start
        self.inode = inode
        self.device = device

    def open(self) -> int:
        """An fd of the namespace. Raises OSError if this holds it no more."""
        holder, pid = self.holder, self.holder["pid"]
        if pid is None:
            raise OSError(errno.ENOENT, "no process leads to it")
        if holder["kind"] == "socket":
            fd = _namespace_of_socket(pid, holder["fd"], thread_in(holder.get("path", "")))
        elif holder["kind"] == "mount":
            fd = _open_mounted(pid, holder["path"], self.device)
        else:
            path = holder["path"] if "path" in holder else "/proc/%d/fd/%d" % (pid, holder["fd"])
            fd = nsfs.open_path(path, self.device)
        if os.fstat(fd).st_ino != self.inode:
            os.close(fd)
            raise OSError(errno.ENOENT, "holds another one now")
        return fd

    def holds(self) -> bool:
        """True if it still keeps the namespace alive."""
        try:
            os.close(self.open())
        except OSError:
            return self.holder["kind"] == "mount" and self._is_mounted()
        return True

    def _is_mounted(self) -> bool:
        """True if the namespace is mounted there, though another mount may lie over it."""
        pid = self.holder["pid"]
        try:
            found = nsfs.each_mount(mountinfo.read(pid) if pid else "")
        except OSError:
            return False
        return any(inode == self.inode and path == self.holder["path"] for _, (_, inode), path in found)


class Listed(Sighting):
    """A mount that the kernel's list alone tells of: no process sees it. ids: of its mount namespace, and its own."""

    __slots__ = ("ids",)

    def __init__(self, ids: tuple[int, int], holder: Holder, inode: int, device: int) -> None:
        super().__init__(holder, 0, inode, device)
        self.ids = ids

    def _is_mounted(self) -> bool:
        try:
            return linux.statmount(*self.ids)[2].endswith(b"[%d]" % self.inode)
        except OSError:
            return False


def opened(ways: Iterable[Callable[[], int]], inode: int) -> int:
    """An fd of the namespace of an inode, through the first way that leads to it. Raises OSError if none does."""
    for way in ways:
        try:
            fd = way()
        except OSError:
            continue
        if os.fstat(fd).st_ino == inode:
            return fd
        os.close(fd)
    raise OSError(errno.ENOENT, "nothing leads to it")


class Search:
    """One search of everything that runs. `step` until it returns True; then found, records and counts are whole.

    found: the sightings by key. records: of the namespaces that the look does not know. processes: the number searched.
    unreadable: {errno's name: the number that could not be searched, or not wholly}. listed: keys of mount namespaces
    that exist, and that nothing holds as far as can be seen. left_out: the number of holders beyond HOLDERS_LIMIT of
    one namespace.
    """

    def __init__(self, look: Look, reader: Reader, device: int) -> None:
        self.found: dict[NamespaceKey, list[Sighting]] = {}
        self.records: dict[NamespaceKey, Namespace] = {}
        self.above: dict[NamespaceKey, Namespace] = {}
        self.listed: set[NamespaceKey] = set()
        self.processes = 0
        self.unreadable: dict[str, int] = {}
        self.left_out = 0
        # Copies, for the look's own change between two slices.
        self._processes, self._known = look["processes"].copy(), look["namespaces"].copy()
        self._reader = reader
        self._device = device
        self._sockets: dict[str, int | None] = {}  # {link of a socket: inode of its net namespace}
        self._cookies: dict[int | None, int] = {}  # {SO_NETNS_COOKIE: inode of that net namespace}
        self._mounts_seen: set[int | None] = set()  # ids of the mounts of namespaces that some process sees
        self._steps = self._run()

    def step(self, seconds: float) -> bool:
        """Go on for about so many seconds; True: the search has ended."""
        until = time.monotonic() + seconds
        return all(time.monotonic() < until for _ in self._steps)

    def _run(self) -> Iterator[None]:
        """The whole search, a small piece at a time."""
        yield from self._mounts()
        for pid in self._reader.pids():
            try:
                yield from self._process(pid)
            except OSError as error:
                if error.errno not in procfs.GONE:
                    self._count(error)
        yield
        yield from self._walk_mount_namespaces()

    def _count(self, error: OSError) -> None:
        name = procfs.errno_name(error)
        self.unreadable[name] = self.unreadable.get(name, 0) + 1

    def _add(self, kind: KindName, inode: int, holder: Holder, start: int, ids: tuple[int, int] | None = None) -> None:
        """Note a holder, and describe its namespace if that is not known; beyond the limit, count it. ids: for
        `Listed`."""
        key = kind, inode
        sightings = self.found.setdefault(key, [])
        if len(sightings) >= HOLDERS_LIMIT:
            self.left_out += 1
            return
        sighting = Listed(ids, holder, inode, self._device) if ids else Sighting(holder, start, inode, self._device)
        sightings.append(sighting)
        known = self.records.get(key) or self._known.get(key)
        if known is None or not (nsfs.was_opened(known) or known["initial"]):
            self.records[key] = nsfs.describe(kind, inode, sighting.open, self._device, self.above)

    # Holders of one process

    def _process(self, pid: int) -> Iterator[None]:
        fd = os.open(str(pid), os.O_PATH | os.O_DIRECTORY, dir_fd=self._reader.proc_fd)
        try:
            fields = procfs.stat_fields(fd)
            if int(fields[6]) & linux.PF_KTHREAD:
                return
            start = int(fields[19])
            self.processes += 1
            own = self._namespaces(pid, start, fd)
            usual, first = self._for_children(pid, start, fd, own, "", {}), _goes_on(fd, fields[0])
            if int(fields[17]) > 1:
                yield from self._threads(pid, start, fd, own, usual, first or pid)
            yield from self._fds(pid, start, fd, own, first)
            yield
        finally:
            os.close(fd)

    def _namespaces(self, pid: int, start: int, fd: int) -> Namespaces:
        """The namespaces of the process, by the look if that knew it. Of a leader that has exited they are its live
        thread's, as the look has it."""
        record = self._processes.get(pid)
        if record is not None and record["start"] == start:
            return record["namespaces"]
        found: Namespaces = {}
        for kind in procfs.KINDS:
            link = nsfs.link(_readlink("ns/" + kind, fd))
            if link:
                found[kind] = link[1]
        return found

    def _for_children(
        self, pid: int, start: int, fd: int, own: Namespaces, below: str, usual: Mapping[KindName, int]
    ) -> Namespaces:
        """Note and return the namespaces that a process, or the thread below, has in store. usual: those that all its
        threads have."""
        found: Namespaces = {}
        for kind in _FOR_CHILDREN:
            name = "%sns/%s_for_children" % (below, kind)
            # There is none between unshare(CLONE_NEWPID) and the first child.
            link = nsfs.link(_readlink(name, fd))
            if link:
                inode = found[kind] = link[1]
                if inode not in (own.get(kind, inode), usual.get(kind)):
                    path = "/proc/%d/%s" % (pid, name)
                    self._add(kind, inode, {"kind": "for_children", "pid": pid, "path": path}, start)
        return found

    def _threads(self, pid: int, start: int, fd: int, own: Namespaces, usual: Namespaces, first: int) -> Iterator[None]:
        expected = [(kind, "%s:[%d]" % (kind, own[kind])) for kind in _OF_THREADS if kind in own]
        for tid in _listdir("task", fd):
            if int(tid) == pid:
                continue
            for kind, text in expected:
                path = "task/%s/ns/%s" % (tid, kind)
                seen = _readlink(path, fd)
                if seen is not None and seen != text:
                    link = nsfs.link(seen)
                    if link:
                        path = "/proc/%d/%s" % (pid, path)
                        self._add(kind, link[1], {"kind": "thread", "pid": pid, "path": path}, start)
            self._for_children(pid, start, fd, own, "task/%s/" % tid, usual)
            if not linux.same_files(first, int(tid)):
                try:
                    yield from self._fds(pid, start, fd, own, int(tid), apart=True)
                except OSError as error:
                    if error.errno not in procfs.GONE:  # the process exits just then
                        raise
            yield

    def _fds(self, pid: int, start: int, fd: int, own: Namespaces, thread: int, apart: bool = False) -> Iterator[None]:
        """Note the holders among the open files of a process. thread: a live thread of it that has the files if its
        leader has exited, else 0. apart: no other thread has these files."""
        pidfd: int | None = None
        refused: OSError | None = None
        below = "task/%d/" % thread if thread else ""
        try:
            for number, name in enumerate(_listdir(below + "fd", fd)):
                path = below + "fd/" + name
                text = _readlink(path, fd)
                if text is None:
                    continue
                info = _read(below + "fdinfo/" + name, fd) if text.startswith("/") else b""
                tun = b"\niff:" in info
                if tun or text.startswith("socket:["):
                    inode = None if tun else self._sockets.get(text)
                    if inode is None and not refused:
                        try:
                            pidfd = linux.pidfd_open(thread or pid, bool(thread)) if pidfd is None else pidfd
                            inode = self._net_of(pidfd, int(name))
                        except OSError as error:
                            # Closed meanwhile (EBADF); else as with all others of this process.
                            refused = None if error.errno in (errno.EBADF, *procfs.GONE) else error
                    if not tun:
                        self._sockets[text] = inode
                    if inode is not None and inode != own.get("net", inode):
                        holder: Holder = {"kind": "socket", "pid": pid, "fd": int(name)}
                        if apart or tun:
                            holder["path"] = "/proc/%d/%s" % (pid, path) if apart else text
                        self._add("net", inode, holder, start)
                else:
                    key = self._of_nsfs(text, info, path, fd)
                    if key:
                        holder = {"kind": "fd", "pid": pid, "fd": int(name)}
                        if thread:
                            holder["path"] = "/proc/%d/%s" % (pid, path)
                        self._add(key[0], key[1], holder, start)
                if number % 64 == 63:
                    yield
        finally:
            if pidfd is not None:
                os.close(pidfd)
        if refused:
            self._count(refused)

    def _of_nsfs(self, text: str, info: bytes, path: str, fd: int) -> NamespaceKey | None:
        """The key of the namespace that an fd is of. None if it is of none. info: its fdinfo.

        Opened through /proc its link is net:[..]; through a bind mount the link is the path of that, in whichever mount
        namespace. A file with another inode is not asked further, for another file system may take its time to answer.
        """
        link = nsfs.link(text)
        if link:
            return link
        inode, mount = _number_in(info, b"\nino:\t"), _number_in(info, b"\nmnt_id:\t")
        # Before Linux 5.14 the inode is not told.
        likely = inode in _INODES if inode is not None else text == "/" or mount in self._mounts_seen
        if not likely or os.stat(path, dir_fd=fd).st_dev != self._device:
            return None
        own = os.open(path, os.O_RDONLY, dir_fd=fd)
        try:
            return nsfs.kind_of(own), os.fstat(own).st_ino
        finally:
            os.close(own)

    def _net_of(self, pidfd: int, number: int) -> int:
        """The inode of the net namespace of a socket of that process's."""
        fd = linux.pidfd_getfd(pidfd, number)
        try:
            cookie = _cookie(fd)
            inode = self._cookies.get(cookie) if cookie else None
            if inode is None:
                namespace = fcntl.ioctl(fd, nsfs.SIOCGSKNS)
                try:
                    inode = self._cookies[cookie] = os.fstat(namespace).st_ino
                finally:
                    os.close(namespace)
            return inode
        finally:
            os.close(fd)

    # Holders in mount namespaces

    def _mounts(self) -> Iterator[None]:
        """Note the bind mounts in every mount namespace with a process, except those in the host's that every look
        sees."""
        own, text = hostfiles.host().inode, hostfiles.mounts()
        self._mounts_seen.update(id for id, _, _ in nsfs.each_mount(text))
        for inode, members in self._members().items():
            ids = mounts_of(inode, "/proc/%d/ns/mnt" % members[0][1])
            lines = text.count("\n")
            roots: set[str | None] = set()
            # A process may have a root of its own, and see less than others; the oldest of each root is asked.
            for start, pid in () if inode == own else members if ids is None else members[:1]:
                root = _readlink("%d/root" % pid, self._reader.proc_fd) if ids is None else ""
                if root not in roots:
                    roots.add(root)
                    lines = self._mounts_seen_by(pid, start)
                yield
            if ids is not None and len(ids[1]) > lines:
                yield from self._mounts_listed(inode, *ids)

    def _members(self) -> dict[int, list[tuple[int, int]]]:
        """{mount namespace: [(start, pid), ..]} of the processes that can be asked, the oldest first."""
        found: dict[int, list[tuple[int, int]]] = {}
        for record in self._processes.values():
            inode = record["namespaces"].get("mnt")
            if inode and record["state"] != "Z" and not record["unreadable"]:
                found.setdefault(inode, []).append((record["start"], record["pid"]))
        return {inode: sorted(members) for inode, members in found.items()}

    def _mounts_seen_by(self, pid: int, start: int) -> int:
        """Note the mounts of namespaces that a process sees, each once, and return the number of all mounts that it
        sees."""
        try:
            text = mountinfo.read(pid, self._reader.proc_fd)
        except OSError as error:
            if error.errno not in procfs.GONE:
                self._count(error)
            return 0
        for id, (kind, inode), path in nsfs.each_mount(text):
            if id not in self._mounts_seen:
                self._mounts_seen.add(id)
                self._add(kind, inode, {"kind": "mount", "pid": pid, "path": path}, start)
        return text.count("\n")

    def _mounts_listed(self, inode: int, namespace: int, ids: list[int]) -> Iterator[None]:
        """Note the mounts of a mount namespace that nobody sees, by the kernel's list of its mounts."""
        for number, id in enumerate(ids):
            try:
                magic, old, root, path = linux.statmount(namespace, id)
            except OSError:
                continue  # unmounted meanwhile
            link = nsfs.link(os.fsdecode(root)) if magic == linux.NSFS_MAGIC else None
            if link and old not in self._mounts_seen:
                self._mounts_seen.add(old)
                holder: Holder = {"kind": "mount", "pid": None, "mnt": inode, "path": files.text(path)}
                self._add(link[0], link[1], holder, 0, (namespace, id))
            if number % 64 == 63:
                yield

    def _walk_mount_namespaces(self) -> Iterator[None]:
        """Note the mount namespaces that only the kernel's own list has, and the mounts in those without a process,
        which nobody sees."""
        lived_in = {record["namespaces"].get("mnt") for record in self._processes.values()}
        for inode, fd in mount_namespaces():
            key: NamespaceKey = "mnt", inode
            if inode not in lived_in and (ids := mounts_of(inode, "/proc/self/fd/%d" % fd)):
                yield from self._mounts_listed(inode, *ids)
            known = self.records.get(key) or self._known.get(key)
            if known is None:
                self.listed.add(key)
            if known is None or not (nsfs.was_opened(known) or known["initial"]):
                self.records[key] = nsfs.describe("mnt", inode, nsfs.opener(fd), self._device, self.above)


def held_by(pid: int, kind: KindName, look: Look, reader: Reader, device: int) -> set[int]:
    """The inodes of the namespaces of a kind that one process has open: as such, by a socket, by a tun device."""
    search = Search(look, reader, device)
    for _ in search._process(pid):
        pass
    return {inode for of, inode in search.found if of == kind}


def mount_namespaces() -> Iterator[tuple[int, int]]:
    """(inode, fd) of every mount namespace that the kernel lets us see but our own; the fd is closed afterwards.

    Nothing before Linux 6.12.
    """
    for request in (NS_MNT_GET_NEXT, NS_MNT_GET_PREV):
        fd = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        try:
            while True:
                try:
                    following = _neighbour(fd, request)
                except OSError:
                    break  # the last one (ENOENT), or the last that this process may see
                os.close(fd)
                fd = following
                yield os.fstat(fd).st_ino, fd
        finally:
            os.close(fd)


def mounts_of(inode: int, path: str) -> tuple[int, list[int]] | None:
    """(id of the mount namespace that a path leads to, the ids of all its mounts). None if the kernel does not list
    them, or not to this process. Linux 6.11."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        if os.fstat(fd).st_ino != inode:
            return None
        namespace = nsfs.mount_namespace_id(fd)
        return namespace, linux.listmount(namespace)
    except OSError:
        return None
    finally:
        os.close(fd)


def _neighbour(fd: int, request: int) -> int:
    """An fd of the mount namespace before or after one in the kernel's list, of those that this process may see."""
    neighbour: int = fcntl.ioctl(fd, request, bytearray(struct.pack("=IIQ", 16, 0, 0)))  # struct mnt_ns_info
    return neighbour


def _cookie(fd: int) -> int | None:
    """The kernel's number of the net namespace of a socket, never used twice. None before Linux 5.14."""
    import socket  # not needed by a first look

    try:
        # All three given, so that Python asks the kernel for none of them.
        borrowed = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=fd)
    except OSError:
        return None  # a tun device is no socket
    try:
        return int.from_bytes(borrowed.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8), sys.byteorder)
    except OSError:
        return None
    finally:
        borrowed.detach()


def _goes_on(fd: int, state: bytes) -> int:
    """The id of a thread of the process open as fd that goes on after its first one has exited; else 0."""
    return procfs.live_thread(fd) if state == b"Z" else 0


def thread_in(path: str) -> int:
    """The thread id in /proc/PID/task/TID/fd/.., 0 for other paths."""
    parts = path.split("/")
    return int(parts[4]) if parts[1:2] == ["proc"] and parts[3:4] == ["task"] else 0


def _namespace_of_socket(pid: int, number: int, thread: int) -> int:
    fd = os.open("/proc/%d" % pid, os.O_PATH | os.O_DIRECTORY)
    try:
        thread = thread or _goes_on(fd, procfs.stat_fields(fd)[0])
        pidfd = linux.pidfd_open(thread or pid, bool(thread))
    finally:
        os.close(fd)
    try:
        return nsfs.of_socket(pidfd, number)
    finally:
        os.close(pidfd)


def _open_mounted(pid: int, path: str, device: int) -> int:
    """An fd of a namespace that is mounted at a path in another process's mount namespace."""
    root = os.open("/proc/%d/root" % pid, os.O_PATH | os.O_DIRECTORY)
    try:
        fd = linux.open_in_root(root, path, os.O_PATH)
    finally:
        os.close(root)
    try:
        return nsfs.open_path("/proc/self/fd/%d" % fd, device)
    finally:
        os.close(fd)


def _read(path: str, fd: int) -> bytes:
    """The text of fdinfo of an fd; b"" if that is closed by now."""
    try:
        return procfs.read_at(fd, path, 4096)
    except OSError as error:
        if error.errno in procfs.FORBIDDEN:
            raise
        return b""


def _number_in(info: bytes, name: bytes) -> int | None:
    """The number under a name in fdinfo. None if there is none."""
    number = info.partition(name)[2].partition(b"\n")[0]
    return int(number) if number.isdigit() else None


def _readlink(path: str, fd: int) -> str | None:
    try:
        return os.readlink(path, dir_fd=fd)
    except OSError as error:
        if error.errno in procfs.FORBIDDEN:
            raise
        return None


def _listdir(name: str, fd: int) -> list[str]:
    directory = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
    try:
        return os.listdir(directory)
    finally:
        os.close(directory)
