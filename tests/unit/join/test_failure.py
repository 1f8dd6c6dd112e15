"""The command that a refusal advises: as root, by a path that sudo finds."""

import sys

import pytest

from nsview.join.failure import sudo


@pytest.mark.parametrize(
    ("started", "advised"),
    [
        ("/home/a b/.local/bin/nsview", "sudo '/home/a b/.local/bin/nsview' ps -q"),
        ("/usr/bin/nsview", "sudo /usr/bin/nsview ps -q"),
        ("/x/lib/nsview/__main__.py", "sudo /x/bin/python -m nsview ps -q"),
        ("/x/bin/pytest", "sudo nsview ps -q"),
        ("-c", "sudo nsview ps -q"),
    ],
)
def test_the_program_is_named_by_its_whole_path(monkeypatch: pytest.MonkeyPatch, started: str, advised: str) -> None:
    monkeypatch.setattr(sys, "argv", [started, "ps"])
    monkeypatch.setattr(sys, "executable", "/x/bin/python")
    assert sudo(["ps", "-q"]) == advised


def test_a_program_that_is_named_by_a_relative_path_is_found_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/nsview"])
    monkeypatch.chdir("/usr")
    assert sudo([]) == "sudo /usr/.venv/bin/nsview"
