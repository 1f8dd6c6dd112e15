"""What only a real terminal shows: tmux's clipboard, no colours, the state of a run that ends with its terminal."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux")

COLOUR = re.compile(r"\x1b\[[0-9;]*(?:\b3[0-8]|\b4[0-8]|\b9[0-7]|\b10[0-7])(?:;[0-9;]*)?m")


class Tmux:
    """A server of its own with one session, that runs nsview on the demo."""

    def __init__(self, directory: Path, size: tuple[int, int], **environment: str) -> None:
        socket = directory / f"tmux{len(list(directory.glob('tmux*')))}"  # of one that ends it may still be there
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        kept = {name: value for name, value in os.environ.items() if name not in ("TMUX", "TMUX_PANE")}
        self._environment = {**kept, **environment}
        line = f"{shlex.join([sys.executable, '-P', '-m', 'nsview', 'demo'])}; echo exit code $?; exec sleep 60"
        self.run("new-session", "-d", "-s", "t", "-x", str(size[0]), "-y", str(size[1]), line)

    def run(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(
            [*self._tmux, *words], env=self._environment, capture_output=True, text=True, check=check, timeout=20
        )
        return done.stdout

    def press(self, *keys: str) -> None:
        self.run("send-keys", "-t", "t", *keys)

    def screen(self) -> str:
        return self.run("capture-pane", "-e", "-p", "-t", "t")

    def until(self, holds: Callable[[], bool], what: str) -> None:
        for _ in range(400):
            if holds():
                return
            time.sleep(0.05)
        raise AssertionError(f"never: {what}; the screen:\n{self.screen()}")

    def shows(self, text: str) -> None:
        self.until(lambda: text in re.sub(r"\x1b\[[0-9;]*m", "", self.screen()), text)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Callable[..., Tmux]]:
    opened = []

    def start(size: tuple[int, int] = (160, 50), **environment: str) -> Tmux:
        opened.append(Tmux(tmp_path, size, **environment))
        return opened[-1]

    yield start
    for session in opened:
        session.run("kill-server", check=False)


def test_what_is_copied_is_in_the_buffer_of_tmux(tmux: Callable[..., Tmux]) -> None:
    terminal = tmux()
    terminal.shows("shared by 2 containers")
    terminal.press("Down", "y")
    terminal.shows("pid inside")
    terminal.press("j", "j", "Enter")
    terminal.shows("Copied command")
    assert terminal.run("show-buffer") == "httpd -f -p 8080 -h /root"


def test_keys_that_come_all_at_once_are_taken_in_their_order(tmux: Callable[..., Tmux]) -> None:
    terminal = tmux()
    terminal.shows("shared by 2 containers")
    terminal.press(":", *"ledger", "Enter", "e")
    terminal.shows("Enter ledger: nc, pid ")
    terminal.press("Escape", "/", *"syslog", "Enter", "e")
    terminal.shows("Enter syslog: syslogd, pid ")
    assert " /syslog " in re.sub(r"\x1b\[[0-9;]*m", "", terminal.screen())
    for lens in ("u", "m", "i"):
        terminal.press("Escape", lens)
        terminal.shows(" › ")
        terminal.press("Escape", "/", *"node", "Enter")
        terminal.shows(" /node ")
        assert " › " not in terminal.screen()


@pytest.mark.parametrize("key", ["Down", "e", "?", "C-p", "/", "s", "y", "E"])
def test_with_no_color_set_nothing_is_coloured(tmux: Callable[..., Tmux], key: str) -> None:
    terminal = tmux(NO_COLOR="1")
    terminal.shows("shared by 2 containers")
    terminal.press("Down", key)
    time.sleep(0.7)
    text = terminal.screen()
    assert "\x1b[7m" in text or ";7m" in text
    assert not COLOUR.search(text)


def test_colours_are_found_where_they_are(tmux: Callable[..., Tmux]) -> None:
    terminal = tmux()
    terminal.shows("shared by 2 containers")
    assert COLOUR.search(terminal.screen())


def test_a_wrong_configuration_ends_it_in_one_line(tmux: Callable[..., Tmux], tmp_path: Path) -> None:
    file = tmp_path / "nsview" / "config.toml"
    file.parent.mkdir()
    file.write_text('theme = "nord"\n[keys]\nfiltr = "z"\n')
    terminal = tmux((200, 24), XDG_CONFIG_HOME=str(tmp_path))
    terminal.shows("exit code 4")
    said = [line for line in terminal.screen().splitlines() if line.strip()]
    assert said[0].startswith("nsview: ")
    assert "config.toml: line 3: keys.filtr: no such action; is it filter" in said[0]
    assert len(said) == 2


def test_what_was_chosen_is_kept_though_the_terminal_is_closed(tmux: Callable[..., Tmux], tmp_path: Path) -> None:
    file = tmp_path / "nsview" / "state.json"
    terminal = tmux((80, 24), XDG_STATE_HOME=str(tmp_path))
    terminal.shows("Any key goes on")
    terminal.press("s", "Down", "Enter")
    terminal.until(lambda: file.exists() and b"size" in file.read_bytes(), "state kept")
    terminal.run("kill-server")
    again = tmux((160, 50), XDG_STATE_HOME=str(tmp_path))
    again.shows("by size")
    assert "Any key goes on" not in again.screen()
