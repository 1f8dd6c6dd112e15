"""Who listens in the net namespace that one is in, asked of the kernel by sock_diag(7).

To read /proc/net/tcp makes the kernel walk the table of all connections of all net namespaces, which takes milliseconds
also where there are none; this walks the table of listeners alone. inet_diag came with Linux 2.6, its filter by state
with 3.3; a kernel built without it answers with an error, and then /proc is what is left (`procnet`).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Any

from . import netlink

_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_NLM_F_REQUEST_DUMP = 0x301
_STATES = {"tcp": 1 << 10, "udp": 1 << 7}  # TCP_LISTEN; TCP_CLOSE, which an unconnected UDP socket is in
_REQUEST = struct.Struct("=LHHLLBBBxL48x")  # struct nlmsghdr and inet_diag_req_v2
_ANSWER = struct.Struct("=BBBB2s2s16s16sL8sLLLLL")  # struct inet_diag_msg


def listeners(limit):
    """([the frame's record of a listener, without pids], how many are left out). OSError where the kernel can't."""
    found: list[Any] = []
    left_out = 0
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as diag:
        for protocol, number in (("tcp", socket.IPPROTO_TCP), ("udp", socket.IPPROTO_UDP)):
            for family in (socket.AF_INET, socket.AF_INET6):
                diag.send(
                    _REQUEST.pack(
                        _REQUEST.size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST_DUMP, 1, 0,
                        family, number, 0, _STATES[protocol],
                    )
                )  # fmt: skip
                for data, offset in _answers(diag):
                    fields = _ANSWER.unpack_from(data, offset)
                    if fields[5] != b"\0\0":
                        continue  # connected, so not for others
                    if len(found) >= limit:
                        left_out += 1
                        continue
                    address = fields[6][: 4 if fields[0] == socket.AF_INET else 16]
                    found.append(
                        {
                            "protocol": protocol,
                            "address": socket.inet_ntop(fields[0], address),
                            "port": int.from_bytes(fields[4], "big"),
                            "inode": fields[14],
                            "uid": fields[13],
                            "pids": [],
                        }
                    )
    return found, left_out


def _answers(diag):
    """(data, offset) of what each message says, until the kernel says that it is done."""
    while True:
        data = diag.recv(1 << 16)
        for kind, _, offset in netlink.parts(data):
            if kind == netlink.DONE:
                return
            if kind == netlink.ERROR:
                netlink.check(data, offset)
                raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))
            yield data, offset + netlink.HEADER
