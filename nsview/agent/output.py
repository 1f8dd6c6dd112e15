"""The frames of the agent as lines of JSON, written to its reader."""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, BinaryIO

    from .protocol import DeltaFrame, Frame, SnapshotFrame

# Half a surrogate pair as json.dumps writes it, which no decoder takes: of a byte that is no UTF-8 (of a file's or a
# host's name), or of another. Escaped backslashes and whole pairs are passed over.
_HALF_PAIR = re.compile(r"\\\\|\\ud[89ab]..\\ud[c-f]..|\\udc([89a-f].)|\\(ud[89a-f]..)")
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Output:
    """The reader's end: a binary file, flushed after each frame."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, frame: Frame) -> None:
        self.relay([encoded(frame)])

    def write_long(self, frame: SnapshotFrame | DeltaFrame) -> None:
        """Write a frame of many processes: in pieces, as one line would take much memory."""
        self.relay(_in_pieces(frame))

    def relay(self, lines: Iterable[bytes]) -> None:
        """Pass on frames that are encoded already."""
        self._out.writelines(lines)
        self._out.flush()


def encoded(frame: Frame | dict[str, Any]) -> bytes:
    """A frame's line: ASCII, so that no encoding of the reader's can break it."""
    return _json(frame) + b"\n"


def _in_pieces(frame: SnapshotFrame | DeltaFrame, size: int = 500) -> Iterator[bytes]:
    """The same line, some processes at a time."""
    processes = frame["processes"]
    head, tail = _json({**frame, "processes": []}).split(b'"processes":[]', 1)
    yield head + b'"processes":['
    for at in range(0, len(processes), size):
        yield (b"," if at else b"") + _json(processes[at : at + size])[1:-1]
    yield b"]" + tail + b"\n"


def _json(value: object) -> bytes:
    line = _encode(value)
    if "\\ud" in line:
        line = _HALF_PAIR.sub(_escaped, line)
    return line.encode("ascii")


def _escaped(match: re.Match[str]) -> str:
    byte, half = match.groups()
    return "\\\\x" + byte if byte else "\\\\" + half if half else match.group()
