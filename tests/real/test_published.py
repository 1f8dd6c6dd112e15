"""Published ports against the rules that the kernel has, and against packets that are really sent."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsview.model.net import Forward
from tests.unit.processes import running

from .account import Account
from .command import nsview, printed
from .conftest import require
from .daemons import SLEEP, Docker, run
from .nets import Seen, inode
from .runtimes import Podman, RootlessPodman
from .test_net import ENVIRONMENT, of_pid, path_of, within
from .workspace import PATIENCE, Workspace, wait_until

FIRST = 33000 + os.getpid() % 4000 * 3
"""The first of three ports that others who run these tests do not use, and beyond most kernels' pids: a word that is a
number means a process first."""

RULES = """
table ip nat {
  map named {
    type inet_service : ipv4_addr . inet_service
    elements = { 7001 : 10.0.0.7 . 80, 7002 : 10.0.0.8 . 81 }
  }
  set open { type inet_service; flags interval; elements = { 6000-6010, 6020 }; }
  map service {
    type ipv4_addr . inet_proto . inet_service : verdict
    elements = { 10.96.0.1 . tcp . 443 : goto endpoint }
  }
  chain endpoint { numgen random mod 2 vmap { 0 : goto one, 1 : goto two }; }
  chain one { meta l4proto tcp dnat to 10.244.0.5:6443; }
  chain two { meta l4proto tcp dnat to 10.244.0.6:6443; }
  chain pre {
    type nat hook prerouting priority dstnat;
    tcp dport { 80, 443 } dnat to 10.0.0.2
    tcp dport 2222 dnat to 10.0.0.3:22
    ip daddr 192.0.2.0/24 udp dport 53 dnat to 10.0.0.4:5353
    dnat ip to tcp dport map { 8081 : 10.0.0.5, 8082 : 10.0.0.6 }
    dnat ip addr . port to tcp dport map @named
    tcp dport @open dnat to 10.0.0.9
    ip daddr . ip protocol . th dport vmap @service
    iifname "eth0" udp dport != 5 udp dport 4-7 dnat to 10.0.0.10-10.0.0.12:9
    tcp dport 5 redirect to :6
    tcp dport 10 ct mark 5 dnat to 10.0.0.20
    tcp dport 11 fib daddr type local dnat to numgen inc mod 2 map { 0 : 10.0.0.21, 1 : 10.0.0.22 }
    tcp sport 3 tcp dport 12 dnat to 10.0.0.23
    ip saddr 10.1.0.0/16 ip daddr 10.2.0.0/24 tcp dport 13 dnat to 10.0.0.24
    udp sport 3 dnat to udp dport map { 14 : 10.0.0.25, * : 10.0.0.26 }
    accept
    tcp dport 6 dnat to 10.0.0.11
  }
  chain out { type nat hook output priority -100; tcp dport 97 dnat to 10.0.0.2; }
  chain unused { tcp dport 96 dnat to 10.0.0.2; }
}
table inet both {
  chain pre {
    type nat hook prerouting priority dstnat;
    meta nfproto ipv4 tcp dport 3000 dnat ip to 10.0.0.13:3
    tcp dport 3001 dnat ip6 to [fd00::5]:33
    ip6 daddr fd00::1 tcp dport 3002 dnat ip6 to [fd00::5]:34
    ip daddr { 10.5.0.1, 10.5.0.2 } tcp dport 3003 dnat ip to 10.0.0.14
    ip daddr . tcp dport { 10.5.0.1 . 3004, 10.5.0.2 . 3005-3006 } dnat ip to 10.0.0.15
    meta l4proto { tcp, udp } th dport 3007 dnat ip to 10.0.0.16
    tcp dport 3008 jump more
  }
  chain more { tcp dport 3009 dnat ip to 10.0.0.17; tcp dport 3000-3100 dnat ip to 10.0.0.18:1; }
}
table ip sleeping {
  flags dormant
  chain pre { type nat hook prerouting priority dstnat; tcp dport 95 dnat to 10.0.0.2; }
}
"""

RANGES = """
    ip daddr 10.6.0.1-10.6.0.9 tcp dport 4000 dnat to 10.0.0.30-10.0.0.32:9
    ip daddr >= 10.6.0.1 ip daddr < 10.6.0.9 tcp dport 4001 dnat to 10.0.0.30:9000-9010
    ip daddr 10.7.0.0/16 ip daddr != 10.7.0.1 tcp dport 4002-4003 dnat ip prefix to 10.8.0.0/24
    ip daddr 10.6.0.0/24 ip daddr 10.6.0.128/25 tcp dport 4004 dnat to 10.0.0.30
    ip daddr 10.6.0.0/24 ip daddr 10.6.1.0/24 tcp dport 4005 dnat to 10.0.0.30
"""
RANGED = {
    "4000": ("10.6.0.1-10.6.0.9:4000", "10.0.0.30-10.0.0.32:9"),
    "4001": ("10.6.0.1-10.6.0.8:4001", "10.0.0.30:9000-9010"),
    "4002": ("10.7.0.0/16:4002-4003", "10.8.0.0-10.8.0.255:4002"),
    "4004": ("10.6.0.128/25:4004", "10.0.0.30:4004"),
}
OF_IPTABLES_RANGED = (
    ("-p tcp --dport 4000 -m iprange --dst-range 10.6.0.1-10.6.0.9 -j DNAT --to 10.0.0.30-10.0.0.32:9", "4000"),
    ("-p tcp --dport 4001 -m iprange --dst-range 10.6.0.1-10.6.0.8 -j DNAT --to 10.0.0.30:9000-9010", "4001"),
    ("-p tcp --dport 4002:4003 -d 10.7.0.0/16 -j NETMAP --to 10.8.0.0/24", "4002"),
    ("-p tcp --dport 4004 -d 10.6.0.128/25 -m iprange ! --dst-range 1.1.1.1-1.1.1.2 -j DNAT --to 10.0.0.30", "4004"),
)

SENT_ON = {
    ("tcp", "*:80", "10.0.0.2", 80), ("tcp", "*:443", "10.0.0.2", 443), ("tcp", "*:2222", "10.0.0.3", 22),
    ("udp", "192.0.2.0/24:53", "10.0.0.4", 5353), ("tcp", "*:8081", "10.0.0.5", 8081),
    ("tcp", "*:8082", "10.0.0.6", 8082), ("tcp", "*:7001", "10.0.0.7", 80), ("tcp", "*:7002", "10.0.0.8", 81),
    ("tcp", "*:6000-6010", "10.0.0.9", 6000), ("tcp", "*:6020", "10.0.0.9", 6020),
    ("tcp", "10.96.0.1:443", "10.244.0.5", 6443), ("tcp", "10.96.0.1:443", "10.244.0.6", 6443),
    ("udp", "*:4-7", "10.0.0.10", 9), ("tcp", "*:10", "10.0.0.20", 10), ("tcp", "*:11", "10.0.0.21", 11),
    ("tcp", "*:11", "10.0.0.22", 11), ("tcp", "*:12", "10.0.0.23", 12), ("tcp", "10.2.0.0/24:13", "10.0.0.24", 13),
    ("udp", "*:14", "10.0.0.25", 14), ("udp", "*:0-65535", "10.0.0.26", 0),
    ("tcp", "*:3000", "10.0.0.13", 3), ("tcp", "*:3001", "fd00::5", 33),
    ("tcp", "[fd00::1]:3002", "fd00::5", 34), ("tcp", "10.5.0.1:3003", "10.0.0.14", 3003),
    ("tcp", "10.5.0.2:3003", "10.0.0.14", 3003), ("tcp", "10.5.0.1:3004", "10.0.0.15", 3004),
    ("tcp", "10.5.0.2:3005-3006", "10.0.0.15", 3005), ("tcp", "*:3007", "10.0.0.16", 3007),
    ("udp", "*:3007", "10.0.0.16", 3007), ("tcp", "*:3008", "10.0.0.18", 1),
}  # fmt: skip

OF_IPTABLES = (
    ("-p tcp --dport 18080 -j DNAT --to 10.1.2.3:80", {("tcp", "*:18080", "10.1.2.3", 80)}),
    (
        "-p udp -m multiport --dports 1,2,5:9 -j DNAT --to-destination 10.1.2.4",
        {("udp", f"*:{ports}", "10.1.2.4", first) for ports, first in (("1", 1), ("2", 2), ("5-9", 5))},
    ),
    (
        "-p tcp -d 1.2.3.4 --dport 8000:8010 -j DNAT --to-destination 10.1.2.5:9000-9010/8000",
        {("tcp", "1.2.3.4:8000-8010", "10.1.2.5", 9000)},
    ),
    ("-d 10.0.0.0/12 -p sctp -j DNAT --to-destination 10.1.2.7", {("sctp", "10.0.0.0/12:0-65535", "10.1.2.7", 0)}),
    ("-s 9.9.9.9 -p tcp ! --dport 5 -j DNAT --to-destination 10.1.2.8", {("tcp", "*:0-65535", "10.1.2.8", 0)}),
    ("-p tcp --dport 6 -m statistic --mode random --probability 0.5 -j CHAIN", {("tcp", "*:6", "10.1.2.9", 7)}),
    ("-p tcp --dport 7 -j REDIRECT --to-ports 8", set()),
    ("-p tcp --dport 8 -j RETURN", set()),
)


def told(forward: Forward) -> tuple[str, str, str, int]:
    return forward.protocol, forward.endpoint, forward.to, forward.at(forward.port)


@pytest.fixture
def router(workspace: Workspace) -> Iterator[str]:
    """A net namespace with a name."""
    require("ip", "nft", "iptables", "nsenter")
    name = f"{workspace.bridge}-router"
    run(("ip", "netns", "add", name), ENVIRONMENT)
    yield name
    run(("ip", "netns", "delete", name), ENVIRONMENT, check=False)


def nft(where: str | int, rules: str) -> None:
    """In a net namespace by its name, or that of a pid."""
    path = of_pid(where) if isinstance(where, int) else path_of(where)
    command = ["nsenter", f"--net={path}", "nft", "-f", "-"]
    subprocess.run(command, input=rules, text=True, check=True, env=ENVIRONMENT)


def kinds_of_iptables(name: str) -> list[str]:
    """Those that the kernel has tables for; asking makes the table."""
    legacy = run(("nsenter", f"--net={path_of(name)}", "iptables-legacy", "-t", "nat", "-S"), ENVIRONMENT, check=False)
    return ["nft", *(["legacy"] if legacy else [])]


def test_what_nft_sends_on(router: str, seen: Seen) -> None:
    nft(router, RULES)
    before = within(path_of(router), "nft", "list", "ruleset")
    seen.look()
    net = seen.net(path_of(router))
    assert {told(forward) for forward in net.forwards} == SENT_ON
    assert net.forwards_unread is None
    assert within(path_of(router), "nft", "list", "ruleset") == before


@pytest.mark.parametrize("kind", ["nftables", "nft", "legacy"])
def test_what_leads_to_several_addresses_or_ports_is_told_whole(router: str, seen: Seen, kind: str) -> None:
    if kind == "nftables":
        nft(router, chain(RANGES))
    elif kind in kinds_of_iptables(router):
        for rule, _ in OF_IPTABLES_RANGED:
            within(path_of(router), f"iptables-{kind}", "-t", "nat", "-A", "PREROUTING", *rule.split())
    else:
        return  # this kernel has no such tables
    seen.look()
    forwards = seen.net(path_of(router)).forwards
    assert {str(forward.port): (forward.endpoint, forward.target) for forward in forwards} == RANGED


@pytest.mark.parametrize("kind", ["nft", "legacy"])
def test_what_iptables_sends_on(router: str, seen: Seen, kind: str) -> None:
    if kind not in kinds_of_iptables(router):
        return  # this kernel has no such tables
    table = (f"iptables-{kind}", "-t", "nat")
    within(path_of(router), *table, "-N", "CHAIN")
    within(path_of(router), *table, *"-A CHAIN -p tcp -j DNAT --to-destination 10.1.2.9:7".split())
    for rule, _ in OF_IPTABLES:
        within(path_of(router), *table, "-A", "PREROUTING", *rule.split())
    six = "-t nat -A PREROUTING -p tcp --dport 81 -j DNAT --to-destination [fd00::1]:80"
    within(path_of(router), f"ip6tables-{kind}", *six.split())
    before = within(path_of(router), *table, "-S")
    seen.look()
    expected = set().union(*(said for _, said in OF_IPTABLES)) | {("tcp", "*:81", "fd00::1", 80)}
    assert {told(forward) for forward in seen.net(path_of(router)).forwards} == expected
    assert within(path_of(router), *table, "-S") == before


def test_where_there_are_too_many_rules_it_says_so(router: str, seen: Seen) -> None:
    rules = "\n".join(f"tcp dport {1 + n % 60000} ip saddr 10.0.{n % 250}.1 dnat to 10.3.0.1" for n in range(9000))
    nft(router, f"table ip nat {{ chain pre {{ type nat hook prerouting priority dstnat;\n{rules}\n}}\n}}\n")
    seen.look()
    net = seen.net(path_of(router))
    assert len(net.forwards) > 1000
    assert net.forwards_unread == "too many rules"
    assert any("ports sent on: too many rules" in line for line in seen.answer(f"net:{net.inode}"))


def chain(rules: str, more: str = "") -> str:
    return f"table ip nat {{\n{more}\nchain pre {{ type nat hook prerouting priority dstnat;\n{rules}\n}}\n}}\n"


def test_however_many_addresses_may_come_the_port_is_told(router: str, seen: Seen) -> None:
    addresses = [f"10.0.{n // 250}.{n % 250}" for n in range(3000)]
    blocked = f"set blocked {{ type ipv4_addr; elements = {{ {', '.join(addresses)} }}; }}"
    pairs = ", ".join(f"{address} . 81" for address in addresses)
    some = f"set some {{ type ipv4_addr . inet_service; elements = {{ {pairs} }}; }}"
    rules = "ip saddr @blocked drop\ntcp dport 80 dnat to 10.3.0.1\nip saddr . tcp dport @some dnat to 10.3.0.2"
    nft(router, chain(rules, f"{blocked}\n{some}"))
    seen.look()
    net = seen.net(path_of(router))
    expected = {("tcp", "*:80", "10.3.0.1", 80), ("tcp", "*:81", "10.3.0.2", 81)}
    assert {told(forward) for forward in net.forwards} == expected
    assert net.forwards_unread is None


def test_sets_that_are_asked_ever_again_come_to_an_end(router: str, seen: Seen) -> None:
    """Who is in a container may write such: it keeps nobody from reading the net map."""
    ports = f"set many {{ type inet_service; elements = {{ {', '.join(map(str, range(2, 19_000)))} }}; }}"
    nft(router, chain("tcp dport 5 dnat to 10.3.0.1\n" + "tcp dport 1 tcp dport @many accept\n" * 3000, ports))
    began = time.monotonic()
    seen.look()
    net = seen.net(path_of(router))
    assert ({told(forward) for forward in net.forwards}, net.forwards_unread) == (
        {("tcp", "*:5", "10.3.0.1", 5)}, "too many rules",
    )  # fmt: skip
    assert time.monotonic() - began < 15 * PATIENCE


def test_the_chain_that_sees_what_arrives_first_is_told_first(router: str, seen: Seen) -> None:
    """By its priority, in whichever table and order they were made."""
    for table, priority, to in (("a", 5, 3), ("b", -150, 1), ("c", -100, 2)):
        base = f"chain pre {{ type nat hook prerouting priority {priority}; tcp dport 80 dnat to 10.3.0.{to}; }}"
        nft(router, f"table ip {table} {{\n{base}\n}}\n")
    seen.look()
    assert [forward.to for forward in seen.net(path_of(router)).forwards] == ["10.3.0.1", "10.3.0.2", "10.3.0.3"]


def test_rules_that_call_each_other_come_to_an_end(router: str, seen: Seen) -> None:
    """Twelve chains, each of which jumps to the next twice: 4096 ways to the last."""
    chains = [f"chain c{n} {{ jump c{n - 1}; jump c{n - 1}; }}" for n in range(1, 13)]
    base = "chain pre { type nat hook prerouting priority dstnat; jump c12; tcp dport 5 dnat to 10.3.0.1; }"
    nft(router, "table ip nat {\nchain c0 { tcp dport 4 dnat to 10.3.0.2; }\n" + "\n".join([*chains, base]) + "\n}\n")
    seen.look()
    assert ("tcp", "*:4", "10.3.0.2", 4) in {told(forward) for forward in seen.net(path_of(router)).forwards}


SERVER = """
import os, selectors, socket
assert libc.unshare(0x40000000) == 0
os.system("ip link set lo up")
say(0)
waiting = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    s = socket.create_server(("0.0.0.0", port))
    waiting.register(s, selectors.EVENT_READ)
while True:
    for key, _ in waiting.select():
        client, _ = key.fileobj.accept()
        client.sendall(("%s %d" % client.getsockname()).encode())
        client.close()
"""

CLIENT = """
import socket, sys
for port in map(int, sys.argv[1:]):
    try:
        with socket.create_connection(("10.78.1.1", port), 5) as s:
            print(port, s.recv(100).decode())
    except ConnectionRefusedError:
        pass
"""

HERE = ("10.78.1.1", "10.78.1.0/24")
INNER = (80, 81, 7000, 7001, 7002, 7003)
OUTER = (*range(3000, 3012), 7000, 7001, 7002, 7003)


def wired(router: str, number: int, pid: int) -> None:
    """Give a process's net namespace the address 10.78.NUMBER.2, and a way through the router."""
    for words in (
        ("-n", router, "link", "add", f"to{number}", "type", "veth", "peer", "name", "eth0", "netns", str(pid)),
        ("-n", router, "addr", "add", f"10.78.{number}.1/24", "dev", f"to{number}"),
        ("-n", router, "link", "set", f"to{number}", "up"),
    ):
        run(("ip", *words), ENVIRONMENT)
    within(of_pid(pid), "ip", "addr", "add", f"10.78.{number}.2/24", "dev", "eth0")
    within(of_pid(pid), "ip", "link", "set", "eth0", "up")
    within(of_pid(pid), "ip", "route", "add", "default", "via", f"10.78.{number}.1")


def some_rules(chance: random.Random, kind: str) -> str:
    """Rules of a chain that sends on, in a random order, as nft or iptables(8) takes them."""
    rules = []
    for _ in range(8):
        to, inner = f"10.78.{chance.choice((2, 3))}.2", chance.choice(INNER[:2])
        first = chance.choice(OUTER[:10])
        last = first + chance.randrange(3)
        ports = f"{first}-{last}" if kind == "nft" else f"{first}:{last}"
        several = ", ".join(map(str, chance.sample(OUTER[:12], 3)))
        address = chance.choice(("10.78.1.1", "10.78.1.0/24", "10.78.9.9"))
        if kind == "nft":
            rules.append(chance.choice((
                f"tcp dport {ports} dnat to {to}:{inner}", f"tcp dport {{ {several} }} dnat to {to}:{inner}",
                f"ip daddr {address} tcp dport {first} dnat to {to}:{inner}", f"udp dport {first} dnat to {to}:{inner}",
                f"tcp dport 7000-7003 dnat to {to}", f"tcp dport {ports} jump more",
                f"dnat ip addr . port to tcp dport map {{ {first} : {to} . 80, {last + 1} : 10.78.2.2 . 81 }}",
            )))  # fmt: skip
        else:
            rules.append(chance.choice((
                f"-p tcp --dport {ports} -j DNAT --to {to}:{inner}",
                f"-p tcp -m multiport --dports {several.replace(' ', '')} -j DNAT --to {to}:{inner}",
                f"-d {address} -p tcp --dport {first} -j DNAT --to {to}:{inner}",
                f"-p udp --dport {first} -j DNAT --to {to}:{inner}", f"-p tcp --dport 7000:7003 -j DNAT --to {to}",
                f"-p tcp --dport {ports} -j MORE",
                f"-p tcp --dport 3000:3003 -j DNAT --to {to}:7000-7003/3000",
            )))  # fmt: skip
    return "\n".join(rules)


def lay(router: str, kind: str, rules: str) -> None:
    """In place of those that are there."""
    if kind == "nft":
        chain = f"chain pre {{ type nat hook prerouting priority dstnat;\n{rules}\n}}"
        more = "chain more { tcp dport 3004-3006 dnat to 10.78.3.2:7003; }"
        nft(router, f"table ip r {{ }}\ndelete table ip r\ntable ip r {{\n{more}\n{chain}\n}}\n")
        return
    appended = "".join(f"-A PREROUTING {rule}\n" for rule in rules.splitlines())
    more = "-A MORE -p tcp --dport 3004:3006 -j DNAT --to 10.78.3.2:7003\n"
    command = ["nsenter", f"--net={path_of(router)}", f"{kind}-restore"]
    text = f"*nat\n:PREROUTING ACCEPT\n:MORE -\n{more}{appended}COMMIT\n"
    subprocess.run(command, input=text, text=True, check=True, env=ENVIRONMENT)


def test_packets_arrive_where_the_first_rule_that_is_told_sends_them(router: str, seen: Seen) -> None:
    within(path_of(router), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    ports = tuple(map(str, INNER))
    with running(SERVER) as (client, _), running(SERVER, *ports) as (two, _), running(SERVER, *ports) as (three, _):
        for number, pid in ((1, client), (2, two), (3, three)):
            wired(router, number, pid)
        for kind in ("nft", *(f"iptables-{one}" for one in kinds_of_iptables(router))):
            for seed in range(3):
                rules = some_rules(random.Random(f"{kind} {seed}"), kind)
                lay(router, kind, rules)
                seen.look()
                forwards = seen.net(path_of(router)).forwards
                words = (sys.executable, "-I", "-S", "-c", CLIENT, *map(str, OUTER))
                reached = {}
                for line in within(of_pid(client), *words).splitlines():
                    port, address, inner = line.split()
                    reached[int(port)] = (address, int(inner))
                expected = {}
                for port in OUTER:
                    at = (
                        (one.to, one.at(port))
                        for one in forwards
                        if one.protocol == "tcp" and port in one.ports and one.address in (None, *HERE)
                    )
                    if first := next(at, None):
                        expected[port] = first
                assert reached == expected, (kind, rules)
            lay(router, kind, "")


@pytest.fixture
def behind(docker: Docker, router: str) -> Iterator[int]:
    """A container that hangs from the router, at 10.77.0.2; its first process listens on port 80."""
    pid = docker.container("sent-on", "--network=none", command=("/bin/httpd", "-f", "-p", "80"))
    for words in (
        ("-n", router, "link", "add", "to", "type", "veth", "peer", "name", "eth0", "netns", str(pid)),
        ("-n", router, "addr", "add", "10.77.0.1/24", "dev", "to"),
        ("-n", router, "link", "set", "to", "up"),
    ):
        run(("ip", *words), ENVIRONMENT)
    within(of_pid(pid), "ip", "addr", "add", "10.77.0.2/24", "dev", "eth0")
    within(of_pid(pid), "ip", "link", "set", "eth0", "up")
    yield pid
    docker.remove("sent-on")


def test_a_port_published_by_a_rule_alone_finds_the_container(router: str, behind: int, seen: Seen) -> None:
    rule = f"-t nat -I PREROUTING -p tcp --dport {FIRST} -j DNAT --to-destination 10.77.0.2:80"
    within(path_of(router), "iptables", *rule.split())
    seen.look()
    assert f"tcp {FIRST} sent on *:{FIRST} → sent-on:80  10.77.0.2:80" in seen.answer(f"port={FIRST}")
    (behind_it,) = [line for line in seen.answer("container=sent-on") if line.startswith("tcp 80 listens")]
    assert f"← *:{FIRST}" in behind_it
    found = printed("list", "containers", "--filter", f"port={FIRST}")["containers"]
    assert [container["name"] for container in found] == ["sent-on"]
    assert "sent-on" in nsview("inspect", str(FIRST)).stdout
    nets = printed("list", "nets", "--filter", f"port={FIRST} container=sent-on")["nets"]
    (forward,) = [one for net in nets if net["inode"] == inode(path_of(router)) for one in net["forwards"]]
    assert (forward["to"], forward["to_port"], forward["net"]) == ("10.77.0.2", 80, inode(of_pid(behind)))
    assert forward["container"] == found[0]["key"]


def test_a_rule_for_several_addresses_finds_those_that_it_may_reach(router: str, behind: int, seen: Seen) -> None:
    """With the first of the addresses another's: the kernel chooses among all of them."""
    first, second = FIRST, FIRST + 1
    rules = f"tcp dport {first} dnat to 10.77.0.1-10.77.0.3:80\ntcp dport {second} dnat to 10.77.0.3-10.77.0.9"
    nft(router, chain(rules))
    seen.look()
    assert f"tcp {first} sent on *:{first} → sent-on  10.77.0.1-10.77.0.3:80" in seen.answer(f"port={first}")
    assert f"tcp {second} sent on *:{second} → 10.77.0.3-10.77.0.9:{second}" in seen.answer(f"port={second}")
    found = printed("list", "containers", "--filter", f"port={first}")["containers"]
    assert [container["name"] for container in found] == ["sent-on"]
    assert nsview("list", "containers", "--filter", f"port={second}").returncode == 1


def test_a_rule_of_the_hosts(docker: Docker, seen: Seen, workspace: Workspace) -> None:
    require("nft")
    pid = docker.container("of-host", command=("/bin/httpd", "-f", "-p", "80"))
    address = docker.inspect("of-host")["NetworkSettings"]["IPAddress"]
    table = workspace.bridge.replace("-", "_")
    chain = f"chain pre {{ type nat hook prerouting priority dstnat; tcp dport {FIRST + 1} dnat to {address}:80; }}"
    try:
        subprocess.run(["nft", "-f", "-"], input=f"table ip {table} {{ {chain}\n}}\n", text=True, check=True)
        found = printed("list", "containers", "--filter", f"port={FIRST + 1}")["containers"]
        assert [(container["name"], container["init_pid"]) for container in found] == [("of-host", pid)]
        assert "of-host" in nsview("inspect", str(FIRST + 1)).stdout
    finally:
        subprocess.run(["nft", "delete", "table", "ip", table], check=False)
        docker.remove("of-host")


def test_a_containers_own_rule_publishes_nobody_elses_port(router: str, behind: int, seen: Seen) -> None:
    """Its address space is its own: that there is a container with this address elsewhere says nothing."""
    chain = "chain pre {{ type nat hook prerouting priority dstnat; tcp dport {} dnat to 10.77.0.2; }}"
    rule = f"table ip n {{{{ {chain}\n}}}}\n"
    nft(router, rule.format(4))
    code = "import os\nassert libc.unshare(0x40000000) == 0\nsay(0)\nwait()"
    with running(code) as (pid, _):
        nft(pid, rule.format(5))
        seen.look()
        assert any("→ sent-on:4" in line for line in seen.answer("port=4"))
        assert not any("sent-on" in line for line in seen.answer("port=5"))


def test_the_lines_of_a_containers_net_stay_whoever_answers_there(docker: Docker, workspace: Workspace) -> None:
    """dockerd answers for names at 127.0.0.11 of each container on a network that a user made."""
    network = f"{workspace.bridge}-named"
    docker.run("network", "create", network)
    try:
        docker.container("with-names", f"--network={network}", "-p", f"127.0.0.1:{FIRST + 2}:80")
        done = nsview("list", "nets", "--filter", "container=with-names").stdout
        lines = [line for line in done.splitlines() if "127.0.0.11:" in line and "listens" in line]
        assert len(lines) == 2 and all("dockerd" in line for line in lines), done
        by_kind = nsview("list", "nets", "--filter", "container=with-names not host").stdout
        assert by_kind.count("127.0.0.11:") == 2
        found: Any = json.loads(nsview("list", "containers", "--filter", f"port={FIRST + 2}", "--json").stdout)
        assert [container["name"] for container in found["containers"]] == ["with-names"]
    finally:
        docker.remove("with-names")
        docker.run("network", "rm", network, check=False)


def test_what_docker_has_published_by_its_own_record_alone(docker: Docker, seen: Seen) -> None:
    """With the proxy dead and no rules nobody listens: the record still says for whom the port is."""
    docker.container("by-record", "-p", f"127.0.0.1:{FIRST}:80", "-p", f"{FIRST + 1}:81/udp")
    try:
        proxies = [pid for pid in seen_listeners(seen, {FIRST, FIRST + 1}) if pid]
        assert proxies
        for pid in proxies:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not seen_listeners(seen, {FIRST, FIRST + 1}), 20, "the proxies' end")
        lines = seen.answer(f"port={FIRST} or port={FIRST + 1}")
        address = docker.inspect("by-record")["NetworkSettings"]["IPAddress"]
        assert f"tcp {FIRST} by record 127.0.0.1:{FIRST} → by-record:80  {address}:80" in lines
        assert f"udp {FIRST + 1} by record *:{FIRST + 1} → by-record:81  {address}:81" in lines
        found = printed("list", "containers", "--filter", f"port={FIRST}")["containers"]
        assert [container["name"] for container in found] == ["by-record"]
        assert "by-record" in nsview("inspect", str(FIRST + 1)).stdout
    finally:
        docker.remove("by-record")


def test_what_podman_publishes_by_each_of_its_witnesses(
    router: str, workspace: Workspace, rootfs: Path, seen: Seen
) -> None:
    """A rule, libcni's record and the socket that conmon keeps, each as long as it is there."""
    require(*Podman.NEEDS, "ip")
    podman = Podman(workspace, rootfs)
    podman.command = ["nsenter", f"--net={path_of(router)}", *podman.command]
    results = Path("/var/lib/cni/results")
    try:
        podman.run("run", "-d", "--name", "pub", "-p", f"{FIRST}:80", "--rootfs", str(rootfs), *SLEEP)
        seen.look()
        address = podman.inspect("pub")["NetworkSettings"]["IPAddress"]
        assert f"tcp {FIRST} sent on *:{FIRST} → pub:80  {address}:80" in seen.answer(f"port={FIRST}")
        within(path_of(router), "iptables", "-t", "nat", "-F")
        seen.look()
        forward = next(one for one in seen.net(path_of(router)).forwards if one.port == FIRST)
        assert (forward.by, forward.to, forward.to_port) == ("cni", address, 80)
        (line,) = [line for line in seen.answer(f"port={FIRST}") if line.startswith(f"tcp {FIRST}")]
        assert line.startswith(f"tcp {FIRST} listens 0.0.0.0:{FIRST} → pub:80 ") and line.endswith(" conmon")
        next(results.glob(f"*-{podman.inspect('pub')['Id']}-*")).unlink()
        seen.look()
        (line,) = [line for line in seen.answer(f"port={FIRST}") if line.startswith(f"tcp {FIRST}")]
        assert line.startswith(f"tcp {FIRST} listens 0.0.0.0:{FIRST} → pub ") and line.endswith(" conmon")
        found = printed("list", "containers", "--filter", f"port={FIRST}")["containers"]
        assert [container["name"] for container in found] == ["pub"]
    finally:
        podman.clear()


# A user may not open the machine's own device in some places: this is another one, where nobody else sees it.
_WITH_TUN = 'mount -t tmpfs none /dev/net && mknod /dev/net/tun c 10 200 && chmod 666 /dev/net/tun && exec "$@"'
WITH_TUN = ("unshare", "--mount", "sh", "-c", _WITH_TUN, "sh")


def test_who_publishes_a_users_ports_is_known_by_the_net_namespace_that_it_holds(
    account: Account, rootfs: Path, seen: Seen
) -> None:
    """rootlessport beside slirp4netns for podman, rootlesskit as for docker, pasta: each of a user's."""
    require(*RootlessPodman.NEEDS, "slirp4netns", "rootlesskit", "pasta", "unshare")
    podman = RootlessPodman(account, rootfs)
    podman.run("system", "migrate")  # ends the process whose mounts all of the user's podman share
    podman.command = [*WITH_TUN, *podman.command]
    httpd = ("busybox", "httpd", "-f", "-p")
    published = f"--publish=127.0.0.1:{FIRST + 1}:{FIRST + 1}/tcp"
    kit = ("rootlesskit", "--net=slirp4netns", "--port-driver=builtin", published)
    pasta = ("pasta", "-f", "-t", str(FIRST + 2), "-T", "none", "--")
    made = []
    try:
        podman.container("rented", "--network", "slirp4netns", "-p", f"{FIRST}:80")
        for words in ((*kit, *httpd, str(FIRST + 1)), (*pasta, *httpd, str(FIRST + 2))):
            command = [*WITH_TUN, *account.words, *words]
            made.append(subprocess.Popen(command, stdin=-3, stdout=-3, stderr=-3, start_new_session=True))
        ports = {FIRST, FIRST + 1, FIRST + 2}
        wait_until(lambda: ports <= {x.port for n in seen.nets.nets for x in n.listeners} or seen.look(), 30, "ports")
        seen.look()
        nets = {net.inode: net for net in seen.nets.nets}
        host = nets[inode("/proc/self/ns/net")]
        serves = {x.port: x.serves for x in host.listeners if x.port in ports and x.serves}
        assert serves.keys() == ports
        for port in (FIRST + 1, FIRST + 2):
            assert port in {x.port for x in nets[serves[port] or 0].listeners}
        (line,) = [line for line in seen.answer(f"port={FIRST}") if f"tcp {FIRST} listens" in line]
        assert "→ rented " in line and line.endswith(" rootlessport")
        found = printed("list", "containers", "--filter", f"port={FIRST}")["containers"]
        assert [(container["name"], container["uid"]) for container in found] == [("rented", account.uid)]
    finally:
        for process in made:
            for pid in run(("ps", "-o", "pid=", "-s", str(process.pid)), ENVIRONMENT, check=False).split():
                os.kill(int(pid), signal.SIGKILL)
            process.wait()
        podman.clear()


def seen_listeners(seen: Seen, ports: set[int]) -> set[int]:
    seen.look()
    return {pid for net in seen.nets.nets for x in net.listeners if x.port in ports for pid in x.pids}
