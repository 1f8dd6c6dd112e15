"""Namespaces, processes and containers as lines of a table, for the commands that print. Pure."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from . import condition, counts, holder_text
from .filter import Filter
from .kinds import KIND_NAMES, KindName
from .label import label
from .members import containers_of
from .records import Container, Namespace, Process
from .snapshot import Snapshot, all_namespaces
from .table import Cell, Column, Line, Thing

NAMESPACES = (
    Column("TYPE"),
    Column("INODE", right=True),
    Column("NPROCS", right=True, falling=True),
    Column("PID", right=True),
    Column("USER"),
    Column("WHOSE"),
    Column("OWNER", right=True, wide=True),
    Column("PARENT", right=True, wide=True),
    Column("ID", right=True, wide=True),
    Column("NAMES", wide=True),
    Column("COMMAND"),
)
"""OWNER and PARENT are inodes, ID is the kernel's, NAMES are paths."""
_BESIDE = tuple(kind for kind in KIND_NAMES if kind != "net")
PROCESSES = (
    Column("PID", right=True),
    Column("PPID", right=True),
    Column("INSIDE", right=True),
    Column("USER"),
    Column("CONTAINER"),
    Column("NET"),
    Column("NAME", wide=True),
    Column("STATE", wide=True),
    *(Column(f"{kind.upper()} NS", right=True, wide=True) for kind in _BESIDE),
    Column("CGROUP", wide=True),
    Column("COMMAND"),
)
CONTAINERS = (
    Column("NAME"),
    Column("ID"),
    Column("RUNTIME"),
    Column("ENGINE NS"),
    Column("INIT PID", right=True),
    Column("SHIM PID", right=True),
    Column("NPROCS", right=True, falling=True),
    Column("STATE"),
    Column("RESTARTS", right=True, falling=True, wide=True),
    Column("ROLE", wide=True),
    Column("POD", wide=True),
    Column("KEY", wide=True),
    Column("IMAGE"),
    Column("WHOSE", rare=True),
)


def namespaces(snapshot: Snapshot, whole: Snapshot) -> list[Line]:
    """A line a namespace. whole: the snapshot that was narrowed, by which the members are counted."""
    return [namespace(one, whole) for one in all_namespaces(snapshot)]


def namespace(namespace: Namespace, whole: Snapshot) -> Line:
    """The line of a namespace."""
    pids = whole.members(namespace.type).get(namespace.inode, ())
    first = min((whole.processes[pid] for pid in pids), key=lambda p: (p.start, p.pid), default=None)
    cells = (
        Cell(namespace.type), _id(namespace.inode), _count(*counts.nprocs(namespace, whole)),
        _id(first.pid if first else None), Cell(first.users if first else "-"),
        Cell(whose(namespace, containers_of(whole, pids), whole), "container"),
        _id(namespace.owner), _id(namespace.parent), _id(namespace.id), Cell(" ".join(namespace.names) or "-"),
        Cell(first.command) if first else Cell(holder_text.summary(namespace, whole), "dim"),
    )  # fmt: skip
    return Line(namespace.key, cells, namespace, thing=namespace.key)


def whose(namespace: Namespace, containers: Sequence[Container], snapshot: Snapshot) -> str:
    """The containers in a namespace, after "host" if it is the host's; else the label of its members."""
    names = [container.name for container in containers]
    if namespace.initial:
        names = ["host", *([f"+{len(names)} containers"] if len(names) > 1 else names)]
    return ",".join(names) or label(namespace, snapshot) or "-"


def processes(snapshot: Snapshot) -> list[Line]:
    """A line a process."""
    return [_process(snapshot.processes[pid], snapshot) for pid in sorted(snapshot.processes)]


def _process(process: Process, snapshot: Snapshot) -> Line:
    container = snapshot.container_of(process)
    net = process.namespaces.net
    cells = (
        _id(process.pid), _id(process.ppid), _id(process.inner_pid), Cell(process.users),
        Cell(container.name, "container") if container else Cell("-"),
        _id(net) if net or not process.unreadable else Cell(process.unreadable, "warning"),
        Cell(process.comm), Cell(process.state), *(_id(getattr(process.namespaces, kind)) for kind in _BESIDE),
        Cell(process.cgroup or "-"), Cell(process.command),
    )  # fmt: skip
    return Line(process.pid, cells, process, thing=process.pid)


def containers(snapshot: Snapshot, ends: Mapping[str, str] | None = None) -> list[Line]:
    """A line a container, in order of name. ends: {key: the end of one that has stopped, in words}."""
    known = sorted(snapshot.containers.values(), key=lambda container: (container.name, container.key))
    return [_container(container, snapshot, (ends or {}).get(container.key)) for container in known]


def _container(container: Container, snapshot: Snapshot, end: str | None) -> Line:
    warnings = condition.warnings(container)
    cells = (
        Cell(container.name, "container"), Cell(container.id[:12]), Cell(container.runtime),
        Cell(container.engine_namespace or "-"), _id(container.init_pid), _id(container.shim_pid),
        _count(*counts.nprocs(container, snapshot)),
        Cell(", ".join(warnings), "warning") if warnings and not end else Cell(end or container.state or "?"),
        _id(container.restarts), Cell(container.role), Cell(container.pod.label if container.pod else "-"),
        Cell(container.key), Cell(container.image or "-"), Cell(container.whose or "-"),
    )  # fmt: skip
    return Line(container.key, cells, container, thing=container.key)


def _id(number: int | None) -> Cell:
    """The cell of a number by which something is named; an unknown number stands before all others."""
    return Cell("-", order=-1) if number is None else Cell(str(number), order=number)


def _count(least: int, sure: bool) -> Cell:
    return Cell(counts.number(least, sure), order=least if least or sure else -1)


def is_open(lines: Sequence[Line], whole: Snapshot, wanted: Filter, titles: Collection[str]) -> bool:
    """True if processes whose namespaces could not be read may make the answer in these lines another one.

    wanted: the filter that has left them. titles: those of the columns that are printed. Of processes the reason stands
    in their own lines: there it matters to a user alone, who may have them read as root.
    """
    kinds: set[KindName] = set(wanted.kinds)
    unread = False
    for line in lines:
        if isinstance(line.subject, Namespace):
            kinds.add(line.subject.type)
        elif isinstance(line.subject, Process):
            unread |= line.subject.unreadable not in (None, "ENOENT")
    shown = any(title == "NET" or title.endswith(" NS") for title in titles)
    if unread and shown and not whole.host.privileged:
        return True
    return not (whole.sees_all("container") and all(map(whole.sees_all, kinds)))


def words(lines: Iterable[Line], snapshot: Snapshot) -> list[str]:
    """The things behind lines, each once, as a TARGET names them: a pid, net:4026532173, a container's name, or its key
    if the name is not its alone."""
    word = word_in(snapshot)
    return list(dict.fromkeys(word(line.thing) for line in lines if line.thing is not None))


def word_in(snapshot: Snapshot) -> Callable[[Thing], str]:
    """A function that names a thing as a TARGET does: a container by its name, if the name means nothing else here."""
    number = Counter(container.name for container in snapshot.containers.values())
    mounted = {path.rpartition("/")[2] for namespace in snapshot.namespaces.values() for path in namespace.names}

    def word(thing: Thing) -> str:
        if isinstance(thing, tuple):
            return f"{thing[0]}:{thing[1]}"
        container = snapshot.containers.get(thing) if isinstance(thing, str) else None
        name = container.name if container else ""
        clear = name.isprintable() and name[:1].isalnum() and not name.isdecimal() and not set(name) & {":", "/", " "}
        return name if clear and number[name] == 1 and name not in mounted else str(thing)

    return word
