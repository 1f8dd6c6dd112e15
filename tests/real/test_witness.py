"""Forged witnesses: what a user or a container made names nothing of root's, and nothing of it is believed."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .cgroups import move, trees
from .command import containers, nsview, processes
from .daemons import Docker
from .runtimes import Oci
from .user import NOBODY, interpreter
from .workspace import Workspace, wait_until

NAME = "w-web"

# Starts a child, says in a bundle that it is a container's first process, and waits.
_CODE = """
import os, subprocess, sys, time
child = subprocess.Popen(os.environ["CHILD"].split())
time.sleep(0.3)
pid = open("/proc/%d/task/%d/children" % (child.pid, child.pid)).read().split() or [child.pid]
for name in ("init.pid",):
    with open(name, "w") as file:
        file.write(str(pid[0]))
print(child.pid, flush=True)
time.sleep(9999)
"""
_CONFIG = {
    "annotations": {
        "io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.container-name": NAME,
        "io.container.manager": "libpod", "nerdctl/name": NAME, "io.kubernetes.cri-o.ContainerName": NAME,
    },
    "process": {"user": {"uid": 0, "gid": 0}, "capabilities": {"effective": ["CAP_SYS_ADMIN"]}},
}  # fmt: skip
_PLAIN = "/bin/sleep 9999"
_CONFINED = "unshare --user --map-root-user --pid --fork --kill-child --mount /bin/sleep 9999"


class Impostor:
    """A process that is called like a supervisor, works in a bundle of its own, and has a child."""

    def __init__(self, workspace: Workspace, program: str, argv: list[str], child: str = _PLAIN) -> None:
        place = workspace.root / f"impostor-{program}"
        bundle = place / "fake"
        bundle.mkdir(parents=True, exist_ok=True)
        (bundle / "config.json").write_text(json.dumps(_CONFIG))
        (place / program).unlink(missing_ok=True)
        (place / program).symlink_to(interpreter(workspace))  # the kernel calls a process as the path that is executed
        for path in (place, bundle, bundle / "config.json"):
            os.chown(path, NOBODY, NOBODY)
        code = "-c" + _CODE
        words = [word.replace("BUNDLE", str(bundle)) for word in argv]
        self.process = subprocess.Popen(
            [words[0], code, *words[1:]], executable=place / program, cwd=bundle, stdout=subprocess.PIPE, text=True,
            user=NOBODY, group=NOBODY, extra_groups=[], env={"CHILD": child, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )  # fmt: skip
        assert self.process.stdout
        self.child = int(self.process.stdout.readline())

    def stop(self) -> None:
        for pid in (self.child, self.process.pid):
            subprocess.run(["kill", "-KILL", str(pid)], check=False, capture_output=True)
        self.process.wait(20)


@pytest.fixture(scope="module")
def genuine(docker: Docker) -> Iterator[int]:
    """Root's own container of the name that all others would have."""
    yield docker.container(NAME)
    docker.remove(NAME)


FORGED = {
    "shim": ("containerd-shim-x", ["containerd-shim-x", "-namespace", "k8s.io", "-id", "fake"]),
    "docker's shim": ("containerd-shim-x", ["containerd-shim-x", "-namespace", "moby", "-id", "ID"]),
    "conmon": ("conmon", ["conmon", "-c", "fake", "-n", NAME, "-b", "BUNDLE"]),
    "lxc": ("python3", [f"[lxc monitor] /var/lib/lxc {NAME}"]),
    "nspawn": ("systemd-nspawn", ["systemd-nspawn", "-M", NAME]),
    "runc": ("runc", ["runc", "--bundle", "BUNDLE", "run", NAME]),
}  # fmt: skip


def told(container: dict[str, Any]) -> dict[str, Any]:
    names = ("key", "id", "name", "init_pid", "shim_pid", "daemon_pid", "uid", "outer")
    return {name: container[name] for name in names}


@pytest.mark.parametrize("child", [_PLAIN, _CONFINED], ids=["in the host's namespaces", "in a user namespace"])
@pytest.mark.parametrize("forged", FORGED.values(), ids=list(FORGED))
def test_a_users_process_makes_no_container_but_a_users(
    docker: Docker, genuine: int, workspace: Workspace, forged: tuple[str, list[str]], child: str
) -> None:
    id = docker.inspect(NAME)["Id"]
    before = told(containers()[f"docker:{id}"])
    program, argv = forged
    impostor = Impostor(workspace, program, [word.replace("ID", id) if word == "ID" else word for word in argv], child)
    try:
        found = containers()
        assert told(found[f"docker:{id}"]) == before and before["uid"] == 0 and before["outer"] is None
        of_it = {impostor.process.pid, impostor.child}
        parents = {pid: process["ppid"] for pid, process in processes().items()}
        made = [c for c in found.values() if of_it & {c["init_pid"], c["shim_pid"], parents.get(c["init_pid"] or 0)}]
        assert all(c["uid"] == NOBODY for c in made)
        assert child == _CONFINED or made == []
        # The name means root's, and never runs anything on the host.
        done = nsview("enter", NAME, "--", "readlink", "/proc/self/ns/pid")
        assert (done.returncode, done.stdout) == (0, os.readlink(f"/proc/{genuine}/ns/pid") + "\n"), done.stderr
        for pid in (impostor.child, impostor.process.pid):
            done = nsview("enter", str(pid), "--", "grep", "CapEff", "/proc/self/status")
            assert "CapEff:\t0000000000000000" in done.stdout or child == _CONFINED or done.returncode in (1, 3, 4)
    finally:
        impostor.stop()


def test_a_users_dockerd_renames_no_container_of_roots(docker: Docker, genuine: int, workspace: Workspace) -> None:
    id = docker.inspect(NAME)["Id"]
    root = workspace.root / "impostor-data"
    place = root / "containers" / id
    place.mkdir(parents=True)
    (place / "config.v2.json").write_text(json.dumps({"ID": id, "Name": "/prod-db", "Config": {"Image": "evil"}}))
    for path in (root, root / "containers", place, place / "config.v2.json"):
        os.chown(path, NOBODY, NOBODY)
    impostor = Impostor(workspace, "dockerd", ["dockerd", "--data-root", str(root)])
    own = docker.data_root / "containers" / id
    hidden = own.with_name("hidden")
    own.rename(hidden)  # so that nothing else tells the name
    try:
        assert containers()[f"docker:{id}"]["name"] == id[:12]
    finally:
        hidden.rename(own)
        impostor.stop()


def test_root_in_a_container_speaks_for_that_container_alone(docker: Docker, genuine: int) -> None:
    """A root process of a container in the host's pid namespace, called like a runtime that runs another's id."""
    id = docker.inspect(NAME)["Id"]
    before = told(containers()[f"docker:{id}"])
    script = (
        "mkdir -p /b/fake && cd /b/fake; "
        f"echo '{json.dumps(_CONFIG)}' >config.json; "
        "sleep 9999 & echo $! >init.pid; printf runc >/proc/self/comm; wait"
    )
    words = ["sh", "-c", script, "run", id]
    evil = docker.container("w-evil", "--pid", "host", command=words)
    try:
        wait_until(lambda: Path(f"/proc/{evil}/comm").read_text() == "runc\n", 10, "its name")
        found = containers()
        assert told(found[f"docker:{id}"]) == before
        assert [c["id"] for c in found.values() if c["name"] == NAME] == [id]
    finally:
        docker.remove("w-evil")


# Leaves an orphan that is called like a supervisor, has a bundle of its own, and a child in a namespace of its own.
_ORPHAN = """
import json, os, sys, time
if os.fork():
    os.wait()
    time.sleep(9999)
if os.fork():
    os._exit(0)
os.setsid()
os.makedirs("/dev/shm/fake")
os.chdir("/dev/shm/fake")
open("config.json", "w").write(os.environ["CONFIG"])
code = '''-c
import os, time
open("/proc/self/comm", "w").write(os.environ["COMM"])
if not os.fork():
    os.execvp("unshare", ["unshare", "--mount", "--pid", "--fork", "/bin/sleep", "9999"])
open("init.pid", "w").write(open("/proc/self/task/%d/children" % os.getpid()).read())
time.sleep(9999)
'''
words = json.loads(os.environ["WORDS"])
os.execv(sys.executable, [words[0], code, *words[1:]])
"""


class Leaver:
    """A container of runc's in the host's pid namespace, with python3; `known`: where runc keeps state by itself."""

    def __init__(self, workspace: Workspace, place: Path, known: bool, forged: tuple[str, list[str]]) -> None:
        root = place / "rootfs"
        for name in ("usr", "proc", "dev"):
            (root / name).mkdir(parents=True)
        for name in ("bin", "lib", "lib64"):
            (root / name).symlink_to(f"usr/{name}")
        mounts = [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm"},
            {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]},
        ]
        program, argv = forged
        words = [word.replace("BUNDLE", "/dev/shm/fake") for word in argv]
        environment = [
            "PATH=/usr/bin:/bin", f"CONFIG={json.dumps(_CONFIG)}", f"WORDS={json.dumps(words)}", f"COMM={program[:15]}",
        ]  # fmt: skip
        powers = {key: ["CAP_SYS_ADMIN"] for key in ("bounding", "effective", "permitted")}
        process = {"args": ["/usr/bin/python3", "-c", _ORPHAN], "env": environment, "capabilities": powers}
        namespaces = [{"type": kind} for kind in ("network", "ipc", "uts", "mount")]
        self._made = Oci(workspace, root, "runc", None if known else place / "state")
        _, _, self.pid = self._made.container(
            f"leaver-{place.name}", process=process, mounts=mounts, linux={"namespaces": namespaces}
        )

    def pids(self) -> set[int]:
        """All that are in its net namespace: itself, the orphan and the orphan's child and grandchild."""
        found = {}
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            with contextlib.suppress(OSError):
                found[pid] = os.readlink(f"/proc/{pid}/ns/net")
        return {pid for pid, net in found.items() if net == found[self.pid]}

    def clear(self) -> None:
        self._made.clear()


@pytest.mark.parametrize("known", [True, False], ids=["runc's state is known", "unknown"])
@pytest.mark.parametrize("forged", FORGED.values(), ids=list(FORGED))
def test_an_orphan_of_a_container_without_a_shim_names_none_of_the_hosts(
    docker: Docker, genuine: int, workspace: Workspace, tmp_path: Path, forged: tuple[str, list[str]], known: bool
) -> None:
    """Root's by its ids, and in no container that is known of: it sees other files than the host's own."""
    program, argv = forged
    id = docker.inspect(NAME)["Id"]
    forged = program, [id if word == "ID" else word for word in argv]
    leaver = Leaver(workspace, tmp_path, known, forged)
    try:
        wait_until(lambda: len(leaver.pids()) == 4, 20, "its orphan")
        found = containers()
        of_it = [c for c in found.values() if leaver.pids() & set(c["pids"])]
        assert [c["name"] for c in of_it if c["outer"] is None and c["init_pid"] != leaver.pid] == []
        assert [c["id"] for c in found.values() if c["name"] == NAME and c["outer"] is None] == [id]
        assert known == any(c["init_pid"] == leaver.pid for c in of_it)
        done = nsview("enter", NAME, "--", "readlink", "/proc/self/ns/pid")
        assert (done.returncode, done.stdout) == (0, os.readlink(f"/proc/{genuine}/ns/pid") + "\n"), done.stderr
        for pid in sorted(leaver.pids()):
            done = nsview("enter", str(pid), "--", "grep", "CapEff", "/proc/self/status")
            assert done.stdout in ("", "CapEff:\t0000000000200000\n"), done.stderr
    finally:
        leaver.clear()


def test_a_cgroup_that_a_user_may_make_names_a_users_container(docker: Docker, genuine: int) -> None:
    """Who was delegated a cgroup names others in it as they like."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    unified = next(Path(fields[1]) for fields in mounts if fields[2] == "cgroup2")
    given = unified / f"nsview-given-{os.getpid()}"
    inner = given / "docker" / ("f" * 64)
    given.mkdir()
    os.chown(given, NOBODY, NOBODY)
    subprocess.run(["mkdir", "-p", inner], check=True, user=NOBODY, group=NOBODY, extra_groups=[])
    sleepers = [
        subprocess.Popen(command.split(), user=NOBODY, group=NOBODY, extra_groups=[]) for command in (_PLAIN, _CONFINED)
    ]
    try:
        for sleeper, listed in zip(sleepers, (False, True), strict=True):
            (inner / "cgroup.procs").write_text(str(sleeper.pid))
            child = Path(f"/proc/{sleeper.pid}/task/{sleeper.pid}/children").read_text().split()
            for pid in child:
                (inner / "cgroup.procs").write_text(pid)
            made = [c for c in containers().values() if c["id"] == "f" * 64]
            assert [c["uid"] for c in made] == ([NOBODY] if listed else [])
            sleeper.kill()
            sleeper.wait()
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()
        for place in (inner, inner.parent, given):
            _remove(place)


def _below(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [found for child in map(int, children) for found in (child, *_below(child))]


def test_a_container_that_calls_its_cgroup_like_another_is_itself(docker: Docker, genuine: int) -> None:
    """As one can that may write to its own part of the tree. Neither its name nor its configuration is the other's."""
    other = docker.inspect(NAME)["Id"]
    docker.container("w-free", "--security-opt", "seccomp=unconfined")
    pid = docker.container("w-named")
    own = docker.inspect("w-named")["Id"]
    unconfined = docker.inspect("w-free")["Id"]
    try:
        for called in (unconfined, other):
            move(pid, f"/docker/{own}/docker/{called}")
            found = containers()
            assert found[f"docker:{own}"]["name"] == "w-named" and found[f"docker:{own}"]["pids"] == [pid]
            first = docker.inspect(called)["State"]["Pid"]
            assert [c["init_pid"] for c in found.values() if c["id"] == called] == [first]
            for word in ("w-named", str(pid)):
                done = nsview("enter", word, "--", "grep", "-E", "Seccomp|CapEff", "/proc/self/status")
                assert done.stdout == docker.run("exec", "w-named", "grep", "-E", "Seccomp|CapEff", "/proc/self/status")
            done = nsview("enter", called[:12], "--", "readlink", "/proc/self/ns/pid")
            assert done.stdout == os.readlink(f"/proc/{first}/ns/pid") + "\n"
    finally:
        docker.remove("w-free")
        docker.remove("w-named")
        for tree in trees():
            for called in (unconfined, other):
                for place in (f"docker/{called}", "docker", ""):
                    with contextlib.suppress(OSError):
                        (tree / "docker" / own / place).rmdir()


@pytest.mark.parametrize("options", [(), ("--pid=host",), (f"--pid=container:{NAME}",)], ids=" ".join)
def test_a_container_that_was_moved_into_anothers_cgroup_is_itself(
    docker: Docker, genuine: int, options: tuple[str, ...]
) -> None:
    """As one that may write to the whole tree can do to hide: its engine's shim stands outside of the other still."""
    key = f"docker:{docker.inspect(NAME)['Id']}"
    pid = docker.container("w-hidden", *options, command=("sh", "-c", "sleep 9998 & exec sleep 9999"))
    own = f"docker:{docker.inspect('w-hidden')['Id']}"
    try:
        move(pid, f"/docker/{docker.inspect(NAME)['Id']}")
        wait_until(lambda: len(_below(pid)) == 1, 10, "its child")
        found = containers()
        assert (found[own]["name"], found[own]["init_pid"], found[own]["outer"]) == ("w-hidden", pid, None)
        assert (found[key]["name"], found[key]["pids"], found[key]["execs"]) == (NAME, [genuine], [])
        assert found[own]["pids"] == [pid, *_below(pid)]
    finally:
        docker.remove("w-hidden")


def test_who_shares_the_processes_of_a_container_without_a_cgroup_is_counted_once(docker: Docker) -> None:
    alone = docker.container("w-alone")
    beside = docker.container("w-beside", "--pid=container:w-alone")
    try:
        move(alone, "/")
        assert {c["name"]: c["pids"] for c in containers().values() if {alone, beside} & {*c["pids"]}} == {
            "w-alone": [alone],
            "w-beside": [beside],
        }
    finally:
        docker.remove("w-beside")
        docker.remove("w-alone")


@pytest.mark.parametrize("outer", [(), ("--pid=host",)], ids=["pid namespace of its own", "the host's"])
def test_a_container_whose_cgroup_the_host_put_below_anothers(docker: Docker, outer: tuple[str, ...]) -> None:
    """docker run --cgroup-parent, as a build does to be held to its own limits: the engine is the host's."""
    docker.container("w-above", *outer)
    id = docker.inspect("w-above")["Id"]
    pid = docker.container("w-below", f"--cgroup-parent=/docker/{id}")
    try:
        found = {c["name"]: c for c in containers().values()}
        assert (found["w-below"]["init_pid"], found["w-below"]["outer"]) == (pid, None)
        assert found["w-above"]["pids"] == [docker.inspect("w-above")["State"]["Pid"]]
    finally:
        docker.remove("w-below")
        docker.remove("w-above")


def test_root_of_a_container_that_is_in_no_cgroup_of_its_own_is_not_the_hosts(docker: Docker, genuine: int) -> None:
    """A container without cgroups, or one that may write to the whole tree and has left its own."""
    script = "printf runc >/proc/self/comm; unshare --user --mount --pid --fork sleep 9998 & wait"
    command = ["sh", "-c", f"echo '{script}' | sh -s run {NAME}"]
    moved: list[int] = []
    pid = docker.container("w-out", "--pid", "host", "--security-opt", "seccomp=unconfined", command=command)
    try:
        wait_until(lambda: "sleep\n" in [Path(f"/proc/{it}/comm").read_text() for it in _below(pid)], 10, "its child")
        moved = [pid, *_below(pid)]
        for inner in moved:
            move(inner, "/")
        found = containers()
        own = {key for key, c in found.items() if c["name"] == NAME and c["outer"] is None}
        assert own == {f"docker:{docker.inspect(NAME)['Id']}"}
        done = nsview("enter", NAME, "--", "readlink", "/proc/self/ns/pid")
        assert done.stdout == os.readlink(f"/proc/{genuine}/ns/pid") + "\n", done.stderr
    finally:
        for inner in moved:  # which the runtime does not find any more
            with contextlib.suppress(ProcessLookupError):
                os.kill(inner, signal.SIGKILL)
        docker.remove("w-out")


def _remove(place: Path) -> None:
    wait_until(lambda: not (place / "cgroup.procs").read_text(), 20, f"an empty {place}")
    place.rmdir()
