"""A recording that is played, stepped and gone about in, by orders from another thread."""

import math
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from nsview.model.changes import changes
from nsview.model.snapshot import Snapshot

from . import HostError, frames
from .recording import TOGETHER, RecordedHost

LONGEST = 60.0
"""Seconds that are waited for the next frame, however far it is."""
FEW = 8
"""Members up to which each change is looked for; of more, their headers tell."""

_Told = Snapshot | frames.Frame
_SHOWN = Snapshot, frames.EndedFrame, frames.UsageFrame, frames.NetFrame


class Playback(RecordedHost):
    """A recording while it is looked at. `read` goes on until it is stopped: it plays from the beginning, or rests at
    the moment that was asked for.

    playing: else it rests. said: words on the last order, "" if there is nothing to say. activity: [(from, to, the
    number of processes that came or went then)]. on_change: called by the thread that reads when these have changed.
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__(path, pace=1)
        self.playing = True
        self.said = ""
        self.activity: list[tuple[float, float, int]] = []
        self.on_change: Callable[[], object] = lambda: None
        self._orders: SimpleQueue[Callable[[], Iterator[_Told]]] = SimpleQueue()
        self._shown: Snapshot | None = None
        self._ahead: Iterator[_Told] = iter(())
        self._coming: _Told | None = None

    # Orders, from any thread

    def play(self) -> None:
        """Play, or rest; at the end, play from the beginning."""
        self._orders.put(self._play)

    def go(self, moment: float) -> None:
        """Go to a moment."""
        self._orders.put(partial(self._go, moment))

    def step(self, by: int) -> None:
        """Go to the next change of anything, or with -1 to the one before."""
        self._orders.put(partial(self._seek, by, lambda snapshot: snapshot.taken_at, "nothing comes"))

    def seek(self, by: int, state: Callable[[Snapshot], object]) -> None:
        """Go to the next snapshot with another value of `state`, or with -1 back to the snapshot at which the present
        value began."""
        self._orders.put(partial(self._seek, by, state, "it does not change"))

    def stop(self) -> None:
        super().stop()
        self._orders.put(lambda: iter(()))

    # The thread that reads

    def read(self) -> Iterator[_Told]:
        """The snapshots that are to be shown, when they are; frames of use, and `Links` where net namespaces may be
        others. Raises HostError at a line that can't be read."""
        threading.Thread(target=self._survey, daemon=True).start()
        self.playing = self.moment == math.inf
        yield from self._go(self.span[0] if self.playing else self.moment)
        while not self._stopped.is_set():
            if self.playing and self._coming is None:
                self.playing = False
                self.on_change()
            try:
                order = self._orders.get(timeout=self._wait())
            except Empty:
                yield from self._advance()
            else:
                self.said = ""
                yield from order()
                self.on_change()

    def _wait(self) -> float | None:
        """The seconds until the next frame is to be shown, None if it is not."""
        if not self.playing or self._coming is None:
            return None
        return max(0.0, min(_time(self._coming) - self.moment, LONGEST))

    def _advance(self) -> Iterator[_Told]:
        """Show the next frame."""
        said, self._coming = self._coming, self._next()
        if said is not None:
            self.moment = max(self.moment, _time(said))
            if isinstance(said, Snapshot):
                self._shown = said
            yield said
            if isinstance(said, frames.NetFrame):
                yield frames.Links()

    def _next(self) -> _Told | None:
        """The next frame that shows something, None at the end."""
        return next((said for said in self._ahead if isinstance(said, _SHOWN)), None)

    def _play(self) -> Iterator[_Told]:
        self.playing = not self.playing
        if self.playing and self._coming is None:
            yield from self._go(self.span[0])

    def _go(self, moment: float) -> Iterator[_Told]:
        begin, end = self.span
        self._open(min(max(moment, begin), end))
        if self._shown is not None:
            yield self._shown
            yield frames.Links()

    def _open(self, moment: float) -> None:
        """Be at a moment: the last snapshot by then is shown, the next frame is known."""
        self.moment = moment
        self._ahead = self._gathered(TOGETHER, self._number(moment), since=moment)
        self._shown = None
        while (said := self._next()) is not None and (self._shown is None or _time(said) <= moment):
            if isinstance(said, Snapshot):
                self._shown = said
        self._coming = said

    def _seek(self, by: int, state: Callable[[Snapshot], object], nothing: str) -> Iterator[_Told]:
        self.playing, self.said = False, "searching …"
        self.on_change()
        moment = self.moment
        found = self._after(state) if by > 0 else self._before(state)
        if found is None and self._orders.empty():
            self.said = f"{nothing} {'after' if by > 0 else 'before'} this"
            self._open(moment)
            return
        self.said = ""
        yield from self._go(moment if found is None else found)

    def _after(self, state: Callable[[Snapshot], object]) -> float | None:
        """The time of the next snapshot with another state; None if there is none, or another order has come."""
        before = state(self._shown) if self._shown else None
        said = self._coming
        while said is not None and self._orders.empty():
            if isinstance(said, Snapshot) and state(said) != before:
                return said.taken_at
            said = self._next()
        return None

    def _before(self, state: Callable[[Snapshot], object]) -> float | None:
        """The time of the last snapshot before this one in which the state became another. The beginning counts, if
        nothing else does, for a state that no two snapshots share. None if there is none, or an order came meanwhile.
        """
        if self._shown is None:
            return None
        until = math.nextafter(self._shown.taken_at, -math.inf)
        for number in range(self._number(until), -1, -1):
            found, before = None, None
            for said in self._gathered(TOGETHER, number, until=until):
                if not self._orders.empty():
                    return None
                if isinstance(said, Snapshot):
                    now = state(said)
                    if before is not None and now != before[0]:
                        found = said.taken_at
                    before = (now,)
            if found is not None:
                return found
            until = min(until, self._members[number].began)
        begin = self.span[0]
        return begin if before == (begin,) and begin < self._shown.taken_at else None

    def _survey(self) -> None:
        """Find out when processes came and went, in a thread of its own."""
        try:
            if len(self._members) > FEW:
                times = [member.began for member in self._members] + [self.span[1]]
                self.activity = [(times[n], times[n + 1], member.changes) for n, member in enumerate(self._members)]
            else:
                self.activity = list(_changes(RecordedHost(self.path)))
        except HostError:
            return  # the error is shown where the file is read
        self.on_change()


def _changes(recorded: RecordedHost) -> Iterator[tuple[float, float, int]]:
    before = None
    for said in recorded.read():
        if isinstance(said, Snapshot):
            if before is not None and (happened := changes(before, said)):
                yield said.taken_at, said.taken_at, len(happened.new) + len(happened.gone)
            before = said


def _time(said: _Told) -> float:
    return getattr(said, "taken_at", -math.inf)
