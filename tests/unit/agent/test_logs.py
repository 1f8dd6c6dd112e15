"""The files of logs: their ends, their rotations, and what a container could have put into their place."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsview.agent.containers import conmon, logs, stopped
from nsview.agent.containers.logs import LogFiles
from nsview.agent.protocol import LogLine


def docker_line(text: str, stream: str = "stdout") -> bytes:
    return json.dumps({"log": text, "stream": stream, "time": "2026-01-02T03:04:05.6Z"}).encode() + b"\n"


def cri_line(text: str, tag: str = "F", stream: str = "stdout") -> bytes:
    return f"2026-01-02T03:04:05.6Z {stream} {tag} {text}\n".encode()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogFiles]:
    made = LogFiles("json-file", os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY), "x.log", str(tmp_path / "x.log"))
    yield made
    made.close()


@pytest.fixture
def cri(tmp_path: Path) -> Iterator[LogFiles]:
    made = LogFiles("cri", os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY), "0.log")
    yield made
    made.close()


def texts(lines: list[LogLine]) -> list[str]:
    return [line["text"] for line in lines]


def write(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.writelines(lines)


def test_the_tail_goes_on_in_rotated_files_but_not_in_compressed_ones(log: LogFiles, tmp_path: Path) -> None:
    write(tmp_path / "x.log", *(docker_line(f"new {n}\n") for n in range(3)))
    write(tmp_path / "x.log.1", *(docker_line(f"old {n}\n") for n in range(3)))
    write(tmp_path / "x.log.2", *(docker_line(f"older {n}\n") for n in range(3)))
    write(tmp_path / "x.log.10", *(docker_line(f"oldest {n}\n") for n in range(3)))
    write(tmp_path / "x.log.3.gz", b"\x1f\x8b")
    assert texts(log.tail(2)[0]) == ["new 1", "new 2"]
    assert texts(log.tail(5)[0]) == ["old 1", "old 2", "new 0", "new 1", "new 2"]
    assert texts(log.tail(10)[0])[0] == "oldest 2"
    assert log.tail(0)[0] == []
    first = log.tail(1)[0][0]
    assert first == {"time": "2026-01-02T03:04:05.6Z", "stream": "stdout", "text": "new 2"}


def test_it_is_followed_over_a_rotation_and_a_truncation(log: LogFiles, tmp_path: Path) -> None:
    file = tmp_path / "x.log"
    write(file, docker_line("a\n"))
    _, place = log.tail(10)
    assert log.since(place, False) == ([], place, False, 0)
    write(file, docker_line("b\n"), docker_line("c\n"))
    file.rename(tmp_path / "x.log.1")
    write(file, docker_line("d\n"))
    lines, place, more, _ = log.since(place, False)
    assert texts(lines) == ["b", "c", "d"] and not more
    os.truncate(file, 0)
    write(file, docker_line("e\n"))
    lines, place, _, _ = log.since([place[0], place[1] + 99], False)
    assert texts(lines) == ["e"]
    write(tmp_path / "new", docker_line("f\n"))
    (tmp_path / "new").replace(file)
    assert texts(log.since(place, False)[0]) == ["f"]


def test_a_line_that_is_not_whole_yet_waits(log: LogFiles, tmp_path: Path) -> None:
    whole = docker_line("slow\n")
    write(tmp_path / "x.log", docker_line("a\n"), whole[:20])
    lines, place = log.tail(5)
    assert texts(lines) == ["a"]
    assert log.since(place, False)[0] == []
    write(tmp_path / "x.log", whole[20:])
    assert texts(log.since(place, False)[0]) == ["slow"]


def test_pieces_of_a_long_line_are_one_and_the_streams_are_kept_apart(cri: LogFiles, tmp_path: Path) -> None:
    write(
        tmp_path / "0.log", cri_line("one ", "P"), cri_line("oops", stream="stderr"), cri_line("two", "P"),
        cri_line("", "F"), cri_line("spaces  kept "), b"not of this form\n",
    )  # fmt: skip
    lines = cri.tail(10)[0]
    assert texts(lines) == ["one two", "oops", "spaces  kept ", "not of this form"]
    assert [line["stream"] for line in lines] == ["stdout", "stderr", "stdout", ""]


def test_of_a_file_of_ten_gigabytes_only_the_end_is_read(
    log: LogFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x.log"
    file.touch()
    os.truncate(file, 10 << 30)  # a hole: to read it would take long
    write(file, b"\n", *(docker_line(f"{n}\n") for n in range(5)))
    read = 0
    pread = os.pread

    def counted(fd: int, size: int, at: int) -> bytes:
        nonlocal read
        read += size
        return pread(fd, size, at)

    monkeypatch.setattr(os, "pread", counted)
    assert texts(log.tail(3)[0]) == ["2", "3", "4"]
    assert texts(log.tail(5000)[0])[-5:] == ["0", "1", "2", "3", "4"]
    assert read <= 2 * logs.CHUNK + (1 << 17)


def test_a_line_is_bounded_and_so_is_an_answer(log: LogFiles, tmp_path: Path) -> None:
    file = tmp_path / "x.log"
    write(file, docker_line("x" * 100_000 + "\n"))
    line = log.tail(1)[0][0]["text"]
    assert len(line) == logs.LONGEST + 1 and line.endswith("…")
    _, place = log.tail(1)
    write(file, *(docker_line(f"{n:0100}\n") for n in range(20_000)))
    lines, after, more, skipped = log.since(place, False)
    assert more and 0 < len(lines) < 20_000 and texts(lines)[0] == f"{0:0100}" and not skipped
    assert texts(log.since(after, False)[0])[0] == f"{len(lines):0100}"
    lines, _, more, skipped = log.since(place, True)
    assert texts(lines)[-1] == f"{19_999:0100}" and skipped > logs.CHUNK // 2
    write(file, b"y" * (3 << 20))
    told = []
    for _ in range(9):
        lines, place, more, _ = log.since(place, False)
        told += texts(lines)
    assert told[-1].startswith("yy") and not more


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_only_a_file_of_its_own_is_read(log: LogFiles, tmp_path: Path, kind: str) -> None:
    secret, place = tmp_path / "secret", tmp_path / "x.log"
    secret.write_bytes(docker_line("root:x\n"))
    {"link": lambda: place.symlink_to(secret), "fifo": lambda: os.mkfifo(place), "directory": place.mkdir}[kind]()
    with pytest.raises(OSError):
        log.tail(5)


def test_no_link_is_followed_below_the_directory_of_logs(tmp_path: Path) -> None:
    (tmp_path / "pods").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "pods" / "mine").symlink_to(tmp_path / "other")
    root = os.open("/", os.O_PATH)
    with pytest.raises(OSError):
        logs._made(root, "cri", str(tmp_path / "pods"), "mine", "0.log", os.getuid())
    (tmp_path / "pods" / "yours").mkdir()
    logs._made(root, "cri", str(tmp_path / "pods"), "yours", "0.log", os.getuid()).close()
    (tmp_path / "pods" / "yours").chmod(0o777)
    with pytest.raises(OSError):
        logs._made(root, "cri", str(tmp_path / "pods"), "yours", "0.log", os.getuid())
    os.close(root)


def test_the_log_of_a_container_of_a_pod_that_has_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "PODS", str(tmp_path))
    directory = tmp_path / "prod_shop-0_u1" / "cart"
    directory.mkdir(parents=True)
    write(directory / "3.log", cri_line("last words"))
    one = stopped.record("containerd:k8s.io/c1", "c1", "containerd", "/status")
    one["name"], one["pod"] = "cart", {"namespace": "prod", "name": "shop-0", "uid": "u1"}
    log = logs.of_stopped(one)
    assert texts(log.tail(9)[0]) == ["last words"] and log.path == str(directory / "3.log")
    log.close()
    one["name"] = "other"
    assert logs.of_stopped(one).directory is None, "its files were deleted"


def test_what_no_json_is_is_shown_as_it_stands(log: LogFiles, tmp_path: Path) -> None:
    write(
        tmp_path / "x.log", b"\xff[1]\n", b'{"log": 5}\n', b'{"log": "\\ud800", "stream": [], "time": 1}\n', b"{" * 99
    )
    assert texts(log.tail(5)[0])[0] == "\\xff[1]"


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ("-l k8s-file:/g/ctr.log --exit-command /usr/bin/podman", [("k8s-file", "/g/ctr.log")]),
        ("--log-path=journald -l k8s-file:/x", [("journald", ""), ("k8s-file", "/x")]),
        ("-l /var/log/pods/a/0.log", [("k8s-file", "/var/log/pods/a/0.log")]),
        ("-l none --exit-command podman --exit-command-arg -l --exit-command-arg /x", [("none", "")]),
    ],
)
def test_conmon_tells_where_it_writes(words: str, places: list[tuple[str, str]]) -> None:
    assert conmon.log_places(["conmon", *words.split()]) == places
