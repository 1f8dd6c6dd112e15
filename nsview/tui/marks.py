"""The marks of rows: of the two that the user compares, and of the processes that have just come, gone or moved."""

from collections.abc import Hashable
from time import monotonic

from nsview.model.changes import Changes
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot
from nsview.model.view import RowKey, process_key

from .text.row_text import Mark

MOMENT = 1.5
"""Seconds for which a change is marked."""


class Marks:
    """{key of a row or line: the process that stands for it}, two at most, in the order of marking."""

    def __init__(self) -> None:
        self.of: dict[Hashable, Process] = {}

    def turn(self, key: Hashable, process: Process) -> None:
        """Mark a row or line, or unmark it; a third mark removes the first."""
        if self.of.pop(key, None) is None:
            self.of = {**dict([*self.of.items()][-1:]), key: process}

    def pair(self, snapshot: Snapshot, chosen: Process | None) -> tuple[Process, Process] | None:
        """The two marked processes, or the one marked and the chosen one. None if these are not two that live."""
        here = [process for process in self.of.values() if _is_here(process, snapshot)]
        if len(here) < 2 and chosen is not None and all(process.pid != chosen.pid for process in here):
            here.append(chosen)
        return (here[0], here[1]) if len(here) > 1 else None


def _is_here(process: Process, snapshot: Snapshot) -> bool:
    now = snapshot.processes.get(process.pid)
    return now is not None and now.start == process.start


class Recent:
    """The processes that have come, gone or moved within a moment."""

    def __init__(self) -> None:
        self._of: dict[RowKey, tuple[Mark, float, Process]] = {}  # {row: (mark, its end, process)}

    def add(self, happened: Changes) -> None:
        until = monotonic() + MOMENT
        moved = [process for _, process in happened.moved]
        events: list[tuple[Mark, list[Process]]] = [
            ("new", [*happened.new]), ("gone", [*happened.gone]), ("moved", moved),
        ]  # fmt: skip
        for mark, processes in events:
            self._of.update((process_key(process), (mark, until, process)) for process in processes)

    def clear(self) -> None:
        self._of.clear()

    def expire(self) -> float | None:
        """Forget the processes whose moment is over. The seconds until the next one's is, None if none is left."""
        now = monotonic()
        self._of = {key: event for key, event in self._of.items() if event[1] > now}
        return min((end - now for _, end, _ in self._of.values()), default=None)

    @property
    def marks(self) -> dict[RowKey, Mark]:
        return {key: mark for key, (mark, _, _) in self._of.items()}

    @property
    def gone(self) -> list[Process]:
        return [process for mark, _, process in self._of.values() if mark == "gone"]
