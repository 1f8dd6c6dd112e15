"""Each promise of docs/security.md names the tests that hold it, and what a document names is there."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent.parent
_DOCUMENTS = [*sorted(_ROOT.glob("*.md")), *sorted((_ROOT / "docs").glob("*.md"))]
_FILES: dict[str, str] = {}  # {name: the text of all files of that name}
for _path in sorted((_ROOT / "tests").rglob("test_*.py")):
    _FILES[_path.name] = _FILES.get(_path.name, "") + _path.read_text()
_TESTS = {
    name: file for file, text in _FILES.items() for name in re.findall(r"^(?:async )?def (test_\w+)\(", text, re.M)
}
# A name, shortened with … or not, and the file that it is said to be in, where one is said.
_NAME = re.compile(r"`(test_\w+?)(_?…)?`(?: in `(test_\w+\.py)`)?")


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.name)
def test_each_test_that_is_named_is_there(document: Path) -> None:
    text = " ".join(document.read_text().split())
    assert [file for file in re.findall(r"`(?:tests/\w+/)?(test_\w+\.py)`", text) if file not in _FILES] == []
    missing = [
        name
        for name, shortened, file in _NAME.findall(text)
        if not any(
            (test.startswith(name) if shortened else test == name) and (not file or f"def {test}(" in _FILES[file])
            for test in _TESTS
        )
    ]
    assert missing == []


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.name)
def test_each_link_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_each_promise_names_its_test() -> None:
    text = (_ROOT / "docs" / "security.md").read_text()
    tables = re.findall(r"^\| promise \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.M)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(tables) == 3 and len(rows) > 30
    assert [row for row in rows if "`test_" not in row.split("|")[-2]] == []
