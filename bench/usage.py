"""What a process and all below it use: processor time and memory, as the kernel counts them."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """The pid and those that descend from it."""
    found = [pid]
    for parent in found:  # grows as it goes
        for task in _tasks(parent):
            try:
                found += map(int, Path(f"/proc/{parent}/task/{task}/children").read_text().split())
            except OSError:
                continue
    return found


def _tasks(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def cpu_seconds(pid: int) -> dict[int, float]:
    """{pid: seconds of processor time} of a process and those below it, their reaped children included."""
    used: dict[int, float] = {}
    for each in tree(pid):
        try:
            stat = Path(f"/proc/{each}/stat").read_text(errors="replace")
        except OSError:
            continue
        fields = stat.rpartition(")")[2].split()
        used[each] = sum(map(int, fields[11:15])) / _TICKS
    return used


def memory(pid: int) -> dict[int, int]:
    """{pid: bytes} of a process and those below it; a page that several share counts a share for each (Pss)."""
    used = {}
    for each in tree(pid):
        lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        used[each] = next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) << 10
    return used


def births() -> int:
    """How many processes and threads there have been since the machine started."""
    lines = Path("/proc/stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("processes "))
