"""The agent as a child of ours: however busy the host, to end it is no failure; that it ends by itself is."""

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nsview.agent import forked_scan
from nsview.hosts import HostError, frames, link, recorder
from nsview.hosts.local import LocalHost
from nsview.hosts.members import Writer
from nsview.hosts.recording import RecordedHost
from nsview.hosts.spawn import ROOT
from nsview.model.snapshot import Snapshot

from .command import ENVIRONMENT, NSVIEW
from .workspace import wait_until


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


def kill(host: LocalHost, number: int = signal.SIGKILL) -> None:
    os.kill(host._agent.pid, number)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_an_agent_that_is_killed_is_started_again_once(number: int) -> None:
    told: list[str] = []
    host = LocalHost()
    host.on_restart = told.append
    try:
        before = host.first()
        kill(host, number)
        after = host.first()
        assert after.host == before.host
        assert after.taken_at > before.taken_at
        assert told == [f"the agent exited unexpectedly (exit code {-number}) and was started again"]
        kill(host, number)
        with pytest.raises(HostError, match=f"exit code {-number}.; r, or nsview again, starts it"):
            for _ in host.read():
                pass
        assert len(told) == 1
    finally:
        host.stop()


def test_a_while_later_it_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "AGAIN", 0.0)
    host = LocalHost()
    try:
        for _ in range(3):
            host.first()
            kill(host)
    finally:
        host.stop()


@pytest.mark.parametrize("question", ["holders", "nets", "security", "details"])
def test_what_a_killed_agent_was_asked_the_next_one_answers(question: str) -> None:
    host = LocalHost()
    try:
        own = host.first().processes[os.getpid()]
        os.kill(host._agent.pid, signal.SIGSTOP)  # so that it can't have answered
        threading.Timer(0.3, kill, [host]).start()
        answer = host.details(own) if question == "details" else getattr(host, question)()
        assert answer
        assert not host._unanswered
    finally:
        host.stop()


def test_an_agent_that_cannot_go_on_is_not_started_again() -> None:
    code = 'print(\'{"frame":"error","text":"no /proc"}\', flush=True); raise SystemExit(4)'
    host = LocalHost(agent=subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1))
    started = host._agent.pid
    with pytest.raises(HostError, match="exit code 4"):
        for _ in host.lines():
            pass
    assert host._agent.pid == started


def test_a_recording_goes_on_with_another_agent(tmp_path: Path) -> None:
    """It can be read to its end, and what was looked for at its beginning was looked for again."""
    host = LocalHost()
    told: list[str] = []
    killed: list[float] = []
    threading.Timer(1.5, lambda: (kill(host), killed.append(time.time()))).start()
    with contextlib.closing(Writer(str(tmp_path / "file"))) as writer:
        recorder.record(writer, host, 5, told.append)
    assert len(told) == 1
    recorded = RecordedHost(tmp_path / "file")
    frames = [json.loads(line) for line in gzip.decompress((tmp_path / "file").read_bytes()).splitlines()]
    again = next(place for place, frame in enumerate(frames) if frame.get("taken_at", 0) > killed[0])
    assert {"snapshot", "holders", "security", "net"} <= {frame["frame"] for frame in frames[again:]}
    assert recorded.first().search
    assert os.getpid() in recorded.first().processes


@pytest.mark.parametrize("words", ["list", "list nets", "list --holders", "audit", "inspect 1", "record"])
def test_a_command_whose_agent_is_killed_says_so_and_goes_on(words: str, tmp_path: Path) -> None:
    file = [] if words != "record" else ["--seconds", "2", str(tmp_path / "file")]
    command = subprocess.Popen([*NSVIEW, *words.split(), *file], stdout=-1, stderr=-1, text=True, env=ENVIRONMENT)
    children = Path(f"/proc/{command.pid}/task/{command.pid}/children")
    wait_until(lambda: bool(children.read_text()), 10, "the agent")
    agent = int(children.read_text().split()[0])
    os.kill(agent, signal.SIGSTOP)
    os.kill(agent, signal.SIGKILL)
    _, errors = command.communicate(timeout=100)
    assert command.returncode in (0, 1), errors
    assert "nsview: the agent exited unexpectedly (exit code -9) and was started again\n" in errors


@pytest.mark.parametrize("question", ["first", "holders", "nets", "security", "details"])
def test_an_agent_that_is_stopped_is_not_waited_for(question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PATIENCE", 1.0)
    host = LocalHost()
    try:
        own = None if question == "first" else host.first().processes[os.getpid()]
        os.kill(host._agent.pid, signal.SIGSTOP)
        with pytest.raises(HostError, match=r"has not answered for 1 s \(it is stopped\); r, or nsview again, starts"):
            host.details(own) if question == "details" and own else getattr(host, question)()
    finally:
        host.stop()


@pytest.mark.parametrize("words", ["list", "list nets", "audit", "inspect 1", "record"])
def test_a_command_whose_agent_is_stopped_says_so(words: str, tmp_path: Path) -> None:
    patient = "from nsview.hosts import link; link.PATIENCE = 1; from nsview.cli.run import main; exit(main())"
    file = [str(tmp_path / "file")] if words == "record" else []
    argv = [sys.executable, "-P", "-c", patient, *words.split(), *file]
    command = subprocess.Popen(argv, stdout=-1, stderr=-1, text=True, env=ENVIRONMENT)
    children = Path(f"/proc/{command.pid}/task/{command.pid}/children")
    wait_until(lambda: bool(children.read_text()), 10, "the agent")
    agent = int(children.read_text().split()[0])
    wait_until(lambda: b"-I" in Path(f"/proc/{agent}/cmdline").read_bytes(), 10, "its program")
    os.kill(agent, signal.SIGSTOP)
    _, errors = command.communicate(timeout=60)
    assert command.returncode == 4
    assert errors.count("\n") == 1 and "nsview: the agent has not answered for 1 s (it is stopped)" in errors


def test_a_search_that_takes_long_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PATIENCE", 0.6)
    # Answers at once what asks whether it lives, and the search after a time.
    code = """import json, sys, threading
threading.Timer(3, lambda: print('{"frame":"holders","id":1}', flush=True)).start()
for line in sys.stdin:
    if (asked := json.loads(line))["request"] == "details":
        print('{"frame":"details","id":%d,"details":null}' % asked["id"], flush=True)
"""
    host = LocalHost(agent=subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1))
    host.request_holders()
    try:
        assert next(host.lines()) == b'{"frame":"holders","id":1}\n'
    finally:
        host.stop()


def test_a_reading_of_net_namespaces_that_is_stopped_is_not_waited_for() -> None:
    code = (
        f"import os, sys; sys.path.append({ROOT!r}); from nsview.agent import main, net; net.PATIENCE = 1\n"
        "net._read = lambda *_: os.kill(os.getpid(), 19)\nmain.main()"
    )
    host = LocalHost(agent=subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stdin=-1, stdout=-1))
    try:
        host.first()
        said = ("the net namespaces could not be read: the process that does so has not answered for 1 s",)
        assert host.nets().notes == host.nets().notes == said
        assert not Path(f"/proc/{host._agent.pid}/task/{host._agent.pid}/children").read_text()
    finally:
        host.stop()


def test_a_copy_that_is_stopped_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked_scan, "PATIENCE", 0.5)
    half = forked_scan.Half(lambda: os.kill(os.getpid(), signal.SIGSTOP))
    assert half.take() is None
    assert not Path(f"/proc/{half._pid}").exists()


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
    host._restarted = time.monotonic()  # so it is not again
    host._agent.kill()
    told: list[Snapshot] = []
    host.read_ahead(told.append)
    with pytest.raises(HostError, match="exit code -9"):
        for _ in host.read():
            pass
    assert told == []
    host.stop()
