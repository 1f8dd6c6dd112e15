"""What a rule is, what it looks at, and what it says.

A rule is a pure function that yields what it has found, each with the evidence for it. Of what is not known it says
nothing: a namespace that could not be read is not the host's, facts that were not told are no facts.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct

from ..kinds import KIND_NAMES, KindName
from ..records import Container, Process
from ..security import WHOLE_MAP, Facts, Mount, Security
from ..snapshot import Snapshot

Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")
"""high: root inside takes the host in one known step. medium: a wall that should be there is missing, and one more
step is needed. low: as most are set up, or merely odd; worth to know."""

SETTLED = 2.0
"""Seconds from its birth after which a process is judged by where it is: a runtime makes it outside and moves it in."""


class Found(Struct, frozen=True):
    """What one rule has found once. text: one line that follows the subject's name. severity: None for the rule's own.
    subject: None for the container that was looked at. name: of a subject that has another than that, or than its
    process or container has. many: what several like it are, in words: "net namespaces without processes"."""

    text: str
    evidence: dict[str, Any]
    severity: Severity | None = None
    subject: str | int | None = None
    name: str = ""
    many: str = ""


class Finding(Struct, frozen=True):
    """One finding. subject: a container's key, a pid, or a namespace as `net:4026532173`; name: what people call it.
    text, name and evidence are as they were found: not yet `safe`. many: as of what was found. members: the findings
    that this one tells of together; its subject is "" then."""

    rule: str
    severity: Severity
    subject: str | int
    name: str
    text: str
    evidence: dict[str, Any]
    many: str = ""
    members: tuple["Finding", ...] = ()


class Rule(Struct, frozen=True):
    """One thing that is looked for. severity: the highest that it gives.

    covers: the rules whose findings on the same subject say nothing new once this one has found something.
    needs: the kinds of namespaces of which every member must be known, for it goes by who is not in one; where one of
    them is not, it is not checked. within: it goes by who is in one, and so finds those alone that can be read.
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
        """What it needs is known of this host."""
        return all(map(snapshot.sees_all, self.needs))


class Whole(Struct, frozen=True, dict=True):
    """A host as rules look at it."""

    snapshot: Snapshot
    facts: Facts

    @cached_property
    def cases(self) -> dict[str, "Case"]:
        """Its containers, by key."""
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
        """It is where it is to stay: alive, and not just born."""
        security = self.facts.of(process)
        return not process.ended and security is not None and security.age >= SETTLED

    def is_host(self, kind: KindName, process: Process) -> bool:
        """It is known to be in the host's first namespace of a kind."""
        return self.snapshot.is_initial(kind, getattr(process.namespaces, kind))

    def leaders(self, apart: Mapping[int, Collection[str]]) -> Iterator[Process]:
        """Of {pid: what is worth to tell of it} the processes whose parents are not worth to tell the same of."""
        for pid in sorted(apart):
            process = self.snapshot.processes[pid]
            if not set(apart[pid]) <= set(apart.get(process.ppid, ())):
                yield process


class Case(Struct, frozen=True, dict=True):
    """One container as rules look at it: its first process, and what confines that."""

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
        """Those of its processes that are not in all the namespaces of its first one, once they are settled."""
        if self.init is None:
            return ()
        usual = self.init.namespaces
        return tuple(p for p in self.members if p.namespaces != usual and self.whole.settled(p))

    @cached_property
    def security(self) -> Security | None:
        """The facts of its first process."""
        return self.whole.facts.of(self.init) if self.init else None

    @cached_property
    def place(self) -> Security | None:
        """The facts with the mounts that its first process sees."""
        return self.whole.facts.place(self.init, self.members) if self.init else None

    @cached_property
    def mounts(self) -> tuple[Mount, ...]:
        """The mounts that are its own: not those that came along below a directory of the host."""
        every = (self.place.mounts if self.place else None) or ()
        bound = {mount.point for mount in every if mount.host is not None and mount.point != "/"}
        return tuple(mount for mount in every if bound.isdisjoint(_above(mount.point)))

    @cached_property
    def apart(self) -> bool:
        """A user namespace separates it from the host: root inside is root over nothing outside."""
        inode = self.init.namespaces.user if self.init else None
        if inode is not None and self.whole.snapshot.host.initial.user is not None:
            return not self.whole.snapshot.is_initial("user", inode)
        return self.security is not None and self.security.uid_map != WHOLE_MAP

    @cached_property
    def rooted(self) -> bool:
        """A process of it runs as the host's root, or may: uid 0 outside, whatever it is inside."""
        return any(process.uid == 0 for process in self.members) or not self.whole.snapshot.sees_all("container")

    def is_host(self, kind: KindName) -> bool:
        """Its first process is known to be in the host's first namespace of a kind."""
        return self.init is not None and self.whole.is_host(kind, self.init)

    def weighed(self, severity: Severity) -> Severity:
        """The severity of what root alone can use: one less where nothing of it runs as root, low where its root is
        not the host's."""
        if self.apart:
            return "low"
        return severity if self.rooted else lower(severity)


def _above(path: str) -> Iterator[str]:
    """The directories above a path, but the root."""
    while (path := path[: path.rindex("/")]) if "/" in path else "":
        yield path


def lower(severity: Severity) -> Severity:
    """One less, down to low."""
    return SEVERITIES[min(SEVERITIES.index(severity) + 1, len(SEVERITIES) - 1)]


OfContainer = Callable[[Case], Iterator[Found]]
OfHost = Callable[[Whole], Iterator[Found]]

OF_CONTAINERS: dict[str, tuple[Rule, OfContainer]] = {}
OF_HOSTS: dict[str, tuple[Rule, OfHost]] = {}


def of_container(rule: Rule) -> Callable[[OfContainer], OfContainer]:
    """A rule that looks at one container at a time."""

    def register(check: OfContainer) -> OfContainer:
        OF_CONTAINERS[rule.id] = rule, check
        return check

    return register


def of_host(rule: Rule) -> Callable[[OfHost], OfHost]:
    """A rule that looks at all of a host."""

    def register(check: OfHost) -> OfHost:
        OF_HOSTS[rule.id] = rule, check
        return check

    return register
