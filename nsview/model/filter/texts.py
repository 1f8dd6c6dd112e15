"""The text of a record that words are searched in."""

from collections.abc import Hashable, Iterator, Mapping

from ..records import Container, Namespace, Process
from ..snapshot import Snapshot, touched
from ..table import Line


class Texts:
    """The text of each process that words are searched in: made once, for as long as its record and its container's
    stay.

    The texts follow the snapshots that they are used with, from each to the next at the cost of the changes.
    """

    def __init__(self) -> None:
        self._of: Snapshot | None = None
        self._processes: dict[int, str] = {}  # of the processes of that snapshot only, as far as made
        self._containers: dict[str, str] = {}
        self._lines: dict[Hashable, tuple[Line, str]] = {}

    def of(self, process: Process, snapshot: Snapshot) -> str:
        """The text of a process, in lower case."""
        self.follow(snapshot)
        if snapshot.processes.get(process.pid) is not process:
            return self._text(process, snapshot)  # the process is gone
        text = self._processes.get(process.pid)
        if text is None:
            text = self._processes[process.pid] = self._text(process, snapshot)
        return text

    def all(self, snapshot: Snapshot) -> Mapping[int, str]:
        """{pid: text in lower case} of every process."""
        for _ in self.ahead(snapshot):
            pass
        return self._processes

    def ahead(self, snapshot: Snapshot, slice: int = 1 << 30) -> Iterator[None]:
        """Make the missing texts, `slice` at a time; of the latest snapshot if another is followed in between."""
        self.follow(snapshot)
        made, processes = self._processes, snapshot.processes
        missing = list(processes.keys() - made.keys()) if len(made) < len(processes) else []
        for start in range(0, len(missing), slice):
            now = self._of or snapshot
            for pid in missing[start : start + slice]:
                if pid not in made and (process := now.processes.get(pid)):
                    made[pid] = self._text(process, now)
            yield

    def of_line(self, line: Line) -> str:
        """The text of a line of a lens, in lower case."""
        known = self._lines.get(line.key)
        if known is None or known[0] is not line:
            text = " ".join((*[cell.text for cell in line.cells], line.more)).lower()
            known = self._lines[line.key] = line, text
        return known[1]

    def follow(self, snapshot: Snapshot) -> None:
        """Drop the texts of records that changed since the last snapshot seen: cheapest if that was shortly before."""
        before, self._of = self._of, snapshot
        if before is snapshot or before is None:
            return
        changed = touched(before, snapshot)
        for pid in changed.pids:
            self._processes.pop(pid, None)
        others = set()
        for key in changed.containers & self._containers.keys():
            if self._containers.pop(key) != self._outer(key, snapshot):
                others.add(key)
        if others:
            for pid, process in snapshot.processes.items():
                if process.container in others:
                    self._processes.pop(pid, None)

    def _text(self, process: Process, snapshot: Snapshot) -> str:
        outer = self._outer(process.container, snapshot) if process.container else ""
        return " ".join((
            str(process.pid), str(process.nspid[-1]), process.users, process.comm, process.command, outer
        )).lower()  # fmt: skip

    def _outer(self, key: str, snapshot: Snapshot) -> str:
        text = self._containers.get(key)
        if text is None:
            container = snapshot.containers.get(key)
            text = self._containers[key] = container_text(container) if container else ""
        return text


def container_text(container: Container) -> str:
    """The text of a container, in lower case."""
    pod = container.pod
    parts = [container.name, container.id, container.image or "", container.runtime, container.engine_namespace or ""]
    return " ".join([*parts, *([pod.name, pod.namespace] if pod else [])]).lower()


def namespace_text(namespace: Namespace) -> str:
    """The text of a namespace, in lower case."""
    mounts = (holder.path for holder in namespace.held_by if holder.kind == "mount" and holder.path)
    return " ".join((namespace.label, *namespace.names, *mounts)).lower()
