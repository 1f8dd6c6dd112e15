"""Two processes side by side."""

import msgspec
import pytest

from nsview import report
from nsview.model.compare import Capability, Comparison, compare, held, id_map, mounted
from nsview.model.contents import Cgroup, Contents, Resource
from nsview.model.records import Capabilities, Details, Namespace, Process
from nsview.model.security import Facts, PathMount, Security, mask
from nsview.model.snapshot import Snapshot
from tests.unit.make import HOST_INODE, container, host, process

from .test_audit import APART, PROC, ROOT, SYS, WHOLE, facts

DAEMON = process(2, 1, comm="dockerd")
SHIM_A, SHIM_B = process(3, 1, comm="containerd-shim"), process(4, 1, comm="containerd-shim")
A = process(5, 3, mnt=11, net=15, nspid=(5, 1), container="docker:a", cgroup="/docker/a")
B = process(6, 4, mnt=21, net=15, nspid=(6, 1), container="docker:b", cgroup="/docker/b")


def served() -> Snapshot:
    """Two containers of one daemon, whose shims are children of pid 1; they share net."""
    containers = [
        container("a", [5], shim_pid=3, daemon_pid=2), container("b", [6], shim_pid=4, daemon_pid=2),
    ]  # fmt: skip
    return host(process(1, 0), DAEMON, SHIM_A, SHIM_B, A, B, containers=containers)


def compared(a: Security | None, b: Security | None) -> Comparison:
    return compare(served(), A, B, Facts({s.pid: s for s in (a, b) if s}))


def test_ways_part_at_the_daemon_that_both_shims_serve() -> None:
    found = compared(None, None)
    assert found.parted == DAEMON
    assert [link.process.pid for link in found.common] == [1, 2]
    assert [(link.process.pid, link.link) for link in found.way_a] == [(3, "serves"), (5, "parent")]
    assert [(link.process.pid, link.link) for link in found.way_b] == [(4, "serves"), (6, "parent")]


def test_one_may_descend_from_the_other_or_from_nothing_in_common() -> None:
    at = served()
    below = compare(at, DAEMON, A, Facts())
    assert (below.parted, below.way_a) == (DAEMON, ())
    apart = host(process(1, 0), process(9, 0))
    none = compare(apart, apart.processes[1], apart.processes[9], Facts())
    assert (none.parted, none.common) == (None, ())


def test_namespaces_are_the_same_different_or_not_known() -> None:
    at = served()
    unread = msgspec.structs.replace(B, namespaces=msgspec.structs.replace(B.namespaces, ipc=None))
    at.namespaces[("mnt", 11)] = Namespace("mnt", 11, 4, owner=HOST_INODE)  # type: ignore[index]
    found = {n.kind: n for n in compare(at, A, unread, Facts()).namespaces}
    assert {kind: n.same for kind, n in found.items()} == {
        "mnt": False, "uts": True, "ipc": None, "pid": True, "net": True, "user": True, "cgroup": True, "time": True,
    }  # fmt: skip
    assert (found["mnt"].a, found["mnt"].b, found["mnt"].owner_a) == (11, 21, HOST_INODE)
    assert (found["uts"].host_a, found["mnt"].host_a) == (True, False)


def test_capabilities_of_one_of_the_other_and_of_both() -> None:
    def some(*names: str) -> Capabilities:
        return Capabilities(mask(*names), 0, 0, 0, 0)

    found = compared(
        facts(5, capabilities=some("CHOWN", "SYS_ADMIN")), facts(6, capabilities=some("CHOWN", "KILL"))
    ).capabilities
    effective = next(c for c in found if c.set == "effective")
    assert (effective.only_a, effective.only_b, effective.both) == (("SYS_ADMIN",), ("KILL",), ("CHOWN",))
    assert effective.same is False
    assert {c.same for c in found if c.set != "effective"} == {True}
    assert compared(None, facts(6)).capabilities == ()


def test_values_in_words() -> None:
    found = compared(facts(5), facts(6, seccomp=0, no_new_privs=True, uid_map=APART, gid_map=APART))
    values = {v.name: (v.a, v.b, v.same) for v in found.values}
    assert values["seccomp"] == ("filter", "off", False)
    assert values["no_new_privs"] == ("no", "yes", False)
    assert values["uid_map"] == ("0-4294967294 → 0", "0-65535 → 100000", False)
    assert values["container"] == ("a", "b", False)
    assert values["cgroup path"] == ("/docker/a", "/docker/b", False)
    assert values["runs as"] == ("root (0)", "root (0)", True)
    assert values["label"][2] is True
    one_unknown = {v.name: v for v in compared(facts(5), None).values}
    assert (one_unknown["seccomp"].a, one_unknown["seccomp"].b, one_unknown["seccomp"].same) == ("filter", None, None)


def test_mounts_of_one_of_the_other_and_with_other_options() -> None:
    data = PathMount("/data", "/srv", "8:1", "ext4", "/dev/sda1", ("rw",), ("rw",), "/srv")
    read_only = msgspec.structs.replace(data, options=("ro",))
    other_root = msgspec.structs.replace(ROOT, device="0:77")
    another_proc = msgspec.structs.replace(PROC, device="0:78")
    found = compared(facts(5, mounts=(ROOT, PROC, SYS, data)), facts(6, mounts=(other_root, another_proc, read_only)))
    assert found.mounts is not None
    assert [(m.point, m.a is not None, m.b is not None) for m in found.mounts] == [
        ("/", True, True), ("/data", True, True), ("/sys", True, False),
    ]  # fmt: skip
    assert found.mounts_alike == 1, "each has a /proc of its own, which is the same thing"
    assert compared(facts(5), facts(6, mounts=None)).mounts is None


def test_words_for_mounts_and_maps() -> None:
    assert mounted(None) == "-"
    assert mounted(ROOT) == "overlay /var/lib/docker/overlay2/x/merged rw,relatime"
    assert mounted(PROC) == "proc proc rw,nosuid,nodev,noexec"
    assert id_map(()) == "none"
    assert id_map(((0, 1000, 1), (1, 100000, 65536))) == "0 → 1000, 1-65536 → 100000"
    assert id_map(WHOLE) == "0-4294967294 → 0"


def test_a_mount_of_one_cgroup_is_the_same_whosever_that_is() -> None:
    """As the host's own, seen by a process in the root of the hierarchy and by one that is not."""
    there = PathMount("/sys/fs/cgroup", "/", "0:26", "cgroup2", "cgroup", ("rw",), ("rw",))
    own = [msgspec.structs.replace(there, root=p.cgroup) for p in (A, B)]
    for mounts in ((there, there), own):
        found = compared(*(facts(p.pid, mounts=(mount,)) for p, mount in zip((A, B), mounts, strict=True)))
        assert (found.mounts, found.mounts_alike) == ((), 1)
    at = host(process(1, 0), msgspec.structs.replace(A, cgroup="/"), B)
    found = compare(at, at.processes[5], B, Facts({pid: facts(pid, mounts=(there,)) for pid in (5, 6)}))
    assert (found.mounts, found.mounts_alike) == ((), 1)


def test_a_set_of_capabilities_says_what_is_held_not_only_what_differs() -> None:
    more = Capability("effective", ("SYS_ADMIN",), (), ("CHOWN", "KILL"))
    assert (held(more.only_a, more), held(more.only_b, more)) == ("the 2 of both, SYS_ADMIN", "the 2 of both")
    apart = Capability("effective", ("SYS_ADMIN",), (), ())
    assert (held(apart.only_a, apart), held(apart.only_b, apart)) == ("SYS_ADMIN", "none")
    same = Capability("effective", (), (), ("CHOWN",))
    assert held((), same) == "1 the same" and held((), Capability("ambient", (), (), ())) == "none"


def test_the_columns_are_headed_by_whose_they_are() -> None:
    snapshot = served()
    told = report.comparison(compare(snapshot, A, B, Facts()))
    assert f"A 5 {A.comm} (a)" in told and f"B 6 {B.comm} (b)" in told


def test_limits_images_and_commands_are_compared() -> None:
    def details(of: Process, **limits: Resource) -> Details:
        contents = Contents(cgroup=Cgroup(of.cgroup, None, 2, **limits))
        unread = None, None, None, 1, 0, (), False, False, False, (), None, None
        return Details(of.pid, of.start, *unread, contents=contents)

    own = Resource(64 << 20, "/docker/a", 1.0), Resource(0.5, "/docker", None), Resource(None, None, 3.0)
    known = [details(A, memory=own[0], cpu=own[1], pids=own[2]), details(B, pids=Resource(77, "/docker/b", 3.0))]
    found = {v.name: (v.a, v.b, v.same) for v in compare(served(), A, B, Facts(), known).values}
    assert found["memory limit"] == ("64M", "none", False)
    assert found["cpu limit"] == ("0.5 of a processor, of /docker", "none", False)
    assert found["pids limit"] == ("none", "77", False)
    assert found["image"] == (None, None, None) and found["command"] == (A.command, B.command, A.command == B.command)
    out_of_view = {v.name: v for v in compare(served(), A, B, Facts(), [known[0], details(B)]).values}
    assert out_of_view["memory limit"].b is None and "memory limit" not in {v.name for v in compared(None, None).values}


@pytest.mark.parametrize("width", range(60, 240, 7))
def test_the_sides_share_the_width_by_need(width: int) -> None:
    """No cell is cut while the line has room for it, and neither side is cut for the other's sake alone."""
    data = PathMount("/data", "/", "8:1", "ext4", "/dev/" + "d" * 90, ("rw",), ("rw",), None)
    wide = compared(facts(5, mounts=(ROOT, data)), facts(6, mounts=(ROOT,)))
    long = compare(served(), A, msgspec.structs.replace(B, cmdline=("b" * 90,)), Facts())
    for found, side in ((wide, "d" * 90), (long, "b" * 90)):
        whole, printed = report.comparison(found), report.comparison(found, width)
        assert max(map(len, printed.splitlines()[2:])) <= width
        fits = max(map(len, whole.splitlines()[2:])) <= width
        assert ("…" in printed) is not fits and (side in printed) >= fits
        if not fits:
            assert max(map(len, printed.splitlines()[2:])) == width, "room is left"
