"""What a recording costs: the recorder's processor time, the disk, and a jump in one of 24 hours."""

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import usage
from pairs import Figure, RunFailed, latencies

from nsview.hosts import frames, recorder
from nsview.hosts.members import Writer
from nsview.hosts.recording import RecordedHost
from nsview.model.records import Host, Namespace, Namespaces, Process
from nsview.model.usage import ContainerUsage, HostUsage

_SETTLED = 5  # seconds after the first frames
_MEASURED = 60.0
_DAY = 86_400
_BEGAN = 1_764_000_000.0


def cost(nsview: Sequence[str], directory: Path, processes: int) -> Iterator[Figure]:
    """The processor time of recorder and agent, and the growth of the file, while two processes a second come and
    go."""
    file = directory / str(processes)
    with subprocess.Popen([*nsview, "record", str(file)], stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while not (file.exists() and file.stat().st_size):
                if time.monotonic() > deadline:
                    raise RunFailed("nothing was recorded")
                time.sleep(0.1)
            time.sleep(_SETTLED)
            first, before, began = file.stat().st_size, usage.cpu_seconds(process.pid), time.perf_counter()
            while time.perf_counter() < began + _MEASURED:
                subprocess.run(["sleep", "0.4"], check=True)
            used = sum(usage.cpu_seconds(process.pid).values()) - sum(before.values())
            passed = time.perf_counter() - began
            grown = file.stat().st_size - first
        finally:
            process.terminate()
            process.wait(30)
    beside = f"beside {processes:,} processes, of which two a second come and go"
    yield Figure(f"record.cpu.{processes}", f"recorder and agent, of a core, {beside}", 100 * used / passed, "%",
                 1.0 if processes < 1000 else None)  # fmt: skip
    # A look is written as often as the changes outweigh it, or every few minutes.
    looks = first * min(3600 / recorder.LONGEST, 3600 / passed * grown / first)
    yield Figure(
        f"record.size.{processes}", f"an hour on the disk, {beside}", (grown * 3600 / passed + looks) / 1e6, "MB"
    )


def jump(directory: Path, processes: int) -> Iterator[Figure]:
    """A jump to a moment, until its snapshot is there, in a recording of 24 hours."""
    file = directory / "day"
    with contextlib.closing(Writer(str(file))) as writer:
        written = recorder._File(writer)
        for frame in _day(processes):
            written.take(frame, msgspec.json.encode(frame) + b"\n")
    chance, host, took = random.Random(1), RecordedHost(file), []
    for _ in range(200):
        moment = _BEGAN + chance.random() * _DAY
        began = time.perf_counter()
        host.moment = moment
        shown = host.first()
        took.append(time.perf_counter() - began)
        assert moment - 2 < shown.taken_at <= moment
    began = time.perf_counter()
    RecordedHost(file).first()
    opened = time.perf_counter() - began
    what = f"to another moment of 24 hours ({file.stat().st_size / 1e6:.0f} MB, {processes} processes)"
    yield latencies("record.jump", what, took, 0.1)
    yield Figure("record.open", "the same file opened", opened, "s")


def _day(processes: int) -> Iterator[frames.Frame]:
    """The frames of a day in which one process a second comes or goes, and the use of 30 containers is read."""
    inodes = Namespaces(1, 2, 3, 4, 5, 6, 7, 8)
    names = "mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"
    yield frames.Hello(frames.SCHEMA, Host("day", "6.1", "b", 0, True, "0", inodes, inodes))
    words = tuple(f"--with-an-argument={n}" for n in range(8))
    made = [
        Process(pid, 1, pid, 0, "root", "S", "worker", ("/usr/bin/worker", *words), (pid,), inodes)
        for pid in range(1, processes + 1)
    ]
    spaces = [Namespace(name, n + 1, 4) for n, name in enumerate(names)]  # type: ignore[arg-type]
    yield frames.SnapshotFrame(_BEGAN, made, spaces, [])
    host = HostUsage(2, (0.1, 0.1, 0.1), 1 << 33, 1 << 32, _BEGAN)
    for second in range(1, _DAY):
        now, pid = _BEGAN + second, processes + 1 + second // 2
        new = [Process(pid, 1, second, 0, "root", "R", "job", ("/bin/job", str(second)), (pid,), inodes)]
        born, gone = (new, []) if second % 2 == 0 else ([], [pid])
        yield frames.DeltaFrame(now, born, gone, [], [], [], [])
        if second % int(recorder.USE) == 0:
            used = tuple(ContainerUsage(f"docker:{n:064x}", second * n / 100, 0.0, 1 << 24) for n in range(30))
            yield frames.UsageFrame(now, float(second), 0.001, host, (), used, id=second)


if __name__ == "__main__":
    sys.exit("python bench/run.py record")
