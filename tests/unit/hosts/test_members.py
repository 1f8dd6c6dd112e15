"""A recording opens wherever it is cut, is read by zcat, and is dropped from its beginning."""

import contextlib
import fcntl
import gzip
import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsview.agent import main
from nsview.hosts import HostError, frames, members, recorder
from nsview.hosts.members import Writer
from nsview.hosts.recording import RecordedHost
from nsview.hosts.stream import Stream
from nsview.model.snapshot import Snapshot

from .test_stream import HELLO, delta, random_look, written

NET = {"frame": "net", "id": 1, "taken_at": 1.0, "nets": [], "notes": ["told once"], "unsearched": 0}
SEARCH = {
    "frame": "holders", "id": 7, "taken_at": 1.0, "kinds": ["fd"], "processes": 3, "unreadable": {}, "left_out": 0,
}  # fmt: skip


def frames_of(seed: int, number: int, began: float, apart: float = 1.0) -> Iterator[bytes]:
    """The lines of an agent: a look, a search, net namespaces, and so many changes of the look."""
    chance = random.Random(seed)
    look = random_look(chance)
    yield written(HELLO)
    yield written(main.snapshot(look, began))
    yield written({**SEARCH, "taken_at": began})
    yield written({**NET, "taken_at": began})
    for step in range(1, number):
        new = random_look(chance)
        frame = delta(look, new, began + step * apart)
        look = new
        if frame is not None:
            yield written(frame)


def take(writer: Writer, lines: Iterator[bytes]) -> list[tuple[int, Snapshot]]:
    """Write lines as the recorder does: (the size of the file, the live snapshot) after each that leads to one."""
    live, told = Stream("live"), []
    file = recorder._File(writer)
    for line in lines:
        file.take(frames.decode(line), line)
        if isinstance(snapshot := live.take(line), Snapshot):
            told.append((os.fstat(writer._fd).st_size, snapshot))
    return told


def same(a: Snapshot, b: Snapshot) -> bool:
    return (a.host, a.processes, a.namespaces, a.containers, a.search) == (
        b.host, b.processes, b.namespaces, b.containers, b.search,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(2))
def test_a_file_that_is_cut_at_any_byte_opens_to_its_last_whole_frame(tmp_path: Path, seed: int) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    with contextlib.closing(Writer(str(whole))) as writer:
        told = take(writer, frames_of(seed, 9, 100.0))
    data = whole.read_bytes()
    with open(whole, "rb") as file:
        assert len(members.members(file)) > 2, "or nothing is said of the places between members"
    sizes = [size for size, _ in told]
    for length in range(len(data) + 1):
        cut.write_bytes(data[:length])
        number = sum(size <= length for size in sizes)
        if number == 0 and length < sizes[0] - 8:
            with pytest.raises(HostError):
                RecordedHost(cut).first()
            continue
        try:
            shown = RecordedHost(cut).first()
        except HostError:
            assert number == 0
            continue
        # The last bytes of a frame say that it is flushed: it may be whole before they are there.
        may_be = [snapshot for _, snapshot in told[max(0, number - 1) : number + 1]]
        assert any(same(shown, snapshot) for snapshot in may_be), length
        if length in sizes:
            assert same(shown, told[number - 1][1])
    cut.write_bytes(data)
    host = RecordedHost(cut)
    nets = host.nets()
    assert nets is not None and nets.notes == ("told once",), "the last member tells what the first was told"
    assert host.note == ""


@pytest.mark.parametrize("seed", range(8))
def test_a_replay_is_what_was_live_frame_by_frame(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "r"
    with contextlib.closing(Writer(str(path))) as writer:
        told = take(writer, frames_of(seed, 30, 100.0))
    shown = [said for said in RecordedHost(path).read() if isinstance(said, Snapshot)]
    seen: list[Snapshot] = []
    for snapshot in shown:
        if not seen or not same(snapshot, seen[-1]):  # a member begins with what was
            seen.append(snapshot)
    wanted: list[Snapshot] = []
    for _, snapshot in told:
        if not wanted or not same(snapshot, wanted[-1]):
            wanted.append(snapshot)
    assert len(seen) == len(wanted) and all(map(same, seen, wanted))


def test_zcat_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with contextlib.closing(Writer(str(path))) as writer:
        take(writer, frames_of(1, 20, 100.0))
    text = subprocess.run(["zcat"], stdin=path.open("rb"), check=True, capture_output=True).stdout
    assert text == gzip.decompress(path.read_bytes())
    assert max(json.loads(line).get("taken_at", 0.0) for line in text.splitlines()) == 119.0


def test_a_member_that_is_damaged_is_said_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with contextlib.closing(Writer(str(path))) as writer:
        take(writer, frames_of(1, 20, 100.0))
    data = bytearray(path.read_bytes())
    data[len(data) - 60] ^= 1
    path.write_bytes(data)
    with pytest.raises(HostError, match="is damaged"):
        RecordedHost(path).first()


def test_what_follows_the_last_frame_unwritten_is_left_out_and_said(tmp_path: Path) -> None:
    """A machine that dies may leave zeros where data should be."""
    path = tmp_path / "r"
    writer = Writer(str(path))
    told = take(writer, frames_of(1, 3, 100.0))
    with open(path, "ab") as file:
        file.write(b"\0" * 5000)
    host = RecordedHost(path)
    assert same(host.first(), told[-1][1])
    assert "damaged" in host.note
    writer.close()


# The ring


def test_what_is_older_is_dropped_and_what_is_left_is_whole(tmp_path: Path) -> None:
    path, now = tmp_path / "r", time.time()
    with contextlib.closing(Writer(str(path), keep=100.0)) as writer:
        told = take(writer, frames_of(3, 200, now, apart=10.0))
        with open(path, "rb") as file:
            found = members.members(file)
        last = told[-1][1].taken_at
        assert last - 130 < found[1].began, "no more than a tenth is left of what is older"
        assert found[0].began < last - 90
        assert (path.stat().st_mode & 0o777, [entry.name for entry in tmp_path.iterdir()]) == (0o600, ["r"])
    host = RecordedHost(path)
    assert same(host.first(), told[-1][1])
    assert (nets := host.nets()) is not None and nets.notes == ("told once",)
    assert len(gzip.decompress(path.read_bytes()).splitlines()) < 50


@pytest.mark.parametrize("lost", [0, 1, 5, 40, 300])
def test_an_earlier_recording_is_gone_on_with(tmp_path: Path, lost: int) -> None:
    path, now = tmp_path / "r", time.time()
    writer = Writer(str(path), keep=3600.0)
    take(writer, frames_of(1, 10, now))
    os.close(writer._fd)  # it was killed
    path.write_bytes(path.read_bytes()[: path.stat().st_size - lost])
    before = [said for said in RecordedHost(path).read() if isinstance(said, Snapshot)]
    with contextlib.closing(Writer(str(path), keep=3600.0)) as writer:
        told = take(writer, frames_of(2, 10, now + 60))
    host = RecordedHost(path)
    shown = [said for said in host.read() if isinstance(said, Snapshot)]
    assert all(map(same, before, shown))
    assert same(host.first(), told[-1][1])
    assert gzip.decompress(path.read_bytes()).startswith(b'{"frame":"hello"')


def test_a_file_that_is_no_such_recording_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "r"
    for data in (b"mine", gzip.compress(b"mine"), b"x" * 100):
        path.write_bytes(data)
        for keep in (None, 60.0):
            with pytest.raises(FileExistsError):
                Writer(str(path), keep)
        assert path.read_bytes() == data
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(FileExistsError):
        Writer(str(tmp_path / "fifo"), 60.0)
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    (tmp_path / "empty").touch()
    with pytest.raises(FileExistsError, match="a link"):
        Writer(str(tmp_path / "link"), 60.0)
    assert not (tmp_path / "empty").stat().st_size


@pytest.mark.parametrize("earlier", [False, True])
def test_nobody_who_could_read_an_earlier_file_reads_on(tmp_path: Path, earlier: bool) -> None:
    """By its mode, by a link to it or by having it open; be it a recording or an empty file."""
    path, link = tmp_path / "r", tmp_path / "link"
    path.touch()
    if earlier:
        path.unlink()
        with contextlib.closing(Writer(str(path), 3600.0)) as writer:
            take(writer, frames_of(1, 5, time.time()))
    path.chmod(0o644)
    link.hardlink_to(path)
    before = link.read_bytes()
    with link.open("rb") as opened, contextlib.closing(Writer(str(path), 3600.0)) as writer:
        assert path.stat().st_mode & 0o777 == 0o600
        take(writer, frames_of(2, 5, time.time()))
        assert opened.read() == before
    assert link.read_bytes() == before and RecordedHost(path).first()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_file_of_another_user_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "r"
    for seed in (None, 1):
        if seed:
            with contextlib.closing(Writer(str(path), 3600.0)) as writer:
                take(writer, frames_of(seed, 5, time.time()))
        else:
            path.touch()
        os.chown(path, 65534, 65534)
        before = path.read_bytes()
        with pytest.raises(FileExistsError, match="another user's"):
            Writer(str(path), 3600.0)
        assert path.read_bytes() == before
        path.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_in_the_directory_of_another_user_nothing_is_written_to_what_that_one_has_put_there(tmp_path: Path) -> None:
    theirs, path = tmp_path / "theirs", tmp_path / "dir" / "r"
    theirs.touch()
    path.parent.mkdir()
    os.chown(path.parent, 65534, 65534)
    with contextlib.closing(Writer(str(path), 3600.0)) as writer:
        take(writer, frames_of(1, 5, time.time()))
    (path.parent / "r.new").symlink_to(theirs)
    with contextlib.closing(Writer(str(path), 3600.0)) as writer:
        take(writer, frames_of(2, 5, time.time()))
    assert theirs.stat().st_size == 0 and (path.stat().st_uid, path.stat().st_mode & 0o777) == (0, 0o600)


def test_two_do_not_write_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with contextlib.closing(Writer(str(path), 60.0)) as writer:
        take(writer, frames_of(1, 3, time.time()))
        with pytest.raises(OSError, match="another"):
            Writer(str(path), 60.0)
    Writer(str(path), 60.0).close()


def test_a_file_that_another_has_renewed_meanwhile_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flock = tmp_path / "r", fcntl.flock

    def renewed_first(fd: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        Writer(str(path), 60.0)
        flock(fd, how)

    path.touch()
    monkeypatch.setattr(fcntl, "flock", renewed_first)
    with pytest.raises(OSError, match="another `nsview record`"):
        Writer(str(path), 60.0)


def test_a_member_begins_when_the_frames_since_outweigh_the_look(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with contextlib.closing(Writer(str(path))) as writer:
        take(writer, frames_of(5, 200, 100.0))
    with open(path, "rb") as file:
        found = members.members(file)
        heads = tails = 0
        for member in found:
            told, _ = members.lines(file, member, 1 << 30)
            sizes = [len(line) for line in bytes(told).splitlines(keepends=True)]
            heads, tails = heads + sum(sizes[:4]), tails + sum(sizes[4:])
    assert heads < 1.2 * tails, "so no file is more than about twice what its changes are"
    assert sum(member.changes for member in found) > 100


# Redaction


def test_what_is_redacted_is_in_no_byte_of_the_file(tmp_path: Path) -> None:
    secret, path = "hunter2", tmp_path / "r"
    look = random_look(random.Random(1))
    for process in look["processes"].values():
        process["cmdline"] = [f"postgres: {secret}", "--password", secret]
    pid, process = next(iter(look["processes"].items()))
    later = {**look, "processes": {**look["processes"], pid: {**process, "ppid": 77}}}
    identity = {
        "source": "config.json", "uid": 0, "gid": 0, "groups": [], "capabilities": {}, "no_new_privs": False,
        "cwd": "/", "environment": [f"TOKEN={secret}=x"], "rlimits": {}, "umask": None, "oom_score_adj": 0,
    }  # fmt: skip
    details = {
        "pid": pid, "start": process["start"], "exe": None, "cwd": None, "root": None, "threads": 1, "seccomp": 0,
        "cgroup_lines": [], "frozen": False, "pid_namespace_dead": False, "setgroups_denied": False, "shells": [],
        "home": None, "identity": identity,
    }  # fmt: skip
    sent = [HELLO, main.snapshot(look, 1.0), delta(look, later, 2.0)]
    sent += [{"frame": "details", "id": 1, "details": details}]
    with contextlib.closing(Writer(str(path))) as writer:
        file = recorder._File(writer, redact=True)
        for line in map(written, sent):
            file.take(frames.decode(line), line)
    text = gzip.decompress(path.read_bytes()).decode()
    assert secret not in text and '"TOKEN=[redacted]"' in text
    shown = RecordedHost(path).first()
    assert shown.processes[pid].ppid == 77
    assert {one.cmdline for one in shown.processes.values()} == {
        (one.comm, "[redacted]") for one in shown.processes.values()
    }


def test_what_is_not_redacted_is_not_gone_on_with_redacted(tmp_path: Path) -> None:
    path, now = tmp_path / "r", time.time()

    def recorded(began: float, *, redact: bool) -> None:
        with contextlib.closing(Writer(str(path), 3600.0, redacted=redact)) as writer:
            file = recorder._File(writer, redact=redact)
            for line in frames_of(1, 9, began):
                file.take(frames.decode(line), line)

    recorded(now - 9000, redact=False)
    recorded(now - 60, redact=False)  # of the earlier one its last part is kept, for what it leads to
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="with arguments of commands"):
        recorded(now, redact=True)
    assert path.read_bytes() == before
    path.unlink()
    for redact in (True, True, False):
        recorded(now, redact=redact)
    with pytest.raises(FileExistsError, match="with arguments of commands"):
        recorded(now, redact=True)


@pytest.mark.parametrize("lost", [1, 40])
def test_a_redacted_recording_that_was_killed_is_gone_on_with_redacted(tmp_path: Path, lost: int) -> None:
    path, now = tmp_path / "r", time.time()
    writer = Writer(str(path), 3600.0, redacted=True)
    take(writer, frames_of(1, 10, now))
    os.close(writer._fd)
    path.write_bytes(path.read_bytes()[:-lost])
    with contextlib.closing(Writer(str(path), 3600.0, redacted=True)) as writer:
        assert all(member.redacted for member in writer._ended)
