"""The table of use: its numbers, their order, and the filters that compare them."""

import pytest

from nsview.model.container_table import COLUMNS
from nsview.model.filter import FilterError, parse
from nsview.model.filter.complete import complete
from nsview.model.usage import HostUsage, Meter, ProcessUsage, Usage, read
from nsview.model.usage_table import PROCESSES, fields, heading, processes

from .. import make

HOST = HostUsage(4, (1.5, 0.25, 0.0), 8 << 30, 6 << 30, -100.0, {"cpu": 12.4, "memory": None, "io": 0.2})


@pytest.mark.parametrize("expression", ["cpu>fast", "mem>3x", "cpu=3", "age<", "mem>1.5.2G", "age>5g"])
def test_an_amount_that_is_none_is_said(expression: str) -> None:
    with pytest.raises(FilterError):
        parse(expression, "container", fields=fields(COLUMNS))


def test_amounts_are_completed_with_a_sign_alone() -> None:
    snapshot = make.host(make.process(10))
    assert "cpu>" in complete("c", snapshot, fields(PROCESSES), ())
    assert complete("cpu>", snapshot, fields(PROCESSES), ()) == []


def test_processes_have_lines_and_threads_of_the_kernel_none() -> None:
    snapshot = make.host(make.process(10, comm="a"), make.process(2, kthread=True))
    first = Usage(1.0, 1.0, 0.0, HOST, (ProcessUsage(10, 10, 1.0, 3 << 20),), ())
    second = Usage(2.0, 2.0, 0.0, HOST, (ProcessUsage(10, 10, 1.5, 4 << 20),), ())
    (line,) = processes(snapshot, read(read(Meter(), first), second))
    assert [cell.text for cell in line.cells[:3]] == ["10", "50", "4.0M"] and len(line.cells) == len(PROCESSES)


def test_the_heading_tells_the_use_of_the_host() -> None:
    meter = read(Meter(), Usage(20.0, 1.0, 0.0, HOST, (), ()))
    assert heading("2 containers", meter) == (
        "2 containers   load 1.50 0.25 0.00 of 4 processors   memory 2.0G of 8.0G   waiting for cpu 12%   up 2m"
    )
    assert heading("2 containers", Meter()) == "2 containers, reading …"
