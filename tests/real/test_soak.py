"""The agent never dies: every request, again and again, beside processes that are born and end as fast as they can.

For longer: `SOAK_SECONDS=300 .venv/bin/python -m pytest -s tests/real/test_soak.py`
"""

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsview.hosts import spawn
from nsview.hosts.local import LocalHost
from nsview.model.contents import READ
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot

from .command import nsview
from .daemons import Docker

SECONDS = float(os.environ.get("SOAK_SECONDS", "20"))
QUESTIONS = ("details", "details", "details", "gone", "holders", "security", "some", "nets", "rescan", "all")
STORMS = 3
LOOP = "for i in 1 2 3; do (while :; do /bin/true; done) & done; wait"
# Short-lived processes, now and then in namespaces of their own, in another cgroup, or with a mount of one.
_STORM = """
import ctypes, os, random, signal, sys
libc = ctypes.CDLL(None)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
file, cgroup = sys.argv[1:]
while True:
    chance = random.random()
    pid = os.fork()
    if not pid:
        if chance < 0.02:
            libc.unshare(random.choice((0x4000000, 0x8000000, 0x10000000, 0x40000000, 0x20020000)))
            if os.fork():
                os._exit(0)
        if chance < 0.01:
            libc.mount(b"/proc/self/ns/uts", file.encode(), None, 4096, None)
            libc.umount2(file.encode(), 2)
        os._exit(0)
    if chance > 0.98:
        try:
            with open(cgroup + "/cgroup.procs", "w") as procs:
                procs.write("%d" % pid)
        except OSError:
            pass
"""


@pytest.fixture
def storm(docker: Docker, tmp_path: Path) -> Iterator[None]:
    """Some such programs, and a container that does nothing else either."""
    tree = next(path for path in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")) if path.is_dir())
    cgroup = tree / f"soak-{os.getpid()}"
    cgroup.mkdir()
    name = f"soak-{os.getpid()}"
    docker.container(name, command=("/bin/sh", "-c", LOOP))
    programs = []
    for number in range(STORMS):
        (tmp_path / str(number)).touch()
        argv = [sys.executable, "-I", "-S", "-c", _STORM, str(tmp_path / str(number)), str(cgroup)]
        programs.append(subprocess.Popen(argv, start_new_session=True))
    yield
    for program in programs:
        program.kill()
        program.wait()
    docker.remove(name)
    for number in range(STORMS):
        subprocess.run(["umount", "--quiet", tmp_path / str(number)], check=False)
    while (cgroup / "cgroup.procs").read_text():
        time.sleep(0.05)
    cgroup.rmdir()


def births() -> int:
    """How many processes and threads this machine has begun."""
    return next(int(line.split()[1]) for line in Path("/proc/stat").read_text().splitlines() if line[:5] == "proce")


def test_every_request_is_answered_in_a_storm_of_births(storm: None) -> None:
    chance = random.Random(1)
    told: list[str] = []
    answered: Counter[str] = Counter()
    host = LocalHost()
    host.on_restart = told.append
    try:
        snapshot, born, began = host.first(), births(), time.monotonic()
        while time.monotonic() < began + SECONDS:
            for name in chance.sample(QUESTIONS, len(QUESTIONS)):
                snapshot = _ask(host, name, snapshot, chance)
                answered[name] += 1
        assert not told
        assert not host._unanswered
        rate = (births() - born) / (time.monotonic() - began)
        print(f"\n{sum(answered.values())} answers, {rate:.0f} births a second: {dict(answered)}")
    finally:
        host.stop()


_BUSY = """
import sys; sys.path.append(sys.argv[1])
from nsview.agent import schedule, main
schedule.Schedule.next = lambda self, now: now
main.main()
"""


def test_who_asks_is_answered_though_something_is_always_due() -> None:
    argv = [sys.executable, "-I", "-S", "-c", _BUSY, spawn.ROOT]
    agent = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    told: list[str] = []
    host = LocalHost(agent=agent)
    host.on_restart = told.append
    late = threading.Timer(60, agent.kill)
    late.start()
    try:
        process = host.first().processes[os.getpid()]
        assert host.details(process) and host.security([process.pid]).complete and host.nets().nets and host.holders()
        assert not told
    finally:
        late.cancel()
        host.stop()


def _ask(host: LocalHost, name: str, snapshot: Snapshot, chance: random.Random) -> Snapshot:
    """Ask one question and wait for its answer; the latest snapshot there is."""
    process = chance.choice(list(snapshot.processes.values()))
    match name:
        case "details":
            host.details(process, READ, sockets=True)
        case "gone":
            assert host.details(_another(process)) is None
        case "holders":
            return host.holders()
        case "security":
            assert host.security().complete
        case "some":
            assert host.security([one for one in snapshot.processes if chance.random() < 0.3]).complete
        case "nets":
            assert host.nets().nets
        case "rescan":
            host.rescan()
            return host.first()
        case "all":  # at once, while there is more to tell than anybody reads
            host.request_holders()
            host.request_nets()
            host.request_security()
            for one in list(snapshot.processes.values())[:20]:
                host.request_details(one, READ, sockets=True)
            host.details(process)
            assert host.security([process.pid]).complete
            host.nets()
            return host.holders()
    return snapshot


def _another(process: Process) -> Process:
    """One of that pid, which has never been."""
    from msgspec.structs import replace

    return replace(process, start=process.start + 1)


@pytest.mark.parametrize("command", ["audit", "list --holders", "list nets", "record"])
def test_commands_end_well_in_a_storm_of_births(storm: None, command: str, tmp_path: Path) -> None:
    words = command.split() if command != "record" else ["record", "--seconds", "2", str(tmp_path / "file")]
    for _ in range(2):
        (tmp_path / "file").unlink(missing_ok=True)
        ended = nsview(*words)
        assert ended.returncode in (0, 1), ended.stderr
        assert "unexpectedly" not in ended.stderr
