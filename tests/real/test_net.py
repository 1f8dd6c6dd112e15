"""The net map against ip(8), ss(8) and docker: what is in each net namespace, where it leads, and who listens."""

import contextlib
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nsview.hosts import frames
from nsview.hosts.local import LocalHost
from nsview.hosts.members import Writer
from nsview.hosts.recorder import record
from nsview.hosts.recording import RecordedHost
from nsview.model.net import Link, Net
from nsview.model.netmap import Map
from tests.unit.processes import running

from .command import nsview
from .conftest import require
from .daemons import Docker, run
from .nets import Seen, inode
from .population import Population
from .user import AS_NOBODY, User
from .workspace import PORT, Workspace, search_path, wait_until

ENVIRONMENT = {"PATH": search_path()}


def sh(*command: str) -> str:
    return run(command, ENVIRONMENT)


def within(path: str, *command: str) -> str:
    """What a command says in a net namespace."""
    return sh("nsenter", f"--net={path}", *command)


def of_pid(pid: int) -> str:
    return f"/proc/{pid}/ns/net"


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@pytest.fixture
def named(workspace: Workspace) -> Iterator[list[str]]:
    """Two namespaces that `ip netns` made, gone after the test; their names begin with the workspace's."""
    prefix = workspace.bridge
    names = [f"{prefix}-{name}" for name in ("blue", "red")]
    for name in names:
        sh("ip", "netns", "add", name)
    yield names
    for name in names:
        subprocess.run(["ip", "netns", "delete", name], check=False, env=ENVIRONMENT, capture_output=True)


def path_of(name: str) -> str:
    return f"/run/netns/{name}"


def told_by_ip(path: str) -> dict[int, dict[str, Any]]:
    """{index: what ip(8) tells of an interface}, as far as nsview does."""
    links = json.loads(within(path, "ip", "-j", "-d", "addr"))
    names = {link["ifname"]: link["ifindex"] for link in links}
    return {
        link["ifindex"]: {
            "name": link["ifname"],
            "kind": link.get("linkinfo", {}).get("info_kind", ""),
            "up": "UP" in link["flags"],
            "mac": mac if (mac := link.get("address", "")).strip("0:") else None,
            "mtu": link["mtu"],
            "addresses": [f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if "local" in a],
            "altnames": link.get("altnames", []),
            "master": names.get(link.get("master")),
        }
        for link in links
    }


def told(net: Net) -> dict[int, dict[str, Any]]:
    return {
        i.index: {
            "name": i.name, "kind": i.kind, "up": i.state != "down", "mac": i.mac, "mtu": i.mtu,
            "addresses": list(i.addresses), "altnames": list(i.altnames), "master": i.master,
        }
        for i in net.interfaces
    }  # fmt: skip


def listening(path: str, option: str) -> set[tuple[str, int]]:
    """{(address, port)} that ss(8) tells."""
    found = set()
    for line in within(path, "ss", "-H", "-n", option).splitlines():
        address, _, port = line.split()[3].rpartition(":")
        address = re.sub(r"%.*", "", address).strip("[]")
        found.add(("::" if address == "*" else address, int(port)))
    return found


def test_a_containers_interfaces_are_what_ip_tells_and_lead_to_the_bridge(docker: Docker, seen: Seen) -> None:
    pid = docker.container("net-web", command=("/bin/httpd", "-f", "-p", "8080"))
    try:
        seen.look()
        net = seen.net(of_pid(pid))
        assert told(net) == told_by_ip(of_pid(pid))
        address = docker.inspect("net-web")["NetworkSettings"]
        eth0 = next(i for i in net.interfaces if i.name == "eth0")
        assert eth0.addresses[0].partition("/")[0] == address["IPAddress"]
        assert eth0.mac == address["MacAddress"]
        assert [(r.via, r.interface) for r in net.routes] == [(address["Gateway"], "eth0")]
        # The other end, by the index that the container itself reads.
        host = seen.net(of_pid(os.getpid()))
        far = int(Path(f"/proc/{pid}/root/sys/class/net/eth0/iflink").read_text())
        assert eth0.link == Link(far, host.inode, True)
        veth = host.interface(far)
        assert veth is not None
        assert veth.name == json.loads(sh("ip", "-j", "link", "show", "dev", veth.name))[0]["ifname"]
        assert veth.link == Link(eth0.index, net.inode, True)
        bridge = host.interface(veth.master or 0)
        assert bridge is not None and bridge.kind == "bridge"
        # Typed as a user would: which container is this veth, which one listens on that port?
        (line,) = [line for line in seen.answer(veth.name) if line.startswith(veth.name)]
        assert f"↔ eth0 of net-web, port of {bridge.name}" in line
        listeners = [line for line in seen.answer("8080") if line.startswith("tcp 8080 listens")]
        assert any(f"{pid} httpd  net-web" in line for line in listeners)
    finally:
        docker.remove("net-web")


def test_those_who_share_a_network_are_one_and_the_hosts_is_the_hosts(docker: Docker, seen: Seen) -> None:
    pid = docker.container("net-one", command=("/bin/nc", "-ll", "-p", "5432", "-e", "/bin/cat"))
    docker.container("net-two", "--network=container:net-one")
    on_host = docker.container("net-three", "--network=host", command=("/bin/httpd", "-f", "-p", "19117"))
    try:
        seen.look()
        found = Map(seen.nets, seen.snapshot)
        assert found.title(inode(of_pid(pid))) == "net-one, net-two"
        assert found.title(inode(of_pid(on_host))) == "host"
        (listener,) = [x for x in seen.net(of_pid(on_host)).listeners if x.port == 19117]
        assert listener.pids == (on_host,)
        assert any("net-three" in line for line in seen.answer("19117"))
    finally:
        for name in ("net-one", "net-two", "net-three"):
            docker.remove(name)


_OWN = """
import os, socket
assert libc.unshare(0x40000000) == 0
os.system("ip link set lo up")
"""


def test_listeners_are_those_of_ss_with_those_who_have_them_open(seen: Seen) -> None:
    code = """
socks = []
for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)), (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)),
    (socket.AF_INET, socket.SOCK_STREAM, ("0.0.0.0", 7001)), (socket.AF_INET, socket.SOCK_DGRAM, ("0.0.0.0", 7002)),
    (socket.AF_INET6, socket.SOCK_DGRAM, ("::", 7003)), (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 7004)),
):
    s = socket.socket(family, kind)
    s.bind(address)
    if kind == socket.SOCK_STREAM:
        s.listen()
    socks.append(s)
client = socket.create_connection(socks[0].getsockname())  # connected ones are not told
connected = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
connected.connect(("127.0.0.1", 7004))
child = os.fork()
if child:
    say(child)
wait()
"""
    with running(_OWN + code) as (pid, child):
        wait_until(lambda: len(os.listdir(f"/proc/{child}/fd")) == len(os.listdir(f"/proc/{pid}/fd")), 5, "the child")
        seen.look()
        net = seen.net(of_pid(pid))
        for protocol, option in (("tcp", "-lt"), ("udp", "-lu")):
            expected = listening(of_pid(pid), option)
            assert {(x.address, x.port) for x in net.listeners if x.protocol == protocol} == expected
            assert len(expected) == 3
        assert {x.pids for x in net.listeners} == {tuple(sorted((pid, child)))}


def test_a_socket_may_be_open_in_a_process_of_another_namespace(seen: Seen) -> None:
    """As dockerd answers for names at 127.0.0.11 of its containers: only a search of all processes tells."""
    code = """
s = socket.socket()
s.bind(("0.0.0.0", %d))
s.listen()
keep = os.open("/proc/self/ns/net", os.O_RDONLY)
assert libc.setns(own, 0x40000000) == 0
say(os.fstat(keep).st_ino)
wait()
"""
    own = 'import os\nown = os.open("/proc/self/ns/net", os.O_RDONLY)\n'
    with running(own + _OWN + code % PORT) as (pid, other):
        seen.look()
        found = [(net.inode, x.pids) for net in seen.nets.nets for x in net.listeners if x.port == PORT]
        assert found == [(other, (pid,))]
        assert inode(of_pid(pid)) != other
        assert seen.snapshot.members("net").get(other) is None, "nobody is in it"


def test_whose_first_thread_has_ended_still_listens(seen: Seen) -> None:
    code = """
import threading
s = socket.socket()
s.bind(("0.0.0.0", %d))
s.listen()
threading.Thread(target=wait).start()
say(0)
libc.pthread_exit(None)
"""
    with running(_OWN + code % PORT) as (pid, _):
        wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z", 10, "its end")
        seen.look()
        assert [x.pids for net in seen.nets.nets for x in net.listeners if x.port == PORT] == [(pid,)]
        details = seen.host.details(seen.snapshot.processes[pid], sockets=True)
        assert details and details.sockets and [one.port for one in details.sockets.sockets] == [PORT]


def test_namespaces_without_processes_lead_to_each_other_and_to_devices_of_the_host(
    named: list[str], seen: Seen, workspace: Workspace
) -> None:
    blue, red = named
    for words in (
        ("-n", blue, "link", "add", "br0", "type", "bridge"),
        ("-n", blue, "addr", "add", "10.99.0.1/24", "dev", "br0"),
        ("-n", blue, "link", "add", "p1", "type", "veth", "peer", "name", "eth0", "netns", red),
        ("-n", blue, "link", "set", "p1", "master", "br0", "up"),
        ("-n", blue, "link", "set", "br0", "up"),
        ("-n", red, "addr", "add", "10.99.0.2/24", "dev", "eth0"),
        ("-n", red, "link", "set", "eth0", "up"),
        ("-n", red, "route", "add", "default", "via", "10.99.0.1", "metric", "7"),
        ("-n", red, "-6", "addr", "add", "fd99::2/64", "dev", "eth0", "nodad"),
        ("-n", red, "-6", "route", "add", "default", "via", "fd99::1"),
        ("-n", blue, "link", "add", "v1", "type", "veth", "peer", "name", "v2"),
        ("-n", blue, "link", "add", "link", "br0", "mac1", "type", "macvlan"),
        ("-n", blue, "link", "add", "link", "br0", "mac0", "netns", red, "type", "macvlan"),
    ):
        sh("ip", *words)
    seen.look()
    one, other = seen.net(path_of(blue)), seen.net(path_of(red))
    assert told(one) == told_by_ip(path_of(blue))
    assert told(other) == told_by_ip(path_of(red))
    by_name = {i.name: i for i in (*one.interfaces, *other.interfaces) if i.name != "lo"}

    def leads(name: str) -> tuple[str, int, bool] | None:
        link = by_name[name].link
        if link is None or link.net is None:
            return None
        net = one if link.net == one.inode else other
        end = net.interface(link.index)
        return (end.name if end else "?", link.net, link.peer)

    assert leads("p1") == ("eth0", other.inode, True)
    assert leads("eth0") == ("p1", one.inode, True)
    assert leads("v1") == ("v2", one.inode, True)
    assert leads("v2") == ("v1", one.inode, True)
    assert leads("mac1") == ("br0", one.inode, False)
    assert leads("mac0") == ("br0", one.inode, False)
    assert {(r.family, r.via, r.interface, r.metric) for r in other.routes} == {
        (4, "10.99.0.1", "eth0", 7), (6, "fd99::1", "eth0", 1024),
    }  # fmt: skip
    assert Map(seen.nets, seen.snapshot).title(one.inode) == blue


def test_ends_with_equal_indices_are_told_apart(workspace: Workspace, seen: Seen) -> None:
    """Four namespaces whose pairs have the same two indices: by these alone each end might belong to three others."""
    names = [f"{workspace.bridge}-{n}" for n in "abcd"]
    try:
        for name in names:
            sh("ip", "netns", "add", name)
        for left, right in (names[:2], names[2:]):
            peer = ("peer", "name", "to", "index", "21", "netns", right)
            sh("ip", "-n", left, "link", "add", "to", "index", "20", "type", "veth", *peer)
        seen.look()
        for left, right in (names[:2], names[2:]):
            ends = [seen.net(path_of(name)).interface(i) for name, i in ((left, 20), (right, 21))]
            assert [end and end.link for end in ends] == [
                Link(21, inode(path_of(right)), True), Link(20, inode(path_of(left)), True),
            ]  # fmt: skip
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, env=ENVIRONMENT, capture_output=True)


def test_hostile_and_long_names(named: list[str], seen: Seen) -> None:
    blue, _ = named
    names = ["\x1b[31mred", "a[b]c$(d)", "\u202eltr", "ÿ\u0301x"]
    for name in names:
        sh("ip", "-n", blue, "link", "add", name, "type", "bridge")
    # Bytes that are no UTF-8, which ip(8) passes on as well.
    subprocess.run([b"ip", b"-n", blue.encode(), b"link", b"add", b"\xff\xfe", b"type", b"bridge"], check=True)
    alternative = "another-name-that-is-much-longer-than-fifteen-bytes"
    sh("ip", "-n", blue, "link", "property", "add", "dev", names[1], "altname", alternative)
    seen.look()
    found = {i.name: i for i in seen.net(path_of(blue)).interfaces}
    assert set(found) == {"lo", *names, "\\xff\\xfe"}
    assert found[names[1]].altnames == (alternative,)
    assert any(names[1] in line for line in seen.answer(alternative))


def test_a_thousand_interfaces_and_thousands_of_listeners(named: list[str], seen: Seen) -> None:
    blue, _ = named
    batch = "".join(f"link add b{n} type bridge\n" for n in range(1000))
    subprocess.run(["ip", "-n", blue, "-batch", "-"], input=batch, text=True, check=True, env=ENVIRONMENT)
    code = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (5000, 5000))
socks = [socket.socket() for _ in range(3000)]
for number, s in enumerate(socks):
    s.bind(("127.0.0.1", 10000 + number))
    s.listen(1)
say(len(socks))
wait()
"""
    with running(_OWN + code) as (pid, _):
        seen.look()
        assert told(seen.net(path_of(blue))) == told_by_ip(path_of(blue))
        listeners = seen.net(of_pid(pid)).listeners
        assert [x.port for x in listeners] == list(range(10000, 13000))
        assert {x.pids for x in listeners} == {(pid,)}


def mounted_nets() -> set[int]:
    return set(map(int, re.findall(r" net:\[(\d+)\] ", Path("/proc/self/mountinfo").read_text())))


def test_namespaces_that_come_and_go_meanwhile_disturb_nothing(seen: Seen, named: list[str]) -> None:
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            for words in (("true",), ("ip", "link", "add", "x", "type", "veth")):
                subprocess.run(["unshare", "--net", *words], check=False, env=ENVIRONMENT, capture_output=True)

    others = mounted_nets()
    seen.look()
    threads = [threading.Thread(target=churn) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            others |= mounted_nets()  # another suite's may be unmounted just now
            seen.nets = seen.host.nets()
            assert not [net for net in seen.nets.nets if net.unreadable and net.inode not in others]
            assert {inode(path_of(name)) for name in named} <= {net.inode for net in seen.nets.nets}
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_the_agent_itself_joins_nothing_and_leaves_no_process_behind(seen: Seen) -> None:
    agent = seen.host._agent.pid
    seen.host.nets()
    assert inode(of_pid(agent)) == inode(of_pid(os.getpid()))
    wait_until(lambda: not _children(agent), 20, "the reader's end")


def test_who_reads_can_not_be_looked_into(seen: Seen, population: Population) -> None:
    """While it is in a namespace whose root may be hostile it is not dumpable: even its files in /proc are root's."""
    inner = population.process("net", "user", options=("--map-root-user",))
    agent = seen.host._agent.pid
    seen.look()
    owners: set[int] = set()
    seen.host.request_nets()
    wait_until(lambda: _watched(agent, owners), 20, "the reader")
    for said in seen.host.read():
        if isinstance(said, frames.NetFrame):
            assert inode(of_pid(inner)) in {net.inode for net in said.nets}
            break
    assert owners <= {0}


def _watched(agent: int, owners: set[int]) -> bool:
    for child in _children(agent):
        try:
            owners.add(os.stat(f"/proc/{child}/mem").st_uid)
        except OSError:
            continue
    return bool(owners)


def test_without_pyroute2_there_is_what_proc_tells(
    named: list[str], docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = docker.container("net-plain", command=("/bin/httpd", "-f", "-p", "8081"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    host = LocalHost()
    try:
        host.first()
        nets = host.nets()
        assert any("pyroute2 is not installed" in note for note in nets.notes)
        net = next(net for net in nets.nets if net.inode == inode(of_pid(pid)))
        assert net.source == "proc"
        expected = {i["name"]: i["addresses"] for i in told_by_ip(of_pid(pid)).values()}
        assert {i.name: list(i.addresses) for i in net.interfaces} == expected
        gateway = docker.inspect("net-plain")["NetworkSettings"]["Gateway"]
        assert [(r.via, r.interface) for r in net.routes] == [(gateway, "eth0")]
        assert [(x.port, x.pids) for x in net.listeners] == [(8081, (pid,))]
    finally:
        host.stop()
        docker.remove("net-plain")


_AS_USER = """
from nsview.hosts.local import LocalHost
import msgspec
host = LocalHost()
host.first()
nets = host.nets()
host.stop()
print(msgspec.json.encode(nets).decode())
"""


def test_a_user_sees_what_is_their_own_and_nothing_of_others(user: User, docker: Docker) -> None:
    other = docker.container("net-other", command=("/bin/httpd", "-f", "-p", "8082"))
    inner = subprocess.Popen(
        [*AS_NOBODY, "unshare", "--user", "--map-root-user", "--net", "sh", "-c",
         "ip link set lo up; ip link add d0 type bridge; ip addr add 10.77.0.1/24 dev d0; exec busybox nc -l -p 7021"],
        env=ENVIRONMENT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: inode(of_pid(inner.pid)) != inode(of_pid(os.getpid())), 20, "unshare")
        wait_until(lambda: bool(listening(of_pid(inner.pid), "-lt")), 20, "nc")
        done = user.run(*AS_NOBODY, *user.python, "-c", _AS_USER)
        assert done.returncode == 0, done.stderr
        nets = {net["inode"]: net for net in json.loads(done.stdout)["nets"]}
        # Known by where it is mounted, if at all.
        hidden = nets.get(inode(of_pid(other)), {"unreadable": "EPERM"})
        assert hidden["unreadable"] == "EPERM" and not hidden.get("interfaces") and not hidden.get("listeners")
        net = nets[inode(of_pid(inner.pid))]
        assert net["source"] == "netlink"
        assert "10.77.0.1/24" in [address for i in net["interfaces"] for address in i["addresses"]]
        assert [(x["port"], x["pids"]) for x in net["listeners"]] == [(7021, [inner.pid])]
    finally:
        inner.kill()
        inner.wait()
        docker.remove("net-other")


def test_a_recording_holds_the_net_map_as_it_was_last(tmp_path: Path, named: list[str]) -> None:
    require("ip")
    path = tmp_path / "recorded.jsonl"
    with contextlib.closing(Writer(str(path))) as writer:
        record(writer, LocalHost(), seconds=3)
    nets = RecordedHost(path).nets()
    assert nets is not None
    assert {inode(path_of(name)) for name in named} <= {net.inode for net in nets.nets}


def test_the_command_line_answers_the_same(docker: Docker, named: list[str]) -> None:
    pid = docker.container("net-cli", command=("/bin/httpd", "-f", "-p", str(PORT)))
    try:
        done = nsview("list", "nets", "--filter", f"port={PORT}", "--json")
        assert done.returncode == 0, done.stderr
        (net,) = json.loads(done.stdout)["nets"]
        assert (net["inode"], net["title"]) == (inode(of_pid(pid)), "net-cli")
        assert [(x["protocol"], x["port"], x["pids"]) for x in net["listeners"]] == [("tcp", PORT, [pid])]
        text = nsview("list", "nets").stdout
        assert all(name in text for name in named)
        nothing = nsview("list", "nets", "--filter", "port=1")
        assert (nothing.returncode, nothing.stderr.strip()) == (1, "nsview: nothing matched")
    finally:
        docker.remove("net-cli")
