"""What can go wrong on the way in and inside: each has a name, an exit code, and a way back to the terminal."""

import os
import signal
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nsview.join.plan import Plan
from nsview.join.steps import CheckIdentity

from .daemons import CommandError, Docker
from .joining import Terminal, docker_exec, driver, enter, environment, plan_for
from .population import Population
from .workspace import cgroup_directory, wait_until


def test_a_pid_that_is_anothers_by_now_is_refused(web: int) -> None:
    made = plan_for(web, command=["true"])
    check, *rest = made.steps
    assert isinstance(check, CheckIdentity)
    older = made.changed(steps=(check.changed(start=made.start - 1), *rest))
    code, out, err = enter(older)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "another's" in err


def test_a_process_that_has_ended_is_refused(docker: Docker) -> None:
    pid = docker.container("j-gone")
    made = plan_for(pid, command=["true"])
    docker.remove("j-gone")
    code, _, err = enter(made)
    assert (code, err) == (1, f"nsview: process {pid} is gone: choose again\n")


def test_a_frozen_container_is_refused_at_once(docker: Docker, web: int) -> None:
    before = plan_for(web, command=["true"])
    docker.run("pause", "j-web")
    try:
        refusal = plan_for(web, command=["true"]).refusal
        assert refusal and refusal.code == 4 and "frozen" in refusal.text
        began = time.monotonic()
        code, _, err = enter(before)  # paused since the plan was made
        assert code == 4 and "frozen" in err
        assert time.monotonic() - began < 5
        # Outside of its cgroup nothing hangs.
        code, out, _ = enter(plan_for(web, command=["cat", "/root/inside.txt"], host_privileges=True))
        assert (code, out) == (0, "a file of the container\n")
    finally:
        docker.run("unpause", "j-web")


def test_a_full_cgroup_is_named(docker: Docker) -> None:
    pid = docker.container("j-full", "--pids-limit", "2", command=["sh", "-c", "sleep 9999 & wait"])
    try:
        wait_until(lambda: len(docker.run("top", "j-full").splitlines()) == 3, 10, "the second process")
        code, _, err = enter(plan_for(pid, command=["true"]))
        assert code == 4 and "pids.max" in err and err.count("\n") == 1
    finally:
        docker.remove("j-full")


def test_the_end_of_the_container_is_told(docker: Docker, terminals: list[Terminal]) -> None:
    pid = docker.container("j-ends")
    terminal = Terminal(plan_for(pid, command=["sh", "-c", "echo ready; sleep 9999"]))
    terminals.append(terminal)
    terminal.expect("ready")
    docker.remove("j-ends")
    assert "nsview: killed with the container" in terminal.expect("same-137")


def test_a_pid_that_was_given_again_is_refused(docker: Docker) -> None:
    pid = docker.container("f-reused")
    made = plan_for(pid, command=["true"])
    docker.remove("f-reused")
    again = None
    deadline = time.monotonic() + 60
    while again is None:
        assert time.monotonic() < deadline, f"pid {pid} was never given again"
        # The next pid is the one after this, if nobody else forks in between.
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        started = subprocess.Popen(["sleep", "9999"])
        if started.pid == pid:
            again = started
        else:
            started.kill()
            started.wait()
    try:
        code, out, err = enter(made)
        assert (code, out) == (1, "")
        assert err == f"nsview: process {pid} is gone, its pid is another's by now: choose again\n"
    finally:
        again.kill()
        again.wait()


# Waits before a step until the test says that it has done what may happen in between.
_HELD = """
import os, time
from nsview.join import inside
step = inside._STEPS[{step!r}]
def held(self, *words):
    self.note("held")
    time.sleep({seconds})
    step(self, *words)
inside._STEPS[{step!r}] = held
"""


def during(made: Plan, step: str, act: Callable[[], object], seconds: float = 4) -> tuple[int, str]:
    """Do something while a plan is held before a step: the exit code, and what it said after."""
    patch = _HELD.format(step=step, seconds=seconds)
    running = subprocess.Popen(
        driver(made, patch), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment(), text=True
    )
    assert running.stderr and running.stderr.readline() == "nsview: note: held\n"
    act()
    _, err = running.communicate(timeout=60)
    return running.returncode, err


@pytest.mark.parametrize(
    ("step", "code", "words"),
    [
        ("JoinCgroups", 1, ("is gone: the container has stopped",)),
        # The runtime kills all in the container's cgroup, where ours is by then, unless that goes on by itself.
        ("JoinNamespaces", 1, ("the container has stopped on the way in", "this pid namespace is dead")),
        *(
            (step, 1, ("the container has stopped on the way in", "this pid namespace is dead"))
            for step in ("Fork", "ChangeRoot", "Execute")
        ),
    ],
)
def test_a_container_that_ends_on_the_way_in_is_named(docker: Docker, step: str, code: int, words: list[str]) -> None:
    made = plan_for(docker.container("f-ends"), command=["true"])
    got, err = during(made, step, lambda: docker.remove("f-ends"))
    assert (got, err.count("\n")) == (code, 1) and any(word in err for word in words), err


def test_what_is_frozen_on_the_way_in_can_be_left(docker: Docker) -> None:
    """Between the look at its cgroup and the move into it, where nothing can be done but to wait, or to go."""
    made = plan_for(docker.container("f-frozen"), command=["true"])
    patch = _HELD.format(step="JoinNamespaces", seconds=1)
    try:
        running = subprocess.Popen(
            driver(made, patch), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment(), text=True
        )
        assert running.stderr and running.stderr.readline() == "nsview: note: held\n"
        docker.run("pause", "f-frozen")
        time.sleep(1.5)
        assert running.poll() is None
        helper = int(Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text())
        os.kill(helper, signal.SIGINT)
        assert running.wait(10) == 130
        docker.run("unpause", "f-frozen")
        wait_until(lambda: len(docker.run("top", "f-frozen").splitlines()) == 2, 10, "the end of the helper's child")
    finally:
        docker.remove("f-frozen")


def test_a_command_that_was_frozen_is_left_by_the_second_interrupt(docker: Docker, terminals: list[Terminal]) -> None:
    pid = docker.container("f-paused")
    terminal = Terminal(plan_for(pid, command=["sh", "-c", "echo ready; sleep 5555; echo not-reached"]))
    terminals.append(terminal)
    try:
        terminal.expect("ready")
        wait_until(lambda: not termios.tcgetattr(terminal.fd)[3] & termios.ECHO, 10, "raw mode")
        docker.run("pause", "f-paused")
        terminal.send("\x03")
        terminal.expect("nsview: the command is frozen (paused) and can't hear ^C: once more leaves it\r\n")
        terminal.send("\x03")
        terminal.expect("same-130")
        docker.run("unpause", "f-paused")
        wait_until(lambda: "5555" not in docker.run("top", "f-paused"), 10, "the end of the command")
    finally:
        docker.remove("f-paused")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_frozen_command_without_a_terminal_is_left_too(docker: Docker, number: int, code: int) -> None:
    """At the second ^C, at the first of the others: timeout(1) sends but one."""
    made = plan_for(docker.container("f-piped"), command=["sh", "-c", "echo ready; sleep 5555"])
    try:
        running = subprocess.Popen(
            driver(made), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment()
        )
        assert running.stdout and running.stderr and running.stdout.readline() == b"ready\n"
        docker.run("pause", "f-piped")
        helper = int(Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text())
        if number == signal.SIGINT:
            os.kill(helper, number)
            assert b"frozen (paused)" in running.stderr.readline()
        os.kill(helper, number)
        assert running.wait(10) == code
    finally:
        docker.run("unpause", "f-piped", check=False)
        docker.remove("f-piped")


def test_interrupts_reach_a_command_that_hears_them(web: int, terminals: list[Terminal]) -> None:
    script = "trap 'echo again' INT; echo ready; while :; do sleep 0.05; done"
    terminal = Terminal(plan_for(web, command=["sh", "-c", script]))
    terminals.append(terminal)
    terminal.expect("ready")
    for _ in range(4):
        terminal.send("\x03")
        terminal.expect("again")


def fill_memory(pid: int) -> None:
    """Write into the container's /dev/shm from its cgroup until the kernel ends the writer: no room is left."""
    fill = f"read go; echo 1000 >/proc/self/oom_score_adj; exec dd if=/dev/zero of=/proc/{pid}/root/dev/shm/x bs=4k"
    filler = subprocess.Popen(["sh", "-c", fill], stdin=subprocess.PIPE)
    (cgroup_directory(pid, "memory") / "cgroup.procs").write_text(str(filler.pid))
    filler.communicate(b"\n")
    assert filler.returncode == -signal.SIGKILL


def test_no_memory_in_its_cgroup_is_named(docker: Docker) -> None:
    pid = docker.container("f-memory", "--memory", "8m", "--memory-swap", "8m")
    try:
        fill_memory(pid)
        code, _, err = enter(plan_for(pid, command=["true"]))
        assert code == 4 and err.count("\n") == 1 and "no memory left (memory.max)" in err, err
        # As it says, outside of the cgroup there is room.
        assert enter(plan_for(pid, command=["true"], host_privileges=True))[0] == 0
    finally:
        docker.remove("f-memory")


def test_without_proc_devpts_and_a_file_to_write_one_is_still_inside(docker: Docker, terminals: list[Terminal]) -> None:
    options = ["--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined", "--read-only"]
    pid = docker.container("f-bare", *options)
    try:
        docker_exec(docker, "f-bare", "umount /dev/pts; umount -l /proc; ls /proc /dev/pts | grep -c .; true")
        with pytest.raises(CommandError):
            docker_exec(docker, "f-bare", "true")  # which needs a /proc in there
        terminal = Terminal(plan_for(pid, command=["sh", "-c", "ls /proc | wc -l; tty; touch /x; echo $((6*7))"]))
        terminals.append(terminal)
        shown = terminal.expect("same-0")
        assert shown == "0\nnot a tty\ntouch: /x: Read-only file system\n42\n"
    finally:
        docker.remove("f-bare")


def test_groups_are_the_processes_own_where_they_may_not_be_set(population: Population) -> None:
    pid = population.process("user", "mnt", options=["--map-root-user"])
    assert Path(f"/proc/{pid}/setgroups").read_text() == "deny\n"
    code, out, err = enter(plan_for(pid, command=["sh", "-c", "id -u; grep Groups /proc/self/status"]))
    assert (code, err) == (0, "")
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    theirs = next(line for line in status if line.startswith("Groups"))
    assert out.split("\n")[0] == "0" and len(out.split("\n")[1].split()) == len(theirs.split())


def test_a_command_that_is_not_on_the_host_is_not_said_to_be_in_the_container(web: int) -> None:
    code, out, err = enter(plan_for(web, "net", command=["nowhere"]))
    assert (code, out) == (127, "")
    assert err == "nsview: nowhere is not on this host: install it, or name another command\n"
    code, _, err = enter(plan_for(web, command=["nowhere"]))
    assert code == 127 and "in the container" in err and "leave out --mnt" in err
