"""The row to go to where the container of the one before was started again."""

import pytest

from nsview.model.heir import heirs, standing
from nsview.model.rows import rows
from nsview.model.snapshot import Snapshot
from nsview.model.view import Grouping, GroupRow, ProcessRow, Row, RowKey, View, process_key
from tests.unit.make import HOST_INODE, container, host, process


def at(first: int, net: int, key: str = "a", *, second: bool = True) -> Snapshot:
    """A host with one container, web, of two processes from this pid on."""
    web = container(key, [first, first + 1][: 1 + second], name="web")
    members = [
        process(first, container=web.key, net=net, pid=net, comm="sh"),
        process(first + 1, first, container=web.key, net=net, pid=net, comm="nginx", cmdline=("nginx", "-g")),
    ]
    return host(process(1, 0), *members[: 1 + second], containers=[web])


def row(snapshot: Snapshot, by: Grouping, comm: str | None) -> Row:
    """The row of a process of the container, or of its group."""
    return next(
        one
        for one in rows(snapshot, View(by))
        if (isinstance(one, ProcessRow) and one.process.comm == comm)
        or (comm is None and isinstance(one, GroupRow) and not one.initial and one.pids != (1,))
    )


@pytest.mark.parametrize("by", ["net", "pid", "container"])
@pytest.mark.parametrize("key", ["a", "b"])  # docker restart; docker rm and run, compose up
def test_a_container_that_began_anew_is_found(by: Grouping, key: str) -> None:
    before, after = at(20, 7), at(50, 8, key)
    group: RowKey = ("group", f"docker:{key}" if by == "container" else 8)
    keys = {name: process_key(after.processes[pid]) for name, pid in (("sh", 50), ("nginx", 51))}
    for comm, first in (("sh", keys["sh"]), ("nginx", keys["nginx"]), (None, group)):
        stood = standing(row(before, by, comm), before)
        assert stood is not None
        assert heirs(stood, before, by) == []
        assert heirs(stood, host(process(1, 0)), by) == []
        assert heirs(stood, after, by)[0] == first


def test_a_container_that_has_only_its_first_process_yet_is_found_by_that() -> None:
    before, after = at(20, 7), at(50, 8, second=False)
    stood = standing(row(before, "net", "nginx"), before)
    assert stood and heirs(stood, after, "net") == [process_key(after.processes[50]), ("group", 8)]
    assert heirs(stood, after, "tree") == [process_key(after.processes[50])]


@pytest.mark.parametrize("by", ["net", "pid", "tree", "container"])
@pytest.mark.parametrize(
    ("comm", "words"),
    [
        ("runc", ("runc", "init")), ("runc:[0:PARENT]", ("runc", "init")), ("runc:[2:INIT]", ("runc", "init")),
        ("6", ("/usr/sbin/runc", "init")), ("exe", ("runc", "init")), ("crun", ("/usr/bin/crun", "start", "a")),
        ("youki:[1:INTER]", ()),
    ],
)  # fmt: skip
@pytest.mark.parametrize("net", [HOST_INODE, 8])
def test_a_stage_of_the_runtime_is_not_the_container_begun(
    by: Grouping, comm: str, words: tuple[str, ...], net: int
) -> None:
    """Else the cursor goes to the host's group, in which the stage is for a moment."""
    before = at(20, 7)
    web = container("a", [50], name="web")
    stage = process(50, container=web.key, net=net, pid=net, nspid=(50,), comm=comm, cmdline=words)
    between = host(process(1, 0), stage, containers=[web])
    for name in ("sh", "nginx", None)[: 2 + (by != "tree")]:
        stood = standing(row(before, by, name), before)
        assert stood and heirs(stood, between, by) == []
        assert heirs(stood, at(50, 8), by) != []


@pytest.mark.parametrize("by", ["net", "tree", "container"])
def test_the_row_of_an_exited_process_stands_for_nothing_that_began_since(by: Grouping) -> None:
    """Else the new first process would be taken for the one before, and nothing would be waited for."""
    before, after = at(20, 7), at(50, 8)
    assert standing(row(before, by, "sh"), after) is None


def test_of_two_with_the_name_none_is_taken_for_it() -> None:
    before = at(20, 7)
    stood = standing(row(before, "net", "sh"), before)
    twins = [container("b", [50], name="web"), container("c", [60], name="web")]
    after = host(process(1, 0), *(process(c.pids[0], container=c.key) for c in twins), containers=twins)
    assert stood and heirs(stood, after, "net") == []


def test_a_row_of_the_host_stands_for_no_container() -> None:
    snapshot = at(20, 7)
    head = rows(snapshot, View("net"))[0]
    assert isinstance(head, GroupRow) and head.initial and standing(head, snapshot) is None
    assert standing(row(snapshot, "tree", "p1"), snapshot) is None
