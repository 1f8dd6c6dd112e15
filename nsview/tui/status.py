"""The host, its numbers, and what could not be read."""

from collections.abc import Sized
from typing import ClassVar

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from nsview.model.changes import Changes
from nsview.model.snapshot import Snapshot
from nsview.model.text import safe


class Status(Widget):
    """One line at the top of the screen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"status--name", "status--warning", "status--filter"}

    snapshot: reactive[Snapshot | None] = reactive(None)
    source: reactive[str] = reactive("live")
    filter: reactive[str] = reactive("")
    since: reactive[Changes | None] = reactive(None)
    """What has changed since the explorer was paused; None where it is not."""
    progress: reactive[str] = reactive("reading /proc …")

    def __init__(self) -> None:
        super().__init__(id="status")

    def render(self) -> Text:
        snapshot = self.snapshot
        if snapshot is None:
            return Text(f" nsview  {self.progress}", no_wrap=True)
        host = snapshot.host
        wide = self.size.width >= 110
        left = Text(" ", no_wrap=True)
        left.append(safe(host.name), self.get_component_rich_style("status--name"))
        if wide:
            left.append(f"  Linux {safe(host.kernel)}  as {'root' if host.privileged else f'uid {host.uid}'}")
        if self.filter:
            left.append("  ")
            left.append(f" /{safe(self.filter)} ", self.get_component_rich_style("status--filter"))
        right = self._counts(snapshot, wide)
        gap = self.size.width - left.cell_len - right.cell_len
        if gap < 1:
            left.truncate(max(0, self.size.width - right.cell_len - 1), overflow="ellipsis")
            gap = 1
        return Text.assemble(left, " " * gap, right, no_wrap=True)

    def _counts(self, snapshot: Snapshot, wide: bool) -> Text:
        """What there is, and whether it is so now; of a part how far the reading is."""
        host, right = snapshot.host, Text(no_wrap=True)
        warning = self.get_component_rich_style("status--warning")
        if snapshot.partial:
            words = "stopped before everything was read" if self.source == "stopped" else self.progress
            return right.append(f" {words} ", warning)
        denied = sum(n for reason, n in snapshot.unreadable.items() if reason != "ENOENT")
        if denied:
            words = f" {denied} unreadable{'' if host.privileged else ', R reads them as root'} "
            right.append(words, warning)
            right.append("  ")
        if wide or not denied:
            right.append(f"{_count(snapshot.processes, 'process', 'processes')}  ")
            right.append(f"{_count(snapshot.namespaces, 'namespace')}  ")
        right.append(f"{_count(snapshot.containers, 'container')}  ")
        since = self.since
        if since is None:
            right.append(f"{self.source} ")
        else:
            words = f" paused  +{len(since.new)} -{len(since.gone)} ~{len(since.moved)} "
            right.append(words, warning)
        return right


def _count(things: Sized, one: str, many: str = "") -> str:
    number = len(things)
    return f"{number} {one if number == 1 else many or one + 's'}"
