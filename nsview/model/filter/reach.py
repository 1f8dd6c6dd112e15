"""What a port, an address or an interface's name leads to, by what net namespaces are from within."""

from collections.abc import Iterable, Sequence

from ..net import Interface, Net, Nets
from ..records import Process
from ..snapshot import Snapshot

_NOWHERE = ("127.", "::1")
"""Addresses that every net namespace has."""


class Reach:
    """Made of a host's net namespaces, of none where they have not been looked into. Names are in lower case.

    published: (pid, port) of those who listen behind a port of another net namespace.
    host: the inode of the host's own. An interface of it that leads into another namespace is one of that: nobody who
    types a veth's name means the host.
    """

    def __init__(
        self, nets: Iterable[Net] = (), host: int | None = None, published: Iterable[tuple[int, int]] = ()
    ) -> None:
        found = {net.inode: net for net in nets}
        self._known, self._host = bool(found), host
        self._held: dict[int, list[int]] = {}  # by the pid that has them open
        self._unheld: dict[int | None, list[int]] = {}  # by net namespace, of those that nobody is known to
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
        """Those that a process listens on; or its net namespace, where it can't be said who in it does. On the host
        that would be everyone."""
        net = process.namespaces.net
        return *self._held.get(process.pid, ()), *(self._unheld.get(net, ()) if net != self._host else ())

    def unheld(self, net: int) -> Sequence[int]:
        """Those that a net namespace listens on, where it can't be said who in it does."""
        return self._unheld.get(net, ())

    def addresses(self, net: int | None) -> Sequence[str]:
        """Those of a net namespace, without the length of their prefix."""
        return self._addresses.get(net or 0, ())

    def interfaces(self, net: int | None) -> Sequence[str]:
        """The names of those of a net namespace, and of what leads to them from elsewhere."""
        return self._interfaces.get(net, ())


def reach_of(nets: Nets | None, snapshot: Snapshot) -> Reach:
    """That of a host; of nothing, where its net namespaces have not been looked into."""
    if nets is None:
        return Reach()
    from ..netmap import Map  # the first picture has no need of it

    return Reach(nets.nets, snapshot.host.initial.net, Map(nets, snapshot).served())


def _addresses(net: Net) -> list[str]:
    every = (address.partition("/")[0].lower() for one in net.interfaces for address in one.addresses)
    return [address for address in every if not address.startswith(_NOWHERE)]


def _names(interface: Interface) -> list[str]:
    return [name.lower() for name in (interface.name, *interface.altnames)]
