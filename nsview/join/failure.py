"""The exception of joining: an exit code and a line for the user."""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False  # as typing is not imported: the helper starts sooner without, see docs/design.md
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

GONE, NOT_PERMITTED, FAILED = 1, 3, 4
NOTHING = GONE
USAGE = 2
NOT_EXECUTABLE, NOT_FOUND = 126, 127
_as_root = ["run nsview as root" if os.geteuid() else "root lacks the capability for it here"]


class Failure(Exception):
    """A refusal or an error. code: the exit code of the command line. text: `FACT: REMEDY`, one line."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def as_root(words: str | None = None) -> str:
    """The remedy for messages if this user's rights are too few. words: replace the remedy from now on."""
    if words:
        _as_root[0] = words
    return _as_root[0]


def sudo(words: Iterable[str], *, there: bool = False) -> str:
    """The command line that runs nsview with these words as root, quoted for a shell. there: the words name a host
    elsewhere, on which it is to be root.

    By its whole path: sudo searches the directories of its secure_path, where a user's own programs are not.
    """
    import shlex  # imports `re`

    if there:
        return shlex.join(("nsview", "--sudo", *words))
    return shlex.join(("sudo", *_program(), *words))


def _program() -> tuple[str, ...]:
    """The command by which nsview was started; its name alone if the command is not known."""
    place = os.path.abspath(sys.argv[0])
    if place.endswith("/nsview/__main__.py"):
        return sys.executable, "-m", "nsview"
    return (place if os.path.basename(place) == "nsview" else "nsview",)


def of_errno(number: int, what: str) -> Failure:
    """A failed system call as a Failure. what: the action that was tried; the system's words say why it failed."""
    if number in (errno.EPERM, errno.EACCES):
        return Failure(NOT_PERMITTED, f"{what}: {os.strerror(number)}; {as_root()}")
    code = GONE if number == errno.ESRCH else FAILED
    return Failure(code, f"{what}: {os.strerror(number)}")


def attempt(call: Callable[..., object], *arguments: object) -> None:
    """Call with these arguments and ignore an OSError."""
    try:
        call(*arguments)
    except OSError:
        return


def printable(text: str) -> str:
    """The text with every character escaped that a terminal might obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)
