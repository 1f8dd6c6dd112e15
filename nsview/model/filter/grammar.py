"""The grammar of filters: reads an expression into a tree, or an error with its position.

    either := both ("or" both)*
    both   := one ("and"? one)*
    one    := "not" one | "(" either ")" | FIELD OP value | KIND ":" inode | "host" | word
    value  := text without blanks or a closing parenthesis | quoted
    OP     := = != ~ : < <= > >=

A word is any text without a blank. A text with another meaning must be quoted to be a word: `not`, `and`, `or`, `host`,
one in parentheses, and one like a field. Within quotes a backslash takes the next character as it is.
"""

import re
from fnmatch import fnmatchcase
from typing import NoReturn

from msgspec import Struct
from msgspec.structs import replace

from ..kinds import KIND_NAMES
from .fields import ALIASES, ALSO_KINDS, BY_KIND, FIELDS, Field, Fields

DEEPEST = 50
"""The greatest depth of nested parentheses."""


class FilterError(ValueError):
    """An error in an expression, in one line. at: the index of the character; the expression's length for its end."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


class Word(Struct, frozen=True):
    """A text, in lower case, to find anywhere."""

    text: str


class Test(Struct, frozen=True):
    """One field compared. op: = != ~ < <= > >=. value: in lower case, an amount without its unit. kind: named with the
    field, None if none was.

    also: further bounds, (op, value), that the same number must keep: a process has several pids, uids and ports.
    """

    field: Field
    op: str
    value: str | float
    kind: str | None = None
    also: tuple[tuple[str, str | float], ...] = ()


class Not(Struct, frozen=True):
    one: "Node"


class And(Struct, frozen=True):
    nodes: tuple["Node", ...]


class Or(Struct, frozen=True):
    nodes: tuple["Node", ...]


Node = Word | Test | Not | And | Or

_BOUNDS = ("<", "<=", ">", ">=")
_OPERATORS = {
    "text": ("=", "!=", "~"), "number": ("=", "!=", *_BOUNDS), "amount": _BOUNDS, "kind": ("=", "!="),
    "namespace": ("=", "!="),
}  # fmt: skip
_FIELD = re.compile(r"([a-z]+%?(?:\.[a-z]*)?)(\s*(?:!=|<=|>=|[=~<>])\s*|:)", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"\d+", re.ASCII)
_AMOUNT = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)([a-z%]?)", re.ASCII)
_INODE = re.compile(r"(\d+)|\[(\d+)\]", re.ASCII)
_BLANK = re.compile(r"\s*")


def tree(expression: str, fields: Fields = FIELDS) -> Node | None:
    """The tree of an expression, None if it is blank. fields: allowed in it. Raises FilterError if it is faulty."""
    parser = _Parser(expression, fields)
    if parser.ended():
        return None
    node = parser.either()
    if not parser.ended():
        raise FilterError(parser.at, "nothing opens this parenthesis")
    return node


def _together(nodes: list[Node]) -> list[Node]:
    """The nodes, with all bounds of a field as one comparison, in the place of the first."""
    found: list[Node] = []
    places: dict[tuple[str, str | None], int] = {}
    for node in nodes:
        if isinstance(node, Test) and node.op in _BOUNDS:
            place = places.setdefault((node.field.name, node.kind), len(found))
            if place < len(found):
                first = found[place]
                assert isinstance(first, Test)
                found[place] = replace(first, also=(*first.also, (node.op, node.value), *node.also))
                continue
        found.append(node)
    return found


class _Parser:
    """A parser that reads an expression once, from left to right."""

    def __init__(self, text: str, fields: Fields) -> None:
        self.text = text
        self.fields = fields
        self.at = 0
        self.depth = 0
        self.waiting: tuple[int, str] | None = None  # (position, keyword) just read, which needs something after it

    def ended(self) -> bool:
        """Skip blanks; True if nothing else is left."""
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]
        return self.at == len(self.text)

    def either(self) -> Node:
        found = [self.both()]
        while self.keyword("or"):
            found.append(self.both())
        return Or(tuple(found)) if len(found) > 1 else found[0]

    def both(self) -> Node:
        found = [self.one()]
        while self.keyword("and") or not (self.ended() or self.text[self.at] == ")" or self.peek() == "or"):
            found.append(self.one())
        found = _together(found)
        return And(tuple(found)) if len(found) > 1 else found[0]

    def one(self) -> Node:
        negated = False
        while self.keyword("not"):
            negated = not negated
        node = self.plain()
        return Not(node) if negated else node

    def plain(self) -> Node:
        ended = self.ended()
        if ended or (self.text[self.at] == ")" and self.waiting) or self.peek():
            if self.waiting is not None:
                at, keyword = self.waiting
                raise FilterError(at, f"{keyword} needs something after it")
            raise FilterError(self.at, f"{self.peek()} needs something before it; in quotes it is text")
        self.waiting = None
        if self.text[self.at] == ")":
            raise FilterError(self.at, "nothing opens this parenthesis")
        if self.text[self.at] == "(":
            return self.parenthesis()
        if self.text[self.at] == '"':
            return Word(self.quoted().lower())
        return self.comparison() or self.word()

    def parenthesis(self) -> Node:
        opened = self.at
        if self.depth == DEEPEST:
            raise FilterError(opened, f"parentheses are more than {DEEPEST} deep here")
        self.at += 1
        self.depth += 1
        if not self.ended() and self.text[self.at] == ")":
            raise FilterError(opened, "nothing is in this parenthesis")
        node = None if self.ended() else self.either()
        if node is None or self.ended():
            raise FilterError(opened, "nothing closes this parenthesis")
        self.at += 1
        self.depth -= 1
        return node

    def peek(self) -> str:
        """The keyword that is next, "" if none is."""
        match = _KEYWORD.match(self.text, self.at)
        return match[0].lower() if match else ""

    def keyword(self, wanted: str) -> bool:
        """Skip a keyword if it is next; True if it was."""
        if self.ended() or self.peek() != wanted:
            return False
        self.waiting = self.at, wanted
        self.at += len(wanted)
        return True

    def quoted(self) -> str:
        opened = self.at
        match = _QUOTED.match(self.text, opened)
        if match is None:
            raise FilterError(opened, "nothing closes this quote")
        self.at = match.end()
        return re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL)

    def bare(self) -> str:
        """The text up to a blank or a closing parenthesis; parentheses opened and closed within it are part of it."""
        start, inner = self.at, 0
        while self.at < len(self.text) and not self.text[self.at].isspace():
            inner += (self.text[self.at] == "(") - (self.text[self.at] == ")")
            if inner < 0:
                break
            self.at += 1
        return self.text[start : self.at]

    def word(self) -> Node:
        word = self.bare().lower()
        return Test(self.fields[word], "=", "") if word == "host" and word in self.fields else Word(word)

    def comparison(self) -> Node | None:
        """The comparison that is next. None if none is. Raises FilterError if it is faulty."""
        match = _FIELD.match(self.text, self.at)
        if match is None:
            return None
        name, op = match[1].lower(), match[2].strip()
        base, dot, kind = name.partition(".")
        field = self.fields.get(ALIASES.get(base, base))
        if field is None or (dot and field.name not in BY_KIND):
            # Images, keys and addresses look like a:b, and blanks do not make a field of a word.
            if op == ":" or op != match[2]:
                return None
            self.unknown(name)
        if dot and kind not in KIND_NAMES:
            raise FilterError(self.at + len(base) + 1, f"no such kind of namespace; there are {', '.join(KIND_NAMES)}")
        place = match.start(2) + len(match[2]) - len(match[2].lstrip())
        start = self.at = match.end()
        quoted = self.text.startswith('"', start)
        value = self.quoted() if quoted else self.bare()
        if not value and not quoted:
            more = ' ("" is none at all)' if field.sort == "text" else ""
            raise FilterError(start, f"{name}{op} needs a value{more}")
        return self.compared(field, op, place, value.lower(), start, kind or None)

    def unknown(self, name: str) -> NoReturn:
        from difflib import get_close_matches  # only needed for a mistyped name

        aliases = (alias for alias, meant in ALIASES.items() if meant in self.fields)
        near = get_close_matches(name, [*self.fields, *aliases], 1) if name not in FIELDS else ()
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.fields)}"
        raise FilterError(self.at, f"no field is called {name} here (in quotes it is text); {hint}")

    def compared(self, field: Field, op: str, place: int, value: str, start: int, kind: str | None) -> Node:
        """The comparison of a field with a value. Raises FilterError if value or operator does not fit the field."""
        sort = field.sort
        inode = _INODE.fullmatch(value)
        if field.name in ALSO_KINDS and inode and (inode[2] or len(value) > 8):
            # No pid, uid or cgroup looks like an inode.
            sort = "namespace"
        if op == ":":
            op = "~" if sort == "text" else "="
        if op not in _OPERATORS[sort]:
            called = {"text": "text", "number": "a number", "amount": "an amount"}.get(sort, "a kind of namespace")
            raise FilterError(place, f"{field.name} is {called}: it goes with {' '.join(_OPERATORS[sort])}")
        if sort == "text":
            return Test(field, op, value)
        if sort == "kind":
            if value not in KIND_NAMES and field.names:
                found = any(fnmatchcase(name.lower(), value) for name in field.names)
                return And(()) if found is (op == "=") else Or(())  # true, or false, of all that the host has
            if value not in KIND_NAMES:
                raise FilterError(start, f"no such kind of namespace; there are {', '.join(KIND_NAMES)}")
            return Test(field, op, value)
        if sort == "namespace":
            if not inode:
                raise FilterError(start, f"{field.name}: an inode number goes here; host={field.name} is the host's")
            return Test(FIELDS["inode"], op, _number(inode[1] or inode[2]), field.name)
        if sort == "amount":
            amount = _AMOUNT.fullmatch(value)
            if not amount or amount[2] not in field.units:
                units = ", ".join(unit for unit in field.units if unit)
                raise FilterError(start, f"{field.name}: an amount goes here, a number alone or with {units}")
            return Test(field, op, float(amount[1]) * field.units[amount[2]])
        if not _NUMBER.fullmatch(value):
            raise FilterError(start, f"{field.name}: a number goes here")
        return Test(field, op, _number(value), kind)


def _number(digits: str) -> int:
    """The number of these digits; 10**20, which nothing equals, if there are more digits than the kernel's have."""
    return int(digits) if len(digits) <= 20 else 10**20


_KEYWORD = re.compile(r"(?:not|and|or)(?=[\s()]|$)", re.ASCII | re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
