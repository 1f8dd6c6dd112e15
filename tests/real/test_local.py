"""The agent as a child of ours: however busy the host, to end it is no failure; that it ends by itself is."""

import os
import signal
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from nsview.hosts import HostError, frames
from nsview.hosts.local import LocalHost
from nsview.hosts.spawn import agent
from nsview.model.snapshot import Snapshot


def test_an_agent_that_has_to_be_killed_to_stop_is_no_failure() -> None:
    host = LocalHost()
    host.first()
    os.kill(host._agent.pid, signal.SIGSTOP)
    stopping = threading.Timer(0.1, host.stop)
    stopping.start()
    for _ in host.lines():
        pass
    stopping.join()
    assert host._agent.returncode == -signal.SIGKILL


def test_an_agent_that_was_killed_by_others_is_one() -> None:
    host = LocalHost()
    host.first()
    os.kill(host._agent.pid, signal.SIGKILL)
    with pytest.raises(HostError, match="exit code -9"):
        for _ in host.lines():
            pass
    host.stop()


def test_one_process_is_seen_alone_as_it_is_among_all() -> None:
    whole, alone = LocalHost(), LocalHost(agent=agent("--answer", str(os.getpid())))
    try:
        process = whole.first().processes[os.getpid()]
        seen = alone.first()
        assert list(seen.processes) == [os.getpid()]
        assert (seen.host, replace(seen.processes[os.getpid()], state=process.state)) == (whole._stream.host, process)
        assert alone.details(process) == whole.details(process) is not None
    finally:
        alone.stop()
        whole.stop()
    assert alone._agent.returncode == 0


def test_an_agent_that_only_answers_has_looked_at_all_and_follows_nothing() -> None:
    host = LocalHost(agent=agent("--answer"))
    try:
        seen = host.first()
        assert {1, os.getpid()} <= seen.processes.keys()
        assert not any("loadavg" in os.readlink(link) for link in Path(f"/proc/{host._agent.pid}/fd").iterdir())
        assert host.details(seen.processes[os.getpid()]) is not None
    finally:
        host.stop()


def test_what_is_read_ahead_is_told_once() -> None:
    taken, left = LocalHost(), LocalHost()
    try:
        told: list[Snapshot] = []
        for host in (taken, left):
            assert host.early() is None
            host.read_ahead(told.append)
            assert host._reading_ahead
            host._reading_ahead.join(20)
        first = taken.early()
        assert isinstance(first, Snapshot)
        assert first is told[0]
        assert taken.early() is None
        said = taken.read()
        assert isinstance(next(said), frames.Hello)
        taken.request_holders()
        assert next(said) is not first
        assert isinstance(left.first(), Snapshot)
    finally:
        taken.stop()
        left.stop()


def test_a_failure_while_reading_ahead_is_told_to_who_reads() -> None:
    host = LocalHost()
    host._agent.kill()
    told: list[Snapshot] = []
    host.read_ahead(told.append)
    with pytest.raises(HostError, match="exit code -9"):
        for _ in host.read():
            pass
    assert told == []
    host.stop()
