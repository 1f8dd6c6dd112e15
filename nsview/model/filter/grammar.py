"""From an expression to its tree, or an error that knows its place.

    either := both ("or" both)*
    both   := one ("and"? one)*
    one    := "not" one | "(" either ")" | FIELD OP value | KIND ":" inode | "host" | word
    value  := text without blanks or a closing parenthesis | quoted
    OP     := = != ~ : < <= > >=

A word is whatever has no blank in it; only what stands for something else must be quoted to be one: `not`, `and`, `or`,
`host`, parentheses around it, and what looks like a field. Within quotes a backslash takes the next character as it is.
"""

import re
from typing import NoReturn

from msgspec import Struct

from ..kinds import KIND_NAMES
from .fields import ALIASES, ALSO_KINDS, BY_KIND, FIELDS, Field, Fields

DEEPEST = 50
"""How deep parentheses may nest."""


class FilterError(ValueError):
    """What is wrong in an expression, in one line. at: of which character, counted from 0; its length for the end."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


class Word(Struct, frozen=True):
    """Text, in lower case, that is to be found anywhere."""

    text: str


class Comparison(Struct, frozen=True):
    """One field compared. op: = != ~ < <= > >=. value: in lower case. kind: of which kind the field was said to be."""

    field: Field
    op: str
    value: str | int
    kind: str | None = None


class Not(Struct, frozen=True):
    one: "Node"


class And(Struct, frozen=True):
    nodes: tuple["Node", ...]


class Or(Struct, frozen=True):
    nodes: tuple["Node", ...]


Node = Word | Comparison | Not | And | Or

_OPERATORS = {
    "text": ("=", "!=", "~"), "number": ("=", "!=", "<", "<=", ">", ">="), "kind": ("=", "!="),
    "namespace": ("=", "!="),
}  # fmt: skip
_FIELD = re.compile(r"([a-z]+(?:\.[a-z]*)?)(\s*(?:!=|<=|>=|[=~<>])\s*|:)", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"\d+", re.ASCII)
_INODE = re.compile(r"(\d+)|\[(\d+)\]", re.ASCII)
_BLANK = re.compile(r"\s*")


def tree(expression: str, fields: Fields = FIELDS) -> Node | None:
    """The tree of an expression; None where there is nothing in it. fields: what may be in it. Raises FilterError."""
    parser = _Parser(expression, fields)
    if parser.ended():
        return None
    node = parser.either()
    if not parser.ended():
        raise FilterError(parser.at, "nothing opens this parenthesis")
    return node


class _Parser:
    """Reads an expression once, from left to right."""

    def __init__(self, text: str, fields: Fields) -> None:
        self.text = text
        self.fields = fields
        self.at = 0
        self.depth = 0
        self.waiting: tuple[int, str] | None = None  # the keyword just read, and where: something must follow it

    def ended(self) -> bool:
        """Nothing but blanks is left; what is next is not a blank."""
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
        """The keyword that is next, else nothing."""
        match = _KEYWORD.match(self.text, self.at)
        return match[0].lower() if match else ""

    def keyword(self, wanted: str) -> bool:
        """Go past this keyword if it is next."""
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
        """Up to a blank, or the parenthesis that closes what is around; those opened within are of the word."""
        start, inner = self.at, 0
        while self.at < len(self.text) and not self.text[self.at].isspace():
            inner += (self.text[self.at] == "(") - (self.text[self.at] == ")")
            if inner < 0:
                break
            self.at += 1
        return self.text[start : self.at]

    def word(self) -> Node:
        word = self.bare().lower()
        return Comparison(self.fields[word], "=", "") if word == "host" and word in self.fields else Word(word)

    def comparison(self) -> Comparison | None:
        """A field compared, where that is what is next."""
        match = _FIELD.match(self.text, self.at)
        if match is None:
            return None
        name, op = match[1].lower(), match[2].strip()
        base, dot, kind = name.partition(".")
        field = self.fields.get(ALIASES.get(base, base))
        if field is None or (dot and field.name not in BY_KIND):
            # a:b is what images, keys and addresses look like, and blanks do not make a field of a word.
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
        from difflib import get_close_matches  # 2 ms, which most have no need of

        aliases = (alias for alias, meant in ALIASES.items() if meant in self.fields)
        near = get_close_matches(name, [*self.fields, *aliases], 1) if name not in FIELDS else ()
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.fields)}"
        raise FilterError(self.at, f"no field is called {name} here (in quotes it is text); {hint}")

    def compared(self, field: Field, op: str, place: int, value: str, start: int, kind: str | None) -> Comparison:
        """The test of a value, if it fits the field."""
        sort = field.sort
        inode = _INODE.fullmatch(value)
        if field.name in ALSO_KINDS and inode and (inode[2] or len(value) > 8):
            # No pid, uid or cgroup looks like that.
            sort = "namespace"
        if op == ":":
            op = "~" if sort == "text" else "="
        if op not in _OPERATORS[sort]:
            called = {"text": "text", "number": "a number"}.get(sort, "a kind of namespace")
            raise FilterError(place, f"{field.name} is {called}: it goes with {' '.join(_OPERATORS[sort])}")
        if sort == "text":
            return Comparison(field, op, value)
        if sort == "kind":
            if value not in KIND_NAMES:
                raise FilterError(start, f"no such kind of namespace; there are {', '.join(KIND_NAMES)}")
            return Comparison(field, op, value)
        if sort == "namespace":
            if not inode:
                raise FilterError(start, f"{field.name}: an inode number goes here; host={field.name} is the host's")
            return Comparison(FIELDS["inode"], op, _number(inode[1] or inode[2]), field.name)
        if not _NUMBER.fullmatch(value):
            raise FilterError(start, f"{field.name}: a number goes here")
        return Comparison(field, op, _number(value), kind)


def _number(digits: str) -> int:
    """More digits than the kernel has numbers are one that nothing is."""
    return int(digits) if len(digits) <= 20 else 10**20


_KEYWORD = re.compile(r"(?:not|and|or)(?=[\s()]|$)", re.ASCII | re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
