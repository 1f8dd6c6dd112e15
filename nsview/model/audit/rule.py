"""A rule, the things that it looks at, and its findings.

A rule is a pure function that yields findings, each with its evidence. Nothing is concluded from things that are not
known: a namespace that could not be read is not the host's, missing facts are no facts.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct

from ..kinds import KIND_NAMES, KindName
from ..records import Container, Process
from ..security import WHOLE_MAP, Facts, PathMount, Security
from ..snapshot import Snapshot

Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")
"""high: root inside takes the host in one known step. medium: a wall that should be there is missing, and one more
step is needed. low: usual, or merely odd; worth knowing."""

SETTLED = 2.0
"""Seconds from its birth after which a process is judged by where it is: a runtime makes it outside and moves it in."""


class Hit(Struct, frozen=True):
    """A finding as a rule yields it. text: one line that follows the subject's name. severity: None for the rule's own.
    subject: None for the container that was looked at. name: of the subject, if it has another than its process or
    container. many: the words for several such findings: "net namespaces without processes"."""

    text: str
    evidence: dict[str, Any]
    severity: Severity | None = None
    subject: str | int | None = None
    name: str = ""
    many: str = ""


class Finding(Struct, frozen=True):
    """A finding. subject: a container's key, a pid, or a namespace as `net:4026532173`; name: as people call it. text,
    name and evidence are not yet `safe`. many: as in `Hit`. members: the findings that this one sums up; its subject
    is "" then."""

    rule: str
    severity: Severity
    subject: str | int
    name: str
    text: str
    evidence: dict[str, Any]
    many: str = ""
    members: tuple["Finding", ...] = ()


class Rule(Struct, frozen=True):
    """A rule. severity: the highest that it gives. title: of a finding, without its subject. why, do: the reason why it
    matters, and the remedy; sentences that end with a full stop.

    covers: the rules whose findings on the same subject say nothing new beside one of this rule.
    needs: the kinds of namespaces of which every member must be known, as the rule goes by absent members; if not, it
    is not checked. within: the kinds of which it goes by present members, so that it finds only readable ones.
    """

    id: str
    severity: Severity
    title: str
    why: str
    do: str
    covers: tuple[str, ...] = ()
    needs: tuple[KindName, ...] = ()
    within: tuple[KindName, ...] = ()

    def checked(self, snapshot: Snapshot) -> bool:
        """True if every member that the rule needs is known on this host."""
        return all(map(snapshot.sees_all, self.needs))


class Whole(Struct, frozen=True, dict=True):
    """A host as rules look at it."""

    snapshot: Snapshot
    facts: Facts

    @cached_property
    def cases(self) -> dict[str, "Case"]:
        """{key: a container of the host}."""
        return {key: Case(self, container) for key, container in self.snapshot.containers.items()}

    @cached_property
    def _owners(self) -> dict[KindName, dict[int, str]]:
        return {}

    def owners(self, kind: KindName) -> dict[int, str]:
        """{inode: key of a container whose first process is in it}, of namespaces that are not the host's."""
        found = self._owners.get(kind)
        if found is None:
            found = self._owners[kind] = {}
            for key, case in self.cases.items():
                inode = getattr(case.init.namespaces, kind) if case.init else None
                if inode is not None and not self.snapshot.is_initial(kind, inode):
                    found.setdefault(inode, key)
        return found

    @cached_property
    def unknown(self) -> set[KindName]:
        """The kinds of which the namespace of some container's first process is not known."""
        inits = [case.init for case in self.cases.values()]
        if None in inits:
            return set(KIND_NAMES)
        alive = [init.namespaces for init in inits if init and not init.ended]
        return {kind for kind in KIND_NAMES if any(getattr(own, kind) is None for own in alive)}

    def settled(self, process: Process) -> bool:
        """True if a process is alive, and old enough to be where it will stay."""
        security = self.facts.of(process)
        return not process.ended and security is not None and security.age >= SETTLED

    def is_host(self, kind: KindName, process: Process) -> bool:
        """True if a process is known to be in the host's first namespace of a kind."""
        return self.snapshot.is_initial(kind, getattr(process.namespaces, kind))

    def leaders(self, apart: Mapping[int, Collection[str]]) -> Iterator[Process]:
        """The processes of {pid: remarks on it} whose parents have not all the same remarks."""
        for pid in sorted(apart):
            process = self.snapshot.processes[pid]
            if not set(apart[pid]) <= set(apart.get(process.ppid, ())):
                yield process


class Case(Struct, frozen=True, dict=True):
    """A container as rules look at it: its first process, and the facts that confine it."""

    whole: Whole
    container: Container

    @cached_property
    def init(self) -> Process | None:
        pid = self.container.init_pid
        return self.whole.snapshot.processes.get(pid) if pid is not None else None

    @cached_property
    def members(self) -> tuple[Process, ...]:
        processes = self.whole.snapshot.processes
        return tuple(processes[pid] for pid in self.container.pids if pid in processes)

    @cached_property
    def strays(self) -> tuple[Process, ...]:
        """The settled processes that are not in all the namespaces of the first one."""
        if self.init is None:
            return ()
        usual = self.init.namespaces
        return tuple(p for p in self.members if p.namespaces != usual and self.whole.settled(p))

    @cached_property
    def security(self) -> Security | None:
        """The facts of its first process, None if they are not known."""
        return self.whole.facts.of(self.init) if self.init else None

    @cached_property
    def place(self) -> Security | None:
        """The facts with the mounts that its first process sees, None if they are not known."""
        return self.whole.facts.place(self.init, self.members) if self.init else None

    @cached_property
    def mounts(self) -> tuple[PathMount, ...]:
        """The mounts of its own, without those below a directory of the host."""
        every = (self.place.mounts if self.place else None) or ()
        bound = {mount.point for mount in every if mount.host is not None and mount.point != "/"}
        return tuple(mount for mount in every if bound.isdisjoint(_above(mount.point)))

    @cached_property
    def apart(self) -> bool:
        """True if a user namespace separates it from the host: root inside is root over nothing outside."""
        inode = self.init.namespaces.user if self.init else None
        if inode is not None and self.whole.snapshot.host.initial.user is not None:
            return not self.whole.snapshot.is_initial("user", inode)
        return self.security is not None and self.security.uid_map != WHOLE_MAP

    @cached_property
    def rooted(self) -> bool:
        """True if a process of it runs as the host's root, or may: uid 0 outside, whatever it is inside."""
        return any(process.uid == 0 for process in self.members) or not self.whole.snapshot.sees_all("container")

    def is_host(self, kind: KindName) -> bool:
        """True if its first process is known to be in the host's first namespace of a kind."""
        return self.init is not None and self.whole.is_host(kind, self.init)

    def weighed(self, severity: Severity) -> Severity:
        """The severity of a thing that root alone can use: a step lower if no process runs as root, low if its root is
        not the host's."""
        if self.apart:
            return "low"
        return severity if self.rooted else lower(severity)


def _above(path: str) -> Iterator[str]:
    """The directories above a path, but the root."""
    while (path := path[: path.rindex("/")]) if "/" in path else "":
        yield path


def lower(severity: Severity) -> Severity:
    """The next lower severity; of low, low."""
    return SEVERITIES[min(SEVERITIES.index(severity) + 1, len(SEVERITIES) - 1)]


ContainerCheck = Callable[[Case], Iterator[Hit]]
HostCheck = Callable[[Whole], Iterator[Hit]]

OF_CONTAINERS: dict[str, tuple[Rule, ContainerCheck]] = {}
OF_HOSTS: dict[str, tuple[Rule, HostCheck]] = {}


def of_container(rule: Rule) -> Callable[[ContainerCheck], ContainerCheck]:
    """A rule that looks at one container at a time."""

    def register(check: ContainerCheck) -> ContainerCheck:
        OF_CONTAINERS[rule.id] = rule, check
        return check

    return register


def of_host(rule: Rule) -> Callable[[HostCheck], HostCheck]:
    """A rule that looks at all of a host."""

    def register(check: HostCheck) -> HostCheck:
        OF_HOSTS[rule.id] = rule, check
        return check

    return register
