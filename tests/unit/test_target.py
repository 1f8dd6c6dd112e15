"""What a user means by a word."""

import pytest

from nsview.model.records import Namespaces
from nsview.model.snapshot import Snapshot
from nsview.model.target import TargetError, resolve

from .make import container, host, process

NET = 4026532173


@pytest.fixture
def snapshot() -> Snapshot:
    web = container("abcd1234", [20, 21], name="web")
    db = container("abff5678", [30], name="db")
    number = container("77777", [40], name="123")
    here = container("k1", [50], key="containerd:k8s.io/k1", name="k1", runtime="containerd")
    there = container("k1", [60], key="containerd:default/k1", name="k1", runtime="containerd")
    return host(
        process(1, 0), process(20, net=NET, container=web.key), process(21, 20, net=NET, container=web.key),
        process(30, container=db.key), process(40, container=number.key), process(50, container=here.key),
        process(60, container=there.key), process(77, namespaces=Namespaces()),
        containers=[web, db, number, here, there],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "pid", "key"),
    [
        ("1", 1, None),
        ("20", 20, "docker:abcd1234"),
        ("0020", 20, "docker:abcd1234"),
        ("77", 77, None),  # a process before the container whose id begins so
        ("web", 20, "docker:abcd1234"),
        ("abcd", 20, "docker:abcd1234"),
        ("abcd1234", 20, "docker:abcd1234"),
        ("docker:abcd1234", 20, "docker:abcd1234"),
        ("docker:abcd", 20, "docker:abcd1234"),
        ("123", 40, "docker:77777"),
        ("777", 40, "docker:77777"),
        ("containerd:k8s.io/k1", 50, "containerd:k8s.io/k1"),
    ],
)
def test_a_process_or_a_container_is_meant(snapshot: Snapshot, text: str, pid: int, key: str | None) -> None:
    target = resolve(snapshot, text)
    assert target.process is not None and target.process.pid == pid
    assert (target.container.key if target.container else None) == key


@pytest.mark.parametrize("text", [f"net:{NET}", f"net:[{NET}]"])
def test_a_namespace_is_meant_and_its_oldest_member_is_whom_to_follow(snapshot: Snapshot, text: str) -> None:
    target = resolve(snapshot, text)
    assert target.namespace is not None and target.namespace.key == ("net", NET)
    assert target.process is not None and target.process.pid == 20


def test_a_zombie_is_followed_only_where_there_is_nobody_else() -> None:
    snapshot = host(process(2, net=NET, state="Z"), process(3, net=NET), process(4, uts=5, state="Z"))
    (followed, alone) = (resolve(snapshot, f"net:{NET}").process, resolve(snapshot, "uts:5").process)
    assert followed is not None and followed.pid == 3
    assert alone is not None and alone.pid == 4


@pytest.mark.parametrize("text", ["ab", "k1"])
def test_what_may_mean_several_lists_them_by_what_means_one(snapshot: Snapshot, text: str) -> None:
    with pytest.raises(TargetError) as error:
        resolve(snapshot, text)
    assert error.value.kind == "ambiguous"
    keys = [c.key for c in snapshot.containers.values() if c.id.startswith(text) or c.name == text]
    assert len(keys) == 2 and all(key in str(error.value) for key in keys)
    assert [resolve(snapshot, key).container for key in keys] == [snapshot.containers[key] for key in keys]


@pytest.mark.parametrize(
    "text",
    ["", " ", "999", "nobody", "net:5", "net:[5]", f"uts:{NET}", "net:", "net:[", f"net:[{NET}", f"net:{NET}]",
     f"eth:{NET}", "²", "٣", "-1", "1.0", "+1", "1_0", "9" * 5000, "net:" + "9" * 5000, "20\n", "\x1b[2J", "\ud800"],
    ids=lambda text: ascii(text)[:20],
)  # fmt: skip
def test_what_means_nothing_is_gone_and_said_in_one_line(snapshot: Snapshot, text: str) -> None:
    with pytest.raises(TargetError) as error:
        resolve(snapshot, text)
    assert error.value.kind == "gone"
    assert str(error.value).isprintable()


def test_nothing_does_not_mean_the_only_container() -> None:
    """`nsview enter "$UNSET"` must not enter whatever there is."""
    only = container("abcd", [2])
    with pytest.raises(TargetError):
        resolve(host(process(2, container=only.key), containers=[only]), "")


def test_a_container_whose_first_process_is_gone_is_followed_through_another() -> None:
    web = container("web", [5, 6], init_pid=4)
    target = resolve(host(process(5, container=web.key), process(6), containers=[web]), "web")
    assert target.process is not None and target.process.pid == 5


def test_hostile_names_of_candidates_are_made_safe() -> None:
    a, b = container("ab1", name="\x1b[2Jx"), container("ab2", name="y\nz")
    with pytest.raises(TargetError) as error:
        resolve(host(process(1), containers=[a, b]), "ab")
    assert str(error.value).isprintable()
