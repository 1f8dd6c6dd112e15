"""The use of real containers and processes, beside what docker, ps and psutil say of them in the same seconds."""

import contextlib
import functools
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from nsview.hosts import recorder
from nsview.hosts.local import LocalHost
from nsview.hosts.members import Writer
from nsview.hosts.recording import RecordedHost
from nsview.model.snapshot import Snapshot
from nsview.model.usage import Meter, Rates, Usage, read

from .command import nsview, said
from .conftest import require
from .daemons import Docker
from .workspace import wait_until

_BUSY = ("sh", "-c", "while :; do :; done")


@pytest.fixture
def host() -> Iterator["Begun"]:
    made = Begun()
    yield made
    made.host.stop()


class Begun:
    """A host that is looked at when the test has made its containers."""

    @functools.cached_property
    def host(self) -> LocalHost:
        return LocalHost()

    @functools.cached_property
    def snapshot(self) -> Snapshot:
        return self.host.first()

    def usage(
        self, pids: Sequence[int] | None = None, containers: Sequence[str] | None = None, fields: Sequence[str] = ()
    ) -> Usage:
        assert self.snapshot
        return self.host.usage(pids, containers, fields)


def rates_over(host: Begun, seconds: float) -> Meter:
    meter = read(Meter(), host.usage())
    time.sleep(seconds)
    return read(meter, host.usage())


def rates_beside(host: Begun, command: Sequence[str]) -> tuple[Meter, str]:
    """The rates of the seconds in which another program measures too, and the output of that."""
    meter = read(Meter(), host.usage())
    output = said(command)
    return read(meter, host.usage()), output


def key_of(snapshot: Snapshot, name: str) -> str:
    return next(key for key, container in snapshot.containers.items() if container.name == name)


def test_processor_time_is_that_of_the_kernel_and_of_docker_stats(docker: Docker, host: Begun) -> None:
    """A limit of a fifth of a core holds whatever else the machine does, and a throttled container says so."""
    docker.container("u-busy", "--cpus", "0.2", command=_BUSY)
    docker.container("u-idle")
    try:
        snapshot = host.snapshot
        busy, idle = key_of(snapshot, "u-busy"), key_of(snapshot, "u-idle")
        stats = [*docker.command, "stats", "--no-stream", "--format", "{{json .}}", "u-busy"]
        meter, output = rates_beside(host, stats)
        rates = meter.latest(busy)
        assert rates.cpu is not None and 0.05 < rates.cpu < 0.25
        assert rates.throttled is not None and rates.throttled > 0
        assert meter.latest(idle) == Rates(0.0, 0.0, 0.0, 0.0) or (meter.latest(idle).cpu or 0) < 0.01
        told = json.loads(output)
        # Within half of the limit: a quota is given by the tenth of a second, and both begin and end amid one.
        assert abs(float(told["CPUPerc"].rstrip("%")) / 100 - rates.cpu) < 0.1
        (pid,) = snapshot.containers[busy].pids
        process = snapshot.processes[pid]
        assert abs(meter.cpu[pid, process.start] - rates.cpu) < 0.05
    finally:
        docker.remove("u-busy")
        docker.remove("u-idle")


def test_memory_and_pids_are_those_of_docker_stats_with_their_limits(docker: Docker, host: Begun) -> None:
    fill = ("sh", "-c", "dd if=/dev/zero of=/dev/shm/f bs=1M count=20; sleep 9999 & sleep 9999 & wait")
    docker.container("u-full", "--memory", "64m", "--pids-limit", "50", "--shm-size", "32m", command=fill)
    try:
        key = key_of(host.snapshot, "u-full")

        def used() -> Usage:
            return host.usage([], [key])

        wait_until(lambda: used().containers[0].pids == 3 and (used().containers[0].memory or 0) > 20 << 20, 20, "it")
        (found,) = used().containers
        told = json.loads(docker.run("stats", "--no-stream", "--format", "{{json .}}", "u-full"))
        memory, limit = (float(word.removesuffix("MiB")) for word in told["MemUsage"].split(" / "))
        assert found.memory is not None and abs(found.memory / (1 << 20) - memory) < 2
        assert (found.memory_limit, found.pids_limit) == (64 << 20, 50) and limit == 64
        assert found.pids == int(told["PIDs"]) == 3 and found.oom_kills == 0
    finally:
        docker.remove("u-full")


def test_use_is_that_of_systemd_cgtop(docker: Docker, host: Begun) -> None:
    """In the same seconds, within a tenth of a core and 2 MiB: pages of files that could go are not counted here."""
    require("systemd-cgtop")
    fill = "dd if=/dev/zero of=/dev/shm/f bs=1M count=20; sleep 9999 & while :; do :; done"
    docker.container("u-top", "--cpus", "0.2", "--shm-size", "32m", command=("sh", "-c", fill))
    try:
        key, id = key_of(host.snapshot, "u-top"), docker.inspect("u-top")["Id"]
        wait_until(lambda: (host.usage([], [key]).containers[0].memory or 0) > 20 << 20, 20, "its memory")
        meter, output = rates_beside(host, ["systemd-cgtop", "--batch", "--raw", "--iterations=3", "--delay=1"])
        path, tasks, cpu, memory, *_ = next(line for line in output.splitlines()[::-1] if f"/{id} " in line).split()
        (found,) = host.usage([], [key]).containers
        assert path.endswith(id) and found.pids == int(tasks) == 2
        assert found.memory is not None and abs(found.memory - int(memory)) < 2 << 20
        assert abs((meter.latest(key).cpu or 0) - float(cpu) / 100) < 0.1
    finally:
        docker.remove("u-top")


def test_a_process_that_the_kernel_killed_for_memory_is_counted(docker: Docker, host: Begun) -> None:
    command = ("sh", "-c", "sh -c 'dd if=/dev/zero of=/dev/null bs=100M count=1'; sleep 9999")
    docker.container("u-killed", "--memory", "16m", "--memory-swap", "16m", command=command)
    try:
        key = key_of(host.snapshot, "u-killed")
        wait_until(lambda: (host.usage([], [key], ["memory"]).containers[0].oom_kills or 0) > 0, 20, "the kill")
    finally:
        docker.remove("u-killed")


def test_processes_are_as_psutil_says(host: Begun) -> None:
    code = "import time; kept = [open('/dev/null') for _ in range(7)]; x = b'x' * (30 << 20); time.sleep(9999)"
    with subprocess.Popen([sys.executable, "-c", code]) as other:
        try:
            oracle = psutil.Process(other.pid)
            wait_until(lambda: oracle.memory_info().rss > 30 << 20, 20, "its memory")
            assert host.snapshot
            id = host.host.request_usage([other.pid], [], files=True)
            said = next(frame for frame in host.host.read() if getattr(frame, "id", None) == id)
            assert isinstance(said, Usage)
            (process,) = said.processes
            times = oracle.cpu_times()
            assert abs(process.cpu_seconds - times.user - times.system) < 0.05
            assert abs(process.rss - oracle.memory_info().rss) < 1 << 20
            assert process.fds == oracle.num_fds() >= 10
        finally:
            other.kill()
    assert said.host.memory == psutil.virtual_memory().total and said.host.processors == psutil.cpu_count()
    assert said.host.booted is not None and abs(said.host.booted - psutil.boot_time()) < 2


def test_processes_are_as_ps_says(host: Begun) -> None:
    """In the same second, within 1 MiB; ps tells whole seconds of processor time, between two readings of ours."""
    code = "x = b'x' * (30 << 20)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code]) as other:
        try:
            wait_until(lambda: psutil.Process(other.pid).memory_info().rss > 30 << 20, 20, "its memory")
            time.sleep(1.5)
            assert host.snapshot
            before, told, after = (
                host.usage([other.pid], []).processes[0],
                [int(word) for word in said(["ps", "-o", "rss=,cputimes=,nlwp=", "-p", str(other.pid)]).split()],
                host.usage([other.pid], []).processes[0],
            )
            assert abs(after.rss - (told[0] << 10)) < 1 << 20
            assert int(before.cpu_seconds) <= told[1] <= after.cpu_seconds and told[2] == 1
            spent = lambda: host.usage([other.pid], []).processes[0].cpu_seconds  # noqa: E731
            wait_until(lambda: spent() > before.cpu_seconds, 20, "more processor time")
        finally:
            other.kill()


def test_a_process_that_has_exited_is_left_out_and_its_pid_is_nobody_elses(host: Begun) -> None:
    sleeper = subprocess.Popen(["sleep", "9999"])
    try:
        assert [process.pid for process in host.usage([sleeper.pid], []).processes] == [sleeper.pid]
    finally:
        sleeper.kill()
        sleeper.wait()
    assert host.usage([sleeper.pid], []).processes == ()


def test_only_the_parts_that_were_asked_for_are_read(docker: Docker, host: Begun) -> None:
    docker.container("u-part")
    try:
        key = key_of(host.snapshot, "u-part")
        (found,) = host.usage([], [key], ["cpu"]).containers
        assert found.cpu_seconds is not None and (found.memory, found.pids) == (None, None)
    finally:
        docker.remove("u-part")


@pytest.mark.parametrize("json_too", [False, True])
def test_list_use_prints_the_use_of_containers(docker: Docker, json_too: bool) -> None:
    docker.container("u-listed", "--cpus", "0.2", "--memory", "64m", command=_BUSY)
    try:
        done = nsview("list", "use", "--filter", "u-listed cpu>5 mem<64M age<5m", *(["--json"] if json_too else []))
        assert done.returncode == 0, done.stderr
        if json_too:
            (one,) = json.loads(done.stdout)["containers"]
            assert 0.05 < one["cpu"] < 0.25 and one["memory_limit"] == 64 << 20
            assert abs(one["started"] - time.time()) < 300
        else:
            header, line = done.stdout.splitlines()
            assert header.split()[:5] == ["NAME", "STATE", "CPU%", "MEM", "MEM%"] and line.split()[0] == "u-listed"
        assert nsview("list", "use", "--filter", "u-listed cpu>90").returncode == 1
        assert nsview("list", "use", "--filter", "cpu>fast").returncode == 2
    finally:
        docker.remove("u-listed")


def test_a_recording_has_the_use_of_containers(docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker.container("u-recorded", "--cpus", "0.2", command=_BUSY)
    monkeypatch.setattr(recorder, "USE", 1.0)
    file = tmp_path / "recording.jsonl"
    try:
        with contextlib.closing(Writer(str(file))) as writer:
            recorder.record(writer, LocalHost(), 4)
    finally:
        docker.remove("u-recorded")
    recorded = RecordedHost(file)
    key = key_of(recorded.first(), "u-recorded")
    meter = Meter()
    for reading in recorded.usages():
        meter = read(meter, reading)
    assert len(meter.rates[key]) >= 3 and 0.05 < (meter.latest(key).cpu or 0) < 0.25
    done = nsview("list", "use", "--filter", "u-recorded cpu>5", "--from", str(file))
    assert done.returncode == 0 and "u-recorded" in done.stdout, done.stderr
