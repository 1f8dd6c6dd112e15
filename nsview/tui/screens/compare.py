"""Two processes side by side, a line an aspect: the same, different, or not known."""

from collections.abc import Sequence
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.text import Text

from nsview.model.chain import ChainLink
from nsview.model.compare import (
    Capability,
    Comparison,
    Mounted,
    NamespacePair,
    Same,
    Value,
    compare,
    held,
    inode,
    mounted,
    way,
)
from nsview.model.filter import Field, Fields, of_columns
from nsview.model.kinds import KIND
from nsview.model.records import Details, Process
from nsview.model.security import Facts
from nsview.model.snapshot import Snapshot
from nsview.model.table import Cell, Column, Line
from nsview.model.text import safe

from ..context import Context
from ..text.parts import pairs, title
from .lens import Lens

_LONG = 300  # cells: as wide as there is room
_SIGNS: dict[Same, tuple[str, str]] = {True: ("=", "dim"), False: ("≠", "warning"), None: ("?", "dim")}
_WORDS = {"=": "yes", "≠": "no", "?": "unknown"}
_Aspect = NamespacePair | Value | Capability | Mounted | Comparison


class Compare(Lens):
    """The comparison of two processes."""

    NAME = "compare"
    ABOUT = "Two processes, a line an aspect: = the same, ≠ different, ? not known of one."
    BESIDE = 200  # both sides first
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("", most=1), Column("WHAT", most=30), Column("A", most=_LONG), Column("B", most=_LONG),
    )  # fmt: skip
    EMPTY = "One of the two is gone. Esc goes back to the explorer."
    FIELDS: ClassVar[Fields] = {
        **of_columns(COLUMNS, {}),
        "same": Field("same", "text", "yes, no, unknown", line=lambda line: (_WORDS[line.cells[0].text],)),
    }

    def __init__(self, context: Context, snapshot: Snapshot, a: Process, b: Process) -> None:
        super().__init__(context, snapshot)
        self.a, self.b = self.subject = a, b
        self.facts = Facts()
        self.details: Sequence[Details | None] = (None, None)
        self.found: Comparison | None = None

    def on_mount(self) -> None:
        self.run_worker(self._read(), group="facts", exclusive=True)

    async def _read(self) -> None:
        """Ask for the facts of the two, and show them."""
        self.details = [await self.session.details(process, ("cgroup",)) for process in (self.a, self.b)]
        async for facts in self.session.security([self.a.pid, self.b.pid]):
            self.facts = facts
            self.make()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "enter" and super().check_action(action, parameters)  # a line is about two

    def lines(self) -> Sequence[Line]:
        processes = self.snapshot.processes
        a, b = (processes.get(process.pid) for process in (self.a, self.b))
        if a is None or b is None or a.start != self.a.start or b.start != self.b.start:
            self.found = None
            return []
        found = self.found = compare(self.snapshot, a, b, self.facts, self.details)
        names = (f"{side} {_name(process, self.snapshot)}" for side, process in (("A", a), ("B", b)))
        self.table.columns = (*self.COLUMNS[:2], *(Column(name, most=_LONG) for name in names))
        ways = [Cell(way(own)) for own in (found.way_a, found.way_b)]
        lines = [Line("parted", (Cell("≠", "warning"), Cell("descent", "label"), *ways), found)]
        lines += [
            _line(n.kind, n, n.kind, inode(n.a, n.host_a), inode(n.b, n.host_b), n.same) for n in found.namespaces
        ]
        lines += [_line(v.name, v, v.name, v.a or "?", v.b or "?", v.same) for v in found.values]
        lines += [
            _line(c.set, c, f"{c.set} caps", held(c.only_a, c), held(c.only_b, c), c.same) for c in found.capabilities
        ]
        lines += [_line(m.point, m, f"mount {m.point}", mounted(m.a), mounted(m.b), m.same) for m in found.mounts or ()]
        return lines

    @property
    def fields(self) -> Fields:
        return self.FIELDS

    def heading(self) -> str:
        found = self.found
        if found is None:
            return "gone"
        different = [n.kind for n in found.namespaces if n.same is False]
        parted = f"parted at {found.parted.pid} {found.parted.comm}" if found.parted else "nothing above both"
        apart = f"differ in {', '.join(different)}" if different else "share all namespaces that are known"
        return safe(f"{apart}   {parted}")

    def about(self, line: Line) -> RenderableType:
        found, subject = self.found, line.subject
        if found is None:
            return Text()
        match subject:
            case Comparison():
                return _ways(found)
            case NamespacePair():
                return _of_namespaces(subject)
            case Capability():
                both = ("in both", " ".join(subject.both) or "none")
                return _told(
                    f"{subject.set} capabilities", ("only A", " ".join(subject.only_a) or "none"),
                    ("only B", " ".join(subject.only_b) or "none"), both,
                )  # fmt: skip
            case Mounted():
                alike = f"{found.mounts_alike} other mounts are the same for both."
                return Group(_of_mounts(subject), Text("\n" + alike, "dim"))
            case Value():
                return _told(subject.name, ("A", subject.a or "not known"), ("B", subject.b or "not known"))
        return Text()

    def open(self, line: Line) -> None:
        match line.subject:
            case NamespacePair(kind=kind, a=int(number)):
                self.go_to((kind, number))
            case _:
                self.go_to(self.a.pid)


def _line(key: object, subject: _Aspect, what: str, a: str, b: str, same: Same) -> Line:
    sign, style = _SIGNS[same]
    quiet = "dim" if same else ""
    cells = Cell(sign, style), Cell(what, "label"), Cell(a, quiet), Cell(b, quiet)
    return Line((type(subject).__name__, key), cells, subject)


def _name(process: Process, snapshot: Snapshot) -> str:
    container = snapshot.container_of(process)
    return f"{process.pid} {process.comm}" + (f" ({container.name})" if container else "")


def _told(name: str, *facts: tuple[str, str]) -> RenderableType:
    return Group(title(name), pairs(*facts))


def _of_namespaces(found: NamespacePair) -> RenderableType:
    def told(number: int | None, owner: int | None, host: bool) -> str:
        if number is None:
            return "not known"
        words = [f"{found.kind}:[{number}]", *(["the host's"] if host else [])]
        return ", ".join([*words, f"owned by user:[{owner}]"] if owner else words)

    words = {True: "They share it.", False: "Each has another.", None: "One could not be read."}
    return Group(
        _told(
            f"{found.kind}: {KIND[found.kind].isolates}", ("A", told(found.a, found.owner_a, found.host_a)),
            ("B", told(found.b, found.owner_b, found.host_b)),
        ),
        Text("\n" + words[found.same]),
    )  # fmt: skip


def _of_mounts(found: Mounted) -> RenderableType:
    facts = []
    for name, mount in (("A", found.a), ("B", found.b)):
        if mount is None:
            facts.append((name, "not mounted"))
            continue
        facts += [
            (name, mount.fstype),
            ("", f"source {mount.source}"),
            ("", f"root {mount.root}"),
            *([("", f"on the host {mount.host}")] if mount.host else []),
            ("", f"options {','.join(mount.options)}"),
        ]
    return _told(found.point, *facts)


def _ways(found: Comparison) -> RenderableType:
    """Both chains, their common part first."""
    text = Text()
    if not found.common:
        text.append("Nothing is above both of them.\n")
    for depth, link in enumerate(found.common):
        text.append(f"{_branch(link, depth)}{link.process.pid} {safe(link.process.comm)}\n")
    for name, own in (("A", found.way_a), ("B", found.way_b)):
        text.append(f"\n{name}\n", "bold")
        if not own:
            text.append("is the one above\n")
        for depth, link in enumerate(own):
            text.append(f"{_branch(link, depth)}{link.process.pid} {safe(link.process.comm)}\n")
    return Group(Text("Where their ways parted", "bold"), text)


def _branch(link: ChainLink, depth: int) -> str:
    return "" if not depth else "  " * (depth - 1) + ("└╌ " if link.link == "serves" else "└─ ")
