"""Commands for a host elsewhere, as lines for a shell here. Pure.

Pasted as it is, a command for another host would act on this one: on the process of the same number, or the container
of the same name.
"""

import shlex
from typing import NamedTuple


class Elsewhere(NamedTuple):
    """The way to a host elsewhere. options: of nsview, which name the host. words: run a command there, which follows
    them; none if no words do. joined: the command is one word, for a shell there. root: nsview is root there by sudo.
    """

    options: tuple[str, ...]
    words: tuple[str, ...]
    joined: bool = False
    root: bool = False


def typed(words: tuple[str, ...], elsewhere: Elsewhere | None) -> str:
    """A command of a host as a line for a shell here; a comment if no line runs it there. elsewhere: None for this
    machine."""
    if elsewhere is None:
        return shlex.join(words)
    as_root = words[:1] == ("sudo",)
    if words[as_root : as_root + 2] == ("nsview", "enter"):  # nsview is here, and not there
        sudo = ("--sudo",) if as_root and not elsewhere.root else ()
        return shlex.join(("nsview", *elsewhere.options, *sudo, *words[as_root + 1 :]))
    if elsewhere.root and not as_root:
        words = ("sudo", *words)
    if not elsewhere.words:
        return f"# {shlex.join(elsewhere.options)}: {shlex.join(words)}"
    return shlex.join((*elsewhere.words, *((shlex.join(words),) if elsewhere.joined else words)))
