"""Snapshots as the JSON objects that `--json` prints: schema 1, which scripts depend on. `printed` has their types."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from .chain import chain
from .changes import changes
from .kinds import KIND_NAMES
from .label import label
from .records import Container, Host, Namespace, Process
from .snapshot import Snapshot, all_namespaces

if TYPE_CHECKING:
    from .net import Net
    from .netmap import Map
    from .printed import Difference, ListedHost, ListedNamespace, ListedUse, Listing, NetListing, UseListing
    from .usage import Meter

SCHEMA: Final = 1
TABLES = ("namespaces", "processes", "containers")


def text(value: object) -> str:
    """An object as indented JSON, without a newline at its end.

    ASCII, so that any name of a process is inert and readable in every encoding. msgspec indents it, as the json module
    would do that in Python.
    """
    return msgspec.json.format(json.dumps(value).encode("ascii"), indent=2).decode("ascii")


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
    bytes, rates a second; started: seconds since the epoch. A number that is not known, and no limit, is null."""

    from .usage import started

    def of(key: str) -> "ListedUse":
        used, rates, one = meter.of(key), meter.latest(key), snapshot.containers[key]
        init = snapshot.processes.get(one.init_pid or 0)
        return {
            "key": key, "name": one.name, "state": one.state, "cpu": rates.cpu, "throttled": rates.throttled,
            "memory": used.memory, "memory_limit": used.memory_limit, "oom_kills": used.oom_kills, "pids": used.pids,
            "pids_limit": used.pids_limit, "read": rates.read, "written": rates.written,
            "started": started(init.start, meter.host) if init else None,
        }  # fmt: skip

    return {
        "schema": SCHEMA, "host": {**host(snapshot.host), "usage": msgspec.to_builtins(meter.host)},
        "taken_at": snapshot.taken_at, "containers": [of(key) for key in keys],
    }  # fmt: skip


def process(record: Process) -> Any:
    printed: dict[str, Any] = msgspec.to_builtins(record)
    printed["namespaces"] = {
        kind: inode for kind in KIND_NAMES if (inode := getattr(record.namespaces, kind)) is not None
    }
    return printed


def container(record: Container) -> Any:
    return msgspec.to_builtins(record)


def difference(before: Snapshot, after: Snapshot) -> "Difference":
    """The object of `nsview diff --json`. Namespaces are compared by kind, inode and the kernel's id, if any."""
    happened = changes(before, after)

    def has(other: Snapshot, record: Namespace) -> bool:
        there = other.namespaces.get((record.type, record.inode))
        # An id is not known where the namespace may not be opened, as by an ordinary user.
        return there is not None and (there.id == record.id or None in (there.id, record.id))

    return {
        "schema": SCHEMA,
        "namespaces": {
            "gone": [namespace(n, before) for n in all_namespaces(before) if not has(after, n)],
            "new": [namespace(n, after) for n in all_namespaces(after) if not has(before, n)],
        },
        "processes": {
            "gone": [process(record) for record in happened.gone],
            "new": [process(record) for record in happened.new],
            "moved": [{"before": process(old), "after": process(new)} for old, new in happened.moved],
        },
        "containers": {
            "gone": [container(c) for key, c in before.containers.items() if key not in after.containers],
            "new": [container(c) for key, c in after.containers.items() if key not in before.containers],
        },
    }


def inspected_process(snapshot: Snapshot, record: Process) -> dict[str, Any]:
    """The object of `nsview inspect PID --json`: the process and its chain."""
    links = [
        {"pid": link.process.pid, "comm": link.process.comm, "link": link.link} for link in chain(snapshot, record.pid)
    ]
    return {**process(record), "chain": links}
