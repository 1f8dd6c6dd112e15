"""The net map: every net namespace from within, as a table or drawn."""

from collections.abc import Sequence
from time import monotonic
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import BindingType
from textual.strip import Strip
from textual.timer import Timer

from nsview.model import counts
from nsview.model.changes import Changes
from nsview.model.docker_proxy import HOLDERS
from nsview.model.facts import by_hand
from nsview.model.filter import Fields
from nsview.model.net import Forward, Interface, Listener, Net, Nets, Route
from nsview.model.netfields import fields
from nsview.model.netmap import COLUMNS, Map, NetItem, kind_of
from nsview.model.netpicture import picture
from nsview.model.publishing import Published
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot
from nsview.model.table import Column, Line, Thing
from nsview.model.text import clock, count, safe

from ..context import Context
from ..text.parts import heading, pairs, title
from ..widgets.binding import Binding
from ..widgets.table import Table
from .lens import EVERY, Lens

REST = 3.0  # seconds between an answer and the next request, if changes of interfaces are reported ..
REST_UNTOLD = 0.7  # .. and if not ..
SHARE = 0.08  # .. or so many that reading takes no more than this share of a core ..
SHARE_WAITED = 0.25  # .. and if a change was reported, or would not be
LEGEND = "═ two ends of a pair   ─ stands on the other   ⇢ default route"


class Chart(Table):
    """A table, or the lines of a picture, whose cells are pieces of text that follow each other."""

    def render_line(self, y: int) -> Strip:
        if not self.drawn:
            return super().render_line(y)
        width, base = self.size.width, self.style_of("")
        if y == 0:
            style = base + self.style_of("header")
            return Strip([Segment(f" {LEGEND}", style)]).adjust_cell_length(width, style)
        place = self.scroll_offset.y + y - 1
        if place >= len(self.lines):
            return Strip.blank(width, base)
        below = self.cursor_style if place == self.cursor else ""
        pieces = [Segment(cell.text, self.style_on(cell.style, below)) for cell in self.lines[place].cells]
        line = self.style_on("", below)
        return Strip([Segment(" ", line), *pieces]).adjust_cell_length(width, line)


class NetMap(Lens):
    """Asks for the net namespaces when it is opened, and again while it is open."""

    NAME = "net map"
    ABOUT = "Each net namespace, read from within: its interfaces with their addresses, below them who listens."
    BESIDE = 200  # a published port, and all that listens, in one line
    COLUMNS: ClassVar[Sequence[Column]] = COLUMNS
    EMPTY = "This recording has no net map in it: it is too old, or ended before one was read."
    TABLE = Chart
    by = "net"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", "Look again now", show=False, id="rescan"),
        Binding("o", "go", "Go to the other end, or to the process that listens", show=False),
        Binding("p", "draw", "Picture", tooltip="Draw bridges and pairs, or show the table again"),
    ]

    def __init__(self, context: Context, snapshot: Snapshot, origin: Process | None = None) -> None:
        super().__init__(context, snapshot, origin)
        self.nets: Nets | None = None
        self._map: Map | None = None
        self._progress = "reading the net namespaces …"
        self._asked_at = 0.0
        self._cost = 0.0  # seconds that the lines took
        self._asked: object = None  # the host that has not answered yet
        self._again: Timer | None = None
        self._changed = False  # since they were asked for
        self._took = 0.0  # seconds until the last answer
        self._start = origin.namespaces.net if origin else None  # the namespace to begin at

    def on_mount(self) -> None:
        self._ask()

    # Requests

    def _ask(self) -> None:
        if self._asked is not self.session.host:  # another one, as root, has not been asked
            self._asked, self._asked_at, self._changed = self.session.host, monotonic(), False
            self.session.request_nets(follow=True)

    def show_nets(self, nets: Nets | None) -> None:
        self._asked = None
        self._progress = ""
        self.nets = nets
        self.make()
        if self.session.live:
            self._took = monotonic() - self._asked_at
            self._ask_again()

    def show_links_changed(self) -> None:
        self._changed = True
        if self._asked is None and self._again is not None:
            self._ask_again()

    def _ask_again(self) -> None:
        if self._again is not None:
            self._again.stop()
        self._again = self.set_timer(self._rest(), self._ask_if_seen)

    def _ask_if_seen(self) -> None:
        if self.is_covered:
            self._ask_again()
        else:
            self._ask()

    def show_nets_progress(self, what: str, done: int, total: int) -> None:
        self._progress = f"{done} of {total} {what} read …"
        if self.nets is None:
            self._show()

    def _rest(self) -> float:
        """The seconds from now until the net namespaces are asked for again."""
        if self._changed:
            return max(0.1, self._took / SHARE_WAITED - (monotonic() - self._asked_at))
        if self.nets and self.nets.followed:
            return max(REST, self._took / SHARE)
        return max(REST_UNTOLD, self._took / SHARE_WAITED)

    def show_snapshot(self, snapshot: Snapshot, happened: Changes | None) -> None:
        """Ask for the net namespaces soon if some have come or gone."""
        if self._asked not in (None, self.session.host):
            self._ask()
        before = {key for key in self.snapshot.namespaces if key[0] == "net"}
        if before != {key for key in snapshot.namespaces if key[0] == "net"} and self._again is not None:
            self._again.stop()
            self._again = self.set_timer(max(0.2, self._asked_at + 1 - monotonic()), self._ask)
        self.snapshot = snapshot
        if self._later is None:
            # Most of the time is left for keys, also with thousands of net namespaces.
            self._later = self.set_timer(max(EVERY, 10 * self._cost), self._take)

    # Lines and details

    def make(self) -> None:
        began = monotonic()
        super().make()
        self._cost = monotonic() - began

    def lines(self) -> Sequence[Line]:
        self._map = Map(self.nets, self.snapshot) if self.nets else None
        return self._map.lines() if self._map else []

    @property
    def _chart(self) -> Chart:
        return self.query_one(Chart)

    @property
    def fields(self) -> Fields:
        return fields(self._map)

    def narrowed(self) -> Sequence[Line]:
        found = self._map
        if found is None or not self._chart.drawn:
            return super().narrowed()
        chosen = [net.inode for net in found.nets if self.matches(found.whole(net), self.filter)]
        return picture(found, chosen, self._chart.size.width - 2)

    def listed(self) -> Sequence[Line]:
        return super().narrowed() if self._chart.drawn else super().listed()

    def line(self) -> Line | None:
        line = super().line()
        if line is None or not self._chart.drawn:
            return line
        return next((other for other in self._made if other.subject == line.subject), None)

    def empty(self) -> str:
        return self._progress or (self.nets.notes[0] if self.nets and self.nets.notes else self.EMPTY)

    def heading(self) -> str:
        if self.nets is None or self._map is None:
            return ""
        nets = self._map.nets
        interfaces, listeners = sum(len(net.interfaces) for net in nets), sum(len(net.listeners) for net in nets)
        told = (len(nets), "net namespace"), (interfaces, "interface"), (listeners, "listener")
        words = [", ".join(count(n, one) for n, one in told)]
        if self.session.live:
            words.append(f"as of {clock(self.nets.taken_at, '%H:%M:%S')}")
        words += map(safe, self.nets.notes)
        return "  ".join(words)

    def about(self, line: Line) -> RenderableType:
        item, found = line.subject, self._map
        if not isinstance(item, NetItem) or found is None:
            return Text()
        match item.thing:
            case Interface() as interface:
                return self._interface(found, item.net, interface)
            case Listener() as listener:
                return self._listener(found, item.net, listener)
            case Forward() as forward:
                return self._forward(found, item.net, forward)
            case Route() as route:
                way = ("via", route.via or "no gateway"), ("interface", route.interface or "-")
                return Group(title(f"default route, IPv{route.family}"), pairs(*way, ("metric", str(route.metric))))
        return self._net(found, item.net)

    def _net(self, found: Map, net: Net) -> RenderableType:
        namespace = found.namespace(net.inode)
        oldest = found.oldest(net.inode)
        parts: list[RenderableType] = [
            title(found.title(net.inode)),
            pairs(
                ("namespace", f"net:[{net.inode}]"),
                ("mounted at", namespace.names if namespace else None),
                ("processes", counts.number(*counts.nprocs_of("net", net.inode, found.snapshot))),
                ("oldest", f"{oldest.pid} {oldest.command}" if oldest else ""),
                ("containers", ", ".join(container.name for container in found.containers(net.inode))),
            ),
        ]
        if net.source is None or net.unreadable:
            why = "It may not be joined as this user, so " if net.unreadable == "EPERM" else f"{net.unreadable}: "
            rest = "what /proc tells is all there is; R reads it as root." if net.source else "nothing can be told."
            parts.append(Text(f"\n{why}{rest}", "bold"))
        if net.routes:
            ways = [f"default via {route.via or 'none'} on {route.interface or '-'}" for route in net.routes]
            parts.append(Text("\n" + "\n".join(map(safe, ways))))
        if net.listeners:
            parts.append(heading("LISTENERS"))
            parts.append(pairs(*((f"{x.protocol} {x.port}", found.who(net, x)) for x in net.listeners[:50])))
        hint = by_hand(namespace, oldest, found.snapshot, self.session.host.elsewhere) if namespace else ""
        return Group(*parts, heading("BY HAND"), Text(safe(hint), "dim"))

    def _interface(self, found: Map, net: Net, interface: Interface) -> RenderableType:
        ports = found.ports(net, interface)
        link = interface.link
        there = found.title(link.net) if link and link.net else ""
        return Group(
            title(interface.name),
            pairs(
                ("of", f"{found.title(net.inode)}  net:[{net.inode}]"),
                ("kind", kind_of(net, interface)),
                ("state", interface.state),
                ("also called", ", ".join(interface.altnames)),
                ("addresses", interface.addresses),
                ("mac", interface.mac or ""),
                ("mtu", str(interface.mtu or "")),
                ("index", str(interface.index or "")),
                ("leads to", found.leads_to(net, interface)),
                ("there", f"{there}  net:[{link.net}]" if link and link.net and link.net != net.inode else ""),
                ("ports", [f"{port.name}  {found.leads_to(net, port)}" for port in ports[:50]]),
            ),
        )

    def _listener(self, found: Map, net: Net, listener: Listener) -> RenderableType:
        parts: list[RenderableType] = [
            title(f"{listener.protocol} {listener.endpoint}"),
            pairs(
                ("in", f"{found.title(net.inode)}  net:[{net.inode}]"),
                ("uid", str(listener.uid)),
                ("socket", str(listener.inode)),
            ),
        ]
        if to := found.publishing.published(listener):
            parts += _published_for(found, to, self.table.style_of("container"))
        if at := found.publishing.publishers(net, listener):
            parts += [heading("PUBLISHED AT"), *(Text(f"{one.protocol} {safe(one.endpoint)}") for one in at)]
        parts.append(heading("WHO HAS IT OPEN"))
        owners = found.owners(listener)
        for process in owners[:20]:
            parts.append(Text(safe(f"{process.pid} {process.command}")))
            container = self.snapshot.container_of(process)
            if container:
                named = safe(f"    in {container.name} ({container.runtime})")
                parts.append(Text(named, self.table.style_of("container")))
        if not found.publishing.published(listener) and any(process.comm in HOLDERS for process in owners):
            where = "the firewall's rules know, or who holds it alone; `docker ps` tells"
            parts.append(Text(f"\nIt may be published for a container: {where}.", "dim"))
        if not owners:
            parts.append(Text("No known process: it is the kernel's own, or protected."))
        return Group(*parts)

    def _forward(self, found: Map, net: Net, forward: Forward) -> RenderableType:
        parts: list[RenderableType] = [
            title(f"{forward.protocol} {forward.endpoint}"),
            pairs(
                ("in", f"{found.title(net.inode)}  net:[{net.inode}]"),
                ("sent on", found.where_to(net, forward)),
            ),
        ]
        if to := found.publishing.sent_on(net, forward):
            parts += _published_for(found, to, self.table.style_of("container"))
        return Group(*parts)

    # Keys

    def open(self, line: Line) -> None:
        """Go to the published container, to the listening process, else to the namespace; from an interface to the
        namespace that it leads to."""
        item, found = line.subject, self._map
        if not isinstance(item, NetItem) or found is None:
            return
        match item.thing:
            case Interface(link=link) if link and link.net and link.net != item.net.inode:
                self.go_to(("net", link.net))
            case _:
                self.go_to(found.thing(item))

    def behind(self, line: Line) -> Thing | None:
        return ("net", line.subject.net.inode) if isinstance(line.subject, NetItem) else None

    def action_again(self) -> None:
        self._ask()

    def action_go(self) -> None:
        if self.table.line is not None:
            self.open(self.table.line)

    def action_draw(self) -> None:
        """Show the picture, or the table."""
        chart = self._chart
        chosen = chart.line.subject if chart.line else None
        chart.drawn = not chart.drawn
        self._show()
        key = next((line.key for line in chart.lines if line.subject == chosen), None)
        if key is not None:
            chart.select(key)

    def on_resize(self) -> None:
        self.call_after_refresh(self._redraw)

    def action_toggle_details(self) -> None:
        super().action_toggle_details()
        self.call_after_refresh(self._redraw)

    def _redraw(self) -> None:
        """Draw the picture again, as wide as there is room."""
        if self._chart.drawn:
            self._show()


def _published_for(found: Map, to: Published, named: Style) -> list[RenderableType]:
    name = to.container.name if to.container else found.title(to.net.inode)
    return [
        heading("PUBLISHED FOR"),
        Text(safe(name if to.port is None else f"{name}, port {to.port}"), named),
        Text(safe(f"in {found.title(to.net.inode)}  net:[{to.net.inode}]")),
        Text(to.by, "dim"),
    ]
