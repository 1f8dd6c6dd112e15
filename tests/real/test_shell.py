"""`nsview enter` in a real terminal (tmux): an editor, job control, sizes, and the terminal given back at the end."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import require
from .daemons import Docker
from .test_terminal import NSVIEW, Terminal
from .workspace import Workspace, wait_until

NAME = f"shell-{os.getpid()}"


@pytest.fixture
def container(docker: Docker) -> Iterator[int]:
    yield docker.container(NAME)
    docker.remove(NAME)


@pytest.fixture
def shell(container: int, workspace: Workspace) -> Iterator[Terminal]:
    """A host's shell that has entered the container: its prompt is `/ #`."""
    require("tmux", "bash")
    opened = Terminal(workspace, 100, 30, ["bash", "--norc", "--noprofile"])
    try:
        opened.type("PS1='host: '; stty -g >/tmp/$$\n")
        opened.prompts("host:")
        opened.type(f"{' '.join(NSVIEW)} enter {container}\n")
        opened.prompts("/ #")
        yield opened
    finally:
        opened.close()


def is_given_back(shell: Terminal) -> None:
    """The terminal's attributes are those of before, and the host's shell edits lines."""
    shell.type('[ "$(stty -g)" = "$(cat /tmp/$$)" ] && rm /tmp/$$ && echo un"changed"\n')
    shell.shows("unchanged")


def test_a_shell_has_its_terminal_colours_history_and_exit_code(shell: Terminal, container: int) -> None:
    shell.shows(f"nsview: in {container} as root; exit returns")
    shell.type("tty; echo $TERM; stty size\n")
    shell.shows("/dev/pts/0", "-256color\n", "30 100")
    shell.type("echo fi''rst\n")
    shell.shows("first")
    shell.press("C-l")  # clears the screen
    shell.lacks("first")
    shell.press("Up", "Enter")  # the last line again
    shell.shows("first")
    shell.type("exit 7\n")
    shell.prompts("host:")
    shell.type("echo code=$?\n")
    shell.shows("code=7")
    is_given_back(shell)


def test_an_editor_writes_a_file(shell: Terminal, container: int) -> None:
    shell.type("vi /tmp/note\n")
    shell.shows("/tmp/note", "~")
    shell.type("iline one\n\tline two")
    shell.press("Escape")
    shell.lacks("I /tmp/note")  # what comes too soon after Escape is taken for one key with it
    shell.type(":wq\n")
    shell.lacks("~")
    shell.type("exit\n")
    shell.prompts("host:")
    assert Path(f"/proc/{container}/root/tmp/note").read_text() == "line one\n\tline two\n"
    is_given_back(shell)


def test_keys_that_end_and_stop_are_for_what_runs_inside(shell: Terminal) -> None:
    shell.type("sleep 3333\n")
    shell.runs("sleep", "3333")
    shell.press("C-c")
    shell.type("echo code=$?\n")
    shell.shows("code=130")
    shell.type("sleep 3334\n")
    shell.runs("sleep", "3334")
    shell.press("C-z")
    shell.shows("Stopped")
    shell.type("jobs; fg\n")
    shell.shows("[1]+  Stopped", "\nsleep 3334")
    shell.runs("sleep", "3334")
    shell.press("C-c")
    shell.type("echo still=$$ code=$?\n")
    shell.shows("code=130\n")
    shell.press("C-d")
    shell.prompts("host:")
    is_given_back(shell)


def test_the_shell_inside_follows_the_size(shell: Terminal) -> None:
    shell._run("resize-window", "-t", "t", "-x", "81", "-y", "25")
    shell.type("stty size\n")
    shell.shows("25 81")
    shell.type("exit\n")
    shell.prompts("host:")
    is_given_back(shell)


def test_the_end_of_the_container_gives_the_terminal_back(docker: Docker, shell: Terminal) -> None:
    docker.run("kill", NAME)
    shell.shows("nsview: killed with the container")
    shell.prompts("host:")
    shell.type("echo code=$?\n")
    shell.shows("code=137")
    is_given_back(shell)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_the_end_of_the_helper_gives_the_terminal_back(docker: Docker, shell: Terminal, number: int) -> None:
    nsview = _children(_children(shell.pid)[0])
    helper = _children(nsview[0])
    assert len(helper) == 1
    os.kill(helper[0], number)
    shell.prompts("host:")
    shell.type("echo code=$?\n")
    shell.shows(f"code={128 + number}")
    is_given_back(shell)
    wait_until(lambda: len(docker.run("top", NAME).splitlines()) == 2, 10, "the end of the shell inside")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
