"""A recording is a file from anywhere: what is wrong with it is one line, and what is right is shown."""

import contextlib
import gzip
import json
import os
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from nsview.hosts import HostError, frames, recording, stream
from nsview.hosts.recording import RecordedHost
from nsview.model.snapshot import Snapshot, advance

from .test_stream import HELLO, delta, random_look, written

PROCESS: dict[str, Any] = {
    "pid": 2, "ppid": 1, "start": 3, "uid": 0, "user": "root", "state": "S", "comm": "c", "cmdline": ["c"],
    "nspid": [2, 1], "namespaces": {"net": 7},
}  # fmt: skip


def snapshot_frame(**fields: Any) -> dict[str, Any]:
    return {"frame": "snapshot", "taken_at": 1.0, "processes": [PROCESS], "namespaces": [], "containers": [], **fields}


def delta_frame(**fields: Any) -> dict[str, Any]:
    frame = {"frame": "delta", "taken_at": 2.0, "processes": [], "gone": [], "namespaces": [], "namespaces_gone": [],
             "containers": [], "containers_gone": []}  # fmt: skip
    return {**frame, **fields}


def lines(*frames: Any) -> bytes:
    return b"".join(json.dumps(frame).encode() + b"\n" for frame in frames)


def read(tmp_path: Path, data: bytes) -> Any:
    file = tmp_path / "r.jsonl"
    file.write_bytes(data)
    return RecordedHost(file).first()


def refusal(tmp_path: Path, data: bytes) -> str:
    with pytest.raises(HostError) as error:
        read(tmp_path, data)
    text = str(error.value)
    assert text.isprintable() and len(text) < 400, "one line that a terminal can show"
    return text


def test_hello_and_snapshot_are_enough(tmp_path: Path) -> None:
    shown = read(tmp_path, lines(HELLO, snapshot_frame()))
    assert shown.processes[2].inner_pid == 1


def test_gzip_is_read_as_well(tmp_path: Path) -> None:
    assert 2 in read(tmp_path, gzip.compress(lines(HELLO, snapshot_frame()))).processes


def test_what_is_shown_is_how_the_recording_ended(tmp_path: Path) -> None:
    shown = read(tmp_path, lines(HELLO, snapshot_frame(), delta_frame(gone=[2])))
    assert shown.processes == {} and shown.taken_at == 2.0


def test_fields_and_frames_of_a_later_version_do_not_disturb(tmp_path: Path) -> None:
    hello = {**HELLO, "more": 1, "host": {**HELLO["host"], "more": {"deep": []}}}  # type: ignore[dict-item]
    frame = snapshot_frame(more=[1], processes=[{**PROCESS, "more": "x", "namespaces": {"net": 7, "new": 8}}])
    assert 2 in read(tmp_path, lines(hello, frame)).processes


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_every_cut_is_refused_or_leaves_a_whole_recording(tmp_path: Path, end: bytes, packed: bool) -> None:
    """At any byte: never a snapshot of half a frame."""
    data = lines(HELLO, snapshot_frame(), delta_frame(gone=[2]))
    two = data[: data.index(b"\n", data.index(b"\n") + 1) + 1]
    for length in range(len(data) + 1):
        cut = data[:length].removesuffix(b"\n") + end if end else data[:length]
        if (end and cut not in (two, data)) or len(cut) < len(two):
            refusal(tmp_path, gzip.compress(cut) if packed else cut)
        else:
            shown = read(tmp_path, gzip.compress(cut) if packed else cut)
            assert set(shown.processes) == ({2} if len(cut) < len(data) else set())


def test_a_cut_recording_is_shown_up_to_there_and_says_so(tmp_path: Path) -> None:
    data = lines(HELLO, snapshot_frame(), delta_frame())
    for cut, said in ((data[:-5], True), (data, False), (gzip.compress(data)[:-12], True)):
        (tmp_path / "r").write_bytes(cut)
        host = RecordedHost(tmp_path / "r")
        assert 2 in host.first().processes
        assert ("cut in the middle of a frame" in host.note) is said


def test_another_schema_says_which(tmp_path: Path) -> None:
    assert "schema 2" in refusal(tmp_path, lines({**HELLO, "schema": 2}, snapshot_frame()))
    assert "schema 2" in refusal(tmp_path, lines({"frame": "hello", "schema": 2, "machine": "renamed"}))


@pytest.mark.parametrize(
    "data",
    [
        b"\n", b"\n\n\n", b"text\n", b"{}\n", b"[]\n", b"null\n", b"{\n", b'{"frame":"hello"}\n', b"\xff\xfe\n",
        b'{"schema": "2"}\n', b"\x00" * 100 + b"\n", b"PK\x03\x04\n", b'{"frame":"hello","schema":1,"host":{}}\n',
        b"[" * 100_000 + b"\n", b'{"frame":"hello","x":' + b"[" * 100_000 + b"\n",
        b'{"frame":"hello","schema":' + b"1" * 5000 + b"}\n",
    ],
    ids=range(16),
)  # fmt: skip
def test_what_is_no_recording_is_called_so(tmp_path: Path, data: bytes) -> None:
    assert "recording of nsview" in refusal(tmp_path, data) or "schema" in refusal(tmp_path, data)


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    assert "empty" in refusal(tmp_path, b"")
    assert "empty" in refusal(tmp_path, gzip.compress(b""))


@pytest.mark.parametrize("frames", [[HELLO], [HELLO, {"frame": "progress", "done": 1, "total": 2}]])
def test_a_recording_without_a_snapshot_says_so(tmp_path: Path, frames: list[Any]) -> None:
    assert "no snapshot" in refusal(tmp_path, lines(*frames))


def test_frames_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    assert "hello" in refusal(tmp_path, lines(snapshot_frame()))
    assert "before the first snapshot" in refusal(tmp_path, lines(HELLO, delta_frame()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"processes": None}, {"processes": {}}, {"taken_at": "now"}, {"taken_at": None}, {"namespaces": [1]},
        {"processes": [{**PROCESS, "pid": "2"}]}, {"processes": [{**PROCESS, "pid": 2.5}]},
        {"processes": [{**PROCESS, "nspid": []}]}, {"processes": [{**PROCESS, "nspid": [None]}]},
        {"processes": [{**PROCESS, "namespaces": {"net": "7"}}]}, {"processes": [{**PROCESS, "namespaces": []}]},
        {"processes": [{**PROCESS, "cmdline": "c"}]}, {"processes": [{**PROCESS, "kthread": 1}]},
        {"processes": [{k: v for k, v in PROCESS.items() if k != "start"}]},
        {"namespaces": [{"type": "net", "inode": "7", "device": 4}]},
        {"namespaces": [{"type": "new", "inode": 7, "device": 4}]},
        {"namespaces": [{"type": "net", "inode": 7, "device": 4, "held_by": [{"kind": "magic"}]}]},
        {"containers": [{"key": "x"}]}, {"containers": "docker"},
    ],
    ids=range(19),
)  # fmt: skip
def test_a_frame_of_wrong_types_is_refused_with_its_line_and_place(tmp_path: Path, wrong: dict[str, Any]) -> None:
    text = refusal(tmp_path, lines(HELLO, snapshot_frame(**wrong)))
    assert "(line 2)" in text and "$" in text


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[1]", b'{"frame":"dance"}', b'{"frame":1}', b"\xff", b'{"frame":"error","text":"\\ud800"}',
     b"[" * 100_000, b'{"frame":"progress","done":1e400,"total":1}'],
    ids=range(9),
)  # fmt: skip
def test_a_broken_line_in_the_middle_is_refused_with_its_number(tmp_path: Path, line: bytes) -> None:
    assert "(line 3)" in refusal(tmp_path, lines(HELLO, snapshot_frame()) + line + b"\n" + lines(delta_frame()))


def test_hostile_text_in_an_error_is_made_safe(tmp_path: Path) -> None:
    refusal(tmp_path, lines(HELLO, {"frame": "error", "text": "\x1b[2J\nnsview: all is well\u202e"}))
    refusal(tmp_path, lines(HELLO, {"frame": "\x1b[2J"}))


def test_broken_gzip_is_refused_wherever_it_is_broken(tmp_path: Path) -> None:
    data = gzip.compress(lines(HELLO, snapshot_frame()) * 20)
    chance = random.Random(0)
    for _ in range(300):
        broken = bytearray(data)
        broken[chance.randrange(2, len(data))] ^= 1 << chance.randrange(8)
        file = tmp_path / "r.gz"
        file.write_bytes(broken)
        try:
            RecordedHost(file).first()
        except HostError as error:
            assert str(error).isprintable()
    for cut in range(2, len(data)):
        file.write_bytes(data[:cut])
        with contextlib.suppress(HostError):
            assert set(RecordedHost(file).first().processes) == {2}


@pytest.mark.parametrize("seed", range(10))
def test_a_recording_with_any_byte_changed_never_fails_but_in_one_line(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    data = written(HELLO) + lines(snapshot_frame(), delta_frame(gone=[2]))
    for _ in range(200):
        broken = bytearray(data)
        broken[chance.randrange(len(data))] = chance.randrange(256)
        try:
            read(tmp_path, bytes(broken))
        except HostError as error:
            assert str(error).isprintable()


def test_a_little_file_that_holds_any_number_of_frames_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MOST", 1 << 20)
    whole = lines(HELLO, snapshot_frame())
    within = whole + b" " * ((1 << 20) - len(whole) - 1) + b"\n"
    assert "more than 1 MiB" not in refusal(tmp_path, within)
    assert "more than 1 MiB" in refusal(tmp_path, b" " + within)
    assert "more than 1 MiB" in refusal(tmp_path, gzip.compress(b" " + within))


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nobody"):
        with pytest.raises(HostError, match=r"directory"):
            RecordedHost(path)


def test_it_can_be_read_again_and_paced(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_bytes(lines(HELLO, snapshot_frame(), delta_frame(taken_at=1.01, gone=[2])))
    recorded = RecordedHost(file, pace=1)
    assert recorded.first().processes == {}
    assert len(list(recorded.read())) == 3
    assert len(list(recorded.read())) == 3


def test_frames_that_the_agent_can_write_can_be_read(tmp_path: Path) -> None:
    for seed in range(20):
        chance = random.Random(seed)
        from nsview.agent import main

        old, new = random_look(chance), random_look(chance)
        data = b"".join(written(f) for f in (HELLO, main.snapshot(old, 1.0), delta(old, new, 2.0)) if f)
        assert set(read(tmp_path, data).processes) == set(new["processes"])


# Many lines


def peak(tmp_path: Path, data: bytes) -> float:
    """The memory that reading a recording takes at most, in sizes of its file; what it says of it is one line."""
    file = tmp_path / "many.jsonl"
    file.write_bytes(data)
    tracemalloc.start()
    try:
        with contextlib.suppress(HostError):
            RecordedHost(file).first()
        return tracemalloc.get_traced_memory()[1] / len(data)
    finally:
        tracemalloc.stop()


def tiny_delta(number: int, **fields: Any) -> dict[str, Any]:
    return delta_frame(taken_at=2.0 + number / 1000, **fields)


def test_many_short_lines_take_little_more_memory_than_their_file(tmp_path: Path) -> None:
    begin = lines(HELLO, snapshot_frame())
    progress = lines({"frame": "progress", "done": 1, "total": 2})
    one_each = (tiny_delta(n, processes=[{**PROCESS, "pid": n + 10}]) for n in range(4_000))
    for data in (
        b"\n" * 1_000_000,
        begin + b"\n" * 1_000_000,
        begin + b"{}\n" * 300_000,
        begin + progress * 30_000,
        begin + lines(*one_each),
        begin + lines(*(tiny_delta(n, gone=[n + 10]) for n in range(4_000))),
    ):
        assert peak(tmp_path, data) <= 4, data[-60:]


def at_most(file: Path, table: str) -> tuple[float, str]:
    """The memory that a command takes for a recording, in sizes of its file, without what it takes for a small one; and
    what it says of it."""
    small = file.with_name("small.jsonl")
    small.write_bytes(lines(HELLO, snapshot_frame()))
    used = []
    for name in (small, file):
        argv = [sys.executable, "-P", "-m", "nsview", "list", table, "--from", str(name)]
        command = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert command.stderr
        said = command.stderr.read()
        _, status, usage = os.wait4(command.pid, 0)
        assert os.waitstatus_to_exitcode(status) in (0, 4), said
        used.append(usage.ru_maxrss * 1024)
    return (used[1] - used[0] - recording.BESIDE) / file.stat().st_size, said


DENSE = ["processes", "nspid", "cmdline", "namespaces", "names", "held_by", "gone", "interfaces"]


@pytest.mark.parametrize("field", DENSE)
def test_one_line_of_very_many_things_takes_little_memory_or_is_refused(tmp_path: Path, field: str) -> None:
    usual = {**PROCESS, "cmdline": ["/usr/bin/something", "--with", "words", "that", "tell", "more", "of it"]}
    blue = {"type": "net", "inode": 7, "device": 4}
    net = {"inode": 7, "interfaces": [Many({"index": 1, "name": "e"}, 800_000)]}
    frame, table = {
        "processes": (snapshot_frame(processes=[usual, Many({**usual, "pid": 9}, 60_000)]), "processes"),
        "nspid": (snapshot_frame(processes=[{**PROCESS, "nspid": [1, Many(0, 9_000_000)]}]), "processes"),
        "cmdline": (snapshot_frame(processes=[{**PROCESS, "cmdline": ["", Many("ab", 4_000_000)]}]), "namespaces"),
        "namespaces": (snapshot_frame(namespaces=[blue, Many(blue, 500_000)]), "containers"),
        "names": (snapshot_frame(namespaces=[{**blue, "names": ["", Many("ab", 4_000_000)]}]), "containers"),
        "held_by": (snapshot_frame(namespaces=[{**blue, "held_by": [Many({"kind": "fd"}, 1_200_000)]}]), "containers"),
        "gone": (delta_frame(gone=[1, Many(9, 9_000_000)]), "containers"),
        "interfaces": ({"frame": "net", "id": 1, "taken_at": 1.0, "nets": [net]}, "nets"),
    }[field]
    file = tmp_path / "dense.jsonl"
    before = [HELLO, snapshot_frame()] if frame["frame"] != "snapshot" else [HELLO]
    file.write_bytes(lines(*before) + written_many(frame))
    times, said = at_most(file, table)
    assert times <= 4.2, said
    refused = "MiB takes more than 3 times that in memory, which is more than nsview takes in (line "
    assert (refused in said) is (field not in ("processes", "namespaces", "gone")), said


class Many:
    """So many times the same thing in a list of a frame."""

    def __init__(self, one: Any, times: int) -> None:
        self.one, self.times = one, times


def written_many(frame: dict[str, Any]) -> bytes:
    found: list[Many] = []

    def mark(many: Any) -> str:
        found.append(many)
        return f"\0{len(found) - 1}\0"

    text = json.dumps(frame, default=mark, separators=(",", ":")).encode()
    for number, many in enumerate(found):
        each = json.dumps(many.one, separators=(",", ":")).encode()
        text = text.replace(b'"\\u0000%d\\u0000"' % number, b",".join([each] * many.times))
    return text + b"\n"


def test_nothing_is_read_after_the_first_line_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    decode = frames.decode
    monkeypatch.setattr(frames, "decode", lambda line: (decoded.append(1), decode(line))[1])
    assert "(line 3)" in refusal(tmp_path, lines(HELLO, snapshot_frame()) + b"\n" * 1_000_000)
    assert len(decoded) == 3


def _advances(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many processes each snapshot that is made of another one has."""
    made: list[int] = []

    def counted(old: Snapshot, *args: Any, **kwargs: Any) -> Snapshot:
        new = advance(old, *args, **kwargs)
        made.append(len(new.processes))
        return new

    monkeypatch.setattr(stream, "advance", counted)
    return made


def recorded(tmp_path: Path, said: list[Any]) -> Path:
    file = tmp_path / "busy.jsonl"
    file.write_bytes(lines(*said))
    return file


def busy(number: int) -> list[Any]:
    """A host whose processes come and go in as many deltas, with something else said between any two."""
    said: list[Any] = [HELLO, snapshot_frame()]
    search = {"frame": "holders", "id": 1, "taken_at": 2.0, "kinds": ["fd"], "processes": 1, "unreadable": {}}
    for n in range(number):
        said.append(tiny_delta(n, processes=[{**PROCESS, "pid": n + 10}], gone=[n] if n % 3 else []))
        said.append(({"frame": "details", "id": n, "details": None}, {**search, "id": n})[n % 2])
    return said


def test_what_many_deltas_add_up_to_costs_no_more_than_their_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each snapshot in between would be a copy of all that is there."""
    one_by_one = [said for said in RecordedHost(recorded(tmp_path, busy(3000))).read() if isinstance(said, Snapshot)]
    made = _advances(monkeypatch)
    host = RecordedHost(recorded(tmp_path, busy(3000)))
    last = host.first()
    assert len(made) == 1
    assert (last.processes, last.namespaces, last.search) == (
        one_by_one[-1].processes, one_by_one[-1].namespaces, one_by_one[-1].search,
    )  # fmt: skip
    host.nets()
    host.security()
    assert len(made) == 1


def test_deltas_that_nobody_could_see_apart_are_shown_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """3,000 in 3 seconds: no more than 20 a second, and all that they say."""
    host = RecordedHost(recorded(tmp_path, busy(3000)), pace=1)
    monkeypatch.setattr(host._stopped, "wait", lambda seconds: False)
    shown = [said for said in host.read() if isinstance(said, Snapshot)]
    assert 50 <= len(shown) <= 62
    assert shown[-1].processes == host.first().processes
