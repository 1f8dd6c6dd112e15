"""Namespaces as trees by parent and by owner."""

from typing import Any

import pytest

from nsview.model.hierarchy import By, tree
from nsview.model.records import Namespace
from nsview.model.snapshot import Snapshot, snapshot
from tests.unit.make import HOST


def of(*namespaces: Namespace) -> Snapshot:
    return snapshot(HOST, 1.0, (), namespaces, ())


def ns(type: Any, inode: int, owner: int | None = 1, parent: int | None = None, **more: Any) -> Namespace:
    return Namespace(type, inode, 4, owner=owner, parent=parent, **more)


def drawn(shown: Snapshot, by: Any) -> list[str]:
    return [f"{b.guides}{b.namespace.type}:{b.namespace.inode}" for b in tree(shown, by)]


BOTH: tuple[By, By] = ("owner", "parent")
FIRST = (ns("user", 1, None, initial=True), ns("pid", 2, 1, initial=True), ns("net", 3, 1, initial=True))


def test_by_parent_are_the_pid_and_user_namespaces_nested() -> None:
    below = ns("pid", 10, 1, 2), ns("pid", 11, 1, 10), ns("pid", 12, 1, 2), ns("user", 20, 1, 1), ns("net", 30)
    shown = of(*FIRST, *below)
    assert drawn(shown, "parent") == [
        "pid:2", "├─ pid:10", "│  └─ pid:11", "└─ pid:12",
        "user:1", "└─ user:20",
    ]  # fmt: skip


def test_by_owner_all_stand_below_user_namespaces() -> None:
    below = ns("user", 20, 1, 1), ns("net", 30, 20), ns("user", 21, 20, 20), ns("uts", 31, 21), ns("net", 29, 1)
    shown = of(*FIRST, *below)
    assert drawn(shown, "owner") == [
        "user:1", "├─ pid:2", "├─ net:3", "├─ net:29", "└─ user:20", "   ├─ net:30", "   └─ user:21", "      └─ uts:31",
    ]  # fmt: skip


def test_what_stands_below_something_out_of_view_is_at_the_top_and_says_so() -> None:
    user = ns("user", 20, None, None, out_of_view=("owner", "parent"))
    shown = of(user, ns("pid", 10, 20, None, out_of_view=("parent",)))
    found = {by: [(b.namespace.inode, b.depth, b.out_of_view) for b in tree(shown, by)] for by in BOTH}
    assert found["parent"] == [(10, 0, True), (20, 0, True)]
    assert found["owner"] == [(20, 0, True), (10, 1, False)]


def test_one_whose_parent_has_gone_is_at_the_top() -> None:
    assert drawn(of(*FIRST, ns("pid", 10, 1, 9)), "parent") == ["pid:2", "pid:10", "user:1"]


@pytest.mark.parametrize("by", ["owner", "parent"])
def test_frames_that_lie_of_circles_end(by: Any) -> None:
    shown = of(ns("user", 1, 1, 1), ns("user", 2, 3, 3), ns("user", 3, 2, 2), ns("user", 4, 1, 1))
    assert drawn(shown, by) == ["user:1", "└─ user:4"]


def test_each_is_there_once(many: int = 2000) -> None:
    chain = [ns("user", 1, None), *(ns("user", n, n - 1, n - 1) for n in range(2, many))]
    shown = tree(of(*chain), "owner")
    assert [b.depth for b in shown] == list(range(many - 1))
