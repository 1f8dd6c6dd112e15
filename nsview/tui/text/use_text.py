"""The details of a line of the table of containers and processes, in words."""

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.style import Style
from rich.text import Text

from nsview.model import container_table, ended, usage
from nsview.model.records import Container, Process
from nsview.model.snapshot import Snapshot
from nsview.model.table import Line
from nsview.model.text import safe
from nsview.model.usage import Meter, Stopped, age_text, bytes_text, percent_text, sparkline

from .parts import pairs

StyleOf = Callable[[str], Style]

_TOP = 12  # processes of a container that are listed
_CHART = 44  # cells


def process(process: Process, style: StyleOf) -> Text:
    """The details of a process."""
    text = _begun(f"{safe(process.comm)} {process.pid}", style)
    text.append(f"\n{safe(process.command)}", style("command"))
    return text.append("\n\nEnter goes there", style("dim"))


def group(line: Line, style: StyleOf) -> Text:
    """The details of a pod or a project."""
    text = _begun(safe(line.cells[0].text.partition(" ")[2]), style)
    return text.append("\n\nEnter folds it, or unfolds it", style("dim"))


def stopped(one: Stopped, meter: Meter, style: StyleOf, state: str | None = None) -> RenderableType:
    """The details of a container without a process. state: that it is in now, if it is not only its end that is
    known."""
    hint = Text("\nL shows its log, Esc goes back", style("dim"))
    return Group(
        _begun(safe(one.name), style),
        Text(),
        pairs(*ended.facts(one, meter.taken_at, state), label=style("label")),
        hint,
    )


def container(container: Container, snapshot: Snapshot, meter: Meter, style: StyleOf) -> Text:
    """The use of a container, its limits, and its processes that use most."""
    used, rates = meter.of(container.key), meter.latest(container.key)
    text = _begun(safe(container.name), style)
    text.append(f"\n{safe(container.image or container.runtime)}\n", style("dim"))
    recent = tuple(rate.cpu for rate in meter.rates.get(container.key, ()))
    text.append(f"\n{sparkline(recent, _CHART)}\n", style("label"))
    limit = f" of {bytes_text(used.memory_limit)}" if used.memory_limit is not None else ", no limit"
    pids = f" of {used.pids_limit}" if used.pids_limit is not None else ""
    waits = [f"{kind} {share:.0f}%" for kind, share in used.pressure.items() if share is not None]
    init = snapshot.init_of(container)
    state = container_table.state(container, used.oom_kills, rates.throttled, usage.age(init, meter))
    facts = (
        ("state", state if state != "running" else None),
        ("processor", f"{percent_text(rates.cpu)}% of one"),
        ("throttled", f"{percent_text(rates.throttled)}% of the time" if rates.throttled else None),
        ("memory", f"{bytes_text(used.memory)}{limit}"),
        ("OOM kills", str(used.oom_kills) if used.oom_kills else None),
        ("tasks", f"{'?' if used.pids is None else used.pids}{pids}"),
        ("reads", f"{bytes_text(rates.read)}/s, {bytes_text(used.read_bytes)} since its start"),
        ("writes", f"{bytes_text(rates.written)}/s, {bytes_text(used.written_bytes)} since its start"),
        ("waiting for", ", ".join(waits) or None),
    )
    for label, value in facts:
        _fact(text, label, value, style)
    _busiest(text, container, snapshot, meter, style)
    text.append(f"\n\nstarted {age_text(usage.age(init, meter))} ago", style("dim"))
    return text.append("\n\nEnter goes there", style("dim"))


def _busiest(text: Text, container: Container, snapshot: Snapshot, meter: Meter, style: StyleOf) -> None:
    def busy(process: Process) -> tuple[float, int]:
        return -meter.cpu.get((process.pid, process.start), 0.0), process.pid

    text.append("\n\nPROCESSES", style("dim"))
    found = sorted((snapshot.processes[pid] for pid in container.pids if pid in snapshot.processes), key=busy)
    for process in found[:_TOP]:
        key = process.pid, process.start
        rss = meter.processes[key][1].rss if key in meter.processes else None
        numbers = f"\n{percent_text(meter.cpu.get(key)):>5}% {bytes_text(rss):>5} {process.pid:>7} "
        text.append(numbers).append(safe(process.command), style("command"))
    if len(found) > _TOP:
        text.append(f"\nand {len(found) - _TOP:,} more", style("dim"))


def _begun(title: str, style: StyleOf) -> Text:
    return Text(no_wrap=True, overflow="ellipsis").append(title, style("group"))


def _fact(text: Text, label: str, value: str | None, style: StyleOf) -> None:
    if value is not None:
        text.append(f"\n{label:12}", style("label")).append(value)
