"""The ports of one net namespace that lead to another: published for a container, or sent on by the firewall."""

from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from . import docker_proxy
from .net import Forward, Listener, Net
from .netindex import NetIndex
from .records import Container

EACH = 100  # ports of one rule that are listed one by one, of a range that may be all
BY = {
    "rules": "by the rules of the firewall",
    "docker": "by docker's config.v2.json",
    "cni": "by what libcni keeps in /var/lib/cni/results",
}


class Published(Struct, frozen=True, gc=False):
    """A port of another net namespace that a listener or a forward serves, and its container, None if there is none.
    by: the witness, in words."""

    container: Container | None
    net: Net
    port: int | None
    by: str


class Publishing:
    """The published ports and the forwards among the net namespaces of an index."""

    def __init__(self, index: NetIndex) -> None:
        self._index = index

    @cached_property
    def _published(self) -> dict[int, Published]:
        """{inode of a socket: the port that it serves}."""
        found: dict[int, Published] = {}
        serving = []
        for net in self._index.known.values():
            for listener in net.listeners:
                if listener.serves:
                    serving.append(listener)
                    continue
                for process in self._index.owners(listener):
                    to = docker_proxy.target(process, listener)
                    by = f"by the command line of docker-proxy, pid {process.pid}"
                    if to and (there := self._index.at(net, to.address, process.uid)):
                        found[listener.inode] = Published(*there, to.port, by)
                        break
                else:
                    if to_other := self._sent_on_for(net, listener) or self._held_for(listener):
                        found[listener.inode] = to_other
        for listener in serving:
            if served := self._served(listener, found):
                found[listener.inode] = served
        return found

    def _served(self, listener: Listener, known: Mapping[int, Published]) -> Published | None:
        """The port of the net namespace that the process of a listener serves, or the one that a listener there on the
        same port leads to, such as the docker-proxy of a user's dockerd. None if it serves none. known: {inode of a
        socket: its port}."""
        net, owner = self._index.net(listener.serves), next(iter(self._index.owners(listener)), None)
        if net is None or owner is None:
            return None
        by = f"by {owner.comm}, pid {owner.pid}, which serves that net namespace"
        for inner in net.listeners:
            if (inner.protocol, inner.port) == (listener.protocol, listener.port) and (to := known.get(inner.inode)):
                return replace(to, by=by)
        return Published(self._index.oldest_container(net, owner.uid), net, None, by)

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
        """The container whose conmon keeps a port open, None if another process does: podman gives published ports to
        conmon."""
        for process in self._index.owners(listener):
            container = self._by_supervisor.get(process.pid)
            init = self._index.snapshot.init_of(container)
            net = self._index.net(init.namespaces.net) if init else None
            if process.comm == "conmon" and container and net:
                return Published(container, net, None, f"by conmon, pid {process.pid}, which keeps the port")
        return None

    @cached_property
    def _by_supervisor(self) -> dict[int | None, Container]:
        """{pid of a supervisor: its container}; a conmon is the parent of the container's first process."""
        snapshot = self._index.snapshot
        containers = snapshot.containers.values()
        found: dict[int | None, Container] = {}
        for container in containers:
            if init := snapshot.init_of(container):
                found[init.ppid] = container
        return found | {container.shim_pid: container for container in containers}

    @cached_property
    def _forwarded(self) -> dict[int, list[tuple[Forward, Published]]]:
        """{net namespace: (a forward that leads into it, the published port)}."""
        found: dict[int, list[tuple[Forward, Published]]] = {}
        for net in self._index.known.values():
            for forward in self.sendings(net):
                for to in self.may_reach(net, forward):
                    found.setdefault(to.net.inode, []).append((forward, to))
        return found

    @cached_property
    def _publishers(self) -> dict[tuple[int, str, int], list[Listener]]:
        """{(net, protocol, port): the listeners that publish it}."""
        found: dict[tuple[int, str, int], list[Listener]] = {}
        for net in self._index.known.values():
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
        container = self._index.snapshot.containers.get(forward.container) if forward.container else None
        if forward.container:
            init = self._index.snapshot.init_of(container)
            other = self._index.net(init.namespaces.net) if init else None
            there = (container, other) if other and other is not net else None
        else:
            there = self._index.at(net, forward.to)
        port = None if forward.to_port_last else forward.at(forward.port)
        return Published(*there, port, BY[forward.by]) if there else None

    def may_reach(self, net: Net, forward: Forward) -> list[Published]:
        """The ports that a forward may lead to, one for each net namespace."""
        if not forward.to_last:
            return [to] if (to := self.sent_on(net, forward)) else []
        addresses = self._index.addresses_between(forward.to, forward.to_last)
        found = [there for address in addresses if (there := self._index.at(net, address))]
        return [Published(*there, None, BY[forward.by]) for there in {net.inode: (c, net) for c, net in found}.values()]

    def served(self) -> list[tuple[int, int]]:
        """(pid, port) of each published port: the process that listens behind it, or the container's first process."""
        found = []
        for listener in (each for net in self._index.known.values() for each in net.listeners):
            if to := self.published(listener):
                found += self._behind(to, [listener.port], to.port)
        for to_net, rules in self._forwarded.items():
            for forward, to in rules:
                inner = {own.port for own in self._index.known[to_net].listeners if forward.leads_to(own)}
                for port in inner:
                    found += self._behind(to, forward.before(port)[:EACH], port)
                if not inner:
                    found += self._behind(to, forward.ports[:EACH], None)
        return found

    def _behind(self, to: Published, ports: Iterable[int], inner: int | None) -> list[tuple[int, int]]:
        behind = [pid for own in to.net.listeners if own.port == inner for pid in own.pids]
        first = to.container.init_pid if to.container else None
        return [(pid, port) for pid in behind or (first,) if pid is not None for port in ports]

    def publishers(self, net: Net, listener: Listener) -> list[Listener | Forward]:
        """The listeners and the forwards by which a listener is published."""
        listeners = self._publishers.get((net.inode, listener.protocol, listener.port), [])
        known = [range(one.port, one.port + 1) for one in listeners]
        others = [one for one, _ in self._forwarded.get(net.inode, ()) if one.leads_to(listener)]
        return [*listeners, *(one for one in others if one.ports not in known)]

    def called(self, to: Published) -> str:
        """A published port in words: the container or the net namespace, and the port."""
        name = to.container.name if to.container else self._index.title(to.net.inode)
        return name if to.port is None else f"{name}:{to.port}"

    def sendings(self, net: Net) -> list[Forward]:
        """The forwards of a net namespace, without records for which there is also a listener or a rule."""
        listening = {(x.protocol, x.port) for x in net.listeners if self.published(x)}
        ruled = {(x.protocol, x.port) for x in net.forwards if x.by == "rules"}
        told = listening | ruled
        return [x for x in net.forwards if x.by == "rules" or (x.protocol, x.port) not in told]
