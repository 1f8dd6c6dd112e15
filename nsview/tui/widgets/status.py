"""The host, its numbers, and how much could not be read."""

from typing import ClassVar

from rich.text import Text
from textual.reactive import reactive

from nsview.model.changes import Changes
from nsview.model.snapshot import Snapshot

from ..text import bar_text
from .bar import Bar


class Status(Bar):
    """The line at the top of the screen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"status--name", "status--warning", "status--filter"}

    snapshot: reactive[Snapshot | None] = reactive(None)
    source: reactive[str] = reactive("live")
    filter: reactive[str] = reactive("")
    since: reactive[Changes | None] = reactive(None)
    """The changes since the explorer was paused. None if it is not paused."""
    events: reactive[str] = reactive("")
    """The number of events since then, in words."""
    matches: reactive[int | None] = reactive(None)
    """The number of processes that the filter leaves. None without a filter, or where it leaves other things."""
    order: reactive[str] = reactive("")
    """The order of the rows in words, "" if it is the usual one."""
    use: reactive[str] = reactive("")
    """The use of the host, in words; "" if it is not known."""
    progress: reactive[str] = reactive(bar_text.READING)

    def __init__(self) -> None:
        super().__init__(id="status")

    def render(self) -> Text:
        if self.snapshot is None:
            return self.text([(f" nsview  {self.progress}", ""), *bar_text.sought(self.filter)])
        return self.text(
            bar_text.status(
                self.snapshot, self.size.width, source=self.source, progress=self.progress, filter=self.filter,
                since=self.since, events=self.events, matches=self.matches,
                order=self.order, use=self.use,
            )
        )  # fmt: skip
