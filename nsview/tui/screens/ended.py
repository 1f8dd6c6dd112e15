"""The facts of a container without a process, over the screen from which it was opened."""

from typing import ClassVar

from rich.style import Style
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

from nsview.model.ended import container_of
from nsview.model.usage import Meter, Stopped

from ..messages import LogsWanted
from ..text import use_text
from ..widgets.binding import Binding
from ..widgets.pane import Pane


class EndedScreen(ModalScreen[None]):
    """Closed by Esc, or by L, which opens the container's log."""

    AUTO_FOCUS = "#ended"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("L", "logs", "Logs", tooltip="Its log, which its engine keeps"),
        Binding("escape,q,enter", "dismiss", "Close", id="close"),
    ]

    def __init__(self, one: Stopped, meter: Meter, state: str | None) -> None:
        """meter: has the reading. state: that the container is in, if it waits to be started again."""
        super().__init__()
        self._one, self._meter, self._state = one, meter, state

    def compose(self) -> ComposeResult:
        with Pane(id="ended"):
            yield Static(use_text.stopped(self._one, self._meter, self._style, self._state))

    def _style(self, name: str) -> Style:
        return _STYLES.get(name, Style())

    def action_logs(self) -> None:
        self.dismiss()
        self.app.post_message(LogsWanted(container_of(self._one)))


_STYLES = {"group": Style(bold=True), "label": Style(dim=True), "dim": Style(dim=True)}
