"""From a key to what it paints: in lists of many rows, while processes come and go.

A row under the cursor is told by its style, which is learned from the first keys; so a picture that is painted for
another reason meanwhile is not taken for the answer.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import large_host
from pairs import Figure, RunFailed, latencies
from puppet import Puppet
from terminal import Terminal

# How a process's row begins: at the left, where numbers in the status do not stand, with a style, a sign, the pid.
_LEFT = rb"(?:;1H|\n)"
_ROW = re.compile(_LEFT + rb"\x1b\[([\d;]+)m[ +~-] +(\d+) ")
_GAP = 0.06  # seconds from one answer to the next key: a key that is held down repeats at 30 Hz or less
_LETTERS = "adfgjklm"  # that are in processes' own names alone, not in what all or those that come and go have
RATE = 200  # births, and deaths, a second


class Cursor:
    """Knows which style the row under the cursor has, and which process it was on last."""

    def __init__(self, screen: Terminal) -> None:
        self.screen = screen
        usual = Counter(match[1] for match in _ROW.finditer(screen.text())).most_common(1)[0][0]
        for _ in range(4):
            mark, _ = screen.send(b"j")
            screen.rest(0.3)
            found = [match for match in _ROW.finditer(screen.text(mark)) if match[1] != usual]
        if not found:
            raise RunFailed("no row's style tells where the cursor is")
        self.style, self.pid = found[-1].groups()

    def press(self, key: bytes, timeout: float = 10) -> float:
        """Seconds from a key until another process's row was painted as that under the cursor."""
        mark, begin = self.screen.send(key)
        deadline = begin + timeout
        while True:
            pattern = re.compile(_LEFT + rb"\x1b\[" + self.style + rb"m[ +~-] +(?!" + self.pid + rb" )(\d+) ")
            match, when = self.screen.find(pattern, mark, deadline - time.perf_counter())
            self.pid = match[1]
            return when - begin


def moves(cursor: Cursor, seconds: float) -> list[float]:
    """Seconds of each of many keys that move the cursor: most by a row, some by a screen."""
    late = []
    keys = [b"j"] * 8 + [b"\x1b[6~"] + [b"j"] * 4 + [b"k"] * 4 + [b"\x1b[6~"] + [b"k"] * 2 + [b"\x1b[5~"]
    end = time.perf_counter() + seconds
    number = 0
    while time.perf_counter() < end:
        late.append(cursor.press(keys[number % len(keys)]))
        number += 1
        time.sleep(_GAP)
    return late


def looks(screen: Terminal, names: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Seconds of keys that change all rows: to another grouping, and the letters of a filter."""
    late: dict[str, list[float]] = {"group": [], "filter": []}
    screen.send(b"g")
    screen.rest(0.5)
    for number in range(rounds):
        kind = ("mnt", "net")[number % 2]
        mark, begin = screen.send(b"15"[number % 2 : number % 2 + 1])
        head = re.compile("▼ ".encode() + rb"(?:\x1b\[[\d;]*m)*" + kind.encode() + rb":\[")
        late["group"].append(screen.find(head, mark)[1] - begin)
        time.sleep(_GAP)
    screen.send(b"/")
    screen.rest(0.5)
    for number in range(rounds):
        word = _LETTERS[number % len(_LETTERS)] + "qw"
        for length in (1, 2, 3):
            if not any(word[:length] in name for name in names):
                break
            mark, begin = screen.send(word[length - 1].encode())
            underlined = re.compile(rb"\x1b\[1;4;[\d;]*m" + word[:length].encode())  # where it is found in a row
            late["filter"].append(screen.find(underlined, mark)[1] - begin)
            time.sleep(_GAP)
        screen.send(b"\x15")  # all of it away, for the next word
        screen.rest(0.4, timeout=1)
    return late


def recorded(
    nsview: Sequence[str], env: Mapping[str, str], directory: Path, processes: int, targets: tuple[float, float]
) -> Iterator[Figure]:
    """P4 on a recorded host of so many rows. targets: of the 95th percentile, and of the worst."""
    path = directory / f"{processes}.jsonl"
    still = 5
    quiet = 8 + still + processes / 5000
    large_host.write(path, processes=processes, quiet=quiet, churning=40, rate=RATE, every=0.05)
    with Terminal([*nsview, "--from", str(path)], env) as screen:
        screen.painted("recorded", timeout=120)
        begin = time.perf_counter()
        screen.rest(0.5)
        cursor = Cursor(screen)
        screen.send(b"j" * 8)  # below those that will come and go
        screen.rest(0.5)
        cursor.press(b"\x1b[6~")
        # What a key costs where nothing else happens: the floor of what follows.
        late = moves(cursor, still)
        yield latencies(f"P4.{processes}.still", f"a step, a page → painted, {processes:,} rows, nothing else", late)
        what = f"{processes:,} rows, {RATE} births and deaths/s, recorded"
        time.sleep(max(0.0, begin + quiet + 1.5 - time.perf_counter()))
        yield from _figures(f"P4.{processes}", f"a step, a page → painted, {what}", moves(cursor, 15), targets)
        names = [large_host.name(number) for number in range(processes)]
        for kind, seconds in looks(screen, names, 8).items():
            key = {"group": "another grouping", "filter": "a letter of a filter"}[kind]
            yield from _figures(f"P4.{processes}.{kind}", f"{key} → painted, {what}", seconds, targets)


def live(
    nsview: Sequence[str], env: Mapping[str, str], processes: int, rate: int, targets: tuple[float, float]
) -> Iterator[Figure]:
    """P4 on this host, all its processes as one tree."""
    with Terminal(nsview, env) as screen, Puppet("nsvbench-storm") as puppet:
        screen.painted("live", timeout=120)
        screen.rest(1)
        screen.send(b"0")
        screen.rest(1)
        cursor = Cursor(screen)
        puppet.storm(rate)
        time.sleep(1)
        what = f"beside {processes:,} processes, {rate} births and deaths/s, live"
        yield from _figures(f"P4.live.{rate}", f"a step, a page → painted, {what}", moves(cursor, 12), targets)


def _figures(id: str, what: str, seconds: Sequence[float], targets: tuple[float, float]) -> Iterator[Figure]:
    yield latencies(id, what, seconds, targets[0])
    yield Figure(f"{id}.worst", "the worst of these", max(seconds), "s", targets[1])
