"""A recording: the frames of an agent, saved to a file and shown again."""

import gzip
import math
import os
import resource
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec.structs import replace

from nsview import files
from nsview.model.contents import READ, Contents
from nsview.model.kinds import KindName
from nsview.model.net import Nets
from nsview.model.records import Details, Process
from nsview.model.security import Facts, Security
from nsview.model.snapshot import Snapshot
from nsview.model.usage import Usage

from . import HostError, frames
from .stream import Gathered, Stream

_GZIP = b"\x1f\x8b"
MOST = 512 << 20
"""Bytes of frames that are taken in: an hour of a busy host; a little gzip file could hold any number."""
TIMES, BESIDE = 3, 32 << 20
"""A frame may take so many times its length in memory, and so many bytes beside: with the file itself four times that.
A frame of nothing but small numbers would take twenty times."""
TOGETHER = 0.05
"""Seconds: deltas that come sooner after each other than anyone could see are shown as one."""
_CHUNK = 1 << 18


class RecordedHost:
    """The host in a recording. pace: 1 for the original speed, 0 for all at once. Raises HostError if unreadable."""

    live = False
    here = False
    options: tuple[str, ...] = ()

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
                self._data = _read(gzip.GzipFile(fileobj=file) if packed else file)
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or "not a whole gzip file"
            raise HostError(f"{path}: {reason}") from None
        if len(self._data) > MOST:
            raise HostError(f"{path}: more than {MOST >> 20} MiB of frames, which is more than nsview takes in")
        if not self._data:
            raise HostError(f"{path}: empty, not a recording of nsview")
        if not self._data.endswith(b"\n"):
            whole = self._data.count(b"\n")
            raise HostError(
                f"{path}: cut in the middle of line {whole + 1}; `head -n {whole}` of it keeps the whole lines"
                if whole
                else f"{path}: not a recording of nsview"
            )

    def _lines(self) -> Iterator[memoryview]:
        """One after another, none of them copied: all at once would take many times the memory of a file of short
        ones."""
        whole, at = memoryview(self._data), 0
        while at < len(whole):
            end = self._data.index(b"\n", at)
            yield whole[at:end]
            at = end + 1

    def early(self) -> None:
        """None, as a recording is not read ahead."""

    def read(self) -> Iterator[Snapshot | frames.Frame]:
        """The frames and snapshots of the recording, at its pace. Raises HostError at a line that can't be read."""
        before = None
        for said in self._gathered(TOGETHER * self.pace):
            if isinstance(said, Snapshot):
                gap = max(0.0, min(said.taken_at - before, 60)) if before is not None else 0.0
                if self.pace and self._stopped.wait(gap / self.pace):
                    return
                before = said.taken_at
            yield said

    def _gathered(self, seconds: float) -> Iterator[Snapshot | frames.Frame]:
        """The frames and snapshots of the recording, one snapshot of the deltas that were taken within that many
        seconds."""
        stream, waiting = Stream(str(self.path)), Gathered()
        for number, line in enumerate(self._lines(), 1):
            try:
                if not _fits(line):
                    size = f"a frame of {len(line) >> 20} MiB takes more than {TIMES} times that in memory"
                    raise HostError(f"{self.path}: {size}, which is more than nsview takes in")
                frame = stream.decoded(line)
                if stream.snapshot and isinstance(frame, frames.DeltaFrame | frames.HoldersFrame):
                    if waiting.since is not None and (not seconds or frame.taken_at - waiting.since >= seconds):
                        yield from _said(stream.add(waiting))
                        waiting = Gathered()
                    waiting.take(frame)
                    continue
                if waiting.since is not None and isinstance(frame, frames.SnapshotFrame):
                    yield from _said(stream.add(waiting))
                    waiting = Gathered()
                yield from _said(stream.add(frame))
            except HostError as error:
                raise HostError(f"{error} (line {number})" if number > 1 else str(error)) from None
        if waiting.since is not None:
            yield from _said(stream.add(waiting))

    def _said_by(self, kind: str) -> Iterator[frames.Frame]:
        """The frames of one kind, up to one that can't be read, at which `read` raises HostError. The records of all
        others are left out: they would need as much time and memory as the snapshot once more."""
        for line in self._lines():
            try:
                if frames.kind_of(line) == kind:
                    yield frames.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return

    def first(self) -> Snapshot:
        """The snapshot for a command: the host at the end of the recording. Raises HostError if there is none."""
        last = None
        for said in self._gathered(math.inf):
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
            for frame in self._said_by("details"):
                if isinstance(frame, frames.DetailsFrame) and (details := frame.details):
                    key = details.pid, details.start
                    self._details[key] = _together(self._details.get(key), details)
        return self._details.get((process.pid, process.start))

    def holders(self) -> Snapshot:
        """The last snapshot, with the holders that were found while it was recorded."""
        return self.first()

    def nets(self) -> Nets | None:
        """The last recorded reading of all net namespaces from within. None if there is none."""
        last = None
        for said in self._said_by("net"):
            if isinstance(said, frames.NetFrame):
                last = said
        return last

    def usages(self) -> Iterator[Usage]:
        """The recorded readings of the use of containers, oldest first."""
        for said in self._said_by("usage"):
            if isinstance(said, frames.UsageFrame):
                yield said

    def thread_group(self, number: str) -> None:
        """None, as threads are not recorded."""

    def security(self, pids: Iterable[int] | None = None) -> Facts:
        """The facts of processes that were asked for while it was recorded."""
        found: dict[int, Security] = {}
        last = None
        for said in self._said_by("security"):
            if isinstance(said, frames.SecurityFrame):
                found.update((security.pid, security) for security in said.processes)
                last = said
        return Facts(found, last.lsm, last.done, last.total) if last else Facts()

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


def _read(file: BinaryIO | gzip.GzipFile) -> bytearray:
    """The bytes of a file, up to one more than MOST."""
    data = bytearray()
    while len(data) <= MOST and (chunk := file.read(min(_CHUNK, MOST + 1 - len(data)))):
        data += chunk
    return data


def _fits(line: memoryview) -> bool:
    """True if a line takes no more memory than it may. A copy of this process tries: a process that has no memory left
    is in no state to go on."""
    if len(line) < BESIDE // 32:
        return True  # however dense
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        resource.setrlimit(resource.RLIMIT_DATA, (pages * resource.getpagesize() + TIMES * len(line) + BESIDE,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        frames.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # which is said where it is decoded
    except BaseException:
        os._exit(1)
    os._exit(0)


def _said(said: Snapshot | frames.Frame | None) -> Iterator[Snapshot | frames.Frame]:
    if said is not None:
        yield said


def demo() -> Path:
    """The recording that comes with nsview."""
    return Path(__file__).resolve().parent.parent / "demo.jsonl.gz"
