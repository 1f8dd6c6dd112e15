"""Into a container of another host, over the user's own ssh: all is as docker exec gives it there."""

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsview.hosts import entering, place

from .account import Account
from .conftest import require
from .daemons import Docker
from .joining import is_like_docker_exec
from .population import Population
from .sshd import Sshd
from .test_equal import PORTRAIT
from .test_terminal import Terminal, only
from .workspace import Workspace, wait_until

NAME = f"far-{os.getpid()}"


@pytest.fixture(scope="module")
def web1(workspace: Workspace, account: Account) -> Iterator[Sshd]:
    require(*Sshd.NEEDS, "setsid")
    host = Sshd(workspace, account, "enter1")
    yield host
    host.stop()


@pytest.fixture(scope="module")
def far(docker: Docker) -> Iterator[int]:
    yield docker.container(NAME)
    docker.remove(NAME)


@pytest.fixture
def terminal(web1: Sshd, workspace: Workspace) -> Iterator[Terminal]:
    """A shell of the user who reaches the host."""
    require("tmux")
    opened = Terminal(workspace, 160, 50, [*web1.account.words, "PS1=here> ", "bash", "--norc"])
    yield opened
    opened.close()


def run(host: Sshd, *words: str, input: str | None = None) -> "subprocess.CompletedProcess[str]":
    """`nsview enter -H` of these words, without a terminal."""
    command = [*host.account.words, "setsid", "--wait", *host.account.nsview(), "enter", "-H", host.name, *words]
    return subprocess.run(command, input=input, capture_output=True, text=True, timeout=120, check=False, cwd="/")


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--user", "1000:1000", "--group-add", "2000"),
        ("--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", "--security-opt", "no-new-privileges"),
        ("--workdir", "/tmp", "--env", "A=b c", "--env", "HOME=/elsewhere", "--env", "PATH=/bin"),
        ("--ulimit", "nofile=512:768", "--ulimit", "core=0:0", "--oom-score-adj", "500"),
        ("--security-opt", "seccomp=unconfined", "--read-only"),
    ],
    ids=" ".join,
)
def test_all_is_like_docker_exec_there(web1: Sshd, docker: Docker, options: tuple[str, ...]) -> None:
    name = f"{NAME}-like"
    docker.container(name, *options)
    try:
        done = run(web1, name, "--", "sh", "-c", PORTRAIT)
        assert done.stderr == ""
        is_like_docker_exec(done.stdout, docker, name, PORTRAIT)
    finally:
        docker.remove(name)


@pytest.mark.parametrize("before", [True, False])
def test_exec_takes_the_words_of_docker_exec(web1: Sshd, far: int, before: bool) -> None:
    where = ["-H", web1.name]
    words = [*where, "exec"] if before else ["exec", *where]
    command = [
        *web1.account.words,
        "setsid",
        "--wait",
        *web1.account.nsview(),
        *words,
        "-i",
        NAME,
        "echo",
        "-n",
        "a  b",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd="/")
    assert done.stdout == "a  b", done.stderr


def test_a_container_in_which_there_is_nothing_to_join_is_refused_there_too(web1: Sshd, docker: Docker) -> None:
    """The command would run on that host."""
    name = f"{NAME}-hostnet"
    docker.container(name, "--network", "host")
    try:
        done = run(web1, name, "--net", "--", "true")
        assert done.returncode == 3 and "there is nothing to join" in done.stderr, done
        assert f"-H {web1.name}` shows it" in done.stderr
    finally:
        docker.remove(name)


def test_bytes_and_the_exit_code_come_through(web1: Sshd, far: int) -> None:
    text = "".join(chr(code) for code in range(1, 128) if code != 13) * 3000
    done = run(web1, NAME, "--", "sh", "-c", "cat; echo beside >&2; exit 7", input=text)
    assert (done.returncode, done.stderr) == (7, "beside\n")
    assert done.stdout == text


def test_words_are_no_shell_s_on_the_way(web1: Sshd, far: int) -> None:
    word = "a'b\"c $HOME `id` !x \\ \n*"
    assert run(web1, NAME, "--", "echo", "-n", word).stdout == word


def test_a_plan_is_shown_as_it_is_made_there(web1: Sshd, far: int) -> None:
    done = run(web1, str(far), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert f"by hand there: nsenter -t {far}" in done.stdout


@pytest.mark.parametrize("how", ["pid", "inode", "path"])
def test_a_namespace_there_by_each_of_its_names(web1: Sshd, far: int, how: str) -> None:
    inode = os.stat(f"/proc/{far}/ns/net").st_ino
    word = {"pid": str(far), "inode": f"net:{inode}", "path": f"/proc/{far}/ns/net"}[how]
    done = run(web1, word, "--net", "--", "readlink", "/proc/self/ns/net")
    assert done.stdout == f"net:[{inode}]\n", done.stderr


def test_a_namespace_that_only_a_mount_keeps(web1: Sshd, population: Population, workspace: Workspace) -> None:
    name = f"kept-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        inode = os.stat(f"/run/netns/{name}").st_ino
        done = run(web1, name, "--", "readlink", "/proc/self/ns/net")
        assert done.stdout == f"net:[{inode}]\n", done.stderr
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nobody-there", "--", "true"), 1, "nobody-there"),
        ((NAME,), 2, "a shell needs a terminal"),
        ((NAME, "--pin", "net:1", "--", "true"), 1, "net:[1]"),
        ((NAME, "--", "nothing-of-that-name"), 127, "nothing-of-that-name"),
    ],
)
def test_a_refusal_is_one_line(web1: Sshd, far: int, words: tuple[str, ...], code: int, said: str) -> None:
    done = run(web1, *words)
    assert done.returncode == code, done
    assert done.stderr.count("\n") == 1 and said in done.stderr


def test_an_ordinary_user_there_is_told_how_to_be_root(web1: Sshd, far: int) -> None:
    web1.write_config(user=web1.account.name)
    try:
        done = run(web1, str(far), "--", "true")
        assert done.returncode == 3
        assert f"as root: nsview --sudo enter {far} -H {web1.name} -- true" in done.stderr
    finally:
        web1.write_config()


def test_a_shell_there_has_the_terminal(web1: Sshd, far: int, terminal: Terminal) -> None:
    terminal.type(f"{shlex.join([*web1.account.nsview(), 'enter', '-H', web1.name, NAME])}\n")
    terminal.shows("/ #", f"in {NAME} as root; exit returns")
    terminal.type("stty size; echo net=$(readlink /proc/self/ns/net)\n")
    terminal.shows("50 160", f"net={os.readlink(f'/proc/{far}/ns/net')}")
    terminal._run("resize-window", "-t", "t", "-x", "100", "-y", "30")
    terminal.type("stty size\n")
    terminal.shows("30 100")
    terminal.type("sleep 1234\n")
    terminal.runs("sleep", "1234")
    terminal.press("C-c")
    terminal.type("echo code=$?\n")
    terminal.shows("code=130")
    terminal.type("exit 5\n")
    terminal.prompts("here>")
    terminal.type("echo ended=$?\n")
    terminal.shows("ended=5")
    wait_until(lambda: not web1.left() and not web1.sessions(), 10, "the end of all that was sent")


def test_the_explorer_enters_there(web1: Sshd, far: int, workspace: Workspace) -> None:
    require("tmux")
    opened = Terminal(workspace, 160, 50, [*web1.account.words, *web1.account.nsview(), "-H", web1.name])
    try:
        opened.shows("5 net", "as root")
        only(opened, f"{NAME} sleep", "1 process")
        opened.press("e")
        opened.shows(f"Enter {NAME}: sleep, pid {far}")
        opened.press("Enter")
        opened.shows("/ #", f"nsview enter {far} -H {web1.name}", f"in {NAME} as root; exit returns")
        opened.type("echo net=$(readlink /proc/self/ns/net) uid=$(id -u)\n")
        opened.shows(f"net={os.readlink(f'/proc/{far}/ns/net')} uid=0")
        opened.type("exit 5\n")
        opened.shows("exit code 5", "? Help")
        opened.press("q")
        opened.shows("exit code 0")
    finally:
        opened.close()
    wait_until(lambda: not web1.left() and not web1.sessions(), 10, "the end of all that was sent")


@pytest.mark.parametrize("with_terminal", [True, False])
def test_a_command_ends_with_the_link(web1: Sshd, far: int, terminal: Terminal, with_terminal: bool) -> None:
    seconds = str(4000 + with_terminal)
    line = shlex.join([*web1.account.nsview(), "enter", "-H", web1.name, NAME, "--", "sleep", seconds])
    terminal.type(f"{line}{'' if with_terminal else ' </dev/null | cat'}\n")

    def running() -> list[int]:
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/cmdline").read_bytes() == f"sleep\0{seconds}\0".encode():
                    found.append(int(pid))
        return found

    wait_until(lambda: len(running()) == 1, 20, "the command")
    for session in web1.sessions():
        with contextlib.suppress(ProcessLookupError):
            os.kill(session, signal.SIGKILL)
    wait_until(lambda: not running(), 20, "its end")
    terminal.prompts("here>")


def test_code_that_is_another_by_now_is_not_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bytes] = []

    class Host:
        name, magic, elevated = "here", b"", False
        place = place.of("web1")

        def keep(self, data: bytes) -> str:
            kept.append(data)
            return "/dev/null"

    monkeypatch.setattr(
        "nsview.hosts.place.Destination.command",
        lambda self, program, **_: ["env", "PATH=/usr/local/bin:/usr/bin", *program],
    )
    assert entering.enter(Host(), {}, terminal=False) == 4  # type: ignore[arg-type]
    assert kept
