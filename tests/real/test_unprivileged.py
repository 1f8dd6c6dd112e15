"""The same host as an ordinary user sees it: containers by their cgroups, and no more claimed than was read."""

import json
import os
from collections import Counter
from collections.abc import Iterator

import pytest

from .command import NSVIEW, containers, said
from .daemons import Containerd, Docker
from .user import AS_NOBODY, NOBODY, User

_LINKS = """
import json, os
found = {}
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        found[pid] = [os.readlink("/proc/%s/ns/%s" % (pid, kind)) for kind in ("net", "mnt")]
    except OSError as error:
        found[pid] = error.errno
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def web(docker: Docker) -> Iterator[int]:
    yield docker.container("unprivileged-web", command=("/bin/sh", "-c", "sleep 9996 & exec sleep 9999"))
    docker.remove("unprivileged-web")


def test_the_host_is_not_taken_for_fully_seen(user: User) -> None:
    host = user.printed("list", "namespaces")["host"]
    assert (host["uid"], host["privileged"]) == (NOBODY, False)


def test_a_docker_container_is_known_by_its_cgroup(user: User, docker: Docker, web: int) -> None:
    """Its name is in a file that only root reads, so it has the short id that docker gives as host name, too."""
    id = docker.inspect("unprivileged-web")["Id"]
    (seen,) = [c for c in user.printed("list", "containers")["containers"] if c["id"] == id]
    by_root = containers()[f"docker:{id}"]
    for field in ("key", "id", "runtime", "engine_namespace", "init_pid", "pids", "shim_pid", "daemon_pid"):
        assert seen[field] == by_root[field], field
    assert len(seen["pids"]) == 2
    assert (seen["name"], seen["image"]) == (id[:12], None)
    assert "config" not in seen["witness"]


@pytest.mark.parametrize("namespace", ["default", "k8s.io"])
def test_a_containerd_container_is_known_by_its_shim_and_cgroup(
    user: User, containerd: Containerd, namespace: str
) -> None:
    pid = containerd.container("unprivileged", namespace=namespace)
    try:
        key = f"containerd:{namespace}/unprivileged"
        seen = {c["key"]: c for c in user.printed("list", "containers")["containers"]}[key]
        by_root = containers()[key]
        for field in ("id", "name", "runtime", "engine_namespace", "init_pid", "pids", "shim_pid", "daemon_pid"):
            assert seen[field] == by_root[field], field
        assert seen["pids"] == [pid]
    finally:
        containerd.remove("unprivileged", namespace)


def test_every_container_that_root_sees_is_seen(user: User, docker: Docker, web: int) -> None:
    own = {f"docker:{id}" for id in docker.run("ps", "--quiet", "--no-trunc").split()}
    assert own
    assert own <= set(containers())
    assert own <= {c["key"] for c in user.printed("list", "containers")["containers"]}


WEAK = {
    "without CAP_SYS_PTRACE": ("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"),
    "in a user namespace": ("unshare", "--user", "--map-root-user"),
}


@pytest.mark.parametrize("before", WEAK.values(), ids=list(WEAK))
def test_root_that_may_not_look_into_supervisors_names_what_they_run(
    docker: Docker, containerd: Containerd, before: tuple[str, ...]
) -> None:
    """Also those whose cgroup is called by no engine's rules: the shim's own words have to do."""
    pids = {docker.container("weak-usual"): "weak-usual"}
    pids |= {
        docker.container("weak-below", f"--cgroup-parent=/docker/{docker.inspect('weak-usual')['Id']}"): "weak-below",
        containerd.container("weak-task"): "weak-task",
    }
    try:
        answer = json.loads(said([*before, *NSVIEW, "list", "containers", "--json"]))
        assert {c["init_pid"]: c["name"] for c in answer["containers"] if c["init_pid"] in pids} == pids
    finally:
        containerd.remove("weak-task")
        docker.remove("weak-below")
        docker.remove("weak-usual")


def test_pids_inside_are_known_without_any_permission(user: User, web: int) -> None:
    process = user.printed("inspect", str(web))
    assert process["nspid"] == [web, 1]
    assert process["unreadable"] == "EACCES" and process["namespaces"] == {}


def test_what_could_not_be_read_is_counted_as_it_is(user: User, web: int) -> None:
    """Against readlink as the same user, of processes that were there before and after."""
    before = json.loads(user.run(*AS_NOBODY, *user.python, "-c", _LINKS).stdout)
    listing = user.printed("list")
    after = json.loads(user.run(*AS_NOBODY, *user.python, "-c", _LINKS).stdout)
    shown = {str(p["pid"]): p for p in listing["processes"]}
    compared = 0
    for pid in before.keys() & after.keys() & shown.keys():
        if before[pid] == after[pid]:
            readable = isinstance(before[pid], list)
            assert (shown[pid]["unreadable"] is None) is readable, pid
            compared += 1
    assert compared > 10
    reasons = Counter(p["unreadable"] for p in listing["processes"] if p["unreadable"])
    assert listing["unreadable"] == {"processes": sum(reasons.values()), "reasons": dict(reasons)}
    assert reasons["EACCES"] > 10


def test_a_line_says_how_much_is_missing_and_what_would_help(user: User) -> None:
    done = user.nsview("list")
    assert done.returncode == 0
    assert all(line.startswith("nsview: ") for line in done.stderr.splitlines())
    (line,) = [line for line in done.stderr.splitlines() if "could not be read" in line]
    assert "sudo" in line


def test_where_that_changes_nothing_it_is_not_said(user: User, web: int) -> None:
    """The names of containers are another matter: these are in files that only root reads."""
    done = user.nsview("list", "processes", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    done = user.nsview("ps")
    (line,) = done.stderr.splitlines()
    assert (
        "could not be read" not in line and "names and images" in line and f"sudo {user.python[0]} -m nsview ps" in line
    )
    done = user.nsview("list", "processes", "--filter", "not host=net")
    assert "could not be read" in done.stderr


def test_its_own_processes_are_read_whole(user: User) -> None:
    listing = user.printed("list", "processes")
    own = [p for p in listing["processes"] if p["uid"] == NOBODY and p["unreadable"] is None]
    assert own and all(len(p["namespaces"]) == 8 for p in own)


@pytest.mark.parametrize("options", [["--all"], ["--net"], ["--host-privileges", "--net"], []])
def test_entering_a_container_is_refused_with_its_own_code(user: User, web: int, options: list[str]) -> None:
    done = user.nsview("enter", str(web), *options, "--", "/bin/true")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("nsview: ") and done.stderr.count("\n") == 1 and "root" in done.stderr


def test_a_namespace_that_it_cannot_see_is_nobodys(user: User, web: int) -> None:
    inode = os.readlink(f"/proc/{web}/ns/mnt").partition("[")[2][:-1]
    done = user.nsview("inspect", f"mnt:{inode}")
    assert done.returncode == 1 and "not visible to you: namespace" in done.stderr


def test_a_path_that_it_may_not_read_is_said_so(user: User, web: int) -> None:
    done = user.nsview("inspect", f"/proc/{web}/ns/net")
    assert done.returncode == 3 and "run nsview as root" in done.stderr and done.stderr.count("\n") == 1


def test_bad_input_is_one_line_for_a_user_as_well(user: User) -> None:
    done = user.nsview("list", "--filter", "nobody-is-called-this")
    assert (done.returncode, done.stderr) == (1, "nsview: nothing matched\n")


def proc_with(option: str) -> tuple[str, ...]:
    """Runs what follows where /proc hides processes."""
    return ("unshare", "--mount", "sh", "-c", f'mount -t proc -o {option} proc /proc && exec "$@"', "sh")


def test_a_proc_that_forbids_others_processes_is_listed_with_what_it_tells(user: User, web: int) -> None:
    """hidepid=1: they are there, and nothing of them may be read."""
    listing = user.printed("list", around=proc_with("hidepid=1"))
    shown = {p["pid"]: p for p in listing["processes"]}
    assert web in shown and shown[web]["unreadable"] == "EPERM"
    assert (shown[web]["comm"], shown[web]["namespaces"], shown[web]["uid"]) == ("?", {}, 0)
    assert any(p["unreadable"] is None and p["uid"] == NOBODY for p in listing["processes"])
    assert listing["unreadable"]["reasons"]["EPERM"] > 10
    done = user.nsview("enter", str(web), "--", "/bin/true", around=proc_with("hidepid=1"))
    assert done.returncode == 3 and done.stderr.count("\n") == 1


def test_a_proc_that_hides_others_processes_shows_the_rest(user: User, web: int) -> None:
    """hidepid=2: they are not there at all."""
    listing = user.printed("list", around=proc_with("hidepid=2"))
    pids = {p["pid"] for p in listing["processes"]}
    assert web not in pids and pids
    assert all(p["unreadable"] is None for p in listing["processes"])
    done = user.nsview("inspect", str(web), around=proc_with("hidepid=2"))
    assert done.returncode == 1 and f"no process {web} that is visible to you" in done.stderr
    done = user.nsview("inspect", "unprivileged-web", around=proc_with("hidepid=2"))
    assert done.returncode == 1 and "no container, interface or mounted namespace that is visible to you" in done.stderr


def test_the_namespaces_that_a_container_shares_are_not_taken_for_none(user: User, docker: Docker, web: int) -> None:
    """The columns of the table of containers that go by namespaces."""
    id = docker.inspect("unprivileged-web")["Id"][:12]
    heading, *lines = user.nsview("list", "use").stdout.splitlines()
    (line,) = [line for line in lines if line.startswith(id)]
    assert [line[heading.index(name) :].split()[0] for name in ("SHARES", "NET")] == ["?", "?"]
