"""One look at all of /proc: every process, namespace and container.

A `Scanner` keeps whatever makes the next look cheaper (names, descriptions of namespaces, state files already read)
and nothing that could make it wrong: each look reads each process anew. Between looks `update` reads the processes that
may have changed.
"""

from __future__ import annotations

import os

from . import cgroup, forked_scan, holders, hostfiles, limitations, listns, namespaces, nsfs, procfs
from .containers import identify, supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import Dict, Optional, Tuple

    from .namespaces import Pair
    from .protocol import Changes, Container, Engines, KindName, Look, NamespaceKey, Namespaces, Process
    from .watch import Watch

    _Places = Dict[bytes, Tuple[str, Optional[cgroup.Claim]]]
    """{bytes of a cgroup file: (path, its Claim)}"""

STEP = 512
_ALIVE = ("R", "S", "D", "I")
"""The states of a process between which no change is told."""


class Scanner:
    """A reader of one host. `look` returns the records of a snapshot frame; `update` sets right those that a few
    changes concern.

    watch: follows each process from before it is read, None if there is no second look. noted(directory fd, name): is
    called with each file that containers are named by, before it is read. now: the last look, kept right by `update`.
    """

    def __init__(
        self, proc: str = "/proc", watch: Watch | None = None, noted: Callable[[int, str], None] | None = None
    ) -> None:
        self.now: Look = {"processes": {}, "namespaces": {}, "containers": []}
        self._reading: dict[int, Process] = {}  # the processes that a look under way has read
        self._watch = watch
        self._places: _Places = {}
        self._host = supervisor.Population(identify.Cache(), noted)
        hostfiles.host()  # before the first process is read: it joins the host's cgroup namespace
        self.reader = procfs.Reader(proc)
        # Not getpid(): /proc may be that of another pid namespace, as after `unshare --pid` alone.
        self.own, _ = self.reader.process(int(os.readlink("/proc/self")))
        kthreadd, of_kthreadd = self._namespaces_of(2)
        self.initial = nsfs.initial(
            kernel_version(os.uname().release),
            self.own["namespaces"].get("pid"),
            of_kthreadd if kthreadd else {},
            self._namespaces_of(1)[1],
        )
        if limitations.may_trace_all(self.own, self.initial):
            self.reader.witnesses = "self", hostfiles.host().through, hostfiles.KTHREADD
        # Threads of the kernel are shown by the /proc of the host's first pid namespace alone.
        self.hides_processes = limitations.hides_processes(self.own, self.initial, kthreadd)
        self._namespaces = namespaces.Registry(
            self.reader, self.initial, kernel_version(os.uname().release) >= listns.SINCE
        )
        self.device = self._namespaces.descriptions.device

    def _namespaces_of(self, pid: int) -> tuple[bool, Namespaces]:
        """(True if it is a thread of the kernel, its namespaces); (False, {}) for a process that can't be read."""
        try:
            record, _ = self.reader.process(pid)
        except (procfs.Vanished, OSError):
            return False, {}
        return record["kthread"], record["namespaces"]

    def look(self, progress: Callable[[int, int, int], None] | None = None, alone: int = 0) -> Look:
        """`now`, made anew of all processes. progress(read, done, total) is called every STEP processes: `read` were
        read here, and `done` of `total` together with those that a copy of this process has read meanwhile.

        alone: the number that is read before there is a copy, if that is no more than half of them.
        """
        before = self.now["processes"]
        processes: dict[int, Process] = {}
        self._reading = processes
        places: _Places = {}
        self._namespaces.begin()
        for record, lines in self._read_all(self.reader.pids(), progress, alone):
            pid = record["pid"]
            processes[pid] = self._placed(record, lines, before.get(pid), places)
        self._places = places
        self._host.begin(processes, dict(places.values()))
        found = self._identify(self.now["containers"], {})
        self.now = {
            "processes": processes,
            "namespaces": self._namespaces.look(processes, before),
            "containers": found,
        }
        return self.now

    def part(self) -> Look:
        """The part of a first look that is read by now. It has no containers: all processes must be known for these."""
        processes = self._reading.copy()
        return {"processes": processes, "namespaces": self._namespaces.part(processes), "containers": []}

    def moved(self, pids: Iterable[int]) -> set[int]:
        """The pids among these of known processes that are in another cgroup than their records say."""
        found = set()
        for pid in pids:
            try:
                lines = procfs.read_at(self.reader.proc_fd, "%d/cgroup" % pid, 16384)
            except OSError:  # gone just now
                lines = b""
            place = self._places.get(lines)
            if place is None or place[0] != self.now["processes"][pid]["cgroup"]:
                found.add(pid)
        return found

    def update(self, pids: Iterable[int], mounts: bool = False, names: bool = False) -> Changes:
        """The changes since the last look, if only these processes, or mounts, may have come, changed or gone. names:
        names of containers may have changed too.

        Facts that a look derives from all processes are derived again only for those that these have to do with; the
        containers only if a process may run, or be in, one that is not known yet.
        """
        now = self.now
        pairs: dict[int, Pair] = {}
        self._read_again(pids, pairs)
        # A process that loses its parent is given another, and need not run for that.
        ended = [pid for pid, (old, new) in pairs.items() if old and (new is None or new["state"] == "Z")]
        self._read_again([child for pid in ended for child in self._host.child_pids(pid)], pairs)
        before = now["containers"]
        followed = None if names else identify.follow(self._host, before, pairs.values())
        now["containers"] = self._identify(before, pairs) if followed is None else followed
        containers, containers_gone = identify.changes(before, now["containers"])
        changed, gone = self._namespaces.update(pairs.values(), pids, now["processes"], mounts)
        return {
            "processes": [new for old, new in pairs.values() if new and new != old],
            "gone": [pid for pid, (old, new) in pairs.items() if old and new is None],
            "namespaces": changed,
            "namespaces_gone": gone,
            "containers": containers,
            "containers_gone": containers_gone,
        }

    def _read_again(self, pids: Iterable[int], pairs: dict[int, Pair]) -> None:
        """Read these; add those that changed to `pairs`, as (record before or None, record now or None)."""
        for pid in pids:
            old = self._host.processes.get(pid)
            new = self._read(pid, old, self._places)
            if new is not old:
                self._host.replace(old, new)
                pairs[pid] = (pairs[pid][0] if pid in pairs else old, new)

    def _read_all(
        self, pids: list[int], progress: Callable[[int, int, int], None] | None, alone: int
    ) -> Iterator[tuple[Process, bytes]]:
        """(record, cgroup bytes) of each of these processes that exists, in this order."""
        half, begin, middle, total = None, 0, len(pids), len(pids)

        def told(read: int) -> None:
            share = (total - begin) / max(
                1, middle - begin
            )  # the number read by both in the time that one is read here
            if progress:
                progress(begin + read, int(begin + read * share), total)

        if not self.now["processes"] and forked_scan.pays(total):
            if 2 * alone <= total:
                yield from self._read_each(pids[:alone], told)
                begin = alone
            if begin:
                told(0)
            try:
                half = forked_scan.Half(lambda: self._read_for_another(pids[(begin + total) // 2 :]))
                middle = (begin + total) // 2
            except OSError:
                pass  # all are read here
        yield from self._read_each(pids[begin:middle], told)
        if half:
            found = half.take()
            if found is None:
                yield from self._read_each(pids[middle:])
            else:
                records, ran = found
                if self._watch:
                    self._watch.adopt(ran)
                seen: set[int] = set()  # by identity: many processes share one object
                for record, _ in records:
                    namespaces = record["namespaces"]
                    if id(namespaces) not in seen and self.reader.see(record["pid"], namespaces):
                        seen.add(id(namespaces))
                yield from records

    def _read_for_another(self, pids: list[int]) -> tuple[list[tuple[Process, bytes]], dict[int, int | bytes]]:
        """The readings of a copy of this process: (records and cgroup bytes, clocks of `watch`). Most namespaces have
        processes in both halves, and are described once, here."""
        self.reader.on_namespace = None
        return list(self._read_each(pids)), self._watch.seen(pids) if self._watch else {}

    def _read_each(
        self, pids: Iterable[int], progress: Callable[[int], None] | None = None
    ) -> Iterator[tuple[Process, bytes]]:
        """Like _read_all, in this process alone. progress(read) is called every STEP of them."""
        self.reader.levels.begin()
        try:
            for read, pid in enumerate(pids):
                if progress and not read % STEP and read:
                    progress(read)
                if self._watch:
                    self._watch.add(pid)
                try:
                    yield self.reader.process(pid)
                except procfs.Vanished:
                    if self._watch:
                        self._watch.discard(pid)
        finally:
            self.reader.levels.end()

    def _read(self, pid: int, before: Process | None, places: _Places) -> Process | None:
        """The record of a process; `before`, its last one, if that still holds. None if the process is gone."""
        if self._watch:
            self._watch.add(pid)
        try:
            record, lines = self.reader.process(pid)
        except procfs.Vanished:
            if self._watch:
                self._watch.discard(pid)
            return None
        return self._placed(record, lines, before, places)

    def _placed(self, record: Process, lines: bytes, before: Process | None, places: _Places) -> Process:
        """The record with its cgroup, by the bytes of that file; `before`, the last one, if that still holds."""
        place = places.get(lines)
        if place is None:
            place = self._places.get(lines)
            if place is None:
                place = cgroup.parse(lines.decode("utf-8", "backslashreplace"))
            places[lines] = place
            self._host.claims[place[0]] = place[1]
        record["cgroup"] = place[0]
        if before:
            # Running right now is no change to tell: a busy host would tell nothing else. Nor is the job of a worker of
            # the kernel: no host is so idle that its workers have none.
            state = before["state"] if before["state"] in _ALIVE and record["state"] in _ALIVE else record["state"]
            comm = before["comm"] if _worker(before) == _worker(record) is not None else record["comm"]
            if before == {**record, "state": state, "comm": comm, "container": before["container"]}:
                return before
        return record

    def _identify(self, before: Iterable[Container], pairs: dict[int, Pair]) -> list[Container]:
        """The containers, with the key of its own put into the record of each process. before: the containers of the
        last look.

        A record that was told is replaced by a new one, in pairs and everywhere else.
        """
        found, members = identify.identify(self._host)
        processes = self._host.processes
        for pid in {*members, *(pid for record in before for pid in record["pids"])}:
            record = processes.get(pid)
            if record and record["container"] != members.get(pid):
                new: Process = {**record, "container": members.get(pid)}
                processes[pid] = new
                pairs[pid] = (pairs[pid][0] if pid in pairs else record, new)
        return found

    def engines(self) -> Engines:
        """The records of engines about the containers that are known, and about others."""
        from . import engines  # seldom needed, and a start is to be quick

        return engines.records(self.now, self._host, self.initial.get("net"))

    def sightings(self, key: NamespaceKey) -> Collection[holders.Sighting]:
        """The holders of a namespace that the last search found, each of which may open it."""
        return self._namespaces.held.get(key, ())

    def ways(self, kind: KindName) -> dict[int, Callable[[], int]]:
        """{inode: opener} of the namespaces of a kind."""
        members = {record["namespaces"].get(kind): pid for pid, record in self.now["processes"].items()}
        return {
            inode: self._namespaces.way((kind, inode), members.get(inode))
            for of, inode in self.now["namespaces"]
            if of == kind
        }

    def is_listed(self, key: NamespaceKey) -> bool:
        """True if only the kernel's own list has the namespace."""
        return self._namespaces.is_listed(key)

    def search(self, look: Look) -> holders.Search:
        """A search for all holders of the namespaces of this look; see `holders`."""
        return holders.Search(look, self.reader, self.device)

    def searched(self, look: Look, search: holders.Search) -> Look:
        """The look with the findings of a search since."""
        self.now = {**look, "namespaces": self._namespaces.searched(search, look["processes"])}
        return self.now


def _worker(record: Process) -> str | None:
    """kworker/1:0 of "kworker/1:0-events" and "kworker/1:0+pm" (kernel/workqueue.c, wq_worker_comm); None of others."""
    if record["kthread"] and record["comm"].startswith("kworker/"):
        return record["comm"].partition("-")[0].partition("+")[0]
    return None


def kernel_version(release: str) -> tuple[int, ...]:
    """(6, 18) from uname's "6.18.44-fc"."""
    numbers = []
    for part in release.split(".")[:2]:
        digits = ""
        for character in part:
            if not character.isdigit():
                break
            digits += character
        numbers.append(int(digits or 0))
    return tuple(numbers)
