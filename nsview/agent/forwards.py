"""Ports that the firewall of the joined net namespace sends on to another address (DNAT), asked of the kernel.

nf_tables holds the rules of nft(8) and today's iptables(8), `xtables` those of iptables-legacy(8); rules are read,
never changed, and followed from the hooks of arriving packets through the chains that they jump to. Of conditions,
protocol, port and address are told; others (an origin, at random, ..) leave a port published, if not for all. If the
kernel chooses among addresses or ports, the first and the last are told. Of several rules for one port, which are told
in their order, the first is the one that counts; one that lets some packets go before (return, accept) is not weighed.

Sources: include/uapi/linux/netfilter/{nf_tables,nf_tables_compat,nfnetlink,nf_nat,xt_tcpudp,xt_multiport,xt_iprange}.h,
net/netfilter/xt_NETMAP.c.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from . import files, netlink, xtables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Dict, List, Tuple, Union

    from .protocol import Forward

    Key = Tuple[int, bytes, Union[bytes, int]]
    """(family, table, chain) of nf_tables, or (family, xtables.TABLE, offset)"""
    Expression = Tuple[str, Dict[Any, Any]]
    NatRule = List[Expression]
    Chains = Dict[Key, List[NatRule]]
    Interval = Tuple[bytes, bytes, Dict[int, bytes]]
    Loaded = Dict[int, Any]
    Forwards = Dict[Tuple[Any, ...], Forward]

LIMIT = 5000  # forwards of one namespace
_RULES, _VISITS, _ALTERNATIVES, _ELEMENTS, _DEEP = 50_000, 50_000, 1000, 20_000, 16
_SIZE = -1  # the place of the number of bytes of an address among what is loaded
_KEY = 16  # registers of 4 bytes that a key may take
_COMPARED = 500_000  # elements of sets and maps in all, a second or two: a process in a container may add rules

_NETLINK_NETFILTER, _NF_TABLES = 12, 10
_GETTABLE, _GETCHAIN, _GETRULE, _GETSETELEM = 1, 4, 7, 13
_REQUEST_DUMP, _INTERRUPTED, _TRIES = 0x301, 0x10, 4
_FAMILIES = (1, socket.AF_INET, socket.AF_INET6)  # the first is NFPROTO_INET: both
_PREROUTING = 0
_JUMP, _GOTO, _TERMINAL = -3, -4, (0, 1, -5)  # drop, accept, return
_ABSENT = (errno.EPROTONOSUPPORT, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOENT)  # a kernel without nf_tables
_SAYS_NOTHING = ("counter", "immediate", "log", "verdict")
_PROTOCOLS = {6: "tcp", 17: "udp", 132: "sctp", 33: "dccp", 136: "udplite"}
_FLAG_ADDRESS, _FLAG_PORT, _FLAG_OFFSET = 1, 2, 32  # NF_NAT_RANGE_*


class TooMany(Exception):
    """The rules are more than are followed."""


def forwards() -> tuple[list[Forward], str | None]:
    """([the frame's record of a forward], None or in words why they are not all)."""
    found: Forwards = {}
    why = None
    for read in (_nf_tables, _legacy):
        try:
            read(found)
        except TooMany:
            why = "too many rules"
        except (LookupError, ValueError, struct.error):  # of a kernel that is newer than this
            why = "a rule that is not understood"
        except OSError as error:
            if error.errno not in _ABSENT:
                why = os.strerror(error.errno or errno.EIO)
    return list(found.values()), why


def _nf_tables(found: Forwards) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER) as asked:
        firewall = _Firewall(asked)
        bases = firewall.bases()
        if bases:
            firewall.read_rules()
            _Walk(firewall.chains, firewall.elements, found).all(bases)


def _legacy(found: Forwards) -> None:
    bases, chains = xtables.chains()
    _Walk(chains, None, found).all(bases)


class _Firewall:
    """The kernel's tables. Every dump raises OSError."""

    def __init__(self, asked: socket.socket) -> None:
        self._socket = asked
        self._elements: dict[tuple[int, bytes, bytes], list[Interval]] = {}
        self._read = 0  # elements of all sets
        self.chains: Chains = {}

    def bases(self) -> list[Key]:
        """The keys of the chains that translate the addresses of arriving packets, in the order in which they see
        them."""
        found: list[tuple[int, tuple[int, bytes, bytes]]] = []
        for family, chain in self._dump(_GETCHAIN):
            hook = dict(netlink.attributes(chain.get(4, b"")))  # NFTA_CHAIN_HOOK
            at = _number(hook.get(1, b"\xff" * 4))
            if family in _FAMILIES and chain.get(7) == b"nat\0" and at == _PREROUTING:
                priority = struct.unpack(">i", hook.get(2, bytes(4)))[0]
                found.append((priority, (family, chain[1], chain[3])))
        if not found:
            return []
        dormant = {(family, table[1]) for family, table in self._dump(_GETTABLE) if _number(table.get(2, b"")) & 1}
        return [key for _, key in sorted(found, key=lambda pair: pair[0]) if key[:2] not in dormant]

    def read_rules(self) -> None:
        """Fill `chains`."""
        rules = self._dump(_GETRULE)
        if len(rules) > _RULES:
            raise TooMany
        for family, rule in rules:
            if family in _FAMILIES:
                expressions = [_expression(one) for _, one in netlink.attributes(rule.get(4, b""))]
                self.chains.setdefault((family, rule[1], rule[2]), []).append(expressions)

    def elements(self, family: int, table: bytes, name: bytes) -> list[Interval]:
        """[(first key, last key, its data's attributes)] of a set or map."""
        key = family, table, name
        if key not in self._elements:
            found = []
            for _, part in self._dump(_GETSETELEM, family, ((1, table), (2, name))):
                for _, one in netlink.attributes(part.get(3, b"")):
                    found.append(dict(netlink.attributes(one)))
                    if len(found) > _ELEMENTS or self._read + len(found) > _COMPARED:
                        raise TooMany
            self._read += len(found)
            self._elements[key] = _intervals(found)
        return self._elements[key]

    def _dump(
        self, kind: int, family: int = 0, attributes: Iterable[tuple[int, bytes]] = ()
    ) -> list[tuple[int, dict[int, bytes]]]:
        """[(family, attributes)] of all things of a kind; asked again if they change meanwhile."""
        body = b"".join(
            struct.pack("=HH", 4 + len(value), number) + value.ljust((len(value) + 3) & ~3, b"\0")
            for number, value in attributes
        )
        kind |= _NF_TABLES << 8
        request = struct.pack("=LHHLLBBH", 20 + len(body), kind, _REQUEST_DUMP, 1, 0, family, 0, 0)
        for _ in range(_TRIES):
            self._socket.send(request + body)
            found: list[tuple[int, dict[int, bytes]]] = []
            if not self._answers(found):
                return found
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def _answers(self, found: list[tuple[int, dict[int, bytes]]]) -> bool:
        """Add the answers to `found`; True if they may not be all, as something changed meanwhile."""
        interrupted = False
        while True:
            data = self._socket.recv(1 << 17)
            for kind, flags, offset in netlink.parts(data):
                interrupted |= bool(flags & _INTERRUPTED)
                if kind == netlink.DONE:
                    return interrupted
                if kind == netlink.ERROR:
                    netlink.check(data, offset)
                    return interrupted
                (length,) = struct.unpack_from("=L", data, offset)
                start = offset + netlink.HEADER
                found.append((data[start], dict(netlink.attributes(data, start + 4, offset + length))))


def _expression(data: bytes) -> Expression:
    """(name, attributes) of a part of a rule."""
    said = dict(netlink.attributes(data))
    return files.text(said.get(1, b"").rstrip(b"\0")), dict(netlink.attributes(said.get(2, b"")))


def _intervals(elements: list[dict[int, bytes]]) -> list[Interval]:
    """The elements of a set, each with its last key: its own, or in a set of intervals the key before the next end."""
    keyed = sorted((_value(one.get(1, b"")), _number(one.get(3, b"")) & 1, one) for one in elements if 1 in one)
    intervals = any(end for _, end, _ in keyed)
    found = []
    for place, (key, end, one) in enumerate(keyed):
        if end:
            continue
        last = _value(one[10]) if 10 in one else key  # NFTA_SET_ELEM_KEY_END
        if intervals and 10 not in one:
            after = next((other for other, _, _ in keyed[place + 1 :] if other > key), None)
            above = int.from_bytes(after, "big") - 1 if after else (1 << 8 * len(key)) - 1
            last = above.to_bytes(len(key), "big")
        found.append((key, last, dict(netlink.attributes(one.get(2, b"")))))
    every = [one for one in elements if 1 not in one and _number(one.get(3, b"")) & 2]  # "*": whatever is in no other
    return found + [(b"", b"", dict(netlink.attributes(one.get(2, b"")))) for one in every]


class _Match:
    """A condition of packets: a protocol, ports from first to last, (the first address, the last); None and all ports:
    any."""

    __slots__ = ("address", "first", "last", "protocol", "values")

    def __init__(
        self,
        protocol: int | None = None,
        address: tuple[bytes, bytes] | None = None,
        first: int = 0,
        last: int = 0xFFFF,
        values: Any = (),
    ) -> None:
        self.protocol, self.address, self.first, self.last = protocol, address, first, last
        self.values: dict[int, bytes] = dict(values)  # {register of 4 bytes: its value}

    def but(self, **changed: Any) -> _Match:
        fields = {name: getattr(self, name) for name in self.__slots__}
        return _Match(**dict(fields, **changed))

    def narrowed(self, what: Any, low: bytes, high: bytes) -> _Match | None:
        """The match with one thing restricted to low to high. None if that contradicts it."""
        if what == "port":
            first, last = max(self.first, _port(low)), min(self.last, _port(high))
            return self.but(first=first, last=last) if first <= last else None
        if what == "protocol" and low == high:
            if self.protocol not in (None, low[0]):
                return None
            return self.but(protocol=low[0])
        if isinstance(what, tuple) and what[0] == "from":
            before, of = what[1:]
            return self.narrowed(of, low[before:], high[before:]) if low[:before] == high[:before] else self
        if isinstance(what, tuple):
            _, size, mask = what
            mask = (mask or b"\xff" * len(low)).ljust(size, b"\0")
            lowest = bytes(one & other for one, other in zip(low.ljust(size, b"\0"), mask))  # noqa: B905  Python 3.8
            highest = bytes(one | ~other & 0xFF for one, other in zip(high.ljust(size, b"\0"), mask))  # noqa: B905
            if self.address and len(self.address[0]) == size:
                lowest, highest = max(lowest, self.address[0]), min(highest, self.address[1])
            return self.but(address=(lowest, highest)) if lowest <= highest else None
        return self


def _port(data: bytes) -> int:
    return int.from_bytes(data[:2], "big")


def _network(first: bytes, last: bytes) -> str:
    """Addresses as text: one, a network, or the first and the last."""
    if first == last:
        return netlink.address(first)
    low, high = (int.from_bytes(one, "big") for one in (first, last))
    bits = (low ^ high).bit_length()
    if high - low + 1 == 1 << bits:
        return "%s/%d" % (netlink.address(first), 8 * len(first) - bits)
    return "%s-%s" % (netlink.address(first), netlink.address(last))


class _Walk:
    """A walk along the rules of chains. elements: returns those of a set. found: the frame's records by all their
    values, to be filled."""

    def __init__(
        self, chains: Chains, elements: Callable[[int, bytes, bytes], list[Interval]] | None, found: Forwards
    ) -> None:
        self._chains, self._elements, self._found = chains, elements, found
        self._visits = self._compared = 0

    def all(self, bases: Iterable[Key]) -> None:
        for key in bases:
            self._chain(key, _Match(), 0)

    def _chain(self, key: Key, match: _Match, deep: int) -> None:
        for rule in self._chains.get(key, ()):
            self._visits += 1
            if self._visits > _VISITS or deep > _DEEP:
                raise TooMany
            if self._rule(key, rule, match, deep) and all(name in _SAYS_NOTHING for name, _ in rule):
                return

    def _rule(self, key: Key, rule: NatRule, match: _Match, deep: int) -> bool:
        """Follow a rule; True if no packet that came so far sees the rules behind it."""
        matches = [match.but(values={})]
        loaded: Loaded = {_SIZE: 16 if key[0] == socket.AF_INET6 else 4}
        for name, said in rule:
            if name == "immediate":
                verdict = dict(netlink.attributes(dict(netlink.attributes(said.get(2, b""))).get(2, b"")))
                if verdict:
                    return self._verdict(key, verdict, matches, deep)
                matches = [_with(one, _register(said[1]), _value(said[2])) for one in matches]
            elif name == "verdict":
                return self._verdict(key, said, matches, deep)
            elif name == "lookup":
                matches = self._looked_up(key, said, matches, loaded, deep)
            elif name == "nat" and _number(said.get(1, b"")) == 1:
                self._translated(said, matches)
            elif name == "target" and said.get(1) in (b"DNAT\0", b"NETMAP\0"):
                self._target(key[0], said, matches)
            elif name in _LOADS:
                _LOADS[name](said, loaded)
            elif name in _OTHER_LOADS and _OTHER_LOADS[name] in said:
                loaded[_register(said[_OTHER_LOADS[name]])] = None
            elif name in _TESTS:
                matches = [narrow for one in matches for narrow in _TESTS[name](said, one, loaded) if narrow]
            if not matches:
                return False
            if len(matches) > _ALTERNATIVES:
                raise TooMany
        return False

    def _verdict(self, key: Key, verdict: Mapping[int, Any], matches: list[_Match], deep: int) -> bool:
        code = struct.unpack(">i", verdict[1])[0]
        if code in (_JUMP, _GOTO):
            for one in matches:
                self._chain((*key[:2], verdict[2]), one, deep + 1)
        return code in _TERMINAL or code == _GOTO

    def _looked_up(
        self, key: Key, said: Mapping[int, bytes], matches: list[_Match], loaded: Loaded, deep: int
    ) -> list[_Match]:
        """The matches after a look-up in a set or map: one for each element, with the value that a map has for the
        element."""
        if _number(said.get(5, b"")) & 1:
            return matches  # not one of these
        source, found, alike = _register(said[2]), [], set()
        elements = self._elements(*key[:2], said[1]) if self._elements else []
        if elements and 3 not in said and not any(loaded.get(source + place) for place in range(_KEY)):
            return matches  # from where, through what: however many elements there are
        for low, high, data in elements:
            self._compared += len(matches)
            if self._compared > _COMPARED:
                raise TooMany
            verdict = dict(netlink.attributes(data.get(2, b"")))
            for one in matches:
                narrow = _of_key(one, source, low, high, loaded)
                if narrow is None:
                    continue
                if verdict:
                    self._verdict(key, verdict, [narrow], deep)
                elif 3 in said:
                    found.append(_with(narrow, _register(said[3]), data.get(1, b"")))
                elif (same := (id(one), narrow.protocol, narrow.address, narrow.first, narrow.last)) not in alike:
                    alike.add(same)
                    found.append(narrow)
            if len(found) > _ALTERNATIVES * 5:
                raise TooMany
        return found

    def _translated(self, said: Mapping[int, bytes], matches: list[_Match]) -> None:
        """Add the forwards of nft's own expression: the new address and port are in registers."""
        size = 16 if _number(said.get(2, b"")) == socket.AF_INET6 else 4
        for one in matches:
            address, port = _held(one, said.get(3), size), _held(one, said.get(5), 2)
            last, last_port = _held(one, said.get(4), size), _held(one, said.get(6), 2)
            if address:
                ports = (_port(port), _port(last_port or port)) if port else None
                self._add(one, (address, last or address), ports, False)

    def _target(self, family: int, said: Mapping[int, bytes], matches: list[_Match]) -> None:
        """Add the forwards of iptables' target."""
        info, revision = said.get(3, b""), _number(said.get(2, b""))
        size = 16 if family == socket.AF_INET6 else 4
        if size == 4 and revision == 0 and len(info) >= 20:  # struct nf_nat_ipv4_multi_range_compat
            flags, address, last = struct.unpack_from("=L4s4s", info, 4)
            port, last_port, base = *struct.unpack_from(">HH", info, 16), 0
        elif len(info) >= 40:  # struct nf_nat_range, and nf_nat_range2
            flags, address, last = struct.unpack_from("=L16s16s", info)
            port, last_port, base = struct.unpack_from(">HHH", info.ljust(42, b"\0"), 36)
        else:
            return
        if not flags & _FLAG_ADDRESS:
            return
        for one in matches:
            ports = (port, last_port) if flags & _FLAG_PORT else None
            if flags & _FLAG_OFFSET:
                ports = (port + one.first - base,) * 2
            self._add(one, (address[:size], last[:size]), ports, bool(flags & _FLAG_OFFSET))

    def _add(self, match: _Match, to: tuple[bytes, bytes], ports: tuple[int, int] | None, in_step: bool) -> None:
        """to: (the first address, the last). ports: (the first, the last), None for the same."""
        number = match.protocol
        protocol = "any" if number is None else _PROTOCOLS.get(number, str(number))
        record: Forward = {
            "protocol": protocol,
            "address": match.address and _network(*match.address),
            "port": match.first,
            "last": match.last,
            "to": netlink.address(to[0]),
            "to_port": ports and ports[0],
            "in_step": in_step and match.first != match.last,
            "by": "rules",
            "to_last": netlink.address(to[1]) if to[1] > to[0] else None,
            "to_port_last": ports[1] if ports and ports[1] > ports[0] else None,
        }
        self._found.setdefault(tuple(record.values()), record)
        if len(self._found) > LIMIT:
            raise TooMany


# Loads into registers, and tests of them. loaded: {register of 4 bytes: the part of a packet in it}


def _payload(said: Mapping[int, bytes], loaded: Loaded) -> None:
    if 1 not in said:
        return
    base, offset, length = (_number(said.get(number, b"")) for number in (2, 3, 4))
    what: Any = None
    if (base, offset, length) == (2, 2, 2):
        what = "port"
    elif (base, offset, length) == (2, 0, 4):
        what = "from", 2, "port"  # nft joins two tests of neighbouring fields: sport and dport ..
    elif (base, offset) == (1, 12) and 4 < length <= 8:
        what = "from", 4, ("address", 4, b"")  # .. saddr and daddr
    elif base == 1 and (offset, length) in ((9, 1), (6, 1)):
        what = "protocol"
    elif base == 1 and offset == 16 and length <= 4:
        what = "address", 4, b""
    elif base == 1 and offset == 24 and length <= 16:
        what = "address", 16, b""
    loaded[_register(said[1])] = what


def _meta(said: Mapping[int, bytes], loaded: Loaded) -> None:
    if 1 in said:
        loaded[_register(said[1])] = "protocol" if _number(said.get(2, b"")) == 16 else None  # NFT_META_L4PROTO


def _bitwise(said: Mapping[int, bytes], loaded: Loaded) -> None:
    what = loaded.get(_register(said[1]))
    mask = _value(said.get(4, b""))
    loaded[_register(said[2])] = (*what[:2], mask) if isinstance(what, tuple) and mask else None


_LOADS = {"payload": _payload, "meta": _meta, "bitwise": _bitwise}
_OTHER_LOADS = {
    "ct": 1, "exthdr": 1, "fib": 1, "numgen": 1, "osf": 1, "rt": 1, "xfrm": 1,
    "byteorder": 2, "hash": 2, "socket": 2, "tunnel": 2,
}  # fmt: skip
"""Expressions that load things that are not followed: the number of the attribute that names the register."""


def _compared(said: Mapping[int, bytes], one: _Match, loaded: Loaded) -> list[_Match | None]:
    what, value, op = loaded.get(_register(said[1])), _value(said[3]), _number(said[2])
    if op == 0:
        return [one.narrowed(what, value, value)]
    if op == 1 or what not in ("port", ("address", len(value), b"")):
        return [one]
    number, most = _number(value), (1 << 8 * len(value)) - 1
    low, high = {2: (0, number - 1), 3: (0, number), 4: (number + 1, most), 5: (number, most)}[op]
    if low > high:
        return []
    return [one.narrowed(what, *(end.to_bytes(len(value), "big") for end in (low, high)))]


def _ranged(said: Mapping[int, bytes], one: _Match, loaded: Loaded) -> list[_Match | None]:
    if _number(said.get(2, b"")):
        return [one]  # outside of it
    return [one.narrowed(loaded.get(_register(said[1])), _value(said[3]), _value(said[4]))]


def _matched(said: Mapping[int, bytes], one: _Match, loaded: Loaded) -> list[_Match | None]:
    """The match narrowed by iptables' own: tcp, udp and multiport know of ports, iprange of addresses."""
    name, info = said.get(1), said.get(3, b"")
    if name == b"iprange\0" and len(info) >= 65:
        size = loaded[_SIZE]
        wanted = info[64] & 0x22 == 2  # destinations in the range, not outside of it
        return [one.narrowed(("address", size, b""), info[32 : 32 + size], info[48 : 48 + size])] if wanted else [one]
    if name in (b"tcp\0", b"udp\0") and len(info) >= 9:
        first, last = struct.unpack_from("=HH", info, 4)
        inverted = info[11 if name == b"tcp\0" else 8] & 2
        pairs = [] if inverted else [(first, last)]
    elif name == b"multiport\0" and len(info) >= 48 and info[0] and not info[47]:
        ports, pairs = struct.unpack_from("=15H", info, 2), []
        place = 0
        while place < min(info[1], 15):
            wide = info[32 + place] and place < 14
            pairs.append((ports[place], ports[place + 1] if wide else ports[place]))
            place += 2 if wide else 1
    else:
        pairs = []
    if not pairs:
        return [one]
    return [one.narrowed("port", low.to_bytes(2, "big"), high.to_bytes(2, "big")) for low, high in pairs]


def _given(said: Mapping[Any, Any], one: _Match, loaded: Loaded) -> list[_Match | None]:
    """The match narrowed by a condition in an entry of `xtables` itself."""
    return [one.narrowed(said["what"], said["value"], said["value"])]


_TESTS = {"given": _given, "cmp": _compared, "range": _ranged, "match": _matched}


def _of_key(one: _Match, source: int, low: bytes, high: bytes, loaded: Loaded) -> _Match | None:
    """A match narrowed by the key of an element, whose parts stand in registers one after the other. None if nothing is
    left of it."""
    narrow: _Match | None = one
    offset = 0
    while narrow is not None and offset < len(low):
        what = loaded.get(source + offset // 4)
        size = what[1] * (2 if what[0] == "from" else 1) if isinstance(what, tuple) else 4
        narrow = narrow.narrowed(what, low[offset : offset + size], high[offset : offset + size])
        offset += size
    return narrow


def _register(data: bytes) -> int:
    """The number of the first 4 bytes of a register: registers are of 16 bytes (1 to 4) or of 4 (from 8)."""
    number = _number(data)
    return 4 * (number - 1) if number < 8 else number - 8


def _with(one: _Match, register: int, data: bytes) -> _Match:
    parts = {register + place // 4: data[place : place + 4] for place in range(0, len(data), 4)}
    return one.but(values={**one.values, **parts})


def _held(one: _Match, register: bytes | None, size: int) -> bytes | None:
    """That many bytes of the known value of a register and those behind it. None if it is not known."""
    if register is None:
        return None
    first = _register(register)
    data = b"".join(one.values.get(number, b"") for number in range(first, first + (size + 3) // 4))
    return data[:size] if len(data) >= size else None


def _value(data: bytes) -> bytes:
    """The value in struct nfta_data."""
    return dict(netlink.attributes(data)).get(1, b"")


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
