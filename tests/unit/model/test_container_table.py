"""Containers as a table: the columns of a live one, the end of another, pods and projects as groups."""

import pytest
from msgspec.structs import replace

from nsview.model import container_table
from nsview.model.container_table import BY_CPU, COLUMNS, Around, Risk, lines, place, ports_text, shares, with_stopped
from nsview.model.filter import parse
from nsview.model.net import Forward
from nsview.model.records import Pod
from nsview.model.snapshot import Snapshot
from nsview.model.table import Line, ordered, widths
from nsview.model.usage import ContainerNet, ContainerUsage, Engines, HostUsage, Meter, Stopped, Usage, read
from nsview.model.usage_table import fields

from .. import make

HOST = HostUsage(4, (1.5, 0.25, 0.0), 8 << 30, 6 << 30, -100.0, {"cpu": 12.4, "memory": None, "io": 0.2})
USED = ("idle", 0.0, 1 << 20, None), ("busy", 1.5, 60 << 20, 64 << 20), ("middle", 0.3, 2 << 30, 8 << 30)


def measured(*used: tuple[str, float, int, int | None], **fields: object) -> tuple[Snapshot, Meter]:
    """Containers (name, cores, bytes, limit), and two readings a second apart. fields: of each container."""
    snapshot = make.host(
        *(make.process(10 + place, net=2 + place, container=f"docker:{name}") for place, (name, *_) in enumerate(used)),
        containers=[make.container(name, (10 + place,), **fields) for place, (name, *_) in enumerate(used)],
    )

    def reading(clock: float) -> Usage:
        own = tuple(
            ContainerUsage(f"docker:{name}", cores * clock, 0.0, memory, limit, pids=1, read_bytes=0, written_bytes=0)
            for name, cores, memory, limit in used
        )
        return Usage(clock, clock, 0.0, HOST, (), own)

    return snapshot, read(read(Meter(), reading(1.0)), reading(2.0))


def ended(id: str, **fields: object) -> Stopped:
    record: dict[str, object] = {
        "key": f"docker:{id}", "id": id, "name": id, "runtime": "docker", "image": "shop/" + id, "pod": None,
        "project": None, "state": "exited", "exit_code": 0, "oom_killed": False, "finished": -7200.0, "restarts": 0,
        "witness": f"/var/lib/docker/containers/{id}/config.v2.json",
    }  # fmt: skip
    return Stopped(**(record | fields))  # type: ignore[arg-type]


def with_records(meter: Meter, *stopped: Stopped, places: tuple[ContainerNet, ...] = ()) -> Meter:
    return replace(meter, engines=Engines(places, stopped, ()))


def cell(line: Line, title: str) -> str:
    return line.cells[place(title)].text


def names(found: list[Line]) -> list[str]:
    return [line.cells[0].text for line in found]


def test_the_greatest_comes_first_and_the_unknown_last() -> None:
    snapshot, meter = measured(*USED)
    found = lines(snapshot, meter)
    assert [[cell(line, title) for title in ("CPU%", "MEM", "MEM%")] for line in found] == [
        ["150", "60M", "94%"], ["0.0", "1.0M", "-"], ["30", "2.0G", "25%"],
    ]  # fmt: skip
    assert names(ordered(found, BY_CPU, COLUMNS[BY_CPU].falling)) == ["busy", "middle", "idle"]
    assert found[0].cells[place("MEM%")].style == "warning"
    unread = lines(snapshot, Meter())
    assert {cell(line, title) for line in unread for title in ("MEM", "IP", "PORTS", "RISK")} == {"?"}
    assert {cell(line, title) for line in unread for title in ("CPU%", "READ/S")} == {"-"}, "not read twice yet"
    mixed = [replace(unread[0], key="other"), *found]
    assert ordered(mixed, BY_CPU, True)[-1].key == "other"


@pytest.mark.parametrize(
    ("expression", "left"),
    [
        ("cpu>100", ["busy"]), ("cpu>=30%", ["busy", "middle"]), ("mem>1.5g", ["middle"]), ("mem<2M", ["idle"]),
        ("mem%>90", ["busy"]), ("cpu>1 mem<1G", ["busy"]), ("age>1m", ["busy", "idle", "middle"]), ("age<5s", []),
        ("not cpu>1 idle", ["idle"]), ("container=middle", ["middle"]), ("restarts>2", ["gone"]),
        ("state=exited", ["gone"]), ("procs>0", ["busy", "idle", "middle"]), ("image=shop/*", ["gone"]),
    ],
)  # fmt: skip
def test_a_filter_compares_amounts(expression: str, left: list[str]) -> None:
    snapshot, meter = measured(*USED)
    wanted = parse(expression, "container", fields=fields(COLUMNS))
    found = lines(snapshot, with_records(meter, ended("gone", restarts=3)))
    assert names([line for line in found if wanted.line(line, snapshot)]) == left


@pytest.mark.parametrize(
    ("state", "restarts", "age", "words"),
    [
        ("running", 0, 9.0, "running"), ("running", 1, 9.0, "running, 1 restart"),
        ("running", 3, 9.0, "crash-looping, 3 restarts"), ("running", 3, 9000.0, "running, 3 restarts"),
        ("restarting", 7, None, "crash-looping, 7 restarts"), ("restarting", 1, None, "restarting, 1 restart"),
        ("paused", 3, 9.0, "paused, 3 restarts"), (None, None, 9.0, "running"),
    ],
)  # fmt: skip
def test_a_young_container_that_was_restarted_again_and_again_is_in_a_loop(
    state: str | None, restarts: int | None, age: float | None, words: str
) -> None:
    container = make.container("a", (10,), state=state, restarts=restarts)
    assert container_table.state(container, 0, 0.0, age) == words


def test_one_that_waits_to_be_started_again_has_no_numbers() -> None:
    snapshot = make.host(make.process(10), containers=[make.container("a", state="restarting", restarts=7, image="i")])
    (line,) = lines(snapshot, Meter())
    assert [cell.text for cell in line.cells if cell.text] == ["a", "crash-looping, 7 restarts", "docker", "i"]


@pytest.mark.parametrize(("restarts", "words"), [(0, "restarting (4)"), (7, "crash-looping (4), 7 restarts")])
def test_one_that_waits_to_be_started_again_tells_its_last_end(restarts: int, words: str) -> None:
    waits = make.container("a", state="restarting", restarts=restarts)
    snapshot = make.host(make.process(10), containers=[waits])
    meter = replace(with_records(Meter(), ended("a", exit_code=4, restarts=restarts)), taken_at=0.0)
    (line,) = lines(snapshot, meter)
    assert cell(line, "STATE") == f"{words}, 2h00m ago"
    assert container_table.ends(snapshot, meter) == {"docker:a": cell(line, "STATE")}


def test_what_is_wrong_stands_beside_the_state() -> None:
    snapshot = make.host(make.process(10), containers=[make.container("a", (10,), restarts=3, state="running")])
    used = (ContainerUsage("docker:a", 1.0, throttled, oom_kills=2) for throttled in (0.0, 0.5))
    meter = Meter()
    for clock, one in enumerate(used, 1000):
        meter = read(meter, Usage(clock, clock, 0.0, HOST, (), (one,)))
    (line,) = lines(snapshot, meter)
    assert cell(line, "STATE") == "running, 2 OOM kills, throttled 50%, 3 restarts"
    assert line.cells[place("STATE")].style == "warning"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "exited (0), 2h00m ago"),
        ({"exit_code": 137, "oom_killed": True, "restarts": 3}, "exited (137) OOM, 3 restarts, 2h00m ago"),
        ({"exit_code": None, "finished": None, "restarts": None}, "exited (?)"),
        ({"state": "created", "exit_code": None, "finished": None}, "created"),
        ({"state": "dead", "exit_code": 1}, "dead (1), 2h00m ago"),
    ],
)
def test_a_container_that_has_stopped_is_dim_and_tells_its_end(fields: dict[str, object], words: str) -> None:
    snapshot, meter = measured(USED[0])
    meter = replace(with_records(meter, ended("gone", **fields), ended("idle")), taken_at=0.0)
    gone, live = lines(snapshot, meter)
    assert cell(gone, "STATE") == words and cell(gone, "IMAGE") == "shop/gone" and gone.thing is None
    assert gone.cells[0].style == "dim" and live.cells[0].style == "container"
    assert live.key == "docker:idle", "a container that has started again is no longer a stopped one"
    assert with_stopped(snapshot, meter).containers["docker:gone"].pids == ()


def test_addresses_and_ports_are_of_the_net_namespace() -> None:
    """One that has joined another's net namespace is reached by the other's ports; the host has its own."""
    processes = [make.process(10, net=2), make.process(11, net=2), make.process(12), make.process(13, net=3)]
    snapshot = make.host(
        *processes, containers=[make.container(n, (10 + at,)) for at, n in enumerate(("a", "b", "c", "d"))]
    )
    port = Forward("tcp", None, 8080, 8080, "10.0.0.2", 80, by="docker")
    places = (
        ContainerNet("docker:a", ("10.0.0.2", "fd00::2"), (port,)),
        ContainerNet("docker:b", ("10.0.0.2", "fd00::2"), None),
        ContainerNet("docker:c", (), ()), ContainerNet("docker:d", (), None),
    )  # fmt: skip
    found = lines(snapshot, with_records(Meter(), places=places))
    assert [(cell(line, "IP"), cell(line, "PORTS")) for line in found] == [
        ("10.0.0.2 +1", "8080→80"), ("10.0.0.2 +1", "8080→80"), ("host", "-"), ("-", "?"),
    ]  # fmt: skip


def test_ports_are_said_once_with_all_that_is_unusual() -> None:
    def port(protocol: str, address: str | None, number: int, inner: int) -> Forward:
        return Forward(protocol, address, number, number, "10.0.0.2", inner, by="docker")

    told = (port("tcp", None, 8080, 80), port("udp", None, 53, 53), port("tcp", "127.0.0.1", 9000, 9000))
    assert ports_text((*told, told[0])) == "53/udp 8080→80 127.0.0.1:9000"
    assert ports_text(()) == "-" and ports_text(None) == "?"


def test_a_pod_and_a_project_are_groups_that_fold() -> None:
    pod = Pod("checkout", "shop", "u")
    snapshot = make.host(
        *(make.process(pid, net=2 if pid < 12 else 3) for pid in (10, 11, 12, 13)),
        containers=[
            make.container("api", (10,), pod=pod), make.container("proxy", (11,), pod=pod),
            make.container("web", (12,), project="site"), make.container("alone", (13,)),
        ],
    )  # fmt: skip
    used = tuple(ContainerUsage(f"docker:{name}", memory=1 << 20) for name in ("api", "proxy", "web"))
    meter = with_records(read(Meter(), Usage(1.0, 1.0, 0.0, HOST, (), used)), ended("db", project="site", exit_code=1))
    around = Around(risks={"docker:api": Risk("high", 2), "docker:proxy": Risk("low", 9)}, checked=("docker:web",))
    found = lines(snapshot, meter, around, folded=())
    assert names(found) == ["alone", "▾ shop/checkout", "  api", "  proxy", "▾ site", "  db", "  web"]
    group, site = found[1], found[4]
    assert [cell(group, title) for title in ("STATE", "MEM", "RISK", "PROCS")] == ["2 live", "2.0M", "high +1", "2"]
    assert cell(site, "STATE") == "1 live, 1 stopped" and site.cells[place("STATE")].style == "warning"
    assert [cell(line, "RISK") for line in found[4:]] == ["-", "", "-"]
    folded = lines(snapshot, meter, around, folded={group.key})
    assert names(folded) == ["alone", "▸ shop/checkout", "▾ site", "  db", "  web"]
    assert names(lines(snapshot, meter)) == ["alone", "api", "db", "proxy", "web"]
    assert names(make.left(found, "checkout", snapshot, fields(COLUMNS))) == ["▾ shop/checkout", "  api", "  proxy"]


def test_namespaces_that_are_shared_name_the_others() -> None:
    pod = Pod("p", "", "u")
    processes = [
        make.process(10, net=2, pid=2, mnt=2, uts=2, ipc=2, container="docker:a"),
        make.process(11, net=2, pid=3, mnt=3, uts=3, ipc=2, container="docker:b"),
        make.process(12, net=2, pid=1, mnt=4, uts=4, ipc=4, container="docker:c"),
        make.process(13, net=5, pid=5, mnt=5, uts=5, ipc=5, container="docker:d"),
        make.process(14, net=5, pid=6, mnt=6, uts=6, ipc=6, container="docker:e"),
    ]
    pods = {"d": pod, "e": pod}
    snapshot = make.host(
        *processes, containers=[make.container(n, (10 + at,), pod=pods.get(n)) for at, n in enumerate("abcde")]
    )
    assert shares(snapshot) == {
        "docker:a": "ipc=b net=b+1", "docker:b": "ipc=a net=a+1", "docker:c": "net=a+1 pid=host",
        "docker:d": "net=pod", "docker:e": "net=pod",
    }  # fmt: skip


def test_a_container_of_which_nothing_is_told_but_by_a_process_is_shared_with_by_none() -> None:
    members = [make.process(10, net=2, container="docker:a"), make.process(11, net=2, container="docker:untold")]
    found = shares(make.host(*members, containers=[make.container("a", (10,))]))
    assert found.keys() == {"docker:a"} and "net" not in found["docker:a"]


def crowd() -> list[Line]:
    """Lines with all that a cell may say: names, images, ports and states of any length, groups, stopped ones."""
    snapshot, meter = measured(*((f"{name}-with-a-name-that-is-long", *rest) for name, *rest in USED), image="x" * 60)  # type: ignore[arg-type]
    looping = make.container(
        "loop", (30,), state="paused", restarts=14, supervisor_gone=True, pod=Pod("p" * 50, "s", "u")
    )
    own = make.process(30, net=40, pid=41, ipc=42, container=looping.key)
    snapshot = replace(
        snapshot, processes={**snapshot.processes, 30: own}, containers={**snapshot.containers, looping.key: looping}
    )
    ports = tuple(Forward("tcp", None, at, at, "::1", at - 1, by="docker") for at in range(8080, 8099))
    places = tuple(
        ContainerNet(key, (address, "::1"), ports)
        for key, address in zip(
            snapshot.containers, ("172.17.0.2", "2001:db8:1234:5678:9abc:def0:1234:5678"), strict=False
        )
    )
    meter = with_records(
        meter, ended("gone", exit_code=137, oom_killed=True, restarts=3), ended("s" * 60, project="shop"), places=places
    )
    key = looping.key
    around = Around({key: "net,pid,ipc=host user=a-name-that-is-longer-than-any"}, {key: Risk("medium", 12)}, [key])
    return lines(snapshot, meter, around, folded=())


CUT = {"NAME", "PORTS", "IMAGE"}


@pytest.mark.parametrize("width", range(60, 201))
def test_of_any_width_the_most_wanted_columns_are_shown_and_whole(width: int) -> None:
    found = crowd()
    sizes = widths(COLUMNS, found, width, 2)
    shown = [column.title for column, has in zip(COLUMNS, sizes, strict=True) if has]
    assert shown == [column.title for column in COLUMNS][: len(shown)], "no other instead of a more wanted one"
    assert set(shown) >= {"NAME", "STATE", "CPU%", "MEM"} and sum(sizes) + 2 * (len(shown) - 1) <= width
    for at, (column, has) in enumerate(zip(COLUMNS, sizes, strict=True)):
        assert not has or has >= len(column.title)
        for line in found if has and column.title not in CUT else ():
            assert has >= min(len(line.cells[at].text), len(line.cells[at].brief or line.cells[at].text))
    assert sizes[0] >= 14
    wider = widths(COLUMNS, found, width + 1, 2)
    assert sum(map(bool, wider)) >= len(shown), "a wider screen shows no fewer"


@pytest.mark.parametrize(
    ("width", "last"), [(60, "AGE"), (79, "RUNTIME"), (119, "IMAGE"), (159, "READ/S"), (250, "NET")]
)
def test_a_wider_screen_shows_more_columns(width: int, last: str) -> None:
    snapshot, meter = measured(*USED, image="shop/web:1.4")
    meter = with_records(meter, ended("gone", exit_code=137, oom_killed=True, restarts=3))
    sizes = widths(COLUMNS, lines(snapshot, meter), width, 2)
    assert [column.title for column, has in zip(COLUMNS, sizes, strict=True) if has][-1] == last


def test_a_state_that_does_not_fit_is_told_in_brief() -> None:
    assert container_table.briefly("exited (137) OOM, 3 restarts, 2h00m ago") == "exited (137) OOM +2"
    assert container_table.briefly("running") == "running"
    assert container_table.briefly("running, 2 OOM kills, throttled 34%") == "2 OOM kills +1"
