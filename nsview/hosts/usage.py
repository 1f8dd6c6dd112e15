"""The processor time, memory and open files of one process of this machine, by psutil, for its details."""

from typing import Any

from msgspec import Struct

from nsview.model.records import Process


class Usage(Struct, frozen=True):
    """The use of one process. cpu_percent: of one core since the last measurement, None at first. rss: bytes. fds:
    the number of open files, None if not permitted."""

    cpu_percent: float | None
    rss: int
    fds: int | None


class Meter:
    """Measurements of one process at a time; the use of the processor is known from the second one on."""

    def __init__(self) -> None:
        self._measured: tuple[int, int] | None = None
        self._process: Any = None

    def measure(self, process: Process) -> Usage | None:
        """The use of a process. None if it is gone."""
        import psutil  # slow to import, and needed only for the explorer's details

        try:
            again = self._measured == (process.pid, process.start)
            if not again:
                self._process = psutil.Process(process.pid)
                self._measured = process.pid, process.start
            with self._process.oneshot():
                cpu = self._process.cpu_percent()
                rss = self._process.memory_info().rss
                try:
                    fds = self._process.num_fds()
                except psutil.AccessDenied:
                    fds = None
        except (psutil.Error, OSError):
            self._measured = None
            return None
        return Usage(cpu if again else None, rss, fds)
