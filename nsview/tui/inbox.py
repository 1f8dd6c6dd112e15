"""Things on their way from the thread that receives them to the event loop. No Textual here."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """The things that the event loop has not taken yet: all that were put here by a thread, or the latest of them."""

    def __init__(
        self, deliver: Callable[..., object], taken: Callable[[deque[T]], object], most: int | None = None
    ) -> None:
        """deliver(call): has the call made in the event loop, soon. taken: called there with the things. most: the
        number of the latest that are kept."""
        self._deliver, self._taken = deliver, taken
        self._turn = threading.Lock()
        self._most = most
        self._waiting: deque[T] = deque(maxlen=most)

    def put(self, things: Iterable[T]) -> None:
        """Add things, and have all that wait taken by the event loop."""
        with self._turn:
            waited = bool(self._waiting)
            self._waiting.extend(things)
            deliver = self._waiting and not waited
        if deliver:
            self._deliver(self._take)

    def _take(self) -> None:
        with self._turn:
            things, self._waiting = self._waiting, deque(maxlen=self._most)
        self._taken(things)
