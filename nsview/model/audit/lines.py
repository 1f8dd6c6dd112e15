"""Findings as lines of a table, the worst first, and the fields by which a filter finds them."""

from collections.abc import Iterable

from ..filter import of_columns
from ..kinds import KIND_NAMES
from ..snapshot import Snapshot
from ..table import Cell, Column, Line, Thing
from ..target import NAMESPACE
from . import RULES, SEVERITIES, Finding

COLUMNS = Column("SEVERITY"), Column("SUBJECT", most=24), Column("RULE", keep=False), Column("FINDING", most=200)
FIELDS = of_columns(COLUMNS)
"""The fields of a filter of findings: the columns, and those of the container, process or namespace."""

STYLES = {"high": "error", "medium": "warning", "low": "dim"}


def lines(findings: Iterable[Finding], snapshot: Snapshot) -> list[Line]:
    """A line a finding, by severity."""
    return [line(finding, snapshot) for finding in sorted(findings, key=_rank)]


def _rank(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)


def line(finding: Finding, snapshot: Snapshot) -> Line:
    """The line of a finding."""
    subject = str(finding.subject) if isinstance(finding.subject, int) else ""
    cells = (
        Cell(finding.severity, STYLES[finding.severity], order=_rank(finding)),
        Cell(f"{subject} {finding.name}".strip(), "container" if not subject else ""),
        Cell(finding.rule, "label"),
        Cell(finding.text),
    )
    key = finding.rule, finding.subject, finding.severity + finding.many if finding.members else finding.text
    more = f"{RULES[finding.rule].title} {subject_of(finding, snapshot)}"
    return Line(key, cells, finding, more=more, thing=None if finding.members else _thing(finding.subject))


def _thing(subject: str | int) -> Thing:
    """The thing that a subject names: a pid, a container's key, or a namespace as `net:4026532173`."""
    named = NAMESPACE.fullmatch(subject) if isinstance(subject, str) else None
    kind = next((kind for kind in KIND_NAMES if named and kind == named[1]), None)
    return (kind, int(named[2] or named[3])) if named and kind else subject


def subject_of(finding: Finding, snapshot: Snapshot) -> str:
    """The subject of a finding in words: not yet `safe`."""
    subject = finding.subject
    if finding.members:
        return finding.name
    if isinstance(subject, int):
        process = snapshot.processes.get(subject)
        return f"process {subject} {process.command if process else finding.name}"
    container = snapshot.containers.get(subject)
    if container is None:
        return subject if subject == finding.name else f"{finding.name} ({subject})"
    image = f", {container.image}" if container.image else ""
    return f"{container.name} ({container.runtime} {container.id[:12]}{image})"
