"""Becoming root from the explorer (`R`), and entering as root after that, by a real sudo that asks for a password."""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .account import Account
from .conftest import require
from .daemons import Docker
from .test_terminal import Terminal, only
from .user import library
from .workspace import Workspace, wait_until

NAME = f"sudo-{os.getpid()}"
ASKED = "nsview needs root to read all processes; password for"


@pytest.fixture(scope="module")
def sudoer(account: Account) -> Iterator[Account]:
    """Someone who may become root, but only for Python, and is asked each time."""
    require("sudo", "visudo", "tmux")
    rule = Path("/etc/sudoers.d", account.name)
    try:
        python = account.nsview()[0]
        with open(os.open(rule, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440), "w") as file:
            file.write(f"Defaults:{account.name} !lecture, passwd_tries=2\n{account.name} ALL=(root) {python}\n")
        subprocess.run(["visudo", "--check", "--quiet", "--file", str(rule)], check=True)
        yield account
    finally:
        rule.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            Path("/run/sudo/ts", account.name).unlink()


@pytest.fixture
def explorer(sudoer: Account, workspace: Workspace) -> Iterator[Terminal]:
    """The explorer as that user sees it, with the cursor on a process of theirs."""
    Path("/run/sudo/ts", sudoer.name).unlink(missing_ok=True)  # who was believed a moment ago is not asked
    script = 'sleep $((4320 + 1)) & before=$(stty -g); "$@"; code=$?; '
    script += '[ "$before" = "$(stty -g)" ] && echo unchanged-$code; kill $!'
    words = [*sudoer.words, "bash", "-c", script, "bash", *sudoer.nsview()]
    opened = Terminal(workspace, 200, 50, words)
    try:
        opened.shows("5 net", "R As root")
        only(opened, f"user={sudoer.name} sleep 4321", "in no container")
        yield opened
    finally:
        opened.close()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def agents(sudoer: Account) -> list[int]:
    """The agents that run below the explorer of this user, also those that are root's."""
    below = sudoer.processes()
    for pid in below:
        with contextlib.suppress(OSError):
            below += [child for child in children(pid) if child not in below]
    found = []
    for pid in below:
        with contextlib.suppress(OSError):
            if b"nsview.agent" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def chosen(terminal: Terminal) -> str:
    """The title of the dialog for the row under the cursor."""
    terminal.press("e")
    title = re.search(r"Enter .*?, pid \d+", terminal.shows("Enter ", "by hand"))
    assert title
    terminal.press("Escape")
    terminal.lacks("by hand")
    return title[0]


def test_a_wrong_then_the_right_password(sudoer: Account, explorer: Terminal, docker: Docker) -> None:
    pid = docker.container(NAME)
    try:
        before = chosen(explorer)
        assert "sleep, pid" in before
        explorer.press("R")
        explorer.shows(f"{ASKED} {sudoer.name}:")
        explorer.type("not this one\n")
        explorer.shows("Sorry, try again.")
        explorer.type(f"{sudoer.password}\n")
        explorer.shows("5 net", "? Help")
        explorer.lacks("R As root")
        assert sudoer.password not in explorer.screen()
        assert chosen(explorer) == before
        # Root's agent is the only one, and what it sees is there: a container's name and namespaces.
        wait_until(lambda: {os.stat(f"/proc/{agent}").st_uid for agent in agents(sudoer)} == {0}, 20, "root's agent")
        explorer.press("Escape")
        explorer.lacks(f"/user={sudoer.name}")
        only(explorer, f"{NAME} sleep", "1 process")
        explorer.press("e")
        explorer.shows(f"Enter {NAME}: sleep, pid {pid}")
        explorer.press("Enter")
        explorer.shows("/ #")
        explorer.type("echo net=$(readlink /proc/self/ns/net) uid=$(id -u)\n")
        explorer.shows(f"net={os.readlink(f'/proc/{pid}/ns/net')} uid=0")
        explorer.type("exit 5\n")
        explorer.shows("exit code 5", "? Help")
        explorer.press("e")
        explorer.shows(f"Enter {NAME}: sleep, pid {pid}")
        explorer.press("Escape")
        explorer.lacks("by hand")
        running = agents(sudoer)
        explorer.press("q")
        explorer.shows("unchanged-0")
        wait_until(lambda: not any(Path(f"/proc/{agent}").exists() for agent in running), 10, "the end of root's agent")
    finally:
        docker.remove(NAME)


def test_who_could_change_the_installation_is_named_before_sudo_asks(
    sudoer: Account, explorer: Terminal, workspace: Workspace
) -> None:
    package = library(workspace) / "nsview"
    os.chown(package, sudoer.uid, -1)
    try:
        explorer.press("R")
        explorer.shows(
            f"nsview: note: this installation belongs to uid {sudoer.uid}, who can become root through it", ASKED
        )
    finally:
        os.chown(package, 0, -1)
    explorer.press("C-c")
    explorer.shows("Enter goes back to the explorer.")
    explorer.press("Enter")
    explorer.shows("R As root")


def test_no_password_changes_nothing(sudoer: Account, explorer: Terminal) -> None:
    before, running = chosen(explorer), agents(sudoer)
    explorer.press("R")
    for said in (f"{ASKED} {sudoer.name}:", "Sorry, try again."):
        explorer.shows(said)
        explorer.type("not this one\n")
    explorer.shows("2 incorrect password attempts", "not root. Enter goes back to the explorer.")
    explorer.press("Enter")
    explorer.shows("R As root", "nothing has changed")
    assert chosen(explorer) == before
    assert agents(sudoer) == running
    explorer.press("R")
    explorer.shows(f"{ASKED} {sudoer.name}:")
    explorer.press("C-c")
    explorer.shows("Enter goes back to the explorer.")
    explorer.press("Enter")
    explorer.shows("R As root", "? Help")
    assert chosen(explorer) == before
    explorer.press("q")
    explorer.shows("unchanged-0")
    wait_until(lambda: not any(Path(f"/proc/{agent}").exists() for agent in running), 10, "the agent's end")
