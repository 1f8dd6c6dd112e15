"""Answers of a hostile first process to the joiner, where a moving target leads, and which ways lead in."""

import errno
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from .command import nsview
from .daemons import Containerd, Docker
from .joining import ROOT, Terminal, docker_exec, driver, enter, environment, pins_of, plan_for
from .population import Population
from .test_attacks import _elf
from .workspace import Workspace, wait_until

pytestmark = pytest.mark.skipif(os.uname().machine != "x86_64", reason="the programs are written for x86_64")

# Pid 1: prctl(PR_SET_NO_NEW_PRIVS), prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), pause() for ever.
_FILTERED = bytes.fromhex(
    "b89d000000bf26000000be0100000031d24d31d24d31c00f05"  # prctl(38, 1, 0, 0, 0)
    "488d0523000000"  # lea rax, [rip+filter]
    "50"  # push rax
    "680000ffff"  # push length                 (0xffff0000 is replaced)
    "4889e2"  # mov rdx, rsp
    "b89d000000bf16000000be020000000f05"  # prctl(22, 2, rdx)
    "b8220000000f05ebf7"  # loop: pause
)
# Pid 1: forks a child that seizes it with ptrace(2).
_TRACED = bytes.fromhex(
    "b8390000000f05"  # fork
    "85c0751a"  # test eax, eax; jne loop
    "b86e0000000f05"  # getppid
    "89c6bf06420000"  # mov esi, eax; mov edi, PTRACE_SEIZE
    "31d24d31d2b8650000000f05"  # ptrace(PTRACE_SEIZE, parent, 0, 0)
    "b8220000000f05ebf7"  # loop: pause
)
_ARCH, _ERRNO, _KILL, _ALLOW = 0xC000003E, 0x00050000, 0x80000000, 0x7FFF0000
_TRAP, _TRACE, _NOTIFY = 0x00030000, 0x7FF00000, 0x7FC00000
ANSWERS = {
    "success": _ERRNO, "EPERM": _ERRNO | errno.EPERM, "ENOSYS": _ERRNO | errno.ENOSYS, "kill": _KILL, "trap": _TRAP,
    "trace": _TRACE, "notify": _NOTIFY,
}  # fmt: skip

# What a joiner restricts itself by, and how it may tell of it: all that was once done under the filter, and more.
RESTRICTING = {
    "capset": 126, "prctl": 157, "setresuid": 117, "setresgid": 119, "setgroups": 116, "chdir": 80, "fchdir": 81,
    "setsid": 112, "ioctl": 16, "keyctl": 250, "write": 1, "close": 3, "dup2": 33, "openat": 257, "newfstatat": 262,
    "exit_group": 231, "seccomp": 317, "setrlimit": 160, "umask": 95, "fork": 57, "clone": 56, "rt_sigaction": 13,
}  # fmt: skip

# Those that the command itself can't be watched without.
NEEDED = {RESTRICTING[name] for name in ("write", "close", "openat", "newfstatat", "exit_group")}

# In the helper: goes on from each stop to the next system call, and tells those made under a filter.
_LISTING = """
import os
from nsview.join import proof, supervisor, trace
trace._CONT, trace._O_EXITKILL = 24, trace._O_EXITKILL | 1  # PTRACE_SYSCALL, PTRACE_O_TRACESYSGOOD
stopped = trace.Trace.stopped
def told(self, pid, status):
    if os.WSTOPSIG(status) != 0x85:
        return stopped(self, pid, status)
    if proof.of(pid).status.get("Seccomp_filters") != "0":
        number = open(f"/proc/{pid}/syscall").read().split()[0]
        if number.isdigit():
            supervisor._complain(f"call {number}")
    trace.ptrace(trace._CONT, pid)
    return False
trace.Trace.stopped = told
"""


def _program(calls: list[int], answer: int) -> bytes:
    """A filter that gives these system calls an answer, and lets all others through."""
    statements = [(0x20, 0, 0, 4), (0x15, 0, len(calls) + 1, _ARCH), (0x20, 0, 0, 0)]
    statements += [(0x15, len(calls) - at, 0, call) for at, call in enumerate(calls)]
    statements += [(0x06, 0, 0, _ALLOW), (0x06, 0, 0, answer)]
    return b"".join(struct.pack("<HBBI", *statement) for statement in statements)


def _first(calls: list[int], answer: int) -> bytes:
    """A program that is under such a filter, as an ELF file."""
    program = _program(calls, answer)
    code = _FILTERED.replace(bytes.fromhex("680000ffff"), b"\x68" + struct.pack("<I", len(program) // 8))
    return _elf(code + program)


def _file(directory: Path, name: str, content: bytes) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_bytes(content)
    path.chmod(0o755)
    return path


STATUS = ["/bin/busybox", "grep", "-E", "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)", "/proc/self/status"]


@pytest.fixture(scope="module")
def family(web: int) -> list[int]:
    """The system calls that are made from the first filter on, and those of a joiner's restrictions."""
    made = set()
    for command in (["true"], ["/lost"]):
        _, _, err = enter(plan_for(web, command=command), patch=_LISTING)
        made |= {int(line.split()[-1]) for line in err.splitlines() if "call " in line}
    return sorted(made | set(RESTRICTING.values()))


def test_after_the_filter_nothing_is_done_but_the_exec(web: int) -> None:
    code, _, err = enter(plan_for(web, command=["true"]), patch=_LISTING)
    calls = [int(line.split()[-1]) for line in err.splitlines() if "call " in line]
    assert code == 0 and calls, err
    assert set(calls) <= {322, 59, 317}, "execveat, execve; the end of seccomp itself"
    assert 322 in calls and 59 in calls


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_container_gains_nothing_by_what_its_first_process_is_filtered_to(
    docker: Docker, workspace: Workspace, family: list[int], answer: str
) -> None:
    """The configuration is the authority, whatever pid 1 has put on since."""
    files = workspace.root / "filters"
    program = _file(files, answer, _first([call for call in family if call != 59], ANSWERS[answer]))
    name = f"f-{answer.lower()}"
    docker.container(name, "--volume", f"{files}:/f:ro", command=[f"/f/{program.name}"])
    try:
        wait_until(lambda: "Seccomp_filters:\t2" in _status(docker, name), 10, "its filter")
        done = nsview("enter", name, "--", *STATUS)
        assert (done.returncode, done.stdout, done.stderr) == (0, docker.run("exec", name, *STATUS), "")
    finally:
        docker.remove(name)


def _status(docker: Docker, name: str) -> str:
    return Path(f"/proc/{docker.inspect(name)['State']['Pid']}/status").read_text()


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_process_without_a_configuration_gives_no_more_than_it_has(
    population: Population, workspace: Workspace, family: list[int], answer: str
) -> None:
    """Its own filters are all that is known of it: each call of the family is answered by one."""
    files = workspace.root / "filters"
    entered = 0
    for call in set(family) - NEEDED:
        program = _file(files, f"{answer}-{call}", _first([call], ANSWERS[answer]))
        bounded = ["setpriv", "--bounding-set", "-all,+chown", "--inh-caps", "-all", str(program)]
        started = subprocess.Popen(["unshare", "--uts", "--mount", *bounded], stdin=subprocess.DEVNULL)
        try:
            status = Path(f"/proc/{started.pid}/status")
            wait_until(lambda status=status: "Seccomp:\t2" in status.read_text(), 10, "its filter")  # type: ignore[misc]
            done = nsview("enter", str(started.pid), "--", "cat", "/proc/self/status")
            entered += not done.returncode
            if done.returncode:
                ended = done.returncode in (1, 3, 4, 126) and done.stderr.count("\n") == 1
                assert done.stdout == "" and (ended or done.returncode > 128), call
            else:
                fields = dict(line.split(":\t", 1) for line in done.stdout.splitlines() if ":\t" in line)
                assert int(fields["CapEff"], 16) | int(fields["CapBnd"], 16) <= 1, call
                assert fields["Seccomp"] == "2"
        finally:
            started.kill()
            started.wait()
    assert entered > len(RESTRICTING) // 2


@pytest.mark.parametrize(
    ("call", "drop", "field"),
    [("capset", "linux.set_capabilities(0, 0, 0)", "CapEff"), ("prctl", "linux.prctl(24, 21)", "CapBnd")],
)
def test_a_careless_joiner_keeps_all_its_power(
    docker: Docker, workspace: Workspace, call: str, drop: str, field: str
) -> None:
    """A filter answers capset(2) or prctl(2) with a false success."""
    files = workspace.root / "filters"
    _file(files, f"false-{call}", _first([RESTRICTING[call]], ANSWERS["success"]))
    name = f"f-false-{call}"
    docker.container(name, "--volume", f"{files}:/f:ro", command=[f"/f/false-{call}"])
    naive = f"""
import sys
from nsview import linux
from nsview.join import seccomp, target
held = target.Followed(int(sys.argv[1]), None)
for program in seccomp.filters(held):
    seccomp.Load(seccomp.FilterProgram(program))()
{drop}
print(open("/proc/self/status").read().partition("{field}:")[2].split()[0])
"""
    try:
        pid = docker.inspect(name)["State"]["Pid"]
        wait_until(lambda: "Seccomp_filters:\t2" in _status(docker, name), 10, "its filter")
        done = subprocess.run([sys.executable, "-c", naive, str(pid)], capture_output=True, text=True, check=True)
        assert int(done.stdout, 16) >> 21 & 1, "CAP_SYS_ADMIN, though it was dropped"
        assert f"{field}:\t00000000a80425fb" in nsview("enter", name, "--", *STATUS).stdout
    finally:
        docker.remove(name)


@pytest.mark.parametrize("options", [(), ("--security-opt", "seccomp=unconfined"), ("--pid", "host")], ids=" ".join)
@pytest.mark.parametrize("within", ["unshare -p -m -f", "unshare -u", "env", "setsid -c"])
def test_who_is_under_more_filters_than_the_container_gives_keeps_them(
    docker: Docker, workspace: Workspace, options: tuple[str, ...], within: str
) -> None:
    """The configuration of a container knows none of the containers within that container."""
    files = workspace.root / "filters"
    _file(files, "f-inner", _first([83, 258], ANSWERS["EPERM"]))  # mkdir, mkdirat
    volume = ("--volume", f"{files}:/f:ro", "--cap-add", "SYS_ADMIN")
    script = f"({within} /f/f-inner &); exec sleep 9999"
    outer = docker.container("f-outer", *options, *volume, command=["sh", "-c", script])
    try:
        inner: list[int] = []

        def found() -> bool:
            inner[:] = [pid for pid in _members(outer) if Path(f"/proc/{pid}/comm").read_text() == "f-inner\n"]
            return bool(inner) and "Seccomp:\t2" in Path(f"/proc/{inner[0]}/status").read_text()

        wait_until(found, 10, "its filter")
        words = ["--", "sh", "-c", "grep -c Seccomp:.2 /proc/self/status; mkdir /tmp/x && rmdir /tmp/x"]
        done = nsview("enter", str(inner[0]), *words)
        assert (done.returncode, done.stdout.split()[:1]) == (1, ["1"]) and "not permitted" in done.stderr
        assert nsview("enter", "f-outer", *words).returncode == 0, "which is not the outer's"
    finally:
        docker.remove("f-outer")


def _members(pid: int) -> list[int]:
    """The processes in the cgroup of a process, and in those below it."""
    of = Path(f"/proc/{pid}/cgroup").read_text()
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if Path(f"/proc/{entry}/cgroup").read_text() == of:
                found.append(int(entry))
        except OSError:
            continue
    return found


# Of another type than the specification gives a value, or cut short.
_OTHERS = ("[1]", '"x"', "7", "true", "[null]", '{"seccomp": [1]}', '{"seccomp": {"defaultAction": 7}}', "")


def test_a_configuration_that_is_damaged_is_a_refusal_or_no_configuration(docker: Docker) -> None:
    """Either way the command is under a filter: of a file that is none the process's own is taken."""
    docker.container("f-damaged")
    (path,) = docker.exec_root.glob(f"**/{docker.inspect('f-damaged')['Id']}/config.json")
    whole = path.read_text()
    content = json.loads(whole)
    try:
        damaged = [whole.replace(json.dumps(content["linux"], separators=(",", ":")), other) for other in _OTHERS]
        assert all(text != whole for text in damaged)
        codes = []
        for text in [*damaged, *(whole[:end] for end in (0, 1, 300, 301, 302, len(whole) - 1))]:
            path.write_text(text)
            done = nsview("enter", "f-damaged", "--", *STATUS)
            codes.append(done.returncode)
            assert (done.returncode, done.stderr.count("\n")) == (3, 1) or "Seccomp:\t2" in done.stdout, done.stderr
        assert set(codes) == {0, 3}
    finally:
        path.write_text(whole)
        docker.remove("f-damaged")


def test_a_container_that_is_traced_is_entered_under_its_filter(docker: Docker, workspace: Workspace) -> None:
    files = workspace.root / "filters"
    _file(files, "traced", _elf(_TRACED))
    docker.container("f-traced", "--volume", f"{files}:/f:ro", command=["/f/traced"])
    try:
        wait_until(lambda: "TracerPid:\t0" not in _status(docker, "f-traced"), 10, "its tracer")
        assert nsview("enter", "f-traced", "--", *STATUS).stdout == docker.run("exec", "f-traced", *STATUS)
    finally:
        docker.remove("f-traced")


# Each restriction left out or undone in the child, where no filter of a container's did it.
SABOTAGE = {
    "Groups": "inside.Inside.set_ids = after(inside.Inside.set_ids, lambda self: os.setgroups([0, 4321]))",
    "CapBnd": "linux.prctl = lambda option, *rest: 0 if (option, *rest[:1]) == (24, 21) else prctl(option, *rest)",
    "CapInh": "inside.granted = lambda *words: dict(granted(*words), inheritable=1)",
    "Seccomp": "inside.Inside.put_on_filters = lambda self, step: None",
    "fds": "inside.Inside.new_session = after(inside.Inside.new_session, lambda self: os.dup2(0, 9, True))",
    "ns/uts": "inside.join = after(inside.join, lambda *_: linux.unshare(0x04000000))",
    "ns/net": "inside.join = lambda pins, held: join([pin for pin in pins if pin['kind'] != 'net'], held)",
    "root": "inside.Inside.put_on_filters = after(inside.Inside.put_on_filters, lambda self: os.chroot('/tmp'))",
    "cgroup": "inside.Inside.join_cgroups = lambda self, step: None; linux.fork_into = lambda *_: os.fork()",
    "limit": "inside.Inside.set_limits = lambda self, step: None",
    "NoNewPrivs": "inside.Inside.set_no_new_privs = lambda self, step: None",
    "Uid": "inside.Inside.set_ids = after(inside.Inside.set_ids, lambda self: os.setresuid(4321, 0, 0))",
    "Gid": "inside.Inside.set_ids = after(inside.Inside.set_ids, lambda self: os.setresgid(4321, 0, 0))",
    "CapPrm": "inside.granted = lambda *words: dict(granted(*words), permitted=1, effective=1)",
    "CapAmb": "inside.granted = lambda *words: dict(granted(*words), inheritable=1, ambient=1)",
    "Seccomp_filters": "inside.Inside.put_on_filters = twice(inside.Inside.put_on_filters)",
    "ns/mnt": "inside.join = after(inside.join, lambda *_: linux.unshare(0x00020000))",
    "ns/ipc": "inside.join = after(inside.join, lambda *_: linux.unshare(0x08000000))",
    "ns/cgroup": "inside.join = after(inside.join, lambda *_: linux.unshare(0x02000000))",
    "ns/pid": "inside.join = lambda pins, held: join([pin for pin in pins if pin['kind'] != 'pid'], held)",
    "ns/user": "inside.Inside.new_session = after(inside.Inside.new_session, lambda _: linux.unshare(0x10000000))",
    "fds {0": "inside.Inside.new_session = after(inside.Inside.new_session, lambda _: os.dup2(os.open('/', 0), 0))",
}
_SABOTAGE = """
import os
from nsview import linux
from nsview.join import inside
prctl, granted, join = linux.prctl, inside.granted, inside.join
def after(first, then):
    def both(self, *words):
        first(self, *words)
        then(self)
    return both
def twice(first):
    return lambda *words: (first(*words), first(*words))
"""


@pytest.mark.parametrize("fact", SABOTAGE)
def test_what_differs_from_the_plan_is_ended_before_it_runs(docker: Docker, fact: str) -> None:
    options = ["--security-opt", "no-new-privileges", "--ulimit", "nofile=300:300"]
    # Without it no filter could be put on.
    options += ["--security-opt", "seccomp=unconfined"] if fact == "NoNewPrivs" else []
    pid = docker.container("f-proof", *options)
    try:
        patch = _SABOTAGE + SABOTAGE[fact] + "\ninside._STEPS.update(\n" + _STEPS_AGAIN + ")\n"
        code, out, err = enter(plan_for(pid, command=["sh", "-c", "echo ran"]), patch=patch)
        assert (code, out) == (4, ""), err
        assert "the kernel says otherwise than planned" in err and fact in err and err.count("\n") == 1
        wait_until(lambda: len(docker.run("top", "f-proof").splitlines()) == 2, 10, "the end of all that was started")
    finally:
        docker.remove("f-proof")


_STEPS_AGAIN = """
    SetIds=inside.Inside.set_ids, PutOnFilters=inside.Inside.put_on_filters, NewSession=inside.Inside.new_session,
    ChangeRoot=inside.Inside.change_root, JoinCgroups=inside.Inside.join_cgroups, SetLimits=inside.Inside.set_limits,
    SetNoNewPrivs=inside.Inside.set_no_new_privs,
"""

# The right namespace or none

ENTRIES = 400
_MOVER = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
places = [os.open(path, os.O_RDONLY) for path in sys.argv[1:]]
libc.setns(places[0], 0)
print("moves", flush=True)
while True:
    for place in places:
        libc.setns(place, 0)
        time.sleep(0.02)
"""


@pytest.fixture
def nets(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """The paths of two net namespaces without processes."""
    names = [f"{workspace.root.name}-{letter}" for letter in "ab"]
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
    yield f"/run/netns/{names[0]}", f"/run/netns/{names[1]}"
    for name in names:
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def test_a_target_that_moves_never_leads_elsewhere(nets: tuple[str, str]) -> None:
    a, b = (os.stat(path).st_ino for path in nets)
    mover = subprocess.Popen([sys.executable, "-c", _MOVER, *nets], stdout=subprocess.PIPE, text=True)
    assert mover.stdout and mover.stdout.readline()
    ends: Counter[tuple[int, str]] = Counter()

    def run(word: str) -> None:
        for _ in range(ENTRIES // 2):
            done = nsview("enter", word, "--net", "--host-privileges", "--", "readlink", "/proc/self/ns/net")
            ends[done.returncode, done.stdout.strip()] += 1

    try:
        runs = [threading.Thread(target=run, args=[nets[0]]) for _ in range(2)]
        for thread in runs:
            thread.start()
        for thread in runs:
            thread.join()
        # A process that was in it for a moment may end as it is followed: one line, and never another namespace.
        assert ends.keys() <= {(0, f"net:[{a}]"), (1, "")} and ends[0, f"net:[{a}]"] > 0.9 * ENTRIES, ends
        # Its number takes a snapshot of all, so fewer of these.
        for _ in range(20):
            done = nsview("enter", f"net:{a}", "--net", "--host-privileges", "--", "readlink", "/proc/self/ns/net")
            assert done.stdout.strip() in ("", f"net:[{a}]") and done.stdout.strip() != f"net:[{b}]"
            assert done.returncode in (0, 1) and (done.returncode == 0) == bool(done.stdout)
            assert done.stderr.count("\n") == done.returncode
    finally:
        mover.kill()
        mover.wait()


def test_a_covered_mount_is_not_taken_for_what_it_covers(nets: tuple[str, str], workspace: Workspace) -> None:
    place = workspace.root / "covered"
    place.touch()
    a = os.stat(nets[0]).st_ino
    subprocess.run(["mount", "--bind", nets[0], place], check=True)
    subprocess.run(["mount", "--make-private", place], check=True)
    subprocess.run(["mount", "--bind", nets[1], place], check=True)
    subprocess.run(["ip", "netns", "delete", Path(nets[0]).name], check=True)
    try:
        done = nsview("enter", f"net:{a}", "--", "readlink", "/proc/self/ns/net")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1) and "choose again" in done.stderr
        subprocess.run(["umount", place], check=True)
        assert nsview("enter", f"net:{a}", "--", "readlink", "/proc/self/ns/net").stdout == f"net:[{a}]\n"
    finally:
        subprocess.run(["umount", place], check=False, capture_output=True)


_HOLDER = """
import ctypes, os, socket, sys, threading, time
libc = ctypes.CDLL(None)
own = os.open("/proc/self/ns/net", os.O_RDONLY)
def new():
    assert libc.unshare(0x40000000) == 0
    return os.stat("/proc/thread-self/ns/net").st_ino
kind = sys.argv[1]
if kind == "fd":
    inode = new()
    kept = os.open("/proc/self/ns/net", os.O_RDONLY)
    libc.setns(own, 0)
elif kind == "socket":
    inode = new()
    kept = socket.socket()
    libc.setns(own, 0)
else:
    found = []
    def alone():
        found.append(new())
        threading.Event().wait()
    threading.Thread(target=alone, daemon=kind == "thread").start()
    while not found:
        time.sleep(0.01)
    inode = found[0]
os.close(own)
print(inode, flush=True)
if kind == "leader":
    libc.syscall(60, 0)  # exit of this thread alone
time.sleep(9999)
"""


@pytest.mark.parametrize("kind", ["fd", "socket", "thread", "leader"])
def test_each_holder_is_a_way_in(kind: str) -> None:
    """An open file, a socket alone, a thread of a process elsewhere, a thread that outlived its leader."""
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, kind], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout
        inode = int(holder.stdout.readline())
        if kind == "leader":
            wait_until(lambda: "State:\tZ" in Path(f"/proc/{holder.pid}/status").read_text(), 10, "its leader's end")
        assert nsview("inspect", f"net:{inode}").returncode == 0
        for word in (f"net:{inode}", str(inode), *([str(holder.pid)] if kind == "leader" else [])):
            done = nsview("enter", word, "--net", "--host-privileges", "--", "readlink", "/proc/self/ns/net")
            assert (done.returncode, done.stdout) == (0, f"net:[{inode}]\n"), done.stderr
    finally:
        holder.kill()
        holder.wait()


def test_a_mount_that_only_a_container_sees_is_a_way_in(population: Population) -> None:
    pid = population.process("mnt", command=["/bin/sleep", "9999"])
    script = "mount -t tmpfs tmpfs /mnt && touch /mnt/n && unshare --net mount --bind /proc/self/ns/net /mnt/n"
    script += " && stat -c %i /mnt/n"
    made = subprocess.run(
        ["nsenter", "-t", str(pid), "-m", "sh", "-c", script], capture_output=True, text=True, check=True
    )
    inode = int(made.stdout)
    done = nsview("enter", f"net:{inode}", "--", "readlink", "/proc/self/ns/net")
    assert (done.returncode, done.stdout) == (0, f"net:[{inode}]\n"), done.stderr


def test_the_process_is_the_one_that_proc_shows(population: Population) -> None:
    """Another process has the same number in a pid namespace that has no /proc of its own."""
    shown = population.process("uts")
    script = f"""
import os, subprocess, sys
while True:  # until a process of this pid namespace has the number
    open("/proc/sys/kernel/ns_last_pid", "w").write(str({shown} - 1))
    decoy = subprocess.Popen(["sleep", "60"])
    if decoy.pid == {shown}:
        break
    decoy.kill()
    decoy.wait()
words = ["enter", "{shown}", "--uts", "--host-privileges", "--", "readlink", "/proc/self/ns/uts"]
code = subprocess.call([sys.executable, "-m", "nsview", *words])
decoy.kill()
sys.exit(code)
"""
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c", script],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, os.readlink(f"/proc/{shown}/ns/uts") + "\n"), done.stderr


def test_an_unreadable_target_is_refused_and_not_taken_for_the_host(population: Population) -> None:
    """kubernetes#105846: root without CAP_SYS_PTRACE can't tell where a process with more power is."""
    powerful = population.process("net", "uts")
    without = ["setpriv", "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace"]
    words = [sys.executable, "-m", "nsview", "enter", str(powerful), "--host-privileges", "--all", "--", "echo", "ran"]
    done = subprocess.run([*without, *words], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1), done.stderr


def test_a_container_in_the_hosts_namespaces_is_not_entered(docker: Docker) -> None:
    kinds = ["--network", "host", "--pid", "host", "--ipc", "host", "--uts", "host"]
    docker.container("f-host", *kinds)
    try:
        done = nsview("enter", "f-host", "--net", "--", "echo", "ran")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
        assert "nothing to join" in done.stderr
        assert "inside.txt" in docker_exec(docker, "f-host", "ls /root")
        assert nsview("enter", "f-host", "--", "ls", "/root").stdout == "inside.txt\n"
    finally:
        docker.remove("f-host")


@pytest.mark.parametrize("answer", ["success", "EPERM", "notify"])
@pytest.mark.parametrize("calls", [(322,), (59,), (322, 231, 60), (59, 231, 60), (322, 59, 1, 231, 60)], ids=str)
def test_a_filter_that_answers_the_exec_ends_it(workspace: Workspace, calls: tuple[int, ...], answer: str) -> None:
    """No command runs and no success is told, also where the calls that end a process are answered."""
    name = f"exec-{answer}-{'-'.join(map(str, calls))}"
    program = _file(workspace.root / "filters", name, _first(list(calls), ANSWERS[answer]))
    started = subprocess.Popen(["unshare", "--uts", "--net", str(program)], stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: "Seccomp:\t2" in Path(f"/proc/{started.pid}/status").read_text(), 10, "its filter")
        done = nsview("enter", str(started.pid), "--", "echo", "ran", timeout=20)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (done.returncode, "", 1), done.stderr
        assert done.returncode in (3, 126), done.stderr
        assert _in_net(started.pid) == {started.pid}
    finally:
        started.kill()
        started.wait()


def _in_net(pid: int) -> set[int]:
    """The processes in the same net namespace."""
    found, wanted = set(), os.stat(f"/proc/{pid}/ns/net").st_ino
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}/ns/net").st_ino == wanted:
                found.add(int(name))
        except OSError:
            continue
    return found


_FOR_CHILDREN = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
kind, flag, child = sys.argv[1], int(sys.argv[2], 16), sys.argv[3]
assert libc.unshare(flag) == 0
if child != "none" and (pid := os.fork()) == 0:
    time.sleep(9999 if child == "living" else 0)
    os._exit(0)
if child == "dead":
    os.waitpid(pid, 0)
print(os.stat(f"/proc/self/ns/{kind}_for_children").st_ino, flush=True)
time.sleep(9999)
"""


@pytest.mark.parametrize(
    ("kind", "flag", "child"),
    [("time", "80", "none"), ("pid", "20000000", "living"), ("pid", "20000000", "dead")],
    ids=["time", "pid", "dead pid"],
)
def test_a_namespace_for_children_is_a_way_in(kind: str, flag: str, child: str) -> None:
    """A pid namespace whose init has ended takes nobody in any more, and is refused."""
    words = [sys.executable, "-c", _FOR_CHILDREN, kind, flag, child]
    holder = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    inner = ""
    try:
        assert holder.stdout
        inode = int(holder.stdout.readline())
        inner = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text()
        shown = nsview("inspect", f"{kind}:{inode}")
        assert shown.returncode == 0 and str(holder.pid) in shown.stdout, shown.stderr
        done = nsview("enter", f"{kind}:{inode}", "--host-privileges", "--", "readlink", f"/proc/self/ns/{kind}")
        if child == "dead":
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
        else:
            assert (done.returncode, done.stdout) == (0, f"{kind}:[{inode}]\n"), done.stderr
    finally:
        for pid in map(int, inner.split()):
            os.kill(pid, 9)
        holder.kill()
        holder.wait()


def test_each_word_for_a_place_leads_into_it(docker: Docker, nets: tuple[str, str], population: Population) -> None:
    """Enter by a thread's id, a netns's name, the host's end of a container's pair of interfaces, a published port."""
    thread = population.thread("net")
    name = f"f-words-{os.getpid()}"
    pid = docker.container(name, "--publish", "127.0.0.1:0:8077", command=["httpd", "-f", "-p", "8077"])
    try:
        ((bound,),) = docker.inspect(name)["NetworkSettings"]["Ports"].values()
        peer = Path(f"/proc/{pid}/root/sys/class/net/eth0/iflink").read_text().strip()
        (veth,) = [i.parent.name for i in Path("/sys/class/net").glob("*/ifindex") if i.read_text().strip() == peer]
        for word, place in (
            (str(thread.tid), f"/proc/{thread.pid}/task/{thread.tid}/ns/net"),
            (Path(nets[0]).name, nets[0]),
            (veth, f"/proc/{pid}/ns/net"),
            (bound["HostPort"], f"/proc/{pid}/ns/net"),
            (name, f"/proc/{pid}/ns/net"),
        ):
            inode = os.stat(place).st_ino
            done = nsview("enter", word, "--net", "--host-privileges", "--", "readlink", "/proc/self/ns/net")
            assert (done.returncode, done.stdout) == (0, f"net:[{inode}]\n"), (word, done.stderr)
    finally:
        docker.remove(name)


def test_in_a_container_without_the_right_to_look_nothing_is_taken_for_known(docker: Docker) -> None:
    """kubernetes#105846 itself: with the host's processes and CAP_SYS_ADMIN, but without CAP_SYS_PTRACE."""
    target = docker.container("f-target", "--cap-add", "NET_ADMIN")
    places = {"/usr", "/lib", "/lib64", "/etc/alternatives", str(ROOT), sys.prefix, sys.base_prefix}
    binds = [f"--volume={place}:{place}:ro" for place in places if Path(place).exists()]
    power = ["--pid=host", "--cap-add=SYS_ADMIN", "--security-opt=apparmor=unconfined"]
    docker.container("f-looks", *power, *binds)
    try:
        words = [sys.executable, "-m", "nsview", "enter", str(target), "--host-privileges", "--all", "--", "hostname"]
        run = [*docker.command, "exec", "--env", f"PYTHONPATH={ROOT}", "f-looks"]
        assert subprocess.run([*run, *words[:3], "--version"], capture_output=True, check=False).returncode == 0
        done = subprocess.run([*run, *words], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1), done.stderr
    finally:
        docker.remove("f-looks")
        docker.remove("f-target")


# In the helper: waits before a step, in the child.
_HELD = """
import time
from nsview.join import inside
def held(step, go_on):
    def wait(self, given):
        self.note("held")
        time.sleep(60)
        go_on(self, given)
    inside._STEPS[step] = wait
held("HERE", inside._STEPS["HERE"])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("step", ["JoinNamespaces", "Fork", "ChangeRoot", "NewSession", "PutOnFilters", "Execute"])
def test_nothing_is_left_of_a_plan_that_is_ended_on_the_way(docker: Docker, web: int, step: str, number: int) -> None:
    made = plan_for(web, command=["sh", "-c", "echo ran; sleep 8888"])
    words = driver(made, _HELD.replace("HERE", step))
    started = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert started.stderr and b"held" in started.stderr.readline()
    (helper,) = _children(started.pid)
    below = _below(helper)
    assert below
    os.kill(helper, number)
    out, _ = started.communicate(timeout=20)
    assert (started.returncode, out) == (128 + number, b"")
    _is_empty(docker)
    assert not [pid for pid in below if _lives(pid)]


def test_nothing_is_left_where_the_terminal_hangs_up(docker: Docker, web: int) -> None:
    words = (_HELD.replace("HERE", "ChangeRoot"), "held"), (_HELD.replace("HERE", "Execute"), "held"), ("", "ready")
    for patch, said in words:
        terminal = Terminal(driver(plan_for(web, command=["sh", "-c", "echo ready; exec sleep 8889"]), patch))
        try:
            terminal.expect(said)
        finally:
            terminal.close()
        _is_empty(docker)


@pytest.mark.parametrize("step", ["Fork", "ChangeRoot", "NewSession", "PutOnFilters", "Execute"])
def test_a_step_that_fails_is_named_and_leaves_nothing(docker: Docker, web: int, step: str) -> None:
    patch = f"""
from nsview.join import inside
def failing(self, step):
    raise OSError(5, "of this test", "the step that fails")
inside._STEPS["{step}"] = failing
"""
    code, out, err = enter(plan_for(web, command=["echo", "ran"]), patch=patch)
    assert (code, out, err) == (4, "", "nsview: the step that fails: Input/output error\n")
    _is_empty(docker)


def _is_empty(docker: Docker) -> None:
    """Wait until its first process is alone."""
    wait_until(lambda: len(docker.run("top", "j-web").splitlines()) == 2, 10, "the end of all that was started")


def _children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def _below(pid: int) -> list[int]:
    return [found for child in _children(pid) for found in (child, *_below(child))]


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()


# argv: programs of filters in hex, put on one after the other by prctl(2); "traced" to be traced by a child of its own.
_LAYERED = """
import ctypes, os, signal, sys
libc = ctypes.CDLL(None)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
for word in sys.argv[1:]:
    if word == "traced":
        parent, (read, write) = os.getpid(), os.pipe()
        if os.fork() == 0:
            assert libc.ptrace(0x4206, parent, None, None) == 0
            os.write(write, b".")
            signal.pause()
        os.read(read, 1)
        continue
    program = bytes.fromhex(word)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, ctypes.byref(Program(len(program) // 8, program))) == 0
print("ready", flush=True)
signal.pause()
"""
_HARMLESS = _program([], _ALLOW).hex()
_DENIED = {name: _program([RESTRICTING["seccomp"]], answer).hex() for name, answer in ANSWERS.items()}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param((_HARMLESS, _HARMLESS, _HARMLESS), 0, "Seccomp_filters:\t3", id="three"),
        pytest.param((_DENIED["success"], _HARMLESS), 4, "Seccomp_filters 1 and not 2", id="false"),
        pytest.param((_DENIED["EPERM"], _HARMLESS), 3, "filter can't be put on: Operation not", id="refused"),
        pytest.param((_DENIED["ENOSYS"], _HARMLESS), 3, "implemented: --host-privileges goes", id="not there"),
        pytest.param((_HARMLESS, _DENIED["EPERM"]), 0, "Seccomp_filters:\t2", id="the last refuses"),
        pytest.param((_HARMLESS, "traced"), 3, "seccomp filter", id="traced"),
    ],
)
def test_all_filters_of_a_process_are_put_on_or_none_is_entered(words: tuple[str, ...], code: int, said: str) -> None:
    layered = subprocess.Popen(
        ["unshare", "--uts", sys.executable, "-c", _LAYERED, *words], stdout=subprocess.PIPE, text=True
    )
    below: list[int] = []
    try:
        assert layered.stdout and layered.stdout.readline() == "ready\n"
        below = _below(layered.pid)
        done = nsview("enter", str(layered.pid), "--", "cat", "/proc/self/status")
        assert done.returncode == code, done.stderr
        assert said in (done.stderr if code else done.stdout)
        assert not code or (done.stdout, done.stderr.count("\n")) == ("", 1)
    finally:
        for pid in (*below, layered.pid):
            os.kill(pid, signal.SIGKILL)
        layered.communicate()


def test_of_two_filters_that_refuse_a_call_the_same_one_answers() -> None:
    """The newest answers, seccomp(2): they are put on in the order in which the process had them."""
    getpgid = 121
    words = [_program([getpgid], ANSWERS[answer]).hex() for answer in ("EPERM", "ENOSYS")]
    layered = subprocess.Popen(
        ["unshare", "--uts", sys.executable, "-c", _LAYERED, *words], stdout=subprocess.PIPE, text=True
    )
    ask = "import os\ntry: os.getpgid(0)\nexcept OSError as error: print(error.errno)"
    try:
        assert layered.stdout and layered.stdout.readline() == "ready\n"
        done = nsview("enter", str(layered.pid), "--", sys.executable, "-I", "-S", "-c", ask)
        assert (done.returncode, done.stdout) == (0, f"{errno.ENOSYS}\n"), done.stderr
    finally:
        layered.kill()
        layered.communicate()


# From inside: a signal to all but itself and the container's first process, until it is killed.
_STORM = "while :; do for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p = 1 ] || [ $p = $$ ] || kill -SIGNAL $p; done; done"


@pytest.mark.parametrize("number", ["TRAP", "TSTP", "KILL"])
def test_a_storm_of_signals_from_inside_lets_nothing_unproved_run(docker: Docker, web: int, number: str) -> None:
    expected = docker.run("exec", "j-web", *STATUS)
    words = ["sh", "-c", f"echo here; exec 2>/dev/null; {_STORM.replace('SIGNAL', number)}"]
    storm = subprocess.Popen([*docker.command, "exec", "j-web", *words], stdout=subprocess.PIPE, text=True)
    try:
        assert storm.stdout and storm.stdout.readline()
        (inner,) = _in_net(web) - {web}
        patch = _HELD.replace("HERE", "Execute").replace("time.sleep(60)", "time.sleep(0.2)")
        for _ in range(4):
            code, out, err = enter(plan_for(web, command=STATUS), patch=patch)
            assert out == expected if code == 0 else out in ("", expected), (code, out, err)
            assert "Traceback" not in err and (code == 0 or code > 128 or len(err.splitlines()) <= 2), (code, err)
    finally:
        os.kill(inner, signal.SIGKILL)
        storm.communicate()
    _is_empty(docker)


# In the helper: killed when it has forked, while its child is not traced yet, or waits for its first answer.
_KILLED = {
    "not traced yet": """
asked = trace.ask
def ask():
    time.sleep(1.5)
    asked()
trace.ask = ask
""",
    "waits": "",
}
_DIES = """
import os, time
from nsview.join import supervisor, trace
def die(*_):
    time.sleep(0.7)
    os.kill(os.getpid(), 9)
supervisor.Trace = die
"""


@pytest.mark.parametrize("moment", _KILLED)
def test_nothing_is_left_of_a_supervisor_killed_at_its_fork(web: int, moment: str) -> None:
    """A child without a tracer would go on with nobody to prove what it may do."""
    words = driver(plan_for(web, command=["true"]), _DIES + _KILLED[moment])
    started = subprocess.Popen(words, stdin=subprocess.DEVNULL, env=environment())
    below: list[int] = []

    def has_forked() -> bool:
        below[:] = _below(started.pid)
        return len(below) == 2

    wait_until(has_forked, 10, "its child")
    try:
        assert started.wait(20) == 137
        time.sleep(2)
        assert not [pid for pid in below if _lives(pid)], "its child"
    finally:
        for pid in filter(_lives, below):
            os.kill(pid, signal.SIGKILL)


# What a process is given in a user namespace of its own

_LEAVES = """
import ctypes, sys, time
sys.stdin.readline()
assert ctypes.CDLL(None).unshare(0x10000000) == 0
print("left", flush=True)
time.sleep(9999)
"""
_BOUNDED = ["unshare", "--uts", "setpriv", "--bounding-set", "-all,+chown", "--inh-caps", "-all"]


@pytest.mark.parametrize("careless", [False, True])
def test_who_leaves_for_a_user_namespace_on_the_way_in_is_not_believed(careless: bool) -> None:
    """unshare(2) gives all capabilities in there, which are not to be given out here."""
    command = [*_BOUNDED, sys.executable, "-c", _LEAVES]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert started.stdin and started.stdout
    try:
        wait_until(lambda: os.readlink(f"/proc/{started.pid}/exe") == os.path.realpath(sys.executable), 10, "its start")
        before = pins_of(started.pid)
        started.stdin.write("go\n")
        started.stdin.flush()
        assert started.stdout.readline() == "left\n"
        made = plan_for(started.pid, "uts", command=["grep", "CapEff", "/proc/self/status"], pins=before)
        patch = "from nsview.join import target; target.Followed.check_user_namespace = lambda *_: None"
        code, out, err = enter(made, patch=patch if careless else "")
        if careless:
            assert code == 0 and int(out.split()[1], 16) >> 21 & 1, "CAP_SYS_ADMIN, of the host"
        else:
            assert (code, out, err.count("\n")) == (3, "", 1) and "another user namespace" in err
    finally:
        started.kill()
        started.wait()


def test_the_callers_groups_are_not_those_of_a_command_where_none_can_be_set(workspace: Workspace) -> None:
    """A user namespace whose setgroups is denied, as any user makes one, and who made it may trace the command."""
    secret = _file(workspace.root / "groups", "secret", b"of the group alone\n")
    os.chown(secret, 0, 4321)
    secret.chmod(0o640)
    command = ["unshare", "--map-root-user", "--kill-child", "sleep", "9999"]
    started = subprocess.Popen(command, user=65534, group=65534, extra_groups=[])
    try:
        setgroups = Path(f"/proc/{started.pid}/setgroups")
        wait_until(lambda: setgroups.read_text() == "deny\n", 10, "its user namespace")
        done = nsview("enter", str(started.pid), "--", "cat", str(secret), extra_groups=[0, 4321])
        assert (done.returncode, done.stdout) == (1, "") and "Permission denied" in done.stderr
    finally:
        started.kill()
        started.wait()


_ENDLESS = """
import ctypes, mmap, re, struct, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
size = 64 << 20
at = libc.mmap(None, ctypes.c_size_t(size), 3, 0x4022, -1, ctypes.c_long(0))
v = [0, 0, 0] + open("/proc/self/stat").read().rpartition(")")[2].split()
v = [int(x) if str(x).lstrip("-").isdecimal() else 0 for x in v]
words = [v[26], v[27], v[45], v[46], v[47], libc.sbrk(0) and v[47], v[28], v[48], v[49], at, at + size - 1, 0]
given = struct.pack("=12QIi", *words, 0, -1)
libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_ulong]
print(libc.prctl(35, 14, given, len(given), 0), flush=True)
time.sleep(9999)
"""


def test_an_environment_that_is_all_of_a_processs_memory_is_refused() -> None:
    command = ["unshare", "--uts", "--mount", sys.executable, "-c", _ENDLESS]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert started.stdout
    try:
        if started.stdout.readline() != "0\n":
            pytest.skip("this kernel lets no process say where its environment is")
        done = nsview("enter", str(started.pid), "--all", "--", "true")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1) and "environment" in done.stderr
    finally:
        started.kill()
        started.wait()


@pytest.mark.parametrize("kind", ["the host's own", "a device"])
def test_a_link_in_a_containers_files_leads_nowhere_else(docker: Docker, kind: str) -> None:
    """Though its path, below /proc/PID/root, was given by who enters."""
    made = {"the host's own": f"ln -s /proc/{os.getpid()}/ns/net /blue", "a device": "mknod /blue c 1 5"}[kind]
    pid = docker.container("f-link", command=["sh", "-c", f"{made}; exec sleep 9999"])
    path = f"/proc/{pid}/root/blue"
    try:
        wait_until(lambda: os.path.lexists(path), 10, path)
        for words in (["enter", path, "--", "true"], ["inspect", path]):
            done = nsview(*words)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1), done.stdout
    finally:
        docker.remove("f-link")


@pytest.mark.parametrize("spelling", ["//proc/{}/root", "/proc/./{}/root", "/proc//{}/root", "./root", "."])
def test_a_link_in_a_containers_files_leads_nowhere_else_however_its_path_is_spelled(
    nets: tuple[str, str], population: Population, workspace: Workspace, spelling: str
) -> None:
    """It leads to another file within than on the host, where it would be `nets[1]`."""
    root = workspace.root / "spelled"
    (root / "put_old").mkdir(parents=True, exist_ok=True)
    (root / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (root / "busybox").chmod(0o755)
    inside = root / nets[1].lstrip("/")
    inside.parent.mkdir(parents=True, exist_ok=True)
    inside.touch()
    (root / "blue").unlink(missing_ok=True)
    (root / "blue").symlink_to(nets[1])
    words = (
        f"mount --bind {root} {root}; mount --bind {nets[0]} {inside}; cd {root}; pivot_root . put_old; "
        "exec /busybox sh -c '/busybox umount -l /put_old; exec /busybox sleep 9999'"
    )
    pid = population.process("mnt", command=["sh", "-c", words])
    wait_until(lambda: Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/busybox\0sleep"), 10, "its root")
    path = spelling.format(pid) + "/blue"
    place = {"./root": f"/proc/{pid}", ".": f"/proc/{pid}/root"}.get(spelling, "/")
    options = ["--net", "--host-privileges", "--", "readlink", "/proc/self/ns/net"]
    for done in (nsview("enter", path, *options, cwd=place), nsview("inspect", path, cwd=place)):
        if spelling == ".":  # a directory that has no path here
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1), done.stderr
        else:
            assert done.returncode == 0 and f"net:[{os.stat(nets[0]).st_ino}]" in done.stdout, done.stderr
    assert nsview("enter", f"/proc/{pid}/root/../blue", *options).returncode == 2


def test_a_mount_in_a_containers_files_is_entered_by_its_path(nets: tuple[str, str], workspace: Workspace) -> None:
    """Also where a link of the container's leads to it, which on the host would lead elsewhere."""
    root = workspace.root / "linked"
    for name in ("var", "run/netns", "proc"):
        (root / name).mkdir(parents=True)
    (root / "run/netns/blue").touch()
    (root / "var/run").symlink_to("/run")
    words = f"mount --rbind / /; mount --bind {nets[0]} {root}/run/netns/blue; exec chroot {root} /busybox sleep 9999"
    (root / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (root / "busybox").chmod(0o755)
    holder = subprocess.Popen(["unshare", "--mount", "sh", "-c", words])
    try:
        wait_until(lambda: os.readlink(f"/proc/{holder.pid}/root") == str(root), 10, "its root")
        path = f"/proc/{holder.pid}/root/var/run/netns/blue"
        done = nsview("enter", path, "--net", "--host-privileges", "--", "readlink", "/proc/self/ns/net")
        assert done.stdout == f"net:[{os.stat(nets[0]).st_ino}]\n", done.stderr
        assert nsview("inspect", path).stdout.split()[:2] == ["namespace", f"net:[{os.stat(nets[0]).st_ino}]"]
    finally:
        holder.kill()
        holder.wait()


def test_a_container_that_is_still_being_made_is_not_entered(containerd: Containerd, workspace: Workspace) -> None:
    """Its first process has the host's files until its runtime has given it others; a hook makes that long."""
    spec = json.loads(containerd.run("oci", "spec"))
    spec["root"] = {"path": str(workspace.root / "rootfs"), "readonly": True}
    spec["process"].update(args=["/bin/busybox", "sleep", "9999"], terminal=False)
    id = f"slow-{os.getpid()}"
    spec["linux"]["cgroupsPath"] = f"/default/{id}"
    spec["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "9"]}]}
    file = workspace.root / "slow.json"
    file.write_text(json.dumps(spec))
    made = subprocess.Popen(
        ["ctr", "--address", str(containerd.address), "run", "--detach", "--config", str(file), id],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=workspace.environment,
    )  # fmt: skip
    first: list[int] = []

    def waits() -> bool:
        first[:] = [
            int(path.parent.name)
            for path in Path("/proc").glob("[0-9]*/comm")
            if _text(path).startswith("runc:[2") and f"/default/{id}" in _text(path.with_name("cgroup"))
        ]
        return bool(first)

    try:
        wait_until(waits, 20, "its first process")
        done = nsview("enter", str(first[0]), "--all", "--", "/bin/busybox", "id")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
        assert "still being made" in done.stderr
    finally:
        made.wait()
        containerd.remove(id)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
