"""The net map as lines of a table: each net namespace, and in it its interfaces and listeners.

The line of an interface tells the interface that it leads to and the default route by it, the line of a listener its
processes, so that a name, an address or a port that is typed as a filter is answered by the line that is left.
"""

from collections.abc import Hashable, Sequence
from functools import cached_property

from msgspec import Struct
from msgspec.structs import astuple

from .counts import nprocs_of, processes
from .net import NOT_LOOKED_FOR, Forward, Interface, Listener, Net, Nets, Route
from .netindex import NetIndex, is_dull, is_empty, some
from .publishing import Publishing
from .snapshot import Snapshot
from .table import Cell, Column, Line, Thing
from .text import count

SUMMARY = 12  # lines of a summary
PORTS = 6  # of a bridge, named in its line

COLUMNS = (
    Column("INTERFACE, PORT", most=26, least=15),
    Column("KIND", most=9, keep=False),
    Column("STATE", most=10, keep=False),
    Column("ADDRESS", most=26, least=15),
    Column("LEADS TO, OR WHO LISTENS", most=60, least=44),
)
"""The last is the answer: the others are narrowed, or left out, for it."""


class NetItem(Struct, frozen=True, gc=False):
    """The subject of a line: a net namespace, or a thing in it."""

    net: Net
    thing: Interface | Route | Listener | Forward | None = None


class Map(NetIndex):
    """The net map: an index of net namespaces, the ports published among them, and all of it as lines."""

    @cached_property
    def publishing(self) -> Publishing:
        return Publishing(self)

    def leads_to(self, net: Net, interface: Interface, most: int = PORTS) -> str:
        """The peer of an interface in words, with the bridge or the ports of that; at most `most` ports are named."""
        words = []
        link = interface.link
        if link is not None and link.index is None:
            words.append(f"leads through {self.title(link.net) if link.net else 'one not seen'}")
        elif link is not None:
            other = self.interface(link.net, link.index)
            name = other.name if other else f"interface {link.index}"
            there = "" if link.net == net.inode else f" of {self.title(link.net)}" if link.net else " of one not seen"
            words.append(f"{'↔' if link.peer else '→'} {name}{there}")
        if interface.master is not None:
            master = self.interface(net.inode, interface.master)
            words.append(f"port of {master.name if master else f'interface {interface.master}'}")
        ports = self.ports(net, interface)
        if ports:
            named = some([self._port(net, port) for port in ports], most)
            words.append(f"{count(len(ports), 'port')}: {named}")
        return ", ".join(words)

    def _port(self, net: Net, port: Interface) -> str:
        leads = port.link.net if port.link and port.link.net != net.inode else None
        return f"{port.name} ({self.title(leads)})" if leads else port.name

    def whole(self, net: Net) -> Line:
        """The line of a net namespace with everything in it, to be found by a filter of the picture."""
        namespace = self.namespace(net.inode)
        words = [self.title(net.inode), f"net:[{net.inode}] net:{net.inode}", *(namespace.names if namespace else ())]
        words += [container.name for container in self.containers(net.inode)]
        for interface in own_interfaces(net):
            words += [*self.names(interface), *interface.addresses, interface.mac or ""]
        for listener in net.listeners:
            words += [f"{listener.protocol} {listener.endpoint}", *(p.command for p in self.owners(listener))]
        words += [f"{sent.protocol} {sent.endpoint} {sent.target}" for sent in self.publishing.sendings(net)]
        return Line(net.inode, (), net, more=" ".join(words), thing=("net", net.inode))

    def thing(self, item: NetItem) -> Thing:
        """The thing behind a line: the container that a port is published for, or its net namespace; the first process
        that has a socket open; or the net namespace."""
        to = None
        if isinstance(item.thing, Forward):
            to = self.publishing.sent_on(item.net, item.thing)
        if isinstance(item.thing, Listener):
            to = self.publishing.published(item.thing)
            if not to and (owners := self.owners(item.thing)):
                return owners[0].pid
        if to:
            return to.container.key if to.container else ("net", to.net.inode)
        return "net", item.net.inode

    def names(self, interface: Interface) -> list[str]:
        """The names of an interface, and the name of the other end."""
        link = interface.link
        other = self.interface(link.net, link.index) if link else None
        return [interface.name, *interface.altnames, *([other.name] if other else ())]

    def who(self, net: Net, listener: Listener, most: int = 2) -> str:
        """The processes of a listener, so many of them by name, their containers and its published port, in words."""
        owners = self.owners(listener)
        if not owners:
            return "no process that can be seen" if listener.inode else "the kernel"
        words = some([f"{process.pid} {process.comm}" for process in owners], most)
        names = sorted({c.name for process in owners if (c := self.snapshot.container_of(process))})
        told = [words, *([some(names, 2)] if names else ())]
        if to := self.publishing.published(listener):
            told.insert(0, f"→ {self.publishing.called(to)}")  # first, as the end may be cut
        if at := self.publishing.publishers(net, listener):
            told.append(f"← {some([one.endpoint for one in at], 2)}")
        return "  ".join(told)

    def lines(self) -> list[Line]:
        """The lines of the table; their cells: name, kind, address, and the other end or the processes."""
        return [line for net in self.nets for line in self.lines_of(net)]

    def lines_of(self, net: Net) -> list[Line]:
        """The lines of a net namespace: its head, and the things in it below."""
        namespace = self.namespace(net.inode)
        names = " ".join((*(namespace.names if namespace else ()), f"net:{net.inode}"))
        title = self.title(net.inode)
        containers = self.containers(net.inode)
        more = " ".join((names, title, *(container.name for container in containers)))
        host = self.snapshot.is_initial("net", net.inode)
        style = "host" if host else "container" if containers else "label"
        head = Line(
            net.inode,
            (
                Cell(title, style), Cell(), Cell(), Cell(f"net:[{net.inode}]", "dim", brief=str(net.inode)),
                Cell(", ".join(told := self._sum(net)), "dim", brief=", ".join(told[:2])),
            ),
            NetItem(net),
            0,
            more,
            ("net", net.inode),
        )  # fmt: skip
        shown = {i.name: i for i in net.interfaces if not is_dull(i)}
        below = [self._of_interface(net, i, more) for i in shown.values()]
        below += [self._of_route(net, route, more) for route in net.routes if route.interface not in shown]
        below += [self._of_listener(net, listener, more) for listener in net.listeners]
        below += [self._of_forward(net, forward, more) for forward in self.publishing.sendings(net)]
        return [head, *below]

    def _sum(self, net: Net) -> list[str]:
        """The summary of a whole namespace, in words, the main ones first."""
        number, sure = nprocs_of("net", net.inode, self.snapshot)
        namespace = self.namespace(net.inode)
        words = [processes(number, sure) if number or not sure else "no process"]
        words += namespace.names if namespace and not self.containers(net.inode) else ()
        if net.source is None:
            covered = "another is mounted over it, or nothing that leads to it is left"
            words.append(f"not readable: {covered if net.unreadable == 'ENOENT' else net.unreadable}")
        elif net.unreadable:
            words.append("seen through /proc alone")
        elif is_empty(net):
            words.append("nothing but the loopback")
        if net.left_out:
            words.append(f"{net.left_out} more not listed")
        if net.source == "netlink" and net.forwards_unread not in (None, NOT_LOOKED_FOR):
            words.append(f"ports sent on: {net.forwards_unread}")
        return words

    def _of_interface(self, net: Net, interface: Interface, more: str) -> Line:
        state = interface.state if interface.state != "unknown" else ""
        ways = [route for route in net.routes if route.interface == interface.name]
        leads = [self.leads_to(net, interface), *(f"default via {way.via}" if way.via else "default" for way in ways)]
        short = [self.leads_to(net, interface, 1), "default" if ways else ""]
        has = addresses(interface)
        return Line(
            key_of(net, interface),
            (
                Cell(f"  {interface.name}", "group"),
                Cell(kind_of(net, interface), "dim"),
                Cell(state, "dim" if state == "up" else "warning"),
                Cell(brief(has, 2), brief=brief([one.partition("/")[0] for one in has], 1)),
                Cell(
                    ", ".join(filter(None, dict.fromkeys(leads))), "shared" if interface.link else "",
                    brief=", ".join(filter(None, short)),
                ),
            ),
            NetItem(net, interface),
            1,
            " ".join((more, *interface.addresses, *interface.altnames, interface.mac or "")),
            ("net", net.inode),
        )  # fmt: skip

    def _of_route(self, net: Net, route: Route, more: str) -> Line:
        key = (net.inode, "route", route.family, route.via, route.interface, route.metric)
        cells = (
            Cell("  default route", "dim"),
            Cell(f"IPv{route.family}", "dim"),
            Cell(),
            Cell(f"via {route.via}" if route.via else ""),
            Cell(f"→ {route.interface}" if route.interface else "", "dim"),
        )
        return Line(key, cells, NetItem(net, route), 1, more, ("net", net.inode))

    def _of_listener(self, net: Net, listener: Listener, more: str) -> Line:
        cells = (
            Cell(f"  {listener.protocol} {listener.port}", "pid", listener.port),
            Cell("listens", "dim"),
            Cell(),
            Cell(listener.endpoint),
            Cell(self.who(net, listener), "command", brief=self.who(net, listener, 1)),
        )
        owners = self.owners(listener)
        more = " ".join((more, *(process.command for process in owners)))
        item = NetItem(net, listener)
        return Line(key_of(net, listener), cells, item, 1, more, self.thing(item), ("net", net.inode))

    def _of_forward(self, net: Net, forward: Forward, more: str) -> Line:
        ports = str(forward.port) if forward.port == forward.last else f"{forward.port}-{forward.last}"
        cells = (
            Cell(f"  {forward.protocol} {ports}", "pid", forward.port),
            Cell("sent on" if forward.by == "rules" else "by record", "dim"),
            Cell(),
            Cell(forward.endpoint),
            Cell(self.where_to(net, forward), "command"),
        )
        item = NetItem(net, forward)
        key = (net.inode, "forward", *astuple(forward))
        return Line(key, cells, item, 1, more, self.thing(item), ("net", net.inode))

    def where_to(self, net: Net, forward: Forward) -> str:
        """The destination of a forward, in words."""
        found = some([self.publishing.called(to) for to in self.publishing.may_reach(net, forward)], 2)
        return f"→ {found}  {forward.target}" if found else f"→ {forward.target}"


def key_of(net: Net, thing: Interface | Listener) -> Hashable:
    """The key of the line of an interface or a listener."""
    if isinstance(thing, Listener):
        return net.inode, "listener", thing.inode
    return net.inode, "interface", thing.index, thing.name


def own_interfaces(net: Net) -> Sequence[Interface]:
    """The interfaces of a net namespace; of a namespace above several others only those that lead to none of these."""
    own = [i for i in net.interfaces if not i.link or i.link.net == net.inode]
    return own if len(net.interfaces) - len(own) > 1 else net.interfaces


def kind_of(net: Net, interface: Interface) -> str:
    """The kind of an interface in a word: "device" for one that a driver has made, not the kernel by request; "?" if it
    could not be asked."""
    if interface.kind or interface.name == "lo":
        return interface.kind or "loopback"
    return "device" if net.source == "netlink" else "?"


def addresses(interface: Interface) -> list[str]:
    """The addresses of an interface; link-local ones, which nearly all have, only if there are no others."""
    wider = [address for address in interface.addresses if not address.startswith("fe80:")]
    return wider or ([] if interface.master else list(interface.addresses))


def brief(words: Sequence[str], most: int) -> str:
    """The first words, and the number of the others in as few cells as possible."""
    return ", ".join(words[:most]) + (f" +{len(words) - most}" if len(words) > most else "")


def summary(nets: Nets, inode: int, snapshot: Snapshot) -> list[tuple[str, str]] | None:
    """(label, value) of the main things in a net namespace, not yet `safe`. None if the namespace was not read."""
    found = Map(nets, snapshot)
    net = found.net(inode)
    if net is None:
        return None
    pairs = [
        (interface.name, "  ".join(filter(None, (some(addresses(interface), 3), found.leads_to(net, interface)))))
        for interface in net.interfaces
        if not is_dull(interface)
    ]
    pairs += [("default", f"via {route.via or 'none'} on {route.interface}") for route in net.routes]
    pairs += [(f"{x.protocol} {x.port}", f"{x.address}  {found.who(net, x)}") for x in net.listeners]
    pairs += [(f"{x.protocol} {x.port}", found.where_to(net, x)) for x in found.publishing.sendings(net)]
    more = len(pairs) - SUMMARY
    return [*pairs[:SUMMARY], ("", f"and {more} more, on the net map")] if more > 0 else pairs
