"""What one process of this machine uses of it, measured by psutil when its details are shown."""

from typing import Any

from msgspec import Struct

from nsview.model.records import Process


class Usage(Struct, frozen=True):
    """cpu_percent: of one core since it was last asked, None at first. rss: bytes. fds: None where not permitted."""

    cpu_percent: float | None
    rss: int
    fds: int | None


class Meter:
    """Measures one process at a time; it must be asked twice about one before it can tell its use of the processor."""

    def __init__(self) -> None:
        self._measured: tuple[int, int] | None = None
        self._process: Any = None

    def measure(self, process: Process) -> Usage | None:
        """What it uses, None where it is gone."""
        import psutil  # 20 ms, and only for the explorer's details

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
