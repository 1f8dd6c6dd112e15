"""What of a host's containers should be looked at: rules over a snapshot and the facts of its processes.

rule        what a rule is, what it looks at, and what it says
sharing     who is in which namespace
privileges  what processes are permitted to do
reach       what of the host a path leads to
lines       findings as lines of a table

Nothing is said that its evidence does not show. What is no container (a service, a browser's sandbox, a shim, a pod's
pause) is not looked at as one.
"""

from collections.abc import Collection, Iterable
from typing import Any

from ..export import SCHEMA
from ..security import Facts
from ..snapshot import Snapshot
from . import privileges, reach, sharing  # noqa: F401  their rules are there once they are imported
from .rule import OF_CONTAINERS, OF_HOSTS, SETTLED, SEVERITIES, Finding, Found, Rule, Severity, Whole

__all__ = ["RULES", "SETTLED", "SEVERITIES", "Finding", "Rule", "Severity", "audit", "printed", "unchecked"]

RULES: dict[str, Rule] = {id: rule for id, (rule, _) in {**OF_CONTAINERS, **OF_HOSTS}.items()}


def audit(snapshot: Snapshot, facts: Facts, ignore: Collection[str] = ()) -> list[Finding]:
    """The findings, by subject, the worst first.

    ignore: rules not to be told of, "host-net" everywhere or "host-net:web" for one subject, by name, key or pid.
    """
    whole = Whole(snapshot, facts)
    findings: list[Finding] = []
    for key, case in whole.cases.items():
        if case.container.role == "container":
            for rule, check in OF_CONTAINERS.values():
                findings += (_finding(rule, found, key, snapshot) for found in check(case))
    for rule, look in OF_HOSTS.values():
        findings += (_finding(rule, found, "", snapshot) for found in look(whole))
    findings = [finding for finding in _uncovered(findings) if not _ignored(finding, ignore)]
    return _by_subject(findings)


def _finding(rule: Rule, found: Found, key: str, snapshot: Snapshot) -> Finding:
    subject = key if found.subject is None else found.subject
    if isinstance(subject, int):
        name = snapshot.processes[subject].comm
    else:
        container = snapshot.containers.get(subject)
        name = container.name if container else subject
    return Finding(rule.id, found.severity or rule.severity, subject, name, found.text, found.evidence)


def _uncovered(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that say something new; those that do not are named in what covers them."""
    findings = list(findings)
    covered: dict[tuple[str, str | int], Finding] = {}
    for finding in findings:
        for id in RULES[finding.rule].covers:
            covered[id, finding.subject] = finding
    kept = []
    for finding in findings:
        above = covered.get((finding.rule, finding.subject))
        if above is None:
            kept.append(finding)
        elif finding.rule not in (told := above.evidence.setdefault("also", [])):
            told.append(finding.rule)
    return kept


def _ignored(finding: Finding, ignore: Collection[str]) -> bool:
    return any(
        wanted in ignore
        for wanted in (
            finding.rule, f"{finding.rule}:{finding.name}", f"{finding.rule}:{finding.subject}",
        )
    )  # fmt: skip


def _by_subject(findings: list[Finding]) -> list[Finding]:
    """Grouped by subject: the one with the worst finding first, and within it the worst first."""
    worst: dict[str | int, int] = {}
    for finding in findings:
        rank = SEVERITIES.index(finding.severity)
        worst[finding.subject] = min(worst.get(finding.subject, rank), rank)

    def order(finding: Finding) -> tuple[int, str, str, int]:
        subject = finding.subject
        return worst[subject], finding.name, str(subject), SEVERITIES.index(finding.severity)

    return sorted(findings, key=order)


def printed(findings: Iterable[Finding], not_checked: list[str]) -> dict[str, Any]:
    """The object of `nsview audit --json`."""
    return {
        "schema": SCHEMA,
        "findings": [
            {"rule": f.rule, "severity": f.severity, "subject": f.subject, "name": f.name, "text": f.text,
             "title": RULES[f.rule].title, "evidence": f.evidence}
            for f in findings
        ],
        "unchecked": not_checked,
    }  # fmt: skip


def unchecked(snapshot: Snapshot, facts: Facts) -> list[str]:
    """What could not be checked, and why, a line each; empty where all was."""
    containers = [c for c in snapshot.containers.values() if c.role == "container"]
    members = [snapshot.processes[pid] for c in containers for pid in c.pids if pid in snapshot.processes]
    lines = []
    unread = [process for process in members if process.unreadable and process.state != "Z"]
    if unread:
        reasons = ", ".join(sorted({process.unreadable for process in unread if process.unreadable}))
        lines.append(
            f"the namespaces of {len(unread)} of {len(members)} containers' processes ({reasons}): "
            "what they share with the host or others is not known"
        )
    untold = [process for process in members if facts.of(process) is None and process.state != "Z"]
    if untold:
        lines.append(f"{len(untold)} of {len(members)} containers' processes: nothing is known of what confines them")
    unseen = [security for process in members if (security := facts.of(process)) is not None and security.unreadable]
    if unseen:
        reasons = ", ".join(sorted({security.unreadable for security in unseen if security.unreadable}))
        lines.append(f"what {len(unseen)} of {len(members)} containers' processes reach by their paths ({reasons})")
    if snapshot.search is None:
        lines.append("net namespaces that only open files, sockets or threads hold: nobody has searched for them")
    return lines
