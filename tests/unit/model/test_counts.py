"""What could not be read is counted as not known: nowhere is it none."""

import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from nsview import report
from nsview.model import audit, counts, export, leads, listing, matrix, netmap, netpicture
from nsview.model.filter import narrow, parse
from nsview.model.holder_text import summary
from nsview.model.kinds import KIND_NAMES
from nsview.model.net import Net, Nets
from nsview.model.records import Holder, Namespace, Namespaces, Process
from nsview.model.rows import rows
from nsview.model.security import Facts
from nsview.model.snapshot import Snapshot, advance, snapshot
from nsview.model.target import resolve
from nsview.model.view import GroupRow, NoteRow, View
from nsview.tui.text import row_text
from tests.unit.make import HOST, HOST_INODE, container, host, process

EMPTY = Namespace("net", 50, 4, names=("/run/netns/blue",))
LIVED_IN = Namespace("net", 51, 4)
INITIAL = [Namespace(kind, HOST_INODE, 4, initial=True) for kind in KIND_NAMES]
CLAIMS = re.compile(r"\b0 process|no process(?! visible)|nobody else(?! seen)|without a process|only\b")


def of(*processes: Process, hides: bool = False) -> Snapshot:
    """A host with a net namespace of one process, and one of which none is known."""
    web = container("web", [2])
    members = [process(1, 0), process(2, net=51, container=web.key), *processes]
    return snapshot(replace(HOST, hides_processes=hides), 1.0, members, [*INITIAL, EMPTY, LIVED_IN], [web])


def unread(pid: int = 4, **fields: object) -> Process:
    return process(pid, **{"namespaces": Namespaces(), "unreadable": "EACCES", **fields})


UNSEEN = {"another user's": of(unread()), "hidden": of(hides=True), "forbidden": of(unread(state="?"))}


def said(at: Snapshot) -> str:
    """Every word that is printed or drawn of the host."""
    listed = (listing.NAMESPACES, listing.namespaces(at, at)), (listing.CONTAINERS, listing.containers(at))
    texts = [report.listing(columns, lines) for columns, lines in listed]
    texts += [report.inspected(at, resolve(at, word)) for word in ("net:50", "net:51", "2")]
    for by in ("net", "mnt", "container", "tree"):
        size = row_text.columns(at, 120)
        texts += ["".join(text for text, _ in row_text.row(row, size, at, by)) for row in rows(at, View(by))]
    for by in ("net", "container", "tree"):
        texts += [cell.text for line in matrix.lines(at, by) for cell in line.cells]
    found = netmap.Map(Nets(1.0, (Net(50), Net(51))), at)
    drawn = netpicture.picture(found, (50, 51), 120)
    texts += [cell.text for line in (*found.lines(), *drawn) for cell in line.cells]
    texts += [lead.text for lead in leads.around(at, 2)]
    texts += [finding.text for finding in audit.audit(at, Facts())]
    return "\n".join(texts)


@pytest.mark.parametrize("at", UNSEEN.values(), ids=UNSEEN)
def test_nothing_is_called_empty_where_something_could_not_be_read(at: Snapshot) -> None:
    assert not CLAIMS.search(said(at)), CLAIMS.search(said(at))
    assert "? " in said(at) and "≥ 1" in said(at)


def test_where_all_is_read_the_same_words_are_said() -> None:
    assert CLAIMS.search(said(of())) and "≥" not in said(of())


@pytest.mark.parametrize("at", UNSEEN.values(), ids=UNSEEN)
def test_rules_that_go_by_who_is_not_there_are_not_checked(at: Snapshot) -> None:
    assert "orphaned-net" not in {finding.rule for finding in audit.audit(at, Facts())}
    assert len([line for line in audit.unchecked(at, Facts()) if " orphaned-net" in line]) == 1
    assert "orphaned-net" not in "".join(audit.unchecked(of(), Facts()))
    assert "orphaned-net" in {finding.rule for finding in audit.audit(of(), Facts())}


def test_the_json_has_null_and_what_was_seen() -> None:
    for at, expected in ((of(), (1, 1)), (of(unread()), (None, 1))):
        printed = export.namespace(LIVED_IN, at)
        assert (printed["nprocs"], printed["nprocs_at_least"]) == expected


@pytest.mark.parametrize(
    ("text", "all_read", "some_unread"),
    [
        ("nprocs=0", {50}, set()), ("nprocs<2", {50, 51}, set()), ("nprocs>0", {51}, {51}), ("nprocs=1", {51}, set()),
        ("nprocs!=0", {51}, {51}), ("not nprocs>0", {50}, set()), ("nprocs>=1", {51}, {51}),
        ("nprocs<=1", {50, 51}, set()), ("not nprocs=0", {51}, {51}), ("nprocs<1", {50}, set()),
    ],
)  # fmt: skip
def test_a_filter_finds_what_is_so_whoever_else_is_there(text: str, all_read: set[int], some_unread: set[int]) -> None:
    """Of the two that are not the host's: its own has members that make it match besides."""
    for at, expected in ((of(), all_read), (of(unread()), some_unread)):
        wanted = parse(text, "net")
        found = {n.inode for n in (EMPTY, LIVED_IN) if wanted.namespace(n, at)}
        assert found == expected, text
        assert {n.inode for n in narrow(at, wanted, "net").namespaces.values() if not n.initial} >= expected


def zombie(**fields: object) -> Process:
    return process(5, state="Z", namespaces=Namespaces(**fields), unreadable="ENOENT")  # type: ignore[arg-type]


def test_a_zombie_is_in_nothing_that_it_has_given_up() -> None:
    at = of(zombie(pid=1, user=1))
    assert all(map(at.sees_all, KIND_NAMES))
    at = of(zombie())  # another's: it is still in a pid and a user namespace
    assert [kind for kind in KIND_NAMES if not at.sees_all(kind)] == ["pid", "user"]


def test_it_is_asked_again_after_each_change() -> None:
    def step(at: Snapshot, *processes: Process, gone: tuple[int, ...] = ()) -> Snapshot:
        return advance(at, 2.0, processes, gone, (), (), (), ())

    at = of()
    assert at.sees_all("net") and at.sees_all("container")
    at = step(at, unread(state="?"))
    assert not at.sees_all("net") and not at.sees_all("container")
    at = step(at, unread())
    assert not at.sees_all("net") and at.sees_all("container")
    assert step(at, gone=(4,)).sees_all("net")


def test_a_kind_that_the_kernel_lacks_is_not_unread() -> None:
    at = of(process(3, namespaces=Namespaces(mnt=1, net=1)))
    assert at.sees_all("time")


@pytest.mark.parametrize(
    ("say", "expected"),
    [(counts.number, ("0", "2", "?", "≥ 2")),
     (counts.processes, ("0 processes", "2 processes", "no process visible to you", "≥ 2 processes"))],
)  # fmt: skip
def test_words(say: Callable[[int, bool], str], expected: tuple[str, ...]) -> None:
    assert tuple(say(least, sure) for sure in (True, False) for least in (0, 2)) == expected


def test_the_mount_beside_which_it_stands_is_told_once() -> None:
    blue = "/run/netns/blue"
    mounts = (Holder("mount", path=blue), Holder("mount", path=blue, mnt=7), Holder("mount", 8, path=blue))
    named = replace(EMPTY, held_by=(*mounts, Holder("fd", 9, 3)))
    assert summary(named, host(process(1)), named=True) == "held by that mount, fd 3 of 9"
    assert summary(replace(named, held_by=mounts), host(process(1)), named=True) == "held by that mount"


def test_what_may_be_held_by_others_is_not_called_held_by_nothing() -> None:
    assert summary(Namespace("net", 50, 4), of(unread())) == "held by what is not visible to you"


def test_rows_say_what_they_are_of() -> None:
    groups = {row.key[1]: row for row in rows(of(unread()), View("net")) if isinstance(row, GroupRow)}
    assert None in groups and len(groups[None].pids) == 1
    alone = snapshot(HOST, 1.0, [process(1, 0)], INITIAL, [])
    (note,) = [row for row in rows(alone, View("net")) if isinstance(row, NoteRow)]
    assert "no other is in use" in note.text
