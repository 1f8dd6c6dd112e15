"""The matrix: equal cells for equal namespaces, the host's own marked whatever the colour."""

from collections.abc import Sequence

from msgspec.structs import replace

from nsview.model import matrix
from nsview.model.filter import of_columns
from nsview.model.kinds import KIND_NAMES, KindName
from nsview.model.records import Namespace
from nsview.model.snapshot import Snapshot
from nsview.model.table import Cell, Line, ordered, widths
from tests.unit.make import container, host, left, process

POD = 4026532633
SHOP = host(
    process(10, net=POD, pid=4026532700, container="docker:api"),
    process(11, net=POD, pid=4026532701, container="docker:db"),
    process(12, net=4026532999, container="docker:web"),
    process(13, container="docker:agent"),
    containers=[container("api", [10]), container("db", [11]), container("web", [12]), container("agent", [13])],
)


def column(lines: Sequence[Line], kind: KindName) -> dict[str, str]:
    """{name: what stands in the column}."""
    return {line.cells[0].text: line.cells[1 + KIND_NAMES.index(kind)].text for line in lines}


def styles(lines: Sequence[Line], kind: KindName) -> dict[str, str]:
    return {line.cells[0].text: line.cells[1 + KIND_NAMES.index(kind)].style for line in lines}


def test_equal_namespaces_look_equal_and_the_hosts_is_marked() -> None:
    lines = matrix.lines(SHOP, "container")
    assert column(lines, "net") == {"agent": "■ host", "api": "A 2633", "db": "A 2633", "web": "· 2999"}
    assert styles(lines, "net") == {"agent": "host", "api": "same-0", "db": "same-0", "web": ""}
    assert set(column(lines, "user").values()) == {"□"}  # of nothing but the host's: the square alone
    assert matrix.summary(lines, SHOP) == "shared with the host: 4 mnt, 4 uts, 4 ipc, 2 pid, 1 net"


def test_two_cells_of_a_column_are_equal_where_and_only_where_the_namespaces_are() -> None:
    crowd = host(*(process(pid, net=2 + pid % 37, mnt=2 + pid % 5, pid=2 + pid) for pid in range(2, 300)))
    lines = matrix.lines(crowd, "tree")
    for place, kind in enumerate(KIND_NAMES):
        cells = {line.cells[0].text: line.cells[place + 1] for line in lines}
        by_cell: dict[object, set[object]] = {}
        for process_ in crowd.processes.values():
            cell = cells[f"{process_.pid} {process_.comm}"]
            by_cell.setdefault((cell.text, cell.style), set()).add(getattr(process_.namespaces, kind))
        assert all(len(inodes) == 1 for inodes in by_cell.values()), kind
        assert len(by_cell) == len({getattr(p.namespaces, kind) for p in crowd.processes.values()})


def test_short_inodes_are_as_long_as_it_takes() -> None:
    alike = host(process(2, net=4026532999), process(3, net=4026542999))
    assert list(column(matrix.lines(alike, "tree"), "net").values()) == ["· 32999", "· 42999"]


def test_a_container_whose_processes_are_apart_says_so() -> None:
    split = host(
        process(20, net=7777, container="docker:a"), process(19, net=8888, container="docker:a"),
        containers=[container("a", [20, 19])],
    )  # fmt: skip
    assert column(matrix.lines(split, "container"), "net") == {"a": "· 7777 +1"}


def test_what_could_not_be_read_is_no_namespace() -> None:
    lines = matrix.lines(host(process(2, net=None), process(3, net=None)), "tree")
    assert set(column(lines, "net").values()) == {"? unread"}


def test_namespaces_without_processes_have_a_line() -> None:
    empty = Snapshot(SHOP.host, 1.0, {}, {("net", 5): Namespace("net", 5, 4, names=("/run/netns/blue",))}, {})
    (line,) = matrix.lines(empty, "net")
    assert [cell.text for cell in line.cells] == ["/run/netns/blue", *"----", "· 5", *"---", "net:[5]"]


def test_a_lines_container_that_is_gone_is_empty() -> None:
    gone = replace(SHOP, processes={})
    assert {text for line in matrix.lines(gone, "container") for text in (c.text for c in line.cells[1:9])} == {"-"}


def test_a_filter_finds_inodes_as_they_are_written_anywhere() -> None:
    lines = matrix.lines(SHOP, "container")
    for words in ("net:4026532633", "net:[4026532633]", "a 2633"):
        assert names(left(lines, words, SHOP, of_columns(matrix.COLUMNS))) == ["api", "db"], words


def names(lines: Sequence[Line]) -> list[str]:
    return [line.cells[0].text for line in lines]


def test_a_filter_asks_for_columns_and_for_what_is_behind_a_line() -> None:
    fields = of_columns(matrix.COLUMNS)
    assert list(fields)[:2] == ["name", "what"], "its own come first"
    containers, nets = matrix.lines(SHOP, "container"), matrix.lines(SHOP, "net")
    for by, lines, expression, found in (
        ("container", containers, "container=web", ["web"]),
        ("container", containers, "name=a* not host=net", ["api"]),
        ("container", containers, "shared.net>1", ["api", "db"]),
        ("container", containers, f"net:{POD} not pid=11", ["api"]),
        ("net", nets, "host", ["the host"]),
        ("net", nets, "shared>1", ["api, db"]),
        ("net", nets, "container=db or inode=4026532999", ["api, db", "web"]),
        ("tree", matrix.lines(SHOP, "tree"), "container=api or name=p13", ["10 p10", "13 p13"]),
    ):
        assert sorted(names(left(lines, expression, SHOP, fields, by))) == sorted(found), expression


def test_sorted_by_a_kind_the_hosts_come_first_then_equal_ones_together() -> None:
    lines = ordered(matrix.lines(SHOP, "container"), 1 + KIND_NAMES.index("net"))
    assert [line.cells[0].text for line in lines] == ["agent", "api", "db", "web"]


def test_letters_go_on_after_z() -> None:
    many = host(*(process(pid, net=100000 + pid // 2) for pid in range(2, 62)))
    shown = list(dict.fromkeys(column(matrix.lines(many, "tree"), "net").values()))
    assert [text.split()[0] for text in shown][24:30] == ["Y", "Z", "AA", "AB", "AC", "AD"]


def test_sharers_are_named() -> None:
    assert matrix.sharers(matrix.lines(SHOP, "container"), "net", POD) == ["api", "db"]


def test_those_that_share_stand_below_one_another() -> None:
    pids = {"a": 10, "b": 11, "c": 12, "d": 13, "e": 14}
    shop = host(
        process(10, net=20, container="docker:a"), process(11, container="docker:b"),
        process(12, ipc=30, container="docker:c"), process(13, net=20, ipc=31, container="docker:d"),
        process(14, ipc=31, pid=7, container="docker:e"),
        containers=[container(name, [pid]) for name, pid in pids.items()],
    )  # fmt: skip
    assert [line.cells[0].text for line in matrix.lines(shop, "container")] == ["a", "d", "e", "b", "c"]


def test_a_name_is_cut_last() -> None:
    lines = matrix.lines(SHOP, "container")
    long = [Line(1, (Cell("n" * 30), *(Cell("· 4026 +1") for _ in KIND_NAMES), Cell("what")))]
    assert widths(matrix.COLUMNS, [*lines, *long], 80)[0] == 14
    assert widths(matrix.COLUMNS, lines, 80)[0] == 5
