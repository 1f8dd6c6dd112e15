"""Frames in, snapshots out."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from nsview.model.records import Container, Host, Namespace, NamespaceKey, Process
from nsview.model.snapshot import Snapshot, advance, searched, snapshot
from nsview.model.text import safe

from . import HostError, frames

_Key = TypeVar("_Key")


class Stream:
    """The snapshot that one agent's frames add up to. source: the agent's or recording's name in errors; kind: in
    words, of what it should be."""

    def __init__(self, source: str, kind: str = "a recording") -> None:
        self.source = source
        self.kind = kind
        self.host: Host | None = None
        self.notes: tuple[str, ...] = ()  # on the host, besides its own
        self.snapshot: Snapshot | None = None

    def take(self, line: bytes | memoryview) -> frames.Frame | Snapshot:
        """The snapshot that a line leads to; for a line that leads to none, its frame."""
        return self.add(self.decoded(line))

    def decoded(self, line: bytes | memoryview) -> frames.Frame:
        """The frame on a line."""
        try:
            return frames.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise HostError(f"{self.source}: {self._wrong(line, error)}") from None

    def add(self, frame: "frames.Frame | Gathered") -> frames.Frame | Snapshot:
        """The snapshot that a frame leads to, or several together; for a frame that leads to none, itself."""
        match frame:
            case frames.Hello():
                if frame.schema != frames.SCHEMA:
                    raise HostError(f"{self.source}: {_other_schema(frame.schema)}")
                host = replace(frame.host, notes=(*frame.host.notes, *self.notes)) if self.notes else frame.host
                if host != self.host:  # or it stays the same object, by which snapshots of one host are known
                    self.host = host
                return frame
            case frames.SnapshotFrame():
                if self.host is None:
                    raise HostError(f"{self.source}: not {self.kind} of nsview: it does not begin with a hello frame")
                self.snapshot = snapshot(
                    self.host, frame.taken_at, frame.processes, frame.namespaces, frame.containers,
                    partial=frame.partial,
                )  # fmt: skip
                return self.snapshot
            case frames.DeltaFrame() | Gathered():
                if self.snapshot is None:
                    raise HostError(f"{self.source}: not {self.kind} of nsview: a delta before the first snapshot")
                taken_at = frame.taken_at
                if isinstance(frame, Gathered) and frame.search:
                    taken_at = max(taken_at, self.snapshot.taken_at)  # a member tells again of an earlier search
                self.snapshot = advance(
                    self.snapshot, taken_at, frame.processes, frame.gone, frame.namespaces,
                    frame.namespaces_gone, frame.containers, frame.containers_gone, partial=frame.partial,
                    host=self.host,
                )  # fmt: skip
                if isinstance(frame, Gathered) and frame.search:
                    self.snapshot = searched(self.snapshot, frame.search)
                return self.snapshot
            case frames.HoldersFrame():
                if self.snapshot is None:
                    raise HostError(f"{self.source}: not {self.kind} of nsview: a search before the first snapshot")
                self.snapshot = searched(self.snapshot, frame)
                return self.snapshot
            case frames.ErrorFrame():
                raise HostError(f"{self.source}: {safe(frame.text)}")
            case _:
                return frame

    def _wrong(self, line: bytes | memoryview, error: Exception) -> str:
        try:
            schema = frames.schema_of(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            schema = frames.SCHEMA
        if self.host is None and schema != frames.SCHEMA:
            return _other_schema(schema)
        if self.host is None:
            return f"not {self.kind} of nsview"
        return f"a frame that cannot be read: {safe(str(error))}"


class Gathered:
    """Deltas that follow each other, and the last search among them, as one: each snapshot in between would cost as
    much as all of a host."""

    def __init__(self) -> None:
        self.since: float | None = None  # when the first was taken
        self.taken_at = 0.0
        self.partial = False
        self.search: frames.HoldersFrame | None = None
        self.gone: set[int] = set()
        self.namespaces_gone: set[NamespaceKey] = set()
        self.containers_gone: set[str] = set()
        self._processes: dict[int, Process] = {}
        self._namespaces: dict[NamespaceKey, Namespace] = {}
        self._containers: dict[str, Container] = {}

    def take(self, frame: frames.DeltaFrame | frames.HoldersFrame) -> None:
        """Add a frame."""
        self.since = frame.taken_at if self.since is None else self.since
        self.taken_at = frame.taken_at
        if isinstance(frame, frames.HoldersFrame):
            self.search = frame
            return
        self.partial = frame.partial
        _without(self._processes, self.gone, frame.gone)
        _without(self._namespaces, self.namespaces_gone, frame.namespaces_gone)
        _without(self._containers, self.containers_gone, frame.containers_gone)
        self._processes.update((process.pid, process) for process in frame.processes)
        self._namespaces.update((namespace.key, namespace) for namespace in frame.namespaces)
        self._containers.update((container.key, container) for container in frame.containers)

    @property
    def processes(self) -> Iterable[Process]:
        return self._processes.values()

    @property
    def namespaces(self) -> Iterable[Namespace]:
        return self._namespaces.values()

    @property
    def containers(self) -> Iterable[Container]:
        return self._containers.values()


def _without(records: dict[_Key, Any], gone: set[_Key], keys: list[_Key]) -> None:
    gone.update(keys)
    for key in keys:
        records.pop(key, None)


def _other_schema(schema: int) -> str:
    return f"frames of schema {schema}, and this nsview reads schema {frames.SCHEMA}: use the nsview that wrote them"
