"""What the interpreter and Textual are told so that a key is answered at once, however much there is in memory."""

import contextlib
import gc
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """While Textual is imported: it paints soon after a key, in 4 ms at most instead of 17.

    Nothing is searched for what could be freed until the first picture stands (`settle`), and the thread that reads
    the host gives way to the screen within a millisecond.
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
            del os.environ["TEXTUAL_FPS"]  # what is started from here is not meant


def settle() -> None:
    """What is there by now stays: it is never searched again for what could be freed, which took up to 0.1 s."""
    gc.freeze()
    gc.set_threshold(10_000)  # seldom: each look at what is young takes in a snapshot's 50,000 processes; see `rest`
    gc.enable()


def rest() -> None:
    """A key is answered, and nobody waits: what is young is looked through now, lest it be during the next answer."""
    if gc.isenabled():
        gc.collect(0)
