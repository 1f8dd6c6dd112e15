"""The walk that nsview replaces, step by step: what an engineer does by hand with ps, grep, docker inspect, ls, a
little C program and setns is one command each, with the same answer. On a container of docker's and on one of
containerd's.
"""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from .command import containers, links, nsview, printed, said
from .daemons import Containerd, Docker

KINDS = ("mnt", "uts", "ipc", "pid", "net")  # what both runtimes give a container of its own
SHELL = ("/bin/sh", "-c", "sleep 9997 & exec sleep 9999")


class Walked(NamedTuple):
    """A running container. name: as its own client calls it; exec: runs a command in it by that client; daemon: the pid
    of the containerd that its shim serves, None where it is to be found."""

    name: str
    pid: int
    exec: Callable[..., str]
    engine_namespace: str
    daemon: int | None


@pytest.fixture(scope="module", params=["docker", "containerd"])
def walked(request: pytest.FixtureRequest, docker: Docker, containerd: Containerd) -> Iterator[Walked]:
    if request.param == "docker":
        pid = docker.container("walk", "--env", "COLOUR=blue", "--workdir", "/tmp", command=SHELL)
        yield Walked("walk", pid, lambda *command: docker.run("exec", "walk", *command), "moby", None)
        docker.remove("walk")
        return
    number = 0

    def execute(*command: str) -> str:
        nonlocal number
        number += 1
        return containerd.run("task", "exec", "--exec-id", f"walk{number}", "walk-task", *command)

    pid = containerd.container("walk-task", "--env", "COLOUR=blue", "--cwd", "/tmp", command=SHELL)
    yield Walked("walk-task", pid, execute, "default", containerd.pid)
    containerd.remove("walk-task")


def shown(container: Walked) -> dict[str, Any]:
    (found,) = [c for c in containers().values() if c["name"] == container.name]
    return found


def enter(container: Walked, *arguments: str) -> str:
    """What a command prints that nsview runs inside; it must end well."""
    done = nsview("enter", container.name, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


# Step 1: inside, ps says that the shell is pid 1.


def test_1_the_first_process_is_pid_1_inside_and_another_outside(walked: Walked) -> None:
    process = printed("inspect", str(walked.pid))
    assert process["nspid"] == [walked.pid, 1]
    assert [line.split()[0] for line in walked.exec("/bin/ps").splitlines() if "sleep 9999" in line] == ["1"]


def test_1_each_pid_inside_is_the_one_that_ps_there_shows(walked: Walked) -> None:
    inside = {int(pid) for pid in walked.exec("/bin/ps", "-o", "pid").split()[1:]}
    members = shown(walked)["pids"]
    listed = {p["nspid"][-1] for p in printed("list", "processes")["processes"] if p["pid"] in members}
    assert listed <= inside and len(inside - listed) == 1  # that ps itself
    assert len(listed) == 2


# Step 2: outside it is a child of the shim, which serves containerd.


def test_2_the_chain_leads_from_the_daemon_over_its_shim_to_the_process(walked: Walked) -> None:
    chain = printed("inspect", str(walked.pid))["chain"]
    daemon, shim, process = chain[-3:]
    assert (process["pid"], process["link"]) == (walked.pid, "parent")
    assert (shim["comm"], shim["link"]) == ("containerd-shim", "serves")
    assert daemon["comm"] == "containerd"
    assert walked.daemon in (None, daemon["pid"])
    arguments = printed("inspect", str(shim["pid"]))["cmdline"]
    assert arguments[1:5] == ["-namespace", walked.engine_namespace, "-id", shown(walked)["id"]]
    # The kernel's own word: the shim's parent is not the daemon.
    assert printed("inspect", str(shim["pid"]))["ppid"] != daemon["pid"]


def test_2_the_chain_of_a_docker_container_begins_above_dockerd(docker: Docker, walked: Walked) -> None:
    if walked.engine_namespace == "moby":
        chain = [link["pid"] for link in printed("inspect", str(walked.pid))["chain"]]
        daemon = shown(walked)["daemon_pid"]
        assert daemon in chain
        managed = printed("inspect", str(daemon))["ppid"] == docker.pid
        assert (docker.pid in chain) is managed


def test_2_the_chain_is_printed_as_a_tree_in_words(walked: Walked) -> None:
    lines = nsview("inspect", str(walked.pid)).stdout.splitlines()
    (shim,) = [line for line in lines if "serves" in line]
    assert f"{shown(walked)['shim_pid']} " in shim
    assert f"{walked.pid} /bin/sh" in lines[-1] or f"{walked.pid} sleep 9999" in lines[-1]


# Step 3: docker inspect gives the same pid.


def test_3_a_container_leads_to_the_pid_that_its_own_client_gives(
    docker: Docker, containerd: Containerd, walked: Walked
) -> None:
    if walked.engine_namespace == "moby":
        pid = int(docker.run("inspect", "-f", "{{.State.Pid}}", walked.name))
    else:
        (line,) = [line for line in containerd.run("task", "ls").splitlines() if line.startswith(walked.name)]
        pid = int(line.split()[1])
    assert printed("inspect", walked.name)["init_pid"] == pid
    assert printed("inspect", shown(walked)["id"])["init_pid"] == pid
    assert ["init", "pid", str(pid)] in [line.split() for line in nsview("inspect", walked.name).stdout.splitlines()]


# Step 4: ls -l /proc/PID/ns.


def test_4_the_inodes_are_those_of_readlink(walked: Walked) -> None:
    assert printed("inspect", str(walked.pid))["namespaces"] == links(walked.pid)


def test_4_each_namespace_of_its_own_lists_the_container_and_nobody_else(walked: Walked) -> None:
    own = links(walked.pid)
    listed = {(n["type"], n["inode"]): n for n in printed("list")["namespaces"]}
    for kind in KINDS:
        namespace = listed[kind, own[kind]]
        assert namespace["pids"] == shown(walked)["pids"], kind
        assert not namespace["initial"]


def test_4_a_namespace_is_found_by_its_number_and_by_its_path(walked: Walked) -> None:
    net = links(walked.pid)["net"]
    for target in (f"net:{net}", f"net:[{net}]", f"/proc/{walked.pid}/ns/net"):
        assert printed("inspect", target)["pids"] == shown(walked)["pids"]
    assert walked.name in nsview("inspect", f"net:{net}").stdout


# Step 5: a program that joins the net namespace sees the container's devices.


def addresses(output: str) -> dict[str, set[str]]:
    """{device: its addresses} from `ip addr` or `ip -o addr`, busybox's or iproute2's."""
    found: dict[str, set[str]] = {}
    device = ""
    for line in output.splitlines():
        if match := re.match(r"\d+: ([\w.-]+)", line):
            device = match[1]
        if match := re.search(r"\b(inet6? \S+)", line):
            found.setdefault(device, set()).add(match[1])
    return found


def test_5_the_hosts_ip_tool_sees_the_containers_addresses(walked: Walked) -> None:
    inside = addresses(walked.exec("/bin/ip", "addr"))
    assert addresses(enter(walked, "--net", "--", "ip", "-o", "addr")) == inside
    assert ("eth0" in inside) is (walked.engine_namespace == "moby")
    assert inside != addresses(said(["ip", "-o", "addr"]))


def test_5_the_namespace_joined_is_the_containers_and_no_other(walked: Walked) -> None:
    output = enter(walked, "--net", "--", "readlink", *(f"/proc/self/ns/{kind}" for kind in links(walked.pid)))
    joined = dict(line.rstrip("]").split(":[") for line in output.split())
    own, ours = links(walked.pid), links(os.getpid())
    assert int(joined["net"]) == own["net"]
    assert {kind for kind, inode in joined.items() if int(inode) != ours[kind]} == {"net"}


def test_5_a_namespace_is_entered_by_its_number(walked: Walked) -> None:
    net = links(walked.pid)["net"]
    done = nsview("enter", f"net:{net}", "--", "readlink", "/proc/self/ns/net")
    assert (done.returncode, done.stdout) == (0, f"net:[{net}]\n"), done.stderr


def test_5_peers_on_one_network_are_listed_under_one_namespace_and_marked_as_sharing(docker: Docker) -> None:
    first = docker.container("share-a")
    second = docker.container("share-b", "--network", "container:share-a")
    try:
        net = links(first)["net"]
        assert links(second)["net"] == net
        (namespace,) = [n for n in printed("list", "--type", "net")["namespaces"] if n["inode"] == net]
        assert namespace["pids"] == sorted([first, second])
        (line,) = [ln for ln in nsview("list", "--type", "net").stdout.splitlines() if str(net) in ln]
        assert "share-a,share-b" in line
        kinds = {line.split()[0]: line for line in nsview("inspect", str(first)).stdout.splitlines() if line}
        assert kinds["net"].endswith("share-b") and "this container only" in kinds["mnt"]
        assert addresses(enter_of("share-b", "--net", "--", "ip", "-o", "addr")) == addresses(
            docker.run("exec", "share-a", "ip", "addr")
        )
    finally:
        docker.remove("share-b")
        docker.remove("share-a")


def enter_of(target: str, *arguments: str) -> str:
    done = nsview("enter", target, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


# Step 6: the same with mnt shows the container's files.


def test_6_the_mount_namespace_shows_the_containers_files(walked: Walked) -> None:
    assert enter(walked, "--mnt", "--", "/bin/ls", "/") == walked.exec("/bin/ls", "/")
    assert enter(walked, "--mnt", "--", "/bin/cat", "/root/inside.txt") == "a file of the container\n"


# Step 7: docker exec is that for all of them.

PROBE = """
id
umask
pwd
readlink /proc/self/ns/mnt /proc/self/ns/uts /proc/self/ns/ipc /proc/self/ns/pid /proc/self/ns/net
readlink /proc/self/ns/user /proc/self/ns/cgroup /proc/self/ns/time
grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status
cat /proc/self/cgroup /proc/self/limits /proc/self/oom_score_adj
hostname
env | grep -vE '^(SHLVL|_|PWD)=' | sort
"""


def test_7_entering_all_is_what_the_runtimes_own_exec_is(walked: Walked) -> None:
    theirs = walked.exec("/bin/sh", "-c", PROBE).splitlines()
    ours = enter(walked, "--all", "--", "/bin/sh", "-c", PROBE).splitlines()
    assert ours == theirs
    assert "COLOUR=blue" in ours


@pytest.mark.parametrize(
    ("asked", "code"), [("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143), ("no-such-command", 127)]
)
def test_7_the_commands_exit_code_is_ours(walked: Walked, asked: str, code: int) -> None:
    assert nsview("enter", walked.name, "--all", "--", "/bin/sh", "-c", asked).returncode == code


def test_7_what_goes_in_comes_out(walked: Walked) -> None:
    done = nsview("enter", walked.name, "--all", "--", "/bin/cat", stdin=None, input="through\n")
    assert (done.returncode, done.stdout) == (0, "through\n"), done.stderr


def test_7_a_dry_run_says_the_plan_and_does_nothing(walked: Walked, tmp_path: Any) -> None:
    done = nsview("enter", walked.name, "--net", "--dry-run", "--", "touch", str(tmp_path / "made"))
    assert done.returncode == 0, done.stderr
    assert f"nsenter -t {walked.pid} --net" in done.stdout
    assert not (tmp_path / "made").exists()
