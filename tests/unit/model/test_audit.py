"""Each rule on what it is for, and on what is nearly that."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nsview.model.audit import RULES, SEVERITIES, Finding, audit, printed, unchecked
from nsview.model.audit.privileges import DEFAULT, TAKING_OVER
from nsview.model.records import Capabilities, Container, Holder, Label, Namespace, Pod, Process
from nsview.model.security import DaemonSocket, DeviceNode, Exposed, Facts, PathMount, Security, mask
from nsview.model.snapshot import Snapshot, snapshot
from tests.unit.make import HOST, HOST_INODE, container, host, process

APART = ((0, 100000, 65536),)
WHOLE = ((0, 0, 4294967295),)
ROOT = PathMount(
    "/", "/", "0:39", "overlay", "overlay", ("rw", "relatime"), ("rw",), "/var/lib/docker/overlay2/x/merged"
)  # fmt: skip
PROC = PathMount("/proc", "/", "0:42", "proc", "proc", ("rw", "nosuid", "nodev", "noexec"), ("rw",))
PROC_SYS = PathMount("/proc/sys", "/sys", "0:42", "proc", "proc", ("ro", "nosuid"), ("rw",))
SYS = PathMount("/sys", "/", "0:45", "sysfs", "sysfs", ("ro", "nosuid"), ("ro",))
USUAL = (ROOT, PROC, SYS, PROC_SYS)
RULES_OF_DOCKER = ("b *:* m", "c *:* m", "c 1:3 rwm", "c 136:* rwm")
NOTHING = Exposed((), (), ())


def caps(extra: int = 0, *, less: int = 0, bounding: int | None = None) -> Capabilities:
    held = DEFAULT & ~less | extra
    return Capabilities(held, held, 0, held if bounding is None else bounding, 0)


def facts(pid: int, /, **fields: Any) -> Security:
    """Of a process as docker starts one by itself."""
    usual: dict[str, Any] = {
        "pid": pid, "start": pid, "age": 60.0, "uid": 0, "gid": 0, "groups": (0,), "capabilities": caps(), "seccomp": 2,
        "no_new_privs": False, "uid_map": WHOLE, "gid_map": WHOLE, "mounts": USUAL, "inside": NOTHING,
        "devices": RULES_OF_DOCKER,
    }  # fmt: skip
    return Security(**(usual | fields))


def inside(pid: int, /, **fields: Any) -> Process:
    """A process in namespaces of its own, as docker starts one, in the container "web"."""
    own = {"mnt": 11, "uts": 12, "ipc": 13, "pid": 14, "net": 15, "container": "docker:web", "cgroup": "/docker/web"}
    return process(pid, fields.pop("ppid", 1), **{**own, **fields})


def found(*findings: Finding) -> dict[str, tuple[str, str | int]]:
    """{rule: (severity, subject)}, without what every container of docker's has."""
    return {f.rule: (f.severity, f.subject) for f in findings if f.rule != "root-is-root"}


def of_web(
    init: Process, security: Security | None, *others: Process, known: tuple[Security, ...] = ()
) -> list[Finding]:
    """The findings on the container "web" with this first process; others are members where they say so."""
    members = [p.pid for p in (init, *others) if p.container == "docker:web"]
    at = host(init, *others, containers=[container("web", members)])
    told = [*([security] if security else []), *known]
    return audit(at, Facts({s.pid: s for s in told}))


def test_a_container_as_docker_makes_it_runs_as_root_and_that_is_all() -> None:
    findings = of_web(inside(7), facts(7))
    assert [(f.rule, f.severity, f.subject, f.name) for f in findings] == [("root-is-root", "low", "docker:web", "web")]
    assert findings[0].evidence["uid_map"] == [[0, 0, 4294967295]]


@pytest.mark.parametrize("kind", ["mnt", "pid", "net", "ipc", "uts", "user", "cgroup", "time"])
def test_a_namespace_that_is_the_hosts(kind: str) -> None:
    severities = {"mnt": "high", "pid": "medium", "net": "medium", "ipc": "medium", "uts": "low"}
    shared = inside(7, **{kind: HOST_INODE})
    expected = {f"host-{kind}": (severities[kind], "docker:web")} if kind in severities else {}
    assert found(*of_web(shared, facts(7))) == expected
    # One that could not be read is not said to be the host's.
    unread = msgspec.structs.replace(shared, namespaces=msgspec.structs.replace(shared.namespaces, **{kind: None}))
    assert found(*of_web(unread, facts(7))) == {}


def test_what_makes_a_shared_namespace_worse_or_harmless() -> None:
    tracing = facts(7, capabilities=caps(mask("SYS_PTRACE")))
    assert found(*of_web(inside(7, pid=HOST_INODE), tracing))["host-pid"][0] == "high"
    configuring = facts(7, capabilities=caps(mask("NET_ADMIN")))
    assert found(*of_web(inside(7, net=HOST_INODE), configuring))["host-net"][0] == "high"
    user = inside(7, pid=HOST_INODE, uid=1000)
    assert found(*of_web(user, facts(7, uid=1000)))["host-pid"][0] == "low"
    # Kubernetes gives who has the host's net its uts too.
    assert "host-uts" not in found(*of_web(inside(7, net=HOST_INODE, uts=HOST_INODE), facts(7)))


MOUNTS: list[tuple[str, tuple[PathMount, ...], dict[str, str]]] = [
    ("/ to write", (PathMount("/host", "/", "8:1", "ext4", "/dev/sda1", ("rw",), ("rw",), "/"),),
     {"host-path": "high"}),
    ("/ to read", (PathMount("/host", "/", "8:1", "ext4", "/dev/sda1", ("ro",), ("rw",), "/"),),
     {"host-path": "medium"}),
    ("/ read-only", (PathMount("/host", "/", "8:1", "ext4", "/dev/sda1", ("rw",), ("ro",), "/"),),
     {"host-path": "medium"}),
    ("/var above /var/lib/docker", (PathMount("/v", "/var", "8:1", "ext4", "s", ("rw",), ("rw",), "/var"),),
     {"host-path": "high"}),
    ("below /var/lib/docker",
     (PathMount("/data", "/var/lib/docker/volumes/d/_data", "8:1", "ext4", "s", ("rw",), ("rw",),
     "/var/lib/docker/volumes/d/_data"),), {}),
    ("/etc/hosts", (PathMount("/etc/hosts", "/x/hosts", "8:1", "ext4", "s", ("rw",), ("rw",), "/x/hosts"),), {}),
    ("/etcetera", (PathMount("/x", "/etcetera", "8:1", "ext4", "s", ("rw",), ("rw",), "/etcetera"),), {}),
    ("/usr to read", (PathMount("/x", "/usr", "8:1", "ext4", "s", ("ro",), ("rw",), "/usr"),), {}),
    ("/etc of nobody", (PathMount("/x", "/etc", "8:1", "ext4", "s", ("rw",), ("rw",)),), {}),
    ("the host's /proc", (PathMount("/p", "/", "0:21", "proc", "proc", ("rw",), ("rw",), "/proc"),),
     {"host-path": "high"}),
    ("below the host's /", (PathMount("/host", "/", "8:1", "ext4", "s", ("ro",), ("rw",), "/"),
     PathMount("/host/sys", "/", "0:22", "sysfs", "sysfs", ("rw",), ("rw",), "/sys"),
     PathMount("/host/p", "/", "0:99", "proc", "proc", ("rw",), ("rw",))), {"host-path": "medium"}),
]  # fmt: skip


@pytest.mark.parametrize(("mounts", "expected"), [row[1:] for row in MOUNTS], ids=[row[0] for row in MOUNTS])
def test_directories_of_the_host(mounts: tuple[PathMount, ...], expected: dict[str, str]) -> None:
    findings = found(*of_web(inside(7), facts(7, mounts=(*USUAL, *mounts))))
    assert {rule: severity for rule, (severity, _) in findings.items()} == expected


def test_a_directory_of_the_host_is_less_to_who_is_not_root_there() -> None:
    mounts = (*USUAL, MOUNTS[0][1][0])
    assert found(*of_web(inside(7, uid=1000), facts(7, uid=1000, mounts=mounts)))["host-path"][0] == "medium"
    apart = inside(7, user=16, uid=100000)
    assert found(*of_web(apart, facts(7, uid=100000, uid_map=APART, mounts=mounts)))["host-path"][0] == "low"


KERNEL: list[tuple[str, tuple[PathMount, ...], dict[str, str]]] = [
    ("/proc/sys not covered", (ROOT, PROC, SYS), {"proc-writable": "high"}),
    ("/proc/sys mounted to write", (ROOT, PROC, SYS, msgspec.structs.replace(PROC_SYS, options=("rw",))),
     {"proc-writable": "high"}),
    ("/proc read-only", (ROOT, msgspec.structs.replace(PROC, options=("ro",)), SYS), {}),
    ("another /proc", (*USUAL, msgspec.structs.replace(PROC, point="/p")), {"proc-writable": "high"}),
    ("/sys to write", (ROOT, PROC, PROC_SYS, msgspec.structs.replace(SYS, options=("rw",), super_options=("rw",))),
     {"sys-writable": "medium"}),
    ("cgroups above", (*USUAL, PathMount("/sys/fs/cgroup", "/", "0:29", "cgroup2", "cgroup", ("rw",), ("rw",), "/c")),
     {"cgroup-writable": "medium"}),
    ("cgroups above, to read",
     (*USUAL, PathMount("/sys/fs/cgroup", "/", "0:29", "cgroup2", "c", ("ro",), ("rw",), "/c")),
     {}),
    ("its own cgroup",
     (*USUAL, PathMount("/sys/fs/cgroup", "/docker/web", "0:29", "cgroup2", "c", ("rw",), ("rw",), "/c")),
     {}),
]  # fmt: skip


@pytest.mark.parametrize(("mounts", "expected"), [row[1:] for row in KERNEL], ids=[row[0] for row in KERNEL])
def test_what_of_the_kernel_can_be_written(mounts: tuple[PathMount, ...], expected: dict[str, str]) -> None:
    findings = found(*of_web(inside(7), facts(7, mounts=mounts)))
    assert {rule: severity for rule, (severity, _) in findings.items()} == expected
    apart = of_web(inside(7, user=16, uid=100000), facts(7, uid=100000, uid_map=APART, mounts=mounts))
    assert found(*apart) == {}, "what counts there belongs to the host's root"


def test_parts_of_proc_that_are_masked_elsewhere() -> None:
    bare = facts(7, inside=Exposed((), (), ("/proc/kcore", "/sys/firmware")))
    findings = of_web(inside(7), bare)
    assert found(*findings) == {"proc-unmasked": ("medium", "docker:web")}
    assert findings[0].evidence == {"unmasked": ["/proc/kcore", "/sys/firmware"]}


def socket(**fields: Any) -> DaemonSocket:
    usual = {"path": "/var/run/docker.sock", "host": "/run/docker.sock", "daemon": "docker", "known": True,
             "mode": 0o660, "uid": 0, "gid": 999}  # fmt: skip
    return DaemonSocket(**(usual | fields))


@pytest.mark.parametrize(
    ("fields", "security", "severity"),
    [
        ({}, {}, "high"),
        ({}, {"uid": 1000, "gid": 1000, "capabilities": caps(less=DEFAULT, bounding=DEFAULT)}, "medium"),
        ({}, {"uid": 1000, "capabilities": caps(less=DEFAULT, bounding=0)}, "low"),
        ({}, {"uid": 1000, "groups": (999,), "capabilities": caps(less=DEFAULT, bounding=0)}, "high"),
        ({"mode": 0o666}, {"uid": 1000, "capabilities": caps(less=DEFAULT, bounding=0)}, "high"),
        ({"uid": 1000}, {"uid": 1000, "capabilities": caps(less=DEFAULT, bounding=0)}, "high"),
        ({}, {"no_new_privs": True, "uid": 1000, "capabilities": caps(less=DEFAULT, bounding=DEFAULT)}, "low"),
    ],
    ids=["root", "may become root", "user", "group", "for all", "its owner", "without new privileges"],
)
def test_a_daemons_socket_is_worth_what_its_permissions_allow(
    fields: dict[str, Any], security: dict[str, Any], severity: str
) -> None:
    known = facts(7, **security, inside=Exposed((socket(**fields),), (), ()))
    findings = of_web(inside(7, uid=known.uid), known)
    assert found(*findings)["runtime-socket"] == (severity, "docker:web")
    assert next(f for f in findings if f.rule == "runtime-socket").evidence["path"] == "/var/run/docker.sock"


def test_within_the_hosts_root_a_socket_is_the_least_of_it() -> None:
    reached = Exposed((socket(path="/host/run/docker.sock"),), (), ())
    to_write = (*USUAL, MOUNTS[0][1][0])
    assert set(found(*of_web(inside(7), facts(7, mounts=to_write, inside=reached)))) == {"host-path"}
    to_read = (*USUAL, MOUNTS[1][1][0])
    assert set(found(*of_web(inside(7), facts(7, mounts=to_read, inside=reached)))) == {"host-path", "runtime-socket"}


@pytest.mark.parametrize(
    ("rules", "nodes", "capabilities", "expected"),
    [
        ((*RULES_OF_DOCKER, "b 8:0 rwm"), (DeviceNode("/dev/sda", "b", 8, 0),), caps(), "high"),
        ((*RULES_OF_DOCKER, "b 8:0 r"), (), caps(), "high"),
        ((*RULES_OF_DOCKER, "b 8:0 r"), (), caps(less=mask("MKNOD")), None),
        (RULES_OF_DOCKER, (DeviceNode("/dev/sda", "b", 8, 0),), caps(), None),
        (RULES_OF_DOCKER, (), caps(), None),
        (("a *:* rwm",), (DeviceNode("/dev/mem", "c", 1, 1),), caps(less=mask("MKNOD")), "high"),
        ((*RULES_OF_DOCKER, "c 1:1 rwm"), (), caps(), "high"),
        (None, (DeviceNode("/dev/sda", "b", 8, 0),), caps(), "medium"),
        (None, (), caps(), None),
        (("nonsense", "b 8 rwm x"), (DeviceNode("/dev/sda", "b", 8, 0),), caps(), None),
    ],
    ids=["node", "may make the node", "may not make it", "denied", "none", "memory", "any memory", "v2", "v2, none",
         "nonsense"],
)  # fmt: skip
def test_disks_and_memory(
    rules: tuple[str, ...] | None, nodes: tuple[DeviceNode, ...], capabilities: Capabilities, expected: str | None
) -> None:
    known = facts(7, devices=rules, inside=Exposed((), nodes, ()), capabilities=capabilities)
    assert found(*of_web(inside(7), known)) == ({"devices": (expected, "docker:web")} if expected else {})


def test_a_device_on_a_file_system_without_devices_is_none() -> None:
    nodev = PathMount("/dev", "/", "0:43", "tmpfs", "tmpfs", ("rw", "nosuid", "nodev"), ("rw",))
    known = facts(7, devices=None, inside=Exposed((), (DeviceNode("/dev/sda", "b", 8, 0),), ()), mounts=(*USUAL, nodev))
    assert found(*of_web(inside(7), known)) == {}


@pytest.mark.parametrize(
    ("capabilities", "fields", "severity", "words"),
    [
        (caps(mask("SYS_ADMIN")), {}, "high", "has SYS_ADMIN"),
        (caps(mask("SYS_NICE", "NET_ADMIN")), {}, "medium", "has NET_ADMIN, SYS_NICE"),
        (caps(mask("SYS_NICE")), {}, "low", "has SYS_NICE"),
        (caps(1 << 63), {}, "low", "has 63"),
        (caps(less=DEFAULT, bounding=DEFAULT | mask("SYS_ADMIN")), {"uid": 1000}, "medium", "set-uid"),
        (caps(less=DEFAULT, bounding=DEFAULT | mask("SYS_ADMIN")), {"uid": 1000, "no_new_privs": True}, None, ""),
        (caps(less=mask("MKNOD")), {}, None, ""),
    ],
    ids=["high", "medium", "low", "newer than this", "in reach", "out of reach", "less than default"],
)
def test_capabilities_beyond_the_default(
    capabilities: Capabilities, fields: dict[str, Any], severity: str | None, words: str
) -> None:
    findings = of_web(inside(7, uid=fields.get("uid", 0)), facts(7, capabilities=capabilities, **fields))
    of_rule = [f for f in findings if f.rule == "capabilities"]
    assert [f.severity for f in of_rule] == ([severity] if severity else [])
    assert all(words in f.text for f in of_rule)
    apart = of_web(inside(7, user=16, uid=5), facts(7, uid=5, uid_map=APART, capabilities=capabilities))
    assert {f.severity for f in apart if f.rule == "capabilities"} <= {"low"}


def test_privileged_says_it_once() -> None:
    everything = facts(
        7, capabilities=caps((1 << 41) - 1), seccomp=0, devices=("a *:* rwm",), mounts=(ROOT, PROC),
        inside=Exposed((), (), ("/proc/kcore",)),
    )  # fmt: skip
    (finding,) = of_web(inside(7), everything)
    assert (finding.rule, finding.severity) == ("privileged", "high")
    assert set(finding.evidence["also"]) == {
        "capabilities", "seccomp-off", "root-is-root", "proc-writable", "proc-unmasked", "devices",
    }  # fmt: skip
    near = caps(TAKING_OVER & ~mask("SYS_MODULE"))
    assert "privileged" not in found(*of_web(inside(7), msgspec.structs.replace(everything, capabilities=near)))
    assert "privileged" not in found(*of_web(inside(7), msgspec.structs.replace(everything, seccomp=2)))
    apart = msgspec.structs.replace(everything, uid=100000, uid_map=APART)
    assert found(*of_web(inside(7, user=16, uid=100000), apart))["privileged"][0] == "low"


@pytest.mark.parametrize(("seccomp", "expected"), [(0, True), (1, False), (2, False), (None, False)])
def test_seccomp(seccomp: int | None, expected: bool) -> None:
    assert ("seccomp-off" in found(*of_web(inside(7), facts(7, seccomp=seccomp)))) is expected


@pytest.mark.parametrize(
    ("lsm", "label", "expected"),
    [
        (("apparmor",), None, "medium"),
        (("apparmor",), Label("apparmor", "docker-default"), None),
        (("selinux",), Label("selinux", "system_u:system_r:spc_t:s0"), "medium"),
        (("selinux",), Label("selinux", "system_u:system_r:container_t:s0:c1,c2"), None),
        ((), None, None),
    ],
)
def test_a_security_module(lsm: tuple[str, ...], label: Label | None, expected: str | None) -> None:
    at = host(inside(7), containers=[container("web", [7])])
    findings = found(*audit(at, Facts({7: facts(7, label=label)}, lsm)))
    assert findings == ({"lsm-unconfined": (expected, "docker:web")} if expected else {})


@pytest.mark.parametrize(
    ("uid", "user", "uid_map", "expected"),
    [
        (0, HOST_INODE, WHOLE, ["root-is-root"]),
        (0, 16, ((0, 0, 1),), ["root-is-root"]),
        (100000, 16, APART, []),
        (1000, HOST_INODE, WHOLE, ["may-become-root"]),
    ],
    ids=["host", "mapped to itself", "mapped elsewhere", "another user"],
)
def test_root_inside_and_outside(
    uid: int, user: int, uid_map: tuple[tuple[int, int, int], ...], expected: list[str]
) -> None:
    findings = of_web(inside(7, uid=uid, user=user), facts(7, uid=uid, uid_map=uid_map))
    assert [f.rule for f in findings] == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"no_new_privs": True},
        {"no_new_privs": None},
        {"capabilities": caps(less=DEFAULT, bounding=0)},
        {"mounts": (msgspec.structs.replace(ROOT, options=("rw", "nosuid")),)},
    ],
    ids=["no_new_privs", "not known", "no capabilities to gain", "nosuid"],
)
def test_who_cannot_become_root(fields: dict[str, Any]) -> None:
    assert of_web(inside(7, uid=1000), facts(7, uid=1000, **fields)) == []


# Who is in which namespace


def strayed(**fields: Any) -> list[Finding]:
    """A second process in the container's cgroup, elsewhere in these kinds; `age` of its facts."""
    other = facts(8, age=fields.pop("age", 60.0), mounts=None, inside=None)
    return of_web(inside(7), facts(7), inside(8, **fields), known=(other,))


def test_a_process_in_the_cgroup_and_in_the_hosts_namespaces() -> None:
    assert found(*strayed()) == {}
    (finding,) = (f for f in strayed(mnt=HOST_INODE, pid=HOST_INODE) if f.rule != "root-is-root")
    assert (finding.rule, finding.severity, finding.subject) == ("outside-namespaces", "medium", 8)
    assert finding.evidence["kinds"] == ["mnt", "pid"]
    assert found(*strayed(net=HOST_INODE)) == {"outside-namespaces": ("low", 8)}
    assert found(*strayed(user=HOST_INODE)) == {}, "its first process is there too"
    assert found(*strayed(mnt=HOST_INODE, age=0.1)) == {}, "a runtime moves it in a moment"
    assert found(*strayed(mnt=HOST_INODE, net=None, state="Z")) == {}
    left = found(*strayed(mnt=HOST_INODE, state="Z"))
    assert left == {"outside-namespaces": ("medium", 8)}, "its first thread alone has ended: another is there still"


def test_of_a_tree_of_processes_the_topmost_is_told() -> None:
    tree = (inside(8, mnt=HOST_INODE), inside(9, ppid=8, mnt=HOST_INODE))
    findings = of_web(inside(7), facts(7), *tree, known=(facts(8), facts(9)))
    assert [f.subject for f in findings if f.rule == "outside-namespaces"] == [8]


def test_a_process_in_a_further_namespace_inside() -> None:
    findings = [f for f in strayed(mnt=99, ppid=7) if f.rule != "root-is-root"]
    assert [(f.rule, f.severity, f.subject) for f in findings] == [("own-namespaces", "low", "docker:web")]
    assert findings[0].evidence["processes"] == [{"pid": 8, "comm": "p8", "kinds": ["mnt"]}]


def test_a_process_in_another_containers_namespace() -> None:
    other = inside(9, mnt=21, pid=24, net=25, ipc=23, uts=22, container="docker:db")
    in_it = inside(8, net=25)
    at = host(inside(7), in_it, other, containers=[container("web", [7, 8]), container("db", [9])])
    told = Facts({pid: facts(pid) for pid in (7, 8, 9)})
    assert found(*audit(at, told)) == {"other-container": ("medium", 8)}
    # The whole container shares it, as --network=container:db does: nothing strays.
    containers = [container("web", [7, 8]), container("db", [9])]
    joined = host(inside(7, net=25), inside(8, net=25), other, containers=containers)
    assert found(*audit(joined, told)) == {}


def test_a_process_in_a_containers_namespaces_and_not_in_its_cgroup() -> None:
    def with_visitor(**fields: Any) -> list[Finding]:
        age = fields.pop("age", 60.0)
        guest = process(8, 1, cgroup="/user.slice", **fields)
        powerful = facts(8, age=age, capabilities=caps((1 << 41) - 1))
        return of_web(inside(7), facts(7), guest, known=(powerful,))

    assert found(*with_visitor()) == {}
    (finding,) = (f for f in with_visitor(mnt=11, pid=14, net=15) if f.rule == "visitor")
    assert (finding.severity, finding.subject) == ("medium", 8)
    assert finding.evidence["kinds"] == {"mnt": "docker:web", "pid": "docker:web", "net": "docker:web"}
    assert "SYS_ADMIN" in finding.evidence["capabilities"]
    assert found(*with_visitor(net=15)) == {"visitor": ("low", 8)}
    assert found(*with_visitor(net=15, comm="rootlessport-ch")) == {}, "podman's own"
    assert found(*with_visitor(mnt=11, comm="rootlessport-ch")) == {"visitor": ("medium", 8)}, "not with the files too"
    assert found(*with_visitor(mnt=11, age=0.1)) == {}


def test_one_process_with_more_than_the_container() -> None:
    def second(**fields: Any) -> dict[str, tuple[str, str | int]]:
        return found(*of_web(inside(7), facts(7), inside(8), known=(facts(8, **fields),)))

    assert second() == {}
    assert second(capabilities=caps(mask("SYS_ADMIN"))) == {"more-than-init": ("high", 8)}
    assert second(seccomp=0) == {"more-than-init": ("medium", 8)}
    assert second(seccomp=None) == {}
    below = of_web(inside(7), facts(7), inside(8, user=33), known=(facts(8, capabilities=caps((1 << 41) - 1)),))
    assert set(found(*below)) == {"own-namespaces"}, "a user namespace below gives power over nothing but itself"


def pod_of(runtime: str, *kinds: dict[str, int], sandbox: bool = True) -> dict[str, tuple[str, str | int]]:
    pod = Pod("shop", "default", "uid-1")
    processes, containers = [], []
    for number, inodes in enumerate(kinds):
        pid, role = 10 + number, "sandbox" if sandbox and not number else "container"
        name = f"c{number}"
        processes.append(inside(pid, **({"mnt": 100 + pid, "pid": 200 + pid} | inodes), container=f"{runtime}:{name}"))
        containers.append(container(name, [pid], key=f"{runtime}:{name}", runtime=runtime, pod=pod, role=role))
    at = host(*processes, containers=containers)
    return found(*audit(at, Facts({p.pid: facts(p.pid) for p in processes})))


def test_a_pod_whose_containers_do_not_share() -> None:
    assert pod_of("containerd", {}, {}, {}) == {}
    assert pod_of("containerd", {}, {}, {"net": 77}) == {"pod-apart": ("medium", "containerd:c2")}
    assert pod_of("containerd", {}, {"net": 77}) == {"pod-apart": ("medium", "containerd:c1")}
    # What podman's pods share is for their maker to say: nothing here, net alone there.
    assert pod_of("podman", {"ipc": 1000}, {"ipc": 1001}) == {}
    assert pod_of("podman", {}, {}, {"net": 77}) == {"pod-apart": ("medium", "podman:c2")}


def test_a_net_namespace_without_a_process() -> None:
    first = process(1, 0)
    empty = Namespace("net", 50, 4, names=("/run/netns/blue",), held_by=(Holder("mount", path="/run/netns/blue"),))
    lived_in = Namespace("net", 51, 4, names=("/run/netns/red",))
    initial = Namespace("net", HOST_INODE, 4, initial=True)
    of_user = Namespace("user", 52, 4)
    at = snapshot(HOST, 1.0, [first, process(2, net=51)], [empty, lived_in, initial, of_user], [])
    (finding,) = audit(at, Facts())
    assert (finding.rule, finding.severity, finding.subject) == ("orphaned-net", "low", "net:50")
    assert finding.evidence["held_by"] == ["mount /run/netns/blue"]
    assert finding.evidence["searched"] is False


# All together


def test_pause_shims_services_and_the_host_itself_are_not_looked_at() -> None:
    shim = process(5, 1, comm="containerd-shim", cmdline=("containerd-shim-runc-v2",))
    service = process(6, 1, mnt=61, cgroup="/system.slice/ssh.service")
    pause = inside(7, net=HOST_INODE, container="containerd:pause")
    sandbox = container("pause", [7], key="containerd:pause", role="sandbox")
    told = {pid: facts(pid, seccomp=0, capabilities=caps((1 << 41) - 1)) for pid in (5, 6, 7)}
    assert audit(host(process(1, 0), shim, service, pause, containers=[sandbox]), Facts(told)) == []


def test_a_reused_pid_has_no_facts() -> None:
    other = facts(7, start=6, seccomp=0)
    assert found(*of_web(inside(7), other)) == {}


def test_findings_can_be_ignored() -> None:
    def rules(*ignore: str) -> list[str]:
        at = host(inside(7, net=HOST_INODE), containers=[container("web", [7])])
        return [finding.rule for finding in audit(at, Facts({7: facts(7)}), ignore)]

    assert rules() == ["host-net", "root-is-root"]
    assert rules("root-is-root", "host-pid") == ["host-net"]
    assert rules("host-net:web") == ["root-is-root"]
    assert rules("host-net:docker:web") == ["root-is-root"]
    assert rules("host-net:db") == ["host-net", "root-is-root"]


def test_the_worst_subject_is_first_and_its_worst_finding() -> None:
    bad = inside(9, mnt=21, pid=24, net=HOST_INODE, ipc=23, uts=22, container="docker:zoo")
    at = host(inside(7), bad, containers=[container("web", [7]), container("zoo", [9])])
    findings = audit(at, Facts({7: facts(7), 9: facts(9, capabilities=caps(mask("SYS_ADMIN")))}))
    assert [(f.name, f.severity) for f in findings] == [
        ("zoo", "high"), ("zoo", "medium"), ("zoo", "low"), ("web", "low"),
    ]  # fmt: skip


def test_json_has_what_scripts_depend_on() -> None:
    object_ = printed(of_web(inside(7, net=HOST_INODE), facts(7)), ["something"])
    assert object_["schema"] == 1
    assert object_["unchecked"] == ["something"]
    for finding in object_["findings"]:
        assert {"rule", "severity", "subject", "text", "evidence"} <= finding.keys()
        assert finding["severity"] in SEVERITIES
    assert msgspec.json.decode(msgspec.json.encode(object_)) == object_


def test_every_rule_explains_itself() -> None:
    for id, rule in RULES.items():
        assert rule.id == id
        assert rule.title and rule.why.endswith(".") and rule.do.endswith(".")
        assert set(rule.covers) <= set(RULES)


def test_the_rules_are_those_that_are_written_down() -> None:
    text = (Path(__file__).parents[3] / "docs" / "audit.md").read_text(encoding="utf-8")
    rows = [tuple(cell.strip(" `") for cell in line.split("|")[1:-1]) for line in text.splitlines() if "| `" in line]
    assert rows == [(rule.id, rule.severity, rule.title) for rule in RULES.values()]


def test_what_could_not_be_checked_is_said_but_not_of_the_newborn() -> None:
    def lines(init: Process, security: Security | None, change: Callable[[Snapshot], Snapshot] = lambda s: s) -> str:
        at = change(host(init, containers=[container("web", [7])]))
        return "\n".join(unchecked(at, Facts({7: security} if security else {})))

    assert lines(inside(7), facts(7)).startswith("who holds net namespaces: ")
    assert "how 1 of 1 processes in containers are confined: " in lines(inside(7), None)
    assert "what 1 of 1 processes in containers share: " in lines(inside(7, unreadable="EACCES"), facts(7))
    assert "reach: their paths could not be read (EACCES)" in lines(inside(7), facts(7, unreadable="EACCES"))
    assert unchecked(host(process(1, 0)), Facts())[1:] == []
    for start, number in ((8, 1), (facts(7).start + 5900, 0), (7000, 0)):
        born = host(inside(7), inside(8, start=start), containers=[container("web", [7, 8])])
        told = "\n".join(unchecked(born, Facts({7: facts(7)})))
        assert told.count("how 1 of 2 processes in containers are confined") == number
    hidden = [process(1, 0), *(process(pid, 1, unreadable="EACCES") for pid in range(2, 9_999))]
    for line in unchecked(host(*hidden, inside(9_999), containers=[container("web", [9_999])]), Facts()):
        few, why, _ = line.partition(": ")
        assert why and len(few) <= 54  # whole on a screen of 80 columns


def test_a_container_whose_first_process_is_not_known() -> None:
    lost: Container = container("web", [7], init_pid=None)
    assert found(*audit(host(inside(7), containers=[lost]), Facts({7: facts(7, seccomp=0)}))) == {}
