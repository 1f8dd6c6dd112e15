"""Every net namespace from within: read by a process of its own, which joins one after the other and then exits.

The agent itself joins nothing. When asked it forks; the child has the last look at hand, is single-threaded and
not dumpable, joins net namespaces alone (so that not even a mount is another's), runs nothing that is in them, and
writes the frame that answers. A namespace that it may not join is told as far as /proc/PID/net goes; one that only
the owner of its user namespace may join is joined by a further child, from within that user namespace.

Sources: setns(2), rtnetlink(7), proc_pid_net(5), proc_pid_fd(5), ioctl_nsfs(2).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import gc
import json
import os
import signal
import time

from nsview import linux

from . import engines, forwards, holders, hostfiles, listns, nsfs, procfs, procnet, rtnetlink, sockdiag, sockets
from .forked_scan import end
from .limitations import of_files
from .output import encoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Literal

    from .protocol import Interface, Listener, Look, Net, NetFrame, NetProgress, Route
    from .rtnetlink import Connection, Rtnetlink
    from .scan import Scanner

LISTENERS_LIMIT = 20000  # of one namespace
PIDS_LIMIT = 100  # of one listener: a server may have forked any number of workers
CANDIDATES = 50  # namespaces that are asked for the other end of a device; the host's is the first
PATIENCE = 20.0  # seconds that the child may be silent, which tells its progress: it may be stopped, or wait in D
PROGRESS = 0.1  # seconds between two frames of progress

_PUBLISHERS = ("rootlessport", "rootlesskit", "slirp4netns", "pasta", "passt")
"""The names of the programs that listen here for another net namespace, which they hold."""
_PAIRED = ("veth", "netkit", "vxcan")


class NetReading:
    """One run of the child. fd: to be waited for, no longer than `until`; then call `take`, or `give_up`."""

    def __init__(self, id: int, look: Look, scanner: Scanner, packages: str | None, followed: bool) -> None:
        self.id = id
        self.fd, out = os.pipe()
        self._data = b""
        self.until = time.monotonic() + PATIENCE
        agent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            try:
                os.close(self.fd)
                _guard()
                if os.getppid() == agent:
                    gc.disable()
                    frame = _read(id, look, scanner, packages, lambda frame: _write(out, encoded(frame)))
                    frame["followed"] = followed
                    _write(out, encoded(frame))
                    os._exit(0)
            finally:
                os._exit(1)
        os.close(out)

    def take(self) -> tuple[list[bytes], bool | None]:
        """([whole frames that have come], None while it goes on, else True if it ended well)."""
        data = os.read(self.fd, 1 << 20)
        self.until = time.monotonic() + PATIENCE
        *lines, self._data = (self._data + data).split(b"\n")
        frames = [line + b"\n" for line in lines]
        if data:
            return frames, None
        os.close(self.fd)
        return frames, os.waitpid(self._pid, 0)[1] == 0

    def give_up(self) -> None:
        """End the child, which is not waited for any longer."""
        os.close(self.fd)
        end(self._pid)


def _guard() -> None:
    """Exit with the parent, and be looked into by nobody meanwhile."""
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    linux.prctl(linux.PR_SET_DUMPABLE, 0)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _read(
    id: int, look: Look, scanner: Scanner, packages: str | None, write: Callable[[NetProgress], None]
) -> NetFrame:
    notes = []
    messages: Rtnetlink | None = None
    try:
        messages = rtnetlink.Rtnetlink(packages)
    except ImportError:
        notes.append(
            "pyroute2 is not installed beside nsview: peers, bridges' ports and kinds of interfaces are not known"
        )
    taken_at = time.time()
    reader = _Reader(messages, look, scanner, _Progress(id, write))
    nets, refused = reader.read(_targets(look, scanner))
    outside: list[Net] = []
    for owner, targets in _by_owner(refused):
        found = _from_within(owner, functools.partial(reader.read, targets)) if owner is not None else None
        records, still = found or ([], [target.inode for target in targets])
        nets += records
        outside += [_outside(target) for target in targets if target.inode in still and not target.is_gone()]
    by_engines = engines.forwards(look)
    notes += of_files()
    for record in [*nets, *outside]:
        record["forwards"] += by_engines.get(record["inode"], ())
    if outside:
        reader.find_owners(outside)
        one = len(outside) == 1
        what = "1 net namespace" if one else "%d net namespaces" % len(outside)
        notes.append("%s may not be joined by uid %d: what /proc tells is all there is" % (what, os.geteuid()))
    return {
        "frame": "net",
        "id": id,
        "taken_at": taken_at,
        "nets": nets + outside,
        "notes": notes,
        "unsearched": reader.unsearched,
    }


class _Progress:
    """Frames of progress, at long intervals."""

    def __init__(self, id: int, write: Callable[[NetProgress], None]) -> None:
        self._id = id
        self._write = write
        self._next = time.monotonic() + PROGRESS

    def __call__(self, what: Literal["namespaces", "links", "processes"], done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + PROGRESS
            self._write({"frame": "net_progress", "id": self._id, "what": what, "done": done, "total": total})


class _Target:
    """A net namespace to be read. ways: functions that may open it, best first. pids: its members. mounted: somewhere,
    maybe out of reach of every path, so that it is not gone with its members. listed: its id, if the kernel's list
    alone has it."""

    def __init__(
        self, inode: int, ways: Sequence[Callable[[], int]], pids: list[int], mounted: bool, listed: int | None
    ) -> None:
        self.inode = inode
        self.ways = ways
        self.pids = pids
        self.mounted = mounted
        self.listed = listed

    def open(self) -> int:
        """An fd of the namespace. Raises OSError if no way leads there: the error of a way that is there but may not be
        used, if one is."""
        why = OSError(errno.ENOENT, "gone")
        for way in self.ways:
            try:
                fd = way()
            except OSError as error:
                if why.errno in procfs.GONE:
                    why = error
                continue
            if os.fstat(fd).st_ino == self.inode:
                return fd
            os.close(fd)
        raise why

    def is_gone(self) -> bool:
        """True if the namespace has ended, by the kernel's list, or by the ways to it: the way through an exiting
        member may be refused before the namespace ends."""
        if self.listed is not None:
            return self.listed not in (listns.ids() or {self.listed})
        try:
            os.close(self.open())
        except OSError as error:
            return not self.mounted and error.errno in procfs.GONE
        return False


def _targets(look: Look, scanner: Scanner) -> list[_Target]:
    """The net namespaces: our own first, which needs no joining, then the host's, then the others as the look has
    them."""
    members: dict[int | None, list[int]] = {}
    for pid, process in look["processes"].items():
        members.setdefault(process["namespaces"].get("net"), []).append(pid)
    fd = os.open("/proc/self/ns/net", os.O_RDONLY)  # kept, for that path leads to wherever this process goes
    own = os.fstat(fd).st_ino
    found: list[tuple[bool, bool, _Target]] = []
    for (kind, inode), record in look["namespaces"].items():
        if kind == "net":
            pids = members.get(inode, [])
            ways: list[Callable[[], int]] = [] if inode != own else [nsfs.opener(fd)]
            ways += [functools.partial(_of_member, pid, inode) for pid in pids]
            ways += [functools.partial(hostfiles.namespace, path, scanner.device) for path in record["names"]]
            sightings = scanner.sightings((kind, inode))
            ways += [sighting.open for sighting in sightings]
            mounted = bool(record["names"]) or any(s.holder["kind"] == "mount" for s in sightings)
            listed = record["id"] if scanner.is_listed((kind, inode)) else None
            target = _Target(inode, ways, pids, mounted, listed)
            found.append((inode != own, not record["initial"], target))
    return [target for _, _, target in sorted(found, key=lambda triple: triple[:2])]


def _of_member(pid: int, inode: int) -> int:
    """An fd by a member, or by a thread of it that goes on if its first one has exited."""
    try:
        return os.open("/proc/%d/ns/net" % pid, os.O_RDONLY)
    except OSError as error:
        if error.errno not in procfs.GONE:
            raise
        tids = os.listdir("/proc/%d/task" % pid)
        links = ["/proc/%d/task/%s/ns/net" % (pid, tid) for tid in tids]
        return holders.opened([functools.partial(os.open, link, os.O_RDONLY) for link in links], inode)


class _Reader:
    """A reader of net namespaces from within, by the namespaces that this process may join."""

    def __init__(self, messages: Rtnetlink | None, look: Look, scanner: Scanner, progress: _Progress) -> None:
        self._messages = messages
        self._look = look
        self._scanner = scanner
        self._progress = progress
        self._at = os.stat("/proc/self/ns/net").st_ino  # the namespace that this process is in
        self._nsids: dict[tuple[int, int], int] = {}  # {(inode, index): number of the namespace that a link leads to}
        self.unsearched = 0

    def _join(self, inode: int, fd: int) -> None:
        if inode != self._at:
            linux.setns(fd, linux.CLONE_NEW["net"])
            self._at = inode

    def read(self, targets: Sequence[_Target]) -> tuple[list[Net], list[_Target]]:
        """([record], [targets that may not be joined])."""
        records: list[Net] = []
        refused: list[_Target] = []
        joined: list[_Target] = []
        for done, target in enumerate(targets):
            self._progress("namespaces", done, len(targets))
            try:
                fd = target.open()
            except OSError as error:
                if error.errno not in procfs.GONE:
                    refused.append(target)
                elif not target.is_gone():
                    records.append(_record(target.inode, unreadable="ENOENT"))
                continue
            try:
                self._join(target.inode, fd)
                records.append(self._within(target.inode))
                joined.append(target)
            except OSError as error:
                if error.errno in procfs.FORBIDDEN:
                    refused.append(target)
                else:
                    records.append(_record(target.inode, unreadable=procfs.errno_name(error)))
            finally:
                os.close(fd)
        if self._messages:
            self._connect(self._messages, records, {target.inode: target for target in joined})
        self.find_owners(records)
        return records, refused

    def _within(self, inode: int) -> Net:
        """The record of the namespace that this process is in."""
        directory = "/proc/self/net"
        if self._messages:
            with self._messages.open() as told:
                found, more = told.interfaces()
                interfaces = [interface for interface, _ in found]
                self._nsids.update(((inode, i["index"]), nsid) for i, nsid in found if nsid is not None and i["link"])
                routes = told.default_routes({record["index"]: record["name"] for record in interfaces})
        else:
            interfaces, more, routes = procnet.interfaces(directory), 0, procnet.default_routes(directory)
        try:
            listeners, others = sockdiag.listeners(LISTENERS_LIMIT)
        except OSError:
            listeners, others = procnet.listeners(directory, LISTENERS_LIMIT)
        source: Literal["netlink", "proc"] = "netlink" if self._messages else "proc"
        record = _record(inode, source, interfaces, routes, listeners, more + others)
        record["forwards"], record["forwards_unread"] = forwards.forwards()
        return record

    # The other ends of interfaces

    def _connect(self, messages: Rtnetlink, records: list[Net], targets: Mapping[int, _Target]) -> None:
        """Put into each link the namespace that it leads to.

        The kernel tells a number, by which one namespace knows another. Each candidate must be opened to ask for its
        number; candidates are few, for the two ends of a pair name each other's index.
        """
        by_pair: dict[tuple[int | None, int | None], list[int]] = {}  # {(index, index of the other end): inodes}
        by_index: dict[int, list[int]] = {}
        for record in records:
            for interface in record["interfaces"]:
                by_index.setdefault(interface["index"], []).append(record["inode"])
                link = interface.get("link")
                if link and (record["inode"], interface["index"]) in self._nsids:
                    by_pair.setdefault((interface["index"], link["index"]), []).append(record["inode"])
        for done, record in enumerate(records):
            self._progress("links", done, len(records))
            away = [i for i in record["interfaces"] if (record["inode"], i["index"]) in self._nsids]
            if away:
                with contextlib.suppress(OSError):  # the namespace is gone meanwhile
                    self._resolve(messages, record["inode"], away, targets, by_pair, by_index)
        known: dict[tuple[int | None, int | None], Interface] = {}
        known.update(((r["inode"], i["index"]), i) for r in records for i in r["interfaces"])
        for record in records:
            for interface in record["interfaces"]:
                link = interface.get("link")
                if link and (record["inode"], interface["index"]) not in self._nsids:
                    link["net"] = record["inode"]
        for record in records:
            for interface in record["interfaces"]:
                link = interface.get("link")
                other = known.get((link["net"], link["index"])) if link else None
                back = other.get("link") if other else None
                if link and back and interface["kind"] in _PAIRED:
                    link["peer"] = (back["net"], back["index"]) == (record["inode"], interface["index"])

    def _resolve(
        self,
        messages: Rtnetlink,
        inode: int,
        away: list[Interface],
        targets: Mapping[int, _Target],
        by_pair: Mapping[tuple[int | None, int | None], list[int]],
        by_index: Mapping[int, list[int]],
    ) -> None:
        """Find the namespaces of the peers of one namespace's interfaces."""
        fd = targets[inode].open()
        try:
            self._join(inode, fd)
        finally:
            os.close(fd)
        numbers: dict[int, int | None] = {}  # {inode: the number by which this namespace knows it}
        found: dict[int | None, int] = {}  # {number: inode}
        with messages.open() as told:
            for interface in away:
                number, link = self._nsids[inode, interface["index"]], interface["link"]
                if link is None:
                    continue
                if interface["kind"] in _PAIRED:
                    candidates = by_pair.get((link["index"], interface["index"]), [])
                elif link["index"] is None:
                    candidates = list(targets)[:CANDIDATES]
                else:
                    candidates = by_index.get(link["index"], [])[:CANDIDATES]
                for candidate in candidates if number not in found else ():
                    if candidate not in numbers:
                        numbers[candidate] = _number_of(targets[candidate], told)
                        found.setdefault(numbers[candidate], candidate)
                    if number in found:
                        break
                link["net"] = found.get(number)

    # The owners of listeners

    def find_owners(self, records: Iterable[Net]) -> None:
        """Put into each listener the pids of the processes that have its socket open."""
        wanted = {listener["inode"]: listener["pids"] for record in records for listener in record["listeners"]}
        wanted.pop(0, None)  # a socket of the kernel's own
        if not wanted:
            return
        processes = self._look["processes"]
        for done, pid in enumerate(sorted(processes)):
            if processes[pid]["kthread"]:
                continue
            if not done % 64:
                self._progress("processes", done, len(processes))
            try:
                for inode in sockets.inodes(_descriptors(pid, processes[pid]["state"])):
                    if inode in wanted and len(wanted[inode]) < PIDS_LIMIT and pid not in wanted[inode][-1:]:
                        wanted[inode].append(pid)
            except OSError as error:
                if error.errno not in procfs.GONE:
                    self.unsearched += 1
        for record in records:
            for listener in record["listeners"]:
                listener["serves"] = self._served(record["inode"], listener["pids"])

    def _served(self, inode: int, pids: Iterable[int]) -> int | None:
        """The other net namespace whose ports the processes of a socket publish: the one that such a program holds, or
        has a child in. None if there is none, or more than one."""
        processes = self._look["processes"]
        found: set[int | None] = set()
        for pid in pids:
            if processes[pid]["comm"].startswith(_PUBLISHERS):
                found.update(p["namespaces"].get("net") for p in processes.values() if p["ppid"] == pid)
                with contextlib.suppress(OSError):
                    found.update(holders.held_by(pid, "net", self._look, self._scanner.reader, self._scanner.device))
        found -= {inode, None}
        return found.pop() if len(found) == 1 else None


def _descriptors(pid: int, state: str) -> str:
    """The path of a process's file descriptors."""
    directory = "/proc/%d/" % pid
    if state != "Z":
        return directory + "fd"
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        return directory + sockets.at(fd) + "fd"
    finally:
        os.close(fd)


def _number_of(target: _Target, told: Connection) -> int | None:
    try:
        fd = target.open()
    except OSError:
        return None
    try:
        return told.number_of(fd)
    except OSError:
        return None
    finally:
        os.close(fd)


def _record(
    inode: int,
    source: Literal["netlink", "proc"] | None = None,
    interfaces: Iterable[Interface] = (),
    routes: Iterable[Route] = (),
    listeners: Iterable[Listener] = (),
    left_out: int = 0,
    unreadable: str | None = None,
) -> Net:
    return {
        "inode": inode,
        "source": source,
        "interfaces": list(interfaces),
        "routes": list(routes),
        "listeners": sorted(listeners, key=lambda listener: (listener["protocol"], listener["port"])),
        "left_out": left_out,
        "unreadable": unreadable,
        "forwards": [],
        "forwards_unread": "not permitted",
    }


def _outside(target: _Target) -> Net:
    """The record of a namespace that can't be joined, by the /proc/PID/net of a member."""
    for pid in target.pids:
        directory = "/proc/%d/net" % pid
        try:
            interfaces, routes = procnet.interfaces(directory), procnet.default_routes(directory)
            listeners, left_out = procnet.listeners(directory, LISTENERS_LIMIT)
        except OSError:
            continue
        return _record(target.inode, "proc", interfaces, routes, listeners, left_out, "EPERM")
    return _record(target.inode, unreadable="EPERM")


# From within a user namespace


def _by_owner(targets: Iterable[_Target]) -> list[tuple[int | None, list[_Target]]]:
    """[(fd of the owning user namespace or None, targets)]; the fds are left open, for this process soon exits."""
    found: dict[int | None, tuple[int | None, list[_Target]]] = {}
    for target in targets:
        owner: int | None = None
        try:
            fd = target.open()
            owner = fcntl.ioctl(fd, nsfs.NS_GET_USERNS)
            os.close(fd)
        except OSError:
            pass  # not even that is ours to see
        key = os.fstat(owner).st_ino if owner is not None else None
        found.setdefault(key, (owner, []))[1].append(target)
    return list(found.values())


def _from_within(owner: int, read: Callable[[], tuple[list[Net], list[_Target]]]) -> tuple[list[Net], list[int]] | None:
    """The result of `read` in a child that has joined a user namespace, where it has all capabilities; inodes in place
    of refused targets. None if that can't be joined."""
    back, out = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(back)
            linux.setns(owner, linux.CLONE_NEW["user"])
            _guard()  # again: the kernel undoes it where capabilities change
            records, refused = read()
            _write(out, json.dumps([records, [target.inode for target in refused]]).encode("ascii"))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(out)
    with open(back, "rb") as file:
        data = file.read()
    return json.loads(data) if os.waitpid(pid, 0)[1] == 0 else None
