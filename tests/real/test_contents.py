"""What a namespace of each kind holds is what is seen by who joins it, and what /proc and the cgroup files say."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsview.hosts.local import LocalHost
from nsview.model.contents import READ, Cgroup, Contents, Ids, Ipc, MountEntry, Mounts
from nsview.model.kinds import KindName
from nsview.model.net import endpoint

from .command import said
from .conftest import require
from .daemons import Containerd, Docker
from .population import Population
from .runtimes import Podman
from .user import AS_NOBODY, User
from .workspace import cgroup_directory, wait_until


def contents(pid: int, *kinds: KindName) -> Contents:
    """What nsview tells of the namespaces of a process."""
    host = LocalHost()
    try:
        details = host.details(host.first().processes[pid], kinds or READ)
    finally:
        host.stop()
    assert details is not None
    assert details.contents is not None
    return details.contents


def inside(pid: int, *words: str) -> str:
    """What a program of the host's says in namespaces of a process; the first word is nsenter's option."""
    return said(["nsenter", "--target", str(pid), *words])


@pytest.fixture(autouse=True)
def _tools() -> None:
    require("nsenter", "findmnt", "ipcs", "ipcmk", "unshare")


@pytest.fixture(scope="module")
def shop(docker: Docker) -> Iterator[int]:
    """A container with all sorts of mounts, limits and a name: its first process."""
    yield docker.container(
        "k-shop",
        *("--hostname", "shop-1", "--domainname", "example.org", "--memory", "64m", "--pids-limit", "50"),
        *("--cpus", "0.5", "--mount", "type=tmpfs,destination=/cache,tmpfs-size=1m"),
        *("--mount", "type=bind,source=/usr/share,destination=/given,readonly"),
    )
    docker.remove("k-shop")


@pytest.fixture(scope="module")
def task(containerd: Containerd) -> Iterator[int]:
    yield containerd.container("k-task")
    containerd.remove("k-task")


def by_findmnt(pid: int) -> list[tuple[str, str, str, str, str]]:
    columns = "TARGET,FSROOT,FSTYPE,PROPAGATION,VFS-OPTIONS"
    words = ["findmnt", "--task", str(pid), "--json", "--list", "--output", columns]
    listed = json.loads(said(words))["filesystems"]
    # Of a mount that receives alone it says "private,slave", which mount_namespaces(7) calls slave.
    listed = [dict(mount, propagation=mount["propagation"].replace("private,slave", "slave")) for mount in listed]
    return sorted(tuple(mount[name.lower()] for name in columns.split(",")) for mount in listed)


def as_findmnt(mounts: Mounts) -> list[tuple[str, str, str, str, str]]:
    return sorted((m.point, m.root, m.fstype, m.propagation, ",".join(m.options)) for m in mounts.mounts)


def at(mounts: Mounts, point: str) -> MountEntry:
    (found,) = [mount for mount in mounts.mounts if mount.point == point and not mount.hidden]
    return found


def test_mounts_of_containers_are_findmnts(shop: int, task: int) -> None:
    for pid in (shop, task):
        mounts = contents(pid, "mnt").mnt
        assert mounts
        assert as_findmnt(mounts) == by_findmnt(pid)
        assert mounts.total == len(Path(f"/proc/{pid}/mountinfo").read_text().splitlines())


def test_what_a_container_was_given_of_the_hosts_is_told_from_its_own(docker: Docker, shop: int) -> None:
    mounts = contents(shop, "mnt").mnt
    assert mounts
    given = at(mounts, "/given")
    assert (given.host_path, given.read_only, given.propagation) == ("/usr/share", True, "private")
    hosts = at(mounts, "/etc/hosts").host_path
    assert hosts == docker.inspect("k-shop")["HostsPath"]
    root = at(mounts, "/").host_path
    assert root is not None
    assert os.stat(root).st_ino == os.stat(f"/proc/{shop}/root").st_ino
    for own in ("/cache", "/proc", "/dev/shm"):
        assert at(mounts, own).host_path is None
    # Every path that is named has on the host what the container has.
    for mount in mounts.mounts:
        if mount.host_path is not None and not mount.hidden:
            there, here = os.stat(mount.host_path), os.stat(f"/proc/{shop}/root{mount.point}")
            assert (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino), mount


def test_what_differs_from_the_hosts_mounts_in_a_private_namespace(population: Population, tmp_path: Path) -> None:
    over = tmp_path / "over"
    over.mkdir()
    script = f"mount -t tmpfs mine {over}; mount -t tmpfs again {over}; umount /dev/pts; exec sleep 1h"
    pid = population.process("mnt", options=("--propagation", "private"), command=("sh", "-c", script))
    wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", 20, "the mounts")
    mounts = contents(pid, "mnt").mnt
    assert mounts
    first, second = (mount for mount in mounts.mounts if mount.point == str(over))
    assert (first.source, first.hidden, first.host_path) == ("mine", True, None)
    assert (second.source, second.hidden, second.host_path) == ("again", False, None)
    assert at(mounts, "/").host_path == "/"
    assert "/dev/pts" in mounts.missing
    differing = {m.point for m in mounts.mounts if m.host_path != m.point and not m.hidden}
    assert differing <= {str(over), "/dev/pts", "/dev/shm"}  # these may be hidden under another on the host


@pytest.mark.parametrize("kind", ["shared", "slave", "private"])
def test_propagation_from_the_host_is_told(population: Population, tmp_path: Path, kind: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "x", tmp_path], check=True)
    subprocess.run(["mount", "--make-shared", tmp_path], check=True)
    try:
        pid = population.process("mnt", options=("--propagation", kind))
        mounts = contents(pid, "mnt").mnt
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert mounts
    mount = at(mounts, str(tmp_path))
    assert (mount.propagation, mount.host_peer) == (kind, kind != "private")


def test_names_are_those_that_uname_says_in_there(shop: int, task: int, population: Population) -> None:
    named = contents(shop, "uts").uts
    assert named
    assert (named.hostname, named.domainname) == ("shop-1", "example.org")
    own = population.process("uts", command=("sh", "-c", "hostname 'a[b]c'; exec sleep 1h"))
    wait_until(lambda: Path(f"/proc/{own}/comm").read_text() == "sleep\n", 20, "the name")
    for pid in (shop, task, own, os.getpid()):
        names = contents(pid, "uts").uts
        assert names
        assert names.hostname == inside(pid, "--uts", "hostname").rstrip("\n")
        assert (names.domainname or "(none)") == inside(pid, "--uts", "domainname").rstrip("\n")


_IPC = """
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
os.umask(0)
queue = libc.msgget(0x4e, 0o1640)
libc.msgsnd(queue, ctypes.create_string_buffer(b"\\1\\0\\0\\0\\0\\0\\0\\0hello", 16), 5, 0)
libc.shmat(libc.shmget(0x4f, 8192, 0o1600), None, 0)
libc.semget(0x50, 3, 0o1606)
posix = libc.mq_open(b"/orders", os.O_CREAT | os.O_RDWR, 0o620, None)
libc.mq_send(posix, b"four", 4, 0)
open(READY, "w").close()
signal.pause()
"""


def of_ipcs(pid: int, option: str) -> set[tuple[int, int]]:
    """{(key, id)} that ipcs lists from within."""
    lines = [line.split() for line in inside(pid, "--ipc", "ipcs", option).splitlines()]
    return {(int(words[0], 16), int(words[1])) for words in lines if words and words[0].startswith("0x")}


def test_ipc_is_what_ipcs_lists_from_within(population: Population, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = _IPC.replace("READY", repr(str(ready)))
    pid = population.process("ipc", command=("python3", "-c", script))
    wait_until(ready.exists, 20, "what is to be listed")
    ipc = contents(pid, "ipc").ipc
    assert ipc
    assert {(q.key, q.id) for q in ipc.queues} == of_ipcs(pid, "-q")
    assert {(s.key, s.id) for s in ipc.segments} == of_ipcs(pid, "-m")
    assert {(s.key, s.id) for s in ipc.semaphores} == of_ipcs(pid, "-s")
    assert [(q.key, q.mode, q.uid, q.bytes, q.messages) for q in ipc.queues] == [(0x4E, 0o640, 0, 5, 1)]
    assert [(s.key, s.mode, s.size, s.attached, s.pid) for s in ipc.segments] == [(0x4F, 0o600, 8192, 1, pid)]
    assert [(s.key, s.number) for s in ipc.semaphores] == [(0x50, 3)]
    # The queues' file system of that namespace is mounted nowhere.
    assert ipc.posix_queues is not None
    assert [(q.name, q.bytes, q.mode) for q in ipc.posix_queues] == [("/orders", 4, 0o620)]
    assert ipc.total == {"queues": 1, "segments": 1, "semaphores": 1, "posix_queues": 1}
    other = contents(population.process("ipc"), "ipc").ipc
    assert other == Ipc((), (), (), (), {"queues": 0, "segments": 0, "semaphores": 0, "posix_queues": 0})


def test_the_agent_itself_stays_where_it_is(population: Population) -> None:
    pid = population.process("uts", "ipc", "cgroup")
    host = LocalHost()
    try:
        snapshot = host.first()
        agent = host._agent.pid
        before = {kind: os.readlink(f"/proc/{agent}/ns/{kind}") for kind in ("uts", "ipc", "cgroup", "mnt")}
        for _ in range(3):
            assert host.details(snapshot.processes[pid], READ)
        # A thread that was joined is still there for the kernel for a moment.
        wait_until(lambda: os.listdir(f"/proc/{agent}/task") == [str(agent)], 5, "the end of its threads")
        assert {kind: os.readlink(f"/proc/{agent}/ns/{kind}") for kind in before} == before
        open_files = [os.readlink(f"/proc/{agent}/fd/{fd}") for fd in os.listdir(f"/proc/{agent}/fd")]
        assert not [path for path in open_files if path.split(":")[0] in before]
    finally:
        host.stop()


def test_ids_are_the_maps_as_the_kernel_writes_them(population: Population, shop: int) -> None:
    nested = population.process("user")
    Path(f"/proc/{nested}/uid_map").write_text("0 100000 1000\n5000 300000 5\n")
    Path(f"/proc/{nested}/gid_map").write_text("0 200000 1000\n")
    mapped = population.process("user", options=("--map-root-user",))
    for pid in (shop, nested, mapped):
        ids = contents(pid, "user").user
        assert ids
        for name, ranges in (("uid_map", ids.uid_map), ("gid_map", ids.gid_map)):
            lines = Path(f"/proc/{pid}/{name}").read_text().splitlines()
            assert [list(r) for r in ranges] == [[int(word) for word in line.split()] for line in lines]
        assert ids.setgroups == Path(f"/proc/{pid}/setgroups").read_text().strip()
    assert ids == Ids(((0, 0, 1),), ((0, 0, 1),), "deny")


def test_clocks_are_the_offsets_that_a_member_reads(population: Population) -> None:
    pid = population.process("time", options=("--boottime", "86400", "--monotonic", "-5"))
    clocks = contents(pid, "time").time
    assert clocks
    lines = [line.split() for line in Path(f"/proc/{pid}/timens_offsets").read_text().splitlines()]
    assert {"monotonic": clocks.monotonic, "boottime": clocks.boottime} == {c: int(s) for c, s, _ in lines}
    assert (clocks.monotonic, clocks.boottime, clocks.for_children) == (-5, 86400, None)


def test_offsets_for_children_are_not_taken_for_a_process_own(population: Population) -> None:
    child = population.process("time", options=("--boottime", "60"))
    parent = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
    clocks = contents(parent, "time").time
    assert clocks
    assert clocks.boottime == 0
    assert clocks.for_children
    assert clocks.for_children.boottime == 60
    assert clocks.for_children.inode == os.stat(f"/proc/{child}/ns/time").st_ino


def test_the_cgroups_limits_are_those_that_were_asked_for(docker: Docker, shop: int) -> None:
    cgroup = contents(shop, "cgroup").cgroup
    assert cgroup
    id = docker.inspect("k-shop")["Id"]
    assert cgroup.path.endswith(id)
    for resource, limit in ((cgroup.memory, 64 << 20), (cgroup.pids, 50), (cgroup.cpu, 0.5)):
        assert resource
        assert resource.limit == limit
        assert resource.limited_by == cgroup.path
    assert cgroup.pids
    assert cgroup.pids.current == int((cgroup_directory(shop, "pids") / "pids.current").read_text()) == 1
    memory = cgroup_directory(shop, "memory")
    name = "memory.current" if (memory / "memory.current").exists() else "memory.usage_in_bytes"
    assert cgroup.memory
    assert cgroup.memory.current
    assert abs(cgroup.memory.current - int((memory / name).read_text())) < 4 << 20
    assert cgroup.oom_kills == 0


def test_a_limit_above_is_told_with_the_cgroup_that_has_it(docker: Docker) -> None:
    parent = "/k-parent"
    pid = docker.container("k-below", "--cgroup-parent", parent, "--memory", "64m")
    try:
        directory = cgroup_directory(pid, "memory").parent
        v2 = (directory / "memory.max").exists()
        (directory / ("memory.max" if v2 else "memory.limit_in_bytes")).write_text(str(32 << 20))
        cgroup = contents(pid, "cgroup").cgroup
        assert cgroup
        assert cgroup.memory
        assert (cgroup.memory.limit, cgroup.memory.limited_by) == (32 << 20, parent)
    finally:
        docker.remove("k-below")


def test_the_path_from_within_is_that_of_a_member(docker: Docker, shop: int) -> None:
    private = docker.container("k-private", "--cgroupns", "private")
    try:
        for pid in (private, shop):
            cgroup = contents(pid, "cgroup").cgroup
            assert cgroup
            lines = inside(pid, "--cgroup", "cat", f"/proc/{pid}/cgroup").splitlines()
            assert cgroup.inside in {line.split(":", 2)[2] for line in lines}
    finally:
        docker.remove("k-private")
    assert cgroup.path != "/"


def test_podmans_too(podman: Podman) -> None:
    pid = podman.container("k-pod", "--hostname", "pod-1")
    found = contents(pid)
    assert found.unreadable == {}
    assert found.mnt
    assert as_findmnt(found.mnt) == by_findmnt(pid)
    assert found.uts
    assert found.uts.hostname == "pod-1"
    assert found.ipc
    assert found.ipc.posix_queues == ()
    assert isinstance(found.cgroup, Cgroup)
    assert found.cgroup.path


def test_who_may_not_join_is_told_so(user: User) -> None:
    script = """
from nsview.agent import contents
import json, os, sys
fd = os.open("/proc/" + sys.argv[1], os.O_PATH | os.O_DIRECTORY)
print(json.dumps(contents.read(("uts", "ipc", "time", "cgroup"), fd, {})))
"""
    found = json.loads(user.run(*AS_NOBODY, *user.python, "-c", script, str(os.getpid())).stdout)
    assert found["unreadable"] == {"uts": "EACCES", "ipc": "EACCES", "time": "EACCES"}
    assert found["cgroup"]["inside"] is None


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_the_sockets_of_a_process_are_those_that_ss_tells_of_in_its_net_namespace(
    family: str,
) -> None:
    require("ss", "ip", "nsenter", "unshare")
    script = (
        f"import socket, sys, time; f = socket.{family}; any = '::' if f == socket.AF_INET6 else '0.0.0.0'\n"
        "me = '::1' if f == socket.AF_INET6 else '127.0.0.1'\n"
        "s = socket.socket(f); s.bind((any, 8080)); s.listen()\n"
        "c = socket.create_connection((me, 8080)); p = s.accept()\n"
        "u = socket.socket(f, socket.SOCK_DGRAM); u.bind((me, 5353))\n"
        "v = socket.socket(f, socket.SOCK_DGRAM); v.connect((me, 5353))\n"
        "print('ready', flush=True); time.sleep(600)"
    )
    words = ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$0" -c "$1"', sys.executable, script]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None and running.stdout.readline() == "ready\n"
            host = LocalHost()
            try:
                details = host.details(host.first().processes[running.pid], sockets=True)
            finally:
                host.stop()
            theirs = inside(running.pid, "--net", "ss", "-H", "-tuanp")
        finally:
            running.kill()
    assert details is not None and details.sockets is not None
    states = {"listening": "LISTEN", "established": "ESTAB", "bound": "UNCONN"}
    ours = sorted(
        (socket.protocol, states[socket.state], endpoint(socket.address, socket.port),
         endpoint(socket.peer, socket.peer_port) if socket.peer and socket.peer_port else "none")
        for socket in details.sockets.sockets
    )  # fmt: skip
    # `*` is how it writes a :: that takes IPv4 too.
    fields = [line.replace(" *:8080", " [::]:8080").split() for line in theirs.splitlines()]
    assert ours == sorted(
        (f[0], f[1], f[4], "none" if f[5].endswith(":*") else f[5]) for f in fields if f"pid={running.pid}," in f[6]
    )
    assert len(ours) == 5 and details.sockets.left_out == 0


def test_the_sockets_of_another_user_are_not_told_as_none(user: User) -> None:
    """Who may not read them is not told that there are none."""
    host = LocalHost()
    try:
        mine = host.details(host.first().processes[os.getpid()], sockets=True)
    finally:
        host.stop()
    assert mine is not None and mine.sockets is not None
    code = (
        "import sys; from nsview.hosts.local import LocalHost; host = LocalHost(); "
        "print(host.details(host.first().processes[int(sys.argv[1])], sockets=True).sockets); host.stop()"
    )
    assert user.run(*AS_NOBODY, *user.python, "-c", code, str(os.getpid())).stdout == "None\n"
