"""The time line of a recording that is played; a click on it goes to that moment."""

from typing import ClassVar

from rich.text import Text
from textual import events

from nsview.hosts.playback import Playback

from ..text import time_text
from .bar import Bar


class TimeLine(Bar):
    """The line below the rows."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"timeline--cursor", "timeline--key", "timeline--busy", "timeline--said"}

    def __init__(self, playback: Playback) -> None:
        super().__init__(id="timeline")
        self._playback = playback

    def _pieces(self) -> time_text.TimeLineText:
        playback = self._playback
        keys = {
            binding.id: self.app.get_key_display(binding)
            for _, binding, enabled, _ in self.screen.active_bindings.values()
            if enabled and binding.id
        }
        return time_text.line(
            playback.span, playback.moment, playback.playing, playback.said, playback.activity, keys, self.size.width
        )

    def render(self) -> Text:
        return self.text(self._pieces().pieces)

    def on_click(self, event: events.Click) -> None:
        line = self._pieces()
        if line.left <= event.x < line.left + line.cells:
            begin, end = self._playback.span
            self._playback.go(begin + (end - begin) * (event.x - line.left) / max(1, line.cells - 1))
