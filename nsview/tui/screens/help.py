"""The help: the keys from their bindings, the chosen kind of namespace explained, and the resources of all kinds."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from nsview.model import syntax
from nsview.model.filter import FIELDS, Fields, FilterError, parse
from nsview.model.kind_help import EXPLAINED
from nsview.model.kinds import KIND, KINDS, KindName

from ..widgets.binding import Binding
from ..widgets.pane import Pane
from .keys import APP, LENS, TIME


class HelpScreen(ModalScreen[None]):
    """The help; any of its own keys closes it."""

    AUTO_FOCUS = "#help"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "Close", id="close"),
    ]

    def __init__(
        self, active: Mapping[str, Any], kind: KindName | None = None, fields: Fields = FIELDS, *, name: str = "",
        groups: bool = True, about: str = "",
    ) -> None:  # fmt: skip
        """active: the bindings in force. name: of the screen. groups: the rows stand in groups, as in the explorer.
        about: what the screen shows, in a sentence or two; "" for nothing."""
        super().__init__()
        self._active = active
        self._own = name.capitalize()
        self._kind = kind
        self._fields = fields
        self._groups = groups
        self._about = about

    def compose(self) -> ComposeResult:
        own, *keys = self._keys()
        with Pane(id="help"):
            yield Static(
                Group(
                    *([Text(self._own, "bold underline"), Text(f"{self._about}\n")] if self._about else []),
                    own,
                    *([self._explained(self._kind)] if self._kind else []),
                    *keys,
                    Text("Filters (/)", "bold underline"), self._filters(),
                    Text("\nKinds of namespace", "bold underline"), self._kinds(),
                    *([Group(Text("\nWhat is shown", "bold underline"), _WORDS)] if self._groups else []),
                )
            )  # fmt: skip

    def _keys(self) -> Iterator[RenderableType]:
        """The keys that the screen alone has, and the others in groups."""
        groups: dict[str, dict[str, list[str]]] = {name: {} for name in (self._own, *GROUPS)}
        moves: dict[str, list[str]] = {}
        for active in self._active.values():
            binding = active.binding
            name = self.app.get_key_display(binding)
            if binding.id is None or not binding.description:
                continue  # Textual's own
            if binding.id in _MOVES:
                shown = moves.setdefault(_MOVES[binding.id], [])
            else:
                own = isinstance(active.node, Screen) and binding.id not in _SHARED
                keys = groups[self._own if own else group_of(binding.id)]
                shown = keys.setdefault(binding.tooltip or binding.description, [])
            if name not in shown:
                shown.append(name)
        ends = [f"{', '.join(names)} {words}" for words, names in moves.items() if words]
        groups["Move"] = {"; ".join(("Up and down", *ends)): moves.get("", []), **groups["Move"]}
        for name, keys in groups.items():
            title = [] if self._about and name == self._own else [Text(name, "bold underline")]
            yield Group(*title, self._table(keys)) if keys else Group()

    def _table(self, keys: Mapping[str, list[str]]) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True, min_width=10)
        table.add_column()
        for description, names in keys.items():
            table.add_row(" ".join(names), description)
        table.add_row()
        return table

    def _filters(self) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        for example, text in syntax.LINES:
            if self._can_be_asked(example):
                table.add_row(example, text)
        for field in self._fields.values():
            table.add_row(Text(field.name, "not bold"), field.about)
        return table

    def _can_be_asked(self, example: str) -> bool:
        try:
            return bool(parse(example, fields=self._fields))
        except FilterError:
            return False

    def _explained(self, name: KindName) -> Group:
        """The kind that is chosen."""
        kind, explained = KIND[name], EXPLAINED[name]
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        table.add_row("isolates", explained.isolates)
        table.add_row("not apart", explained.shared)
        table.add_row("beware", explained.pitfall)
        table.add_row("by hand", Text(kind.by_hand, "bold"))
        table.add_row("more", f"{explained.manual}; {kind.flag}, since Linux {kind.since}")
        return Group(Text(f"The {name} namespace", "bold underline"), table, Text())

    def _kinds(self) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="bold")
        table.add_column()
        table.add_column(style="dim")
        for kind in KINDS:
            table.add_row(kind.name, kind.isolates, f"{kind.flag}, Linux {kind.since}")
        return table


GROUPS: dict[str, tuple[str, ...]] = {
    "Recording": ("play", "step", "change", "previous-change", "moment"),
    "Move": (
        "open", "left", "right", "fold", "unfold", "fold-all", "focus-next", "back", "forward", "group", "next-group",
        "previous-group", "close", "quit", "help",
    ),
    "Find": ("jump", "filter", "clear-filter", "next-match", "previous-match", "only", "follow", "go"),
    "Look": (),
    "Act": ("enter", "ready", "elevate"),
    "Take along": ("copy", "export"),
}  # fmt: skip
"""{group of keys: names of actions, or their beginnings up to a hyphen}, in the order of the help; those that look at
something are all others."""


def group_of(name: str) -> str:
    """The group of the keys of an action."""
    told = {name, name.partition("-")[0]}
    return next((group for group, names in GROUPS.items() if told.intersection(names)), "Look")


_SHARED = {
    *(bound.id for bound in Binding.make_bindings([*APP, *LENS, *TIME])),
    "back", "forward", "clear-filter", "elevate",
}  # fmt: skip
"""The names of the actions of more than one screen, and of those that are found by their group."""
_MOVES = {
    "up": "", "down": "", "page-up": "a page", "page-down": "a page", "first": "to the beginning", "last": "to the end"
}  # fmt: skip
"""{name of a key that moves: its words}, all told in one line."""
_WORDS = Text(
    "A group is one namespace: the processes below it share it. What is in the host's own namespace is marked as the "
    "host's. INSIDE is a process's pid as it sees itself. Containers are known by their cgroup, their shim and the "
    "runtime's files; no daemon is asked, and what was seen is shown under “known by”."
)
