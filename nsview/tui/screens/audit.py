"""The audit: findings about containers, the worst first, each with its evidence."""

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any, ClassVar

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table as Grid
from rich.text import Text
from textual.binding import BindingType

from nsview.model.audit import RULES, SETTLED, SEVERITIES, Finding, audit, grouped, unchecked
from nsview.model.audit import lines as findings
from nsview.model.audit.lines import subject_of
from nsview.model.changes import Changes
from nsview.model.records import Process
from nsview.model.security import Facts, added
from nsview.model.snapshot import Snapshot
from nsview.model.table import Cell, Column, Line
from nsview.model.text import safe

from ..context import Context
from ..widgets.binding import Binding
from .lens import Lens

AGAIN = 2.5
"""Seconds until processes that were too young to be judged are looked at again."""

_TOLD = 20  # entries of one list of evidence


class Audit(Lens):
    """Findings of one host."""

    NAME = "audit"
    ABOUT = "What of containers should be looked at, the gravest first. Lines with ? say what could not be checked. "
    BESIDE = 140  # whole findings first
    COLUMNS: ClassVar[Sequence[Column]] = findings.COLUMNS
    EMPTY = "No findings: no container has more than the defaults of engines, or there is no container."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "read", "Look again", tooltip="Read the confinement of all containers again", id="rescan"),
    ]

    def __init__(self, context: Context, snapshot: Snapshot, origin: Process | None = None) -> None:
        super().__init__(context, snapshot, origin)
        self.facts = Facts()
        self._coming = Facts()  # arrived since everything was last asked for
        self._asked_at: float | None = None
        self._waiting = True  # for the facts of everything
        self._numbers = ""

    def on_mount(self) -> None:
        self.action_read()

    def action_read(self) -> None:
        """Ask for the facts of everything."""
        self._coming = Facts()
        self._waiting = True
        if self.snapshot.search is None:
            self.session.search_holders(slowly=True)
        self._ask(None)
        self._show()

    def _ask(self, pids: list[int] | None) -> None:
        self._asked_at = monotonic()
        self.run_worker(self._read(pids, self._coming), group="facts", exclusive=True)

    async def _read(self, pids: list[int] | None, known: Facts) -> None:
        """Add the facts of these processes to those known. The facts that are shown stay until all have arrived."""
        async for facts in self.session.security(pids):
            self._coming = added(known, facts.processes.values(), facts.lsm, facts.done, facts.total)
            if facts.complete:
                self.facts, self._waiting = self._coming, False
                self.make()
            elif self._waiting:
                self._show()

    def show_snapshot(self, snapshot: Snapshot, happened: Changes | None) -> None:
        super().show_snapshot(snapshot, happened)
        if not self._waiting and self._asked_at is not None and monotonic() - self._asked_at > AGAIN:
            unknown = [process.pid for process in self._members() if self._is_unknown(process)]
            if unknown:
                self._ask(unknown)

    def _members(self) -> Iterator[Process]:
        processes = self.snapshot.processes
        for container in self.snapshot.containers.values():
            yield from (processes[pid] for pid in container.pids if pid in processes)

    def _is_unknown(self, process: Process) -> bool:
        security = self.facts.of(process)
        return not process.ended and (security is None or security.age < SETTLED)

    # Lines and details

    def lines(self) -> Sequence[Line]:
        if self._asked_at is None or (self._waiting and not self.facts.processes):
            return []
        found = audit(self.snapshot, self.facts, self.context.audit_ignore)
        counts = {severity: sum(one.severity == severity for one in found) for severity in SEVERITIES}
        self._numbers = ", ".join(f"{number} {severity}" for severity, number in counts.items() if number)
        lines = findings.lines(found, self.snapshot)
        for number, text in enumerate(unchecked(self.snapshot, self.facts)):
            cells = Cell("?", order=len(SEVERITIES)), Cell("not checked"), Cell("-"), Cell(text.partition(": ")[0])
            lines.append(Line(("unchecked", number), cells, text, more=text))
        return lines

    def narrowed(self) -> Sequence[Line]:
        """The lines that the filter leaves; too many of one rule are one line."""
        left = super().narrowed()
        found = [line.subject for line in left if isinstance(line.subject, Finding)]
        rest = [line for line in left if not isinstance(line.subject, Finding)]
        return [*findings.lines(grouped(found), self.snapshot), *rest]

    def heading(self) -> str:
        if self._waiting:
            return f"confinement of {self._coming.done} of {self._coming.total or 'all'} processes read …"
        return self._numbers or "no findings"

    def empty(self) -> str:
        if self._waiting:
            return "Reading the confinement of the containers' processes …"
        return self.EMPTY if self.snapshot.containers else "No container runs here."

    def about(self, line: Line) -> RenderableType:
        finding = line.subject
        if not isinstance(finding, Finding):
            hint = "" if self.snapshot.host.privileged else "\n\nAs root there is more to see: Esc, then R."
            return Text(f"Not checked: {safe(str(finding))}.{hint}")
        rule, dim = RULES[finding.rule], self.table.style_of("dim")
        return Group(
            Text(rule.title, "bold"),
            Text(f"{finding.severity}, {finding.rule}", dim),
            Text("\n" + safe(subject_of(finding, self.snapshot))),
            Text(safe(finding.text)),
            Text("\nEVIDENCE", dim),
            _evidence(finding.evidence, dim),
            Text("\nWHY IT MATTERS", dim),
            Text(rule.why),
            Text("\nWHAT TO DO", dim),
            Text(rule.do),
        )

    def open(self, line: Line) -> None:
        if line.thing is not None:
            self.go_to(line.thing)


def _evidence(evidence: dict[str, Any], dim: Style) -> Grid:
    """The fields of the evidence, a line each; lists and tables below one another."""
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(style=dim, no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in evidence.items():
        if isinstance(value, list) and len(value) > 2 * _TOLD:
            value = [*value[:_TOLD], f"and {len(value) - _TOLD:,} more"]
        many = isinstance(value, list) and any(len(_words(item)) > 12 for item in value)
        grid.add_row(name, Text("\n".join(map(_words, value)) if many else _words(value)))
    return grid


def _words(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return " ".join(map(_words, value))
        case dict():
            return ", ".join(f"{key} {_words(inner)}" for key, inner in value.items())
    return safe(str(value))
