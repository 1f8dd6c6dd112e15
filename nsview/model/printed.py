"""The objects that `--json` prints, as types: their JSON schemas are made of these (`nsview schema`).

A record that is printed as it is has its own type here; where both are printed, the other fields stand beside it.
Unknown is null, and never 0 or "".
"""

from typing import Any, Literal, NotRequired, TypedDict

from .compare import Mounted
from .events.record import EventKind
from .kinds import KindName
from .net import Forward, Interface, Listener, Route
from .records import Container, HolderSearch, Process
from .usage import HostUsage, Stopped


class ListedHost(TypedDict):
    """The host that was read. uid: of the reader; privileged: that is root. notes: the limits of its view, a line each,
    with the remedy. hides_processes: its /proc does not show all."""

    name: str
    kernel: str
    boot_id: str
    uid: int
    privileged: bool
    nsview: str
    notes: list[str]
    hides_processes: bool


class ListedHolder(TypedDict):
    """One thing that keeps a namespace alive: a member process, or another holder."""

    kind: Literal["process", "thread", "for_children", "mount", "fd", "socket", "child"]
    pid: int | None
    fd: int | None
    path: str | None
    mnt: NotRequired[int]


class ListedNamespace(TypedDict):
    """A namespace. nprocs: the number of its processes, null if not all can be seen; nprocs_at_least: of those seen.
    names: the paths that it is mounted at. label: the thing that it belongs to, in words."""

    type: KindName
    inode: int
    device: int
    id: int | None
    initial: bool
    owner: int | None
    owner_uid: int | None
    parent: int | None
    out_of_view: list[Literal["owner", "parent"]]
    nprocs: int | None
    nprocs_at_least: int
    pids: list[int]
    names: list[str]
    label: str | None
    held_by: list[ListedHolder]


class Unreadable(TypedDict):
    """The processes of which a namespace could not be read. reasons: {errno's name: number}."""

    processes: int
    reasons: dict[str, int]


class ListedSearch(HolderSearch, frozen=True, tag_field="frame", tag="holders"):
    """The last search for holders of namespaces."""


class Listing(TypedDict):
    """The object of `nsview list`: the tables that were asked for. unread: with --all, the records of containers
    without a process that may not be read."""

    schema: Literal[1]
    host: ListedHost
    taken_at: float
    search: NotRequired[ListedSearch | None]
    namespaces: NotRequired[list[ListedNamespace]]
    processes: NotRequired[list[Process]]
    containers: NotRequired[list[Container]]
    unreadable: Unreadable
    unread: NotRequired[list[str]]


class ListedForward(Forward, frozen=True, kw_only=True):
    """A forward, and the inode of the net namespace that it leads to."""

    net: int | None


class ListedNet(TypedDict):
    """A net namespace from within. title: the thing that it belongs to, in words. containers: their keys."""

    inode: int
    title: str
    names: list[str]
    containers: list[str]
    interfaces: list[Interface]
    routes: list[Route]
    listeners: list[Listener]
    source: Literal["netlink", "proc"] | None
    unreadable: str | None
    left_out: int
    forwards: list[ListedForward]
    forwards_unread: str | None


class NetListing(TypedDict):
    """The object of `nsview list nets`."""

    schema: Literal[1]
    host: ListedHost
    taken_at: float
    nets: list[ListedNet]
    notes: list[str]


class MeasuredHost(ListedHost):
    """The host, and its use."""

    usage: HostUsage | None


class ListedUse(TypedDict):
    """The use of a container. cpu: cores; throttled: share of the time; memory in bytes, read and written in bytes a
    second; started: seconds since the epoch; addresses: of its net namespace; ports: the published ones. Null: not
    known, or no limit."""

    key: str
    name: str
    state: str | None
    cpu: float | None
    throttled: float | None
    memory: int | None
    memory_limit: int | None
    oom_kills: int | None
    pids: int | None
    pids_limit: int | None
    read: float | None
    written: float | None
    started: float | None
    restarts: int | None
    addresses: list[str] | None
    ports: list[Forward] | None


class UseListing(TypedDict):
    """The object of `nsview list use`. stopped: the containers without a process, with --all. unread: the records of
    such that may not be read, null if none were asked for."""

    schema: Literal[1]
    host: MeasuredHost
    taken_at: float
    containers: list[ListedUse]
    stopped: list[Stopped]
    unread: list[str] | None


class ListedLink(TypedDict):
    """A process of a chain. link: serves, from a daemon to a shim that is not its child."""

    pid: int
    comm: str
    link: Literal["parent", "serves"]


class InspectedProcess(Process, frozen=True, kw_only=True):
    """The object of `nsview inspect PID`. chain: from the top of the tree down to the process."""

    chain: list[ListedLink]


class ListedFinding(TypedDict):
    """A finding of `nsview audit`. subject: a container's key, a pid, or a namespace as `net:4026532173`."""

    rule: str
    severity: Literal["high", "medium", "low"]
    subject: str | int
    name: str
    text: str
    title: str
    evidence: dict[str, Any]


class FindingGroup(TypedDict):
    """Many findings of one rule together."""

    rule: str
    severity: Literal["high", "medium", "low"]
    text: str
    number: int
    subjects: list[str | int]


class AuditReport(TypedDict):
    """The object of `nsview audit`. unchecked: the things that could not be, in words."""

    schema: Literal[1]
    findings: list[ListedFinding]
    grouped: list[FindingGroup]
    unchecked: list[str]


class Parted(TypedDict):
    """The ways from the top of the tree: the common one, and from its end those of A and B."""

    common: list[ListedLink]
    a: list[ListedLink]
    b: list[ListedLink]


class ComparedNamespace(TypedDict):
    """The namespaces of one kind of A and B, and their owners. same: null if one is not known."""

    a: int | None
    b: int | None
    owner_a: int | None
    owner_b: int | None
    same: bool | None


class ComparedValue(TypedDict):
    """A fact of A and B, in words."""

    a: str | None
    b: str | None
    same: bool | None


class ComparedCapabilities(TypedDict):
    """A set of capabilities: those of A alone, of B alone, and of both."""

    a: list[str]
    b: list[str]
    both: list[str]


class ComparedMounts(TypedDict):
    """The number of mounts that are the same, and those that differ."""

    same: int
    different: list[Mounted]


class ComparisonReport(TypedDict):
    """The object of `nsview compare`. a, b: pids."""

    schema: Literal[1]
    a: int
    b: int
    parted: Parted
    namespaces: dict[KindName, ComparedNamespace]
    values: dict[str, ComparedValue]
    capabilities: dict[str, ComparedCapabilities]
    mounts: ComparedMounts | None


class ChangedNamespace(ListedNamespace):
    """A namespace that is gone or new. containers: the names of those that it was or is of."""

    containers: list[str]


class ChangedNamespaces(TypedDict):
    """Namespaces that are gone or new."""

    gone: list[ChangedNamespace]
    new: list[ChangedNamespace]


class Moved(TypedDict):
    """A process that is in other namespaces now."""

    before: Process
    after: Process


class ChangedProcesses(TypedDict):
    """Processes that are gone, new, or in other namespaces."""

    gone: list[Process]
    new: list[Process]
    moved: list[Moved]


class ChangedContainers(TypedDict):
    """Containers that are gone or new."""

    gone: list[Container]
    new: list[Container]


class Difference(TypedDict):
    """The object of `nsview diff`."""

    schema: Literal[1]
    namespaces: ChangedNamespaces
    processes: ChangedProcesses
    containers: ChangedContainers


class EventNamespace(TypedDict):
    """A namespace that was born, is gone, was joined or left for, or in which something happened."""

    type: KindName
    inode: int


class PrintedEvent(TypedDict):
    """A line of `nsview events`. time: in seconds since the epoch, of the look that showed it. container: its key, and
    name and pod are its own. pid, start, command: of the
    process, which the text names. code: the exit code, as a shell gives it. names: the paths at which namespaces that
    were born or are gone are mounted. host: its name, where several are asked."""

    schema: Literal[1]
    time: float
    kind: EventKind
    subject: str
    text: str
    container: str | None
    name: str
    pod: str | None
    pid: int | None
    start: int | None
    namespaces: list[EventNamespace]
    code: int | None
    command: str | None
    names: list[str]
    host: NotRequired[str]


class HostAnswer(TypedDict):
    """The answer of one of several hosts. host: as it was named. exit: the code as if it alone had been asked. error:
    in words, null if the answer is as wished. answer: the object that the command prints for one host, null if there
    is none."""

    host: str
    exit: int
    error: str | None
    answer: dict[str, Any] | None


class HostAnswers(TypedDict):
    """The object of `list`, `ps`, `inspect` and `audit` where several hosts are named."""

    schema: Literal[1]
    hosts: list[HostAnswer]


SCHEMAS: dict[str, tuple[Any, ...]] = {
    "list": (Listing,),
    "nets": (NetListing,),
    "use": (UseListing,),
    "inspect": (InspectedProcess, ListedNamespace, Container),
    "audit": (AuditReport,),
    "compare": (ComparisonReport,),
    "diff": (Difference,),
    "events": (PrintedEvent,),
    "hosts": (HostAnswers,),
}
"""{name of an output: the types that it may have, or each line of it}"""
