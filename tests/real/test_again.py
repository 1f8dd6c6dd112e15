"""`--watch`: the answer is drawn again and again by one agent, and the terminal is given back."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .command import ENVIRONMENT, NSVIEW, nsview
from .conftest import require
from .daemons import Docker
from .population import Population
from .test_terminal import Terminal
from .workspace import Workspace, wait_until

NAME = f"again-{os.getpid()}"


def opened(workspace: Workspace, *words: str) -> Terminal:
    require("tmux")
    return Terminal(workspace, 80, 12, [*NSVIEW, *words])


@pytest.fixture
def terminal(workspace: Workspace) -> Iterator[Terminal]:
    shown = opened(workspace, "ps", "--watch", "0.2", "--filter", NAME)
    yield shown
    shown.close()


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_container_comes_and_goes_by_one_agent_and_ctrl_c_gives_the_terminal_back(
    docker: Docker, terminal: Terminal
) -> None:
    terminal.shows("Every 0.2 s: nsview ps", "nothing matched")
    assert terminal.modes() == "1 0"
    (watching,) = children(terminal.pid)
    agents = children(watching)
    assert len(agents) == 1
    pid = docker.container(NAME)
    try:
        screen = terminal.shows(str(pid), "1  runn")
        assert "nothing matched" not in screen and all(len(line) <= 80 for line in screen.splitlines())
    finally:
        docker.remove(NAME)
    terminal.shows("nothing matched")
    assert children(watching) == agents
    terminal.press("C-c")
    terminal.shows("exit code 0")
    assert terminal.modes() == "0 0" and "Every" not in terminal.screen()
    wait_until(lambda: not Path("/proc", str(agents[0])).exists(), 10, "end of the agent")


def test_a_signal_gives_the_terminal_back_as_well(terminal: Terminal) -> None:
    terminal.shows("Every 0.2 s")
    (watching,) = children(terminal.pid)
    os.kill(watching, signal.SIGTERM)
    terminal.shows("exit code 143")
    assert terminal.modes() == "0 0"


def test_more_lines_than_there_is_room_for_are_counted(workspace: Workspace) -> None:
    terminal = opened(workspace, "list", "processes", "--watch", "--no-headers", "-o", "wide")
    try:
        screen = terminal.shows("Every 2 s: nsview list processes", " more lines")
        assert len(screen.splitlines()) <= 12
    finally:
        terminal.close()


@pytest.mark.parametrize("table", ["namespaces", "nets", "use", "processes"])
def test_without_a_terminal_each_answer_is_printed(table: str, population: Population) -> None:
    """The second one tells of a process that the first did not."""
    words = [*NSVIEW, "list", table, "--watch", "0.1", *(["-q"] if table != "use" else ["--json"])]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, env=ENVIRONMENT, text=True)
    assert process.stdout
    try:
        first = answer(process.stdout)
        assert "\\x1b" not in first
        if table == "use":
            assert json.loads(answer(process.stdout))["taken_at"] >= json.loads(first)["taken_at"]
        else:
            pid = population.process("net")
            inode = os.readlink(f"/proc/{pid}/ns/net")[5:-1]
            word = str(pid) if table == "processes" else f"net:{inode}"
            assert word not in first.split()
            while word not in answer(process.stdout).split():
                pass
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def answer(lines: Iterator[str]) -> str:
    """The text up to the next empty line."""
    text = ""
    for line in lines:
        if line == "\n":
            return text
        text += line
    raise AssertionError(f"the end, after {text}")


def test_a_reader_that_has_had_enough_ends_it() -> None:
    done = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$@" | head -n 1', "bash", *NSVIEW, "list", "-q", "--watch", "0.1"],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0) and done.stdout.count("\n") == 1


def test_an_error_is_a_line_before_anything_is_drawn(workspace: Workspace) -> None:
    done = nsview("list", "--watch", "--filter", "uid=(")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
