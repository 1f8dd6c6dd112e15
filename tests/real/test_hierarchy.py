"""Owners, parents and identity of namespaces: also of those that no process is in, and of inodes used again."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nsview.agent import main, scan

from .population import Population
from .test_host import KINDS, command_line, namespace
from .workspace import Workspace, wait_until

ROOT = Path(__file__).parents[2]
Key = tuple[str, int]


def key(pid: int, kind: str) -> Key:
    return kind, inode(namespace(pid, kind))


def inode(link: str) -> int:
    return int(link.partition("[")[2].rstrip("]"))


def look(scanner: scan.Scanner | None = None) -> dict[Key, dict[str, Any]]:
    found: dict[Key, dict[str, Any]] = (scanner or scan.Scanner()).look()["namespaces"]
    return found


def lsns() -> list[dict[str, Any]]:
    """What lsns says of each namespace; nothing where it gives up, because someone's name has a newline in it."""
    command = ["lsns", "--json", "--output", "NS,TYPE,PNS,ONS"]
    for _ in range(20):  # nor does it bear a process that ends while it looks
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if not done.returncode:
            break
        time.sleep(0.1)
    else:
        names = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/comm") if file.exists()]
        assert any(b"\n" in name[:-1] for name in names), done.stderr
        return []
    listed: list[dict[str, Any]] = json.loads(done.stdout)["namespaces"]
    return listed


def test_a_user_namespace_that_only_its_child_keeps_is_there(population: Population) -> None:
    # unshare(1) becomes the command, so nobody stays in the middle.
    pid = population.process("user", options=["--map-root-user", "unshare", "--user", "--map-root-user", "--net"])
    found = look()
    inner = found[key(pid, "user")]
    middle = found["user", inner["parent"]]
    assert inner["owner"] == inner["parent"] != inode(namespace(os.getpid(), "user"))
    assert middle["parent"] == inode(namespace(os.getpid(), "user"))
    assert middle["held_by"] == [{"kind": "child", "path": f"user:[{inner['inode']}]"}]
    assert found[key(pid, "net")]["owner"] == inner["inode"]
    assert middle["id"] not in (None, inner["id"])
    members = [p for p in scan.Scanner().look()["processes"].values() if p["namespaces"].get("user") == middle["inode"]]
    assert members == []


def test_a_pid_namespace_that_only_its_child_keeps_is_there(population: Population, workspace: Workspace) -> None:
    middle = population.process("pid", command=["/bin/sh", "-c", "unshare --pid --fork /bin/sleep 9998; :"])
    inner = _descendant(middle, "9998")
    middle_key, inner_key = key(middle, "pid"), key(inner, "pid")
    mounted = workspace.root / "dead-pid-namespace"
    mounted.touch()
    subprocess.run(["mount", "--bind", f"/proc/{inner}/ns/pid", mounted], check=True)
    try:
        scanner = scan.Scanner()
        assert look(scanner)[middle_key]["held_by"] == []
        population.kill(middle)
        after = look(scanner)
        assert after[inner_key]["parent"] == middle_key[1]
        assert after[inner_key]["names"] == [str(mounted)]
        assert after[middle_key]["held_by"] == [{"kind": "child", "path": f"pid:[{inner_key[1]}]"}]
        assert after[middle_key]["parent"] == inode(namespace(os.getpid(), "pid"))
        assert look()[middle_key] == after[middle_key]
    finally:
        subprocess.run(["umount", mounted], check=True)
    gone = look(scanner)
    assert middle_key not in gone and inner_key not in gone


def _descendant(pid: int, argument: str) -> int:
    found: list[int] = []

    def ready() -> bool:
        below, seen = [pid], []
        while below:
            seen.append(below.pop())
            below += map(int, Path(f"/proc/{seen[-1]}/task/{seen[-1]}/children").read_text().split())
        found[:] = [p for p in seen if command_line(p) == ["/bin/sleep", argument]]
        return bool(found)

    wait_until(ready, 10, "the inner process")
    return found[0]


def test_owner_and_parent_are_those_that_lsns_shows(population: Population) -> None:
    population.process("user", "net", "pid", options=["--map-root-user"])
    population.process("user", options=["--map-root-user", "unshare", "--user", "--map-root-user", "--ipc"])
    listed = lsns()
    found = look()
    compared = 0
    for line in listed:
        record = found.get((line["type"], line["ns"]))
        if record is None:
            continue  # of lsns itself
        assert (record["parent"] or 0) == (line["pns"] or 0), line
        if line["type"] != "user" or record["owner"]:
            assert record["owner"] == line["ons"], line
        compared += 1
    assert compared >= len(KINDS) + 3 or not listed


def test_who_made_a_user_namespace(population: Population) -> None:
    pid = population.process("user", command=["/bin/sleep", "9997"])
    assert look()[key(pid, "user")]["owner_uid"] == os.geteuid()


@pytest.mark.parametrize("held", ["process", "mount"])
def test_an_inode_used_again_is_a_new_namespace(workspace: Workspace, held: str) -> None:
    """The kernel gives the number of a namespace that has ended to the next: in one delta it is gone and new."""
    scanner = scan.Scanner()
    mounted = workspace.root / "reused"
    mounted.touch()
    for _ in range(200):
        first, end = _namespace(mounted if held == "mount" else None)
        old = scanner.look()
        end()
        second, end = _namespace(mounted if held == "mount" else None)
        new = scanner.look()
        end()
        if first == second:
            break
    else:
        pytest.fail("no inode was used again")
    before, after = old["namespaces"]["uts", first], new["namespaces"]["uts", first]
    assert None not in (before["id"], after["id"])
    assert before["id"] != after["id"]
    changes = main.differences(old, new)
    assert ("uts", first) in changes["namespaces_gone"]
    assert after in changes["namespaces"]


def _namespace(mounted: Path | None) -> tuple[int, Any]:
    """A uts namespace held by a process, or by a mount alone: its inode, and what ends it."""
    if mounted:
        subprocess.run(["unshare", f"--uts={mounted}", "true"], check=True)
        return os.stat(mounted).st_ino, lambda: subprocess.run(["umount", mounted], check=True)
    process = subprocess.Popen(["unshare", "--uts", "sh", "-c", "echo; exec sleep 99"], stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline()

    def end() -> None:
        process.kill()
        process.communicate()

    return inode(namespace(process.pid, "uts")), end


def test_a_namespace_that_goes_on_is_not_gone_when_all_its_first_members_are(population: Population) -> None:
    first = population.process("uts")
    scanner = scan.Scanner()
    second = population.joined(first, "uts")
    old = scanner.look()
    population.kill(first)
    new = scanner.look()
    this = key(second, "uts")
    assert old["namespaces"][this]["id"] == new["namespaces"][this]["id"]
    changes = main.differences(old, new)
    assert any(changes.values()) and this not in changes["namespaces_gone"]
    # .. nor when those of then and those of now have nobody in common
    third = population.joined(second, "uts")
    population.kill(second)
    last = scanner.look()
    assert key(third, "uts") == this
    changes = main.differences(new, last)
    assert any(changes.values()) and this not in changes["namespaces_gone"]
    assert last["namespaces"][this]["id"] == new["namespaces"][this]["id"]


def test_at_the_edge_of_view_what_is_above_is_said_to_be_out_of_it() -> None:
    boot = "import sys; sys.path.insert(0, sys.argv[1]); from nsview.agent.main import main; main(['--once'])"
    inside = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    done = subprocess.run(
        [*inside, sys.executable, "-I", "-S", "-c", boot, str(ROOT)], check=True, capture_output=True, timeout=60
    )
    frame = json.loads(done.stdout.splitlines()[1])
    edge = {n["type"]: n["out_of_view"] for n in frame["namespaces"] if not n["initial"]}
    assert edge["pid"] == ["parent"]
    assert edge["user"] == ["owner", "parent"]
    assert not any(n["out_of_view"] for n in look().values())
