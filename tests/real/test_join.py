"""Joining real containers: what is inside is what `docker exec` and `ctr task exec` give, and nothing of the host's.

The command line is left out: plans are made here and carried out by a process of their own, as the explorer does.
"""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

import nsview
from nsview.agent.details import details
from nsview.join import trampoline
from nsview.join.plan import Choice, Plan, choice_for, plan
from nsview.model.kinds import KIND_NAMES
from nsview.model.records import Details, Host, Namespaces, Process

from .daemons import Containerd, Docker
from .population import Population
from .workspace import Workspace, wait_until

_ROOT = Path(nsview.__file__).parent.parent

# argv: the plan as JSON, and Python to run in the helper before it begins.
_DRIVER = """
import sys, msgspec
from nsview.join import run
from nsview.join.plan import Plan
patch = "exec(bytes.fromhex('%s').decode()); main()" % sys.argv[2].encode().hex()
run._START = run._START.replace("main()", patch)
python = sys.argv[3] if len(sys.argv) > 3 else sys.executable
sys.exit(run.carry_out(msgspec.json.decode(sys.argv[1], type=Plan), python=python))
"""

# Everything about a process that one can be like another in.
_PORTRAIT = r"""
grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:|SigBlk|SigIgn|SigCgt|Umask)' /proc/self/status
for kind in mnt uts ipc pid net user cgroup time; do readlink /proc/self/ns/$kind; done
cat /proc/self/cgroup /proc/self/limits /proc/self/oom_score_adj /proc/self/personality /proc/self/coredump_filter
env | sort
pwd
umask
ls -d /proc/self/root/. /
ls /proc/self/fd
readlink /proc/$$/exe
cat /proc/$$/attr/current 2>/dev/null
id
"""


def namespaces(pid: int | str) -> Namespaces:
    links = {kind: os.readlink(f"/proc/{pid}/ns/{kind}") for kind in KIND_NAMES}
    return Namespaces(**{kind: int(link.partition("[")[2][:-1]) for kind, link in links.items()})


def process(pid: int) -> Process:
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text.rpartition(")")[2].split()
    return Process(
        pid=pid,
        ppid=int(fields[1]),
        start=int(fields[19]),
        uid=os.stat(f"/proc/{pid}").st_uid,
        user="?",
        state=fields[0],
        comm="?",
        cmdline=(),
        nspid=(pid,),
        namespaces=namespaces(pid),
    )


def plan_for(pid: int, *kinds: str, command: Sequence[str] = (), host_privileges: bool = False, uid: int = 0) -> Plan:
    """The plan for a living process, by what the agent says of it; all kinds that differ where none are given."""
    host = Host("h", "k", "b", uid, uid == 0, nsview.__version__, namespaces("self"), namespaces("self"))
    found = process(pid)
    known = msgspec.convert(details(pid, found.start), Details)  # type: ignore[no-untyped-call]
    chosen = tuple(kind for kind in KIND_NAMES if kind in kinds) or choice_for(found, host)
    return plan(found, known, host, Choice(chosen, tuple(command), host_privileges))


def driver(made: Plan, patch: str = "", python: str = sys.executable) -> list[str]:
    return [sys.executable, "-c", _DRIVER, msgspec.json.encode(made).decode(), patch, python]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_ROOT)}


def enter(made: Plan, stdin: bytes | None = b"", patch: str = "", python: str = sys.executable) -> tuple[int, str, str]:
    """Carry a plan out with pipes for its streams: (exit code, stdout, stderr)."""
    done = subprocess.run(
        driver(made, patch, python), input=stdin, capture_output=True, env=environment(), timeout=60, check=False
    )
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def inside(pid: int, script: str, *kinds: str) -> str:
    """What a shell script says inside; it must succeed and nsview must be silent."""
    code, out, err = enter(plan_for(pid, *kinds, command=["/bin/sh", "-c", script]))
    assert (code, err) == (0, ""), (code, out, err)
    return out


_TIOCGPTN = 0x80045430  # the number of a pty, by its master


class Terminal:
    """A terminal with a plan being carried out on it."""

    def __init__(self, made: Plan, rows: int = 33, columns: int = 77, env: dict[str, str] | None = None) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            # Something stays on the terminal when nsview has ended, as a user's shell does.
            script = 'before=$(stty -g); "$@"; code=$?; [ "$before" = "$(stty -g)" ] && echo same-$code || echo changed'
            os.execvpe("sh", ["sh", "-c", script, "sh", *driver(made)], {**environment(), **(env or {})})
        self.name = f"/dev/pts/{int.from_bytes(fcntl.ioctl(self.fd, _TIOCGPTN, bytes(4)), sys.byteorder)}"
        self.output = b""
        self._read = 0

    def expect(self, text: str, seconds: float = 20) -> str:
        """Everything until `text` appears, from where the last expectation ended."""
        deadline = time.monotonic() + seconds
        while (found := self.output.find(text.encode(), self._read)) < 0:
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"{text!r} did not come, but {self.output[self._read :]!r}")
            try:
                data = os.read(self.fd, 1 << 16)
            except OSError:
                data = b""
            assert data, f"{text!r} did not come before the end, but {self.output[self._read :]!r}"
            self.output += data
        before = self.output[self._read : found]
        self._read = found + len(text)
        return before.decode(errors="replace").replace("\r\n", "\n")

    def send(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def children(self) -> list[int]:
        """pids below the terminal's first process, outermost first: the driver, the helper, .."""
        found, last = [], self.pid
        while below := Path(f"/proc/{last}/task/{last}/children").read_text().split():
            last = int(below[0])
            found.append(last)
        return found

    def close(self) -> None:
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


@pytest.fixture(scope="module")
def web(docker: Docker) -> Iterator[int]:
    yield docker.container("j-web")
    docker.remove("j-web")


def docker_exec(docker: Docker, name: str, script: str) -> str:
    return docker.run("exec", name, "sh", "-c", script)


# What it is to be inside


def test_net_alone_shows_the_containers_addresses_to_the_hosts_tools(docker: Docker, web: int) -> None:
    addresses = re.compile(r"inet6? (\S+)")
    theirs = addresses.findall(docker.run("exec", "j-web", "ip", "addr"))
    code, out, err = enter(plan_for(web, "net", command=["ip", "addr"]))
    assert (code, err) == (0, "")
    assert addresses.findall(out) == theirs
    assert any(address.startswith("10.") for address in theirs)
    # These are the host's files still.
    assert inside(web, "readlink /proc/self/ns/mnt /proc/self/ns/net", "net").split() == [
        os.readlink("/proc/self/ns/mnt"),
        os.readlink(f"/proc/{web}/ns/net"),
    ]


def test_mnt_alone_shows_the_containers_files(web: int) -> None:
    assert inside(web, "cat /root/inside.txt", "mnt") == "a file of the container\n"


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--user", "1000:1000", "--group-add", "2000"),
        ("--user", "1000", "--cap-add", "NET_ADMIN"),
        ("--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", "--security-opt", "no-new-privileges"),
        ("--workdir", "/tmp", "--env", "A=b c", "--env", "HOME=/elsewhere", "--env", "PATH=/bin"),
        ("--ulimit", "nofile=512:768", "--ulimit", "core=0:0", "--oom-score-adj", "500"),
        ("--security-opt", "seccomp=unconfined", "--read-only"),
        ("--network", "host", "--ipc", "private", "--cgroupns", "private"),
        (
            "--pid",
            "host",
        ),
        ("--pids-limit", "50", "--memory", "64m"),
    ],
    ids=" ".join,
)
def test_all_is_like_docker_exec_in_every_property(docker: Docker, options: tuple[str, ...]) -> None:
    pid = docker.container("j-like", *options)
    try:
        assert inside(pid, _PORTRAIT).splitlines() == docker_exec(docker, "j-like", _PORTRAIT).splitlines()
    finally:
        docker.remove("j-like")


def test_all_is_like_ctr_task_exec_in_every_property(containerd: Containerd) -> None:
    pid = containerd.container("nsview-j-like", "--env", "A=b")
    try:
        theirs = containerd.run(
            *("-n", "default", "task", "exec", "--exec-id", "j", "nsview-j-like", "/bin/sh", "-c", _PORTRAIT)
        )
        assert inside(pid, _PORTRAIT).splitlines() == theirs.splitlines()
        assert "NoNewPrivs:\t1" in theirs
    finally:
        containerd.remove("nsview-j-like")


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


def test_a_time_namespace_is_joined_by_the_child(population: Population) -> None:
    pid = population.process("time", options=["--monotonic", "123456"])
    made = plan_for(pid, command=["readlink", "/proc/self/ns/time"])
    assert made.kinds == ("time",)
    assert enter(made) == (0, os.readlink(f"/proc/{pid}/ns/time") + "\n", "")


def test_a_user_may_enter_what_is_theirs_and_nothing_else(web: int) -> None:
    person = {"user": 65534, "group": 65534, "extra_groups": []}
    options = ["--user", "--map-root-user", "--net", "--mount", "--fork", "--kill-child", "sleep", "9999"]
    owned = subprocess.Popen(["unshare", *options], **person)  # type: ignore[call-overload]
    try:
        children = Path(f"/proc/{owned.pid}/task/{owned.pid}/children")
        wait_until(lambda: bool(children.read_text()), 10, "the child")
        pid = int(children.read_text())
        wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", 10, "its exec")
        command = ["sh", "-c", "id -u; readlink /proc/self/ns/net"]
        readable = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin")
        if not _may_read(_ROOT, person) or not readable:
            pytest.skip("an ordinary user can't read this checkout")
        made = plan_for(pid, command=command, uid=65534)
        assert made.refusal is None
        script = "import sys, marshal, os; r, w = os.pipe(); os.write(w, marshal.dumps({'steps': eval(sys.argv[2])})); "
        script += "os.close(w); sys.argv[1] = str(r); sys.path.append(sys.argv[3]); "
        script += "from nsview.join.helper import main; main()"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", script, "", repr(msgspec.to_builtins(made.steps)), str(_ROOT)],
            capture_output=True, text=True, timeout=30, check=False, **person,  # type: ignore[call-overload]
        )  # fmt: skip
        assert (done.returncode, done.stdout.split()) == (0, ["0", os.readlink(f"/proc/{pid}/ns/net")]), done.stderr
        refused = plan_for(web, uid=65534).refusal
        assert refused and refused.code == 3
    finally:
        owned.kill()
        owned.wait()


def _may_read(root: Path, person: dict[str, object]) -> bool:
    command = [sys.executable, "-I", "-c", f"open({str(root / 'nsview/join/helper.py')!r})"]
    try:
        done: subprocess.CompletedProcess[bytes] = subprocess.run(command, capture_output=True, check=False, **person)  # type: ignore[call-overload]
    except PermissionError:
        return False
    return done.returncode == 0


def test_old_kernels_get_the_same_by_one_setns_each(web: int) -> None:
    patch = """
from nsview import linux
whole = linux.setns
def setns(fd, flags):
    if flags:
        raise OSError(22, "before Linux 5.8")
    whole(fd, flags)
linux.setns = setns
"""
    script = "for kind in mnt uts ipc pid net; do readlink /proc/self/ns/$kind; done"
    code, out, err = enter(plan_for(web, command=["sh", "-c", script]), patch=patch)
    assert (code, err) == (0, "")
    assert out.split() == [os.readlink(f"/proc/{web}/ns/{kind}") for kind in ("mnt", "uts", "ipc", "pid", "net")]


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


def test_a_pid_that_is_anothers_by_now_is_refused(web: int) -> None:
    made = plan_for(web, command=["true"])
    older = msgspec.convert(
        msgspec.to_builtins(made)
        | {
            "steps": [
                step | ({"start": made.start - 1} if "start" in step else {})
                for step in msgspec.to_builtins(made)["steps"]
            ]
        },
        Plan,
    )
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


def test_a_pid_namespace_that_dies_on_the_way_in_is_named(docker: Docker, workspace: Workspace) -> None:
    pid = docker.container("j-dies")
    waits = workspace.root / "j-dies"
    patch = f"""
import os, time
from nsview.join import inside
fork = inside._STEPS["Fork"]
go = os.open({str(workspace.root)!r}, os.O_PATH)
def slow(self, step):
    time.sleep(1.5)
    fork(self, step)
inside._STEPS["Fork"] = slow
"""
    made = plan_for(pid, "pid", command=["true"])
    running = subprocess.Popen(driver(made, patch), stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
    time.sleep(0.7)
    docker.remove("j-dies")
    _, err = running.communicate(timeout=30)
    assert not waits.exists()
    assert running.returncode == 4 and b"this pid namespace is dead" in err


def test_a_command_may_be_quicker_than_word_of_its_pid(web: int) -> None:
    patch = """
import time
from nsview.join import inside
say = inside.Inside._say
def slow(self, line):
    time.sleep(0.3 * line.startswith("pid"))
    say(self, line)
inside.Inside._say = slow
"""
    assert enter(plan_for(web, command=["sh", "-c", "echo out; exit 3"]), patch=patch) == (3, "out\n", "")


def test_the_end_of_the_container_is_told(docker: Docker, terminals: list[Terminal]) -> None:
    pid = docker.container("j-ends")
    terminal = Terminal(plan_for(pid, command=["sh", "-c", "echo ready; sleep 9999"]))
    terminals.append(terminal)
    terminal.expect("ready")
    docker.remove("j-ends")
    assert "nsview: killed with the container" in terminal.expect("same-137")


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


# Held against the container


def test_no_file_of_the_host_is_open_inside(web: int) -> None:
    leak = os.open("/etc/shadow", os.O_RDONLY)
    directory = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        done = subprocess.run(
            driver(plan_for(web, command=["ls", "-l", "/proc/self/fd"])),
            pass_fds=[leak, directory], env=environment(), capture_output=True, text=True, timeout=30, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    finally:
        os.close(leak)
        os.close(directory)
    shown = [line.split()[8:] for line in done.stdout.splitlines() if "->" in line]
    assert [fields[0] for fields in shown] == ["0", "1", "2"]
    assert all(fields[2].startswith("pipe:") for fields in shown)


_SLOW = """
import time
from nsview import linux
from nsview.join import inside
execute = inside._STEPS["Execute"]
def slow(self, step):
    time.sleep(1)
    execute(self, step)
inside._STEPS["Execute"] = slow
"""
_TRACEABLE = (
    _SLOW
    + """
prctl = linux.prctl
linux.prctl = lambda option, *rest: 0 if option == 4 else prctl(option, *rest)
"""
)
_SPY = """
for try in $(seq 60); do
    for process in /proc/[0-9]*; do
        case $process in /proc/1|/proc/$$) continue;; esac
        grep -q python $process/comm 2>/dev/null || continue
        echo "seen $(readlink $process/exe) $(ls -l $process/fd 2>/dev/null | grep -c -e '->')"
    done
    sleep 0.05
done
"""


@pytest.mark.parametrize(("patch", "open_to_it"), [(_SLOW, False), (_TRACEABLE, True)], ids=["as it is", "traceable"])
def test_the_container_cannot_look_into_the_helper(docker: Docker, web: int, patch: str, open_to_it: bool) -> None:
    """CVE-2016-9962; that the same spy sees a helper that allows it shows that it would."""
    spy = subprocess.Popen(
        ["docker", "-H", f"unix://{docker.address}", "exec", "j-web", "sh", "-c", _SPY],
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(0.3)
    code, _, err = enter(plan_for(web, command=["true"]), patch=patch)
    seen, _ = spy.communicate(timeout=60)
    assert (code, err) == (0, "")
    lines = {tuple(line.split()[1:]) for line in seen.splitlines()}
    assert lines, "the spy saw no helper at all"
    assert any("python" in line[0] for line in lines) == open_to_it
    if not open_to_it:
        assert lines == {("0",)}


# As the dynamic linker of the container: keeps /proc/self/exe open as fd 9 and goes on as `sh /evil/attack`.
_LINKER = (
    bytes.fromhex(
        "488d3d48000000"  # lea rdi, [rip+self]
        "31f6"  # xor esi, esi                  O_RDONLY
        "b802000000"  # mov eax, 2              open
        "0f05"  # syscall
        "89c7"  # mov edi, eax
        "be09000000"  # mov esi, 9
        "b821000000"  # mov eax, 33             dup2
        "0f05"  # syscall
        "488d3d39000000"  # lea rdi, [rip+shell]
        "6a00"  # push 0
        "488d053d000000"  # lea rax, [rip+script]
        "50"  # push rax
        "488d0542000000"  # lea rax, [rip+name]
        "50"  # push rax
        "4889e6"  # mov rsi, rsp
        "31d2"  # xor edx, edx
        "b83b000000"  # mov eax, 59             execve
        "0f05"  # syscall
        "bf7d000000"  # mov edi, 125
        "b8e7000000"  # mov eax, 231            exit_group
        "0f05"  # syscall
    )
    + b"/proc/self/exe\0/bin/busybox\0/evil/attack\0sh\0"
)


def _linker() -> bytes:
    size = 120 + len(_LINKER)
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, 62, 1, 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 0x1000) + _LINKER


@pytest.fixture
def evil(docker: Docker, workspace: Workspace) -> Iterator[int]:
    """A container that overwrites whoever executes a program of its: CVE-2019-5736."""
    pid = docker.container("j-evil")
    files = workspace.root / "j-evil"
    files.mkdir()
    (files / "linker").write_bytes(_linker())
    (files / "attack").write_text(
        "exec 8</proc/self/fd/9\n"
        "(for n in 1 2 3 4 5 6 7 8 9; do sleep 0.1; echo pwned 2>/dev/null >/proc/self/fd/8; done) &\n"
    )
    (files / "script").write_text("#!/proc/self/exe\n")
    (files / "link").symlink_to("/proc/self/exe")
    for name in ("attack", "script", "linker"):
        (files / name).chmod(0o755)
    docker.run("cp", str(files), "j-evil:/evil")
    docker_exec(docker, "j-evil", "mkdir -p /lib64; cp /evil/linker /lib64/ld-linux-x86-64.so.2")
    yield pid
    docker.remove("j-evil")
    shutil.rmtree(files)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the attack is written for x86_64")
@pytest.mark.parametrize("command", ["/evil/link", "/evil/script"])
def test_the_container_cannot_overwrite_the_hosts_program(evil: int, workspace: Workspace, command: str) -> None:
    """CVE-2019-5736: nsenter, a copy of it, is overwritten; the interpreter that carries a plan out is not."""
    nsenter = workspace.root / "nsenter"
    shutil.copy(shutil.which("nsenter") or "nsenter", nsenter)
    subprocess.run([nsenter, "-t", str(evil), "-m", "-p", command], timeout=30, check=False, capture_output=True)
    wait_until(lambda: nsenter.read_bytes() == b"pwned\n", 10, "the attack on nsenter")

    home = Path(tempfile.mkdtemp(prefix="j-python", dir=workspace.root))
    (home / "bin").mkdir()
    python = home / "bin" / "python3"
    shutil.copy(os.path.realpath(sys.executable), python)
    (home / "pyvenv.cfg").write_text(f"home = {Path(sys.base_prefix) / 'bin'}\n")
    before = python.read_bytes()
    for patch in ("", _UNKNOWN_MACHINE):
        code, _, err = enter(plan_for(evil, command=[command]), patch=patch, python=str(python))
        assert err == ""
        assert code == 127 or patch  # that copy of Python is one to run, and the linker did
        time.sleep(1.2)
        assert python.read_bytes() == before


_UNKNOWN_MACHINE = """
from nsview.join import trampoline
trampoline.image = lambda machine=None: None
"""


def test_a_machine_without_trampoline_goes_on_as_a_sealed_copy_of_python(web: int) -> None:
    patch = (
        _UNKNOWN_MACHINE
        + """
import os
from nsview.join import inside
execute = inside._STEPS["Execute"]
own = os.readlink("/proc/self/exe")
def told(self, step):
    self.note(own)
    execute(self, step)
inside._STEPS["Execute"] = told
"""
    )
    code, out, err = enter(plan_for(web, command=["sh", "-c", "cat /root/inside.txt; exit 4"]), patch=patch)
    assert (code, out) == (4, "a file of the container\n")
    assert err == "nsview: note: /memfd:nsview-python (deleted)\n"
    code, _, err = enter(plan_for(web, command=["nowhere"]), patch=_UNKNOWN_MACHINE)
    assert code == 127


def _machines() -> list[str]:
    """Those whose programs can run here: this one, and what there is an emulator for."""
    return [m for m in ("x86_64", "aarch64") if m == os.uname().machine or shutil.which(f"qemu-{m}")]


@pytest.mark.parametrize("machine", _machines())
def test_the_trampoline_reports_what_the_last_exec_fails_with(tmp_path: Path, machine: str) -> None:
    program = trampoline.image(machine)
    assert program
    (tmp_path / "t").write_bytes(program)
    (tmp_path / "t").chmod(0o755)
    read, write = os.pipe()

    def run(path: str, *argv: str) -> tuple[int, bytes]:
        command = [path, *argv]
        program = str(tmp_path / "t")
        if machine != os.uname().machine:
            program, command = shutil.which(f"qemu-{machine}") or "", ["qemu", "-0", path, program, *argv]
        script = f"import os; os.dup2({write}, 3); os.execve({program!r}, {command!r}, {{'A': 'b'}})"
        done = subprocess.run([sys.executable, "-c", script], pass_fds=[write], capture_output=True, check=False)
        return done.returncode, done.stdout

    assert run("/bin/sh", "name", "-c", "echo $0 $A; exit 5") == (5, b"name b\n")
    assert run("/nowhere", "x") == (127, b"")
    assert int.from_bytes(os.read(read, 4), sys.byteorder) == 2


def test_without_mnt_the_container_cannot_reach_the_host_through_the_command(docker: Docker, web: int) -> None:
    """A process of the host's files in the container's pid namespace, with its capabilities: /proc/PID/root is then
    the way out, unless the command holds one that the container's do not."""
    reach = "for p in /proc/[0-9]*; do grep -q spied[-]on $p/cmdline && ls -d $p/root/proc/1; done 2>/dev/null; true"
    made = plan_for(web, "pid", "net", command=["sh", "-c", "echo ready; : spied-on; read line"])
    unguarded = msgspec.to_builtins(made)
    for step in unguarded["steps"]:
        step.pop("guard", None)
    for plan_, reached in ((made, False), (msgspec.convert(unguarded, Plan), True)):
        running = subprocess.Popen(
            driver(plan_), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True
        )
        assert running.stdout and running.stdout.readline() == "ready\n"
        found = docker_exec(docker, "j-web", reach)
        running.communicate("\n", timeout=30)
        assert bool(found.strip()) == reached, found


def test_nothing_is_imported_once_inside(web: int) -> None:
    """What a module of the container says must never run with the host's power."""
    patch = """
import sys
from nsview.join import inside
before = set(sys.modules)
execute = inside._STEPS["Execute"]
def told(self, step):
    self.note(f"{sorted(set(sys.modules) - before)} {sys.path} {sys.meta_path}")
    execute(self, step)
inside._STEPS["Execute"] = told
"""
    _, _, err = enter(plan_for(web, command=["true"]), patch=patch)
    assert err == "nsview: note: [] [] []\n"


def test_where_there_is_no_true_devpts_the_pty_is_the_hosts(docker: Docker) -> None:
    """/dev/pts/ptmx of a container may be anything."""
    pid = docker.container("j-false", "--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined")
    opened: list[Terminal] = []
    try:
        docker_exec(docker, "j-false", "umount /dev/pts && mkfifo /dev/pts/ptmx")
        terminal = Terminal(plan_for(pid, command=["sh", "-c", "tty; test -t 0 && echo terminal"]))
        opened.append(terminal)
        assert terminal.expect("same-0") == "not a tty\nterminal\n"
    finally:
        for terminal in opened:
            terminal.close()
        docker.remove("j-false")


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
