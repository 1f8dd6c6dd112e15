"""The audit of a host's containers: rules over a snapshot and the facts that confine its processes.

rule        a rule, the things that it looks at, and its findings
sharing     rules on namespaces that are shared
privileges  rules on the permissions of processes
reachable   rules on the files of the host that a path in a container leads to
lines       findings as lines of a table

A finding says nothing that its evidence does not show. A service, a browser's sandbox, a shim and a pod's pause are no
containers, and not audited as such.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..export import SCHEMA
from ..kinds import KIND_NAMES
from ..security import Facts
from ..snapshot import Snapshot
from ..text import count
from . import privileges, reachable, sharing  # noqa: F401  their rules are there once they are imported
from .rule import OF_CONTAINERS, OF_HOSTS, SETTLED, SEVERITIES, Finding, Hit, Rule, Severity, Whole

if TYPE_CHECKING:
    from ..printed import AuditReport

__all__ = ["RULES", "SETTLED", "SEVERITIES", "Finding", "Rule", "Severity", "audit", "grouped", "printed", "unchecked"]

MANY, FEW = 20, 4
"""The number of findings of one rule above which they are told together; of low ones."""
NAMED = 10
"""The number of subjects that such a finding names."""

RULES: dict[str, Rule] = {id: rule for id, (rule, _) in {**OF_CONTAINERS, **OF_HOSTS}.items()}
"""{id: rule}: those on one container, then those on the host; of either in the order of modules by name, and of their
lines. The table of docs/audit.md has the same order."""


def audit(snapshot: Snapshot, facts: Facts, ignore: Collection[str] = ()) -> list[Finding]:
    """The findings, by subject, the worst first.

    ignore: rules to leave out, "host-net" everywhere or "host-net:web" for one subject, by name, key or pid.
    """
    whole = Whole(snapshot, facts)
    findings: list[Finding] = []
    for key, case in whole.cases.items():
        if case.container.role == "container":
            for rule, check in OF_CONTAINERS.values():
                if rule.checked(snapshot):
                    findings += (_finding(rule, found, key, snapshot) for found in check(case))
    for rule, look in OF_HOSTS.values():
        if rule.checked(snapshot):
            findings += (_finding(rule, found, "", snapshot) for found in look(whole))
    findings = [finding for finding in _uncovered(findings) if not _ignored(finding, ignore)]
    return _by_subject(findings)


def _finding(rule: Rule, found: Hit, key: str, snapshot: Snapshot) -> Finding:
    subject = key if found.subject is None else found.subject
    if isinstance(subject, int):
        name = snapshot.processes[subject].comm
    else:
        container = snapshot.containers.get(subject)
        name = container.name if container else found.name or subject
    return Finding(rule.id, found.severity or rule.severity, subject, name, found.text, found.evidence, found.many)


def _uncovered(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that no other finding covers; the evidence of each names the rules of the findings covered by it."""
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
    """The findings by subject: the subject with the worst finding first, and of a subject the worst first."""
    worst: dict[str | int, int] = {}

    def about(finding: Finding) -> str | int:
        return finding.subject or f"{finding.rule} {finding.severity}"  # several together have none

    for finding in findings:
        rank = SEVERITIES.index(finding.severity)
        worst[about(finding)] = min(worst.get(about(finding), rank), rank)

    def order(finding: Finding) -> tuple[int, str, str, int]:
        subject = about(finding)
        return worst[subject], finding.name, str(subject), SEVERITIES.index(finding.severity)

    return sorted(findings, key=order)


def grouped(findings: Sequence[Finding]) -> list[Finding]:
    """The findings; too many of one rule become one finding that names their subjects."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.rule, finding.severity, finding.many), []).append(finding)
    groups = [
        _group(members)
        for (_, severity, _), members in alike.items()
        if len(members) > (FEW if severity == "low" else MANY)
    ]
    told = {id(member) for group in groups for member in group.members}
    return _by_subject([*(one for one in findings if id(one) not in told), *groups])


def _group(members: list[Finding]) -> Finding:
    first, number = members[0], f"{len(members):,}"
    process = isinstance(first.subject, int)
    nouns = "processes" if process else "namespaces" if _kind(first) in KIND_NAMES else "containers"
    names = ", ".join([f"{member.subject} {member.name}" if process else member.name for member in members[:NAMED]])
    what = f"{number} {first.many}" if first.many else f"{number} × {RULES[first.rule].title}"
    more = ", …" if len(members) > NAMED else ""
    text = f"{what}: {names}{more}"
    evidence = {"number": len(members), "subjects": [member.subject for member in members]}
    return Finding(first.rule, first.severity, "", f"{number} {nouns}", text, evidence, first.many, tuple(members))


def _kind(finding: Finding) -> str:
    return str(finding.subject).partition(":")[0]


def printed(findings: Sequence[Finding], not_checked: list[str]) -> "AuditReport":
    """The object of `nsview audit --json`."""
    groups: list[Any] = [
        {"rule": f.rule, "severity": f.severity, "text": f.text, **f.evidence} for f in grouped(findings) if f.members
    ]
    return {
        "schema": SCHEMA,
        "findings": [
            {"rule": f.rule, "severity": f.severity, "subject": f.subject, "name": f.name, "text": f.text,
             "title": RULES[f.rule].title, "evidence": f.evidence}
            for f in findings
        ],
        "grouped": groups,
        "unchecked": not_checked,
    }  # fmt: skip


def unchecked(snapshot: Snapshot, facts: Facts) -> list[str]:
    """The things that could not be checked: each in a few words, and after ": " the reason; empty if all were."""
    containers = [c for c in snapshot.containers.values() if c.role == "container"]
    members = [snapshot.processes[pid] for c in containers for pid in c.pids if pid in snapshot.processes]
    lines = []
    unread = [process for process in members if process.unreadable and not process.ended]
    if unread:
        reasons = ", ".join(sorted({process.unreadable for process in unread if process.unreadable}))
        lines.append(f"what {_of(unread, members)} share: their namespaces could not be read ({reasons})")
    # A process that had just begun may have exited before the reading, or have begun after that.
    settled = facts.read_at - 100 * SETTLED
    untold = [p for p in members if facts.of(p) is None and not p.ended and p.start <= settled]
    if untold:
        lines.append(f"how {_of(untold, members)} are confined: nothing is known of that")
    unseen = [security for process in members if (security := facts.of(process)) is not None and security.unreadable]
    if unseen:
        reasons = ", ".join(sorted({security.unreadable for security in unseen if security.unreadable}))
        lines.append(f"what {_of(unseen, members)} reach: their paths could not be read ({reasons})")
    if snapshot.search is None:
        lines.append("who holds net namespaces: nobody has searched for open files, sockets and threads that do")
    return lines + _unseen(snapshot)


def _of(some: Sequence[object], members: Sequence[object]) -> str:
    """A part of the processes, in words."""
    return f"{len(some)} of {len(members)} processes in containers"


def _unseen(snapshot: Snapshot) -> list[str]:
    """The rules that could not be checked, or not of all processes, because some could not be read."""
    unchecked = [rule.id for rule in RULES.values() if not rule.checked(snapshot)]
    partly = [rule.id for rule in RULES.values() if not all(map(snapshot.sees_all, rule.within))]
    reasons = [f"{number} {reason}" for reason, number in sorted(snapshot.unreadable.items()) if reason != "ENOENT"]
    if reasons:
        why = f"of {len(snapshot.processes)} processes the namespaces of some could not be read ({', '.join(reasons)})"
    else:
        why = "/proc hides processes from nsview"
    return [
        f"{count(len(rules), 'rule')}{of}: {', '.join(rules)}: {why}{so}"
        for rules, of, so in (
            (unchecked, "", "; who is in none cannot be told"),
            (partly, ", of processes that cannot be read", "; of the others they were checked"),
        )
        if rules
    ]
