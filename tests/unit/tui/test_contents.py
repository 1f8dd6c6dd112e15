"""What is told of what namespaces hold: in words, bounded, and safe for a terminal."""

from typing import Any

import msgspec
import pytest

from nsview.model.contents import READ, Contents
from nsview.model.levels import levels
from nsview.model.records import Namespace
from nsview.model.snapshot import snapshot
from nsview.tui.text.contents import TOLD, ContentsText, told, wanted
from nsview.tui.text.pieces import size, span
from tests.unit.make import HOST, host, process

EVIL = "x\x1b[31m\u202e\n[b]"
MOUNT = {"point": "/", "root": "/", "fstype": "overlay", "source": "overlay", "options": ["rw"]}


def contents(**kinds: Any) -> Contents:
    """As the agent says it."""
    return msgspec.convert({"unreadable": {}, **kinds}, Contents)


def tell(kind: Any, said: Contents | None = None, **namespaces: int) -> ContentsText:
    one = process(7, comm="sh", **namespaces)
    found = told(kind, one, said, host(one))
    assert found is not None
    return found


def words(found: ContentsText) -> str:
    return "\n".join("".join(text for text, _ in line) for line in (*found.first, *found.rest))


def test_grouped_by_a_kind_only_that_is_asked_for() -> None:
    assert wanted("mnt") == ("mnt",)
    assert wanted("pid") == wanted("net") == ()
    assert wanted("tree") == wanted("container") == READ


def test_nothing_is_told_of_what_was_not_read() -> None:
    one = process(7)
    assert [told(kind, one, None, host(one)) for kind in TOLD if kind != "pid"] == [None] * 6
    assert told("net", one, contents(), host(one)) is None


@pytest.mark.parametrize("kind", READ)
def test_why_a_kind_could_not_be_read_is_told(kind: Any) -> None:
    assert "protected even from root" in words(tell(kind, contents(unreadable={kind: "EPERM"})))
    assert "has none" in words(tell(kind, contents(unreadable={kind: "ENOENT"})))


def test_mounts_from_the_host_come_first_and_hidden_ones_are_marked() -> None:
    mounts = [
        {**MOUNT, "host_path": "/var/lib/merged"},
        {**MOUNT, "point": "/sys/fs/cgroup", "fstype": "cgroup2", "host_path": "/sys/fs/cgroup/a"},
        {**MOUNT, "point": "/tmp", "fstype": "tmpfs", "hidden": True},
        {**MOUNT, "point": "/tmp", "fstype": "tmpfs", "options": ["ro"], "shared": 3, "master": 4, "host_peer": True},
        {**MOUNT, "point": "/srv", "host_path": "/srv"},
    ]
    found = tell("mnt", contents(mnt={"mounts": mounts, "total": 5, "missing": ["/boot"], "missing_total": 1}), mnt=9)
    first = "\n".join("".join(text for text, _ in line) for line in found.first)
    assert "5 mounts: 1 its own, 2 from the host, 1 as there, 1 hidden under others" in first
    assert "/var/lib/merged" in first and "/sys/fs/cgroup/a" not in first and "/boot" in first
    rest = words(found)
    assert "hidden under another" in rest and "ro  shared,slave with the host" in rest and "/sys/fs/cgroup/a" in rest
    assert found.brief == "5 mounts, 2 from the host"


def test_nothing_is_said_to_be_the_hosts_or_not_where_the_hosts_mounts_are_not_known() -> None:
    mounts = {"mounts": [{**MOUNT, "host_path": None}], "total": 1, "missing": [], "missing_total": 0}
    found = tell("mnt", contents(mnt={**mounts, "host_known": False}), mnt=9)
    assert "its own" not in words(found) and "0 from the host" not in words(found)
    assert found.brief == "1 mount, from the host: not known"


def test_thousands_of_mounts_are_summed_up() -> None:
    mounts = [{**MOUNT, "point": f"/m/{n}", "host_path": f"/h/{n}"} for n in range(500)]
    found = tell("mnt", contents(mnt={"mounts": mounts, "total": 4000, "missing": [], "missing_total": 0}), mnt=9)
    assert len(found.first) < 20 and len(found.rest) < 250
    assert "and 3800 more" in words(found)


def test_ids_are_drawn_from_inside_to_outside() -> None:
    maps = {"uid_map": [[0, 100000, 65536]], "gid_map": [[0, 0, 1], [1, 200001, 9]], "setgroups": "deny"}
    text = words(tell("user", contents(user=maps), user=9))
    assert "0…65535 ─▶ 100000…165535  65536 ids" in text
    assert "root in here is uid 100000 outside" in text and "denied" in text
    same = {"uid_map": [[0, 0, 4294967295]], "gid_map": [[0, 0, 4294967295]], "setgroups": "allow"}
    assert "root in here is root outside too" in words(tell("user", contents(user=same), user=9))
    nobody = {"uid_map": [], "gid_map": [], "setgroups": "allow"}
    assert "overflow" in words(tell("user", contents(user=nobody), user=9))


def test_a_limit_is_told_with_its_use_and_with_whose_it_is() -> None:
    memory = {"limit": 64 << 20, "limited_by": "/up", "current": 32 << 20}
    text = words(tell("cgroup", contents(cgroup={
        "path": "/up/a", "inside": "/", "version": 2, "memory": memory, "oom_kills": 2, "throttled": 0,
        "pids": {"limit": None, "limited_by": None, "current": 3},
        "cpu": {"limit": 0.5, "limited_by": "/up/a", "current": 90061},
    })))  # fmt: skip
    assert "▕████████░░░░░░░░▏ 32.0 MiB of 64.0 MiB, the limit of /up" in text
    assert "3  no limit" in text and "at most 0.5 of a processor, 1 day 1:01:01 so far" in text
    assert "2 processes" in text and "throttled" not in text


def test_a_limit_of_nothing_divides_by_nothing() -> None:
    none = {"limit": 0, "limited_by": "/", "current": 0}
    assert "0 of 0" in words(tell("cgroup", contents(cgroup={"path": "/", "inside": None, "version": 2, "pids": none})))


def test_clocks() -> None:
    text = words(tell("time", contents(time={"monotonic": -5, "boottime": 86400})))
    assert "1 day 0:00:00 ahead of the host's" in text and "5 s behind the host's" in text
    later = {"inode": 8, "monotonic": 0, "boottime": 60}
    text = words(tell("time", contents(time={"monotonic": None, "boottime": None, "for_children": later})))
    assert "time:[8]" in text and "0:01:00 ahead" in text and "not known" in text


def test_pids_at_each_level_with_the_pid_1_of_each() -> None:
    init = process(50, nspid=(50, 1), pid=2, comm="init")
    deep = process(60, nspid=(60, 9, 1), pid=3, comm="deep")
    nested = [Namespace("pid", 3, 4, parent=2), Namespace("pid", 2, 4, parent=1)]
    shot = snapshot(HOST, 1.0, [process(1), init, deep], nested, [])
    found = [(level.inode, level.pid, level.init and level.init.pid) for level in levels(shot, deep)]
    assert found == [(1, 60, 1), (2, 9, 50), (3, 1, 60)]
    one = told("pid", deep, None, shot)
    assert one and one.brief == "60 → 9 → 1" and "└─ pid:[3]" in words(one)


def test_levels_of_a_namespace_that_is_not_known_are_told_nevertheless() -> None:
    found = levels(host(), process(60, nspid=(60, 9, 1), pid=3))
    assert [(level.inode, level.pid) for level in found] == [(None, 60), (None, 9), (3, 1)]


def test_whatever_is_named_is_safe() -> None:
    queue = {"key": 0, "id": 1, "mode": 0o640, "uid": 0}
    said = contents(
        mnt={"mounts": [{"point": EVIL, "root": EVIL, "fstype": EVIL, "source": EVIL, "options": [EVIL],
             "host_path": path} for path in (EVIL, None)], "total": 2, "missing": [EVIL], "missing_total": 1},
        uts={"hostname": EVIL, "domainname": EVIL},
        ipc={"queues": [{**queue, "bytes": 1, "messages": 1}], "segments": [], "semaphores": [],
             "posix_queues": [{"name": EVIL, "bytes": 0, "mode": 0, "uid": 0}],
             "total": {"posix_queues": 1, "queues": 1}},
        cgroup={"path": EVIL, "inside": EVIL + "/", "version": 2, "cpus": EVIL,
                "memory": {"limit": 1, "limited_by": EVIL, "current": 2}},
        user={"uid_map": [], "gid_map": [], "setgroups": EVIL},
        time={"monotonic": 0, "boottime": 0},
    )  # fmt: skip
    for kind in TOLD:
        found = tell(kind, said, mnt=9, user=9)
        for line in (*found.first, *found.rest, [(found.brief, "")]):
            assert all(text.isprintable() for text, _ in line), kind


def test_numbers_in_words() -> None:
    assert [size(n) for n in (0, 1023, 1536, 1 << 40)] == ["0 B", "1023 B", "1.5 KiB", "1.0 TiB"]
    assert [span(n) for n in (0, 0.015, -3600, 172800)] == ["0 s", "0.01 s", "-1:00:00", "2 days 0:00:00"]
