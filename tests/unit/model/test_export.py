"""`--json` has every field that the command line promises, of the type that it promises."""

import json
from types import NoneType
from typing import Any

from nsview.model import export
from nsview.model.filter import narrow, parse
from nsview.model.records import Holder, Namespace, Namespaces, Pod
from nsview.model.snapshot import Snapshot
from tests.unit.make import container, host, process

INT, TEXT, MAYBE_INT, MAYBE_TEXT = (int,), (str,), (int, NoneType), (str, NoneType)

LISTING = {"schema": INT, "host": (dict,), "taken_at": (float, int), "namespaces": (list,), "processes": (list,),
           "containers": (list,), "unreadable": (dict,)}  # fmt: skip
HOST = {"name": TEXT, "kernel": TEXT, "boot_id": TEXT, "uid": INT, "privileged": (bool,), "nsview": TEXT}
NAMESPACE = {"type": TEXT, "inode": INT, "device": INT, "id": MAYBE_INT, "initial": (bool,), "owner": MAYBE_INT,
             "parent": MAYBE_INT, "nprocs": MAYBE_INT, "nprocs_at_least": INT, "pids": (list,), "names": (list,),
             "held_by": (list,)}  # fmt: skip
HOLDER = {"kind": TEXT, "pid": MAYBE_INT, "fd": MAYBE_INT, "path": MAYBE_TEXT}
PROCESS = {"pid": INT, "ppid": INT, "start": INT, "uid": INT, "user": TEXT, "state": TEXT, "comm": TEXT,
           "cmdline": (list,), "nspid": (list,), "namespaces": (dict,), "container": MAYBE_TEXT,
           "unreadable": MAYBE_TEXT}  # fmt: skip
CONTAINER = {"key": TEXT, "id": TEXT, "name": TEXT, "runtime": TEXT, "engine_namespace": MAYBE_TEXT,
             "image": MAYBE_TEXT, "pod": (dict, NoneType), "role": TEXT, "init_pid": MAYBE_INT, "pids": (list,),
             "shim_pid": MAYBE_INT, "witness": TEXT}  # fmt: skip
POD = {"name": TEXT, "namespace": TEXT, "uid": TEXT}


def holds(promised: dict[str, tuple[type, ...]], printed: dict[str, Any]) -> bool:
    """Every promised field is there, of its type; there may be more."""
    assert promised.keys() <= printed.keys()
    for field, types in promised.items():
        assert type(printed[field]) in types, f"{field}: {printed[field]!r}"
    return True


def printed(value: object) -> Any:
    """As whoever reads the JSON gets it."""
    return json.loads(json.dumps(value))


def snapshot() -> Snapshot:
    web = container("web", [2], pod=Pod("p", "ns", "u"), image="i", shim_pid=1)
    made = host(
        process(1, 0),
        process(2, net=7, container=web.key),
        process(3, namespaces=Namespaces(pid=1, user=1), unreadable="ENOENT", state="Z"),
        process(4, namespaces=Namespaces(), unreadable="EACCES"),
        containers=[web],
    )
    blue = Namespace("net", 9, 4, names=("/run/netns/blue",), held_by=(Holder("mount", path="/run/netns/blue"),))
    return Snapshot(made.host, 1.5, made.processes, {**made.namespaces, blue.key: blue}, made.containers)


def test_the_whole_listing() -> None:
    listing = printed(export.listing(snapshot(), snapshot()))
    assert holds(LISTING, listing) and holds(HOST, listing["host"])
    assert listing["schema"] == 1
    assert all(holds(NAMESPACE, n) and all(holds(HOLDER, h) for h in n["held_by"]) for n in listing["namespaces"])
    assert all(holds(PROCESS, p) for p in listing["processes"])
    assert all(holds(CONTAINER, c) and holds(POD, c["pod"]) for c in listing["containers"])
    assert listing["unreadable"] == {"processes": 2, "reasons": {"EACCES": 1, "ENOENT": 1}}


def test_a_table_alone_has_the_head_and_nothing_of_the_others() -> None:
    for table in export.TABLES:
        listing = export.listing(snapshot(), snapshot(), (table,))
        assert {"schema", "host", "taken_at", "unreadable", table} <= listing.keys()
        assert not listing.keys() & (set(export.TABLES) - {table})


def test_namespaces_come_by_kind_in_the_usual_order() -> None:
    types = [n["type"] for n in export.listing(snapshot(), snapshot())["namespaces"]]
    assert list(dict.fromkeys(types)) == ["mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"]


def test_a_namespace_counts_its_members_and_names_what_else_holds_it() -> None:
    listing = printed(export.listing(snapshot(), snapshot()))
    net = {n["inode"]: n for n in listing["namespaces"] if n["type"] == "net"}
    assert (net[7]["nprocs_at_least"], net[7]["pids"], net[7]["initial"]) == (1, [2], False)
    assert net[7]["nprocs"] is None, "where 4 is could not be read"
    assert net[7]["held_by"] == [{"kind": "process", "pid": 2, "fd": None, "path": None}]
    assert (net[9]["nprocs"], net[9]["nprocs_at_least"], net[9]["names"]) == (None, 0, ["/run/netns/blue"])
    assert net[9]["held_by"] == [{"kind": "mount", "pid": None, "fd": None, "path": "/run/netns/blue"}]
    assert (net[1]["initial"], net[1]["pids"]) == (True, [1])


def test_a_process_has_only_the_namespaces_that_could_be_read() -> None:
    listing = printed(export.listing(snapshot(), snapshot()))
    by_pid = {p["pid"]: p for p in listing["processes"]}
    assert by_pid[3]["namespaces"] == {"pid": 1, "user": 1}
    assert (by_pid[4]["namespaces"], by_pid[4]["unreadable"]) == ({}, "EACCES")
    assert set(by_pid[2]["namespaces"]) == {"mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"}


def test_a_narrowed_listing_still_counts_all_members_and_all_that_was_unreadable() -> None:
    whole = snapshot()
    listing = export.listing(narrow(whole, parse("p1")), whole)
    assert [p["pid"] for p in listing["processes"]] == [1]
    uts = next(n for n in listing["namespaces"] if n["type"] == "uts")
    assert uts["pids"] == [1, 2]
    assert listing["unreadable"]["processes"] == 2


def test_an_inspected_process_has_its_chain_down_to_itself() -> None:
    whole = snapshot()
    inspected = printed(export.inspected_process(whole, whole.processes[2]))
    assert holds(PROCESS, inspected)
    assert inspected["chain"] == [
        {"pid": 1, "comm": "p1", "link": "parent"}, {"pid": 2, "comm": "p2", "link": "parent"},
    ]  # fmt: skip
