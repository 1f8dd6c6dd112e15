"""The events of the host since nsview looks at it, or of a recording: the latest last, followed as by `tail -f`."""

from collections.abc import Sequence
from typing import ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.binding import BindingType

from nsview.model.events import lines as event_lines
from nsview.model.events.record import KINDS, MEANINGS, Event, label
from nsview.model.filter import Fields
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot
from nsview.model.table import Column, Line, Thing
from nsview.model.text import clock, count, safe

from ..context import Context
from ..widgets.binding import Binding
from .lens import EVERY, Lens

_LESS = [kind for kind in KINDS if kind not in event_lines.GRAVE]
"""The kinds that may be overlooked: they come last in a heading, whose end may be cut."""


class Events(Lens):
    """A line an event. While the cursor is on the last line it goes along with further ones."""

    NAME = "events"
    ABOUT = (
        "What has happened since nsview looks, or in the recording, the latest last. On the last line it goes along."
    )
    COLUMNS: ClassVar[Sequence[Column]] = event_lines.COLUMNS
    BESIDE = 180
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("O", "only", "All", tooltip="All events, or without those of namespaces that have no name"),
    ]

    def __init__(self, context: Context, snapshot: Snapshot, origin: Process | None = None) -> None:
        super().__init__(context, snapshot, origin)
        self._lines: dict[int, Line] = {}  # by number, as they do not change

    @property
    def fields(self) -> Fields:
        return event_lines.FIELDS

    def on_mount(self) -> None:
        self.session.want_engines()

    def show_events(self) -> None:
        self.session.want_engines()  # for the exit codes of stopped containers
        if self._later is None:
            self._later = self.set_timer(EVERY, self._take)

    def lines(self) -> Sequence[Line]:
        self.session.unseen.clear()
        known, self._lines = self._lines, {}
        for number, event in self.session.events:
            self._lines[number] = known.get(number) or event_lines.line(number, event)
        return list(self._lines.values())

    def narrowed(self) -> Sequence[Line]:
        """The lines that the filter leaves; without one those that are told."""
        return super().narrowed() if self.filter or self.context.all_events else self._told()

    def _told(self) -> list[Line]:
        return [line for line in self._made if isinstance(line.subject, Event) and event_lines.is_told(line.subject)]

    def action_only(self) -> None:
        """Show all events, or those that are told."""
        self.context.all_events = not self.context.all_events
        self._show()

    def _show(self) -> None:
        table = self.table
        follows = not table.is_sorted and table.cursor >= len(table.lines) - 1 and self._start is None
        super()._show()
        if follows:
            table.cursor = max(0, len(table.lines) - 1)

    def heading(self) -> str:
        told = self._made if self.filter or self.context.all_events else self._told()
        shown = [line.subject for line in told if isinstance(line.subject, Event)]
        others = len(self._made) - len(shown)
        kept = self.session.events
        forgotten = kept[-1][0] - len(kept) if kept else 0
        words = (
            event_lines.summary(shown) or "nothing has happened yet",
            f"O shows {others} more, of unnamed namespaces" if others else "",
            event_lines.counted(shown, _LESS),
            f"{forgotten} older forgotten" if forgotten else "",
        )
        return "   ".join(filter(None, words))

    @property
    def badge(self) -> str:
        return "all" if self.context.all_events else ""

    def empty(self) -> str:
        if number := len(self._made):
            events = count(number, "event")
            return f"Nothing has happened but to namespaces without a name. O shows {events} of those."
        if not self.session.live:
            return "This recording shows nothing that has happened: no container or namespace came or went in it."
        return (
            "Nothing has happened since nsview began to look. Containers that start and stop are listed here, "
            "namespaces that are born and gone, processes that join others."
        )

    def behind(self, line: Line) -> Thing | None:
        event = line.subject
        if not isinstance(event, Event):
            return None
        gone = event.container not in self.snapshot.containers and self.session.ended(event.container)
        return event.container if gone else event_lines.behind(event, self.snapshot)

    def open(self, line: Line) -> None:
        thing = self.behind(line)
        if thing is None:
            self.notify("Nothing that this event is about is here any more.", severity="warning")
        else:
            self.go_to(thing)

    def about(self, line: Line) -> RenderableType:
        event = line.subject
        assert isinstance(event, Event)
        text = Text()
        text.append(f"{safe(event.subject)}\n", self.table.style_of("group"))
        text.append(f"{event.kind}: {MEANINGS[event.kind]}\n", self.table.style_of("dim"))
        facts = (
            ("seen at", clock(event.time, "%Y-%m-%d %H:%M:%S")),
            ("event", event.text),
            ("container", f"{event.name} ({event.container})" if event.container else ""),
            ("pod", event.pod or ""),
            ("process", str(event.pid or "")),
            ("command", event.command or ""),
            ("namespaces", " ".join(map(label, event.namespaces))),
        )
        for name, value in facts:
            if value:
                text.append(f"\n{name:12}", self.table.style_of("label")).append(safe(value))
        way = "Enter goes there" if self.behind(line) is not None else "Nothing of it is here any more"
        text.append(f"\n\n{way}", self.table.style_of("dim"))
        return text
