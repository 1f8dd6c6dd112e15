"""The style of words of CONTRIBUTING.md, as far as a program can hold it: how docstrings begin."""

import ast
import re
from pathlib import Path

import pytest

import nsview

PACKAGE = Path(nsview.__file__).parent
RIDDLE = re.compile(r"(What|Who|Whose|Whom|Those|It|Its|This|Where|Whether|One that|All that|How)\b")


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
