"""Changes of interfaces, addresses and routes: the multicast groups of rtnetlink, as the agent receives them.

A socket receives the changes of its own net namespace, and of each that has a number in that (`ip netns list-id`): a
namespace gets one if an end of a pair is there, or a device was moved there. To receive those of the others one would
have to join them, and a socket made there would keep each alive; so they are read again and again, while a user looks.
Sources: rtnetlink(7); net/netlink/af_netlink.c (do_one_broadcast), net/core/net_namespace.c (rtnl_net_getid).
"""

from __future__ import annotations

import os
import socket
import struct

from . import limitations, netlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400  # links; addresses and routes of IPv4 and IPv6
_SOL_NETLINK, _LISTEN_ALL_NSID = 270, 8
_NEWNSID, _GETNSID, _REQUEST, _OF_FD, _NUMBER = 88, 90, 1, 3, 1
_CAP_NET_BROADCAST = 1 << 11


class LinkSocket:
    """A socket that receives changes; `fileno` for poll. Raises OSError if the kernel has no such socket.

    told: a change was told since the last request. until: the time at which nobody is interested any more.
    """

    def __init__(self) -> None:
        self.told = False
        self.until = 0.0
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self._told = socket.socket(socket.AF_NETLINK, kind, 0)
        self._asks = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._all = bool(limitations.effective() & _CAP_NET_BROADCAST)
        if self._all:
            try:
                self._told.setsockopt(_SOL_NETLINK, _LISTEN_ALL_NSID, 1)
            except OSError:  # before Linux 4.2
                self._all = False
        self._told.bind((0, _GROUPS))
        self._own = os.stat("/proc/self/ns/net").st_ino

    def fileno(self) -> int:
        return self._told.fileno()

    def close(self) -> None:
        self._told.close()
        self._asks.close()

    def take(self) -> None:
        """Drop the messages that have come: something has changed."""
        while True:
            try:
                self._told.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError:  # some were dropped, and others wait
                continue

    def hears_of(self, namespaces: Mapping[int, Callable[[], int]]) -> bool:
        """True if changes of all of these, {inode: opener}, are received."""
        return all(inode == self._own or (self._all and self._is_numbered(way)) for inode, way in namespaces.items())

    def _is_numbered(self, way: Callable[[], int]) -> bool:
        try:
            fd = way()
        except OSError:
            return True  # the namespace is gone, or can't be opened
        try:
            request = struct.pack("=IHHIIB3xHHI", 28, _GETNSID, _REQUEST, 0, 0, 0, 8, _OF_FD, fd)
            self._asks.send(request)
            data = self._asks.recv(4096)
        finally:
            os.close(fd)
        kind, _, offset = next(netlink.parts(data))
        if kind != _NEWNSID:
            return False
        _, name, number = struct.unpack_from("=HHi", data, offset + netlink.HEADER + 4)
        return bool(name == _NUMBER and number >= 0)
