"""The lines of the list: nobody is lost, nobody is shown twice, and folds and filters do what they say."""

import random
from collections import Counter

import pytest
from msgspec.structs import replace

from nsview.model import filter as filters
from nsview.model.kinds import KIND_NAMES
from nsview.model.records import Namespaces, Process
from nsview.model.rows import Rows, rows
from nsview.model.snapshot import Snapshot
from nsview.model.view import GROUPINGS, GroupRow, NoteRow, ProcessRow, Row, View, group_key, process_key
from tests.unit.make import HOST_INODE, container, host, process


def crowd(seed: int) -> Snapshot:
    chance = random.Random(seed)
    a, b = container("a"), container("b")
    processes = [
        process(
            pid, chance.randrange(pid), container=chance.choice((None, None, a.key, b.key)),
            kthread=chance.random() < 0.1, **{kind: chance.choice((1, 1, 2, 3, None)) for kind in KIND_NAMES},
        )
        for pid in chance.sample(range(1, 500), 60)
    ]  # fmt: skip
    pids = {key: [p.pid for p in processes if p.container == key] for key in (a.key, b.key)}
    return host(*processes, containers=[container("a", sorted(pids[a.key])), container("b", sorted(pids[b.key]))])


def unfolded(snapshot: Snapshot, view: View) -> list[Row]:
    """The rows with everything open."""
    toggled: frozenset[object] = view.toggled
    while True:
        found = rows(snapshot, View(view.by, view.filter, toggled))  # type: ignore[arg-type]
        folded = {row.key for row in found if isinstance(row, GroupRow | ProcessRow) and row.folded}
        if not folded:
            return found
        toggled = toggled ^ folded


def pids(found: list[Row]) -> list[int]:
    return [row.process.pid for row in found if isinstance(row, ProcessRow)]


def groups(found: list[Row]) -> list[GroupRow]:
    return [row for row in found if isinstance(row, GroupRow)]


@pytest.mark.parametrize("by", GROUPINGS)
def test_every_process_has_exactly_one_row(by: str) -> None:
    for seed in range(10):
        snapshot = crowd(seed)
        found = unfolded(snapshot, View(by))  # type: ignore[arg-type]
        assert Counter(pids(found)) == Counter(dict.fromkeys(snapshot.processes, 1))


@pytest.mark.parametrize("by", GROUPINGS)
def test_keys_of_rows_are_unique(by: str) -> None:
    keys = [row.key for row in unfolded(crowd(1), View(by))]  # type: ignore[arg-type]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("by", GROUPINGS)
def test_a_process_stands_below_the_head_of_its_group(by: str) -> None:
    snapshot = crowd(2)
    head = None
    for row in unfolded(snapshot, View(by)):  # type: ignore[arg-type]
        if isinstance(row, GroupRow):
            head = row
        elif isinstance(row, ProcessRow):
            assert row.group == group_key(snapshot, by, row.process)  # type: ignore[arg-type]
            assert row.group == (head.key if head else None)
            assert head is None or row.process.pid in head.pids


@pytest.mark.parametrize("by", GROUPINGS)
def test_guides_draw_the_tree_of_parents(by: str) -> None:
    """A row's depth is that of the nearest row above it that is its parent, and one more."""
    snapshot = crowd(3)
    above: list[Process] = []
    for row in unfolded(snapshot, View(by)):  # type: ignore[arg-type]
        if not isinstance(row, ProcessRow):
            above = []
            continue
        depth = len(row.guides) // 3
        del above[depth:]
        if depth:
            assert row.process.ppid == above[-1].pid
            assert row.guides[-3:] in ("├─ ", "└─ ")
        above.append(row.process)


def test_the_hosts_own_namespace_comes_first_and_folded() -> None:
    snapshot = host(process(1, 0), process(2, net=7), process(3))
    first, second = groups(rows(snapshot, View("net")))
    assert (first.initial, first.folded, first.pids) == (True, True, (1, 3))
    assert (second.initial, second.folded, second.pids) == (False, False, (2,))


def test_toggling_opens_the_hosts_and_folds_another() -> None:
    snapshot = host(process(1, 0), process(2, net=7), process(3))
    found = rows(snapshot, View("net", toggled=frozenset({("group", HOST_INODE), ("group", 7)})))
    assert [group.folded for group in groups(found)] == [False, True]
    assert pids(found) == [1, 3]


def test_what_is_below_a_folded_process_has_no_rows() -> None:
    snapshot = host(process(1, 0), process(2), process(3, 2), process(4, 3), process(5))
    folded = frozenset({process_key(snapshot.processes[2])})
    assert pids(rows(snapshot, View("tree", toggled=folded))) == [1, 2, 5]


def test_kernel_threads_are_folded_in_the_tree() -> None:
    snapshot = host(process(1, 0), process(2, 0, kthread=True), process(3, 2, kthread=True))
    assert pids(rows(snapshot, View("tree"))) == [1, 2]


def test_a_group_without_members_that_is_held_otherwise_is_shown() -> None:
    from nsview.model.records import Holder, Namespace

    snapshot = host(process(1, 0))
    kept = Namespace("net", 9, 4, names=("/run/netns/blue",), held_by=(Holder("mount", path="/run/netns/blue"),))
    snapshot = Snapshot(snapshot.host, 1.0, snapshot.processes, {**snapshot.namespaces, kept.key: kept}, {})
    _, blue = groups(rows(snapshot, View("net")))
    assert (blue.namespace, blue.pids, blue.folded) == (kept, (), None)


def test_those_whose_namespace_is_unknown_come_last_as_a_group_of_their_own() -> None:
    snapshot = host(process(1, 0), process(2, namespaces=Namespaces(), unreadable="EACCES"), process(3, net=7))
    found = groups(rows(snapshot, View("net")))
    assert [(g.namespace.inode if g.namespace else None, g.pids) for g in found] == [(1, (1,)), (7, (3,)), (None, (2,))]


def test_groups_are_in_order_of_age_so_that_what_is_new_comes_last() -> None:
    snapshot = host(process(1, 0), process(40, net=5), process(30, net=9), process(50, net=9))
    assert [g.key for g in groups(rows(snapshot, View("net")))] == [("group", 1), ("group", 9), ("group", 5)]


def test_containers_in_a_namespace_stand_on_its_row() -> None:
    web, peer = container("web", [2]), container("peer", [3])
    snapshot = host(
        process(1, 0), process(2, net=7, container=web.key), process(3, net=7, container=peer.key),
        containers=[web, peer],
    )  # fmt: skip
    shared = groups(rows(snapshot, View("net")))[1]
    assert [c.name for c in shared.containers] == ["peer", "web"]


def test_by_container_those_in_none_are_at_the_end_and_folded() -> None:
    web = container("web", [2])
    snapshot = host(process(1, 0), process(2, container=web.key), containers=[web])
    named, rest = groups(rows(snapshot, View("container")))
    assert (named.container, named.pids, named.folded) == (web, (2,), False)
    assert (rest.container, rest.pids, rest.folded) == (None, (1,), True)


def test_the_tree_puts_a_shim_below_the_daemon_it_serves() -> None:
    web = container("web", [30], shim_pid=20, daemon_pid=10)
    snapshot = host(process(1, 0), process(10), process(20, 1), process(30, 20), containers=[web])
    found = [row for row in rows(snapshot, View("tree")) if isinstance(row, ProcessRow)]
    assert [(row.process.pid, len(row.guides) // 3) for row in found] == [(1, 0), (10, 1), (20, 2), (30, 3)]


def test_a_daemon_below_a_shim_that_seems_to_serve_it_is_not_lost() -> None:
    outer = container("outer", [30], shim_pid=20, daemon_pid=40)
    snapshot = host(process(1, 0), process(20, 1), process(30, 20), process(40, 30), containers=[outer])
    assert pids(rows(snapshot, View("tree"))) == [1, 20, 30, 40]


def test_frames_that_lie_about_parents_never_hang() -> None:
    snapshot = host(process(1, 0), process(2, 3), process(3, 2), process(4, 4), process(5, 3))
    for by in GROUPINGS:
        for words in ("", "p2"):
            rows(snapshot, View(by, filters.parse(words)))


def test_a_filter_leaves_what_matches_and_in_the_tree_its_ancestors_too() -> None:
    snapshot = host(process(1, 0), process(2), process(3, 2, comm="wanted", cmdline=("wanted",)), process(4, 2))
    found = [r for r in rows(snapshot, View("tree", filters.parse("wanted"))) if isinstance(r, ProcessRow)]
    assert [(row.process.pid, row.context) for row in found] == [(1, True), (2, True), (3, False)]


def test_a_filter_opens_what_is_usually_folded_and_counts_what_it_leaves() -> None:
    snapshot = host(process(1, 0), process(2, comm="wanted"), process(3, net=7))
    found = rows(snapshot, View("net", filters.parse("wanted")))
    (head,) = groups(found)
    assert (head.folded, head.shown, head.pids) == (False, 1, (1, 2))
    assert pids(found) == [2]


@pytest.mark.parametrize("by", GROUPINGS)
def test_a_filter_shows_exactly_those_that_match(by: str) -> None:
    for seed in range(5):
        snapshot = crowd(seed)
        wanted = filters.parse("p4")
        found = unfolded(snapshot, View(by, wanted))  # type: ignore[arg-type]
        shown = [r.process.pid for r in found if isinstance(r, ProcessRow) and not r.context]
        assert sorted(shown) == sorted(pid for pid, p in snapshot.processes.items() if wanted.process(p, snapshot))


def sharers() -> Snapshot:
    """Two that share a net namespace, one of which is wanted; another in one of its own; and two of the host."""
    a, b = container("a", [2]), container("b", [3])
    return host(
        process(1, 0), process(2, container=a.key, net=7, comm="wanted"), process(3, container=b.key, net=7),
        process(4, net=8), process(5, comm="wanted"), containers=[a, b],
    )  # fmt: skip


def test_a_filter_keeps_the_others_of_a_group_in_which_something_matches() -> None:
    found = Rows(sharers(), View("net", filters.parse("name=wanted")))
    shown = [(row.process.pid, row.context) for row in found if isinstance(row, ProcessRow)]
    assert shown == [(5, False), (2, False), (3, True)]  # not those of the host, and not the group of 4
    assert [(head.shown, len(head.pids)) for head in groups(list(found))] == [(1, 2), (1, 2)]
    assert found.matches == 2
    assert [found.is_match(place) for place in range(len(found))] == [False, True, False, True, False]


def test_a_filter_leaves_matches_alone_where_only_they_are_wanted() -> None:
    view = View("net", filters.parse("name=wanted"), only=True)
    assert pids(rows(sharers(), view)) == [5, 2]
    shown = Rows(sharers(), replace(view, only=False))
    assert pids(list(shown)) == [5, 2, 3]
    shown.look(view)
    assert pids(list(shown)) == [5, 2]


def test_a_namespace_that_matches_by_its_own_number_shows_all_its_members() -> None:
    snapshot = host(process(1, 0), process(2, net=4026532173), process(3, net=4026532173))
    assert pids(rows(snapshot, View("net", filters.parse("net:[4026532173]")))) == [2, 3]


def test_where_nothing_matches_a_line_says_how_to_go_on() -> None:
    (note,) = rows(host(process(1, 0)), View("net", filters.parse("nobody")))
    assert isinstance(note, NoteRow) and "Esc" in note.text


def test_where_all_are_in_the_hosts_namespace_a_line_says_so() -> None:
    head, note = rows(host(process(1, 0)), View("time"))
    assert isinstance(head, GroupRow) and isinstance(note, NoteRow)
    assert "time" in note.text


def test_a_chain_of_five_thousand_is_no_deeper_than_python_goes() -> None:
    snapshot = host(*(process(pid, pid - 1) for pid in range(1, 5001)))
    assert pids(rows(snapshot, View("tree"))) == list(range(1, 5001))
    assert pids(rows(snapshot, View("net", toggled=frozenset({("group", HOST_INODE)})))) == list(range(1, 5001))
    assert pids(rows(snapshot, View("tree", filters.parse("p5000")))) == list(range(1, 5001))
