"""Paired runs: ours, the peer, ours, the peer, .. so that what disturbs the machine disturbs both; and their table.

Seconds from one machine say little on another; the ratio of two programs run turn by turn says more. Both ratios are
given: of the medians, and the median of each pair's own. Where they differ much, the run was disturbed.
What has no peer (how late a change is on the screen, how much memory is used) is a Figure in the same table.
"""

import math
import os
import platform
import resource
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

Run = Callable[[], float]
"""One run: the seconds it took."""


class RunFailed(Exception):
    """A run did not do what was to be measured; the text says why."""


@dataclass(frozen=True)
class Result:
    """What came of one comparison. `target`: the ratio that ours is to stay at or below, None where there is none."""

    id: str
    what: str
    ours: tuple[float, ...]
    peer: tuple[float, ...]
    target: float | None = None

    @property
    def ratio(self) -> float:
        """Of the medians: below 1, ours takes less."""
        return median(self.ours) / median(self.peer)

    @property
    def pairwise(self) -> float:
        """The median of the pairs' ratios."""
        return median(ours / peer for ours, peer in zip(self.ours, self.peer, strict=True))

    @property
    def met(self) -> bool | None:
        """Whether the ratio of the medians keeps to the target."""
        return None if self.target is None else self.ratio <= self.target


@dataclass(frozen=True)
class Figure:
    """One number that stands for itself. unit: "s" is written as a duration; also "%", "MB", "".

    beside: other numbers of the same measurement, in words. peer: what a peer had in the same run.
    """

    id: str
    what: str
    value: float
    unit: str
    target: float | None = None
    beside: str = ""
    peer: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the number keeps to the target."""
        return None if self.target is None else self.value <= self.target

    def written(self, number: float) -> str:
        """A number of this figure's unit as a person reads it."""
        return duration(number) if self.unit == "s" else f"{number:.{0 if number >= 10 else 1}f} {self.unit}".strip()


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values that so many percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def latencies(id: str, what: str, seconds: Sequence[float], p95: float | None = None) -> Figure:
    """The 95th percentile of these as a figure; the median, the worst and how many there are beside it."""
    middle, worst = duration(median(seconds)), duration(max(seconds))
    beside = f"p50 {middle}, worst {worst}, n={len(seconds)}"
    return Figure(id, f"{what}: p95", percentile(seconds, 95), "s", p95, beside)


def compare(id: str, what: str, ours: Run, peer: Run, *, pairs: int, target: float | None = None) -> Result:
    """Run both in turns, after one run of each that does not count (it warms caches and writes .pyc files)."""
    ours()
    peer()
    times = [(ours(), peer()) for _ in range(pairs)]
    return Result(id, what, tuple(a for a, _ in times), tuple(b for _, b in times), target)


def command(words: Sequence[str], *, timeout: float = 120, env: dict[str, str] | None = None, cpu: bool = False) -> Run:
    """A run of a command, its output thrown away; RunFailed where it fails.

    cpu: the processor time that it and its children used, which others on the machine disturb less than its duration.
    """
    clock = _children_cpu if cpu else perf_counter

    def run() -> float:
        begin = clock()
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=timeout,
                env=env,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RunFailed(str(error)) from None
        seconds = clock() - begin
        if done.returncode != 0:
            said = done.stderr.decode(errors="backslashreplace").strip().splitlines()
            raise RunFailed(f"{words[0]}: exit {done.returncode}: {said[-1] if said else 'said nothing'}")
        return seconds

    return run


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def duration(seconds: float) -> str:
    """As a person reads it: 79.3 µs, 8.32 ms, 412 ms, 5.01 s."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds < 0.001:
        return f"{seconds * 1e6:.1f} µs"
    return f"{seconds * 1000:.{0 if seconds >= 0.1 else 1 if seconds >= 0.01 else 2}f} ms"


def machine() -> str:
    """One line on what this ran on."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} core{'s' * (cores != 1)}, Linux {platform.release()}, Python {platform.python_version()}"


HEAD = ("id", "what", "ours", "peer", "ratio", "pairwise", "target", "")


_MET = {None: "", True: "met", False: "missed"}


def row(result: Result | Figure) -> tuple[str, ...]:
    """A result as the cells under HEAD."""
    if isinstance(result, Figure):
        return (
            result.id,
            f"{result.what} ({result.beside})" if result.beside else result.what,
            result.written(result.value),
            "-" if result.peer is None else result.written(result.peer),
            "-" if result.peer is None else f"{result.value / result.peer:.2f}",
            "-",
            "-" if result.target is None else f"≤ {result.written(result.target)}",
            _MET[result.met],
        )
    return (
        result.id,
        result.what,
        duration(median(result.ours)),
        duration(median(result.peer)),
        f"{result.ratio:.2f}",
        f"{result.pairwise:.2f}",
        "-" if result.target is None else f"≤ {result.target:.2f}",
        _MET[result.met],
    )


def table(results: Sequence[Result | Figure]) -> str:
    """A Markdown table, aligned also as plain text; one line a result."""
    rows = [HEAD, *(row(result) for result in results)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |" for cells in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
