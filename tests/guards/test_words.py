"""The style of words of CONTRIBUTING.md, as far as a program can hold it: how docstrings and comments begin."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import nsview

PACKAGE = Path(nsview.__file__).parent
BEGINNINGS = "What|Who|Whose|Whom|Those|It|Its|This|Where|Whether|One that|All that|How"
PRONOUNS = (
    "that those this these it its itself they them their theirs one ones other others another which whose such so there"
).split()
RIDDLE = re.compile(rf"({BEGINNINGS})\b")


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_docstring_begins_with_a_verb_or_the_thing_itself(file: Path) -> None:
    nodes = [
        node
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    found = [(node, ast.get_docstring(node) or "") for node in nodes]
    assert [text.splitlines()[0] for node, text in found if RIDDLE.match(text)] == []


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_more_than_a_quarter_of_a_docstring_are_words_that_stand_for_others(file: Path) -> None:
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            words = re.findall(r"[A-Za-z']+", (ast.get_docstring(node) or "").lower())
            standing = [word for word in words if word in PRONOUNS]
            if len(words) > 8 and len(standing) > len(words) / 4 + 1:
                found.append(" ".join(words))
    assert found == []


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_comment_names_the_thing_too(file: Path) -> None:
    riddle = re.compile(rf"# ?({BEGINNINGS}|Which|They|Their|That|These)\b", re.IGNORECASE)
    assert [comment for comment in comments(file.read_text()) if riddle.match(comment)] == []


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_what_was_measured_stands_in_the_design(file: Path) -> None:
    """Microseconds and milliseconds, that is; a limit or a pause is in seconds."""
    tree = ast.walk(ast.parse(file.read_text()))
    nodes = [node for node in tree if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    texts = [*comments(file.read_text()), *(ast.get_docstring(node) or "" for node in nodes)]
    assert [text for text in texts if re.search(r"\d ?[µmu]s\b", text)] == []


def comments(text: str) -> Iterator[str]:
    """The comments of a file, each by its first line."""
    above = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            alone, number = token.line.lstrip().startswith("#"), token.start[0]
            if not (alone and number == above + 1):
                yield token.string
            above = number if alone else above


def functions() -> Iterator[tuple[str, ast.expr, str]]:
    """(file and name, type of the answer, docstring) of each function that has the latter two."""
    for file in files():
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if node.returns and (text := ast.get_docstring(node)):
                yield f"{file.relative_to(PACKAGE)} {node.name}", node.returns, text


def test_a_function_that_may_have_no_answer_says_when() -> None:
    optional = ((where, text) for where, answer, text in functions() if ast.unparse(answer).endswith("| None"))
    assert [where for where, text in optional if not re.search(r"\bNone\b", text)] == []


def test_a_function_that_answers_by_yes_or_no_says_which_is_true() -> None:
    answers = ((where, text) for where, answer, text in functions() if ast.unparse(answer) == "bool")
    assert [where for where, text in answers if not re.search(r"\b(True|False)\b", text)] == []


def test_a_type_has_a_name_of_its_own() -> None:
    """But that a record of the agent's protocol and the one that decodes it share theirs."""
    places: dict[str, list[str]] = {}
    for file in files():
        for name in types_of(ast.parse(file.read_text()).body):
            places.setdefault(name, []).append(str(file.relative_to(PACKAGE)))
    shared = {name: found for name, found in places.items() if len(found) > 1}
    assert {name: found for name, found in shared.items() if not is_decoded(found)} == {}


def types_of(body: list[ast.stmt]) -> Iterator[str]:
    """The names of the classes and of the aliases of types that a module defines, also for the type checker alone."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            names = (target.id for target in node.targets if isinstance(target, ast.Name))
            yield from (name for name in names if re.match(r"[A-Z][a-z]", name))
        elif isinstance(node, ast.If):
            yield from types_of(node.body)


def is_decoded(places: list[str]) -> bool:
    """True if one of two places is the protocol, and the other decodes it."""
    others = [place for place in places if place != "agent/protocol.py"]
    return len(places) == 2 and len(others) == 1 and others[0].startswith(("model/", "hosts/frames.py"))
