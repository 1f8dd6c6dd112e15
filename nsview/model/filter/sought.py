"""The texts that a filter seeks, to be marked where they stand."""

import re
from collections.abc import Iterator

from .grammar import And, Node, Or, Test, Word

Pattern = re.Pattern[str]


class Sought:
    """The words of a filter, which may stand anywhere, and the values of its fields; nothing below a `not`."""

    def __init__(self, node: Node | None) -> None:
        self._texts = list(_texts(node))
        self._found: dict[tuple[str, ...], Pattern | None] = {}

    def of(self, *fields: str) -> Pattern | None:
        """The texts that are sought in these fields, as one pattern in one group. None if nothing is."""
        if fields not in self._found:
            texts = {text for field, text in self._texts if text and (not field or field in fields)}
            words = "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))
            self._found[fields] = re.compile(f"({words})", re.IGNORECASE) if words else None
        return self._found[fields]


def _texts(node: Node | None) -> Iterator[tuple[str, str]]:
    """(the field, "" if it is any, the text) of each text that must be found."""
    match node:
        case Word(text):
            yield "", text
        case Test(op="=" | "~", value=value):
            text = str(value)
            yield from ((node.field.name, part) for part in re.split(r"[*?]+", text) if part)
        case And(nodes=nodes) | Or(nodes=nodes):
            for one in nodes:
                yield from _texts(one)
