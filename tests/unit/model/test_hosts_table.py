"""Several hosts as lines."""

import pytest

from nsview.model import hosts_table
from nsview.model.hosts_table import HOSTS, OF_HOSTS, Reported
from nsview.model.snapshot import Snapshot
from nsview.model.table import Column, Line
from nsview.model.usage import HostUsage, Usage
from tests.unit.make import container, host, left, process

WEB = host(
    process(1, 0),
    process(20, container="docker:api", net=1, pid=20),
    process(30, container="docker:web", net=30, pid=30), process(31, container="docker:web", net=30, pid=30),
    process(40, container="docker:log", net=30, pid=40),
    process(50, container="docker:db", net=50, pid=1),
    containers=[
        container("api", [20], image="docker.io/library/nginx:1.27"), container("web", [30, 31], image="nginx"),
        container("log", [40], state="paused"), container("db", [50], image="postgres:17"),
    ],
)  # fmt: skip
USE = Usage(100.0, 5.0, 0.0, HostUsage(2, (1.5, 1.0, 1.0), 1000, 250, 40.0), (), ())


def reported(name: str = "web1", snapshot: Snapshot | None = WEB, **fields: object) -> Reported:
    record = {"options": ("-H", name), "state": "live", "snapshot": snapshot, "use": USE, "lag": 0.02}
    return Reported(name, **(record | fields))  # type: ignore[arg-type]


DEAD = reported("web2", None, state="failed", error="no route", lag=None, use=None)
ODD = reported("web3", lag=4.0, state="retrying", error="the link broke")


def told(line: Line, columns: tuple[Column, ...]) -> dict[str, str]:
    return {column.title: cell.text for column, cell in zip(columns, line.cells, strict=True)}


def test_a_host_in_numbers() -> None:
    line = hosts_table.host(reported())
    assert told(line, HOSTS) == {
        "HOST": "web1", "STATE": "live", "LAG": "20ms", "LOAD": "1.50", "MEM%": "75%", "PROCS": "6", "CONTAINERS": "4",
        "UNREADABLE": "0", "ERROR": "",
    }  # fmt: skip


def test_of_a_host_that_never_answered_no_number_is_told() -> None:
    line = hosts_table.host(DEAD)
    assert [cell.text for cell in line.cells] == ["web2", "failed", *[""] * 6, "no route"]
    assert all(cell.order == -1 for cell in line.cells[2:8])  # behind all that is known


def test_the_heading_counts_states_and_contents() -> None:
    assert hosts_table.heading([reported(), DEAD, ODD]) == (
        "3 hosts: 1 failed, 1 retrying, 1 live   6 processes   4 containers"
    )


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("state=live", ["web1"]), ("state!=live", ["web2", "web3"]), ("lag>1s", ["web3"]),
        ("containers>3 host=web*", ["web1", "web3"]), ("route", ["web2"]), ("error=*broke", ["web3"]), ("load<1", []),
        ("mem%>70", ["web1", "web3"]),
    ],
)  # fmt: skip
def test_hosts_are_filtered_by_their_numbers(expression: str, names: list[str]) -> None:
    lines = [hosts_table.host(one) for one in (reported(), DEAD, ODD)]
    assert [line.cells[0].text for line in left(lines, expression, WEB, OF_HOSTS)] == names
