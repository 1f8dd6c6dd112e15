"""A moment of a recording, as a user gives it: `03:12`, `2026-11-28 03:12:05`, `+5m`, `-1h30m`, `1764299525.5`."""

import re
from datetime import datetime, timedelta

from nsview.model import text

_CLOCK = re.compile(r"(?:(\d{4}-\d\d-\d\d)[T ])?(\d\d?):(\d\d)(?::(\d\d))?", re.ASCII)
_SPAN = re.compile(r"([+-])((?:\d+[dhms])+)", re.ASCII)
_SECONDS = re.compile(r"\d{9,11}(?:\.\d+)?", re.ASCII)
_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
LEEWAY = 60.0
"""Seconds by which a moment may be outside of a recording: then the nearest one is meant."""
FORMS = "03:12, 03:12:05, 2026-11-28 03:12, +5m from the beginning, -1h from the end"


def moment(words: str, begin: float, end: float) -> float:
    """The moment that words mean in a recording from `begin` to `end`, in seconds since the epoch. A time of day is
    the last one in there, by the clock of this machine. Raises ValueError with a line for the user."""
    try:
        found = _meant(words.strip(), begin, end)
    except (OverflowError, OSError, ValueError):
        found = None
    if found is None:
        raise ValueError(f"{words!r} is no moment; give {FORMS}")
    if not begin - LEEWAY <= found <= end + LEEWAY:
        raise ValueError(f"it tells of {clock(begin)} to {clock(end)}, not of {words}")
    return min(max(found, begin), end)


def _meant(text: str, begin: float, end: float) -> float | None:
    if span := _SPAN.fullmatch(text):
        seconds = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(.)", span[2]))
        return begin + seconds if span[1] == "+" else end - seconds
    if _SECONDS.fullmatch(text):
        return float(text)
    if not (clock := _CLOCK.fullmatch(text)):
        return None
    day, time = clock[1], f"{int(clock[2]):02}:{clock[3]}:{clock[4] or '00'}"
    if day:
        return datetime.fromisoformat(f"{day} {time}").timestamp()
    last = datetime.fromisoformat(f"{datetime.fromtimestamp(end):%Y-%m-%d} {time}")
    return (last if last.timestamp() <= end + LEEWAY else last - timedelta(days=1)).timestamp()


def clock(moment: float) -> str:
    """A moment in words, by the clock of this machine."""
    return text.clock(moment, "%d %b %H:%M:%S")
