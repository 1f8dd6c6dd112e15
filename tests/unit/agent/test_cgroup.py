"""Which container a cgroup path names: every layout that the runtimes make, and what only looks like one."""

import pytest

from nsview.agent import cgroup

A, B = "a1" * 32, "b2" * 32
UID = "12345678-1234-1234-1234-123456789abc"
UID_ = UID.replace("-", "_")
STATIC = "0123456789abcdef" * 2

NAMED = [
    # path, runtime, id, pod's uid
    (f"/docker/{A}", "docker", A, None),
    (f"/system.slice/docker-{A}.scope", "docker", A, None),
    (f"/system.slice/docker-{A}.scope/init", "docker", A, None),
    (f"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{A}.scope", "docker", A, None),
    (f"/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{A}.scope", "containerd", A, UID),
    (f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/cri-containerd-{A}.scope",
     "containerd", A, UID),
    (f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/crio-{A}.scope",
     "cri-o", A, UID),
    (f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/docker-{A}.scope",
     "docker", A, UID),
    (f"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{UID_}.slice/cri-containerd-{A}.scope",
     "containerd", A, UID),
    (f"/kubepods/pod{UID}/{A}", None, A, UID),
    (f"/kubepods/burstable/pod{UID}/{A}", None, A, UID),
    (f"/kubepods/besteffort/pod{UID}/{A}", None, A, UID),
    (f"/kubepods/besteffort/pod{UID}/crio-{A}", "cri-o", A, UID),
    (f"/kubepods/burstable/pod{STATIC}/{A}", None, A, STATIC),
    (f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{STATIC}.slice/cri-containerd-{A}.scope",
     "containerd", A, STATIC),
    (f"/system.slice/containerd.service/kubepods-burstable-pod{UID_}.slice:cri-containerd:{A}", "containerd", A, None),
    (f"/system.slice/kubepods-pod{UID_}.slice:crio:{A}", "cri-o", A, None),
    (f"/machine.slice/libpod-{A}.scope", "podman", A, None),
    (f"/machine.slice/libpod-{A}.scope/container", "podman", A, None),
    (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope/container", "podman", A, None),
    (f"/libpod_parent/libpod-{A}", "podman", A, None),
    (f"/system.slice/app.service/libpod-payload-{A}", "podman", A, None),
    (f"/crio/crio-{A}", "cri-o", A, None),
    (f"/system.slice/crio-{A}.scope", "cri-o", A, None),
    (f"/system.slice/nerdctl-{A}.scope", "containerd", A, None),
    (f"/ecs/0123456789abcdef0123456789abcdef/{A}", "ecs", A, None),
    (f"/ecs/cluster/0123456789abcdef0123456789abcdef/{A}", "ecs", A, None),
    (f"/ecs/0123456789abcdef0123456789abcdef/{STATIC}-1234567890", "ecs", f"{STATIC}-1234567890", None),
    ("/docker/buildkit/abcdefghijklmnopqrstuvwxy", "buildkit", "abcdefghijklmnopqrstuvwxy", None),
    ("/lxc.payload.web", "lxc", "web", None),
    ("/lxc.payload/web", "lxc", "web", None),
    ("/user.slice/user-1000.slice/user@1000.service/lxc.payload.web", "lxc", "web", None),
    ("/machine.slice/systemd-nspawn@web.service/payload", "nspawn", "web", None),
    ("/machine.slice/machine-my\\x2dweb.scope/payload", "nspawn", "my-web", None),
]  # fmt: skip

NESTED = [
    (f"/docker/{A}/docker/{B}", "docker", B),
    (f"/docker/{A}/system.slice/docker-{B}.scope", "docker", B),
    (f"/docker/{A}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{UID_}.slice/cri-containerd-{B}.scope",
     "containerd", B),
    (f"/kubepods/burstable/pod{UID}/{A}/docker/{B}", "docker", B),
    (f"/machine.slice/libpod-{A}.scope/container/machine.slice/libpod-{B}.scope", "podman", B),
]  # fmt: skip

NOT_NAMED = [
    "/",
    "/init.scope",
    "/system.slice/ssh.service",
    "/system.slice/docker.service",
    "/system.slice/containerd.service",
    "/default/web",  # containerd's free-form id: known through its shim alone
    f"/{A}",
    f"/docker/{A[:63]}",
    f"/docker/{A}0",
    f"/docker/{A.upper()}",
    f"/docker/{A[:63]}g",
    f"/docker-{A}.scope.d",
    f"/system.slice/docker-{A}.service",
    f"/system.slice/mydocker-{A}x.scope",
    f"/system.slice/libpod-{A}.scoped",
    f"/kubepods/burstable/pod{UID}",
    f"/kubepods.slice/kubepods-pod{UID_[:-1]}.slice/cri-containerd-{A[:63]}.scope",
    f"/machine.slice/libpod-conmon-{A}.scope",
    f"/crio-conmon-{A}.scope",
    f"/kubepods.slice/kubepods-pod{UID_}.slice/crio-conmon-{A}.scope",
    "/docker/buildkit/abcdefghijklmnopqrstuvwx",
    "/docker/buildkit/abcdefghijklmnopqrstuvwxyz",
    "/lxc.monitor.web",
    "/lxc.payload.",
    "/lxc/web",  # old LXC's, but also the id of a container in containerd's namespace lxc: known through its monitor
    "/machine.slice/systemd-nspawn@web.service/supervisor",
    "/machine.slice/systemd-nspawn@web.service",
    "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
    f"/ecs/{A}",
    "/ecs/task/0123456789abcdef0123456789abcdef",
    "/docker/" + "\\xff" * 16,
]


@pytest.mark.parametrize(("path", "runtime", "id", "pod"), NAMED)
def test_every_layout_names_its_container(path: str, runtime: str | None, id: str, pod: str | None) -> None:
    claim = cgroup.claim(path)
    assert claim is not None
    assert (claim.runtime, claim.id, claim.pod_uid) == (runtime, id, pod)


@pytest.mark.parametrize(("path", "runtime", "id", "pod"), NAMED)
def test_what_is_below_a_container_belongs_to_it(path: str, runtime: str | None, id: str, pod: str | None) -> None:
    claim, below = cgroup.claim(path), cgroup.claim(path + "/user.slice/a.service")
    assert claim is not None and below is not None
    assert (below.id, below.runtime, below.pod_uid) == (id, runtime, pod)
    assert path.startswith(below.path)
    assert below.path == claim.path


@pytest.mark.parametrize(("path", "runtime", "id"), NESTED)
def test_a_container_in_a_container_is_its_own(path: str, runtime: str, id: str) -> None:
    claim = cgroup.claim(path)
    assert claim is not None
    assert (claim.runtime, claim.id, claim.path) == (runtime, id, path)


@pytest.mark.parametrize("path", NOT_NAMED)
def test_near_misses_are_no_containers(path: str) -> None:
    assert cgroup.claim(path) is None


def test_a_monitor_beside_a_container_is_not_in_it_but_in_the_one_around_both() -> None:
    """conmon of a podman in a docker container: it names B, stands beside it, and in A."""
    path, claim = cgroup.parse(f"0::/docker/{A}/machine.slice/libpod-conmon-{B}.scope\n")
    assert claim is None
    assert f"/docker/{A}" in list(cgroup.ancestors(path))


def test_hierarchies_that_disagree_are_all_searched() -> None:
    lines = f"12:pids:/\n5:name=systemd:/\n4:memory:/docker/{A}\n0::/system.slice/containerd.service\n"
    path, claim = cgroup.parse(lines)
    assert path == f"/docker/{A}"
    assert claim is not None and claim.id == A


def test_a_path_may_hold_colons() -> None:
    path, claim = cgroup.parse(f"0::/system.slice/containerd.service/x.slice:cri-containerd:{A}\n")
    assert path == f"/system.slice/containerd.service/x.slice:cri-containerd:{A}"
    assert claim is not None and claim.id == A


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ("", ""),
        ("0::/\n", "/"),
        ("9:pids:/\n0::/user.slice\n", "/user.slice"),
        ("9:pids:/user.slice\n1:cpu:/\n", "/user.slice"),
        ("9:pids:/much/longer\n0::/user.slice\n", "/user.slice"),
        ("not a line\n0::/user.slice\n", "/user.slice"),
    ],
)
def test_without_a_container_the_unified_hierarchy_counts_then_the_longest_path(lines: str, path: str) -> None:
    assert cgroup.parse(lines) == (path, None)


@pytest.mark.parametrize("separator", ["\f", "\v", "\r", "\x1c", "\x85", "\u2028"])
def test_a_name_that_looks_like_a_line_of_its_own_is_none(separator: str) -> None:
    """cgroup names may hold any byte but a newline: one made in a delegated tree must not lead into a container."""
    path, claim = cgroup.parse(f"0::/user.slice/{separator}0::/docker/{A}\n")
    assert path == f"/user.slice/{separator}0::/docker/{A}"
    assert claim is not None and claim.path == path


def test_a_long_path_of_almost_ids_is_judged_quickly() -> None:
    """No pattern may take time that grows with more than the length: 4 kB is the kernel's limit of a path."""
    for part in ("kubepods", "kubepods-pod", "/docker/", f"/docker/{A[:63]}", "pod" + UID, "/kubepods/a"):
        assert cgroup.claim((part * 4096)[:4096] + "!") is None


def test_ancestors_end_below_the_root() -> None:
    assert list(cgroup.ancestors("/a/b/c")) == ["/a/b/c", "/a/b", "/a"]
    assert list(cgroup.ancestors("/")) == []
    assert list(cgroup.ancestors("")) == []
