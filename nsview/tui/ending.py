"""The ends of the explorer that come from outside: signals, and a terminal that is gone."""

import asyncio
import os
import select
import signal
import threading
from collections.abc import Callable
from functools import partial


def on_signals(end: Callable[[int], object], *, interrupt: bool) -> None:
    """Have a signal call `end` with an exit code in the running loop. interrupt: SIGINT too.

    Each gives the terminal back as it was; during a shell, which receives it first, when that has exited.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        loop.add_signal_handler(number, end, 128 + number)
    if interrupt:
        # Not by the loop, which would later receive the signals meant for the program in the terminal.
        interrupted = partial(loop.call_soon_threadsafe, end, 128 + signal.SIGINT)
        signal.signal(signal.SIGINT, lambda *_: interrupted())


def with_terminal(stop: Callable[[], object]) -> None:
    """End this process when the terminal is gone. stop: called before, in another thread.

    Only a process with a controlling terminal receives SIGHUP; without one the driver would read the terminal's end
    again and again.
    """

    def watch() -> None:
        gone = select.poll()
        gone.register(0, 0)  # POLLHUP alone, which is always reported
        gone.poll()
        stop()
        os._exit(128 + signal.SIGHUP)

    threading.Thread(target=watch, daemon=True).start()
