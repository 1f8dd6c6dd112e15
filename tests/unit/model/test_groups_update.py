"""Rows brought up to date are those that would be made anew; so are trees and long lists."""

import random
from itertools import pairwise
from typing import get_args

import pytest
from msgspec.structs import replace

from nsview.model import filter as filters
from nsview.model.forest import Forest
from nsview.model.kinds import KIND_NAMES
from nsview.model.order import Order
from nsview.model.records import Container, Namespace, Process
from nsview.model.rows import Rows
from nsview.model.snapshot import Snapshot, advance, touched
from nsview.model.view import (
    GROUPINGS,
    Grouping,
    GroupOrder,
    GroupRow,
    ProcessOrder,
    ProcessRow,
    View,
    group_key,
    process_key,
)
from tests.unit.make import HOST_INODE, container, host, process

SEEDS = range(16)


def random_process(chance: random.Random, pid: int, pids: list[int]) -> Process:
    """Somewhere; below one of lower pid or, for pids are used again, of higher, but never in a circle."""
    made = process(
        pid, chance.choice([0, *(other for other in pids if other ^ 64 < pid ^ 64)]),
        start=chance.choice((pid, pid, pid + 1)), comm=chance.choice(("p4", "worker")), kthread=chance.random() < 0.1,
        container=chance.choice((None, None, "docker:a", "docker:b")),
        **{kind: chance.choice((HOST_INODE, HOST_INODE, 2, 3, 4, None)) for kind in KIND_NAMES},
    )  # fmt: skip
    return replace(made, user=chance.choice(("root", "ops")), cmdline=(chance.choice(("p4", "worker")), str(pid)))


def records(processes: list[Process], chance: random.Random) -> tuple[list[Namespace], list[Container]]:
    """The namespaces and containers of these."""
    found = host(*processes)
    namespaces = [
        replace(n, owner=chance.choice((None, HOST_INODE, 2)), parent=chance.choice((None, HOST_INODE)))
        for n in found.namespaces.values()
    ]
    containers = [
        container(name, [p.pid for p in processes if p.container == f"docker:{name}"],
                  daemon_pid=chance.choice((None, 10)), shim_pid=chance.choice((None, 20)),
                  image=chance.choice((None, "p4")))
        for name in ("a", "b") if any(p.container == f"docker:{name}" for p in processes)
    ]  # fmt: skip
    return namespaces, containers


def random_host(chance: random.Random) -> Snapshot:
    pids = chance.sample(range(1, 90), 40)
    processes = [random_process(chance, pid, pids) for pid in pids]
    namespaces, containers = records(processes, chance)
    found = host(*processes, containers=containers)
    return Snapshot(found.host, 1.0, found.processes, {n.key: n for n in namespaces}, found.containers)


def later(chance: random.Random, old: Snapshot) -> Snapshot:
    """What may follow: births, deaths, moves, and what comes of them."""
    pids = list(old.processes)
    gone = set(chance.sample(pids, chance.randrange(min(6, len(pids)))))
    born = chance.sample(range(1, 120), chance.randrange(6))
    changed = chance.sample(pids, min(len(pids), chance.randrange(4)))
    processes = {pid: random_process(chance, pid, [*pids, *born]) for pid in (*born, *changed)}
    gone -= processes.keys()
    alive = {**{pid: p for pid, p in old.processes.items() if pid not in gone}, **processes}
    namespaces, containers = records(list(alive.values()), chance)
    keep = chance.random() < 0.5  # mostly namespaces stay as they are
    now = {n.key: old.namespaces.get(n.key, n) if keep else n for n in namespaces}
    groups = {c.key: c for c in containers}
    return advance(
        old, old.taken_at + 1, processes.values(), gone,
        [n for key, n in now.items() if old.namespaces.get(key) != n], [k for k in old.namespaces if k not in now],
        [c for key, c in groups.items() if old.containers.get(key) != c],
        [key for key in old.containers if key not in groups],
    )  # fmt: skip


def views(chance: random.Random, by: Grouping, snapshot: Snapshot) -> View:
    keys = [("group", inode) for inode in (HOST_INODE, 2, 3, None, "docker:a")]
    keys += [process_key(p) for p in chance.sample(list(snapshot.processes.values()), 5)]  # type: ignore[misc]
    return View(
        by, filters.parse(chance.choice(("", "", "p4"))), frozenset(chance.sample(keys, chance.randrange(6))),
        chance.random() < 0.3, chance.choice(("age", "age", *get_args(GroupOrder))),
        chance.choice(("tree", "tree", *get_args(ProcessOrder))), chance.random() < 0.3,
    )  # fmt: skip


@pytest.mark.parametrize("by", GROUPINGS)
@pytest.mark.parametrize("seed", SEEDS)
def test_rows_brought_up_to_date_are_those_made_anew(by: Grouping, seed: int) -> None:
    chance = random.Random(seed)
    snapshot = random_host(chance)
    shown = Rows(snapshot, views(chance, by, snapshot))
    texts = filters.Texts()
    filters_typed = [
        filters.parse(text, by, texts)
        for text in ("", "p4", "p4 ops", "not p4", "ops or p4", "docker", "user=ops", "host=net", "nprocs>3", "2]")
    ]
    for _ in range(12):
        for _ in range(chance.randrange(3)):  # not each is shown
            snapshot = later(chance, snapshot)
        if chance.random() < 0.3:
            shown.look(replace(shown.view, toggled=views(chance, by, snapshot).toggled))
        if chance.random() < 0.3:
            shown.look(replace(shown.view, filter=chance.choice(filters_typed)))
        if chance.random() < 0.5:
            list(shown)  # all trees are made, and must be kept
        shown.update(snapshot)
        assert list(shown) == list(Rows(snapshot, shown.view))
        assert len(shown) == len(list(shown))
        for place, row in enumerate(shown):
            assert shown.find(row.key) == place


@pytest.mark.parametrize("seed", range(100))
def test_rows_looked_at_in_another_way_are_those_made_anew(seed: int) -> None:
    chance = random.Random(seed)
    snapshot = random_host(chance)
    ghosts = chance.sample(list(snapshot.processes.values()), 5)
    if chance.random() < 0.7:  # few sets of namespaces, and groups of one kind that are those of another
        every = sorted(snapshot.processes.values(), key=lambda process: process.pid)
        sets = [p.namespaces for p in chance.sample(every, chance.choice((1, 2)))]
        alike = [replace(p, namespaces=chance.choice(sets)) for p in every]
        snapshot = advance(snapshot, 2.0, alike, snapshot.processes, [], [], [], [])
    if chance.random() < 0.5:
        assert snapshot.sets
    view = views(chance, chance.choice(GROUPINGS), snapshot)
    shown = Rows(snapshot, view)
    for _ in range(20):
        if chance.random() < 0.3:
            view = views(chance, view.by, snapshot)
        view = replace(view, by=chance.choice((*GROUPINGS, "tree", "tree")))
        if chance.random() < 0.5:
            list(shown)
        if chance.random() < 0.1:
            gone = chance.choice([p.pid for p in ghosts if p.pid in snapshot.processes] or [0])
            snapshot = advance(snapshot, 3.0, [], [gone], [], [], [], [])
            shown.update(snapshot, ghosts)
        shown.look(view)
        fresh = Rows(snapshot, view)
        fresh.update(snapshot, ghosts if shown._groups.ghosts else ())
        assert list(shown) == list(fresh)
        for place, row in enumerate(shown):
            assert shown.find(row.key) == place


@pytest.mark.parametrize("by", GROUPINGS)
def test_ghosts_stay_for_as_long_as_they_are_wanted(by: Grouping) -> None:
    chance = random.Random(7)
    snapshot = random_host(chance)
    view = View(by, toggled=frozenset({("group", HOST_INODE), ("group", None)}))
    shown = Rows(snapshot, view)
    sought = Rows(snapshot, replace(view, filter=filters.parse("p4", by)))
    ghosts: list[Process] = []
    for _ in range(20):
        before, snapshot = snapshot, later(chance, snapshot)
        gone = [p for pid, p in before.processes.items() if pid not in snapshot.processes]
        ghosts = [*ghosts, *gone][-5:]
        shown.update(snapshot, ghosts)
        sought.update(snapshot, ghosts)
        assert len(sought) == len(list(sought))
        there = [row.process.pid for row in shown if isinstance(row, ProcessRow)]
        assert len(set(there)) == len(there)
        unfolded = {row.key for row in shown if isinstance(row, GroupRow) and row.folded is False}
        for ghost in ghosts:
            if by != "tree" and ghost.pid not in snapshot.processes:
                assert (ghost.pid in there) == (group_key(snapshot, by, ghost) in unfolded)
    shown.update(snapshot)
    assert list(shown) == list(Rows(snapshot, view))


@pytest.mark.parametrize("by", GROUPINGS)
def test_folding_one_by_one_is_folding_at_once(by: Grouping) -> None:
    chance = random.Random(3)
    snapshot = random_host(chance)
    shown = Rows(snapshot, View(by))
    for _ in range(30):
        rows = [row for row in shown if isinstance(row, GroupRow | ProcessRow) and row.folded is not None]
        if rows:
            shown.look(replace(shown.view, toggled=shown.view.toggled ^ {chance.choice(rows).key}))
        assert list(shown) == list(Rows(snapshot, shown.view))


@pytest.mark.parametrize("seed", range(30))
def test_a_forest_kept_up_to_date_is_one_made_anew(seed: int) -> None:
    chance = random.Random(seed)
    parents: dict[int, int | None] = {pid: chance.randrange(pid) for pid in chance.sample(range(1, 200), 60)}
    folded = set(chance.sample(sorted(parents), 5))
    forest = Forest(parents, folded)
    for _ in range(60):
        pid = chance.randrange(1, 200)
        if pid in parents:
            forest.remove(pid)
            del parents[pid]
            folded.discard(pid)
        else:
            parents[pid] = chance.randrange(pid)
            hides = chance.random() < 0.2
            folded |= {pid} if hides else set()
            forest.add(pid, parents[pid], hides)
        if parents and chance.random() < 0.2:
            some = chance.choice(sorted(parents))
            folded ^= {some}
            forest.fold(some, some in folded)
        fresh = Forest(parents, folded)
        order = [fresh[place] for place in range(len(fresh))]
        assert [forest[place] for place in range(len(forest))] == order
        assert [forest.guides(each) for each in order] == [fresh.guides(each) for each in order]
        assert [forest.folded(each) for each in order] == [fresh.folded(each) for each in order]


def test_nobody_is_lost_in_a_circle_of_parents() -> None:
    forest = Forest({1: 0, 2: 3, 3: 4, 4: 2, 5: 5, 6: 2})
    assert sorted(forest[place] for place in range(len(forest))) == [1, 2, 3, 4, 5, 6]
    forest.remove(2)
    forest.add(2, 6)
    assert sorted(forest[place] for place in range(len(forest))) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("size", [0, 1, 700, 5000])
def test_a_long_list_is_changed_like_a_list(size: int) -> None:
    chance = random.Random(size)
    wanted = list(range(size))
    order = Order(wanted)
    new = size
    for _ in range(300):
        if wanted and chance.random() < 0.5:
            start = chance.randrange(len(wanted))
            some = wanted[start : start + chance.choice((1, 3, 2000))]
            order.remove(some)
            del wanted[start : start + len(some)]
        else:
            some = list(range(new, new + chance.choice((1, 5, 1500))))
            new += len(some)
            place = chance.randrange(len(wanted) + 1)
            order.insert(wanted[place - 1] if place else None, some)
            wanted[place:place] = some
        assert len(order) == len(wanted)
        assert list(order) == wanted
        for place in chance.sample(range(len(wanted)), min(5, len(wanted))):
            assert order[place] == wanted[place]
            assert order.index(wanted[place]) == place


@pytest.mark.parametrize("seed", range(20))
def test_what_a_snapshot_remembers_of_its_deltas_is_all_that_differs(seed: int) -> None:
    chance = random.Random(seed)
    snapshots = [random_host(chance)]
    for _ in range(50):
        snapshots.append(later(chance, snapshots[-1]))
    for before, after in [*pairwise(snapshots), (snapshots[0], snapshots[-1]), (snapshots[-4], snapshots[-1])]:
        said = touched(before, after)
        for keys, old, new in (
            (said.pids, before.processes, after.processes),
            (said.namespaces, before.namespaces, after.namespaces),
            (said.containers, before.containers, after.containers),
        ):
            assert {key for key in {*old, *new} if old.get(key) != new.get(key)} <= keys  # type: ignore[call-overload]
