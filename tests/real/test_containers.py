"""Containers by name without asking a daemon: what docker and containerd say themselves is the truth held against.

Everything else that could be taken for a container, or into one, is tried too: fake shims, fake cgroups, fake state.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from nsview.hosts.local import LocalHost
from nsview.model.snapshot import Snapshot

from .command import containers, links, printed, processes
from .daemons import IMAGE, Containerd, Docker
from .population import Population
from .workspace import Workspace


def of_docker(docker: Docker, name: str) -> dict[str, Any]:
    """What nsview says of the container that docker knows by this name."""
    return containers()["docker:" + docker.inspect(name)["Id"]]


# -- docker ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def web(docker: Docker) -> Iterator[int]:
    yield docker.container("web", command=("/bin/sh", "-c", "sleep 9998 & exec sleep 9999"))
    docker.remove("web")


def test_docker_container_is_what_docker_inspect_says(docker: Docker, web: int) -> None:
    inspected, shown = docker.inspect("web"), of_docker(docker, "web")
    assert shown["id"] == inspected["Id"]
    assert shown["name"] == inspected["Name"].lstrip("/") == "web"
    assert shown["image"] == inspected["Config"]["Image"] == IMAGE
    assert shown["init_pid"] == inspected["State"]["Pid"] == web
    assert (shown["runtime"], shown["engine_namespace"], shown["role"]) == ("docker", "moby", "container")
    assert (shown["pod"], shown["shim_pid"]) == (None, processes()[web]["ppid"])


def test_docker_containers_processes_are_those_of_docker_top(docker: Docker, web: int) -> None:
    top = docker.run("top", "web", "-eo", "pid").split()[1:]
    assert of_docker(docker, "web")["pids"] == sorted(map(int, top))
    assert len(top) == 2


def test_every_process_of_the_container_says_so(docker: Docker, web: int) -> None:
    shown, all_processes = of_docker(docker, "web"), processes()
    members = {pid for pid, process in all_processes.items() if process["container"] == shown["key"]}
    assert members == set(shown["pids"])
    assert all_processes[shown["shim_pid"]]["container"] is None


def test_the_witness_names_what_was_read(docker: Docker, web: int) -> None:
    witness = of_docker(docker, "web")["witness"]
    config = docker.data_root / "containers" / docker.inspect("web")["Id"] / "config.v2.json"
    assert config.exists() and str(config) in witness
    assert "cgroup /" in witness and f"shim {processes()[web]['ppid']}" in witness


def test_docker_seen_through_its_containerd_is_one_container(docker: Docker, web: int) -> None:
    id = docker.inspect("web")["Id"]
    assert [c["key"] for c in containers().values() if c["id"] == id] == [f"docker:{id}"]


def test_what_docker_exec_starts_belongs_to_the_container(docker: Docker, web: int) -> None:
    docker.run("exec", "--detach", "web", "/bin/sleep", "7777")
    found = [p for p in processes().values() if p["cmdline"] == ["/bin/sleep", "7777"]]
    assert [p["container"] for p in found] == ["docker:" + docker.inspect("web")["Id"]]
    assert of_docker(docker, "web")["init_pid"] == web


def test_a_container_renamed_while_it_runs_has_its_new_name(docker: Docker) -> None:
    pid = docker.container("before")
    assert of_docker(docker, "before")["name"] == "before"
    docker.run("rename", "before", "after")
    try:
        shown = of_docker(docker, "after")
        assert (shown["name"], shown["init_pid"]) == ("after", pid)
    finally:
        docker.remove("after")


def test_a_running_agent_sees_the_new_name_too(docker: Docker) -> None:
    docker.container("old-name")
    host = LocalHost()
    try:
        shown = seen(host, lambda s: named(s, "old-name"))
        assert shown
        docker.run("rename", "old-name", "new-name")
        assert seen(host, lambda s: named(s, "new-name") and not named(s, "old-name"))
    finally:
        host.stop()
        docker.remove(docker.run("ps", "--quiet", "--filter", "name=-name").strip())


def test_a_process_of_another_user_is_named_as_the_host_names_it(docker: Docker) -> None:
    pid = docker.container("as-user", "--user", "65534:65534")
    try:
        assert (processes()[pid]["uid"], processes()[pid]["user"]) == (65534, "nobody")
    finally:
        docker.remove("as-user")


def test_pid_host_is_a_container_though_its_pid_namespace_is_the_hosts(docker: Docker) -> None:
    pid = docker.container("pid-host", "--pid", "host")
    try:
        shown, process = of_docker(docker, "pid-host"), processes()[pid]
        assert (shown["name"], shown["pids"], shown["init_pid"]) == ("pid-host", [pid], pid)
        assert process["namespaces"]["pid"] == links(os.getpid())["pid"]
        assert process["nspid"] == [pid]
    finally:
        docker.remove("pid-host")


@pytest.mark.parametrize("network", ["host", "none"])
def test_a_container_is_one_whatever_its_network_is(docker: Docker, network: str) -> None:
    pid = docker.container("networked", "--network", network)
    try:
        shown, process = of_docker(docker, "networked"), processes()[pid]
        assert shown["pids"] == [pid]
        assert (process["namespaces"]["net"] == links(os.getpid())["net"]) is (network == "host")
    finally:
        docker.remove("networked")


def test_all_of_the_hosts_namespaces_at_once_still_make_a_container(docker: Docker) -> None:
    options = ("--pid=host", "--network=host", "--ipc=host", "--uts=host", "--cgroupns=host")
    pid = docker.container("all-host", *options)
    try:
        assert of_docker(docker, "all-host")["pids"] == [pid]
        inodes, own = processes()[pid]["namespaces"], links(os.getpid())
        assert {kind for kind in own if inodes[kind] != own[kind]} == {"mnt"}
    finally:
        docker.remove("all-host")


def test_a_restarted_container_is_the_same_with_another_first_process(docker: Docker) -> None:
    before = docker.container("again")
    try:
        key = of_docker(docker, "again")["key"]
        docker.run("restart", "--time", "0", "again")
        shown = of_docker(docker, "again")
        assert (shown["key"], shown["init_pid"]) == (key, docker.inspect("again")["State"]["Pid"])
        assert shown["init_pid"] != before
    finally:
        docker.remove("again")


def test_a_paused_container_is_listed_and_a_stopped_one_is_not(docker: Docker) -> None:
    pid = docker.container("still")
    key = of_docker(docker, "still")["key"]
    try:
        docker.run("pause", "still")
        assert containers()[key]["pids"] == [pid]
        docker.run("unpause", "still")
        docker.run("stop", "--time", "0", "still")
        assert key not in containers()
    finally:
        docker.remove("still")


@pytest.mark.parametrize("beside", [False, True], ids=["its own containerd", "another's"])
def test_with_its_daemons_killed_a_container_keeps_its_name(rootfs: Path, beside: bool) -> None:
    with Workspace.create() as apart:
        docker = Docker(apart, rootfs, beside=beside)
        pid = docker.container("orphan")
        before = of_docker(docker, "orphan")
        assert before["daemon_pid"] == docker.containerd_pid
        docker.kill()
        after = containers()[before["key"]]
        assert (after["name"], after["image"], after["pids"]) == ("orphan", IMAGE, [pid])
        assert (after["shim_pid"], after["daemon_pid"]) == (before["shim_pid"], None)
        chain = printed("inspect", str(pid))["chain"]
        assert [link["pid"] for link in chain[-2:]] == [after["shim_pid"], pid]
        assert "serves" not in {link["link"] for link in chain}


# -- containerd --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("namespace", ["default", "k8s.io", "team-a.example"])
def test_containerd_container_of_any_namespace(containerd: Containerd, namespace: str) -> None:
    pid = containerd.container("any.task_1", namespace=namespace)
    try:
        shown = containers()[f"containerd:{namespace}/any.task_1"]
        assert (shown["id"], shown["name"]) == ("any.task_1", "any.task_1")
        assert (shown["runtime"], shown["engine_namespace"]) == ("containerd", namespace)
        assert (shown["init_pid"], shown["pids"]) == (pid, [pid])
        assert shown["shim_pid"] == processes()[pid]["ppid"]
        assert shown["daemon_pid"] == containerd.pid
        assert f"/{namespace}/any.task_1/config.json" in shown["witness"]
    finally:
        containerd.remove("any.task_1", namespace)


def test_one_id_in_two_namespaces_is_two_containers(containerd: Containerd) -> None:
    # runc keeps its state by id alone unless told otherwise, so these two need a runc root each.
    here = containerd.container("twin", namespace="here")
    there = containerd.container("twin", namespace="there")
    try:
        found = containers()
        assert found["containerd:here/twin"]["pids"] == [here]
        assert found["containerd:there/twin"]["pids"] == [there]
    finally:
        containerd.remove("twin", "here")
        containerd.remove("twin", "there")


def test_an_id_of_64_hex_digits_is_containerds_where_containerd_runs_it(containerd: Containerd) -> None:
    id = "abcdef01" * 8
    pid = containerd.container(id)
    try:
        shown = containers()[f"containerd:default/{id}"]
        assert (shown["pids"], shown["name"]) == ([pid], id[:12])
    finally:
        containerd.remove(id)


def test_a_container_without_a_cgroup_of_its_own_has_those_of_its_pid_namespace(containerd: Containerd) -> None:
    command = ("/bin/sh", "-c", "sleep 9998 & exec sleep 9999")
    pid = containerd.container("uncaged", "--cgroup", "", command=command)
    try:
        shown = containers()["containerd:default/uncaged"]
        assert shown["init_pid"] == pid and len(shown["pids"]) == 2
        assert {links(member)["pid"] for member in shown["pids"]} == {links(pid)["pid"]}
    finally:
        containerd.remove("uncaged")


def test_a_task_execed_belongs_to_its_container(containerd: Containerd) -> None:
    pid = containerd.container("execed")
    try:
        containerd.run("task", "exec", "--detach", "--exec-id", "e1", "execed", "/bin/sleep", "7776")
        shown = containers()["containerd:default/execed"]
        assert shown["init_pid"] == pid and len(shown["pids"]) == 2
    finally:
        containerd.remove("execed")


SANDBOX, APP = "5a" * 32, "a9" * 32
POD_UID = "0b5f6f3e-5d0c-4b8e-9c57-2f1e7c3a9d11"
POD = {"sandbox-id": SANDBOX, "sandbox-name": "shop-7d9", "sandbox-namespace": "prod", "sandbox-uid": POD_UID}


def as_kubernetes(id: str, **more: str) -> list[str]:
    """Options of ctr that give a container what containerd's CRI plugin and the kubelet would."""
    values = {**POD, **{name.replace("_", "-"): value for name, value in more.items()}}
    annotations = [f"--annotation=io.kubernetes.cri.{name}={value}" for name, value in values.items()]
    return [*annotations, "--cgroup", f"/kubepods/burstable/pod{POD_UID}/{id}"]


@pytest.fixture
def pod(containerd: Containerd) -> Iterator[tuple[int, int]]:
    """A sandbox and a container of one pod, under one shim as Kubernetes has it: their pids."""
    sandbox = containerd.container(SANDBOX, *as_kubernetes(SANDBOX, container_type="sandbox"), namespace="k8s.io")
    options = as_kubernetes(APP, container_type="container", container_name="cart", image_name="shop/cart:3")
    app = containerd.container(APP, *options, f"--with-ns=network:/proc/{sandbox}/ns/net", namespace="k8s.io")
    yield sandbox, app
    containerd.remove(APP, "k8s.io")
    containerd.remove(SANDBOX, "k8s.io")


def test_a_pods_containers_have_their_kubernetes_names(pod: tuple[int, int]) -> None:
    found = containers()
    sandbox, app = found[f"containerd:k8s.io/{SANDBOX}"], found[f"containerd:k8s.io/{APP}"]
    expected = {"name": "shop-7d9", "namespace": "prod", "uid": POD_UID}
    assert (sandbox["role"], sandbox["pod"], sandbox["name"]) == ("sandbox", expected, "shop-7d9")
    assert (app["role"], app["pod"], app["name"]) == ("container", expected, "cart")
    assert app["image"] == "shop/cart:3"


def test_one_shim_of_a_pod_runs_several_containers_each_with_its_own_processes(pod: tuple[int, int]) -> None:
    found = containers()
    sandbox, app = found[f"containerd:k8s.io/{SANDBOX}"], found[f"containerd:k8s.io/{APP}"]
    assert sandbox["shim_pid"] == app["shim_pid"], "the suite's pod is not like one of Kubernetes"
    assert (sandbox["init_pid"], sandbox["pids"]) == (pod[0], [pod[0]])
    assert (app["init_pid"], app["pids"]) == (pod[1], [pod[1]])


def test_containers_of_a_pod_share_its_network(pod: tuple[int, int]) -> None:
    inode = links(pod[0])["net"]
    (net,) = [n for n in printed("list", "--type", "net")["namespaces"] if n["inode"] == inode]
    assert net["pids"] == sorted(pod)


# -- whoever only looks like one ---------------------------------------------------------------------------------------

# Its first line of input is JSON: where the bundle is to be made, what config.json holds ("fifo", "" for none, or its
# text), the cgroup.procs files to enter, and the command line to show. Says a line when all is done.
_FAKE_SHIM = """
import ctypes, json, os, signal, sys
asked = json.loads(sys.stdin.readline())
libc = ctypes.CDLL(None)
for file in asked["cgroups"]:
    open(file, "w").write("0")
os.makedirs(asked["bundle"])
os.chdir(asked["bundle"])
child = os.fork()
if child == 0:
    libc.prctl(15, b"fake-child", 0, 0, 0)
    signal.pause()
if asked["config"] == "fifo":
    os.mkfifo("config.json")
    os.mkfifo("init.pid")
elif asked["config"]:
    open("config.json", "w").write(asked["config"])
    open("init.pid", "w").write(str(child))
own = open("/proc/self/cmdline", "rb").read()
start, end = next(l for l in open("/proc/self/maps") if "[stack]" in l).split()[0].split("-")
start, end = int(start, 16), int(end, 16)
arguments = start + ctypes.string_at(start, end - start).rindex(own)
shown = "\\0".join(asked["command_line"]).encode() + b"\\0"
assert len(shown) <= len(own)
ctypes.memset(arguments, 0, len(own))
ctypes.memmove(arguments, shown, len(shown))
libc.prctl(15, b"containerd-shim", 0, 0, 0)
print(flush=True)
signal.pause()
"""


class FakeShim:
    """A process that looks like a shim in all that a process can choose of itself, and its child."""

    def __init__(
        self,
        directory: Path,
        namespace: str,
        id: str,
        config: str,
        *,
        cgroups: Sequence[str] = (),
        pid_namespace_of: int | None = None,
    ) -> None:
        enter = ["nsenter", f"--pid=/proc/{pid_namespace_of}/ns/pid", "--"] if pid_namespace_of else []
        self._process = subprocess.Popen(
            [*enter, sys.executable, "-I", "-S", "-c", _FAKE_SHIM],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({
            "bundle": str(directory / id), "config": config, "cgroups": list(cgroups),
            "command_line": ["/usr/bin/containerd-shim-runc-v2", "-namespace", namespace, "-id", id, "-address", "/a"],
        }) + "\n")  # fmt: skip
        self._process.stdin.flush()
        assert self._process.stdout.readline(), "the fake shim failed"
        try:
            all_processes = processes()
        except AssertionError:
            self.__exit__()
            raise
        (self.child,) = [
            pid for pid, process in all_processes.items()
            if process["comm"] == "fake-child" and session(pid) == self._process.pid
        ]  # fmt: skip
        self.pid = all_processes[self.child]["ppid"]
        if pid_namespace_of and config not in ("", "fifo"):
            # As the host counts it, which a process in a container would have to guess.
            (directory / id / "init.pid").write_text(str(self.child))

    def __enter__(self) -> "FakeShim":
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate(timeout=60)


def session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:  # another suite's, just gone
        return None


def cgroup_procs(pid: int) -> list[str]:
    """The files by which a process comes into all cgroups of another."""
    found = []
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        path = line.split(":", 2)[2].strip("/")
        found += [str(file) for file in Path("/sys/fs/cgroup").glob(f"*/{path}/cgroup.procs") if path]
        found += [str(file) for file in [Path("/sys/fs/cgroup", path, "cgroup.procs")] if path and file.exists()]
    assert found
    return list(dict.fromkeys(found))


ALL_CAPABILITIES = json.dumps(
    {"process": {"user": {"uid": 0, "gid": 0}, "capabilities": {"effective": ["CAP_SYS_ADMIN"]}, "env": ["EVIL=1"]}}
)


def test_a_fake_shim_whose_state_is_a_fifo_neither_hangs_nor_takes_over(
    docker: Docker, web: int, tmp_path: Path
) -> None:
    before, id = of_docker(docker, "web"), docker.inspect("web")["Id"]
    with FakeShim(tmp_path / "b", "moby", id, "fifo") as fake:
        found = containers()
        assert found[before["key"]] == before
        assert fake.pid not in {c["shim_pid"] for c in found.values()}


def test_a_fake_shim_that_is_older_than_the_real_one_does_not_get_its_key(
    containerd: Containerd, tmp_path: Path
) -> None:
    """With a bundle that is right in itself: config.json, init.pid, a child."""
    with FakeShim(tmp_path / "b", "default", "stolen", ALL_CAPABILITIES) as fake:
        assert fake.child in containers()["containerd:default/stolen"]["pids"], "the fake is not good enough"
        pid = containerd.container("stolen")
        try:
            found = containers()
            assert found["containerd:default/stolen"]["pids"] == [pid]
            other = [c for key, c in found.items() if fake.child in c["pids"]]
            assert [c["key"] for c in other] == [f"containerd:default/stolen#{fake.child}"]
        finally:
            containerd.remove("stolen")


@pytest.mark.parametrize("config", [ALL_CAPABILITIES, ""])
def test_a_fake_shim_within_a_container_does_not_become_its_shim(
    docker: Docker, web: int, tmp_path: Path, config: str
) -> None:
    """It bears the container's own id and has a child in its cgroup: only the place where it stands tells it."""
    before, id = of_docker(docker, "web"), docker.inspect("web")["Id"]
    with FakeShim(tmp_path / "b", "moby", id, config, cgroups=cgroup_procs(web), pid_namespace_of=web) as fake:
        found = containers()
        after = found[before["key"]]
        assert {fake.pid, fake.child} <= set(after["pids"])
        assert {**after, "pids": None, "execs": None} == {**before, "pids": None, "execs": None}
        assert [c["key"] for c in found.values() if id in c["key"]] == [before["key"]]


def test_a_fake_shim_within_a_container_cannot_pose_as_another_containers(
    docker: Docker, web: int, containerd: Containerd, tmp_path: Path
) -> None:
    containerd.container("posed")
    try:
        with FakeShim(tmp_path / "b", "default", "posed", ALL_CAPABILITIES, cgroups=cgroup_procs(web)) as fake:
            found = containers()
            assert fake.child not in found["containerd:default/posed"]["pids"]
            assert {key for key, c in found.items() if fake.child in c["pids"]} == {of_docker(docker, "web")["key"]}
    finally:
        containerd.remove("posed")


@pytest.mark.parametrize("in_its_pid_namespace", [True, False])
def test_a_fake_shim_within_a_container_does_not_decide_what_an_entered_command_may(
    docker: Docker, web: int, tmp_path: Path, in_its_pid_namespace: bool
) -> None:
    id = docker.inspect("web")["Id"]
    within = web if in_its_pid_namespace else None
    fake_shim = FakeShim(
        tmp_path / "b", "moby", id, ALL_CAPABILITIES, cgroups=cgroup_procs(web), pid_namespace_of=within
    )
    with fake_shim as fake:
        host = LocalHost()
        try:
            shown = host.first()
            real, faked = host.details(shown.processes[web]), host.details(shown.processes[fake.child])
        finally:
            host.stop()
    assert real and real.identity and real.identity.source == "config.json"
    assert faked and faked.identity and faked.identity.source == "status"
    assert faked.identity.environment is None


@pytest.mark.parametrize(
    "config",
    ["[]", "null", "{}", '{"annotations": 5, "mounts": 7, "root": [], "process": []}', "[" * 200_000,
     '{"mounts": [1, {"source": 5}], "root": {"path": 5}}', '{"annotations": {"io.kubernetes.cri.container-type": 1}}',
     '{"annotations": {"io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-name": "\\ud800"}}'],
    ids=range(8),
)  # fmt: skip
def test_no_state_that_a_fake_shim_keeps_can_end_the_agent(tmp_path: Path, config: str) -> None:
    with FakeShim(tmp_path / "b", "moby", "f" * 64, config) as fake:
        host = LocalHost()
        try:
            shown = host.first()
            details = host.details(shown.processes[fake.child])
        finally:
            host.stop()
        assert details is not None and details.identity is not None


@pytest.mark.parametrize(
    "process",
    [
        {"user": {"uid": -1}}, {"user": {"uid": 2**40}}, {"user": {"uid": "0"}}, {"user": 5}, {"user": {"umask": "x"}},
        {"capabilities": {"bounding": ["CAP_EVERYTHING"]}}, {"capabilities": {"bounding": 5}}, {"capabilities": []},
        {"rlimits": 5}, {"rlimits": [{"type": 5, "soft": 1, "hard": 1}]},
        {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": "1", "hard": None}]}, {"env": 5}, {"env": [{}]},
        {"oomScoreAdj": "high"}, {"oomScoreAdj": [1]}, {"oomScoreAdj": float("inf")}, {"cwd": ["/"]},
    ],
    ids=range(17),
)  # fmt: skip
def test_no_config_json_can_end_the_agent_or_its_reader(
    containerd: Containerd, odd_bundle: "OddBundle", process: dict[str, Any]
) -> None:
    """The real shim's own file, as whoever may write it could leave it."""
    odd_bundle.write({"process": process})
    host = LocalHost()
    try:
        details = host.details(host.first().processes[odd_bundle.pid])
    finally:
        host.stop()
    assert details is not None and details.identity is not None


class OddBundle:
    """A running container of containerd's whose config.json can be written over."""

    def __init__(self, containerd: Containerd) -> None:
        self.pid = containerd.container("odd")
        self._file = containerd.state / "io.containerd.runtime.v2.task/default/odd/config.json"
        self.kept = self._file.read_text()

    def write(self, config: dict[str, Any]) -> None:
        self._file.write_text(json.dumps(config))

    def restore(self) -> None:
        self._file.write_text(self.kept)


@pytest.fixture(scope="module")
def odd_bundle(containerd: Containerd) -> Iterator[OddBundle]:
    bundle = OddBundle(containerd)
    yield bundle
    bundle.restore()
    containerd.remove("odd")


@pytest.mark.parametrize("name", ["nsv-plain", "nsv\f0::", "nsv\u20280::"])
def test_a_cgroup_made_to_look_like_a_containers_does_not_lead_into_it(
    docker: Docker, web: int, population: Population, name: str
) -> None:
    """As whoever was given a part of the tree can make one. A process there is in no container of docker's."""
    before, id = of_docker(docker, "web"), docker.inspect("web")["Id"]
    pid = population.process()
    root = next(p for p in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")) if (p / "cgroup.procs").exists())
    made = [root / name, root / name / "docker", root / name / "docker" / id]
    for directory in made:
        directory.mkdir()
    try:
        (made[-1] / "cgroup.procs").write_text(str(pid))
        found = containers()
        assert found[before["key"]] == before
        assert {key for key, c in found.items() if pid in c["pids"]} <= {f"{before['key']}#{pid}"}
    finally:
        (root / "cgroup.procs").write_text(str(pid))
        for directory in reversed(made):
            directory.rmdir()


def test_an_isolated_process_is_no_container(population: Population) -> None:
    pid = population.process("mnt", "uts", "ipc", "pid", "net", "cgroup")
    assert processes()[pid]["container"] is None
    assert pid not in {member for c in containers().values() for member in c["pids"]}


# -- live --------------------------------------------------------------------------------------------------------------


def named(snapshot: Snapshot, name: str) -> bool:
    return any(container.name == name for container in snapshot.containers.values())


def seen(host: LocalHost, wanted: Any, seconds: float = 10) -> bool:
    """Whether a running agent shows what is wanted before so much time has passed."""
    timer = threading.Timer(seconds, host.stop)
    timer.start()
    try:
        return any(isinstance(said, Snapshot) and wanted(said) for said in host.read())
    finally:
        timer.cancel()


def test_a_running_agent_shows_a_new_container_and_its_end(docker: Docker, containerd: Containerd) -> None:
    host = LocalHost()
    try:
        assert not named(host.first(), "live")
        pid = docker.container("live")
        assert seen(host, lambda s: named(s, "live") and pid in s.processes)
        containerd.container("live-too")
        assert seen(host, lambda s: named(s, "live-too"))
        docker.remove("live")
        containerd.remove("live-too")
        assert seen(host, lambda s: not named(s, "live") and not named(s, "live-too") and pid not in s.processes)
    finally:
        host.stop()


def test_every_snapshot_of_a_running_agent_is_consistent(docker: Docker) -> None:
    """Containers have living members that say so; every namespace of a process is listed."""
    host = LocalHost()
    started = threading.Thread(target=lambda: (docker.container("brief"), docker.remove("brief")))
    try:
        host.first()
        started.start()
        number, until = 0, time.monotonic() + 4
        timer = threading.Timer(8, host.stop)
        timer.start()
        for said in host.read():
            if isinstance(said, Snapshot):
                number += 1
                for container in said.containers.values():
                    assert container.pids or container.state == "restarting"
                    assert all(said.processes[pid].container == container.key for pid in container.pids)
                for process in said.processes.values():
                    assert process.container is None or process.pid in said.containers[process.container].pids
                    for kind in ("mnt", "pid", "net", "user"):
                        inode = getattr(process.namespaces, kind)
                        assert inode is None or (kind, inode) in said.namespaces
            if time.monotonic() > until:
                break
        assert number > 1
        timer.cancel()
    finally:
        host.stop()
        started.join()


def test_containers_of_one_shim_are_found_by_ids_of_any_form(containerd: Containerd) -> None:
    """A shim runs a whole group, here named as a person would: no cgroup tells such an id from any other word."""
    first, second = f"group-a-{os.getpid()}", f"group-b-{os.getpid()}"
    options = ("--annotation", f"io.kubernetes.cri.sandbox-id={first}")
    pids = [containerd.container(id, *options, namespace="k8s.io") for id in (first, second)]
    try:
        found = {c["id"]: c for c in containers().values() if c["id"] in (first, second)}
        assert [found[id]["init_pid"] for id in (first, second)] == pids
        assert found[first]["shim_pid"] == found[second]["shim_pid"] is not None
    finally:
        for id in (second, first):
            containerd.remove(id, namespace="k8s.io")
