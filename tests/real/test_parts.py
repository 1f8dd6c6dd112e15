"""A first look told in parts: few of them, none that says what is not so, and together what one frame would say."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import nsview
from nsview.hosts import frames
from nsview.hosts.stream import Stream
from nsview.model.snapshot import Snapshot

_WORLD = """
import ctypes, os, signal, sys
sys.path.insert(0, sys.argv[1])
from nsview.agent import main, scan, forked_scan

libc = ctypes.CDLL(None)
for number in range(30):
    read, write = os.pipe()
    if os.fork() == 0:
        assert libc.unshare(0x40000000 | (0x20000000 if number % 3 else 0x04000000)) == 0
        for _ in range(3):
            if os.fork() == 0:
                break
        os.write(write, b".")
        while True:
            signal.pause()
    missing = 4
    while missing:
        missing -= len(os.read(read, missing))
others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
while any(open(f"/proc/{name}/stat").read().rpartition(")")[2].split()[0] != "S" for name in others):
    os.sched_yield()
scan.STEP, main.PART, main.ALONE, forked_scan.ENOUGH = 8, 16, 32, 2
os.sched_getaffinity = lambda pid: set(range(int(sys.argv[2])))
for how in sys.argv[3:]:
    main.Agent(sys.stdout.buffer, 0).run(parts=how == "parts")
"""


def told(processors: int, *how: str) -> list[frames.Frame | Snapshot]:
    """What the agent says of a world of its own, of which it tells in parts, or whole."""
    root = str(Path(nsview.__file__).parent.parent)
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-I", "-S", "-c", _WORLD, root,
         str(processors), *how],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    stream = Stream("the world")
    return [said for line in done.stdout.splitlines() if (said := stream.take(line)) is not None]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for the namespaces")
@pytest.mark.parametrize("processors", [1, 2])
def test_parts_are_few_and_add_up_to_the_whole(processors: int) -> None:
    said = told(processors, "parts", "whole")
    looks = [one for one in said if isinstance(one, Snapshot)]
    parts = [look for look in looks if look.partial]
    whole, at_once = looks[len(parts) :]
    total = len(whole.processes)
    assert total > 120
    assert not whole.partial
    read = [len(part.processes) for part in parts]
    # Of two halves one is read by another, which tells nothing before its end.
    assert read == ([16, 32] if processors == 2 or total < 128 else [16, 32, 64]), read
    for part in parts:
        assert not part.containers
        assert part.processes.items() <= whole.processes.items()
        inside = {key for p in part.processes.values() for key in msgspec.structs.asdict(p.namespaces).items()}
        assert inside == part.namespaces.keys()
    # Each comes with how far the reading is, which goes on until all is read.
    progress = [one for one in said if isinstance(one, frames.Progress)]
    assert [one.done for one in progress] == sorted(one.done for one in progress)
    assert progress[-1].done > read[-1]
    assert said.index(progress[0]) < said.index(parts[0])
    assert at_once.processes == whole.processes
    assert at_once.namespaces == whole.namespaces
    assert at_once.containers == whole.containers


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for the namespaces")
def test_who_does_not_ask_for_parts_hears_of_none() -> None:
    assert [type(one) for one in told(2, "whole")] == [frames.Hello, Snapshot]
