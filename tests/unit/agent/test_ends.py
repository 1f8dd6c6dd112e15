"""The exits that are worth a word, by the kernel's events and its log."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsview.agent import ends

LOOK = {
    "processes": {
        10: {"pid": 10, "start": 5, "comm": "nginx", "container": "docker:a"},
        11: {"pid": 11, "start": 6, "comm": "node", "container": "docker:a"},
        12: {"pid": 12, "start": 7, "comm": "sh", "container": None},
    },
    "containers": [{"key": "docker:a", "init_pid": 10, "witness": "cgroup /docker/a; shim 9"}],
}
NOTHING = {"processes": {}, "namespaces": {}, "containers": []}
KILLED = "3,900,77,-;Memory cgroup out of memory: Killed process {} ({}) total-vm:1kB, anon-rss:1kB, UID:0\n"
PLACED = (
    "6,901,78,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/docker/a,"
    "task_memcg=/docker/a/b,task=tail,pid={},uid=0\n SUBSYSTEM=x\n"
)


class Log(ends.Ends):
    """A log of these messages, as /dev/kmsg gives them: one a read, then EAGAIN."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *messages: str | OSError) -> None:
        super().__init__()
        self._log = 99
        given: Iterator[str | OSError] = iter(messages)

        def read(fd: int, size: int) -> bytes:
            assert fd == 99
            message = next(given, BlockingIOError())
            if isinstance(message, OSError):
                raise message
            return message.encode()

        monkeypatch.setattr(os, "read", read)

    def told(self, statuses: dict[int, int]) -> list[tuple[object, ...]]:
        self.heard([], statuses)
        frames = self.frames(LOOK, 1.0)  # type: ignore[arg-type]
        assert not self.frames(LOOK, 1.0)  # type: ignore[arg-type]
        return [(f["pid"], f["start"], f["comm"], f["container"], f["code"], f["oom"]) for f in frames]


def test_the_exit_code_of_a_first_process_is_told_and_of_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch)
    assert log.told({10: 3 << 8, 11: 1 << 8, 12: 0, 13: 0}) == [(10, 5, "nginx", "docker:a", 3, False)]
    assert log.told({10: 15}) == [(10, 5, "nginx", "docker:a", 143, False)]
    assert log.told({10: 0x80 | 11}) == [(10, 5, "nginx", "docker:a", 139, False)], "with a core dump"


def test_an_exit_is_kept_for_the_look_that_finds_its_container(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch, KILLED.format(10, "nginx"))
    log.heard([], {10: 9, 12: 9})
    assert not log.frames(NOTHING, 1.0)  # type: ignore[arg-type]
    log.heard([12], {11: 0})
    assert log.told({}) == [(10, 5, "nginx", "docker:a", 137, True)]


def test_a_kept_exit_is_not_of_the_next_process_with_its_pid(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch, KILLED.format(10, "nginx"))
    log.heard([], {10: 9})
    assert not log.frames(NOTHING, 1.0)  # type: ignore[arg-type]
    log.heard([10], {})
    assert log.told({}) == []


def test_exits_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends, "_KEPT", -1.0)
    log = Log(monkeypatch)
    log.heard([], {10: 0})
    log.heard([], {})
    log.heard([], {})
    assert log.told({}) == []


def test_a_victim_is_told_wherever_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch, KILLED.format(11, "node"), BrokenPipeError(), KILLED.format(12, "sh"))
    assert log.told({11: 9, 12: 9, 13: 9}) == [
        (11, 6, "node", "docker:a", 137, True), (12, 7, "sh", None, 137, True),
    ]  # fmt: skip


def test_a_victim_that_no_look_has_seen_is_placed_by_its_cgroup(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch, PLACED.format(77), KILLED.format(77, "tail"))
    assert log.told({77: 9}) == [(77, None, "tail", "docker:a", 137, True)]


def test_the_log_is_the_kernels_and_not_a_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    forged = KILLED.format(10, "nginx").replace("3,", "11,", 1)
    assert Log(monkeypatch, forged).told({10: 9}) == [(10, 5, "nginx", "docker:a", 137, False)]
    named = "3,900,77,-;x: segfault in Killed process 10 (nginx) \n"
    assert Log(monkeypatch, named).told({10: 9}) == [(10, 5, "nginx", "docker:a", 137, False)]


def test_without_the_log_the_reason_of_a_kill_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch)
    log._log = None
    assert log.told({10: 9}) == [(10, 5, "nginx", "docker:a", 137, None)]
    assert log.told({10: 0}) == [(10, 5, "nginx", "docker:a", 0, False)]


def test_the_log_is_read_from_its_end(tmp_path: Path) -> None:
    made = ends.Ends()
    made.begin()
    if made._log is None:
        pytest.skip("the kernel's log can't be read here")
    made.heard([], {1: 9})
    assert not made.frames(NOTHING, 1.0)  # type: ignore[arg-type]
