"""What a hostile container may try, each beside the proof that it works against whoever joins carelessly."""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsview.join.failure import Failure
from nsview.join.plan import Plan
from nsview.join.steps import Execute, SetCapabilities

from .command import NSVIEW, nsview
from .daemons import Docker
from .joining import Terminal, complaints_of_ip, docker_exec, driver, enter, environment, plan_for
from .test_equal import seen
from .user import AS_NOBODY
from .workspace import Workspace, wait_until


def test_no_file_of_the_host_is_open_inside(web: int, workspace: Workspace) -> None:
    """What the caller has open, nsenter hands on; so does the directory that one is in."""
    secret = workspace.root / "secret"
    secret.write_text("of the host\n")
    leak = os.open(secret, os.O_RDONLY)
    directory = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    script = f"cat <&{leak}; cat /proc/self/fd/{directory}{secret}; ls -l /proc/self/fd"

    def run(*command: str) -> str:
        done = subprocess.run(
            command, pass_fds=[leak, directory], env=environment(), capture_output=True, text=True, timeout=30,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.stdout

    try:
        assert run("nsenter", "-t", str(web), "-m", "-p", "sh", "-c", script).count("of the host\n") == 2
        out = run(*driver(plan_for(web, command=["sh", "-c", script])))
    finally:
        os.close(leak)
        os.close(directory)
    assert "of the host" not in out
    shown = [line.split()[8:] for line in out.splitlines() if "->" in line]
    assert [fields[0] for fields in shown] == ["0", "1", "2"]
    assert all(fields[2].startswith("pipe:") for fields in shown)


def test_no_directory_of_the_host_is_the_working_directory(web: int, workspace: Workspace) -> None:
    """CVE-2024-21626: a working directory below /proc/self/fd leads to what the joiner has open."""
    (workspace.root / "here").touch()
    naive = """
import os, sys
directory = os.open(sys.argv[2], os.O_RDONLY | os.O_DIRECTORY)
from nsview import linux
linux.setns(os.pidfd_open(int(sys.argv[1])), 0x20020000)
if os.fork():
    os.wait()
    os._exit(0)
os.chdir(f"/proc/self/fd/{directory}")
print(os.listdir("."), flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", naive, str(web), str(workspace.root)],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "here" in done.stdout, done.stderr
    for number in range(3, 24):
        code, out, err = enter(plan_for(web, cwd=f"/proc/self/fd/{number}", command=["ls"]))
        assert (code, out) == (126, "") and "can't be the working directory" in err


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
# Without what keeps it from being traced: it is dumpable, and holds nothing that the container's processes have not.
_TRACEABLE = _SLOW.replace(
    "    time.sleep(1)",
    """    effective, permitted, inheritable = linux.capabilities()
    linux.set_capabilities(effective & ~(1 << 21), permitted & ~(1 << 21), inheritable)
    linux.prctl(4, 1)
    time.sleep(1)""",
)
_SPY = """
for try in $(seq 60); do
    for process in /proc/[0-9]*; do
        case $process in /proc/1|/proc/$$) continue;; esac
        grep -q python $process/comm 2>/dev/null || continue
        seen="$(readlink $process/exe) $(ls -l $process/fd 2>/dev/null | grep -c -e '->')"
        grep -q python $process/comm 2>/dev/null && echo "seen $seen"  # and not the command, which it is just now
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


def _elf(code: bytes) -> bytes:
    """A program, or a dynamic linker, of this code alone."""
    size = 120 + len(code)
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, 62, 1, 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 0x1000) + code


@pytest.fixture
def evil(docker: Docker, workspace: Workspace) -> Iterator[int]:
    """A container that overwrites whoever executes a program of its: CVE-2019-5736."""
    pid = docker.container("j-evil")
    files = workspace.root / "j-evil"
    files.mkdir()
    (files / "linker").write_bytes(_elf(_LINKER))
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
    code, _, err = enter(plan_for(evil, command=[command]), python=str(python))
    assert (code, err) == (126, f"nsview: {command} can't be executed: it leads back to /proc/self/exe\n")
    time.sleep(1.2)
    assert python.read_bytes() == before


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the attack is written for x86_64")
@pytest.mark.parametrize("shell", ["/evil/link", "/evil/script"])
def test_a_shell_that_leads_back_is_one_line_and_the_terminal_is_given_back(
    docker: Docker, evil: int, terminals: list[Terminal], shell: str
) -> None:
    docker.run("exec", "j-evil", "busybox", "sh", "-c", f"rm /bin/ash /bin/sh; cp -a {shell} /bin/sh")
    terminal = Terminal([*NSVIEW, "enter", "j-evil"])
    terminals.append(terminal)
    said = terminal.expect("same-126").splitlines()
    assert said[-1] == "nsview: /bin/sh can't be executed: it leads back to /proc/self/exe"
    assert all(line.startswith(("nsview: note: ", "nsview: in j-evil as root; ")) for line in said[:-1])
    assert len(docker.run("top", "j-evil").splitlines()) == 2, "nothing is left running"


_FALSE_PROC = """
umount -l /proc; mount -t tmpfs proc /proc
mkdir -p /proc/self/attr/apparmor /proc/self/fd /proc/self/ns /proc/sys/kernel
for file in status stat cgroup limits mountinfo uid_map gid_map setgroups oom_score_adj attr/exec attr/current \
    attr/apparmor/exec ns/pid ../sys/kernel/cap_last_cap ../mounts ../filesystems; do
    mkfifo /proc/self/$file
done
ln -s /bin/busybox /proc/self/exe
ln -s self /proc/thread-self
"""


def test_a_false_proc_inside_changes_nothing(docker: Docker) -> None:
    pid = docker.container("a-proc", "--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined")
    marks = [str(3_000_000 + 2 * os.getpid() + n) for n in (0, 1)]  # which no run beside this one has
    try:
        before = seen(driver(plan_for(pid, command=["/bin/sleep", marks[0]])), marks[0], environment())
        docker_exec(docker, "a-proc", _FALSE_PROC)
        watched = [path for path in Path(f"/proc/{pid}/root/proc").rglob("*") if path.is_fifo()]
        assert len(watched) > 10
        with contextlib.ExitStack() as stack:
            opens = [stack.enter_context(Opens(path)) for path in watched]
            after = seen(driver(plan_for(pid, command=["/bin/sleep", marks[1]])), marks[1], environment())
            assert enter(plan_for(pid, toolbox=True, command=["echo", "in"]))[:2] == (0, "in\n")
            assert nsview("enter", "a-proc", "--net", "--", "true").returncode == 0
            assert [one.count() for one in opens] == [0] * len(opens)
        assert {what: after[what] for what in before if what != "mountinfo" and before[what] != after[what]} == {}
    finally:
        docker.remove("a-proc")


def test_without_mnt_the_container_cannot_reach_the_host_through_the_command(docker: Docker, web: int) -> None:
    """A process of the host's files in the container's pid namespace, with its capabilities: /proc/PID/root is then
    the way out, unless the command holds one that the container's do not."""
    reach = "for p in /proc/[0-9]*; do grep -q spied[-]on $p/cmdline && ls -d $p/root/proc/1; done 2>/dev/null; true"
    made = plan_for(web, "pid", "net", command=["sh", "-c", "echo ready; : spied-on; read line"])
    unguarded = made.changed(
        steps=tuple(step.changed(guard=()) if isinstance(step, SetCapabilities) else step for step in made.steps)
    )
    for plan_, reached in ((made, False), (unguarded, True)):
        running = subprocess.Popen(
            driver(plan_), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True
        )
        assert running.stdout and running.stdout.readline() == "ready\n"
        found = docker_exec(docker, "j-web", reach)
        running.communicate("\n", timeout=30)
        assert bool(found.strip()) == reached, found


# argv: commands as JSON. Each is run with a secret in the session keyring, as ssh, sudo or a login leave one.
_WITH_A_SECRET = """
import ctypes, json, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.syscall(ctypes.c_long(KEYCTL), 1, None) > 0  # a session keyring of this test's own
assert libc.syscall(ctypes.c_long(ADD_KEY), b"user", b"nsview-test", b"secret", ctypes.c_size_t(6), -3) > 0
for command in json.loads(sys.argv[1]):
    subprocess.run(command, check=True)
"""
_FIND_IT = """
import contextlib
import ctypes
import json
libc = ctypes.CDLL(None, use_errno=True)
found = ctypes.create_string_buffer(8)
key = libc.syscall(ctypes.c_long(KEYCTL), 10, -3, b"user", b"nsview-test", 0)
print(key > 0 and libc.syscall(ctypes.c_long(KEYCTL), 11, key, found, 8) and found.value.decode())
"""
_KEY_CALLS = {"x86_64": ("250", "248"), "aarch64": ("219", "217")}


def test_no_key_of_the_callers_session_is_inside(docker: Docker) -> None:
    keyctl, add_key = _KEY_CALLS[os.uname().machine]
    pid = docker.container("a-keys", "--security-opt", "seccomp=unconfined")
    try:
        find = [sys.executable, "-I", "-S", "-c", _FIND_IT.replace("KEYCTL", keyctl)]
        commands = [["nsenter", "-t", str(pid), "--net", *find], driver(plan_for(pid, "net", command=find))]
        commands.append(driver(plan_for(pid, "net", command=find, host_privileges=True)))
        secret = _WITH_A_SECRET.replace("KEYCTL", keyctl).replace("ADD_KEY", add_key)
        done = subprocess.run(
            [sys.executable, "-c", secret, json.dumps(commands)],
            env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["secret", "False", "False"], "")
    finally:
        docker.remove("a-keys")


def test_nothing_is_imported_once_inside(web: int) -> None:
    """What a module of the container says must never run with the host's power."""
    patch = """
import sys
from nsview.join import inside
begin, execute = inside.Inside.carry_out, inside._STEPS["Execute"]
def begun(self, steps):
    global before
    before = set(sys.modules)
    begin(self, steps)
inside.Inside.carry_out = begun
def told(self, step):
    self.note(f"{sorted(set(sys.modules) - before)} {sys.path} {sys.meta_path}")
    execute(self, step)
inside._STEPS["Execute"] = told
"""
    _, _, err = enter(plan_for(web, command=["true"]), patch=patch)
    assert err == "nsview: note: [] [] []\n"


@pytest.mark.parametrize(
    "trap",
    [
        "mkfifo /dev/pts/ptmx",
        "mknod /dev/pts/ptmx c 5 1",
        "ln -s HOST /dev/pts/ptmx",
        "rmdir /dev/pts && ln -s $(dirname HOST) /dev/pts",
        "touch /dev/pts/ptmx",
    ],
)
def test_what_poses_as_a_devpts_is_not_opened(docker: Docker, workspace: Workspace, trap: str) -> None:
    """Whoever opens /dev/pts/ptmx through the container's root opens what the container likes, of the host's too."""
    host = workspace.root / "ptmx"
    host.write_text("of the host")
    pid = docker.container("a-false", "--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined")
    opened: list[Terminal] = []
    try:
        docker_exec(docker, "a-false", f"umount /dev/pts && {trap.replace('HOST', str(host))}")
        path = Path(f"/proc/{pid}/root/dev/pts/ptmx")
        with Opens(path) as opens:
            naive = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
            os.close(naive)
            assert opens.count() == 1
            terminal = Terminal(plan_for(pid, command=["sh", "-c", "tty; test -t 0 && echo terminal"]))
            opened.append(terminal)
            assert terminal.expect("same-0") == "not a tty\nterminal\n"
            assert opens.count() == 0
    finally:
        for terminal in opened:
            terminal.close()
        docker.remove("a-false")


class Opens:
    """How often a file is opened from now on, by inotify(7)."""

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert libc.inotify_add_watch(self._fd, os.fsencode(path), 0x20) > 0, os.strerror(ctypes.get_errno())

    def __enter__(self) -> "Opens":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def count(self) -> int:
        """Since the last time."""
        try:
            return len(os.read(self._fd, 4096)) // 16
        except BlockingIOError:
            return 0


# As its standard input's terminal sees it: types what follows the code, for the next who reads from there.
_TYPIST = bytes.fromhex(
    "488d1d24000000"  # lea rbx, [rip+text]
    "803b00"  # loop: cmp byte ptr [rbx], 0
    "7416"  # je done
    "31ff"  # xor edi, edi
    "be12540000"  # mov esi, 0x5412         TIOCSTI
    "4889da"  # mov rdx, rbx
    "b810000000"  # mov eax, 16             ioctl
    "0f05"  # syscall
    "48ffc3"  # inc rbx
    "ebe5"  # jmp loop
    "31ff"  # done: xor edi, edi
    "b83c000000"  # mov eax, 60             exit
    "0f05"  # syscall
)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the attack is written for x86_64")
def test_nothing_is_typed_into_the_callers_terminal(
    docker: Docker, workspace: Workspace, terminals: list[Terminal]
) -> None:
    """TIOCSTI; with nsenter, which keeps CAP_SYS_ADMIN, kernel.legacy_tiocsti does not matter."""
    typist = workspace.root / "typist"
    typist.write_bytes(_elf(_TYPIST + b"evil\n\0"))
    typist.chmod(0o755)
    pid = docker.container("a-typist", "--cap-add", "SYS_ADMIN")
    try:
        docker.run("cp", str(typist), "a-typist:/typist")
        ask = ["sh", "-c", '"$@"; read line; echo "typed: $line."', "sh"]
        naive = Terminal([*ask, "nsenter", "-t", str(pid), "-m", "-p", "/typist"])
        terminals.append(naive)
        naive.expect("typed: evil.")
        for made in (
            plan_for(pid, command=["/typist"]),
            plan_for(pid, command=["/typist"], host_privileges=True),
            plan_for(pid, "pid", "net", command=[str(typist)]),
        ):
            terminal = Terminal([*ask, *driver(made)])
            terminals.append(terminal)
            wait_until(lambda shell=terminal: len(shell.children()) > 1, 20, "nsview")  # type: ignore[misc]
            wait_until(lambda shell=terminal: len(shell.children()) == 1, 20, "its end")  # type: ignore[misc]
            terminal.send("mine\r")
            terminal.expect("typed: mine.")
    finally:
        docker.remove("a-typist")


def test_a_hostile_path_runs_with_the_containers_power_alone(docker: Docker) -> None:
    """Its `ls` is run, as by docker exec: with no more than the container has, and none of the caller's secrets."""
    pid = docker.container("a-path", "--env", "PATH=/usr/local/bin:/bin")
    evil = "#!/bin/sh\nmount -t tmpfs tmpfs /mnt 2>/dev/null && echo mounted\necho evil ${SECRET:-knows nothing}\n"
    secret = {**environment(), "SECRET": "of the caller", "PATH": f"/usr/local/bin:{os.environ['PATH']}"}
    try:
        docker.run("exec", "a-path", "/bin/sh", "-c", "/bin/mkdir -p /usr/local/bin /mnt")
        write = f"cat >/usr/local/bin/ls <<'end'\n{evil}end\n/bin/chmod +x /usr/local/bin/ls"
        docker.run("exec", "a-path", "/bin/sh", "-c", write)
        for command, said in (
            (["nsenter", "-t", str(pid), "-m", "-p", "ls"], "mounted\nevil of the caller\n"),
            (driver(plan_for(pid, command=["ls"])), "evil knows nothing\n"),
        ):
            done = subprocess.run(command, env=secret, capture_output=True, text=True, timeout=30, check=False)
            assert done.stdout == said, done.stderr
    finally:
        docker.remove("a-path")


def test_what_the_container_wants_preloaded_is_not_loaded_by_the_hosts_programs(docker: Docker) -> None:
    """The loader's complaint shows that it obeyed."""
    pid = docker.container("a-preload", "--env", "LD_PRELOAD=/evil.so", "--env", "PYTHONPATH=/evil")
    naive = """
import os, sys
from nsview import linux
theirs = dict(v.split(b"=", 1) for v in open(f"/proc/{sys.argv[1]}/environ", "rb").read().split(b"\\0") if v)
linux.setns(os.open(f"/proc/{sys.argv[1]}/ns/net", os.O_RDONLY), 0)
os.execvpe("ip", ["ip", "link"], {**theirs, b"PATH": os.environb[b"PATH"]})
"""
    try:
        done = subprocess.run(
            [sys.executable, "-c", naive, str(pid)], env=environment(), capture_output=True, text=True, check=False
        )
        assert "'/evil.so' from LD_PRELOAD cannot be preloaded" in done.stderr
        code, out, err = enter(plan_for(pid, "net", command=["ip", "link"]))
        assert (code, err) == (0, complaints_of_ip(pid)) and "lo:" in out
        # Inside it is there for the container's own programs, as for docker exec's, and the helper has not minded.
        code, out, err = enter(plan_for(pid, command=["sh", "-c", "echo $LD_PRELOAD"]))
        assert (code, out, err) == (0, "/evil.so\n", "")
    finally:
        docker.remove("a-preload")


@pytest.mark.parametrize("what", ["mkfifo", "mknod -m 755 PATH c 1 11 #", "ln -s ../dev/full", "mkdir"])
@pytest.mark.parametrize("file", ["/bin/sh", "/etc/passwd", "/etc/group", "/etc/ld.so.preload", "/etc/ld.so.cache"])
def test_what_is_no_file_is_not_opened(docker: Docker, what: str, file: str) -> None:
    """A shell or a passwd that is a FIFO or a device: to open it is to wait for ever, or to do what the device does."""
    pid = docker.container("a-special")
    try:
        make = f"{what} {file}".replace("PATH", file) if "PATH" in what else f"{what} {file}"
        docker.run("exec", "a-special", "busybox", "sh", "-c", f"rm -f {file}; {make}")
        path = Path(f"/proc/{pid}/root{file}")
        with Opens(path) as opens:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            assert opens.count() >= 1
            began = time.monotonic()
            if file == "/bin/sh":
                made = plan_for(pid)  # whatever shell there is
                assert ("/bin/sh",) not in execute(made).candidates
                code, _, err = enter(plan_for(pid, command=["sh"]))
                assert code == 126 and "is no program" in err
            else:
                if "ld.so" not in file:
                    with pytest.raises(Failure) as refused:
                        plan_for(pid, account="app:extra")
                    assert refused.value.code == 4 and "give numbers" in refused.value.text
                assert enter(plan_for(pid, command=["echo", "in"])) == (0, "in\n", "")
            assert time.monotonic() - began < 10
            assert opens.count() == 0
    finally:
        docker.remove("a-special")


def execute(made: Plan) -> Execute:
    return next(step for step in made.steps if isinstance(step, Execute))


@pytest.mark.parametrize(("file", "account"), [("passwd", "app"), ("group", "1000:extra")])
def test_a_passwd_that_leads_out_or_is_too_large_is_not_believed(
    docker: Docker, workspace: Workspace, file: str, account: str
) -> None:
    outside = workspace.root / file
    outside.write_text({"passwd": "app:x:0:0::/:/bin/sh\n", "group": "extra:x:0:\n"}[file])
    pid = docker.container("a-passwd")
    try:
        docker_exec(docker, "a-passwd", f"rm /etc/{file}; ln -s {outside} /etc/{file}")
        assert Path(f"/proc/{pid}/root/etc/{file}").read_text() == outside.read_text(), "as a naive joiner reads it"
        with pytest.raises(Failure) as refused:
            plan_for(pid, account=account)
        assert refused.value.code == 1
        docker_exec(docker, "a-passwd", f"rm /etc/{file}; yes :::::: | head -c 2000000 >/etc/{file}")
        with pytest.raises(Failure) as refused:
            plan_for(pid, account=account)
        assert "larger than" in refused.value.text
        # A number needs no file, and no name is taken for one.
        docker_exec(docker, "a-passwd", f"rm /etc/{file}; echo '1000:x:0:0::/:/bin/sh' >/etc/passwd")
        assert enter(plan_for(pid, account="1000", command=["id", "-u"])) == (0, "1000\n", "")
    finally:
        docker.remove("a-passwd")


@pytest.fixture
def theirs(workspace: Workspace) -> Iterator[int]:
    """A process in a user namespace that an ordinary user owns, who is root in there and may set no groups."""
    words = ["unshare", "--user", "--map-root-user", "--mount", "/bin/sleep", "7777"]
    started = subprocess.Popen([*AS_NOBODY, *words], env=workspace.environment)
    wait_until(lambda: Path(f"/proc/{started.pid}/comm").read_text() == "sleep\n", 20, "their sleep")
    assert Path(f"/proc/{started.pid}/setgroups").read_text() == "deny\n"
    yield started.pid
    started.kill()
    started.wait()


@pytest.mark.parametrize("way", ["process", "host privileges", "path"])
def test_root_takes_no_group_of_its_own_into_a_user_namespace_of_anothers(
    theirs: int, workspace: Workspace, way: str
) -> None:
    """Its owner may do as the command may, so that a group of root's would be the owner's."""
    secret, mounted = workspace.root / "of a group", workspace.root / "their-user"
    secret.write_text("secret\n")
    os.chown(secret, 0, 4321)
    secret.chmod(0o640)
    in_group = ["setpriv", "--groups", "0,4321"]
    naive = ["nsenter", f"--target={theirs}", "--user", "--mount", "--preserve-credentials", "cat", str(secret)]
    assert subprocess.run([*in_group, *naive], capture_output=True, text=True, check=True).stdout == "secret\n"
    mounted.touch()
    subprocess.run(["mount", "--bind", f"/proc/{theirs}/ns/user", mounted], check=True)
    try:
        options = {"process": [str(theirs)], "host privileges": [str(theirs), "--host-privileges"]}.get(way)
        if options is None:
            os.kill(theirs, signal.SIGKILL)
            wait_until(lambda: Path(f"/proc/{theirs}/stat").read_text().split()[2] == "Z", 10, "its end")
            options = [str(mounted)]
        words = [*NSVIEW, "enter", *options, "--", "sh", "-c", 'id -G; cat "$0"', str(secret)]
        done = subprocess.run([*in_group, *words], env=environment(), capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "0\n") and "Permission denied" in done.stderr, done.stderr
    finally:
        subprocess.run(["umount", mounted], check=True)


@pytest.mark.parametrize("way", ["process", "host privileges", "path"])
def test_the_owner_of_a_user_namespace_can_not_reach_the_callers_working_directory(
    theirs: int, workspace: Workspace, way: str
) -> None:
    """By /proc/PID/cwd of what runs in there, past the directories above that are for root alone."""
    place = workspace.root / "of root alone" / "below"
    place.mkdir(parents=True, exist_ok=True)
    place.parent.chmod(0o700)
    (place / "secret").write_text("secret\n")
    look = "nsenter --user=/proc/{0}/ns/user --preserve-credentials cat /proc/{0}/cwd/secret"
    mounted = workspace.root / "their-user"
    mounted.touch()
    subprocess.run(["mount", "--bind", f"/proc/{theirs}/ns/user", mounted], check=True)

    def seen(*words: str) -> str:
        command = subprocess.Popen([*words, "sleep", "7779"], env=environment(), cwd=place, stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: _running(b"sleep\0007779\0") != 0, 20, "the command")
            naive = [*AS_NOBODY, *look.format(_running(b"sleep\0007779\0")).split()]
            return subprocess.run(naive, capture_output=True, text=True, check=False).stdout
        finally:
            if pid := _running(b"sleep\0007779\0"):
                os.kill(pid, signal.SIGKILL)
            command.wait(20)

    try:
        options = {"process": [str(theirs), "--user"], "host privileges": [str(theirs), "--user", "--host-privileges"]}
        if way == "path":
            os.kill(theirs, signal.SIGKILL)
            wait_until(lambda: Path(f"/proc/{theirs}/stat").read_text().split()[2] == "Z", 10, "its end")
        assert seen("nsenter", f"--user={mounted}", "--setuid=0", "--setgid=0") == "secret\n", "by a careless joiner"
        assert seen(*NSVIEW, "enter", *options.get(way, [str(mounted)]), "--") == ""
    finally:
        subprocess.run(["umount", mounted], check=True)


def _running(command_line: bytes) -> int:
    """The pid of a process of this command line, 0 if there is none."""
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes() == command_line:
                return int(pid)
    return 0


def test_a_group_of_roots_that_was_kept_is_ended_before_the_command_runs(theirs: int) -> None:
    keep = 'from nsview.join import inside\ninside._STEPS["SetGroups"] = lambda *_: None'
    words = ["setpriv", "--groups", "0,4321", *driver(plan_for(theirs, command=["echo", "ran"]), keep)]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1) and "Groups" in done.stderr


def test_power_over_a_user_namespace_of_anothers_is_none_over_the_host(workspace: Workspace) -> None:
    """Ambient capabilities pass an exec as any user: outside of that namespace they would be the host's."""
    ambient = ["--inh-caps", "+chown", "--ambient-caps", "+chown"]
    words = ["unshare", "--user", "--map-root-user", "setpriv", *ambient, "/bin/sleep", "7778"]
    started = subprocess.Popen([*AS_NOBODY, *words], env=workspace.environment)
    chown = ["chown", "0", str(workspace.root)]
    try:
        wait_until(lambda: Path(f"/proc/{started.pid}/comm").read_text() == "sleep\n", 20, "their sleep")
        naive = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *ambient, *chown]
        assert subprocess.run(naive, check=False).returncode == 0, "as a joiner that takes its ids and capabilities"
        done = nsview("enter", str(started.pid), "--net", "--", *chown)
        assert done.returncode == 1 and "Operation not permitted" in done.stderr, done.stderr
    finally:
        started.kill()
        started.wait()


# As the owner of the user namespace: whose namespace it can read, it can trace.
_OWNER = """
while :; do
    for process in /proc/[0-9]*; do
        [ "$(readlink $process/ns/user 2>/dev/null)" = "$0" ] && echo "${process#/proc/}" $(cat $process/comm)
    done
    sleep 0.05
done
"""


_DUMPABLE = _SLOW.replace("    time.sleep(1)", "    linux.prctl(4, 1)\n    time.sleep(1)")


@pytest.mark.parametrize(("patch", "open_to_it"), [(_SLOW, False), (_DUMPABLE, True)], ids=["as it is", "traceable"])
def test_the_owner_of_a_user_namespace_can_not_look_into_the_helper(theirs: int, patch: str, open_to_it: bool) -> None:
    owner = subprocess.Popen(
        [*AS_NOBODY, "sh", "-c", _OWNER, os.readlink(f"/proc/{theirs}/ns/user")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert owner.stdout and owner.stdout.readline() == f"{theirs} sleep\n"
        assert enter(plan_for(theirs, command=["sleep", "0.5"]), patch=patch) == (0, "", "")
    finally:
        owner.kill()
        said, _ = owner.communicate()
    others = {tuple(line.split()) for line in said.splitlines()} - {(str(theirs), "sleep")}
    assert "sleep" in {name for _, name in others}, "the command, once it runs"
    assert any("python" in name for _, name in others) == open_to_it, others


def test_a_cgroup_that_took_the_name_of_the_containers_is_not_joined(docker: Docker) -> None:
    """A container that may write to its cgroups renames its own and puts one without limits in its place."""
    pid = docker.container("a-rename", "--pids-limit", "77")
    made = plan_for(pid, command=["cat", "/proc/self/cgroup"])
    line = next(line for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if ":pids:" in f"{line}:")
    path = line.split(":", 2)[2]
    own = Path("/sys/fs/cgroup/pids" + path)
    if not own.is_dir():
        docker.remove("a-rename")
        pytest.skip("only cgroup v1 lets a cgroup be renamed")
    try:
        assert f":pids:{path}\n" in enter(made)[1]
        own.rename(own.with_name("a-renamed"))
        own.mkdir()
        try:
            naive = f"echo $$ >{own}/cgroup.procs; cat {own}/pids.max; grep :pids: /proc/self/cgroup"
            said = subprocess.run(["sh", "-c", naive], capture_output=True, text=True, check=True).stdout
            assert said.startswith("max\n") and said.endswith(f":pids:{path}\n")
            code, out, err = enter(made)
            assert (code, out) == (1, "")
            assert err == f"nsview: cgroup pids:{path} is not that of process {pid} any more: choose again\n"
        finally:
            wait_until(lambda: not (own / "cgroup.procs").read_text(), 10, "an empty cgroup")
            own.rmdir()
            own.with_name("a-renamed").rename(own)
    finally:
        docker.remove("a-rename")


# From inside: stops all but itself and the container's first process.
_STOP = (
    "for try in $(seq 20); do for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p = 1 ] || [ $p = $$ ] || kill -STOP $p; done"
    "; done 2>/dev/null"
)


@pytest.mark.parametrize("when", ["before the command", "in the command"])
def test_who_stops_the_helper_does_not_keep_the_terminal(
    docker: Docker, web: int, terminals: list[Terminal], when: str
) -> None:
    """The naive one here has what answers to ^C taken out."""
    before = when == "before the command"
    made = plan_for(web, command=["sh", "-c", "echo ready; sleep 4444"])
    deaf = "from nsview.join import supervisor; supervisor.Supervisor._leave_if_deaf = lambda self: None"
    for patch in ("", deaf) if not before else ("",):
        # The first step inside is held long enough to be found there.
        slow = _SLOW.replace("time.sleep(1)", "self.note('held'); time.sleep(30)") if before else ""
        terminal = Terminal(driver(made, slow + "\n" + patch))
        terminals.append(terminal)
        terminal.expect("held" if before else "ready")
        stopper = subprocess.Popen(
            [*docker.command, "exec", "j-web", "sh", "-c", _STOP],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stopper.wait(30)
        terminal.send("\x03")
        if not before and not patch:
            terminal.expect("nsview: the command is stopped and can't hear ^C: once more leaves it")
            terminal.send("\x03")
        if patch:
            terminal.send("\x03")
            with pytest.raises(AssertionError):
                terminal.expect("same-", seconds=2)
            terminal.close()
            terminals.remove(terminal)
        else:
            terminal.expect("same-130")
        # Nothing of it is left inside.
        wait_until(lambda: len(docker.run("top", "j-web").splitlines()) == 2, 10, "the end of all that was stopped")
