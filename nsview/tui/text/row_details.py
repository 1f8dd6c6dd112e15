"""The details of a row of the explorer: its facts, the namespaces, the chain of processes, the holders."""

from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

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
from nsview.model.text import count, cut, safe
from nsview.model.usage import Measured
from nsview.model.view import Grouping, GroupRow, ProcessRow, Row

from .contents import TOLD, ContentsText, told
from .links import PIDS, linked, to
from .parts import heading, pairs, text_of, title
from .pieces import Pieces


class RowDetails:
    """Everything that is known of a row, as text in the styles that are given."""

    def __init__(
        self, style: Callable[[str], Style], snapshot: Snapshot, by: Grouping, details: Details | None,
        usage: Measured | None, nets: Nets | None, elsewhere: Elsewhere | None, end: Sequence[Fact] | None,
    ) -> None:  # fmt: skip
        """details, usage: of the row's process, None until they have arrived. nets: as last read. elsewhere: the host,
        None for this machine. end: the facts of the last end of the row's container, if nothing runs in that and its
        engine tells."""
        self._style, self._snapshot, self._by, self._details = style, snapshot, by, details
        self._usage, self._nets, self._elsewhere, self._end = usage, nets, elsewhere, end
        self._contents = details.contents if details else None

    def of(self, row: Row | None) -> RenderableType:
        """The details of a row of the snapshot, or of none."""
        match row:
            case ProcessRow():
                text = self._process(row.process)
            case GroupRow(container=Container()):
                text = self._container_group(row)
            case GroupRow(namespace=Namespace()):
                text = self._namespace(row)
            case GroupRow():
                text = self._unplaced(row)
            case _:
                return Text()
        if self._snapshot.partial:
            note = "Not everything is read yet: the facts about others are so far."
            return Group(Text(note, self._style("warning")), text)
        return text

    def _title(self, text: str) -> Text:
        return title(text, self._style("title"))

    def _heading(self, text: str) -> Text:
        return heading(text, self._style("label"))

    def _pairs(self, *facts: Fact | tuple[str, Text | None]) -> Table:
        return pairs(*((label, _leading(label, value)) for label, value in facts), label=self._style("label"))

    def _lines(self, lines: Sequence[Pieces]) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        for number, line in enumerate(lines):
            if number:
                text.append("\n")
            for piece, style in line:
                text.append(piece, self._style(style) if style else "")
        return text

    def _first(self, told: ContentsText | None) -> list[RenderableType]:
        """The content of the namespace whose kind rows are grouped by."""
        return [self._heading(told.heading), self._lines(told.first)] if told else []

    def _rest(self, told: ContentsText | None) -> list[RenderableType]:
        return [self._heading(told.rest_heading), self._lines(told.rest)] if told and told.rest else []

    def _inside(self, process: Process) -> list[RenderableType]:
        """The content of all namespaces of a process, in a few words each."""
        contents = self._contents
        if contents is None:
            return []
        briefs = [(kind, found.brief) for kind in TOLD if (found := told(kind, process, contents, self._snapshot))]
        return [self._heading("INSIDE"), self._pairs(*briefs)]

    def _process(self, process: Process) -> RenderableType:
        by = self._by
        kind = told(by, process, self._contents, self._snapshot) if by != "tree" and by != "container" else None
        (_, pid), *others = facts.process(process)
        pids = Text(str(pid))
        pids.highlight_words([" here, ", " inside"], self._style("dim"))
        parts: list[RenderableType] = [
            self._title(process.comm),
            *self._first(kind),
            *([Text()] if kind else []),
            self._pairs(("pid", pids), *others, *_measured(self._usage)),
        ]
        container = self._snapshot.container_of(process)
        parts += [self._heading("NAMESPACES"), self._sharing(process)]
        if process.unreadable:
            parts.append(Text(_why(process, self._snapshot), self._style("warning")))
        parts += [self._heading("CHAIN"), self._chain(process)]
        if container:
            parts += [self._heading("CONTAINER"), self._container(container)]
        if by in ("tree", "container"):
            parts += self._inside(process)
        details = self._details
        if details and details.sockets and details.sockets.sockets:
            parts += [self._heading("SOCKETS"), self._sockets(details.sockets)]
        parts += [self._heading("MORE"), self._pairs(*facts.more(process, container, details)), *self._rest(kind)]
        return Group(*parts)

    def _sockets(self, sockets: Sockets) -> RenderableType:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style=self._style("label"))
        table.add_column(no_wrap=True)
        table.add_column(overflow="ellipsis", no_wrap=True)
        for socket in sockets.sockets[:_SOCKETS]:
            state = Text(socket.state if socket.state != "established" else "", self._style("dim"))
            if socket.peer and socket.peer_port:
                state = Text.assemble(f"→ {endpoint(socket.peer, socket.peer_port)} ", state)
            table.add_row(socket.protocol, endpoint(socket.address, socket.port), state)
        more = len(sockets.sockets[_SOCKETS:]) + sockets.left_out
        return Group(table, Text(f"and {more} more", self._style("dim"))) if more else table

    def _container(self, container: Container) -> Table:
        (_, name), (_, id), *others, (known_by, _) = facts.container(container)
        evidence = container.witness.split("; ")
        witness = Text(cut(safe(min(evidence, key=len)), 25))
        if more := len(evidence) - 1:
            witness.append(f" and {more} more (nsview inspect)", self._style("dim"))
        return self._pairs(
            ("name", Text(safe(str(name)), self._style("container"))), ("id", cut(str(id), 25)), *others,
            (known_by, witness),
        )  # fmt: skip

    def _sharing(self, process: Process) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style=self._style("label"), no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column()  # folded where it is too long: were no column, all would be cut
        for shared in sharing(self._snapshot, process):
            style = self._style("host") if shared.initial and shared.kind not in USUALLY_SHARED else ""
            inode = Text(str(shared.inode or "?"), style)
            if shared.inode:
                inode.stylize(to((shared.kind, shared.inode)))
            table.add_row(
                shared.kind,
                inode,
                Text(counts.number(shared.nprocs, shared.sure) if shared.nprocs else "", self._style("dim")),
                Text(safe(facts.who_else(shared, process)), style),
            )
        return table

    def _chain(self, process: Process) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        links = chain(self._snapshot, process.pid)
        for depth, link in enumerate(links):
            if _TOP <= depth < len(links) - LEVELS:
                if depth == _TOP:
                    text.append(f"\n{DEEPER}{len(links) - LEVELS - depth:,} more", self._style("dim"))
                continue
            if depth:
                text.append(
                    "\n" + indent(depth - 1, "  ") + ("└╌" if link.link == "serves" else "└─"), self._style("dim")
                )
            there = to(link.process.pid)
            text.append(f"{link.process.pid} ", self._style("dim") + there)
            text.append(safe(link.process.comm), self._style("title") + there if link.process is process else there)
            container = self._snapshot.container_of(link.process)
            if container and (not link.process.inner_pid or link.process.inner_pid == 1):
                text.append(f" {safe(container.name)}", self._style("container"))
            if link.link == "serves":
                text.append(f"  serves it; parent {link.process.ppid}", self._style("dim"))
        return text

    def _namespace(self, row: GroupRow) -> RenderableType:
        namespace = row.namespace
        assert namespace is not None
        oldest = self._snapshot.processes.get(row.oldest) if row.oldest is not None else None
        asked = self._snapshot.processes.get(self._details.pid) if self._details else oldest
        found = told(namespace.type, asked, self._contents, self._snapshot) if asked else None
        isolates, *others = facts.namespace(namespace, self._snapshot)
        host = Text("the host's own", self._style("host")) if namespace.initial else None
        parts: list[RenderableType] = [
            self._title(namespace.label),
            *self._first(found),
            *([Text()] if found else []),
            self._pairs(isolates, ("", host), *others),
        ]
        if namespace.type == "net":
            parts += [self._heading("FROM WITHIN"), self._net(namespace.inode)]
        if row.containers:
            parts += [self._heading("CONTAINERS"), self._containers(row)]
        parts += [self._heading("HELD BY"), self._holders(namespace, row)]
        parts += [
            self._heading("BY HAND"),
            Text(safe(facts.by_hand(namespace, oldest, self._snapshot, self._elsewhere)), self._style("dim")),
            *self._rest(found),
        ]
        return Group(*parts)

    def _net(self, inode: int) -> RenderableType:
        """The summary of a net namespace by the net map, if that was open."""
        known = None
        if self._nets is not None:
            from nsview.model.netmap import summary

            known = summary(self._nets, inode, self._snapshot)
        if known is None:
            return Text("w reads interfaces, addresses, and who listens", self._style("dim"))
        return self._pairs(*known) if known else Text("nothing but a loopback", self._style("dim"))

    def _holders(self, namespace: Namespace, row: GroupRow) -> Text:
        least, sure = counts.nprocs(namespace, self._snapshot)
        lines = [Text(("" if sure else "≥ ") + count(least, "member process"))] if least else []
        lines += [
            linked(Text(safe(words(one, self._snapshot))), rf"\b{one.pid}\b") for one in namespace.held_by[:_HOLDERS]
        ]
        if len(namespace.held_by) > _HOLDERS:
            lines.append(Text(f"and {len(namespace.held_by) - _HOLDERS} more"))
        if self._snapshot.search is None:
            lines.append(Text("not yet looked for: threads, open files, sockets, mounts elsewhere"))
        elif self._snapshot.search.unreadable:
            lines.append(
                Text(f"{count(sum(self._snapshot.search.unreadable.values()), 'process')} could not be searched")
            )
        return Text("\n").join(lines)

    def _containers(self, row: GroupRow) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        for container in row.containers:
            table.add_row(
                Text(safe(container.name), self._style("container") + to(container.key)),
                Text(safe(container.runtime)),
                Text(safe(container.image or ""), self._style("dim")),
            )
        return table

    def _container_group(self, row: GroupRow) -> RenderableType:
        container = row.container
        assert container is not None
        about = self._container(container) if self._end is None else self._pairs(*self._end)
        parts: list[RenderableType] = [self._title(container.name), about]
        init = self._snapshot.processes.get(container.init_pid) if container.init_pid else None
        if init:
            parts += [self._heading("NAMESPACES"), self._sharing(init)]
            parts += self._inside(init)
            parts += [self._heading("CHAIN"), self._chain(init)]
        return Group(*parts)

    def _unplaced(self, row: GroupRow) -> RenderableType:
        return Group(
            self._title(count(len(row.pids), "process")),
            Text(
                "They are in no container."
                if self._by == "container"
                else "This namespace of theirs could not be read: they are another user's, or protected from us. "
                "Reading it takes root and CAP_SYS_PTRACE. What else is known of each is shown on its own row."
            ),
        )


_HOLDERS = _SOCKETS = 20
_TOP = 8  # processes shown from the top of a chain that is too long to be shown whole


def _leading(label: str, value: str | Sequence[str] | Text | None) -> Text | None:
    """The value of a fact, of which the namespaces and pids lead to their rows. None if there is no value."""
    if isinstance(value, Text):
        return value
    return linked(text_of(value), PIDS.get(label)) if value else None


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
