"""The lenses over several hosts, with lines below a line for each host: use, events, findings, net maps. Pure."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from . import container_table, netfields, netmap, usage_table
from .audit import RULES, Finding, grouped
from .audit import lines as findings
from .events import lines as event_lines
from .facts import Fact
from .filter import Fields
from .host_groups import HOST, HostsBy, Things
from .hosts_table import Reported
from .snapshot import Snapshot
from .table import Column, Line

LATEST = 200
"""Events of one host that are listed."""


def _use(snapshot: Snapshot, host: Reported) -> list[Line]:
    risks = container_table.risks(host.heard.findings or ())
    judged = () if host.heard.findings is None else tuple(snapshot.containers)
    around = container_table.Around(container_table.shares(snapshot), risks, judged)
    return container_table.lines(snapshot, host.heard.meter, around)


def _events(snapshot: Snapshot, host: Reported) -> list[Line]:
    """A line for each of the latest events, the last first."""
    latest = [*host.heard.events][-LATEST:]
    return [event_lines.line(number, event) for number, event in reversed(latest)]


def _findings(snapshot: Snapshot, host: Reported) -> list[Line]:
    return findings.lines(grouped(host.heard.findings or []), snapshot)


def _nets(snapshot: Snapshot, host: Reported) -> list[Line]:
    return netmap.Map(host.heard.nets, snapshot).lines() if host.heard.nets else []


def _about(columns: Sequence[Column], line: Line, snapshot: Snapshot) -> list[Fact]:
    """The cells of a line; of a finding the remedy too."""
    told: list[Fact] = [
        (column.title.lower(), cell.text.strip()) for column, cell in zip(columns, line.cells, strict=False)
    ]
    if isinstance(line.subject, Finding):
        rule = RULES[line.subject.rule]
        told += [("why", rule.why), ("what to do", rule.do)]
    return told


def _lens(
    noun: str, columns: Sequence[Column], fields: Fields, lines: Callable[[Snapshot, Reported], Sequence[Line]],
    source: Callable[[Reported], object],
) -> Things:  # fmt: skip
    return Things(noun, tuple(columns), {**fields, "host": HOST}, lines, partial(_about, columns), source)


LENSES: Mapping[HostsBy, Things] = {
    "use": _lens(
        "container", container_table.COLUMNS, usage_table.fields(container_table.COLUMNS), _use,
        lambda host: host.heard.meter if host.heard.meter.taken_at else None,
    ),
    "events": _lens(
        "event", event_lines.COLUMNS, event_lines.FIELDS, _events,
        lambda host: host.heard.events[-1] if host.heard.events else host.snapshot and (),
    ),
    "audit": _lens("finding", findings.COLUMNS, findings.FIELDS, _findings, lambda host: host.heard.findings),
    "net map": _lens("net namespace", netmap.COLUMNS, netfields.fields(), _nets, lambda host: host.heard.nets),
}  # fmt: skip
"""{the name of a lens: its things of all hosts}"""
