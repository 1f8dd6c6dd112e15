"""The use of a host, of containers and of processes: processor, memory, I/O, pids; read when it is asked for.

All times of processors and bytes of I/O are sums since the beginning: a rate is made of two answers, by their `clock`.
A number that can't be read is None, never 0. A container's use is that of its own cgroup; without one nothing is known.

Sources: Documentation/admin-guide/cgroup-v2.rst (cpu.stat, memory.current, memory.max, memory.stat, memory.events,
pids.current, io.stat), cgroup-v1/{cpuacct,memory,pids,blkio-controller}.rst, scheduler/sched-bwc.rst (cpu.stat),
accounting/psi.rst; proc_pid_stat(5), proc_loadavg(5), proc_meminfo(5), proc_uptime(5). Memory is counted as by `docker
stats`: without the caches that the kernel can take back at once (docker/cli cli/command/container/stats_helpers.go).
"""

from __future__ import annotations

import os
import time

from . import cgroup, files, hostfiles, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .protocol import Container, ContainerUsage, HostUsage, Process, ProcessUsage, UsageFrame, UsageRequest
    from .scan import Scanner

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
FIELDS = ("cpu", "memory", "io", "pids", "pressure")
"""The parts of a container's record that can be asked for alone."""


def answer(id: int, scanner: Scanner, request: UsageRequest) -> UsageFrame:
    """The frame that answers a request.

    "pids", "containers": of these processes and keys, all of them if left out. "fields": these parts of a container's
    record alone. "files": count the open files of the processes too. "engines": read the engines' records too.
    """
    look = scanner.now
    began = time.process_time()
    hierarchies = hostfiles.hierarchies()
    fields = request.get("fields") or FIELDS
    keys = request.get("containers")
    pids = request.get("pids")
    files_too = bool(request.get("files"))
    known = look["processes"]
    taken_at, clock = time.time(), time.monotonic()
    frame: UsageFrame = {
        "frame": "usage",
        "id": id,
        "taken_at": taken_at,
        "clock": clock,
        "cost": 0.0,
        "host": host(),
        "processes": [
            record
            for pid in (known if pids is None else pids)
            if pid in known and (record := process(known[pid], files_too))
        ],
        "containers": [
            container(record, hierarchies, fields)
            for record in look["containers"]
            if keys is None or record["key"] in keys
        ],
    }
    if request.get("engines"):
        frame["engines"] = scanner.engines()
    frame["cost"] = time.process_time() - began
    return frame


# The host


def host() -> HostUsage:
    """{"processors", "load": [of 1, 5, 15 minutes], "memory", "memory_available": bytes, "booted": s since the epoch,
    "pressure": as of containers}."""
    memory = _table(files.text_of("/proc/meminfo").replace(":", ""))
    load = files.text_of("/proc/loadavg").split()[:3]
    uptime = files.text_of("/proc/uptime").split()[:1]
    return {
        "processors": os.sysconf("SC_NPROCESSORS_ONLN"),
        "load": [float(number) for number in load],
        "memory": _scaled(memory.get("MemTotal"), 1024),
        "memory_available": _scaled(memory.get("MemAvailable"), 1024),
        "booted": time.time() - float(uptime[0]) if uptime else None,
        "pressure": {kind: _stalled(files.text_of("/proc/pressure/" + kind)) for kind in ("cpu", "memory", "io")},
    }


# Processes


def process(record: Process, files_too: bool = False) -> ProcessUsage | None:
    """{"pid", "start", "cpu_seconds", "rss": bytes, "fds"} of a known process. None if it has exited.

    fds: the number of its open files, None if not asked for or not permitted.
    """
    try:
        fd = os.open("/proc/%d" % record["pid"], os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fields = procfs.stat_fields(fd)
        if int(fields[19]) != record["start"]:
            return None
        return {
            "pid": record["pid"],
            "start": record["start"],
            "cpu_seconds": (int(fields[11]) + int(fields[12])) / _TICKS,
            "rss": int(fields[20].split()[1]) * _PAGE,
            "fds": _open_files(fd) if files_too else None,
        }
    except (OSError, ValueError, IndexError):
        return None
    finally:
        os.close(fd)


def _open_files(fd: int) -> int | None:
    try:
        listed = os.open("fd", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
    except OSError:
        return None
    try:
        return len(os.listdir(listed))
    finally:
        os.close(listed)


# Containers


def container(record: Container, hierarchies: dict[str, Any], fields: Iterable[str] = FIELDS) -> ContainerUsage:
    """{"key", "cpu_seconds", "throttled_seconds", "memory", "memory_limit", "oom_kills", "read_bytes", "written_bytes",
    "pids", "pids_limit", "pressure": {"cpu", "memory", "io": percent of the last 10 s in which somebody waited}}."""
    found: ContainerUsage = {"key": record["key"]}
    own = cgroup.own(record["witness"])
    paths = _paths(record["init_pid"], own, record["id"]) if own else {}
    for field in fields:
        part: Any = _READERS[field](lambda kind, name: _of_controller(hierarchies, paths, kind, name))
        found.update(part)
    return found


def _paths(init_pid: int | None, own: str, id: str) -> dict[str, str]:
    """{controller, "" for v2: path} of a container's own cgroup, by where its first process is in each hierarchy: less
    those in which that is the cgroup of others too."""
    names = os.path.basename(own), id
    found = {}
    for controllers, path in cgroup.lines(files.text_of("/proc/%d/cgroup" % init_pid) if init_pid else ""):
        above = sorted(cgroup.ancestors(path), key=len)  # a container may call one below its own like its own
        place = own if own in above else next((each for each in above if os.path.basename(each) in names), None)
        if place is not None:
            found.update(dict.fromkeys(controllers.split(","), place))
    return found


def _of_controller(hierarchies: dict[str, Any], paths: dict[str, str], kind: str, name: str) -> str:
    """The text of a cgroup's file in a controller's hierarchy, "" where it can't be read."""
    path = paths.get(kind, "")
    for mount in hierarchies.get(kind, ()) if path else ():
        directory = mount.path_of(path)
        if directory is not None:
            return files.text_of(directory + "/" + name)
    return ""


def _cpu(read: Callable[[str, str], str]) -> dict[str, Any]:
    of_v2 = read("", "cpu.stat")  # has the time used in a hybrid too, but no throttling
    used, throttled = _scaled(_number(of_v2, "usage_usec"), 1e-6), _scaled(_number(of_v2, "throttled_usec"), 1e-6)
    if used is None:
        used = _scaled(cgroup.number(read("cpuacct", "cpuacct.usage")), 1e-9)
    if throttled is None:
        throttled = _scaled(_number(read("cpu", "cpu.stat"), "throttled_time"), 1e-9)
    return {"cpu_seconds": used, "throttled_seconds": throttled}


def _memory(read: Callable[[str, str], str]) -> dict[str, Any]:
    used = cgroup.number(read("", "memory.current"))
    if used is not None:
        idle = _number(read("", "memory.stat"), "inactive_file") or 0
        limit = cgroup.number(read("", "memory.max"))
        kills = _number(read("", "memory.events"), "oom_kill")
    else:
        used = cgroup.number(read("memory", "memory.usage_in_bytes"))
        text = read("memory", "memory.stat") if used is not None else ""
        idle, limit = _number(text, "total_inactive_file") or 0, _number(text, "hierarchical_memory_limit")
        limit = limit if limit is not None and limit < cgroup.UNLIMITED else None
        kills = _number(read("memory", "memory.oom_control"), "oom_kill")
    used = used if used is None or idle >= used else used - idle
    return {"memory": used, "memory_limit": limit, "oom_kills": kills}


def _io(read: Callable[[str, str], str]) -> dict[str, Any]:
    text = read("", "io.stat")
    if text:
        words = [word.partition("=") for word in text.split()]
        sums = {name: sum(int(n) for key, _, n in words if key == name) for name in ("rbytes", "wbytes")}
        return {"read_bytes": sums["rbytes"], "written_bytes": sums["wbytes"]}
    lines = [line.split() for line in read("blkio", "blkio.throttle.io_service_bytes").split("\n")]
    known = any(lines)
    sums = {kind: sum(int(line[2]) for line in lines if len(line) == 3 and line[1] == kind) for kind in _DIRECTIONS}
    return {"read_bytes": sums["Read"] if known else None, "written_bytes": sums["Write"] if known else None}


_DIRECTIONS = ("Read", "Write")


def _pids(read: Callable[[str, str], str]) -> dict[str, Any]:
    kind = "" if read("", "pids.current") else "pids"
    return {"pids": cgroup.number(read(kind, "pids.current")), "pids_limit": cgroup.number(read(kind, "pids.max"))}


def _pressure(read: Callable[[str, str], str]) -> dict[str, Any]:
    return {"pressure": {kind: _stalled(read("", kind + ".pressure")) for kind in ("cpu", "memory", "io")}}


_READERS: dict[str, Callable[[Callable[[str, str], str]], dict[str, Any]]] = {
    "cpu": _cpu, "memory": _memory, "io": _io, "pids": _pids, "pressure": _pressure,
}  # fmt: skip


# Texts of the kernel's


def _table(text: str) -> dict[str, int]:
    """{name: number} of lines "name number", a unit behind it or not."""
    rows = (line.split() for line in text.split("\n"))
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}


def _number(text: str, name: str) -> int | None:
    """The number of the line "name number". None if there is none: of long tables, few lines are wanted."""
    word = ("\n" + text).partition("\n" + name + " ")[2].partition("\n")[0]
    return int(word) if word.isdigit() else None


def _scaled(number: float | None, factor: float) -> Any:
    return None if number is None else number * factor


def _stalled(text: str) -> float | None:
    """The "some avg10" of a pressure file, None where the kernel has none."""
    for word in text.partition("\n")[0].split()[1:2]:
        return float(word.partition("=")[2])
    return None
