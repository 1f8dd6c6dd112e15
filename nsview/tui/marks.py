"""The rows or lines, two at most, that the user has marked to compare them."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from nsview.model.records import Process
from nsview.model.snapshot import Snapshot

Key = TypeVar("Key", bound=Hashable)


class Marks(Generic[Key]):
    """{key of a row or line: the process that stands for it}, in the order of marking."""

    def __init__(self) -> None:
        self.of: dict[Key, Process] = {}

    def turn(self, key: Key, process: Process) -> None:
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
