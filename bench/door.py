"""From the key that enters a container in the explorer to the command inside, by the clock of `now`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from pairs import Run
from terminal import Terminal

_TOLD = re.compile(rb"\n(\d{9,})\r")


@contextmanager
def opened(nsview: Sequence[str], env: Mapping[str, str], name: str, pid: int) -> Iterator[Run]:
    """An explorer on a host with a container. What it gives enters that with `now` as command, and comes back."""
    with Terminal(nsview, env) as screen:

        def said(keys: bytes, text: str) -> float:
            mark, _ = screen.send(keys)
            return screen.painted(text, mark)

        def run() -> float:
            said(b"e", f"Enter {name}")
            said(b"now", "now")
            screen.rest(0.3)
            mark, begin = screen.send(b"\r")
            found, _ = screen.find(_TOLD, mark)
            screen.painted("goes back", mark)
            said(b"\r", "Back from")
            screen.rest(0.3)
            return int(found[1]) / 1e9 - begin

        screen.painted("live", timeout=120)
        screen.rest(0.5)
        for keys in (b":", str(pid).encode(), b"\r"):
            screen.send(keys)
            screen.rest(0.5)
        yield run
