"""One look at all of /proc: every process, namespace and container.

A `Scanner` keeps what makes the next look cheaper (names, descriptions of namespaces, state files already read)
and nothing that could make it wrong: each look reads each process anew. Between looks `update` reads those that are
known to have changed.
"""

from __future__ import annotations

import os

from . import cgroup, holders, honesty, hostfiles, listns, namespaces, nsfs, procfs, twofold
from .containers import identify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STEP = 512
_ALIVE = ("R", "S", "D", "I")


class Scanner:
    """Looks at one host. `look` gives the records of a snapshot frame; `update` sets right what a few changes concern.

    watch: what is to follow each process from before it is read, None where nobody looks twice. noted(directory fd,
    name): is told of the files that containers are named by, before these are read.
    now: the last look, kept right by `update`: {"processes": {pid: record}, "namespaces": {(kind, inode): record},
    "containers": [record]}.
    """

    def __init__(self, proc="/proc", watch=None, noted=None):
        self.now: Any = None
        self._reading: dict[int, Any] = {}  # the processes that a look under way has read
        self._watch = watch
        self._places = {}  # {a cgroup file's bytes: (path, Claim or None)}
        self._host = identify.Host(identify.Cache(), noted)
        hostfiles.host()  # before the first process is read, for by it cgroups are told as the host has them
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
        if honesty.may_trace_all(self.own, self.initial):
            through = hostfiles.host().through
            self.reader.own = through or "self", self._namespaces_of(through)[1] if through else self.own["namespaces"]
        # Threads of the kernel are shown by the /proc of the host's first pid namespace alone.
        self.hides_processes = honesty.hides_processes(self.own, self.initial, kthreadd)
        self._namespaces = namespaces.Namespaces(
            self.reader, self.initial, kernel_version(os.uname().release) >= listns.SINCE
        )
        self.device = self._namespaces.device

    def _namespaces_of(self, pid):
        """(whether it is a thread of the kernel, its {kind: inode}); (False, {}) of a process that can't be read."""
        try:
            record, _ = self.reader.process(pid)
        except (procfs.Vanished, OSError):
            return False, {}
        return record["kthread"], record["namespaces"]

    def look(self, progress=None, only=None, alone=0):
        """`now`, made anew of all there is. progress(read, done, total) is called every STEP processes: so many were
        read here, which is `done` of `total` with what a copy of us has read meanwhile.

        only: the pids to look at, where not at all; then what needs the others, such as who shares a namespace, is not
        known. alone: so many are read before there is a copy, where that is no more than half of them.
        """
        before = self.now["processes"] if self.now else {}
        processes: dict[int, Any] = {}
        self._reading = processes
        places: dict[bytes, tuple[str, Any]] = {}
        self._namespaces.begin()
        for record, lines in self._read_all(self.reader.pids() if only is None else only, progress, alone):
            pid = record["pid"]
            processes[pid] = self._placed(record, lines, before.get(pid), places)
        self._places = places
        self._host.begin(processes, dict(places.values()))
        pairs: dict[int, Any] = {}
        found = self._identify(self.now["containers"] if self.now else [], pairs)
        self.now = {
            "processes": processes,
            "namespaces": self._namespaces.look(processes, before),
            "containers": found,
        }
        return self.now

    def part(self):
        """What a first look that is under way has read, as `now` will be. Who runs which container is not told: all
        processes must be known for that."""
        processes = self._reading.copy()
        return {"processes": processes, "namespaces": self._namespaces.part(processes), "containers": []}

    def moved(self, pids):
        """Those of these known processes that are in another cgroup than their records say."""
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

    def update(self, pids, mounts=False, names=False):
        """What has changed since the last look when only these processes, or mounts, may have come, changed or gone:
        a delta's {"processes": [record], "gone": [pid], ..}. names: containers may be called otherwise.

        What a look derives of all processes is derived again for those alone that these have to do with; who runs
        which container only when a process may be, or be of, a container that is not known yet.
        """
        now = self.now
        pairs: dict[int, Any] = {}
        self._read_again(pids, pairs)
        # Who loses its parent is given another, and need not run for that.
        ended = [pid for pid, (old, new) in pairs.items() if old and (new is None or new["state"] == "Z")]
        self._read_again([child for pid in ended for child in self._host.child_pids(pid)], pairs)
        before = now["containers"]
        followed = None if names else identify.follow(self._host, before, pairs.values())
        now["containers"] = self._identify(before, pairs) if followed is None else followed
        changed, gone = self._namespaces.update(pairs.values(), pids, now["processes"], mounts)
        return {
            "processes": [new for old, new in pairs.values() if new and new != old],
            "gone": [pid for pid, (old, new) in pairs.items() if old and new is None],
            "namespaces": changed,
            "namespaces_gone": gone,
            **identify.changes(before, now["containers"]),
        }

    def _read_again(self, pids, pairs):
        """Read these; pairs, {pid: (record before or None, record now or None)}, is given those that changed."""
        for pid in pids:
            old = self._host.processes.get(pid)
            new = self._read(pid, old, self._places)
            if new is not old:
                self._host.replace(old, new)
                pairs[pid] = (pairs[pid][0] if pid in pairs else old, new)

    def _read_all(self, pids, progress, alone):
        """(record, cgroup bytes) of each of these processes that is there, in this order."""
        half, begin, middle, total = None, 0, len(pids), len(pids)

        def told(read):
            share = (total - begin) / max(1, middle - begin)  # how many are read in the time that we read one
            progress(begin + read, int(begin + read * share), total)

        if self.now is None and twofold.pays(total):
            if 2 * alone <= total:
                yield from self._read_each(pids[:alone], progress and told)
                begin = alone
            if begin and progress:
                told(0)
            try:
                half = twofold.Half(lambda: self._read_for_another(pids[(begin + total) // 2 :]))
                middle = (begin + total) // 2
            except OSError:
                pass  # one of us reads all
        yield from self._read_each(pids[begin:middle], progress and told)
        if half:
            found = half.take()
            if found is None:
                yield from self._read_each(pids[middle:])
            else:
                records, sights, ran = found
                self._namespaces.adopt(*sights)
                if self._watch:
                    self._watch.adopt(ran)
                yield from records

    def _read_for_another(self, pids):
        """What a copy of us reads of these: (their records and cgroup bytes, namespaces seen first, when they ran)."""
        records = list(self._read_each(pids))
        return records, self._namespaces.sights(), self._watch.seen(pids) if self._watch else {}

    def _read_each(self, pids, progress=None):
        """The same of these, read here. progress(read) is called every STEP of them."""
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

    def _read(self, pid, before, places):
        """The record of a process, None where it is gone; `before`, its last one, where that still holds."""
        if self._watch:
            self._watch.add(pid)
        try:
            record, lines = self.reader.process(pid)
        except procfs.Vanished:
            if self._watch:
                self._watch.discard(pid)
            return None
        return self._placed(record, lines, before, places)

    def _placed(self, record, lines, before, places):
        """The record with its cgroup, by that file's bytes; `before`, the last one, where that still holds."""
        place = places.get(lines)
        if place is None:
            place = self._places.get(lines)
            if place is None:
                place = cgroup.parse(lines.decode("utf-8", "backslashreplace"))
            places[lines] = place
            self._host.claims[place[0]] = place[1]
        record["cgroup"] = place[0]
        if before:
            # Whether it happens to run right now is no change to tell of: a busy host would do nothing else. Nor is
            # what a worker of the kernel works at: no host is so idle that they do nothing.
            state = before["state"] if before["state"] in _ALIVE and record["state"] in _ALIVE else record["state"]
            comm = before["comm"] if _worker(before) == _worker(record) is not None else record["comm"]
            if before == dict(record, state=state, comm=comm, container=before["container"]):
                return before
        return record

    def _identify(self, before, pairs):
        """The containers there are, and whose each process is put into its record; before: those there were.

        A record that was told is another then, in pairs and all else.
        """
        found, members = identify.identify(self._host)
        processes = self._host.processes
        for pid in {*members, *(pid for record in before for pid in record["pids"])}:
            record = processes.get(pid)
            if record and record["container"] != members.get(pid):
                processes[pid] = new = dict(record, container=members.get(pid))
                pairs[pid] = (pairs[pid][0] if pid in pairs else record, new)
        return found

    def sightings(self, key):
        """What the last search found to hold a namespace, each of which may open it."""
        return self._namespaces.held.get(key, ())

    def ways(self, kind):
        """{inode: what opens it} of the namespaces of a kind."""
        members = {record["namespaces"].get(kind): pid for pid, record in self.now["processes"].items()}
        return {
            inode: self._namespaces.way((kind, inode), members.get(inode))
            for of, inode in self.now["namespaces"]
            if of == kind
        }

    def is_listed(self, key):
        """The kernel's own list has a namespace that nothing else was seen to lead to."""
        return self._namespaces.is_listed(key)

    def search(self, look):
        """A search for all holders of the namespaces of this look; see `holders`."""
        return holders.Search(look, self.reader, self.device)

    def searched(self, look, search):
        """The look with what a search has found since."""
        self.now = dict(look, namespaces=self._namespaces.searched(search, look["processes"]))
        return self.now


def _worker(record):
    """kworker/1:0 of "kworker/1:0-events" and "kworker/1:0+pm" (kernel/workqueue.c, wq_worker_comm); None of others."""
    if record["kthread"] and record["comm"].startswith("kworker/"):
        return record["comm"].partition("-")[0].partition("+")[0]
    return None


def kernel_version(release):
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
