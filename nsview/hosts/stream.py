"""Frames in, snapshots out."""

import msgspec

from nsview.model.records import Host
from nsview.model.snapshot import Snapshot, advance, searched, snapshot
from nsview.model.text import safe

from . import HostError, frames


class Stream:
    """The snapshot that one agent's frames add up to. source: the agent's or recording's name in errors."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.host: Host | None = None
        self.snapshot: Snapshot | None = None

    def take(self, line: bytes) -> frames.Frame | Snapshot | None:
        """The snapshot that a line leads to, else the line's frame. Raises HostError if the line is faulty."""
        try:
            frame = frames.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise HostError(f"{self.source}: {self._wrong(line, error)}") from None
        match frame:
            case frames.Hello():
                if frame.schema != frames.SCHEMA:
                    raise HostError(f"{self.source}: {_other_schema(frame.schema)}")
                self.host = frame.host
                return frame
            case frames.SnapshotFrame():
                if self.host is None:
                    raise HostError(f"{self.source}: not a recording of nsview: it does not begin with a hello frame")
                self.snapshot = snapshot(
                    self.host, frame.taken_at, frame.processes, frame.namespaces, frame.containers,
                    partial=frame.partial,
                )  # fmt: skip
                return self.snapshot
            case frames.DeltaFrame():
                if self.snapshot is None:
                    raise HostError(f"{self.source}: not a recording of nsview: a delta before the first snapshot")
                self.snapshot = advance(
                    self.snapshot, frame.taken_at, frame.processes, frame.gone, frame.namespaces,
                    frame.namespaces_gone, frame.containers, frame.containers_gone, partial=frame.partial,
                )  # fmt: skip
                return self.snapshot
            case frames.HoldersFrame():
                if self.snapshot is None:
                    raise HostError(f"{self.source}: not a recording of nsview: a search before the first snapshot")
                self.snapshot = searched(self.snapshot, frame)
                return self.snapshot
            case frames.ErrorFrame():
                raise HostError(f"{self.source}: {safe(frame.text)}")
            case _:
                return frame

    def _wrong(self, line: bytes, error: Exception) -> str:
        try:
            schema = frames.schema_of(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            schema = frames.SCHEMA
        if self.host is None and schema != frames.SCHEMA:
            return _other_schema(schema)
        if self.host is None:
            return "not a recording of nsview"
        return f"a frame that cannot be read: {safe(str(error))}"


def _other_schema(schema: int) -> str:
    return f"frames of schema {schema}, and this nsview reads schema {frames.SCHEMA}: use the nsview that wrote them"
