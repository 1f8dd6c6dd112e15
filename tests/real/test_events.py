"""What was done to real containers, processes and namespaces, and the events that tell of it, in that order."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nsview.hosts import HostError
from nsview.hosts.local import LocalHost
from nsview.model.events.follower import Follower
from nsview.model.events.lines import is_told
from nsview.model.events.record import Event
from nsview.model.snapshot import Snapshot

from .command import ENVIRONMENT, NSVIEW, nsview
from .daemons import Docker
from .population import Population
from .workspace import wait_until

# Unshares its net namespace, and joins another process's, when told to.
_WANDERER = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
for line in sys.stdin:
    word, _, pid = line.strip().partition(" ")
    if word == "unshare": libc.unshare(0x40000000)
    if word == "setns": libc.setns(os.open("/proc/%s/ns/net" % pid, os.O_RDONLY), 0)
    print(os.stat("/proc/self/ns/net").st_ino, flush=True)
"""
_HOG = "dd if=/dev/zero of=/dev/null bs=200M count=1"
_LITTLE = ("--memory", "32m", "--memory-swap", "32m")


class Heard:
    """A running agent, and all events that follow from its frames."""

    def __init__(self) -> None:
        self.host = LocalHost()
        self.events: list[Event] = []
        self._looked = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self._looked.wait(60)

    def _read(self) -> None:
        follower = Follower()
        with contextlib.suppress(HostError):
            for said in self.host.read():
                self.events += follower.take(said)
                if isinstance(said, Snapshot):
                    self._looked.set()

    def of(self, *names: str) -> list[tuple[str, str]]:
        """(kind, subject) of the events of containers with these names."""
        return [(event.kind, event.subject) for event in self.events if event.subject in names]

    def one(self, kind: str, matches: Callable[[Event], object]) -> Event:
        """The event of this kind that matches, once it has come."""
        found: list[Event] = []

        def come() -> bool:
            found[:] = [event for event in self.events if event.kind == kind and matches(event)]
            return bool(found)

        wait_until(come, 10, f"an event {kind}")
        assert len(found) == 1, found
        return found[0]

    def close(self) -> None:
        self.host.stop()
        self._thread.join(10)


@pytest.fixture
def heard() -> Iterator[Heard]:
    made = Heard()
    yield made
    made.close()


def remove(docker: Docker, *names: str) -> None:
    docker.run("rm", "--force", "--volumes", *names, check=False)


def test_the_life_of_a_container_is_told_in_order(docker: Docker, heard: Heard) -> None:
    names = "ev-one", "ev-two"
    try:
        docker.container("ev-one")
        docker.run("rename", "ev-one", "ev-two")
        # Names and pauses are looked at four times a second: each is waited for.
        heard.one("renamed", lambda e: e.subject == "ev-two")
        docker.run("pause", "ev-two")
        heard.one("paused", lambda e: e.subject == "ev-two")
        docker.run("unpause", "ev-two")
        heard.one("unpaused", lambda e: e.subject == "ev-two")
        docker.run("restart", "--time", "0", "ev-two")
        docker.run("stop", "--time", "0", "ev-two")
        docker.run("start", "ev-two")
        docker.run("kill", "--signal", "KILL", "ev-two")
        wanted = [
            ("started", "ev-one"), ("renamed", "ev-two"), ("paused", "ev-two"), ("unpaused", "ev-two"),
            ("stopped", "ev-two"), ("restarted", "ev-two"), ("stopped", "ev-two"), ("restarted", "ev-two"),
            ("stopped", "ev-two"),
        ]  # fmt: skip
        wait_until(lambda: len(heard.of(*names)) >= len(wanted), 10, "the events")
        assert heard.of(*names) == wanted
        told = [event for event in heard.events if event.kind == "stopped" and event.subject == "ev-two"]
        assert [event.code for event in told] == [137, 137, 137]
        assert all("SIGKILL" in event.text and "memory" not in event.text for event in told)
        times = [event.time for event in heard.events]
        assert times == sorted(times)
        born = [e for e in heard.events if e.kind == "born" and e.name in names]
        gone = [e for e in heard.events if e.kind == "gone" and e.name in names]
        assert {key for e in born for key in e.namespaces} >= {key for e in gone for key in e.namespaces} != set()
    finally:
        remove(docker, *names)


@pytest.mark.parametrize("code", [0, 3])
def test_a_container_that_ends_by_itself_has_its_exit_code(docker: Docker, heard: Heard, code: int) -> None:
    try:
        docker.container("ev-exit", command=("sh", "-c", f"sleep 0.3; exit {code}"))
        stopped = heard.one("stopped", lambda e: e.subject == "ev-exit")
        assert (stopped.code, stopped.text) == (code, f"exit code {code}")
    finally:
        remove(docker, "ev-exit")


def test_a_container_that_its_engine_starts_again_stops_and_restarts(docker: Docker, heard: Heard) -> None:
    try:
        docker.container("ev-loop", "--restart", "on-failure:2", command=("sh", "-c", "sleep 0.3; exit 4"))
        wait_until(lambda: len(heard.of("ev-loop")) >= 6, 20, "two restarts")
        assert [kind for kind, _ in heard.of("ev-loop")] == ["started", *["stopped", "restarted"] * 2, "stopped"]
        assert {event.code for event in heard.events if event.kind == "stopped" and event.subject == "ev-loop"} == {4}
    finally:
        remove(docker, "ev-loop")


def test_a_first_process_killed_for_want_of_memory_is_an_oom_and_a_stop(docker: Docker, heard: Heard) -> None:
    try:
        docker.container("ev-hog", *_LITTLE, command=("sh", "-c", f"sleep 0.5; exec {_HOG}"))
        oom = heard.one("oom", lambda e: e.subject == "ev-hog")
        stopped = heard.one("stopped", lambda e: e.subject == "ev-hog")
        assert stopped.code == 137 and stopped.text.endswith("killed for want of memory")
        assert oom.text == f"killed {oom.pid} dd" and oom.pid == stopped.pid and oom.name == "ev-hog"
        assert [kind for kind, _ in heard.of("ev-hog")] == ["started", "oom", "stopped"]
    finally:
        remove(docker, "ev-hog")


def test_another_victim_in_a_container_is_an_oom_while_that_goes_on(docker: Docker, heard: Heard) -> None:
    """It lives for less than a look may need."""
    try:
        docker.container("ev-hogs", *_LITTLE, command=("sh", "-c", f"sleep 0.5; {_HOG}; exec sleep 9999"))
        oom = heard.one("oom", lambda e: e.subject == "ev-hogs")
        assert oom.text == f"killed {oom.pid} dd"
        assert [kind for kind, _ in heard.of("ev-hogs")] == ["started", "oom"]
    finally:
        remove(docker, "ev-hogs")


def test_setns_and_unshare_are_told_with_who_and_whose(docker: Docker, heard: Heard, population: Population) -> None:
    init = docker.container("ev-target")
    wanderer = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _WANDERER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        heard.one("started", lambda e: e.subject == "ev-target")

        def tell(words: str) -> int:
            assert wanderer.stdin and wanderer.stdout
            wanderer.stdin.write(words + "\n")
            wanderer.stdin.flush()
            return int(wanderer.stdout.readline())

        time.sleep(0.5)  # it is seen before it moves
        own = tell("unshare")
        unshared = heard.one("unshared", lambda e: e.pid == wanderer.pid)
        assert unshared.namespaces == (("net", own),) and unshared.subject.startswith(f"{wanderer.pid} python")
        assert heard.one("born", lambda e: ("net", own) in e.namespaces).pid == wanderer.pid
        target = tell(f"setns {init}")
        joined = heard.one("joined", lambda e: e.pid == wanderer.pid)
        assert joined.text == f"net:[{target}] of ev-target"
        heard.one("gone", lambda e: ("net", own) in e.namespaces)
        with subprocess.Popen(["nsenter", "-t", str(init), "-n", "sleep", "99"]) as direct:  # only seen inside, often
            try:
                joined = heard.one("joined", lambda e: e.pid == direct.pid)
                assert (joined.text, joined.name) == (f"net:[{target}] of ev-target", "ev-target")
            finally:
                direct.kill()
    finally:
        wanderer.kill()
        wanderer.communicate()
        remove(docker, "ev-target")


def test_a_namespace_with_a_name_is_born_and_gone(heard: Heard) -> None:
    name = f"ev{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        inode = os.stat(f"/run/netns/{name}").st_ino
        born = heard.one("born", lambda e: ("net", inode) in e.namespaces)
        assert (born.subject, born.names, is_told(born)) == (f"net:[{inode}]", (f"/run/netns/{name}",), True)
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)
    gone = heard.one("gone", lambda e: ("net", inode) in e.namespaces)
    assert is_told(gone)


def test_none_is_missing_at_a_hundred_starts_a_minute_and_more(docker: Docker, heard: Heard) -> None:
    """As fast as docker starts them, two at a time; each lives for a moment."""
    names = [f"ev-many-{number}" for number in range(24)]
    began = time.monotonic()

    def run(name: str) -> None:
        docker.run("run", "--detach", "--rm", "--name", name, "nsview-test:1", "sh", "-c", "sleep 0.2; exit 7")

    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(run, names))
        print(f"{60 * len(names) / (time.monotonic() - began):.0f} starts a minute")
        wait_until(lambda: len(heard.of(*names)) >= 2 * len(names), 20, "all events")
        for name in names:
            assert [kind for kind, _ in heard.of(name)] == ["started", "stopped"]
        assert {event.code for event in heard.events if event.kind == "stopped" and event.subject in names} == {7}
    finally:
        remove(docker, *names)


def _unified() -> Path:
    places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if " cgroup2 " in line]
    return Path(places[0])


def test_none_is_missing_of_many_a_second(heard: Heard) -> None:
    """Processes in cgroups that name a container each, ten a second for several seconds, each there for a moment."""
    parent = _unified() / "docker"
    made = not parent.exists()
    parent.mkdir(exist_ok=True)
    ids = [secrets.token_hex(32) for _ in range(60)]

    def live(id: str) -> None:
        cgroup = parent / id
        cgroup.mkdir()
        with subprocess.Popen(["unshare", "--net", "sleep", "9999"]) as process:
            (cgroup / "cgroup.procs").write_text(str(process.pid))
            time.sleep(0.6)
            process.kill()
        wait_until(lambda: not (cgroup / "cgroup.procs").read_text(), 5, "the end of its process")
        cgroup.rmdir()

    try:
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(live, ids))
        short = [id[:12] for id in ids]
        wait_until(lambda: len(heard.of(*short)) >= 2 * len(ids), 20, "all events")
        for id in short:
            assert [kind for kind, _ in heard.of(id)] == ["started", "stopped"]
    finally:
        if made:
            parent.rmdir()


# The command


def _lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_follow_prints_a_line_an_event_until_it_is_interrupted(docker: Docker) -> None:
    command = [*NSVIEW, "events", "--follow", "--filter", "container=ev-follow kind!=born", "--json"]
    told: list[dict[str, object]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as nsv:

        def read() -> None:
            assert nsv.stdout
            for line in nsv.stdout:
                told.append(json.loads(line))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            # Until it follows it can't tell: containers are started until one is told of.
            for number in range(20):
                docker.container("ev-follow")
                remove(docker, "ev-follow")
                if {"started", "restarted"} & {str(event["kind"]) for event in told}:
                    break
                assert number < 19
            wait_until(lambda: told[-1]["kind"] == "gone", 10, "the last event")
        finally:
            nsv.send_signal(signal.SIGINT)
            remove(docker, "ev-follow")
            reader.join(20)
    assert nsv.returncode == 0
    kinds = {str(event["kind"]) for event in told}
    assert "stopped" in kinds and kinds & {"started", "restarted"}  # it was there a moment before
    (stopped, *_) = (event for event in told if event["kind"] == "stopped")
    assert (stopped["schema"], stopped["name"], stopped["code"]) == (1, "ev-follow", 137)
    assert set(stopped) == {
        "schema", "time", "kind", "subject", "text", "container", "name", "pod", "pid", "start", "namespaces", "code",
        "command", "names",
    }  # fmt: skip


def test_without_follow_it_tells_when_the_containers_that_run_have_started(docker: Docker) -> None:
    before = time.time()
    docker.container("ev-runs")
    try:
        (event,) = _lines(nsview("events", "--json", "--filter", "container=ev-runs").stdout)
        assert event["kind"] == "started" and before - 1 < float(str(event["time"])) < time.time() + 1
        done = nsview("events", "--filter", "container=ev-runs")
        header, line = done.stdout.splitlines()
        assert header.split() == ["TIME", "KIND", "CONTAINER", "SUBJECT", "EVENT"] and "ev-runs" in line
        assert nsview("events", "--filter", "container=ev-nobody").returncode == 1
        assert nsview("events", "--filter", "container=web (").returncode == 2
    finally:
        remove(docker, "ev-runs")


def test_a_recording_tells_the_same_as_was_seen_live(docker: Docker, heard: Heard, tmp_path: Path) -> None:
    """And of the interfaces and listeners, since net namespaces are read for it."""
    file = tmp_path / "host.jsonl"

    def recorded() -> bytes:
        return subprocess.run(
            ["zcat", str(file)], capture_output=True, check=False
        ).stdout  # its end is not written yet

    recording = subprocess.Popen([*NSVIEW, "record", str(file)], env=ENVIRONMENT)
    try:
        wait_until(lambda: b'"frame":"net"' in recorded(), 20, "the recording")
        docker.container("ev-taped", command=("nc", "-l", "-p", "8099"))
        wait_until(lambda: b'"port":8099' in recorded(), 20, "its listener")
        remove(docker, "ev-taped")
        live = lambda: [event for event in heard.events if event.subject == "ev-taped"]  # noqa: E731
        wait_until(lambda: [event.kind for event in live()][-1:] == ["stopped"], 20, "its end")
        time.sleep(1)  # it may be told to the recorder after us
        recording.send_signal(signal.SIGINT)
        assert recording.wait(30) == 0
        told = _lines(nsview("events", "--from", str(file), "--json").stdout)
        assert [(e["kind"], e["code"]) for e in told if e["subject"] == "ev-taped"] == [
            ("started", None), ("stopped", 137),
        ]  # fmt: skip
        assert [(event.kind, event.code) for event in live()] == [("started", None), ("stopped", 137)]
        kinds = {e["kind"] for e in told if e["name"] == "ev-taped"}
        assert {"born", "gone", "added", "opened"} <= kinds
        done = nsview("events", "--from", str(file), "--filter", "kind=opened container=ev-taped")
        assert "8099" in done.stdout and done.returncode == 0
    finally:
        remove(docker, "ev-taped")
        recording.kill()
        recording.wait()


def test_a_recording_in_which_nothing_happened_says_so(tmp_path: Path) -> None:
    file = tmp_path / "still.jsonl"
    host = LocalHost(once=True)
    file.write_bytes(b"".join(host.lines()))
    done = nsview("events", "--from", str(file))
    assert (done.returncode, done.stdout) == (0, "") and "nothing happened in this recording" in done.stderr
