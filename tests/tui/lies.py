"""An agent that answers with well-formed frames whose contents are lies, made of the frames of the demo."""

import copy
import gzip
import json
import queue
import subprocess
from collections.abc import Iterator
from typing import Any

import msgspec

from nsview.hosts.frames import decode
from nsview.hosts.live import LiveHost
from nsview.hosts.recording import demo

Frames = dict[str, dict[str, Any]]
"""{the kind of a frame: the frame}"""
Lie = tuple[str, tuple[str | int, ...], Any]
"""(the kind of a frame, the place in it, the value there)"""

LONG = "x" * 20_000
HOSTILE = "\x1b[2J\x1b]0;x\x07\r\n\u202e\ud800\0"
NUMBERS = (-1, 0, 1, 2, 70_000, 2**31, 2**62, -(2**62), 1e15, 1e300, -1e300)
TEXTS = ("", HOSTILE, LONG, "1e999", "/../..", "net:[1]", "999.1.1.1/99")
_NEVER = {"frame", "id", "schema", "done", "total", "partial"}


def true_frames() -> Frames:
    """A frame of each kind, as a real agent has told it; the use is made up for the same things."""
    with gzip.open(demo(), "rt") as file:
        said = [json.loads(line) for line in file]
    found: Frames = {}
    for frame in said:
        found.setdefault(frame["frame"], frame)
    snapshot = found["snapshot"]
    member = next(one for one in snapshot["processes"] if one["container"])
    details = [frame for frame in said if frame["frame"] == "details" and frame["details"]]
    found["details"] = max(details, key=lambda frame: len(json.dumps(frame)))
    use = {"cpu_seconds": 1.5, "throttled_seconds": 0.5, "memory": 1 << 20, "memory_limit": 1 << 30, "oom_kills": 1}
    more = {"read_bytes": 5, "written_bytes": 5, "pids": 1, "pids_limit": 9, "pressure": {"cpu": 1.5, "memory": 0.5}}
    stopped = {
        "key": "docker:gone", "id": "gone", "name": "gone", "runtime": "docker", "image": "a:1", "pod": None,
        "project": None, "state": "exited", "exit_code": 1, "oom_killed": False, "finished": 1.5, "restarts": 1,
        "witness": "", "error": "e", "command": ["sh"], "log": "/log",
    }  # fmt: skip
    port = {"protocol": "tcp", "address": None, "port": 80, "last": 81, "to": "10.0.0.2", "to_port": 80, "by": "docker"}
    keys = [one["key"] for one in snapshot["containers"]]
    found["usage"] = {
        "frame": "usage", "id": 0, "taken_at": 1e9, "clock": 5.0, "cost": 0.001,
        "host": {"processors": 2, "load": [0.5, 0.5, 0.5], "memory": 1 << 33, "memory_available": 1 << 32,
                 "booted": 1e9, "pressure": {"cpu": 1.0, "memory": 0.5, "io": 0.5}},
        "processes": [{"pid": one["pid"], "start": one["start"], "cpu_seconds": 1.5, "rss": 4096, "fds": 4}
                      for one in (member, *snapshot["processes"])],
        "containers": [{"key": key, **use, **more} for key in keys],
        "engines": {"places": [{"key": keys[0], "addresses": ["10.0.0.2"], "ports": [port]}], "stopped": [stopped],
                    "unread": ["/x"]},
    }  # fmt: skip
    found["log"] = {
        "frame": "log", "id": 0, "driver": "json-file", "path": "/log", "unreadable": None, "place": [1, 5],
        "lines": [{"time": "2026-01-01T00:00:00Z", "stream": "stdout", "text": "a"}], "more": False, "skipped": 0,
    }  # fmt: skip
    found["thread"] = {"frame": "thread", "id": 0, "pid": 1}
    whose = {key: member[key] for key in ("pid", "ppid", "start", "comm", "container")}
    found["ended"] = {"frame": "ended", "taken_at": 1e9, **whose, "code": 137, "oom": True}
    net = found["net"]["nets"][0]
    net["forwards"] = [{**port, "by": "rules"}]
    net["interfaces"].append(
        {
            "index": 9,
            "name": "veth9",
            "kind": "veth",
            "state": "up",
            "mac": None,
            "mtu": 1500,
            "addresses": ["10.0.0.1/24"],
            "master": 1,
            "link": {"index": 1, "net": net["inode"]},
        }
    )
    return found


def lies(frames: Frames) -> Iterator[Lie]:
    """Another value at each place of each frame, one element for each list."""
    for kind, frame in frames.items():
        for place, value in _places(frame, ()):
            yield from ((kind, place, other) for other in _others(value, frame, place))


def _places(value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if place:
        yield place, value
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in _NEVER or len(place) > 1:
                yield from _places(inner, (*place, key))
    elif isinstance(value, list) and value:
        # The one with the most in it.
        at = max(range(len(value)), key=lambda n: len(json.dumps(value[n])))
        yield from _places(value[at], (*place, at))


def _others(value: Any, frame: dict[str, Any], place: tuple[str | int, ...]) -> Iterator[Any]:
    match value:
        case bool():
            yield not value
        case int() | float():
            yield from (other for other in NUMBERS if other != value)
        case str():
            yield from (other for other in TEXTS if other != value)
        case list() if value:
            yield []
            yield [*value, *value]
            yield value[:1] * 3000
        case dict():
            yield {}
    if value is not None and len(place) > 1:
        yield None
    if value is None:
        yield from (7, "told", ["told"], [7], True)
    if isinstance(value, int | str) and len(place) > 1 and not isinstance(value, bool):
        # The value of another place beside: a process that is its own parent, a container in itself.
        beside = frame
        for step in place[:-1]:
            beside = beside[step]  # type: ignore[index]
        if isinstance(beside, dict):
            yield from (one for one in beside.values() if type(one) is type(value) and one != value)


def rounds(frames: Frames) -> Iterator[list[Lie]]:
    """All lies that decode, in as few rounds as there are values for a place: each has one for every place."""
    waiting = [lie for lie in lies(frames) if _decodes(told({lie[0]: frames[lie[0]]}, lie)[lie[0]])]
    while waiting:
        taken: list[Lie] = []
        left: list[Lie] = []
        for lie in waiting:
            overlaps = any(lie[0] == kind and _within(lie[1], place) for kind, place, _ in taken)
            (left if overlaps else taken).append(lie)
        yield taken
        waiting = left


def _within(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _decodes(frame: dict[str, Any]) -> bool:
    try:
        decode(json.dumps(frame).encode())
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def told(frames: Frames, *lies_: Lie) -> Frames:
    """The frames with lies in them."""
    found = copy.deepcopy(frames)
    for kind, place, value in lies_:
        at: Any = found[kind]
        for step in place[:-1]:
            at = at[step]
        at[place[-1]] = value
    return found


class Liar(LiveHost):
    """A host whose agent tells these frames: it echoes the requests, and the answers are made here."""

    name = "liar"

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self.asked: list[str] = []
        self._more: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        super().__init__(cat)

    def start(self) -> "subprocess.Popen[bytes]":
        raise NotImplementedError

    def lines_of(self, agent: "subprocess.Popen[bytes]") -> Iterator[bytes]:
        yield from map(_line, (self.frames["hello"], self.frames["snapshot"], self.frames["delta"]))
        yield _line(self.frames["ended"])
        for asked in super().lines_of(agent):
            yield from map(_line, self._replies(json.loads(asked)))

    def _replies(self, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        kind = asked["request"]
        self.asked.append(kind)
        if kind in self.frames and kind != "ended":
            frame = {**self.frames[kind], "id": asked["id"]}
            if kind == "details" and frame["details"]:
                frame["details"] = {**frame["details"], "pid": asked["pid"], "start": asked["start"]}
            yield frame
        if kind == "net":
            yield {"frame": "links"}


def _line(frame: dict[str, Any]) -> bytes:
    return json.dumps(frame).encode() + b"\n"
