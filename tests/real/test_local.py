"""The agent as a child of ours: however busy the host, to end it is no failure; that it ends by itself is."""

import os
import signal
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from nsview.hosts import HostError
from nsview.hosts.local import LocalHost
from nsview.hosts.spawn import agent


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
        assert not any("schedstat" in os.readlink(link) for link in Path(f"/proc/{host._agent.pid}/fd").iterdir())
        assert host.details(seen.processes[os.getpid()]) is not None
    finally:
        host.stop()
