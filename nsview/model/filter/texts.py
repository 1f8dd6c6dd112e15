"""The text of a record that words are looked for in."""

from collections.abc import Hashable

from ..records import Container, Namespace, Process
from ..snapshot import Snapshot
from ..table import Line


class Texts:
    """What words are looked for in, of each process: made once, for as long as its record and its container's stay."""

    def __init__(self) -> None:
        self._processes: dict[int, tuple[Process, str, str]] = {}
        self._containers: dict[str, tuple[Container, str]] = {}
        self._lines: dict[Hashable, tuple[Line, str]] = {}

    def of(self, process: Process, snapshot: Snapshot) -> str:
        """All of it in lower case."""
        outer = self._outer(process.container, snapshot) if process.container else ""
        known = self._processes.get(process.pid)
        if known is not None and known[0] is process and known[1] is outer:
            return known[2]
        if len(self._processes) > 2 * len(snapshot.processes) + 1000:
            self._processes.clear()  # most are of the dead
        text = " ".join((
            str(process.pid), str(process.nspid[-1]), process.user, process.comm, process.command, outer
        )).lower()  # fmt: skip
        self._processes[process.pid] = process, outer, text
        return text

    def of_line(self, line: Line) -> str:
        """All that a line of a lens says, in lower case."""
        known = self._lines.get(line.key)
        if known is None or known[0] is not line:
            text = " ".join((*[cell.text for cell in line.cells], line.more)).lower()
            known = self._lines[line.key] = line, text
        return known[1]

    def _outer(self, key: str, snapshot: Snapshot) -> str:
        container = snapshot.containers.get(key)
        if container is None:
            return ""
        known = self._containers.get(key)
        if known is not None and known[0] is container:
            return known[1]
        text = container_text(container)
        if known is not None and known[1] == text:
            text = known[1]  # the very same, so that what was made of it is too
        self._containers[key] = container, text
        return text


def container_text(container: Container) -> str:
    """What words are looked for in, of a container; in lower case."""
    pod = container.pod
    parts = [container.name, container.id, container.image or "", container.runtime, container.engine_namespace or ""]
    return " ".join([*parts, *([pod.name, pod.namespace] if pod else [])]).lower()


def namespace_text(namespace: Namespace) -> str:
    """What words are looked for in, of a namespace; in lower case."""
    return " ".join((namespace.label, *namespace.names)).lower()
