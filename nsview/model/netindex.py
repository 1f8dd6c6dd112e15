"""The net namespaces of a host by inode, address and interface, with their titles, containers and processes."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property

from .label import label
from .members import containers_of
from .net import Interface, Listener, Net, Nets
from .records import Container, Namespace, Process
from .snapshot import Snapshot


class NetIndex:
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
        self.known = {net.inode: net for net in nets.nets}
        self._interfaces: dict[int, dict[int, Interface]] = {}
        self._ports: dict[int, dict[int | None, list[Interface]]] = {}

    @cached_property
    def nets(self) -> list[Net]:
        """The net namespaces: the host's first, then those of containers, then those with a name, then the rest."""
        return sorted(self.known.values(), key=self._rank)

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
        """The oldest member of a net namespace. None if no member is known."""
        processes = (self.snapshot.processes[pid] for pid in self.pids(inode))
        return min(processes, key=lambda process: (process.start, process.pid), default=None)

    def net(self, inode: int | None) -> Net | None:
        return self.known.get(inode) if inode is not None else None

    def interface(self, inode: int | None, index: int | None) -> Interface | None:
        """An interface by its index in a net namespace. None if either is not known."""
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

    def owners(self, listener: Listener) -> list[Process]:
        """The living processes that have the socket of a listener open."""
        return [self.snapshot.processes[pid] for pid in listener.pids if pid in self.snapshot.processes]

    @cached_property
    def _having(self) -> dict[str, list[tuple[Net, Interface]]]:
        """{address: the interfaces with this address}, without loopbacks, which every net namespace has."""
        found: dict[str, list[tuple[Net, Interface]]] = {}
        for net in self.known.values():
            for interface in net.interfaces:
                for address in interface.addresses if interface.name != "lo" else ():
                    found.setdefault(address.partition("/")[0], []).append((net, interface))
        return found

    @cached_property
    def _sorted(self) -> list[tuple[tuple[int, int], str]]:
        """(number, text) of each address."""
        return sorted((_number(text), text) for text in self._having)

    def addresses_between(self, first: str, last: str) -> list[str]:
        """The addresses from `first` to `last` that an interface has."""
        begin = bisect_left(self._sorted, (_number(first), ""))
        end = bisect_right(self._sorted, _number(last), key=lambda one: one[0])
        return [text for _, text in self._sorted[begin:end]]

    def at(self, near: Net, address: str, uid: int | None = None) -> tuple[Container | None, Net] | None:
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

    def oldest_container(self, net: Net, uid: int) -> Container | None:
        """The oldest container in a net namespace that is this user's; root's process speaks for every user's.
        None if there is none."""
        return min((one for one in self.containers(net.inode) if uid in (0, one.uid)), key=self._age, default=None)

    def _age(self, container: Container) -> tuple[int, str]:
        init = self.snapshot.init_of(container)
        return init.start if init else 0, container.key


def _number(address: str) -> tuple[int, int]:
    """(version, number) of an address; (0, 0) if the text is none."""
    from ipaddress import ip_address  # few rules lead to a range, and the import takes its time

    try:
        one = ip_address(address)
    except ValueError:
        return 0, 0
    return one.version, int(one)


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
