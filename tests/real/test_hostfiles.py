"""nsview in a container with the host's pid namespace says what it says on the host: a debug pod, a DaemonSet.

The container has files, a cgroup namespace, a host name and users of its own, and the capabilities that its manifest
would add. What it says is compared field by field; nothing but nsview's own processes may differ.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nsview.agent import hostfiles

from .account import Account
from .command import links
from .conftest import require
from .daemons import SLEEP, Containerd, Docker
from .runtimes import Oci, Podman, RootlessPodman
from .test_outlive import Orphans, kill, of
from .user import User
from .workspace import Workspace, wait_until

POD = ("--pid=host", "--cgroupns=private", "--security-opt", "apparmor=unconfined")
PTRACE, ADMIN, NET_ADMIN = "--cap-add=SYS_PTRACE", "--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN"
# What changes by itself; nprocs is the number of pids, which are compared.
VOLATILE = {"taken_at", "state", "nprocs", "nprocs_at_least", "age"}
TRIES = 4
STRANGER = 1000  # app in the container, and whatever the host says on the host


class Pod:
    """A container to run nsview in: with the suite's interpreter and libraries, and nothing else of the host's."""

    def __init__(self, docker: Docker, user: User, name: str, *options: str) -> None:
        self._run = [*docker.command, "exec", name]
        self.python = user.python
        shown = {"/usr", "/lib", "/lib64", str(Path(user.python[0]).parent.parent), str(user.library)}
        volumes = [f"--volume={path}:{path}:ro" for path in sorted(shown) if os.path.exists(path)]
        environment = ["--env", f"PYTHONPATH={user.library}", "--env", "PYTHONDONTWRITEBYTECODE=1"]
        docker.container(name, *POD, *options, *volumes, *environment)

    def words(self, *command: str) -> list[str]:
        """The command that runs another in the container."""
        return [*self._run, *command]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 120, "stdin": subprocess.DEVNULL}
        return subprocess.run(self.words(*command), check=False, **options)

    def nsview(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(*self.python, "-m", "nsview", *arguments)


class Host(NamedTuple):
    """What the host runs, as `nsview inspect` takes it: no other run's is called the same."""

    pod: str
    docker: str
    podman: str
    published: str
    rootless: str
    runc: str
    netns: str
    port: str
    strangers: list[int]


PORT = 23000 + os.getpid() % 4000 * 2
"""The first of two ports that others who run these tests do not use."""


@pytest.fixture(scope="module")
def pod(docker: Docker, user: User, workspace: Workspace) -> Iterator[Pod]:
    name = f"{workspace.root.name}-pod"
    yield Pod(docker, user, name, PTRACE, ADMIN, NET_ADMIN)
    docker.remove(name)


@pytest.fixture(scope="module")
def host(docker: Docker, workspace: Workspace, rootfs: Path, account: Account) -> Iterator[Host]:
    require(*Podman.NEEDS, *RootlessPodman.NEEDS, "setpriv", "ip", "nsenter")
    podman, runc = Podman(workspace, rootfs), Oci(workspace, rootfs, "runc")
    rootless, published = RootlessPodman(account, rootfs), Podman(workspace, rootfs)
    netns, unique = f"{workspace.bridge}n", workspace.root.name
    volumes = ("-v", f"{docker.address}:/var/run/docker.sock", "-v", "/etc:/host-etc:ro")
    docker.container(f"{unique}-web", *volumes, "-p", f"127.0.0.1:{PORT}:80")
    strangers = [subprocess.Popen(["setpriv", f"--reuid={uid}", "--clear-groups", *SLEEP]) for uid in (1, STRANGER)]
    for name in (netns, f"{netns}p"):
        subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        podman.import_image("localhost/nsview-test:1")
        podman.container(f"{unique}-shop", image="localhost/nsview-test:1")
        # Its bridge, rules and libcni's records are another net namespace's than the host's own.
        published.command = ["nsenter", f"--net=/run/netns/{netns}p", *published.command]
        name = f"{unique}-sold"
        published.run("run", "-d", "--name", name, "-p", f"{PORT + 1}:80", "--rootfs", str(rootfs), *SLEEP)
        rootless.container(f"{unique}-stall")
        id = runc.container("hf")[0]
        for process in strangers:
            wait_until(lambda pid=process.pid: os.stat(f"/proc/{pid}").st_uid != 0, 20, "setpriv")  # type: ignore[misc]
        pids = [process.pid for process in strangers]
        named = (f"{unique}-{name}" for name in ("pod", "web", "shop", "sold", "stall"))
        yield Host(*named, id, netns, str(PORT), pids)
    finally:
        rootless.clear()
        published.clear()
        for name in (netns, f"{netns}p"):
            subprocess.run(["ip", "netns", "delete", name], check=True)
        for process in strangers:
            process.kill()
            process.wait()
        runc.clear()
        podman.clear()
        docker.remove(f"{unique}-web")


def on_host(user: User, *arguments: str) -> subprocess.CompletedProcess[str]:
    return user.run(*user.python, "-m", "nsview", *arguments)


class Members(dict[str, Any]):
    """A list by what tells its members apart."""


def keyed(value: Any) -> Any:
    """The lists in it as `Members`, so that one more or less moves no other."""
    if isinstance(value, dict):
        return {name: keyed(member) for name, member in value.items() if name not in VOLATILE}
    if isinstance(value, list):
        return Members({_key(number, member): keyed(member) for number, member in enumerate(value)})
    return value


def _key(number: int, member: Any) -> str:
    if isinstance(member, str):
        return str(number)
    for fields in (("key",), ("pid", "start"), ("type", "inode", "id"), ("inode", "interfaces"), ("index", "name")):
        if isinstance(member, dict) and all(field in member for field in fields):
            return " ".join(str(member[field]) for field in fields)
    return json.dumps(member)


def differences(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(where two values differ, how), as `keyed` gives them. A member that only one has may have come and gone while
    the other did not look: what else the machine runs."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in other if isinstance(one, Members) else {**one, **other}:
            yield from differences(one.get(name, "(none)"), other.get(name, "(none)"), f"{path}/{name}")
    elif one != other:
        yield path, f"{json.dumps(one)[:400]}, on the host {json.dumps(other)[:400]}"


def without(value: Any, pids: set[int]) -> Any:
    """Without these processes, in whatever is said of them."""
    if isinstance(value, dict):
        return {name: without(member, pids) for name, member in value.items()}
    if isinstance(value, list):
        kept = [v for v in value if not (isinstance(v, int) and v in pids)]
        return [without(v, pids) for v in kept if not (isinstance(v, dict) and v.get("pid") in pids)]
    return value


def compared(pod: Pod, user: User, *arguments: str) -> tuple[dict[str, str], dict[str, Any]]:
    """({where the pod's answer is never the host's: how}, the pod's answer). What others do here comes and goes."""
    found, answer = _compared(pod, user, *arguments)
    for _ in range(TRIES - 1):
        if found:
            again, answer = _compared(pod, user, *arguments)
            found = {path: how for path, how in again.items() if path in found}
    return found, answer


def _compared(pod: Pod, user: User, *arguments: str) -> tuple[dict[str, str], dict[str, Any]]:
    """({where the pod's answer is neither of the host's before and after it: how}, the pod's answer)."""
    runs = [on_host(user, *arguments), pod.nsview(*arguments), on_host(user, *arguments)]
    for done in runs:
        assert done.stdout.startswith("{"), done.stderr
    # The pod's own processes are counted among those of containers.
    before, said, after = (re.sub(r"of \d+ processes", "of processes", done.stderr) for done in runs)
    noise = said if said not in (before, after) else ""
    answers = [json.loads(re.sub(r"of \d+ processes", "of processes", done.stdout)) for done in runs]
    for answer in answers:
        answer.pop("unreadable", None)  # a count of processes, each of which says so itself
        if search := answer.get("search"):
            answer["search"] = sorted({"EACCES", "EPERM"}.intersection(search["unreadable"]))
    shown = [{(p["pid"], p["start"]): p for p in answer.get("processes", ())} for answer in answers]
    passing = {pid for some in shown for pid, start in some if any((pid, start) not in other for other in shown)}
    for some in shown:
        for process in some.values():
            process["comm"] = "" if process["kthread"] else process["comm"]  # a worker's is what it works at
    first, shown_in_pod, last = (keyed(without(answer, passing)) for answer in answers)
    twice = dict(differences(shown_in_pod, first)).keys()
    found = {path: how for path, how in differences(shown_in_pod, last) if path in twice}
    return {**found, **({"stderr": noise} if noise else {})}, answers[1]


# -- the same answers --------------------------------------------------------------------------------------------------


def test_the_lists_are_the_hosts(pod: Pod, user: User, host: Host) -> None:
    found, answer = compared(pod, user, "list", "--json")
    assert found == {}
    names = {(container["runtime"], container["name"]) for container in answer["containers"]}
    wanted = {("docker", host.docker), ("docker", host.pod), ("podman", host.podman), ("runc", host.runc)}
    wanted |= {("podman", host.published), ("podman", host.rootless)}
    assert wanted <= names
    web = next(c for c in answer["containers"] if c["name"] == host.docker)
    assert web["image"] == "nsview-test:1"
    mounted = {name for namespace in answer["namespaces"] for name in namespace["names"]}
    assert f"/run/netns/{host.netns}" in mounted
    users = {p["pid"]: p["user"] for p in answer["processes"]}
    assert users[host.strangers[0]] == "daemon"
    assert users[host.strangers[1]] != "app"
    assert answer["host"]["name"] == os.uname().nodename


@pytest.mark.parametrize("table", ["namespaces", "processes", "containers"])
def test_each_list_is_the_hosts(pod: Pod, user: User, host: Host, table: str) -> None:
    found, answer = compared(pod, user, "list", table, "--json")
    assert found == {} and answer[table]


def test_all_that_keeps_a_namespace_is_the_hosts(pod: Pod, user: User, host: Host) -> None:
    found, answer = compared(pod, user, "list", "--holders", "--json")
    assert found == {}
    (namespace,) = [n for n in answer["namespaces"] if f"/run/netns/{host.netns}" in n["names"]]
    assert [(h["kind"], h["pid"]) for h in namespace["held_by"]][:1] == [("mount", None)]


def test_nets_are_the_hosts(pod: Pod, user: User, host: Host) -> None:
    found, answer = compared(pod, user, "list", "nets", "--json")
    assert found == {}
    assert len(answer["nets"]) > 3
    forwards = [forward for net in answer["nets"] for forward in net["forwards"] if forward["port"] in (PORT, PORT + 1)]
    assert {(forward["port"], forward["by"]) for forward in forwards} == {
        (PORT, "docker"), (PORT + 1, "rules"), (PORT + 1, "cni"),
    }  # fmt: skip


def test_findings_are_the_hosts(pod: Pod, user: User, host: Host, docker: Docker) -> None:
    found, answer = compared(pod, user, "audit", "--json")
    assert found == {}
    key = f"docker:{docker.inspect(host.docker)['Id']}"
    rules = {finding["rule"] for finding in answer["findings"] if finding["subject"] == key}
    assert len(rules) > 1, "the socket and the host's /etc"


@pytest.mark.parametrize("what", ["docker", "podman", "published", "rootless", "runc", "netns", "port"])
def test_what_is_known_of_one_is_the_hosts(pod: Pod, user: User, host: Host, what: str) -> None:
    assert compared(pod, user, "inspect", getattr(host, what), "--json")[0] == {}


def test_a_path_is_the_hosts(pod: Pod, user: User, host: Host) -> None:
    path = f"/run/netns/{host.netns}"
    assert compared(pod, user, "inspect", path, "--json")[0] == {}
    inode = os.stat(path).st_ino
    done = pod.nsview("enter", path, "--", "readlink", "/proc/self/ns/net")
    assert (done.stdout, done.stderr) == (f"net:[{inode}]\n", "")


@pytest.mark.parametrize("what", ["docker", "podman", "published", "runc"])
def test_a_command_in_a_container_is_what_it_is_on_the_host(pod: Pod, user: User, host: Host, what: str) -> None:
    """But for the seccomp filter of nsview's own container, which nothing takes off."""
    shown = "cat /proc/self/cgroup; grep -E '^Cap|^Uid|^Groups|^NoNew' /proc/self/status; hostname; ls /; pwd"
    words = ("enter", getattr(host, what), "--", "sh", "-c", shown)
    in_pod, on_the_host = pod.nsview(*words), on_host(user, *words)
    assert (in_pod.stdout, in_pod.returncode, in_pod.stderr) == (on_the_host.stdout, 0, "")


# -- every path --------------------------------------------------------------------------------------------------------

PATHS = ("/etc/passwd", "/run", "/var/run", "/var/lib", "/sys/fs/cgroup", "/proc", "/nothing")
READ = """
import json
from nsview.agent import hostfiles as h
def there(path):
    if not h.exists(path):
        return None
    status = h.status(path)
    return status.st_dev, status.st_ino, h.realpath(path), h.text(path)
listed = {path: sorted(h.listdir(path)) for path in ("/etc", "/var/lib")}
print(json.dumps([{path: there(path) for path in %r}, listed, h.mounts(), h.name(), h.host().inode]))
"""


def test_each_path_leads_where_it_leads_on_the_host(pod: Pod, user: User) -> None:
    def read() -> list[Any]:
        answer: list[Any] = json.loads(user.run(*user.python, "-c", READ % (PATHS,)).stdout)
        return answer

    before, done, after = read(), pod.run(*pod.python, "-c", READ % (PATHS,)), read()
    assert done.returncode == 0, done.stderr
    for one, other, again in zip(json.loads(done.stdout), before, after, strict=True):
        assert one in (other, again)


WAIT = """
import select, sys
from nsview.agent import schedule, hostfiles
followed, poll = schedule.Schedule(), select.poll()
poll.register(followed.urgent[0], select.POLLPRI)
print("ready", flush=True)
while sys.argv[1] not in hostfiles.mounts():
    assert poll.poll(60000)
print("told")
"""


def test_a_mount_of_the_hosts_is_told_when_it_is_made(pod: Pod, user: User, workspace: Workspace) -> None:
    name = f"{workspace.bridge}l"
    words = pod.words(*pod.python, "-c", WAIT, f"/run/netns/{name}")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout and waiting.stderr
        assert waiting.stdout.readline() == "ready\n", waiting.stderr.read()
        subprocess.run(["ip", "netns", "add", name], check=True)
        try:
            assert waiting.stdout.readline() == "told\n", waiting.stderr.read()
        finally:
            subprocess.run(["ip", "netns", "delete", name], check=True)


def test_a_container_of_which_fifos_alone_are_left_is_the_hosts(pod: Pod, user: User, rootfs: Path) -> None:
    with Workspace.create() as apart:
        containerd, id, orphans = Containerd(apart, rootfs), f"{apart.root.name}-7", Orphans()
        try:
            pid = orphans.add(containerd.container(id, namespace="team-a.example"))
            kill(containerd.pid, of(pid)["shim_pid"])
            (here,) = [line for line in on_host(user, "list", "containers").stdout.splitlines() if f" {pid} " in line]
            assert id in here and "no shim" in here
            assert here.split() in [line.split() for line in pod.nsview("list", "containers").stdout.splitlines()]
        finally:
            orphans.clear()


# -- what is missing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [(), (PTRACE,), (ADMIN,)], ids=["neither", "no admin", "no ptrace"])
def test_a_capability_that_is_missing_is_a_line_of_the_manifest(
    docker: Docker, user: User, host: Host, given: tuple[str, ...]
) -> None:
    name = f"{host.pod}-poor"
    pod = Pod(docker, user, name, *given)
    try:
        listed = pod.nsview("list", "containers")
    finally:
        docker.remove(name)
    assert listed.returncode == 0, listed.stderr
    (line,) = [line for line in listed.stderr.splitlines() if "securityContext.capabilities.add" in line]
    for option in (PTRACE, ADMIN):
        assert (option in line) == (option not in given)
    assert "[SYS_PTRACE, SYS_ADMIN]" in line
    assert "Traceback" not in listed.stderr
    if PTRACE in given:
        assert host.runc in listed.stdout


@pytest.mark.parametrize("words", ["inspect {}", "compare {} 1", "enter {} -- true", "enter /proc/1/ns/net -- true"])
def test_a_path_that_cannot_be_read_without_a_capability_says_so(poor: Pod, host: Host, words: str) -> None:
    path = f"/run/netns/{host.netns}"
    done = poor.nsview(*words.format(path).split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "can't be read without CAP_SYS_PTRACE; in a container: --cap-add=SYS_PTRACE (in a manifest: " in done.stderr


def test_a_filter_that_matches_nothing_that_can_be_read_says_so(poor: Pod, host: Host) -> None:
    for table in ("namespaces", "nets"):
        done = poor.nsview("list", table, "--filter", f"/run/netns/{host.netns}")
        assert done.returncode == 1
        assert "and the host's files; in a container: --cap-add=SYS_PTRACE" in done.stderr
        assert done.stderr.endswith("nsview: nothing matched\n")


@pytest.fixture(scope="module")
def poor(docker: Docker, user: User, workspace: Workspace) -> Iterator[Pod]:
    """Without the capability that reading the host's files takes."""
    name = f"{workspace.root.name}-unable"
    yield Pod(docker, user, name, ADMIN, NET_ADMIN)
    docker.remove(name)


# -- which process is gone by ------------------------------------------------------------------------------------------


def _sleeping(*before: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([*before, *SLEEP])
    wait_until(lambda: b"sleep" in Path(f"/proc/{process.pid}/cmdline").read_bytes()[:12], 20, "sleep")
    return process


@pytest.mark.parametrize(
    "before", [("chroot", "{}"), ("unshare", "--user"), ("unshare", "--mount")], ids=["root", "user", "mount"]
)
def test_who_may_see_something_else_is_not_gone_by(rootfs: Path, before: tuple[str, ...]) -> None:
    """Of another root, of a user namespace where any user may have changed it, or elsewhere altogether."""
    require("unshare", "chroot")
    own = links(os.getpid())
    for fd in hostfiles._files_of(os.getpid(), own["mnt"], own["user"]):
        os.close(fd)
    process = _sleeping(*(word.format(rootfs) for word in before))
    try:
        with pytest.raises(OSError, match="not one of those"):
            hostfiles._files_of(process.pid, own["mnt"], own["user"])
    finally:
        process.kill()
        process.wait()


WHERE = "from nsview.agent import hostfiles as h; print(h.host().inode, h.host().root is None)"


def test_in_a_host_that_is_a_container_it_is_who_started_us(user: User) -> None:
    """No thread of the kernel is to be seen there. pid 1 is above us; where it is not, it is a neighbour of ours."""
    words = " ".join(f"'{word}'" for word in (*user.python, "-c", WHERE))
    script = f"readlink /proc/self/ns/mnt; unshare --mount {words}; true"
    world = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    outer, found = user.run(*world, "sh", "-c", script).stdout.split("\n", 1)
    assert found == f"{outer.partition('[')[2][:-1]} False\n"

    beside = subprocess.Popen([*world, *SLEEP])
    try:
        inner = Path(f"/proc/{beside.pid}/task/{beside.pid}/children")
        wait_until(lambda: bool(inner.read_text()), 20, "pid 1")
        pid = int(inner.read_text())
        wait_until(lambda: links(pid)["mnt"] != links(beside.pid)["mnt"] or _is_asleep(pid), 20, "sleep")
        enter = ("nsenter", f"--target={pid}", "--pid", "--mount", "unshare", "--mount")
        done = user.run(*enter, "sh", "-c", f"readlink /proc/self/ns/mnt; exec {words}")
        seen, found = done.stdout.split("\n", 1)
        assert found == f"{seen.partition('[')[2][:-1]} True\n"
    finally:
        beside.kill()
        beside.wait()


def _is_asleep(pid: int) -> bool:
    return b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes()[:12]


def test_on_the_host_itself_nothing_is_opened() -> None:
    done = subprocess.run([sys.executable, "-c", WHERE], check=True, capture_output=True, text=True)
    assert done.stdout == f"{links(os.getpid())['mnt']} True\n"
