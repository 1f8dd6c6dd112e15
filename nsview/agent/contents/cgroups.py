"""Where a process is in the cgroup tree, what limits it there and what is used, of v2 and of v1.

A limit is the least of those of the cgroup and all above it, so it is told whose it is. Sources: cgroups(7),
Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/{memory,pids,cpusets}.rst, scheduler/sched-bwc.rst.
"""

from __future__ import annotations

import os

from .. import cgroup, files, hostfiles, procfs
from .joined import within

_V1_UNLIMITED = 1 << 60  # memory.limit_in_bytes without a limit is the largest multiple of a page


def read(fd, initial):
    """{"path", "inside", "version", "memory", "swap", "pids", "cpu", "cpus", "oom_kills", "throttled"}

    path: as seen from here; inside: as the process sees itself, None where that may not be looked at. version: 1 or 2.
    memory, swap, pids, cpu: {"limit", "limited_by", "current"} or None where no controller counts it: bytes, numbers;
    cpu's limit in processors, its current in seconds so far. limited_by: the cgroup whose limit that is.
    cpus: which it may run on, "0-3,8". oom_kills, throttled: how often so far, None where it is not known.
    """
    text = files.text(procfs.read_at(fd, "cgroup", 16384))
    tree = _Tree(text)
    record = {
        "path": cgroup.parse(text)[0],
        "inside": _inside(fd),
        "version": 2 if tree.unified("memory") or not tree.v1 else 1,
        "cpus": tree.first("cpuset", "cpuset.cpus.effective") or tree.first("cpuset", "cpuset.effective_cpus")
        or tree.first("cpuset", "cpuset.cpus") or None,
    }  # fmt: skip
    record.update(_of_v2(tree) if record["version"] == 2 else _of_v1(tree))
    return record


def _inside(fd):
    def look():
        return cgroup.parse(files.text(procfs.read_at(fd, "cgroup", 16384)))[0] or "/"

    try:
        return within("cgroup", fd, look)
    except OSError:
        return None


def _of_v2(tree):
    period = tree.least("cpu", "cpu.max", _processors)
    stat = tree.pairs("cpu", "cpu.stat")
    return {
        "memory": tree.resource("memory", tree.least("memory", "memory.max", _number), "memory.current"),
        "swap": tree.resource("memory", tree.least("memory", "memory.swap.max", _number), "memory.swap.current"),
        "pids": tree.resource("pids", tree.least("pids", "pids.max", _number), "pids.current"),
        "cpu": _cpu(period, stat.get("usage_usec"), 1e6),
        "oom_kills": tree.pairs("memory", "memory.events").get("oom_kill"),
        "throttled": stat.get("nr_throttled"),
    }


def _of_v1(tree):
    quota = tree.least("cpu", "cpu.cfs_quota_us", _number)
    if quota:
        _, where = quota
        period = _number(tree.at("cpu", where, "cpu.cfs_period_us"))
        quota = (quota[0] / period, where) if period else None
    used = _number(tree.first("cpuacct", "cpuacct.usage"))
    return {
        "memory": tree.resource(
            "memory", tree.least("memory", "memory.limit_in_bytes", _v1_number), "memory.usage_in_bytes"
        ),
        "swap": None,
        "pids": tree.resource("pids", tree.least("pids", "pids.max", _number), "pids.current"),
        "cpu": _cpu(quota, used, 1e9),
        "oom_kills": tree.pairs("memory", "memory.oom_control").get("oom_kill"),
        "throttled": tree.pairs("cpu", "cpu.stat").get("nr_throttled"),
    }


def _cpu(limit, used, unit):
    if limit is None and used is None:
        return None
    value, where = limit or (None, None)
    return {"limit": value, "limited_by": where, "current": None if used is None else used / unit}


def _number(text):
    """None for "max", -1 and what is no number: no limit."""
    text = text.strip()
    return int(text) if text.isdigit() else None


def _v1_number(text):
    number = _number(text)
    return number if number is not None and number < _V1_UNLIMITED else None


def _processors(text):
    """ "50000 100000" is half a processor."""
    quota, _, period = text.partition(" ")
    found = _number(quota), _number(period)
    return found[0] / found[1] if found[0] is not None and found[1] else None


class _Tree:
    """The cgroups of a process in each hierarchy that is mounted here."""

    def __init__(self, lines):
        self._paths = {}  # {controller, "" for v2: path}
        for line in lines.split("\n"):
            number, controllers, path = (line.split(":", 2) + ["", ""])[:3]
            for controller in controllers.split(",") if number != "0" else ("",):
                self._paths[controller] = path
        self._mounts = hostfiles.hierarchies()
        self.v1 = any(name in self._mounts and name in self._paths for name in ("memory", "pids", "cpu"))

    def unified(self, controller):
        """v2 has the controller, rather than v1."""
        return controller not in self._paths

    def at(self, controller, path, name):
        """The text of a file of one cgroup; "" where there is none."""
        for mount in self._mounts.get(controller if controller in self._paths else "", ()):
            root = mount.root.rstrip("/")
            if root and path != root and not path.startswith(root + "/"):
                continue
            try:
                file = os.open(mount.point + path[len(root) :].rstrip("/") + "/" + name, os.O_RDONLY)
            except OSError:
                continue
            try:
                return files.text(os.read(file, 1 << 16))
            except OSError:
                continue
            finally:
                os.close(file)
        return ""

    def _path(self, controller):
        return self._paths.get(controller, self._paths.get("", ""))

    def first(self, controller, name):
        """The text of a file of its own cgroup."""
        return self.at(controller, self._path(controller), name).strip()

    def pairs(self, controller, name):
        """{word: number} of a file with such lines."""
        words = (line.split() for line in self.first(controller, name).split("\n"))
        return {pair[0]: int(pair[1]) for pair in words if len(pair) == 2 and pair[1].isdigit()}

    def least(self, controller, name, value_of):
        """(the least limit that it and those above it have, whose it is), or None where none has one."""
        best = None
        for path in cgroup.ancestors(self._path(controller)):
            value = value_of(self.at(controller, path, name))
            if value is not None and (best is None or value < best[0]):
                best = value, path
        return best

    def resource(self, controller, limit, name):
        """{"limit", "limited_by", "current"}, or None where nothing counts it."""
        current = _number(self.first(controller, name))
        if limit is None and current is None:
            return None
        value, where = limit or (None, None)
        return {"limit": value, "limited_by": where, "current": current}
