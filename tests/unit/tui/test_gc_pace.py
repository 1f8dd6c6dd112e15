"""Garbage is collected between keys, of whatever age."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from nsview.tui import gc_pace


class Cycle:
    """An object that only a search for cycles frees."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    gc_pace.settle()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.parametrize("old", [0, 1, 20])
def test_what_was_in_use_while_some_keys_were_answered_is_freed_later(old: int) -> None:
    """As the parts of a picture: each is in use until the next, and was passed over by a collection by then."""
    cycle = Cycle()
    freed = weakref.ref(cycle)
    for _ in range(old):
        gc_pace.rest()
    del cycle
    for _ in range(200):
        gc_pace.rest()
    assert freed() is None


def test_most_keys_are_followed_by_a_collection_of_the_young_alone() -> None:
    ages = []
    gc.callbacks.append(count := lambda phase, info: ages.append(info["generation"]) if phase == "start" else None)
    try:
        for _ in range(200):
            gc_pace.rest()
    finally:
        gc.callbacks.remove(count)
    assert ages.count(0) > 10 * ages.count(1) > 0 and ages.count(1) > 5 * ages.count(2)
