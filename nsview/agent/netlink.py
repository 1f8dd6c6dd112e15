"""The layout of netlink(7): messages in a datagram, attributes in a message, and the kernel's refusals."""

from __future__ import annotations

import os
import socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ERROR, DONE = 2, 3  # types of message, include/uapi/linux/netlink.h
HEADER = 16  # bytes of struct nlmsghdr


def parts(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(type, flags, offset) of each message; its body begins HEADER bytes behind its offset."""
    offset = 0
    while offset + HEADER <= len(data):
        length, kind, flags = struct.unpack_from("=LHH", data, offset)
        yield kind, flags, offset
        offset += max((length + 3) & ~3, HEADER)


def attributes(data: bytes, offset: int = 0, end: int | None = None) -> Iterator[tuple[int, bytes]]:
    """(type, value's bytes) of each attribute (struct nlattr) between these offsets."""
    end = len(data) if end is None else end
    while offset + 4 <= end:
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < 4:
            return
        yield kind & 0x3FFF, data[offset + 4 : min(offset + length, end)]  # without NLA_F_NESTED and its like
        offset += (length + 3) & ~3


def address(data: bytes) -> str:
    """The text of an address of 4 or 16 bytes."""
    return socket.inet_ntop(socket.AF_INET6 if len(data) == 16 else socket.AF_INET, data)


def check(data: bytes, offset: int) -> None:
    """Raises OSError if a message of type ERROR says that the kernel refused."""
    (error,) = struct.unpack_from("=i", data, offset + HEADER)
    if error:
        raise OSError(-error, os.strerror(-error))
