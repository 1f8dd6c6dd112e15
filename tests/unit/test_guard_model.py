"""What a delta costs the screen in objects: it makes those of what changed, and shares the rest."""

import gc
import json

from nsview.hosts import frames
from nsview.model import rows
from nsview.model.kinds import KIND_NAMES
from nsview.model.snapshot import Snapshot, advance

from . import make

GROUPS, EACH = 50, 40


def large() -> Snapshot:
    """2,000 processes in 50 net namespaces of their own."""
    return make.host(
        *(make.process(1000 + g * EACH + n, net=100 + g) for g in range(GROUPS) for n in range(EACH))
    )


def after_one_birth(before: Snapshot) -> Snapshot:
    """The next snapshot, with one process more in the tenth group."""
    return advance(before, 2.0, [make.process(9000, net=110)], [], [], [], [], [])


def made(snapshot: Snapshot, view: rows.View, cache: rows.Cache) -> list[rows.Row]:
    """All rows, and what they were made of kept in the cache."""
    making = rows.steps(snapshot, view, cache)
    while True:
        try:
            next(making)
        except StopIteration as end:
            found: list[rows.Row] = end.value
            return found


def test_a_delta_leaves_all_records_that_did_not_change_the_same_objects() -> None:
    before = large()
    after = after_one_birth(before)
    assert sum(after.processes[pid] is not process for pid, process in before.processes.items()) == 0
    assert all(after.namespaces[key] is namespace for key, namespace in before.namespaces.items())


def test_a_birth_makes_rows_of_its_own_group_alone() -> None:
    before, view, cache = large(), rows.View(by="net"), rows.Cache()
    old = {id(row): row for row in made(before, view, cache)}
    new = made(after_one_birth(before), view, cache)
    assert len(new) == len(old) + 1
    fresh = [row for row in new if id(row) not in old]
    assert len(fresh) <= EACH + 2, f"{len(fresh)} of {len(new)} rows made anew"


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
