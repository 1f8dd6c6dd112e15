"""What an ordinary user, or a /proc that hides processes, keeps nsview from seeing is not known: nowhere is it none.

Compared with what the same commands say to root, with lsns(8), and with the links that such a user can read.
"""

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from nsview.agent import outside
from nsview.agent.protocol import Namespaces
from nsview.model import audit

from .population import ZOMBIE, Population
from .user import AS_NOBODY, NOBODY, User
from .workspace import Workspace, wait_until

NO_PTRACE = ("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace")
CLAIMS = re.compile(r"\b0 process|no process(?! visible| that can be seen)|nobody else(?! that)|orphan|without a proc")


def proc_with(option: str) -> tuple[str, ...]:
    """Runs what follows in a mount namespace of its own, where /proc hides processes."""
    return ("unshare", "--mount", "sh", "-c", f'mount -t proc -o {option} proc /proc && exec "$@"', "sh")


SIGHTS = {
    "nobody": AS_NOBODY,
    "hidepid=1": (*proc_with("hidepid=1"), *AS_NOBODY),
    "hidepid=2": (*proc_with("hidepid=2"), *AS_NOBODY),
    "hidepid=4": (*proc_with("hidepid=4"), *AS_NOBODY),
    "root without SYS_PTRACE": NO_PTRACE,
    "hidepid=2, root without SYS_PTRACE": (*proc_with("hidepid=2,gid=12345"), *NO_PTRACE),
    "a pid namespace": ("unshare", "--pid", "--fork", "--mount-proc"),
}


class Blue:
    """A named net namespace in which a process of root's is, and one in which none is."""

    def __init__(self, people: Population, names: tuple[str, str]) -> None:
        self.names = names
        self.lived_in, self.empty = (os.stat(f"/run/netns/{name}").st_ino for name in names)
        self.pid = people.process(command=["nsenter", f"--net=/run/netns/{names[0]}", "/bin/sleep", "9999"])
        wait_until(lambda: os.stat(f"/proc/{self.pid}/ns/net").st_ino == self.lived_in, 10, "nsenter")


@pytest.fixture
def blue(workspace: Workspace, population: Population) -> Iterator[Blue]:
    names = f"un-{os.getpid()}-a", f"un-{os.getpid()}-b"
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        yield Blue(population, names)
    finally:
        population.clear()
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=True)


def nsview(user: User, before: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
    done = user.run(*before, *user.python, "-m", "nsview", *arguments)
    assert "Traceback" not in done.stderr and done.returncode in (0, 1, 3), done.stderr
    return done


def by_root(*arguments: str) -> Any:
    words = [sys.executable, "-m", "nsview", *arguments, "--json"]
    return json.loads(subprocess.run(words, capture_output=True, check=False).stdout)


@pytest.mark.parametrize("before", SIGHTS.values(), ids=SIGHTS)
def test_nothing_is_called_empty_that_may_not_be(user: User, blue: Blue, before: tuple[str, ...]) -> None:
    """Both are seen, for they are mounted; neither is said to be without processes, or to be deleted."""
    said = [nsview(user, before, "list").stdout, nsview(user, before, "list", "nets").stdout]
    said += [nsview(user, before, "inspect", f"net:{inode}").stdout for inode in (blue.lived_in, blue.empty)]
    for text in said:
        assert text and not CLAIMS.search(text), CLAIMS.search(text)
    for inode in (blue.lived_in, blue.empty):
        (line,) = [line for line in said[0].splitlines() if f" {inode} " in line]
        assert line.split()[2] == "?", line
    assert "no process visible to you" in said[1]


@pytest.mark.parametrize("before", SIGHTS.values(), ids=SIGHTS)
def test_the_json_has_null_where_root_sees_more(user: User, blue: Blue, before: tuple[str, ...]) -> None:
    seen = json.loads(nsview(user, before, "list", "namespaces", "--json").stdout)["namespaces"]
    all_there_is = {(n["type"], n["inode"]): n for n in by_root("list", "namespaces")["namespaces"]}
    assert {blue.lived_in, blue.empty} <= {n["inode"] for n in seen}
    for namespace in seen:
        assert namespace["nprocs"] is None and namespace["nprocs_at_least"] == len(namespace["pids"])
    assert all_there_is["net", blue.lived_in]["nprocs"] == 1


@pytest.mark.parametrize("before", SIGHTS.values(), ids=SIGHTS)
def test_the_audit_advises_nothing_that_goes_by_who_is_not_there(
    user: User, blue: Blue, before: tuple[str, ...]
) -> None:
    done = nsview(user, before, "audit", "--json")
    printed = json.loads(done.stdout)
    assert "orphaned-net" not in {finding["rule"] for finding in printed["findings"]}
    assert [line for line in printed["unchecked"] if " orphaned-net" in line]
    assert " orphaned-net" in done.stderr
    assert f"net:{blue.empty}" in {f["subject"] for f in by_root("audit")["findings"] if f["rule"] == "orphaned-net"}


def test_numbers_are_never_more_than_lsns_counts(user: User, blue: Blue, population: Population) -> None:
    """lsns(8) as root counts all; as nobody it counts those alone that nobody sees, and says so as if they were all."""
    mine = population.process("uts", command=[*AS_NOBODY, "/bin/sleep", "9999"])
    wait_until(lambda: os.stat(f"/proc/{mine}").st_uid == NOBODY, 10, "setpriv")
    uts = os.stat(f"/proc/{mine}/ns/uts").st_ino
    # It fails where a process ends while it looks, and prints nevertheless.
    listed = json.loads(subprocess.run(["lsns", "-J", "-o", "NS,NPROCS"], capture_output=True, check=False).stdout)
    of_lsns = {int(row["ns"]): int(row["nprocs"]) for row in listed["namespaces"]}
    seen = {n["inode"]: n for n in user.printed("list", "namespaces")["namespaces"]}
    assert seen[uts]["nprocs_at_least"] == of_lsns[uts] == 1
    for inode in seen.keys() & of_lsns.keys():
        # Processes come and go between the two; those of nobody are few.
        assert seen[inode]["nprocs_at_least"] <= of_lsns[inode] + 5
    (line,) = [line for line in user.nsview("list").stdout.splitlines() if f" {uts} " in line]
    assert line.split()[2:4] == ["≥", "1"]
    assert "nobody else seen" in user.nsview("inspect", str(mine)).stdout


@pytest.mark.parametrize(("gid", "hides"), [("12345", True), ("0", False)])
def test_the_group_that_proc_shows_all_to(user: User, gid: str, hides: bool) -> None:
    """Root's, where the mount names none: with hidepid=2 its members see all, and with hidepid=4 they do not."""
    member = ("setpriv", f"--reuid={NOBODY}", f"--regid={gid}", "--clear-groups", "--no-new-privs")
    for option, expected in (("hidepid=2", hides), ("hidepid=4", True)):
        host = json.loads(nsview(user, (*proc_with(option), *member), "list", "processes", "--json").stdout)["host"]
        shown = user.run(*proc_with(option), *member, "test", "-d", "/proc/1").returncode == 0
        assert (host["hides_processes"], any("/proc hides" in note for note in host["notes"])) == (expected, expected)
        assert shown is not expected


def proven(pid: int | str, *witnesses: int | str) -> Namespaces:
    fd = os.open(f"/proc/{pid}", os.O_PATH)
    try:
        return outside.shared(fd, witnesses)
    finally:
        os.close(fd)


def test_no_namespace_is_proven_by_a_witness_that_is_in_another(population: Population) -> None:
    """Of processes protected from root too; here of some that are not, so that the links tell whether it is true."""
    kinds = {"net": "net", "mnt": "mnt", "pid": "pid", "uts": ""}
    pids: dict[str, int | str] = {"self": "self", **{kind: population.process(kind) for kind in kinds}}
    for (a, subject), (b, witness) in itertools.permutations(pids.items(), 2):
        found = proven(subject, witness)
        assert found.keys() == {"net", "mnt", "pid"} - {kinds.get(a), kinds.get(b)}, (a, b)
        assert all(os.stat(f"/proc/{subject}/ns/{kind}").st_ino == inode for kind, inode in found.items()), (a, b)
    # Each is a witness of the namespaces that it is in: two together prove all.
    together = proven("self", pids["net"], pids["mnt"], pids["pid"])
    assert together == {kind: os.stat(f"/proc/self/ns/{kind}").st_ino for kind in ("net", "mnt", "pid")}


def test_an_exited_witness_proves_nothing(population: Population) -> None:
    pid = population.process("uts")
    assert proven("self", pid).keys() == {"net", "mnt", "pid"}
    population.clear()
    assert proven("self", pid) == {}


def test_many_named_net_namespaces_are_one_finding(workspace: Workspace) -> None:
    names = [f"un-{os.getpid()}-{number}" for number in range(audit.MANY + 5)]
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
        words = [sys.executable, "-m", "nsview", "audit", "--filter", f"un-{os.getpid()}"]
        said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        # Another nsview that reads net namespaces is in one for a moment.
        number = re.search(r"(\d+) named net namespaces without processes: un-", said)
        assert number and audit.MANY < int(number[1]) <= len(names), said
        assert said.count("[orphaned-net]") == 1
        printed = by_root("audit", "--filter", f"un-{os.getpid()}")
        found = {finding["name"] for finding in printed["findings"]}
        assert found <= set(names) and [group["number"] for group in printed["grouped"]] == [len(found)]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)


def test_root_sees_all_whatever_proc_hides(user: User, blue: Blue) -> None:
    for before in ((), proc_with("hidepid=2"), ("unshare", "--pid", "--fork")):
        listed = json.loads(nsview(user, before, "list", "namespaces", "--json").stdout)
        assert not listed["host"]["hides_processes"]
        assert {n["inode"]: n["nprocs"] for n in listed["namespaces"]}[blue.empty] == 0


def test_a_process_that_ptraceable_hides_from_root_too_is_not_taken_for_none(user: User, blue: Blue) -> None:
    """A process may be protected from root; the first one is there, whether /proc shows it or not."""
    before = proc_with("hidepid=4")
    shown = user.run(*before, "test", "-e", "/proc/1").returncode == 0
    listed = json.loads(nsview(user, before, "list", "namespaces", "--json").stdout)
    assert listed["host"]["hides_processes"] is not shown
    assert any("root may not trace" in note for note in listed["host"]["notes"]) is not shown
    counted = {n["inode"]: n["nprocs"] for n in listed["namespaces"]}
    assert counted[blue.empty] == (0 if shown else None)


_DEAD_LEADER = """
import ctypes, os, sys, threading, time
threading.Thread(target=time.sleep, args=(9999,)).start()
print(os.getpid(), flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_zombie_is_told_from_what_may_not_be_read(user: User) -> None:
    """It has given up what it was in; a process whose first thread alone has ended has not."""
    started = []
    try:
        for code in (ZOMBIE, _DEAD_LEADER):
            started.append(subprocess.Popen([sys.executable, "-ISc", code], stdout=subprocess.PIPE, text=True))
        zombie, leader = (int(one.stdout.readline()) for one in started if one.stdout)
        wait_until(lambda: _state(leader) == "Z", 10, "pthread_exit")
        processes = {p["pid"]: p for p in user.printed("list", "processes")["processes"]}
        assert (processes[zombie]["state"], processes[zombie]["unreadable"]) == ("Z", "ENOENT")
        assert (processes[leader]["state"], processes[leader]["unreadable"]) == ("Z", "EACCES")
    finally:
        for one in started:
            one.kill()
            one.communicate()


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def test_a_difference_says_that_what_is_gone_may_be_what_was_not_seen(user: User, workspace: Workspace) -> None:
    recording = str(workspace.root / "unseen.jsonl")
    subprocess.run([sys.executable, "-m", "nsview", "record", recording, "--seconds", "0.5"], check=True, stderr=-3)
    os.chmod(recording, 0o644)
    try:
        said = user.nsview("diff", recording, "now").stderr
        assert re.search("not all could be read in .*now", said)
    finally:
        os.unlink(recording)
