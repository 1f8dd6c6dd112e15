"""A host that a command looks at: once, or with `--watch` again and again through one agent."""

import gc
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from nsview.lookup import engines_of, find, nets_of

from .console import host_of

if TYPE_CHECKING:
    from nsview.hosts.live import LiveHost
    from nsview.hosts.recording import RecordedHost
    from nsview.model.net import Nets
    from nsview.model.security import Facts
    from nsview.model.snapshot import Snapshot
    from nsview.model.target import Target
    from nsview.model.usage import Meter, Usage

_SPAN = 0.5
"""Seconds between the first two readings of use, for rates."""


class Sight:
    """The host of some options, from the first look until `close`."""

    def __init__(self, options: SimpleNamespace) -> None:
        self._options = options
        self._again = options.watch is not None
        self._host: LiveHost | RecordedHost | None = None
        self._read = False

    def look(self, *, holders: bool = False, nets: bool = False, usage: bool = False) -> "tuple[Snapshot, Nets | None]":
        """The host as it is now; and, if `nets`, its net namespaces from within, None if a recording has none.

        holders: of its namespaces are searched too. usage: it will be read.
        """
        if self._host and not self._again:
            self.close()
        if self._host:
            snapshot = cast("LiveHost", self._host).now()
        else:
            if not self._again:
                gc.disable()  # a program that prints and exits has nothing to collect
            alone = not (self._again or holders or nets or usage)
            self._host = host_of(self._options, *(["--once"] if alone else []))
            snapshot = self._host.first()
        if holders:
            snapshot = self._host.holders()
        return snapshot, nets_of(self._host) if nets else None

    def find(self, text: str) -> "tuple[Snapshot, Target, Meter | None]":
        """(a snapshot, the target that a text means in it, with all holders of a namespace; for a container without a
        process the records of engines, else None). Raises Failure."""
        gc.disable()
        host = self._host = host_of(self._options)
        snapshot, target = find(host, host.first(), text, holders=True, stopped=True)
        return snapshot, target, engines_of(host) if target.container and not target.container.pids else None

    def security(self) -> "Facts":
        """The confinement of the processes of containers, as it is now."""
        return cast("LiveHost | RecordedHost", self._host).security()

    def usages(self) -> "Iterator[Usage]":
        """The readings of use since the last call: two of a live host at the first time, or those of a recording."""
        from nsview.model.usage_table import PARTS

        if self._options.recording:
            yield from cast("RecordedHost", self._host).usages()
            return
        host = cast("LiveHost", self._host)
        if not self._read:
            self._read = True
            yield host.usage([], None, PARTS)
            time.sleep(_SPAN)
        yield host.usage([], None, PARTS, engines=True)

    def engines(self) -> "Iterator[Usage]":
        """The records of engines: as they are now, or those of a recording."""
        if self._options.recording:
            yield from cast("RecordedHost", self._host).usages()
        else:
            yield cast("LiveHost", self._host).usage([], [], engines=True)

    def close(self) -> None:
        """End the agent, if there is one."""
        if self._host:
            self._host.stop()
        self._host = None
