"""Several hosts as a table, or the things of all of them below a line for each; a host's explorer opens over it."""

import operator
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import ClassVar, Literal

from msgspec.structs import replace
from rich.console import Group, RenderableType
from rich.text import Text
from textual.binding import BindingType

from nsview.model import clipboard, container_table, export, host_groups, host_lenses, hosts_table
from nsview.model.clipboard import Copy
from nsview.model.facts import Fact
from nsview.model.filter import Fields, Filter
from nsview.model.hosts_table import Of, Reported
from nsview.model.kinds import KIND_NAMES
from nsview.model.records import Host, Namespaces
from nsview.model.snapshot import Snapshot
from nsview.model.table import Column, Line, Thing
from nsview.model.text import count, safe

from ..context import Context
from ..fleet import Fleet, HostLink
from ..lenses import LENSES
from ..messages import HostWanted, LineFolded
from ..text.parts import pairs
from ..widgets.binding import Binding
from ..widgets.status import Status
from .lens import EVERY, Lens

TURN = 0.5
"""Seconds between two looks at the clock: which hosts are to be tried, or asked."""
PACE = 2.0
"""Seconds after which the time that an answer takes is told anew, though nothing has changed."""
_NOTHING = Snapshot(Host("", "", "", 0, True, "", Namespaces(), Namespaces()), 0.0, {}, {}, {})
_LENSES: Mapping[str, host_groups.HostsBy] = {"use": "use", "net": "net map", "events": "events", "audit": "audit"}
"""{the name of a lens of one host: of the same over several}"""
THINGS: Mapping[host_groups.HostsBy, host_groups.Things] = {**host_groups.THINGS, **host_lenses.LENSES}
_OF_ONE_HOST = ("logs", "signal", "mark", "compare")


class Hosts(Lens):
    """A line a host, and in groups the containers or namespaces of each below it."""

    NAME = "hosts"
    ABOUT = (
        "A line a host, or its containers and namespaces below it. Numbers of a host that is not live are "
        "those last heard, dim."
    )
    COLUMNS: ClassVar[Sequence[Column]] = hosts_table.HOSTS
    EMPTY = ""
    BESIDE = 200
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("0", "group('host')", "Hosts", key_display="0", tooltip="A line for each host"),
        Binding("9", "group('container')", "Containers", key_display="9", tooltip="The containers of all hosts"),
        *[
            Binding(
                str(number), f"group('{kind}')", "Namespaces", show=number == 1, key_display="1-8",
                tooltip="The namespaces of a kind of all hosts",
            )
            for number, kind in enumerate(KIND_NAMES, 1)
        ],
        *[
            Binding(
                lens.key, f"group('{_LENSES[name]}')", "Lens", show=name == "use", key_display="uiaw",
                tooltip="The use, the latest events, the findings or the net maps of all hosts",
            )
            for name, lens in LENSES.items() if name in _LENSES
        ],
        Binding("f", "fold_all", "Fold", show=False, tooltip="Fold all hosts, or unfold them"),
        Binding("r", "rescan", "Try again", tooltip="Try the host of the line now, if its link has ended"),
        Binding("escape", "back", "Back", show=False, tooltip="Clear the filter", id="close"),
        Binding("q", "app.quit", "Quit"),
    ]  # fmt: skip

    def __init__(self, context: Context, fleet: Fleet) -> None:
        super().__init__(context, _NOTHING)
        self.fleet = fleet
        self.by: host_groups.HostsBy = "host"
        self._links: Mapping[tuple[str, str], HostLink] = {link.entry.options: link for link in fleet.links}
        self._folded: set[tuple[str, str]] = set()
        # {options of a host: (what its lines are of, the records that they are made of, they)}
        self._known: dict[tuple[str, str], tuple[tuple[object, ...], object, Sequence[Line]]] = {}

    def on_mount(self) -> None:
        self.fleet.changed = self._changed
        self.set_interval(TURN, self._turn)
        self.set_interval(PACE, self._changed)
        self.fleet.turn()

    def _turn(self) -> None:
        """Connect and ask hosts; for a lens those whose lines are seen."""
        self.fleet.turn()
        if self.by in host_lenses.LENSES and not self.is_covered:
            for options in self._seen() - self._folded:
                self._links[options].read(self.by, self.context.audit_ignore)

    def _seen(self) -> set[tuple[str, str]]:
        """The options of the hosts of which a line is seen, or that have not told yet what a filter looks for."""
        table, things = self.table, THINGS[self.by]
        top = round(table.scroll_offset.y)
        seen = {host_groups.of(line).options for line in table.lines[top : top + table.size.height]}
        if self.filter:
            seen |= {link.entry.options for link in self.fleet.links if things.source(link.reported) is None}
        return seen

    def _changed(self) -> None:
        if self._later is None:
            self._later = self.set_timer(EVERY, self._take)

    def show_status(self) -> None:
        self.query_one(Status).progress = f"on {count(len(self.fleet.links), 'host')}"

    # Lines

    def make(self) -> None:
        """Make the lines anew and show them, unless all are as before."""
        lines = self.lines()
        if len(lines) == len(self._made) and all(map(operator.is_, lines, self._made)):
            self._head(self.heading())
        else:
            super().make()

    def lines(self) -> Sequence[Line]:
        return [line for link in self.fleet.links for line in self._lines_of(link)]

    def _lines_of(self, link: HostLink) -> Sequence[Line]:
        """The lines of a host; a host whose snapshot makes them fail loses its link, and no other host its lines."""
        with link.told():
            return self._told(link.reported)
        return self._told(link.reported)

    def _told(self, host: Reported) -> Sequence[Line]:
        """The lines of a host, those of a group made again only if it has changed."""
        if self.by == "host":
            return [hosts_table.host(host)]
        folded = host.options in self._folded and not self.filter
        things = THINGS[self.by]
        of, source = (self.by, folded, host.state, host.error, host_groups.waiting(host)), things.source(host)
        before, known, lines = self._known.get(host.options, ((), None, ()))
        if of != before or source is not known:
            lines = host_groups.of_host(things, host, folded=folded)
            self._known[host.options] = of, source, lines
        return lines

    @property
    def fields(self) -> Fields:
        return hosts_table.OF_HOSTS if self.by == "host" else THINGS[self.by].fields

    def matches(self, line: Line, wanted: Filter) -> bool:
        """True if a filter leaves a line; of a host that lies none is left."""
        link = self._link_of(line)
        with link.told():
            return wanted.line(line, link.reported.snapshot or self.snapshot)
        return False

    def use(self, wanted: Filter) -> None:
        found = bool(wanted) != bool(self.filter)
        super().use(wanted)
        if found and self._folded:
            self.make()  # a filter looks into folded groups too

    def heading(self) -> str:
        return hosts_table.heading([link.reported for link in self.fleet.links])

    @property
    def badge(self) -> str:
        return "" if self.by == "host" else "containers" if self.by == "container" else self.by

    def action_group(self, by: host_groups.HostsBy) -> None:
        if by == self.by:
            return
        link = self.link
        self.clear_filter()
        self.by, self._made = by, ()
        self.table.show(())
        self.table.columns = hosts_table.HOSTS if by == "host" else THINGS[by].columns
        self.table.sort_by(container_table.BY_CPU if by == "use" else None)
        self.make()
        if link is not None:
            self.table.select(Of(link.entry.name, link.entry.options))

    # Groups

    def on_line_folded(self, message: LineFolded) -> None:
        self._fold(message.line, message.folded)

    def _fold(self, line: Line, folded: bool) -> None:
        """Fold the host of a line, or unfold it, unless a filter shows all that it leaves."""
        of = host_groups.of(line)
        if self.by != "host" and not self.filter:
            (self._folded.add if folded else self._folded.discard)(of.options)
            self.make()
            self.table.select(replace(of, key=None) if folded else of)

    def action_fold_all(self) -> None:
        every = set(self._links)
        self._folded = set() if every <= self._folded else every
        self.make()

    # Details

    def about(self, line: Line) -> RenderableType:
        with self._link_of(line).told():
            return self._about(line)
        return Text()

    def _about(self, line: Line) -> RenderableType:
        style, link, of = self.table.style_of, self._link_of(line), host_groups.of(line)
        snapshot = link.reported.snapshot
        if of.key is None or snapshot is None:
            name, found = of.host, self._facts(link)
            way = "Enter opens it" if self.by == "host" else "Enter folds it, or unfolds it; 0 and Enter open it"
        else:
            name, found = (
                line.cells[0].text.strip(),
                [("host", of.host), *THINGS[self.by].about(line, snapshot)],
            )
            way = "Enter opens its host there"
        if snapshot is None:
            way = "It can't be opened before it has answered" if not link.entry.error else ""
        title = Text(safe(name), style("group"))
        return Group(title, Text(), pairs(*found, label=style("label")), Text(f"\n{way}", style("dim")))

    def _facts(self, link: HostLink) -> list[Fact]:
        with link.told():
            return hosts_table.of_host(link.reported)
        return hosts_table.of_host(link.reported)

    # Keys

    @property
    def link(self) -> HostLink | None:
        """The link to the host of the chosen line. None if there is none."""
        line = self.line()
        return self._link_of(line) if line else None

    def _link_of(self, line: Line) -> HostLink:
        return self._links[host_groups.of(line).options]

    def open(self, line: Line) -> None:
        of = host_groups.of(line)
        if self.by == "host" or of.key is not None:
            self._want(line)
        else:
            self._fold(line, of.options not in self._folded)

    def action_enter(self) -> None:
        """Enter the thing of the chosen line, by way of its host's explorer."""
        self._go_in("enter")

    def action_ready(self) -> None:
        self._go_in("ready")

    def _go_in(self, then: Literal["enter", "ready"]) -> None:
        line = self.line()
        if line is not None and line.thing is None:
            self.notify("No process or namespace is behind this line.", severity="warning")
        elif line is not None:
            self._want(line, then)

    def _want(self, line: Line, then: Literal["", "enter", "ready"] = "") -> None:
        of = host_groups.of(line)
        if self.by == "net map" and not then:
            self.want(of, None, of.key)
        else:
            self.want(of, line.thing or (str(of.key) if self.by == "use" and of.key else None), then=then)

    def want(
        self, of: Of, thing: Thing | None, line: Hashable = None, then: Literal["", "enter", "ready"] = ""
    ) -> None:
        """Open the explorer of a host at a thing, or at a line of its net map, if that can be done."""
        link = self._links[of.options]
        if link.session is None or link.session.snapshot is None:
            why = link.failure or "it has not answered yet"
            self.notify(f"{safe(link.entry.name)} can't be opened: {safe(why)}", severity="warning", markup=False)
        else:
            self.post_message(HostWanted(link.session, thing, line, then))

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
        if action in ("enter", "ready", "fold_all"):
            return self.by != "host"
        return action not in _OF_ONE_HOST and super().check_action(action, parameters)

    # Taking along

    def copies(self) -> list[Copy]:
        line, link = self.line(), self.link
        if line is not None and link is not None:
            with link.told():
                return self._copies(line, link)
        return []

    def _copies(self, line: Line, link: HostLink) -> list[Copy]:
        name = "host", link.entry.name
        snapshot = link.reported.snapshot
        if host_groups.of(line).key is None or snapshot is None or link.session is None:
            told = (
                (label, value if isinstance(value, str) else ", ".join(value or ()))
                for label, value in self._facts(link)
            )
            return [name, *((label, value) for label, value in told if value)]
        subject = line.subject.container if isinstance(line.subject, host_groups.Held) else line.subject
        cells = tuple(replace(cell, text=cell.text.strip()) for cell in line.cells)
        bare = replace(line, subject=subject, cells=cells)
        return [name, *clipboard.of_line(bare, self.table.columns, snapshot, link.session.host.elsewhere)]

    def writing(self, ending: str) -> Callable[[], str]:
        """The lines of hosts, or those of their things, each with its host."""
        titles = [column.title for column in self.table.columns]
        lines = [[cell.text.strip() for cell in line.cells] for line in self.table.lines]
        if self.by != "host":
            of = [host_groups.of(line) for line in self.table.lines]
            titles = ["HOST", *titles]
            lines = [[key.host, *cells] for key, cells in zip(of, lines, strict=True) if key.key is not None]
        if ending == ".csv":
            return partial(clipboard.sheet, titles, lines)
        return partial(export.lens, self.badge or self.NAME, titles, lines, None)
