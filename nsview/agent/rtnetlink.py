"""The interfaces, addresses and default routes of the joined net namespace, and the numbers by which it knows other net
namespaces, as the kernel tells them.

pyroute2 has the messages. Only the process that reads a namespace imports it, there and then, and of its modules those
of the messages alone (docs/design.md). Its classes are cut down to the attributes that are told, and names are left as
bytes, for they need not be UTF-8.

Sources: rtnetlink(7), include/uapi/linux/{if_link,rtnetlink,net_namespace}.h. Strict checking, which lets the kernel
leave out unwanted messages, came with Linux 4.20; before, it sends all.
"""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import struct
import sys

from . import files, netlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    from .protocol import Interface, LinkState, Route

INTERFACES_LIMIT = 10000  # of one namespace
ROUTES_LIMIT = 2000  # of one family: default routes come first, and a router may have a million others

_SOL_NETLINK, _NETLINK_GET_STRICT_CHK = 270, 12
_NLM_F_REQUEST, _NLM_F_DUMP, _NLM_F_DUMP_INTR = 0x1, 0x300, 0x10
_RTM_GETLINK, _RTM_GETADDR, _RTM_GETROUTE, _RTM_GETNSID = 18, 22, 26, 90
_RTEXT_FILTER_SKIP_STATS = 8
_RT_TABLE_MAIN, _RTN_UNICAST = 254, 1
_IFF_UP = 1
_STATES: dict[int, LinkState] = {
    0: "up",
    2: "no carrier",
    3: "no carrier",
    5: "dormant",
    6: "up",
}  # IF_OPER_*; 0: the driver does not say
_TRIES = 4  # of a dump while things change
_STAND = frozenset((
    "dsa", "erspan", "gre", "gretap", "ip6erspan", "ip6gre", "ip6gretap", "ip6tnl", "ipip", "ipoib", "ipvlan",
    "ipvtap", "lowpan", "macsec", "macvlan", "macvtap", "netkit", "rmnet", "sit", "veth", "virt_wifi", "vlan", "vti",
    "vti6", "vxcan", "xfrm",
))  # fmt: skip
"""The kinds whose IFLA_LINK always names another device (ndo_get_iflink in the kernel)."""
_DATA_LINK = {"vxlan": 3, "amt": 3}  # IFLA_VXLAN_LINK, IFLA_AMT_LINK: kinds whose own data alone name the device below


class Rtnetlink:
    """The messages, imported. Raises ImportError if pyroute2 is not in `packages` (a directory, or None)."""

    def __init__(self, packages: str | None) -> None:
        if packages and packages not in sys.path:
            sys.path.append(packages)  # behind the standard library, which nothing in there shall replace
        _leave_out_the_rest()
        from pyroute2.netlink import nla
        from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
        from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
        from pyroute2.netlink.rtnl.nsidmsg import nsidmsg
        from pyroute2.netlink.rtnl.rtmsg import rtmsg

        class Interface(ifinfmsg):
            nla_map = (
                (1, "IFLA_ADDRESS", "cdata"), (3, "IFLA_IFNAME", "cdata"), (4, "IFLA_MTU", "uint32"),
                (5, "IFLA_LINK", "uint32"), (10, "IFLA_MASTER", "uint32"), (16, "IFLA_OPERSTATE", "uint8"),
                (18, "IFLA_LINKINFO", "info"), (29, "IFLA_EXT_MASK", "uint32"),
                (37, "IFLA_LINK_NETNSID", "int32"), (52, "IFLA_PROP_LIST", "properties"),
            )  # fmt: skip

            class info(nla):
                nla_map = ((1, "IFLA_INFO_KIND", "cdata"), (2, "IFLA_INFO_DATA", "cdata"))

            class properties(nla):
                nla_map = ((53, "IFLA_ALT_IFNAME", "cdata"),)

        class Address(ifaddrmsg):
            nla_map = ((1, "IFA_ADDRESS", "cdata"), (2, "IFA_LOCAL", "cdata"))

        class Route(rtmsg):
            nla_map = (
                (4, "RTA_OIF", "uint32"), (5, "RTA_GATEWAY", "cdata"), (6, "RTA_PRIORITY", "uint32"),
                (9, "RTA_MULTIPATH", "cdata"), (15, "RTA_TABLE", "uint32"), (18, "RTA_VIA", "cdata"),
            )  # fmt: skip

        self.interface, self.address, self.route, self.nsid = Interface, Address, Route, nsidmsg
        self.links = _request(Interface(), _RTM_GETLINK, attrs=[["IFLA_EXT_MASK", _RTEXT_FILTER_SKIP_STATS]])
        self.addresses = _request(Address(), _RTM_GETADDR)
        self.routes = [
            _request(Route(), _RTM_GETROUTE, family=family, table=_RT_TABLE_MAIN)
            for family in (socket.AF_INET, socket.AF_INET6)
        ]

    def open(self) -> Connection:
        """A socket of the net namespace that this process is in now, wherever it goes later."""
        return Connection(self)


def _leave_out_the_rest() -> None:
    """Enter the package into sys.modules without running its __init__, which imports all of pyroute2."""
    spec = importlib.util.find_spec("pyroute2")
    if spec and "pyroute2" not in sys.modules:
        sys.modules["pyroute2"] = importlib.util.module_from_spec(spec)


def _request(
    message: Any, kind: int, flags: int = _NLM_F_REQUEST | _NLM_F_DUMP, attrs: Any = (), **fields: int
) -> bytes:
    """The bytes of a request."""
    message["header"] = {"type": kind, "flags": flags, "sequence_number": 1, "pid": 0}
    message["attrs"] = list(attrs)
    for name, value in fields.items():
        message[name] = value
    message.encode()
    return bytes(message.data)


class Connection:
    """A netlink socket of one net namespace. Use as a context manager; everything raises OSError."""

    def __init__(self, messages: Rtnetlink) -> None:
        self._messages = messages
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        with contextlib.suppress(OSError):  # an older kernel, which sends more
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def interfaces(self) -> tuple[list[tuple[Interface, int | None]], int]:
        """([(the frame's record of an interface, its nsid)], the number left out).

        nsid: the number by which this namespace knows the one that the link leads to or through; None for this one
        itself.
        """
        records: dict[int, tuple[Interface, int | None]] = {}
        links, more = self._dump(self._messages.links, self._messages.interface, INTERFACES_LIMIT)
        for message in links:
            records[message["index"]] = _interface(message), message.get_attr("IFLA_LINK_NETNSID")
        for message in self._dump(self._messages.addresses, self._messages.address)[0]:
            # Of a point-to-point interface ADDRESS is the other side's.
            data = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            known = records.get(message["index"])
            if known and data and message["family"] in (socket.AF_INET, socket.AF_INET6):
                known[0]["addresses"].append("%s/%d" % (netlink.address(data), message["prefixlen"]))
        return list(records.values()), more

    def default_routes(self, names: Mapping[int, str]) -> list[Route]:
        """The frame's records of default routes. names: {index: name} of the interfaces."""
        found: list[Route] = []
        for request, wanted in zip(self._messages.routes, (socket.AF_INET, socket.AF_INET6)):  # noqa: B905  Python 3.8
            try:
                messages, _ = self._dump(request, self._messages.route, ROUTES_LIMIT)
            except FileNotFoundError:
                continue  # the table is made with its first route
            for message in messages:
                if message["family"] != wanted or message["dst_len"] or message["type"] != _RTN_UNICAST:
                    continue
                if (message.get_attr("RTA_TABLE") or message["table"]) != _RT_TABLE_MAIN:
                    continue
                metric = message.get_attr("RTA_PRIORITY") or 0
                for index, gateway in _ways(message):
                    via = netlink.address(gateway) if gateway else None
                    name = names.get(index or 0)
                    family: Literal[4, 6] = 4 if wanted == socket.AF_INET else 6
                    found.append({"family": family, "via": via, "interface": name, "metric": metric})
        return found

    def number_of(self, fd: int) -> int | None:
        """The nsid that the joined namespace has for the namespace of an fd. None if it has no nsid for that."""
        message = self._messages.nsid()
        self._socket.send(_request(message, _RTM_GETNSID, flags=_NLM_F_REQUEST, attrs=[["NETNSA_FD", fd]]))
        data = self._socket.recv(1 << 16)
        for kind, _, offset in netlink.parts(data):
            if kind == netlink.ERROR:
                netlink.check(data, offset)
            answer = self._messages.nsid(data, offset=offset)
            answer.decode()
            number: int | None = answer.get_attr("NETNSA_NSID")
            return None if number in (None, 0xFFFFFFFF) else number
        return None

    def _dump(self, request: bytes, form: Any, limit: int = 1 << 30) -> tuple[list[Any], int]:
        """([decoded message], the number beyond the limit). Asks again if something changes meanwhile."""
        for _ in range(_TRIES):
            self._socket.send(request)
            found: list[Any] = []
            more, interrupted, done = 0, False, False
            while not done:
                data = self._socket.recv(1 << 16)
                for kind, flags, offset in netlink.parts(data):
                    interrupted |= bool(flags & _NLM_F_DUMP_INTR)
                    if kind == netlink.DONE:
                        done = True
                    elif kind == netlink.ERROR:
                        netlink.check(data, offset)
                        done = True
                    elif len(found) < limit:
                        message = form(data, offset=offset)
                        message.decode()
                        found.append(message)
                    else:
                        more += 1
            if not interrupted:
                break
        return found, more


def below(kind: str, index: int, link: int | None, data: bytes) -> int | None:
    """The index of the device that an interface stands on or is paired with. None if there is none.

    link: IFLA_LINK. An interface in another net namespace than the one it was made in has that too if it stands on
    nothing: it then names the interface itself. data: IFLA_INFO_DATA.
    """
    if kind in _DATA_LINK:
        found = [value for number, value in netlink.attributes(data) if number == _DATA_LINK[kind]]
        link = struct.unpack("=L", found[0])[0] if found and len(found[0]) == 4 else 0
    elif link == index and kind not in _STAND:
        return None
    return link or None


def _interface(message: Any) -> Interface:
    info = message.get_attr("IFLA_LINKINFO")
    kind = _text(info.get_attr("IFLA_INFO_KIND")) if info else ""
    data = info.get_attr("IFLA_INFO_DATA") if info else None
    link = below(kind, message["index"], message.get_attr("IFLA_LINK"), data or b"")
    nsid = message.get_attr("IFLA_LINK_NETNSID")
    properties = message.get_attr("IFLA_PROP_LIST")
    mac = message.get_attr("IFLA_ADDRESS") or b""
    up = message["flags"] & _IFF_UP
    state: LinkState = _STATES.get(message.get_attr("IFLA_OPERSTATE"), "unknown") if up else "down"
    return {
        "index": message["index"],
        "name": _text(message.get_attr("IFLA_IFNAME")),
        "kind": kind,
        "state": state,
        "mac": ":".join("%02x" % byte for byte in mac) if any(mac) else None,
        "mtu": message.get_attr("IFLA_MTU"),
        "addresses": [],
        "altnames": [_text(name) for name in properties.get_attrs("IFLA_ALT_IFNAME")] if properties else [],
        "master": message.get_attr("IFLA_MASTER") or None,
        "link": {"index": link, "net": None, "peer": False} if link or nsid is not None else None,
    }


def _ways(message: Any) -> list[tuple[int | None, bytes | None]]:
    """[(index of the interface or None, gateway's bytes or None)] of a route."""
    several = message.get_attr("RTA_MULTIPATH")
    if not several:
        via = message.get_attr("RTA_VIA")
        return [(message.get_attr("RTA_OIF"), message.get_attr("RTA_GATEWAY") or (via and via[2:]))]
    found: list[tuple[int | None, bytes | None]] = []
    offset = 0
    while offset + 8 <= len(several):  # struct rtnexthop, each with attributes of its own
        length, _, _, index = struct.unpack_from("=HBBi", several, offset)
        gateway, place = None, offset + 8
        while place + 4 <= offset + length:
            size, kind = struct.unpack_from("=HH", several, place)
            if kind in (5, 18):  # RTA_GATEWAY, RTA_VIA
                gateway = several[place + 4 + (2 if kind == 18 else 0) : place + size]
            place += max((size + 3) & ~3, 4)
        found.append((index, gateway))
        offset += max((length + 3) & ~3, 8)
    return found


def _text(data: bytes | None) -> str:
    return files.text((data or b"").rstrip(b"\0"))
