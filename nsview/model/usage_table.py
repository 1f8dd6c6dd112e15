"""The use of processes as lines of a table, and the numbers of all lines of use. Pure."""

from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from .filter.fields import OF_CONTAINERS, OF_THINGS, Field, Fields, of_columns
from .records import Process
from .snapshot import Snapshot
from .table import Cell, Column, Line
from .text import count
from .usage import Meter, Usage, age, age_text, bytes_text, percent_text, rate_text

WIDE = 12
"""The cells of a sparkline in a column."""
HIGH = 0.9
"""The share of a limit from which on it is worth a warning."""
THROTTLED = 0.1
"""The share of the time from which on being throttled is worth a note."""

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
"""The column of the processor."""

PARTS = ("cpu", "memory", "io", "pids")
"""The parts of a container's reading that a line needs."""

_BYTES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_PERCENT = {"": 1, "%": 1}


class Use(Struct, frozen=True, gc=False):
    """The numbers of a line, for filters and sums: None if not known. cpu, of: percent; mem: bytes; age: seconds; read,
    written: bytes a second."""

    cpu: float | None
    mem: float | None
    of: float | None
    age: float | None
    pids: float | None = None
    procs: float | None = None
    restarts: float | None = None
    read: float | None = None
    written: float | None = None


def fields(columns: Sequence[Column]) -> Fields:
    """The fields of a filter of such a table: `cpu>50`, `mem>1G`, `mem%>90`, `age<5m`, and those of all lenses."""
    amounts = (
        ("cpu", _PERCENT, "percent of one processor; - until it is read for the second time"),
        ("mem", _BYTES, "memory: 500M, 1.5G"),
        ("mem%", _PERCENT, "percent of its limit of memory"),
        ("age", _SECONDS, "since the start: 90s, 5m, 2h, 3d"),
        ("pids", {"": 1}, "the number of tasks"),
        ("procs", {"": 1}, "the number of processes"),
        ("restarts", {"": 1}, "how often its engine has started it again"),
    )
    found = {
        name: Field(name, "amount", about, line=_amount(_PARTS.get(name, name)), units=units)
        for name, units, about in amounts
    }
    others = of_columns(columns, OF_THINGS)
    place = next((place for place, column in enumerate(columns) if column.title == "STATE"), None)
    if place is not None:
        others["state"] = structs.replace(OF_CONTAINERS["state"], line=lambda line: _states(line.cells[place].text))
    return found | {name: field for name, field in others.items() if name not in found}


_PARTS = {"mem%": "of"}
"""{field: the part of Use that has its value}, if that is called otherwise."""


def _states(text: str) -> Sequence[str]:
    """The words of a state that a filter may ask for: of "exited (1), 2 restarts" the whole, its parts and "exited"."""
    return text, *text.split(", "), text.partition(" ")[0].rstrip(",")


def _amount(name: str) -> Callable[[Line], Sequence[float]]:
    def amount(line: Line) -> Sequence[float]:
        value = getattr(line.subject, name, None)
        return () if value is None else (value,)

    return amount


# Lines


def processes(snapshot: Snapshot, meter: Meter) -> list[Line]:
    """A line for each process that is no thread of the kernel, in order of pid."""
    known = (snapshot.processes[pid] for pid in sorted(snapshot.processes))
    return [_process(process, snapshot, meter) for process in known if not process.kthread]


def _process(process: Process, snapshot: Snapshot, meter: Meter) -> Line:
    key = process.pid, process.start
    cpu = meter.cpu.get(key)
    rss = meter.processes[key][1].rss if key in meter.processes else None
    seconds = age(process, meter)
    container = snapshot.container_of(process)
    cells = (
        Cell(str(process.pid), "pid", process.pid),
        numeric(rate_text(percent_text(cpu), 1), cpu),
        numeric(bytes_text(rss), rss),
        numeric(age_text(seconds), seconds),
        Cell(process.users),
        Cell(container.name if container else "", "container"),
        Cell(process.command, "command"),
    )
    return Line(process.pid, cells, Use(percent(cpu), rss, None, seconds), thing=process.pid)


def numeric(text: str, value: float | None) -> Cell:
    """A number as a cell: unknown ones stand behind all others when the greatest comes first, and zeros are dim."""
    return Cell(text, "" if value else "dim", -1 if value is None else value)


def percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


# The host


def heading(number: str, meter: Meter) -> str:
    """The number of lines, in words, and the use of the host."""
    host = meter.host
    if host is None:
        return f"{number}, reading …"
    parts = [number, f"load {' '.join(f'{load:.2f}' for load in host.load)} of {count(host.processors, 'processor')}"]
    if host.memory is not None and host.memory_used is not None:
        parts.append(f"memory {bytes_text(host.memory_used)} of {bytes_text(host.memory)}")
    waits = [f"{kind} {share:.0f}%" for kind, share in host.pressure.items() if share and share >= 1]
    parts += [f"waiting for {', '.join(waits)}"] if waits else []
    parts += [f"up {age_text(meter.taken_at - host.booted)}"] if host.booted is not None else []
    return "   ".join(parts)


def host_brief(now: Usage) -> str:
    """The use of the host in a few words: its load of the last minute, its memory, and for how long it runs."""
    host = now.host
    parts = [f"load {host.load[0]:.2f}"] if host.load else []
    if host.memory and host.memory_used is not None:
        parts.append(f"memory {100 * host.memory_used / host.memory:.0f}%")
    parts += [f"up {age_text(now.taken_at - host.booted)}"] if host.booted is not None else []
    return "  ".join(parts)
