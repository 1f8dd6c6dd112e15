"""The net map drawn: at the left a namespace with its bridges and ports, at the right the namespaces that hang from it.

    ╭─ host ────────────────────╮
    │ eth0     192.0.2.2/24     │
    │ docker0  172.17.0.1/16    │    ╭─ web ──────────────────╮
    │ └─ vethab12 ══════════════╪════╪═ eth0  172.17.0.2/16   │
    │                           │    │ tcp 8080  1234 httpd   │
    ╰─ net:[4026531833] ────────╯    ╰─ net:[4026532173] ─────╯

Each namespace has one box at the right, beside the first that it hangs from; a namespace that leads further has a box
at the left too, below. A double line is a pair of interfaces, a single one leads to the device that an interface stands
on. Namespaces with nothing but a loopback are listed at the end.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from . import counts
from .net import Interface, Net
from .netindex import is_dull, is_empty
from .netmap import Map, NetItem, addresses, brief
from .table import Cell, Line
from .text import cells, cut, safe

LISTENERS = 6  # listed in a box
ROOM = 4  # between a box at the left and those at the right

_Pieces = tuple[Cell, ...]


class _Wire(Struct, frozen=True, gc=False):
    """The connection of an interface to one of another namespace. pair: they are two ends of one thing."""

    here: Interface
    net: Net
    there: Interface
    pair: bool


class _Row(Struct, frozen=True, gc=False):
    """A line of a box at the left. trunk: the line drawn below it. wire: to the namespace that hangs from it."""

    pieces: _Pieces
    item: NetItem
    trunk: str = ""
    wire: _Wire | None = None


def picture(found: Map, chosen: Iterable[int], width: int) -> list[Line]:
    """The picture of the chosen net namespaces (inodes) and of those that lead to them, at most so many cells wide.

    The cells of its lines are pieces of text that follow each other, and are `safe`.
    """
    return _Picture(found, frozenset(chosen), width).lines()


class _Picture:
    def __init__(self, found: Map, chosen: frozenset[int], width: int) -> None:
        self.found = found
        self.chosen = chosen
        self.width = width
        self.drawn: set[int] = set()
        self.wires: dict[int, list[_Wire]] = {net.inode: [] for net in found.nets}
        for net in found.nets:
            for interface in net.interfaces:
                self._connect(net, interface)

    def _connect(self, net: Net, interface: Interface) -> None:
        """Note the wires of an interface; one that stands on another's device is noted there as well."""
        link = interface.link
        other = self.found.net(link.net) if link and link.net != net.inode else None
        there = self.found.interface(link.net, link.index) if link else None
        if link and other and there and (net.inode in self.chosen or other.inode in self.chosen):
            self.wires[net.inode].append(_Wire(interface, other, there, link.peer))
            if not link.peer:
                self.wires[other.inode].append(_Wire(there, net, interface, False))

    def lines(self) -> list[Line]:
        hubs = sorted(
            self.found.nets,
            key=lambda net: (not self.found.snapshot.is_initial("net", net.inode), len(self.wires[net.inode]) < 2),
        )
        blocks: list[list[Line]] = []
        alone = []
        for net in hubs:
            further = any(wire.net.inode not in self.drawn for wire in self.wires[net.inode])
            if not further and (net.inode in self.drawn or net.inode not in self.chosen):
                continue
            if is_empty(net):
                alone.append(net)
                continue
            blocks.append(self._block(net))
        if alone:
            rows = [_Row(self._named(net), NetItem(net)) for net in alone]
            title = (Cell("nothing but a loopback", "dim"),)
            wide = min(self.width - 4, max(map(_width_of, rows)))
            blocks.append(self._boxes("alone", None, title, (), rows, wide, 0))
        gaps = [[Line(("gap", number), ())] for number in range(len(blocks))]
        return [line for gap, block in zip(gaps, blocks, strict=True) for line in (*gap, *block)][1:]

    def _named(self, net: Net) -> _Pieces:
        return (*self._title(net), Cell("  "), *self._foot(net))

    def _title(self, net: Net) -> _Pieces:
        host = self.found.snapshot.is_initial("net", net.inode)
        style = "host" if host else "container" if self.found.containers(net.inode) else "label"
        return (Cell(self.found.title(net.inode), style),)

    def _foot(self, net: Net) -> _Pieces:
        number, sure = counts.nprocs_of("net", net.inode, self.found.snapshot)
        namespace = self.found.namespace(net.inode)
        names = namespace.names if namespace and not self.found.containers(net.inode) else ()
        words = [f"net:[{net.inode}]", counts.processes(number, sure), *names[:1]]
        return (Cell(" ".join(words), "dim"),)

    # A namespace at the left, and those that hang from it

    def _block(self, net: Net) -> list[Line]:
        again = net.inode in self.drawn
        self.drawn.add(net.inode)
        rows = list(self._rows(net, again))
        inside = [pieces for row in rows if row.wire for pieces, _ in self._inside(row.wire)]
        right = max((_width(pieces) + 1 for pieces in inside), default=0)
        half = (self.width - ROOM - 8) // 2
        left = max(max(map(_width_of, rows), default=0), _width(self._title(net)) + 2, _width(self._foot(net)) + 2)
        if right:
            left = min(left + 4, max(half - 4, self.width - ROOM - 8 - right))
        left = max(1, min(left, self.width - 4))
        right = self.width - left - ROOM - 8
        return self._boxes(net.inode, NetItem(net), self._title(net), self._foot(net), rows, left, right)

    def _rows(self, net: Net, again: bool) -> Iterator[_Row]:
        wires: dict[int, list[_Wire]] = {}
        for wire in self.wires[net.inode]:
            wires.setdefault(wire.here.index, []).append(wire)
        own = {interface.index for interface in net.interfaces}
        wide = max((cells(safe(i.name)) for i in net.interfaces if i.master not in own), default=0)
        for interface in net.interfaces:
            if interface.master in own or is_dull(interface):
                continue
            hanging = wires.get(interface.index, [])
            ports = self.found.ports(net, interface)
            if net.inode not in self.chosen:
                # The namespace is drawn for those that hang from it, and for the way out.
                ports = [port for port in ports if port.index in wires]
                if not (ports or hanging or any(route.interface == interface.name for route in net.routes)):
                    continue
            below: list[tuple[Interface, _Wire | None]] = []
            for port in ports:
                below += [(port, wire) for wire in wires.get(port.index, ())] or [(port, None)]
            if len(hanging) > 1 or below:
                below += [(wire.there, wire) for wire in hanging]
            only = hanging[0] if hanging and not below else None
            yield _Row(self._told(net, interface, wide), NetItem(net, interface), "│" if below else "", only)
            for number, (port, leads) in enumerate(below):
                last = number == len(below) - 1
                stands = leads is not None and leads.there is port  # drawn there, not here
                name = (Cell("└─ " if last else "├─ ", "guide"), Cell("" if stands else port.name, "group"))
                item = NetItem(net, interface if stands else port)
                yield _Row(name if stands else name + _state(port), item, "" if last else "│", leads)
        if not again and net.inode in self.chosen:
            yield from (_Row(pieces, item) for pieces, item in self._listeners(net))

    def _told(self, net: Net, interface: Interface, wide: int = 0) -> _Pieces:
        pieces = [Cell(interface.name + " " * (wide - cells(safe(interface.name))), "group"), *_state(interface)]
        shown = addresses(interface)
        if shown:
            pieces.append(Cell("  " + brief(shown, 1)))
        ways = [route.via or "its own link" for route in net.routes if route.interface == interface.name]
        if ways:
            pieces.append(Cell("  ⇢ " + brief(ways, 1), "dim"))
        return tuple(pieces)

    def _listeners(self, net: Net) -> Iterator[tuple[_Pieces, NetItem]]:
        for listener in net.listeners[:LISTENERS]:
            port = Cell(f"{listener.protocol} {listener.port}", "pid")
            yield (port, Cell("  " + self.found.who(net, listener), "command")), NetItem(net, listener)
        forwards = self.found.publishing.sendings(net)
        for forward in forwards[: max(0, LISTENERS - len(net.listeners))]:
            port = Cell(f"{forward.protocol} {forward.port}", "pid")
            yield (port, Cell("  " + self.found.where_to(net, forward), "command")), NetItem(net, forward)
        more = len(net.listeners) + len(forwards) - LISTENERS
        if more > 0:
            yield (Cell(f"and {more} more ports", "dim"),), NetItem(net)

    # At the right

    def _inside(self, wire: _Wire) -> list[tuple[_Pieces, NetItem]]:
        """The lines of the box at the other end; the wire leads to the first."""
        net = wire.net
        inside = [(self._told(net, wire.there), NetItem(net, wire.there))]
        for interface in net.interfaces:
            if interface.index != wire.there.index and not is_dull(interface):
                inside.append((self._told(net, interface), NetItem(net, interface)))
        inside += self._listeners(net)
        if any(other.net.inode not in self.drawn and other.net.inode != net.inode for other in self.wires[net.inode]):
            inside.append(((Cell("leads further, below", "dim"),), NetItem(net)))
        return inside

    def _hangs_elsewhere(self, wire: _Wire) -> bool:
        """True if a namespace only stands on a device here, and has its box at the other end of a pair."""
        return not wire.pair and any(other.pair for other in self.wires[wire.net.inode])

    def _boxes(
        self,
        key: object,
        item: NetItem | None,
        title: _Pieces,
        foot: _Pieces,
        rows: Sequence[_Row],
        left: int,
        right: int,
    ) -> list[Line]:
        """The lines of a box, with those that hang from it. left, right: the room in them, in cells."""
        lines: list[Line] = []

        def add(pieces: Iterable[Cell], about: NetItem | None) -> None:
            lines.append(Line((key, len(lines)), tuple(pieces), about))

        def beside(trunk: str) -> list[Cell]:
            return [Cell("│ ", "guide"), *_fitted((Cell(trunk, "guide"),), left), Cell(" │" + " " * ROOM, "guide")]

        add(_border("╭", title, left, "╮"), item)
        above = ""
        for row in rows:
            wire = row.wire
            if wire is None:
                add([Cell("│ ", "guide"), *_fitted(row.pieces, left), Cell(" │", "guide")], row.item)
            elif wire.net.inode in self.drawn or self._hangs_elsewhere(wire):
                where = f" {safe(wire.there.name)} of {safe(self.found.title(wire.net.inode))}"
                add([*_way(row.pieces, wire.pair, left), *_cut((Cell(where, "dim"),), right + 2)], row.item)
            else:
                self.drawn.add(wire.net.inode)
                inside = self._inside(wire)
                feet = self._foot(wire.net)
                wide = max(*(_width(pieces) for pieces, _ in inside), _width(self._title(wire.net)), _width(feet)) + 1
                wide = max(1, min(wide, right))
                add([*beside(above), *_border("╭", self._title(wire.net), wide, "╮")], NetItem(wire.net))
                for number, (pieces, about) in enumerate(inside):
                    if number:
                        start = [*beside(row.trunk), Cell("│ ", "guide")]
                    else:
                        start = [*_way(row.pieces, wire.pair, left), Cell("╪═" if wire.pair else "┼─", "shared")]
                    room = wide if number else wide - 1
                    start += [] if number else [Cell(" ")]
                    add([*start, *_fitted(pieces, room), Cell(" │", "guide")], about)
                add([*beside(row.trunk), *_border("╰", feet, wide, "╯")], NetItem(wire.net))
            above = row.trunk
        add(_border("╰", foot, left, "╯"), item)
        return lines


def _way(pieces: _Pieces, pair: bool, left: int) -> list[Cell]:
    """A line of a box from which a wire leads out of it."""
    shown = _cut(pieces, left - 2)
    line, crossing = ("═", "╪") if pair else ("─", "┼")
    rest = left + 1 - _width(shown) - 1
    wire = Cell(" " + line * rest + crossing + line * ROOM, "shared")
    return [Cell("│ ", "guide"), *shown, wire]


def _border(start: str, pieces: _Pieces, room: int, end: str) -> list[Cell]:
    """The upper or lower line of a box, with words in it."""
    shown = _cut(pieces, room - 2)
    if not _width(shown):
        return [Cell(start + "─" * (room + 2) + end, "guide")]
    rest = room + 2 - 3 - _width(shown)
    return [Cell(start + "─ ", "guide"), *shown, Cell(" " + "─" * rest + end, "guide")]


def _state(interface: Interface) -> _Pieces:
    return () if interface.state in ("up", "unknown") else (Cell(f"  {interface.state}", "warning"),)


def _width_of(row: _Row) -> int:
    return _width(row.pieces)


def _width(pieces: Iterable[Cell]) -> int:
    return sum(cells(safe(piece.text)) for piece in pieces)


def _cut(pieces: Iterable[Cell], room: int) -> list[Cell]:
    """The pieces, safe, and no wider than that."""
    shown = []
    for piece in pieces:
        text = cut(safe(piece.text), room)
        room -= cells(text)
        shown.append(Cell(text, piece.style))
        if cells(safe(piece.text)) != cells(text):
            break
    return shown


def _fitted(pieces: Iterable[Cell], room: int) -> list[Cell]:
    """The pieces, as wide as that."""
    shown = _cut(pieces, room)
    return [*shown, Cell(" " * (room - _width(shown)))]
