"""Copying to the clipboard, and exporting to a file."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from nsview.model.clipboard import Copy
from nsview.model.text import safe

from ..widgets.binding import Binding
from ..widgets.entry_line import EntryLine
from .browser import Browser
from .menu import Menu

ENDINGS = {
    ".json": "for programs",
    ".csv": "for a spreadsheet",
    ".svg": "a picture of the screen",
}


def copy(screen: Browser) -> None:
    """Ask which text of the chosen row is wanted, and copy it."""
    entries = screen.copies()
    if not entries:
        screen.notify("There is nothing to copy in this row.", severity="warning")
        return

    screen.app.push_screen(Menu("Copy", entries), partial(take, screen, entries))


def take(screen: Browser, entries: Sequence[Copy], place: int | None) -> None:
    """Copy the text of the chosen entry. None, no entry: nothing."""
    if place is not None:
        name, text = entries[place]
        screen.app.copy_to_clipboard(text)
        shown = text if len(text) <= 40 else f"{text[:39]}…"
        screen.notify(f"Copied {name}: {shown}\n{_where()}", markup=False)


def to_tmux(text: str) -> bool:
    """Give a text to tmux, which takes none from terminals unless told to (set-clipboard on). True if it did."""
    if not os.environ.get("TMUX"):
        return False
    try:
        done = subprocess.run(
            ["tmux", "load-buffer", "-w", "-"], input=text.encode(), timeout=2, check=False, capture_output=True
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _where() -> str:
    if os.environ.get("TMUX"):
        return "In tmux prefix ] pastes it; elsewhere too, where the terminal takes OSC 52."
    return "Pastes nothing? Then this terminal does not take OSC 52: select with Shift and the mouse instead."


class ExportDialog(ModalScreen[Path | None]):
    """Asks for the name of a new file, whose ending chooses the format."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel"),
        Binding("down", "ending(1)", "Another kind of file", id="next-ending"),
        Binding("up", "ending(-1)", "Another kind of file", show=False, id="previous-ending"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._proposed = name

    def compose(self) -> ComposeResult:
        with Vertical(id="menu"):
            yield Label(Text("Export to a file in " + safe(_here())), id="dialog-title")
            yield EntryLine(self._entered, self._proposed + ".json", id="file")
            yield Label(id="ending")
            yield Label(Text("Enter writes it, ↑ ↓ choose another ending, Esc goes back", "dim"))

    def on_input_changed(self, event: Input.Changed) -> None:
        self._tell(event.value)

    def _tell(self, value: str) -> None:
        ending = Path(value).suffix
        words = ENDINGS.get(ending, f"end it in {', '.join(ENDINGS)}: that chooses the format")
        self.query_one("#ending", Label).update(Text(words))

    def action_ending(self, by: int) -> None:
        typed = self.query_one(Input)
        root, ending = os.path.splitext(typed.value)
        endings = list(ENDINGS)
        place = endings.index(ending) + by if ending in endings else 0
        typed.value = (root or self._proposed) + endings[place % len(endings)]
        typed.cursor_position = len(typed.value)

    def _entered(self) -> None:
        typed = self.query_one(Input).value
        path = Path(os.path.expanduser(typed))
        if path.suffix not in ENDINGS:
            self._tell(typed)
        elif os.path.lexists(path):
            self.query_one("#ending", Label).update(Text(f"{safe(str(path))} exists; give another name", "bold"))
        else:
            self.dismiss(path)

    def action_cancel(self) -> None:
        self.dismiss(None)


def _here() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "a directory that is gone"


def ask_to_export(screen: Browser) -> None:
    """Ask for a file and write the rows or lines of the screen to it."""
    snapshot = screen.snapshot
    if snapshot is None:
        return

    def chosen(path: Path | None) -> None:
        if path is not None:
            screen.call_after_refresh(_export, screen, path)  # a picture is of the screen without the question

    screen.app.push_screen(ExportDialog(_name(screen.title_of_file, snapshot.host.name)), chosen)


def _name(shown: str, host: str) -> str:
    """A name for the file. A host may call itself anything; only characters that no shell or file system obeys stay."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", f"{host[:40]} {shown}").strip("-")
    return f"nsview-{words}-{time.strftime('%Y%m%d-%H%M%S')}"


def _export(screen: Browser, path: Path) -> None:
    if path.suffix == ".svg":
        picture = screen.app.export_screenshot(title="nsview")
        _keep(screen, path, lambda: picture)
        return
    # For a large host this takes seconds, in which keys are to be answered.
    screen.app.run_worker(partial(_keep, screen, path, screen.writing(path.suffix)), thread=True, group="export")


def _keep(screen: Browser, path: Path, write: Callable[[], str]) -> None:
    """Write a new file that only the user can read, as it lists every process of the host, and notify."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(write().encode("utf-8", "backslashreplace"))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        words = getattr(error, "strerror", None) or str(error)
        screen.app.notify(f"{safe(str(path))}: {words}", severity="error", markup=False)
    else:
        screen.app.notify(f"Written to {safe(os.path.join(_here(), path))}", markup=False)
