"""The language of filters: fields, not, and, or, parentheses, quotes; what is wrong, and where."""

import random
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from nsview.model import syntax
from nsview.model.filter import FIELDS, Filter, FilterError, Reach, Texts, match, narrow, parse
from nsview.model.net import Interface, Link, Listener, Net
from nsview.model.records import Holder, Namespace, Pod, Process
from nsview.model.rows import rows
from nsview.model.snapshot import Snapshot, advance
from nsview.model.view import GroupRow, View
from tests.unit.make import container, host, process

from .test_groups_update import later, random_host

NET, NET2, MNT, PID, USER = 4026532173, 4026532174, 4026532190, 4026532200, 4026532300


@pytest.fixture
def snapshot() -> Snapshot:
    web = container("feedc0de", [20, 21], name="Web", image="docker.io/library/nginx:1.27")
    logs = container("beef", [30], name="web-logs", image="ops/agent", pod=Pod("shop", "prod", "u-1"), runtime="podman")
    return host(
        process(1, 0, comm="init", cmdline=("/sbin/init", "a=b")),
        process(10, comm="sshd", cmdline=("sshd: me (priv)",), cgroup="/system.slice/ssh.service", uts=9),
        process(20, 10, nspid=(20, 1), comm="nginx", user="www-data", uid=33, net=NET, mnt=MNT, pid=PID,
                container=web.key, cgroup="/docker/feedc0de"),
        process(21, 20, nspid=(21, 7), comm="nginx", user="www-data", uid=33, net=NET, mnt=MNT, pid=PID,
                container=web.key, state="Z"),
        process(30, 10, comm="tail", cmdline=("tail", "-f", "web 2"), user="me", uid=1000, net=NET, mnt=MNT + 1,
                container=logs.key),
        process(40, comm="sleep", cmdline=("sleep", "33"), user="me", uid=1000, net=NET2),
        containers=[web, logs],
    )  # fmt: skip


def pids(snapshot: Snapshot, expression: str, by: str | None = None) -> list[int]:
    """Those that match when asked one by one; as many at once they are the same."""
    wanted = parse(expression, by)
    found = [pid for pid, p in snapshot.processes.items() if wanted.process(p, snapshot)]
    assert wanted.among(snapshot.processes, snapshot) == set(found)
    some = list(snapshot.processes)[::2]
    assert wanted.among(some, snapshot) == set(found) & set(some)
    return found


EVERY = [1, 10, 20, 21, 30, 40]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("not nginx", [1, 10, 30, 40]),
        ("NOT nginx AND not web-logs", [1, 10, 40]),
        ("nginx or sleep", [20, 21, 40]),
        ("me sleep or nginx", [20, 21, 40]),  # and binds tighter
        ("me (sleep or tail)", [30, 40]),
        ("(me)(sleep)", [40]),
        ("not (nginx or me)", [1]),  # sshd: me
        ("not not nginx", [20, 21]),
        ('"web 2"', [30]),
        ('"not"', []),
        ('"a=b"', [1]),
        ("--x=1", []),
        ("(priv)", [10]),  # a parenthesis around a word is none of it
        ("me(", []),
        ('"(priv)"', [10]),
        ("x(y)z", []),  # one within is not
        ("container=web", [20, 21]),
        ("container=WEB", [20, 21]),
        ("container=feedc0de", [20, 21]),
        ("container=docker:feedc0de", [20, 21]),
        ("container=web*", [20, 21, 30]),
        ("container=w?b", [20, 21]),
        ("container=*", [20, 21, 30]),  # any at all
        ("container!=*", [1, 10, 40]),
        ("pod=*", [30]),
        ("container~logs", [30]),
        ("container:logs", [30]),
        ("container!=web", [1, 10, 30, 40]),
        ('container=""', [1, 10, 40]),
        ('container!=""', [20, 21, 30]),
        ("container = web", [20, 21]),
        ("image=nginx", [20, 21]),
        ("image=nginx:1.27", [20, 21]),
        ("image=docker.io/library/nginx", [20, 21]),
        ("image=agent", [30]),
        ("runtime=podman", [30]),
        ("runtime=moby", [20, 21, 30]),
        ("pod=shop", [30]),
        ("pod=prod/shop", [30]),
        ("name=sleep", [40]),
        ("comm=sleep", [40]),
        ('command="sleep 33"', [40]),
        ("command~33", [40]),
        ("user=me", [30, 40]),
        ("user=1000", [30, 40]),
        ("user:dat", [20, 21]),
        ("uid=33", [20, 21]),
        ("uid>33", [30, 40]),
        ("uid>=33 uid<1000", [20, 21]),
        ("pid>1 pid<20", [10, 21]),  # one of its pids keeps both
        ("pid<20 or pid>20 pid<30", [1, 10, 20, 21]),
        ("pid>7 pid<20", [10]),  # not 21, which is 7 inside
        ("not (pid>7 pid<20) uid!=0", [20, 21, 30, 40]),
        ("nprocs.net>1 nprocs.net<3", [1, 10]),
        ("uid!=0", [20, 21, 30, 40]),
        ("state=z", [21]),
        ("state=zombie", [21]),
        ("pid=7", [21]),
        ("pid:7", [21]),
        ("pid=1", [1, 20]),
        ("pid=21", [21]),
        ("pid<10", [1, 20, 21]),
        ("ppid=10", [20, 30]),
        ("cgroup=/docker/*", [20]),
        ("cgroup:slice", [10]),
        ("label=service*", [10]),
        ("label~ssh", [10]),
        (f"net:{NET}", [20, 21, 30]),
        (f"net:[{NET}]", [20, 21, 30]),
        (f"net={NET}", [20, 21, 30]),
        (f"net!={NET}", [1, 10, 40]),
        (f"pid:{PID}", [20, 21]),
        (f"pid=[{PID}]", [20, 21]),
        (f"user:{USER}", []),
        ("user:[1]", EVERY),
        ("user:1", [30, 40]),  # of 1000
        (f"cgroup:{NET}", []),
        (f"inode={MNT}", [20, 21]),
        (f"inode={MNT} not state=z", [20]),
        ("host=net", [1, 10]),
        ("host!=net", [20, 21, 30, 40]),
        ("host=net not host=uts", [10]),
        ("shared.net>1", [20, 21, 30]),
        ("shared.net=1", []),
        ("shared.mnt=1", [20, 21, 30]),
        ("nprocs.net=1", [40]),
        ("nprocs.net=3", [20, 21, 30]),
        ("type=net", EVERY),
        ("http://x", []),
        ("nginx:1.27", [20, 21]),  # an image is no field
        ("foo = bar", []),
        ("port=80", []),
        ("address=10.0.0.1", []),
    ],
)  # fmt: skip
def test_what_an_expression_leaves(snapshot: Snapshot, expression: str, found: list[int]) -> None:
    assert pids(snapshot, expression) == found


@pytest.mark.parametrize(
    ("expression", "by", "found"),
    [
        ("host", "net", [1, 10]),
        ("host", "uts", [1, 20, 21, 30, 40]),
        ("not host", "net", [20, 21, 30, 40]),
        ("host", "tree", EVERY),  # each shares at least one of those that containers seldom share
        ("shared>1", "net", [20, 21, 30]),
        ("shared>1", "mnt", []),
        ("shared>1", "tree", [20, 21, 30]),
        ("shared.mnt>1", "net", []),
        ("nprocs=1", "net", [40]),
        ("nprocs=2", "container", [20, 21]),
        ("nprocs=2", None, [20, 21]),  # 1 and 10 share net too, but that is the host's
        ("type=net", "net", EVERY),
        ("type=net", "mnt", []),
        ("type!=net", "mnt", EVERY),
    ],
)
def test_host_shared_and_type_are_of_the_kind_grouped_by(
    snapshot: Snapshot, expression: str, by: str | None, found: list[int]
) -> None:
    assert pids(snapshot, expression, by) == found


@pytest.mark.parametrize(
    ("expression", "at", "words"),
    [
        ("(", 0, "nothing closes this parenthesis"),
        ("a (b", 2, "nothing closes"),
        ("a ((b) c", 2, "nothing closes"),
        (")", 0, "nothing opens"),
        ("a )", 2, "nothing opens"),
        ("a) b", 1, "nothing opens"),
        ("a (b))", 5, "nothing opens"),
        ("()", 0, "nothing is in"),
        ("a ( )", 2, "nothing is in"),
        ("not", 0, "not needs something after it"),
        ("a not", 2, "not needs something after"),
        ("a and", 2, "and needs something after"),
        ("a or", 2, "or needs something after"),
        ("a or or b", 2, "or needs something after"),
        ("a and or b", 2, "and needs something after"),
        ("not and b", 0, "not needs something after"),
        ("(a or) b", 3, "or needs something after"),
        ("and", 0, "and needs something before it"),
        (" OR b", 1, "or needs something before it"),
        ("(and b)", 1, "and needs something before it"),
        ('"abc', 0, "nothing closes this quote"),
        ('a "b\\"', 2, "nothing closes this quote"),
        ('container="web', 10, "nothing closes this quote"),
        ("contaner=web", 0, "did you mean container?"),
        ("a b=c", 2, "no field is called b"),
        ("net.x=1", 0, "no field is called net.x"),
        ("container<5", 9, "container is text: it goes with = != ~"),
        ("pid~5", 3, "pid is a number"),
        ("type>net", 4, "type is a kind of namespace"),
        ("net<5", 3, "net is a kind of namespace"),
        ("a pid=x", 6, "pid: a number goes here"),
        ("pid=-1", 4, "pid: a number goes here"),
        ("pid=²", 4, "pid: a number goes here"),
        ("shared>many", 7, "shared: a number goes here"),
        ("container=", 10, "container= needs a value"),
        ("container= ", 11, "container= needs a value"),
        ("(container=)", 11, "container= needs a value"),
        ("pid=", 4, "pid= needs a value"),
        ("type=nte", 5, "no such kind of namespace"),
        ("host=docker", 5, "no such kind of namespace"),
        ("shared.foo>1", 7, "no such kind of namespace"),
        ("shared.>1", 7, "no such kind of namespace"),
        ("net:", 4, "net: needs a value"),
        ("net:web", 4, "host=net is the host's"),
        ("net:[1", 4, "an inode number goes here"),
        ("net:²", 4, "an inode number goes here"),
        ("net:٣", 4, "an inode number goes here"),
        ("(" * 51 + "a" + ")" * 51, 50, "more than 50 deep"),
    ],
)  # fmt: skip
def test_an_error_knows_its_place(expression: str, at: int, words: str) -> None:
    with pytest.raises(FilterError) as error:
        parse(expression)
    assert words in str(error.value)
    assert error.value.at == at
    assert str(error.value).isprintable()


WORDS = ("nginx", "sleep", "me", "web", "33", "zzz", '"web 2"', "not", "and", "or")


def spoken(node: object) -> str:
    """A tree of (operator, one, other), or a word, as an expression."""
    if isinstance(node, str):
        return f'"{node}"' if " " in node or node in ("not", "and", "or") else node
    operator, *parts = node  # type: ignore[misc]
    if operator == "not":
        return f"not {spoken(parts[0])}"
    return f"({spoken(parts[0])} {operator} {spoken(parts[1])})"


def grown(chance: random.Random, depth: int) -> object:
    if depth == 0 or chance.random() < 0.2:
        return chance.choice(WORDS).strip('"')
    if chance.random() < 0.3:
        return "not", grown(chance, depth - 1)
    return chance.choice(("and", "or", "")), grown(chance, depth - 1), grown(chance, depth - 1)


def truth(node: object, has: Callable[[str], bool]) -> bool:
    if isinstance(node, str):
        return has(node)
    operator, *parts = node  # type: ignore[misc]
    found = [truth(part, has) for part in parts]
    return not found[0] if operator == "not" else any(found) if operator == "or" else all(found)


@pytest.mark.parametrize("seed", range(120))
def test_random_trees_mean_what_their_words_mean(snapshot: Snapshot, seed: int) -> None:
    node = grown(random.Random(seed), 5)
    expression = spoken(node)
    texts = {pid: Texts().of(p, snapshot) for pid, p in snapshot.processes.items()}
    expected = [pid for pid, text in texts.items() if truth(node, lambda word, text=text: word in text)]  # type: ignore[misc]
    assert pids(snapshot, expression) == expected
    assert pids(snapshot, f"not not {expression}") == expected
    assert pids(snapshot, f"not ({expression})") == [pid for pid in EVERY if pid not in expected]
    assert pids(snapshot, f"  ( {expression} )  ") == expected


PIECES = (
    *WORDS, "(", ")", '"', "\\", " ", "  ", "=", "!=", "~", "<", ">=", ":", "[", "]", "*", ".", "net", "pid", "host",
    "shared", "shared.net>1", "container=web", "type=net", "user:4026532300", "inode", "label~x", "nprocs<3", "\x00",
    "\ud800", "²", "\n", "port=80", "address=::1", "9" * 30, "image", "-", "é",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_typed_is_a_filter_or_an_error_with_a_place(snapshot: Snapshot, seed: int) -> None:
    chance = random.Random(seed)
    good = 0
    for _ in range(150):
        expression = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 9)))
        by = chance.choice((None, "net", "mnt", "tree", "container"))
        try:
            wanted = parse(expression, by)
        except FilterError as error:
            assert 0 <= error.at <= len(expression)
            assert str(error).isprintable()
            continue
        good += 1
        found = pids(snapshot, expression, by)
        narrow(snapshot, wanted)
        if wanted:
            assert pids(snapshot, f"not ({expression}\n)", by) == [pid for pid in EVERY if pid not in found]
            other = parse(f"nginx or ({expression}\n)", by)
            turned = parse(f"({expression}\n) or nginx", by)
            both, back = parse(f"nginx ({expression}\n)", by), parse(f"({expression}\n) and nginx", by)
            for p in snapshot.processes.values():
                assert other.process(p, snapshot) == turned.process(p, snapshot)
                assert both.process(p, snapshot) == back.process(p, snapshot)
            for record in snapshot.namespaces.values():
                assert other.namespace(record, snapshot) == turned.namespace(record, snapshot)
                assert both.namespace(record, snapshot) == back.namespace(record, snapshot)
    assert good > 10


def test_what_is_said_of_processes_says_nothing_of_a_namespace_and_not_that_neither(snapshot: Snapshot) -> None:
    net = snapshot.namespaces["net", NET]
    for expression in ("nginx", "not nginx", "pid=1", "not pid=1", "host=uts", "not host=uts", f"not mnt:{MNT}"):
        assert not parse(expression).namespace(net, snapshot)
    for expression in (f"net:{NET}", f"not net:{NET2}", "type=net", "not type=mnt", "not host=net", "shared>1"):
        assert parse(expression).namespace(net, snapshot)
    web = snapshot.containers["docker:feedc0de"]
    assert parse("container=web").container(web, snapshot)
    assert not parse("not container=web").container(web, snapshot)
    assert not parse("not nginx").container(web, snapshot)
    assert parse("nprocs=2").container(web, snapshot)


def test_a_group_is_shown_with_what_is_not_said_of_it(snapshot: Snapshot) -> None:
    shown = [(r.namespace.inode, r.shown) for r in rows(snapshot, View("net", parse("not nginx")))
             if isinstance(r, GroupRow) and r.namespace]  # fmt: skip
    assert shown == [(1, 2), (NET, 1), (NET2, 1)]


def test_a_view_knows_the_kind_that_its_filter_is_about(snapshot: Snapshot) -> None:
    def groups(view: View) -> list[int]:
        return [r.namespace.inode for r in rows(snapshot, view) if isinstance(r, GroupRow) and r.namespace]

    view = View("net", parse("shared>1"))
    assert groups(view) == [NET]
    assert groups(replace(view, by="pid")) == []
    assert groups(replace(replace(view, by="mnt"), by="net")) == [NET]


def test_type_and_its_like_narrow_namespaces_and_words_choose_among_them(snapshot: Snapshot) -> None:
    assert {kind for kind, _ in narrow(snapshot, parse("type=net")).namespaces} == {"net"}
    assert list(narrow(snapshot, parse("type=net nginx")).namespaces) == [("net", NET)]
    assert list(narrow(snapshot, parse("shared>1 type=net")).namespaces) == [("net", NET)]
    empty = Namespace("net", 4026532999, 4, names=("/run/netns/blue",))
    more = replace(snapshot, namespaces={**snapshot.namespaces, empty.key: empty})
    assert list(narrow(more, parse("nprocs=0")).namespaces) == [empty.key]
    assert list(narrow(more, parse("blue")).namespaces) == [empty.key]
    held = replace(empty, names=(), held_by=(Holder("mount", 10, None, "/run/netns/green"),))
    elsewhere = replace(more, namespaces={**more.namespaces, held.key: held})
    assert list(narrow(elsewhere, parse("green")).namespaces) == [held.key]


def veth(index: int, name: str, peer: int, net: int, *addresses: str) -> Interface:
    return Interface(index, name, "veth", addresses=addresses, link=Link(peer, net, peer=True))


def test_ports_addresses_and_interfaces_lead_to_those_whose_they_are(snapshot: Snapshot) -> None:
    nets = Reach([
        Net(1, (Interface(1, "lo", addresses=("127.0.0.1/8",)), Interface(3, "docker0", addresses=("172.17.0.1/16",)),
                veth(5, "vethAB12", 4, NET), veth(6, "veth999", 4, NET2)),
            listeners=(Listener("tcp", "0.0.0.0", 22, 1, 0, (10,)), Listener("udp", "0.0.0.0", 53, 2, 0))),
        Net(NET, (Interface(1, "lo", addresses=("127.0.0.1/8", "::1/128")),
                  veth(4, "eth0", 5, 1, "172.17.0.2/16", "fe80::1/64")),
            listeners=(Listener("tcp", "::", 8080, 3, 0, (20, 21)),)),
        Net(NET2, (veth(4, "eth0", 6, 1, "10.9.0.1/24"),), listeners=(Listener("udp", "0.0.0.0", 67, 4, 0),)),
    ], host=1)  # fmt: skip

    def found(expression: str) -> list[int]:
        wanted = parse(expression, nets=nets)
        assert wanted.about_nets
        return [pid for pid, p in snapshot.processes.items() if wanted.process(p, snapshot)]

    assert found("port=8080") == found("8080") == [20, 21]  # who has it open, not all that are in there
    assert found("port=22") == [10]
    assert found("port=53") == []  # nobody knows who, and on the host that would be everyone
    assert found("port=67") == [40]  # in there it is somebody of few
    assert found("port>79") == [20, 21]
    assert found("port!=8080") == [1, 10, 30, 40]
    assert found("172.17.0.2") == found("address=172.17.0.2") == found("address~fe80::") == [20, 21, 30]
    assert found("172.17") == [1, 10, 20, 21, 30]
    assert found("10.9") == [40]
    assert found("127.0.0.1") == []  # everybody's
    assert found("vethab12") == found("VETHab1") == found("interface=vethab12") == [20, 21, 30]
    assert found("interface=veth999 or docker0") == [1, 10, 40]
    assert found("interface=eth*") == [20, 21, 30, 40]
    assert found("8080 tail") == found("80801") == found("lo10") == []
    net = snapshot.namespaces["net", NET]
    assert parse("address=172.17.0.2", nets=nets).namespace(net, snapshot)
    assert not parse("port=8080", nets=nets).namespace(net, snapshot)
    assert parse("port=53", nets=nets).namespace(snapshot.namespaces["net", 1], snapshot)


def test_words_that_may_be_of_nets_are_known() -> None:
    for expression, about in (("8080", True), ("808000", False), ("10.0.0.1", True), ("fe80::1", True),
                              ("veth1a", True), ("nginx", False), ("not (a b1c2)", True), ("container=b1c2", False),
                              ("", False)):  # fmt: skip
        assert parse(expression).about_nets is about


def changed(snapshot: Snapshot, old: Process) -> Snapshot:
    return advance(snapshot, 2.0, [old], [], [], [], [], [])


def test_text_is_kept_while_its_records_stay_and_made_anew_when_they_do_not(snapshot: Snapshot) -> None:
    texts = Texts()
    wanted = parse("nginx", texts=texts)
    assert wanted.process(snapshot.processes[20], snapshot)
    first = texts.of(snapshot.processes[20], snapshot)
    assert texts.of(snapshot.processes[20], snapshot) is first
    renamed = changed(snapshot, replace(snapshot.processes[20], comm="apache", cmdline=("apache",)))
    assert "apache" in texts.of(renamed.processes[20], renamed)
    web = snapshot.containers["docker:feedc0de"]
    grown = advance(snapshot, 2.0, [], [], [], [], [replace(web, pids=(20, 21, 22))], [])
    kept = texts.of(snapshot.processes[21], snapshot)
    assert texts.of(grown.processes[21], grown) is kept  # a birth in it changes no text
    other = advance(snapshot, 2.0, [], [], [], [], [replace(web, name="shop")], [])
    assert "shop" in texts.of(other.processes[21], other)


@pytest.mark.parametrize("seed", range(10))
def test_texts_that_follow_a_host_are_those_made_anew_and_of_the_living_alone(seed: int) -> None:
    chance = random.Random(seed)
    texts, now = Texts(), random_host(chance)
    for _ in range(30):
        made = texts.ahead(now, 7)
        next(made, None)  # not all of them, and then on another snapshot
        if chance.random() < 0.7:
            now = later(chance, now)
        list(made)
        for one in chance.sample(list(now.processes.values()), 3):
            assert texts.of(one, now) == Texts().of(one, now)
        if chance.random() < 0.5:
            assert texts.all(now) == {pid: Texts().of(one, now) for pid, one in now.processes.items()}


@pytest.mark.parametrize(
    ("before", "now", "narrows"),
    [
        ("", "web", True), ("we", "web", True), ("web", "we", False), ("web", "web log", True), ("a b", "b a", True),
        ("a or b", "a or b c", False), ("a or b", "(a or b) c", True), ("not a", "not ab", False),
        ("40265", "402653", False), ("402653", "4026531", True), ("402653", "402699", False), ("4026", "40265", True),
        ("host=net", "host=net x", True), ("shared>1", "shared>1 x", False), ("container=a", "container=ab", False),
    ],
)  # fmt: skip
def test_what_narrows_is_known(before: str, now: str, narrows: bool) -> None:
    assert parse(now).narrows(parse(before)) is narrows


@pytest.mark.parametrize("seed", range(30))
def test_what_narrows_leaves_nothing_that_was_not_left_before(snapshot: Snapshot, seed: int) -> None:
    chance = random.Random(seed)
    pieces = ("web", "we", "n", "g", "33", "402653", "2173", " ", " ", "(", ")", "or", "not ", "host=net")
    for _ in range(200):
        before = "".join(chance.choice(pieces) for _ in range(chance.randint(0, 4)))
        now = before + "".join(chance.choice(pieces) for _ in range(chance.randint(0, 2)))
        try:
            old, new = parse(before), parse(now)
        except FilterError:
            continue
        if new.narrows(old):
            assert set(pids(snapshot, now)) <= set(pids(snapshot, before))


def test_filters_that_depend_on_others_processes_say_so() -> None:
    for expression, local in (("web", True), ("host=net", True), ("shared>1", False), ("not (a nprocs<2)", False),
                              ("label=x", False), ("", True)):  # fmt: skip
        assert parse(expression).local is local


def test_each_field_is_explained() -> None:
    assert all(field.about and name == field.name for name, field in FIELDS.items())
    assert set(syntax.FIELDS.split()) == set(FIELDS)
    for example, _ in syntax.LINES:
        assert parse(example)
    assert Filter().text == ""


def test_containers_of_a_namespace_are_counted_once_not_for_each_member(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    count = match.containers_of
    monkeypatch.setattr(match, "containers_of", lambda *of: counted.append(1) or count(*of))
    many = host(*(process(pid, net=NET) for pid in range(1, 500)))
    wanted = parse("shared>1 or shared=1 or shared.mnt>1", "net")
    assert not any(wanted.process(p, many) for p in many.processes.values())
    assert len(counted) == 3
    web = container("web", [1])
    later = advance(many, 2.0, [replace(many.processes[1], container=web.key)], [], [], [], [web], [])
    assert wanted.process(later.processes[2], later)  # of a newer snapshot it is counted anew
