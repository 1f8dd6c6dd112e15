"""Saves the frames of this machine's agent as they come."""

import threading
from typing import BinaryIO

from .local import LocalHost


def record(file: BinaryIO, seconds: float | None = None) -> int:
    """Write frames to a file until interrupted (^C) or for so many seconds. How many were written.

    Each frame is written whole and at once, so what is there when the machine dies can be read.
    """
    host = LocalHost()
    host.request_holders()  # what is not looked for now can't be seen in the recording
    host.request_security()
    timer = threading.Timer(seconds, host.stop) if seconds else None
    number = 0
    try:
        if timer:
            timer.start()
        for line in host.lines():
            file.write(line)
            file.flush()
            number += 1
    except KeyboardInterrupt:
        pass
    finally:
        if timer:
            timer.cancel()
        host.stop()
    return number
