"""The real host that the other tests stand on: its containers, shims and processes are what they are said to be."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .daemons import Containerd, Docker
from .population import Population
from .workspace import MARK, Workspace, start_time, wait_until

KINDS = ("mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time")


def namespace(pid: int, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{kind}")


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def command_line(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]


def differing(pid: int) -> set[str]:
    """The kinds in which a process is apart from this one."""
    return {kind for kind in KINDS if namespace(pid, kind) != namespace(os.getpid(), kind)}


@pytest.fixture
def web(docker: Docker) -> Iterator[int]:
    yield docker.container("host-web")
    docker.remove("host-web")


def test_docker_container_is_the_process_that_docker_names(docker: Docker, web: int) -> None:
    assert command_line(web) == ["/bin/sleep", "9999"]
    assert {"mnt", "uts", "ipc", "pid", "net"} <= differing(web)
    shim = parent(web)
    assert "containerd-shim" in command_line(shim)[0]
    assert command_line(shim)[1:5] == ["-namespace", "moby", "-id", docker.inspect("host-web")["Id"]]
    assert parent(shim) == 1


def test_docker_exec_shows_eth0_with_the_address_that_docker_gave(docker: Docker, web: int) -> None:
    address = docker.inspect("host-web")["NetworkSettings"]["IPAddress"]
    shown = docker.run("exec", "host-web", "ip", "addr", "show", "eth0")
    assert address and f"inet {address}/" in shown


def test_docker_network_container_shares_net_and_nothing_else_of_its_own(docker: Docker, web: int) -> None:
    peer = docker.container("host-peer", "--network", "container:host-web")
    try:
        assert namespace(peer, "net") == namespace(web, "net")
        assert namespace(peer, "mnt") != namespace(web, "mnt")
    finally:
        docker.remove("host-peer")


def test_docker_remove_ends_the_process(docker: Docker) -> None:
    pid = docker.container("host-brief")
    start = start_time(pid)
    docker.remove("host-brief")
    assert start_time(pid) != start


@pytest.mark.parametrize("engine_namespace", ["default", "k8s.io"])
def test_ctr_container_runs_under_a_shim_of_pid_1(containerd: Containerd, engine_namespace: str) -> None:
    pid = containerd.container("host-c1", namespace=engine_namespace)
    try:
        assert command_line(pid) == ["/bin/sleep", "9999"]
        assert {"mnt", "uts", "ipc", "pid", "net"} <= differing(pid)
        shim = parent(pid)
        assert command_line(shim)[1:] == [
            *("-namespace", engine_namespace, "-id", "host-c1", "-address", str(containerd.address)),
        ]
        assert parent(shim) == 1
        assert (containerd.state / "io.containerd.runtime.v2.task" / engine_namespace / "host-c1").is_dir()
    finally:
        containerd.remove("host-c1", engine_namespace)
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_population_process_is_apart_in_just_the_kind_asked_for(population: Population, kind: str) -> None:
    assert differing(population.process(kind)) == {kind}


def test_population_process_in_several_kinds(population: Population) -> None:
    kinds = {"net", "uts", "pid", "mnt"}
    pid = population.process(*kinds, options=["--mount-proc"])
    assert differing(pid) == kinds
    assert command_line(pid) == ["/bin/sleep", "9999"]


@pytest.mark.parametrize("kind", ["net", "pid"])
def test_population_joined_is_in_the_targets_namespace(population: Population, kind: str) -> None:
    target = population.process("net", "pid", "uts")
    joined = population.joined(target, kind)
    assert namespace(joined, kind) == namespace(target, kind)
    assert differing(joined) == {kind}


def test_population_thread_is_apart_from_its_process(population: Population) -> None:
    pid, tid = population.thread()
    assert differing(pid) == set()
    assert os.readlink(f"/proc/{pid}/task/{tid}/ns/net") != namespace(pid, "net")


def test_population_zombie_is_one_and_stays(population: Population) -> None:
    pid = population.zombie()
    assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_population_leaves_nobody(workspace: Workspace) -> None:
    with Population(workspace) as people:
        pids = [people.process("net"), people.process("pid", "time"), people.thread().pid]
        pids += [parent(pids[1]), people.joined(pids[0], "net")]
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_a_killed_run_is_cleared_by_the_next(workspace: Workspace) -> None:
    """A stand-in for a test run makes a bridge, a mount and a daemon, then is killed."""
    code = """
import os, signal, subprocess, sys
from tests.real.workspace import Workspace
w = Workspace.create()
w.add_bridge()
(w.root / "mnt").mkdir()
subprocess.run(["mount", "-t", "tmpfs", "none", w.root / "mnt"], check=True)
null = subprocess.DEVNULL
child = subprocess.Popen(["sleep", "9999"], env=w.environment, start_new_session=True, stdout=null, stderr=null)
print(w.root, child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=60
    )
    assert run.returncode == -9, run.stderr
    root, child = Path(run.stdout.split()[0]), int(run.stdout.split()[1])
    bridge = Path("/sys/class/net", Workspace(root).bridge)
    assert bridge.exists() and os.path.ismount(root / "mnt") and MARK.encode() in environ(child)
    Workspace.create().clear()
    wait_until(lambda: MARK.encode() not in environ(child), 5, "end of the child")
    assert not bridge.exists()
    assert not root.exists()


@pytest.mark.parametrize(
    ("skip", "mark", "ci", "code"),
    [
        ('pytest.skip("no reason")', "@pytest.mark.real", "true", 1),
        ('pytest.skip("no reason")', "@pytest.mark.real", "", 0),
        ('pytest.skip("no reason")', "", "true", 0),
        ("", "@pytest.mark.real", "true", 0),
    ],
)
def test_ci_does_not_pass_with_a_skipped_real_test(tmp_path: Path, skip: str, mark: str, ci: str, code: int) -> None:
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = real\n")
    (tmp_path / "test_it.py").write_text(f"import pytest\n{mark}\ndef test_it(): {skip or 'pass'}\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "CI": ci},
        timeout=60,
    )
    assert done.returncode == code, done.stdout


def environ(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
