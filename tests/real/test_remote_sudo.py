"""Root on another host through sudo there, with a password that is asked for here, and without one."""

import contextlib
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .account import Account
from .conftest import require
from .daemons import Docker
from .sshd import Sshd
from .test_terminal import Terminal, only
from .workspace import Workspace, wait_until

ASKED = "password for sudo on sudo1"


@pytest.fixture(scope="module")
def sudo1(workspace: Workspace, account: Account) -> Iterator[Sshd]:
    """A host that the user reaches as the user of the same name there."""
    require(*Sshd.NEEDS, "sudo", "visudo", "tmux", "setsid")
    host = Sshd(workspace, account, "sudo1")
    host.write_config(user=account.name)
    yield host
    host.stop()


@pytest.fixture
def rule(account: Account) -> Iterator[Callable[[str], None]]:
    """Gives the user a rule of sudo, with these tags."""
    file = Path("/etc/sudoers.d", account.name)

    def write(tags: str) -> None:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440), "w") as opened:
            opened.write(f"Defaults:{account.name} !lecture, passwd_tries=2\n{account.name} ALL=(root) {tags} ALL\n")
        subprocess.run(["visudo", "--check", "--quiet", "--file", str(file)], check=True)

    yield write
    file.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        Path("/run/sudo/ts", account.name).unlink()


@pytest.fixture
def terminal(sudo1: Sshd, workspace: Workspace) -> Iterator[Terminal]:
    """A shell of that user."""
    opened = Terminal(workspace, 160, 50, [*sudo1.account.words, "PS1=here> ", "bash", "--norc"])
    yield opened
    opened.close()


def test_without_a_password(sudo1: Sshd, rule: Callable[[str], None]) -> None:
    rule("NOPASSWD:")
    done = sudo1.nsview("list", "-H", "sudo1", "--sudo")
    assert done.returncode == 0, done.stderr
    assert "EACCES" not in sudo1.nsview("inspect", "-H", "sudo1", "--sudo", "1").stderr


def test_no_right_is_one_line(sudo1: Sshd) -> None:
    done = sudo1.nsview("list", "-H", "sudo1", "--sudo")
    assert done.returncode == 4 and done.stderr.count("\n") == 1
    assert "sudo" in done.stderr


def test_a_password_without_a_terminal_is_one_line(sudo1: Sshd, rule: Callable[[str], None]) -> None:
    rule("")
    done = sudo1.nsview("list", "-H", "sudo1", "--sudo")
    assert done.returncode == 4
    assert done.stderr == "nsview: sudo1: sudo there wants a password, and no terminal is here to ask for it\n"


def test_a_wrong_then_the_right_password(sudo1: Sshd, rule: Callable[[str], None], terminal: Terminal) -> None:
    rule("")
    terminal.type(f"{shlex.join([*sudo1.account.nsview(), 'list', 'namespaces', '-H', 'sudo1', '--sudo'])} | tail -3\n")
    terminal.shows(f"{ASKED}:")
    terminal.type("not this one\n")
    terminal.shows(f"{ASKED}; that was not it:")
    terminal.type(f"{sudo1.account.password}\n")
    terminal.shows("time    ")
    assert sudo1.account.password not in terminal.screen()


def test_twice_a_wrong_password(sudo1: Sshd, rule: Callable[[str], None], terminal: Terminal) -> None:
    rule("")
    terminal.type(f"{shlex.join([*sudo1.account.nsview(), 'list', '-H', 'sudo1', '--sudo'])}; echo code=$?\n")
    terminal.shows(f"{ASKED}:")
    terminal.type("no\n")
    terminal.shows("that was not it:")
    terminal.type("no\n")
    terminal.shows("sudo1: sudo: 2 incorrect password attempts", "code=4")


def asked(terminal: Terminal, times: int) -> None:
    """Wait until the password was asked for so many times: the questions before stay in sight."""
    wait_until(lambda: terminal.screen().count(f"{ASKED}:") == times, 20, "a question")


def test_the_explorer_becomes_root_there(
    sudo1: Sshd, rule: Callable[[str], None], terminal: Terminal, docker: Docker
) -> None:
    rule("")
    name = f"sudo-far-{os.getpid()}"
    pid = docker.container(name)
    try:
        terminal.type(f"{shlex.join([*sudo1.account.nsview(), '-H', 'sudo1'])}; echo code=$?\n")
        terminal.shows("5 net", "R As root", f"as uid {sudo1.account.uid}")
        terminal.press("R")
        asked(terminal, 1)
        terminal.press("C-c")
        terminal.shows("no password was given. Enter goes back")
        terminal.press("Enter")
        terminal.shows("R As root", "nothing has changed")
        terminal.press("R")
        asked(terminal, 2)
        terminal.type(f"{sudo1.account.password}\n")
        terminal.shows("as root", "? Help")
        terminal.lacks("R As root")
        only(terminal, f"{name} sleep", "1 process")
        terminal.press("e")
        terminal.shows(f"pid {pid}")
        terminal.press("Enter")
        asked(terminal, 3)
        terminal.type(f"{sudo1.account.password}\n")
        terminal.shows("/ #")
        terminal.type("exit 5\n")
        terminal.shows("exit code 5", "? Help")
        terminal.press("q")
        terminal.shows("code=0")
    finally:
        docker.remove(name)
