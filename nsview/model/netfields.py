"""The fields of a filter of the net map: of an interface, of a listener, of all things in a namespace."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from .filter import OF_THINGS, Field, Fields
from .net import Forward, Interface, Listener, Net
from .netmap import Map, NetItem, kind_of, own_interfaces
from .table import Line

_T = TypeVar("_T")


def fields(found: Map | None = None) -> Fields:
    """The fields of a map's lines, then those of the namespaces and processes behind them. found: None if not read."""
    of_processes = OF_THINGS["state"].process
    names = found.names if found else _name
    own = (
        Field("port", "number", "a port that is listened on, or published for it, by whatever", line=_ports_of(found)),
        Field("protocol", "text", "tcp or udp", line=_protocols),
        Field("interface", "text", "an interface, or the other end of its pair: vethab12", line=_each(names)),
        Field("address", "text", "an address that it has, or is listened on", line=_addresses),
        Field("kind", "text", "veth, bridge, device ..", line=_kinds),
        Field("mac", "text", "the address of its link", line=_each(lambda interface: [interface.mac or ""])),
        Field("state", "text", "up, down ..; or a process's: running ..", of_processes,
              line=_each(lambda interface: [interface.state])),
    )  # fmt: skip
    its = {field.name: field for field in own}
    return its | {name: field for name, field in OF_THINGS.items() if name not in its}


def _told(kind: type[_T], of_net: Callable[[Net], Sequence[_T]]) -> Callable[[Line], Sequence[_T]]:
    """The things of a kind that a line is about: the thing itself, or all in a namespace."""

    def of_line(line: Line) -> Sequence[_T]:
        match line.subject:
            case NetItem(thing=thing) if isinstance(thing, kind):
                return (thing,)
            case Net() as net:
                return of_net(net)
        return ()

    return of_line


_interfaces = _told(Interface, own_interfaces)
_listeners = _told(Listener, lambda net: net.listeners)
_forwards = _told(Forward, lambda net: net.forwards)


class _Ports(Sequence[int]):
    """The ports of some ranges, each of which may be all that there are."""

    def __init__(self, ranges: Iterable[range]) -> None:
        self._ranges = list(ranges)

    def __contains__(self, port: object) -> bool:
        return any(port in ports for ports in self._ranges)

    def __iter__(self) -> Iterator[int]:
        return iter({port for ports in self._ranges for port in ports})

    def __len__(self) -> int:
        return sum(map(len, self._ranges))

    def __getitem__(self, place: Any) -> Any:
        return list(self)[place]


def _each(told: Callable[[Interface], Iterable[str]]) -> Callable[[Line], list[str]]:
    """The values that a function gives for each interface that a line is about."""
    return lambda line: [one for interface in _interfaces(line) for one in told(interface)]


def _addresses(line: Line) -> list[str]:
    of_links = [address.partition("/")[0] for one in _interfaces(line) for address in one.addresses]
    sent_on = [text for one in _forwards(line) for text in (one.address, one.to) if text]
    return [*of_links, *(one.address for one in _listeners(line)), *sent_on]


def _name(interface: Interface) -> list[str]:
    return [interface.name]


def _ports_of(found: Map | None) -> Callable[[Line], Sequence[int]]:
    """The ports of a line, and the ports that others listen on or send on for it."""

    def ports(line: Line) -> Sequence[int]:
        net = line.subject.net if isinstance(line.subject, NetItem) else line.subject
        ranges = [forward.ports for forward in _forwards(line)]
        for one in _listeners(line):
            ranges.append(range(one.port, one.port + 1))
            for at in found.publishing.publishers(net, one) if found and isinstance(net, Net) else ():
                ranges.append(at.before(one.port) if isinstance(at, Forward) else range(at.port, at.port + 1))
        return _Ports(ranges)

    return ports


def _kinds(line: Line) -> list[str]:
    net = line.subject.net if isinstance(line.subject, NetItem) else line.subject
    return [kind_of(net, interface) for interface in _interfaces(line)] if isinstance(net, Net) else []


def _protocols(line: Line) -> list[str]:
    return [*(one.protocol for one in _listeners(line)), *(one.protocol for one in _forwards(line))]
