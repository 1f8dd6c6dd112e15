"""Saves the frames of this machine's agent as they come."""

import threading
import time
from typing import BinaryIO

from .local import LocalHost

NETS = 2.0  # seconds between two readings of the net namespaces, at the least


def record(file: BinaryIO, seconds: float | None = None) -> int:
    """Write frames to a file until interrupted (^C) or for so many seconds. How many were written.

    Each frame is written whole and at once, so what is there when the machine dies can be read.
    """
    host = LocalHost()
    host.request_holders()  # what is not looked for now can't be seen in the recording
    host.request_security()
    host.request_nets()
    asked = time.monotonic()
    timer = threading.Timer(seconds, host.stop) if seconds else None
    number = 0
    try:
        if timer:
            timer.start()
        for line in host.lines():
            file.write(line)
            file.flush()
            number += 1
            # The net map is to be of the namespaces that there are.
            if b'"type":"net"' in line and line.startswith(b'{"frame":"delta"') and time.monotonic() > asked + NETS:
                asked = time.monotonic()
                host.request_nets()
    except KeyboardInterrupt:
        pass
    finally:
        if timer:
            timer.cancel()
        host.stop()
    return number
