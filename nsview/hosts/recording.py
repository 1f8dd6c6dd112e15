"""A recording: the frames of an agent, saved to a file and shown again."""

import gzip
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from nsview import files
from nsview.model.contents import READ, Contents
from nsview.model.kinds import KindName
from nsview.model.net import Nets
from nsview.model.records import Details, Process
from nsview.model.security import Facts, added
from nsview.model.snapshot import Snapshot

from . import HostError, frames
from .stream import Stream

_GZIP = b"\x1f\x8b"
MOST = 512 << 20
"""The most bytes of frames to read, an hour of a busy host: a small gzip file could hold any number."""


class RecordedHost:
    """The host in a recording. pace: 1 for the original speed, 0 for all at once. Raises HostError if unreadable."""

    live = False

    def __init__(self, path: Path | str, *, pace: float = 0) -> None:
        self.path = Path(path)
        self.pace = pace
        self.timed = pace > 0
        self._stopped = threading.Event()
        self._details: dict[tuple[int, int], Details] | None = None
        try:
            with files.opened(self.path) as file:
                packed = file.read(2) == _GZIP
                file.seek(0)
                data = (gzip.GzipFile(fileobj=file) if packed else file).read(MOST + 1)
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or "not a whole gzip file"
            raise HostError(f"{path}: {reason}") from None
        if len(data) > MOST:
            raise HostError(f"{path}: more than {MOST >> 20} MiB of frames, which is more than nsview takes in")
        self._lines = data.split(b"\n")
        rest = self._lines.pop()
        if not self._lines and not rest:
            raise HostError(f"{path}: empty, not a recording of nsview")
        if rest:
            raise HostError(
                f"{path}: cut in the middle of line {len(self._lines) + 1}; "
                f"`head -n {len(self._lines)}` of it keeps the whole lines"
                if self._lines
                else f"{path}: not a recording of nsview"
            )

    def early(self) -> None:
        """None, as a recording is not read ahead."""

    def read(self) -> Iterator[Snapshot | frames.Frame]:
        """The recorded frames and snapshots, at this pace. Raises HostError if a line can't be read."""
        return self._read(self.pace)

    def _read(self, pace: float) -> Iterator[Snapshot | frames.Frame]:
        stream = Stream(str(self.path))
        before = None
        for number, line in enumerate(self._lines, 1):
            try:
                said = stream.take(line)
            except HostError as error:
                raise HostError(f"{error} (line {number})" if number > 1 else str(error)) from None
            if isinstance(said, Snapshot):
                gap = max(0.0, min(said.taken_at - before, 60)) if before is not None else 0.0
                if pace and self._stopped.wait(gap / pace):
                    return
                before = said.taken_at
            if said is not None:
                yield said

    def first(self) -> Snapshot:
        """The snapshot for a command: the host at the end of the recording. Raises HostError if there is none."""
        last = None
        for said in self._read(pace=0):
            if isinstance(said, Snapshot):
                last = said
        if last is None:
            raise HostError(f"{self.path}: no snapshot in it")
        return last

    def details(self, process: Process, contents: Sequence[KindName] = ()) -> Details | None:
        """The recorded details of a process, with all recorded contents: `contents` can add nothing. None if there
        are none."""
        if self._details is None:
            self._details = {}
            # Decode those frames alone: a long recording takes seconds to go through.
            for details in (_details_in(line) for line in self._lines if b'"details"' in line):
                if details:
                    key = details.pid, details.start
                    self._details[key] = _together(self._details.get(key), details)
        return self._details.get((process.pid, process.start))

    def holders(self) -> Snapshot:
        """The last snapshot, with the holders that were found while it was recorded."""
        return self.first()

    def nets(self) -> Nets | None:
        """The last recorded reading of all net namespaces from within. None if there is none."""
        last = None
        for said in self._read(pace=0):
            if isinstance(said, frames.NetFrame):
                last = said
        return last

    def thread_group(self, number: str) -> None:
        """None, as threads are not recorded."""

    def security(self, pids: Iterable[int] | None = None) -> Facts:
        """All recorded facts of the confinement of processes."""
        facts = Facts()
        for said in self._read(pace=0):
            if isinstance(said, frames.SecurityFrame):
                facts = added(facts, said.processes, said.lsm, said.done, said.total)
        return facts

    def stop(self) -> None:
        """End the wait for the next frame."""
        self._stopped.set()


def _together(old: Details | None, new: Details) -> Details:
    """The newer details, with the contents of other kinds, and the sockets, of the older ones."""
    if old is None:
        return new
    new = replace(new, sockets=new.sockets or old.sockets)
    if old.contents is None:
        return new
    if new.contents is None:
        return replace(new, contents=old.contents)
    told = {kind: known for kind in READ if (known := getattr(new.contents, kind) or getattr(old.contents, kind))}
    unreadable = {**old.contents.unreadable, **new.contents.unreadable}
    return replace(new, contents=Contents(**told, unreadable={k: v for k, v in unreadable.items() if k not in told}))


def _details_in(line: bytes) -> Details | None:
    try:
        frame = frames.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # `read` raises HostError at this line
    return frame.details if isinstance(frame, frames.DetailsFrame) else None


def demo() -> Path:
    """The recording that comes with nsview."""
    return Path(__file__).resolve().parent.parent / "demo.jsonl.gz"
