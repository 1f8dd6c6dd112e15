"""The state that the explorer keeps from one run to the next: its looks and the filters that were typed.

No fault here is an error: a file that is broken, hostile or not ours is ignored, and a state that cannot be written is
forgotten.
"""

import contextlib
import os
from pathlib import Path

import msgspec
from msgspec import Struct

from . import files
from .model.columns import Extra
from .model.view import Grouping, GroupOrder, LensName, ProcessOrder

MOST = 65536
"""The largest size of a state file, in bytes; a larger one is not ours."""
HISTORY = 50
TARGETS = 8
"""The most filters and texts of targets that are kept."""


class State(Struct, frozen=True, omit_defaults=True):
    """The fields of the file; None if never chosen. groups, processes: their order. columns: besides the usual ones.
    history: filters that were kept, the latest last; targets: texts that led to one. greeted: the hint for new users
    was seen. grouping, lens: to begin with, by the configuration alone and not by the file."""

    theme: str | None = None
    grouping: Grouping | None = None
    lens: LensName | None = None
    details: bool = True
    groups: GroupOrder = "age"
    processes: ProcessOrder = "tree"
    columns: tuple[Extra, ...] = ()
    history: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    greeted: bool = False


def path() -> Path:
    """The path of the file: nsview/state.json below $XDG_STATE_HOME or ~/.local/state."""
    from platformdirs import user_state_path

    return user_state_path("nsview") / "state.json"


class Memory:
    """The state of this run. Without a file nothing is read or kept. wanted: fields that each run begins with."""

    def __init__(self, file: Path | None = None, **wanted: object) -> None:
        self.file = file
        self.state = msgspec.structs.replace(_load(file) if file else State(), **wanted)

    def remember(self, **changed: object) -> None:
        """Change these fields of the state and, at once, of the file, whose other fields another run may have changed.

        The change is not left to the end of the run, as the terminal may be closed first.
        """
        self.state = msgspec.structs.replace(self.state, **changed)
        if self.file:
            kept = msgspec.structs.replace(_load(self.file), **changed)
            with contextlib.suppress(OSError):
                write(self.file, msgspec.json.encode(kept))

    def add_to_history(self, expression: str) -> None:
        """Add a filter that was kept to the history, which holds each once."""
        if expression and expression.isprintable():
            self.remember(history=_added(self.state.history, expression, HISTORY))

    def add_target(self, text: str) -> None:
        """Add a text that led to a target, likewise."""
        if text and text.isprintable():
            self.remember(targets=_added(self.state.targets, text, TARGETS))


def _added(texts: tuple[str, ...], text: str, most: int) -> tuple[str, ...]:
    return (*(other for other in texts if other != text), text)[-most:]


def _load(file: Path) -> State:
    try:
        with files.opened(file) as opened:
            data = opened.read(MOST + 1)
        kept = msgspec.json.decode(data, type=State) if len(data) <= MOST else State()
        return msgspec.structs.replace(kept, grouping=None, lens=None)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return State()


def write(file: Path, data: bytes) -> bool:
    """Write the file whole or not at all. False, and nothing written, if another user owns the file or a directory of
    its path. Raises OSError if the write fails.

    Under `sudo -E` the directories are the user's: they could redirect root's write, and could neither change nor
    remove the file that root leaves there.
    """
    owners = {place.lstat().st_uid for place in (file, *file.parents) if os.path.lexists(place)}
    if not owners <= {0, os.geteuid()} or (file.exists() and file.stat().st_uid != os.geteuid()):
        return False
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as opened:
            opened.write(data)
        new.replace(file)
        return True
    except OSError:
        new.unlink(missing_ok=True)
        raise
