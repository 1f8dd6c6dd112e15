"""Processes in a sorted list, in an order of the user's choice: kept up to date change by change, as `forest` is.

A Flat has the methods of a Forest: no process has a parent, and none is folded.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping, Set

SortKey = int | str
"""The sort key of a process; processes of one rank are in order of pid."""


class Flat:
    """Members in order of rank. ranks: {pid: its rank}, all numbers or all texts."""

    def __init__(self, ranks: Mapping[int, SortKey]) -> None:
        self._ranks = dict(ranks)
        self._order: list[tuple[SortKey, int]] = sorted((rank, pid) for pid, rank in ranks.items())

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, pid: int) -> bool:
        return pid in self._ranks

    def __getitem__(self, place: int) -> int:
        return self._order[place][1]

    def index(self, pid: int) -> int:
        """The place of a member. Raises KeyError if it is none."""
        return bisect_left(self._order, (self._ranks[pid], pid))

    @property
    def members(self) -> Set[int]:
        return self._ranks.keys()

    def parent(self, pid: int) -> None:
        return None

    def folded(self, pid: int) -> None:
        return None

    def guides(self, pid: int) -> str:
        return ""

    def add(self, pid: int, rank: SortKey) -> None:
        self._ranks[pid] = rank
        insort(self._order, (rank, pid))

    def remove(self, pid: int) -> None:
        del self._order[self.index(pid)]
        del self._ranks[pid]
