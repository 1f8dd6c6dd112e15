"""The link to an agent: lines from it, requests to it, over the pipes of a child process of ours."""

import contextlib
import math
import os
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from . import HostError

AGAIN = 60.0
"""Seconds in which an agent is started again no more than once."""
PATIENCE = 30.0
"""Seconds that an agent may be silent which is looking for the first time, or was asked."""
ASKING = 120.0
"""Seconds that a user may take to answer a program on the way, as sshd and sudo have it."""
LONGEST = 64 << 20
"""Bytes of a frame: more than 100,000 processes take."""
UNREADABLE = 4
"""Exit code of an agent that has told the reason in a frame."""
LOOKED = (b'{"frame":"snapshot"', b'{"frame":"delta"')
_PART = b'"partial":true}\n'
_LIVES = b'{"frame":"details","id":0,'
_STATES = {"T": " (it is stopped)", "t": " (it is traced)", "D": " (it waits for the kernel)"}
_ANSWER = re.compile(
    rb'\{"frame":"(details|security|holders|net|usage|log|thread|kept)",(?:"id":\d+,"done":(\d+),"total":(\d+))?'
)


class Allowance(NamedTuple):
    """The most that an agent may say: bytes of a frame; bytes, and lines, of all frames within so many seconds."""

    longest: int = LONGEST
    most: int = sys.maxsize
    lines: int = sys.maxsize
    seconds: float = math.inf


MANY = Allowance(16 << 20, 64 << 20)
"""Of each of many hosts that are asked at once: 25,000 processes take it."""
WATCHED = Allowance(16 << 20, 64 << 20, 2000, 10.0)
"""Of each of many hosts that are watched: ten times as many lines as a busy one says."""


class AgentLink:
    """A running agent. A subclass starts it, in its constructor, and by `start`; `stop` ends it.

    An agent that exits by itself, or is killed, is started again, once: the new one gets the requests that the old one
    has not answered. on_restart: called with the reason in words, by the thread that reads.
    """

    here = False  # is this machine
    name = ""
    """The host's name in errors."""
    allowed = Allowance()
    watched = False  # is asked now and then whether it is there still

    def __init__(self, agent: "subprocess.Popen[bytes]", *, elevated: bool = False, fed: bool = True) -> None:
        """agent: started by now. elevated: as root, by sudo, which asks for a password first. fed: it takes requests
        from the beginning, else from `feed` on."""
        self._agent = agent
        self.elevated = elevated
        self.on_restart: Callable[[str], object] | None = None
        self._stopped = False
        self._fed = fed
        self._changing = threading.Lock()  # of the agent, and of the requests without an answer
        self._unanswered: list[dict[str, object]] = []
        self._restarted: float | None = None
        self._heard = time.monotonic()  # when it said something, or was asked while nothing else was wanted
        self._looked = False
        self._asking = False  # a program on the way may be asking for a password, for as long as that takes
        self._lines = self._until_end()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start another agent, which asks nobody for anything. Raises HostError if none can be started."""
        raise NotImplementedError

    def ended(self, code: int) -> str:
        """The reason why an agent has exited by itself, in words."""
        return f"the agent exited unexpectedly (exit code {code})"

    def lines(self) -> Iterator[bytes]:
        """The agent's frames undecoded, until it ends; each of them once. Raises HostError where it fails, and did a
        moment ago, or does not answer."""
        return self._lines

    def _until_end(self) -> Iterator[bytes]:
        greeted = False
        while True:
            agent = self._agent
            self._heard, self._looked, self._asking = time.monotonic(), False, self.asks and not greeted
            for line in self.lines_of(agent):
                greeted, self._asking = True, False
                self._looked |= line.startswith(LOOKED) and not line.endswith(_PART)
                self._note_answer(line)
                if not line.startswith(_LIVES):
                    yield line
            code = agent.wait()
            if self._stopped or (code == 0 and greeted):
                return
            said = self.ended(code)
            # Before anything is said it is sudo or ssh which ends, and has said why.
            refused = not greeted and (self.elevated or not self.here)
            if code == UNREADABLE or refused or not self._restart():
                raise HostError(f"{said}; r, or nsview again, starts it" if greeted else said)
            if self.on_restart:
                self.on_restart(f"{said} and was started again")

    def lines_of(self, agent: "subprocess.Popen[bytes]") -> Iterator[bytes]:
        """The whole lines of one agent. Raises HostError where it has something to say, and does not."""
        assert agent.stdout is not None
        poll = select.poll()
        poll.register(agent.stdout, select.POLLIN)
        if agent.stderr:
            poll.register(agent.stderr, select.POLLIN)
        begun: list[bytes] = []
        size, whole_size, number, since = 0, 0, 0, time.monotonic()
        while True:
            ready = [fd for fd, _ in poll.poll(1000 * PATIENCE / 6)]
            if not ready:
                idle = self._looked and not self._unanswered and not self.watched
                asking = self._asking and time.monotonic() < self._heard + ASKING
                if not (idle or asking or self._stopped):
                    self._wait_for(agent)
                continue
            if agent.stderr and agent.stderr.fileno() in ready and not self.heard_beside(agent):
                poll.unregister(agent.stderr)
            if agent.stdout.fileno() not in ready:
                continue
            data = os.read(agent.stdout.fileno(), 1 << 20)
            if not data:
                return
            *whole, rest = data.split(b"\n")
            whole_size, number = whole_size + len(data), number + len(whole)
            allowed, now = self.allowed, time.monotonic()
            if whole_size > allowed.most:
                raise HostError(f"{self.name}: more than {allowed.most >> 20} MiB: ask this host alone")
            if number > allowed.lines:
                raise HostError(f"{self.name}: a flood of more than {allowed.lines} lines in {allowed.seconds:.0f} s")
            if now > since + allowed.seconds:
                whole_size, number, since = 0, 0, now
            for line in whole:
                yield b"".join((*begun, line, b"\n"))
                begun.clear()
                size = 0
            begun.append(rest)
            size += len(rest)
            if size > allowed.longest:
                raise HostError(
                    f"{self.name}: a line of more than {allowed.longest >> 20} MiB, which is no frame of nsview's"
                )
            self._heard = time.monotonic()  # the work on the lines is no silence

    @property
    def asks(self) -> bool:
        """True if a program on the way may ask the user for something before the agent speaks."""
        return self.elevated

    def heard_beside(self, agent: "subprocess.Popen[bytes]") -> bool:
        """Take in some of stderr. False if it has ended."""
        raise NotImplementedError

    def _wait_for(self, agent: "subprocess.Popen[bytes]") -> None:
        """Raise HostError if an agent has been silent for too long. A search is, for as long as it takes: so the agent
        is asked for what it answers meanwhile."""
        silence = time.monotonic() - self._heard
        if silence >= PATIENCE:
            state = _STATES.get(_state(agent.pid), "")
            whose = "" if self.here else f"{self.name}: "
            said = f"{whose}the agent has not answered for {silence:.0f} s{state}"
            raise HostError(f"{said}; r, or nsview again, starts another")
        with self._changing:
            if self._fed:
                self._send({"request": "details", "id": 0, "pid": 0, "start": 0})  # no process has that pid

    def _note_answer(self, line: bytes) -> None:
        """Drop the request that a frame answers: requests of a kind are answered in their order."""
        answer = _ANSWER.match(line)
        if answer and answer[2] == answer[3]:
            with self._changing:
                kinds = [request["request"] for request in self._unanswered]
                if (kind := answer[1].decode()) in kinds:
                    del self._unanswered[kinds.index(kind)]

    def _restart(self) -> bool:
        """Start an agent in the place of the one that has exited, and send it the requests without an answer. False if
        one was started a moment ago, or none can be started."""
        now = time.monotonic()
        if self._restarted is not None and now < self._restarted + AGAIN:
            return False
        self._restarted = now
        try:
            new = self.start()
        except HostError:
            return False
        with self._changing:
            old, self._agent = self._agent, new
            for pipe in filter(None, (old.stdin, old.stdout, old.stderr)):
                with contextlib.suppress(OSError):
                    pipe.close()
            self._send_unanswered()
        if self._stopped:  # meanwhile, and the old one was stopped
            self.stop()
        return True

    def stop(self) -> None:
        """End the agent. Safe to call twice."""
        self._stopped = True  # so any exit code is right: on a busy host the agent may have to be killed
        agent = self._agent
        assert agent.stdin is not None
        with contextlib.suppress(OSError):  # the agent has exited by itself
            agent.stdin.close()  # at which it exits, and `read` ends
        try:
            agent.wait(1)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # sudo's is not ours to kill; one in D stays
                agent.kill()
                agent.wait(1)

    def write(self, request: dict[str, object]) -> None:
        with self._changing:
            if "id" in request:
                if not self._unanswered:
                    self._heard = time.monotonic()
                self._unanswered.append(request)
            if self._fed:
                self._send(request)

    def feed(self, agent: "subprocess.Popen[bytes]", data: bytes, *, last: bool = True) -> None:
        """Send an agent the modules that it is made of; after the last ones, the requests that came before."""
        assert agent.stdin is not None
        with self._changing:
            with contextlib.suppress(OSError, ValueError):  # the agent has exited: `read` tells
                agent.stdin.write(data)
                agent.stdin.flush()
            self._fed = last
            self._send_unanswered()

    def _send_unanswered(self) -> None:
        if self._fed:
            for request in self._unanswered:
                self._send(request)

    def _send(self, request: dict[str, object]) -> None:
        assert self._agent.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # the agent has exited: `read` tells
            self._agent.stdin.write(msgspec.json.encode(request) + b"\n")
            self._agent.stdin.flush()


def _state(pid: int) -> str:
    """The letter of a process's state, "" where it can't be read."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0].decode("ascii")
    except (OSError, IndexError):
        return ""
