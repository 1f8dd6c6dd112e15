"""One look at all of /proc: every process, namespace and container.

A `Scanner` keeps what makes the next look cheaper (names, descriptions of namespaces, state files already read)
and nothing that could make it wrong: each look reads each process anew. Between looks `update` reads those that are
known to have changed.

An inode is reused at once, so what was described under it may be another namespace by the next look. It is the same
one where a process was in it then and is now, for a namespace with a member can't end; only where nobody stayed, or
where mounts alone hold it, is it opened again and its id compared. That costs a look at a quiet host nothing a
process, one dictionary look-up a namespace, and one open a namespace without processes. Before Linux 6.18 there are
no ids; then all that can be said of such a namespace is that its description is the new one's.
"""

from __future__ import annotations

import os
from typing import Any

from . import cgroup, containers, holders, listns, mountinfo, nsfs, procfs

_ALIVE = ("R", "S", "D", "I")


class Scanner:
    """Looks at one host. `look` gives the records of a snapshot frame, `update` those that follow from a few changes.

    watch: what is to follow each process from before it is read, None where nobody looks twice.
    """

    def __init__(self, proc="/proc", watch=None):
        self._watch = watch
        self._members = {}  # {(kind, inode): how many processes are in it} by the last look
        self._now: Any = None  # the last look
        self._described = {}  # {(kind, inode): record} by the look before, those without processes too
        self._fresh = {}  # .. and as described in this look ..
        self._above = {}  # .. with the owners and parents found on the way
        self._last = {}  # {pid: record} of the look before
        self._held = {}  # {(kind, inode): [holders.Sighting]} of the last search ..
        self._alone = set()  # .. the pids of those that hold namespaces without processes ..
        self._listed = set()  # .. and keys of mount namespaces that only the kernel's list has
        self._has_list = kernel_version(os.uname().release) >= listns.SINCE
        self._candidates = set()  # ids in the kernel's list before the last look ..
        self._unheld = {}  # .. and {id: (key, record)} of those to which nothing seen leads
        self._places = {}
        self._claims = {}
        self._cache = containers.Cache()
        self.device = os.stat("/proc/self/ns/mnt").st_dev
        self.reader = procfs.Reader(proc, self._on_namespace)
        # Not getpid(): /proc may be that of another pid namespace, as after `unshare --pid` alone.
        self.own, _ = self.reader.process(int(os.readlink("/proc/self")))
        self.initial = nsfs.initial(
            kernel_version(os.uname().release),
            self.own["namespaces"].get("pid"),
            self._namespaces_of(2, kthread=True),
            self._namespaces_of(1),
        )

    def _namespaces_of(self, pid, kthread=False):
        try:
            record, _ = self.reader.process(pid)
        except (procfs.Vanished, OSError):
            return {}
        return record["namespaces"] if record["kthread"] or not kthread else {}

    def _on_namespace(self, kind, inode, open_namespace):
        record = self._fresh[kind, inode] = nsfs.describe(kind, inode, open_namespace, self.device, self._above)
        return nsfs.was_opened(record)

    def look(self, progress=None):
        """{"processes": {pid: record}, "namespaces": {(kind, inode): record}, "containers": [record]}.

        progress(done, total) is called every 512 processes.
        """
        before = self._now["processes"] if self._now else {}
        processes: dict[int, Any] = {}
        places: dict[bytes, tuple[str, Any]] = {}
        self._claims = {}
        if self._has_list:
            self._candidates = listns.ids() or set()
        pids = self.reader.pids()
        for done, pid in enumerate(pids):
            if progress and not done % 512 and done:
                progress(done, len(pids))
            record = self._read(pid, before.get(pid), places)
            if record:
                processes[pid] = record
        self._places = places
        found = self._identify(processes)
        self._members = _counted(processes)
        self._now = {"processes": processes, "namespaces": self._namespaces(processes), "containers": found}
        return self._now

    def update(self, pids, mounts=False):
        """The look that follows from the last one when only these processes, or mounts, may have come, changed or gone.

        What a look derives of all processes is derived again only where these can have changed it: when a namespace
        was entered first or left last, when a process may be, or be of, a container that is not known yet.
        """
        processes = dict(self._now["processes"])
        pairs = self._read_again(pids, processes)
        # Who loses its parent is given another, and need not run for that.
        ended = {old["pid"] for old, new in pairs if old and (new is None or new["state"] == "Z")}
        if ended:
            pairs += self._read_again([pid for pid, r in processes.items() if r["ppid"] in ended], processes)
        look = dict(self._now, processes=processes)
        followed = containers.follow(look["containers"], pairs)
        look["containers"] = self._identify(processes) if followed is None else followed
        if self._same_namespaces(pairs) and not mounts and self._still_holding(pids, pairs):
            self._last = processes
        else:
            look["namespaces"] = self._namespaces(processes)
        self._now = look
        return look

    def _read_again(self, pids, processes):
        """[(record before or None, record now or None)] of those of these that changed; processes is set right."""
        pairs = []
        for pid in pids:
            old = processes.pop(pid, None)
            new = self._read(pid, old, self._places)
            if new:
                processes[pid] = new
            if new is not old:
                pairs.append((old, new))
        return pairs

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
        place = places.get(lines) or self._places.get(lines)
        if place is None:
            place = cgroup.parse(lines.decode("utf-8", "backslashreplace"))
        places[lines] = place
        record["cgroup"], self._claims[place[0]] = place
        if before:
            # Whether it happens to run right now is no change to tell of: a busy host would do nothing else.
            state = before["state"] if before["state"] in _ALIVE and record["state"] in _ALIVE else record["state"]
            if before == dict(record, state=state, container=before["container"]):
                return before
        return record

    def _identify(self, processes):
        """The containers of these processes, whose records are made to say whose they are."""
        found, members = containers.identify(processes, self._claims, self._cache)
        for pid, record in processes.items():
            if record["container"] != members.get(pid):
                processes[pid] = dict(record, container=members.get(pid))  # the old one may be the last look's too
        return found

    def _same_namespaces(self, pairs):
        """No namespace was entered first or left by all, so all are as they were; counts the members anew."""
        left: dict[tuple[str, int], int] = {}
        entered: dict[tuple[str, int], int] = {}
        for old, new in pairs:
            old = set(old["namespaces"].items()) if old else set()
            new = set(new["namespaces"].items()) if new else set()
            for key in old - new:
                left[key] = left.get(key, 0) + 1
            for key in new - old:
                entered[key] = entered.get(key, 0) + 1
        members = self._members
        # Left by all and entered by others is a change too: the inode may be another namespace's.
        same = all(members.get(key, 0) > number for key, number in left.items())
        same = same and all(key in members for key in entered)
        for key, number in left.items():
            members[key] = members.get(key, 0) - number
        for key, number in entered.items():
            members[key] = members.get(key, 0) + number
        for key in left:
            if members[key] <= 0:
                del members[key]
        return same

    def _namespaces(self, processes):
        mounts = nsfs.mounts(mountinfo.read_own())
        first = {}
        for record in processes.values():
            for key in record["namespaces"].items():
                if key not in first:
                    first[key] = record
        for key in self._doubtful(first, processes):
            self._describe_again(key, lambda key=key: self._open_link(first[key]["pid"], key[0]))
        for key, paths in mounts.items():
            if key not in first and key not in self._fresh:
                self._describe_again(key, _opener(paths[-1]))
        held = self._still_held(first, mounts, processes)
        self._listed = self._still_listed(first, mounts, held)
        present = {}
        for key in (*first, *mounts, *held, *self._listed):
            if key not in present:
                present[key] = self._fresh.get(key) or self._described.get(key) or self._undescribed(key)
        self._add_unheld(present)
        children = self._add_those_above(present)
        for key in self._described:
            if key not in first:
                self.reader.forget(*key)
        for key, known in present.items():
            kind, inode = key
            record = present[key] = dict(known)
            record["initial"] = self.initial.get(kind) == inode
            if record["initial"]:
                record["out_of_view"] = []  # there is nothing above it to see
            record["names"] = mounts.get(key, [])
            record["held_by"] = [{"kind": "mount", "path": path} for path in record["names"]]
            record["held_by"] += [sighting.holder for sighting in held.get(key, ())]
            if key not in first:
                record["held_by"] += [
                    {"kind": "child", "path": "%s:[%d]" % child} for child in sorted(children.get(key, ()))
                ]
        self._described, self._fresh, self._above, self._last = present, {}, {}, processes
        return present

    def sightings(self, key):
        """What the last search found to hold a namespace, each of which may open it."""
        return self._held.get(key, ())

    def search(self, look):
        """A search for all holders of the namespaces of this look; see `holders`."""
        return holders.Search(look, self.reader, self.device)

    def searched(self, look, search):
        """The look with what a search has found since."""
        self._held, self._listed = search.found, search.listed
        self._fresh.update((key, record) for key, record in search.records.items() if key not in self._described)
        self._above.update(search.above)
        self._now = dict(look, namespaces=self._namespaces(look["processes"]))
        return self._now

    def _still_held(self, first, mounts, processes):
        """{(kind, inode): [Sighting, ..]} of the last search, less those that are over.

        Where a process that was searched is gone so are its holders. Where these are all that is known to keep a
        namespace alive they are tried, until one is found that does.
        """
        still = {}
        self._alone = set()
        for key, sightings in self._held.items():
            alive = []
            for sighting in sightings:
                record = processes.get(sighting.holder["pid"])
                # A search sees processes that are younger than the last look; a dead leader may have live threads.
                known = record and record["state"] != "Z"
                if record["start"] == sighting.start if known else sighting.holds():
                    alive.append(sighting)
            if key not in first and key not in mounts:
                while alive and not alive[0].holds():
                    del alive[0]
                self._alone.update(sighting.holder["pid"] for sighting in alive)
                if alive and key not in self._fresh:
                    self._describe_again(key, alive[0].open)
            if alive:
                still[key] = alive
        self._held = still
        return still

    def _still_holding(self, pids, pairs):
        """Nothing that the last search found to hold a namespace can have let go of it.

        Who alone keeps one alive must run to let go. Of others it is enough to know that they have not ended.
        """
        if self._alone.isdisjoint(pids):
            ended = {old["pid"] for old, new in pairs if old and (new is None or new["state"] == "Z")}
            return not any(s.holder["pid"] in ended for seen in self._held.values() for s in seen) if ended else True
        return False

    def _add_unheld(self, present):
        """Add what the kernel's list has and nothing else leads to.

        What has come while we looked is not taken for such: most likely a process is in it.
        """
        if not self._candidates:
            return
        listed = (listns.ids() or set()) & self._candidates
        self._candidates = listed
        listed = listed.difference(record["id"] for record in present.values())
        known, self._unheld = self._unheld, {}
        for id in listed:
            found = known.get(id) or listns.describe(id, self.device, self._above)
            if found and found[0] not in present:
                key, present[key] = found
                self._unheld[id] = found

    def _still_listed(self, *known):
        """Which of the keys that only the kernel's list has are there still."""
        wanted = {key for key in self._listed if not any(key in keys for keys in known)}
        still = set()
        if wanted:
            for inode, fd in holders.mount_namespaces():
                key = "mnt", inode
                if key in wanted:
                    still.add(key)
                    if key not in self._fresh:
                        self._describe_again(key, lambda fd=fd: os.dup(fd))
        return still

    def _doubtful(self, first, processes):
        """The known namespaces to describe again: nobody stayed in them. first: {key: its first member}."""
        last = self._last
        found, unknown = set(), set()
        for key, record in first.items():
            known = None if key in self._fresh else self._described.get(key)
            if known and not _stayed(record, last.get(record["pid"]), key):
                found.add(key)
            elif known and not nsfs.was_opened(known) and not known["initial"]:
                unknown.add(key)  # it could not be opened: its process ended just then
        if found:
            for pid, record in processes.items():
                before = last.get(pid)
                if before and before["start"] == record["start"]:
                    found.difference_update(before["namespaces"].items() & record["namespaces"].items())
                    if not found:
                        break
        return found | unknown

    def _describe_again(self, key, open_namespace):
        """Describe one that may be another than it was; where it can't be opened the old description stands."""
        above: dict[tuple[str, int], Any] = {}
        record = nsfs.describe(key[0], key[1], open_namespace, self.device, above)
        if record["id"] is not None or key not in self._described:
            self._fresh[key] = record
            self._above.update(above)

    def _open_link(self, pid, kind):
        return os.open("%d/ns/%s" % (pid, kind), os.O_RDONLY, dir_fd=self.reader.proc_fd)

    def _undescribed(self, key):
        return nsfs.describe(key[0], key[1], _unopened, self.device)

    def _add_those_above(self, present):
        """Add owners and parents in which no process is; {(kind, inode): keys of those below it}.

        One that was known by the look before is the same as long as one below it is.
        """
        children: dict[tuple[str, int], list[tuple[str, int]]] = {}
        unseen = list(present)
        while unseen:
            key = unseen.pop()
            record = present[key]
            above = {("user", record["owner"]), (key[0], record["parent"])}
            for other in above:
                if other[1] is None:
                    continue
                children.setdefault(other, []).append(key)
                if other not in present:
                    present[other] = self._above.get(other) or self._described.get(other) or self._undescribed(other)
                    unseen.append(other)
        return children


def _counted(processes):
    """{(kind, inode): how many of these processes are in it}."""
    members: dict[tuple[str, int], int] = {}
    for record in processes.values():
        for key in record["namespaces"].items():
            members[key] = members.get(key, 0) + 1
    return members


def _stayed(record, before, key):
    """A process was in the namespace by the look before, and is now."""
    return (
        before is not None and before["start"] == record["start"] and before["namespaces"].get(key[0]) == key[1]
    )


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


def _opener(path):
    return lambda: os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def _unopened():
    raise OSError("not at hand")
