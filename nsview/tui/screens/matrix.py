"""The matrix: the namespaces of containers or processes, equal cells looking equal, the host's own standing out."""

from collections.abc import Sequence
from typing import ClassVar

from rich.console import RenderableType
from rich.style import Style
from rich.text import Text
from textual.binding import BindingType

from nsview.model import matrix
from nsview.model.counts import nprocs_of, processes
from nsview.model.kinds import KIND, KIND_NAMES, KindName
from nsview.model.matrix import Entry
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot
from nsview.model.table import Column, Line, Thing
from nsview.model.text import count, safe
from nsview.model.view import GROUPINGS, Grouping

from ..context import Context
from ..widgets.binding import Binding
from .lens import Lens

_NOUNS = {"container": "container", "tree": "process"}
WHOLE = 120  # the width of a screen on which the signs are explained in full
_NAMED = 12  # sharers that are named
_TOLD = 8  # namespaces of one kind that are listed: the members of the host's net may be in a thousand others


class Matrix(Lens):
    """Containers, processes or namespaces, and their namespaces of all kinds."""

    NAME = "matrix"
    ABOUT = (
        "A line a container, a column a kind of namespace. Cells with the same letter are the same namespace; "
        "the signs are explained above the table."
    )
    COLUMNS: ClassVar[Sequence[Column]] = matrix.COLUMNS
    EMPTY = "There is no container here. 0 shows processes, 1 to 8 the namespaces of a kind."
    BY_CELL = True
    BESIDE = 140  # all eight kinds come first
    BINDINGS: ClassVar[list[BindingType]] = [
        *[
            Binding(str(number), f"group('{by}')", "Lines", show=number == 0, key_display="0-9",
                    tooltip="A line for each: 0 process, 1-8 namespace of a kind, 9 container")
            for number, by in enumerate(GROUPINGS)
        ],
    ]  # fmt: skip

    def __init__(self, context: Context, snapshot: Snapshot, origin: Process | None = None) -> None:
        super().__init__(context, snapshot, origin)
        self.by: Grouping = "container" if snapshot.containers else "tree"

    def action_group(self, by: Grouping) -> None:
        self.by = by
        self.make()

    def lines(self) -> Sequence[Line]:
        return matrix.lines(self.snapshot, self.by)

    def heading(self) -> str:
        lines, noun = self.table.lines, _NOUNS.get(self.by, f"{self.by} namespace")
        legend = matrix.legend(lines, self.snapshot, brief=self.size.width < WHOLE)
        return f"{legend}    {count(len(lines), noun)}, {matrix.summary(lines, self.snapshot)}"

    def on_resize(self) -> None:
        if self._made:
            self._head(self.heading())

    @property
    def kind(self) -> KindName | None:
        """The kind of the column that the cursor is in, None in the column of names."""
        place = self.table.column - 1
        return KIND_NAMES[place] if 0 <= place < len(KIND_NAMES) else None

    def about(self, line: Line) -> RenderableType:
        entry = line.subject
        assert isinstance(entry, Entry)
        text = Text(no_wrap=False)
        text.append(safe(entry.name), self._style("group"))
        text.append(f"\n{safe(entry.what)}\n", self._style("dim"))
        for kind in KIND_NAMES if self.kind is None else (self.kind,):
            self._tell_kind(text, entry, kind)
        if self.kind is not None:
            text.append(f"\n{KIND[self.kind].isolates}\n", self._style("dim"))
            text.append("Enter goes there, ? explains the kind", self._style("dim"))
        else:
            text.append("\nEnter goes there; → chooses a kind", self._style("dim"))
        return text

    def _style(self, name: str) -> Style:
        return self.table.style_of(name)

    def _tell_kind(self, text: Text, entry: Entry, kind: KindName) -> None:
        inodes = entry.namespaces[KIND_NAMES.index(kind)]
        for inode in inodes[:_TOLD]:
            if inode is None:
                text.append(f"\n{kind}: could not be read", self._style("warning"))
                continue
            initial = self.snapshot.is_initial(kind, inode)
            text.append(f"\n{kind}:[{inode}]", self._style("host" if initial else "label"))
            if initial:
                text.append("  the host's own", self._style("host"))
            others = [name for name in matrix.sharers(self._made, kind, inode) if name != entry.name]
            if self.kind is None:
                text.append(f"  with {len(others)} more" if others else "", self._style("dim"))
                continue
            text.append(f"\n{processes(*nprocs_of(kind, inode, self.snapshot))} in it", self._style("dim"))
            if others:
                text.append("\nshared with\n", self._style("label"))
                text.append("\n".join("  " + safe(name) for name in others[:_NAMED]), self._style("container"))
                if len(others) > _NAMED:
                    text.append(f"\n  and {len(others) - _NAMED} more", self._style("dim"))
            text.append("\n")
        if len(inodes) > _TOLD:
            text.append(f"\n{kind}: and {len(inodes) - _TOLD} more", self._style("dim"))

    def open(self, line: Line) -> None:
        if thing := self.behind(line):
            self.go_to(thing)

    def behind(self, line: Line) -> Thing | None:
        """The namespace of the cell, else the thing of the line: in the column of names, or if none is known. None if
        the line has no thing."""
        entry = line.subject
        assert isinstance(entry, Entry)
        inodes = entry.namespaces[self.table.column - 1] if self.kind is not None else ()
        return (self.kind, inodes[0]) if self.kind is not None and inodes and inodes[0] is not None else entry.thing
