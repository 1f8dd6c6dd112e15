"""The nat rules of iptables-legacy(8), the older kind of firewall rules, as the kernel tells them.

A table is one block of entries, each with its conditions and a target; a chain ends where the next begins. Only a
table that exists already is asked for, for to ask makes it.

Sources: include/uapi/linux/netfilter_ipv4/ip_tables.h, netfilter_ipv6/ip6_tables.h, netfilter/x_tables.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct

from nsview import linux

from . import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .forwards import Chains, Expression, Key

TABLE = b"legacy"  # in place of a table's name
_GET_INFO, _GET_ENTRIES, _TRIES = 64, 65, 4
_PREROUTING, _INVERTED_ADDRESS, _INVERTED_PROTOCOL = 0, 0x10, 0x40
_INFO = struct.Struct("=32sL5L5LLL")  # struct ipt_getinfo
_PART = struct.Struct("=H29sB")  # struct xt_entry_match and xt_entry_target, before their own data


class _Family:
    """The layout of the tables of an address family: struct ipt_entry and ip6t_entry."""

    def __init__(
        self, number: int, level: int, names: str, size: int, protocol: int, flags: int, goto: int, ip: int
    ) -> None:
        self.number, self.level, self.names = number, level, names
        self.size = size  # of an address
        self.protocol, self.flags, self.goto = protocol, flags, goto
        self.entry = struct.Struct("@%dsIHHIQQ" % ip)


_FAMILIES = (
    _Family(socket.AF_INET, socket.IPPROTO_IP, "ip_tables_names", 4, 80, 82, 2, 84),
    _Family(socket.AF_INET6, socket.IPPROTO_IPV6, "ip6_tables_names", 16, 128, 131, 4, 136),
)


def chains() -> tuple[list[Key], Chains]:
    """([keys of the chains that see arriving packets], the rules of each chain), for `forwards` to follow. Raises
    OSError if the kernel refuses."""
    bases: list[Key] = []
    found: Chains = {}
    for family in _FAMILIES:
        try:
            there = files.read("/proc/self/net/" + family.names, 4096).split()
        except OSError:
            continue
        if b"nat" in there:
            start, entries = _table(family)
            bases.append((family.number, TABLE, start))
            found.update(_chains(family, start, entries))
    return bases, found


def _table(family: _Family) -> tuple[int, bytes]:
    """(offset of the chain that sees arriving packets, the entries)."""
    with socket.socket(family.number, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_RAW) as asked:
        for _ in range(_TRIES):
            info = _INFO.unpack(_asked(asked, family, _GET_INFO, b"nat", _INFO.size))
            size = info[-1]
            try:
                answer = _asked(asked, family, _GET_ENTRIES, struct.pack("=32sL", b"nat", size), 40 + size)
            except OSError as error:
                if error.errno != errno.EAGAIN:  # another size by now
                    raise
                continue
            return info[2 + _PREROUTING], answer[40:]
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def _asked(asked: socket.socket, family: _Family, option: int, question: bytes, size: int) -> bytes:
    buffer, length = ctypes.create_string_buffer(question, size), ctypes.c_uint32(size)
    linux.checked(
        linux.libc().getsockopt(asked.fileno(), family.level, option, buffer, ctypes.byref(length)), "the nat table"
    )
    return buffer.raw


def _chains(family: _Family, start: int, entries: bytes) -> Chains:
    found: Chains = {}
    at, chain = 0, None
    while at + family.entry.size <= len(entries):
        _, _, target, after, *_ = family.entry.unpack_from(entries, at)
        if after < family.entry.size:
            break
        if at == start:
            chain = at
        size, name, revision = _PART.unpack_from(entries, at + target)
        name = name.rstrip(b"\0")
        if name == b"ERROR":
            chain = at + after  # a user's chain begins
        elif chain is not None:
            data = entries[at + target + _PART.size : at + target + size]
            rule = [*_conditions(family, entries[at : at + target]), _target(family, entries, at, name, revision, data)]
            found.setdefault((family.number, TABLE, chain), []).append(rule)
        at += after
    return found


def _conditions(family: _Family, entry: bytes) -> Iterator[Expression]:
    """The conditions in an entry's own fields, and its matches."""
    (protocol,) = struct.unpack_from("=H", entry, family.protocol)
    inverted = entry[family.flags + 1]
    size = family.size
    address, source = entry[size : 2 * size], entry[2 * size : 3 * size]  # the latter a mask, as is the next
    mask, interfaces = entry[3 * size : 4 * size], entry[4 * size : family.protocol]
    if any(source) or any(interfaces) or inverted:
        yield "other", {}
    if protocol and not inverted & _INVERTED_PROTOCOL:
        yield "given", {"what": "protocol", "value": bytes([protocol & 0xFF])}
    if any(mask) and not inverted & _INVERTED_ADDRESS:
        yield "given", {"what": ("address", size, mask), "value": address}
    at = family.entry.size
    while at + _PART.size <= len(entry):
        size, name, revision = _PART.unpack_from(entry, at)
        if size < _PART.size:
            break
        data = entry[at + _PART.size : at + size]
        yield "match", {1: name.rstrip(b"\0") + b"\0", 2: bytes([revision]), 3: data}
        at += size


def _target(family: _Family, entries: bytes, at: int, name: bytes, revision: int, data: bytes) -> Expression:
    if name:
        return "target", {1: name + b"\0", 2: bytes([revision]), 3: data}
    (verdict,) = struct.unpack_from("=i", data)
    if verdict >= 0:
        goes = entries[at + family.flags] & family.goto
        return "verdict", {1: struct.pack(">i", -4 if goes else -3), 2: verdict}
    return "verdict", {1: struct.pack(">i", {-5: -5, -1: 0}.get(verdict, 1))}
