"""`nsview logs` and `L` on real containers: docker and podman beside their own `logs`, and the layout of Kubernetes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from .command import ENVIRONMENT, NSVIEW, nsview
from .conftest import require
from .daemons import IMAGE, Containerd, Docker
from .runtimes import Podman
from .test_terminal import Terminal
from .workspace import Workspace, wait_until

NAME = f"logs-{os.getpid()}"
HOSTILE = r"\033]0;title\007\033[31mred\ttab"
SHOWN = r"\x1b]0;title\x07\x1b[31mred    tab"
TALK = f"for n in 1 2 3; do echo line $n; done; printf '{HOSTILE}\\n'; echo oops >&2; exec sleep 600"
LINES = ["line 1", "line 2", "line 3", SHOWN, "oops"]


def said(name: str, *options: str) -> list[str]:
    done = nsview("logs", name, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def refused(name: str, *options: str) -> str:
    done = nsview("logs", name, *options)
    assert (done.returncode, done.stdout) == (1, ""), done
    return done.stderr


@pytest.fixture
def talking(docker: Docker) -> Iterator[str]:
    docker.container(NAME, command=("sh", "-c", TALK))
    wait_until(lambda: "oops" in nsview("logs", NAME).stdout, 20, "the last line")
    yield NAME
    docker.remove(NAME)


def test_dockers_json_file_says_the_same_as_docker(talking: str, docker: Docker) -> None:
    assert sorted(said(talking)) == sorted(LINES)  # the two streams come in either order
    theirs = [line.split(None, 1) for line in docker.run("logs", "--timestamps", talking).splitlines()]
    ours = [line.split(None, 1) for line in said(talking, "--timestamps")]
    plain = [(time.rstrip("0Z"), text) for time, text in theirs if text.startswith("line")]
    assert [(time.rstrip("0Z"), text) for time, text in ours if text.startswith("line")] == plain and len(plain) == 3
    assert len(said(talking, "--tail", "2")) == 2
    told = [json.loads(line) for line in said(talking, "--json")]
    assert [one["text"] for one in told if one["stream"] == "stderr"] == ["oops"]
    assert any("\x1b[31m" in one["text"] for one in told)


def test_a_log_is_followed_until_the_container_stops(docker: Docker) -> None:
    name = f"{NAME}-f"
    docker.container(name, command=("sh", "-c", "trap 'echo last; exit' TERM; echo first; while :; do sleep 0.1; done"))
    following = subprocess.Popen(
        [*NSVIEW, "logs", "--follow", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    try:
        assert following.stdout and following.stdout.readline() == "first\n"
        docker.run("stop", name)
        output, errors = following.communicate(timeout=30)
        assert output == "last\n" and errors == f"nsview: container {name} has stopped\n"
    finally:
        following.kill()
        docker.remove(name)


ENDS = {
    "killed": ("echo begins; exit 137", "137: killed (SIGKILL)"),
    "done": ("echo begins", "0: it ended by itself, without an error"),
    "absent": ("echo begins; no-such-program 2>/dev/null", "127: its command was not found"),
}
"""{name: (command of a container, its exit code in words)}"""


@pytest.mark.parametrize("end", ENDS)
def test_a_container_that_has_stopped_has_its_log_and_its_end_and_cant_be_entered(docker: Docker, end: str) -> None:
    name, (command, words) = f"{NAME}-{end}", ENDS[end]
    docker.run("run", "--detach", "--name", name, IMAGE, "sh", "-c", command)
    try:
        wait_until(lambda: docker.inspect(name)["State"]["Status"] == "exited", 20, "its end")
        inspected = docker.inspect(name)
        assert said(name)[0] == said(inspected["Id"][:12])[0] == "begins"
        assert nsview("logs", "--follow", name).stderr.endswith(f"nsview: container {name} has stopped\n")
        told = dict(line.split(None, 1) for line in said_of(name))
        assert f"exit code     {words}" in said_of(name)
        finished = datetime.strptime(told["finished"][:19], "%Y-%m-%d %H:%M:%S").astimezone(UTC)
        assert f"{finished:%Y-%m-%dT%H:%M:%S}" == inspected["State"]["FinishedAt"][:19]
        assert (told["log"], told["image"]) == (inspected["LogPath"], IMAGE) and command in told["command"]
        assert list(told)[-1] == "known"
        printed = json.loads(nsview("inspect", name, "--json").stdout)
        assert (printed["exit_code"], printed["log"]) == (inspected["State"]["ExitCode"], inspected["LogPath"])
        for command_ in (("enter", name, "--net", "--", "true"), ("exec", name, "true")):
            done = nsview(*command_)
            assert done.returncode and done.stderr.startswith(f"nsview: {name} has stopped, exit code"), done
            assert f"`nsview logs {name}`" in done.stderr and done.stderr.count("\n") == 1
    finally:
        docker.remove(name)


def said_of(name: str) -> list[str]:
    done = nsview("inspect", name)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_container_that_restarts_in_a_loop_or_was_never_started_says_so(docker: Docker) -> None:
    loop, new = f"{NAME}-loop", f"{NAME}-new"
    docker.run("run", "--detach", "--name", loop, "--restart", "always", IMAGE, "sh", "-c", "echo no db; exit 3")
    docker.run("create", "--name", new, IMAGE, "true")
    try:
        wait_until(lambda: docker.inspect(loop)["RestartCount"] > 2, 60, "some restarts")
        assert set(said(loop)) == {"no db"}
        wait_until(lambda: "exit code     3: an error of the program's own" in said_of(loop), 60, "its end")
        assert "state         created: it was never started" in said_of(new)
        assert refused(new) == f"nsview: {new} was never started, so it has no log\n"
    finally:
        docker.remove(loop)
        docker.remove(new)


def test_a_docker_that_rotates_is_read_across_its_files(docker: Docker) -> None:
    name = f"{NAME}-r"
    talk = "for n in $(seq 1 400); do echo line $n; done; exec sleep 600"
    docker.container(name, "--log-opt", "max-size=10k", "--log-opt", "max-file=9", command=("sh", "-c", talk))
    try:
        wait_until(lambda: said(name, "-n", "1") == ["line 400"], 20, "the last line")
        assert said(name, "-n", "300") == [f"line {n}" for n in range(101, 401)]
    finally:
        docker.remove(name)


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        ("local", "logs in a binary format of docker's own (local): docker -H unix:///"),
        ("none", "no log of"),
    ],
)
def test_where_docker_keeps_no_file_a_line_says_so(docker: Docker, driver: str, words: str) -> None:
    name = f"{NAME}-{driver}"
    docker.container(name, "--log-driver", driver)
    try:
        line = refused(name)
        assert words in line and name in line and line.count("\n") == 1
        if driver == "local":  # the command that is named reaches this very daemon
            words = line.strip().partition("(local): docker ")[2].replace(" --follow", "")
            subprocess.run([docker.command[0], *words.split()], check=True, capture_output=True, timeout=60)
    finally:
        docker.remove(name)


def test_podmans_file_and_what_is_said_without_one(podman: Podman) -> None:
    talk = f"echo 'begins  '; printf '{HOSTILE}\\n'; exec sleep 600"
    words = [*podman.command, "run", "--detach", "--network", "none"]
    for name, driver in ((f"{NAME}-k", "k8s-file"), (f"{NAME}-n", "none")):
        subprocess.run(
            [*words, "--name", name, "--log-driver", driver, "--rootfs", str(podman.rootfs), "sh", "-c", talk],
            check=True, capture_output=True, env=podman._environment, timeout=60,
        )  # fmt: skip
    wait_until(lambda: len(nsview("logs", f"{NAME}-k").stdout.splitlines()) == 2, 20, "both lines")
    assert said(f"{NAME}-k") == ["begins  ", SHOWN]
    assert podman.run("logs", f"{NAME}-k").splitlines()[0] == "begins  "
    assert "no log of" in refused(f"{NAME}-n")
    podman.container(f"{NAME}-runs")  # whose conmon tells of the storage
    for name in (f"{NAME}-k", f"{NAME}-n"):
        podman.run("stop", "--time", "0", name)
    assert said(f"{NAME}-k") == ["begins  ", SHOWN]
    assert "no log of" in refused(f"{NAME}-n") and "exec sleep 600" in "".join(said_of(f"{NAME}-k"))


@pytest.fixture
def pod_log(containerd: Containerd) -> Iterator[tuple[str, Path]]:
    """A pod's container of containerd's, and the directory in which the kubelet would have its logs."""
    uid, id = f"u-{os.getpid()}", f"{os.getpid():x}".rjust(64, "c")
    values = {"container-type": "container", "container-name": f"cart-{os.getpid()}", "sandbox-id": "5a" * 32,
              "sandbox-name": "shop-0", "sandbox-namespace": "prod", "sandbox-uid": uid}  # fmt: skip
    options = [f"--annotation=io.kubernetes.cri.{name}={value}" for name, value in values.items()]
    containerd.container(id, *options, namespace="k8s.io")
    pod = Path(f"/var/log/pods/prod_shop-0_{uid}")
    directory = pod / values["container-name"]
    absent = [path for path in (pod.parent, pod, directory) if not path.exists()]
    directory.mkdir(parents=True)
    yield values["container-name"], directory
    containerd.remove(id, "k8s.io")
    for file in directory.iterdir():
        file.unlink()
    for path in reversed(absent):
        path.rmdir()


def test_a_pods_log_is_that_of_its_last_attempt_and_no_link_leads_to_another(pod_log: tuple[str, Path]) -> None:
    name, directory = pod_log
    stamp = "2026-01-02T03:04:05.678901234Z"
    (directory / "0.log").write_text(f"{stamp} stdout F before\n")
    (directory / "1.log.20260102-030405").write_text(f"{stamp} stdout F rotated\n")
    (directory / "1.log").write_text(f"{stamp} stderr P part and \n{stamp} stderr F rest\n")
    assert said(name) == ["rotated", "part and rest"]
    (directory / "1.log").unlink()
    (directory / "1.log").symlink_to("/etc/passwd")
    line = refused(name)
    assert "can't be read (ELOOP): crictl -r unix:///" in line and "root:" not in line


def test_what_is_no_container_has_no_log() -> None:
    assert "is in no container" in refused(str(os.getpid()))
    done = nsview("--from", "/dev/null", "logs", "web")
    assert done.returncode == 2 and "a recording has no logs" in done.stderr


def find(terminal: Terminal, text: str, role: str) -> None:
    """Go to what a text means, by `:`."""
    terminal.press(":")
    terminal.shows("│ Find")
    terminal.type(text)
    terminal.shows(f"│ {text}", role)
    terminal.press("Enter")
    terminal.lacks("│ Find")


@pytest.mark.parametrize("size", [(160, 50), (80, 24)], ids=["160x50", "80x24"])
def test_the_screen_follows_a_log_and_sends_a_signal(
    talking: str, docker: Docker, workspace: Workspace, size: tuple[int, int]
) -> None:
    require("tmux")
    terminal = Terminal(workspace, *size, [sys.executable, "-P", "-m", "nsview"])
    try:
        terminal.shows("? Help")
        find(terminal, talking, "container")
        terminal.press("L")
        terminal.shows(" log ", "line 3", r"\x1b[31mred", "oops")
        docker.run("exec", talking, "sh", "-c", "echo came later >/proc/1/fd/1")
        terminal.shows("came later")
        terminal.press("Escape")
        terminal.lacks("came later")
        terminal.press("K")
        terminal.shows(f"Copy a command for {talking}", "stop", "kill")
        terminal.press("Escape")
        terminal.lacks("Copy a command")
        find(terminal, str(docker.inspect(talking)["State"]["Pid"]), "sleep")
        terminal.press("K")
        terminal.shows(f"in {talking}", "TERM", "KILL")
        terminal.press("Down", "Enter")
        terminal.shows("KILL was sent to sleep", "exited")
        wait_until(lambda: docker.inspect(talking)["State"]["ExitCode"] == 137, 20, "the container's end")
    finally:
        terminal.close()
