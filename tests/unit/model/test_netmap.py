"""The net map's lines and its picture, from records."""

import json
import random
import re
from collections.abc import Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from nsview import report
from nsview.model import export, netmap
from nsview.model.filter import parse, reach_of
from nsview.model.leads import meant
from nsview.model.net import Forward, Interface, Link, Listener, Net, Nets, Route
from nsview.model.netfields import fields
from nsview.model.netmap import Map, NetItem, brief, summary
from nsview.model.netpicture import picture
from nsview.model.records import Namespace
from nsview.model.snapshot import Snapshot
from nsview.model.table import Line, widths
from nsview.model.text import cells
from tests.unit.make import HOST_INODE, container, host, left, process

LO = Interface(1, "lo", state="up", addresses=("127.0.0.1/8", "::1/128"))
HOST = Net(
    HOST_INODE,
    (
        LO,
        Interface(2, "eth0", state="up", addresses=("192.0.2.2/24", "fe80::1/64")),
        Interface(3, "docker0", "bridge", "up", addresses=("172.17.0.1/16",)),
        Interface(7, "vethab12", "veth", "up", master=3, link=Link(2, 20, True), addresses=("fe80::2/64",)),
        Interface(9, "vethcd34", "veth", "up", master=3, link=Link(2, 30, True)),
    ),
    (Route(4, "192.0.2.1", "eth0"),),
    (Listener("tcp", "0.0.0.0", 22, 100, 0, (5,)),),
    "netlink",
)
WEB = Net(
    20,
    (LO, Interface(2, "eth0", "veth", "up", addresses=("172.17.0.2/16",), link=Link(7, HOST_INODE, True))),
    (Route(4, "172.17.0.1", "eth0"),),
    (Listener("tcp", "::", 8080, 101, 0, (10, 11)), Listener("udp", "127.0.0.11", 53, 102, 0, (5,))),
    "netlink",
)
LEDGER = Net(
    30,
    (LO, Interface(2, "eth0", "veth", "up", addresses=("172.17.0.3/16",), link=Link(9, HOST_INODE, True))),
    source="netlink",
)
BLUE = Net(40, (LO,), source="netlink")


def world() -> Snapshot:
    processes = [
        process(5, comm="dockerd"), process(10, net=20, comm="httpd", container="docker:web"),
        process(11, net=20, comm="httpd", container="docker:web"), process(12, net=20, container="docker:logs"),
        process(20, net=30, container="docker:ledger"),
    ]  # fmt: skip
    containers = [container("web", [10, 11]), container("logs", [12]), container("ledger", [20])]
    shown = host(*processes, containers=containers)
    blue = Namespace("net", 40, 4, names=("/run/netns/blue",))
    return replace(shown, namespaces={**shown.namespaces, blue.key: blue})


def found(*nets: Net) -> Map:
    return Map(Nets(1.0, nets or (BLUE, LEDGER, WEB, HOST)), world())


def texts(lines: Iterable[Line]) -> list[str]:
    return ["  ".join(cell.text.strip() for cell in line.cells if cell.text.strip()) for line in lines]


def answer(expression: str) -> list[str]:
    there = found()
    return texts(left(there.lines(), expression, there.snapshot, fields(there), "net"))


def test_the_hosts_comes_first_then_containers_then_the_named() -> None:
    assert [found().title(net.inode) for net in found().nets] == ["host", "ledger", "logs, web", "blue"]


def test_a_port_typed_is_answered_by_its_container() -> None:
    assert answer("8080") == [
        "logs, web  net:[20]  3 processes",
        "tcp 8080  listens  [::]:8080  10 httpd, 11 httpd  web",
    ]


def test_a_veth_typed_is_answered_by_the_container_it_leads_to() -> None:
    lines = answer("vethab12")
    assert "vethab12  veth  up  ↔ eth0 of logs, web, port of docker0" in lines
    assert "eth0  veth  up  172.17.0.2/16  ↔ vethab12 of host, default via 172.17.0.1" in lines
    assert not [line for line in texts(found().lines()) if line.startswith("default route")]
    assert not [line for line in lines if "vethcd34  veth" in line]


def test_an_address_a_name_and_an_inode_find_a_namespace() -> None:
    assert answer("172.17.0.3")[-1].startswith("eth0")
    assert answer("netns/blue") == ["blue  net:[40]  no process, /run/netns/blue, nothing but the loopback"]
    ledger = ["ledger  net:[30]  1 process", "eth0  veth  up  172.17.0.3/16  ↔ vethcd34 of host"]
    assert answer("net:30") == answer("net:[30]") == ledger


@pytest.mark.parametrize("width", range(78, 201, 4))
def test_where_an_interface_leads_is_told_whole_on_any_width(width: int) -> None:
    many = tuple(Interface(20 + n, f"veth{n}", "veth", "up", master=3) for n in range(40))
    lines = found(BLUE, LEDGER, WEB, replace(HOST, interfaces=(*HOST.interfaces, *many))).lines()
    sizes = widths(netmap.COLUMNS, lines, width)
    for line in lines:
        told = line.cells[-1]
        if isinstance(line.subject, NetItem) and isinstance(line.subject.thing, Interface | Listener):
            assert sizes[-1] >= len(told.brief or told.text), told
    assert sum(sizes) + 2 * (sum(map(bool, sizes)) - 1) <= width and sizes[0] >= 15


def test_a_kind_and_a_state_have_columns_of_their_own() -> None:
    odd = replace(
        HOST, interfaces=(*HOST.interfaces[:2], Interface(4, "wg0", "wireguard", "down", addresses=("10.1.0.1/24",)))
    )
    shown = {line.cells[0].text.strip(): [cell.text for cell in line.cells[1:4]] for line in found(odd).lines()}
    assert shown["eth0"] == ["device", "up", "192.0.2.2/24"] and shown["wg0"] == ["wireguard", "down", "10.1.0.1/24"]
    unread = Net(50, (Interface(0, "eth0"),), source="proc")
    assert [line.cells[1].text for line in found(unread).lines()] == ["", "?"], "nobody has asked the kernel"
    assert [line.split()[0] for line in answer("kind=device")] == ["host", "eth0"]


def test_a_field_is_that_of_a_line_or_of_who_is_behind_it() -> None:
    web = "logs, web  net:[20]  3 processes"
    port = "tcp 8080  listens  [::]:8080  10 httpd, 11 httpd  web"
    assert answer("port=8080") == answer("port>8000 protocol=tcp") == answer("port=8080 container=web") == [web, port]
    assert answer("port=8080 container=ledger") == []
    assert [line.split()[0] for line in answer("kind=bridge")] == ["host", "docker0"]
    assert [line.split()[0] for line in answer("interface=vethab12")] == ["host", "vethab12", "logs,", "eth0"]
    assert answer("address=172.17.0.3") == answer("172.17.0.3")
    assert answer("container=web kind=veth")[:1] == [web] and len(answer("container=web kind=veth")) == 2
    assert [line.split()[0] for line in answer("kind=veth host")] == ["host", "vethab12", "vethcd34"]
    assert port not in answer("not port=8080") and web in answer("not port=8080")
    assert not [line for line in answer("not host") if "docker0" in line.split()[:1]]
    assert answer("nprocs=0")[0].startswith("blue")
    assert answer("name=dockerd port=53")[-1].startswith("udp 53")


def test_what_is_asked_of_a_container_or_a_namespace_keeps_every_line_of_that_net() -> None:
    """Whoever owns the socket: dockerd answers at 127.0.0.11 of its containers."""
    foreign = "udp 53  listens  127.0.0.11:53  5 dockerd"
    whole = answer("net:20")
    assert foreign in whole and len(whole) == 4
    same = "container=web", "container=logs", "runtime=docker net:20", "nprocs=3", "shared=2 net=20"
    for expression in (*same, "not host net=20"):
        assert answer(expression) == whole, expression
    assert foreign not in answer("container!=web") and foreign not in answer("not net:20")
    assert foreign not in answer("name=httpd") and foreign not in answer("pid=10")


def test_what_is_drawn_is_found_by_all_that_is_in_it_and_not_by_what_hangs_from_it() -> None:
    there = found()
    wholes = [there.whole(net) for net in there.nets]

    def drawn(expression: str) -> list[str]:
        kept = left(wholes, expression, there.snapshot, fields(there), "net")
        return [there.title(line.key) for line in kept]  # type: ignore[arg-type]

    assert drawn("port=8080") == drawn("8080") == drawn("interface=vethab12 container=web") == ["logs, web"]
    assert drawn("vethab12") == drawn("interface=vethab12") == ["logs, web"]
    assert drawn("kind=bridge") == drawn("host") == ["host"]


def test_a_listener_of_a_process_elsewhere_says_which() -> None:
    (line,) = [line for line in answer("udp 53") if line.startswith("udp")]
    assert line == "udp 53  listens  127.0.0.11:53  5 dockerd"


def test_what_could_not_be_read_says_so() -> None:
    lines = texts(found(Net(20, unreadable="EPERM"), replace(LEDGER, source="proc", unreadable="EPERM")).lines())
    assert "logs, web  net:[20]  3 processes, not readable: EPERM" in lines
    assert "ledger  net:[30]  1 process, seen through /proc alone" in lines


def test_an_end_that_is_not_seen_is_told_as_such() -> None:
    net = replace(WEB, interfaces=(replace(WEB.interfaces[1], link=Link(77, None)),))
    assert found(net).leads_to(net, net.interfaces[0]) == "→ interface 77 of one not seen"
    net = replace(WEB, interfaces=(replace(WEB.interfaces[1], link=Link(77, 99)),))
    assert found(net).leads_to(net, net.interfaces[0]) == "→ interface 77 of net:[99]"


def test_the_summary_for_details_of_a_namespace() -> None:
    told = dict(summary(Nets(1.0, (WEB, HOST)), 20, world()) or ())
    assert told["eth0"] == "172.17.0.2/16  ↔ vethab12 of host"
    assert told["default"] == "via 172.17.0.1 on eth0"
    assert told["tcp 8080"].endswith("10 httpd, 11 httpd  web")
    assert summary(Nets(1.0, ()), 20, world()) is None
    assert summary(Nets(1.0, (BLUE,)), 40, world()) == []
    many = tuple(Interface(number, f"d{number}") for number in range(2, 50))
    assert summary(Nets(1.0, (replace(BLUE, interfaces=many),)), 40, world())[-1] == (  # type: ignore[index]
        "", "and 36 more, on the net map",
    )  # fmt: skip


def test_words_are_cut_with_a_count() -> None:
    assert brief(["a", "b", "c"], 2) == "a, b +1"
    assert Listener("tcp", "::1", 80, 1, 0).endpoint == "[::1]:80"


def test_the_command_line_prints_the_same_lines_and_json_of_the_records() -> None:
    shown = found()
    chosen = [net for net in shown.nets if net.inode == 20]
    text = report.listing(netmap.COLUMNS, shown.lines_of(chosen[0]), width=200).splitlines()
    assert text[1].split() == ["logs,", "web", "net:[20]", "3", "processes"]
    assert text[-2].split() == ["tcp", "8080", "listens", "[::]:8080", "10", "httpd,", "11", "httpd", "web"]
    told = json.loads(json.dumps(export.nets(shown, chosen)))
    assert (told["schema"], told["taken_at"], told["notes"]) == (1, 1.0, [])
    (net,) = told["nets"]
    assert net["title"] == "logs, web" and net["containers"] == ["docker:logs", "docker:web"]
    assert net["interfaces"][1]["link"] == {"index": 7, "net": HOST_INODE, "peer": True}
    assert net["listeners"][0]["pids"] == [10, 11]


def proxied(container_ip: str = "172.17.0.2", **fields: object) -> tuple[Nets, Snapshot]:
    """The world with a docker-proxy that publishes 8080 of `web` at 80; its arguments and more can be changed."""
    words = ("docker-proxy", "-proto", "tcp", "-host-ip", "0.0.0.0", "-host-port", "80", "-container-ip", container_ip)
    proxy = process(50, comm="docker-proxy", cmdline=(*words, "-container-port", "8080"))
    shims = process(60, comm="containerd-shim")
    shown = world()
    containers = {key: replace(c, shim_pid=60) for key, c in shown.containers.items()}
    processes = {**shown.processes, 50: replace(proxy, **fields), 60: shims}
    bound = replace(HOST, listeners=(*HOST.listeners, Listener("tcp", "0.0.0.0", 80, 777, 0, (50,))))
    return Nets(1.0, (BLUE, LEDGER, WEB, bound)), replace(shown, processes=processes, containers=containers)


def asked(nets: Nets, shown: Snapshot, expression: str) -> list[str]:
    there = Map(nets, shown)
    return texts(left(there.lines(), expression, shown, fields(there), "net"))


def test_a_published_port_leads_to_its_container() -> None:
    nets, shown = proxied()
    assert asked(nets, shown, "port=80")[1:] == [
        "tcp 80  listens  0.0.0.0:80  → web:8080  50 docker-proxy",
        "logs, web  net:[20]  3 processes",
        "tcp 8080  listens  [::]:8080  10 httpd, 11 httpd  web  ← 0.0.0.0:80",
    ]
    assert asked(nets, shown, "port=80 container=web") == asked(nets, shown, "port=80")
    line = next(line for line in Map(nets, shown).lines() if line.cells[0].text.strip() == "tcp 80")
    assert line.thing == "docker:web"
    assert [lead.thing for lead in meant(shown, "80", nets)] == ["docker:web", 50]
    for expression in ("port=80", "80"):
        wanted = parse(expression, nets=reach_of(nets, shown))
        assert [pid for pid, one in shown.processes.items() if wanted.process(one, shown)] == [10, 11, 50]


@pytest.mark.parametrize(
    "told",
    [
        {"container_ip": "172.17.0.99"}, {"comm": "nc"}, {"uid": 1000}, {"cmdline": ("docker-proxy",)},
        {"cmdline": ("docker-proxy", "-proto", "udp", "-host-port", "80", "-container-ip", "172.17.0.2",
                     "-container-port", "8080")},
        {"cmdline": ("docker-proxy", "-proto", "tcp", "-host-port", "80", "-container-ip", "172.17.0.2",
                     "-container-port", "²")},
    ],
)  # fmt: skip
def test_who_only_calls_himself_a_proxy_or_says_something_else_is_not_believed(told: dict[str, Any]) -> None:
    lines = asked(*proxied(**told), "port=80")
    assert len(lines) == 2 and "→" not in lines[1]


def test_of_an_address_that_is_there_twice_it_is_not_known_whose_it_is() -> None:
    nets, shown = proxied()
    twin = replace(LEDGER, interfaces=WEB.interfaces)
    assert not any("→ web:8080" in line for line in asked(Nets(1.0, (*nets.nets, twin)), shown, "port=80"))


# The picture


def drawn(nets: Map, chosen: Iterable[int] | None = None, width: int = 100) -> list[str]:
    wanted = chosen if chosen is not None else [net.inode for net in nets.nets]
    return ["".join(cell.text for cell in line.cells) for line in picture(nets, wanted, width)]


def test_the_picture_of_a_bridge_with_two_containers() -> None:
    assert (
        drawn(found(), width=84)
        == """\
╭─ host ─────────────────────────────────╮
│ eth0     192.0.2.2/24  ⇢ 192.0.2.1     │
│ docker0  172.17.0.1/16                 │
│ │                                      │    ╭─ logs, web ────────────────────────╮
│ ├─ vethab12 ═══════════════════════════╪════╪═ eth0  172.17.0.2/16  ⇢ 172.17.0.1 │
│ │                                      │    │ tcp 8080  10 httpd, 11 httpd  web  │
│ │                                      │    │ udp 53  5 dockerd                  │
│ │                                      │    ╰─ net:[20] 3 processes ─────────────╯
│ │                                      │    ╭─ ledger ─────────────╮
│ └─ vethcd34 ═══════════════════════════╪════╪═ eth0  172.17.0.3/16 │
│                                        │    ╰─ net:[30] 1 process ─╯
│ tcp 22  5 dockerd                      │
╰─ net:[1] 1 process ────────────────────╯

╭─ nothing but a loopback ───────────────────╮
│ blue  net:[40] 0 processes /run/netns/blue │
╰────────────────────────────────────────────╯""".splitlines()
    )


def test_a_chosen_namespace_is_drawn_with_what_leads_to_it_and_no_more() -> None:
    text = "\n".join(drawn(found(), [30]))
    assert "ledger" in text and "docker0" in text and "vethcd34" in text
    assert "vethab12" not in text and "web" not in text and "blue" not in text


@pytest.mark.parametrize("seed", range(60))
def test_any_picture_has_each_namespace_once_at_its_end_and_keeps_to_its_width(seed: int) -> None:
    """Random forests and rings of pairs, and devices that stand on others; names of any kind."""
    rng = random.Random(seed)
    number = rng.randrange(1, 12)
    ends: dict[int, list[Interface]] = {inode: [LO] for inode in range(1, number + 1)}
    names = ["eth0", "vethab12", "\x1b[31mred", "名前の長い名", "a" * 15, "é\u0301"]
    for _ in range(rng.randrange(number * 2)):
        one, other = rng.randrange(1, number + 1), rng.randrange(1, number + 1)
        if one == other:
            continue
        i, j = len(ends[one]) + 1, len(ends[other]) + 1
        pair = rng.random() < 0.8
        ends[one].append(Interface(i, rng.choice(names), "veth", link=Link(j, other, pair)))
        ends[other].append(Interface(j, rng.choice(names), "veth", link=Link(i, one, True) if pair else None))
    nets = Nets(1.0, tuple(Net(inode, tuple(found), source="netlink") for inode, found in ends.items()))
    shown = Map(nets, host(*(process(inode + 100, net=inode) for inode in ends)))
    width = rng.randrange(40, 160)
    lines = drawn(shown, width=width)
    assert all(cells(line) <= width and line.isprintable() for line in lines)
    assert len({line.key for line in picture(shown, ends, width)}) == len(lines)
    about = {line.subject.net.inode for line in picture(shown, ends, width) if isinstance(line.subject, NetItem)}
    assert about == set(ends)
    assert "\n".join(lines).count("╭") == "\n".join(lines).count("╯")


def test_boxes_close_where_they_open() -> None:
    """In every line what stands right of a box is in the column of its corner."""
    lines = drawn(found(), width=84)
    for place, line in enumerate(lines):
        for corner in re.finditer("╮", line):
            column = corner.start()
            below = next(i for i in range(place + 1, len(lines)) if lines[i][column : column + 1] == "╯")
            assert all(lines[i][column : column + 1] in "│╪┼" for i in range(place + 1, below))


def sent(*forwards: Forward, listeners: tuple[Listener, ...] = ()) -> Map:
    """A map in which the host sends these on."""
    return found(replace(HOST, forwards=forwards, listeners=listeners, forwards_unread=None), WEB, LEDGER)


def test_what_is_sent_on_is_told_by_its_container_and_found_by_every_port_of_it() -> None:
    dmz = Forward("any", "1.2.3.4", 0, 65535, "10.9.9.9")
    there = sent(Forward("tcp", None, 18080, 18080, "172.17.0.2", 8080), dmz)

    def by(expression: str) -> list[str]:
        return texts(left(there.lines(), expression, there.snapshot, fields(there), "net"))

    line, every = "tcp 18080  sent on  *:18080  → web:8080  172.17.0.2:8080", "any 0-65535  sent on  1.2.3.4:0-65535"
    behind = "tcp 8080  listens  [::]:8080  10 httpd, 11 httpd  web  ← *:18080"
    assert by("port=18080 container=web")[1::2] == [line, behind]
    assert line in by("18080") and behind in by("18080")
    assert by("port=5")[1:] == [f"{every}  → 10.9.9.9:0"]
    assert any(one.startswith(every) for one in by("port>65000"))
    assert not [one for one in by("port!=18080") if "sent on" in one]
    served = reach_of(Nets(1.0, tuple(there.nets)), there.snapshot)
    assert 18080 in served.ports(there.snapshot.processes[10])


def test_a_record_of_what_is_told_already_is_not_told_again() -> None:
    record = Forward("tcp", None, 90, 90, "172.17.0.3", 80, by="docker", container="docker:ledger")
    rule, listener = replace(record, by="rules", container=None), Listener("tcp", "0.0.0.0", 90, 900, 0, (5,))

    def lines(there: Map) -> list[str]:
        return [line for line in texts(there.lines()) if line.startswith("tcp 90")]

    assert lines(sent(record)) == ["tcp 90  by record  *:90  → ledger:80  172.17.0.3:80"]
    assert lines(sent(rule, record)) == ["tcp 90  sent on  *:90  → ledger:80  172.17.0.3:80"]
    assert lines(sent(record, listeners=(listener,))) == ["tcp 90  listens  0.0.0.0:90  → ledger:80  5 dockerd"]
    gone = replace(record, container="docker:gone")
    assert lines(sent(gone)) == ["tcp 90  by record  *:90  → 172.17.0.3:80"]


def test_ports_that_go_in_step_and_those_that_all_go_to_one() -> None:
    step, one, same = (Forward("tcp", None, 10, 19, "1.1.1.1", *more) for more in ((30, True), (30,), ()))
    assert [forward.at(12) for forward in (step, one, same)] == [32, 30, 12]
    assert [list(forward.before(32)) for forward in (step, one, same)] == [[12], [], []]
    assert list(one.before(30)) == list(range(10, 20)) and list(same.before(12)) == [12]
    assert list(step.before(29)) == list(step.before(40)) == []


def test_who_serves_a_net_namespace_publishes_what_is_published_there() -> None:
    """As rootlesskit: its port leads to the docker-proxy of a user's dockerd, and that to the container."""
    proxy = Listener("tcp", "0.0.0.0", 90, 901, 0, (5,))
    inner = replace(BLUE, listeners=(proxy,), forwards=(Forward("tcp", None, 90, 90, "172.17.0.2", 8080),))
    outer = (Listener("tcp", "0.0.0.0", 90, 900, 0, (10,), BLUE.inode), Listener("tcp", "::", 91, 902, 0, (10,), 10**9))
    hung = replace(WEB, interfaces=(LO, replace(WEB.interfaces[1], link=Link(7, BLUE.inode, True))))
    there = found(replace(HOST, listeners=outer), hung, LEDGER, inner)
    to = there.publishing.published(outer[0])
    assert to and there.publishing.called(to) == "web:8080"
    assert to.by == "by httpd, pid 10, which serves that net namespace"
    assert there.publishing.published(outer[1]) is None  # of a net namespace that is not known


def test_where_the_kernel_chooses_nobody_is_named_for_all() -> None:
    both = Forward("tcp", None, 90, 90, "172.17.0.1", 80, to_last="172.17.0.9")
    ports = Forward("tcp", None, 91, 91, "172.17.0.2", 8080, to_port_last=8090)
    odd = Forward("tcp", None, 92, 92, "", to_last="x")
    there = sent(both, ports, odd)
    lines = [line for line in texts(there.lines()) if "sent on" in line]
    assert [line.partition("→ ")[2] for line in lines] == [
        "web, ledger  172.17.0.1-172.17.0.9:80", "web  172.17.0.2:8080-8090", "-x:92",
    ]  # fmt: skip
    assert there.publishing.sent_on(there.nets[0], both) is None
    assert [list(ports.before(port)) for port in (8079, 8080, 8090, 8091)] == [[], [91], [91], []]
    served = reach_of(Nets(1.0, tuple(there.nets)), there.snapshot)
    assert 91 in served.ports(there.snapshot.processes[10])


def test_the_same_address_in_several_namespaces_is_that_of_the_one_that_hangs_there() -> None:
    far = replace(LEDGER, interfaces=(LO, replace(WEB.interfaces[1], link=Link(7, 40, True))))
    forward = Forward("tcp", None, 90, 90, "172.17.0.2", 80)
    host = replace(HOST, forwards=(forward,))
    there = found(host, WEB, far)
    to = there.publishing.sent_on(host, forward)
    assert to and to.net.inode == WEB.inode
    twice = found(host, replace(WEB, interfaces=far.interfaces), far)
    assert twice.publishing.sent_on(host, forward) is None
    other = replace(BLUE, forwards=(forward,))
    assert found(other, WEB, LEDGER).publishing.sent_on(other, forward) is None  # nothing of that hangs from it
