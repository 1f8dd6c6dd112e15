"""Who is in which namespace, with whom, and how a process descends from the top."""

import random

from nsview.model.chain import chain
from nsview.model.kinds import KIND_NAMES, KINDS
from nsview.model.members import kinds_shared_with_host, sharing
from nsview.model.records import Namespaces, Process
from nsview.model.snapshot import all_namespaces, of_kind
from tests.unit.make import HOST_INODE, container, host, process


def crowd(seed: int) -> list[Process]:
    chance = random.Random(seed)
    return [
        process(pid, chance.randrange(pid), **{kind: chance.choice((1, 1, 2, 3, None)) for kind in KIND_NAMES})
        for pid in chance.sample(range(1, 500), 60)
    ]


def test_kinds_are_in_the_order_of_the_table() -> None:
    assert KIND_NAMES == ("mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time")
    assert len({kind.value for kind in KINDS}) == 8


def test_members_are_a_partition_of_all_processes() -> None:
    for seed in range(20):
        processes = crowd(seed)
        snapshot = host(*processes)
        for kind in KIND_NAMES:
            members = snapshot.members(kind)
            assert sorted(pid for pids in members.values() for pid in pids) == sorted(p.pid for p in processes)
            for inode, pids in members.items():
                assert list(pids) == sorted(pids)
                assert all(getattr(snapshot.processes[pid].namespaces, kind) == inode for pid in pids)


def test_those_whose_namespace_could_not_be_read_are_under_none_and_counted() -> None:
    snapshot = host(
        process(1), process(2, namespaces=Namespaces(), unreadable="EACCES"), process(3, net=None, unreadable="ENOENT")
    )
    assert snapshot.members("net") == {HOST_INODE: (1,), None: (2, 3)}
    assert snapshot.unreadable == {"EACCES": 1, "ENOENT": 1}


def test_sharing_names_everybody_in_each_of_the_eight() -> None:
    a, b = container("a", [2, 3]), container("b", [4])
    snapshot = host(
        process(1), process(2, net=7, container=a.key),
        process(3, net=7, container=a.key), process(4, net=7, mnt=8, container=b.key), containers=[a, b],
    )  # fmt: skip
    shared = {s.kind: s for s in sharing(snapshot, snapshot.processes[4])}
    assert tuple(shared) == KIND_NAMES
    assert shared["net"].nprocs == 3
    assert [c.name for c in shared["net"].containers] == ["a", "b"]
    assert not shared["net"].initial
    assert shared["mnt"].nprocs == 1
    assert shared["uts"].initial and shared["uts"].nprocs == 4


def test_an_unreadable_namespace_is_shared_with_nobody() -> None:
    snapshot = host(process(1, net=None), process(2, net=None))
    (net,) = [s for s in sharing(snapshot, snapshot.processes[1]) if s.kind == "net"]
    assert (net.inode, net.nprocs, net.initial) == (None, 0, False)


def test_kinds_are_shared_with_the_host_only_where_known() -> None:
    snapshot = host(process(1), process(2, net=7, mnt=8, time=None))
    assert kinds_shared_with_host(snapshot.processes[2], snapshot) == ("uts", "ipc", "pid", "user", "cgroup")


def test_namespaces_are_listed_by_kind_with_the_hosts_first() -> None:
    snapshot = host(process(1), process(2, net=9, uts=5), process(3, net=4))
    assert [n.inode for n in of_kind(snapshot, "net")] == [HOST_INODE, 4, 9]
    assert [n.type for n in all_namespaces(snapshot)] == sorted(
        (n.type for n in snapshot.namespaces.values()), key=KIND_NAMES.index
    )


def test_chain_goes_from_the_top_to_the_process() -> None:
    snapshot = host(process(1, 0), process(10, 1), process(20, 10))
    assert [(link.process.pid, link.link) for link in chain(snapshot, 20)] == [
        (1, "parent"), (10, "parent"), (20, "parent"),
    ]  # fmt: skip


def test_a_shim_serves_its_daemon_though_its_parent_is_another() -> None:
    web = container("web", [30], shim_pid=20, daemon_pid=10)
    snapshot = host(process(1, 0), process(5), process(10, 5), process(20, 1), process(30, 20), containers=[web])
    assert [(link.process.pid, link.link) for link in chain(snapshot, 30)] == [
        (1, "parent"), (5, "parent"), (10, "parent"), (20, "serves"), (30, "parent"),
    ]  # fmt: skip


def test_a_shim_of_a_dead_daemon_has_its_kernels_parent() -> None:
    web = container("web", [30], shim_pid=20, daemon_pid=10)
    snapshot = host(process(1, 0), process(20, 1), process(30, 20), containers=[web])
    assert [(link.process.pid, link.link) for link in chain(snapshot, 30)] == [
        (1, "parent"), (20, "parent"), (30, "parent"),
    ]  # fmt: skip


def test_a_daemon_that_descends_from_a_shim_is_not_what_it_serves() -> None:
    """A container daemon in a container, by the same socket path as the host's: a ring, were it believed."""
    outer = container("outer", [30], shim_pid=20, daemon_pid=40)
    snapshot = host(process(1, 0), process(20, 1), process(30, 20), process(40, 30), containers=[outer])
    assert snapshot.serves == {}
    assert [link.process.pid for link in chain(snapshot, 40)] == [1, 20, 30, 40]


def test_two_shims_cannot_serve_each_others_daemons() -> None:
    a = container("a", [12], shim_pid=11, daemon_pid=22)
    b = container("b", [22], shim_pid=21, daemon_pid=12)
    snapshot = host(process(1, 0), process(11), process(12, 11), process(21), process(22, 21), containers=[a, b])
    assert snapshot.serves == {11: 22}
    assert [link.process.pid for link in chain(snapshot, 12)] == [1, 21, 22, 11, 12]


def test_a_shim_of_itself_is_none() -> None:
    snapshot = host(process(1, 0), process(2), containers=[container("a", [2], shim_pid=2, daemon_pid=2)])
    assert snapshot.serves == {}


def test_chain_ends_where_parents_go_round_and_is_empty_for_nobody() -> None:
    snapshot = host(process(2, 3), process(3, 2), process(4, 4))
    assert [link.process.pid for link in chain(snapshot, 2)] == [3, 2]
    assert [link.process.pid for link in chain(snapshot, 4)] == [4]
    assert chain(snapshot, 99) == ()


def test_chain_may_be_thousands_deep() -> None:
    snapshot = host(*(process(pid, pid - 1) for pid in range(1, 5001)))
    assert [link.process.pid for link in chain(snapshot, 5000)] == list(range(1, 5001))
