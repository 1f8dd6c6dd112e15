"""The meanings of a word that names something: `8058`, `net:4026532173`, `web`, `blue`, `vethab12`, `8080`, a path.

One order holds for the command line, which takes the first meaning or lists several equal ones, and for `:`, which
shows all. The host's own names come before names that an ordinary user or a container could have chosen.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum, auto
from itertools import pairwise
from typing import Literal

from msgspec import Struct

from .kinds import KIND_NAMES
from .members import containers_of
from .net import Interface, Listener, Net, Nets
from .records import Container, Namespace, NamespaceKey, Process
from .snapshot import Snapshot
from .table import Thing
from .text import safe

NAMESPACE = re.compile(r"([a-z]+):(?:(\d{1,20})|\[(\d{1,20})\])", re.ASCII)
_LINK = re.compile(r"/proc/(\d{1,20})/ns/([a-z]+)", re.ASCII)
_NUMBER = re.compile(r"\d{1,20}", re.ASCII)
MOST = 8
"""The most candidates that one line names."""

Role = Literal[
    "process", "thread", "namespace", "container", "netns", "interface", "address", "port", "pid inside", "unseen"
]


class Rank(IntEnum):
    """The rank of a meaning, the best first. HOST: of the host's own net namespace. OTHER: of a container that an
    ordinary user or another container runs. Such a container never shares or takes the rank of the host's own."""

    EXACT = auto()  # a container's key, `net:4026532173`, a namespace's path
    PID = auto()
    TID = auto()
    INODE = auto()
    NAME = auto()  # a container's name or id, or the name that a namespace is mounted by
    FOLDED = auto()  # a name or id in another case
    PREFIX = auto()  # the beginning of an id
    HOST_NET = auto()  # a port, an interface or an address
    DIGITS = auto()  # the beginning of an id, which a port may look like
    OTHER_NAME = auto()
    OTHER_FOLDED = auto()
    OTHER_PREFIX = auto()
    OTHER_NET = auto()  # a port, an interface or an address that the host itself does not have
    HELD = auto()  # a name that only another mount namespace knows
    HINT = auto()  # shown, never taken


PREFIXES = (Rank.PREFIX, Rank.DIGITS, Rank.OTHER_PREFIX)


class Meaning(Struct, frozen=True):
    """One thing that a text may mean. how: the relation of the thing to the text, in words: "listens on tcp 8080"."""

    rank: Rank
    thing: Thing
    role: Role
    how: str


class Target(Struct, frozen=True):
    """The process, namespace or container that was meant. process: to follow into it, None if there is none.

    container: the one meant; for an interface, an address or a port the only one behind it, None if there are several.
    thread: the tid that was given, of a thread of the process; else None.
    """

    thing: Thing
    process: Process | None
    namespace: Namespace | None = None
    container: Container | None = None
    thread: int | None = None


class TargetError(Exception):
    """A text means nothing, or more than one thing. kind: "gone" or "ambiguous"; the message is one line."""

    def __init__(self, kind: Literal["gone", "ambiguous"], message: str) -> None:
        super().__init__(message)
        self.kind = kind


def resolve(snapshot: Snapshot, text: str, nets: Nets | None = None, leader: int | None = None) -> Target:
    """The target that a text means. Raises TargetError if it has no meaning, or several equal ones.

    nets: the net namespaces from within, without which no interface, address or port is known. leader: the process
    that has a thread of this number, None if none has.
    """
    found = meanings(snapshot, text, nets, leader)
    best = [meaning for meaning in found if meaning.rank == found[0].rank < Rank.HINT]
    if best and best[0].rank in (Rank.PID, Rank.TID, Rank.INODE):
        best += _named_so(snapshot, best[0], found)
    best = _without_own(snapshot, best)
    if len(best) > 1:
        raise _ambiguous(snapshot, text, best)
    if best:
        return _target(snapshot, text, best[0])
    raise _gone(snapshot, text, nets, found)


def needs_nets(snapshot: Snapshot, text: str, leader: int | None = None) -> bool:
    """True if the net namespaces from within may give a text a better meaning than it has without them."""
    found = meanings(snapshot, text, leader=leader)
    return not NAMESPACE.fullmatch(text) and (not found or found[0].rank > Rank.HOST_NET)


def meanings(snapshot: Snapshot, text: str, nets: Nets | None = None, leader: int | None = None) -> list[Meaning]:
    """All meanings of a text, the best first, each thing once. nets, leader: as for `resolve`."""
    if not text:
        return []
    each = (
        *_numbered(snapshot, text, leader),
        *_exact(snapshot, text),
        *_containers(snapshot, text),
        *_mounted(snapshot, text),
        *(_reached(snapshot, text, nets) if nets else ()),
    )
    found: dict[Thing, Meaning] = {}
    for meaning in sorted(each, key=lambda meaning: meaning.rank):
        found.setdefault(meaning.thing, meaning)
    return list(found.values())


def process_of(snapshot: Snapshot, thing: Thing) -> Process | None:
    """The process that stands for a thing. None if the thing is gone or has no process in it."""
    target = target_of(snapshot, thing)
    return target.process if target else None


def target_of(snapshot: Snapshot, thing: Thing) -> Target | None:
    """The target that a thing is. None if the thing is gone."""
    match thing:
        case int():
            process = snapshot.processes.get(thing)
            return Target(thing, process, container=snapshot.container_of(process)) if process else None
        case str():
            container = snapshot.containers.get(thing)
            return of_container(snapshot, container) if container else None
    return of_namespace(snapshot, thing) if thing in snapshot.namespaces else None


def of_namespace(snapshot: Snapshot, key: NamespaceKey) -> Target:
    """The target of a namespace, with its oldest member to follow. Raises TargetError if it is not in the snapshot."""
    namespace = snapshot.namespaces.get(key)
    if namespace is None:
        raise _nobody_has(snapshot, key)
    pids = snapshot.members(namespace.type).get(namespace.inode, ())
    members = [snapshot.processes[pid] for pid in pids]
    # A zombie or an unreadable process cannot be followed; the oldest is the least likely to exit.
    members.sort(key=lambda p: (p.state == "Z", p.unreadable is not None, p.kthread, p.start, p.pid))
    return Target(key, members[0] if members else None, namespace=namespace)


def of_container(snapshot: Snapshot, container: Container) -> Target:
    """The target of a container, with its first process to follow."""
    pid = container.init_pid if container.init_pid in snapshot.processes else next(iter(container.pids), None)
    return Target(container.key, snapshot.processes.get(pid) if pid else None, container=container)


def _target(snapshot: Snapshot, text: str, meaning: Meaning) -> Target:
    match meaning.thing:
        case int():
            process = snapshot.processes[meaning.thing]
            thread = int(text) if meaning.role == "thread" else None
            return Target(process.pid, process, container=snapshot.container_of(process), thread=thread)
        case str():
            return of_container(snapshot, snapshot.containers[meaning.thing])
    found = of_namespace(snapshot, meaning.thing)
    inside = _inside(snapshot, meaning.thing) if meaning.role in ("interface", "address", "port") else ()
    behind = inside[0] if len(inside) == 1 else None
    return Target(found.thing, found.process, namespace=found.namespace, container=behind)


# Meanings


def _numbered(snapshot: Snapshot, text: str, leader: int | None) -> Iterator[Meaning]:
    if not _NUMBER.fullmatch(text):
        return
    number = int(text)
    if number in snapshot.processes:
        yield Meaning(Rank.PID, number, "process", "process")
    elif leader in snapshot.processes and leader is not None:
        yield Meaning(Rank.TID, leader, "thread", f"thread {number} is of")
    for namespace in snapshot.namespaces.values():
        if namespace.inode == number:
            yield Meaning(Rank.INODE, namespace.key, "namespace", "namespace")
    for process in snapshot.processes.values():
        if number in process.nspid[1:]:
            yield Meaning(Rank.HINT, process.pid, "pid inside", "pid inside")


def _exact(snapshot: Snapshot, text: str) -> Iterator[Meaning]:
    """The namespace of a text like net:[4026532173], or of the path of a link in /proc."""
    key = _key_of(snapshot, text)
    if key in snapshot.namespaces and key is not None:
        yield Meaning(Rank.EXACT, key, "namespace", "namespace")


def _key_of(snapshot: Snapshot, text: str) -> NamespaceKey | None:
    name, link = NAMESPACE.fullmatch(text), _LINK.fullmatch(text)
    process = snapshot.processes.get(int(link[1])) if link else None
    for kind in KIND_NAMES:
        if name and kind == name[1]:
            return kind, int(name[2] or name[3])
        if link and kind == link[2] and process and (inode := getattr(process.namespaces, kind)) is not None:
            return kind, inode
    return None


def _containers(snapshot: Snapshot, text: str) -> Iterator[Meaning]:
    lowered = text.lower()
    beginning = Rank.DIGITS if _NUMBER.fullmatch(text) and int(text) < 1 << 16 else Rank.PREFIX
    for container in snapshot.containers.values():
        own = is_own(snapshot, container)
        key = container.key.lower()
        if text == container.key:
            rank = Rank.EXACT
        elif text in (container.name, container.id):
            rank = Rank.NAME if own else Rank.OTHER_NAME
        elif lowered in (key, container.name.lower(), container.id.lower()):
            rank = Rank.FOLDED if own else Rank.OTHER_FOLDED
        elif container.id.lower().startswith(lowered) or (":" in text and key.startswith(lowered)):
            rank = beginning if own else Rank.OTHER_PREFIX
        else:
            continue
        yield Meaning(rank, container.key, "container", "container")


def is_own(snapshot: Snapshot, container: Container) -> bool:
    """True if the host's root or nsview's own user runs a container, and not another user or container."""
    return container.outer is None and container.uid in (0, snapshot.host.uid)


def _mounted(snapshot: Snapshot, text: str) -> Iterator[Meaning]:
    """The namespaces that are mounted at a path that is the text or ends with it."""
    lowered = text.lower()
    for namespace in snapshot.namespaces.values():
        names = [spelling for name in namespace.names for spelling in (name, _last(name))]
        if text in names:
            yield Meaning(Rank.NAME, namespace.key, "netns", "namespace")
        elif lowered in map(str.lower, names):
            yield Meaning(Rank.FOLDED, namespace.key, "netns", "namespace")
        elif any(text in (path, _last(path)) for path in _mounts_elsewhere(namespace)):
            yield Meaning(Rank.HELD, namespace.key, "netns", "namespace")


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _mounts_elsewhere(namespace: Namespace) -> list[str]:
    return [holder.path for holder in namespace.held_by if holder.kind == "mount" and holder.path]


def _reached(snapshot: Snapshot, text: str, nets: Nets) -> Iterator[Meaning]:
    """The namespaces and processes whose port, interface or address a text is."""
    initial = snapshot.host.initial.net
    home = snapshot.host.namespaces.net if initial is None else initial
    for net in nets.nets:
        rank = Rank.HOST_NET if net.inode == home else Rank.OTHER_NET
        here = ("net", net.inode) in snapshot.namespaces
        for interface in net.interfaces:
            if text in (interface.name, *interface.altnames):
                yield from _through(snapshot, net, interface, rank, home)
            elif here and text in (address.partition("/")[0] for address in interface.addresses):
                yield Meaning(rank, ("net", net.inode), "address", f"has {text}")
    if _NUMBER.fullmatch(text):
        yield from _at_port(snapshot, int(text), nets, home)


def _through(snapshot: Snapshot, net: Net, interface: Interface, rank: Rank, home: int | None) -> Iterator[Meaning]:
    """The net namespace that the name of an interface means: for the outer end of a pair, such as the host's, the
    namespace that it leads into."""
    link = interface.link
    outer = net.inode == home or interface.master is not None
    other = link.net if link and link.peer and link.net not in (None, net.inode) else None
    into = other is not None and outer and other != home
    if other is not None and ("net", other) in snapshot.namespaces:
        yield Meaning(rank if into else Rank.HINT, ("net", other), "interface", f"{interface.name} leads to")
    if ("net", net.inode) in snapshot.namespaces:
        unseen = outer and interface.kind == "veth" and (link is None or link.net is None)
        role: Role = "unseen" if unseen else "interface"
        yield Meaning(Rank.HINT if into or unseen else rank, ("net", net.inode), role, f"has {interface.name}")


def _at_port(snapshot: Snapshot, port: int, nets: Nets, home: int | None) -> Iterator[Meaning]:
    """The containers that a port is published for, and its listeners. A listener of the host's own net namespace ranks
    as the host's, unless it is an ordinary user's."""
    from .netmap import Map  # the first picture does not need it

    found = Map(nets, snapshot)
    for net in nets.nets:
        for listener in net.listeners:
            if listener.port != port:
                continue
            to = found.publishing.published(listener)
            own = to.container if to else None
            owned = is_own(snapshot, own) if own else listener.uid in (0, snapshot.host.uid)
            rank = Rank.HOST_NET if net.inode == home and owned else Rank.OTHER_NET
            if own:
                how = f"published at {listener.protocol} {listener.port}"
                yield Meaning(rank, own.key, "port", how)
                rank = Rank.HINT
            yield from _listening(snapshot, net, listener, rank)
        for forward in net.forwards:
            if port in forward.ports and (to := found.publishing.sent_on(net, forward)):
                rank = Rank.HOST_NET if net.inode == home else Rank.OTHER_NET
                thing: Thing = to.container.key if to.container else ("net", to.net.inode)
                yield Meaning(rank, thing, "port", f"published at {forward.protocol} {port}, {to.by}")


def _listening(snapshot: Snapshot, net: Net, listener: Listener, rank: Rank) -> Iterator[Meaning]:
    """The first process that has a port open, and as hints the others; the net namespace if no process is known."""
    how = listens(listener)
    for pid in listener.pids:
        if pid in snapshot.processes:
            yield Meaning(rank, pid, "port", how)
            rank = Rank.HINT
    if not listener.pids and ("net", net.inode) in snapshot.namespaces:
        yield Meaning(rank, ("net", net.inode), "port", how)


def listens(listener: Listener) -> str:
    """The port of a listener, in words."""
    return f"listens on {listener.protocol} {listener.port}"


# Several, or none


def _named_so(snapshot: Snapshot, best: Meaning, found: Sequence[Meaning]) -> Iterator[Meaning]:
    """The containers that have a number as their name, except the one of the process with this number."""
    process = snapshot.processes.get(best.thing) if isinstance(best.thing, int) else None
    own = process.container if process else None
    for meaning in found:
        if meaning.rank == Rank.NAME and meaning.role == "container" and meaning.thing != own:
            yield meaning


def _without_own(snapshot: Snapshot, best: list[Meaning]) -> list[Meaning]:
    """The meanings without namespaces of a container among them: a namespace named like its container is not meant."""
    own = {
        (kind, getattr(process.namespaces, kind))
        for meaning in best
        if isinstance(meaning.thing, str) and (process := process_of(snapshot, meaning.thing))
        for kind in KIND_NAMES
    }
    return [meaning for meaning in best if meaning.thing not in own]


def _ambiguous(snapshot: Snapshot, text: str, best: Sequence[Meaning]) -> TargetError:
    told = sorted(_told(snapshot, text, meaning) for meaning in best)
    more = [f"{len(told) - MOST} more"] if len(told) > MOST else []
    *most, last = [*told[:MOST], *more]
    return TargetError("ambiguous", f"{safe(text)!r} may mean {', '.join(most)} or {last}; give one of these")


def _told(snapshot: Snapshot, text: str, meaning: Meaning) -> str:
    """A candidate by a word that means nothing else, with its differences from the others in parentheses."""
    match meaning.thing:
        case int():
            process = snapshot.processes[meaning.thing]
            container = snapshot.container_of(process)
            words = [process.comm, container.name if container else "", "" if meaning.rank == Rank.PID else meaning.how]
            name = f"process {process.pid}" if meaning.rank == Rank.PID else str(process.pid)
        case str():
            container = snapshot.containers[meaning.thing]
            words, name = _apart(snapshot, text, container), container.key
        case _:
            namespace = snapshot.namespaces[meaning.thing]
            inside = [] if namespace.initial else [container.name for container in _inside(snapshot, meaning.thing)]
            whose = ["the host's"] if namespace.initial else namespace.names[:1] or _mounts_elsewhere(namespace)[:1]
            words, name = [*whose, *inside[:3], "" if meaning.how == "namespace" else meaning.how], namespace.label
    words = list(filter(None, words))
    return safe(f"{name} ({', '.join(words)})" if words else name)


def _inside(snapshot: Snapshot, key: NamespaceKey) -> Sequence[Container]:
    return containers_of(snapshot, snapshot.members(key[0]).get(key[1], ()))


_PLACES = (("shim_pid", ("-address", "--address", "-b", "--bundle")), ("daemon_pid", ("--data-root", "--root", "-H")))
"""The options that name the place of a container's engine: a shim's socket or bundle, a daemon's data."""


def _apart(snapshot: Snapshot, text: str, container: Container) -> list[str]:
    """The words that tell a container from others of its name: its name, user, outer container and engine."""
    outer = snapshot.containers.get(container.outer) if container.outer else None
    return [
        container.name if container.name != text else "",
        f"of uid {container.uid}" if container.uid else "",
        f"in container {outer.name if outer else container.outer}" if container.outer else "",
        _engine(snapshot, container),
        _data_root(snapshot, container),
    ]


def _data_root(snapshot: Snapshot, container: Container) -> str:
    """The data root of a container's docker, if another container of its name has the same engine: two dockers may
    share a containerd."""
    named = [other for other in snapshot.containers.values() if other.name == container.name and other is not container]
    if _engine(snapshot, container) not in [_engine(snapshot, other) for other in named]:
        return ""
    end = f"/containers/{container.id}/config.v2.json"
    return next((said[: -len(end)] for said in container.witness.split("; ") if said.endswith(end)), "")


def _engine(snapshot: Snapshot, container: Container) -> str:
    for field, options in _PLACES:
        process = snapshot.processes.get(getattr(container, field) or 0)
        words = process.cmdline if process else ()
        for option, value in pairwise(words):
            if option in options:
                return value
    pid = container.shim_pid or container.init_pid
    return f"process {pid}" if pid else ""


def _gone(snapshot: Snapshot, text: str, nets: Nets | None, found: Sequence[Meaning]) -> TargetError:
    key = _key_of(snapshot, text)
    if key:
        return _nobody_has(snapshot, key)
    if any(meaning.role == "unseen" for meaning in found):
        return TargetError("gone", f"{safe(text)} leads to a net namespace that cannot be seen")
    visible = " that is visible to you" if snapshot.host.hides_processes else ""
    if _NUMBER.fullmatch(text):
        port = ", nor is it a port that is listened on" if nets else ""
        inside = [meaning.thing for meaning in found if meaning.role == "pid inside"]
        help = f"it is the pid inside of {', '.join(map(str, inside[:3]))}" if inside else ""
        help = help or "`nsview list processes` shows those there are"
        return TargetError("gone", f"no process {text}{visible}, nor a namespace or container{port}; {help}")
    near = nearest(snapshot, text, nets)
    help = f"the nearest: {', '.join(near)}" if near else "`nsview list containers` shows those there are"
    unread = "".join(f"; {note}" for note in snapshot.host.notes[:1])
    if not snapshot.host.privileged:
        unread = "; only root can read the names of containers"
    interface = ", interface" if nets else ""
    of_these = f"no container{interface} or mounted namespace{visible}"
    return TargetError("gone", f"{of_these} is called {text!r}; {help}{unread}")


def _nobody_has(snapshot: Snapshot, key: NamespaceKey) -> TargetError:
    there = "there is no " if snapshot.sees_all(key[0]) else "not visible to you: "
    return TargetError(
        "gone", f"{there}namespace {key[0]}:[{key[1]}]; `nsview list --type {key[0]}` shows those there are"
    )


def nearest(snapshot: Snapshot, text: str, nets: Nets | None = None) -> list[str]:
    """The names most like a text, of containers, of mounts, and of interfaces if `nets` are known; made safe."""
    from difflib import get_close_matches  # only needed for a mistyped name

    names = {name.lower(): name for name in _names(snapshot, nets)}
    alike = get_close_matches(text.lower(), names) if len(text) < 100 else []
    return [safe(names[name]) for name in alike]


def _names(snapshot: Snapshot, nets: Nets | None) -> Iterable[str]:
    yield from (interface.name for net in (nets.nets if nets else ()) for interface in net.interfaces)
    for namespace in snapshot.namespaces.values():
        yield from map(_last, (*namespace.names, *_mounts_elsewhere(namespace)))
    yield from (container.name for container in snapshot.containers.values())
