"""One look at all of /proc: every process, namespace and container.

A `Scanner` keeps what makes the next look cheaper (names, descriptions of namespaces, state files already read)
and nothing that could make it wrong: each look reads each process anew.
"""

from __future__ import annotations

import os
from typing import Any

from . import cgroup, containers, nsfs, procfs


class Scanner:
    """Looks at one host. `look` gives the records of a snapshot frame."""

    def __init__(self, proc="/proc"):
        self._described = {}
        self._places = {}
        self._cache = containers.Cache()
        self.device = os.stat("/proc/self/ns/mnt").st_dev
        self.reader = procfs.Reader(proc, self._on_namespace)
        self.own, _ = self.reader.process(os.getpid())
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
        self._described[kind, inode] = nsfs.describe(kind, inode, open_namespace, self.device)

    def look(self, progress=None):
        """{"processes": {pid: record}, "namespaces": {(kind, inode): record}, "containers": [record]}.

        progress(done, total) is called every 512 processes.
        """
        processes = {}
        places: dict[bytes, tuple[str, Any]] = {}
        claims = {}
        pids = self.reader.pids()
        for done, pid in enumerate(pids):
            if progress and not done % 512 and done:
                progress(done, len(pids))
            try:
                record, lines = self.reader.process(pid)
            except procfs.Vanished:
                continue
            place = places.get(lines) or self._places.get(lines)
            if place is None:
                place = cgroup.parse(lines.decode("utf-8", "backslashreplace"))
            places[lines] = place
            record["cgroup"], claims[place[0]] = place
            processes[pid] = record
        self._places = places
        found, members = containers.identify(processes, claims, self._cache)
        for pid, key in members.items():
            processes[pid]["container"] = key
        return {"processes": processes, "namespaces": self._namespaces(processes), "containers": found}

    def _namespaces(self, processes):
        mounts = nsfs.mounts(_own_mountinfo())
        present = {}
        for record in processes.values():
            for kind, inode in record["namespaces"].items():
                if (kind, inode) not in present:
                    present[kind, inode] = self._described.get((kind, inode))
        for key, paths in mounts.items():
            if key not in present:
                known = self._described.get(key)
                present[key] = known or nsfs.describe(key[0], key[1], _opener(paths[-1]), self.device)
        for key in [key for key in self._described if key not in present]:
            self.reader.forget(*key)
        self._described = {}
        for key, record in present.items():
            kind, inode = key
            record = dict(record or nsfs.describe(kind, inode, _unopened, self.device))
            record["initial"] = self.initial.get(kind) == inode
            record["names"] = mounts.get(key, [])
            record["held_by"] = [{"kind": "mount", "path": path} for path in record["names"]]
            self._described[key] = present[key] = record
        return present


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


def _own_mountinfo():
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="backslashreplace") as file:
            return file.read()
    except OSError:
        return ""


def _opener(path):
    return lambda: os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def _unopened():
    raise OSError("not at hand")
