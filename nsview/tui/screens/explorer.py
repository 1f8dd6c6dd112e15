"""The main screen: the rows of the host, grouped and filtered, and the details of the chosen one."""

import asyncio
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import ClassVar

import msgspec
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Static

from nsview.hosts.usage import Meter, Usage
from nsview.join.plan import Plan
from nsview.join.ready import Ready
from nsview.model import clipboard, export, target
from nsview.model.changes import Changes, changes
from nsview.model.clipboard import Copy
from nsview.model.columns import Extra
from nsview.model.filter import Filter, Texts, narrow, parse
from nsview.model.kinds import KindName
from nsview.model.leads import reveal
from nsview.model.net import Nets
from nsview.model.records import Container, Details, Namespace, Process
from nsview.model.rows import (
    GROUPINGS,
    Grouping,
    GroupOrder,
    GroupRow,
    ProcessOrder,
    ProcessRow,
    Row,
    RowKey,
    Rows,
    View,
    group_key,
    is_folded,
    process_key,
)
from nsview.model.snapshot import Snapshot
from nsview.model.table import Thing
from nsview.model.text import safe

from .. import first_view, gc_pace
from ..context import Context
from ..marks import Marks
from ..messages import EnterWanted, FoldWanted, GroupingWanted, LeadsWanted, PlaceWanted, RowChosen
from ..text import row_text
from ..text.contents import wanted
from ..trail import Place, Trail
from ..widgets.binding import Binding
from ..widgets.details import DetailsPane
from ..widgets.filter_line import FilterInput
from ..widgets.footer import Keys
from ..widgets.kind_bar import KindBar
from ..widgets.row_list import Listing
from ..widgets.status import Status
from .browser import Browser

MOMENT = 1.5  # seconds for which births, deaths and moves are marked
SOON = 0.02  # seconds from a key to the details of its row: the row itself comes first
FILTER_HINT = "all words must match: container, image, command, user, pid ..; or container=web not host=net"
SLICE = 2000  # processes whose texts are made between two looks at the keyboard: about a millisecond
AGAIN = 1.0  # seconds between two looks at the details of one row while the host changes


class Explorer(Browser):
    """The snapshots of a host, as a list with details."""

    NOUN = "row"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "enter", "Shell", tooltip="Join the row's namespaces and open a shell there"),
        Binding("x", "ready", "Run", tooltip="Run a ready command in there: ip addr, ss, tcpdump, ps, env, mount"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show only matching rows (its words are below)"),
        *[
            Binding(
                str(number),
                f"group('{by}')",
                "Group by",
                show=False,  # the bar of groupings shows them
                key_display="0-9",
                tooltip="Group by: 0 tree, 1-8 the kind of namespace, 9 container; the selection stays",
            )
            for number, by in enumerate(GROUPINGS)
        ],
        Binding("right_square_bracket", "next_group", "Group by the next kind", show=False, key_display="]"),
        Binding(
            "left_square_bracket",
            "next_group(-1)",
            "Group by the previous kind",
            show=False,
            key_display="[",
            id="previous-group",
        ),
        Binding("tab", "app.focus_next", "Switch between the rows and their details", show=False),
        Binding("space", "pause", "Pause", show=False, tooltip="Keep the rows still, and mark the changes"),
        Binding("m", "app.lens('matrix')", "Matrix", tooltip="Namespaces of containers: a line each, a column a kind"),
        Binding("w", "app.lens('net')", "Net map", tooltip="Interfaces, addresses, bridges and listeners"),
        Binding("a", "app.lens('audit')", "Audit", tooltip="Findings about containers, with evidence"),
        Binding("v", "mark", "Mark", show=False, tooltip="Mark the row, to compare it with another; again: unmark it"),
        Binding("c", "compare", "Compare", show=False, tooltip="Compare the two marked rows, or the one with this"),
        Binding("s", "sort", "Sort", show=False, tooltip="The order of groups and processes, and more columns"),
        Binding("t", "nest", "Nest", tooltip="Namespaces below their parent or owner, or side by side"),
        Binding("d", "toggle_details", "Details", tooltip="Show or hide the details"),
        Binding("f", "fold_all", "Fold", show=False, tooltip="Fold all groups, or unfold them"),
        Binding("H", "holders", "Search the holders of namespaces: threads, files, sockets, mounts", show=False),
        Binding("r", "rescan", "Look again now", show=False),
        Binding("R", "app.elevate", "As root", tooltip="Become root through sudo, and read everything"),
        Binding("escape", "clear_filter", "Clear the filter", show=False),
        Binding("o", "follow", "Go to", tooltip="Go to a number of this row: parent, shim, namespaces .."),
        Binding("colon", "app.jump", "Jump", show=False, key_display=":", tooltip="Go to a pid, inode or name"),
        Binding("n", "next_match", "Next row that matches the filter, or the last one if it is cleared", show=False),
        Binding("N", "next_match(-1)", "Previous such row", show=False, id="previous-match"),
        Binding("backspace,alt+left", "back", "Back to the grouping, filter and row before", show=False),
        Binding("alt+right", "forward", "Forward again", show=False),
        Binding("question_mark", "app.help", "Help", key_display="?"),
        Binding("q", "app.quit", "Quit"),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.view = View()
        self.snapshot: Snapshot | None = None  # shown, in ..
        self._rows: Rows | None = None  # .. these rows
        self.paused = False
        self._latest: Snapshot | None = None  # the latest, also while paused
        self._begun: list[RowKey] = []  # the row that the cursor began on
        self._recent: dict[RowKey, tuple[row_text.Mark, float, Process]] = {}  # {row: (mark, its end, the process)}
        self._marked = Marks[RowKey]()
        self._fading: Timer | None = None
        self._stale = self._refreshing = False
        self.details: Details | None = None
        self._details_of: RowKey | None = None  # the row whose representative they are about
        self._usage: Usage | None = None
        self._meter = Meter()
        self._telling: Timer | None = None
        self._told = self._tell_at = 0.0  # the time when details were shown last, and of the next time
        self._asking: Timer | None = None
        self._trail = Trail()
        self._before_filter: Place | None = None  # the place when the filter line was opened
        self._sought = Filter()  # the last one that was not empty
        self._texts = Texts()

    def compose(self) -> ComposeResult:
        yield Status()
        yield KindBar()
        yield Static(id="notes")
        with Horizontal(id="body"):
            yield Listing()
            yield DetailsPane()
        yield Keys()

    def on_mount(self) -> None:
        last = self.context.memory.state
        self.view = first_view.usual(last)
        self.listing.extras = last.columns
        self._tell_order()
        self.query_one(KindBar).by = self.view.by
        self.set_class(not last.details, "no-details")
        self.listing.focus()
        self.follow_session()
        self.session.begin()
        self.receive()

    def on_resize(self) -> None:
        self.set_class(self.size.width < first_view.NARROW, "narrow")

    @property
    def kind(self) -> KindName | None:
        """The kind of the namespace that is chosen."""
        row = self.listing.row
        return row.namespace.type if isinstance(row, GroupRow) and row.namespace else None

    @property
    def listing(self) -> Listing:
        return self.query_one(Listing)

    # Arriving snapshots

    def show_progress(self, done: int, total: int) -> None:
        self.query_one(Status).progress = f"reading {done:,} of {total:,} processes …"

    def show_snapshot(self, snapshot: Snapshot, happened: Changes | None) -> None:
        """Show a newer snapshot; the cursor stays on its process."""
        if self.snapshot is None:
            view = first_view.of_snapshot(snapshot, self.view, self.context.memory.state)
            if view is not None:
                self._latest = snapshot
                self._begin(snapshot, view)
            return
        self._latest = snapshot
        if self.snapshot.partial:
            self._show_latest()  # parts are few and wanted soon: they do not wait, not even while paused
            return
        if happened and not self.paused:
            self._remember(happened)
        self._refresh()

    def _begin(self, snapshot: Snapshot, view: View) -> None:
        """The first snapshot."""
        self.snapshot = self.query_one(Status).snapshot = snapshot
        self.view = view
        self.query_one(KindBar).by = view.by
        self._show_host(snapshot)
        self._rows = rows = Rows(snapshot, view)
        self._begun = first_view.chosen(rows)
        self.listing.show(rows, self._begun)

    def _show_host(self, snapshot: Snapshot) -> None:
        """Show what keeps the agent from reading all of the host, and offer to become root."""
        notes = self.query_one("#notes", Static)
        notes.update(Text("\n".join(map(safe, snapshot.host.notes))))
        notes.set_class(bool(snapshot.host.notes), "some")
        self.refresh_bindings()

    def _remember(self, happened: Changes) -> None:
        """Mark the rows of the processes that have just come, gone or moved, for a moment."""
        until = monotonic() + MOMENT
        for process in happened.new:
            self._recent[process_key(process)] = "new", until, process
        for process in happened.gone:
            self._recent[process_key(process)] = "gone", until, process
        for _, process in happened.moved:
            self._recent[process_key(process)] = "moved", until, process

    def _refresh(self) -> None:
        """Show the latest snapshot soon: snapshots that arrive meanwhile are one refresh, not several."""
        self._stale = True
        if not self._refreshing:
            self._refreshing = True
            self.run_worker(self._keep_fresh(), group="refresh")

    async def _keep_fresh(self) -> None:
        try:
            while self._stale and self.children:  # there are none any more once the explorer is ending
                self._stale = False
                began = monotonic()
                if self.paused:
                    self._tell_changes()
                else:
                    self._show_latest()
                # A costly refresh is done less often, so that most of the time is left for keys.
                await asyncio.sleep(max(0.03, 4 * (monotonic() - began)))
        finally:
            self._refreshing = False

    def _show_latest(self) -> None:
        """Show the latest snapshot, with the processes that are just gone still in their places."""
        latest, rows = self._latest, self._rows
        assert latest is not None
        assert rows is not None
        now = monotonic()
        self._recent = {key: mark for key, mark in self._recent.items() if mark[1] > now}
        before, self.snapshot = self.snapshot, latest
        self.query_one(Status).snapshot = latest
        if before is None or before.host != latest.host:
            self._show_host(latest)  # another agent's, as root
        was_part = before is not None and before.partial
        row = self.listing.row
        if self.has_class("filtering"):
            self._texts.follow(latest)  # the next letter has less to catch up with
        rows.update(latest, [process for mark, _, process in self._recent.values() if mark == "gone"])
        select = None
        if was_part and row is not None and [row.key] == self._begun:
            # The user did not choose it, and it may be far down now: the cursor starts again at the top.
            select = self._begun = first_view.chosen(rows)
        self.listing.show(rows, select, self._marks({key: mark for key, (mark, _, _) in self._recent.items()}))
        self._tell_soon(SOON if was_part else max(SOON, self._told + AGAIN - now))
        row = self.listing.row
        if isinstance(row, ProcessRow) and self._asking is None and self.session.live:
            self._asking = self.set_timer(3 * AGAIN, partial(self._ask, row))  # its use of the host changes
        if self._fading:
            self._fading.stop()
        if self._recent:
            over = min(until for _, until, _ in self._recent.values())
            self._fading = self.set_timer(max(0.01, over - monotonic()), self._refresh)

    def _tell_changes(self) -> None:
        """Show, while paused, how many processes have come, gone and moved, and mark their rows."""
        if self.snapshot is None or self._latest is None:
            return
        since = changes(self.snapshot, self._latest)
        self.query_one(Status).since = since
        marks: dict[RowKey, row_text.Mark] = {process_key(process): "gone" for process in since.gone}
        marks.update((process_key(process), "moved") for _, process in since.moved)
        self.listing.mark(self._marks(marks))

    def _marks(self, happened: dict[RowKey, row_text.Mark]) -> dict[RowKey, row_text.Mark]:
        """The marks of these events, and of the rows that the user has marked."""
        return {**dict.fromkeys(self._marked.of, "marked"), **happened}

    def action_pause(self) -> None:
        self.paused = not self.paused
        if self.paused:
            self._recent.clear()
            self._tell_changes()
        else:
            self.query_one(Status).since = None
            if self.snapshot is not None and self._latest is not None:
                self._remember(changes(self.snapshot, self._latest))
            self._refresh()

    # The view and the details

    def _show(self, select: list[RowKey] | None = None) -> None:
        if self._rows is not None:
            self._rows.look(self.view)
            self.listing.show(self._rows, select)
            self._tell_soon(SOON)  # the same row may tell other things

    def _look(self, select: list[RowKey] | None = None, **changed: object) -> None:
        """Show the same snapshot in a changed view."""
        self.view = msgspec.structs.replace(self.view, **changed)
        self.query_one(KindBar).by = self.view.by
        self._show(select)

    def _tell_soon(self, seconds: float) -> None:
        """Show the details in so many seconds, or as soon as they are due anyway."""
        due = monotonic() + seconds
        if self._telling is not None:
            if self._tell_at <= due:
                return
            self._telling.stop()
        self._tell_at = due
        self._telling = self.set_timer(seconds, self._show_details)

    def _show_details(self) -> None:
        self._telling, self._told = None, monotonic()
        row = self.listing.row
        details = self.details
        if row is None or row.key != self._details_of:
            details = None
        rows = self._rows
        if rows is None:
            return
        gone = isinstance(row, ProcessRow) and row.process.pid not in rows.snapshot.processes
        snapshot = rows.with_ghosts() if gone else rows.snapshot
        usage = self._usage if details else None
        self.query_one(DetailsPane).show(row, snapshot, self.view.by, details, usage, self.session.nets)
        gc_pace.rest()

    def on_row_chosen(self, message: RowChosen) -> None:
        self._tell_soon(SOON)
        if self._asking:
            self._asking.stop()
            self._asking = None
        row = message.row
        if isinstance(row, GroupRow) and row.namespace and self.snapshot and not self.snapshot.search:
            self.session.search_holders(slowly=True)
        if isinstance(row, ProcessRow) or (isinstance(row, GroupRow) and wanted(self.view.by)):
            # Not at each step of a key held down: a request costs the host something.
            self._asking = self.set_timer(0.15, partial(self._ask, row))

    def _ask(self, row: ProcessRow | GroupRow) -> None:
        self._asking = None
        self.run_worker(self._fetch(row), group="details", exclusive=True)

    async def _fetch(self, row: ProcessRow | GroupRow) -> None:
        """Ask for the details of a row, and show them if it is still the one they are for."""
        process = self._representative(row)
        if process is None:
            return
        sockets = isinstance(row, ProcessRow)
        self._usage = self._meter.measure(process) if self.session.live and sockets else None
        if row.key != self._details_of:
            self.details, self._details_of = None, row.key
        self.details = await self.session.details(process, wanted(self.view.by), sockets=sockets)
        self._tell_soon(SOON)

    # Keys: the view

    def action_group(self, by: Grouping) -> None:
        snapshot = self.snapshot
        if snapshot is None or by == self.view.by:
            return
        self.context.memory.remember(grouping=by)
        select, toggled = self._same_under(by, snapshot)
        self.leave()
        self._look(select, by=by, toggled=toggled)

    def on_grouping_wanted(self, message: GroupingWanted) -> None:
        self.action_group(message.by)

    def _same_under(self, by: Grouping, snapshot: Snapshot) -> tuple[list[RowKey], frozenset[RowKey]]:
        """(the keys of the chosen row under another grouping, best first, the folds with which it is visible)."""
        row = self.listing.row
        process = self._representative(row)
        if process is None:
            return [], self.view.toggled
        group = group_key(snapshot, by, process)
        keys: list[RowKey] = [process_key(process)]
        if group is None:
            return keys, self.view.toggled
        keys.append(group)
        if isinstance(row, GroupRow):
            return keys[::-1], self.view.toggled
        folded = is_folded(snapshot, msgspec.structs.replace(self.view, by=by), group)
        return keys, self.view.toggled ^ {group} if folded else self.view.toggled

    @property
    def process(self) -> Process | None:
        """The process that the chosen row is about."""
        return self._representative(self.listing.row)

    def _representative(self, row: Row | None) -> Process | None:
        """The process that a row is about: of a group, its container's first process, else its oldest member."""
        if isinstance(row, ProcessRow):
            return row.process
        if isinstance(row, GroupRow) and self.snapshot is not None and row.pids:
            if row.container:
                return target.of_container(self.snapshot, row.container).process
            if row.namespace:
                return target.of_namespace(self.snapshot, row.namespace.key).process
            return self.snapshot.processes.get(row.pids[0])
        return None

    def action_next_group(self, by: int = 1) -> None:
        place = GROUPINGS.index(self.view.by)
        self.action_group(GROUPINGS[(place + by) % len(GROUPINGS)])

    def on_fold_wanted(self, message: FoldWanted) -> None:
        self._look(toggled=self.view.toggled ^ {message.row.key})

    def action_fold_all(self) -> None:
        """Fold every group; if all are folded, unfold every one."""
        groups = [row for row in self._rows.groups() if row.folded is not None] if self._rows else []
        foldable = [row for row in groups if not row.folded] or groups
        row = self.listing.row
        group = row.group if isinstance(row, ProcessRow) else None
        self._look([group] if group else None, toggled=self.view.toggled ^ {row.key for row in foldable})

    def action_nest(self) -> None:
        """Nest namespaces below their parent or owner, or show them side by side."""
        if self.view.by in ("tree", "container"):
            self.notify("Only namespaces nest; choose a kind first, with 1 to 8.")
        else:
            self._look(nest=not self.view.nest)

    def action_sort(self) -> None:
        """Ask for the order of the rows, and for more columns."""
        from .sort_menu import ask

        ask(self.app, self.view, self.listing.extras, self.sort, self.toggle_column)

    def sort(self, groups: GroupOrder, processes: ProcessOrder) -> None:
        """Show groups or processes in another order."""
        self.context.memory.remember(groups=groups, processes=processes)
        self._look(groups=groups, processes=processes)
        self._tell_order()

    def _tell_order(self) -> None:
        self.query_one(KindBar).order = first_view.order(self.view)

    def toggle_column(self, name: Extra) -> None:
        """Show or hide a column beside the usual ones."""
        columns = self.listing.extras
        self.listing.extras = (
            tuple(other for other in columns if other != name) if name in columns else (*columns, name)
        )
        self.context.memory.remember(columns=self.listing.extras)
        self._show()

    def action_toggle_details(self) -> None:
        self.toggle_class("no-details")
        self.context.memory.remember(details=not self.has_class("no-details"))

    # Keys: back and forward

    @property
    def _here(self) -> Place:
        row = self.listing.row
        keys = [row.key] if row else []
        if isinstance(row, ProcessRow) and row.group:
            keys.append(row.group)
        return Place(self.view, tuple(keys))

    def leave(self, lens: str | None = None) -> None:
        """Keep the present place for the way back, with the lens that is open over it."""
        self._trail.leave(msgspec.structs.replace(self._here, lens=lens))

    def place_of(self, thing: Thing) -> Place | None:
        """The place that shows the row of a thing, in another view if need be. None, and a notice, if the thing is
        gone."""
        found = reveal(self.snapshot, self.view, thing) if self.snapshot is not None else None
        if found is None:
            name = f"{thing[0]}:[{thing[1]}]" if isinstance(thing, tuple) else safe(str(thing))
            self.notify(f"{name} is not here any more.", severity="warning", markup=False)
            return None
        return Place(found[0], tuple(found[1]))

    def action_follow(self) -> None:
        """Offer the things that the numbers of the chosen row lead to."""
        match self.listing.row:
            case ProcessRow(process=process):
                self.post_message(LeadsWanted(process.pid, f"{process.pid} {process.comm}"))
            case GroupRow(namespace=Namespace() as namespace):
                self.post_message(LeadsWanted(namespace.key, namespace.label))
            case GroupRow(container=Container() as container):
                self.post_message(LeadsWanted(container.key, container.name))
            case _:
                self.notify("This row has no numbers to follow; choose a process or a namespace.")

    def look_again(self, place: Place) -> None:
        """Show a place as it was; if its row is gone, the row at that height."""
        view = place.view
        self.remove_class("filtering")
        self._look(list(place.row), by=view.by, filter=view.filter, toggled=view.toggled, nest=view.nest)
        self._tell_filter()
        self.listing.focus()

    def action_back(self) -> None:
        self._go_along(self._trail.back(self._here), "Nothing lies before this.")

    def action_forward(self) -> None:
        self._go_along(self._trail.forward(self._here), "Nothing lies ahead; this is where you came to last.")

    def _go_along(self, place: Place | None, end: str) -> None:
        if place is None:
            self.notify(end)
        else:
            self.post_message(PlaceWanted(place))

    # Keys: two rows compared

    def action_mark(self) -> None:
        """Mark the chosen row, or unmark it; of three the first is unmarked."""
        row, process = self.listing.row, self._representative(self.listing.row)
        if row is None or process is None:
            self.notify("It has no process to compare.", severity="warning")
            return
        self._marked.turn(row.key, process)
        self._refresh()

    def to_compare(self) -> tuple[Process, Process] | None:
        return self._marked.pair(self.snapshot, self.process) if self.snapshot else None

    # Keys: the filter

    @property
    def filter(self) -> Filter:
        return self.view.filter

    @property
    def hint(self) -> str:
        return FILTER_HINT

    def parse(self, text: str) -> Filter:
        return parse(text, self.view.by, self._texts, self.session.reach)

    def completions(self, text: str) -> list[str]:
        from nsview.model.filter.complete import complete

        return complete(text, self.snapshot) if self.snapshot else []

    def use(self, wanted: Filter) -> None:
        self._look(filter=wanted)

    async def action_filter(self) -> None:
        before = self._here
        await super().action_filter()
        if self.has_class("filtering"):
            self._before_filter = before
            self.run_worker(self._read_ahead(), group="texts", exclusive=True)

    async def _read_ahead(self) -> None:
        """Make the texts of processes before the first letter is typed; a few at a time, for keys come first."""
        if self.snapshot is not None:
            for _ in self._texts.ahead(self.snapshot, SLICE):
                await asyncio.sleep(0)

    def _tell_filter(self) -> None:
        """Show the text of the filter in effect, in the status and in the filter line."""
        text = self.query_one(Status).filter = self.view.filter.text
        for line in self.query(FilterInput):
            line.begin(text)
            self.note(None)

    def show_nets(self, nets: Nets | None) -> None:
        if self.view.filter.about_nets:
            self._look(filter=self.parse(self.view.filter.text))
        for line in self.query(FilterInput):
            if not line.has_class("wrong"):
                self.note(None)

    def keep_filter(self) -> None:
        self._leave_filter()
        self.remove_class("filtering")
        self.listing.focus()

    def action_clear_filter(self) -> None:
        """Clear the filter; the way back leads to the filtered rows."""
        self._leave_filter()
        if self.view.filter.text:
            self.leave()
            self._look(filter=Filter())
        self._texts = Texts()
        self._tell_filter()
        self.remove_class("filtering")
        self.listing.focus()

    def _leave_filter(self) -> None:
        """Keep the place before the filter for the way back: one place, however many letters were typed."""
        before, self._before_filter = self._before_filter, None
        if self.view.filter:
            self._sought = self.view.filter
        if before is not None and before.view.filter.text != self.view.filter.text:
            self.context.memory.add_to_history(self.view.filter.text)
            self._trail.leave(before)

    def action_next_match(self, by: int = 1) -> None:
        """Go to the next row that matches the filter, or the one that was cleared last; round the end."""
        wanted, snapshot, listing = self.view.filter or self._sought, self.snapshot, self.listing
        if not wanted or snapshot is None:
            self.notify("Nothing has been sought yet; / does.")
            return
        sought = wanted.under(self.view.by)
        if not listing.seek(by, lambda place: _is_sought(listing.rows[place], sought, snapshot)):
            self.notify(f"No row here matches {safe(wanted.text)}", severity="warning", markup=False)

    # Keys: the host

    def receive(self) -> None:
        """Receive from the host of the session, which `replace` may have changed."""
        self.run_worker(self.session.run(), group="session", exclusive=True)

    def action_rescan(self) -> None:
        if self.session.rescan():
            self.receive()

    def action_holders(self) -> None:
        self.session.search_holders(slowly=False)

    # Keys: into namespaces

    def action_enter(self) -> None:
        self._begin_to_enter(self.listing.row, None)

    def on_enter_wanted(self, message: EnterWanted) -> None:
        self._begin_to_enter(message.row, None)

    def action_ready(self) -> None:
        """Offer the ready commands for the chosen row."""
        from .palette import Palette, ready_commands

        commands = ready_commands(self.context.ready, lambda ready: self._begin_to_enter(self.listing.row, ready))
        self.app.push_screen(Palette([commands], placeholder="Run in the namespaces of this row …"))

    def _begin_to_enter(self, row: Row | None, ready: Ready | None) -> None:
        if row is not None:
            self.run_worker(self._enter(row, ready), group="enter", exclusive=True)

    async def _enter(self, row: Row, ready: Ready | None) -> None:
        """Ask which namespaces of a row to join, join them, and come back; each reason against it is a notice."""
        dialog = await self._dialog(row, ready)
        if dialog is None:
            return
        entrance = self.context.entrance
        entrance.expect()
        plan = await self.app.push_screen_wait(dialog)
        if entrance.enter(plan):
            self.action_rescan()

    async def _dialog(self, row: Row, ready: Ready | None) -> ModalScreen[Plan | None] | None:
        """The dialog for a row; None, and a notice, if it can't be entered."""
        from .enter_dialog import JoinDialog, NamespaceDialog

        assert self.snapshot is not None
        namespace = row.namespace if isinstance(row, GroupRow) else None
        process, live = self._representative(row), self.session.live
        refusal = None
        if process is None:
            if namespace and any(holder.kind != "child" for holder in namespace.held_by):
                return NamespaceDialog(namespace, self.snapshot, live, ready)
            refusal = "No known way leads into it; press H to search its holders."
        elif process.kthread:
            refusal = "A thread of the kernel cannot be entered; choose a process."
        elif not self.session.runs:
            refusal = "The agent has ended; r starts it again."
        elif (details := await self.session.details(process)) is not None:
            return JoinDialog(process, details, self.snapshot, namespace, live, ready)
        elif live:
            refusal = f"process {process.pid} is gone"
        else:
            refusal = "This is a recording: it can be looked at, not entered."
        self.notify(refusal, severity="warning")
        return None

    # Taking along

    @property
    def title_of_file(self) -> str:
        return self.view.by

    def copies(self) -> list[Copy]:
        match self.listing.row if self.snapshot else None:
            case ProcessRow() as row:
                return clipboard.of_process(row.process, self._shown, self.view.by)
            case GroupRow() as row if row.container:
                return clipboard.of_container(row.container)
            case GroupRow() as row if row.namespace:
                return clipboard.of_namespace(row.namespace, self._shown)
        return []

    def writing(self, ending: str) -> Callable[[], str]:
        snapshot, wanted = self._shown, self.view.filter
        if ending == ".csv":
            return lambda: clipboard.processes_sheet(narrow(snapshot, wanted))
        return lambda: export.text(export.listing(narrow(snapshot, wanted), snapshot)) + "\n"

    @property
    def _shown(self) -> Snapshot:
        assert self.snapshot is not None
        return self.snapshot


def _is_sought(row: Row, wanted: Filter, snapshot: Snapshot) -> bool:
    """True if the row itself matches, and is not shown only for the rows below it."""
    match row:
        case ProcessRow():
            return not row.context and wanted.process(row.process, snapshot)
        case GroupRow(namespace=Namespace() as namespace):
            return not row.owner and wanted.namespace(namespace, snapshot)
        case GroupRow(container=Container() as container):
            return wanted.container(container, snapshot)
    return False
