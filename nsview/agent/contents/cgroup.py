"""The place of a process in the cgroup tree, and its limits and use of resources there, of v2 and of v1.

The limit that holds is the least of those of the cgroup and all above it, so its cgroup is told too. Sources:
cgroups(7), Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/{memory,pids,cpusets}.rst, scheduler/sched-bwc.rst.
"""

from __future__ import annotations

from .. import cgroup, files, hostfiles, procfs
from .joined import within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Optional, Tuple

    from ..protocol import Cgroup, KindName, Resource

    _Limit = Optional[Tuple[float, str]]
    """(the limit, the cgroup that has it)"""


def read(fd: int, initial: Mapping[KindName, int | None]) -> Cgroup:
    """The frame's record of a process's cgroup. fd: of its directory in /proc."""
    text = files.text(procfs.read_at(fd, "cgroup", 16384))
    tree = _Tree(text)
    record: Cgroup = {
        "path": cgroup.parse(text)[0],
        "inside": _inside(fd),
        "version": 2 if tree.unified("memory") or not tree.v1 else 1,
        "memory": None, "swap": None, "pids": None, "cpu": None, "oom_kills": None, "throttled": None,
        "cpus": tree.first("cpuset", "cpuset.cpus.effective") or tree.first("cpuset", "cpuset.effective_cpus")
        or tree.first("cpuset", "cpuset.cpus") or None,
    }  # fmt: skip
    (_of_v2 if record["version"] == 2 else _of_v1)(tree, record)
    return record


def _inside(fd: int) -> str | None:
    def look() -> str:
        return cgroup.parse(files.text(procfs.read_at(fd, "cgroup", 16384)))[0] or "/"

    try:
        return within("cgroup", fd, look)
    except OSError:
        return None


def _of_v2(tree: _Tree, record: Cgroup) -> None:
    stat = tree.pairs("cpu", "cpu.stat")
    memory, swap = (tree.least("memory", name, cgroup.number) for name in ("memory.max", "memory.swap.max"))
    record["memory"] = tree.resource("memory", memory, "memory.current")
    record["swap"] = tree.resource("memory", swap, "memory.swap.current")
    record["pids"] = tree.resource("pids", tree.least("pids", "pids.max", cgroup.number), "pids.current")
    record["cpu"] = _cpu(tree.least("cpu", "cpu.max", _processors), stat.get("usage_usec"), 1e6)
    record["oom_kills"] = tree.pairs("memory", "memory.events").get("oom_kill")
    record["throttled"] = stat.get("nr_throttled")


def _of_v1(tree: _Tree, record: Cgroup) -> None:
    quota = tree.least("cpu", "cpu.cfs_quota_us", cgroup.number)
    if quota:
        _, where = quota
        period = cgroup.number(tree.at("cpu", where, "cpu.cfs_period_us"))
        quota = (quota[0] / period, where) if period else None
    used = cgroup.number(tree.first("cpuacct", "cpuacct.usage"))
    limit = tree.least("memory", "memory.limit_in_bytes", _v1_number)
    record["memory"] = tree.resource("memory", limit, "memory.usage_in_bytes")
    record["pids"] = tree.resource("pids", tree.least("pids", "pids.max", cgroup.number), "pids.current")
    record["cpu"] = _cpu(quota, used, 1e9)
    record["oom_kills"] = tree.pairs("memory", "memory.oom_control").get("oom_kill")
    record["throttled"] = tree.pairs("cpu", "cpu.stat").get("nr_throttled")


def _cpu(limit: _Limit, used: float | None, unit: float) -> Resource | None:
    if limit is None and used is None:
        return None
    value, where = limit or (None, None)
    return {"limit": value, "limited_by": where, "current": None if used is None else used / unit}


def _v1_number(text: str) -> int | None:
    number = cgroup.number(text)
    return number if number is not None and number < cgroup.UNLIMITED else None


def _processors(text: str) -> float | None:
    """The number of processors in a cpu.max: of "50000 100000" half a one, None of "max 100000"."""
    quota, _, period = text.partition(" ")
    found = cgroup.number(quota), cgroup.number(period)
    return found[0] / found[1] if found[0] is not None and found[1] else None


class _Tree:
    """The cgroups of a process in each hierarchy that is mounted here."""

    def __init__(self, text: str) -> None:
        self._paths: dict[str, str] = {}  # {controller, "" for v2: path}
        for controllers, path in cgroup.lines(text):
            self._paths.update(dict.fromkeys(controllers.split(","), path))
        self._mounts = hostfiles.hierarchies()
        self.v1 = any(name in self._mounts and name in self._paths for name in ("memory", "pids", "cpu"))

    def unified(self, controller: str) -> bool:
        """True if v2 has the controller, rather than v1."""
        return controller not in self._paths

    def at(self, controller: str, path: str, name: str) -> str:
        """The text of a file of one cgroup; "" if there is none."""
        for mount in self._mounts.get(controller if controller in self._paths else "", ()):
            directory = mount.path_of(path)
            if directory is not None and (text := files.text_of(directory + "/" + name)):
                return text
        return ""

    def _path(self, controller: str) -> str:
        return self._paths.get(controller, self._paths.get("", ""))

    def first(self, controller: str, name: str) -> str:
        """The text of a file of the process's own cgroup."""
        return self.at(controller, self._path(controller), name).strip()

    def pairs(self, controller: str, name: str) -> dict[str, int]:
        """{word: number} of a file with such lines."""
        words = (line.split() for line in self.first(controller, name).split("\n"))
        return {pair[0]: int(pair[1]) for pair in words if len(pair) == 2 and pair[1].isdigit()}

    def least(self, controller: str, name: str, value_of: Callable[[str], float | None]) -> _Limit:
        """(the least limit of the process's cgroup and of all above, the path of the cgroup with that limit). None if
        there is no limit."""
        best: _Limit = None
        for path in cgroup.ancestors(self._path(controller)):
            value = value_of(self.at(controller, path, name))
            if value is not None and (best is None or value < best[0]):
                best = value, path
        return best

    def resource(self, controller: str, limit: _Limit, name: str) -> Resource | None:
        """The record of a resource. None if nothing counts it."""
        current = cgroup.number(self.first(controller, name))
        if limit is None and current is None:
            return None
        value, where = limit or (None, None)
        return {"limit": value, "limited_by": where, "current": current}
