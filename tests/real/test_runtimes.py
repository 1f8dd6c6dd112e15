"""Containers of every runtime by name: the real ones against what the runtime itself says, and imitations of others."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .command import containers, printed, processes
from .conftest import require, unavailable
from .daemons import SLEEP, Containerd, Docker, make_rootfs
from .population import Population
from .runtimes import Imitation, Lxc, Oci, Podman
from .workspace import Workspace, wait_until

A, B, C = "ab" * 32, "cd" * 32, "ef" * 32
UID = "0f1e2d3c-1234-5678-9abc-def012345678"
UID_ = UID.replace("-", "_")


def of(pid: int) -> dict[str, Any]:
    """The container that a process is in."""
    key = processes()[pid]["container"]
    assert key is not None
    return containers()[key]


# -- podman ----------------------------------------------------------------------------------------------------------


def test_podman_container_is_what_podman_inspect_says(podman: Podman) -> None:
    podman.import_image("localhost/nsview-test:1")
    pid = podman.container("web", image="localhost/nsview-test:1")
    shown, inspected = of(pid), podman.inspect("web")
    assert shown["key"] == f"podman:{inspected['Id']}"
    assert shown["name"] == inspected["Name"] == "web"
    assert shown["image"] == inspected["ImageName"]
    assert (shown["runtime"], shown["role"], shown["pod"]) == ("podman", "container", None)
    assert shown["init_pid"] == inspected["State"]["Pid"] == pid
    assert f"conmon {inspected['State']['ConmonPid']}" in shown["witness"]
    assert processes()[inspected["State"]["ConmonPid"]]["container"] is None
    listed = json.loads(podman.run("ps", "--format", "json"))
    assert {c["Id"]: (c["Names"][0], c["Pid"]) for c in listed} == {
        c["id"]: (c["name"], c["init_pid"]) for c in containers().values() if str(podman.graphroot) in c["witness"]
    }


def test_podman_exec_belongs_to_the_container_and_is_not_one(podman: Podman) -> None:
    pid = podman.container("execed")
    podman.run("exec", "--detach", "execed", "/bin/sleep", "7776")
    inside = [p for p in processes().values() if p["cmdline"] == ["/bin/sleep", "7776"]]
    assert [of(p["pid"])["init_pid"] for p in inside] == [pid]


def test_podman_pod_and_its_infra_container(podman: Podman) -> None:
    podman.run("pod", "create", "--name", "shop", "--network", "none")
    pid = podman.container("till", "--pod", "shop")
    pod = json.loads(podman.run("pod", "inspect", "shop"))
    shown = of(pid)
    assert shown["pod"] == {"name": "shop", "namespace": "", "uid": pod["Id"]}
    assert (shown["name"], shown["role"]) == ("till", "container")
    infra = containers()["podman:" + pod["InfraContainerID"]]
    assert (infra["role"], infra["pod"]) == ("sandbox", shown["pod"])
    assert infra["name"] == podman.inspect(pod["InfraContainerID"])["Name"]


# -- runc, crun ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["runc", "crun"])
def test_a_detached_container_is_known_by_the_state_in_the_default_place(
    workspace: Workspace, rootfs: Path, program: str
) -> None:
    require(program)
    made = Oci(workspace, rootfs, program)
    try:
        id, bundle, pid = made.container("detached")
        assert processes()[pid]["ppid"] == 1
        shown = of(pid)
        assert (shown["key"], shown["name"], shown["init_pid"]) == (f"{program}:{id}", id, pid)
        assert f"/run/{program}/{id}/" in shown["witness"] and f"{bundle}/config.json" in shown["witness"]
        assert shown["pids"] == [pid]
    finally:
        made.clear()


def test_a_container_in_the_foreground_is_known_by_its_parent(workspace: Workspace, rootfs: Path) -> None:
    made = Oci(workspace, rootfs, "runc", workspace.root / "runc-elsewhere")
    try:
        id, _, pid = made.container("foreground", foreground=True)
        shown = of(pid)
        assert (shown["key"], shown["init_pid"], shown["pids"]) == (f"runc:{id}", pid, [pid])
        assert f"runc {processes()[pid]['ppid']}" in shown["witness"]
    finally:
        made.clear()


def test_state_of_a_pid_used_again_is_not_believed(workspace: Workspace) -> None:
    """state.json that names this very process, with another start time, then with the right one."""
    directory = Path("/run/runc") / f"{workspace.root.name}-stale"
    directory.mkdir(parents=True)
    start = processes()[os.getpid()]["start"]
    said = {"init_process_pid": os.getpid()}
    try:
        (directory / "state.json").write_text(json.dumps({**said, "init_process_start": start - 1}))
        assert processes()[os.getpid()]["container"] is None
        (directory / "state.json").write_text(json.dumps({**said, "init_process_start": start}))
        assert processes()[os.getpid()]["container"] == f"runc:{directory.name}"
        # A user may not say it of root's processes.
        os.chown(directory / "state.json", 65534, 65534)
        assert processes()[os.getpid()]["container"] is None
    finally:
        (directory / "state.json").unlink()
        directory.rmdir()


@pytest.mark.parametrize("state", ["", "[]", "{", '{"init_process_pid": true}', '{"init_process_pid": "1"}', "fifo"])
def test_no_state_can_end_or_hang_the_agent(workspace: Workspace, state: str) -> None:
    directory = Path("/run/runc") / f"{workspace.root.name}-hostile"
    directory.mkdir(parents=True)
    try:
        if state == "fifo":
            os.mkfifo(directory / "state.json")
        else:
            (directory / "state.json").write_text(state)
        assert f"runc:{directory.name}" not in containers()
    finally:
        (directory / "state.json").unlink()
        directory.rmdir()


# -- LXC, systemd-nspawn ---------------------------------------------------------------------------------------------


def test_lxc_container_is_what_lxc_info_says(workspace: Workspace, rootfs: Path) -> None:
    require(*Lxc.NEEDS)
    made = Lxc(workspace, rootfs)
    try:
        name, pid = made.container("l1")
        shown = of(pid)
        assert (shown["key"], shown["name"], shown["init_pid"]) == (f"lxc:{name}", name, pid)
        assert shown["pids"] == [pid]
        monitor = processes()[pid]["ppid"]
        assert shown["witness"].endswith(f"lxc monitor {monitor} of {made.path}/{name}")
        assert processes()[monitor]["container"] is None
    finally:
        made.clear()


def test_nspawn_machine(workspace: Workspace) -> None:
    require("systemd-nspawn")
    root = workspace.root / "machine"
    make_rootfs(root)
    (root / "usr").mkdir()
    words = ["systemd-nspawn", "--quiet", f"--directory={root}", "--register=no", "--keep-unit", "-M", "m1", *SLEEP]
    null = subprocess.DEVNULL
    process = subprocess.Popen(words, stdin=null, stdout=null, stderr=null, env=workspace.environment)
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

        def started() -> bool:
            inside = children.read_text().split()  # some of which live for a moment
            return any(found["cmdline"] == list(SLEEP) for pid, found in processes().items() if str(pid) in inside)

        wait_until(started, 20, "systemd-nspawn")
        (pid,) = map(int, children.read_text().split())
        shown = of(pid)
        assert (shown["key"], shown["name"], shown["init_pid"]) == ("nspawn:m1", "m1", pid)
        assert (shown["image"], shown["pids"]) == (str(root), [pid])
        assert processes()[process.pid]["container"] is None
    finally:
        process.terminate()
        process.wait(20)


# -- docker in docker ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def docker_in(docker: Docker, workspace: Workspace, data: str) -> Iterator[tuple[list[str], str]]:
    """A dockerd in the container "outer", which goes on without it, and in that a container "deep": the words that
    begin a command for that dockerd, and the id. data: where it keeps its own."""
    shared = workspace.root / f"dind{data.replace('/', '-')}"
    shared.mkdir()
    binds = [f"--volume={d}:{d}:ro" for d in ("/usr", "/lib", "/lib64", "/sbin") if Path(d).exists()]
    # Not --privileged, for whoever runs the tests may lack a capability; so what is read-only is made writable here.
    capabilities = ["--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN", "--cap-add=SYS_PTRACE"]
    unconfined = [f"--security-opt={option}" for option in ("seccomp=unconfined", "systempaths=unconfined")]
    script = (
        "for point in /sys/fs/cgroup /sys/fs/cgroup/*; do mount -o remount,bind,rw $point; done; "
        f"mount -t tmpfs none /run; mkdir -p {data}; "
        f"/usr/sbin/dockerd --storage-driver=vfs --data-root={data} "
        "--exec-root=/data/exec --bridge=none --iptables=false --ip6tables=false --host=unix:///data/d.sock "
        "--pidfile=/data/pid --group=0 >/data/log 2>&1; exec sleep 9999"
    )
    words = ("/bin/sh", "-c", f"PATH=$PATH:/usr/sbin:/usr/bin; {script}")
    docker.container("outer", *capabilities, *unconfined, *binds, f"--volume={shared}:/data", command=words)
    try:
        inner = [*docker.command[:1], "-H", f"unix://{shared}/d.sock"]

        def ready() -> bool:
            return subprocess.run([*inner, "version"], capture_output=True, check=False).returncode == 0

        try:
            wait_until(ready, 60, "the inner dockerd")
        except TimeoutError:
            unavailable("docker in docker: " + (shared / "log").read_text()[-2000:])
        with subprocess.Popen(["tar", "-C", str(workspace.root / "rootfs"), "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run([*inner, "import", "-", "deep:1"], stdin=tar.stdout, check=True, capture_output=True)
        run = [*inner, "run", "--detach", "--name", "deep", "--network", "none", "deep:1", *SLEEP]
        yield inner, subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()
    finally:
        docker.remove("outer")


def test_a_container_of_a_docker_in_a_container_has_its_name(docker: Docker, workspace: Workspace) -> None:
    with docker_in(docker, workspace, "/data/root") as (inner, id):
        shown = containers()[f"docker:{id}"]
        assert (shown["name"], shown["image"], shown["engine_namespace"]) == ("deep", "deep:1", "moby")
        inspected = subprocess.run(
            [*inner, "inspect", "--format", "{{.State.Pid}}", "deep"], check=True, capture_output=True, text=True
        )
        process = processes()[shown["init_pid"]]
        assert process["cmdline"] == list(SLEEP)
        # The inner daemon counts in its own pid namespace.
        assert process["nspid"][1:] == [int(inspected.stdout), 1]
        assert containers()["docker:" + docker.inspect("outer")["Id"]]["name"] == "outer"
        assert shown["shim_pid"] == process["ppid"]
        assert (shown["uid"], shown["outer"]) == (0, "docker:" + docker.inspect("outer")["Id"])
        assert processes()[shown["daemon_pid"]]["container"] == "docker:" + docker.inspect("outer")["Id"]


# -- nerdctl ---------------------------------------------------------------------------------------------------------


def test_a_container_of_nerdctls_has_the_name_that_it_was_given(containerd: Containerd) -> None:
    """nerdctl's containers are containerd's with these annotations: pkg/cmd/container/create.go."""
    said = ["--annotation", "nerdctl/name=shop", "--annotation", "nerdctl/namespace=default"]
    pid = containerd.container(C, *said)
    try:
        shown = of(pid)
        assert (shown["name"], shown["id"], shown["init_pid"]) == ("shop", C, pid)
        assert (shown["runtime"], shown["engine_namespace"]) == ("containerd", "default")
    finally:
        containerd.remove(C)


# -- imitations of what cannot run here ------------------------------------------------------------------------------


@pytest.fixture
def imitation(workspace: Workspace) -> Iterator[Imitation]:
    made = Imitation(workspace)
    yield made
    made.clear()


def bundle(directory: Path, annotations: dict[str, str]) -> Path:
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps({"ociVersion": "1.0.2", "annotations": annotations}))
    return directory


def crio_annotations(kind: str, container: str) -> dict[str, str]:
    """As cri-o writes them: internal/annotations/annotations.go, server/container_create.go."""
    labels = {
        "io.kubernetes.container.name": container,
        "io.kubernetes.pod.name": "web-7d4b9",
        "io.kubernetes.pod.namespace": "shop",
        "io.kubernetes.pod.uid": UID,
    }
    return {
        "io.container.manager": "cri-o",
        "io.kubernetes.cri-o.ContainerType": kind,
        "io.kubernetes.cri-o.KubeName": "web-7d4b9",
        "io.kubernetes.cri-o.Namespace": "shop",
        "io.kubernetes.cri-o.ContainerName": f"k8s_{container}_web-7d4b9_shop_{UID}_0",
        "io.kubernetes.cri-o.ImageName": "quay.io/shop/web:1.2",
        "io.kubernetes.cri-o.SandboxID": A,
        "io.kubernetes.cri-o.Labels": json.dumps(labels),
    }


@pytest.mark.parametrize(
    "cgroups",
    [
        (f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/crio-%s.scope",
         f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/crio-conmon-%s.scope"),
        (f"/kubepods/besteffort/pod{UID}/crio-%s", f"/kubepods/besteffort/pod{UID}/crio-conmon-%s"),
        ("/crio/crio-%s", "/crio/crio-conmon-%s"),
    ],
    ids=["systemd", "cgroupfs", "without the kubelet"],
)  # fmt: skip
def test_crio(imitation: Imitation, tmp_path: Path, cgroups: tuple[str, str]) -> None:
    shown = {}
    for id, kind, name in ((A, "sandbox", "POD"), (B, "container", "nginx")):
        userdata = bundle(tmp_path / "overlay-containers" / id / "userdata", crio_annotations(kind, name))
        words = ["/usr/bin/conmon", "-b", str(userdata), "-c", id, "--exit-dir", "/var/run/crio/exits",
                 "-l", f"/var/log/pods/shop_web-7d4b9_{UID}/{name}/0.log", "--log-level", "info",
                 "-n", f"k8s_{name}_web-7d4b9_shop_{UID}_0", "-P", str(userdata / "conmon-pidfile"),
                 "-p", str(userdata / "pidfile"), "-r", "/usr/bin/runc", "--runtime-arg", "--root=/run/runc",
                 "-s", "-u", id]  # fmt: skip
        conmon, pid = imitation.run(words, tmp_path, cgroups[1] % id, cgroups[0] % id)
        shown[kind] = of(pid)
        assert shown[kind]["key"] == f"cri-o:{id}"
        assert (shown[kind]["init_pid"], shown[kind]["pids"]) == (pid, [pid])
        assert f"conmon {conmon}" in shown[kind]["witness"]
        assert processes()[conmon]["container"] is None
    pod = {"name": "web-7d4b9", "namespace": "shop", "uid": UID}
    assert shown["sandbox"]["pod"] == shown["container"]["pod"] == pod
    assert (shown["sandbox"]["name"], shown["sandbox"]["role"]) == ("web-7d4b9", "sandbox")
    assert (shown["container"]["name"], shown["container"]["role"]) == ("nginx", "container")
    assert shown["container"]["image"] == "quay.io/shop/web:1.2"


def test_crio_whose_state_cannot_be_read_is_named_by_conmon(imitation: Imitation, tmp_path: Path) -> None:
    words = ["/usr/bin/conmon", "-b", "/nowhere", "-c", B, "-n", f"k8s_nginx_web-7d4b9_shop_{UID}_0", "-s"]
    _, pid = imitation.run(words, tmp_path, f"/crio/crio-conmon-{B}", f"/crio/crio-{B}")
    assert of(pid)["name"] == "nginx"
    assert of(pid)["pod"] == {"name": "web-7d4b9", "namespace": "shop", "uid": UID}


@pytest.mark.parametrize(
    ("address", "cgroup"),
    [
        ("/run/k3s/containerd/containerd.sock", f"/kubepods/besteffort/pod{UID}/%s"),
        ("/run/k3s/containerd/containerd.sock",
         f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/cri-containerd-%s.scope"),
        ("/var/snap/microk8s/common/run/containerd.sock", f"/kubepods/pod{UID}/%s"),
        ("/run/containerd/containerd.sock",
         f"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{UID_}.slice/cri-containerd-%s.scope"),
    ],
    ids=["k3s", "k3s systemd", "microk8s", "kind"],
)  # fmt: skip
def test_a_pod_of_containerds_wherever_its_state_is(
    imitation: Imitation, tmp_path: Path, address: str, cgroup: str
) -> None:
    """One shim for sandbox and container, found by its working directory: no list of places has this one."""
    cri = "io.kubernetes.cri."
    sandbox = {cri + "sandbox-name": "dns-1", cri + "sandbox-namespace": "kube-system", cri + "sandbox-uid": UID}
    bundles = {
        A: bundle(tmp_path / A, {**sandbox, cri + "container-type": "sandbox", cri + "sandbox-id": A}),
        B: bundle(tmp_path / B, {**sandbox, cri + "container-type": "container", cri + "container-name": "coredns",
                                 cri + "image-name": "docker.io/coredns:1", cri + "sandbox-id": A}),
    }  # fmt: skip
    words = ["/var/lib/rancher/k3s/data/current/bin/containerd-shim-runc-v2",
             "-namespace", "k8s.io", "-id", A, "-address", address]  # fmt: skip
    shim, *pids = imitation.run(words, bundles[A], "/nsview-test-shims", cgroup % A, cgroup % B)
    for id, pid in zip((A, B), pids, strict=True):
        (bundles[id] / "init.pid").write_text(str(pid))
    first, second = (of(pid) for pid in pids)
    assert (first["name"], first["role"]) == ("dns-1", "sandbox")
    assert (second["name"], second["role"], second["image"]) == ("coredns", "container", "docker.io/coredns:1")
    assert first["pod"] == second["pod"] == {"name": "dns-1", "namespace": "kube-system", "uid": UID}
    assert (first["engine_namespace"], first["shim_pid"], second["shim_pid"]) == ("k8s.io", shim, shim)
    assert [first["key"], second["key"]] == [f"containerd:k8s.io/{A}", f"containerd:k8s.io/{B}"]


def test_a_pod_whose_runtime_is_silent_is_named_by_what_the_kubelet_left(imitation: Imitation, tmp_path: Path) -> None:
    """A static pod (its uid is a hash) of a runtime unknown, of which there is the kubelet's log directory."""
    uid = "5fa6b7c8" * 4
    logs = Path("/var/log/pods") / f"kube-system_etcd-node1_{uid}"
    logs.mkdir(parents=True)
    try:
        cgroup = f"/kubepods/burstable/pod{uid}/{C}"
        _, pid = imitation.run(["/usr/bin/some-shim"], tmp_path, "/nsview-test-shims", cgroup)
        shown = of(pid)
        assert shown["pod"] == {"name": "etcd-node1", "namespace": "kube-system", "uid": uid}
        assert str(logs) in shown["witness"]
    finally:
        logs.rmdir()


def test_rootless_podman(imitation: Imitation, tmp_path: Path) -> None:
    storage = tmp_path / "home/u/.local/share/containers/storage/overlay-containers"
    userdata = bundle(storage / A / "userdata", {"io.container.manager": "libpod"})
    stored = [{"id": A, "names": ["mine"], "metadata": json.dumps({"image-name": "docker.io/alpine", "name": "mine"})}]
    (storage / "containers.json").write_text(json.dumps(stored))
    words = ["/usr/bin/conmon", "--api-version", "1", "-c", A, "-u", A, "-r", "/usr/bin/crun", "-b", str(userdata),
             "-p", "/run/user/1000/p", "-n", "mine", "--full-attach", "-s", "--exit-command", "/usr/bin/podman",
             "--exit-command-arg", "-n", "--exit-command-arg", "other"]  # fmt: skip
    user = "/user.slice/user-1000.slice/user@1000.service/user.slice"
    conmon, pid = imitation.run(
        words, tmp_path, f"{user}/libpod-conmon-{A}.scope", f"{user}/libpod-{A}.scope/container"
    )
    shown = of(pid)
    assert (shown["key"], shown["name"], shown["image"]) == (f"podman:{A}", "mine", "docker.io/alpine")
    assert (shown["init_pid"], shown["pids"]) == (pid, [pid])
    assert processes()[conmon]["container"] is None


def test_a_step_of_buildkits(imitation: Imitation, tmp_path: Path) -> None:
    step = "k2v9m4x8q1w7e3r5t6y0u2i9o"
    words = ["runc", "--log", f"/var/lib/docker/buildkit/executor/runc-log.json/{step}", "--log-format", "json", "run",
             "--bundle", f"/var/lib/docker/buildkit/executor/{step}", step]  # fmt: skip
    runc, pid = imitation.run(words, tmp_path, "/nsview-test-shims", f"/docker/buildkit/{step}")
    shown = of(pid)
    assert (shown["key"], shown["init_pid"], shown["pids"]) == (f"buildkit:{step}", pid, [pid])
    assert processes()[runc]["container"] is None


def test_a_task_of_ecs(imitation: Imitation, tmp_path: Path) -> None:
    task = "0123456789abcdef0123456789abcdef"
    words = ["/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", A, "-address", "/run/c.sock"]
    _, pid = imitation.run(words, tmp_path, "/nsview-test-shims", f"/ecs/{task}/{A}")
    assert (of(pid)["id"], of(pid)["engine_namespace"]) == (A, "moby")


@pytest.mark.parametrize(
    ("words", "comm", "cgroups"),
    [
        # An exec session's conmon watches over no container.
        (["conmon", "-c", A, "-e", "-n", "x", "-b", "/nowhere"], "conmon", ("/nsv-t", "/nsv-t/libpod-x")),
        # One with the name alone, and a child anywhere.
        (["conmon", "-c", A, "-n", "x", "-b", "/nowhere"], "conmon", ("/nsv-t", "/nsv-t/other")),
        (["conmon", "-c", "../../etc", "-n", "x"], "conmon", ("/nsv-t", "/nsv-t/other")),
        (["my-conmon", "-c", A, "-n", "x"], "conmon", ("/nsv-t", "/nsv-t/other")),
        # An LXC monitor without a path, and one of a name that leads elsewhere.
        (["[lxc monitor] web"], "lxc-start", ("/nsv-t", "/nsv-t/other")),
        (["[lxc monitor] /var/lib/lxc ../x"], "lxc-start", ("/nsv-t", "/nsv-t/other")),
        # runc that only lists, and a run of a path.
        (["runc", "list"], "runc", ("/nsv-t", "/nsv-t/other")),
        (["runc", "run", "/etc/passwd"], "runc", ("/nsv-t", "/nsv-t/other")),
        # A supervisor that stands in the cgroup that it says is the container's.
        (["runc", "run", "nsv-t"], "runc", ("/nsv-t/sub", "/nsv-t/sub/x")),
        # A slice of systemd's as a container.
        (["systemd-nspawn"], "systemd-nspawn", ("/nsv-t", "/nsv-t/other")),
    ],
)  # fmt: skip
def test_near_misses_are_no_containers(
    imitation: Imitation, tmp_path: Path, words: list[str], comm: str, cgroups: tuple[str, str]
) -> None:
    supervisor, pid = imitation.run(words, tmp_path, *cgroups, comm=comm)
    found = processes()
    assert (found[pid]["container"], found[supervisor]["container"]) == (None, None)


# -- what is no container --------------------------------------------------------------------------------------------


def labels(pid: int) -> set[str | None]:
    """The labels of the namespaces that a process does not share with this one."""
    own = {(kind, inode) for kind, inode in processes()[os.getpid()]["namespaces"].items()}
    apart = set(processes()[pid]["namespaces"].items()) - own
    listed = printed("list", "namespaces")["namespaces"]
    return {n["label"] for n in listed if (n["type"], n["inode"]) in apart}


def test_a_service_with_namespaces_of_its_own_is_a_service(imitation: Imitation, tmp_path: Path) -> None:
    service = "/system.slice/nsview-test.service"
    _, pid = imitation.run(["/usr/sbin/nsview-testd"], tmp_path, service, service)
    assert processes()[pid]["container"] is None
    assert labels(pid) == {"service nsview-test"}


def test_a_bubblewrap_sandbox_is_one(workspace: Workspace) -> None:
    require("bwrap")
    apart = ["--unshare-net", "--unshare-uts", "--unshare-pid"]
    words = ["bwrap", "--die-with-parent", "--ro-bind", "/", "/", *apart, "sleep", "9994"]
    process = subprocess.Popen(words, env=workspace.environment, start_new_session=True)
    try:
        found: list[int] = []

        def started() -> bool:
            found[:] = [p["pid"] for p in processes().values() if p["cmdline"] == ["sleep", "9994"]]
            return bool(found)

        wait_until(started, 20, "bwrap")
        assert processes()[found[0]]["container"] is None
        assert labels(found[0]) == {"bubblewrap sandbox"}
    finally:
        process.kill()
        process.wait()


def test_unshare_is_what_it_is(population: Population) -> None:
    pid = population.process("pid", "net")
    assert processes()[pid]["container"] is None
    assert labels(pid) == {"unshare"}
