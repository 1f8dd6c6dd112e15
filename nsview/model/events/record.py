"""An event, and the parts that all sorts of them are made of."""

from typing import Literal, get_args

from msgspec import Struct

from ..records import Container, NamespaceKey, Process
from ..snapshot import Snapshot, Touched

EventKind = Literal[
    "started", "stopped", "restarted", "oom", "renamed", "paused", "unpaused",
    "born", "gone", "joined", "unshared", "added", "removed", "opened", "closed",
]  # fmt: skip
KINDS: tuple[EventKind, ...] = get_args(EventKind)
MEANINGS: dict[EventKind, str] = {
    "started": "a container has started",
    "stopped": "a container has stopped",
    "restarted": "a container has stopped and started again",
    "oom": "the kernel has killed a process for want of memory",
    "renamed": "a container or an interface has another name",
    "paused": "a container was paused",
    "unpaused": "a container goes on after a pause",
    "born": "namespaces have come into being",
    "gone": "namespaces are gone: nothing keeps them alive",
    "joined": "a process has joined a namespace that was there (setns)",
    "unshared": "a process has left for a new namespace (unshare)",
    "added": "a network interface has come",
    "removed": "a network interface is gone",
    "opened": "a port is listened on",
    "closed": "a port is no longer listened on",
}


class Ended(Struct, frozen=True, kw_only=True):
    """An exit that the agent tells of: of a container's first process, or of one killed for want of memory.

    start: None if no look has seen the process. container: the key of its container. code: as shells give it, 128 and
    the signal's number if a signal ended it. oom: None if not known.
    """

    taken_at: float
    pid: int
    start: int | None
    comm: str
    container: str | None
    code: int
    oom: bool | None


class Event(Struct, frozen=True):
    """Something that has happened.

    time: of the look that showed it, in seconds since the epoch. subject: the thing that it happened to, as text: a
    container's name, "net:[4026532173]", "8058 nginx", an interface, "tcp 0.0.0.0:80". text: the rest, in words.
    container: the key of the container that it happened to, or in; name, pod: of that. pid, start: of the process.
    namespaces: that were born, are gone, were joined or left for, or in which it happened. code: the exit code, None if
    not known. command: the whole command line of the process that `text` names, None if it names none. names: the
    paths at which namespaces that were born or are gone are mounted.
    """

    time: float
    kind: EventKind
    subject: str
    text: str = ""
    container: str | None = None
    name: str = ""
    pod: str | None = None
    pid: int | None = None
    start: int | None = None
    namespaces: tuple[NamespaceKey, ...] = ()
    code: int | None = None
    command: str | None = None
    names: tuple[str, ...] = ()


_IN_ORDER: tuple[tuple[EventKind, ...], ...] = (
    ("oom", "stopped"), ("closed", "removed"), ("gone",), ("renamed", "paused", "unpaused"), ("started", "restarted"),
    ("born",), ("joined", "unshared"), ("added",), ("opened",),
)  # fmt: skip
ORDER: dict[EventKind, int] = {kind: place for place, kinds in enumerate(_IN_ORDER) for kind in kinds}
"""{kind: its place among the events of one look}: ends, then changes, then beginnings."""


class Period(Struct, frozen=True):
    """The time from one snapshot to a later one. touched: the records that may differ."""

    before: Snapshot
    after: Snapshot
    touched: Touched

    def event(self, kind: EventKind, subject: str, text: str, inside: Container | None, **more: object) -> Event:
        return event(self.after.taken_at, kind, subject, text, inside, **more)

    def container_of(self, process: Process) -> Container | None:
        """The container that a process is or was in. None if it is in none, and was not."""
        return self.after.container_of(process) or self.before.container_of(process)


def event(time: float, kind: EventKind, subject: str, text: str, inside: Container | None, **more: object) -> Event:
    """An event that happened to, or in, a container."""
    if inside is not None:
        more = {
            "container": inside.key, "name": inside.name, "pod": inside.pod.label if inside.pod else None, **more
        }  # fmt: skip
    return Event(time, kind, subject, text, **more)  # type: ignore[arg-type]


def named(process: Process) -> str:
    return f"{process.pid} {process.comm}"


def label(key: NamespaceKey) -> str:
    """The text of the link in /proc/PID/ns."""
    return f"{key[0]}:[{key[1]}]"


def place(key: NamespaceKey, snapshot: Snapshot) -> str:
    """A namespace, and whose it is: "net:[4026532173] of web"."""
    if snapshot.is_initial(*key):
        return f"{label(key)} of the host"
    container = container_in(key, snapshot)
    there = snapshot.namespaces.get(key)
    names = there.names if there else ()
    whose = f" of {container.name}" if container else f" at {names[0]}" if names else ""
    return label(key) + whose


def container_in(key: NamespaceKey, snapshot: Snapshot) -> Container | None:
    """The container whose first process is in a namespace that is not the host's; one of several. None if none is."""
    kind, inode = key
    if snapshot.is_initial(kind, inode):
        return None
    for container in snapshot.containers.values():
        first = snapshot.init_of(container)
        if first is not None and getattr(first.namespaces, kind) == inode:
            return container
    return None
