"""A long list of distinct numbers, in any order, that is cheap to change and to search.

The numbers are kept in blocks, so that a change moves those of one block only.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain

_SIZE = 512
_MANY = 1000  # the most numbers to remove one by one


class Order:
    """The list. A change or a look-up costs about the square root of its length."""

    def __init__(self, items: Sequence[int]) -> None:
        self._blocks = [list(items[start : start + _SIZE]) for start in range(0, len(items), _SIZE)]
        self._length = len(items)
        self._homes: dict[int, list[int]] | None = None  # {number: its block}, made when needed
        self._ends: list[int] | None = None  # the place after the end of each block, made when needed

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._blocks)

    def __contains__(self, item: int) -> bool:
        return item in self._home

    def __getitem__(self, place: int) -> int:
        if not 0 <= place < self._length:
            raise IndexError(place)
        number = bisect_right(self._end, place)
        block = self._blocks[number]
        return block[place - self._end[number] + len(block)]

    def index(self, item: int) -> int:
        """The place of a number. Raises KeyError if it is not in the list."""
        block = self._home[item]
        number = self._number(block)
        return self._end[number] - len(block) + block.index(item)

    def insert(self, after: int | None, items: list[int]) -> None:
        """Insert numbers after one in the list, or before all if that is None."""
        if not items:
            return
        homes = self._home
        if after is None:
            block = self._blocks[0] if self._blocks else []
            if not self._blocks:
                self._blocks.append(block)
            place = 0
        else:
            block = homes[after]
            place = block.index(after) + 1
        block[place:place] = items
        homes.update(dict.fromkeys(items, block))
        if len(block) > 2 * _SIZE:
            self._split(block)
        self._length += len(items)
        self._ends = None

    def remove(self, items: Sequence[int]) -> None:
        """Remove numbers, which must all be in the list."""
        if len(items) > _MANY:
            gone = set(items)
            self.__init__([item for item in self if item not in gone])  # type: ignore[misc]
            return
        homes = self._home
        for item in items:
            block = homes.pop(item)
            block.remove(item)
            if not block:
                del self._blocks[self._number(block)]
        self._length -= len(items)
        self._ends = None

    def _split(self, block: list[int]) -> None:
        number = self._number(block)
        parts = [block[start : start + _SIZE] for start in range(0, len(block), _SIZE)]
        self._blocks[number : number + 1] = parts
        for part in parts:
            self._home.update(dict.fromkeys(part, part))

    def _number(self, block: list[int]) -> int:
        return next(number for number, other in enumerate(self._blocks) if other is block)

    @property
    def _home(self) -> dict[int, list[int]]:
        if self._homes is None:
            self._homes = {}
            for block in self._blocks:
                self._homes.update(dict.fromkeys(block, block))
        return self._homes

    @property
    def _end(self) -> list[int]:
        if self._ends is None:
            self._ends = list(accumulate(map(len, self._blocks)))
        return self._ends
