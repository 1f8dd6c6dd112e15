"""The namespaces of the host: their records, and the reasons why each still exists.

A namespace exists while a process is in it, a mount or a holder that a search found keeps it, or another is below it;
each of these reasons is kept for each namespace, so that a change costs those that it concerns and those above them.

An inode is reused at once, so the namespace described under it may be another one by the next look. It is the same if
a process was in it then and is now, for a namespace with a member can't end; only if nobody stayed, or if mounts alone
hold it, is it opened again and its id compared. On a quiet host that costs a look nothing a process, one dictionary
look-up a namespace, and one open a namespace without processes. Before Linux 6.18 there are no ids; then all that can
be said of such a namespace is that its description is the new one's.
"""

from __future__ import annotations

import os

from . import holders, hostfiles, listns, nsfs
from .descriptions import Descriptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import Optional, Tuple

    from .descriptions import Records
    from .procfs import Reader
    from .protocol import KindName, Namespace, NamespaceKey, Process

    Pair = Tuple[Optional[Process], Optional[Process]]


class Registry:
    """The namespaces of one host, by the processes that `reader` has read. initial: the inodes of the first ones.

    has_list: the kernel has a list of all (`listns`), to be asked at each look. records: of those that exist now. held:
    by key the sightings of the last search.
    """

    def __init__(self, reader: Reader, initial: Mapping[KindName, int | None], has_list: bool) -> None:
        self.records: Records = {}
        self.descriptions = Descriptions(reader)
        self._reader = reader
        self._initial = initial
        self._members: dict[NamespaceKey, int] = {}  # the number of processes in each
        self._mounts: dict[NamespaceKey, list[str]] = {}  # mount points, as the host sees them
        self.held: dict[NamespaceKey, list[holders.Sighting]] = {}
        self._holding: dict[int | None, set[NamespaceKey]] = {}  # the keys of `held` by pid of a holder
        self._listed: set[NamespaceKey] = set()  # mount namespaces that only the kernel's list has
        self._has_list = has_list
        self._candidates: set[int] = set()  # ids in the kernel's list before the last look ..
        self._unheld: Records = {}  # .. and records of those to which nothing seen leads
        self._below: dict[NamespaceKey, set[NamespaceKey]] = {}  # the namespaces that each is owner or parent of

    def begin(self) -> None:
        """Begin a look at the processes."""
        if self._has_list:
            self._candidates = listns.ids() or set()

    def look(self, processes: Mapping[int, Process], before: Mapping[int, Process]) -> Records:
        """The records by a look at all processes. before: the processes of the look before."""
        known, self.records, self._below = self.records, {}, {}
        members, first = _counted(processes)
        self._members = members
        for key in self._doubtful(first, processes, before, known):
            self.descriptions.again(key, self.way(key, first[key]["pid"]), known)
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

    def part(self, processes: Mapping[int, Process]) -> Records:
        """The records of the namespaces that these processes are in, during a first look: nothing is settled."""
        self._mounts = self._mounts or nsfs.mounts(hostfiles.mounts())
        return {key: self._finished(key, self._description(key, {}).copy()) for key in _counted(processes)[0]}

    def update(
        self, pairs: Collection[Pair], pids: Iterable[int], processes: Mapping[int, Process], mounts: bool
    ) -> tuple[list[Namespace], list[NamespaceKey]]:
        """(records that are new or changed, keys that are gone) after changes of processes, or of mounts.

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

    def searched(self, search: holders.Search, processes: Mapping[int, Process]) -> Records:
        """Take the findings of a search since the last look, and return the records as they are then."""
        self.held, self._listed = search.found, search.listed
        self._holding = {}
        for key, sightings in self.held.items():
            for sighting in sightings:
                self._holding.setdefault(sighting.holder.get("pid"), set()).add(key)  # None: no process
        self.descriptions.add(search.records, search.above, self.records)
        return self.look(processes, processes)

    # Changes

    def _moved(self, pairs: Iterable[Pair]) -> set[NamespaceKey]:
        """Update the numbers of members, and return the keys whose membership became empty, non-empty or entirely
        different."""
        left, entered = _left_and_entered(pairs)
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
                if joined:
                    # Entered by others, or described by an owner or child alone until now.
                    self.descriptions.again(key, self.way(key, joined[0]), self.records)
        return touched

    def _remounted(self) -> set[NamespaceKey]:
        """The keys of which a mount came or went, and of those that mounts alone may hold."""
        before, self._mounts = self._mounts, nsfs.mounts(hostfiles.mounts())
        touched = {key for key in {*before, *self._mounts} if before.get(key) != self._mounts.get(key)}
        return touched | self._look_at_mounted(self.records)

    def _look_at_mounted(self, known: Records) -> set[NamespaceKey]:
        """Describe the mounted namespaces without processes again, and return their keys."""
        empty = {key for key in self._mounts if key not in self._members}
        for key in empty:
            self.descriptions.again(key, self.way(key), known)
        return empty

    def _held_in_doubt(self, pairs: Iterable[Pair], pids: Iterable[int]) -> set[NamespaceKey]:
        """The keys of which a holder that the last search found may have let go.

        A process that alone keeps a namespace alive must run to let go of it. Of other holders it is enough to know
        that their process has not exited.
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

    def _drop_holders(self, keys: Iterable[NamespaceKey], processes: Mapping[int, Process], known: Records) -> None:
        """Drop the holders of these that the last search found and that hold no more.

        A process that is gone takes its holders along. If holders are all that is known to keep a namespace alive, they
        are tried until one is found that does.
        """
        for key in keys:
            alive = []
            for sighting in self.held[key]:
                record = processes.get(sighting.holder.get("pid") or 0)
                # A search sees processes that are younger than the last look; a dead leader may have live threads.
                if record["start"] == sighting.start if record and record["state"] != "Z" else sighting.holds():
                    alive.append(sighting)
            if key not in self._members and key not in self._mounts:
                while alive and not alive[0].holds():
                    del alive[0]
                if alive:
                    self.descriptions.again(key, self.way(key), known)
            if alive:
                self.held[key] = alive
            else:
                del self.held[key]

    def _drop_listed(self, known: Records) -> set[NamespaceKey]:
        """Keep those keys that only the kernel's list has and that exist still; return the keys that were looked at."""
        touched, self._listed = self._listed, set()
        wanted = {k for k in touched if k not in self._members and k not in self._mounts and k not in self.held}
        if wanted:
            for inode, fd in holders.mount_namespaces():
                key: NamespaceKey = "mnt", inode
                if key in wanted:
                    self._listed.add(key)
                    self.descriptions.again(key, nsfs.opener(fd), known)
        return touched

    def _add_unheld(self, before: Mapping[int | None, Namespace], known: Records) -> None:
        """Add the namespaces of the kernel's list to which nothing else leads. before: {id: record} of those of the
        look before.

        A namespace that has come during the look is left out: most likely a process is in it.
        """
        if not self._candidates:
            return
        self._candidates &= listns.ids() or set()
        for id in self._candidates.difference(record["id"] for record in self.records.values()):
            old = before.get(id)
            found = ((old["type"], old["inode"]), old) if old else self.descriptions.by_id(id)
            if found and found[0] not in self.records:
                self._unheld[found[0]] = found[1]
                self.descriptions.put(*found)
        self._settle(self._unheld, known)

    def _doubtful(
        self,
        first: Mapping[NamespaceKey, Process],
        processes: Mapping[int, Process],
        before: Mapping[int, Process],
        known: Records,
    ) -> set[NamespaceKey]:
        """The keys to describe again, as no process stayed in them. first: {key: a process in it}."""
        found, unknown = set(), set()
        for key, record in first.items():
            if key in self.descriptions:
                continue
            old = known.get(key)
            if old is None or not (nsfs.was_opened(old) or old["initial"]):
                unknown.add(key)  # could not be opened: the process exited just then
            elif not _stayed(record, before.get(record["pid"]), key):
                found.add(key)
        return _without_stayed(found, processes, before) | unknown

    def is_listed(self, key: NamespaceKey) -> bool:
        """True if the kernel's own list, or a search's, alone has the namespace."""
        return key in self._unheld or key in self._listed

    def way(self, key: NamespaceKey, member: int | None = None) -> Callable[[], int]:
        """A function that opens a namespace, and raises OSError if no way to it is known. member: the pid of a process
        in it; without one, the paths that it is mounted at and the holders that a search has found are tried."""
        if member is not None:
            path = "%d/ns/%s" % (member, key[0])
            return lambda: os.open(path, os.O_RDONLY, dir_fd=self._reader.proc_fd)
        paths = reversed(self._mounts.get(key, ()))
        ways = [lambda path=path: hostfiles.namespace(path, self.descriptions.device) for path in paths]
        return lambda: holders.opened([*ways, *(sighting.open for sighting in self.held.get(key, ()))], key[1])

    # The records by these reasons

    def _is_there(self, key: NamespaceKey) -> bool:
        return (
            key in self._members
            or key in self._below
            or key in self._mounts
            or key in self.held
            or key in self._listed
            or key in self._unheld
        )

    def _settle(self, touched: Iterable[NamespaceKey], known: Records) -> dict[NamespaceKey, Namespace | None]:
        """Set the records of these right, and of those above them; return {key: record before or None} of all looked
        at.

        known: the records as they were described.
        """
        found: Records = {}
        # Existing ones come first, so that a namespace stays that is above one that goes and above one that comes.
        todo: list[NamespaceKey] = []
        left: list[NamespaceKey] = []
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
        before: dict[NamespaceKey, Namespace | None] = {}
        while left:
            key = left.pop()
            was_told = self.records.get(key)
            if self._is_there(key):
                if was_told:
                    found.setdefault(key, was_told)
                continue
            described = found.pop(key) if key in found else was_told
            if described:
                before[key] = was_told
                if was_told:
                    del self.records[key]
                self._reader.forget(*key)
                left += [other for other in _above(described) if self._loses(other, key)]
        for key, description in found.items():
            before[key] = self.records.get(key)
            old = known.get(key)
            record = self._finished(key, description.copy() if description is old else description)
            self.records[key] = old if old == record else record
        self.descriptions.forget()
        return before

    def _loses(self, key: NamespaceKey, below: NamespaceKey) -> bool:
        """Unlink a namespace below this one; True if this one's record must be made again because no process is in
        it."""
        self._below[key].discard(below)
        if not self._below[key]:
            del self._below[key]
        return key not in self._members

    def _description(self, key: NamespaceKey, known: Mapping[NamespaceKey, Namespace]) -> Namespace:
        return self.descriptions.of(key, known, has_member=key in self._members)

    def _finished(self, key: NamespaceKey, record: Namespace) -> Namespace:
        """The frame's record: the description with the present holders put into it."""
        record["initial"] = self._initial.get(key[0]) == key[1]
        if record["initial"]:
            record["out_of_view"] = []  # there is nothing above it to see
        record["names"] = self._mounts.get(key, [])
        record["held_by"] = [{"kind": "mount", "path": path} for path in record["names"]]
        record["held_by"] += [sighting.holder for sighting in self.held.get(key, ())]
        if key not in self._members:
            for child in sorted(self._below.get(key, ())):
                record["held_by"].append({"kind": "child", "path": "%s:[%d]" % child})
        return record


def _counted(processes: Mapping[int, Process]) -> tuple[dict[NamespaceKey, int], dict[NamespaceKey, Process]]:
    """Return {key: number of these processes in the namespace} and {key: one of these}."""
    alike: dict[int, Process] = {}  # most have the same namespaces as others, in one object
    numbers: dict[int, int] = {}
    for record in processes.values():
        own = id(record["namespaces"])
        if own in alike:
            numbers[own] += 1
        else:
            alike[own], numbers[own] = record, 1
    members: dict[NamespaceKey, int] = {}
    first: dict[NamespaceKey, Process] = {}
    for own, record in alike.items():
        number = numbers[own]
        for key in record["namespaces"].items():
            members[key] = members.get(key, 0) + number
            if key not in first or first[key]["unreadable"]:
                first[key] = record
    return members, first


def _left_and_entered(pairs: Iterable[Pair]) -> tuple[dict[NamespaceKey, int], dict[NamespaceKey, list[int]]]:
    """Return {key: number of processes that left} and {key: pids of those that entered}."""
    left: dict[NamespaceKey, int] = {}
    entered: dict[NamespaceKey, list[int]] = {}
    for old, new in pairs:
        was = old["namespaces"] if old else {}
        now = new["namespaces"] if new else {}
        if old and new and old["start"] == new["start"]:
            if was == now:
                continue
            was, now = dict(was.items() - now.items()), dict(now.items() - was.items())
        for key in was.items():
            left[key] = left.get(key, 0) + 1
        if new:
            for key in now.items():
                entered.setdefault(key, []).append(new["pid"])
    return left, entered


def _above(record: Namespace | None) -> list[NamespaceKey]:
    """The keys of the owner and the parent of a namespace, if it has them and they are in view."""
    if record is None:
        return []
    keys: list[NamespaceKey] = []
    if record["owner"] is not None:
        keys.append(("user", record["owner"]))
    if record["parent"] is not None and (record["type"], record["parent"]) not in keys:
        keys.append((record["type"], record["parent"]))
    return keys


def _ended(before: Namespace, after: Namespace | None) -> bool:
    """True if a namespace is gone; it is so too if its inode is another's by now."""
    return after is None or (before["id"] != after["id"] and before["id"] is not None)


def changes(
    before: Mapping[NamespaceKey, Namespace], after: Mapping[NamespaceKey, Namespace]
) -> tuple[list[Namespace], list[NamespaceKey]]:
    """(records that are new or changed, keys that are gone) from some records to the next."""
    changed = [record for key, record in after.items() if (b := before.get(key)) is not record and b != record]
    return changed, [key for key, record in before.items() if _ended(record, after.get(key))]


def _stayed(record: Process, before: Process | None, key: NamespaceKey) -> bool:
    """True if a process was in the namespace at the look before, and is now."""
    return before is not None and before["start"] == record["start"] and before["namespaces"].get(key[0]) == key[1]


def _without_stayed(
    keys: set[NamespaceKey], processes: Mapping[int, Process], before: Mapping[int, Process]
) -> set[NamespaceKey]:
    """The keys but for those in which a process was at the look before and is now."""
    left = set(keys)
    for pid, record in processes.items() if left else ():
        was = before.get(pid)
        if was and was["start"] == record["start"]:
            left.difference_update(was["namespaces"].items() & record["namespaces"].items())
            if not left:
                break
    return left
