"""From the key of a lens to its first picture, and to all that it tells, on a host with many namespaces."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence

from pairs import Figure, latencies
from terminal import Terminal

ROUNDS = 5


def opened(nsview: Sequence[str], env: Mapping[str, str], processes: int, target: float) -> Iterator[Figure]:
    """target: seconds to the first picture, which is the map or how far it is."""
    first, whole, pictures = [], [], []
    with Terminal(nsview, env) as screen:
        screen.painted("live", timeout=120)
        time.sleep(2)
        for _ in range(ROUNDS):
            mark, begin = screen.send(b"w")
            first.append(screen.find(re.compile(rb"net map"), mark)[1] - begin)
            whole.append(screen.find(re.compile(rb"\d+ net namespaces, \d+ interfaces"), mark, 60)[1] - begin)
            time.sleep(0.5)
            mark, begin = screen.send(b"p")
            pictures.append(screen.find(re.compile(b"two ends of a pair"), mark)[1] - begin)
            time.sleep(0.5)
            screen.send(b"q")
            time.sleep(0.5)
        matrix, kinds, audits = [], [], []
        for _ in range(ROUNDS):
            mark, begin = screen.send(b"m")
            matrix.append(screen.find(re.compile(rb" matrix "), mark)[1] - begin)
            time.sleep(0.5)
            mark, begin = screen.send(b"5")
            kinds.append(screen.find(re.compile(rb"\d{3} net namespaces"), mark)[1] - begin)
            time.sleep(0.5)
            screen.send(b"q")
            time.sleep(0.5)
            mark, begin = screen.send(b"a")
            audits.append(screen.find(re.compile(rb" audit "), mark)[1] - begin)
            time.sleep(0.5)
            screen.send(b"q")
            time.sleep(0.5)
    beside = f"beside {processes:,} processes, {processes // 10:,} net namespaces"
    yield latencies("lens.net", f"key of the net map → painted, {beside}", first, target)
    yield latencies("lens.net.whole", f".. → all of it is told, {beside}", whole)
    yield latencies("lens.net.drawn", f"from the table to the picture, {beside}", pictures)
    yield latencies("lens.matrix", f"key of the matrix → painted, {beside}", matrix, target)
    yield latencies("lens.matrix.net", f"from containers to a line a net namespace, {beside}", kinds, target)
    yield latencies("lens.audit", f"key of the audit → painted, {beside}", audits, target)
