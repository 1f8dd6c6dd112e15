"""The answers that a live host still owes, awaited by the ids of the requests. No Textual here."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from nsview.hosts import frames
from nsview.model.security import Facts, added


class Answers:
    """One answer for most requests, several frames for one about confinement; all belong to the event loop."""

    def __init__(self) -> None:
        self._one: dict[int, asyncio.Future[Any]] = {}  # {id of a request: its answer, until that has come}
        self._several: dict[int, asyncio.Queue[frames.SecurityFrame | None]] = {}

    def expect(self, id: int) -> asyncio.Future[Any]:
        """The answer to the request of this id. Cancelled if the host ends before it answers."""
        answer = self._one[id] = asyncio.get_running_loop().create_future()
        return answer

    async def facts(self, id: int) -> AsyncIterator[Facts]:
        """The facts that answer the request of this id: each item has all that arrived so far, and the last is complete
        if the host does not end before."""
        answers = self._several[id] = asyncio.Queue()
        facts = Facts()
        try:
            while (frame := await answers.get()) is not None:
                facts = added(facts, frame.processes, frame.lsm, frame.done, frame.total)
                yield facts
                if facts.complete:
                    return
        finally:
            self._several.pop(id, None)

    def take(self, frame: frames.Frame) -> bool:
        """Take a frame, if it is an answer. True if it is the only one to its request."""
        match frame:
            case frames.DetailsFrame() | frames.UsageFrame() | frames.LogFrame() if frame.id in self._one:
                answer = self._one.pop(frame.id)
                if not answer.done():
                    answer.set_result(frame.details if isinstance(frame, frames.DetailsFrame) else frame)
                return True
            case frames.SecurityFrame() if frame.id in self._several:
                self._several[frame.id].put_nowait(frame)
        return False

    def drop(self) -> None:
        """End all waiting: the host that was asked has ended."""
        for answer in self._one.values():
            answer.cancel()
        for answers in self._several.values():
            answers.put_nowait(None)
        self._one.clear()
        self._several.clear()
