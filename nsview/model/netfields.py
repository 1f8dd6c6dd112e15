"""What a filter of the net map can ask for by name: of an interface, of a listener, of all that is in a namespace."""

from collections.abc import Callable, Iterable, Sequence

from .filter import OF_THINGS, Field, Fields
from .net import Interface, Listener, Net
from .netmap import Place, kind_of, own_interfaces
from .table import Line


def fields(names: Callable[[Interface], list[str]] = lambda interface: [interface.name]) -> Fields:
    """Those of a map's lines, and then those of the namespaces and processes behind them. names: Map.names."""
    of_processes = OF_THINGS["state"].process
    own = (
        Field("port", "number", "a port that is listened on", line=_ports),
        Field("protocol", "text", "tcp or udp", line=_protocols),
        Field("interface", "text", "an interface, or the other end of its pair: vethab12", line=_each(names)),
        Field("address", "text", "an address that it has, or is listened on", line=_addresses),
        Field("kind", "text", "veth, bridge ..", line=_each(lambda interface: [kind_of(interface)])),
        Field("mac", "text", "the address of its link", line=_each(lambda interface: [interface.mac or ""])),
        Field("state", "text", "up, down ..; or a process's: running ..", of_processes,
              line=_each(lambda interface: [interface.state])),
    )  # fmt: skip
    found = {field.name: field for field in own}
    return found | {name: field for name, field in OF_THINGS.items() if name not in found}


def _interfaces(line: Line) -> Sequence[Interface]:
    match line.subject:
        case Place(thing=Interface() as interface):
            return (interface,)
        case Net() as net:
            return own_interfaces(net)
    return ()


def _listeners(line: Line) -> Sequence[Listener]:
    match line.subject:
        case Place(thing=Listener() as listener):
            return (listener,)
        case Net() as net:
            return net.listeners
    return ()


def _each(told: Callable[[Interface], Iterable[str]]) -> Callable[[Line], list[str]]:
    """What is told of each interface that a line is about."""
    return lambda line: [one for interface in _interfaces(line) for one in told(interface)]


def _addresses(line: Line) -> list[str]:
    of_links = [address.partition("/")[0] for one in _interfaces(line) for address in one.addresses]
    return [*of_links, *(one.address for one in _listeners(line))]


def _ports(line: Line) -> list[int]:
    return [one.port for one in _listeners(line)]


def _protocols(line: Line) -> list[str]:
    return [one.protocol for one in _listeners(line)]
