"""The use of containers: the kernel's files read as their documentation says, and rates between two readings."""

from collections.abc import Callable

import pytest

from nsview.agent import usage as agent
from nsview.model.usage import (
    KEPT,
    ContainerUsage,
    HostUsage,
    Meter,
    ProcessUsage,
    Rates,
    Usage,
    age_text,
    bytes_text,
    percent_text,
    read,
    sparkline,
)

from . import make

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


def reading(clock: float, *containers: ContainerUsage, processes: tuple[ProcessUsage, ...] = ()) -> Usage:
    return Usage(clock, clock, 0.0, HostUsage(2, (0.0, 0.0, 0.0), None, None, None), processes, containers)


def test_rates_are_of_the_time_between_two_readings() -> None:
    meter = read(Meter(), reading(10.0, ContainerUsage("a", 1.0, 0.0, read_bytes=0, written_bytes=100)))
    assert meter.latest("a") == Rates()
    meter = read(meter, reading(12.0, ContainerUsage("a", 4.0, 0.5, read_bytes=2048, written_bytes=100)))
    assert meter.latest("a") == Rates(1.5, 0.25, 1024.0, 0.0)
    assert meter.latest("never seen") == Rates()


def test_a_sum_that_goes_back_is_of_another_container() -> None:
    meter = read(read(Meter(), reading(1.0, ContainerUsage("a", 9.0))), reading(2.0, ContainerUsage("a", 0.5)))
    assert meter.latest("a").cpu is None
    other = ProcessUsage(7, 200, 0.1, 0)
    meter = read(Meter(), reading(1.0, processes=(ProcessUsage(7, 100, 9.0, 0),)))
    meter = read(meter, reading(2.0, processes=(other,)))
    assert meter.cpu == {}


def test_no_more_is_kept_than_is_shown() -> None:
    meter = Meter()
    for second in range(KEPT + 50):
        both = ContainerUsage("docker:a", float(second)), ContainerUsage("docker:b", 1.0)
        meter = read(meter, reading(float(second), *both))
    assert len(meter.rates["docker:a"]) == KEPT
    snapshot = make.host(containers=[make.container("b", (1,))])
    kept = read(meter, reading(1e6), snapshot)
    assert (set(kept.rates), set(kept.containers)) == ({"docker:b"}, {"docker:b"})


@pytest.mark.parametrize(
    ("text", "number", "words"),
    [
        (bytes_text, 0, "0"), (bytes_text, 999, "999"), (bytes_text, 1000, "1K"), (bytes_text, 831488, "812K"),
        (bytes_text, 1258291, "1.2M"), (bytes_text, 356515840, "340M"), (bytes_text, 1 << 31, "2.0G"),
        (bytes_text, 1047552, "1.0M"), (bytes_text, 10 << 20, "10M"), (bytes_text, None, "?"),
        (percent_text, 0.0, "0.0"), (percent_text, 0.032, "3.2"), (percent_text, 0.45, "45"),
        (percent_text, 3.8, "380"),
        (percent_text, 0.0999, "10"), (percent_text, None, "?"),
        (age_text, 42.9, "42s"), (age_text, 300, "5m"), (age_text, 11520, "3h12m"), (age_text, 86400, "24h"),
        (age_text, 1036800, "12d"), (age_text, -3, "0s"), (age_text, None, "?"),
    ],
)  # fmt: skip
def test_numbers_in_few_cells(text: Callable[[float | None], str], number: float | None, words: str) -> None:
    assert text(number) == words and len(words) <= 5


def test_a_sparkline_is_as_wide_as_asked_and_shows_gaps() -> None:
    assert sparkline((), 4) == "    "
    assert sparkline((None, 0.0, 0.5, 1.0), 6) == "   ▁▅█"
    assert sparkline((*map(float, range(20)), 4.0), 3) == "██▂"
    assert sparkline((0.01, 0.02), 2) == "▁▂"  # next to nothing is not drawn high
