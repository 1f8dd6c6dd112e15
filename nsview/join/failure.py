"""The one way in which joining fails: an exit code and a line for the person who asked."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False  # typing takes the helper as long to import as all the rest
if TYPE_CHECKING:
    from collections.abc import Callable

GONE, NOT_PERMITTED, FAILED = 1, 3, 4
NOTHING = GONE
USAGE = 2
NOT_EXECUTABLE, NOT_FOUND = 126, 127
_as_root = ["run nsview as root" if os.geteuid() else "root lacks the capability for it here"]


class Failure(Exception):
    """code: of the command line's. text: `what: what to do`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def as_root(words: str | None = None) -> str:
    """What to do where this user's rights do not reach, for messages; with words, from now on in these."""
    if words:
        _as_root[0] = words
    return _as_root[0]


def of_errno(number: int, what: str) -> Failure:
    """A failed system call as a Failure: what was tried, and why not in the system's words."""
    if number in (errno.EPERM, errno.EACCES):
        return Failure(NOT_PERMITTED, f"{what}: {os.strerror(number)}; {as_root()}")
    code = GONE if number == errno.ESRCH else FAILED
    return Failure(code, f"{what}: {os.strerror(number)}")


def attempt(call: Callable[..., object], *arguments: object) -> None:
    """Call it; if the system refuses, so be it."""
    try:
        call(*arguments)
    except OSError:
        return


def printable(text: str) -> str:
    """The text without anything that a terminal might obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)
