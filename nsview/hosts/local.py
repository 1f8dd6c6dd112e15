"""The host that nsview runs on: the agent as a child process of ours, as root through sudo if asked for.

The agent is started before Textual is imported, so that its first snapshot is there when the screen is ready.
"""

import contextlib
import importlib.util
import os
import re
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from nsview.model.kinds import KindName
from nsview.model.log import Log
from nsview.model.net import Nets
from nsview.model.records import Details, Process
from nsview.model.security import Facts, added
from nsview.model.snapshot import Snapshot
from nsview.model.usage import Usage

from . import HostError, frames, spawn
from .stream import Stream

AGAIN = 60.0
"""Seconds in which an agent is started again no more than once."""
PATIENCE = 30.0
"""Seconds that an agent may be silent which is looking for the first time, or was asked."""
UNREADABLE = 4
"""Exit code of an agent that has told the reason in a frame."""
_LOOKED = (b'{"frame":"snapshot"', b'{"frame":"delta"')
_PART = b'"partial":true}\n'
_LIVES = b'{"frame":"details","id":0,'
_STATES = {"T": " (it is stopped)", "t": " (it is traced)", "D": " (it waits for the kernel)"}
_ANSWER = re.compile(rb'\{"frame":"(details|security|holders|net|usage|log)",(?:"id":\d+,"done":(\d+),"total":(\d+))?')


class LocalHost:
    """The running agent of this machine. Started by the constructor; `stop` ends it.

    An agent that exits by itself, or is killed, is started again, once: the new one gets the requests that the old one
    has not answered. on_restart: called with the reason in words, by the thread that reads.
    """

    live = True  # can be asked and entered
    timed = True  # frames arrive when things happen

    def __init__(
        self, *, elevated: bool = False, once: bool = False, agent: "subprocess.Popen[bytes] | None" = None
    ) -> None:
        """Start an agent. elevated: as root; once: for one snapshot; agent: one started already, else None."""
        self._agent = agent or spawn.agent(*(["--once"] if once else []), elevated=elevated)
        self.elevated = elevated
        self.on_restart: Callable[[str], object] | None = None
        self._stopped = False
        self._changing = threading.Lock()  # of the agent, and of the requests without an answer
        self._unanswered: list[dict[str, object]] = []
        self._restarted: float | None = None
        self._heard = time.monotonic()  # when it said something, or was asked while nothing else was wanted
        self._looked = False  # or asks for a password first, for as long as that takes
        self._lines = self._until_end()
        self._stream = Stream("this host")
        self._next_id = 0
        self._ahead: list[Snapshot | frames.Frame] = []  # read before `read` was called ..
        self._reading_ahead: threading.Thread | None = None  # .. by this thread
        self._failed: Exception | None = None

    def read_ahead(self, then: Callable[[Snapshot], object]) -> None:
        """Read up to the first snapshot in a thread, until `read` is called. then: called with it, in that thread."""
        self._reading_ahead = threading.Thread(target=self._read_ahead, args=(then,), daemon=True)
        self._reading_ahead.start()

    def _read_ahead(self, then: Callable[[Snapshot], object]) -> None:
        try:
            for said in self._read():
                self._ahead.append(said)
                if isinstance(said, Snapshot):
                    then(said)
                    return
        except Exception as error:  # `read` raises it again
            self._failed = error

    def early(self) -> Snapshot | None:
        """The first snapshot, which `read` then leaves out. None if it was not read ahead."""
        if self._ahead and isinstance(self._ahead[-1], Snapshot):
            return self._ahead.pop()  # type: ignore[return-value]
        return None

    def read(self) -> Iterator[Snapshot | frames.Frame]:
        """Snapshots and other frames of the agent, until it exits; blocks in between. Raises HostError if it fails."""
        if self._reading_ahead:
            self._reading_ahead.join()
        yield from self._ahead
        self._ahead.clear()
        if self._failed:
            raise self._failed
        yield from self._read()

    def _read(self) -> Iterator[Snapshot | frames.Frame]:
        for line in self.lines():
            said = self._stream.take(line)
            if said is not None:
                yield said

    def lines(self) -> Iterator[bytes]:
        """The agent's frames undecoded, until it ends; each of them once. Raises HostError where it fails, and did a
        moment ago, or does not answer."""
        return self._lines

    def _until_end(self) -> Iterator[bytes]:
        greeted = False
        while True:
            agent = self._agent
            self._heard, self._looked = time.monotonic(), self.elevated and not greeted
            for line in self._lines_of(agent):
                greeted = True
                self._looked |= line.startswith(_LOOKED) and not line.endswith(_PART)
                self._note_answer(line)
                if not line.startswith(_LIVES):
                    yield line
            code = agent.wait()
            if code == 0 or self._stopped:
                return
            said = f"the agent exited unexpectedly (exit code {code})"
            # Before anything is said it is sudo which ends, and has said why.
            if code == UNREADABLE or (self.elevated and not greeted) or not self._restart():
                raise HostError(f"{said}; r, or nsview again, starts it")
            if self.on_restart:
                self.on_restart(f"{said} and was started again")

    def _lines_of(self, agent: "subprocess.Popen[bytes]") -> Iterator[bytes]:
        """The whole lines of one agent. Raises HostError where it has something to say, and does not."""
        assert agent.stdout is not None
        poll = select.poll()
        poll.register(agent.stdout, select.POLLIN)
        begun: list[bytes] = []
        while True:
            if not poll.poll(1000 * PATIENCE / 6):
                if not self._stopped and (self._unanswered or not self._looked):
                    self._wait_for(agent)
                continue
            data = os.read(agent.stdout.fileno(), 1 << 20)
            if not data:
                return
            *whole, rest = data.split(b"\n")
            for line in whole:
                yield b"".join((*begun, line, b"\n"))
                begun.clear()
            begun.append(rest)
            self._heard = time.monotonic()  # what was done with the lines is no silence

    def _wait_for(self, agent: "subprocess.Popen[bytes]") -> None:
        """Raise HostError if an agent has been silent for too long. A search is, for as long as it takes: so the agent
        is asked for what it answers meanwhile."""
        silence = time.monotonic() - self._heard
        if silence >= PATIENCE:
            state = _STATES.get(_state(agent.pid), "")
            said = f"the agent has not answered for {silence:.0f} s{state}"
            raise HostError(f"{said}; r, or nsview again, starts another")
        with self._changing:
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
            new = spawn.agent(elevated=self.elevated, asking=False)
        except HostError:
            return False
        with self._changing:
            old, self._agent = self._agent, new
            for pipe in filter(None, (old.stdin, old.stdout)):
                with contextlib.suppress(OSError):
                    pipe.close()
            for request in self._unanswered:
                self._send(request)
        if self._stopped:  # meanwhile, and the old one was stopped
            self.stop()
        return True

    def wait_hello(self) -> None:
        """Wait until the agent runs: sudo may ask for a password first. Raises HostError if it does not start."""
        for said in self.read():
            if isinstance(said, frames.Hello):
                return
        raise HostError("the agent was not started")

    def first(self) -> Snapshot:
        """The first snapshot. Raises HostError if there is none."""
        for said in self.read():
            if isinstance(said, Snapshot):
                return said
        raise HostError("the agent exited before it had read /proc; start nsview again")

    def now(self) -> Snapshot:
        """The snapshot that the agent has told so far. Raises HostError if it does not answer."""
        self.usage([], [])  # its answer follows all that was told before
        assert self._stream.snapshot
        return self._stream.snapshot

    def request_details(self, process: Process, contents: Sequence[KindName] = (), *, sockets: bool = False) -> int:
        """Ask for the details of a process; the answer's frame has the id returned here.

        contents: kinds of namespace whose contents are to be read. sockets: the process's sockets too.
        """
        self._next_id += 1
        asked = {"request": "details", "id": self._next_id, "pid": process.pid, "start": process.start}
        self._write({**asked, "contents": list(contents), "sockets": sockets})
        return self._next_id

    def details(self, process: Process, contents: Sequence[KindName] = (), *, sockets: bool = False) -> Details | None:
        """Ask for the details of a process and wait for them. None if it is gone. Raises HostError if none come."""
        wanted = self.request_details(process, contents, sockets=sockets)
        for said in self.read():
            if isinstance(said, frames.DetailsFrame) and said.id == wanted:
                return said.details
        raise HostError("the agent exited before it answered; start nsview again")

    def request_holders(self, *, slowly: bool = True) -> int:
        """Ask for a search for all holders of namespaces; the answer is a Snapshot whose `search` has this id.

        slowly: at a tenth of a core, for a screen that shares the machine with others.
        """
        self._next_id += 1
        self._write({"request": "holders", "id": self._next_id, "slowly": slowly})
        return self._next_id

    def holders(self) -> Snapshot:
        """Search for all holders of namespaces and wait for the snapshot. Raises HostError if none comes."""
        wanted = self.request_holders(slowly=False)
        for said in self.read():
            if isinstance(said, Snapshot) and said.search and said.search.id == wanted:
                return said
        raise HostError("the agent exited before it answered; start nsview again")

    def request_nets(self, *, follow: bool = False) -> int:
        """Ask for all net namespaces from within; frames of progress and the answer have the id returned here. follow:
        the next change of their interfaces is told too, by a frame `Links`."""
        self._next_id += 1
        found = importlib.util.find_spec("pyroute2")
        packages = os.path.dirname(os.path.dirname(found.origin)) if found and found.origin else None
        self._write({"request": "net", "id": self._next_id, "packages": packages, "follow": follow})
        return self._next_id

    def nets(self) -> Nets:
        """Ask for all net namespaces from within and wait for them. Raises HostError if none come."""
        wanted = self.request_nets()
        for said in self.read():
            if isinstance(said, frames.NetFrame) and said.id == wanted:
                return said
        raise HostError("the agent exited before it answered; start nsview again")

    def request_security(self, pids: Iterable[int] | None = None) -> int:
        """Ask for the confinement of processes, by default those of containers; the answer's frames have this id."""
        self._next_id += 1
        self._write({"request": "security", "id": self._next_id, **({"pids": [*pids]} if pids is not None else {})})
        return self._next_id

    def security(self, pids: Iterable[int] | None = None) -> Facts:
        """Ask for the confinement of processes and wait for all facts. Raises HostError if none come."""
        wanted = self.request_security(pids)
        facts = Facts()
        for said in self.read():
            if isinstance(said, frames.SecurityFrame) and said.id == wanted:
                facts = added(facts, said.processes, said.lsm, said.done, said.total)
                if facts.complete:
                    return facts
        raise HostError("the agent exited before it answered; start nsview again")

    def request_usage(
        self, pids: Iterable[int] | None = None, containers: Iterable[str] | None = None,
        fields: Sequence[str] = (), *, files: bool = False, engines: bool = False,
    ) -> int:  # fmt: skip
        """Ask for the use of these processes and containers, by default of all; the answer's frame has this id.

        fields: of `agent.usage.FIELDS`, by default all parts of a container's. files: count open files too. engines:
        read the engines' records too.
        """
        self._next_id += 1
        asked: dict[str, object] = {"request": "usage", "id": self._next_id, "fields": [*fields], "files": files}
        asked["engines"] = engines
        asked.update({"pids": [*pids]} if pids is not None else {})
        asked.update({"containers": [*containers]} if containers is not None else {})
        self._write(asked)
        return self._next_id

    def usage(
        self, pids: Iterable[int] | None = None, containers: Iterable[str] | None = None, fields: Sequence[str] = (),
        *, engines: bool = False,
    ) -> Usage:  # fmt: skip
        """Ask for the use of processes and containers and wait for it. Raises HostError if none comes."""
        wanted = self.request_usage(pids, containers, fields, engines=engines)
        for said in self.read():
            if isinstance(said, frames.UsageFrame) and said.id == wanted:
                return said
        raise HostError("the agent exited before it answered; start nsview again")

    def request_log(
        self, container: str, tail: int, place: tuple[int, int] | None = None, *, skip: bool = False
    ) -> int:
        """Ask for the last lines of the log of a container (its key), or for those behind a place; the answer's frame
        has this id. skip: if these are many, only the last of them."""
        self._next_id += 1
        asked = {"request": "log", "id": self._next_id, "container": container, "tail": tail}
        self._write({**asked, "place": place, "skip": skip})
        return self._next_id

    def log(self, container: str, tail: int, place: tuple[int, int] | None = None) -> Log:
        """Ask for lines of the log of a container and wait for them. Raises HostError if none come."""
        wanted = self.request_log(container, tail, place)
        for said in self.read():
            if isinstance(said, frames.LogFrame) and said.id == wanted:
                return said
        raise HostError("the agent exited before it answered; start nsview again")

    def thread_group(self, number: str) -> int | None:
        """The pid of a thread's process; see the function of this name."""
        from nsview.agent import procfs

        pid = procfs.thread_group(number)
        return None if pid is None or str(pid) == number else pid

    def rescan(self) -> None:
        """Let the agent look now rather than at the next turn."""
        self._write({"request": "rescan"})

    def stop(self) -> None:
        """End the agent. Safe to call twice."""
        self._stopped = True  # so any exit code is right: on a busy host the agent may have to be killed
        agent = self._agent
        assert agent.stdin is not None
        with contextlib.suppress(OSError):  # it exited by itself
            agent.stdin.close()  # at which it exits, and `read` ends
        try:
            agent.wait(1)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # sudo's is not ours to kill; one in D stays
                agent.kill()
                agent.wait(1)

    def _write(self, request: dict[str, object]) -> None:
        with self._changing:
            if "id" in request:
                if not self._unanswered:
                    self._heard = time.monotonic()
                self._unanswered.append(request)
            self._send(request)

    def _send(self, request: dict[str, object]) -> None:
        assert self._agent.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it has exited: `read` tells
            self._agent.stdin.write(msgspec.json.encode(request) + b"\n")
            self._agent.stdin.flush()


def _state(pid: int) -> str:
    """The letter of a process's state, "" where it can't be read."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0].decode("ascii")
    except (OSError, IndexError):
        return ""
