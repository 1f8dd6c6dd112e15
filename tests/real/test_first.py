"""The terminal while it shows the first picture: held up until a file is there, Textual takes its time."""

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import require
from .test_terminal import Terminal
from .workspace import Workspace, wait_until

_HELD = """
import _imp, os, sys, time

class Reactive:  # waits where Python makes another error of what is raised: as Textual's are named
    def __set_name__(self, owner, name):
        while not os.path.exists(sys.argv[1]):
            time.sleep(0.01)

class Gate:
    def find_spec(self, name, path, target=None):
        if name == "textual":
            _imp.release_lock()  # else what the painter imports would wait too
            try:
                type("Widget", (), {"reactive": Reactive()})
            finally:
                _imp.acquire_lock()

sys.meta_path.insert(0, Gate())
from nsview.cli import main
raise SystemExit(main([]))
"""

_HELD_LATER = """
import os, sys, time
from nsview.tui.driver import Driver

start = Driver.start_application_mode

def held(self):
    start(self)
    self.write("\\x1b[9;1Hthe terminal is Textual's")
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.01)

Driver.start_application_mode = held
from nsview.cli import main
raise SystemExit(main([]))
"""


@pytest.fixture
def gate(workspace: Workspace) -> Iterator[Path]:
    path = workspace.root / "gate"
    path.unlink(missing_ok=True)
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def terminal(workspace: Workspace, gate: Path) -> Iterator[Terminal]:
    require("tmux")
    opened = Terminal(workspace, 120, 30, [sys.executable, "-P", "-c", _HELD, str(gate)])
    yield opened
    opened.close()


def settings(terminal: Terminal) -> str:
    """How the terminal is set, in stty's words."""
    device = os.readlink(f"/proc/{terminal.pid}/fd/0")
    return subprocess.run(["stty", "-F", device, "-a"], capture_output=True, text=True, check=True).stdout


def program(terminal: Terminal) -> int:
    """The pid of nsview in it."""
    with open(f"/proc/{terminal.pid}/task/{terminal.pid}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


def is_as_before(terminal: Terminal, code: int) -> None:
    """nsview has ended with this code and given all back."""
    terminal.shows(f"exit code {code}")
    assert "5 net" not in terminal.screen()
    assert terminal.modes() == "0 0"
    now = settings(terminal)
    assert " -echo " not in now
    assert " -icanon " not in now
    assert "susp = ^Z" in now


def test_rows_are_there_before_textual_is_which_gets_what_was_typed_meanwhile(terminal: Terminal, gate: Path) -> None:
    shown = terminal.shows("PID", "5 net", os.readlink("/proc/self/ns/net"))
    assert "live" not in shown
    assert "? Help" not in shown
    assert terminal.modes() == "1 0"
    terminal.press("0")
    assert " -echo " in settings(terminal)
    assert terminal.screen() == shown  # what is typed is not seen
    gate.touch()
    terminal.shows("live", "? Help")
    terminal.lacks("net:[")  # it was: show the tree
    terminal.press("q")
    is_as_before(terminal, 0)


def test_what_was_typed_ahead_of_a_line_is_kept_by_its_enter(terminal: Terminal, gate: Path) -> None:
    terminal.shows("PID", "5 net")
    terminal.type("/no-such")
    terminal.press("Enter")
    gate.touch()
    terminal.shows("/no-such", "Nothing matches", "? Help")  # the line is left: keys are commands again


def test_who_does_not_want_to_wait_gets_the_terminal_back(terminal: Terminal) -> None:
    terminal.shows("PID", "5 net")
    terminal.press("C-c")
    is_as_before(terminal, 130)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_who_ends_it_then_gets_the_terminal_back(terminal: Terminal, number: signal.Signals) -> None:
    terminal.shows("PID", "5 net")
    pid = program(terminal)
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        agents = [int(child) for child in file.read().split()]
    os.kill(pid, number)
    is_as_before(terminal, 128 + number)
    assert agents
    wait_until(lambda: not any(os.path.exists(f"/proc/{agent}") for agent in agents), 10, "no agent is left")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_who_ends_it_before_the_screen_is_ready_gets_the_terminal_back(
    workspace: Workspace, gate: Path, number: signal.Signals
) -> None:
    require("tmux")
    terminal = Terminal(workspace, 120, 30, [sys.executable, "-P", "-c", _HELD_LATER, str(gate)])
    try:
        terminal.shows("the terminal is Textual's")
        os.kill(program(terminal), number)
        gate.touch()
        is_as_before(terminal, 128 + number)
    finally:
        terminal.close()


def test_where_nobody_reads_the_picture_it_can_be_ended(workspace: Workspace, gate: Path) -> None:
    main, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (100, 500))  # more than is kept for who does not read
    before = termios.tcgetattr(terminal)
    held = subprocess.Popen(
        [sys.executable, "-P", "-c", _HELD, str(gate)], stdin=terminal, stdout=terminal, stderr=terminal,
        env={**workspace.environment, "TERM": "xterm-256color"},
    )  # fmt: skip
    try:
        wait_until(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO, 20, "the picture")
        held.terminate()
        assert held.wait(20) == 128 + signal.SIGTERM
        assert termios.tcgetattr(terminal) == before
    finally:
        held.kill()
        os.close(main)
        os.close(terminal)


def test_what_is_drawn_to_another_place_is_not_begun(workspace: Workspace) -> None:
    require("tmux")
    terminal = Terminal(workspace, 120, 30, ["sh", "-c", f"{sys.executable} -P -m nsview 2>/dev/null"])
    try:
        is_as_before(terminal, 2)
    finally:
        terminal.close()


def test_what_is_wrong_with_keys_is_said_on_the_usual_screen(workspace: Workspace, gate: Path) -> None:
    """Textual is needed to know which keys there are, so by then the picture stands."""
    require("tmux")
    directory = workspace.root / "config"
    (directory / "nsview").mkdir(parents=True)
    (directory / "nsview" / "config.toml").write_text('[keys]\nno-such-thing = "j"\n')
    held = ["env", f"XDG_CONFIG_HOME={directory}", sys.executable, "-P", "-c", _HELD, str(gate)]
    terminal = Terminal(workspace, 120, 30, held)
    try:
        terminal.shows("PID", "5 net")
        gate.touch()
        terminal.shows("no-such-thing")
        is_as_before(terminal, 4)
    finally:
        terminal.close()
