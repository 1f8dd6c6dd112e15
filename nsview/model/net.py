"""Net namespaces from within: their interfaces, addresses, default routes and listeners.

The records are those of the agent's `net` frame. Names and addresses are not yet `safe`.
"""

from typing import Literal

from msgspec import Struct


class Link(Struct, frozen=True, gc=False):
    """The interface that another leads to: the other end of a veth, or the device below a macvlan, vlan and the like.

    index: of the interface there; None if there is none, and the interface sends through another net namespace than
    its own, as a vxlan does that was made elsewhere. net: the inode of the net namespace, None if not found out.
    peer: the two are ends of a pair, and each names the other.
    """

    index: int | None
    net: int | None
    peer: bool = False


class Interface(Struct, frozen=True, gc=False):
    """An interface, from rtnetlink(7).

    index: unique within its namespace; 0 if only /proc could be read, which seldom tells.
    kind: as in `ip -d link` ("veth", "bridge", ..); empty for hardware, for the loopback, and if unknown.
    addresses: with the length of their prefix ("172.17.0.2/16"). master: the index of the bridge, bond or VRF that it
    is a port of. mac: None if it has none.
    """

    index: int
    name: str
    kind: str = ""
    state: Literal["up", "down", "no carrier", "dormant", "unknown"] = "unknown"
    mac: str | None = None
    mtu: int | None = None
    addresses: tuple[str, ...] = ()
    altnames: tuple[str, ...] = ()
    master: int | None = None
    link: Link | None = None


class Route(Struct, frozen=True, gc=False):
    """A default route of the main table; a route with several ways is several of these.

    via: the gateway's address, None for a device without one. interface: its name, None if there is none.
    """

    family: Literal[4, 6]
    via: str | None
    interface: str | None
    metric: int = 0


class Listener(Struct, frozen=True, gc=False):
    """A socket that waits for connections (tcp) or datagrams from anyone (udp). proc_pid_net(5).

    address: "0.0.0.0" or "::" for all. inode, uid: of the socket. pids: of the processes that have it open, ascending,
    as far as they could be searched; they may be in other net namespaces than the socket. serves: the inode of the
    other net namespace whose ports these publish, as rootlessport and pasta do; else None.
    """

    protocol: Literal["tcp", "udp"]
    address: str
    port: int
    inode: int
    uid: int
    pids: tuple[int, ...] = ()
    serves: int | None = None

    @property
    def endpoint(self) -> str:
        """The address and port at which it is reached, as text."""
        return endpoint(self.address, self.port)


class Forward(Struct, frozen=True, gc=False):
    """Ports of a net namespace that are sent on, by its firewall (DNAT) or by an engine, whether or not anyone listens.

    protocol: tcp, udp and the like, or any. address: at which they are reached, None for all; a network or a range as
    text. port, last: the first and the last port. to: the address that they are sent on to. to_port: the port there,
    None for the same. in_step: to_port is that of the first, and the others follow it in step. to_last, to_port_last:
    the last address and port if the kernel chooses among several; else None.
    by: the witness: the kernel's rules, or the records of docker or libcni, which name the container. container: its
    key.
    """

    protocol: str
    address: str | None
    port: int
    last: int
    to: str
    to_port: int | None = None
    in_step: bool = False
    by: Literal["rules", "docker", "cni"] = "rules"
    container: str | None = None
    to_last: str | None = None
    to_port_last: int | None = None

    @property
    def ports(self) -> range:
        return range(self.port, self.last + 1)

    @property
    def endpoint(self) -> str:
        """The address and port at which it is reached, as text."""
        ports = str(self.port) if self.port == self.last else f"{self.port}-{self.last}"
        return f"[{self.address}]:{ports}" if ":" in (self.address or "") else f"{self.address or '*'}:{ports}"

    def at(self, port: int) -> int:
        """The port that a port is sent on to."""
        if self.to_port is None:
            return port
        return self.to_port + (port - self.port if self.in_step else 0)

    @property
    def target(self) -> str:
        """The destination as text: that of the first port, in step."""
        if self.to_last:
            addresses = f"[{self.to}]-[{self.to_last}]" if ":" in self.to else f"{self.to}-{self.to_last}"
            text = f"{addresses}:{self.at(self.port)}"
        else:
            text = endpoint(self.to or "?", self.at(self.port))
        return text if self.to_port_last is None else f"{text}-{self.to_port_last}"

    def before(self, port: int) -> range:
        """The ports that are, or may be, sent on to a port there."""
        if self.to_port is not None and self.to_port_last is not None:
            return self.ports if self.to_port <= port <= self.to_port_last else range(0)
        if self.to_port is not None and not self.in_step:
            return self.ports if port == self.to_port else range(0)
        own = port - (self.to_port - self.port if self.to_port is not None else 0)
        return range(own, own + 1) if own in self.ports else range(0)

    def leads_to(self, listener: Listener) -> bool:
        """True if a listener at that address receives from it."""
        return self.protocol in (listener.protocol, "any") and bool(self.before(listener.port))


NOT_LOOKED_FOR = "not looked for"
"""The reason why an older agent's frame has no forwards."""


class Net(Struct, frozen=True, gc=False):
    """A net namespace from within.

    source: netlink; or proc if only /proc could be read, which lacks peers, bridges' ports and interfaces' kinds; None
    if nothing could. unreadable: the reason, an errno's name.
    left_out: the number of interfaces and listeners that are not listed.
    forwards_unread: the reason why not all forwards are known, in words; None if they are.
    """

    inode: int
    interfaces: tuple[Interface, ...] = ()
    routes: tuple[Route, ...] = ()
    listeners: tuple[Listener, ...] = ()
    source: Literal["netlink", "proc"] | None = None
    unreadable: str | None = None
    left_out: int = 0
    forwards: tuple[Forward, ...] = ()
    forwards_unread: str | None = NOT_LOOKED_FOR

    def interface(self, index: int) -> Interface | None:
        """The interface of an index. None if there is none."""
        return next((interface for interface in self.interfaces if interface.index == index), None)


class Nets(Struct, frozen=True):
    """All net namespaces of a host at one time. taken_at: seconds since the epoch.

    notes: the reasons why not all could be read, and the remedy, a line each.
    unsearched: the number of processes whose open sockets could not be read. followed: the next change is reported.
    """

    taken_at: float
    nets: tuple[Net, ...]
    notes: tuple[str, ...] = ()
    unsearched: int = 0
    followed: bool = False


def endpoint(address: str, port: int) -> str:
    """An address and port as in ss(8) and in a URL, with brackets around an IPv6 address."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
