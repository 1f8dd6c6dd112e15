"""Random populations: what nsview finds is the partition, the owners and the holders that were made, and no other.

RANDOM_SEEDS=from-to runs others than the usual ones: a failure names its seed.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsview.agent import scan

from .random_population import HOST, KINDS, Plan, Running
from .test_hierarchy import lsns
from .test_holders import _mount_namespaces, searched
from .workspace import PATIENCE, Workspace

_FIRST, _, _LAST = os.environ.get("RANDOM_SEEDS", "0-299").partition("-")
SEEDS = range(int(_FIRST), int(_LAST or _FIRST) + 1)

Key = tuple[str, int]

# Processes that come and go, with namespaces of their own, while others are looked at.
_CHURN = """
import ctypes, os, time
libc = ctypes.CDLL(None)
while True:
    child = os.fork()
    if child == 0:
        libc.unshare(0x4000000 | 0x40000000 * (time.time_ns() // 1000 % 8 == 0))
        os._exit(0)
    time.sleep(0.002)
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def churn(workspace: Workspace) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", _CHURN], env=workspace.environment)
    yield
    process.kill()
    process.wait()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_found_is_what_was_made(seed: int, workspace: Workspace, churn: None) -> None:
    plan = Plan(seed)
    running = Running(plan, workspace)
    try:
        scanner = scan.Scanner()
        found = searched(scanner)
        look = {pid: record["namespaces"] for pid, record in scanner.look()["processes"].items()}
        seen = ps(running.pids.values())
        _wait_for_zombies(plan, running)
        inodes = partition(plan, running, look)
        hold(plan, running, found, inodes)
        related(plan, found, inodes)
        assert_equal_to_ps(running, look, seen)
        if seed % 5 == 0:
            assert_equal_to_lsns(plan, found, inodes)
        listed = _mount_namespaces()
        if scan.kernel_version(os.uname().release) >= (6, 12):  # before, they cannot be walked
            assert {number for (kind, number) in inodes.values() if kind == "mnt"} <= listed
    finally:
        running.stop()


def partition(plan: Plan, running: Running, look: dict[int, dict[str, int]]) -> dict[str, Key]:
    """{token: key}, after making sure that tokens and inodes are the same but for their names."""
    inodes: dict[str, Key] = {}
    tokens: dict[Key, str] = {}
    for name, member in plan.members.items():
        assert set(look[running.pids[name]]) == set(member.namespaces), f"kinds of member {name}"
        for kind, token in member.namespaces.items():
            key = kind, look[running.pids[name]][kind]
            if token == HOST:
                token = f"{HOST}-{kind}"
            assert inodes.setdefault(token, key) == key, f"{token} of member {name}"
            assert tokens.setdefault(key, token) == token, f"{key} of member {name}"
    return inodes


def hold(plan: Plan, running: Running, found: dict[Key, dict[str, Any]], inodes: dict[str, Key]) -> None:
    """Each namespace has the holders that were made, and no other of these processes holds any."""
    own = set(running.pids.values())
    actual: dict[Key, set[tuple[object, ...]]] = {}
    for key, record in found.items():
        holders = set()
        for holder in record["held_by"]:
            # Not what of the machine's mounts is copied into each new mount namespace.
            mounted = holder["kind"] == "mount" and holder["path"].startswith(f"{running.directory}/")
            if mounted or (holder["kind"] not in ("mount", "child") and holder["pid"] in own):
                holders.add((holder["kind"], *told_apart(holder)))
        if holders and key != (key[0], inodes.get(f"{HOST}-{key[0]}", ("", 0))[1]):
            actual[key] = holders
    expected: dict[str, set[tuple[object, ...]]] = {
        token: {of_plan(plan, running, holder) for holder in holders} for token, holders in plan.holders.items()
    }
    by_holders = {(key[0], frozenset(holders)): key for key, holders in actual.items()}
    for token, holders in expected.items():
        if token in inodes:
            assert actual.get(inodes[token]) == holders, token
        else:  # without processes: its holders are what it is known by
            same = plan.kind[token], frozenset(holders)
            assert same in by_holders, token
            inodes[token] = by_holders[same]
    assert set(actual) == {inodes[token] for token in expected}


def told_apart(holder: dict[str, Any]) -> tuple[object, ...]:
    if holder["kind"] == "mount":
        return (holder["path"],)
    if holder["kind"] == "thread":
        return holder["pid"], int(holder["path"].split("/")[4])
    return holder["pid"], holder["fd"] if "fd" in holder else holder["path"].rpartition("/")[2]


def of_plan(plan: Plan, running: Running, holder: tuple[object, ...]) -> tuple[object, ...]:
    kind, name, which = holder
    if kind == "mount":
        return kind, running.path(which)
    assert isinstance(name, int)
    if kind == "thread":
        return kind, running.pids[name], running.threads[name][int(str(which))]
    if kind == "for_children":
        return kind, running.pids[name], f"{which}_for_children"
    return kind, running.pids[name], running.fds[name][int(str(which))]


def related(plan: Plan, found: dict[Key, dict[str, Any]], inodes: dict[str, Key]) -> None:
    """Owners and parents, also of those that nobody is in and nothing but a child holds."""
    for token, kind in plan.kind.items():
        if token not in inodes:
            continue  # nobody stayed, and no holder; where a child keeps it, that leads here below
        record = found[inodes[token]]
        for field, others, other_kind in (("owner", plan.owner, "user"), ("parent", plan.parent, kind)):
            if token in others:
                other = others[token] if others[token] != HOST else f"{HOST}-{other_kind}"
                assert (other_kind, record[field]) == inodes.setdefault(other, (other_kind, record[field])), token
                assert (other_kind, record[field]) in found


def _wait_for_zombies(plan: Plan, running: Running) -> None:
    """The plan's zombies are such; the fork was answered before the exit."""
    for name, member in plan.members.items():
        if not member.alive:
            deadline = time.monotonic() + 10 * PATIENCE
            stat = Path(f"/proc/{running.pids[name]}/stat")
            while stat.read_text().rpartition(")")[2].split()[0] != "Z":
                assert time.monotonic() < deadline
                time.sleep(0.001)


def ps(pids: Any) -> dict[int, dict[str, str]]:
    """{pid: {kind: inode or "-"}} as procps sees it."""
    columns = ["pid", *(f"{kind}ns" for kind in KINDS if kind != "time")]
    done = subprocess.run(
        ["ps", "-o", ",".join(f"{c}=" for c in columns), "-p", ",".join(map(str, pids))],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = (line.split() for line in done.stdout.splitlines())
    return {int(row[0]): dict(zip([c[:-2] for c in columns[1:]], row[1:], strict=True)) for row in rows}


def assert_equal_to_ps(running: Running, look: dict[int, dict[str, int]], seen: dict[int, dict[str, str]]) -> None:
    assert set(seen) == set(running.pids.values())
    for pid, kinds in seen.items():
        for kind, inode in kinds.items():
            if inode != "-":
                assert str(look[pid][kind]) == inode


def assert_equal_to_lsns(plan: Plan, found: dict[Key, dict[str, Any]], inodes: dict[str, Key]) -> None:
    listed = lsns()
    made = set(inodes.values())
    compared = 0
    for line in listed:
        key = line["type"], line["ns"]
        if key in made:
            compared += 1
            assert (found[key]["parent"] or 0) == (line["pns"] or 0)
            assert key[0] == "user" or found[key]["owner"] == line["ons"]
    assert compared or not listed


def test_the_truth_can_be_missed(workspace: Workspace) -> None:
    """The comparison fails where the scan is wrong by one process, one holder or one owner."""
    plan = next(p for p in map(Plan, range(1000)) if len(p.members) > 3 and len(p.holders) > 1 and p.kind)
    running = Running(plan, workspace)
    try:
        scanner = scan.Scanner()
        found = searched(scanner)
        look = {pid: dict(record["namespaces"]) for pid, record in scanner.look()["processes"].items()}
        _wait_for_zombies(plan, running)
        inodes = partition(plan, running, look)
        hold(plan, running, found, dict(inodes))
        related(plan, found, dict(inodes))
        wrong = {pid: {**kinds, "uts": 7} if pid == running.pids[1] else kinds for pid, kinds in look.items()}
        with pytest.raises(AssertionError):
            partition(plan, running, wrong)
        token = next(iter(plan.holders))
        fewer = {
            key: {**record, "held_by": [h for h in record["held_by"] if not is_one_of(h, own_of(plan, running, token))]}
            for key, record in found.items()
        }
        with pytest.raises(AssertionError):
            hold(plan, running, fewer, dict(inodes))
        other = {key: {**record, "owner": 7} for key, record in found.items()}
        with pytest.raises(AssertionError):
            related(plan, other, dict(inodes))
    finally:
        running.stop()


def is_one_of(holder: dict[str, Any], holders: set[tuple[object, ...]]) -> bool:
    return holder["kind"] != "child" and (holder["kind"], *told_apart(holder)) in holders


def own_of(plan: Plan, running: Running, token: str) -> set[tuple[object, ...]]:
    return {of_plan(plan, running, holder) for holder in plan.holders[token]}
