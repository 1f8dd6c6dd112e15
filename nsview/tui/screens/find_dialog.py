"""The dialog `:`: the things that a text may mean, and before one is typed the last ones that were gone to."""

from collections.abc import Callable, Iterator

from nsview.model.container_table import with_stopped
from nsview.model.filter import FilterError, parse
from nsview.model.leads import Lead, found
from nsview.model.snapshot import Snapshot
from nsview.state import Memory

from ..session import Session
from .goto_dialog import GoTo


class Find(GoTo):
    """Finds by a number, a name, or a filter."""

    def __init__(self, session: Session, shown: Callable[[], Snapshot | None], memory: Memory) -> None:
        """shown: gives the present snapshot. memory: has the texts that led somewhere."""
        hint = "pid, container, port, address, veth, netns, inode, or any filter"
        begin = "Type a name or a number, or a part of one: web, 8080, vethab12, user=root."
        super().__init__("Find", self._of, placeholder=hint, empty="Not found.", begin=begin)
        self._session, self._shown, self._memory = session, shown, memory
        self._whole: tuple[object, Snapshot] | None = None  # (what it was made of, it)
        self._before: list[str] = []  # the texts that the leads of no text are of

    def _of(self, text: str) -> list[Lead]:
        """The leads of a text. Raises FilterError."""
        session = self._session
        wanted, snapshot = parse(text, nets=session.reach), self._snapshot()
        if wanted.about_nets:
            session.want_nets()
        if snapshot is None or wanted:
            return found(snapshot, text, wanted, session.nets, session.leader(text.strip())) if snapshot else []
        before: dict[object, tuple[str, Lead]] = {}
        for text, lead in self._gone_to(snapshot):
            before.setdefault((lead.thing, lead.line), (text, lead))
        self._before = [text for text, _ in before.values()]
        return [lead for _, lead in before.values()]

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

    def chosen(self, text: str, place: int, lead: Lead) -> None:
        if not text:
            text = self._before[place]
        elif place:
            thing = lead.thing
            text = f"{thing[0]}:{thing[1]}" if isinstance(thing, tuple) else str(thing)
        self._memory.add_target(text)
