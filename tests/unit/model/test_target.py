"""The thing that a word means: on the command line, and the first that `:` shows."""

import pytest
from msgspec.structs import replace

from nsview.model.leads import meant
from nsview.model.net import Interface, Link, Listener, Net, Nets
from nsview.model.records import Container, Holder, Host, Namespace, Namespaces
from nsview.model.snapshot import Snapshot
from nsview.model.snapshot import snapshot as made_of
from nsview.model.table import Thing
from nsview.model.target import Rank, TargetError, meanings, needs_nets, resolve
from tests.unit.make import HOST, HOST_INODE, container, host, process

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
def test_a_word_for_nothing_is_gone_and_said_in_one_line(snapshot: Snapshot, text: str) -> None:
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


def test_two_dockers_of_one_containerd_are_told_apart_by_their_data() -> None:
    shims = [process(pid, comm="containerd-shim", cmdline=("shim", "-address", "/run/c.sock")) for pid in (3, 4)]
    twins = [
        container(id, [pid], name="web", shim_pid=shim, witness=f"cgroup /{id}; {root}/containers/{id}/config.v2.json")
        for id, pid, shim, root in (("a1", 5, 3, "/var/lib/docker"), ("b2", 6, 4, "/data"))
    ]
    inside = [process(c.init_pid, container=c.key) for c in twins if c.init_pid]
    with pytest.raises(TargetError) as error:
        resolve(host(process(1, 0), *shims, *inside, containers=twins), "web")
    for key, root in (("docker:a1", "/var/lib/docker"), ("docker:b2", "/data")):
        assert f"{key} (/run/c.sock, {root})" in str(error.value)


# -- every kind of word, for every command ---------------------------------------------------------------------------

WEB, DB, DIGITS = "feedc0de" * 8, "beef" * 16, "8081" * 16
BLUE, HELD = ("net", 4026532800), ("net", 4026532900)
LEADER = {"78": 20}
"""{a thread: its process}"""


def proxy(port: str, to: str, address: str) -> tuple[str, ...]:
    """The command line of a docker-proxy."""
    words = ("docker-proxy", "-proto", "tcp", "-host-ip", "0.0.0.0", "-host-port", port)
    return (*words, "-container-ip", address, "-container-port", to)


def world(*more: Container) -> tuple[Snapshot, Nets]:
    """A host with each kind of thing that a word may be for. more: further containers."""
    web, db = container(WEB, [20, 21], name="web", shim_pid=60), container(DB, [30], name="db", shim_pid=60)
    number = container(DIGITS, [40], name="44")
    seen = host(
        process(1, 0), process(5, comm="sshd"), process(60, comm="containerd-shim"),
        process(50, comm="docker-proxy", cmdline=proxy("8080", "80", "172.17.0.2")),
        process(20, 60, net=NET, container=web.key, nspid=(20, 1)), process(21, 20, net=NET, container=web.key),
        process(30, 60, net=NET + 1, container=db.key), process(40, container=number.key),
        process(200, uid=1000, net=NET + 2, nspid=(200, 7)),
        containers=[web, db, number, *more],
    )  # fmt: skip
    blue = Namespace("net", BLUE[1], 4, names=("/run/netns/blue",))
    held = Namespace("net", HELD[1], 4, held_by=(Holder("mount", 20, None, "/run/netns/held"),))
    veths = [
        Interface(7, "vethab12", "veth", master=3, link=Link(2, NET, True), altnames=("to-web",)),
        Interface(8, "vethlost", "veth", link=Link(2, None)),
    ]
    home = Link(7, HOST_INODE, True)
    eth0 = [Interface(2, "eth0", "veth", addresses=(f"172.17.0.{n}/16",), link=home) for n in (2, 3)]
    nets = (
        Net(HOST_INODE, (Interface(1, "lo"), *veths), (), (
            Listener("tcp", "0.0.0.0", 2222, 1, 0, (5,)), Listener("tcp", "0.0.0.0", 8080, 2, 0, (50,)),
            Listener("udp", "0.0.0.0", 68, 5, 0))),
        Net(NET, (eth0[0],), (), (Listener("tcp", "0.0.0.0", 80, 3, 0, (20, 21)),)),
        Net(NET + 1, (eth0[1], Interface(3, "tun7")), (), (Listener("tcp", "0.0.0.0", 5432, 4, 0, (30,)),)),
    )  # fmt: skip
    return replace(seen, namespaces={**seen.namespaces, blue.key: blue, held.key: held}), Nets(1.0, nets)


WORDS: list[tuple[str, Thing]] = [
    ("20", 20), ("0020", 20), ("78", 20), (str(NET), ("net", NET)), (f"net:{NET}", ("net", NET)),
    (f"net:[{NET}]", ("net", NET)), ("/proc/20/ns/net", ("net", NET)), ("web", f"docker:{WEB}"),
    ("WEB", f"docker:{WEB}"), (WEB, f"docker:{WEB}"), (f"docker:{DB}", f"docker:{DB}"), ("feedc0", f"docker:{WEB}"),
    ("docker:beef", f"docker:{DB}"), ("80818081", f"docker:{DIGITS}"), ("8081", f"docker:{DIGITS}"),
    ("80", f"docker:{DIGITS}"), ("44", f"docker:{DIGITS}"), ("blue", BLUE), ("Blue", BLUE), ("/run/netns/blue", BLUE),
    ("held", HELD), ("/run/netns/held", HELD), ("vethab12", ("net", NET)), ("to-web", ("net", NET)),
    ("tun7", ("net", NET + 1)), ("lo", ("net", HOST_INODE)), ("172.17.0.3", ("net", NET + 1)),
    ("8080", f"docker:{WEB}"), ("2222", 5), ("68", ("net", HOST_INODE)), ("5432", 30),
]  # fmt: skip


@pytest.mark.parametrize(("text", "thing"), WORDS, ids=lambda value: str(value)[:24])
def test_each_word_means_the_same_to_every_command(text: str, thing: Thing) -> None:
    seen, nets = world()
    leader = LEADER.get(text)
    target = resolve(seen, text, nets, leader)
    assert target.thing == thing
    assert target.thread == (78 if leader else None)
    assert meant(seen, text, nets, leader)[0].thing == thing
    if not needs_nets(seen, text, leader):
        assert resolve(seen, text, leader=leader).thing == thing


def test_whatever_is_typed_the_first_that_is_shown_is_the_one_taken() -> None:
    """Or one of those that are named, where it could be several."""
    seen, nets = world(container("abcd01", [200], name="blue", key="podman:abcd01", uid=1000))
    words = {text[:end] for text, _ in WORDS for end in range(1, len(text) + 1)} | {str(n) for n in range(300)}
    for text in words | {interface.name for net in nets.nets for interface in net.interfaces}:
        leads = meant(seen, text, nets, LEADER.get(text))
        try:
            target = resolve(seen, text, nets, LEADER.get(text))
        except TargetError as error:
            first = meanings(seen, text, nets, LEADER.get(text))[:1]
            assert error.kind == "ambiguous" or not leads or first[0].rank == Rank.HINT, text
            assert str(error).isprintable()
        else:
            assert (leads[:1] and leads[0].thing == target.thing) or len(text) < 4, text


@pytest.mark.parametrize("fields", [{"uid": 1000}, {"outer": f"docker:{WEB}"}, {"uid": 7, "outer": f"docker:{WEB}"}])
@pytest.mark.parametrize("as_id", [False, True])
def test_nothing_named_by_a_user_or_in_a_container_hides_the_hosts(fields: dict[str, object], as_id: bool) -> None:
    seen, nets = world()
    for text, thing in WORDS:
        leader = LEADER.get(text)
        if meanings(seen, text, nets, leader)[0].rank >= Rank.OTHER_NAME:
            continue
        name, id = ("x", text) if as_id else (text, "ffff")
        forged = container(id, [200], name=name, key=f"podman:{text}/1", **fields)
        crowded, more = world(forged)
        port = int(text) if text.isdecimal() and int(text) < 65536 else 1
        inside = Net(NET + 2, (Interface(2, text),), (), (Listener("tcp", "0.0.0.0", port, 9, 1000, (200,)),))
        (home, *others) = more.nets
        home = replace(home, listeners=(*home.listeners, Listener("tcp", "10.0.0.1", port, 8, 1000, (200,))))
        found = Nets(1.0, (inside, home, *others))
        assert resolve(crowded, text, found, leader).thing == thing, text
        assert resolve(crowded, forged.key, found).thing == forged.key


def test_of_two_of_one_name_it_is_told_whose_and_where_each_is() -> None:
    shims = [process(60 + n, cmdline=("containerd-shim-runc-v2", "-address", f"/run/c{n}.sock")) for n in range(2)]
    roots = [container(f"id{n}", [20 + n], name="twin", shim_pid=60 + n) for n in range(2)]
    others = [
        container("id3", [23], name="other", uid=1000, key="podman:id3"),
        container("id4", [24], name="other", outer="docker:id0", key="docker:id0/id4"),
    ]
    seen = host(*shims, *(process(20 + n) for n in range(5)), containers=[*roots, *others])
    for text, told in (
        ("twin", ["docker:id0 (/run/c0.sock)", "docker:id1 (/run/c1.sock)"]),
        ("other", ["podman:id3 (of uid 1000, process 23)", "docker:id0/id4 (in container twin, process 24)"]),
    ):
        with pytest.raises(TargetError) as error:
            resolve(seen, text)
        assert error.value.kind == "ambiguous" and all(one in str(error.value) for one in told), str(error.value)
    for one in (*roots, *others):
        assert resolve(seen, one.key).container == one


def test_who_looks_has_names_as_good_as_roots() -> None:
    own = container("id1", [20], name="web", uid=1000, key="podman:id1")
    other = container("id2", [21], name="web", uid=1001, key="podman:id2")
    seen = made_of(replace(HOST, uid=1000), 1.0, [process(20), process(21)], [], [own, other])
    assert resolve(seen, "web").container == own


def test_an_interface_in_many_namespaces_is_told_by_its_containers() -> None:
    seen, nets = world()
    with pytest.raises(TargetError) as error:
        resolve(seen, "eth0", nets)
    assert f"net:[{NET}] (web, has eth0)" in str(error.value) and f"net:[{NET + 1}] (db, has eth0)" in str(error.value)


def test_where_an_interface_leads_there_is_the_container_behind_it() -> None:
    seen, nets = world()
    target = resolve(seen, "vethab12", nets)
    assert target.container and target.container.name == "web" and target.process and target.process.pid == 20
    with pytest.raises(TargetError, match="vethlost leads to a net namespace that cannot be seen"):
        resolve(seen, "vethlost", nets)


def test_a_namespace_named_after_the_container_in_it_is_no_second_meaning() -> None:
    seen, _ = world()
    for inode, kind in ((NET, None), (NET + 1, "ambiguous")):
        named = replace(seen.namespaces["net", inode], names=("/run/netns/web",))
        both = replace(seen, namespaces={**seen.namespaces, named.key: named})
        if kind is None:
            assert resolve(both, "web").thing == f"docker:{WEB}"
            continue
        with pytest.raises(TargetError) as error:
            resolve(both, "web")
        assert error.value.kind == kind and f"net:[{inode}] (/run/netns/web, db)" in str(error.value)


@pytest.mark.parametrize(
    ("text", "near"), [("wbe", "web"), ("bleu", "blue"), ("vethab21", "vethab12"), ("hled", "held"), ("WEBB", "web")]
)
def test_of_a_word_for_nothing_the_nearest_names_are_told(text: str, near: str) -> None:
    seen, nets = world()
    with pytest.raises(TargetError) as error:
        resolve(seen, text, nets)
    assert error.value.kind == "gone" and near in str(error.value).partition("the nearest: ")[2].split(", ")


def test_a_pid_inside_is_no_pid_here_and_its_process_is_told() -> None:
    seen, nets = world()
    with pytest.raises(TargetError, match=r"no process 7, .*it is the pid inside of 200"):
        resolve(seen, "7", nets)


@pytest.mark.parametrize(
    ("seen_by", "words"),
    [(HOST, "those there are"), (replace(HOST, notes=("no SYS_PTRACE",)), "; no SYS_PTRACE"),
     (replace(HOST, privileged=False, notes=("hidden",)), "only root can read the names of containers")],
)  # fmt: skip
def test_where_names_could_not_all_be_read_a_name_is_not_said_to_be_nobodys(seen_by: Host, words: str) -> None:
    with pytest.raises(TargetError, match=f"{words}$"):
        resolve(made_of(seen_by, 1.0, [process(1, 0)], [], []), "web")
