"""Joining real containers: where one is inside, how it ends, the streams, the terminal."""

import errno
import fcntl
import os
import pickle
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from nsview.join import cgroups, trampoline
from nsview.record import builtins

from .daemons import Docker
from .joining import Terminal, complaints_of_ip, docker_exec, driver, enter, environment, inside, plan_for
from .population import Population
from .user import interpreter, library
from .workspace import Workspace, wait_until

# What it is to be inside


def test_net_alone_shows_the_containers_addresses_to_the_hosts_tools(docker: Docker, web: int) -> None:
    addresses = re.compile(r"inet6? (\S+)")
    theirs = addresses.findall(docker.run("exec", "j-web", "ip", "addr"))
    code, out, err = enter(plan_for(web, "net", command=["ip", "addr"]))
    assert (code, err) == (0, complaints_of_ip(web))
    assert addresses.findall(out) == theirs
    assert any(address.startswith("10.") for address in theirs)
    # These are the host's files still.
    assert inside(web, "readlink /proc/self/ns/mnt /proc/self/ns/net", "net").split() == [
        os.readlink("/proc/self/ns/mnt"),
        os.readlink(f"/proc/{web}/ns/net"),
    ]


def test_mnt_alone_shows_the_containers_files(web: int) -> None:
    assert inside(web, "cat /root/inside.txt", "mnt") == "a file of the container\n"


def test_a_process_that_is_not_the_first_of_its_container_lends_its_own_identity(docker: Docker) -> None:
    docker.container("j-second")
    try:
        docker.run("exec", "--detach", "--user", "1000", "--env", "ONLY=here", "j-second", "sleep", "8888")
        wait_until(lambda: "sleep 8888" in docker.run("top", "j-second"), 10, "the second process")
        line = next(line for line in docker.run("top", "j-second", "-eo", "pid,args").splitlines() if "8888" in line)
        out = inside(int(line.split()[0]), "id -u; echo $ONLY; grep CapEff /proc/self/status")
        assert out.split() == ["1000", "here", "CapEff:", "0000000000000000"]
    finally:
        docker.remove("j-second")


# To write to v2's cgroup.procs is what takes long: nobody does where one can be born in it.
_NOT_MOVED = """
from nsview.join import cgroups
move = cgroups._move
def moved(members, pid, name):
    assert not members.endswith("cgroup.procs"), members
    move(members, pid, name)
cgroups._move = moved
"""
_OLD_KERNEL = """
import errno
from nsview import linux
def fork_into(cgroup, exit_signal):
    raise OSError(errno.ENOSYS, "no clone3")
linux.fork_into = fork_into
"""


@pytest.mark.parametrize("patch", [_NOT_MOVED, _OLD_KERNEL], ids=["born", "moved"])
def test_the_command_is_born_in_its_cgroup_or_moved_into_it(docker: Docker, web: int, patch: str) -> None:
    code, out, err = enter(plan_for(web, command=["cat", "/proc/self/cgroup"]), patch=patch)
    assert (code, err) == (0, "")
    assert out == docker_exec(docker, "j-web", "cat /proc/1/cgroup") and "0::/\n" not in out


def test_who_can_not_be_born_there_is_moved(web: int) -> None:
    code, _, err = enter(plan_for(web, command=["true"]), patch=_OLD_KERNEL + _NOT_MOVED)
    assert code == 4 and "cgroup.procs" in err


@pytest.mark.parametrize("stopped", [False, True])
def test_a_helper_that_gets_no_plan_ends_in_silence_and_at_once(stopped: bool) -> None:
    """Stopped, it would not notice that there is none to come."""
    script = (
        "import os, signal, subprocess; from nsview.join.run import Helper; helper = Helper()\n"
        f"if {stopped}: os.kill(helper._process.pid, signal.SIGSTOP)\n"
        "ended = subprocess.Popen.wait\n"
        "subprocess.Popen.wait = lambda self, timeout=None: ended(self, timeout and 60 * timeout)\n"
        "helper.dismiss(); print(helper._process.returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == ("-9\n", "")


def test_a_helper_that_ended_before_it_had_the_plan_says_so(web: int) -> None:
    script = (
        "import pickle, os, signal, sys; from nsview.join.run import Helper\n"
        "helper = Helper(); os.kill(helper._process.pid, signal.SIGKILL); os.waitid(os.P_PID, helper._process.pid, "
        "os.WEXITED | os.WNOWAIT)\n"
        "print(helper.carry_out(pickle.loads(bytes.fromhex(sys.argv[1]))))"
    )
    made = pickle.dumps(plan_for(web, command=["true"])).hex()
    done = subprocess.run(
        [sys.executable, "-c", script, made], env=environment(), capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == ("4\n", "nsview: the helper exited before it had the plan: try again\n")


def test_nobody_is_born_in_a_cgroup_that_the_process_is_not_in(web: int) -> None:
    lines = (line.split(":", 2) for line in Path(f"/proc/{web}/cgroup").read_text().splitlines())
    wanted = tuple((controllers, path) for _, controllers, path in lines)
    held = cgroups.birthplace(wanted, web)
    assert held is not None
    os.close(held)
    assert cgroups.birthplace(wanted, os.getpid()) is None
    assert cgroups.birthplace([group for group in wanted if group[0]], web) is None


def test_host_privileges_keep_the_callers_and_the_containers_environment(docker: Docker, web: int) -> None:
    command = ["sh", "-c", "grep CapEff /proc/self/status; cat /proc/self/cgroup; env"]
    code, out, err = enter(plan_for(web, command=command, host_privileges=True))
    assert (code, err) == (0, "")
    own = re.search(r"CapEff.*", Path("/proc/self/status").read_text())
    assert own and own.group() in out
    assert Path("/proc/self/cgroup").read_text() in out
    assert "HOSTNAME=" in out and "PYTHONPATH" not in out


def test_a_user_namespace_is_joined_with_its_ids(population: Population) -> None:
    pid = population.process("user", "mnt", "pid", "net", options=["--map-root-user", "--mount-proc"])
    made = plan_for(
        pid, "net", command=["sh", "-c", "id -u; readlink /proc/self/ns/user; grep CapEff /proc/self/status"]
    )
    assert made.kinds == ("net", "user")
    code, out, err = enter(made)
    assert code == 0, err
    uid, user, _, effective = out.split()
    assert (uid, user) == ("0", os.readlink(f"/proc/{pid}/ns/user"))
    assert int(effective, 16) & 1 << 12


@pytest.mark.parametrize("uid", [0, 1000, 65534])
@pytest.mark.parametrize(("gid", "groups"), [(0, "0"), (65534, "65534"), (1000, "65534,65534"), (65534, "0,1000")])
def test_each_id_of_a_user_namespace_is_had(uid: int, gid: int, groups: str) -> None:
    """Our own ids have no number in there and read as 65534, which is a number that a process may have."""
    become = f"""
import os, sys
from nsview import linux
linux.unshare(0x10020000)  # user, mnt
sys.stdin.read(1)
os.setgroups([{groups}])
os.setresgid({gid}, {gid}, {gid})
os.setresuid({uid}, {uid}, {uid})
os.execv("/bin/sleep", ["sleep", "9999"])
"""
    started = subprocess.Popen([sys.executable, "-c", become], stdin=subprocess.PIPE, text=True, env=environment())
    try:
        apart = os.readlink("/proc/self/ns/mnt")
        wait_until(lambda: os.readlink(f"/proc/{started.pid}/ns/mnt") != apart, 10, "its user namespace")
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{started.pid}/{name}").write_text("0 300000 65536\n")
        assert started.stdin
        started.stdin.write("\n")
        started.stdin.flush()
        wait_until(lambda: Path(f"/proc/{started.pid}/comm").read_text() == "sleep\n", 10, "its ids")
        code, out, err = enter(plan_for(started.pid, command=["grep", "-E", "^(Uid|Gid|Groups)", "/proc/self/status"]))
        ids = ["Uid:", *[str(uid)] * 4, "Gid:", *[str(gid)] * 4, "Groups:", *sorted(groups.split(","), key=int)]
        assert (code, out.split(), err) == (0, ids, "")
    finally:
        started.kill()
        started.communicate()


def test_a_time_namespace_is_joined_by_the_child(population: Population) -> None:
    pid = population.process("time", options=["--monotonic", "123456"])
    made = plan_for(pid, command=["readlink", "/proc/self/ns/time"])
    assert made.kinds == ("time",)
    assert enter(made) == (0, os.readlink(f"/proc/{pid}/ns/time") + "\n", "")


def test_a_user_may_enter_what_is_theirs_and_nothing_else(web: int, workspace: Workspace) -> None:
    person = {"user": 65534, "group": 65534, "extra_groups": []}
    options = ["--user", "--map-root-user", "--net", "--mount", "--fork", "--kill-child", "sleep", "9999"]
    owned = subprocess.Popen(["unshare", *options], **person)  # type: ignore[call-overload]
    try:
        children = Path(f"/proc/{owned.pid}/task/{owned.pid}/children")
        wait_until(lambda: bool(children.read_text()), 10, "the child")
        pid = int(children.read_text())
        wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", 10, "its exec")
        command = ["sh", "-c", "id -u; readlink /proc/self/ns/net"]
        made = plan_for(pid, command=command, uid=65534)
        assert made.refusal is None
        script = "import sys, marshal, os; r, w = os.pipe(); os.write(w, marshal.dumps({'steps': eval(sys.argv[2])})); "
        script += "os.close(w); sys.argv[1] = str(r); sys.path.append(sys.argv[3]); "
        script += "from nsview.join.helper import main; main()"
        done = subprocess.run(
            [interpreter(workspace), "-I", "-S", "-c", script, "", repr(builtins(made.steps)), str(library(workspace))],
            capture_output=True, text=True, timeout=30, check=False, **person,  # type: ignore[call-overload]
        )  # fmt: skip
        assert (done.returncode, done.stdout.split()) == (0, ["0", os.readlink(f"/proc/{pid}/ns/net")]), done.stderr
        refused = plan_for(web, uid=65534).refusal
        assert refused and refused.code == 3
    finally:
        owned.kill()
        owned.wait()


# Exit codes and errors


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -TERM $$"], 143),
        (["sh", "-c", "kill -KILL $$"], 137),
        (["/nowhere"], 127),
        (["nowhere"], 127),
        (["/etc/passwd"], 126),
        (["/tmp"], 126),
    ],
    ids=str,
)
def test_exit_codes_are_a_shells(web: int, command: list[str], code: int) -> None:
    got, out, err = enter(plan_for(web, command=command))
    assert got == code
    assert out == ""
    assert err.count("\n") == (1 if code in (126, 127) else 0)
    assert "Traceback" not in err and (not err or err.startswith(f"nsview: {command[0]} "))


def test_what_the_kernel_refuses_to_execute_is_126(docker: Docker, web: int) -> None:
    docker_exec(
        docker, "j-web", "printf nonsense >/tmp/bad; printf '#!/missing\\n' >/tmp/lost; chmod +x /tmp/bad /tmp/lost"
    )
    code, _, err = enter(plan_for(web, command=["/tmp/bad"]))
    assert (code, err) == (126, "nsview: /tmp/bad can't be executed: Exec format error\n")
    code, _, err = enter(plan_for(web, command=["/tmp/lost"]))
    assert code == 127 and "interpreter" in err


# Streams


def test_fifty_megabytes_go_in_and_out_whole(web: int, workspace: Workspace) -> None:
    block = bytes(range(256)) * 4096
    source, target = workspace.root / "j-in", workspace.root / "j-out"
    source.write_bytes(block * 50)
    with source.open("rb") as feed, target.open("wb") as out:
        cat = subprocess.Popen(["cat"], stdin=feed, stdout=subprocess.PIPE)
        done = subprocess.run(
            driver(plan_for(web, command=["cat"])),
            stdin=cat.stdout,
            stdout=out,
            env=environment(),
            timeout=60,
            check=False,
        )
        cat.wait()
    assert done.returncode == 0
    assert target.read_bytes() == block * 50
    target.unlink()
    source.unlink()


def test_stdout_and_stderr_stay_apart_and_stdin_ends(web: int) -> None:
    code, out, err = enter(
        plan_for(web, command=["sh", "-c", "cat; echo end; echo other >&2; exit 3"]), stdin=b"given\n"
    )
    assert (code, out, err) == (3, "given\nend\n", "other\n")


def test_a_lost_reader_ends_the_command(web: int) -> None:
    made = plan_for(web, command=["yes"])
    running = subprocess.Popen(driver(made), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment())
    assert running.stdout and running.stdout.read(2) == b"y\n"
    running.stdout.close()
    assert running.wait(20) == 128 + signal.SIGPIPE


def test_closed_streams_are_no_trouble(web: int) -> None:
    command = driver(plan_for(web, command=["sh", "-c", "cat; echo out; exit 5"]))
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&- 2>&-', "sh", *command],
        env=environment(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (5, b"out\n")


@pytest.mark.parametrize("rest", ["sleep 60 &", "(while :; do echo more; done) &"])
def test_what_is_left_in_the_background_is_not_waited_for(docker: Docker, rest: str) -> None:
    pid = docker.container("j-rest")
    try:
        began = time.monotonic()
        code, out, err = enter(plan_for(pid, command=["sh", "-c", f"echo first; {rest}"]))
        assert (code, err, out.startswith("first\n")) == (0, "", True)
        assert time.monotonic() - began < 5
    finally:
        docker.remove("j-rest")


def test_signals_go_to_the_command_where_there_is_no_terminal(web: int) -> None:
    script = "trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    running = subprocess.Popen(
        driver(plan_for(web, command=["sh", "-c", script])),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    assert running.stdout and running.stdout.readline() == b"ready\n"
    running.send_signal(signal.SIGTERM)
    assert (running.stdout.read(), running.wait(20)) == (b"got it\n", 9)


# The terminal


def test_a_shell_has_a_terminal_of_its_own(web: int, terminals: list[Terminal]) -> None:
    terminal = Terminal(plan_for(web), env={"TERM": "screen"})
    terminals.append(terminal)
    terminal.expect("# ")
    terminal.send("tty; stty size; echo $TERM; echo ma''rk\r")
    answer = terminal.expect("\r\nmark")
    assert re.search(r"\n/dev/pts/\d+\n33 77\nscreen", answer), answer
    terminal.send("exit 6\r")
    terminal.expect("same-6")


def test_the_last_words_on_a_terminal_are_not_lost(web: int, terminals: list[Terminal]) -> None:
    for _ in range(10):
        terminal = Terminal(plan_for(web, command=["seq", "20000"]))
        terminals.append(terminal)
        assert terminal.expect("same-0").split() == [str(number) for number in range(1, 20001)]


def test_without_mnt_the_terminal_is_one_of_the_hosts_but_not_the_callers(web: int, terminals: list[Terminal]) -> None:
    terminal = Terminal(plan_for(web, "net", command=["sh", "-c", "tty; stty size"]))
    terminals.append(terminal)
    name, size = terminal.expect("same-0").split("\n")[:2]
    assert re.fullmatch(r"/dev/pts/\d+", name) and size == "33 77"
    assert name != terminal.name


def test_interrupt_ends_the_inner_command_alone(web: int, terminals: list[Terminal]) -> None:
    terminal = Terminal(plan_for(web))
    terminals.append(terminal)
    terminal.expect("# ")
    terminal.send("sh -c 'echo rea''dy; sleep 9999'\r")
    terminal.expect("ready\r\n")
    terminal.send("\x03")
    terminal.expect("# ")
    terminal.send("echo code=$?; exit\r")
    terminal.expect("code=130")
    terminal.expect("same-0")


def test_the_pty_follows_the_size_of_the_terminal(web: int, terminals: list[Terminal]) -> None:
    script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done"
    terminal = Terminal(plan_for(web, command=["sh", "-c", script]))
    terminals.append(terminal)
    terminal.expect("ready")
    fcntl.ioctl(terminal.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
    terminal.expect("50 120")
    terminal.expect("same-0")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 137), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_terminal_is_as_before_when_the_helper_is_killed(
    docker: Docker, web: int, terminals: list[Terminal], number: int, code: int
) -> None:
    terminal = Terminal(plan_for(web, command=["sh", "-c", "echo ready; exec sleep 7777"]))
    terminals.append(terminal)
    terminal.expect("ready")
    _, helper, *_ = terminal.children()
    wait_until(lambda: not termios.tcgetattr(terminal.fd)[3] & termios.ECHO, 10, "raw mode")
    os.kill(helper, number)
    terminal.expect(f"same-{code}")
    wait_until(lambda: "7777" not in docker.run("top", "j-web"), 10, "the end of the command")


def test_the_helper_does_not_outlive_who_started_it(docker: Docker, web: int, terminals: list[Terminal]) -> None:
    terminal = Terminal(plan_for(web, command=["sh", "-c", "echo ready; exec sleep 6666"]))
    terminals.append(terminal)
    terminal.expect("ready")
    caller, helper, *_ = terminal.children()
    wait_until(lambda: not termios.tcgetattr(terminal.fd)[3] & termios.ECHO, 10, "raw mode")
    os.kill(caller, signal.SIGKILL)
    wait_until(lambda: bool(termios.tcgetattr(terminal.fd)[3] & termios.ECHO), 10, "the terminal as it was")
    wait_until(lambda: not Path(f"/proc/{helper}").exists(), 10, "the end of the helper")
    wait_until(lambda: "6666" not in docker.run("top", "j-web"), 10, "the end of the command")


def test_stdout_may_be_a_pipe_though_stdin_is_a_terminal(web: int, workspace: Workspace) -> None:
    out = workspace.root / "j-mixed"
    script = "test -t 0 && echo in; test -t 1 || echo out; test -t 2 && echo err"
    made = plan_for(web, command=["sh", "-c", script])
    pid, fd = pty.fork()
    if pid == 0:
        os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT), 1)
        os.execvpe(sys.executable, driver(made), environment())
    while True:
        try:
            if not os.read(fd, 4096):
                break
        except OSError:
            break
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(fd)
    assert out.read_text() == "in\nout\nerr\n"
    out.unlink()


def _machines() -> list[str]:
    """Those whose programs can run here: this one, and what there is an emulator for."""
    return [m for m in ("x86_64", "aarch64") if m == os.uname().machine or shutil.which(f"qemu-{m}")]


@pytest.mark.parametrize("machine", _machines())
def test_the_trampoline_reports_what_the_last_exec_fails_with(tmp_path: Path, machine: str) -> None:
    program = trampoline.image(machine)
    assert program
    (tmp_path / "t").write_bytes(program)
    (tmp_path / "t").chmod(0o755)

    def run(path: str, *argv: str) -> tuple[int, bytes]:
        command = [path, *argv]
        program = str(tmp_path / "t")
        if machine != os.uname().machine:
            program, command = shutil.which(f"qemu-{machine}") or "", ["qemu", "-0", path, program, *argv]
        script = f"import os; os.execve({program!r}, {command!r}, {{'A': 'b'}})"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
        return done.returncode, done.stdout

    assert run("/bin/sh", "name", "-c", "echo $0 $A; exit 5") == (5, b"name b\n")
    assert run("/nowhere", "x") == (errno.ENOENT, b"")
    assert run("/etc/passwd", "x") == (errno.EACCES, b"")


def test_the_network_of_another_host_is_reached_from_inside(web: int) -> None:
    """A listener made inside is seen by the host, at the container's address."""
    running = subprocess.Popen(
        driver(plan_for(web, "net", command=[sys.executable, "-c", _LISTENER])),
        stdout=subprocess.PIPE,
        env=environment(),
    )
    try:
        assert running.stdout
        address, port = running.stdout.readline().split()
        with socket.create_connection((address.decode(), int(port)), timeout=10) as connection:
            assert connection.recv(64) == b"from inside"
    finally:
        running.wait(20)


_LISTENER = """
import socket, subprocess, re
address = re.search(r"inet (10[0-9.]+)", subprocess.run(["ip", "-4", "addr"], capture_output=True, text=True).stdout)[1]
with socket.create_server((address, 0)) as server:
    print(*server.getsockname(), flush=True)
    connection, _ = server.accept()
    connection.sendall(b"from inside")
    connection.close()
"""


def test_cgroups_with_names_as_long_as_there_can_be_are_all_joined() -> None:
    """Of a text that is cut off the last hierarchies would be left out, and their limits with these."""
    hierarchies = [Path(mount.point) for mount in cgroups.mounts(Path("/proc/self/mountinfo").read_text())]
    own = [path for path in hierarchies if path.name != "cpuset"]  # one that is new has no cpus
    if len(own) < 6:
        pytest.skip("a host with cgroup v2 alone has one line of them")
    names = [f"nsview-{os.getpid()}-" + "x" * 200] * 18
    started = subprocess.Popen(["unshare", "--uts", "sleep", "9999"])
    made: list[Path] = []
    try:
        wait_until(lambda: Path(f"/proc/{started.pid}/comm").read_text() == "sleep\n", 10, "its namespace")
        for place in own:
            for name in names:
                place /= name
                place.mkdir()
                made.append(place)
            (place / "cgroup.procs").write_text(str(started.pid))
        theirs = Path(f"/proc/{started.pid}/cgroup").read_text()
        assert len(theirs) > 1 << 14
        assert enter(plan_for(started.pid, command=["cat", "/proc/self/cgroup"])) == (0, theirs, "")
    finally:
        started.kill()
        started.wait()
        for place in reversed(made):
            place.rmdir()
