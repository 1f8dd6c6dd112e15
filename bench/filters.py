"""What a filter costs for each key typed: from the text to which of all processes it leaves, nothing being drawn."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import large_host
from pairs import Figure, Result, latencies

from nsview.hosts.recording import RecordedHost
from nsview.model.filter import Filter, Texts, parse
from nsview.model.snapshot import Snapshot

EXPRESSIONS = {
    "fields": "user=root not name=zzz or container=web*",
    "kinds": "host=net or shared>1 not nprocs<2",
}


def _left(wanted: Filter, snapshot: Snapshot) -> int:
    """The number of processes that are left, found as the explorer finds them."""
    return len(wanted.among(snapshot.processes, snapshot))


def _timed(do: Callable[[], object]) -> float:
    begin = perf_counter()
    do()
    return perf_counter() - begin


def figures(directory: Path, processes: int, rounds: int = 5) -> Iterator[Figure | Result]:
    """A key of a word, the first and those after it; a key of an expression with fields; against a bare search."""
    path = directory / f"filter-{processes}.jsonl"
    large_host.write(path, processes=processes, quiet=0, churning=0, rate=1, every=1)
    snapshot = RecordedHost(path).first()
    chance = random.Random(1)
    words = [large_host.name(chance.randrange(processes)) for _ in range(4)]
    first, later = [], []
    for word in words:
        for _ in range(rounds):
            texts = Texts()
            first.append(_timed(lambda: _left(parse(word[:1], "net", texts), snapshot)))  # noqa: B023
            for length in (2, 3):
                later.append(_timed(lambda: _left(parse(word[:length], "net", texts), snapshot)))  # noqa: B023
    beside = f"{processes:,} processes"
    yield latencies(f"filter.{processes}.first", f"the first letter of a filter, {beside}", first)
    yield latencies(f"filter.{processes}", f"a letter of a filter, {beside}", later)
    for name, expression in EXPRESSIONS.items():
        each = []
        for length in range(1, len(expression) + 1):
            try:
                each.append(_timed(lambda: _left(parse(expression[:length], "net", texts), snapshot)))  # noqa: B023
            except ValueError:
                continue  # not yet what may be asked
        yield latencies(f"filter.{processes}.{name}", f"a key of `{expression}`, {beside}", each)
    made = [texts.of(process, snapshot) for process in snapshot.processes.values()]
    bare = [_timed(lambda: sum(words[0] in text for text in made)) for _ in later]
    yield Result(f"filter.{processes}/bare", f"a letter of a filter, `in` on ready texts, {beside}", tuple(later),
                 tuple(bare))  # fmt: skip
