"""The requests for net namespaces, and the change of links that each may ask to be told of.

`net` reads in a process of its own; here the agent waits for it, for no longer than it may be silent.
"""

from __future__ import annotations

import math
import time

from . import links, net

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

    from .output import Output
    from .protocol import Look, NetRequest
    from .scan import Scanner

INTERESTED = 600.0  # seconds after a request, for which changes are told


class NetQueue:
    """Requests that are answered one after another. look: returns the agent's last look."""

    def __init__(self, scanner: Scanner, output: Output, look: Callable[[], Look]) -> None:
        self._scanner, self._output, self._look = scanner, output, look
        self._reading: net.NetReading | None = None  # under way ..
        self._waiting: list[NetRequest] = []  # .. and those to come
        self._links: links.LinkSocket | None = None  # if changes are to be told

    def take(self, request: NetRequest) -> None:
        self._waiting.append(request)
        self._begin()

    @property
    def sources(self) -> list[Any]:
        """The things to wait for: a file descriptor, or with one. `hear` is then called with those that are ready."""
        return [*([self._reading.fd] if self._reading else []), *([self._links] if self._links else [])]

    def left(self, now: float) -> float:
        """The seconds to wait at most; a reading that has been silent for too long is ended."""
        if self._reading and self._reading.until <= now:
            self._reading.give_up()
            self._end("the process that does so has not answered for %d s" % net.PATIENCE)
        return max(0.0, self._reading.until - now) if self._reading else math.inf

    def hear(self, ready: Collection[Any]) -> None:
        if self._links and self._links in ready:
            self._hear_links(self._links)
        if self._reading and self._reading.fd in ready:
            frames, ended = self._reading.take()
            self._output.relay(frames)
            if ended is not None:
                self._end("" if ended else "the process that does so failed")

    def _begin(self) -> None:
        """Begin with the next reading, if one is asked for and none is under way."""
        while self._waiting and self._reading is None:
            request = self._waiting.pop(0)
            followed = bool(request.get("follow")) and self._follow_links()
            try:
                self._reading = net.NetReading(
                    request["id"], self._look(), self._scanner, request.get("packages"), followed
                )
            except OSError as error:
                self._refuse(request["id"], error.strerror or "")

    def _end(self, failure: str) -> None:
        assert self._reading
        if failure:
            self._refuse(self._reading.id, failure)
        self._reading = None
        self._begin()

    def _refuse(self, id: int, why: str) -> None:
        notes = ["the net namespaces could not be read: %s" % why]
        self._output.write(
            {"frame": "net", "id": id, "taken_at": time.time(), "nets": [], "notes": notes, "unsearched": 0}
        )

    def _follow_links(self) -> bool:
        """Prepare to tell the next change of links; True if changes of every net namespace are received."""
        if self._links is None:
            try:
                self._links = links.LinkSocket()
            except OSError:
                return False
        self._links.told, self._links.until = False, time.monotonic() + INTERESTED
        return self._links.hears_of(self._scanner.ways("net"))

    def _hear_links(self, heard: links.LinkSocket) -> None:
        heard.take()
        if time.monotonic() > heard.until:
            heard.close()
            self._links = None
        elif not heard.told:
            heard.told = True
            self._output.write({"frame": "links"})
