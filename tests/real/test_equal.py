"""Whoever enters has what the exec of docker, ctr, podman, runc and crun gives, property by property."""

import ctypes
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from .conftest import require
from .daemons import Containerd, Docker
from .joining import driver, environment, inside, is_like_docker_exec, plan_for
from .runtimes import Oci, Podman
from .workspace import Workspace, wait_until

# Everything about a process that one can be like another in, as it sees itself.
PORTRAIT = r"""
grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|SigBlk|SigIgn|SigCgt|Umask|Cpus|Mems)' /proc/self/status
for kind in mnt uts ipc pid net user cgroup time; do readlink /proc/self/ns/$kind; done
cat /proc/self/cgroup /proc/self/limits /proc/self/oom_score_adj /proc/self/personality /proc/self/coredump_filter
env | sort
pwd
umask
ls -d /proc/self/root/. /
ls /proc/self/fd
readlink /proc/$$/exe
cat /proc/$$/attr/current 2>/dev/null
id
"""


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--user", "1000:1000", "--group-add", "2000"),
        ("--user", "1000", "--cap-add", "NET_ADMIN"),
        ("--user", "4321"),
        ("--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", "--security-opt", "no-new-privileges"),
        ("--workdir", "/tmp", "--env", "A=b c", "--env", "HOME=/elsewhere", "--env", "PATH=/bin"),
        ("--ulimit", "nofile=512:768", "--ulimit", "core=0:0", "--oom-score-adj", "500"),
        ("--security-opt", "seccomp=unconfined", "--read-only"),
        # As near to --privileged as a machine without CAP_SYS_RESOURCE can come; see rootless podman for the whole.
        ("--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--security-opt", "seccomp=unconfined"),
        ("--network", "host", "--ipc", "private", "--cgroupns", "private"),
        ("--pid", "host"),
        ("--pids-limit", "50", "--memory", "64m"),
    ],
    ids=" ".join,
)
def test_all_is_like_docker_exec_in_every_property(docker: Docker, options: tuple[str, ...]) -> None:
    pid = docker.container("j-like", *options)
    try:
        is_like_docker_exec(inside(pid, PORTRAIT), docker, "j-like", PORTRAIT)
    finally:
        docker.remove("j-like")


def test_what_the_first_process_has_made_of_itself_is_no_commands(docker: Docker) -> None:
    """Else it decides, by limits, whether anything can be executed beside it."""
    words = "umask 0; ulimit -f 8; ulimit -n 100; exec sleep 9999"
    pid = docker.container("j-itself", command=["sh", "-c", words])
    try:
        wait_until(lambda: b"sleep" in Path(f"/proc/{pid}/comm").read_bytes(), 10, "its sleep")
        is_like_docker_exec(inside(pid, PORTRAIT), docker, "j-itself", PORTRAIT)
    finally:
        docker.remove("j-itself")


class Running(NamedTuple):
    """A container. words: what comes before the command in the runtime's own way in. crun: it is crun that executes.
    bundle: where crun is called by hand, for its exec follows no configuration but the file that podman makes for it.
    """

    pid: int
    words: list[str]
    crun: bool = False
    bundle: Path | None = None

    def exec(self, *command: str) -> list[str]:
        """The runtime's own way in for a command."""
        if self.bundle is None:
            return [*self.words, *command]
        process = json.loads((self.bundle / "config.json").read_text())["process"]
        file = self.bundle / "process.json"
        file.write_text(json.dumps({**process, "args": command}))
        return [*self.words[:-1], "--process", str(file), self.words[-1]]


_CAP_SYS_RESOURCE = 24
_ALL_POWER = ("--privileged", "--ulimit", "memlock=-1:-1", "--ulimit", "nofile=1048576:1048576", "--ulimit", "core=-1")


def _runtimes() -> list[str]:
    """With one that has all power and limits above ours, where this machine lets anyone have that: tests/kernels/run
    does, on one that does not."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    above = int(status["CapEff"], 16) >> _CAP_SYS_RESOURCE & 1
    by_hand = ["runc", "crun", "restricted runc", "restricted crun"]
    return ["docker", "containerd", "podman", "podman crun", *by_hand, *(["privileged podman"] if above else [])]


# Each property of a process that a configuration can give it.
_RESTRICTED = {
    "user": {"uid": 1000, "gid": 1001, "additionalGids": [2000, 5]},
    "cwd": "/tmp",
    "env": ["PATH=/usr/bin:/bin", "A=b c", "EMPTY="],
    "capabilities": {
        "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"], "permitted": ["CAP_KILL", "CAP_NET_RAW"],
        "inheritable": ["CAP_KILL", "CAP_NET_RAW"], "effective": ["CAP_KILL"], "ambient": ["CAP_NET_RAW"],
    },
    "rlimits": [
        # As high as it may be: Go raises the soft limit at its start, and runc 1.1 may leave that to the command.
        {"type": "RLIMIT_NOFILE", "hard": 512, "soft": 512}, {"type": "RLIMIT_CORE", "hard": 0, "soft": 0},
    ],
    "noNewPrivileges": False,
    "oomScoreAdj": 300,
}  # fmt: skip
_PROFILE = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "architectures": ["SCMP_ARCH_X86_64" if os.uname().machine == "x86_64" else "SCMP_ARCH_AARCH64"],
    "syscalls": [{"names": ["mkdirat", "keyctl"], "action": "SCMP_ACT_ERRNO"}],
}


@pytest.fixture(scope="module", params=_runtimes())
def running(request: pytest.FixtureRequest, workspace: Workspace, rootfs: Path) -> Iterator[Running]:
    name = "j-equal"
    if request.param == "docker":
        docker: Docker = request.getfixturevalue("docker")
        yield Running(docker.container(name, "--env", "A=b"), [*docker.command, "exec", name])
        docker.remove(name)
    elif request.param == "containerd":
        containerd: Containerd = request.getfixturevalue("containerd")
        pid = containerd.container(f"nsview-{name}", "--env", "A=b")
        ctr = ["ctr", "--address", str(containerd.address), "-n", "default", "task", "exec", "--exec-id", "j"]
        yield Running(pid, [*ctr, f"nsview-{name}"])
        containerd.remove(f"nsview-{name}")
    elif "podman" in request.param:
        require(*Podman.NEEDS)
        podman = Podman(workspace, rootfs, "crun" if "crun" in request.param else "runc")
        try:
            options = _ALL_POWER if "privileged" in request.param else ()
            pid = podman.container(name, "--env", "A=b", *options)
            config = f"CONTAINERS_CONF={podman.graphroot.parent / 'containers.conf'}"
            words = ["env", "-u", "DOCKER_CONFIG", config, *podman.command, "exec", name]
            yield Running(pid, words, "crun" in request.param)
        finally:
            podman.clear()
    else:
        require("runc", "crun")
        restricted, program = request.param.startswith("restricted"), request.param.split()[-1]
        crun = program == "crun"
        # crun's exec leaves this one as its caller has it.
        process = {key: value for key, value in _RESTRICTED.items() if not (crun and key == "oomScoreAdj")}
        root = workspace.root / f"{program}-equal"
        runtime = Oci(workspace, rootfs, program, root)
        try:
            if restricted:
                id, bundle, pid = runtime.container("j-restricted", process=process, seccomp=_PROFILE)
            else:
                id, bundle, pid = runtime.container(name)
            yield Running(pid, [program, "--root", str(root), "exec", id], crun, bundle if crun else None)
        finally:
            runtime.clear()


def test_all_is_like_the_runtimes_own_way_in(running: Running, workspace: Workspace) -> None:
    theirs = subprocess.run(
        running.exec("/bin/sh", "-c", PORTRAIT),
        env=workspace.environment, input="", capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    ours = inside(running.pid, PORTRAIT).splitlines()
    if "podman" in running.words:
        # Its exec leaves out the variable that its own config.json has for the container.
        assert "HOSTNAME=" not in theirs
        ours = [line for line in ours if not line.startswith("HOSTNAME=")]
    assert ours == theirs.splitlines()


def test_the_host_sees_no_difference_either(running: Running, workspace: Workspace) -> None:
    marks = [str(1_000_000 + 2 * os.getpid() + n) for n in (0, 1)]  # which no run beside this one has
    made = plan_for(running.pid, command=["/bin/sleep", marks[0]])
    ours = seen(driver(made), marks[0], environment())
    theirs = seen(running.exec("/bin/sleep", marks[1]), marks[1], workspace.environment)
    if "podman" in running.words:
        variables = ours["environment"]
        assert isinstance(variables, list)
        ours["environment"] = [variable for variable in variables if not variable.startswith(b"HOSTNAME=")]
    if running.crun:
        # Its exec may leave a command without a terminal in the session of the caller.
        del theirs["leads its session and group"]
    assert {what: ours[what] for what in theirs if ours[what] != theirs[what]} == {}, theirs


_STATUS = (
    "Umask", "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
    "Seccomp_filters", "Speculation_Store_Bypass", "Cpus_allowed", "Mems_allowed", "SigBlk", "SigIgn", "SigCgt",
    "THP_enabled",
)  # fmt: skip
_PF_SUPERPRIV = 0x100  # acct(2)'s: what it has done so far, not what it may do
_IOPRIO_GET = {"x86_64": 252, "aarch64": 31}


def _outside(pid: int) -> dict[str, object]:
    """All that the host can read of a process, but for what is its own: pids, times, memory."""
    proc = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    stat = (proc / "stat").read_text().rpartition(")")[2].split()
    libc = ctypes.CDLL(None)
    return {
        **{name: status.get(name) for name in _STATUS},
        **{name: (proc / name).read_text() for name in ("limits", "cgroup", "oom_score_adj", "personality")},
        **{name: (proc / name).read_text() for name in ("coredump_filter", "timerslack_ns", "mountinfo", "loginuid")},
        "namespaces": [os.readlink(link) for link in sorted((proc / "ns").iterdir())],
        "environment": sorted((proc / "environ").read_bytes().split(b"\0")),
        "cwd, root, exe": [os.readlink(proc / name) for name in ("cwd", "root", "exe")],
        "fds": sorted(os.listdir(proc / "fd")),
        "files are of": [os.stat(proc / "fd" / number).st_uid for number in "012"],
        "owner, which tells dumpable": os.stat(proc / "status").st_uid,
        "scheduler": (os.sched_getscheduler(pid), os.sched_getparam(pid), os.getpriority(os.PRIO_PROCESS, pid)),
        "io priority": libc.syscall(_IOPRIO_GET[os.uname().machine], 1, pid),
        "leads its session and group": (os.getsid(pid) == pid, os.getpgid(pid) == pid),
        "terminal": stat[4],
        "death signal and flags": (int(stat[6]) & ~_PF_SUPERPRIV, stat[35]),
    }


def seen(command: Sequence[str], mark: str, env: dict[str, str]) -> dict[str, object]:
    """What the host sees of the `sleep MARK` that a command starts."""
    # Not /dev/null, which crun gives to the container's user.
    started = subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    found: list[int] = []

    def is_there() -> bool:
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                if Path(f"/proc/{entry}/cmdline").read_bytes() == f"/bin/sleep\0{mark}\0".encode():
                    found.append(int(entry))
                    return True
            except OSError:
                continue
        return False

    try:
        wait_until(is_there, 20, f"sleep {mark}")
        time.sleep(0.1)  # until it waits
        return _outside(found[0])
    finally:
        for pid in found:
            os.kill(pid, 9)
        started.communicate(timeout=20)
