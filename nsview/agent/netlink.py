"""How messages of netlink(7) stand in a datagram and attributes in a message, and how the kernel refuses."""

from __future__ import annotations

import os
import struct

ERROR, DONE = 2, 3  # types of message, include/uapi/linux/netlink.h
HEADER = 16  # bytes of struct nlmsghdr


def parts(data):
    """(type, flags, offset) of each message; what it says begins HEADER bytes behind its offset."""
    offset = 0
    while offset + HEADER <= len(data):
        length, kind, flags = struct.unpack_from("=LHH", data, offset)
        yield kind, flags, offset
        offset += max((length + 3) & ~3, HEADER)


def attributes(data, offset=0, end=None):
    """(type, value's bytes) of each attribute (struct nlattr) that stands there."""
    end = len(data) if end is None else end
    while offset + 4 <= end:
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < 4:
            return
        yield kind & 0x3FFF, data[offset + 4 : min(offset + length, end)]  # without NLA_F_NESTED and its like
        offset += (length + 3) & ~3


def check(data, offset):
    """OSError where a message of type ERROR says that the kernel refused."""
    (error,) = struct.unpack_from("=i", data, offset + HEADER)
    if error:
        raise OSError(-error, os.strerror(-error))
