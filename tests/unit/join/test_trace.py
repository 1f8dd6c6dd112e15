"""The traced child and its child stop in any order; the command goes on in each."""

import os
import signal
import time
from pathlib import Path

import pytest

from nsview.join import trace


def _stop_of(pid: int) -> int:
    """The status of the next stop or the exit of a process, by waitpid(2). Fails if there is none within 10 s."""
    for _ in range(1000):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        time.sleep(0.01)
    raise AssertionError(f"{pid} neither stops nor exits: {Path(f'/proc/{pid}/stat').read_text()}")


def _child_of(pid: int) -> int:
    file = Path(f"/proc/{pid}/task/{pid}/children")
    for _ in range(1000):
        if told := file.read_text().split():
            return int(told[0])
        time.sleep(0.01)
    raise AssertionError(f"{pid} has not forked")


@pytest.mark.parametrize("first", ["the fork", "the exec"])
def test_the_command_goes_on_whether_its_fork_or_its_exec_is_told_first(first: str) -> None:
    """The kernel wakes the new process before its parent stops at the fork (kernel/fork.c, kernel_clone)."""
    child = os.fork()
    if child == 0:
        trace.ask()
        if os.fork() == 0:
            os.execv("/bin/true", ["true"])
        os._exit(0)
    command = 0
    try:
        traced = trace.Trace(child, forks=True)
        assert not traced.stopped(child, _stop_of(child))
        command = _child_of(child)
        if first == "the fork":
            assert not traced.stopped(child, _stop_of(child))
        assert not traced.stopped(command, _stop_of(command))
        assert traced.stopped(command, _stop_of(command))
        assert (traced.command, traced.execs) == (command, 1)
        traced.go_on()
        assert os.waitstatus_to_exitcode(_stop_of(command)) == 0
        while os.WIFSTOPPED(status := _stop_of(child)):  # at its fork, at SIGCHLD
            assert not traced.stopped(child, status)
        assert os.waitstatus_to_exitcode(status) == 0
        assert traced.command == command
        command = child = 0
    finally:
        for pid in filter(None, (command, child)):
            os.kill(pid, signal.SIGKILL)
