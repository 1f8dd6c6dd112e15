"""The agent as a child of ours: however busy the host, to end it is no failure; that it ends by itself is."""

import os
import signal
import threading

import pytest

from nsview.hosts import HostError
from nsview.hosts.local import LocalHost


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
