"""/proc/PID/net: what listens in a net namespace, and, where netlink can't be asked, what there is of interfaces.

Any process's may be read, without joining anything. proc_pid_net(5)
"""

from __future__ import annotations

import re
import socket
import sys
from typing import Any

from . import files

_LIMIT = 64 << 20

_LISTEN, _UNCONNECTED = b"0A", b"07"


def listeners(directory, limit):
    """([the frame's record of a listener, without pids], how many are left out) of a directory such as /proc/1/net."""
    found: list[Any] = []
    left_out = 0
    for name, protocol in (("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp")):
        for fields in _sockets(directory + "/" + name, protocol):
            if len(found) >= limit:
                left_out += 1
                continue
            address, port = endpoint(fields[1])
            found.append(
                {
                    "protocol": protocol,
                    "address": address,
                    "port": port,
                    "inode": int(fields[9]),
                    "uid": int(fields[7]),
                    "pids": [],
                }
            )
    return found, left_out


def _sockets(path, protocol):
    """The fields of each socket of a table that waits for others."""
    for line in lines(path):
        fields = line.split(None, 10)
        if len(fields) < 10:
            continue
        if protocol == "tcp":
            if fields[3] != _LISTEN:
                return  # the kernel tells of those that listen first, and of connections there may be a million
            yield fields
        elif fields[3] == _UNCONNECTED and not fields[2].strip(b"0").strip(b":"):
            yield fields


def lines(path):
    """The lines after the heading, read as they are wanted; none where there is no such file (no IPv6)."""
    try:
        file = open(path, "rb")  # noqa: SIM115  closed below, also where the rest is not wanted
    except FileNotFoundError:
        return
    with file:
        file.readline()
        yield from file


def endpoint(text):
    """(address, port) of such a field as 0100007F:1F90."""
    address, _, port = text.partition(b":")
    return _address(address), int(port, 16)


def _address(text):
    """An address from its hexadecimal words, each in the byte order of the machine."""
    data = bytes.fromhex(text.decode("ascii"))
    if sys.byteorder == "little":
        data = b"".join(data[place : place + 4][::-1] for place in range(0, len(data), 4))
    return socket.inet_ntop(socket.AF_INET6 if len(data) == 16 else socket.AF_INET, data)


def interfaces(directory):
    """[the frame's record of an interface]: names, and addresses as far as they can be told whose they are."""
    records = {}
    indices = _indices(directory)
    for line in _read(directory, "dev").splitlines()[2:]:
        name = line.partition(b":")[0].strip()
        if name:
            records[name] = {"index": indices.get(name, 0), "name": files.text(name), "addresses": []}
    for name, address in _ipv4(directory):
        if name in records:
            records[name]["addresses"].append(address)
    for line in _read(directory, "if_inet6").splitlines():
        address, _, length, _, _, name = line.split()
        if name in records:
            text = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(address.decode("ascii")))
            records[name]["addresses"].append("%s/%d" % (text, int(length, 16)))
    return list(records.values())


def _indices(directory):
    """{name: index} of those that have one in a table of multicast or IPv6 addresses."""
    found = {}
    for line in _read(directory, "dev_mcast").splitlines():
        index, name = line.split()[:2]
        found[name] = int(index)
    for line in _read(directory, "if_inet6").splitlines():
        fields = line.split()
        found[fields[5]] = int(fields[1], 16)
    return found


def _ipv4(directory):
    """(interface's name, address with its prefix) of each local address that lies in a connected network."""
    networks = []
    for fields in _routes4(directory):
        if fields[2] == b"00000000" and fields[7] != b"00000000":
            networks.append((int(fields[1], 16), int(fields[7], 16), fields[0]))
    local = re.findall(rb"\|-- ([0-9.]+)\n +/32 host LOCAL", _read(directory, "fib_trie"))
    for text in dict.fromkeys(local):
        data = socket.inet_aton(text.decode("ascii"))
        value = int.from_bytes(data, sys.byteorder)
        for network, mask, name in networks:
            if value & mask == network:
                yield name, "%s/%d" % (text.decode("ascii"), bin(mask).count("1"))
                break
        else:
            if data[0] == 127:
                yield b"lo", "%s/8" % text.decode("ascii")


def _routes4(directory):
    """The fields of each IPv4 route: interface, destination, gateway, .., mask as the eighth."""
    lines = (line.split() for line in _read(directory, "route").splitlines()[1:])
    return [fields for fields in lines if len(fields) >= 8]


def default_routes(directory):
    """[the frame's record of a default route]."""
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


def _route(family, via, interface, metric):
    return {"family": family, "via": via, "interface": files.text(interface), "metric": metric}


def _read(directory, name):
    try:
        return files.read(directory + "/" + name, _LIMIT)
    except FileNotFoundError:
        return b""
