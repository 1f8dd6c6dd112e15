"""What the explorer costs a host on which nothing happens: processor time and memory of all its processes."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

import usage
from pairs import Figure
from terminal import Terminal

_SETTLED = 8  # seconds after the first picture


def _used(screens: Sequence[Terminal], seconds: float) -> tuple[list[float], int]:
    """([percent of a core that each used over so many seconds], how many processes and threads came to be)."""
    born, begin = usage.births(), time.perf_counter()
    before = [usage.cpu_seconds(screen.pid) for screen in screens]
    time.sleep(seconds)
    after = [usage.cpu_seconds(screen.pid) for screen in screens]
    passed = time.perf_counter() - begin
    used = [
        sum(seconds - old.get(name, 0.0) for name, seconds in new.items()) / passed * 100
        for old, new in zip(before, after, strict=True)
    ]
    return used, usage.births() - born


def idle(nsview: Sequence[str], env: Mapping[str, str], seconds: float = 30) -> Iterator[Figure]:
    """P2, and what htop and top use beside it; each alone, so that none is what another sees happen."""
    with Terminal(nsview, env) as screen:
        screen.painted("live", timeout=60)
        time.sleep(_SETTLED)
        (own,), born = _used([screen], seconds)
    peers = [peer for peer in (["htop"], ["top"]) if shutil.which(peer[0])]
    with ExitStack() as stack:
        screens = [stack.enter_context(Terminal(words, env)) for words in peers]
        time.sleep(3)
        used, _ = _used(screens, seconds / 2)
    beside = f"{born} forks meanwhile; " + ", ".join(
        f"{words[0]} {percent:.1f} %" for words, percent in zip(peers, used, strict=True)
    )
    beside += "" if shutil.which("htop") else ", htop not installed"
    what = f"agent and screen over {seconds:g} s, of a core"
    yield Figure("P2", what, own, "%", 1.5, beside, used[0] if used else None)


def memory(nsview: Sequence[str], env: Mapping[str, str], processes: int, target: float) -> Figure:
    """P7: what agent and screen take together once they have settled."""
    with Terminal(nsview, env) as screen:
        screen.painted("live", timeout=120)
        time.sleep(_SETTLED)
        used = usage.memory(screen.pid)
    mebibytes = {pid: each / (1 << 20) for pid, each in used.items()}
    both, own = sum(mebibytes.values()), mebibytes[screen.pid]
    beside = f"screen {own:.0f}, agent {both - own:.0f}"
    return Figure(f"P7.{processes}", f"memory (PSS) beside {processes:,} processes", both, "MB", target, beside)
