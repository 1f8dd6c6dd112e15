"""Many idle processes, a tenth as many sets of namespaces: what a large host looks like to a scan.

The processes are those of `crowd.c`; here they are begun and ended, and the kernel's limits seen to.
"""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from compiled import compiled

from nsview.agent import cpustat

_PID_MAX = "/proc/sys/kernel/pid_max"
_PID_MAX_LIMIT = 1 << 22  # what the kernel takes
_MEMORY = 150_000  # bytes that a sleeping process and its share of namespaces take of the kernel's memory, about
_SPARE = 2000  # processes for all else


CONTAINER = "docker-{:064x}.scope"
"""The name of a cgroup that makes its processes a container of docker's."""


class Crowd:
    """A crowd of so many processes, and a tenth as many sets, from entering to leaving. Needs root.

    kernel.pid_max is raised for that time where it must be. OSError where the machine can't hold so many.
    """

    def __init__(self, processes: int, cgroups: int = 0, named: str = "{}") -> None:
        """cgroups: so many of their own, as services and containers have; 0: the cgroup of who makes them. named: their
        names, by their number."""
        self.processes = processes
        self._cgroups = cgroups
        self._named = named
        self._places: list[Path] = []
        self._pid_max: int | None = None

    def __enter__(self) -> "Crowd":
        self._make_room()
        words = [compiled("crowd"), str(self.processes), str(self.processes // 10)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)
        assert self._process.stdout
        try:
            answer = self._process.stdout.readline()
        except BaseException:
            self.__exit__()
            raise
        if answer != b"ready\n":
            self.__exit__()
            raise OSError(f"could not make {self.processes} processes; see above")
        try:
            self._spread()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        deadline = time.monotonic() + 60
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:  # pid 1 reaps the rest
                os.killpg(self._process.pid, 0)
                time.sleep(0.1)
        for place in reversed(self._places):
            place.rmdir()
        self._restore()

    def _spread(self) -> None:
        if not self._cgroups:
            return
        root = cpustat.root(os.getpid())
        if root is None:
            raise OSError("no cgroup v2 is mounted here")
        self._places = [Path(root, f"nsview-crowd-{os.getpid()}")]
        self._places += [self._places[0] / self._named.format(number) for number in range(self._cgroups)]
        for place in self._places:
            place.mkdir()
        pids = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._has(pid)]
        for number, pid in enumerate(pids):
            (self._places[1 + number % self._cgroups] / "cgroup.procs").write_text(str(pid))

    def _has(self, pid: int) -> bool:
        try:
            return os.getpgid(pid) == self._process.pid
        except ProcessLookupError:
            return False

    def _make_room(self) -> None:
        running = sum(name.isdigit() for name in os.listdir("/proc"))
        needed = self.processes + running + _SPARE
        if needed > (limit := _number("/proc/sys/kernel/threads-max")):
            raise OSError(f"{self.processes} processes need a larger kernel.threads-max than {limit}")
        if (available := _available_memory()) < self.processes * _MEMORY:
            raise OSError(f"{self.processes} processes need more memory than the {available >> 20} MiB available")
        # The numbers in use are spread over all that there are, so more than the count must be there.
        if needed > (limit := _number(_PID_MAX)):
            self._pid_max = limit
            _write(_PID_MAX, min(2 * needed, _PID_MAX_LIMIT))

    def _restore(self) -> None:
        if self._pid_max is not None:
            _write(_PID_MAX, self._pid_max)
            self._pid_max = None


def _number(path: str) -> int:
    with open(path, encoding="ascii") as file:
        return int(file.read())


def _write(path: str, number: int) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(str(number))


def _available_memory() -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:")) << 10
