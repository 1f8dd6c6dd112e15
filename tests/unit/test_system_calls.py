"""How many system calls a scan makes: the cost that is the same on every machine.

Of a process of a user: its directory opened and closed (2); stat, status, cmdline and cgroup opened, read and closed
(12); eight links (8): 22. A namespace and a container cost something at first sight, so the processes that are counted
are all in the same ones, and what the rest of a scan costs is taken away: two populations are compared. Each lives in a
pid namespace with a /proc of its own, so that nothing else of the machine is counted.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nsview
from tests.conftest import in_ci

PER_PROCESS = 22
FEW, MANY = 10, 210
_CALLS = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", re.MULTILINE)

_WORLD = """
import json, os, signal, subprocess, sys
number, root, summary = int(sys.argv[1]), sys.argv[2], sys.argv[3]
for _ in range(number):
    if os.fork() == 0:
        signal.pause()
code = "import sys; sys.path.insert(0, sys.argv[1]); from nsview.agent.main import main; main(['--once'])"
strace = ["strace", "-f", "-c", "-o", summary]
# -B, or the first of two would write what both have to compile.
scan = subprocess.run([*strace, sys.executable, "-B", "-I", "-S", "-c", code, root], check=True, stdout=subprocess.PIPE)
print(len(json.loads(scan.stdout.splitlines()[-1])["processes"]))
"""


def counted(number: int, directory: Path) -> dict[str, int]:
    """{call: how often} of one scan of so many sleeping processes and three more, the interpreter's own included."""
    summary = directory / f"strace{number}"
    own_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    done = subprocess.run(
        ["unshare", *own_root, "--pid", "--fork", "--mount-proc", sys.executable, "-I", "-S", "-c", _WORLD, str(number),
         str(Path(nsview.__file__).parent.parent), str(summary)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert int(done.stdout) == number + 3  # the world's first, strace and the agent
    return {name: int(times) for times, name in _CALLS.findall(summary.read_text()) if name != "total"}


def test_a_process_costs_22_system_calls(tmp_path: Path) -> None:
    if not shutil.which("strace"):
        (pytest.fail if in_ci() else pytest.skip)("strace is not installed (tests/run installs it)")
    few, many = counted(FEW, tmp_path), counted(MANY, tmp_path)
    # What the interpreter does for its memory is no cost of a process.
    calls = many.keys() - {"mmap", "munmap", "brk", "mremap", "madvise"}
    per_process = {name: (many[name] - few.get(name, 0)) / (MANY - FEW) for name in calls}
    cost = sum(per_process.values())
    assert cost <= PER_PROCESS + 0.1, per_process
    assert cost >= PER_PROCESS - 0.1, f"fewer are needed now, so hold that: {per_process}"
