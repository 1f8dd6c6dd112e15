"""Who has run, as the kernel counts it, is told; nobody else is."""

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nsview
from nsview.agent import watch

from .workspace import wait_until

_CAP_SYS_RESOURCE = 24

_PROCESS = """
import ctypes, os, sys, threading
def loop():
    while True:
        os.read(0, 1)
        os.write(1, b"t")
if sys.argv[1:] == ["thread"]:
    threading.Thread(target=loop).start()
os.write(1, b".")
while os.read(3, 1):
    assert ctypes.CDLL(None).unshare(0x4000000) == 0
    os.write(1, b"u")
"""


class Process:
    """A process that sleeps until it is told to leave a namespace, or its second thread, where it has one, to run."""

    def __init__(self, *words: str) -> None:
        read, self._leave = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"import os; os.dup2({read}, 3)\n{_PROCESS}", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, pass_fds=[read],
        )  # fmt: skip
        os.close(read)
        self.pid = self._process.pid
        self._says(b".")

    def _says(self, word: bytes) -> None:
        assert self._process.stdout and self._process.stdout.read(1) == word
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            wait_until(lambda task=task: (task / "wchan").read_text() not in ("", "0"), 10, "its sleep")

    def leave(self) -> None:
        os.write(self._leave, b".")
        self._says(b"u")

    def run_a_thread(self) -> None:
        assert self._process.stdin
        self._process.stdin.write(b".")
        self._says(b"t")

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
        with contextlib.suppress(OSError):
            os.close(self._leave)


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    made = [Process("thread"), *(Process() for _ in range(3))]
    yield made
    for process in made:
        process.end()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to leave a namespace")
def test_who_left_a_namespace_is_told_and_whose_other_threads_ran_is_not(processes: list[Process]) -> None:
    watched = watch.Watch()
    for process in processes:
        watched.add(process.pid)
    assert watched.passed() == ([], [])
    threaded = processes[0]
    threaded.run_a_thread()
    assert watched.passed() == ([threaded.pid], []), "of the first time it is not known which thread it was"
    for _ in range(20):
        threaded.run_a_thread()
        assert watched.passed() == ([], [])
    for process in processes:
        process.leave()
        assert watched.passed() == ([process.pid], [])
    threaded.leave()
    watched.add(threaded.pid)  # who is followed anew is read anew, and that was after it ran
    assert watched.passed() == ([], [])


def test_who_is_gone_is_told_and_those_after_it_are_asked(processes: list[Process]) -> None:
    watched = watch.Watch()
    for process in processes:
        watched.add(process.pid)
    for process in processes[1:3]:
        process.end()
    processes[0].run_a_thread()
    gone = [process.pid for process in processes[1:3]]
    assert watched.passed() == ([processes[0].pid], gone)
    assert watched.passed() == ([], gone), "until it is followed no longer"
    for pid in gone:
        watched.add(pid)
    assert watched.passed() == ([], [])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a pid namespace")
def test_where_proc_is_of_another_pid_namespace_all_get_their_turn(processes: list[Process]) -> None:
    """There a pid of /proc's is another process to the kernel, or none."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from nsview.agent import watch\n"
        "watch._TURN, pids = 2, list(map(int, sys.argv[2:]))\n"
        "watched = watch.Watch()\n"
        "for pid in pids: watched.add(pid)\n"
        "for line in sys.stdin: print([watched.passed()[0] for _ in pids[::2]], flush=True)\n"
    )
    pids = [process.pid for process in processes]
    root = str(Path(nsview.__file__).parent.parent)
    words = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c", code, root, *map(str, pids)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as watching:
        assert watching.stdin and watching.stdout

        def passes() -> str:
            assert watching.stdin and watching.stdout
            watching.stdin.write("\n")
            return watching.stdout.readline().strip()

        assert passes() == "[[], []]"
        processes[1].leave()
        processes[3].leave()
        assert passes() == f"[[{pids[1]}], [{pids[3]}]]"
        assert passes() == "[[], []]"
        watching.stdin.close()


def test_as_many_files_may_be_open_as_the_kernel_lets_this_process_have() -> None:
    """Root with CAP_SYS_RESOURCE may go beyond its hard limit, up to the kernel's own."""
    code = (
        "import resource, sys; sys.path.insert(0, sys.argv[1]); from nsview.agent import watch; "
        "print(watch._most_files(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    root = str(Path(nsview.__file__).parent.parent)
    told = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, check=True).stdout
    held = int(Path("/proc/self/status").read_text().split("CapEff:")[1].split()[0], 16)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = int(Path("/proc/sys/fs/nr_open").read_text()) if held & 1 << _CAP_SYS_RESOURCE else hard
    assert told.split() == [str(most), str(most)]
