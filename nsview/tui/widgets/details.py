"""The pane about the chosen row."""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from nsview.model import counts, facts
from nsview.model.chain import chain
from nsview.model.elsewhere import Elsewhere
from nsview.model.facts import Fact
from nsview.model.guides import DEEPER, LEVELS, indent
from nsview.model.holder_text import words
from nsview.model.members import USUALLY_SHARED, sharing
from nsview.model.net import Nets, endpoint
from nsview.model.records import Container, Details, Namespace, Process, Sockets
from nsview.model.snapshot import Snapshot
from nsview.model.table import Thing
from nsview.model.text import count, cut, safe
from nsview.model.usage import Measured
from nsview.model.view import Grouping, GroupRow, ProcessRow, Row

from ..contrast import readable
from ..messages import GoWanted
from ..text.contents import TOLD, ContentsText, told
from ..text.pieces import Pieces
from .line_view import Lines
from .links import PIDS, linked, thing_at, to, underlined
from .pane import Pane

STYLES = ("title", "label", "host", "container", "dim", "warning", "error")


class DetailsPane(Lines, can_focus=True):
    """The details of a row; those that are read on demand are added as they arrive."""

    BINDINGS: ClassVar[list[BindingType]] = Pane.BINDINGS
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"details--{name}" for name in STYLES}

    def __init__(self) -> None:
        super().__init__("details")
        self._shown: object = None
        self._nets: Nets | None = None
        self._elsewhere: Elsewhere | None = None
        self._content: RenderableType = Text()
        self._laid_out: list[tuple[Segment, ...]] = []
        self._pointed: Thing | None = None  # at by the mouse

    def show(
        self, row: Row | None, snapshot: Snapshot, by: Grouping, details: Details | None, usage: Measured | None,
        nets: Nets | None, elsewhere: Elsewhere | None = None, end: Sequence[Fact] | None = None,
    ) -> None:  # fmt: skip
        """Show a row of this snapshot, with the details of its process if they have arrived. nets: as last read.
        elsewhere: its host, None for this machine. end: the facts of the last end of its container, if nothing runs in
        that and its engine tells."""
        self._nets, self._elsewhere = nets, elsewhere
        match row:
            case ProcessRow():
                self._content = self._process(row.process, snapshot, by, details, usage)
            case GroupRow(container=Container()):
                self._content = self._container_group(row, snapshot, details, end)
            case GroupRow(namespace=Namespace()):
                self._content = self._namespace(row, snapshot, details)
            case GroupRow():
                self._content = self._unplaced(row, by)
            case _:
                self._content = Text()
        if snapshot.partial and row is not None:
            note = Text("Not everything is read yet: the facts about others are so far.", self._s("warning"))
            self._content = Group(note, self._content)
        if row is not None and row.key != self._shown:
            self._shown = row.key
            self.scroll_to(y=0, animate=False, force=True)
        self._lay_out()

    def _lay_out(self) -> None:
        """Break the content into lines of this width, beside the bar."""
        width = self.scrollable_content_region.width
        if width:
            console = self.app.console
            options = console.options.update(width=width, height=None, highlight=False)
            self._laid_out = [
                tuple(line) for line in console.render_lines(self._content, options, style=readable(self.rich_style))
            ]
            self.set_height(len(self._laid_out))
            self.repaint()

    def on_resize(self) -> None:
        self._lay_out()
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._lay_out()

    def line(self, y: int) -> Hashable:
        place = self.scroll_offset.y + y
        return (self._laid_out[place], self._pointed) if place < len(self._laid_out) else ((), None)

    def strip(self, line: tuple[tuple[Segment, ...], Thing | None], width: int) -> Strip:
        segments, pointed = line
        shown = segments if pointed is None else underlined(segments, pointed)
        return Strip(shown).adjust_cell_length(width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        thing = thing_at(event.style)
        if thing is not None:
            self.post_message(GoWanted(thing))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._point(thing_at(event.style))

    def on_leave(self) -> None:
        self._point(None)

    def _point(self, thing: Thing | None) -> None:
        """Underline the texts that lead to the thing that the mouse points at."""
        if thing != self._pointed:
            self._pointed = thing
            self.repaint()

    def _s(self, name: str) -> Style:
        return readable(self.get_component_rich_style(f"details--{name}"))

    def _title(self, text: str) -> Text:
        return Text(safe(text), self._s("title"))

    def _heading(self, text: str) -> Text:
        return Text("\n" + text, self._s("label"))

    def _pairs(self, *pairs: Fact | tuple[str, Text | None]) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style=self._s("label"), no_wrap=True)
        table.add_column(overflow="fold")
        for label, value in pairs:
            if isinstance(value, Text):
                table.add_row(label, value)
            elif value:
                text = Text("\n".join(map(safe, (value,) if isinstance(value, str) else value)))
                table.add_row(label, linked(text, PIDS.get(label)))
        return table

    def _lines(self, lines: Sequence[Pieces]) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        for number, line in enumerate(lines):
            if number:
                text.append("\n")
            for piece, style in line:
                text.append(piece, self._s(style) if style else "")
        return text

    def _first(self, told: ContentsText | None) -> list[RenderableType]:
        """The content of the namespace whose kind rows are grouped by."""
        return [self._heading(told.heading), self._lines(told.first)] if told else []

    def _rest(self, told: ContentsText | None) -> list[RenderableType]:
        return [self._heading(told.rest_heading), self._lines(told.rest)] if told and told.rest else []

    def _inside(self, process: Process, snapshot: Snapshot, details: Details | None) -> list[RenderableType]:
        """The content of all namespaces of a process, in a few words each."""
        contents = details.contents if details else None
        if contents is None:
            return []
        pairs = [(kind, found.brief) for kind in TOLD if (found := told(kind, process, contents, snapshot))]
        return [self._heading("INSIDE"), self._pairs(*pairs)]

    def _process(
        self, process: Process, snapshot: Snapshot, by: Grouping, details: Details | None, usage: Measured | None
    ) -> RenderableType:
        contents = details.contents if details else None
        kind = told(by, process, contents, snapshot) if by != "tree" and by != "container" else None
        (_, pid), *others = facts.process(process)
        pids = Text(str(pid))
        pids.highlight_words([" here, ", " inside"], self._s("dim"))
        parts: list[RenderableType] = [
            self._title(process.comm),
            *self._first(kind),
            *([Text()] if kind else []),
            self._pairs(("pid", pids), *others, *_measured(usage)),
        ]
        container = snapshot.container_of(process)
        parts += [self._heading("NAMESPACES"), self._sharing(process, snapshot)]
        if process.unreadable:
            parts.append(Text(_why(process, snapshot), self._s("warning")))
        parts += [self._heading("CHAIN"), self._chain(process, snapshot)]
        if container:
            parts += [self._heading("CONTAINER"), self._container(container)]
        if by in ("tree", "container"):
            parts += self._inside(process, snapshot, details)
        if details and details.sockets and details.sockets.sockets:
            parts += [self._heading("SOCKETS"), self._sockets(details.sockets)]
        parts += [self._heading("MORE"), self._pairs(*facts.more(process, container, details)), *self._rest(kind)]
        return Group(*parts)

    def _sockets(self, sockets: Sockets) -> RenderableType:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style=self._s("label"))
        table.add_column(no_wrap=True)
        table.add_column(overflow="ellipsis", no_wrap=True)
        for socket in sockets.sockets[:_SOCKETS]:
            state = Text(socket.state if socket.state != "established" else "", self._s("dim"))
            if socket.peer and socket.peer_port:
                state = Text.assemble(f"→ {endpoint(socket.peer, socket.peer_port)} ", state)
            table.add_row(socket.protocol, endpoint(socket.address, socket.port), state)
        more = len(sockets.sockets[_SOCKETS:]) + sockets.left_out
        return Group(table, Text(f"and {more} more", self._s("dim"))) if more else table

    def _container(self, container: Container) -> Table:
        (_, name), (_, id), *others, (known_by, _) = facts.container(container)
        evidence = container.witness.split("; ")
        witness = Text(cut(safe(min(evidence, key=len)), 25))
        if more := len(evidence) - 1:
            witness.append(f" and {more} more (nsview inspect)", self._s("dim"))
        return self._pairs(
            ("name", Text(safe(str(name)), self._s("container"))), ("id", cut(str(id), 25)), *others,
            (known_by, witness),
        )  # fmt: skip

    def _sharing(self, process: Process, snapshot: Snapshot) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style=self._s("label"), no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column()  # folded where it is too long: were no column, all would be cut
        for shared in sharing(snapshot, process):
            style = self._s("host") if shared.initial and shared.kind not in USUALLY_SHARED else ""
            inode = Text(str(shared.inode or "?"), style)
            if shared.inode:
                inode.stylize(to((shared.kind, shared.inode)))
            table.add_row(
                shared.kind,
                inode,
                Text(counts.number(shared.nprocs, shared.sure) if shared.nprocs else "", self._s("dim")),
                Text(safe(facts.who_else(shared, process)), style),
            )
        return table

    def _chain(self, process: Process, snapshot: Snapshot) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        links = chain(snapshot, process.pid)
        for depth, link in enumerate(links):
            if _TOP <= depth < len(links) - LEVELS:
                if depth == _TOP:
                    text.append(f"\n{DEEPER}{len(links) - LEVELS - depth:,} more", self._s("dim"))
                continue
            if depth:
                text.append("\n" + indent(depth - 1, "  ") + ("└╌" if link.link == "serves" else "└─"), self._s("dim"))
            there = to(link.process.pid)
            text.append(f"{link.process.pid} ", self._s("dim") + there)
            text.append(safe(link.process.comm), self._s("title") + there if link.process is process else there)
            container = snapshot.container_of(link.process)
            if container and (not link.process.inner_pid or link.process.inner_pid == 1):
                text.append(f" {safe(container.name)}", self._s("container"))
            if link.link == "serves":
                text.append(f"  serves it; parent {link.process.ppid}", self._s("dim"))
        return text

    def _namespace(self, row: GroupRow, snapshot: Snapshot, details: Details | None) -> RenderableType:
        namespace = row.namespace
        assert namespace is not None
        oldest = snapshot.processes.get(row.oldest) if row.oldest is not None else None
        asked = snapshot.processes.get(details.pid) if details else oldest
        found = told(namespace.type, asked, details.contents if details else None, snapshot) if asked else None
        isolates, *others = facts.namespace(namespace, snapshot)
        host = Text("the host's own", self._s("host")) if namespace.initial else None
        parts: list[RenderableType] = [
            self._title(namespace.label),
            *self._first(found),
            *([Text()] if found else []),
            self._pairs(isolates, ("", host), *others),
        ]
        if namespace.type == "net":
            parts += [self._heading("FROM WITHIN"), self._net(namespace.inode, snapshot)]
        if row.containers:
            parts += [self._heading("CONTAINERS"), self._containers(row)]
        parts += [self._heading("HELD BY"), self._holders(namespace, row, snapshot)]
        parts += [
            self._heading("BY HAND"),
            Text(safe(facts.by_hand(namespace, oldest, snapshot, self._elsewhere)), self._s("dim")),
            *self._rest(found),
        ]
        return Group(*parts)

    def _net(self, inode: int, snapshot: Snapshot) -> RenderableType:
        """The summary of a net namespace by the net map, if that was open."""
        pairs = None
        if self._nets is not None:
            from nsview.model.netmap import summary

            pairs = summary(self._nets, inode, snapshot)
        if pairs is None:
            return Text("w reads interfaces, addresses, and who listens", self._s("dim"))
        return self._pairs(*pairs) if pairs else Text("nothing but a loopback", self._s("dim"))

    def _holders(self, namespace: Namespace, row: GroupRow, snapshot: Snapshot) -> Text:
        least, sure = counts.nprocs(namespace, snapshot)
        lines = [Text(("" if sure else "≥ ") + count(least, "member process"))] if least else []
        lines += [linked(Text(safe(words(one, snapshot))), rf"\b{one.pid}\b") for one in namespace.held_by[:_HOLDERS]]
        if len(namespace.held_by) > _HOLDERS:
            lines.append(Text(f"and {len(namespace.held_by) - _HOLDERS} more"))
        if snapshot.search is None:
            lines.append(Text("not yet looked for: threads, open files, sockets, mounts elsewhere"))
        elif snapshot.search.unreadable:
            lines.append(Text(f"{count(sum(snapshot.search.unreadable.values()), 'process')} could not be searched"))
        return Text("\n").join(lines)

    def _containers(self, row: GroupRow) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        for container in row.containers:
            table.add_row(
                Text(safe(container.name), self._s("container") + to(container.key)),
                Text(safe(container.runtime)),
                Text(safe(container.image or ""), self._s("dim")),
            )
        return table

    def _container_group(
        self, row: GroupRow, snapshot: Snapshot, details: Details | None, end: Sequence[Fact] | None
    ) -> RenderableType:
        container = row.container
        assert container is not None
        about = self._container(container) if end is None else self._pairs(*end)
        parts: list[RenderableType] = [self._title(container.name), about]
        init = snapshot.processes.get(container.init_pid) if container.init_pid else None
        if init:
            parts += [self._heading("NAMESPACES"), self._sharing(init, snapshot)]
            parts += self._inside(init, snapshot, details)
            parts += [self._heading("CHAIN"), self._chain(init, snapshot)]
        return Group(*parts)

    def _unplaced(self, row: GroupRow, by: Grouping) -> RenderableType:
        return Group(
            self._title(count(len(row.pids), "process")),
            Text(
                "They are in no container."
                if by == "container"
                else "This namespace of theirs could not be read: they are another user's, or protected from us. "
                "Reading it takes root and CAP_SYS_PTRACE. What else is known of each is shown on its own row."
            ),
        )


_HOLDERS = _SOCKETS = 20
_TOP = 8  # processes shown from the top of a chain that is too long to be shown whole


def _why(process: Process, snapshot: Snapshot) -> str:
    if process.ended:
        return "A zombie has given up most of its namespaces."
    if process.unreadable in ("EACCES", "EPERM"):
        return "Protected even from root." if snapshot.host.privileged else "R reads them as root."
    return "Not all of them could be read."


def _measured(usage: Measured | None) -> list[tuple[str, str | None]]:
    if usage is None:
        return []
    return [
        ("cpu", f"{100 * usage.cpu:.1f} %" if usage.cpu is not None else None),
        ("memory", f"{usage.rss / 1048576:.1f} MiB" if usage.rss else None),
        ("open files", str(usage.fds) if usage.fds is not None else None),
    ]
