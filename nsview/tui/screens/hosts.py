"""Several hosts as a table, or the containers of all of them; a host's explorer opens over it."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

from rich.console import Group, RenderableType
from rich.text import Text
from textual.binding import BindingType

from nsview.model import hosts_table
from nsview.model.clipboard import Copy
from nsview.model.facts import Fact
from nsview.model.filter import Fields
from nsview.model.hosts_table import Held, Reported
from nsview.model.records import Host, Namespaces
from nsview.model.snapshot import Snapshot
from nsview.model.table import Column, Line
from nsview.model.text import count, safe

from ..context import Context
from ..fleet import Fleet, HostLink
from ..messages import HostWanted
from ..text.parts import pairs
from ..widgets.binding import Binding
from ..widgets.status import Status
from .lens import EVERY, Lens

TURN = 0.5
"""Seconds between two looks at the clock: which hosts are to be tried, or asked."""
PACE = 2.0
"""Seconds after which the time that an answer takes is told anew, though nothing has changed."""
_NOTHING = Snapshot(Host("", "", "", 0, True, "", Namespaces(), Namespaces()), 0.0, {}, {}, {})
_OF_ONE_HOST = ("logs", "signal", "mark", "compare")


class Hosts(Lens):
    """A line a host, or a container of any of them."""

    NAME = "hosts"
    COLUMNS: ClassVar[Sequence[Column]] = hosts_table.HOSTS
    EMPTY = "No container runs on these hosts, as far as they are reached. 0 shows the hosts."
    BESIDE = 200
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("0", "group('host')", "Hosts", key_display="0", tooltip="A line for each host"),
        Binding("9", "group('container')", "Containers", key_display="9", tooltip="The containers of all hosts"),
        Binding("r", "rescan", "Try again", tooltip="Try the host of the line now, if its link has ended"),
        Binding("escape", "back", "Back", show=False, tooltip="Clear the filter", id="close"),
        Binding("q", "app.quit", "Quit"),
    ]

    def __init__(self, context: Context, fleet: Fleet) -> None:
        super().__init__(context, _NOTHING)
        self.fleet = fleet
        self.by: Literal["host", "container"] = "host"
        self._links: Mapping[tuple[str, str], HostLink] = {link.entry.options: link for link in fleet.links}
        self._known: dict[tuple[str, str], tuple[Reported, Sequence[Line]]] = {}  # the containers of each host

    def on_mount(self) -> None:
        self.fleet.changed = self._changed
        self.set_interval(TURN, self.fleet.turn)
        self.set_interval(PACE, self._changed)
        self.fleet.turn()

    def _changed(self) -> None:
        if self._later is None:
            self._later = self.set_timer(EVERY, self._take)

    def show_status(self) -> None:
        self.query_one(Status).progress = f"on {count(len(self.fleet.links), 'host')}"

    # Lines

    def lines(self) -> Sequence[Line]:
        return [line for link in self.fleet.links for line in self._lines_of(link)]

    def _lines_of(self, link: HostLink) -> Sequence[Line]:
        """The lines of a host; a host whose snapshot makes them fail loses its link, and no other host its lines."""
        try:
            return [hosts_table.host(link.reported)] if self.by == "host" else self._containers_of(link.reported)
        except Exception as error:
            link.refuse(error)
            return [] if self.by == "container" else [hosts_table.host(link.reported)]

    def _containers_of(self, host: Reported) -> Sequence[Line]:
        """The lines of a host's containers, made again only if it has changed."""
        before, lines = self._known.get(host.options, (None, ()))
        if before is None or before.snapshot is not host.snapshot or before.state != host.state:
            lines = hosts_table.containers(host)
            self._known[host.options] = host, lines
        return lines

    @property
    def fields(self) -> Fields:
        return hosts_table.OF_HOSTS if self.by == "host" else hosts_table.OF_CONTAINERS

    def heading(self) -> str:
        return hosts_table.heading([link.reported for link in self.fleet.links])

    @property
    def badge(self) -> str:
        return "containers" if self.by == "container" else ""

    def action_group(self, by: Literal["host", "container"]) -> None:
        if by == self.by:
            return
        link = self.link
        self.by = by
        self.clear_filter()
        self.table.show(())
        self.table.columns = hosts_table.HOSTS if by == "host" else hosts_table.CONTAINERS
        self.table.sort_by(None)
        self.make()
        of = next((line for line in self.table.lines if link and self._link_of(line) is link), None)
        if of is not None:
            self.table.select(of.key)

    def about(self, line: Line) -> RenderableType:
        style, link = self.table.style_of, self._link_of(line)
        held = line.subject
        if isinstance(held, Held):
            name, found = held.container.name, hosts_table.of_container(held)
        else:
            name, found = link.entry.name, self._facts(link)
        way = "Enter opens its host there" if isinstance(held, Held) else "Enter opens it"
        if link.reported.snapshot is None:
            way = "It can't be opened before it has answered" if not link.entry.error else ""
        title = Text(safe(name), style("group"))
        return Group(title, Text(), pairs(*found, label=style("label")), Text(f"\n{way}", style("dim")))

    def _facts(self, link: HostLink) -> list[Fact]:
        try:
            return hosts_table.of_host(link.reported)
        except Exception as error:
            link.refuse(error)
            return hosts_table.of_host(link.reported)

    # Keys

    @property
    def link(self) -> HostLink | None:
        """The link to the host of the chosen line. None if there is none."""
        line = self.line()
        return self._link_of(line) if line else None

    def _link_of(self, line: Line) -> HostLink:
        held = line.subject
        return self._links[held.options if isinstance(held, Held) else line.key]  # type: ignore[index]

    def open(self, line: Line) -> None:
        self._want(line)

    def action_enter(self) -> None:
        """Enter the container of the chosen line, by way of its host's explorer."""
        if line := self.line():
            self._want(line, "enter")

    def action_ready(self) -> None:
        if line := self.line():
            self._want(line, "ready")

    def _want(self, line: Line, then: Literal["", "enter", "ready"] = "") -> None:
        link, held = self._link_of(line), line.subject
        if link.session is None or link.session.snapshot is None:
            why = link.failure or "it has not answered yet"
            self.notify(f"{safe(link.entry.name)} can't be opened: {safe(why)}", severity="warning", markup=False)
        else:
            self.post_message(HostWanted(link.session, held.container.key if isinstance(held, Held) else None, then))

    def action_rescan(self) -> None:
        """Try the host of the chosen line now."""
        if link := self.link:
            link.hasten()
            self.fleet.turn()

    def action_back(self) -> None:
        if self.filter:
            self.action_clear_filter()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out the keys of one host, and those of containers where there are none. None: the key is dim."""
        if action == "enter":
            return self.by == "container"
        return action not in _OF_ONE_HOST and super().check_action(action, parameters)

    # Taking along

    def copies(self) -> list[Copy]:
        return []

    def writing(self, ending: str) -> Callable[[], str]:
        raise NotImplementedError
