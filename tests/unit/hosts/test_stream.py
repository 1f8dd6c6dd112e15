"""A look, then a delta, is the same as the new look alone: through the wire and back, for any two looks."""

import io
import itertools
import json
import random
from typing import Any

import pytest

from nsview.agent import main
from nsview.agent.output import Output
from nsview.hosts.stream import Stream
from nsview.model.kinds import KIND_NAMES
from nsview.model.snapshot import Snapshot

Look = dict[str, Any]

HELLO = {
    "frame": "hello",
    "schema": main.SCHEMA,
    "host": {
        "name": "h", "kernel": "6.18", "boot_id": "", "uid": 0, "privileged": True, "nsview": "0", "namespaces": {},
        "initial": {},
    },
}  # fmt: skip


def random_look(chance: random.Random) -> Look:
    """Few pids and inodes, so that any two looks share, lose and reuse them."""
    inodes = range(1, 5)
    processes = {}
    for pid in chance.sample(range(1, 30), chance.randrange(20)):
        kinds = chance.sample(KIND_NAMES, chance.choice((8, 8, 8, 2, 0)))
        processes[pid] = {
            "pid": pid, "ppid": chance.randrange(5), "start": chance.randrange(3), "uid": 0, "user": "root",
            "state": chance.choice("SRZ"), "comm": chance.choice(("a", "b\n", "\ud800")), "cmdline": [], "nspid": [pid],
            "namespaces": {kind: chance.choice(inodes) for kind in kinds},
            "container": chance.choice((None, "docker:a")), "unreadable": chance.choice((None, "EACCES")),
            "cgroup": "/", "kthread": False,
        }  # fmt: skip
    keys = {key for record in processes.values() for key in record["namespaces"].items()}
    namespaces = {
        (kind, inode): {
            "type": kind, "inode": inode, "device": 4, "id": chance.choice((None, 1, 2)), "initial": inode == 1,
            "owner": None, "parent": None, "names": chance.choice(([], ["/run/netns/x"])), "held_by": [],
        }
        for kind, inode in sorted(keys)
    }  # fmt: skip
    containers = [
        {
            "key": f"docker:{id}", "id": id, "name": chance.choice("xy"), "runtime": "docker",
            "engine_namespace": "moby", "image": None,
            "pod": None, "role": "container", "init_pid": None, "pids": [], "shim_pid": None,
            "daemon_pid": None, "witness": "",
        }
        for id in chance.sample("abc", chance.randrange(3))
    ]  # fmt: skip
    return {"processes": processes, "namespaces": namespaces, "containers": sorted(containers, key=lambda c: c["key"])}


def delta(old: Look, new: Look, taken_at: float) -> Look | None:
    """The frame that turns one look into the next. None if they are equal."""
    changes = main.differences(old, new)
    return main.delta(changes, taken_at) if any(changes.values()) else None


def written(frame: object) -> bytes:
    """A frame as the agent writes it."""
    out = io.BytesIO()
    Output(out).write(frame)
    return out.getvalue()


def shown(stream: Stream, *frames: dict[str, Any] | None) -> Snapshot:
    for frame in frames:
        if frame is not None:
            stream.take(written(frame))
    assert stream.snapshot is not None
    return stream.snapshot


@pytest.mark.parametrize("seed", range(200))
def test_a_delta_leads_to_what_the_new_look_alone_shows(seed: int) -> None:
    chance = random.Random(seed)
    looks = [random_look(chance) for _ in range(4)]
    live = Stream("live")
    shown(live, HELLO, main.snapshot(looks[0], 1.0))
    for number, (old, new) in enumerate(itertools.pairwise(looks), 2):
        after = shown(live, delta(old, new, float(number)))
        fresh = shown(Stream("fresh"), HELLO, main.snapshot(new, float(number)))
        assert after.processes == fresh.processes
        assert after.namespaces == fresh.namespaces
        assert after.containers == fresh.containers
        for kind in KIND_NAMES:
            assert after.members(kind) == fresh.members(kind)
        assert after.populations == fresh.populations
        assert after.sets == fresh.sets


def test_equal_looks_need_no_delta() -> None:
    assert delta(random_look(random.Random(7)), random_look(random.Random(7)), 2.0) is None


def test_a_delta_carries_only_what_changed() -> None:
    old = random_look(random.Random(7))
    new = {**old, "processes": dict(old["processes"])}
    changed = next(iter(new["processes"]))
    new["processes"][changed] = {**new["processes"][changed], "comm": "renamed"}
    frame = delta(old, new, 2.0)
    assert frame is not None
    assert [record["pid"] for record in frame["processes"]] == [changed]
    others = ("gone", "namespaces", "namespaces_gone", "containers", "containers_gone")
    assert [frame[name] for name in others] == [[]] * 5


def test_a_snapshot_is_not_changed_by_the_delta_that_follows() -> None:
    chance = random.Random(3)
    old, new = random_look(chance), random_look(chance)
    stream = Stream("live")
    before = shown(stream, HELLO, main.snapshot(old, 1.0))
    kept = (dict(before.processes), dict(before.namespaces), dict(before.containers))
    after = shown(stream, delta(old, new, 2.0))
    assert after is not before
    assert (before.processes, before.namespaces, before.containers) == kept


@pytest.mark.parametrize(
    ("text", "shown_as"),
    [
        ("\ud800", "\\ud800"),
        ("a\udcff\udc80", "a\\xff\\x80"),  # as os.readlink gives bytes that are no UTF-8
        ("\udc7f", "\\udc7f"),
        ("\udc00\ud800", "\\udc00\\ud800"),
        ("\\ud800", "\\ud800"),
        ("\\\ud800", "\\\\ud800"),
        ("🐳\ud83d", "🐳\\ud83d"),
        ("\ud83d🐳", "\\ud83d🐳"),
        ("é\u2028\x1b\n", "é\u2028\x1b\n"),
    ],
)
def test_half_a_surrogate_pair_is_written_as_its_escape(text: str, shown_as: str) -> None:
    line = written({"text": text})
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    line.decode("ascii")
    assert json.loads(line)["text"] == shown_as


def test_every_pair_of_surrogates_and_backslashes_survives_the_wire() -> None:
    chance = random.Random(5)
    for _ in range(3000):
        text = "".join(chance.choices('\\u d8\ud83d\udc33\ud800🐳"', k=chance.randrange(8)))
        json.loads(written({"text": text}))["text"].encode("utf-8")
