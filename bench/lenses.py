"""From the key of a lens to its first picture, and to all that it tells, on a host with many namespaces."""

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from pairs import Figure, latencies
from terminal import Terminal

ROUNDS = 5


def opened(nsview: Sequence[str], env: Mapping[str, str], processes: int, target: float) -> Iterator[Figure]:
    """target: seconds to the first picture, which is the map or how far it is."""
    times: dict[str, list[float]] = defaultdict(list)
    with Terminal(nsview, env) as screen:

        def press(key: bytes, **answers: bytes) -> None:
            """Press a key, and note by its name how long each answer takes to be painted."""
            mark, begin = screen.send(key)
            for name, words in answers.items():
                times[name].append(screen.find(re.compile(words), mark, 60)[1] - begin)
            time.sleep(0.5)

        screen.painted("live", timeout=120)
        time.sleep(2)
        for _ in range(ROUNDS):
            press(b"w", net=b"net map", whole=rb"\d+ net namespaces, \d+ interfaces")
            press(b"p", drawn=b"two ends of a pair")
            press(b"q")
            press(b"m", matrix=b" matrix ")
            press(b"5", kinds=rb"\d{3} net namespaces")
            press(b"q")
            press(b"a", audit=b" audit ")
            press(b"q")
    beside = f"beside {processes:,} processes, {processes // 10:,} net namespaces"
    yield latencies("lens.net", f"key of the net map → painted, {beside}", times["net"], target)
    yield latencies("lens.net.whole", f".. → all of it is told, {beside}", times["whole"])
    yield latencies("lens.net.drawn", f"from the table to the picture, {beside}", times["drawn"])
    yield latencies("lens.matrix", f"key of the matrix → painted, {beside}", times["matrix"], target)
    yield latencies("lens.matrix.net", f"from containers to a line a net namespace, {beside}", times["kinds"], target)
    yield latencies("lens.audit", f"key of the audit → painted, {beside}", times["audit"], target)
