"""Texts that lead to the row of a thing, by a click."""

import re

from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from nsview.model.kinds import KIND_NAMES
from nsview.model.table import Thing

PIDS = {"init pid": r"\d+", "shim pid": r"\d+", "exec sessions": r"\d+", "oldest": r"^\d+"}
"""{label of a fact: the pattern of the pids in its value}"""
_NAMESPACE = re.compile(rf"\b({'|'.join(KIND_NAMES)}):\[(\d+)\]")
_KEY = "thing"


def to(thing: Thing) -> Style:
    """The style of a text that leads to a thing."""
    return Style(meta={_KEY: thing})


def linked(text: Text, pids: str | None = None) -> Text:
    """Have each namespace in a text lead to it, and each pid that a pattern finds to its process."""
    for match in _NAMESPACE.finditer(text.plain):
        text.stylize(to((match[1], int(match[2]))), *match.span())  # type: ignore[arg-type]
    for match in re.finditer(pids, text.plain) if pids else ():
        text.stylize(to(int(match[0])), *match.span())
    return text


def thing_at(style: Style) -> Thing | None:
    """The thing that a text of this style leads to. None if it leads nowhere."""
    return style.meta.get(_KEY)


def underlined(line: tuple[Segment, ...], thing: Thing) -> list[Segment]:
    """A line with the texts that lead to a thing underlined."""
    return [
        Segment(text, style + Style(underline=True) if style and thing_at(style) == thing else style, control)
        for text, style, control in line
    ]
