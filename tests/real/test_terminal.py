"""The explorer in a real terminal (tmux) on real containers: look, go in, come back."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import require
from .daemons import Containerd, Docker
from .workspace import Workspace, wait_until


class Terminal:
    """A tmux session of its own server that runs one program."""

    def __init__(self, workspace: Workspace, width: int, height: int, command: list[str]) -> None:
        self._tmux = ["tmux", "-S", str(workspace.root / "tmux"), "-f", "/dev/null"]
        self._environment = {**workspace.environment, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        size = ["-x", str(width), "-y", str(height)]
        self._run("kill-server", check=False)
        line = f"{shlex.join(command)}; echo exit code $?; exec sleep 600"
        self._run("new-session", "-d", "-s", "t", *size, line)

    def _run(self, *words: str, check: bool = True) -> str:
        command = [*self._tmux, *words]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=check, timeout=60)
        return done.stdout

    @property
    def pid(self) -> int:
        """The shell in it."""
        return int(self._run("display-message", "-p", "-t", "t", "#{pane_pid}"))

    def modes(self) -> str:
        """Whether it is on its other screen, and tells of the mouse: "0 0" as it was in the beginning."""
        return self._run("display-message", "-p", "-t", "t", "#{alternate_on} #{mouse_any_flag}").strip()

    def press(self, *keys: str) -> None:
        """Keys by tmux's names: Down, Enter, Escape, or letters."""
        self._run("send-keys", "-t", "t", *keys)

    def type(self, text: str) -> None:
        self._run("send-keys", "-t", "t", "-l", text)

    def screen(self) -> str:
        return self._run("capture-pane", "-p", "-t", "t")

    def shows(self, *texts: str, seconds: float = 20) -> str:
        """The screen once it shows all of these."""
        try:
            wait_until(lambda: all(text in self.screen() for text in texts), seconds, " and ".join(texts))
        except TimeoutError as error:
            raise AssertionError(f"{error}; the screen:\n{self.screen()}") from None
        return self.screen()

    def prompts(self, prompt: str) -> None:
        """Wait until this prompt is the last on the screen: keys that come before are for the program that ends."""
        wait_until(lambda: self.screen().rstrip().endswith(prompt), 20, f"{prompt!r} as a prompt")

    def runs(self, *words: str) -> None:
        """Wait until this command is in the foreground of its terminal: a ^C before is for the shell that starts it."""
        wait_until(lambda: _in_foreground("\0".join((*words, "")).encode()), 20, f"{words} in the foreground")

    def lacks(self, text: str, seconds: float = 20) -> None:
        """Wait until the screen shows this no longer."""
        try:
            wait_until(lambda: text not in self.screen(), seconds, f"still {text}")
        except TimeoutError as error:
            raise AssertionError(f"{error}; the screen:\n{self.screen()}") from None

    def close(self) -> None:
        self._run("kill-server", check=False)


def _in_foreground(command: bytes) -> bool:
    """True if a process of this command line is in the foreground of its terminal: its group is the terminal's."""
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes() == command:
                _, _, group, _, _, foreground, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                return group == foreground
    return False


# Names that a run beside this one does not have.
WEB, PEER, CHAIN, ADDR, FIRST, SECOND, WAITED = (
    f"{name}-{os.getpid()}" for name in ("web", "peer", "chain", "addr", "first-t", "second-t", "waited")
)
NSVIEW = [sys.executable, "-P", "-m", "nsview"]


@pytest.fixture(params=[(160, 50), (80, 24)], ids=["160x50", "80x24"])
def terminal(request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[Terminal]:
    require("tmux")
    opened = Terminal(workspace, *request.param, NSVIEW)
    yield opened
    opened.close()


def only(terminal: Terminal, words: str, first: str) -> None:
    """Filter the rows, and put the cursor below the first one, which is to show this text.

    The client that started a container has its name in its command line too, and may still be on the screen.
    """
    terminal.press("/")
    terminal.shows("all words must match")
    terminal.type(words)
    terminal.shows(f"/{words}")
    terminal.press("Enter")
    terminal.shows("? Help")
    wait_until(lambda: first in terminal.screen().splitlines()[3], 20, f"{first} in the first row")
    # What a runtime did before its container ran is shown for a moment as gone, and can't be entered.
    wait_until(lambda: not re.search(r"^ *- +\d+ ", terminal.screen(), re.MULTILINE), 20, "no row of what is gone")
    terminal.press("g", "Down")


def test_open_look_enter_and_come_back(docker: Docker, terminal: Terminal) -> None:
    pid = docker.container(WEB)
    peer = docker.container(PEER, "--network", f"container:{WEB}")
    net = os.readlink(f"/proc/{pid}/ns/net")
    try:
        terminal.shows("host", "5 net")
        terminal.press("4")
        terminal.press("5")
        only(terminal, WEB, net)
        terminal.shows(net, "shared by 2 containers", str(pid))
        terminal.press("Escape")
        terminal.lacks(f"/{WEB}")  # a key that comes with Escape would be another
        terminal.shows(str(peer))
        terminal.press("e")
        terminal.shows(f"Enter {WEB}", "nsenter -t")
        terminal.press("Enter")
        terminal.shows("nsview enter", "/ #")
        terminal.type("echo inside=$(readlink /proc/self/ns/net) tty=$(tty)\n")
        terminal.shows(f"inside={net}")
        terminal.type("exit 7\n")
        terminal.shows("exit code 7", "5 net", "? Help")
        # The selection is where it was: the same process is still what would be entered.
        terminal.press("e")
        terminal.shows(f"Enter {WEB}: sleep, pid {pid}")
        terminal.press("Escape")
        terminal.lacks(f"Enter {WEB}:")
        terminal.press("q")
        terminal.shows("exit code 0")
    finally:
        docker.remove(PEER)
        docker.remove(WEB)


def test_the_chain_from_daemon_over_shim_to_the_container(containerd: Containerd, terminal: Terminal) -> None:
    pid = containerd.container(CHAIN, namespace="k8s.io")
    try:
        terminal.shows("host", "5 net")
        terminal.press("0", "d")
        only(terminal, f"{CHAIN} sleep", " 1 ")
        rows = terminal.shows(f" {containerd.pid} ", f" {pid} ").splitlines()
        process = next(y for y, row in enumerate(rows) if f" {pid} " in row)
        assert f" {containerd.pid} " in rows[process - 2]
        shim = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        assert f" {shim} " in rows[process - 1]
        if len(max(rows, key=len)) > 80:  # how much of a command a narrow screen shows depends on who started the suite
            assert "▼ containerd " in rows[process - 2]
            assert "▼ containerd-shim" in rows[process - 1]
            assert "└─ sleep 9999" in rows[process]
    finally:
        containerd.remove(CHAIN, namespace="k8s.io")


def test_a_command_in_a_namespace_shows_its_output_until_enter(docker: Docker, terminal: Terminal) -> None:
    net = os.readlink(f"/proc/{docker.container(ADDR)}/ns/net")
    address = docker.inspect(ADDR)["NetworkSettings"]["IPAddress"]
    try:
        terminal.shows("host", "5 net")
        only(terminal, ADDR, net)
        terminal.press("Up", "e")  # the namespace itself: its kind alone is preset
        terminal.shows("nsenter -t", "--net")
        terminal.type("ip -o -4 addr show")
        terminal.press("Enter")
        terminal.shows(address, "exit code 0. Enter goes back")
        terminal.press("Enter", "4", "BSpace", "Enter")  # all but the first are the explorer's: back, and fold
        terminal.shows("? Help", f"▶ net:[{net[5:]}")
    finally:
        docker.remove(ADDR)


def test_a_namespace_that_no_process_is_in_is_asked_about_and_not_taken_for_another(
    workspace: Workspace, terminal: Terminal
) -> None:
    require("ip", "mount", "umount")
    first, second = (f"{name}-{os.getpid()}" for name in ("nsv-first", "nsv-second"))
    path = f"/run/netns/{first}"
    try:
        for name in (first, second):
            subprocess.run(["ip", "netns", "add", name], check=True)
        net, other = (os.stat(f"/run/netns/{name}").st_ino for name in (first, second))
        terminal.shows("5 net")
        terminal.press("5")
        only(terminal, first, f"net:[{net}]")
        terminal.press("g", "e")
        terminal.shows(f"Enter net:[{net}] at {path}", "no process is in it", f"nsenter --net={path}")
        terminal.type("readlink /proc/self/ns/net")
        terminal.press("Enter")
        terminal.shows(f"net:[{net}]", "exit code 0. Enter goes back")
        terminal.press("Enter")
        terminal.shows("? Help")
        terminal.press("e")
        terminal.shows(f"Enter net:[{net}] at {path}")
        subprocess.run(["mount", "--bind", f"/run/netns/{second}", path], check=True)
        terminal.press("Enter")
        terminal.shows("is another namespace by now", "Enter goes back")
        said = subprocess.run(
            [*NSVIEW, "enter", path, f"--inode={net}", "--", "true"], capture_output=True, text=True, check=False
        )
        assert (said.returncode, f"net:[{other}]: choose again" in said.stderr) == (1, True)
    finally:
        subprocess.run(["umount", path], check=False)
        for name in (first, second):
            subprocess.run(["ip", "netns", "delete", name], check=False)


def test_new_and_ended_containers_come_and_go_while_the_cursor_stays(docker: Docker, terminal: Terminal) -> None:
    pid = docker.container(FIRST)
    try:
        terminal.shows("host", "5 net")
        only(terminal, f"t-{os.getpid()}", os.readlink(f"/proc/{pid}/ns/net"))
        terminal.shows(str(pid))
        docker.container(SECOND)
        terminal.shows(SECOND)
        docker.remove(SECOND)
        terminal.lacks(SECOND)
        terminal.press("e")
        terminal.shows(f"Enter {FIRST}: sleep, pid {pid}")
    finally:
        docker.remove(FIRST)


def test_the_cursor_stays_with_a_container_that_is_restarted(docker: Docker, terminal: Terminal) -> None:
    pid = docker.container(FIRST)
    try:
        terminal.shows("host", "5 net")
        only(terminal, FIRST, os.readlink(f"/proc/{pid}/ns/net"))
        terminal.press("Escape")
        terminal.shows(f"{pid} here, 1 inside")
        for seconds in ("0", "1"):
            docker.run("restart", "--time", seconds, FIRST)
            pid = docker.inspect(FIRST)["State"]["Pid"]
            terminal.shows(f"{pid} here, 1 inside")  # in the details of the chosen row
    finally:
        docker.remove(FIRST)


def test_q_gives_the_terminal_back_and_leaves_no_agent(terminal: Terminal) -> None:
    terminal.shows("host", "5 net")
    agents = _below(terminal.pid, b"nsview.agent")
    assert len(agents) == 1
    terminal.press("q")
    terminal.shows("exit code 0")
    assert not any(Path(f"/proc/{agent}").exists() for agent in agents)


def test_a_helper_waits_while_the_dialog_is_open_and_no_longer(docker: Docker, terminal: Terminal) -> None:
    docker.container(WAITED)
    try:
        terminal.shows("host", "5 net")
        only(terminal, WAITED, "net:[")
        before = _below(terminal.pid, b"nsview.join.helper")
        terminal.press("e")
        terminal.shows(f"Enter {WAITED}")
        wait_until(lambda: len(_below(terminal.pid, b"nsview.join.helper")) == 1, 10, "the helper")
        [helper] = _below(terminal.pid, b"nsview.join.helper")
        terminal.press("Escape")
        wait_until(lambda: not Path(f"/proc/{helper}").exists(), 10, "the helper's end")
        terminal.press("e")
        terminal.shows(f"Enter {WAITED}")
        wait_until(lambda: len(_below(terminal.pid, b"nsview.join.helper")) == 1, 10, "the helper")
        [another] = _below(terminal.pid, b"nsview.join.helper")
        terminal.press("C-q")
        terminal.shows("exit code 0")
        wait_until(lambda: not Path(f"/proc/{another}").exists(), 10, "the helper's end")
        assert not before
    finally:
        docker.remove(WAITED)


@pytest.mark.parametrize("inside", [False, True], ids=["explorer", "shell"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_who_ends_it_gets_the_terminal_back(docker: Docker, terminal: Terminal, inside: bool, number: int) -> None:
    docker.container(WAITED)
    try:
        terminal.shows("host", "5 net")
        [explorer] = _children(terminal.pid)
        if inside:
            only(terminal, WAITED, "net:[")
            terminal.press("e")
            terminal.shows(f"Enter {WAITED}")
            terminal.press("Enter")
            terminal.shows("/ #")
        os.kill(explorer, number)
        terminal.shows(f"exit code {128 + number}")
        assert terminal.modes() == "0 0"
    finally:
        docker.remove(WAITED)


def test_it_ends_with_its_terminal_even_where_no_signal_tells(workspace: Workspace) -> None:
    """As under `su -c`: the terminal is not the controlling one, so nobody gets SIGHUP."""
    require("tmux", "setsid")
    terminal = Terminal(workspace, 160, 50, ["setsid", "--wait", *NSVIEW])
    try:
        terminal.shows("host", "5 net")
        explorers = _children(_children(terminal.pid)[0])
        assert any(b"nsview" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in explorers)
    finally:
        terminal.close()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in explorers), 10, "the explorer's end")


def _below(pid: int, module: bytes) -> list[int]:
    """The pids of what the explorer of a terminal has started that runs this module."""
    below = [found for child in _children(pid) for found in _children(child)]
    return [found for found in below if module in Path(f"/proc/{found}/cmdline").read_bytes()]


def _children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, check=False).stdout
    return [int(child) for child in found.split()]
