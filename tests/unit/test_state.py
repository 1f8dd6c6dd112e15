"""What is remembered between runs, and what must not be trusted or harmed for it."""

import os
from pathlib import Path

import pytest

from nsview import state
from nsview.state import HISTORY, MOST, TARGETS, Memory, State


def kept(file: Path, **changed: object) -> None:
    Memory(file).remember(**changed)


def test_what_was_remembered_is_there_the_next_time(tmp_path: Path) -> None:
    file = tmp_path / "nsview" / "state.json"
    kept(file, theme="nord", groups="size", details=False)
    assert Memory(file).state == State(theme="nord", groups="size", details=False)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [f.name for f in file.parent.iterdir()] == ["state.json"]


def test_two_runs_keep_what_each_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    one, other = Memory(file), Memory(file)
    one.remember(theme="nord")
    other.remember(groups="name")
    assert Memory(file).state == State(theme="nord", groups="name")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 5000,
        b'{"grouping": "nat"}',
        b'{"history": [1]}',
        b'{"theme": "nord"' + b" " * MOST + b"}",
    ],
)
def test_a_broken_or_hostile_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "state.json"
    file.write_bytes(content)
    assert Memory(file).state == State()
    kept(file, details=False)
    assert Memory(file).state == State(details=False)


def test_a_fifo_and_a_directory_in_its_place_hold_nobody_up(tmp_path: Path) -> None:
    fifo = tmp_path / "state.json"
    os.mkfifo(fifo)
    assert Memory(fifo).state == State()
    kept(tmp_path / "below", theme="nord")
    (tmp_path / "directory").mkdir()
    kept(tmp_path / "directory", theme="nord")
    assert Memory(tmp_path / "directory").state == State()
    assert sorted(f.name for f in tmp_path.iterdir()) == ["below", "directory", "state.json"]


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a directory to another user, as root")
def test_root_leaves_nothing_in_the_directories_of_a_user(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 1000, 1000)
    kept(home / ".local" / "state" / "nsview" / "state.json", theme="nord")
    assert not list(home.iterdir())
    theirs = home / "state.json"
    theirs.write_bytes(b'{"theme": "gruvbox"}')
    os.chown(theirs, 1000, 1000)
    kept(theirs, theme="nord")
    assert theirs.stat().st_uid == 1000
    assert Memory(theirs).state.theme == "gruvbox"
    (tmp_path / "roots").mkdir()
    (home / "link").symlink_to(tmp_path / "roots")
    kept(home / "link" / "state.json", theme="nord")
    assert not list((tmp_path / "roots").iterdir())


def test_a_full_disk_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state, "write", full)
    kept(tmp_path / "state.json", theme="nord")


def test_the_texts_of_targets_are_each_kept_once_and_few() -> None:
    memory = Memory()
    for number in range(2 * TARGETS):
        memory.add_target(f"web{number}")
    for text in ("web9", "", "a\tb"):
        memory.add_target(text)
    assert len(memory.state.targets) == TARGETS and memory.state.targets[-1] == "web9"
    assert memory.state.targets.count("web9") == 1


def test_the_history_holds_each_filter_once_and_no_more_than_can_be_gone_through() -> None:
    memory = Memory()
    for number in range(HISTORY + 10):
        memory.add_to_history(f"word{number}")
    for expression in ("word20", "", "\x1b[31m"):
        memory.add_to_history(expression)
    history = memory.state.history
    assert len(history) == HISTORY
    assert history[-1] == "word20"
    assert history.count("word20") == 1
