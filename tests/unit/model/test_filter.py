"""Which processes, namespaces and containers the words of a filter leave."""

import pytest

from nsview.model.filter import OF_CONTAINERS, narrow, parse
from nsview.model.records import Container, Pod
from nsview.model.snapshot import Snapshot
from tests.unit.make import container, host, process

NET = 4026532173


@pytest.fixture
def snapshot() -> Snapshot:
    web = container("feedc0de", [20], name="Web-Shop", image="Nginx:1.27", pod=Pod("shop", "prod", "u"))
    return host(
        process(1, 0, comm="init", cmdline=("/sbin/init", "--system")),
        process(20, nspid=(20, 1), comm="nginx", cmdline=("nginx: master",), user="www-data", net=NET,
                container=web.key),
        process(30, comm="sleep", cmdline=("sleep", "20")),
        containers=[web],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "pids"),
    [
        ("", [1, 20, 30]),
        ("  ", [1, 20, 30]),
        ("nginx", [20]),
        ("NGINX", [20]),
        ("web-shop", [20]),
        ("1.27", [20]),
        ("feedc0", [20]),
        ("www", [20]),
        ("prod", [20]),
        ("moby", [20]),
        ("--system", [1]),
        ("20", [20, 30]),  # a pid, and a word of a command
        ("nginx web", [20]),
        ("nginx sleep", []),
        (str(NET), [20]),
        (str(NET)[:6], [20]),
        (f"net:{NET}", [20]),
        (f"net:[{NET}]", [20]),
        (f"NET:{NET}", [20]),
        (f"net:{NET} sleep", []),
        ("net:1", [1, 30]),
        (f"uts:{NET}", []),
        ("net:1 net:2", []),
        ("nobody", []),
    ],
)
def test_all_words_must_match_somewhere(snapshot: Snapshot, expression: str, pids: list[int]) -> None:
    assert sorted(narrow(snapshot, parse(expression)).processes) == pids


def test_a_pid_is_found_as_seen_from_either_side(snapshot: Snapshot) -> None:
    wanted = parse("1")
    assert wanted.process(snapshot.processes[20], snapshot)


@pytest.mark.parametrize(
    "expression", ["net:" + "9" * 5000, "9" * 5000, "²", "\x00", "\ud800", "a" * 10**5], ids=range(6)
)
def test_no_expression_is_more_than_words(snapshot: Snapshot, expression: str) -> None:
    assert narrow(snapshot, parse(expression)).processes == {}


def test_a_filter_without_words_is_false() -> None:
    assert not parse("") and parse("x") and parse("net:1")


def test_narrowing_keeps_the_namespaces_and_containers_of_what_matches(snapshot: Snapshot) -> None:
    left = narrow(snapshot, parse("nginx"))
    assert ("net", NET) in left.namespaces and ("net", 1) not in left.namespaces
    assert [c.name for c in left.containers.values()] == ["Web-Shop"]
    assert narrow(snapshot, parse("sleep")).containers == {}


def test_a_container_whose_processes_do_not_match_is_found_by_its_name(snapshot: Snapshot) -> None:
    stopped = container("dead", [], name="idle-job")
    with_it = Snapshot(
        snapshot.host, 1.0, snapshot.processes, snapshot.namespaces, {**snapshot.containers, stopped.key: stopped}
    )
    left = narrow(with_it, parse("idle"))
    assert isinstance(left.containers["docker:dead"], Container)
    assert left.processes == {}


def test_a_kind_narrows_namespaces_alone(snapshot: Snapshot) -> None:
    left = narrow(snapshot, parse(""), "net")
    assert {type for type, _ in left.namespaces} == {"net"}
    assert left.processes == snapshot.processes


def test_those_who_ask_do_not_find_themselves(snapshot: Snapshot) -> None:
    assert sorted(narrow(snapshot, parse("sleep"), None, [30]).processes) == []
    assert sorted(narrow(snapshot, parse(""), None, [30]).processes) == [1, 20, 30]


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("state=running", ["runs"]),
        ("state=paused", ["paused"]),
        ("state=exited", ["over"]),
        ("state=crash-looping", ["loops"]),
        ("state=restarting", ["loops"]),
        ('state="no shim"', ["paused"]),
        ("not state=running", ["loops", "over", "paused"]),
        ("state=sleeping", []),
    ],
)
def test_in_a_table_of_containers_a_state_is_a_containers(expression: str, ids: list[str]) -> None:
    """Its processes sleep, most of the time; one that has stopped has none."""
    containers = [
        container("runs", [20], state="running"),
        container("paused", [30], state="paused", supervisor_gone=True),
        container("over", state="exited"),
        container("loops", state="restarting", restarts=7),
    ]
    snapshot = host(
        process(20, state="S", container="docker:runs"), process(30, state="D", container="docker:paused"),
        process(40, state="R"), containers=containers,
    )  # fmt: skip
    found = narrow(snapshot, parse(expression, "container", fields=OF_CONTAINERS), None, ())
    assert sorted(one.id for one in found.containers.values()) == ids
