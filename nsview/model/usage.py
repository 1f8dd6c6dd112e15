"""The use of processor, memory, I/O and pids: as the agent reads it, and as rates from one reading to the next. Pure.

A number that is not known is None, never 0. A `Usage` stands beside the Snapshot, not in it: a Snapshot stays equal
while nothing joins or leaves.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, structs

from .net import Forward
from .records import Pod, Process
from .snapshot import Snapshot

KEPT = 90
"""Readings that are kept of each container: three minutes, at one reading in two seconds."""


class ProcessUsage(Struct, frozen=True, gc=False):
    """One process: processor seconds since its start, resident bytes, open files (None if not asked for)."""

    pid: int
    start: int
    cpu_seconds: float
    rss: int
    fds: int | None = None


class ContainerUsage(Struct, frozen=True):
    """One container by its cgroup: seconds and bytes of I/O are sums since its start. memory: bytes, without caches
    that can be dropped at once; memory_limit, pids_limit: None if there is none. pressure: {"cpu", "memory", "io":
    percent of the last 10 s in which some process waited for it}."""

    key: str
    cpu_seconds: float | None = None
    throttled_seconds: float | None = None
    memory: int | None = None
    memory_limit: int | None = None
    oom_kills: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    pids: int | None = None
    pids_limit: int | None = None
    pressure: dict[str, float | None] = {}


class HostUsage(Struct, frozen=True):
    """The host: load of the last 1, 5 and 15 minutes; memory in bytes; booted: seconds since the epoch."""

    processors: int
    load: tuple[float, ...]
    memory: int | None
    memory_available: int | None
    booted: float | None
    pressure: dict[str, float | None] = {}

    @property
    def memory_used(self) -> int | None:
        """Bytes. None if that is not known, or more is said to be available than there is."""
        used = -1 if self.memory is None or self.memory_available is None else self.memory - self.memory_available
        return used if used >= 0 else None


class ContainerNet(Struct, frozen=True):
    """The way to one container over the network. addresses: of its net namespace by the kernel, () in the host's;
    ports: the published ones by its engine's records. None for each that is not known."""

    key: str
    addresses: tuple[str, ...] | None
    ports: tuple[Forward, ...] | None


class Stopped(Struct, frozen=True):
    """One container without a process, by its engine's records. state: created if it was never started. exit_code,
    oom_killed: of its last end; finished: the time of that, in seconds since the epoch; error: the reason why it could
    not be started. restarts: the number of times that the engine has started it again. command: of its first process.
    log: the path of its log. None for each that is not told. witness: the path of the record."""

    key: str
    id: str
    name: str
    runtime: str
    image: str | None
    pod: Pod | None
    project: str | None
    state: Literal["created", "exited", "dead"]
    exit_code: int | None
    oom_killed: bool | None
    finished: float | None
    restarts: int | None
    witness: str
    error: str | None = None
    command: tuple[str, ...] | None = None
    log: str | None = None


class Engines(Struct, frozen=True):
    """The records of engines. unread: the paths of those that are there and may not be read."""

    places: tuple[ContainerNet, ...]
    stopped: tuple[Stopped, ...]
    unread: tuple[str, ...]


class Usage(Struct, frozen=True):
    """One reading. taken_at: seconds since the epoch; clock: seconds of a clock that is never set, for rates. cost:
    the agent's processor seconds for the reading. engines: None if they were not asked for."""

    taken_at: float
    clock: float
    cost: float
    host: HostUsage
    processes: tuple[ProcessUsage, ...]
    containers: tuple[ContainerUsage, ...]
    engines: Engines | None = None


class Rates(Struct, frozen=True, gc=False):
    """The use between two readings. cpu: cores; throttled: share of the time, of one core; read, written: bytes a
    second. None if the two readings don't tell."""

    cpu: float | None = None
    throttled: float | None = None
    read: float | None = None
    written: float | None = None


class Measured(Struct, frozen=True, gc=False):
    """The use of one process. cpu: cores since the reading before, None at first. rss: bytes. fds: open files, None if
    not permitted or not asked for."""

    cpu: float | None
    rss: int
    fds: int | None


class Meter(Struct, frozen=True):
    """The latest reading of each thing, and the rates that led to it. taken_at: the time of the latest reading.

    processes: {(pid, start): the clock of the reading, the reading}; containers: the same by key. cpu: {(pid, start):
    cores}. rates: {container's key: its rates, oldest first, at most KEPT}. engines: their latest records, None if they
    were not read.
    """

    taken_at: float = 0.0
    host: HostUsage | None = None
    processes: Mapping[tuple[int, int], tuple[float, ProcessUsage]] = {}
    containers: Mapping[str, tuple[float, ContainerUsage]] = {}
    cpu: Mapping[tuple[int, int], float] = {}
    rates: Mapping[str, tuple[Rates, ...]] = {}
    engines: Engines | None = None

    def of(self, key: str) -> ContainerUsage:
        """The latest reading of a container; one that knows nothing if it was not read yet."""
        return self.containers[key][1] if key in self.containers else ContainerUsage(key)

    def process(self, pid: int, start: int) -> Measured | None:
        """The use of a process at its latest reading. None if it was not read."""
        found = self.processes.get((pid, start))
        return Measured(self.cpu.get((pid, start)), found[1].rss, found[1].fds) if found else None

    def latest(self, key: str) -> Rates:
        """The rates of a container at the latest reading."""
        return self.rates.get(key, (_UNKNOWN,))[-1]


_UNKNOWN = Rates()


def read(before: Meter, now: Usage, snapshot: Snapshot | None = None) -> Meter:
    """The meter after a further reading. snapshot: things that it no longer has are forgotten, None to keep all."""
    processes = {(one.pid, one.start): (now.clock, one) for one in now.processes}
    containers = {one.key: (now.clock, one) for one in now.containers}
    cpu, rates = dict(before.cpu), dict(before.rates)
    for process, (clock, used) in processes.items():
        if process in before.processes:
            last, earlier = before.processes[process]
            rate = _rate(earlier.cpu_seconds, used.cpu_seconds, clock - last)
            if rate is not None:
                cpu[process] = rate
    for key, (clock, usage) in containers.items():
        last, old = before.containers.get(key, (clock, None))
        rates[key] = (*rates.get(key, ())[1 - KEPT :], _rates(old, usage, clock - last))
    processes, containers = {**before.processes, **processes}, {**before.containers, **containers}
    if snapshot is not None:
        alive = {(one.pid, one.start) for one in snapshot.processes.values()}
        processes = {key: value for key, value in processes.items() if key in alive}
        cpu = {key: value for key, value in cpu.items() if key in alive}
        containers = {key: value for key, value in containers.items() if key in snapshot.containers}
        rates = {key: value for key, value in rates.items() if key in snapshot.containers}
    return Meter(now.taken_at, now.host, processes, containers, cpu, rates, now.engines or before.engines)


def read_more(before: Meter, now: Usage) -> Meter:
    """The meter with the processes and the pressure that a reading of one thing has."""
    meter = read(before, structs.replace(now, containers=()))
    found = dict(before.containers)
    for more in now.containers:
        if more.key in found:
            clock, usage = found[more.key]
            found[more.key] = clock, structs.replace(usage, pressure=more.pressure)
    return structs.replace(meter, containers=found)


def _rates(before: ContainerUsage | None, now: ContainerUsage, seconds: float) -> Rates:
    if before is None:
        return _UNKNOWN
    return Rates(
        _rate(before.cpu_seconds, now.cpu_seconds, seconds),
        _rate(before.throttled_seconds, now.throttled_seconds, seconds),
        _rate(before.read_bytes, now.read_bytes, seconds),
        _rate(before.written_bytes, now.written_bytes, seconds),
    )


def _rate(before: float | None, now: float | None, seconds: float) -> float | None:
    """None if a sum went back: another container, or a restarted one, has the same key."""
    if before is None or now is None or now < before or seconds <= 0:
        return None
    return (now - before) / seconds


def started(start: int, host: HostUsage | None, ticks: int = 100) -> float | None:
    """The time, in seconds since the epoch, of a start in clock ticks since boot (USER_HZ, 100 on Linux). None if
    the time of the boot is not known."""
    return None if host is None or host.booted is None else host.booted + start / ticks


def age(process: Process | None, meter: Meter) -> float | None:
    """The seconds from the start of a process to the latest reading. None if that is not known."""
    since = started(process.start, meter.host) if process else None
    return None if since is None else meter.taken_at - since


# Texts


def bytes_text(number: float | None) -> str:
    """A number of bytes in four or five cells: 0, 812K, 1.2M, 340M, 2.0G."""
    if number is None:
        return "?"
    units = ("", "K", "M", "G", "T", "P")
    place = 0
    while number >= 999.5 and place < len(units) - 1:
        number, place = number / 1024, place + 1
    return f"{number:.1f}{units[place]}" if place > 1 and number < 9.95 else f"{number:.0f}{units[place]}"


def percent_text(cores: float | None) -> str:
    """Cores in percent of one: 0.0, 3.2, 45, 380."""
    if cores is None:
        return "?"
    return f"{100 * cores:.1f}" if cores < 0.0995 else f"{100 * cores:.0f}"


def rate_text(text: str, readings: int) -> str:
    """The text of a rate after so many readings: a dash until there are two to compare."""
    return "-" if text == "?" and readings < 2 else text


def age_text(seconds: float | None) -> str:
    """A duration in its largest unit, with the next one while that matters: 42s, 5m, 3h12m, 12d."""
    if seconds is None:
        return "?"
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 36_000:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 3600}h" if whole < 172_800 else f"{whole // 86_400}d"


_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: tuple[float | None, ...], width: int) -> str:
    """The last values as bars, newest last, the greatest of them (at least a tenth) as high as a cell; a space if not
    known."""
    shown = values[-width:]
    top = max(0.1, *(value or 0.0 for value in shown)) if shown else 1.0
    bars = "".join(" " if v is None else _BARS[min(7, int(8 * v / top))] for v in shown)
    return bars.rjust(width)
