"""A host that is read now: its agent, which answers over the pipes of a child process of ours."""

import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from nsview.model.elsewhere import Elsewhere
from nsview.model.kinds import KindName
from nsview.model.log import Log
from nsview.model.net import Nets
from nsview.model.records import Details, Process
from nsview.model.security import Facts, added
from nsview.model.snapshot import Snapshot
from nsview.model.usage import Usage

from . import HostError, frames
from .link import AgentLink
from .stream import Stream

_Answer = TypeVar(
    "_Answer", frames.DetailsFrame, frames.NetFrame, frames.UsageFrame, frames.LogFrame, frames.ThreadFrame
)


def is_number(text: str) -> bool:
    """True if the text may be the number of a thread."""
    return text.isascii() and text.isdecimal() and len(text) < 11


class LiveHost(AgentLink):
    """A host that can be asked. A subclass starts its agent."""

    live = True  # can be asked and entered
    source = "live"  # in a few words
    timed = True  # frames arrive when things happen

    def __init__(self, agent: "subprocess.Popen[bytes]", *, elevated: bool = False, fed: bool = True) -> None:
        """As for an AgentLink."""
        super().__init__(agent, elevated=elevated, fed=fed)
        self._stream = Stream(self.name, "an agent")
        self._next_id = 0
        self._ahead: list[Snapshot | frames.Frame] = []  # read before `read` was called ..
        self._reading_ahead: threading.Thread | None = None  # .. by this thread
        self._failed: Exception | None = None
        self._answers = threading.Event()

    @property
    def elsewhere(self) -> Elsewhere | None:
        """The way to the host in words; None for this machine."""
        return None

    def again(self) -> "LiveHost":
        """The same host, by another agent."""
        raise NotImplementedError

    def as_root(self) -> "LiveHost":
        """The same host, by an agent as root, through sudo, which may ask in the terminal."""
        raise NotImplementedError

    @property
    def packages(self) -> str | None:
        """The directory of pyroute2 for the agent; None if it is sent along, or not installed."""
        return None

    def read_ahead(self, then: Callable[[Snapshot], object]) -> None:
        """Read up to the first snapshot in a thread, until `read` is called. then: called with it, in that thread."""
        self._reading_ahead = threading.Thread(target=self._read_ahead, args=(then,), daemon=True)
        self._reading_ahead.start()

    def _read_ahead(self, then: Callable[[Snapshot], object]) -> None:
        try:
            for said in self._read():
                self._answers.set()
                self._ahead.append(said)
                if isinstance(said, Snapshot):
                    then(said)
                    return
        except Exception as error:  # `read` raises it again
            self._failed = error
        finally:
            self._answers.set()

    def wait_answer(self) -> None:
        """Wait until the agent that is read ahead has answered: a program on the way may ask in the terminal first.
        Raises HostError if it did not."""
        self._answers.wait()
        if not self._ahead and self._failed:
            raise self._failed

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
        self.usage([], [])  # the answer follows all that was told before
        assert self._stream.snapshot
        return self._stream.snapshot

    def _answer(self, kind: type[_Answer], wanted: int) -> _Answer:
        """Wait for the frame of this kind with this id. Raises HostError if none comes."""
        for said in self.read():
            if isinstance(said, kind) and said.id == wanted:
                return said
        raise HostError("the agent exited before it answered; start nsview again")

    def request_details(self, process: Process, contents: Sequence[KindName] = (), *, sockets: bool = False) -> int:
        """Ask for the details of a process; the answer's frame has the id returned here.

        contents: kinds of namespace whose contents are to be read. sockets: the process's sockets too.
        """
        self._next_id += 1
        asked = {"request": "details", "id": self._next_id, "pid": process.pid, "start": process.start}
        self.write({**asked, "contents": list(contents), "sockets": sockets})
        return self._next_id

    def details(self, process: Process, contents: Sequence[KindName] = (), *, sockets: bool = False) -> Details | None:
        """Ask for the details of a process and wait for them. None if it is gone. Raises HostError if none come."""
        wanted = self.request_details(process, contents, sockets=sockets)
        return self._answer(frames.DetailsFrame, wanted).details

    def request_holders(self, *, slowly: bool = True) -> int:
        """Ask for a search for all holders of namespaces; the answer is a Snapshot whose `search` has this id.

        slowly: at a tenth of a core, for a screen that shares the machine with others.
        """
        self._next_id += 1
        self.write({"request": "holders", "id": self._next_id, "slowly": slowly})
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
        self.write({"request": "net", "id": self._next_id, "packages": self.packages, "follow": follow})
        return self._next_id

    def nets(self) -> Nets:
        """Ask for all net namespaces from within and wait for them. Raises HostError if none come."""
        wanted = self.request_nets()
        return self._answer(frames.NetFrame, wanted)

    def request_security(self, pids: Iterable[int] | None = None) -> int:
        """Ask for the confinement of processes, by default those of containers; the answer's frames have this id."""
        self._next_id += 1
        self.write({"request": "security", "id": self._next_id, **({"pids": [*pids]} if pids is not None else {})})
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
        self.write(asked)
        return self._next_id

    def usage(
        self, pids: Iterable[int] | None = None, containers: Iterable[str] | None = None, fields: Sequence[str] = (),
        *, engines: bool = False,
    ) -> Usage:  # fmt: skip
        """Ask for the use of processes and containers and wait for it. Raises HostError if none comes."""
        wanted = self.request_usage(pids, containers, fields, engines=engines)
        return self._answer(frames.UsageFrame, wanted)

    def request_log(
        self, container: str, tail: int, place: tuple[int, int] | None = None, *, skip: bool = False
    ) -> int:
        """Ask for the last lines of the log of a container (its key), or for those behind a place; the answer's frame
        has this id. skip: if these are many, only the last of them."""
        self._next_id += 1
        asked = {"request": "log", "id": self._next_id, "container": container, "tail": tail}
        self.write({**asked, "place": place, "skip": skip})
        return self._next_id

    def log(self, container: str, tail: int, place: tuple[int, int] | None = None) -> Log:
        """Ask for lines of the log of a container and wait for them. Raises HostError if none come."""
        wanted = self.request_log(container, tail, place)
        return self._answer(frames.LogFrame, wanted)

    def request_thread(self, tid: int) -> int:
        """Ask for the process of a thread; the answer's frame has the id returned here."""
        self._next_id += 1
        self.write({"request": "thread", "id": self._next_id, "tid": tid})
        return self._next_id

    def thread_group(self, number: str) -> int | None:
        """The pid of the process of a thread other than its first. None if the text is no such thread's number."""
        if not is_number(number):
            return None
        wanted = self.request_thread(int(number))
        pid = self._answer(frames.ThreadFrame, wanted).pid
        return None if pid == int(number) else pid

    def rescan(self) -> None:
        """Let the agent look now rather than at the next turn."""
        self.write({"request": "rescan"})
