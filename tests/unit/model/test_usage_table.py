"""The table of use: its numbers, their order, and the filters that compare them."""

import pytest
from msgspec.structs import replace

from nsview.model.filter import FilterError, parse
from nsview.model.filter.complete import complete
from nsview.model.snapshot import Snapshot
from nsview.model.table import Line, ordered
from nsview.model.usage import ContainerUsage, HostUsage, Meter, ProcessUsage, Usage, read
from nsview.model.usage_table import BY_CPU, CONTAINERS, PROCESSES, containers, fields, heading, processes

from .. import make

HOST = HostUsage(4, (1.5, 0.25, 0.0), 8 << 30, 6 << 30, -100.0, {"cpu": 12.4, "memory": None, "io": 0.2})


def measured(*used: tuple[str, float, int, int | None]) -> tuple[Snapshot, list[Line]]:
    """Containers (name, cores, bytes, limit), and the lines after two readings a second apart."""
    snapshot = make.host(
        *(make.process(10 + place) for place, _ in enumerate(used)),
        containers=[make.container(name, (10 + place,)) for place, (name, *_) in enumerate(used)],
    )

    def reading(clock: float) -> Usage:
        own = tuple(
            ContainerUsage(f"docker:{name}", cores * clock, 0.0, memory, limit, pids=1)
            for name, cores, memory, limit in used
        )
        return Usage(clock, clock, 0.0, HOST, (), own)

    return snapshot, containers(snapshot, read(read(Meter(), reading(1.0)), reading(2.0)))


USED = ("idle", 0.0, 1 << 20, None), ("busy", 1.5, 60 << 20, 64 << 20), ("middle", 0.3, 2 << 30, 8 << 30)


def names(lines: list[Line]) -> list[str]:
    return [line.cells[0].text for line in lines]


def test_the_greatest_comes_first_and_the_unknown_last() -> None:
    snapshot, lines = measured(*USED)
    assert [[cell.text for cell in line.cells[1:4]] for line in lines] == [
        ["150", "60M", "94%"], ["0.0", "1.0M", "-"], ["30", "2.0G", "25%"],
    ]  # fmt: skip
    assert names(ordered(lines, BY_CPU, CONTAINERS[BY_CPU].falling)) == ["busy", "middle", "idle"]
    assert lines[0].cells[3].style == "warning"
    unread = containers(snapshot, Meter())
    assert {cell.text for line in unread for cell in line.cells[1:3]} == {"?"}
    mixed = [replace(unread[0], key="other"), *lines]
    assert ordered(mixed, BY_CPU, True)[-1].key == "other"


@pytest.mark.parametrize(
    ("expression", "left"),
    [
        ("cpu>100", ["busy"]), ("cpu>=30%", ["busy", "middle"]), ("mem>1.5g", ["middle"]), ("mem<2M", ["idle"]),
        ("of>90", ["busy"]), ("cpu>1 mem<1G", ["busy"]), ("age>1m", ["busy", "idle", "middle"]), ("age<5s", []),
        ("not cpu>1 idle", ["idle"]), ("container=middle", ["middle"]),
    ],
)  # fmt: skip
def test_a_filter_compares_amounts(expression: str, left: list[str]) -> None:
    snapshot, lines = measured(*USED)
    wanted = parse(expression, "container", fields=fields(CONTAINERS))
    assert names([line for line in lines if wanted.line(line, snapshot)]) == left


@pytest.mark.parametrize("expression", ["cpu>fast", "mem>3x", "cpu=3", "age<", "mem>1.5.2G", "age>5g"])
def test_an_amount_that_is_none_is_said(expression: str) -> None:
    with pytest.raises(FilterError):
        parse(expression, "container", fields=fields(CONTAINERS))


def test_amounts_are_completed_with_a_sign_alone() -> None:
    snapshot, lines = measured(*USED)
    assert "cpu>" in complete("c", snapshot, fields(CONTAINERS), lines)
    assert complete("cpu>", snapshot, fields(CONTAINERS), lines) == []


def test_processes_have_lines_and_threads_of_the_kernel_none() -> None:
    snapshot = make.host(make.process(10, comm="a"), make.process(2, kthread=True))
    first = Usage(1.0, 1.0, 0.0, HOST, (ProcessUsage(10, 10, 1.0, 3 << 20),), ())
    second = Usage(2.0, 2.0, 0.0, HOST, (ProcessUsage(10, 10, 1.5, 4 << 20),), ())
    (line,) = processes(snapshot, read(read(Meter(), first), second))
    assert [cell.text for cell in line.cells[:3]] == ["10", "50", "4.0M"] and len(line.cells) == len(PROCESSES)


def test_what_is_wrong_stands_beside_the_state() -> None:
    snapshot = make.host(make.process(10), containers=[make.container("a", (10,), restarts=3, state="running")])
    used = (ContainerUsage("docker:a", 1.0, throttled, oom_kills=2) for throttled in (0.0, 0.5))
    meter = Meter()
    for clock, one in enumerate(used):
        meter = read(meter, Usage(clock, clock, 0.0, HOST, (), (one,)))
    (line,) = containers(snapshot, meter)
    assert line.cells[5].text == "running, 2 OOM kills, throttled 50%, 3 restarts" and line.cells[5].style == "warning"


def test_the_heading_tells_the_use_of_the_host() -> None:
    meter = read(Meter(), Usage(20.0, 1.0, 0.0, HOST, (), ()))
    assert heading("2 containers", meter) == (
        "2 containers   load 1.50 0.25 0.00 of 4 processors   memory 2.0G of 8.0G   waiting for cpu 12%   up 2m"
    )
    assert heading("2 containers", Meter()) == "2 containers, reading …"
