"""The process to follow and the namespaces to join, held open so that nothing else is taken for them."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time

from nsview import linux

from .failure import FAILED, GONE, NOT_PERMITTED, USAGE, Failure, as_root, of_errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_TRIES, _PAUSE = 60, 0.002  # for a process that moves to and fro: longer than its stay in another namespace
ENVIRONMENT = 6 << 20
"""Bytes: the most that execve(2) takes. A process can say that its own is all of its memory: prctl(2), PR_SET_MM."""
_UP = {"owner": 0xB701, "parent": 0xB702}  # NS_GET_USERNS, NS_GET_PARENT: ioctl_nsfs(2)
_NS_GET_ID = 0x8008B70D  # Linux 6.18


class Followed:
    """A process by its open /proc/PID, which never becomes another process's; the number is not used again.

    /proc may belong to another pid namespace than ours: the pid is as /proc shows it.
    """

    def __init__(self, pid: int, start: int | None, thread: int = 0) -> None:
        """Hold a process. start: in clock ticks since boot, None for any process of that pid. thread: the one to
        follow, 0 for the first one alive. Raises Failure if there is no such process or it has exited."""
        self.pid, self.thread = pid, thread
        self.gone = Failure(GONE, f"process {pid} is gone: choose again")
        try:
            self.directory = os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            fields = linux.stat_fields(self.read("stat"))
            if not thread and fields[0] in (b"Z", b"X"):
                from nsview.agent.procfs import live_thread

                self.thread = thread = live_thread(self.directory)
            if thread:
                leader = self.directory
                self.directory = os.open(f"task/{thread}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=leader)
                os.close(leader)
        except PermissionError:
            raise Failure(NOT_PERMITTED, f"process {pid} is not readable; {as_root()}") from None
        except OSError:
            raise self.gone from None
        self.start = int(fields[19])
        if start is not None and start != self.start:
            raise Failure(GONE, f"process {pid} is gone, its pid is another's by now: choose again")
        if fields[0] in (b"Z", b"X") and not thread:
            raise Failure(GONE, f"process {pid} has exited (a zombie) and left its namespaces: choose another")

    def read(self, name: str, most: int | None = None) -> bytes:
        """The content of a file of its /proc/PID. Raises OSError (E2BIG) if it has more bytes than `most`."""
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.directory)
        try:
            chunks, length = [], 0
            while chunk := os.read(fd, 1 << 16):
                chunks.append(chunk)
                length += len(chunk)
                if most is not None and length > most:
                    raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
            return b"".join(chunks)
        finally:
            os.close(fd)

    def root(self) -> int:
        """The fd of its root directory, open with O_PATH. Raises Failure if it may not be opened."""
        try:
            return os.open("root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.directory)
        except PermissionError:
            raise Failure(NOT_PERMITTED, f"the root of process {self.pid} is not readable; {as_root()}") from None
        except OSError:
            raise self.gone from None

    def namespaces(self) -> dict[str, int]:
        """{kind: fd} of its current namespaces, as far as they may be opened; the caller closes the fds."""
        found = {}
        for kind in linux.CLONE_NEW:
            try:
                found[kind] = os.open(f"ns/{kind}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.directory)
            except OSError:
                continue
        return found

    def check_user_namespace(self, joined: int | None) -> None:
        """Failure where it is in another user namespace than the command will be: `joined`, an open one, or else ours.

        Whoever makes one has all capabilities in it, bounding set included, and these would be given to the command
        outside of it. Nobody comes back to one that was left, so this holds for all that was read of it before.
        """
        try:
            wanted = os.stat("/proc/self/ns/user") if joined is None else os.fstat(joined)
        except FileNotFoundError:
            return  # a kernel without user namespaces
        try:
            now = os.stat("ns/user", dir_fd=self.directory)
        except PermissionError:
            text = f"the user namespace of process {self.pid} is not known; {as_root()}"
            raise Failure(NOT_PERMITTED, text) from None
        except OSError:
            raise self.gone from None
        if not os.path.samestat(wanted, now):
            raise Failure(
                NOT_PERMITTED,
                f"process {self.pid} is in another user namespace than the command would be, where its capabilities "
                "mean something else: join user too, or choose again",
            )

    def ended(self, seconds: float) -> bool:
        """True if it has exited, or exits within that time; a pid namespace's init first waits for all its members."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if linux.stat_fields(self.read("stat"))[0] in (b"Z", b"X") and not self.thread:
                    return True
            except OSError:
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)

    def id_inside(self, kind: str, number: int) -> int | None:
        """A host's user or group id (kind: "uid", "gid") as its user namespace numbers it. None if it is not mapped."""
        for inside, outside, count in self._map(kind):
            if outside <= number < outside + count:
                return inside + number - outside
        return None

    def id_outside(self, kind: str, number: int) -> int:
        """A user or group id of its user namespace as the host numbers it. Raises Failure if it is not mapped."""
        for inside, outside, count in self._map(kind):
            if inside <= number < inside + count:
                return outside + number - inside
        raise Failure(FAILED, f"{kind} {number} has no number outside of the user namespace: use --host-privileges")

    def _map(self, kind: str) -> list[tuple[int, int, int]]:
        """(inside, outside, count) of each line of /proc/PID/uid_map or gid_map, see user_namespaces(7)."""
        lines = self.read(f"{kind}_map").splitlines()
        return [(int(inside), int(outside), int(count)) for inside, outside, count in map(bytes.split, lines)]


def identity(fd: int) -> tuple[str, int, int, int | None]:
    """(kind, device, inode, id) of an open namespace; the id is None before Linux 6.18. Raises OSError if the file is
    no namespace."""
    flag = fcntl.ioctl(fd, linux.NS_GET_NSTYPE)
    found = os.fstat(fd)
    kind = next((kind for kind, bit in linux.CLONE_NEW.items() if bit == flag), "?")
    try:
        id = struct.unpack("=Q", fcntl.ioctl(fd, _NS_GET_ID, bytes(8)))[0]
    except OSError:
        id = None
    return kind, found.st_dev, found.st_ino, id


def spelled(path: str) -> str:
    """A path that a person gave, from / and with nothing to leave out: `_probe` tells by its words whose files it leads
    through. Raises Failure for one with "..", which leads elsewhere beyond a link, and if the working directory has no
    path, as in a container's files."""
    if ".." in path.split("/"):
        raise Failure(USAGE, f"{path}: give the path without ..")
    try:
        return "/" + os.path.abspath(path).lstrip("/")
    except FileNotFoundError:
        raise Failure(FAILED, f"{path}: the working directory has no path here: give the whole path, from /") from None


def open_path(word: str) -> int:
    """The fd of the namespace that a path leads to. Raises Failure if there is none, or it may not be opened."""
    path = spelled(word)
    try:
        return _nsfs_file(_probe(path))
    except PermissionError:
        raise Failure(NOT_PERMITTED, _unread(path) or f"{word} is not readable; {as_root()}") from None
    except OSError as error:
        if error.errno == errno.ENOENT and not path.startswith("/proc/") and (unread := _unread(path)):
            raise Failure(NOT_PERMITTED, unread) from None
        why = "it is no namespace" if error.errno == errno.EMEDIUMTYPE else os.strerror(error.errno or 0)
        raise Failure(FAILED, f"{word}: {why}; give a path such as /proc/1/ns/net or /run/netns/blue") from None


def _unread(path: str) -> str | None:
    """The reason why a path of the host's can't be read in a container. None if it is another."""
    from nsview.agent import limitations

    why = limitations.why_unread(path)
    return why and f"{path}: {why}"


def _probe(path: str, directory: int | None = None) -> int:
    """The file at a path, open with O_PATH. directory: where a relative one begins.

    What is below the root, the working directory or an open directory of a process (/proc/PID/root/run/netns/blue) is
    that process's to arrange: a link there leads to where it leads for the process, and never out into our own files.
    """
    parts = path.split("/")
    at = 3 if parts[:2] == ["", "proc"] and parts[2:3] and parts[2].isdecimal() else 0 if directory is not None else -1
    if at >= 0:
        at += 2 if parts[at : at + 1] == ["task"] else 0
        cut = at + {"root": 1, "cwd": 1, "fd": 2}.get("".join(parts[at : at + 1]), len(parts))
        below = "/".join(parts[cut:])
        if below.strip("/"):
            place = os.open("/".join(parts[:cut]), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
            try:
                return linux.open_in_root(place, below, os.O_PATH)
            finally:
                os.close(place)
    if directory is not None:
        return os.open(path, os.O_PATH | os.O_CLOEXEC, dir_fd=directory)
    from nsview.agent import hostfiles

    return hostfiles.asked(path, os.O_PATH | os.O_CLOEXEC)  # a path is the host's, wherever this runs


def matches(pin: Mapping[str, Any], fd: int) -> bool:
    """True if an open file is the namespace of a pin (the dict of one)."""
    kind, device, inode, id = identity(fd)
    return (kind, device, inode) == (pin["kind"], pin["device"], pin["inode"]) and pin["id"] in (None, id)


def opened(pins: Iterable[Mapping[str, Any]], followed: Followed | None) -> dict[str, int]:
    """{kind: fd} of these namespaces, each compared with its pin. Raises Failure, with none left open, if one can't be
    had.

    A process that moves to and fro between namespaces is caught in the pinned one, or not at all.
    """
    found: dict[str, int] = {}
    try:
        for pin in pins:
            found[pin["kind"]] = _opened(pin, followed)
    except BaseException:
        for fd in found.values():
            os.close(fd)
        raise
    return found


def _opened(pin: Mapping[str, Any], followed: Followed | None) -> int:
    label = f"{pin['kind']}:[{pin['inode']}]"
    ways = pin["ways"] or ({"kind": "process"},)
    elsewhere = why = None
    for attempt in range(_TRIES):
        for way in ways:
            try:
                fd = _through(way, pin, followed)
            except OSError as error:
                why = error
                continue
            try:
                if matches(pin, fd):
                    kept, fd = fd, -1
                    return kept
                elsewhere = way
            except OSError as error:
                why = error
            finally:
                if fd >= 0:
                    os.close(fd)
        if elsewhere is None or elsewhere["kind"] == "mount":
            break  # only a process can move back
        if attempt + 1 < _TRIES:
            time.sleep(_PAUSE)
    if elsewhere is not None:
        if elsewhere["kind"] == "mount":
            raise Failure(GONE, f"{elsewhere['path']} is another namespace by now, {label} no more: choose again")
        holder = followed.pid if followed and not elsewhere.get("pid") else elsewhere["pid"]
        raise Failure(GONE, f"process {holder} has left {label} since that was chosen: choose again")
    if why and why.errno in (errno.EACCES, errno.EPERM):
        raise Failure(NOT_PERMITTED, f"joining {pin['kind']} is not permitted; {as_root()}")
    if followed and not pin["ways"]:
        raise followed.gone
    raise Failure(GONE, f"nothing leads to {label} any more: choose again")


def _through(way: Mapping[str, Any], pin: Mapping[str, Any], followed: Followed | None) -> int:
    """The fd of the file that a way leads to now, of any namespace. Raises OSError if it leads to none."""
    if way["kind"] == "process" and followed is not None and not way.get("path"):
        return os.open(f"ns/{pin['kind']}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=followed.directory)
    if not way["pid"]:
        return _nsfs_file(_probe(way["path"]))
    holder = os.open(f"/proc/{way['pid']}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _held(way, holder)
    finally:
        os.close(holder)


def _held(way: Mapping[str, Any], holder: int) -> int:
    """The fd of the namespace that a process holds. holder: its open /proc/PID."""
    with open(os.open("stat", os.O_RDONLY | os.O_CLOEXEC, dir_fd=holder), "rb") as stat:
        fields = linux.stat_fields(stat.read())
    if int(fields[19]) != way["start"]:
        raise OSError(errno.ESRCH, os.strerror(errno.ESRCH))
    if way["kind"] == "socket":
        from nsview.agent.holders import thread_in
        from nsview.agent.procfs import live_thread

        # If the first thread has exited, another has the open files.
        thread = thread_in(way["path"]) or (live_thread(holder) if fields[0] == b"Z" else 0)
        return _of_socket(way, holder, thread)
    if way["kind"] == "mount":
        root = os.open("root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=holder)
        try:
            return _nsfs_file(linux.open_in_root(root, way["path"], os.O_PATH))
        finally:
            os.close(root)
    name = way["path"][len(f"/proc/{way['pid']}/") :]
    fd = _nsfs_file(_probe(name, holder))
    if not way["relation"]:
        return fd
    try:
        return fcntl.ioctl(fd, _UP[way["relation"]])
    finally:
        os.close(fd)


def _of_socket(way: Mapping[str, Any], holder: int, thread: int) -> int:
    """The fd of the net namespace of a process's open socket. pidfd_getfd(2) is in Linux 5.6, SIOCGSKNS in 4.10."""
    from nsview.agent import nsfs

    if not proc_is_ours():
        raise OSError(errno.ESRCH, "/proc shows the pids of another namespace")
    pidfd = linux.pidfd_open(thread or way["pid"], bool(thread))
    try:
        os.close(os.open("stat", os.O_RDONLY | os.O_CLOEXEC, dir_fd=holder))  # alive, so the pid is still its own
        return nsfs.of_socket(pidfd, way["fd"])
    finally:
        os.close(pidfd)


def proc_is_ours() -> bool:
    """True if /proc shows the pids of our own pid namespace, and not those of one above it."""
    with open("/proc/self/status", "rb") as status:
        return b"\nNSpid:\t%d\n" % os.getpid() in status.read()


def _nsfs_file(probe: int) -> int:
    """Open the file of `probe` (O_PATH, closed here) for reading. Raises OSError if it is no namespace: opening a FIFO
    might hang, opening a device might have an effect."""
    try:
        if linux.filesystem_magic(probe) != linux.NSFS_MAGIC:
            raise OSError(errno.EMEDIUMTYPE, "not a namespace")
        return os.open(f"/proc/self/fd/{probe}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(probe)


def join(pins: Iterable[Mapping[str, Any]], held: Mapping[str, int]) -> None:
    """Join these namespaces, one setns(2) each. held: {kind: fd}. Raises Failure if the kernel refuses one.

    Root joins a user namespace last, as it loses its power over the others there; another user joins it first, to gain
    that power.
    """
    for pin in sorted(pins, key=lambda pin: (pin["kind"] == "user") == (os.geteuid() == 0)):
        try:
            linux.setns(held[pin["kind"]], pin["flag"])
        except OSError as error:
            if error.errno == errno.EPERM:
                raise Failure(NOT_PERMITTED, f"joining {pin['kind']} is not permitted; {as_root()}") from None
            raise of_errno(error.errno or 0, f"joining {pin['kind']}") from None
