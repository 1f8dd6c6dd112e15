"""The use of containers, or of processes, as lines of a table. Pure."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from .condition import warnings
from .filter.fields import OF_THINGS, Field, Fields, of_columns
from .records import Container, Process
from .snapshot import Snapshot
from .table import Cell, Column, Line
from .text import count
from .usage import Meter, age, age_text, bytes_text, percent_text, sparkline

WIDE = 12
"""The cells of a sparkline in a column."""
HIGH = 0.9
"""The share of a limit from which on it is worth a warning."""
THROTTLED = 0.1
"""The share of the time from which on being throttled is worth a note."""

CONTAINERS: tuple[Column, ...] = (
    Column("NAME", most=30),
    Column("CPU%", right=True, falling=True),
    Column("MEM", right=True, falling=True),
    Column("OF", right=True, falling=True),
    Column("AGE", right=True),
    Column("STATE", most=28),
    Column("PIDS", right=True, falling=True, keep=False),
    Column("RECENT", most=WIDE, keep=False),
    Column("READ/S", right=True, falling=True, keep=False),
    Column("WRITE/S", right=True, falling=True, keep=False),
    Column("IMAGE", most=40, keep=False),
)
PROCESSES: tuple[Column, ...] = (
    Column("PID", right=True),
    Column("CPU%", right=True, falling=True),
    Column("MEM", right=True, falling=True),
    Column("AGE", right=True),
    Column("USER", most=14),
    Column("CONTAINER", most=24),
    Column("COMMAND", most=120),
)
BY_CPU = 1
"""The column of the processor in either table."""
RECENT = 7
"""The column of the sparkline."""

PARTS = ("cpu", "memory", "io", "pids")
"""The parts of a container's reading that a line needs."""

_BYTES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_PERCENT = {"": 1, "%": 1}


class Use(Struct, frozen=True, gc=False):
    """The numbers of a line, for filters: None if not known. cpu, of: percent; mem: bytes; age: seconds."""

    cpu: float | None
    mem: float | None
    of: float | None
    age: float | None
    pids: float | None = None


def fields(columns: Sequence[Column]) -> Fields:
    """The fields of a filter of such a table: `cpu>50`, `mem>1G`, `of>90`, `age<5m`, and those of all lenses."""
    amounts = (
        ("cpu", _PERCENT, "percent of one processor"),
        ("mem", _BYTES, "memory: 500M, 1.5G"),
        ("of", _PERCENT, "percent of the limit of memory"),
        ("age", _SECONDS, "since the start: 90s, 5m, 2h, 3d"),
        ("pids", {"": 1}, "the number of tasks"),
    )
    found = {name: Field(name, "amount", about, line=_amount(name), units=units) for name, units, about in amounts}
    return found | {name: field for name, field in of_columns(columns, OF_THINGS).items() if name not in found}


def _amount(name: str) -> Callable[[Line], Sequence[float]]:
    def amount(line: Line) -> Sequence[float]:
        value = getattr(line.subject, name, None)
        return () if value is None else (value,)

    return amount


# Lines


def containers(snapshot: Snapshot, meter: Meter) -> list[Line]:
    """A line for each container, in order of name."""
    known = sorted(snapshot.containers.values(), key=lambda container: (container.name, container.key))
    return [_container(container, snapshot, meter) for container in known]


def processes(snapshot: Snapshot, meter: Meter) -> list[Line]:
    """A line for each process that is no thread of the kernel, in order of pid."""
    known = (snapshot.processes[pid] for pid in sorted(snapshot.processes))
    return [_process(process, snapshot, meter) for process in known if not process.kthread]


def _container(container: Container, snapshot: Snapshot, meter: Meter) -> Line:
    usage, rates = meter.of(container.key), meter.latest(container.key)
    init = snapshot.processes.get(container.init_pid or 0)
    seconds = age(init, meter)
    share = usage.memory / usage.memory_limit if usage.memory is not None and usage.memory_limit else None
    recent = tuple(rate.cpu for rate in meter.rates.get(container.key, ()))
    of_limit = "-" if share is None else f"{100 * share:.0f}%"
    words = _state(container, usage.oom_kills, rates.throttled)
    cells = (
        Cell(container.name, "container"),
        _number(percent_text(rates.cpu), rates.cpu),
        _number(bytes_text(usage.memory), usage.memory),
        Cell(of_limit, "warning" if (share or 0) > HIGH else "", -1 if share is None else share),
        _number(age_text(seconds), seconds),
        Cell(words, "" if words == "running" else "warning"),
        _number("?" if usage.pids is None else str(usage.pids), usage.pids),
        Cell(sparkline(recent, WIDE), "label", rates.cpu if rates.cpu is not None else -1),
        _number(bytes_text(rates.read), rates.read),
        _number(bytes_text(rates.written), rates.written),
        Cell(container.image or "", "dim"),
    )
    subject = Use(_percent(rates.cpu), usage.memory, _percent(share), seconds, usage.pids)
    return Line(container.key, cells, subject, more=container.id, thing=container.key)


def _process(process: Process, snapshot: Snapshot, meter: Meter) -> Line:
    key = process.pid, process.start
    cpu = meter.cpu.get(key)
    rss = meter.processes[key][1].rss if key in meter.processes else None
    seconds = age(process, meter)
    container = snapshot.container_of(process)
    cells = (
        Cell(str(process.pid), "pid", process.pid),
        _number(percent_text(cpu), cpu),
        _number(bytes_text(rss), rss),
        _number(age_text(seconds), seconds),
        Cell(process.users),
        Cell(container.name if container else "", "container"),
        Cell(process.command, "command"),
    )
    return Line(process.pid, cells, Use(_percent(cpu), rss, None, seconds), thing=process.pid)


def _number(text: str, value: float | None) -> Cell:
    """A number as a cell: unknown ones stand behind all others when the greatest comes first, and zeros are dim."""
    return Cell(text, "" if value else "dim", -1 if value is None else value)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _state(container: Container, oom_kills: int | None, throttled: float | None) -> str:
    """The state and what is wrong, in a few words."""
    words = warnings(container) or ["running" if container.state in ("running", None) else container.state or ""]
    if oom_kills:
        words.append(count(oom_kills, "OOM kill"))
    if throttled is not None and throttled > THROTTLED:
        words.append(f"throttled {100 * throttled:.0f}%")
    if container.restarts:
        words.append(count(container.restarts, "restart"))
    return ", ".join(words)


# The host


def heading(number: str, meter: Meter) -> str:
    """The number of lines, in words, and the use of the host."""
    host = meter.host
    if host is None:
        return f"{number}, reading …"
    parts = [number, f"load {' '.join(f'{load:.2f}' for load in host.load)} of {count(host.processors, 'processor')}"]
    if host.memory is not None and host.memory_available is not None:
        parts.append(f"memory {bytes_text(host.memory - host.memory_available)} of {bytes_text(host.memory)}")
    waits = [f"{kind} {share:.0f}%" for kind, share in host.pressure.items() if share and share >= 1]
    parts += [f"waiting for {', '.join(waits)}"] if waits else []
    parts += [f"up {age_text(meter.taken_at - host.booted)}"] if host.booted is not None else []
    return "   ".join(parts)
