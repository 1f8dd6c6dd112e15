"""The table of many hosts: until all are on it, and what it costs while nothing happens there."""

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
    """Figures of so many agents, by pipes; all look at this machine, which has so many processes and more."""
    beside = f"{hosts} agents on this machine, each of {processes:,} processes"
    vias = [word for number in range(hosts) for word in ("--via", f"env N={number}")]
    begin = time.perf_counter()
    with Terminal([*nsview, *vias], env) as screen:
        shown = screen.painted(f"{hosts} hosts: {hosts} live", timeout=120)
        yield Figure("fleet.first", f"the command to all on the screen, {beside}", shown - begin, "s", FIRST)
        time.sleep(_SETTLED)
        before, began = usage.cpu_seconds(screen.pid), time.perf_counter()
        time.sleep(_WATCHED)
        after, passed = usage.cpu_seconds(screen.pid), time.perf_counter() - began
        used = {pid: 100 * (seconds - before.get(pid, 0.0)) / passed for pid, seconds in after.items()}
        agents = f"the agents {sum(used.values()) - used[screen.pid]:.1f} % together"
        yield Figure("fleet.idle", f"the screen when idle, of a core, {beside}", used[screen.pid], "%", IDLE, agents)
        yield Figure("fleet.memory", f"the screen's resident memory, {beside}", _resident(screen.pid), "MB", RESIDENT)


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
