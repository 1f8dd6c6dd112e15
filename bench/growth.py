"""What a process costs a scan and an update, on hosts of two sizes: in processor time, measured inside one program.

As a program (`python3 -I -S growth.py ROOT CHANGES`) it looks at this host as the agent does and prints JSON:
"processes", and seconds: "look" (all of a look), "update" (of one in which CHANGES processes were born and as many
died, until its frame is written), "calls" (of the system calls of such an update alone), each the median of some.
"""

import json
import os
import signal
import sys
import time

ROUNDS = 5


def measure(root: str, changes: int) -> dict[str, float]:
    """The costs of a look and of an update on this host."""
    sys.path.insert(0, root)
    from nsview.agent import main, output, scan, watch

    # Begun while this program is small: what it shares with a child it must copy when it next touches it.
    nursery = Nursery(changes)
    calls = [_seconds_of_calls(nursery.next()) for _ in range(4 * ROUNDS)]
    scanner = scan.Scanner(watch=watch.Watch())
    looks, updates = [], []
    for _ in range(ROUNDS):
        begin = time.process_time()
        look = scanner.look()
        looks.append(time.process_time() - begin)
    with open(os.devnull, "wb") as out:
        writer = output.Output(out)
        for _ in range(4 * ROUNDS):
            changed = nursery.next()
            begin = time.process_time()
            writer.write(main.delta(scanner.update(changed), 0.0))
            updates.append(time.process_time() - begin)
    # The first of each also sees what it need not see again.
    return {
        "processes": len(look["processes"]),
        "look": sorted(looks[1:])[(ROUNDS - 1) // 2],
        "update": sorted(updates[1:])[2 * ROUNDS],
        "calls": sorted(calls[1:])[2 * ROUNDS],
    }


def _seconds_of_calls(pids: set[int]) -> float:
    """What the system calls take by which an update reads these, nothing being made of what they tell."""
    begin = time.process_time()
    for pid in pids:
        try:
            directory = os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY)
        except OSError:
            continue
        time.clock_gettime_ns(~pid << 3 | 2)
        for name in ("stat", "cmdline", "cgroup"):
            file = os.open(name, os.O_RDONLY, dir_fd=directory)
            os.read(file, 4096)
            os.close(file)
        for kind in ("mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"):
            os.readlink("ns/" + kind, dir_fd=directory)
        os.fstat(directory)
        os.close(directory)
    return time.process_time() - begin


class Nursery:
    """A child that has so many children, and at each word others instead of them. It ends with us."""

    def __init__(self, size: int) -> None:
        words, self._words = os.pipe()
        answers_in, answers = os.pipe()
        if os.fork() == 0:
            os.close(self._words)
            try:
                self._serve(size, words, answers)
            finally:
                os._exit(0)
        os.close(words)
        os.close(answers)
        self._answers = os.fdopen(answers_in, encoding="ascii")
        self._alive: list[int] = []

    def next(self) -> set[int]:
        """The pids of those that have just ended, and of those that were just born."""
        os.write(self._words, b".")
        dead, self._alive = self._alive, [int(pid) for pid in self._answers.readline().split()]
        return {*dead, *self._alive}

    @staticmethod
    def _serve(size: int, words: int, answers: int) -> None:
        alive: list[int] = []
        while True:
            more = os.read(words, 1)
            for pid in alive:
                os.kill(pid, signal.SIGKILL)
            for pid in alive:
                os.waitpid(pid, 0)
            if not more:
                return
            alive = [_sleeping() for _ in range(size)]
            os.write(answers, " ".join(map(str, alive)).encode() + b"\n")


def _sleeping() -> int:
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    return pid


def run(root: str, changes: int) -> dict[str, float]:
    """Measure in a program of its own."""
    import subprocess

    words = [sys.executable, "-I", "-S", os.path.abspath(__file__), root, str(changes)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, timeout=600)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    json.dump(measure(sys.argv[1], int(sys.argv[2])), sys.stdout)
