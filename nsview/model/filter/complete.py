"""Completions of a filter that is being typed: its fields, and their values on the host or in a lens."""

import re
from collections.abc import Iterable, Iterator, Sequence

from .. import label
from ..condition import STATE_WORDS
from ..kinds import KIND_NAMES
from ..snapshot import Snapshot, all_namespaces
from ..table import Line
from .fields import ALIASES, BY_KIND, FIELDS, Fields

MOST = 12
"""The most completions to return."""

_COMPARISON = re.compile(r'([a-z]+%?)(\.[a-z]*)?(!=|<=|>=|[=~<>:])("?)(.*)', re.ASCII | re.IGNORECASE | re.DOTALL)
_SIGNS = {"namespace": ":"} | dict.fromkeys(("text", "kind", "number"), "=") | dict.fromkeys((*BY_KIND, "amount"), ">")


def complete(text: str, snapshot: Snapshot, fields: Fields = FIELDS, lines: Sequence[Line] = ()) -> list[str]:
    """The whole texts that completing the last word of a text gives, the likeliest first; at most MOST.

    lines: of the lens that the fields belong to.
    """
    start = _last_word(text)
    before, word = text[:start], text[start:]
    found: dict[str, None] = {}
    for one in _words(word, snapshot, fields, lines):
        if one.lower() != word.lower() and one.isprintable():
            found[before + one] = None
        if len(found) == MOST:
            break
    return list(found)


def _last_word(text: str) -> int:
    """The position at which the last word of a text begins: the text's length if no word is being typed."""
    start, quoted, escaped = 0, False, False
    for at, character in enumerate(text):
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character.isspace() or (character == "(" and at == start):
            start = at + 1
    return start


def _words(word: str, snapshot: Snapshot, fields: Fields, lines: Sequence[Line]) -> Iterator[str]:
    if comparison := _COMPARISON.fullmatch(word):
        name, kind, op, quote, begun = comparison.groups()
        field = fields.get(ALIASES.get(name.lower(), name.lower()))
        values = _values(field.name, snapshot) if field else set()
        if field and field.line and field.sort != "amount":
            values |= {str(value) for line in lines for value in field.line(line)} - {""}
        for value in _beginning(begun, sorted(values)):
            yield f"{name}{kind or ''}{op}{_quoted(value) if quote else _as_word(value)}"
    elif word and not word.startswith('"'):
        name, dot, _ = word.partition(".")
        if dot and name.lower() in BY_KIND and name.lower() in fields:
            yield from _beginning(word, (f"{name}.{kind}>" for kind in KIND_NAMES))
        else:
            yield from _beginning(word, ["host"] if "host" in fields else [])
            yield from _beginning(word, (n + _SIGNS.get(n, _SIGNS[field.sort]) for n, field in fields.items()))
            if "container" in fields:
                yield from map(_as_word, _beginning(word, sorted(_values("container", snapshot))))


def _beginning(begun: str, values: Iterable[str]) -> Iterator[str]:
    lowered = begun.lower()
    return (value for value in values if value.lower().startswith(lowered))


def _values(field: str, snapshot: Snapshot) -> set[str]:
    """The values of a field on this host."""
    processes, containers = snapshot.processes.values(), snapshot.containers.values()
    match field:
        case "name":
            return {process.comm for process in processes}
        case "user":
            inside = {process.user_inside for process in processes if process.user_inside}
            return {process.user for process in processes} | inside
        case "state":
            paused = {"paused" for container in containers if container.state == "paused"}
            return paused | {STATE_WORDS[process.state] for process in processes if process.state in STATE_WORDS}
        case "container":
            return {container.name for container in containers}
        case "image":
            return {container.image for container in containers if container.image}
        case "runtime":
            return {container.runtime for container in containers}
        case "pod":
            return {container.pod.label for container in containers if container.pod}
        case "label":
            return {said for one in all_namespaces(snapshot) if (said := label.label(one, snapshot))}
        case "type" | "host":
            return set(KIND_NAMES)
    return {str(inode) for kind, inode in snapshot.namespaces if kind == field}


def _as_word(value: str) -> str:
    return _quoted(value) if not value or re.search(r'[\s()"]', value) else value


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
