"""How many system calls a scan makes: the cost that is the same on every machine.

Of a process of a user: its directory opened, asked for the user and closed (3); stat, cmdline and cgroup opened, read
and closed (9); eight links (8): 20. In a pid namespace below that of /proc the kernel is asked for its pid there (1).
A namespace and a container cost something at first sight, so the processes that are counted
are all in the same ones, and what the rest of a scan costs is taken away: two populations are compared. Each lives in a
pid namespace with a /proc of its own, so that no other process of the machine is counted; the many are a thousand, so
that a directory of a runtime that comes or goes between the two changes nothing.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nsview
from nsview.agent.scan import kernel_version
from tests.conftest import in_ci

PER_PROCESS = 20
PER_LEVEL = 1
FEW, MANY = 10, 1010
_CALLS = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", re.MULTILINE)

_WORLD = """
import ctypes, json, os, signal, subprocess, sys
number, root, summary, below = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
ready, said = os.pipe()
if os.fork() == 0:
    for _ in range(below):
        assert ctypes.CDLL(None).unshare(0x20000000) == 0  # CLONE_NEWPID
        if os.fork():
            signal.pause()
    for _ in range(number):
        if os.fork() == 0:
            signal.pause()
    os.write(said, b".")
    signal.pause()
os.read(ready, 1)
code = "import sys; sys.path.insert(0, sys.argv[1]); from nsview.agent.main import main; main(['--once'])"
strace = ["strace", "-f", "-c", "-o", summary]
# -B, or the first of two would write what both have to compile.
scan = subprocess.run([*strace, sys.executable, "-B", "-I", "-S", "-c", code, root], check=True, stdout=subprocess.PIPE)
print(len(json.loads(scan.stdout.splitlines()[-1])["processes"]))
"""


def counted(number: int, directory: Path, below: int) -> dict[str, int]:
    """{call: how often} of one scan of so many sleeping processes, so many pid namespaces below that of /proc, and some
    more; the interpreter's own included."""
    summary = directory / f"strace{number}"
    own_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    done = subprocess.run(
        ["unshare", *own_root, "--pid", "--fork", "--mount-proc", sys.executable, "-I", "-S", "-c", _WORLD, str(number),
         str(Path(nsview.__file__).parent.parent), str(summary), str(below)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert int(done.stdout) == number + below + 4  # the world's first, those who made them, strace and the agent
    return {name: int(times) for times, name in _CALLS.findall(summary.read_text()) if name != "total"}


@pytest.mark.parametrize("below", [0, 1, 2])
def test_a_process_costs_so_many_system_calls(tmp_path: Path, below: int) -> None:
    if not shutil.which("strace"):
        (pytest.fail if in_ci() else pytest.skip)("strace is not installed (tests/run installs it)")
    if below and kernel_version(os.uname().release) < (6, 11):
        pytest.skip("before Linux 6.11 what is below costs a read of its status")
    few, many = counted(FEW, tmp_path, below), counted(MANY, tmp_path, below)
    # What the interpreter does for its memory is no cost of a process.
    calls = many.keys() - {"mmap", "munmap", "brk", "mremap", "madvise"}
    per_process = {name: (many[name] - few.get(name, 0)) / (MANY - FEW) for name in calls}
    cost = sum(per_process.values())
    expected = PER_PROCESS + PER_LEVEL * below
    assert cost <= expected + 0.1, per_process
    assert cost >= expected - 0.1, f"fewer are needed now, so hold that: {per_process}"


_LISTED = """
import os, sys; sys.path.insert(0, sys.argv[1])
from nsview.agent.containers import containerd
containerd._FIFOS, times, known = sys.argv[2], int(sys.argv[3]), {}
for _ in range(times):
    found = containerd._fifos(known)
os.makedirs(sys.argv[2] + "/new", exist_ok=True)
assert len(found) == 200 == len(containerd._fifos(known))
open(sys.argv[2] + "/new/late-stdout", "w").close()
assert containerd._fifos(known)["late"]
os.remove(sys.argv[2] + "/new/late-stdout")
os.rmdir(sys.argv[2] + "/new")
"""


def test_fifos_that_are_left_are_listed_once(tmp_path: Path) -> None:
    """However often containers are looked for; one that comes is seen, also where it is made after its directory."""
    if not shutil.which("strace"):
        (pytest.fail if in_ci() else pytest.skip)("strace is not installed (tests/run installs it)")
    fifos = tmp_path / "fifo"
    for number in range(200):
        (fifos / str(number)).mkdir(parents=True)
        os.mkfifo(fifos / str(number) / f"id{number}-stdout")
    root, calls = str(Path(nsview.__file__).parent.parent), []
    for times in (1, 21):
        os.utime(fifos, (1000, 1000))
        summary = tmp_path / f"strace{times}"
        argv = [sys.executable, "-B", "-I", "-S", "-c", _LISTED, root, str(fifos), str(times)]
        subprocess.run(["strace", "-f", "-c", "-o", str(summary), *argv], check=True)
        found = {name: int(number) for number, name in _CALLS.findall(summary.read_text())}
        calls.append(found["openat"] + found["getdents64"])
    assert calls[1] - calls[0] <= 20 * 2
