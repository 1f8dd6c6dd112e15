"""The internet sockets that one process has open: its file descriptors, looked up in the tables of its net namespace.

Nothing is joined. A socket of another net namespace is not found in these tables, and left out.
Sources: proc_pid_fd(5), proc_pid_net(5), include/net/tcp_states.h.
"""

from __future__ import annotations

import os
from itertools import islice

from . import procfs, procnet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .protocol import Socket, Sockets

LIMIT = 100  # sockets in an answer
_LINES = 50_000  # of each table that are read: 0.1 s; beyond, only listening sockets are sure to be found
_STATES = {
    b"01": "established", b"02": "syn-sent", b"03": "syn-received", b"04": "fin-wait-1", b"05": "fin-wait-2",
    b"06": "time-wait", b"07": "closed", b"08": "close-wait", b"09": "last-ack", b"0A": "listening", b"0B": "closing",
    b"0C": "syn-received",
}  # fmt: skip


def sockets(fd: int) -> Sockets | None:
    """The frame's record of the sockets of a process, listening ones first. None if its file descriptors may not be
    read. fd: of its directory in /proc."""
    try:
        below = at(fd)
        opened = {b"%d" % inode for inode in inodes(below + "fd", fd)}
    except OSError:
        return None
    found = []
    if opened:
        directory = "/proc/self/fd/%d/%snet/" % (fd, below)
        for table in ("tcp", "tcp6", "udp", "udp6"):
            for line in islice(procnet.lines(directory + table), _LINES):
                fields = line.split(None, 10)
                if len(fields) > 9 and fields[9] in opened:
                    found.append(_record(table[:3], fields))
    found.sort(key=lambda socket: socket["state"] not in ("listening", "bound"))
    return {"sockets": found[:LIMIT], "left_out": len(found[LIMIT:])}


def at(fd: int) -> str:
    """The part of a path, below a process's directory that is open as fd, to its file descriptors: "", or the directory
    of a thread that goes on if its first one has exited."""
    thread = procfs.live_thread(fd) if procfs.stat_fields(fd)[0] == b"Z" else 0
    return "task/%d/" % thread if thread else ""


def inodes(path: str, proc_fd: int | None = None) -> Iterator[int]:
    """The inodes of the sockets that a process has open. path: to the directory of its file descriptors. Raises OSError
    if that may not be read, or is gone."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc_fd)
    try:
        for name in os.listdir(directory):
            try:
                link = os.readlink(name, dir_fd=directory)
            except FileNotFoundError:
                continue  # closed meanwhile
            if link.startswith("socket:["):
                yield int(link[8:-1])
    finally:
        os.close(directory)


def _record(protocol: str, fields: list[bytes]) -> Socket:
    (address, port), (peer, peer_port) = map(procnet.endpoint, fields[1:3])
    state = _STATES.get(fields[3], "unknown")
    if protocol == "udp" and state == "closed":
        state = "bound"  # to no peer; it receives from anyone
    connected = peer_port != 0
    return {
        "protocol": protocol,
        "state": state,
        "address": address,
        "port": port,
        "peer": peer if connected else None,
        "peer_port": peer_port if connected else None,
    }
