"""The processes and net namespaces that a port, an address or an interface's name leads to."""

from collections.abc import Iterable, Sequence

from ..net import Interface, Net, Nets
from ..records import Process
from ..snapshot import Snapshot

_NOWHERE = ("127.", "::1")
"""Addresses that every net namespace has."""


class Reach:
    """The ports, addresses and interfaces of a host's net namespaces, of none if not read yet. Names are in lower case.

    published: (pid, port) of each process that serves a published port of another net namespace.
    host: the inode of the host's own. An interface of the host that leads into another namespace counts as one of that
    namespace, as the name of a veth does not mean the host.
    """

    def __init__(
        self, nets: Iterable[Net] = (), host: int | None = None, published: Iterable[tuple[int, int]] = ()
    ) -> None:
        found = {net.inode: net for net in nets}
        self._known, self._host = bool(found), host
        self._held: dict[int, list[int]] = {}  # {pid: ports that it has open}
        self._unheld: dict[int | None, list[int]] = {}  # {net namespace: ports without a known process}
        for net in found.values():
            for listener in net.listeners:
                for pid in listener.pids:
                    self._held.setdefault(pid, []).append(listener.port)
                if not listener.pids:
                    self._unheld.setdefault(net.inode, []).append(listener.port)
        for pid, port in published:
            self._held.setdefault(pid, []).append(port)
        self._addresses = {inode: _addresses(net) for inode, net in found.items()}
        self._interfaces: dict[int | None, list[str]] = {}
        for net in found.values():
            for interface in net.interfaces:
                to = interface.link.net if interface.link and interface.link.peer else None
                if to != net.inode and to in found:
                    self._interfaces.setdefault(to, []).extend(_names(interface) if to != host else ())
                    if net.inode == host:
                        continue
                self._interfaces.setdefault(net.inode, []).extend(_names(interface))

    def __bool__(self) -> bool:
        return self._known

    def ports(self, process: Process) -> Sequence[int]:
        """The ports that a process listens on, and those of its net namespace without a known process; on the host not
        the latter, as all its processes would have them."""
        net = process.namespaces.net
        return *self._held.get(process.pid, ()), *(self._unheld.get(net, ()) if net != self._host else ())

    def unheld(self, net: int) -> Sequence[int]:
        """The ports that a net namespace listens on without a known process."""
        return self._unheld.get(net, ())

    def addresses(self, net: int | None) -> Sequence[str]:
        """The addresses of a net namespace, without the length of their prefix."""
        return self._addresses.get(net or 0, ())

    def interfaces(self, net: int | None) -> Sequence[str]:
        """The names of the interfaces of a net namespace, and of those elsewhere that lead to it."""
        return self._interfaces.get(net, ())


def reach_of(nets: Nets | None, snapshot: Snapshot) -> Reach:
    """The reach of a host. nets: its net namespaces from within, None if not read yet."""
    if nets is None:
        return Reach()
    from ..netindex import NetIndex  # the first picture does not need these
    from ..publishing import Publishing

    return Reach(nets.nets, snapshot.host.initial.net, Publishing(NetIndex(nets, snapshot)).served())


def _addresses(net: Net) -> list[str]:
    every = (address.partition("/")[0].lower() for one in net.interfaces for address in one.addresses)
    return [address for address in every if not address.startswith(_NOWHERE)]


def _names(interface: Interface) -> list[str]:
    return [name.lower() for name in (interface.name, *interface.altnames)]
