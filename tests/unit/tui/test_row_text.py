"""The texts that a filter seeks are marked in the rows that it leaves, where they stand."""

import pytest

from nsview.model.filter import parse
from nsview.model.rows import rows
from nsview.model.snapshot import Snapshot
from nsview.model.view import ProcessRow, View
from nsview.tui.text import row_text
from nsview.tui.text.pieces import FOUND
from tests.unit.make import container, host, process


def at() -> Snapshot:
    web = container("web", [8058], image="shop/web:1.4")
    return host(
        process(1, 0),
        process(8058, container=web.key, net=7, user="www", comm="nginx", cmdline=("/usr/sbin/nginx", "-g", "WEB")),
        process(8059, net=7, comm="sleep", cmdline=("sleep", "8058")),
        containers=[web],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "by", "found"),
    [
        ("nginx", "net", {"nginx"}),
        ("web nginx", "net", {"web", "WEB", "nginx"}),
        ("container=we*", "net", {"we"}),
        ("user=www web", "net", {"www", "web", "WEB"}),
        ("container=web not sleep", "net", {"web"}),
        ("pid=8058", "net", {"8058"}),  # not in the command of the other, which does not match
        ("shop", "container", {"shop"}),  # in the head
        ("process", "container", set()),  # the count of the head is no answer
        ("user=root", "tree", {"root"}),
        ('""', "tree", set()),
        ("nprocs>1", "net", set()),
    ],
)
def test_texts_that_are_sought_are_marked(expression: str, by: str, found: set[str]) -> None:
    snapshot = at()
    view = View(by, parse(expression, by))  # type: ignore[arg-type]
    size = row_text.columns(snapshot, 160)
    drawn = [row_text.row(row, size, snapshot, by, None, view.filter.sought) for row in rows(snapshot, view)]
    assert {text for line in drawn for text, style in line if style.endswith(FOUND)} == found
    plain = [row_text.row(row, size, snapshot, by) for row in rows(snapshot, view)]
    assert ["".join(text for text, _ in line) for line in drawn] == ["".join(t for t, _ in line) for line in plain]


def test_in_a_group_of_a_container_its_name_stands_above_the_rows_alone() -> None:
    snapshot = at()
    size = row_text.columns(snapshot, 160)
    for by in ("net", "tree", "container"):
        header = "".join(text for text, _ in row_text.header(size, View(by)))  # type: ignore[arg-type]
        below = [row for row in rows(snapshot, View(by)) if isinstance(row, ProcessRow) and row.container]  # type: ignore[arg-type]
        named = ["web" in [text.strip() for text, _ in row_text.row(row, size, snapshot, by)] for row in below]
        assert below and named == [by != "container"] * len(below) and ("CONTAINER" in header) == (by != "container")
        assert row_text.title_at(size, by, header.index("COMMAND")) == "COMMAND"


def test_a_container_that_waits_to_be_started_again_says_how_often_it_was() -> None:
    loop, web = container("loop", state="restarting", restarts=12), container("web", [8], state="running", restarts=12)
    snapshot = host(process(1, 0), process(8, container=web.key), containers=[loop, web])
    size = row_text.columns(snapshot, 160)
    heads = [
        "".join(t for t, _ in row_text.row(row, size, snapshot, "container"))
        for row in rows(snapshot, View("container"))
    ]
    assert [("crash-looping  12 restarts" in head, "restart" in head) for head in heads if "docker" in head] == [
        (False, False), (True, True),
    ]  # fmt: skip


def test_a_row_that_does_not_match_is_dim() -> None:
    snapshot = at()
    view = View("net", parse("nginx", "net"))
    (other,) = [row for row in rows(snapshot, view) if getattr(row, "context", False)]
    pieces = row_text.row(other, row_text.columns(snapshot, 160), snapshot, "net", None, view.filter.sought)
    assert {style for text, style in pieces if text.strip()} == {"dim"}
