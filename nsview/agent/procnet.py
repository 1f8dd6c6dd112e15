"""The listeners of a net namespace by /proc/PID/net, and, if netlink can't be used, the interfaces as far as it tells.

Any process's may be read, without joining anything. proc_pid_net(5)
"""

from __future__ import annotations

import re
import socket
import sys

from . import files, netlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from .protocol import Interface, Listener, Route

_LIMIT = 64 << 20

_LOCAL = re.compile(rb"\|-- ([0-9.]+)\n +/32 host LOCAL")
_LISTEN, _UNCONNECTED = b"0A", b"07"


def listeners(directory: str, limit: int) -> tuple[list[Listener], int]:
    """([the frame's record of a listener, without pids], the number left out) of a directory such as /proc/1/net."""
    found: list[Listener] = []
    left_out = 0
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for fields in _sockets(directory + "/" + name):
            if len(found) >= limit:
                left_out += 1
                continue
            address, port = endpoint(fields[1])
            found.append(
                {
                    "protocol": "udp" if name.startswith("udp") else "tcp",
                    "address": address,
                    "port": port,
                    "inode": int(fields[9]),
                    "uid": int(fields[7]),
                    "pids": [],
                    "serves": None,
                }
            )
    return found, left_out


def _sockets(path: str) -> Iterator[list[bytes]]:
    """The fields of each socket of a table that waits for others."""
    for line in lines(path):
        fields = line.split(None, 10)
        if len(fields) < 10:
            continue
        if not path.endswith(("/udp", "/udp6")):
            if fields[3] != _LISTEN:
                return  # the kernel lists listeners first, and there may be a million connections
            yield fields
        elif fields[3] == _UNCONNECTED and not fields[2].strip(b"0").strip(b":"):
            yield fields


def lines(path: str) -> Iterator[bytes]:
    """The lines after the heading, read one by one; none if there is no such file (no IPv6)."""
    try:
        file = open(path, "rb")  # noqa: SIM115  closed below, also where the rest is not wanted
    except FileNotFoundError:
        return
    with file:
        file.readline()
        yield from file


def endpoint(text: bytes) -> tuple[str, int]:
    """(address, port) of a field such as 0100007F:1F90."""
    address, _, port = text.partition(b":")
    return _address(address), int(port, 16)


def _address(text: bytes) -> str:
    """An address from its hexadecimal words, each in the byte order of the machine."""
    data = bytes.fromhex(text.decode("ascii"))
    if sys.byteorder == "little":
        data = b"".join(data[place : place + 4][::-1] for place in range(0, len(data), 4))
    return netlink.address(data)


def interfaces(directory: str) -> list[Interface]:
    """The frame's records of interfaces: names, and those addresses whose interface can be told."""
    records: dict[bytes, Interface] = {}
    indices = _indices(directory)
    for line in _read(directory, "dev").splitlines()[2:]:
        name = line.partition(b":")[0].strip()
        if name:
            records[name] = {"index": indices.get(name, 0), "name": files.text(name), "addresses": []}
    for name, text in _ipv4(directory):
        if name in records:
            records[name]["addresses"].append(text)
    for line in _read(directory, "if_inet6").splitlines():
        address, _, length, _, _, name = line.split()
        if name in records:
            shown = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(address.decode("ascii")))
            records[name]["addresses"].append("%s/%d" % (shown, int(length, 16)))
    return list(records.values())


def addresses(directory: str) -> list[str] | None:
    """The addresses of a net namespace, without those of the loopback and of a link alone. None if not readable."""
    try:
        trie = files.read(directory + "/fib_trie", _LIMIT)
        found = dict.fromkeys(text.decode("ascii") for text in _LOCAL.findall(trie) if not text.startswith(b"127."))
        for line in _read(directory, "if_inet6").splitlines():
            address, _, _, scope, _, _ = line.split()
            if scope == b"00":
                found[socket.inet_ntop(socket.AF_INET6, bytes.fromhex(address.decode("ascii")))] = None
    except (OSError, ValueError):
        return None
    return list(found)


def _indices(directory: str) -> dict[bytes, int]:
    """{name: index} of the interfaces in a table of multicast or IPv6 addresses."""
    found = {}
    for line in _read(directory, "dev_mcast").splitlines():
        index, name = line.split()[:2]
        found[name] = int(index)
    for line in _read(directory, "if_inet6").splitlines():
        fields = line.split()
        found[fields[5]] = int(fields[1], 16)
    return found


def _ipv4(directory: str) -> Iterator[tuple[bytes, str]]:
    """(interface's name, address with its prefix) of each local address that lies in a connected network."""
    networks = []
    for fields in _routes4(directory):
        if fields[2] == b"00000000" and fields[7] != b"00000000":
            networks.append((int(fields[1], 16), int(fields[7], 16), fields[0]))
    local: list[bytes] = _LOCAL.findall(_read(directory, "fib_trie"))
    for text in dict.fromkeys(address.decode("ascii") for address in local):
        data = socket.inet_aton(text)
        value = int.from_bytes(data, sys.byteorder)
        for network, mask, name in networks:
            if value & mask == network:
                yield name, "%s/%d" % (text, bin(mask).count("1"))
                break
        else:
            if data[0] == 127:
                yield b"lo", "%s/8" % text


def _routes4(directory: str) -> list[list[bytes]]:
    """The fields of each IPv4 route: interface, destination, gateway, .., mask as the eighth."""
    lines = (line.split() for line in _read(directory, "route").splitlines()[1:])
    return [fields for fields in lines if len(fields) >= 8]


def default_routes(directory: str) -> list[Route]:
    """The frame's records of default routes."""
    found = []
    for fields in _routes4(directory):
        if fields[1] == fields[7] == b"00000000":
            via = _address(fields[2]) if fields[2] != b"00000000" else None
            found.append(_route(4, via, fields[0], int(fields[6])))
    for line in _read(directory, "ipv6_route").splitlines():
        fields = line.split()
        if int(fields[0], 16) == 0 and fields[1] == b"00" and int(fields[5], 16) != 0xFFFFFFFF:
            gateway = bytes.fromhex(fields[4].decode("ascii"))
            via = socket.inet_ntop(socket.AF_INET6, gateway) if any(gateway) else None
            found.append(_route(6, via, fields[9], int(fields[5], 16)))
    return found


def _route(family: Literal[4, 6], via: str | None, interface: bytes, metric: int) -> Route:
    return {"family": family, "via": via, "interface": files.text(interface), "metric": metric}


def _read(directory: str, name: str) -> bytes:
    try:
        return files.read(directory + "/" + name, _LIMIT)
    except FileNotFoundError:
        return b""
