"""What the explorer costs a host on which nothing happens: processor time and memory of all its processes."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

import usage
from pairs import Figure
from terminal import Terminal

_SETTLED = 8  # seconds after the first picture
_JUDGED = 60  # seconds after a lens was opened: the confinement of containers is read once


def _used(screens: Sequence[Terminal], seconds: float) -> list[dict[int, float]]:
    """{pid: percent of a core that it used over so many seconds} of each screen's processes."""
    begin = time.perf_counter()
    before = [usage.cpu_seconds(screen.pid) for screen in screens]
    time.sleep(seconds)
    after = [usage.cpu_seconds(screen.pid) for screen in screens]
    passed = time.perf_counter() - begin
    return [
        {pid: (seconds - old.get(pid, 0.0)) / passed * 100 for pid, seconds in new.items()}
        for old, new in zip(before, after, strict=True)
    ]


def idle(
    nsview: Sequence[str], env: Mapping[str, str], id: str, beside: str, target: float = 1.5, keys: bytes = b"",
    seconds: float = 30,
) -> Iterator[Figure]:  # fmt: skip
    """P2, and what htop and top use beside it; not at once, so that none is what another sees happen. keys: those that
    open the lens that is measured."""
    with Terminal(nsview, env) as screen:
        screen.painted("live", timeout=60)
        screen.send(keys)
        time.sleep(_JUDGED if keys else _SETTLED)
        born = usage.births()
        (used,) = _used([screen], seconds)
        born = usage.births() - born
    own, both = used[screen.pid], sum(used.values())
    peers = [peer for peer in ("htop", "top") if shutil.which(peer)]
    with ExitStack() as stack:
        screens = [stack.enter_context(Terminal([peer], env)) for peer in peers]
        time.sleep(3)
        of_peers = {peer: sum(each.values()) for peer, each in zip(peers, _used(screens, seconds / 2), strict=True)}
    # How quiet it was: others on the machine may not be.
    words = [f"screen {own:.1f}, agent {both - own:.1f}", f"{born / seconds:.0f} forks/s on this machine"]
    words += [f"{peer} {percent:.1f} %" for peer, percent in of_peers.items()]
    words += [] if "htop" in of_peers else ["htop not installed"]
    what = f"agent and screen over {seconds:g} s, of a core, {beside}"
    yield Figure(id, what, both, "%", target, "; ".join(words), of_peers.get("htop"))


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
