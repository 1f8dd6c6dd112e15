"""The state of a container as the agent tells it of records and of the files of cgroups."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from nsview.agent import mountinfo
from nsview.agent.containers import condition


def process(pid: int, ppid: int, comm: str, *nspid: int) -> dict[str, Any]:
    return {"pid": pid, "ppid": ppid, "comm": comm, "nspid": [pid, *nspid], "state": "S"}


def described(*processes: dict[str, Any], init: int, pids: list[int], **fields: Any) -> dict[str, Any]:
    record = {"runtime": "docker", "shim_pid": None, "init_pid": init, "pids": pids, **fields}
    condition.describe(record, "/a", {}, {p["pid"]: p for p in processes})
    return record


@pytest.mark.parametrize(
    ("above", "gone"),
    [(["containerd-shim", "runc"], False), (["containerd-shim", "crun"], False), (["systemd", "runc"], True),
     (["systemd"], True), (["containerd-shim"], False)],
)  # fmt: skip
def test_a_container_that_is_being_started_has_its_shim_above_the_runtime(above: list[str], gone: bool) -> None:
    """runc is between the two until the first process runs."""
    chain = [process(10 + at, 9 + at, comm) for at, comm in enumerate(above)]
    init = process(50, chain[-1]["pid"], "runc:[2:INIT]", 1)
    assert described(*chain, init, init=50, pids=[50])["supervisor_gone"] is gone


def test_an_orphan_is_no_session() -> None:
    """In the pid namespace of another container, that one's first process is given it; a shim is what came by it."""
    shim, pause = process(10, 1, "containerd-shim"), process(20, 10, "pause", 1)
    init, orphan, session = process(30, 10, "web", 7), process(31, 20, "web", 9), process(32, 10, "sh", 12)
    told = described(shim, pause, init, orphan, session, init=30, pids=[30, 31, 32], shim_pid=10)
    assert told["execs"] == [32]


def test_in_the_hosts_pid_namespace_a_session_is_told_by_its_own_session() -> None:
    read, write = os.pipe()
    leader = os.fork()
    if leader == 0:
        os.setsid()
        os.write(write, b".")
        signal.pause()
    other = 0
    try:
        os.read(read, 1)
        other = os.fork()
        if other == 0:
            os.execvp("sleep", ["sleep", "99"])
        shim, init = process(10, 1, "containerd-shim"), process(30, 10, "web")
        both = [process(leader, 10, "sh"), process(other, 10, "web")]
        told = described(shim, init, *both, init=30, pids=[30, leader, other], shim_pid=10)
        assert told["execs"] == [leader]
    finally:
        for pid in filter(None, (leader, other)):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(read)
        os.close(write)


@pytest.mark.parametrize(
    ("name", "kind", "text", "state"),
    [("freezer.state", "freezer", "FROZEN\n", "paused"), ("freezer.state", "freezer", "THAWED\n", "running"),
     ("cgroup.events", "", "populated 1\nfrozen 1\n", "paused"), ("cgroup.events", "", "frozen 0\n", "running"),
     ("else", "freezer", "", None), ("else", "", "", None)],
)  # fmt: skip
def test_a_state_is_not_known_where_no_freezer_tells(
    tmp_path: Path, name: str, kind: str, text: str, state: str | None
) -> None:
    """As in a container in whose cgroup namespace a path begins with /.. ."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / name).write_text(text)
    (mount,) = mountinfo.parse(f"30 29 0:26 / {tmp_path} rw - cgroup cgroup rw\n")
    record = {"runtime": "docker", "shim_pid": 1, "init_pid": None, "pids": []}
    condition.describe(record, "/a", {kind: [mount]}, {})
    assert record["state"] == state
