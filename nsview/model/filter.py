"""Which processes, namespaces and containers the words of a filter leave.

All words must match, each anywhere in: name, command line, container, image, user, pid (either side), inode.
`net:4026532173` and `net:[4026532173]` match the members of that namespace exactly. Case does not matter.
"""

import re
from collections.abc import Collection

from msgspec import Struct

from .kinds import KIND_NAMES
from .records import Container, Namespace, Process
from .snapshot import Snapshot

_NAMESPACE = re.compile("(" + "|".join(KIND_NAMES) + r"):(?:(\d{1,20})|\[(\d{1,20})\])", re.ASCII)


class Filter(Struct, frozen=True):
    """A filter ready for use; without words everything matches."""

    words: tuple[str, ...] = ()
    namespaces: tuple[tuple[str, int], ...] = ()
    text: str = ""
    """As it was typed."""

    def __bool__(self) -> bool:
        return bool(self.words or self.namespaces)

    def process(self, process: Process, snapshot: Snapshot) -> bool:
        """The process matches."""
        if any(getattr(process.namespaces, kind) != inode for kind, inode in self.namespaces):
            return False
        if not self.words:
            return True
        container = snapshot.container_of(process)
        text = " ".join((
            str(process.pid), str(process.nspid[-1]), process.user, process.comm, process.command,
            _container_text(container) if container else "",
        )).lower()  # fmt: skip
        inodes = None
        for word in self.words:
            if word in text:
                continue
            if not (word.isdigit() and len(word) >= 6):
                return False
            # Inodes are long: a short number is meant as a pid.
            inodes = inodes or [str(getattr(process.namespaces, kind)) for kind in KIND_NAMES]
            if not any(word in inode for inode in inodes):
                return False
        return True

    def namespace(self, namespace: Namespace) -> bool:
        """The namespace itself matches, whoever is in it."""
        if any(key != namespace.key for key in self.namespaces):
            return False
        text = " ".join((namespace.label, *namespace.names)).lower()
        return all(word in text for word in self.words)

    def container(self, container: Container) -> bool:
        """The container itself matches."""
        text = _container_text(container)
        return not self.namespaces and all(word in text for word in self.words)


def parse(expression: str) -> Filter:
    """The filter that an expression means."""
    words, namespaces = [], []
    for word in expression.lower().split():
        match = _NAMESPACE.fullmatch(word)
        if match:
            namespaces.append((match.group(1), int(match.group(2) or match.group(3))))
        else:
            words.append(word)
    return Filter(tuple(words), tuple(namespaces), expression)


def _container_text(container: Container) -> str:
    pod = container.pod
    parts = [container.name, container.id, container.image or "", container.runtime, container.engine_namespace or ""]
    return " ".join([*parts, *([pod.name, pod.namespace] if pod else [])]).lower()


def narrow(
    snapshot: Snapshot, wanted: Filter, kind: str | None = None, asking: Collection[int] = ()
) -> Snapshot:
    """The snapshot of what matches: processes, the containers and namespaces that match or have a matching process.

    kind: only namespaces of that kind. asking: pids that never match, for the words are in their own command lines.
    """
    processes = {
        pid: p
        for pid, p in snapshot.processes.items()
        if wanted.process(p, snapshot) and not (wanted and pid in asking)
    }
    inhabited = {(k, getattr(p.namespaces, k)) for p in processes.values() for k in KIND_NAMES}
    keys = {p.container for p in processes.values()}
    return Snapshot(
        snapshot.host,
        snapshot.taken_at,
        processes,
        {
            key: namespace
            for key, namespace in snapshot.namespaces.items()
            if (kind is None or namespace.type == kind)
            and (not wanted or key in inhabited or wanted.namespace(namespace))
        },
        {
            key: container
            for key, container in snapshot.containers.items()
            if not wanted or key in keys or wanted.container(container)
        },
        snapshot.search,
    )
