"""Styles of a text as the codes of a terminal (ECMA-48, SGR), in its own sixteen colours, which suit its background."""

from collections.abc import Callable

Paint = Callable[[str, str], str]
"""A function of a safe text and the name of its style."""

_CODES = {
    "title": "1", "container": "36", "host": "32", "warning": "33", "error": "1;31", "dim": "2", "new": "32",
    "gone": "31",
}  # fmt: skip


def plain(text: str, style: str) -> str:
    """The text as it is."""
    return text


def coloured(text: str, style: str) -> str:
    """The text in its colour, if the style has one; the blanks around it stay as they are."""
    code, bare = _CODES.get(style), text.strip()
    return text.replace(bare, f"\x1b[{code}m{bare}\x1b[0m", 1) if code and bare else text
