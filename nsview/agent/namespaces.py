"""The namespaces there are: which, what each is, and why it is still there.

One is there while a process is in it, a mount or a holder that a search found keeps it, or another is below it; each
of these reasons is kept for each namespace, so that a change costs those that it concerns and those above them.

An inode is reused at once, so what was described under it may be another namespace by the next look. It is the same
one where a process was in it then and is now, for a namespace with a member can't end; only where nobody stayed, or
where mounts alone hold it, is it opened again and its id compared. That costs a look at a quiet host nothing a
process, one dictionary look-up a namespace, and one open a namespace without processes. Before Linux 6.18 there are
no ids; then all that can be said of such a namespace is that its description is the new one's.
"""

from __future__ import annotations

import os

from . import holders, hostfiles, listns, nsfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Namespaces:
    """Those of one host, by what `reader` has read of its processes. initial: {kind: inode} of the first ones.

    has_list: the kernel has a list of all (`listns`), to be asked at each look.
    records: {(kind, inode): frame record} of those there are now. held: {(kind, inode): [Sighting]} of the last search.
    """

    def __init__(self, reader, initial, has_list):
        self.records: dict[tuple[str, int], dict[str, Any]] = {}
        self.device = os.stat("/proc/self/ns/mnt").st_dev
        self._reader = reader
        self._initial = initial
        self._members: dict[tuple[str, int], int] = {}  # how many processes are in each
        self._mounts: dict[tuple[str, int], list[str]] = {}  # where it is mounted, as the host sees it
        self.held: dict[tuple[str, int], list[holders.Sighting]] = {}
        self._holding: dict[int, set[tuple[str, int]]] = {}  # which are held so by a pid
        self._listed: set[tuple[str, int]] = set()  # mount namespaces that only the kernel's list has
        self._has_list = has_list
        self._candidates: set[int] = set()  # ids in the kernel's list before the last look ..
        self._unheld: dict[tuple[str, int], dict[str, Any]] = {}  # .. and records of those to which nothing seen leads
        self._below: dict[tuple[str, int], set[tuple[str, int]]] = {}  # whose owner or parent it is
        self._fresh: dict[tuple[str, int], dict[str, Any]] = {}  # described since the records were last set right ..
        self._above: dict[tuple[str, int], dict[str, Any]] = {}  # .. with the owners and parents found on the way
        reader.on_namespace = self._first_sight

    def _first_sight(self, kind, inode, open_namespace):
        record = self._fresh[kind, inode] = nsfs.describe(kind, inode, open_namespace, self.device, self._above)
        return nsfs.was_opened(record)

    def sights(self):
        """What was described since the records were last set right; for `adopt`."""
        return self._fresh, self._above

    def adopt(self, fresh, above):
        """Take what a copy of this has described meanwhile."""
        for key, record in fresh.items():
            if key not in self._fresh:
                self._fresh[key] = record
                if nsfs.was_opened(record):
                    self._reader.remember(*key)
        self._above = {**above, **self._above}

    def begin(self):
        """A look at the processes is about to begin."""
        if self._has_list:
            self._candidates = listns.ids() or set()

    def look(self, processes, before):
        """The records by a look at all processes. before: the processes of the look before."""
        known, self.records, self._below = self.records, {}, {}
        members, first = _counted(processes)
        self._members = members
        for key in self._doubtful(first, processes, before, known):
            self._describe_again(key, self._opener_of(first[key], key), known)
        self._mounts = nsfs.mounts(hostfiles.mounts())
        self._look_at_mounted(known)
        self._drop_holders(list(self.held), processes, known)
        self._drop_listed(known)
        for key in known:
            if key not in members:
                self._reader.forget(*key)
        unheld, self._unheld = self._unheld, {}
        self._settle({*members, *self._mounts, *self.held, *self._listed}, known)
        self._add_unheld({record["id"]: record for record in unheld.values()}, known)
        return self.records

    def part(self, processes):
        """{key: record} of those that these processes are in, while a first look is under way: nothing is settled."""
        self._mounts = self._mounts or nsfs.mounts(hostfiles.mounts())
        return {key: self._finished(key, dict(self._description(key, {}))) for key in _counted(processes)[0]}

    def update(self, pairs, pids, processes, mounts):
        """(records that are new or others, keys that are gone) after changes of processes, or of mounts.

        pairs: (record before or None, record now or None) of each process that changed. pids: those that may have.
        """
        touched = self._moved(pairs)
        if mounts:
            touched |= self._remounted()
        held = self._held_in_doubt(pairs, pids) | touched.intersection(self.held)
        if held:
            self._drop_holders(held, processes, self.records)
            touched |= held
        if touched:
            touched |= self._drop_listed(self.records)
        before = self._settle(touched, self.records)
        changed = [record for key, was in before.items() if (record := self.records.get(key)) and record != was]
        return changed, [key for key, was in before.items() if was and _ended(was, self.records.get(key))]

    def searched(self, search, processes):
        """Take what a search has found since the last look; the records as they are then."""
        self.held, self._listed = search.found, search.listed
        self._holding = {}
        for key, sightings in self.held.items():
            for sighting in sightings:
                self._holding.setdefault(sighting.holder["pid"], set()).add(key)  # None: no process
        for key, record in search.records.items():
            if key not in self.records or (nsfs.was_opened(record) and not nsfs.was_opened(self.records[key])):
                self._fresh[key] = record
        self._above.update(search.above)
        return self.look(processes, processes)

    # What changes

    def _moved(self, pairs):
        """The keys that were entered first, left by all, or left by all and entered by others; counts the members."""
        left: dict[tuple[str, int], int] = {}
        entered: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for old, new in pairs:
            was = old["namespaces"] if old else {}
            now = new["namespaces"] if new else {}
            if old and new and old["start"] == new["start"]:
                if was == now:
                    continue
                was, now = dict(was.items() - now.items()), dict(now.items() - was.items())
            for key in was.items():
                left[key] = left.get(key, 0) + 1
            for key in now.items():
                entered.setdefault(key, []).append(new)
        touched = set()
        members = self._members
        for key in {*left, *entered}:
            stayed = members.get(key, 0) - left.get(key, 0)
            joined = entered.get(key, ())
            if stayed + len(joined):
                members[key] = stayed + len(joined)
            else:
                members.pop(key, None)
                self._reader.forget(*key)
            if not stayed:
                touched.add(key)
                if joined and key not in self._fresh:
                    # By others, or by the first of which more is known than that it was there.
                    self._describe_again(key, self._opener_of(joined[0], key), self.records)
        return touched

    def _remounted(self):
        """The keys of which a mount came or went, and of those that mounts alone may hold."""
        before, self._mounts = self._mounts, nsfs.mounts(hostfiles.mounts())
        touched = {key for key in {*before, *self._mounts} if before.get(key) != self._mounts.get(key)}
        return touched | self._look_at_mounted(self.records)

    def _look_at_mounted(self, known):
        """Describe again those that are mounted and in which no process is; their keys."""
        empty = {key for key in self._mounts if key not in self._members}
        for key in empty:
            if key not in self._fresh:
                self._describe_again(key, self._opener_through(key), known)
        return empty

    def _held_in_doubt(self, pairs, pids):
        """The keys of which something that the last search found to hold them may have let go.

        Who alone keeps one alive must run to let go. Of others it is enough to know that they have not ended.
        """
        if not self._holding:
            return set()
        ended = {old["pid"] for old, new in pairs if old and (new is None or new["state"] == "Z")}
        doubt = set()
        for pid in self._holding.keys() & {*pids, *ended}:
            for key in self._holding[pid]:
                if key in self.held and (pid in ended or key not in self._members):
                    doubt.add(key)
        return doubt

    def _drop_holders(self, keys, processes, known):
        """Of what the last search saw to hold these, drop what is over.

        Where a process that was searched is gone so are its holders. Where these are all that is known to keep a
        namespace alive they are tried, until one is found that does.
        """
        for key in keys:
            alive = []
            for sighting in self.held[key]:
                record = processes.get(sighting.holder["pid"])
                # A search sees processes that are younger than the last look; a dead leader may have live threads.
                sure = record and record["state"] != "Z"
                if record["start"] == sighting.start if sure else sighting.holds():
                    alive.append(sighting)
            if key not in self._members and key not in self._mounts:
                while alive and not alive[0].holds():
                    del alive[0]
                if alive and key not in self._fresh:
                    self._describe_again(key, self._opener_through(key), known)
            if alive:
                self.held[key] = alive
            else:
                del self.held[key]

    def _drop_listed(self, known):
        """Keep of the keys that only the kernel's list has those that are there still; the keys that were looked at."""
        touched, self._listed = self._listed, set()
        wanted = {k for k in touched if k not in self._members and k not in self._mounts and k not in self.held}
        if wanted:
            for inode, fd in holders.mount_namespaces():
                key = "mnt", inode
                if key in wanted:
                    self._listed.add(key)
                    if key not in self._fresh:
                        self._describe_again(key, lambda fd=fd: os.dup(fd), known)
        return touched

    def _add_unheld(self, before, known):
        """Add what the kernel's list has and nothing else leads to. before: {id: record} of those it was so with.

        What has come while we looked is not taken for such: most likely a process is in it.
        """
        if not self._candidates:
            return
        self._candidates &= listns.ids() or set()
        for id in self._candidates.difference(record["id"] for record in self.records.values()):
            old = before.get(id)
            found = ((old["type"], old["inode"]), old) if old else listns.describe(id, self.device, self._above)
            if found and found[0] not in self.records:
                self._unheld[found[0]] = self._fresh[found[0]] = found[1]
        self._settle(self._unheld, known)

    def _doubtful(self, first, processes, before, known):
        """The keys to describe again: nobody stayed in them. first: {key: a process in it}."""
        found, unknown = set(), set()
        for key, record in first.items():
            if key in self._fresh:
                continue
            old = known.get(key)
            if old is None or not (nsfs.was_opened(old) or old["initial"]):
                unknown.add(key)  # it could not be opened: its process ended just then
            elif not _stayed(record, before.get(record["pid"]), key):
                found.add(key)
        if found:
            for pid, record in processes.items():
                was = before.get(pid)
                if was and was["start"] == record["start"]:
                    found.difference_update(was["namespaces"].items() & record["namespaces"].items())
                    if not found:
                        break
        return found | unknown

    def _describe_again(self, key, open_namespace, known):
        """Describe one that may be another than it was; where it can't be opened the old description stands."""
        above: dict[tuple[str, int], Any] = {}
        record = nsfs.describe(key[0], key[1], open_namespace, self.device, above)
        if record["id"] is not None or key not in known:
            self._fresh[key] = record
            self._above.update(above)

    def _opener_of(self, record, key):
        path = "%d/ns/%s" % (record["pid"], key[0])
        return lambda: os.open(path, os.O_RDONLY, dir_fd=self._reader.proc_fd)

    def is_listed(self, key):
        """The kernel's own list, or a search's, has a namespace that nothing else was seen to lead to."""
        return key in self._unheld or key in self._listed

    def way(self, key, member):
        """What opens a namespace, an OSError where nothing is known that does. member: the pid of a process in it."""
        return self._opener_of({"pid": member}, key) if member is not None else self._opener_through(key)

    def _opener_through(self, key):
        """Through what it is mounted at, or else through what a search has found to hold it."""
        paths = reversed(self._mounts.get(key, ()))
        ways = [lambda path=path: hostfiles.namespace(path, self.device) for path in paths]
        return lambda: holders.opened([*ways, *(sighting.open for sighting in self.held.get(key, ()))], key[1])

    # What follows from it

    def _is_there(self, key):
        return (
            key in self._members
            or key in self._below
            or key in self._mounts
            or key in self.held
            or key in self._listed
            or key in self._unheld
        )

    def _settle(self, touched, known):
        """Set the records of these right, and of those above them; {key: record before or None} of all looked at.

        known: {key: record}, as they were described.
        """
        found: dict[tuple[str, int], Any] = {}
        # Those that are there come first, so that what is above one that goes and one that comes stays.
        todo: list[tuple[str, int]] = []
        left: list[tuple[str, int]] = []
        for key in touched:
            (todo if self._is_there(key) else left).append(key)
        while todo:
            key = todo.pop()
            if key in found:
                continue
            found[key] = description = self._description(key, known)
            above, was = _above(description), _above(self.records.get(key))
            for other in above:
                if other not in was:
                    self._below.setdefault(other, set()).add(key)
                    todo.append(other)
            left += [other for other in was if other not in above and self._loses(other, key)]
        before = {}
        while left:
            key = left.pop()
            if self._is_there(key):
                found.setdefault(key, self.records.get(key))
                continue
            description = found.pop(key, None) or self.records.get(key)
            if description:
                before[key] = self.records.pop(key, None)
                self._reader.forget(*key)
                left += [other for other in _above(description) if self._loses(other, key)]
        for key, description in found.items():
            before[key] = self.records.get(key)
            old = known.get(key)
            record = self._finished(key, dict(description) if description is old else description)
            self.records[key] = old if old == record else record
        self._fresh, self._above = {}, {}
        return before

    def _loses(self, key, below):
        """It is above one less; whether its record may be another for that: with members it is not."""
        self._below[key].discard(below)
        if not self._below[key]:
            del self._below[key]
        return key not in self._members

    def _description(self, key, known):
        """One that was known and is above others is the same as long as one below it is."""
        return (
            self._fresh.get(key)
            or (None if key in self._members else self._above.get(key))
            or known.get(key)
            or self._above.get(key)
            or nsfs.describe(key[0], key[1], _unopened, self.device)
        )

    def _finished(self, key, record):
        """The frame's record of what is the namespace's description: what holds it now is put into it."""
        record["initial"] = self._initial.get(key[0]) == key[1]
        if record["initial"]:
            record["out_of_view"] = []  # there is nothing above it to see
        record["names"] = self._mounts.get(key, [])
        record["held_by"] = [{"kind": "mount", "path": path} for path in record["names"]]
        record["held_by"] += [sighting.holder for sighting in self.held.get(key, ())]
        if key not in self._members:
            record["held_by"] += [
                {"kind": "child", "path": "%s:[%d]" % child} for child in sorted(self._below.get(key, ()))
            ]
        return record


def _counted(processes):
    """({(kind, inode): how many of these processes are in it}, {(kind, inode): one of them})."""
    alike: dict[int, list[Any]] = {}  # most share theirs with others, one object for all
    for record in processes.values():
        own = alike.get(id(record["namespaces"]))
        if own:
            own[1] += 1
        else:
            alike[id(record["namespaces"])] = [record, 1]
    members: dict[tuple[str, int], int] = {}
    first: dict[tuple[str, int], Any] = {}
    for record, number in alike.values():
        for key in record["namespaces"].items():
            members[key] = members.get(key, 0) + number
            if key not in first or first[key]["unreadable"]:
                first[key] = record
    return members, first


def _above(record):
    """The keys of the owner and the parent of a namespace, where it has them and they are in view."""
    if record is None:
        return ()
    owner, parent = ("user", record["owner"]), (record["type"], record["parent"])
    if parent[1] is None or parent == owner:
        return () if owner[1] is None else (owner,)
    return (parent,) if owner[1] is None else (owner, parent)


def _ended(before, after):
    """A namespace is gone; so it is where its inode is another's by now."""
    return after is None or (before["id"] != after["id"] and before["id"] is not None)


def changes(before, after):
    """(records that are new or others, keys that are gone) from one {key: record} to the next."""
    changed = [record for key, record in after.items() if (b := before.get(key)) is not record and b != record]
    return changed, [key for key, record in before.items() if _ended(record, after.get(key))]


def _stayed(record, before, key):
    """A process was in the namespace by the look before, and is now."""
    return before is not None and before["start"] == record["start"] and before["namespaces"].get(key[0]) == key[1]


def _unopened():
    raise OSError("not at hand")
