"""Snapshots as the JSON objects that `--json` prints: schema 1, which scripts depend on. `printed` has their types."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from .alike import Lone, containers_in, lone
from .chain import chain
from .changes import Changes, changes
from .kinds import KIND_NAMES
from .label import label
from .records import Container, Host, Namespace, Process
from .snapshot import Snapshot, all_namespaces

if TYPE_CHECKING:
    from .events.record import Event
    from .net import Net
    from .netmap import Map
    from .printed import Difference, ListedHost, ListedNamespace, ListedUse, Listing, NetListing, UseListing
    from .usage import Engines, Meter, Stopped

SCHEMA: Final = 1
TABLES = ("namespaces", "processes", "containers")


def text(value: object) -> str:
    """An object as indented JSON, without a newline at its end.

    ASCII, so that any name of a process is inert and readable in every encoding. msgspec indents it, as the json module
    would do that in Python.
    """
    return indented(json.dumps(value))


def indented(text: str) -> str:
    """JSON in ASCII, indented."""
    return msgspec.json.format(text.encode("ascii"), indent=2).decode("ascii")


def listing(snapshot: Snapshot, whole: Snapshot, tables: tuple[str, ...] = TABLES) -> "Listing":
    """The object of `nsview list --json`. tables: to print, of a narrowed snapshot; whole: the snapshot before that."""
    told: Listing = {
        "schema": SCHEMA,
        "host": host(whole.host),
        "taken_at": whole.taken_at,
        "unreadable": {"processes": sum(whole.unreadable.values()), "reasons": whole.unreadable},
    }
    if "namespaces" in tables:
        told["search"] = msgspec.to_builtins(whole.search)
        told["namespaces"] = [namespace(n, whole) for n in all_namespaces(snapshot)]
    if "processes" in tables:
        told["processes"] = [process(snapshot.processes[pid]) for pid in sorted(snapshot.processes)]
    if "containers" in tables:
        told["containers"] = [container(c) for c in snapshot.containers.values()]
    return told


_END = ("exit_code", "oom_killed", "finished", "error", "command", "log")


def ended(record: Container, one: "Stopped") -> Any:
    """The object of `nsview inspect --json` for a container without a process."""
    told = msgspec.to_builtins(one)
    return {**container(record), **{key: told[key] for key in _END}}


def all_containers(found: Snapshot, whole: Snapshot, engines: "Engines") -> Any:
    """The object of `nsview list containers --all --json`: those of `listing`, each with the engines' records of it."""
    printed: Any = listing(found, whole, ("containers",))
    ways = {place.key: msgspec.to_builtins(place) for place in engines.places}
    ended = {one.key: msgspec.to_builtins(one) for one in engines.stopped}
    for one in printed["containers"]:
        way, end = ways.get(one["key"], {}), ended.get(one["key"], {})
        one.update({key: way.get(key) for key in ("addresses", "ports")})
        one.update({key: end.get(key) for key in _END})
    return {**printed, "unread": list(engines.unread)}


def nets(found: "Map", chosen: "Sequence[Net]") -> "NetListing":
    """The object of `nsview list nets --json`: these net namespaces from within."""

    def net(record: "Net") -> Any:
        named = found.namespace(record.inode)
        told = {
            "inode": record.inode,
            "title": found.title(record.inode),
            "names": list(named.names if named else ()),
            "containers": [container.key for container in found.containers(record.inode)],
        }
        forwards = []
        for forward in record.forwards:
            to = found.publishing.sent_on(record, forward)
            container = to.container.key if to and to.container else None
            whose = {"container": container, "net": to.net.inode if to else None}
            forwards.append({**msgspec.to_builtins(forward), **whose})
        return {**told, **msgspec.to_builtins(record), "forwards": forwards}

    return {
        "schema": SCHEMA,
        "host": host(found.snapshot.host),
        "taken_at": found.taken_at,
        "nets": [net(record) for record in chosen],
        "notes": list(found.notes),
    }


def host(record: Host) -> "ListedHost":
    return {
        "name": record.name,
        "kernel": record.kernel,
        "boot_id": record.boot_id,
        "uid": record.uid,
        "privileged": record.privileged,
        "nsview": record.nsview,
        "notes": list(record.notes),
        "hides_processes": record.hides_processes,
    }


def namespace(record: Namespace, snapshot: Snapshot) -> "ListedNamespace":
    pids = snapshot.members(record.type).get(record.inode, ())
    processes: list[Any] = [{"kind": "process", "pid": pid, "fd": None, "path": None} for pid in pids]
    others = [
        {"kind": h.kind, "pid": h.pid, "fd": h.fd, "path": h.path, **({"mnt": h.mnt} if h.mnt is not None else {})}
        for h in record.held_by
    ]
    return {
        "type": record.type,
        "inode": record.inode,
        "device": record.device,
        "id": record.id,
        "initial": record.initial,
        "owner": record.owner,
        "owner_uid": record.owner_uid,
        "parent": record.parent,
        "out_of_view": list(record.out_of_view),
        "nprocs": len(pids) if snapshot.sees_all(record.type) else None,
        "nprocs_at_least": len(pids),
        "pids": list(pids),
        "names": list(record.names),
        "label": label(record, snapshot),
        "held_by": processes + others,
    }


def use(snapshot: Snapshot, meter: "Meter", keys: Sequence[str]) -> "UseListing":
    """The object of `nsview list use --json`. cpu: cores; throttled: share of the time, of one core; memory and I/O in
    bytes, rates a second; started, finished: seconds since the epoch. A number that is not known, and no limit, is
    null. stopped: the containers without a process; unread: the paths of records of such that may not be read."""

    from .container_table import stopped_of
    from .usage import started

    ways = {place.key: place for place in meter.engines.places} if meter.engines else {}

    def of(key: str) -> "ListedUse":
        used, rates, one, way = meter.of(key), meter.latest(key), snapshot.containers[key], ways.get(key)
        init = snapshot.init_of(one)
        return {
            "key": key, "name": one.name, "state": one.state, "cpu": rates.cpu, "throttled": rates.throttled,
            "memory": used.memory, "memory_limit": used.memory_limit, "oom_kills": used.oom_kills, "pids": used.pids,
            "pids_limit": used.pids_limit, "read": rates.read, "written": rates.written,
            "started": started(init.start, meter.host) if init else None, "restarts": one.restarts,
            "addresses": msgspec.to_builtins(way.addresses) if way else None,
            "ports": msgspec.to_builtins(way.ports) if way else None,
        }  # fmt: skip

    return {
        "schema": SCHEMA, "host": {**host(snapshot.host), "usage": msgspec.to_builtins(meter.host)},
        "taken_at": snapshot.taken_at, "containers": [of(key) for key in keys if key in snapshot.containers],
        "stopped": [msgspec.to_builtins(one) for one in stopped_of(snapshot, meter) if one.key in keys],
        "unread": list(meter.engines.unread) if meter.engines else None,
    }  # fmt: skip


def lens(name: str, titles: Sequence[str], lines: Sequence[Sequence[str]], snapshot: Snapshot | None) -> str:
    """The lines of a lens, each as {title of a column: text}. snapshot: None for those of several hosts."""
    of_one = {"host": host(snapshot.host), "taken_at": snapshot.taken_at} if snapshot else {}
    told = [dict(zip(titles, line, strict=False)) for line in lines]
    return text({"schema": SCHEMA, **of_one, "lens": name, "lines": told}) + "\n"


def event(record: "Event", host: str | None = None) -> str:
    """A line of `nsview events --json`. host: its name, where several are asked. time: seconds since the epoch, of
    the look that showed it; code: of a container that has stopped. A fact that is not known, or that the event does not
    have, is null."""
    told = {"schema": SCHEMA, **msgspec.to_builtins(record)}
    told["namespaces"] = [{"type": kind, "inode": inode} for kind, inode in record.namespaces]
    told.update({"host": host} if host is not None else {})
    return json.dumps(told)


def process(record: Process) -> Any:
    printed: dict[str, Any] = msgspec.to_builtins(record)
    printed["namespaces"] = {
        kind: inode for kind in KIND_NAMES if (inode := getattr(record.namespaces, kind)) is not None
    }
    return printed


def container(record: Container) -> Any:
    return msgspec.to_builtins(record)


def difference(before: Snapshot, after: Snapshot) -> "Difference":
    """The object of `nsview diff --json`. Namespaces are compared by kind, inode and the kernel's id, if any; all
    records of two hosts, or of two boots of one, by what is `alike`."""

    def has(other: Snapshot, record: Namespace) -> bool:
        there = other.namespaces.get((record.type, record.inode))
        # An id is not known where the namespace may not be opened, as by an ordinary user.
        return there is not None and (there.id == record.id or None in (there.id, record.id))

    def missing(other: Snapshot, at: Snapshot, processes: Sequence[Process]) -> Lone:
        namespaces = [one for one in all_namespaces(at) if not has(other, one)]
        return Lone(namespaces, processes, [one for key, one in at.containers.items() if key not in other.containers])

    def told(record: Namespace, at: Snapshot) -> Any:
        return {**namespace(record, at), "containers": containers_in(record, at)}

    if before.host.boot_id == after.host.boot_id:
        happened = changes(before, after)
        gone, new = missing(after, before, happened.gone), missing(before, after, happened.new)
    else:
        happened, gone, new = Changes(), lone(before, after), lone(after, before)
    return {
        "schema": SCHEMA,
        "namespaces": {
            "gone": [told(one, before) for one in gone.namespaces],
            "new": [told(one, after) for one in new.namespaces],
        },
        "processes": {
            "gone": [process(one) for one in gone.processes],
            "new": [process(one) for one in new.processes],
            "moved": [{"before": process(old), "after": process(new)} for old, new in happened.moved],
        },
        "containers": {"gone": [container(c) for c in gone.containers], "new": [container(c) for c in new.containers]},
    }


def inspected_process(snapshot: Snapshot, record: Process) -> dict[str, Any]:
    """The object of `nsview inspect PID --json`: the process and its chain."""
    links = [
        {"pid": link.process.pid, "comm": link.process.comm, "link": link.link} for link in chain(snapshot, record.pid)
    ]
    return {**process(record), "chain": links}
