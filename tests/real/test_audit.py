"""`nsview audit` on real containers: what it finds is what the engine says it was told, and nothing besides."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .command import NSVIEW, nsview
from .conftest import require
from .daemons import SLEEP, Containerd, Docker, run
from .population import Population
from .runtimes import Podman
from .test_containers import APP, SANDBOX, as_kubernetes
from .user import User
from .workspace import Workspace, wait_until

Findings = dict[str, dict[str, Any]]
"""{rule: finding} of one subject."""

DEFAULT = set(
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL "
    "AUDIT_WRITE".split()
)
UNTOLD = {"root-is-root", "may-become-root"}
"""What follows from who it runs as: looked at by a test of its own."""


def audited(*arguments: str) -> list[dict[str, Any]]:
    """The findings of the whole machine, which may run more than the suite's."""
    done = nsview("audit", "--json", *arguments)
    assert done.returncode in (0, 1), done.stderr
    object_ = json.loads(done.stdout)
    assert object_["schema"] == 1
    assert done.returncode == bool(object_["findings"])
    found: list[dict[str, Any]] = object_["findings"]
    return found


def of(findings: list[dict[str, Any]], subject: str | int) -> Findings:
    """Those on one container, by the id that its key ends in, or on one process."""
    whole = isinstance(subject, int)
    return {f["rule"]: f for f in findings if f["subject"] == subject or (not whole and _ends(f["subject"], subject))}


def _ends(subject: str | int, id: str | int) -> bool:
    return isinstance(subject, str) and subject.endswith(str(id))


def a_disk() -> str:
    disks = [f"/dev/{name}" for name in sorted(os.listdir("/sys/block")) if Path(f"/dev/{name}").is_block_device()]
    if not disks:
        pytest.skip("this machine has no block device")
    return disks[-1]


@pytest.fixture(scope="module")
def told(docker: Docker) -> Iterator[dict[str, dict[str, Any]]]:
    """Containers that docker was told all kinds of things about: {name: what docker inspect says of it}."""
    disk = a_disk()
    every = ["--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--security-opt=seccomp=unconfined"]
    containers: dict[str, list[str]] = {
        "plain": [],
        "user": ["--user=1000"],
        "careful": ["--user=1000", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--read-only"],
        "less": ["--cap-drop=NET_RAW"],
        "pid": ["--pid=host"],
        "net": ["--network=host"],
        "ipc": ["--ipc=host"],
        "uts": ["--uts=host"],
        "tracer": ["--pid=host", "--cap-add=SYS_PTRACE"],
        "admin": ["--cap-add=SYS_ADMIN"],
        "network": ["--cap-add=NET_ADMIN"],
        "nice": ["--cap-add=SYS_NICE"],
        "unfiltered": ["--security-opt=seccomp=unconfined"],
        "unmasked": ["--security-opt=systempaths=unconfined"],
        "disk": [f"--device={disk}"],
        "rules": ["--device-cgroup-rule=b *:* rwm"],
        "null": ["--device=/dev/null:/dev/nothing"],
        "dev": ["-v", "/dev:/host-dev"],
        "socket": ["-v", f"{docker.address}:/var/run/docker.sock"],
        "renamed": ["-v", f"{docker.containerd_address}:/some.where:ro"],
        "around": ["-v", f"{docker.address.parent}:/around"],
        "root": ["-v", "/:/host"],
        "root-ro": ["-v", "/:/host:ro"],
        "etc": ["-v", "/etc:/host-etc"],
        "hosts": ["-v", "/etc/hosts:/etc/hosts:ro"],
        "volume": ["-v", "/data"],
        "sys": ["-v", "/sys:/host-sys"],
        "sys-ro": ["-v", "/sys:/host-sys:ro"],
        "near": [*every, "--device-cgroup-rule=a *:* rwm", "--security-opt=systempaths=unconfined"],
        "filtered": every[:2],
    }
    for name, options in containers.items():
        docker.container(f"au-{name}", *options)
    yield {name: docker.inspect(f"au-{name}") for name in containers}
    for name in containers:
        docker.remove(f"au-{name}")


@pytest.fixture(scope="module")
def findings(told: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return audited()


def expected_of(inspected: dict[str, Any]) -> set[str]:
    """The rules that what docker was told means, worked out from its own words."""
    config = inspected["HostConfig"]
    options = config["SecurityOpt"] or []
    rules = {f"host-{kind}" for kind in ("pid", "ipc") if config[f"{kind.capitalize()}Mode"] == "host"}
    rules |= {"host-net"} if config["NetworkMode"] == "host" else set()
    rules |= {"host-uts"} if config["UTSMode"] == "host" else set()
    rules |= {"capabilities"} if {c.removeprefix("CAP_") for c in config["CapAdd"] or ()} - DEFAULT else set()
    rules |= {"seccomp-off"} if "seccomp=unconfined" in options else set()
    rules |= set() if config["MaskedPaths"] else {"proc-unmasked"}
    rules |= set() if config["ReadonlyPaths"] else {"proc-writable"}
    given = [device["PathOnHost"] for device in config["Devices"] or ()]
    disks = any(Path(path).is_block_device() for path in given)
    rules |= {"devices"} if disks or config["DeviceCgroupRules"] else set()
    for mount in inspected["Mounts"]:
        source, writable = mount["Source"], mount["RW"]
        if source == "/" or (source == "/etc"):
            rules.add("host-path")
        if source == "/sys" and writable:
            rules |= {"host-path"}
        if source.endswith((".sock", "/d")) or (source == "/" and not writable):
            rules.add("runtime-socket")
    if {"capabilities", "seccomp-off"} <= rules:
        rules = {"privileged"}
    return rules


def test_what_is_found_is_what_docker_was_told(told: dict[str, dict[str, Any]], findings: list[dict[str, Any]]) -> None:
    found = {name: set(of(findings, inspected["Id"])) - UNTOLD for name, inspected in told.items()}
    assert found == {name: expected_of(inspected) for name, inspected in told.items()}


def test_who_it_runs_as_is_what_docker_was_told(
    told: dict[str, dict[str, Any]], findings: list[dict[str, Any]]
) -> None:
    for name, inspected in told.items():
        careful = "no-new-privileges" in (inspected["HostConfig"]["SecurityOpt"] or ())
        root = not inspected["Config"]["User"]
        usual = {"root-is-root"} if root else set() if careful else {"may-become-root"}
        covered = {"root-is-root"} if name == "near" else set()
        assert set(of(findings, inspected["Id"])) & UNTOLD == usual - covered, name


@pytest.mark.parametrize(
    ("name", "rule", "severity", "evidence"),
    [
        ("plain", "root-is-root", "low", {"uid_map": [[0, 0, 4294967295]]}),
        ("pid", "host-pid", "medium", {"kind": "pid"}),
        ("tracer", "host-pid", "high", {"capabilities": ["SYS_PTRACE"]}),
        ("tracer", "capabilities", "medium", {"permitted": ["SYS_PTRACE"]}),
        ("admin", "capabilities", "high", {"permitted": ["SYS_ADMIN"]}),
        ("network", "capabilities", "medium", {"permitted": ["NET_ADMIN"]}),
        ("nice", "capabilities", "low", {"permitted": ["SYS_NICE"]}),
        ("unfiltered", "seccomp-off", "medium", {"seccomp": 0}),
        ("unmasked", "proc-writable", "high", {"point": "/proc"}),
        ("disk", "devices", "high", {}),
        ("rules", "devices", "high", {"nodes": []}),
        ("socket", "runtime-socket", "high", {"path": "/var/run/docker.sock", "daemon": "docker"}),
        ("renamed", "runtime-socket", "high", {"path": "/some.where", "daemon": "containerd"}),
        ("around", "runtime-socket", "high", {"path": "/around/d.sock", "daemon": "docker"}),
        ("root", "host-path", "high", {"host": "/", "point": "/host", "writable": True}),
        ("root-ro", "host-path", "medium", {"writable": False}),
        ("etc", "host-path", "high", {"host": "/etc", "point": "/host-etc"}),
        ("sys", "host-path", "medium", {"host": "/sys", "point": "/host-sys"}),
        ("near", "privileged", "high", {"seccomp": 0, "user_namespace": "the host's"}),
        ("user", "may-become-root", "low", {"uid": 1000}),
    ],
)
def test_severity_and_evidence(
    told: dict[str, dict[str, Any]], findings: list[dict[str, Any]], name: str, rule: str, severity: str,
    evidence: dict[str, Any],
) -> None:  # fmt: skip
    own = [f for f in findings if f["rule"] == rule and str(f["subject"]).endswith(told[name]["Id"])]
    assert {(f["severity"], f["name"]) for f in own} == {(severity, f"au-{name}")}
    assert any(f["evidence"] | evidence == f["evidence"] for f in own), own


def test_evidence_is_what_the_kernel_says(told: dict[str, dict[str, Any]], findings: list[dict[str, Any]]) -> None:
    pid = told["near"]["State"]["Pid"]
    status = Path(f"/proc/{pid}/status").read_text()
    bounding = int(next(line for line in status.splitlines() if line.startswith("CapBnd")).split()[1], 16)
    evidence = of(findings, told["near"]["Id"])["privileged"]["evidence"]
    assert len(evidence["capabilities"]) == bin(bounding).count("1") - len(DEFAULT)
    shared = of(findings, told["net"]["Id"])["host-net"]["evidence"]
    assert shared["inode"] == os.stat("/proc/self/ns/net").st_ino == os.stat(f"/proc/{shared['pid']}/ns/net").st_ino


def test_containerd_and_podman_by_themselves(containerd: Containerd, workspace: Workspace, rootfs: Path) -> None:
    require(*Podman.NEEDS)
    podman = Podman(workspace, rootfs)
    id = f"au-{os.getpid()}"
    mapped = ["--uidmap=0:100000:65536", "--gidmap=0:100000:65536"]
    try:
        pid = containerd.container(id)
        podman.container("au-plain")
        podman.container("au-mapped", *mapped)
        podman.container("au-mapped-privileged", "--privileged", *mapped)
        ids = {name: podman.inspect(name)["Id"] for name in ("au-plain", "au-mapped", "au-mapped-privileged")}
        found = audited()
        # ctr sets no filter, and the kernel says so too.
        assert "Seccomp:\t0" in Path(f"/proc/{pid}/status").read_text()
        assert set(of(found, id)) == {"seccomp-off", "root-is-root"}
        assert set(of(found, ids["au-plain"])) == {"root-is-root"}
        assert of(found, ids["au-mapped"]) == {}
        assert {f["severity"] for f in of(found, ids["au-mapped-privileged"]).values()} == {"low"}
    finally:
        podman.clear()
        containerd.remove(id)


def test_engines_themselves_are_no_containers(docker: Docker, findings: list[dict[str, Any]]) -> None:
    subjects = {f["subject"] for f in findings}
    shims = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _comm(pid).startswith("containerd-shim")]
    assert shims
    assert not subjects & {docker.pid, *shims}


def _comm(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


def _cgroups(pid: int) -> list[Path]:
    """The directories of a process's cgroups, in each hierarchy that is mounted."""
    found = []
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        places = [f"/sys/fs/cgroup/{controllers.removeprefix('name=')}", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
        place = next((p for p in places if Path(f"{p}{path}/cgroup.procs").exists()), None)
        if place:
            found.append(Path(place + path))
    return found


def _when_settled() -> None:
    """Until what was just started is old enough to be judged."""
    began = Path("/proc/uptime").read_text().split()[0]
    wait_until(lambda: float(Path("/proc/uptime").read_text().split()[0]) > float(began) + 2.1, 10, "two seconds")


def test_who_is_in_a_containers_cgroup_or_namespaces_but_not_in_both(
    docker: Docker, population: Population, told: dict[str, dict[str, Any]]
) -> None:
    pid = told["plain"]["State"]["Pid"]
    outside = population.process()  # of the host ..
    for directory in _cgroups(pid):
        (directory / "cgroup.procs").write_text(str(outside))  # .. in the container's cgroup
    visitor = population.joined(pid, "mnt", "pid", "net")
    listener = population.joined(told["less"]["State"]["Pid"], "net")
    _when_settled()
    found = audited()
    stray = of(found, outside)["outside-namespaces"]
    assert stray["evidence"]["kinds"] == ["mnt", "pid", "net", "ipc", "uts"]
    assert stray["evidence"]["container"].endswith(told["plain"]["Id"])
    # It was made as the host's root is: more than docker gives, and without a filter.
    assert of(found, outside)["more-than-init"]["severity"] == "high"
    assert set(of(found, visitor)["visitor"]["evidence"]["kinds"]) == {"mnt", "pid", "net"}
    assert of(found, visitor)["visitor"]["severity"] == "medium"
    assert "SYS_ADMIN" in of(found, visitor)["visitor"]["evidence"]["capabilities"]
    assert of(found, listener)["visitor"]["severity"] == "low"
    assert set(of(found, told["plain"]["Id"])) == {"root-is-root"}, "the container itself is as it was"


def test_a_sandbox_inside_and_a_shell_of_dockers(docker: Docker, told: dict[str, dict[str, Any]]) -> None:
    inside = subprocess.Popen([*docker.command, "exec", "au-admin", "unshare", "-m", "sleep", "9999"])
    shell = subprocess.Popen([*docker.command, "exec", "au-plain", "sleep", "9999"])
    try:
        for name in ("admin", "plain"):
            wait_until(lambda name=name: docker.run("top", f"au-{name}").count("sleep") == 2, 20, name)  # type: ignore[misc]
        _when_settled()
        found = audited()
        sandboxed = of(found, told["admin"]["Id"])["own-namespaces"]["evidence"]["processes"]
        assert [(p["comm"], p["kinds"]) for p in sandboxed] == [("sleep", ["mnt"])]
        assert set(of(found, told["plain"]["Id"])) == {"root-is-root"}
    finally:
        for process in (inside, shell):
            process.kill()
            process.wait()


def test_a_pod_that_does_not_share(containerd: Containerd) -> None:
    sandbox = containerd.container(SANDBOX, *as_kubernetes(SANDBOX, container_type="sandbox"), namespace="k8s.io")
    options = as_kubernetes(APP, container_type="container", container_name="cart", image_name="shop/cart:3")
    shared = [f"--with-ns={name}:/proc/{sandbox}/ns/{kind}" for name, kind in (("ipc", "ipc"), ("uts", "uts"))]
    try:
        containerd.container(APP, *options, *shared, namespace="k8s.io")
        found = of(audited(), APP)
        assert set(found["pod-apart"]["evidence"]["kinds"]) == {"net"}
        assert not of(audited(), SANDBOX), "what only holds the namespaces is not looked at"
        containerd.remove(APP, "k8s.io")
        together = [*shared, f"--with-ns=network:/proc/{sandbox}/ns/net"]
        containerd.container(APP, *options, *together, namespace="k8s.io")
        assert "pod-apart" not in of(audited(), APP)
    finally:
        containerd.remove(APP, "k8s.io")
        containerd.remove(SANDBOX, "k8s.io")


def test_a_net_namespace_that_nobody_is_in(workspace: Workspace, population: Population) -> None:
    name = f"au-{os.getpid()}"
    run(["ip", "netns", "add", name], workspace.environment)
    try:
        inode = os.stat(f"/run/netns/{name}").st_ino
        finding = of(audited(), f"net:{inode}")["orphaned-net"]
        assert finding["severity"] == "low"
        assert f"/run/netns/{name}" in finding["evidence"]["names"]
        assert finding["evidence"]["searched"] is True
        with subprocess.Popen(["ip", "netns", "exec", name, *SLEEP], env=workspace.environment) as inside:
            wait_until(lambda: os.readlink(f"/proc/{inside.pid}/ns/net") == f"net:[{inode}]", 20, "ip netns exec")
            assert of(audited(), f"net:{inode}") == {}
            inside.kill()
    finally:
        run(["ip", "netns", "delete", name], workspace.environment)


def test_without_root_it_says_what_it_could_not_check(told: dict[str, dict[str, Any]], user: User) -> None:
    done = user.nsview("audit", "--json")
    printed = json.loads(done.stdout)
    assert done.returncode == 1
    assert any("EACCES" in line for line in printed["unchecked"])
    assert "not checked" in done.stderr
    found = of(printed["findings"], told["admin"]["Id"])
    assert found["capabilities"]["evidence"]["permitted"] == ["SYS_ADMIN"], "status is for all to read"
    assert not {rule for f in printed["findings"] for rule in [f["rule"]] if rule.startswith("host-")} - {"host-path"}


def test_a_recording_is_audited_as_its_host_was(
    docker: Docker, told: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "recording"

    def shown() -> bytes:
        return subprocess.run(
            ["zcat", str(file)], capture_output=True, check=False
        ).stdout  # its end is not written yet

    with subprocess.Popen([*NSVIEW, "record", str(file)], stderr=subprocess.DEVNULL) as recorder:
        try:
            wait_until(lambda: b'"security"' in shown(), 30, "facts in the recording")
            docker.container("au-late", "-v", "/etc:/host-etc")
            late = docker.inspect("au-late")["Id"]
            wait_until(lambda: shown().count(b'"frame":"security"') > 1, 30, "those of a new container")
        finally:
            docker.run("rm", "--force", "--volumes", "au-late", check=False)
            recorder.terminate()
    recorded = audited("--from", str(file))
    for inspected in told.values():
        assert {r: f["severity"] for r, f in of(recorded, inspected["Id"]).items()} == {
            r: f["severity"] for r, f in of(audited(), inspected["Id"]).items()
        }
        break
    # It may be gone at the end; what confined it was told either way.
    assert late in shown().decode() and '"host":"/etc"' in shown().decode()


def test_the_words_for_people(told: dict[str, dict[str, Any]]) -> None:
    done = nsview("audit")
    assert done.returncode == 1
    assert "is in the host's net namespace" in done.stdout
    assert done.stdout.count("Root needs no capability to write /proc/sys") == 1, "explained where it is first told of"
    only = nsview("audit", "--severity", "high", "--json")
    assert {f["severity"] for f in json.loads(only.stdout)["findings"]} == {"high"}
