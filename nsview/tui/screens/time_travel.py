"""The keys and the line of a recording that is played: the explorer and every lens have them."""

from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from nsview.model.leads import Lead
from nsview.model.snapshot import Snapshot
from nsview.model.table import Thing

from ..session import Session
from .keys import TIME

_ACTIONS = ("play", "step", "change", "moment")


class TimeTravel(Screen[None]):
    """A screen that shows a moment, and goes to others if the host is a recording that is played."""

    BINDINGS: ClassVar[list[BindingType]] = TIME

    session: Session
    snapshot: Snapshot | None = None
    """The snapshot that is shown."""

    @property
    def thing(self) -> Thing | None:
        """The thing that the chosen row or line is about, None if there is none."""
        raise NotImplementedError

    def time_line(self) -> ComposeResult:
        """The line of times, if there is a recording to be played."""
        if playback := self.session.playback:
            from ..widgets.time_line import TimeLine

            yield TimeLine(playback)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have these keys for a recording alone; False hides one, None would show it dimmed (Textual)."""
        return action not in _ACTIONS or self.session.playback is not None

    def action_play(self) -> None:
        """Play the recording, or rest."""
        if playback := self.session.playback:
            playback.play()

    def action_step(self, by: int = 1) -> None:
        """Go to the next change of anything, or to the one before."""
        if playback := self.session.playback:
            playback.step(by)

    def action_change(self, by: int = 1) -> None:
        """Go to the next change of the thing of the chosen row or line, or to the one before."""
        thing = self.thing
        if thing is None:
            self.notify("Choose a process, a namespace or a container; its next change is gone to.")
        elif playback := self.session.playback:
            process = self.snapshot.processes.get(thing) if self.snapshot and isinstance(thing, int) else None
            playback.seek(by, partial(_state, thing, process.start if process else None))

    def action_moment(self) -> None:
        """Ask for a moment and go there."""
        if playback := self.session.playback:
            from .goto_dialog import at_moment

            self.app.push_screen(at_moment(*playback.span), self._went)

    def _went(self, moment: Lead | None) -> None:
        if moment is not None and (playback := self.session.playback):
            playback.go(float(str(moment.thing)))


def _state(thing: Thing, start: int | None, snapshot: Snapshot) -> object:
    """Return all that is told of a thing, to be compared with another moment; None if it is not there. start: of a
    process, whose pid may be another's before and after."""
    if isinstance(thing, int):
        process = snapshot.processes.get(thing)
        return process if process and start in (None, process.start) else None
    if isinstance(thing, str):
        container = snapshot.containers.get(thing)
        return container and (container, snapshot.populations.get(thing))
    namespace = snapshot.namespaces.get(thing)
    return namespace and (namespace, snapshot.members(namespace.type).get(namespace.inode))
