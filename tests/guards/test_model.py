"""What a delta costs the screen in objects: it makes those of what changed, and shares the rest."""

import gc
import json
from typing import Any

import pytest

from nsview.hosts import frames
from nsview.model import filter, forest, rows
from nsview.model.kinds import KIND_NAMES
from nsview.model.snapshot import Snapshot, advance
from tests.unit import make

GROUPS, EACH = 50, 40


def large() -> Snapshot:
    """2,000 processes in 50 net namespaces of their own."""
    return make.host(*(make.process(1000 + g * EACH + n, net=100 + g) for g in range(GROUPS) for n in range(EACH)))


def after_one_birth(before: Snapshot) -> Snapshot:
    """The next snapshot, with one process more in the tenth group."""
    return advance(before, 2.0, [make.process(9000, net=110)], [], [], [], [], [])


def test_a_delta_leaves_all_records_that_did_not_change_the_same_objects() -> None:
    before = large()
    after = after_one_birth(before)
    assert sum(after.processes[pid] is not process for pid, process in before.processes.items()) == 0
    assert all(after.namespaces[key] is namespace for key, namespace in before.namespaces.items())


class Made:
    """How many rows were made, how many trees from nothing, and how many processes a filter was asked about."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows = self.trees = self.asked = 0
        row, tree, asks = rows.Rows._row, forest.Forest.__init__, filter.Filter.process

        def one_row(*args: Any) -> Any:
            self.rows += 1
            return row(*args)

        def one_tree(*args: Any) -> None:
            self.trees += 1
            tree(*args)

        def one_question(*args: Any) -> bool:
            self.asked += 1
            return asks(*args)

        monkeypatch.setattr(rows.Rows, "_row", one_row)
        monkeypatch.setattr(forest.Forest, "__init__", one_tree)
        monkeypatch.setattr(filter.Filter, "process", one_question)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return Made(monkeypatch)


def test_only_rows_that_are_looked_at_are_made(made: Made) -> None:
    shown = rows.Rows(large(), rows.View(by="net"))
    assert len(shown) == GROUPS * (EACH + 1)
    assert (made.rows, made.trees) == (0, 0)
    assert len(shown[100:150]) == 50
    assert made.rows <= 50
    assert made.trees == 2


def test_a_birth_is_looked_at_and_no_other_process_is(made: Made) -> None:
    before = large()
    shown = rows.Rows(before, rows.View("net", filter.parse("p")))
    everything = len(list(shown))
    made.rows = made.trees = made.asked = 0
    shown.update(after_one_birth(before))
    assert (made.rows, made.trees, made.asked) == (0, 0, 1)
    assert len(shown) == everything + 1
    list(shown)
    assert made.trees == 0


class Texts(filter.Texts):
    """Counts what it makes."""

    made = 0

    def _text(self, *args: Any) -> str:
        self.made += 1
        return super()._text(*args)


def test_a_letter_asks_about_nobody_one_by_one_and_makes_no_text_again(made: Made) -> None:
    texts = Texts()
    snapshot = large()
    for _ in texts.ahead(snapshot, 100):
        pass
    assert texts.made == GROUPS * EACH
    shown = rows.Rows(snapshot, rows.View(by="net"))
    for typed in ("p", "p1", "p10", "p1", "1 p", "not p or root"):
        shown.look(rows.View("net", filter.parse(typed, "net", texts)))
        shown.update(snapshot)
    assert (made.asked, texts.made) == (0, GROUPS * EACH)
    shown.update(after_one_birth(snapshot))
    assert (made.asked, texts.made) == (1, GROUPS * EACH + 1)


def test_texts_are_made_ahead_while_the_host_goes_on() -> None:
    texts, now = Texts(), large()
    for _ in texts.ahead(now, 100):
        now = advance(now, 2.0, [], [next(iter(now.processes))], [], [], [], [])
        texts.follow(now)
    made = texts.made
    assert made <= GROUPS * EACH
    assert len(texts.all(now)) == GROUPS * EACH - 20
    assert texts.made == made


def test_a_word_that_goes_on_is_looked_for_among_those_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    among, asked = filter.Filter.among, []
    monkeypatch.setattr(filter.Filter, "among", lambda *of: asked.append(len(of[1])) or among(*of))
    texts, shown = filter.Texts(), rows.Rows(large(), rows.View(by="net"))
    for typed in ("p", "p10", "p1000", "p100"):
        shown.look(rows.View("net", filter.parse(typed, "net", texts)))
    assert asked == [2000, 2000, 100, 2000]


def test_another_fold_makes_no_tree_anew(made: Made) -> None:
    shown = rows.Rows(large(), rows.View(by="net"))
    list(shown)
    made.trees = 0
    shown.look(rows.View(by="net", toggled=frozenset({("group", 110)})))
    assert len(list(shown)) == GROUPS * (EACH + 1) - EACH
    assert made.trees == 0


def test_what_is_kept_of_a_process_is_few_objects_and_one_row() -> None:
    """Objects that the collector must visit, of all that decoding a snapshot leaves."""
    number = 2000
    record = {
        "ppid": 1, "start": 5, "uid": 0, "user": "root", "state": "S", "comm": "worker", "cmdline": ["worker", "-x"],
        "namespaces": dict.fromkeys(KIND_NAMES, 7), "container": None, "unreadable": None, "cgroup": "/a",
        "kthread": False,
    }  # fmt: skip
    frame = {
        "frame": "snapshot", "taken_at": 1.0, "namespaces": [], "containers": [],
        "processes": [{"pid": pid, "nspid": [pid], **record} for pid in range(number)],
    }  # fmt: skip
    line = json.dumps(frame).encode()
    del frame
    gc.collect()
    before = len(gc.get_objects())
    decoded = frames.decode(line)
    gc.collect()
    kept = (len(gc.get_objects()) - before) / number
    assert isinstance(decoded, frames.SnapshotFrame)
    assert kept <= 1.1, kept
