"""A screen whose things are entered: the dialog, the way into their namespaces and back, the ready commands."""

from nsview.join.ready import Ready
from nsview.model.target import Target
from nsview.model.text import safe

from ..messages import RescanWanted
from .browser import Browser


class Enterable(Browser):
    """The base of the explorer and of every lens: the screen stays below the dialog, and is come back to as it was."""

    def to_enter(self) -> Target | None:
        """The target that the chosen row or line is about. None if there is none, which a lens says in a notice."""
        raise NotImplementedError

    def action_enter(self) -> None:
        self.enter(self.to_enter())

    def action_ready(self) -> None:
        """Offer the ready commands for the chosen row or line."""
        from .palette import Palette, ready_commands

        if (target := self.to_enter()) is not None:
            commands = ready_commands(self.context.ready, lambda ready: self.enter(target, ready))
            self.app.push_screen(Palette([commands], placeholder=f"Run in {safe(name_of(target))} …"))

    def enter(self, target: Target | None, ready: Ready | None = None) -> None:
        """Offer to enter a target, with a ready command or a shell."""
        if target is not None:
            self.run_worker(self._enter(target, ready), group="enter", exclusive=True)

    async def _enter(self, target: Target, ready: Ready | None) -> None:
        """Ask which namespaces of a target to join, join them, and come back; a reason against it is a notice."""
        from .enter_dialog import dialog_for

        assert self.snapshot is not None
        dialog = await dialog_for(target, self.snapshot, self.session, ready)
        if isinstance(dialog, str):
            self.notify(dialog, severity="warning", markup=False)
            return
        entrance = self.context.entrance
        entrance.expect()
        if entrance.enter(await self.app.push_screen_wait(dialog), dialog.name_of_it):
            self.post_message(RescanWanted())


def name_of(target: Target) -> str:
    """The name of a target, to be shown."""
    match target:
        case Target(thing=int(), process=process) if process:
            return f"{process.pid} {process.comm}"
        case Target(namespace=namespace) if namespace:
            return namespace.label
        case Target(container=container) if container:
            return container.name
    return ""
