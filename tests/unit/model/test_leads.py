"""What a text may mean, and the view in which a thing has its row."""

import pytest
from msgspec.structs import replace

from nsview.model.filter import parse
from nsview.model.leads import meant, reveal
from nsview.model.records import Namespace
from nsview.model.rows import rows
from nsview.model.snapshot import Snapshot
from nsview.model.table import Thing
from nsview.model.view import GROUPINGS, Grouping, GroupRow, View, process_key
from tests.unit.make import container, host, process

NET, PID = 4026532173, 4026532180


@pytest.fixture
def snapshot() -> Snapshot:
    web = container("feedc0de" * 8, [20, 21, 22], name="web")
    alone = container("8058", [40], name="20")  # whose name is another's pid
    made = host(
        process(1, 0), process(2, 0, comm="kthreadd", cmdline=(), kthread=True),
        process(3, 2, comm="kworker", cmdline=(), kthread=True), process(10, 1), process(11, 10), process(12, 11),
        process(20, 10, net=NET, pid=PID, nspid=(20, 1), container=web.key),
        process(21, 20, net=NET, pid=PID, nspid=(21, 12), container=web.key),
        process(22, 21, net=NET, pid=PID, nspid=(22, 13), container=web.key),
        process(40, 10, container=alone.key),
        containers=[web, alone],
    )  # fmt: skip
    blue = Namespace("net", 4026532999, 4, names=("/run/netns/blue",))
    return replace(made, namespaces={**made.namespaces, blue.key: blue})


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("21", [21]),
        ("12", [12, 21]),  # a pid here, and one inside
        ("20", [20, "docker:8058"]),
        (str(NET), [("net", NET)]),
        (f"net:{NET}", [("net", NET)]),
        (f"net:[{NET}]", [("net", NET)]),
        (f" net:{NET} ", [("net", NET)]),
        (f"uts:{NET}", []),
        ("WEB", ["docker:" + "feedc0de" * 8]),
        ("feedc0", ["docker:" + "feedc0de" * 8]),
        ("docker:feed", ["docker:" + "feedc0de" * 8]),
        ("fee", []),  # too short to be meant as an id
        ("8058", ["docker:8058"]),
        ("blue", [("net", 4026532999)]),
        ("/run/netns/blue", [("net", 4026532999)]),
        ("", []), (" ", []), ("nobody", []), ("²", []), ("9" * 5000, []), ("net:" + "9" * 5000, []), ("\ud800", []),
    ],
    ids=lambda value: ascii(value)[:20],
)  # fmt: skip
def test_what_a_text_means_is_found_likeliest_first(snapshot: Snapshot, text: str, things: list[Thing]) -> None:
    assert [lead.thing for lead in meant(snapshot, text)] == things


@pytest.mark.parametrize("by", GROUPINGS)
def test_each_process_has_its_row_in_any_grouping_whatever_is_folded(snapshot: Snapshot, by: Grouping) -> None:
    every = frozenset(process_key(p) for p in snapshot.processes.values())
    groups = frozenset(row.key for row in rows(snapshot, View(by)) if isinstance(row, GroupRow))
    for toggled in (frozenset(), every, groups, every | groups):
        for pid, one in snapshot.processes.items():
            found = reveal(snapshot, View(by, toggled=toggled), pid)
            assert found is not None
            view, keys = found
            assert keys[0] == process_key(one) and view.by == by
            assert keys[0] in [row.key for row in rows(snapshot, view)]


def test_namespaces_and_containers_have_theirs_among_their_kind(snapshot: Snapshot) -> None:
    things: list[tuple[Thing, str]] = [(key, key[0]) for key in snapshot.namespaces]
    things += [(key, "container") for key in snapshot.containers]
    for thing, by in things:
        for view in (View("tree"), View("mnt", nest=True), View("container", parse("web"))):
            found = reveal(snapshot, view, thing)
            assert found is not None
            assert found[0].by == by
            assert found[1][0] in [row.key for row in rows(snapshot, found[0])]


def test_a_filter_stays_where_it_leaves_the_row_and_goes_where_it_would_hide_it(snapshot: Snapshot) -> None:
    view = View("net", parse("web"))
    for thing, stays in ((21, True), (11, False), (("net", NET), True), (("net", 1), False)):
        found = reveal(snapshot, view, thing)
        assert found is not None
        assert (found[0].filter == view.filter) is stays
        assert found[1][0] in [row.key for row in rows(snapshot, found[0])]


@pytest.mark.parametrize("thing", [99, ("net", 99), ("uts", NET), "docker:gone", ""])
def test_what_is_not_there_is_not_revealed(snapshot: Snapshot, thing: Thing) -> None:
    assert reveal(snapshot, View(), thing) is None


def test_parents_in_a_circle_are_no_hindrance() -> None:
    """Frames may say anything."""
    circle = host(process(2, 3), process(3, 2))
    found = reveal(circle, View("tree"), 2)
    assert found is not None and found[1] == [process_key(circle.processes[2])]
