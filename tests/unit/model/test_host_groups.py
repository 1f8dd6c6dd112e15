"""The things of several hosts as lines below a line for each host."""

import pytest

from nsview.model import host_groups
from nsview.model.host_groups import CONTAINERS, NAMESPACES, THINGS, HostsBy
from nsview.model.hosts_table import Of, Reported
from nsview.model.table import Line, narrow
from tests.unit.make import container, host, left, process

from .test_hosts_table import DEAD, ODD, WEB, reported, told

OF_CONTAINERS = THINGS["container"].fields


def lines_of(of: Reported, by: HostsBy = "container", *, folded: bool = False) -> list[Line]:
    return host_groups.of_host(THINGS[by], of, folded=folded)


def words(line: Line) -> list[str]:
    return [cell.text for cell in line.cells]


def test_a_host_says_its_state_and_how_much_is_in_it() -> None:
    assert words(lines_of(reported())[0]) == ["▾ web1", "live  4 containers, 6 processes"]
    assert words(lines_of(reported(), "pid")[0]) == ["▾ web1", "live  4 pid namespaces, 6 processes"]


def test_a_host_that_failed_has_its_line_with_the_error_and_what_was_last_heard() -> None:
    assert [words(line) for line in lines_of(DEAD)] == [["▾ web2", "failed  no route"]]
    head, *below = lines_of(ODD)
    assert words(head) == ["▾ web3", "retrying  the link broke  4 containers, 6 processes when last heard"]
    assert len(below) == 4


def test_a_host_that_is_folded_is_one_line() -> None:
    assert [words(line)[0] for line in lines_of(reported(), folded=True)] == ["▸ web1"]


def test_of_very_many_things_the_first_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_groups, "MOST", 3)
    head, *below, last = lines_of(reported())
    assert len(below) == 3 and "4 containers" in words(head)[1]
    assert "1 more" in words(last)[1]


def test_the_namespaces_of_a_kind_of_a_host() -> None:
    lines = {line.cells[0].text.strip(): told(line, NAMESPACES) for line in lines_of(reported(), "net")[1:]}
    assert {name: (line["NPROCS"], line["WHOSE"]) for name, line in lines.items()} == {
        "net:[1]": ("2", "host,api"), "net:[30]": ("3", "log,web"), "net:[50]": ("1", "db"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("host=net", ["net:[1]"]), ("host=web1 not host=net", ["net:[30]", "net:[50]"]), ("host=web9", []),
        ("container=db", ["net:[50]"]), ("image=nginx", ["net:[1]", "net:[30]"]), ("nprocs>2", ["net:[30]"]),
        ("net:50", ["net:[50]"]), ("shared>1", ["net:[30]"]), ("pid=40", ["net:[30]"]),
    ],
)  # fmt: skip
def test_namespaces_are_filtered_by_those_that_are_in_them(expression: str, names: list[str]) -> None:
    lines = lines_of(reported(), "net")[1:]
    kept = left(lines, expression, WEB, THINGS["net"].fields, by="net")
    assert [line.cells[0].text.strip() for line in kept] == names


def test_a_filter_keeps_the_line_of_the_host_of_all_that_it_leaves() -> None:
    lines = [*lines_of(reported()), *lines_of(DEAD), *lines_of(reported("web4"))]
    kept = narrow(lines, lambda line: bool(left([line], "host=web4 db", WEB, OF_CONTAINERS)))
    assert [line.cells[0].text for line in kept] == ["▾ web4", "  db"]
    states = narrow(lines, lambda line: bool(left([line], "state=failed", WEB, OF_CONTAINERS)))
    assert [line.cells[0].text for line in states] == ["▾ web2"]


def test_a_container_says_whose_its_network_is() -> None:
    lines = {line.cells[0].text.strip(): told(line, CONTAINERS) for line in lines_of(reported())[1:]}
    assert {name: line["NET"] for name, line in lines.items()} == {
        "api": "host", "db": "own", "log": "web", "web": "log",
    }  # fmt: skip
    assert (lines["api"]["SHARES"], lines["db"]["SHARES"]) == ("mnt,uts,ipc,net=host", "mnt,uts,ipc,pid=host")
    assert (lines["web"]["PROCS"], lines["log"]["STATE"]) == ("2", "paused")


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("image=nginx net=host", ["api"]), ("image=nginx", ["api", "web"]), ("host=pid", ["db"]), ("host=net", ["api"]),
        ("host=web1 net!=host", ["db", "log", "web"]), ("host=web9", []), ("state=paused", ["log"]),
        ("container=db", ["db"]), ("procs>1", ["web"]), ("shares~pid", ["db"]),
        ("runtime=docker not nginx", ["db", "log"]),
    ],
)  # fmt: skip
def test_containers_are_filtered_over_all_hosts(expression: str, names: list[str]) -> None:
    lines = lines_of(reported())[1:]
    assert [line.cells[0].text.strip() for line in left(lines, expression, WEB, OF_CONTAINERS)] == names


def test_containers_of_one_key_on_two_hosts_are_two_lines() -> None:
    lines = [line for name in ("a", "b") for line in lines_of(reported(name))]
    assert len({line.key for line in lines}) == 10
    assert [line.key for line in left(lines, "host=b db", WEB, OF_CONTAINERS)] == [
        Of("b", ("-H", "b")), Of("b", ("-H", "b"), "docker:db"),
    ]  # fmt: skip


def test_a_network_that_is_not_known_is_not_said_to_be_the_container_s_own() -> None:
    odd = host(process(1, 0), containers=[container("odd", [7])])
    (line,) = lines_of(reported(snapshot=odd))[1:]
    assert told(line, CONTAINERS)["NET"] == told(line, CONTAINERS)["SHARES"] == "?"
