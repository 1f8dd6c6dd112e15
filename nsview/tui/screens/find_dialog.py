"""The dialog `:`: the things that a text may mean, and before one is typed the last ones that were gone to."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec.structs import replace

from nsview.model.container_table import with_stopped
from nsview.model.filter import FilterError, parse
from nsview.model.leads import Lead, found
from nsview.model.snapshot import Snapshot
from nsview.state import Memory

from ..session import Session
from .goto_dialog import GoTo


class FindBase(GoTo):
    """Remembers the texts that led somewhere, and begins with these."""

    def __init__(
        self, title: str, leads: Callable[[str], Sequence[Lead]], memory: Memory, *examples: str,
    ) -> None:  # fmt: skip
        """memory: has those texts."""
        hint = "pid, container, port, address, veth, netns, inode, or any filter"
        begin = f"Type a name or a number, or a part of one: {', '.join(examples)}."
        super().__init__(title, leads, placeholder=hint, empty="Not found.", begin=begin)
        self._memory = memory
        self._before: list[str] = []  # the texts that the leads of no text are of

    def before(self, told: Iterable[tuple[str, Lead]]) -> list[Lead]:
        """The leads of no text: of these pairs of a text and where it leads, each lead once."""
        found: dict[Lead, tuple[str, Lead]] = {}
        for text, lead in told:
            found.setdefault(replace(lead, role="", text=""), (text, lead))
        self._before = [text for text, _ in found.values()]
        return [lead for _, lead in found.values()]

    def chosen(self, text: str, place: int, lead: Lead) -> None:
        if not text:
            text = self._before[place]
        elif place:
            thing = lead.thing
            text = f"{thing[0]}:{thing[1]}" if isinstance(thing, tuple) else str(thing)
        self._memory.add_target(text)


class Find(FindBase):
    """Finds by a number, a name, or a filter."""

    def __init__(self, session: Session, shown: Callable[[], Snapshot | None], memory: Memory) -> None:
        """shown: gives the present snapshot."""
        super().__init__("Find", self._of, memory, "web", "8080", "vethab12", "user=root")
        self._session, self._shown = session, shown
        self._whole: tuple[object, Snapshot] | None = None  # (what it was made of, it)

    def _of(self, text: str) -> list[Lead]:
        """The leads of a text. Raises FilterError."""
        session = self._session
        wanted, snapshot = parse(text, nets=session.reach), self._snapshot()
        if wanted.about_nets:
            session.want_nets()
        if snapshot is None or wanted:
            return found(snapshot, text, wanted, session.nets, session.leader(text.strip())) if snapshot else []
        return self.before(self._gone_to(snapshot))

    def _gone_to(self, snapshot: Snapshot) -> Iterator[tuple[str, Lead]]:
        """The texts that led somewhere, and where each leads now, the latest first; without asking the host."""
        session = self._session
        for text in reversed(self._memory.state.targets):
            try:
                wanted = parse(text, nets=session.reach)
            except FilterError:
                continue  # another version's
            yield from ((text, lead) for lead in found(snapshot, text, wanted, session.nets)[:1])

    def _snapshot(self) -> Snapshot | None:
        """The present snapshot, with the containers that have stopped. None if there is none yet."""
        snapshot = self._shown()
        if snapshot is None:
            return None
        known = snapshot, self._session.engines
        if self._whole is None or self._whole[0] != known:
            self._whole = known, with_stopped(*known)
        return self._whole[1]
