"""What is said to be new, gone or moved between two snapshots, in the model and by `nsview diff`."""

from collections.abc import Iterable

from msgspec.structs import replace

from nsview import report
from nsview.hosts.recording import RecordedHost, demo
from nsview.model import export
from nsview.model.changes import changes
from nsview.model.records import Container, Process
from nsview.model.snapshot import Snapshot

from ..make import container, host, process


def snapshots() -> tuple[Snapshot, Snapshot]:
    """The demo's host, and the same one where one process has gone, one is new, one moved, one's pid was reused."""
    before = RecordedHost(demo()).first()
    gone, moved, reused = sorted(before.processes)[-3:]
    processes = dict(before.processes)
    del processes[gone]
    process = processes[moved]
    processes[moved] = replace(process, namespaces=replace(process.namespaces, net=1))
    processes[reused] = replace(processes[reused], start=processes[reused].start + 1)
    processes[999999] = replace(process, pid=999999)
    containers = dict(before.containers)
    del containers[next(iter(containers))]
    return before, replace(before, processes=processes, containers=containers)


def test_new_gone_moved_and_reused_pids() -> None:
    before, after = snapshots()
    gone, moved, reused = sorted(before.processes)[-3:]
    happened = changes(before, after)
    assert {process.pid for process in happened.gone} == {gone, reused}
    assert {process.pid for process in happened.new} == {999999, reused}
    assert [(old.pid, new.namespaces.net) for old, new in happened.moved] == [(moved, 1)]
    assert not changes(after, after)


def test_the_json_of_diff_has_what_the_contract_names() -> None:
    before, after = snapshots()
    difference = export.difference(before, after)
    assert difference["schema"] == 1
    assert {table: sorted(changes) for table, changes in difference.items() if table != "schema"} == {
        "namespaces": ["gone", "new"],
        "processes": ["gone", "moved", "new"],
        "containers": ["gone", "new"],
    }
    assert [len(difference["containers"][change]) for change in ("gone", "new")] == [1, 0]
    assert len(difference["processes"]["moved"]) == 1


def test_the_lines_of_diff_name_each_change() -> None:
    before, after = snapshots()
    lines = report.difference(export.difference(before, after)).splitlines()
    assert sorted(line[0] for line in lines) == sorted("---++~")
    container = next(iter(before.containers.values()))
    alone = replace(before, namespaces={}, processes=before.processes)
    gone = report.difference(export.difference(before, alone)).splitlines()
    inode = before.processes[container.pids[0]].namespaces.mnt
    assert any(line.startswith(f"- namespace mnt:[{inode}]  ") and container.name in line for line in gone)
    assert report.difference(export.difference(after, after)) == "no difference"


def test_a_reused_inode_is_one_namespace_gone_and_one_new() -> None:
    before, _ = snapshots()
    key, namespace = next((k, n) for k, n in before.namespaces.items() if n.id is not None and not n.initial)
    after = replace(before, namespaces={**before.namespaces, key: replace(namespace, id=(namespace.id or 0) + 1)})
    found = export.difference(before, after)["namespaces"]
    assert [record["inode"] for record in found["gone"]] == [record["inode"] for record in found["new"]] == [key[1]]


def test_a_namespace_whose_id_was_not_known_once_is_neither_gone_nor_new() -> None:
    """An ordinary user may not open what only a mount holds."""
    before, _ = snapshots()
    unknown = {key: replace(namespace, id=None) for key, namespace in before.namespaces.items()}
    for pair in ((before, replace(before, namespaces=unknown)), (replace(before, namespaces=unknown), before)):
        assert export.difference(*pair)["namespaces"] == {"gone": [], "new": []}


def other(*processes: Process, containers: Iterable[Container] = ()) -> Snapshot:
    """A snapshot of another host."""
    found = host(*processes, containers=containers)
    return replace(found, host=replace(found.host, name="other", boot_id="another"))


def shim(id: str) -> tuple[str, ...]:
    return ("containerd-shim", "-id", id * 64)


def test_two_hosts_are_compared_by_names_images_and_commands() -> None:
    one = host(
        process(5, comm="shim", cmdline=shim("a")), process(6, comm="nginx", cmdline=("nginx", "-g"), net=7),
        process(9, comm="cron", cmdline=("cron",)), process(8, comm="kworker/0:1", kthread=True, cmdline=()),
        containers=[container("a", [6], name="web", image="shop/web:1"), container("b", name="job")],
    )  # fmt: skip
    two = other(
        process(70, comm="shim", cmdline=shim("b")), process(80, comm="nginx", cmdline=("nginx", "-g"), net=99),
        process(81, comm="nginx", cmdline=("nginx", "-g"), net=99),
        containers=[container("c", [80, 81], name="web", image="shop/web:1"), container("d", name="job", image="x")],
    )  # fmt: skip
    one = replace(one, processes={p.pid: replace(p, container="docker:a" if p.pid == 6 else None)
                                  for p in one.processes.values()})  # fmt: skip
    two = replace(two, processes={p.pid: replace(p, container="docker:c" if p.pid >= 80 else None)
                                  for p in two.processes.values()})  # fmt: skip
    found = export.difference(one, two)
    assert [record["pid"] for record in found["processes"]["gone"]] == [9]
    assert [record["pid"] for record in found["processes"]["new"]] == [81], "of several alike each has one counterpart"
    assert [record["name"] for record in found["containers"]["gone"]] == ["job"]
    assert [record["image"] for record in found["containers"]["new"]] == ["x"]
    assert found["namespaces"] == {"gone": [], "new": []}
    assert found["processes"]["moved"] == []
    alone = export.difference(one, replace(two, namespaces={}, containers={}, processes={}))
    assert [(n["inode"], n["containers"]) for n in alone["namespaces"]["gone"] if not n["initial"]] == [(7, ["web"])]
