"""Processes whose namespaces are known because they were made so: the truth that a scan is held against.

Everything here dies with its Population; a killed test run's leftovers are found by their environment (Workspace).
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .daemons import SLEEP
from .workspace import Workspace, start_time, wait_until

_OPTION = {
    "mnt": "--mount",
    "uts": "--uts",
    "ipc": "--ipc",
    "pid": "--pid",
    "net": "--net",
    "user": "--user",
    "cgroup": "--cgroup",
    "time": "--time",
}
_FLAG = {"mnt": 0x20000, "uts": 0x4000000, "ipc": 0x8000000, "net": 0x40000000, "cgroup": 0x2000000}

# Says the number of its own thread, then waits to be killed.
_THREAD = """
import ctypes, os, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def alone():
    if libc.unshare(int(sys.argv[1])) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    print(threading.get_native_id(), flush=True)
    threading.Event().wait()
threading.Thread(target=alone).start()
"""

ZOMBIE = """
import os, signal
child = os.fork()
if child == 0:
    os._exit(0)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
print(child, flush=True)
signal.pause()
"""


class Thread(NamedTuple):
    """A thread in namespaces that its process is not in."""

    pid: int
    tid: int


class Population:
    """Makes processes and kills them all at its end. Use as a context manager."""

    def __init__(self, workspace: Workspace) -> None:
        self._environment = workspace.environment
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> "Population":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def process(self, *kinds: str, options: Sequence[str] = (), command: Sequence[str] = SLEEP) -> int:
        """A process in new namespaces of these kinds and in the caller's others: the pid of `command`.

        options: further ones of unshare(1), such as --map-root-user. "pid" and "time" hold for children only, so
        unshare(1) stays there as the parent of the command.
        """
        fork = ["--fork", "--kill-child"] if {"pid", "time"} & set(kinds) else []
        started = self._start(["unshare", *(_OPTION[kind] for kind in kinds), *fork, *options, *command])
        return self._pid_of_command(started, "unshare", below=bool(fork))

    def joined(self, target: int, *kinds: str, command: Sequence[str] = SLEEP) -> int:
        """A process in the target's namespaces of these kinds and in the caller's others: the pid of `command`."""
        fork = {"pid", "time"} & set(kinds)
        options = [_OPTION[kind] for kind in kinds] if fork else [*(_OPTION[kind] for kind in kinds), "--no-fork"]
        started = self._start(["nsenter", "--target", str(target), *options, *command])
        return self._pid_of_command(started, "nsenter", below=bool(fork))

    def thread(self, *kinds: str) -> Thread:
        """A process with a thread alone in new namespaces of these kinds (by default net)."""
        flags = sum(_FLAG[kind] for kind in kinds or ("net",))
        started = self._start([sys.executable, "-I", "-S", "-c", _THREAD, str(flags)])
        return Thread(started.pid, self._number_said(started))

    def zombie(self) -> int:
        """The pid of a process that has exited and that nobody waits for."""
        return self._number_said(self._start([sys.executable, "-I", "-S", "-c", ZOMBIE]))

    def kill(self, pid: int) -> None:
        """End one of these processes, and be sure that it is gone or a zombie."""
        start = start_time(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        for started in self._started:
            if started.pid == pid:
                started.wait(20)
        wait_until(lambda: start_time(pid) != start or _state(pid) in "ZX", 20, f"end of {pid}")

    def clear(self) -> None:
        """End them all."""
        for started in self._started:
            children = _children(started.pid)
            # unshare(1) and nsenter(1) end with the command they forked, and reap it; pid 1 may take its time.
            reaps = children and started.args[0] in ("unshare", "nsenter")
            for pid in children if reaps else [*children, started.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for started in self._started:
            started.communicate(timeout=60)
        self._started.clear()

    def _start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        started = subprocess.Popen(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(started)
        return started

    def _number_said(self, started: subprocess.Popen[str]) -> int:
        assert started.stdout and started.stderr
        line = started.stdout.readline()
        if not line:
            raise OSError(started.stderr.read().strip())
        return int(line)

    def _pid_of_command(self, started: subprocess.Popen[str], tool: str, *, below: bool) -> int:
        """Wait until the tool has become the command, or (below) has forked a child that did."""
        found = 0

        def ready() -> bool:
            nonlocal found
            if started.poll() is not None:
                assert started.stderr
                raise OSError(f"{tool} ended with {started.returncode}: {started.stderr.read().strip()}")
            candidates = _children(started.pid) if below else [started.pid]
            found = next((pid for pid in candidates if _program(pid) not in (tool, sys.executable, "")), 0)
            return found != 0

        wait_until(ready, 20, tool)
        return found


def _children(pid: int) -> list[int]:
    """Needs CONFIG_PROC_CHILDREN, which distributions set."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _program(pid: int) -> str:
    """The name of the program, "" where the process is gone. Before exec it is still the parent's."""
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    name = os.fsdecode(argv[0])
    return name if name == sys.executable else os.path.basename(name)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return "X"
