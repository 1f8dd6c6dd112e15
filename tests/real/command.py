"""nsview as its users run it: a process of its own, its output and its exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

NSVIEW = (sys.executable, "-m", "nsview")
# As a user's: an unbuffered standard output would fail at other moments.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def nsview(*arguments: str | bytes, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run it; the text of both outputs and the exit code, whatever that is."""
    usual = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 60, "env": ENVIRONMENT}
    return subprocess.run([*NSVIEW, *arguments], check=False, **{**usual, **options})


def printed(*arguments: str) -> Any:
    """The JSON that it prints; it must end well."""
    done = nsview(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def containers() -> dict[str, dict[str, Any]]:
    """{key: container} of the whole machine, which may run more than the suite's."""
    return {container["key"]: container for container in printed("list", "containers")["containers"]}


def processes() -> dict[int, dict[str, Any]]:
    """{pid: process} of the whole machine."""
    return {process["pid"]: process for process in printed("list", "processes")["processes"]}


def said(command: Sequence[str]) -> str:
    """The standard output of another program, which must end well."""
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def links(pid: int) -> dict[str, int]:
    """{kind: inode} of a process, by readlink."""
    kinds = ("mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time")
    return {kind: int(os.readlink(f"/proc/{pid}/ns/{kind}").partition("[")[2][:-1]) for kind in kinds}
