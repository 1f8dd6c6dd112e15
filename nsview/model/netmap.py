"""The net map as lines of a table: each net namespace, and in it its interfaces, default routes and listeners.

The line of an interface tells the interface that it leads to, the line of a listener its processes, so that a name, an
address or a port that is typed as a filter is answered by the line that is left.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property
from ipaddress import ip_address

from msgspec import Struct
from msgspec.structs import astuple, replace

from . import docker_proxy
from .counts import nprocs_of, processes
from .group import containers_of
from .label import label
from .net import NOT_LOOKED_FOR, Forward, Interface, Listener, Net, Nets, Route
from .records import Container, Namespace, Process
from .snapshot import Snapshot
from .table import Cell, Line, Thing
from .text import count

SUMMARY = 12  # lines of a summary
PORTS = 6  # of a bridge, named in its line
EACH = 100  # ports of one rule that are listed one by one, of a range that may be all
BY = {
    "rules": "by the rules of the firewall",
    "docker": "by docker's config.v2.json",
    "cni": "by what libcni keeps in /var/lib/cni/results",
}


class NetItem(Struct, frozen=True, gc=False):
    """The subject of a line: a net namespace, or a thing in it."""

    net: Net
    thing: Interface | Route | Listener | Forward | None = None


class Published(Struct, frozen=True, gc=False):
    """A port of another net namespace that a listener or a forward serves, and its container, None if there is none.
    by: the witness, in words."""

    container: Container | None
    net: Net
    port: int | None
    by: str


class Map:
    """All net namespaces at one time, beside a snapshot. Its texts are not yet `safe`.

    Derived values are computed at first use, so that a question about one namespace does not cost that of a thousand.
    """

    def __init__(self, nets: Nets, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.taken_at = nets.taken_at
        self.notes = nets.notes
        self._members = snapshot.members("net")
        self._titles: dict[int, str] = {}
        self._containers: dict[int, tuple[Container, ...]] = {}
        self._known = {net.inode: net for net in nets.nets}
        self._interfaces: dict[int, dict[int, Interface]] = {}
        self._ports: dict[int, dict[int | None, list[Interface]]] = {}

    @cached_property
    def nets(self) -> list[Net]:
        """The net namespaces: the host's first, then those of containers, then those with a name, then the rest."""
        return sorted(self._known.values(), key=self._rank)

    def _rank(self, net: Net) -> tuple[object, ...]:
        """The sort key of a net namespace in that order; an empty one comes last among its like."""
        host = self.snapshot.is_initial("net", net.inode)
        namespace = self.namespace(net.inode)
        named = bool(namespace and namespace.names)
        return not host, not self.containers(net.inode), not named, is_empty(net), self.title(net.inode), net.inode

    def namespace(self, inode: int) -> Namespace | None:
        return self.snapshot.namespaces.get(("net", inode))

    def pids(self, inode: int) -> tuple[int, ...]:
        """The members of a net namespace."""
        return self._members.get(inode, ())

    def containers(self, inode: int) -> tuple[Container, ...]:
        """The containers in a net namespace, in order of name."""
        found = self._containers.get(inode)
        if found is None:
            found = self._containers[inode] = containers_of(self.snapshot, self.pids(inode))
        return found

    def title(self, inode: int) -> str:
        """The title of a net namespace: host, or that of its pod, containers, mount, label or oldest process."""
        title = self._titles.get(inode)
        if title is None:
            title = self._titles[inode] = self._title(inode)
        return title

    def _title(self, inode: int) -> str:
        if self.snapshot.is_initial("net", inode):
            return "host"
        found = self.containers(inode)
        pods = {container.pod for container in found}
        pod = pods.pop() if len(pods) == 1 else None
        if pod is not None:
            return f"pod {pod.label}"
        if found:
            return some([container.name for container in found], 3)
        namespace = self.namespace(inode)
        if namespace and namespace.names:
            return namespace.names[0].rpartition("/")[2]
        what = label(namespace, self.snapshot) if namespace else None
        oldest = self.oldest(inode)
        return what or (f"{oldest.pid} {oldest.comm}" if oldest else f"net:[{inode}]")

    def oldest(self, inode: int) -> Process | None:
        """The oldest member of a net namespace."""
        processes = (self.snapshot.processes[pid] for pid in self.pids(inode))
        return min(processes, key=lambda process: (process.start, process.pid), default=None)

    def net(self, inode: int | None) -> Net | None:
        return self._known.get(inode) if inode is not None else None

    def interface(self, inode: int | None, index: int | None) -> Interface | None:
        """An interface by its index in a net namespace."""
        net = self.net(inode)
        if net is None or index is None:
            return None
        of_index = self._interfaces.get(net.inode)
        if of_index is None:
            of_index = self._interfaces[net.inode] = {i.index: i for i in net.interfaces}
        return of_index.get(index)

    def ports(self, net: Net, interface: Interface) -> list[Interface]:
        """The interfaces that are ports of a bridge or bond."""
        of_master = self._ports.get(net.inode)
        if of_master is None:
            of_master = self._ports[net.inode] = {}
            for port in net.interfaces:
                of_master.setdefault(port.master, []).append(port)
        return of_master.get(interface.index, [])

    def leads_to(self, net: Net, interface: Interface) -> str:
        """The interface that another leads to, and its bridge or ports, in words."""
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
            named = some([self._port(net, port) for port in ports], PORTS)
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
        words += [f"{forward.protocol} {forward.endpoint} {forward.target}" for forward in self.sendings(net)]
        return Line(net.inode, (), net, more=" ".join(words), thing=("net", net.inode))

    @cached_property
    def _published(self) -> dict[int, Published]:
        """{inode of a socket: the port that it serves}."""
        found = {}
        for net in self._known.values():
            for listener in net.listeners:
                for process in self.owners(listener):
                    to = docker_proxy.target(process, listener)
                    by = f"by the command line of docker-proxy, pid {process.pid}"
                    if to and (there := self._at(net, to.address, process.uid)):
                        found[listener.inode] = Published(*there, to.port, by)
                        break
                else:
                    if to_other := self._sent_on_for(net, listener) or self._held_for(listener):
                        found[listener.inode] = to_other
        return found

    def _sent_on_for(self, net: Net, listener: Listener) -> Published | None:
        """The port to which connections from elsewhere to a listener are sent on. None if they are not."""
        every = listener.address in ("0.0.0.0", "::")
        for forward in net.forwards:
            fits = forward.protocol in (listener.protocol, "any") and listener.port in forward.ports
            here = every or forward.address in (None, listener.address)
            if fits and here and (to := self.sent_on(net, forward)):
                return to if to.port is None else replace(to, port=forward.at(listener.port))
        return None

    def _held_for(self, listener: Listener) -> Published | None:
        """The container whose conmon keeps a port open: podman gives published ports to conmon."""
        for process in self.owners(listener):
            container = self._by_supervisor.get(process.pid)
            init = self.snapshot.processes.get(container.init_pid or 0) if container else None
            net = self.net(init.namespaces.net) if init else None
            if process.comm == "conmon" and container and net:
                return Published(container, net, None, f"by conmon, pid {process.pid}, which keeps the port")
        return None

    @cached_property
    def _by_supervisor(self) -> dict[int | None, Container]:
        """{pid of a supervisor: its container}; a conmon is the parent of the container's first process."""
        processes, containers = self.snapshot.processes, self.snapshot.containers.values()
        found: dict[int | None, Container] = {}
        for container in containers:
            if init := processes.get(container.init_pid or 0):
                found[init.ppid] = container
        return found | {container.shim_pid: container for container in containers}

    @cached_property
    def _having(self) -> dict[str, list[tuple[Net, Interface]]]:
        """{address: the interfaces that have it}, without those that every net namespace has."""
        found: dict[str, list[tuple[Net, Interface]]] = {}
        for net in self._known.values():
            for interface in net.interfaces:
                for address in interface.addresses if interface.name != "lo" else ():
                    found.setdefault(address.partition("/")[0], []).append((net, interface))
        return found

    def _at(self, near: Net, address: str, uid: int | None = None) -> tuple[Container | None, Net] | None:
        """(the oldest container in it, the other net namespace that has an address). None if no namespace has it, or
        several of which not one alone hangs from `near`.

        uid: the user whose engine must run the container, if a process claims the address. Without it, a namespace
        that does not hang from `near` is found from the host alone: containers may use the same addresses.
        """
        others = [one for one in self._having.get(address, ()) if one[0] is not near]
        hanging = [one for one in others if one[1].link and one[1].link.net == near.inode]
        processes = self.snapshot.processes
        found = []
        if uid is None and not self.snapshot.is_initial("net", near.inode):
            others = []
        for net in {net.inode: net for net, _ in hanging or others}.values():
            own = [
                container
                for container in self.containers(net.inode)
                if uid is None or ((shim := processes.get(container.shim_pid or 0)) and shim.uid == uid)
            ]
            if own or uid is None:
                first = min(own, key=self._age, default=None)
                found.append((first, net))
        return found[0] if len(found) == 1 else None

    def _age(self, container: Container) -> tuple[int, str]:
        init = self.snapshot.processes.get(container.init_pid or 0)
        return init.start if init else 0, container.key

    @cached_property
    def _forwarded(self) -> dict[int, list[tuple[Forward, Published]]]:
        """{net: (a rule that sends on to it, what for)}."""
        found: dict[int, list[tuple[Forward, Published]]] = {}
        for net in self._known.values():
            for forward in self.sendings(net):
                for to in self.may_reach(net, forward):
                    found.setdefault(to.net.inode, []).append((forward, to))
        return found

    @cached_property
    def _publishers(self) -> dict[tuple[int, str, int], list[Listener]]:
        """{(net, protocol, port): the listeners that publish it}."""
        found: dict[tuple[int, str, int], list[Listener]] = {}
        for net in self._known.values():
            for listener in net.listeners:
                if (to := self._published.get(listener.inode)) and to.port is not None:
                    found.setdefault((to.net.inode, listener.protocol, to.port), []).append(listener)
        return found

    def published(self, listener: Listener) -> Published | None:
        """The port of another net namespace that a listener serves. None if it serves none."""
        return self._published.get(listener.inode)

    def sent_on(self, net: Net, forward: Forward) -> Published | None:
        """The port of another net namespace that a forward leads to. None if that is not known, or one of several."""
        if forward.to_last:
            return None
        container = self.snapshot.containers.get(forward.container) if forward.container else None
        if forward.container:
            init = self.snapshot.processes.get(container.init_pid or 0) if container else None
            other = self.net(init.namespaces.net) if init else None
            there = (container, other) if other and other is not net else None
        else:
            there = self._at(net, forward.to)
        port = None if forward.to_port_last else forward.at(forward.port)
        return Published(*there, port, BY[forward.by]) if there else None

    def may_reach(self, net: Net, forward: Forward) -> list[Published]:
        """The ports that a forward may lead to, one for each net namespace."""
        if not forward.to_last:
            return [to] if (to := self.sent_on(net, forward)) else []
        first, last = _number(forward.to), _number(forward.to_last)
        found = {}
        for number, address in self._sorted[bisect_left(self._sorted, (first, "")) :]:
            if number > last:
                break
            if there := self._at(net, address):
                found[there[1].inode] = Published(*there, None, BY[forward.by])
        return list(found.values())

    @cached_property
    def _sorted(self) -> list[tuple[tuple[int, int], str]]:
        """(its number, its text) of each address."""
        return sorted((_number(text), text) for text in self._having)

    def served(self) -> list[tuple[int, int]]:
        """(pid, port) of each published port: the process that listens behind it, or the container's first process."""
        found = []
        for listener in (each for net in self._known.values() for each in net.listeners):
            if to := self.published(listener):
                found += self._behind(to, [listener.port], to.port)
        for to_net, rules in self._forwarded.items():
            for forward, to in rules:
                inner = {own.port for own in self._known[to_net].listeners if forward.leads_to(own)}
                for port in inner:
                    found += self._behind(to, forward.before(port)[:EACH], port)
                if not inner:
                    found += self._behind(to, forward.ports[:EACH], None)
        return found

    def _behind(self, to: Published, ports: Iterable[int], inner: int | None) -> list[tuple[int, int]]:
        behind = [pid for own in to.net.listeners if own.port == inner for pid in own.pids]
        first = to.container.init_pid if to.container else None
        return [(pid, port) for pid in behind or (first,) if pid is not None for port in ports]

    def thing(self, item: NetItem) -> Thing:
        """The thing behind a line: the container that a port is published for, or its net namespace; the first process
        that has a socket open; or the net namespace."""
        to = None
        if isinstance(item.thing, Forward):
            to = self.sent_on(item.net, item.thing)
        if isinstance(item.thing, Listener):
            to = self.published(item.thing)
            if not to and (owners := self.owners(item.thing)):
                return owners[0].pid
        if to:
            return to.container.key if to.container else ("net", to.net.inode)
        return "net", item.net.inode

    def publishers(self, net: Net, listener: Listener) -> list[Listener | Forward]:
        """The listeners that publish a listener, and the other forwards to it."""
        listeners = self._publishers.get((net.inode, listener.protocol, listener.port), [])
        known = [range(one.port, one.port + 1) for one in listeners]
        others = [one for one, _ in self._forwarded.get(net.inode, ()) if one.leads_to(listener)]
        return [*listeners, *(one for one in others if one.ports not in known)]

    def called(self, to: Published) -> str:
        """A published port in words: the container or the net namespace, and the port."""
        name = to.container.name if to.container else self.title(to.net.inode)
        return name if to.port is None else f"{name}:{to.port}"

    def sendings(self, net: Net) -> list[Forward]:
        """The forwards of a net namespace, without records for which there is also a listener or a rule."""
        listening = {(x.protocol, x.port) for x in net.listeners if self.published(x)}
        ruled = {(x.protocol, x.port) for x in net.forwards if x.by == "rules"}
        told = listening | ruled
        return [x for x in net.forwards if x.by == "rules" or (x.protocol, x.port) not in told]

    def names(self, interface: Interface) -> list[str]:
        """The names of an interface, and the name of the other end."""
        link = interface.link
        other = self.interface(link.net, link.index) if link else None
        return [interface.name, *interface.altnames, *([other.name] if other else ())]

    def owners(self, listener: Listener) -> list[Process]:
        """The living processes that have the socket of a listener open."""
        return [self.snapshot.processes[pid] for pid in listener.pids if pid in self.snapshot.processes]

    def who(self, net: Net, listener: Listener) -> str:
        """The processes of a listener, their containers and its published port, in words."""
        owners = self.owners(listener)
        if not owners:
            return "no process that can be seen" if listener.inode else "the kernel"
        words = some([f"{process.pid} {process.comm}" for process in owners], 2)
        names = sorted({c.name for process in owners if (c := self.snapshot.container_of(process))})
        told = [words, *([some(names, 2)] if names else ())]
        if to := self.published(listener):
            told.insert(0, f"→ {self.called(to)}")  # first, as the end may be cut
        if at := self.publishers(net, listener):
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
            (Cell(title, style), Cell(), Cell(f"net:[{net.inode}]", "dim"), Cell(self._sum(net), "dim")),
            NetItem(net),
            0,
            more,
            ("net", net.inode),
        )
        below = [self._of_interface(net, i, more) for i in net.interfaces if not is_dull(i)]
        below += [self._of_route(net, route, more) for route in net.routes]
        below += [self._of_listener(net, listener, more) for listener in net.listeners]
        below += [self._of_forward(net, forward, more) for forward in self.sendings(net)]
        return [head, *below]

    def _sum(self, net: Net) -> str:
        """The summary of a whole namespace, in words."""
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
        return ", ".join(words)

    def _of_interface(self, net: Net, interface: Interface, more: str) -> Line:
        state = interface.state if interface.state not in ("up", "unknown") else ""
        return Line(
            (net.inode, "interface", interface.index, interface.name),
            (
                Cell(f"  {interface.name}", "group"),
                Cell(kind_of(interface), "dim"),
                Cell("  ".join(filter(None, (state, brief(addresses(interface), 2)))), "warning" if state else ""),
                Cell(self.leads_to(net, interface), "shared" if interface.link else ""),
            ),
            NetItem(net, interface),
            1,
            " ".join((more, *interface.addresses, *interface.altnames, interface.mac or "")),
            ("net", net.inode),
        )

    def _of_route(self, net: Net, route: Route, more: str) -> Line:
        key = (net.inode, "route", route.family, route.via, route.interface, route.metric)
        cells = (
            Cell("  default route", "dim"),
            Cell(f"IPv{route.family}", "dim"),
            Cell(f"via {route.via}" if route.via else ""),
            Cell(f"→ {route.interface}" if route.interface else "", "dim"),
        )
        return Line(key, cells, NetItem(net, route), 1, more, ("net", net.inode))

    def _of_listener(self, net: Net, listener: Listener, more: str) -> Line:
        cells = (
            Cell(f"  {listener.protocol} {listener.port}", "pid", listener.port),
            Cell("listens", "dim"),
            Cell(listener.endpoint),
            Cell(self.who(net, listener), "command"),
        )
        owners = self.owners(listener)
        more = " ".join((more, *(process.command for process in owners)))
        item = NetItem(net, listener)
        key = (net.inode, "listener", listener.inode)
        return Line(key, cells, item, 1, more, self.thing(item), ("net", net.inode))


    def _of_forward(self, net: Net, forward: Forward, more: str) -> Line:
        ports = str(forward.port) if forward.port == forward.last else f"{forward.port}-{forward.last}"
        cells = (
            Cell(f"  {forward.protocol} {ports}", "pid", forward.port),
            Cell("sent on" if forward.by == "rules" else "by record", "dim"),
            Cell(forward.endpoint),
            Cell(self.where_to(net, forward), "command"),
        )
        item = NetItem(net, forward)
        key = (net.inode, "forward", *astuple(forward))
        return Line(key, cells, item, 1, more, self.thing(item), ("net", net.inode))

    def where_to(self, net: Net, forward: Forward) -> str:
        """The destination of a forward, in words."""
        found = some([self.called(to) for to in self.may_reach(net, forward)], 2)
        return f"→ {found}  {forward.target}" if found else f"→ {forward.target}"


def _number(address: str) -> tuple[int, int]:
    """(version, number) of an address; (0, 0) if the text is none."""
    try:
        one = ip_address(address)
    except ValueError:
        return 0, 0
    return one.version, int(one)


def own_interfaces(net: Net) -> Sequence[Interface]:
    """The interfaces of a net namespace; if several namespaces hang from it, without those that lead there."""
    own = [i for i in net.interfaces if not i.link or i.link.net == net.inode]
    return own if len(net.interfaces) - len(own) > 1 else net.interfaces


def kind_of(interface: Interface) -> str:
    """The kind of an interface in a word, empty for hardware."""
    return interface.kind or ("loopback" if interface.name == "lo" else "")


def addresses(interface: Interface) -> list[str]:
    """The addresses of an interface; link-local ones, which nearly all have, only if there are no others."""
    wider = [address for address in interface.addresses if not address.startswith("fe80:")]
    return wider or ([] if interface.master else list(interface.addresses))


def is_dull(interface: Interface) -> bool:
    """True for a loopback with the addresses that each has."""
    return interface.name == "lo" and not set(interface.addresses) - {"127.0.0.1/8", "::1/128"}


def is_empty(net: Net) -> bool:
    """True if a net namespace has only a loopback, and no listener."""
    nothing = net.source is not None and not net.listeners and not net.forwards
    return nothing and all(is_dull(interface) for interface in net.interfaces)


def some(words: Sequence[str], most: int) -> str:
    """The first words, and the number of the others."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


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
    pairs += [(f"{x.protocol} {x.port}", found.where_to(net, x)) for x in found.sendings(net)]
    more = len(pairs) - SUMMARY
    return [*pairs[:SUMMARY], ("", f"and {more} more, on the net map")] if more > 0 else pairs
