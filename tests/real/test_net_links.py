"""Where interfaces of each kind lead to that this kernel makes, wherever they were made and moved, against ip(8)."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from nsview.model.net import Interface, Net
from nsview.model.netmap import Map

from .conftest import require
from .daemons import run
from .nets import Seen, inode
from .test_net import ENVIRONMENT, path_of
from .workspace import Workspace

UNDER = 77  # the index of the device that others stand on, in each namespace

KINDS = {
    "vlan": ("link", "u0", "type", "vlan", "id", "7"),
    "macvlan": ("link", "u0", "type", "macvlan"),
    "macvtap": ("link", "u0", "type", "macvtap"),
    "ipvlan": ("link", "u0", "type", "ipvlan"),
    "macsec": ("link", "u0", "type", "macsec"),
    "vxlan": ("type", "vxlan", "id", "7", "dstport", "4790", "dev", "u0", "remote", "10.9.9.8"),
    "gre": ("type", "gre", "local", "10.9.9.7", "remote", "10.9.9.8", "dev", "u0"),
    "gretap": ("type", "gretap", "local", "10.9.9.7", "remote", "10.9.9.8", "dev", "u0"),
    "ipip": ("type", "ipip", "local", "10.9.9.7", "remote", "10.9.9.8", "dev", "u0"),
    "sit": ("type", "sit", "local", "10.9.9.7", "remote", "10.9.9.8", "dev", "u0"),
    "ip6tnl": ("type", "ip6tnl", "local", "fd99::7", "remote", "fd99::8", "dev", "u0"),
}
"""Those that stand on a device, and how they are made."""

ALONE = {
    "vxlan": ("type", "vxlan", "id", "8", "dstport", "4791", "remote", "10.9.9.8"),
    "geneve": ("type", "geneve", "id", "8", "remote", "10.9.9.8"),
    "bareudp": ("type", "bareudp", "dstport", "6635", "ethertype", "mpls_uc"),
    "gre": ("type", "gre", "local", "10.9.9.7", "remote", "10.9.9.9"),
    "ipip": ("type", "ipip", "local", "10.9.9.7", "remote", "10.9.9.9"),
    "dummy": ("type", "dummy"),
    "bridge": ("type", "bridge"),
    "bond": ("type", "bond"),
    "ifb": ("type", "ifb"),
    "wireguard": ("type", "wireguard"),
    "vrf": ("type", "vrf", "table", "7"),
}
"""Those that stand on none. Some send through the net namespace that they were made in."""

_UNKNOWN = ("Unknown device type", "Operation not supported", "Not supported", "specified link type")


def ip(*words: str) -> str:
    return run(("ip", *words), ENVIRONMENT)


def made(*words: str) -> bool:
    """Whether this kernel makes such an interface; whatever else is wrong fails."""
    done = subprocess.run(["ip", *words], check=False, env=ENVIRONMENT, capture_output=True, text=True)
    assert not done.returncode or any(word in done.stderr for word in _UNKNOWN), (words, done.stderr)
    return not done.returncode


@pytest.fixture
def spaces(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Two net namespaces with a device of the same index, `u0`, each."""
    require("ip")
    names = [f"{workspace.bridge}-{name}" for name in ("one", "two")]
    for name in names:
        ip("netns", "add", name)
        ip("-n", name, "link", "add", "u0", "index", str(UNDER), "type", "veth", "peer", "name", "u1")
        ip("-n", name, "addr", "add", "10.9.9.7/24", "dev", "u0")
        ip("-n", name, "link", "set", "u0", "up")
    yield names[0], names[1]
    for name in names:
        subprocess.run(["ip", "netns", "delete", name], check=False, env=ENVIRONMENT, capture_output=True)


def end(seen: Seen, net: Net, name: str) -> tuple[Interface, tuple[str, int] | None]:
    """An interface, and (name, namespace) of where it leads, None where that is to no device."""
    interface = next(i for i in net.interfaces if i.name == name)
    link = interface.link
    if link is None or link.index is None or link.net is None:
        return interface, None
    there = next(each for each in seen.nets.nets if each.inode == link.net).interface(link.index)
    return interface, (there.name if there else "?", link.net)


def by_ip(netns: str, name: str) -> dict[str, Any]:
    (link,) = json.loads(ip("-n", netns, "-d", "-j", "link", "show", "dev", name))
    return dict(link)


def test_what_stands_on_a_device_says_which_also_from_another_namespace(spaces: tuple[str, str], seen: Seen) -> None:
    one, two = spaces
    kinds = [kind for kind, words in KINDS.items() if made("-n", one, "link", "add", f"h-{kind}", *words)]
    assert {"vxlan", "macvlan"} <= {*kinds}
    for kind in kinds:
        ip("-n", one, "link", "delete", f"h-{kind}")
    here, away = [], []
    for kind in kinds:  # one after the other, for some can't be twice in one namespace
        ip("-n", one, "link", "add", f"h-{kind}", *KINDS[kind])
        seen.look()
        here.append((kind, end(seen, seen.net(path_of(one)), f"h-{kind}")[1]))
        ip("-n", one, "link", "set", f"h-{kind}", "netns", two)
        seen.look()
        interface, leads = end(seen, seen.net(path_of(two)), f"h-{kind}")
        away.append((kind, leads))
        told = by_ip(two, f"h-{kind}")
        assert (interface.kind, interface.index) == (kind, told["ifindex"])
        assert "link_netnsid" in told
        if kind != "vxlan":  # of which ip shows IFLA_LINK, which is no device
            assert interface.link and interface.link.index == told["link_index"]
        ip("-n", two, "link", "delete", f"h-{kind}")
    expected = [(kind, ("u0", inode(path_of(one)))) for kind in kinds]
    assert here == expected
    assert away == expected


def test_what_stands_on_nothing_leads_to_no_device_of_the_same_index(spaces: tuple[str, str], seen: Seen) -> None:
    """Made through another namespace its IFLA_LINK is its own index, which is some other device's there."""
    one, two = spaces
    for name in spaces:  # an index that both have
        ip("-n", name, "link", "add", "x0", "index", "91", "type", "veth", "peer", "name", "x1")
    ip("-n", two, "link", "delete", "x0")
    kinds = []
    for kind, words in ALONE.items():
        if not made("-n", one, "link", "add", "n0", "netns", two, "index", "91", *words):
            continue
        kinds.append(kind)
        seen.look()
        net, told = seen.net(path_of(two)), by_ip(two, "n0")
        interface, leads = end(seen, net, "n0")
        assert (interface.kind, interface.index, leads) == (kind, 91, None)
        text = Map(seen.nets, seen.snapshot).leads_to(net, interface)
        if "link_netnsid" in told:
            assert text == f"leads through {one}"
            assert interface.link and (interface.link.index, interface.link.net) == (None, inode(path_of(one)))
        else:
            assert (text, interface.link) == ("", None)
        ip("-n", two, "link", "delete", "n0")
    assert {"vxlan", "bridge"} <= {*kinds}


def test_pairs_of_the_same_index_in_two_namespaces(spaces: tuple[str, str], seen: Seen) -> None:
    """The other end's index is its own: for these kinds IFLA_LINK is the device all the same."""
    one, two = spaces
    for kind in ("veth", "vxcan"):
        words = ("-n", one, "link", "add", "p0", "index", "55", "type", kind)
        if made(*words, "peer", "name", "p1", "index", "55", "netns", two):
            seen.look()
            assert end(seen, seen.net(path_of(one)), "p0")[1] == ("p1", inode(path_of(two)))
            assert end(seen, seen.net(path_of(two)), "p1")[1] == ("p0", inode(path_of(one)))
            ip("-n", one, "link", "delete", "p0")
        else:
            assert kind != "veth"
    ip("-n", one, "link", "add", "link", "u0", "m0", "netns", two, "index", "78", "type", "macvlan")
    ip("-n", one, "link", "add", "m1", "link", "u0", "index", "79", "type", "macvlan")
    ip("-n", one, "link", "add", "m2", "link", "m1", "netns", two, "index", "79", "type", "macvlan")
    seen.look()
    assert end(seen, seen.net(path_of(two)), "m2")[1] == ("u0", inode(path_of(one)))  # the kernel's choice
    assert end(seen, seen.net(path_of(two)), "m0")[1] == ("u0", inode(path_of(one)))
