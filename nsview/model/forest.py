"""Processes as trees, in order of pid, kept up to date change by change. Only the visible ones have a place.

A forest knows the pids and parents of processes, and nothing else of them.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Set

from .guides import LEVELS, cut
from .order import Order


class Forest:
    """Members, each below its parent if the parent is a member, else at the top. Parent cycles, which a hostile agent
    could report, are broken so that every member stays visible.

    parents: {pid: its parent's pid or None}; the parent may be no member. folded: members with hidden descendants.
    """

    def __init__(self, parents: Mapping[int, int | None], folded: Iterable[int] = ()) -> None:
        self._folded = set(folded)
        self._above = above = dict(parents)
        self._below: dict[int | None, list[int]] = {}  # {parent, member or not: its children in order of pid}
        below = self._below
        for pid in sorted(above):
            parent = above[pid]
            if parent in below:
                below[parent].append(pid)
            else:
                below[parent] = [pid]
        self._break_circles()
        self._tops = sorted(pid for parent, siblings in below.items() if parent not in above for pid in siblings)
        self._order = Order(self._preorder(self._tops))

    def _break_circles(self) -> None:
        """Move one process of each cycle of parents, which no kernel reports, to the top, to be reached from there."""
        # Each cycle has a process whose parent's pid is no less than its own.
        starts = [
            pid
            for parent, siblings in self._below.items()
            if parent in self._above and parent is not None
            for pid in siblings[: bisect_right(siblings, parent)]
        ]
        known: set[int] = set()
        for pid in starts:
            path: set[int] = set()
            at: int | None = pid
            while at is not None and at in self._above and at not in known and at not in path:
                path.add(at)
                at = self._above[at]
            if at is not None and at in path:
                self._hang(at, None)
            known |= path

    def _hang(self, pid: int, parent: int | None) -> None:
        """Record another parent for a member, without changing its place."""
        if pid in self._above:
            old = self._above[pid]
            siblings = self._below[old]
            del siblings[bisect_left(siblings, pid)]
            if not siblings:
                del self._below[old]
        self._above[pid] = parent
        insort(self._below.setdefault(parent, []), pid)

    def _preorder(self, tops: Iterable[int]) -> list[int]:
        """The members `tops` and the visible ones below them, top to bottom."""
        found: list[int] = []
        below, append = self._below, found.append
        for top in tops:
            append(top)
            if top not in below or top in self._folded:
                continue
            # A stack and no recursion, as a chain may be thousands deep.
            stack = below[top][::-1]
            while stack:
                pid = stack.pop()
                append(pid)
                if pid in below and pid not in self._folded:
                    stack += below[pid][::-1]
        return found

    # Questions

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, pid: int) -> bool:
        """True if a member is visible."""
        return pid in self._order

    def __getitem__(self, place: int) -> int:
        return self._order[place]

    def index(self, pid: int) -> int:
        """The place of a visible member. Raises KeyError if it is not visible."""
        return self._order.index(pid)

    @property
    def members(self) -> Set[int]:
        return self._above.keys()

    def parent(self, pid: int) -> int | None:
        """The parent of a member. None at the top."""
        parent = self._above[pid]
        return parent if parent in self._above else None

    def folded(self, pid: int) -> bool | None:
        """True if the members below it are hidden. None if there are none."""
        return pid in self._folded if pid in self._below else None

    def guides(self, pid: int) -> str:
        """The lines left of a member, as far as they are drawn."""
        parts: list[str] = []
        above, below = self._above, self._below
        while len(parts) <= LEVELS and (parent := above[pid]) in above:
            last = below[parent][-1] == pid
            parts.append(("   " if last else "│  ") if parts else ("└─ " if last else "├─ "))
            assert parent is not None
            pid = parent
        return cut("".join(reversed(parts)))

    # Changes

    def add(self, pid: int, parent: int | None, folded: bool = False) -> None:
        """Add a member; its children, at the top until now, move below it."""
        if folded:
            self._folded.add(pid)
        at = parent
        while at is not None and at != pid and pid in self._below:
            at = self._above.get(at)
        if at == pid:
            parent = None  # the member would be its own ancestor
        for child in self._below.get(pid, ()):
            del self._tops[bisect_left(self._tops, child)]
            self._order.remove(self._preorder([child]))
        self._hang(pid, parent)
        self._seat(pid)

    def remove(self, pid: int) -> None:
        """Remove a member; its children move to the top."""
        seen = pid in self._order
        if seen:
            self._order.remove(self._preorder([pid]))
        self._folded.discard(pid)
        parent = self._above.pop(pid)
        siblings = self._below[parent]
        del siblings[bisect_left(siblings, pid)]
        if not siblings:
            del self._below[parent]
        if parent not in self._above:
            del self._tops[bisect_left(self._tops, pid)]
        for child in self._below.get(pid, ()):
            self._seat(child)

    def fold(self, pid: int, folded: bool) -> None:
        """Hide the members below a member, or show them."""
        if folded == (pid in self._folded):
            return
        below = self._preorder(self._below.get(pid, ())) if pid in self._order else []
        if folded:
            self._folded.add(pid)
            self._order.remove(below)
        else:
            self._folded.discard(pid)
            self._order.insert(pid, below)

    def _seat(self, pid: int) -> None:
        """Give places to a member and the visible ones below it."""
        parent = self._above[pid]
        if parent not in self._above:
            siblings = self._tops
            insort(siblings, pid)
            parent = None
        else:
            assert parent is not None
            if parent not in self._order or parent in self._folded:
                return
            siblings = self._below[parent]
        number = bisect_left(siblings, pid)
        self._order.insert(self._last(siblings[number - 1]) if number else parent, self._preorder([pid]))

    def _last(self, pid: int) -> int:
        """The last visible process of the subtree of a member, which may be the member itself."""
        while pid in self._below and pid not in self._folded:
            pid = self._below[pid][-1]
        return pid
