"""A process that does at its pid's word what a host's processes do: fork, exec, unshare, setns, exit.

As a program (`python3 -I -S puppet.py NAME`) it answers a line on stdin with a line: "fork" with the child's pid and
when that was (time.perf_counter), "storm N" by that many short-lived children a second until it ends. A child execs
`sleep` under the name NAME-PID.. at SIGUSR1, and goes to a new uts namespace, or back, at SIGUSR2. As a module,
`Puppet` runs that program.
"""

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress

CLONE_NEWUTS = 0x04000000


class Puppet:
    """Such a process, from entering to leaving. `name` is in its and its children's command lines."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> "Puppet":
        import subprocess

        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", os.path.abspath(__file__), self.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._ask("hello")
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.communicate()

    def _ask(self, line: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().decode()

    def fork(self) -> tuple[int, float]:
        """(pid of a new child, when it was forked)."""
        pid, when = self._ask("fork").split()
        return int(pid), float(when)

    def storm(self, rate: int) -> None:
        """So many births and deaths a second from now on; no more may be asked of this one."""
        self._ask(f"storm {rate}")


def _child(name: str, libc: ctypes.CDLL) -> None:
    """What a forked child is to be: it waits for signals."""
    own = os.open("/proc/self/ns/uts", os.O_RDONLY)
    away = False

    def move(*_: object) -> None:
        nonlocal away
        libc.setns(own, CLONE_NEWUTS) if away else libc.unshare(CLONE_NEWUTS)
        away = not away

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGUSR1, lambda *_: os.execv("/bin/sleep", [f"{name}-{os.getpid()}..", "600"]))
    signal.signal(signal.SIGUSR2, move)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGUSR1, signal.SIGUSR2))
    while True:
        signal.pause()


def _storm(rate: int) -> None:
    begin, made = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - begin) * rate)
        for _ in range(due - made):
            if os.fork() == 0:
                os._exit(0)
        made = due
        time.sleep(0.005)


def main(name: str) -> None:
    """Answer until stdin ends."""
    libc = ctypes.CDLL(None)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    # A signal that comes before the child is ready for it waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGUSR1, signal.SIGUSR2))
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "fork":
            when = time.perf_counter()
            pid = os.fork()
            if pid == 0:
                _child(name, libc)
            print(pid, when, flush=True)
        else:
            print("yes", flush=True)
            if word == "storm":
                _storm(int(rest))


if __name__ == "__main__":
    main(sys.argv[1])
