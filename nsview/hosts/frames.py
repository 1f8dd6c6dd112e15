"""The agent's frames as typed records.

Frames are untrusted: a process chooses its own name, a recording may have been edited, a remote host may lie. A line
that does not decode into one of these is refused; `nsview/agent/protocol.py` gives the meaning of each frame.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from nsview.model.events.record import Ended
from nsview.model.log import Log
from nsview.model.net import Nets
from nsview.model.records import Container, Details, HolderSearch, Host, Namespace, NamespaceKey, Process
from nsview.model.security import Security
from nsview.model.usage import Usage

SCHEMA = 1


class Hello(Struct, frozen=True, tag_field="frame", tag="hello"):
    schema: int
    host: Host


class Progress(Struct, frozen=True, tag_field="frame", tag="progress"):
    done: int
    total: int


class SnapshotFrame(Struct, frozen=True, tag_field="frame", tag="snapshot"):
    taken_at: float
    processes: list[Process]
    namespaces: list[Namespace]
    containers: list[Container]
    partial: bool = False


class DeltaFrame(Struct, frozen=True, tag_field="frame", tag="delta"):
    taken_at: float
    processes: list[Process]
    gone: list[int]
    namespaces: list[Namespace]
    namespaces_gone: list[NamespaceKey]
    containers: list[Container]
    containers_gone: list[str]
    partial: bool = False


class DetailsFrame(Struct, frozen=True, tag_field="frame", tag="details"):
    id: int
    details: Details | None


class HoldersFrame(HolderSearch, frozen=True, tag_field="frame", tag="holders"):
    pass


class NetFrame(Nets, frozen=True, tag_field="frame", tag="net", kw_only=True):
    id: int


class Links(Struct, frozen=True, tag_field="frame", tag="links"):
    """Interfaces, addresses or routes have changed since net namespaces were asked for."""


class NetProgress(Struct, frozen=True, tag_field="frame", tag="net_progress"):
    id: int
    what: Literal["namespaces", "links", "processes"]
    done: int
    total: int


class SecurityFrame(Struct, frozen=True, tag_field="frame", tag="security"):
    id: int
    done: int
    total: int
    lsm: tuple[str, ...]
    processes: list[Security]


class UsageFrame(Usage, frozen=True, tag_field="frame", tag="usage", kw_only=True):
    id: int


class LogFrame(Log, frozen=True, tag_field="frame", tag="log", kw_only=True):
    id: int


class EndedFrame(Ended, frozen=True, tag_field="frame", tag="ended", kw_only=True):
    pass


class ThreadFrame(Struct, frozen=True, tag_field="frame", tag="thread"):
    id: int
    pid: int | None


class Kept(Struct, frozen=True, tag_field="frame", tag="kept"):
    id: int
    path: str | None


class ErrorFrame(Struct, frozen=True, tag_field="frame", tag="error"):
    text: str


Frame = (
    Hello
    | Progress
    | SnapshotFrame
    | DeltaFrame
    | DetailsFrame
    | HoldersFrame
    | SecurityFrame
    | NetFrame
    | NetProgress
    | Links
    | UsageFrame
    | LogFrame
    | EndedFrame
    | ThreadFrame
    | Kept
    | ErrorFrame
)

_decoder: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)


class _Schema(Struct):
    schema: int = SCHEMA


class _Kind(Struct):
    frame: str = ""


class _Time(Struct):
    taken_at: float | None = None


_time: msgspec.json.Decoder[_Time] = msgspec.json.Decoder(_Time)
_kind: msgspec.json.Decoder[_Kind] = msgspec.json.Decoder(_Kind)


def decode(line: bytes | memoryview) -> Frame:
    """The frame on one line. Raises msgspec.DecodeError (ValidationError included), saying where it is wrong."""
    return _decoder.decode(line)


def schema_of(line: bytes | memoryview) -> int:
    """The schema of a hello frame, also if the rest of it is unknown."""
    return msgspec.json.decode(line, type=_Schema).schema


def kind_of(line: bytes | memoryview) -> str:
    """The name of the frame on one line, in a fraction of the time that `decode` takes. Raises msgspec.DecodeError."""
    return _kind.decode(line).frame


def time_of(line: bytes | memoryview) -> float | None:
    """The time of the frame on one line, None if it has none, as soon as `kind_of`. Raises msgspec.DecodeError."""
    return _time.decode(line).taken_at
