"""Whoever enters has what `docker exec`, `ctr task exec`, `podman exec` and `runc exec` give, property by property."""

import pytest

from .daemons import Containerd, Docker
from .joining import docker_exec, inside

# Everything about a process that one can be like another in.
_PORTRAIT = r"""
grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:|SigBlk|SigIgn|SigCgt|Umask)' /proc/self/status
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
        ("--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", "--security-opt", "no-new-privileges"),
        ("--workdir", "/tmp", "--env", "A=b c", "--env", "HOME=/elsewhere", "--env", "PATH=/bin"),
        ("--ulimit", "nofile=512:768", "--ulimit", "core=0:0", "--oom-score-adj", "500"),
        ("--security-opt", "seccomp=unconfined", "--read-only"),
        ("--network", "host", "--ipc", "private", "--cgroupns", "private"),
        (
            "--pid",
            "host",
        ),
        ("--pids-limit", "50", "--memory", "64m"),
    ],
    ids=" ".join,
)
def test_all_is_like_docker_exec_in_every_property(docker: Docker, options: tuple[str, ...]) -> None:
    pid = docker.container("j-like", *options)
    try:
        assert inside(pid, _PORTRAIT).splitlines() == docker_exec(docker, "j-like", _PORTRAIT).splitlines()
    finally:
        docker.remove("j-like")


def test_all_is_like_ctr_task_exec_in_every_property(containerd: Containerd) -> None:
    pid = containerd.container("nsview-j-like", "--env", "A=b")
    try:
        theirs = containerd.run(
            *("-n", "default", "task", "exec", "--exec-id", "j", "nsview-j-like", "/bin/sh", "-c", _PORTRAIT)
        )
        assert inside(pid, _PORTRAIT).splitlines() == theirs.splitlines()
        assert "NoNewPrivs:\t1" in theirs
    finally:
        containerd.remove("nsview-j-like")

