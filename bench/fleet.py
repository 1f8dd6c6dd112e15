"""The table of many hosts: until all are on it, and what it costs while nothing happens there."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import usage
from pairs import Figure
from terminal import Terminal

FIRST, IDLE, RESIDENT = 15.0, 5.0, 400.0
"""The targets: seconds until all are there, percent of a core, megabytes."""
_SETTLED = 30  # seconds after the last host has come
_WATCHED = 30  # seconds


def table(nsview: Sequence[str], env: Mapping[str, str], hosts: int, processes: int) -> Iterator[Figure]:
    """Figures of so many agents, by pipes, in a pid namespace of so many processes."""
    beside = f"{hosts} agents on this machine, each of {processes:,} processes"
    with _apart(processes) as inside:
        way = f"nsenter --target {inside} --pid --mount env"
        vias = [word for number in range(hosts) for word in ("--via", f"{way} N={number}")]
        yield from _figures([*nsview, *vias], env, hosts, beside)


def _figures(words: Sequence[str], env: Mapping[str, str], hosts: int, beside: str) -> Iterator[Figure]:
    begin = time.perf_counter()
    with Terminal(words, env) as screen:
        shown = screen.painted(f"{hosts} hosts: {hosts} live", timeout=120)
        yield Figure("fleet.first", f"the command to all on the screen, {beside}", shown - begin, "s", FIRST)
        time.sleep(_SETTLED)
        born = usage.births()
        before, began = usage.cpu_seconds(screen.pid), time.perf_counter()
        time.sleep(_WATCHED)
        after, passed = usage.cpu_seconds(screen.pid), time.perf_counter() - began
        used = {pid: 100 * (seconds - before.get(pid, 0.0)) / passed for pid, seconds in after.items()}
        born = usage.births() - born
        agents = f"the agents {sum(used.values()) - used[screen.pid]:.1f} % together"
        agents += f"; {born / passed:.0f} forks/s on this machine"  # others on it may not be idle
        yield Figure("fleet.idle", f"the screen when idle, of a core, {beside}", used[screen.pid], "%", IDLE, agents)
        yield Figure("fleet.memory", f"the screen's resident memory, {beside}", _resident(screen.pid), "MB", RESIDENT)


@contextlib.contextmanager
def _apart(processes: int) -> Iterator[int]:
    """The first process of a pid namespace with so many processes: what runs beside is not seen from there."""
    made = f"[os.fork() or signal.pause() for _ in range({processes})]"
    code = f"import os,signal; {made}; print(flush=True); signal.pause()"
    words = ["unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc", sys.executable, "-I", "-S", "-c"]
    with subprocess.Popen([*words, code], stdout=subprocess.PIPE) as outside:
        try:
            assert outside.stdout is not None
            outside.stdout.readline()
            yield int(Path(f"/proc/{outside.pid}/task/{outside.pid}/children").read_text())
        finally:
            outside.kill()


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
