"""Everything that the frames of one agent add up to, as the frames that a member of a recording begins with."""

from collections.abc import Iterator

from nsview.model.changes import changes
from nsview.model.security import Security
from nsview.model.snapshot import Snapshot

from . import frames
from .stream import Stream

UNKEPT = frames.Progress, frames.NetProgress, frames.Links
"""Frames that say nothing once they have been read."""


class Told:
    """The snapshot that frames lead to, and the last answers to all requests."""

    def __init__(self, name: str) -> None:
        """name: of the host, in errors."""
        self._stream = Stream(name, "an agent")
        self._nets: frames.NetFrame | None = None
        self._lsm: tuple[str, ...] = ()
        self._facts: dict[int, Security] = {}

    @property
    def taken_at(self) -> float | None:
        """The time of the last look, None before the first one."""
        return self._stream.snapshot.taken_at if self._stream.snapshot else None

    def take(self, frame: frames.Frame) -> int:
        """Add a frame; the number of processes that came or went in it. Raises HostError if it is an error."""
        before = self._stream.snapshot
        after = self._stream.add(frame)
        if isinstance(frame, frames.NetFrame):
            self._nets = frame
        elif isinstance(frame, frames.SecurityFrame):
            self._lsm = frame.lsm
            self._facts.update((facts.pid, facts) for facts in frame.processes)
        if before is None or not isinstance(after, Snapshot):
            return 0
        happened = changes(before, after)
        return len(happened.new) + len(happened.gone)

    def frames(self) -> Iterator[frames.Frame]:
        """The frames that lead to the same as all those that were taken."""
        host, snapshot = self._stream.host, self._stream.snapshot
        assert host is not None
        assert snapshot is not None
        yield frames.Hello(frames.SCHEMA, host)
        yield frames.SnapshotFrame(
            snapshot.taken_at, [*snapshot.processes.values()], [*snapshot.namespaces.values()],
            [*snapshot.containers.values()], snapshot.partial,
        )  # fmt: skip
        if isinstance(snapshot.search, frames.HoldersFrame):
            yield snapshot.search
        if self._nets:
            yield self._nets
        alive = {(process.pid, process.start) for process in snapshot.processes.values()}
        self._facts = {pid: facts for pid, facts in self._facts.items() if (pid, facts.start) in alive}
        if self._facts:
            yield frames.SecurityFrame(0, len(self._facts), len(self._facts), self._lsm, [*self._facts.values()])
