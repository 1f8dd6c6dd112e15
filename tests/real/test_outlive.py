"""Containers outlive their supervisors: situation x runtime x what nsview says, with real daemons really killed.

Each container is told of before and after: all that names it must stay, its findings too, and that nobody runs it any
longer must be said. What nobody but a container or an ordinary user wrote must name none.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nsview.hosts.local import LocalHost

from .account import Account
from .cgroups import move
from .command import containers, nsview, printed, processes
from .conftest import require
from .daemons import IMAGE, SLEEP, Containerd, Docker
from .runtimes import Imitation, Oci, Podman, RootlessPodman
from .test_containers import APP, POD_UID, SANDBOX, as_kubernetes, seen
from .test_runtimes import crio_annotations, docker_in
from .user import NOBODY
from .workspace import PORT, Workspace, start_time, wait_until

NAMES = ("key", "id", "name", "image", "pod", "role", "runtime", "engine_namespace", "init_pid", "pids", "uid", "outer")
STATES = Path("/run/containerd/runc")


class Orphans:
    """First processes of containers that nothing of their engine may be left to end: they are ended with the test."""

    def __init__(self) -> None:
        self._pids: dict[int, str | None] = {}
        self._cgroups: set[str] = set()

    def add(self, pid: int) -> int:
        self._pids[pid] = start_time(pid)
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        self._cgroups |= {path for line in lines if (path := line.split(":", 2)[2]) != "/"}
        return pid

    def clear(self) -> None:
        for pid, start in self._pids.items():
            if start_time(pid) == start:
                os.kill(pid, signal.SIGKILL)
        for pid, start in self._pids.items():
            wait_until(lambda pid=pid, start=start: start_time(pid) != start or _zombie(pid), 20, f"end of {pid}")  # type: ignore[misc]
        for path in self._cgroups:
            for cgroup in (Path(f"/sys/fs/cgroup{path}"), *Path("/sys/fs/cgroup").glob(f"*{path}")):
                with contextlib.suppress(OSError):
                    cgroup.rmdir()


def _zombie(pid: int) -> bool:
    return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()


@pytest.fixture
def orphans() -> Iterator[Orphans]:
    made = Orphans()
    yield made
    made.clear()


def kill(*pids: int) -> None:
    """End them as nothing does by itself, and wait until they have."""
    starts = {pid: start_time(pid) for pid in pids}
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # a daemon takes its own with it
            os.kill(pid, signal.SIGKILL)
    for pid, start in starts.items():
        wait_until(lambda pid=pid, start=start: start_time(pid) != start or _zombie(pid), 20, f"end of {pid}")  # type: ignore[misc]


def of(pid: int) -> dict[str, Any]:
    """The container whose first process this is."""
    (found,) = [container for container in containers().values() if container["init_pid"] == pid]
    return found


def findings(key: str) -> list[tuple[str, str]]:
    """(rule, text) of what the audit finds in a container."""
    done = nsview("audit", "--json")
    assert done.returncode in (0, 1), done.stderr
    return sorted((f["rule"], f["text"]) for f in json.loads(done.stdout)["findings"] if f["subject"] == key)


class Told:
    """What is told of containers before something befalls their engine, to be held against what is told afterwards."""

    def __init__(self, *pids: int) -> None:
        self._before = {pid: of(pid) for pid in pids}
        self._findings: dict[int, list[tuple[str, str]]] = {}

        def settled() -> bool:
            self._findings = {pid: findings(shown["key"]) for pid, shown in self._before.items()}
            # Each of root's runs as root, which is one; of a pod's sandbox none are told.
            quiet = {pid for pid, shown in self._before.items() if shown["uid"] or shown["role"] == "sandbox"}
            return all(self._findings[pid] for pid in self._before.keys() - quiet)

        wait_until(settled, 10, "findings")
        assert all(shown["state"] == "running" for shown in self._before.values())

    def holds(self, situation: str, *, gone: str | None) -> None:
        """All of it still holds. gone: what is to be said of each: there is no "shim", no "conmon"; None: nothing."""
        listed = nsview("list", "containers").stdout.splitlines()
        for pid, before in self._before.items():
            after = of(pid)
            assert {name: after[name] for name in NAMES} == {name: before[name] for name in NAMES}
            assert findings(after["key"]) == self._findings[pid]
            assert (after["state"], after["supervisor_gone"]) == ("running", gone is not None)
            if gone:
                assert after["shim_pid"] is None
                said = nsview("inspect", after["key"]).stdout
                assert f"no {gone}: nobody will reap it or collect its exit code" in said
                (line,) = [line for line in listed if f" {pid} " in line]
                assert f"no {gone}" in line
            TABLE.append((after["runtime"], situation, _named(after), f"no {gone}" if gone else after["state"]))


def _named(shown: dict[str, Any]) -> str:
    pod = f"pod {shown['pod']['namespace']}/{shown['pod']['name']}" if shown["pod"] else None
    return ", ".join(filter(None, (shown["name"], shown["image"], pod)))


TABLE: list[tuple[str, str, str, str]] = []
"""(runtime, what was killed or stopped, what names the container still, what is said of it) of each container."""


@pytest.fixture(scope="module", autouse=True)
def told_at_the_end(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print the table where `pytest -v` asks for more than dots."""
    yield
    if request.config.get_verbosity() > 0:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():  # type: ignore[union-attr]
            widths = [max(map(len, column)) for column in zip(*TABLE, strict=True)]
            for line in TABLE:
                print("\n" + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)), end="")


# -- docker, containerd, Kubernetes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["bridge", "none", "host"])
def test_docker(rootfs: Path, orphans: Orphans, network: str) -> None:
    """dockerd and its containerd, then the shim too; all of its directories are in places of its own."""
    with Workspace.create() as apart:
        docker = Docker(apart, rootfs)
        pid = orphans.add(docker.container("orphan", f"--network={network}"))
        docker.run("rename", "orphan", "renamed")
        told = Told(pid)
        shim = of(pid)["shim_pid"]
        assert (of(pid)["name"], of(pid)["image"]) == ("renamed", IMAGE)
        docker.kill()
        told.holds("dockerd, containerd killed", gone=None)
        kill(shim)
        told.holds("dockerd, containerd, shim killed", gone="shim")
        # A name that is on disk alone is held to what that says, as `docker rename` would have written it.
        file = docker.data_root / "containers" / of(pid)["id"] / "config.v2.json"
        file.write_text(file.read_text().replace('"/renamed"', '"/again"'))
        assert of(pid)["name"] == "again"


def test_docker_in_anothers_cgroup(rootfs: Path, orphans: Orphans) -> None:
    """Moved there by root, or by a container that may write to the whole tree; one to the cgroup of each other too."""
    with Workspace.create() as apart:
        docker = Docker(apart, rootfs)
        words = ("sh", "-c", "sleep 9998 & exec sleep 9999")
        pids = [orphans.add(docker.container(name, command=words)) for name in ("orphan", "beside", "third")]
        wait_until(lambda: all(len(of(pid)["pids"]) == 2 for pid in pids), 10, "their children")
        paths = [processes()[pid]["cgroup"] for pid in pids]
        for pid, path in zip(pids, (paths[1], paths[0], paths[1]), strict=True):
            for member in of(pid)["pids"]:
                move(member, path)
        told = Told(*pids)
        shims = [of(pid)["shim_pid"] for pid in pids]
        docker.kill()
        kill(*shims)
        told.holds("moved into another's cgroup; dockerd, containerd, shim killed", gone="shim")


def test_what_docker_published(rootfs: Path, orphans: Orphans) -> None:
    """No proxy listens and no rule is there then: the record of dockerd's says still for whom the ports are."""
    with Workspace.create() as apart:
        docker = Docker(apart, rootfs)
        pid = orphans.add(
            docker.container("orphan", "-p", f"{PORT}:80", "-p", f"127.0.0.1:{PORT + 1}-{PORT + 2}:81-82/udp")
        )
        shim = of(pid)["shim_pid"]
        docker.kill()
        kill(shim)
        for port, protocol, inside in ((PORT, "tcp", 80), (PORT + 1, "udp", 81), (PORT + 2, "udp", 82)):
            found = printed("list", "containers", "--filter", f"port={port}")["containers"]
            assert [c["init_pid"] for c in found] == [pid]
            (line,) = [
                s for s in nsview("list", "nets", "--filter", f"port={port}").stdout.splitlines() if "by record" in s
            ]
            assert f"{protocol} {port} " in line and f"→ orphan:{inside}" in line


def test_docker_with_user_namespaces(rootfs: Path, orphans: Orphans, account: Account) -> None:
    """It keeps all that it knows below its data root, in UID.GID, and no mount tells of what has no process."""
    with Workspace.create() as apart:
        docker = Docker(apart, rootfs, f"--userns-remap={account.name}")
        docker.run("run", "--name", "over", IMAGE, "/bin/false", check=False)
        docker.run("run", "--detach", "--restart=always", "--name", "loop", IMAGE, "/bin/false")

        def waits_with_its_last_end() -> bool:
            return any(c["name"] == "loop" and c["exit_code"] == 1 for c in _in_state("restarting"))

        wait_until(waits_with_its_last_end, 20, "a container that waits")
        wait_until(lambda: "over" in {c["name"] for c in _in_state("exited")}, 20, "a container that has stopped")
        docker.run("rm", "--force", "loop")
        pid = orphans.add(docker.container("orphan", "--volume=/etc:/host-etc:ro"))
        told = Told(pid)
        shim = of(pid)["shim_pid"]
        docker.kill()
        kill(shim)
        told.holds("with user namespaces: dockerd, containerd, shim killed", gone="shim")
        shutil.rmtree(docker.exec_root / "containerd")  # and with it what the bundle says
        assert (of(pid)["name"], of(pid)["image"]) == ("orphan", IMAGE)


def _in_state(state: str) -> list[dict[str, Any]]:
    """The containers in this state, stopped ones too."""
    return [c for c in printed("list", "containers", "--all")["containers"] if c["state"] == state]


def test_docker_in_a_container(docker: Docker, workspace: Workspace) -> None:
    """Root in a container speaks for what is inside of it, also where nothing but its files is left to do so."""
    with docker_in(docker, workspace, "/var/lib/docker") as (_, id):
        told = Told(pid := containers()[f"docker:{id}"]["init_pid"])
        shown = of(pid)
        assert (shown["name"], shown["image"]) == ("deep", "deep:1")
        engines = [p for p in processes().values() if p["container"] == shown["outer"]]
        kill(*(p["pid"] for p in engines if p["comm"] in ("dockerd", "containerd")))
        told.holds("docker in docker: dockerd, containerd killed", gone=None)
        kill(shown["shim_pid"])
        told.holds("docker in docker: dockerd, containerd, shim killed", gone="shim")


def test_docker_without_its_runtimes_state(rootfs: Path, orphans: Orphans) -> None:
    """The cgroup alone says that it is docker's: what dockerd wrote of that id names it."""
    with Workspace.create() as apart:
        docker = Docker(apart, rootfs)
        pid = orphans.add(docker.container("orphan"))
        told = Told(pid)
        shim = of(pid)["shim_pid"]
        docker.kill()
        kill(shim)
        shutil.rmtree(docker.runc_root)
        told.holds("all killed, runc's state gone", gone="shim")


@pytest.fixture
def usual_states() -> Iterator[tuple[str, ...]]:
    """Options of ctr that have runc keep its state in the usual place; gone at the end."""
    made = ("--runc-root", str(STATES))
    before = {path for namespace in STATES.glob("*") for path in (namespace, *namespace.glob("*"))}
    yield made
    for namespace in STATES.glob("*"):
        for path in (*namespace.glob("*"), namespace):
            if path not in before and (path != namespace or not list(path.iterdir())):
                shutil.rmtree(path)


@pytest.mark.parametrize("namespace", ["default", "k8s.io", "team-a.example"])
def test_containerd(rootfs: Path, orphans: Orphans, usual_states: tuple[str, ...], namespace: str) -> None:
    with Workspace.create() as apart:
        containerd = Containerd(apart, rootfs)
        id = f"{apart.root.name}.task_3"
        pid = orphans.add(containerd.container(id, *usual_states, namespace=namespace))
        told = Told(pid)
        assert of(pid)["key"] == f"containerd:{namespace}/{id}"
        shim = of(pid)["shim_pid"]
        kill(containerd.pid)
        told.holds("containerd killed", gone=None)
        kill(shim)
        told.holds("containerd, shim killed", gone="shim")


def test_containerd_of_which_nothing_is_left(rootfs: Path, orphans: Orphans) -> None:
    """Its state, and runc's, are where nothing says; the cgroup and a client's fifos name the container still."""
    with Workspace.create() as apart:
        containerd = Containerd(apart, rootfs)
        pid = orphans.add(containerd.container(f"{apart.root.name}-6", namespace="team-a.example"))
        told = Told(pid)
        kill(containerd.pid, of(pid)["shim_pid"])
        told.holds("all killed, state in no known place", gone="shim")


def test_containerd_that_hangs(rootfs: Path, orphans: Orphans) -> None:
    """A live command line names the state directory, a bundle there where runc has its own: in none of the usual."""
    with Workspace.create() as apart:
        containerd = Containerd(apart, rootfs)
        pid = orphans.add(containerd.container(f"{apart.root.name}-4"))
        told = Told(pid)
        shim = of(pid)["shim_pid"]
        os.kill(containerd.pid, signal.SIGSTOP)  # or it would end what has no shim
        kill(shim)
        told.holds("containerd stopped, shim killed", gone="shim")
        kill(containerd.pid)


def test_kubernetes(rootfs: Path, orphans: Orphans, usual_states: tuple[str, ...]) -> None:
    """A sandbox and a container of one pod, by cgroup and annotations."""
    with Workspace.create() as apart:
        containerd = Containerd(apart, rootfs)
        options = [*as_kubernetes(SANDBOX, container_type="sandbox"), *usual_states]
        sandbox = orphans.add(containerd.container(SANDBOX, *options, namespace="k8s.io"))
        annotations = as_kubernetes(APP, container_type="container", container_name="cart", image_name="shop/cart:3")
        options = [*annotations, *usual_states, f"--with-ns=network:/proc/{sandbox}/ns/net"]
        app = orphans.add(containerd.container(APP, *options, namespace="k8s.io"))
        told = Told(sandbox, app)
        kill(containerd.pid)
        told.holds("containerd killed", gone=None)
        kill(of(app)["shim_pid"])
        told.holds("containerd, shim killed", gone="shim")
        expected = {"name": "shop-7d9", "namespace": "prod", "uid": POD_UID}
        assert (of(app)["name"], of(app)["image"], of(app)["pod"]) == ("cart", "shop/cart:3", expected)
        assert (of(sandbox)["role"], of(sandbox)["pod"]) == ("sandbox", expected)


def test_a_running_agent_keeps_what_a_live_engine_told_it(rootfs: Path, orphans: Orphans) -> None:
    """All at once, and nothing that is left leads to where the state is."""
    with Workspace.create() as apart:
        containerd = Containerd(apart, rootfs)
        pid = orphans.add(containerd.container(f"{apart.root.name}-5"))
        shim = of(pid)["shim_pid"]
        key = f"containerd:default/{apart.root.name}-5"
        host = LocalHost()
        try:
            assert host.first().containers[key].supervisor_gone is False
            kill(containerd.pid, shim)
            assert seen(host, lambda s: (c := s.containers.get(key)) and c.supervisor_gone and c.init_pid == pid, 40)
        finally:
            host.stop()


# -- files that are there and can't be read ----------------------------------------------------------------------------


@contextlib.contextmanager
def damaged(file: Path, how: str) -> Iterator[str]:
    """A state file is cut in the middle, larger than any, or a link, as if for a while: what is to be said of that."""
    before, old = file.read_bytes(), file.stat().st_mtime - 100
    if how == "link":
        file.unlink()
        file.symlink_to("/etc/hostname")
    else:
        file.write_bytes(before[: len(before) // 2] if how == "cut" else before + b" " * (5 << 20))
    os.utime(file, (old, old), follow_symlinks=False)
    why = {"cut": "damaged", "large": "more than 4 MiB", "link": "a link that leads out of its directory"}[how]
    try:
        yield f"nsview: {file} could not be read ({why}): names of its containers may be missing\n"
    finally:
        file.unlink()
        file.write_bytes(before)


def noted() -> str:
    done = nsview("list", "containers")
    assert done.returncode == 0
    return "".join(line for line in done.stderr.splitlines(keepends=True) if "names of its containers" in line)


@pytest.mark.parametrize("how", ["cut", "large", "link"])
def test_a_damaged_file_of_docker_is_said(docker: Docker, how: str) -> None:
    pid = docker.container(f"harmed-{how}")
    shown = of(pid)
    host = LocalHost()
    try:
        assert not host.first().host.notes
        with damaged(docker.data_root / "containers" / shown["id"] / "config.v2.json", how) as said:
            assert noted() == said
            assert of(pid)["name"] == shown["id"][:12]
            wanted = (said.removeprefix("nsview: ").rstrip("\n"),)
            assert seen(host, lambda s: s.host.notes == wanted and not s.partial, 40)
            assert any("could not be read (" in note for note in printed("list", "containers")["host"]["notes"])
        assert noted() == "" and of(pid)["name"] == shown["name"]
        assert seen(host, lambda s: s.host.notes == (), 40)
    finally:
        host.stop()
        docker.remove(f"harmed-{how}")


@pytest.mark.parametrize("how", ["cut", "large"])
def test_a_damaged_bundle_of_containerd_is_said(rootfs: Path, how: str) -> None:
    with Workspace.create() as apart:
        containerd = Containerd(apart, rootfs)
        pid = containerd.container(f"harmed-{apart.bridge}-{how}")
        bundle = containerd.state / "io.containerd.runtime.v2.task" / "default" / f"harmed-{apart.bridge}-{how}"
        with damaged(bundle / "config.json", how) as said:
            assert noted() == said
        assert noted() == "" and of(pid)["name"] == f"harmed-{apart.bridge}-{how}"
        containerd.stop()


@pytest.mark.parametrize("program", ["runc", "crun"])
def test_a_damaged_state_of_runc_and_crun_is_said(workspace: Workspace, rootfs: Path, program: str) -> None:
    require(program)
    made = Oci(workspace, rootfs, program)
    try:
        id, _, pid = made.container("harmed")
        with damaged(Path(f"/run/{program}/{id}/{'status' if program == 'crun' else 'state.json'}"), "cut") as said:
            assert noted() == said
        assert noted() == "" and of(pid)["id"] == id
    finally:
        made.clear()


# -- podman ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def podman(workspace: Workspace, rootfs: Path) -> Iterator[Podman]:
    require(*Podman.NEEDS)
    made = Podman(workspace, rootfs)
    yield made
    ids = made.run("ps", "--all", "--quiet", "--no-trunc").split()
    made.clear()
    for id in ids:  # without its conmon podman does not have runc forget it
        shutil.rmtree(Path("/run/runc", id), ignore_errors=True)


@pytest.mark.parametrize("image", [None, "localhost/nsview-outlive:1"], ids=["from a directory", "from an image"])
def test_podman(podman: Podman, image: str | None) -> None:
    if image:
        podman.import_image(image)
    name = "from-image" if image else "from-directory"
    pid = podman.container(name, image=image)
    told = Told(pid)
    assert (of(pid)["name"], of(pid)["image"]) == (name, image)
    kill(podman.inspect(name)["State"]["ConmonPid"])
    told.holds("conmon killed", gone="conmon")


def test_podman_with_ids_of_its_own(podman: Podman) -> None:
    """Its bundle's directory is then its root's, and not believed; the storage's list is root's."""
    podman.import_image("localhost/nsview-outlive:2")
    ids = ("--uidmap", "0:300000:65536", "--gidmap", "0:300000:65536", "--volume", "/etc:/host-etc:ro")
    pid = podman.container("with-ids", *ids, image="localhost/nsview-outlive:2")
    told = Told(pid)
    assert (of(pid)["name"], of(pid)["image"]) == ("with-ids", "localhost/nsview-outlive:2")
    kill(podman.inspect("with-ids")["State"]["ConmonPid"])
    told.holds("with ids of its own: conmon killed", gone="conmon")


def test_podmans_pod(podman: Podman) -> None:
    podman.run("pod", "create", "--name", "kiosk", "--network", "none")
    pid = podman.container("bell", "--pod", "kiosk")
    told = Told(pid)
    assert of(pid)["pod"]["name"] == "kiosk"
    kill(podman.inspect("bell")["State"]["ConmonPid"])
    told.holds("conmon killed", gone="conmon")


@pytest.mark.parametrize("how", ["cut", "large"])
def test_a_damaged_storage_of_podman_is_said(podman: Podman, how: str) -> None:
    pid = podman.container(f"harmed-{how}")
    (file,) = podman.graphroot.glob("*-containers/containers.json")
    with damaged(file, how) as said:
        assert noted() == said
    assert noted() == "" and of(pid)["name"] == f"harmed-{how}"


@pytest.mark.parametrize("supervised", [True, False], ids=["conmon lives", "conmon is gone"])
def test_podman_rename(podman: Podman, supervised: bool) -> None:
    old, new = f"old-{supervised}", f"new-{supervised}"
    pid = podman.container(old)
    if not supervised:
        kill(podman.inspect(old)["State"]["ConmonPid"])
    assert of(pid)["name"] == old
    podman.run("rename", old, new)
    assert of(pid)["name"] == new
    assert old not in {container["name"] for container in containers().values()}


@pytest.mark.parametrize("usual", [True, False], ids=["in the usual place", "elsewhere"])
def test_rootless_podman(account: Account, rootfs: Path, usual: bool) -> None:
    """The state is where a session of the user's would have it, or where no more than the container's own mounts tell;
    it counts as that user's word."""
    require(*RootlessPodman.NEEDS)
    place = Path(f"/run/user/{account.uid}")
    place.parent.mkdir(exist_ok=True)
    podman = RootlessPodman(account, rootfs)
    if usual:
        place.symlink_to(podman.runtime_dir)
    try:
        pid = podman.container(f"mine-{usual}")
        told = Told(pid)
        assert (of(pid)["name"], of(pid)["uid"], of(pid)["runtime"]) == (f"mine-{usual}", account.uid, "podman")
        kill(int(podman.run("inspect", "--format", "{{.State.ConmonPid}}", f"mine-{usual}")))
        told.holds("conmon killed", gone="conmon")
    finally:
        podman.clear()
        place.unlink(missing_ok=True)


# -- runc, crun, cri-o -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["runc", "crun"])
def test_plain_containers_have_no_supervisor_to_lose(workspace: Workspace, rootfs: Path, program: str) -> None:
    require(program)
    made = Oci(workspace, rootfs, program)
    try:
        id, _, pid = made.container("alone")
        assert (of(pid)["key"], of(pid)["supervisor_gone"]) == (f"{program}:{id}", False)
    finally:
        made.clear()


def test_runc_that_waited_is_killed(workspace: Workspace, rootfs: Path) -> None:
    made = Oci(workspace, rootfs, "runc")
    try:
        _, _, pid = made.container("left", foreground=True)
        told = Told(pid)
        kill(processes()[pid]["ppid"])
        told.holds("runc run killed", gone=None)
    finally:
        made.clear()


@pytest.mark.parametrize("program", ["runc", "crun"])
def test_plain_containers_in_anothers_cgroup(workspace: Workspace, rootfs: Path, program: str) -> None:
    made = Oci(workspace, rootfs, program)
    try:
        first, second = (made.container(name)[2] for name in ("first", "second"))
        told = Told(first, second)
        move(first, processes()[second]["cgroup"])
        told.holds("moved into another's cgroup", gone=None)
    finally:
        made.clear()


@pytest.mark.parametrize("root", ["/run/runc", "elsewhere"])
def test_crio(imitation: Imitation, orphans: Orphans, tmp_path: Path, root: str) -> None:
    """As cri-o lays it out: conmon's arguments, a bundle in the storage, runc's state. elsewhere: another pod's conmon
    has the same option."""
    ids = {"app": "c1" * 32, "other": "c2" * 32}
    states = Path(root) if root.startswith("/") else tmp_path / root
    pids = {}
    conmons = {}
    for name, id in ids.items():
        bundle = tmp_path / "overlay-containers" / id / "userdata"
        bundle.mkdir(parents=True)
        (bundle / "config.json").write_text(json.dumps({"annotations": crio_annotations("container", name)}))
        words = ["conmon", "-b", str(bundle), "-c", id, "-n", f"k8s_{name}_web-7d4b9_shop_x_0", "-r", "/usr/bin/runc",
                 "--runtime-arg", f"--root={states}", "-s", "-u", id]  # fmt: skip
        conmons[name], pid = imitation.run(words, tmp_path, f"/crio/crio-conmon-{id}", f"/crio/crio-{id}")
        pids[name] = orphans.add(pid)
        write_state(states / id, pid, bundle)
    try:
        told = Told(pids["app"])
        shown = of(pids["app"])
        assert (shown["runtime"], shown["name"], shown["image"]) == ("cri-o", "app", "quay.io/shop/web:1.2")
        kill(conmons["app"])
        told.holds("conmon killed", gone="conmon")
    finally:
        for id in ids.values():
            shutil.rmtree(states / id)


@pytest.fixture
def imitation(workspace: Workspace) -> Iterator[Imitation]:
    made = Imitation(workspace)
    yield made
    made.clear()


def write_state(directory: Path, pid: int, bundle: Path, start: int | None = None) -> None:
    """What runc keeps of a container."""
    directory.mkdir(parents=True)
    said = {"id": directory.name, "init_process_pid": pid, "config": {"labels": [f"bundle={bundle}"]}}
    said["init_process_start"] = int(start_time(pid) or 0) if start is None else start
    (directory / "state.json").write_text(json.dumps(said))


# -- what names nothing ----------------------------------------------------------------------------------------------


TASKS = "io.containerd.runtime.v2.task/k8s.io"
NAME = "prod-db"


def fake_bundle(directory: Path, uid: int) -> Path:
    """A bundle of containerd's that says it is a pod's container NAME."""
    directory.mkdir(parents=True)
    cri = "io.kubernetes.cri."
    said = {cri + "container-type": "container", cri + "container-name": NAME, cri + "sandbox-name": NAME}
    (directory / "config.json").write_text(json.dumps({"annotations": said}))
    for path in (directory, directory / "config.json"):
        os.chown(path, uid, uid)
    return directory


@pytest.fixture
def sleeper(workspace: Workspace) -> Iterator[int]:
    """A process of root's that is in no container."""
    process = subprocess.Popen(SLEEP, env=workspace.environment)
    yield process.pid
    process.kill()
    process.wait()


@pytest.mark.parametrize("forged", ["start", "owner of the state", "owner of the directory above"])
def test_state_in_an_engines_place_is_held_to_start_and_owner(workspace: Workspace, sleeper: int, forged: str) -> None:
    id = f"{workspace.root.name}-forged"
    bundle = fake_bundle(workspace.root / forged.replace(" ", "-") / TASKS / id, 0)
    namespace = STATES / f"{workspace.root.name}-k8s.io"
    try:
        write_state(namespace / id, sleeper, bundle)
        assert of(sleeper)["name"] == NAME  # else the test would prove nothing
        if forged == "start":
            shutil.rmtree(namespace)
            write_state(namespace / id, sleeper, bundle, start=1)
        else:
            os.chown(namespace / id / "state.json" if forged == "owner of the state" else namespace, NOBODY, NOBODY)
        assert processes()[sleeper]["container"] is None
    finally:
        shutil.rmtree(namespace)


def test_a_users_state_takes_no_name_from_roots_bundle(account: Account, workspace: Workspace) -> None:
    """A user's own container, confined, whose state says that its bundle is one of root's."""
    id = f"{workspace.root.name}-users"
    bundle = fake_bundle(workspace.root / "roots-own" / TASKS / id, 0)
    place = Path(f"/run/user/{account.uid}")
    place.parent.mkdir(exist_ok=True)
    place.mkdir()
    words = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", *SLEEP]
    process = subprocess.Popen([*account.words, *words])
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        wait_until(lambda: bool(children.read_text()), 20, "the user's process")
        pid = int(children.read_text())
        write_state(place / "runc" / id, pid, bundle)
        for path in (place, *place.rglob("*")):
            os.chown(path, account.uid, account.uid)
        shown = of(pid)
        assert (shown["key"], shown["name"], shown["uid"], shown["pod"]) == (f"runc:{id}", id, account.uid, None)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(place)


def test_what_a_container_wrote_to_a_volume_names_nothing(docker: Docker, workspace: Workspace) -> None:
    """Root in a container, in the host's pid namespace and called like dockerd, containerd and runc, that name a volume
    of its own, where there is all that these would keep."""
    pid = docker.container("o-victim")
    id = docker.inspect("o-victim")["Id"]
    volume = workspace.root / "volume"
    (volume / "containers" / id).mkdir(parents=True)
    said = {"ID": id, "Name": f"/{NAME}", "Config": {"Image": "evil"}}
    (volume / "containers" / id / "config.v2.json").write_text(json.dumps(said))
    (volume / "runtime-runc").mkdir()
    sleeper = subprocess.Popen(SLEEP, env=workspace.environment)
    write_state(volume / "runtime-runc" / "moby" / "forged", sleeper.pid, volume / "none")
    options = f"--data-root {volume} --exec-root {volume} --state {volume} --root {volume}/runtime-runc/moby"
    script = "; ".join(f"(exec -a {name} /b/{name} 9999 {options}) &" for name in ("dockerd", "containerd", "runc"))
    copies = " ".join(f"cp /bin/busybox /b/{name};" for name in ("dockerd", "containerd", "runc"))
    command = ("/bin/sh", "-c", f"mkdir /b; {copies} {script.replace('&;', '&')} wait")
    own = docker.data_root / "containers" / id
    hidden = own.with_name("hidden")
    try:
        docker.container("o-evil", "--pid=host", f"--volume={volume}:{volume}", command=command)
        own.rename(hidden)  # so that nothing else tells the name
        assert of(pid)["name"] == id[:12]
        assert processes()[sleeper.pid]["container"] is None
    finally:
        if hidden.exists():
            hidden.rename(own)
        sleeper.kill()
        sleeper.wait()
        docker.remove("o-evil")
        docker.remove("o-victim")


# -- what a container is doing ---------------------------------------------------------------------------------------


def lines_of(name: str) -> tuple[str, str]:
    """(its line in the list, what inspect says)."""
    (line,) = [line for line in nsview("list", "containers").stdout.splitlines() if line.startswith(name + " ")]
    return line, nsview("inspect", name).stdout


def test_a_paused_container_says_so(docker: Docker) -> None:
    pid = docker.container("o-paused")
    try:
        assert of(pid)["state"] == "running"
        docker.run("pause", "o-paused")
        line, inspected = lines_of("o-paused")
        assert of(pid)["state"] == "paused"
        assert " paused " in line and "waiting for a device" not in inspected
        assert f"{processes()[pid]['state']} (paused)" in inspected
        found = printed("list", "processes", "--filter", "state=paused container=o-paused")["processes"]
        assert [process["pid"] for process in found] == [pid]
        docker.run("unpause", "o-paused")
        assert of(pid)["state"] == "running"
    finally:
        docker.remove("o-paused")


def test_a_container_that_waits_to_be_started_again_says_so(docker: Docker) -> None:
    docker.run("run", "--detach", "--restart=always", "--name", "o-loop", IMAGE, "/bin/false")
    try:
        key = "docker:" + docker.inspect("o-loop")["Id"]
        shown: dict[str, Any] = {}

        def waits() -> bool:
            shown.update(containers().get(key, {}))
            return bool(shown) and shown["state"] == "restarting" and bool(shown["restarts"])

        wait_until(waits, 20, "a container that waits")
        assert (shown["name"], shown["image"], shown["pids"]) == ("o-loop", IMAGE, [])
        wait_until(lambda: "again" in nsview("inspect", key).stdout, 20, "what inspect says of it")
    finally:
        docker.remove("o-loop")


def exec_by_docker(docker: Docker, containerd: Containerd, podman: Podman) -> tuple[int, Callable[[], None]]:
    pid = docker.container("o-exec")
    docker.run("exec", "--detach", "o-exec", "/bin/sh", "-c", "sleep 7778 & exec sleep 7779")
    return pid, lambda: docker.remove("o-exec")


def exec_by_containerd(docker: Docker, containerd: Containerd, podman: Podman) -> tuple[int, Callable[[], None]]:
    pid = containerd.container("o-exec")
    command = ("/bin/sh", "-c", "sleep 7778 & exec sleep 7779")
    containerd.run("task", "exec", "--detach", "--exec-id", "e1", "o-exec", *command)
    return pid, lambda: containerd.remove("o-exec")


def exec_by_podman(docker: Docker, containerd: Containerd, podman: Podman) -> tuple[int, Callable[[], None]]:
    pid = podman.container("o-exec")
    podman.run("exec", "--detach", "o-exec", "/bin/sh", "-c", "sleep 7778 & exec sleep 7779")
    return pid, lambda: None


@pytest.mark.parametrize("make", [exec_by_docker, exec_by_containerd, exec_by_podman], ids=lambda make: make.__name__)
def test_sessions_are_told_from_what_the_container_began(
    docker: Docker, containerd: Containerd, podman: Podman, make: Any
) -> None:
    pid, end = make(docker, containerd, podman)
    try:

        def begun() -> bool:
            pids = of(pid)["pids"]
            known = processes()
            # Until it has executed its command, a session is the runtime's own process.
            return len(pids) == 3 and any(known[p]["cmdline"][-1:] == ["7779"] for p in pids if p in known)

        wait_until(begun, 20, "the session")
        session = [p for p in of(pid)["pids"] if processes()[p]["cmdline"][-1:] == ["7779"]]
        assert of(pid)["execs"] == session and len(session) == 1
        assert f"exec sessions {session[0]}" in nsview("inspect", str(pid)).stdout
        kill(*session)
        wait_until(lambda: of(pid)["execs"] == [], 20, "the end of the session")
    finally:
        end()


def test_a_running_agent_shows_a_session_and_its_end(docker: Docker) -> None:
    pid = docker.container("o-live")
    host = LocalHost()
    try:
        key = of(pid)["key"]
        assert host.first().containers[key].execs == ()
        docker.run("exec", "--detach", "o-live", "/bin/sleep", "7777")
        assert seen(host, lambda s: len(s.containers[key].execs) == 1, 40)
        (session,) = of(pid)["execs"]
        kill(session)
        assert seen(host, lambda s: s.containers[key].execs == (), 40)
    finally:
        host.stop()
        docker.remove("o-live")


def test_a_first_process_that_nobody_collects_is_said(rootfs: Path) -> None:
    with Workspace.create() as apart:
        docker = Docker(apart, rootfs)
        pid = docker.container("o-ended")
        shim = of(pid)["shim_pid"]
        os.kill(shim, signal.SIGSTOP)
        try:
            kill(pid)
            assert (of(pid)["state"], of(pid)["name"]) == ("exited", "o-ended")
            line, inspected = lines_of("o-ended")
            assert " exited " in line and "nobody has collected its first process" in inspected
        finally:
            os.kill(shim, signal.SIGCONT)
            docker.stop()
