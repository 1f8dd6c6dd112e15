"""Many idle processes, a tenth as many sets of namespaces: what a large host looks like to a scan.

As a program (`python3 -I -S crowd.py PROCESSES SETS`) it forks them from one small interpreter, says "ready" and
waits; none outlives it. As a module, `Crowd` runs that program.
"""

import contextlib
import ctypes
import os
import signal
import sys

# mnt, uts, ipc, pid, net, cgroup: what an engine gives to a container
SET = 0x20000 | 0x4000000 | 0x8000000 | 0x20000000 | 0x40000000 | 0x2000000
PR_SET_PDEATHSIG = 1


class Crowd:
    """A crowd of so many processes, and a tenth as many sets, from entering to leaving. Needs root."""

    def __init__(self, processes: int) -> None:
        self.processes = processes

    def __enter__(self) -> "Crowd":
        import subprocess

        _check_limits(self.processes)
        words = [sys.executable, "-I", "-S", os.path.abspath(__file__), str(self.processes), str(self.processes // 10)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)
        assert self._process.stdout
        if self._process.stdout.readline() != b"ready\n":
            self.__exit__()
            raise OSError(f"could not make {self.processes} processes; see above")
        return self

    def __exit__(self, *_: object) -> None:
        import time

        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:  # pid 1 reaps the rest
            try:
                os.killpg(self._process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)


def _check_limits(processes: int) -> None:
    """OSError that says which limit of the kernel is in the way."""
    running = sum(name.isdigit() for name in os.listdir("/proc"))
    for name in ("pid_max", "threads-max"):
        with open(f"/proc/sys/kernel/{name}", encoding="ascii") as file:
            limit = int(file.read())
        if processes + running + 1000 > limit:
            raise OSError(f"{processes} processes need a larger kernel.{name} than {limit}: sysctl -w kernel.{name}=..")


def main(processes: int, sets: int) -> None:
    """Fork them all, then wait. The members of a set are children of the one that made its namespaces."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    there, here = os.pipe()

    def wait() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.write(here, b".")
        os.close(here)
        os.close(1)
        while True:
            signal.pause()

    # ctypes calls make Python objects; without a collection the pages of the interpreter stay shared.
    share, rest = divmod(processes, sets) if sets else (0, processes)
    for _ in range(sets):
        if os.fork() == 0:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if libc.unshare(SET) != 0:
                os.write(2, f"unshare: {os.strerror(ctypes.get_errno())}\n".encode())
                os._exit(1)
            for _ in range(share - 1):
                if os.fork() == 0:
                    wait()
            wait()
    for _ in range(rest):
        if os.fork() == 0:
            wait()
    os.close(here)
    made = 0
    while more := len(os.read(there, 65536)):
        made += more
        if made == processes:
            print("ready", flush=True)
            signal.pause()
    print(f"only {made} of {processes} processes came to be", file=sys.stderr)


if __name__ == "__main__":
    import gc

    gc.disable()
    main(int(sys.argv[1]), int(sys.argv[2]))
