"""Births, deaths and changes of processes as the kernel tells them: the process connector.

Root in the first pid and network namespaces receives each fork, exec, exit and change of name or ids; setns and
unshare are not told (see `watch`). Sources: include/uapi/linux/cn_proc.h, connector.h, netlink.h; Documentation/
driver-api/connector.rst.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

_NETLINK_CONNECTOR = 11
_CN_IDX_PROC = _CN_VAL_PROC = 1
_PROC_CN_MCAST_LISTEN = 1
_NLMSG_DONE = 3
_SO_RCVBUFFORCE = 33
_BUFFER = 4 << 20  # bytes; some 40,000 events may wait before the kernel drops one

_FORK, _EXIT = 0x00000001, 0x80000000
_CHANGES = 0x00000002 | 0x00000004 | 0x00000040 | 0x00000200  # exec, uid, gid, comm

_HEADER = struct.Struct("=IHHIIIIIIHHIIQ")  # nlmsghdr, cn_msg, and of proc_event what, cpu, timestamp
_FOUR = struct.Struct("=IIII")
_TWO = struct.Struct("=II")
_THREE = struct.Struct("=III")


class KernelEvents:
    """A listening socket; `fileno` for select. Raises OSError if the kernel or our rights do not allow it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, _NETLINK_CONNECTOR)
        try:
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
            except OSError:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self._socket.bind((0, _CN_IDX_PROC))
            wish = struct.pack("=IIIIHHI", _CN_IDX_PROC, _CN_VAL_PROC, 0, 0, 4, 0, _PROC_CN_MCAST_LISTEN)
            self._socket.send(struct.pack("=IHHII", 16 + len(wish), _NLMSG_DONE, 0, 0, os.getpid()) + wish)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def take(self) -> tuple[set[int], dict[int, int], bool]:
        """(pids that were born or changed, {pid that exited: its status as of wait(2)}, lost): the events since the
        last call.

        lost: the kernel had to drop some. Only processes count, not their threads. A process that exited may be a
        zombie for a while, and no event tells when it no longer is.
        """
        changed: set[int] = set()
        ended: dict[int, int] = {}
        lost = False
        while True:
            try:
                data, sender = self._socket.recvfrom(1 << 16)
            except BlockingIOError:
                return changed, ended, lost
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                lost = True
                continue
            if sender[0] == 0:  # from the kernel
                _collect(data, changed, ended)


def _collect(data: bytes, changed: set[int], ended: dict[int, int]) -> None:
    """Add the events of one datagram."""
    offset = 0
    while offset + _HEADER.size + 8 <= len(data):
        header = _HEADER.unpack_from(data, offset)
        length, what = header[0], header[11]
        body = offset + _HEADER.size
        offset += max(16, (length + 3) & ~3)
        if header[5] != _CN_IDX_PROC:
            continue
        if what == _FORK:
            if body + _FOUR.size > len(data):
                return
            _, _, pid, leader = _FOUR.unpack_from(data, body)
            if pid == leader:
                changed.add(pid)
                ended.pop(pid, None)
        elif what == _EXIT:
            if body + _THREE.size > len(data):
                return
            pid, leader, status = _THREE.unpack_from(data, body)
            if pid == leader:
                changed.discard(pid)
                ended[pid] = status
        elif what & _CHANGES:
            changed.add(_TWO.unpack_from(data, body)[1])
