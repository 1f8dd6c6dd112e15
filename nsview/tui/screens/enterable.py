"""A screen whose rows are entered: the dialog, the way into the namespaces of a row and back, the ready commands."""

from nsview.join.ready import Ready
from nsview.model.records import Container, Namespace
from nsview.model.text import safe
from nsview.model.view import GroupRow, ProcessRow, Row

from ..messages import EnterWanted
from .browser import Browser


class Enterable(Browser):
    """The base of the explorer: a browser of rows."""

    @property
    def row(self) -> Row | None:
        """The chosen row. None if there is none."""
        raise NotImplementedError

    def action_rescan(self) -> None:
        """Look at the host again."""
        raise NotImplementedError

    def action_enter(self) -> None:
        self._begin_to_enter(self.row, None)

    def on_enter_wanted(self, message: EnterWanted) -> None:
        self._begin_to_enter(message.row, None)

    def action_ready(self) -> None:
        """Offer the ready commands for the chosen row."""
        from .palette import Palette, ready_commands

        commands = ready_commands(self.context.ready, lambda ready: self._begin_to_enter(self.row, ready))
        named = safe(name_of(self.row)) or "the namespaces of this row"
        self.app.push_screen(Palette([commands], placeholder=f"Run in {named} …"))

    def _begin_to_enter(self, row: Row | None, ready: Ready | None) -> None:
        if row is not None:
            self.run_worker(self._enter(row, ready), group="enter", exclusive=True)

    async def _enter(self, row: Row, ready: Ready | None) -> None:
        """Ask which namespaces of a row to join, join them, and come back; a reason against it is a notice."""
        from .enter_dialog import dialog_for

        assert self.snapshot is not None
        dialog = await dialog_for(row, self.snapshot, self.session, ready)
        if isinstance(dialog, str):
            self.notify(dialog, severity="warning")
            return
        entrance = self.context.entrance
        entrance.expect()
        if entrance.enter(await self.app.push_screen_wait(dialog), dialog.name_of_it):
            self.action_rescan()


def name_of(row: Row | None) -> str:
    """The name of the thing of a row, to be shown; "" if it has none."""
    match row:
        case ProcessRow(process=process):
            return f"{process.pid} {process.comm}"
        case GroupRow(container=Container() as container):
            return container.name
        case GroupRow(namespace=Namespace() as namespace):
            return namespace.label
    return ""
