"""Text of unknown origin made safe for a terminal; and numbers of things in words.

A process chooses its own name and command line, a container its labels, a remote host all its texts. Each text passes
`safe` before it is drawn or printed.
"""


def safe(text: str) -> str:
    """The text with every character escaped that a terminal might obey, hide or reorder.

    Control characters (ESC, BEL, newline, C1), bidirectional and zero-width formatting, lone surrogates and
    unassigned code points become \\x1b, \\u202e and the like. Idempotent.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(ord(character)) for character in text)


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def count(number: int, one: str) -> str:
    """A number of things in words, "1 queue" or "2 processes". one: the name of a single thing."""
    return f"{number} {one if number == 1 else one + ('es' if one.endswith('s') else 's')}"


def clock(time: float, form: str) -> str:
    """A time in seconds since the epoch, by the clock of this machine, in a form of strftime.

    "?" if no calendar has it: a recording, or another host, may claim any.
    """
    from datetime import datetime  # many commands need none

    try:
        return datetime.fromtimestamp(time).strftime(form)
    except (OverflowError, OSError, ValueError):
        return "?"


def cells(text: str) -> int:
    """The number of a terminal's cells that a safe text takes: two a wide character, none a combining one."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # few texts need it

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, width: int) -> str:
    """A safe text in at most so many cells; an ellipsis at its end shows that it is cut."""
    if cells(text) <= width:
        return text
    while text and cells(text) > width - 1:
        text = text[: min(len(text) - 1, width - 1)]
    return text + "…" if width > 0 else ""


def fit(text: str, width: int) -> str:
    """A safe text in exactly so many cells: cut, or filled with blanks."""
    text = cut(text, width)
    return text + " " * (width - cells(text))
