"""A signal reaches the process that was seen, and no other."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from nsview.agent import procfs
from nsview.join import signals
from nsview.join.failure import GONE, NOT_PERMITTED, Failure


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as started:
        yield started
        started.kill()


def start_of(pid: int) -> int:
    reader = procfs.Reader()
    try:
        return reader.process(pid)[0]["start"]
    finally:
        reader.close()


def test_the_process_that_was_seen_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    assert signals.send(sleeper.pid, start_of(sleeper.pid), "TERM")
    assert sleeper.wait() == -15


def test_one_that_goes_on_is_said_to(sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "PATIENCE", 0.05)
    assert not signals.send(sleeper.pid, start_of(sleeper.pid), "STOP")
    with open(f"/proc/{sleeper.pid}/stat") as stat:
        assert stat.read().split()[2] == "T"


def test_a_later_process_with_the_same_pid_gets_nothing(sleeper: subprocess.Popen[bytes]) -> None:
    with pytest.raises(Failure) as refused:
        signals.send(sleeper.pid, start_of(sleeper.pid) - 1, "KILL")
    assert refused.value.code == GONE and "nothing was sent" in refused.value.text
    assert sleeper.poll() is None


def test_one_that_is_gone_is_said_to_be() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    with pytest.raises(Failure, match="is gone"):
        signals.send(gone.pid, 1, "TERM")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
def test_what_is_not_permitted_is_said_with_the_command(sleeper: subprocess.Popen[bytes]) -> None:
    start = start_of(sleeper.pid)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)
            signals.send(sleeper.pid, start, "TERM")
        except Failure as failure:
            os.write(write, f"{failure.code} {failure.text}".encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read) as said:
        text = said.read()
    os.waitpid(child, 0)
    sudo = f"as root: sudo kill -s TERM {sleeper.pid}"
    assert text == f"{NOT_PERMITTED} TERM to process {sleeper.pid} is not permitted; {sudo}"
    assert sleeper.poll() is None
