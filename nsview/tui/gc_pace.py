"""Settings of the interpreter and of Textual by which a key is answered at once, however much is in memory."""

import contextlib
import gc
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """Have Textual, if it is imported in this block, paint soon after a key: up to 250 times a second, not 60.

    Garbage is not collected until the first picture stands (`settle`), and the thread that reads the host gives way to
    the screen within a millisecond.
    """
    gc.disable()
    sys.setswitchinterval(0.001)
    said = os.environ.get("TEXTUAL_FPS")
    if said is None:
        os.environ["TEXTUAL_FPS"] = "250"
    try:
        yield
    finally:
        if said is None:
            del os.environ["TEXTUAL_FPS"]  # not meant for programs that are started from here


def settle() -> None:
    """Move everything loaded so far out of the reach of the garbage collector."""
    gc.freeze()
    gc.set_threshold(10_000)  # seldom: the young generation has a snapshot's 50,000 processes; see `rest`
    gc.enable()


def rest() -> None:
    """Collect garbage now, after a key was answered, lest that happen during the next answer: the young generation, and
    each older one as often as the interpreter would, which never does where this comes before it every time."""
    if gc.isenabled():
        counts, thresholds = gc.get_count(), gc.get_threshold()
        gc.collect(max((age for age in (1, 2) if counts[age] > thresholds[age]), default=0))
