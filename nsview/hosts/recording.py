"""A recording: the frames of an agent, saved to a file and shown again."""

import math
import os
import resource
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

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

from . import HostError, frames, members
from .moment import clock, moment
from .stream import Gathered, Stream

SILENCE = 60.0
"""Seconds without a frame after which nobody is taken to have recorded."""
CHARTED = 600.0
"""Seconds of the use of containers that are told before a moment."""
_Recorded = TypeVar("_Recorded", bound="RecordedHost")
_LOOKS = frames.SnapshotFrame, frames.DeltaFrame, frames.HoldersFrame
MOST = 512 << 20
"""Bytes of frames that are taken in: an hour of a busy host; a little gzip file could hold any number."""
TIMES, BESIDE = 3, 32 << 20
"""A frame may take so many times its length in memory, and so many bytes beside: with the file itself four times that.
A frame of nothing but small numbers would take twenty times."""
TOGETHER = 0.05
"""Seconds: deltas that come sooner after each other than anyone could see are shown as one."""


class RecordedHost:
    """The host in a recording. pace: 1 for the original speed, 0 for all at once. Raises HostError if unreadable.

    moment: the time as of which questions are answered, in seconds since the epoch; inf for the end. note: a line for
    the user if a part of the file is lost, or nothing was recorded at that moment, else "".
    """

    live = False
    here = False
    name = "the recorded host"
    source = "recorded"
    elsewhere = None

    def __init__(self, path: Path | str, *, pace: float = 0) -> None:
        self.path = Path(path)
        self.pace = pace
        self.timed = pace > 0
        self.moment = math.inf
        self.note = ""
        self._stopped = threading.Event()
        self._details: tuple[int, dict[tuple[int, int], Details]] = -1, {}
        try:
            self._file = files.opened(self.path)
            self._members = members.members(self._file)
        except OSError as error:
            raise HostError(f"{path}: {error.strerror}") from None
        except ValueError as error:
            raise HostError(f"{path}: {error}") from None
        self._loaded: tuple[int, bytearray] = -1, bytearray()
        if not self._data(len(self._members) - 1):
            raise HostError(f"{path}: empty, or without a whole frame: not a recording of nsview")

    def _data(self, number: int) -> bytearray:
        """The frames of a member."""
        loaded = self._loaded  # another thread may load another one meanwhile
        if loaded[0] != number:
            try:
                data, cut = members.lines(self._file, self._members[number], MOST)
            except (OSError, ValueError) as error:
                raise HostError(f"{self.path}: {getattr(error, 'strerror', None) or error}") from None
            if len(data) > MOST:
                raise HostError(
                    f"{self.path}: more than {MOST >> 20} MiB of frames, which is more than nsview takes in"
                )
            if cut:
                self.note = f"{self.path} is cut in the middle of a frame, or damaged: all before is shown"
            loaded = self._loaded = number, data
        return loaded[1]

    def _lines(self, first: int = 0, last: int | None = None) -> Iterator[tuple[int, memoryview]]:
        """(the number of a line in its member, the line), one after another, none of them copied: all at once would
        take many times the memory of a file of short ones. first, last: members."""
        for number in range(first, len(self._members) if last is None else last + 1):
            data, at, line = self._data(number), 0, 0
            whole = memoryview(data)
            while at < len(whole):
                end, line = data.index(b"\n", at), line + 1
                yield line, whole[at:end]
                at = end + 1

    def _number(self, moment: float) -> int:
        """The member that tells of a moment: the last one that began by then, or the first."""
        return max(0, bisect_right(self._members, moment, key=lambda member: member.began) - 1)

    @cached_property
    def span(self) -> tuple[float, float]:
        """The times of the first and of the last frame."""
        first = next(filter(None, map(_time_of, (line for _, line in self._lines()))), 0.0)
        last = list(filter(None, map(_time_of, (line for _, line in self._lines(len(self._members) - 1)))))
        return first, max([first, *last[-1:]])

    def go_to(self, text: str) -> None:
        """Answer as of the moment that a text means. Raises HostError if it means none in here."""
        try:
            wanted = self.moment = moment(text, *self.span)
        except ValueError as error:
            raise HostError(f"{self.path}: {error}") from None
        number = self._number(wanted)
        if self._members[number].began > -math.inf:  # and the use of containers was read every few seconds
            lines = (line for _, line in self._lines(number, number))
            heard = max(time for line in lines if (time := _time_of(line)) is not None and time <= wanted)
            if wanted - heard > SILENCE:
                self.note = f"note: nothing was recorded from {clock(heard)} on; it is shown as it was then"

    def early(self) -> None:
        """None, as a recording is not read ahead."""

    def read(self) -> Iterator[Snapshot | frames.Frame]:
        """The frames and snapshots of the recording up to the moment, at its pace. Raises HostError at a line that
        can't be read."""
        before = None
        for said in self._gathered(TOGETHER * self.pace, until=self.moment):
            if isinstance(said, Snapshot):
                gap = max(0.0, min(said.taken_at - before, 60)) if before is not None else 0.0
                if self.pace and self._stopped.wait(gap / self.pace):
                    return
                before = said.taken_at
            yield said

    def _gathered(
        self, seconds: float, first: int = 0, *, since: float = -math.inf, until: float = math.inf
    ) -> Iterator[Snapshot | frames.Frame]:
        """The frames and snapshots of the recording from a member on, one snapshot of the deltas that were taken within
        that many seconds. since: all deltas up to then are one. until: no look and no delta after that is told, but for
        the first look."""
        stream, waiting = Stream(str(self.path)), Gathered()
        for number, line in self._lines(first):
            try:
                if not _fits(line):
                    size = f"a frame of {len(line) >> 20} MiB takes more than {TIMES} times that in memory"
                    raise HostError(f"{self.path}: {size}, which is more than nsview takes in")
                frame = stream.decoded(line)
                before = stream.snapshot
                if before and isinstance(frame, _LOOKS) and frame.taken_at > until:
                    break
                if waiting.since is not None and _is_over(waiting.since, frame, seconds, since):
                    yield from _said(stream.add(waiting))
                    waiting, before = Gathered(), stream.snapshot
                if before and _repeats(frame, before):
                    continue  # as a member does at its beginning
                if before and isinstance(frame, frames.DeltaFrame | frames.HoldersFrame):
                    waiting.take(frame)
                else:
                    yield from _said(stream.add(frame))
            except HostError as error:
                raise HostError(f"{error} (line {number})" if number > 1 else str(error)) from None
        if waiting.since is not None:
            yield from _said(stream.add(waiting))

    def _said_by(self, kind: str, first: int | None = None) -> Iterator[frames.Frame]:
        """The frames of one kind in the member of the moment, which tells all that was known, or from an earlier one
        on; up to one that can't be read, at which `read` raises HostError. The records of all others are left out: they
        would need as much time and memory as the snapshot once more."""
        last = self._number(self.moment)
        for _, line in self._lines(last if first is None else first, last):
            try:
                if frames.kind_of(line) == kind:
                    yield frames.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return

    def first(self) -> Snapshot:
        """The snapshot for a command: the host at the moment. Raises HostError if there is none."""
        last = None
        for said in self._gathered(math.inf, self._number(self.moment), until=self.moment):
            if isinstance(said, Snapshot):
                last = said
        if last is None:
            raise HostError(f"{self.path}: no snapshot in it")
        return last

    def details(self, process: Process, contents: Sequence[KindName] = ()) -> Details | None:
        """The recorded details of a process, with all recorded contents: `contents` can add nothing. None if there
        are none."""
        number = self._number(self.moment)
        if self._details[0] != number:
            found: dict[tuple[int, int], Details] = {}
            for frame in self._said_by("details"):
                if isinstance(frame, frames.DetailsFrame) and (details := frame.details):
                    key = details.pid, details.start
                    found[key] = _together(found.get(key), details)
            self._details = number, found
        return self._details[1].get((process.pid, process.start))

    def holders(self) -> Snapshot:
        """The same snapshot, with the holders that were found while it was recorded."""
        return self.first()

    def nets(self) -> Nets | None:
        """The last recorded reading of all net namespaces from within by the moment, else the next one. None if there
        is none."""
        last = None
        for said in self._said_by("net"):
            if isinstance(said, frames.NetFrame) and (last is None or said.taken_at <= self.moment):
                last = said
        return last

    def usages(self) -> Iterator[Usage]:
        """The recorded readings of the use of containers up to the moment, oldest first: those that a chart has room
        for at the least."""
        for said in self._said_by("usage", self._number(min(self.moment, self._members[-1].began) - CHARTED)):
            if isinstance(said, frames.UsageFrame) and said.taken_at <= self.moment:
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
        pass  # the error is shown where the line is decoded
    except BaseException:
        os._exit(1)
    os._exit(0)


def _said(said: Snapshot | frames.Frame | None) -> Iterator[Snapshot | frames.Frame]:
    if said is not None:
        yield said


def _is_over(begun: float, frame: frames.Frame, seconds: float, since: float) -> bool:
    """True if a frame does not belong to the deltas that are gathered since `begun`."""
    if isinstance(frame, frames.EndedFrame):
        return seconds < math.inf  # told before the delta without the process, and after those with it
    now: float | None = getattr(frame, "taken_at", None)
    if now is None or isinstance(frame, frames.SnapshotFrame):
        return now is not None
    return now > since and (not seconds or begun <= since or now - begun >= seconds)


def _repeats(frame: frames.Frame, snapshot: Snapshot) -> bool:
    """True if a look or a search tells nothing new."""
    if isinstance(frame, frames.HoldersFrame):
        return frame == snapshot.search
    return (
        isinstance(frame, frames.SnapshotFrame)
        and frame.partial == snapshot.partial
        and {process.pid: process for process in frame.processes} == snapshot.processes
        and {namespace.key: namespace for namespace in frame.namespaces} == snapshot.namespaces
        and {container.key: container for container in frame.containers} == snapshot.containers
    )


def _time_of(line: memoryview) -> float | None:
    """The time of a frame, None if it has none, or can't be read."""
    try:
        return frames.time_of(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def opened(place: str, make: Callable[[str], _Recorded]) -> _Recorded:
    """The recording at `FILE`, or at `FILE@MOMENT` as of that moment. make: RecordedHost, or a subclass. Raises
    HostError."""
    path, at, text = place.rpartition("@")
    if not at or os.path.lexists(place) or not os.path.lexists(path):
        return make(place)
    host = make(path)
    host.go_to(text)
    return host


def demo() -> Path:
    """The recording that comes with nsview."""
    return Path(__file__).resolve().parent.parent / "demo.jsonl.gz"
