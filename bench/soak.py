"""The growth of explorers that stay open on the table of containers and on the events, while containers come and go."""

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import linear_regression
from threading import Event, Thread

import usage
from pairs import Figure
from terminal import Terminal

from nsview.agent import cpustat

_EVERY = 5.0  # seconds between two readings of the memory
_LIFE = 0.5  # seconds that a container lives, and about the time until the next one begins
_MEBIBYTE = 1 << 20
_KEYS = {"table": b"u", "events": b"i"}


def grown(nsview: Sequence[str], env: Mapping[str, str], minutes: float) -> Iterator[Figure]:
    """Of each lens the slope of the memory (PSS, screen and agent) over the second half, in MB an hour."""
    over = Event()
    churn = Thread(target=_churn, args=(over,))
    with ExitStack() as stack:
        screens = {name: stack.enter_context(Terminal(nsview, env)) for name in _KEYS}
        for name, screen in screens.items():
            screen.painted("live", timeout=60)
            screen.send(_KEYS[name])
        churn.start()
        stack.callback(churn.join)
        stack.callback(over.set)
        times: list[float] = []
        used: dict[str, list[float]] = {name: [] for name in screens}
        end = time.monotonic() + 60 * minutes
        while (now := time.monotonic()) < end:
            times.append(now / 3600)
            for name, screen in screens.items():
                used[name].append(sum(usage.memory(screen.pid).values()) / _MEBIBYTE)
            time.sleep(_EVERY)
    half = len(times) // 2
    for name, each in used.items():
        slope = linear_regression(times[half:], each[half:]).slope
        words = f"{each[0]:.1f} MB at first, {each[half]:.1f} half-way, {each[-1]:.1f} at the end"
        what = f"growth an hour with the {name} open, over the second half of {minutes:g} minutes of churn"
        yield Figure(f"soak.{name}", what, slope, "MB", None, words)


def _churn(over: Event) -> None:
    """Let one container after another live: a cgroup that is named as docker names one, with namespaces of its own."""
    root = cpustat.root(os.getpid())
    if root is None:
        raise OSError("no cgroup v2 is mounted here")
    while not over.is_set():
        place = Path(root, f"docker-{secrets.token_hex(32)}.scope")
        place.mkdir()
        with subprocess.Popen(["unshare", "--net", "--uts", "--ipc", "sleep", "3600"]) as process:
            (place / "cgroup.procs").write_text(str(process.pid))
            over.wait(_LIFE)
            process.kill()
        for _ in range(100):  # the kernel may have it in use for a moment
            with contextlib.suppress(OSError):
                place.rmdir()
                break
            time.sleep(0.05)
