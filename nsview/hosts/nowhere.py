"""A host of which nothing is known: it stands where none of several hosts is looked at."""

from collections.abc import Iterable, Iterator, Sequence

from nsview.model.kinds import KindName
from nsview.model.records import Process
from nsview.model.security import Facts
from nsview.model.snapshot import Snapshot
from nsview.model.usage import Usage

from .frames import Frame
from .recording import RecordedHost


class Nowhere(RecordedHost):
    """A host without frames, which takes nothing."""

    name = source = ""

    def __init__(self) -> None:
        self.pace, self.timed, self.note = 0.0, False, ""

    def read(self) -> Iterator[Snapshot | Frame]:
        return iter(())

    def details(self, process: Process, contents: Sequence[KindName] = ()) -> None:
        """None, of any process."""

    def nets(self) -> None:
        """None."""

    def usages(self) -> Iterator[Usage]:
        return iter(())

    def security(self, pids: Iterable[int] | None = None) -> Facts:
        return Facts()

    def stop(self) -> None:
        """Do nothing: nothing runs."""
