"""A recording, a configuration or a state that is no regular file: one line, and nobody waits for it."""

import os
import pty
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nsview.state import State

from .command import ENVIRONMENT, NSVIEW, nsview
from .conftest import require


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _device(path: Path, kind: int, major: int, minor: int) -> None:
    os.mknod(path, kind | 0o644, os.makedev(major, minor))


# Of /dev/zero one would never see the end; the terminal and the block device (that no driver has) wait or fail at open.
KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "FIFO": (os.mkfifo, "a FIFO"),
    "socket": (_socket, "a socket"),
    "directory": (Path.mkdir, "a directory"),
    "endless device": (lambda path: _device(path, 0o020000, 1, 5), "a device"),
    "terminal": (lambda path: _device(path, 0o020000, 5, 2), "a device"),
    "block device": (lambda path: _device(path, 0o060000, 240, 0), "a device"),
    "link to a device": (lambda path: path.symlink_to("/dev/zero"), "a device"),
}
RECORDED = [
    ["list", "--from"], ["list", "nets", "--from"], ["inspect", "1", "--from"], ["compare", "1", "1", "--from"],
    ["audit", "--from"], ["diff", "now"], ["diff"],
]  # fmt: skip


@pytest.fixture(params=KINDS)
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    require()
    make, words = KINDS[request.param]
    directory = tmp_path / "nsview"
    directory.mkdir()
    make(directory / "odd")
    yield directory / "odd", words


def explored(*arguments: str, **environment: str) -> tuple[int, str]:
    """The explorer on a terminal, where it is to end by itself: its exit code and what it wrote."""
    master, slave = pty.openpty()
    words = [*NSVIEW, *arguments]
    with subprocess.Popen(
        words, stdin=slave, stdout=slave, stderr=slave, env={**ENVIRONMENT, **environment}, start_new_session=True
    ) as running:
        os.close(slave)
        said = b""
        try:
            while data := os.read(master, 65536):
                said += data
        except OSError:
            pass  # its end
        code = running.wait(60)
    os.close(master)
    return code, said.decode()


@pytest.mark.parametrize("command", RECORDED, ids=" ".join)
def test_as_a_recording(odd: tuple[Path, str], command: list[str]) -> None:
    path, words = odd
    given = [str(path)] * (2 if command == ["diff"] else 1)
    done = nsview(*command, *given, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (4, "", f"nsview: {path}: {words}, not a file\n")


def test_as_the_recording_of_the_explorer(odd: tuple[Path, str]) -> None:
    path, words = odd
    code, said = explored("--from", str(path))
    assert code == 4 and said.splitlines()[-1:] == [f"nsview: {path}: {words}, not a file"]


def test_as_the_configuration(odd: tuple[Path, str]) -> None:
    path, words = odd
    file = path.rename(path.with_name("config.toml"))
    environment = {"XDG_CONFIG_HOME": str(file.parent.parent)}
    done = nsview("audit", env={**ENVIRONMENT, **environment}, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (4, "", f"nsview: {file}: {words}, not a file\n")
    code, said = explored("demo", **environment)
    assert code == 4 and said.splitlines()[-1:] == [f"nsview: {file}: {words}, not a file"]


def test_as_the_state_it_is_as_good_as_none(odd: tuple[Path, str]) -> None:
    path, _ = odd
    code = "import sys, pathlib; from nsview.state import Memory; print(Memory(pathlib.Path(sys.argv[1])).state)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=30)
    assert done.stdout == f"{State()}\n", done.stderr


def test_as_the_file_to_record_to_it_is_kept(odd: tuple[Path, str]) -> None:
    path, _ = odd
    done = nsview("record", str(path), timeout=30)
    assert done.returncode == 2 and "exists" in done.stderr and done.stderr.count("\n") == 1


def test_a_configuration_without_end_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "nsview" / "config.toml"
    file.parent.mkdir()
    with file.open("wb") as made:
        made.truncate(1 << 40)
    done = nsview("audit", env={**ENVIRONMENT, "XDG_CONFIG_HOME": str(tmp_path)}, timeout=30)
    assert (done.returncode, done.stdout) == (4, "") and done.stderr.startswith(f"nsview: {file}: more than 1 MiB")
    assert done.stderr.count("\n") == 1
