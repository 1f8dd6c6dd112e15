"""A host in numbers, for those who watch many: containers, namespaces, shares, holders, findings. Pure.

The labels are kinds, states, rules and the like, never names of containers, processes or paths: the number of series is
bounded however many of these a host has, and no container can make one.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from .audit import RULES, Finding
from .kinds import KIND_NAMES, KindName
from .snapshot import Snapshot

SHARED = ((2, "2"), (3, "3"), (9, "4-9"), (math.inf, "10+"))
"""(the greatest number of containers in a namespace, the label) of those shared by several."""


class Family(Struct, frozen=True):
    """A metric: a gauge. samples: {the tuple of the labels' values: number}; of an unknown number there is none."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: Mapping[Any, float]


def families(snapshot: Snapshot, findings: Sequence[Finding], unchecked: Sequence[str]) -> list[Family]:
    """All metrics of a host. findings, unchecked: of its audit."""
    return [*_host(snapshot), *_counts(snapshot), *_shares(snapshot), *_holders(snapshot),
            *_audit(snapshot, findings, unchecked)]  # fmt: skip


def _host(snapshot: Snapshot) -> Iterable[Family]:
    host = snapshot.host
    told = (host.name, host.kernel, host.nsview, "true" if host.privileged else "false")
    names = ("host", "kernel", "version", "privileged")
    yield Family("nsview_info", "The host, and whether root has looked, who alone can read all.", names, {told: 1})
    yield Family("nsview_taken_timestamp_seconds", "The time of the look at the host.", (), {(): snapshot.taken_at})
    complete: dict[tuple[str], float] = {(kind,): float(snapshot.sees_all(kind)) for kind in KIND_NAMES}
    complete["container",] = float(snapshot.sees_all("container"))
    yield Family("nsview_complete", "1 if every member of the namespaces of this type, or of the containers, is known; "
                 "if 0, numbers of these are the least that there are.", ("of",), complete)  # fmt: skip


def _counts(snapshot: Snapshot) -> Iterable[Family]:
    yield Family("nsview_processes", "Processes.", (), {(): len(snapshot.processes)})
    unread = {(reason,): float(number) for reason, number in snapshot.unreadable.items()}
    yield Family("nsview_processes_unreadable", "Processes with a namespace that could not be read, by the error.",
                 ("reason",), unread)  # fmt: skip
    kinds = Counter(kind for kind, _ in snapshot.namespaces)
    yield Family("nsview_namespaces", "Namespaces by type.", ("type",), {(kind,): kinds[kind] for kind in KIND_NAMES})
    alone = Counter(kind for kind, inode in snapshot.namespaces if not snapshot.members(kind).get(inode))
    yield Family("nsview_namespaces_without_processes", "Namespaces in which no process was seen, by type.", ("type",),
                 {(kind,): alone[kind] for kind in KIND_NAMES})  # fmt: skip
    sorts = Counter((one.runtime, one.state or "unknown", one.role) for one in snapshot.containers.values())
    yield Family("nsview_containers", "Containers that have processes, and pods' sandboxes, by runtime and state.",
                 ("runtime", "state", "role"), sorts)  # fmt: skip


def _shares(snapshot: Snapshot) -> Iterable[Family]:
    """The containers in each namespace, sandboxes left out: all of a pod would share with its own."""
    inside: dict[tuple[KindName, int], set[str]] = {}
    for namespaces, key in snapshot.sets:
        container = snapshot.containers.get(key) if key else None
        if container and container.role == "container":
            for kind in KIND_NAMES:
                if (inode := getattr(namespaces, kind)) is not None:
                    inside.setdefault((kind, inode), set()).add(container.key)
    shared: Counter[tuple[str, str]] = Counter({(kind, by): 0 for kind in KIND_NAMES for _, by in SHARED})
    hosts: Counter[tuple[str]] = Counter({(kind,): 0 for kind in KIND_NAMES if getattr(snapshot.host.initial, kind)})
    for (kind, inode), keys in inside.items():
        if getattr(snapshot.host.initial, kind) == inode:
            hosts[kind,] = len(keys)
        elif len(keys) > 1:
            shared[kind, next(by for most, by in SHARED if len(keys) <= most)] += 1
    yield Family("nsview_shared_namespaces", "Namespaces other than the host's that several containers are in, by type "
                 "and by how many.", ("type", "containers"), shared)  # fmt: skip
    yield Family("nsview_containers_in_host_namespace", "Containers with a process in the host's own namespace, by "
                 "type.", ("type",), hosts)  # fmt: skip


def _holders(snapshot: Snapshot) -> Iterable[Family]:
    """The holders that a search finds; no sample where nobody has searched."""
    found: Counter[tuple[str, ...]] = Counter()
    if snapshot.search:
        found.update({(kind, by): 0 for kind in KIND_NAMES for by in snapshot.search.kinds})
    for namespace in snapshot.namespaces.values() if snapshot.search else ():
        found.update((namespace.type, holder.kind) for holder in namespace.held_by)
    yield Family("nsview_namespace_holders", "Things beside member processes that hold namespaces, by type.",
                 ("type", "holder"), found)  # fmt: skip


def _audit(snapshot: Snapshot, findings: Sequence[Finding], unchecked: Sequence[str]) -> Iterable[Family]:
    """The findings by rule; no sample of a rule that could not be checked."""
    found = Counter({(rule.id, rule.severity): 0 for rule in RULES.values() if rule.checked(snapshot)})
    found.update((finding.rule, finding.severity) for finding in findings)
    yield Family("nsview_audit_findings", "Findings of the audit, by rule; those ignored by the configuration left "
                 "out.", ("rule", "severity"), found)  # fmt: skip
    yield Family("nsview_audit_unchecked", "Things that the audit could not check; `nsview audit` names them.", (),
                 {(): len(unchecked)})  # fmt: skip
