"""A first look by two sees what a look by one sees, and follows all of it; in a world of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nsview

_WORLD = """
import ctypes, os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from nsview.agent import scan, forked_scan, watch

libc = ctypes.CDLL(None)
signal.signal(signal.SIGUSR1, lambda *_: None)
pids = []
for number in range(40):
    read, write = os.pipe()
    pids.append(os.fork())
    if pids[-1] == 0:
        # Several in the same ones, below both halves' and their own.
        if number % 4 == 0:
            assert libc.unshare(0x40000000 | 0x20000000 if number % 8 else 0x10000000) == 0
            if os.fork():
                signal.pause()
        os.write(write, b".")
        while True:
            signal.pause()
    os.read(read, 1)

def looked(enough):
    forked_scan.ENOUGH = enough
    watching = watch.Watch()
    scanner = scan.Scanner(watch=watching)
    return scanner.look(), watching

def comparable(look):
    return {
        "processes": [dict(record, state="") for record in look["processes"].values()],
        "namespaces": sorted(look["namespaces"].values(), key=lambda record: (record["type"], record["inode"])),
        "containers": look["containers"],
    }

def awake(watching):
    for _ in range(3):
        watching.passed()
    for pid in pids:
        os.kill(pid, signal.SIGUSR1)
    time.sleep(0.2)
    return set(watching.passed()[0])

os.sched_getaffinity = lambda pid: {0, 1}
alone, watched_alone = looked(10**6)
if sys.argv[2] == "fails":
    scan.Scanner._read_for_another = lambda self, pids: 1 // 0
if sys.argv[2] == "refused":
    def refused():
        raise OSError("no more processes")
    os.fork = refused
together, watched_together = looked(2)
assert comparable(alone) == comparable(together)
assert len(together["processes"]) > 50 and len(together["namespaces"]) > 20
assert awake(watched_alone) >= set(pids)
assert awake(watched_together) >= set(pids)
assert not [r for r in looked(10**6)[0]["processes"].values() if r["state"] == "Z"]
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for the namespaces")
@pytest.mark.parametrize("what", ["works", "fails", "refused"])
def test_a_look_by_two_is_a_look_by_one(what: str) -> None:
    root = str(Path(nsview.__file__).parent.parent)
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-I", "-S", "-c", _WORLD, root,
         what],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
