"""What a user means by `8058`, `net:4026532173`, `web` or a namespace's path."""

import re
from typing import Literal

from msgspec import Struct

from .kinds import KIND_NAMES
from .records import Container, Namespace, NamespaceKey, Process
from .snapshot import Snapshot
from .table import Thing
from .text import safe

NAMESPACE = re.compile(r"([a-z]+):(?:(\d{1,20})|\[(\d{1,20})\])", re.ASCII)
_PID = re.compile(r"\d{1,10}", re.ASCII)


class Target(Struct, frozen=True):
    """What was meant: a process, a namespace or a container. process: whom to follow into it, where there is one."""

    process: Process | None
    namespace: Namespace | None = None
    container: Container | None = None


class TargetError(Exception):
    """Nothing, or more than one thing, is meant. kind: "gone" or "ambiguous"; the message is one line."""

    def __init__(self, kind: Literal["gone", "ambiguous"], message: str) -> None:
        super().__init__(message)
        self.kind = kind


def resolve(snapshot: Snapshot, text: str) -> Target:
    """The target that a text means. A path must have been made a namespace's name before (`type:inode`)."""
    match = NAMESPACE.fullmatch(text)
    if match:
        for kind in KIND_NAMES:
            if kind == match[1]:
                return of_namespace(snapshot, (kind, int(match[2] or match[3])))
    pid = int(text) if _PID.fullmatch(text) else None
    if pid is not None and pid in snapshot.processes:
        process = snapshot.processes[pid]
        named = [c for c in snapshot.containers.values() if c.name == text and c.key != process.container]
        if named:
            keys = ", ".join(sorted(safe(container.key) for container in named))
            raise TargetError("ambiguous", f"{text} is a process and the name of {keys}; give that")
        return Target(process, container=snapshot.container_of(process))
    found = _containers(snapshot, text) if text else []
    if len(found) == 1:
        return of_container(snapshot, found[0])
    if found:
        names = ", ".join(sorted(f"{safe(c.name)} ({safe(c.key)})" for c in found))
        raise TargetError("ambiguous", f"{text!r} may mean {names}; give the one in parentheses")
    if pid is not None:
        raise TargetError("gone", f"no process {text}; `nsview list processes` shows those there are")
    unread = "" if snapshot.host.privileged else ", whose names only root can read"
    raise TargetError("gone", f"no container {text!r}; `nsview list containers` shows those there are{unread}")


def process_of(snapshot: Snapshot, thing: Thing) -> Process | None:
    """The process that stands for a thing; None where it is gone, or nobody is in it."""
    match thing:
        case int():
            return snapshot.processes.get(thing)
        case str():
            container = snapshot.containers.get(thing)
            return of_container(snapshot, container).process if container else None
    return of_namespace(snapshot, thing).process if thing in snapshot.namespaces else None


def of_namespace(snapshot: Snapshot, key: NamespaceKey) -> Target:
    """The target of a namespace: its oldest member is whom to follow."""
    namespace = snapshot.namespaces.get(key)
    if namespace is None:
        raise TargetError(
            "gone", f"nobody has namespace {key[0]}:[{key[1]}]; `nsview list --type {key[0]}` shows those there are"
        )
    pids = snapshot.members(namespace.type).get(namespace.inode, ())
    members = [snapshot.processes[pid] for pid in pids]
    # A zombie cannot be followed; the oldest is the least likely to go.
    members.sort(key=lambda process: (process.state == "Z", process.kthread, process.start, process.pid))
    return Target(members[0] if members else None, namespace=namespace)


def of_container(snapshot: Snapshot, container: Container) -> Target:
    """The target of a container: its first process is whom to follow."""
    pid = container.init_pid if container.init_pid in snapshot.processes else next(iter(container.pids), None)
    return Target(snapshot.processes.get(pid) if pid else None, container=container)


def _containers(snapshot: Snapshot, text: str) -> list[Container]:
    containers = list(snapshot.containers.values())
    for found in (
        [c for c in containers if c.key == text],
        [c for c in containers if text in (c.name, c.id)],
        [c for c in containers if c.id.startswith(text) or (":" in text and c.key.startswith(text))],
    ):
        if found:
            return found
    return []
