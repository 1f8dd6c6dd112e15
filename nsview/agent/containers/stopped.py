"""The containers without a process, by the records that root's engines keep of them: how each of them ended.

An engine's module has `ended(host, known, unread)`, which yields them. known: the ids of the containers that a look
has; unread: gets the paths of records that are there and may not be read. A user's engine is not asked: its word counts
for that user alone.
"""

from __future__ import annotations

import os
import time

from .. import hostfiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..protocol import Stopped


def record(key: str, id: str, runtime: str, witness: str) -> Stopped:
    """The frame's record of a container of which no more is known."""
    return {
        "key": key, "id": id, "name": id[:12], "runtime": runtime, "image": None, "pod": None, "project": None,
        "state": "exited", "exit_code": None, "oom_killed": None, "finished": None, "restarts": None,
        "error": None, "command": None, "log": None, "witness": witness,
    }  # fmt: skip


def opened(path: str, unread: list[str]) -> int | None:
    """A directory of the host's, to be listed. None if it is not there; if it may not be read, its path is added to
    `unread`."""
    try:
        return hostfiles.opened(path, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        unread.append(path)
    except OSError:
        pass
    return None


def words(value: Any) -> list[str] | None:
    """The words of a command line in JSON. None for anything else, and for no words."""
    return value if value and isinstance(value, list) and all(isinstance(word, str) for word in value) else None


def number(value: Any) -> int | None:
    """A number of JSON. None for anything else."""
    return value if type(value) is int else None


def moment(text: Any) -> float | None:
    """Seconds since the epoch of a time such as 2026-11-28T14:55:00.123456789Z. None for Go's zero, and for no time."""
    import calendar  # not needed by a look

    try:
        seconds = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
        zone = text[19:].lstrip(".0123456789")
        if zone[:1] in ("+", "-"):
            hours, minutes = zone[1:].split(":")
            seconds -= int(zone[0] + "1") * (int(hours) * 3600 + int(minutes) * 60)
    except (TypeError, ValueError):
        return None
    return float(seconds) if seconds > 0 else None
