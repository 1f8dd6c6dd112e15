"""Updates of what changed add up to what a look at everything sees: namespaces, what is above them, mounts, parents.

In a world of its own (a pid namespace with its own /proc), so that nothing else of the machine comes and goes.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nsview

_WORLD = """
import contextlib, ctypes, json, os, random, signal, subprocess, sys, time
sys.path.insert(0, sys.argv[1])
from nsview.agent import main, scan, watch

libc = ctypes.CDLL(None, use_errno=True)
NEW = {"mnt": 0x20000, "uts": 0x4000000, "ipc": 0x8000000, "net": 0x40000000, "user": 0x10000000, "pid": 0x20000000}
chance = random.Random(int(sys.argv[2]))
directory = sys.argv[3]
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
libc.prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: orphans become ours

def born():
    '''A child in new namespaces, or a child's child, with or without those between.'''
    read, write = os.pipe()
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for _ in range(chance.randrange(3)):
            kinds = chance.sample(sorted(NEW), chance.randrange(4))
            libc.unshare(sum(NEW[kind] for kind in kinds))
            if os.fork():
                if chance.random() < 0.5:
                    os._exit(0)
                break
        os.write(write, b".")
        os.close(write)
        signal.pause()
        os._exit(0)
    os.close(write)
    while os.read(read, 64):
        pass
    os.close(read)

def there():
    return {int(name) for name in os.listdir("/proc") if name.isdigit()} - {os.getpid()}

def settled():
    '''Wait until all sleep or are dead: who was killed is gone, and so are those who end.'''
    awake = True
    while awake:
        time.sleep(0.01)
        awake = False
        for pid in there():
            try:
                stat, arguments = open("/proc/%d/stat" % pid).read(), open("/proc/%d/cmdline" % pid).read()
            except OSError:
                stat = arguments = ""
            state = stat.rpartition(")")[2][1:2]
            awake = awake or not (state == "Z" or state == "S" and arguments)

def mounted():
    '''A namespace of somebody's bound to a file, or such a file unmounted.'''
    files = [name for name in os.listdir(directory)]
    if files and chance.random() < 0.5:
        name = os.path.join(directory, chance.choice(files))
        subprocess.run(["umount", name], check=True)
        os.unlink(name)
    else:
        pid, kind = chance.choice(sorted({1, *there()})), chance.choice(sorted(set(NEW) - {"mnt"}))
        name = os.path.join(directory, "n%d" % time.monotonic_ns())
        open(name, "w").close()
        if subprocess.run(["mount", "--bind", "/proc/%d/ns/%s" % (pid, kind), name]).returncode:
            os.unlink(name)

def comparable(look):
    namespaces = {}
    for key, record in look["namespaces"].items():
        namespaces["%s:%d" % key] = dict(record, held_by=sorted(map(str, record["held_by"])))
    processes = {
        pid: dict(record, state="S" if record["state"] in "RSDI" else record["state"])
        for pid, record in look["processes"].items()
    }
    return {"namespaces": namespaces, "processes": processes, "containers": look["containers"]}

def applied(look, change):
    '''What who has been told of a look and of changes believes there is.'''
    for pid in change["gone"]:
        del look["processes"][pid]
    look["processes"].update((record["pid"], record) for record in change["processes"])
    for key in change["namespaces_gone"]:
        del look["namespaces"][key]
    look["namespaces"].update(((r["type"], r["inode"]), r) for r in change["namespaces"])

for line in open("/proc/self/mountinfo"):  # those of others may end at any time
    if " - nsfs " in line:
        subprocess.run(["umount", line.split()[4]])
scanner = scan.Scanner()
scanner.look()
told = {"processes": dict(scanner.now["processes"]), "namespaces": dict(scanner.now["namespaces"]), "containers": []}
largest = 0
for step in range(60):
    before = there()
    mounts = False
    for _ in range(chance.randrange(1, 4)):
        what = chance.random()
        if what < 0.5:
            born()
        elif what < 0.8:
            alive = sorted(there() - {1})
            for pid in chance.sample(alive, min(2, len(alive))):
                with contextlib.suppress(ProcessLookupError):  # it may go with the first of its pid namespace
                    os.kill(pid, signal.SIGKILL)
        else:
            mounts = True
            mounted()
    settled()
    applied(told, scanner.update(before | there() | {os.getpid()}, mounts))
    fresh = scan.Scanner().look()
    largest = max(largest, len(fresh["namespaces"]))
    expected = comparable(fresh)
    for name, seen in (("kept", scanner.now), ("told", dict(told, containers=fresh["containers"]))):
        seen = comparable(seen)
        for what in expected:
            if seen[what] != expected[what]:
                for k in {*seen[what], *expected[what]}:
                    a, b = seen[what].get(k, {}), expected[what].get(k, {})
                    if a != b:
                        print(step, name, what, k, [(f, a.get(f), b.get(f)) for f in {*a, *b} if a.get(f) != b.get(f)])
                raise SystemExit(1)
print(largest)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for the mounts")
@pytest.mark.parametrize("seed", range(8))
def test_updates_lead_to_what_a_fresh_look_sees(seed: int, tmp_path: Path) -> None:
    root = str(Path(nsview.__file__).parent.parent)
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount", "--mount-proc", "--kill-child", sys.executable, "-I", "-S", "-c",
         _WORLD, root, str(seed), str(tmp_path)],
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) > 15, "too few namespaces came to be for the test to mean anything"
