"""Colours and the pager: where stdout is a terminal, and nowhere else; of the recording that comes along."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from nsview.hosts.recording import demo

NSVIEW = [sys.executable, "-P", "-m", "nsview"]
LONG, SHORT = ("list", "processes"), ("list", "containers")
CODES = re.compile(r"\x1b\[[\d;]*m")


def on_terminal(*words: str, rows: int = 24, **environment: str) -> tuple[str, int]:
    """(all that a command writes to a terminal of 80 columns, its exit code). The environment has no more than is
    given, "" for a variable that is there without a value."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
    usual = {"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    process = subprocess.Popen(
        [*NSVIEW, *words, "--from", str(demo())], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**usual, **environment}, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    written = b""
    while True:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:  # nobody has the terminal any more
            break
        written += data
        if not data:
            break
    os.close(ours)
    return written.decode().replace("\r\n", "\n"), process.wait(60)


def piped(*words: str) -> str:
    done = subprocess.run([*NSVIEW, *words, "--from", str(demo())], capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.parametrize("words", [SHORT, ("inspect", "web"), ("compare", "web", "proxy"), ("audit",)], ids=" ".join)
def test_a_terminal_gets_colours_and_nothing_else_does(words: tuple[str, ...]) -> None:
    coloured, _ = on_terminal(*words, PAGER="")
    plain = piped(*words)
    assert CODES.search(coloured) and "\x1b" not in plain
    assert coloured.count("\x1b[0m") * 2 == coloured.count("\x1b")  # each is ended
    for setting in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        said, _ = on_terminal(*words, PAGER="", **setting)
        assert said == CODES.sub("", coloured)
    assert on_terminal(*words, PAGER="", NO_COLOR="")[0] == coloured  # empty is not set: no-color.org


def test_a_line_is_as_wide_as_without_colours() -> None:
    said, _ = on_terminal(*LONG, PAGER="")
    assert max(len(line) for line in CODES.sub("", said).splitlines()) == 80
    assert "…" in said


def test_a_text_that_is_too_tall_goes_through_the_pager(tmp_path: Path) -> None:
    seen, settings = tmp_path / "seen", tmp_path / "settings"
    pager = f"env >{settings}; cat >{seen}; exit 3"
    assert on_terminal(*LONG, PAGER=pager) == ("", 0)
    assert CODES.sub("", seen.read_text()) == CODES.sub("", on_terminal(*LONG, PAGER="cat")[0])
    assert {"LESS=FRX", "LV=-c"} <= set(settings.read_text().splitlines())
    on_terminal(*LONG, PAGER=pager, LESS="S")
    assert "LESS=S" in settings.read_text().splitlines()


@pytest.mark.parametrize(
    ("words", "settings"),
    [(SHORT, {}), ((*LONG, "--no-pager"), {}), (("--no-pager", *LONG), {}), (LONG, {"TERM": "dumb"})],
    ids=["short", "no-pager", "no-pager first", "dumb"],
)
def test_what_needs_no_pager_has_none(tmp_path: Path, words: tuple[str, ...], settings: dict[str, str]) -> None:
    said, code = on_terminal(*words, PAGER=f"cat >{tmp_path}/seen", **settings)
    assert code == 0 and "11237" in said and not (tmp_path / "seen").exists()


def test_a_pipe_has_no_pager(tmp_path: Path) -> None:
    assert len(piped(*LONG).splitlines()) > 24


@pytest.mark.parametrize("pager", ["", "cat", "no-such-pager"])
def test_without_a_pager_all_is_printed(pager: str) -> None:
    said, code = on_terminal(*LONG, PAGER=pager)
    assert code == 0 and "11237" in said and said.count("\n") > 24
    assert "Traceback" not in said


def test_a_pager_that_has_had_enough_is_no_error() -> None:
    assert on_terminal("list", "--json", PAGER="head -n 1")[0] == "{\n"


def test_notes_come_after_the_pager() -> None:
    said, code = on_terminal("audit", PAGER="cat >/dev/null; echo seen", rows=5)
    assert code == 1 and said.startswith("seen\n")
