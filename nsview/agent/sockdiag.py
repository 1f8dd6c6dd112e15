"""The listeners in the joined net namespace, asked of the kernel by sock_diag(7).

To read /proc/net/tcp makes the kernel walk the table of all connections of all net namespaces, which takes milliseconds
also if there are none; this walks the table of listeners alone. inet_diag came with Linux 2.6, its filter by state
with 3.3; a kernel built without it answers with an error, and then /proc is read (`procnet`).
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from . import netlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from .protocol import Listener

_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_NLM_F_REQUEST_DUMP = 0x301
_PROTOCOLS: tuple[tuple[Literal["tcp", "udp"], int], ...] = ("tcp", socket.IPPROTO_TCP), ("udp", socket.IPPROTO_UDP)
_STATES = {"tcp": 1 << 10, "udp": 1 << 7}  # TCP_LISTEN; TCP_CLOSE, which an unconnected UDP socket is in
_REQUEST = struct.Struct("=LHHLLBBBxL48x")  # struct nlmsghdr and inet_diag_req_v2
_ANSWER = struct.Struct("=BBBB2s2s16s16sL8sLLLLL")  # struct inet_diag_msg


def listeners(limit: int) -> tuple[list[Listener], int]:
    """([the frame's record of a listener, without pids], the number left out). Raises OSError if the kernel can't
    tell."""
    found: list[Listener] = []
    left_out = 0
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as diag:
        for protocol, number in _PROTOCOLS:
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
                            "serves": None,
                        }
                    )
    return found, left_out


def _answers(diag: socket.socket) -> Iterator[tuple[bytes, int]]:
    """(data, offset) of the body of each message, until the kernel says that it is done."""
    while True:
        data = diag.recv(1 << 16)
        for kind, _, offset in netlink.parts(data):
            if kind == netlink.DONE:
                return
            if kind == netlink.ERROR:
                netlink.check(data, offset)
                raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))
            yield data, offset + netlink.HEADER
