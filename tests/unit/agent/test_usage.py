"""The use of containers, read from the kernel's files as their documentation says."""

import pytest

from nsview.agent import usage as agent

# cgroup v2 of Linux 6.8: cgroup-v2.rst.
V2 = {
    ("", "cpu.stat"): "usage_usec 2500000\nuser_usec 2000000\nnr_throttled 3\nthrottled_usec 750000\n",
    ("", "memory.current"): "52428800\n",
    ("", "memory.max"): "67108864\n",
    ("", "memory.stat"): "anon 40000000\nfile 12428800\ninactive_file 10485760\nactive_file 1\n",
    ("", "memory.events"): "low 0\nhigh 0\nmax 5\noom 1\noom_kill 2\noom_group_kill 0\n",
    ("", "pids.current"): "7\n",
    ("", "pids.max"): "max\n",
    ("", "io.stat"): "8:0 rbytes=4096 wbytes=0 rios=1 wios=0\n254:0 rbytes=100 wbytes=8192 rios=2 wios=2\n",
    ("", "cpu.pressure"): "some avg10=1.50 avg60=0.10 avg300=0.00 total=123\nfull avg10=0.00 total=0\n",
}  # fmt: skip
# cgroup v1 of Linux 5.10: cpuacct.rst, memory.rst, pids.rst, blkio-controller.rst, sched-bwc.rst.
V1 = {
    ("cpuacct", "cpuacct.usage"): "2500000000\n",
    ("cpu", "cpu.stat"): "nr_periods 10\nnr_throttled 3\nthrottled_time 750000000\n",
    ("memory", "memory.usage_in_bytes"): "52428800\n",
    ("memory", "memory.stat"): "cache 1\nhierarchical_memory_limit 67108864\ntotal_inactive_file 10485760\n",
    ("memory", "memory.oom_control"): "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    ("pids", "pids.current"): "7\n",
    ("pids", "pids.max"): "max\n",
    ("blkio", "blkio.throttle.io_service_bytes"): "8:0 Read 4096\n254:0 Read 100\n254:0 Write 8192\nTotal 12388\n",
}
TOLD = {
    "cpu_seconds": 2.5, "throttled_seconds": 0.75, "memory": 41943040, "memory_limit": 67108864, "oom_kills": 2,
    "read_bytes": 4196, "written_bytes": 8192, "pids": 7, "pids_limit": None,
}  # fmt: skip


def told(files: dict[tuple[str, str], str], *fields: str) -> dict[str, object]:
    def of(kind: str, name: str) -> str:
        return files.get((kind, name), "")

    found: dict[str, object] = {}
    for field in fields or agent.FIELDS:
        found.update(agent._READERS[field](of))
    return found


HYBRID = {**V1, ("", "cpu.stat"): "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n"}


@pytest.mark.parametrize("files", [V2, V1, HYBRID], ids=["v2", "v1", "hybrid"])
def test_either_cgroup_says_the_same(files: dict[tuple[str, str], str]) -> None:
    found = told(files)
    pressure = found.pop("pressure")
    assert found == pytest.approx(TOLD)
    assert pressure == {"cpu": 1.5 if files is V2 else None, "memory": None, "io": None}


def test_a_number_that_cannot_be_read_is_not_zero() -> None:
    assert all(value is None for field, value in told({}).items() if field != "pressure")
    unlimited = {**V1, ("memory", "memory.stat"): "hierarchical_memory_limit 9223372036854771712\n"}
    assert told(unlimited, "memory")["memory_limit"] is None
    assert told({**V2, ("", "memory.max"): "max\n"}, "memory")["memory_limit"] is None


def test_a_container_without_a_cgroup_of_its_own_has_no_use_that_is_known() -> None:
    record = {"key": "runc:a", "witness": "/run/runc/a/state.json", "init_pid": 1}
    found = agent.container(record, {}, ("cpu", "memory"))
    assert found["cpu_seconds"] is None and found["memory"] is None


ID = "c0" * 32


@pytest.mark.parametrize(
    ("memory", "unified", "own", "known"),
    [
        (f"/docker/{ID}", f"/docker/{ID}", f"/docker/{ID}", {"memory": f"/docker/{ID}", "": f"/docker/{ID}"}),
        # Of the session that it was started in, as where only one hierarchy was given to the container.
        ("/user.slice/session-1", f"/x/docker-{ID}.scope", f"/x/docker-{ID}.scope", {"": f"/x/docker-{ID}.scope"}),
        ("/docker/" + "aa" * 32, f"/docker/{ID}", f"/docker/{ID}", {"": f"/docker/{ID}"}),
        ("/", f"/docker/{ID}", f"/docker/{ID}", {"": f"/docker/{ID}"}),
        # Its own under another name there; what it made below is a part of it, whatever that is called.
        (f"/docker/{ID}/in/{ID}", f"/x/docker-{ID}.scope/in", f"/x/docker-{ID}.scope",
         {"memory": f"/docker/{ID}", "": f"/x/docker-{ID}.scope"}),
        (f"/docker/{ID}/docker/{ID}", f"/docker/{ID}", f"/docker/{ID}",
         {"memory": f"/docker/{ID}", "": f"/docker/{ID}"}),
    ],
)  # fmt: skip
def test_the_use_of_a_cgroup_that_others_are_in_too_is_not_a_containers(
    monkeypatch: pytest.MonkeyPatch, memory: str, unified: str, own: str, known: dict[str, str]
) -> None:
    monkeypatch.setattr(agent.files, "text_of", lambda path: f"4:memory:{memory}\n0::{unified}\n")
    assert agent._paths(7, own, ID) == known
