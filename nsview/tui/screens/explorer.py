"""The main screen: the rows of the host, grouped and filtered, and the details of the chosen one."""

from collections.abc import Callable, Hashable
from typing import ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from nsview.model import clipboard, export
from nsview.model.changes import Changes
from nsview.model.clipboard import Copy
from nsview.model.filter import Filter, narrow
from nsview.model.kinds import KindName
from nsview.model.leads import process_of_row, regrouped, target_of_row, thing_of
from nsview.model.net import Nets
from nsview.model.records import Container, Namespace, Process
from nsview.model.snapshot import Snapshot
from nsview.model.table import Thing
from nsview.model.target import Target
from nsview.model.text import safe
from nsview.model.view import GROUPINGS, Grouping, GroupRow, ProcessRow, Row, View

from .. import first_view
from ..context import Context
from ..messages import FoldWanted, GroupingWanted, LeadsWanted, OrderWanted, PlaceWanted, RowChosen
from ..trail import LensPlace, Place, Trail, here, place_of
from ..widgets.details import DetailsPane
from ..widgets.filter_line import FilterInput
from ..widgets.footer import Keys
from ..widgets.kind_bar import KindBar
from ..widgets.row_list import RowList
from ..widgets.status import Status
from .details_feed import DetailsFeed
from .enterable import Enterable, name_of
from .keys import EXPLORER
from .live_rows import LiveRows
from .pulse import Pulse


class Explorer(Enterable):
    """The snapshots of a host, as a list with details."""

    NOUN = "row"
    hint = "all words must match: container, image, command, user, pid ..; or container=web not host=net"
    BINDINGS: ClassVar[list[BindingType]] = EXPLORER

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._details = DetailsFeed(self)
        self._live = LiveRows(self, self._details)
        self._pulse = Pulse(self)
        self._trail = Trail()
        self._before_filter: Place | None = None  # the place when the filter line was opened

    def compose(self) -> ComposeResult:
        yield Status()
        yield KindBar()
        yield Static(id="notes")
        with Horizontal(id="body"):
            yield RowList()
            yield DetailsPane()
        yield from self.time_line()
        yield Keys()

    def on_mount(self) -> None:
        last = self.context.memory.state
        self._live.begin(first_view.usual(last))
        self.listing.extras = last.columns
        self.set_class(not last.details, "no-details")
        self.listing.focus()
        self.follow_session()
        self.session.begin()
        self.receive()

    def on_resize(self) -> None:
        self.set_class(self.size.width < first_view.NARROW, "narrow")

    @property
    def view(self) -> View:
        return self._live.view

    @property
    def grouping(self) -> Grouping:
        return self.view.by

    @property
    def listing(self) -> RowList:
        return self.query_one(RowList)

    @property
    def kind(self) -> KindName | None:
        """The kind of the namespace that is chosen, None if another row is."""
        row = self.listing.row
        return row.namespace.type if isinstance(row, GroupRow) and row.namespace else None

    @property
    def process(self) -> Process | None:
        return process_of_row(self.snapshot, self.listing.row) if self.snapshot else None

    @property
    def thing(self) -> Thing | None:
        return thing_of(self.listing.row)

    def to_enter(self) -> Target | None:
        return target_of_row(self.snapshot, self.listing.row) if self.snapshot else None

    # Arriving snapshots

    def show_progress(self, done: int, total: int) -> None:
        self.query_one(Status).progress = f"reading {done:,} of {total:,} processes …"

    def show_snapshot(self, snapshot: Snapshot, happened: Changes | None) -> None:
        self._live.take(snapshot, happened)
        if not snapshot.partial:
            self._pulse.begin()

    def show_events(self) -> None:
        if self._live.paused:
            self._live.refresh()

    def show_moment(self) -> None:
        self._pulse.beat()

    def show_engines(self) -> None:
        self._details.soon()

    def action_pause(self) -> None:
        if self.session.playback:
            self.action_play()
        else:
            self._live.pause()

    def on_screen_resume(self) -> None:
        self.show_events()  # another screen may have shown them

    def on_row_chosen(self, message: RowChosen) -> None:
        row = message.row
        self._details.chosen(row)
        if isinstance(row, GroupRow) and row.namespace and self.snapshot and not self.snapshot.search:
            self.session.search_holders(slowly=True)

    # Keys: the view

    def action_group(self, by: Grouping) -> None:
        if self.snapshot is None or by == self.view.by:
            return
        view, select = regrouped(self.snapshot, self.view, self.listing.row, by)
        self.leave()
        self._live.look(select, by=by, toggled=view.toggled)

    def on_grouping_wanted(self, message: GroupingWanted) -> None:
        self.action_group(message.by)

    def action_next_group(self, by: int = 1) -> None:
        place = GROUPINGS.index(self.view.by)
        self.action_group(GROUPINGS[(place + by) % len(GROUPINGS)])

    def on_fold_wanted(self, message: FoldWanted) -> None:
        self._live.look(toggled=self.view.toggled ^ {message.row.key})

    def action_fold_all(self) -> None:
        """Fold every group; if all are folded, unfold every one."""
        rows, row = self._live.rows, self.listing.row
        group = row.group if isinstance(row, ProcessRow) else None
        self._live.look([group] if group else None, toggled=self.view.toggled ^ (rows.foldable() if rows else set()))

    def action_nest(self) -> None:
        """Nest namespaces below their parent or owner, or show them side by side."""
        if self.view.by in ("tree", "container"):
            self.notify("Only namespaces nest; choose a kind first, with 1 to 8.")
        else:
            self._live.look(nest=not self.view.nest)

    def action_sort(self) -> None:
        """Ask for the order of the rows, and for more columns."""
        from .sort_menu import ask

        ask(self.app, self.view, self.listing.extras, self._live.sort, self._live.toggle_column)

    def on_order_wanted(self, message: OrderWanted) -> None:
        view, groups, processes = self.view, message.groups, message.processes
        self._live.sort(
            "age" if groups == view.groups else groups or view.groups,
            "tree" if processes == view.processes else processes or view.processes,
        )

    def action_toggle_details(self) -> None:
        self.toggle_class("no-details")
        self.context.memory.remember(details=not self.has_class("no-details"))

    # Keys: back and forward

    @property
    def _here(self) -> Place:
        return here(self.view, self.listing.row)

    def leave(self, lenses: tuple[LensPlace, ...] = ()) -> None:
        """Keep the present place for the way back, with those in the lenses that are open over it."""
        self._trail.leave(msgspec.structs.replace(self._here, lenses=lenses))

    def place_of(self, thing: Thing) -> Place | None:
        """The place that shows the row of a thing. None, and a notice, if the thing is gone."""
        place = place_of(self.snapshot, self.view, thing) if self.snapshot is not None else None
        if place is None:
            name = f"{thing[0]}:[{thing[1]}]" if isinstance(thing, tuple) else safe(str(thing))
            self.notify(f"{name} is not here any more.", severity="warning", markup=False)
        return place

    def action_follow(self) -> None:
        """Offer the things that the numbers of the chosen row lead to."""
        target = self.to_enter()
        if self.thing is None or target is None:
            self.notify("This row has no numbers to follow; choose a process or a namespace.")
        else:
            self.post_message(LeadsWanted(self.thing, name_of(target)))

    def look_again(self, place: Place) -> None:
        """Show a place as it was; if its row is gone, the row at that height."""
        view = place.view
        self.remove_class("filtering")
        self._live.look(list(place.row), by=view.by, filter=view.filter, toggled=view.toggled, nest=view.nest)
        self.show_filter()
        self.listing.focus()

    @property
    def has_before(self) -> bool:
        """True if the way back leads somewhere."""
        return self._trail.has_before

    def action_back(self) -> None:
        self._go_along(self._trail.back(self._here), "Nothing lies before this.")

    def action_forward(self) -> None:
        self._go_along(self._trail.forward(self._here), "Nothing lies ahead; this is where you came to last.")

    def _go_along(self, place: Place | None, end: str) -> None:
        if place is None:
            self.notify(end)
        elif place.lenses:
            self.post_message(PlaceWanted(place))
        else:
            self.look_again(place)  # at once: keys typed ahead are for it

    # Keys: two rows compared

    def to_mark(self) -> tuple[Hashable, Process] | None:
        row, process = self.listing.row, self.process
        return (row.key, process) if row and process else None

    def show_marks(self) -> None:
        self._live.refresh()

    # Keys: the filter

    @property
    def filter(self) -> Filter:
        return self.view.filter

    def use(self, wanted: Filter) -> None:
        self._live.seek(wanted, only=self.view.only)

    def action_only(self) -> None:
        """Show the matches of the filter alone, or among the other members of their groups."""
        self._live.seek(self.filter, only=not self.view.only)
        if not self.filter:
            alone = "alone" if self.view.only else "among the other members of their groups"
            self.notify(f"A filter shows what it matches {alone}.")

    async def action_filter(self) -> None:
        before = self._here
        await super().action_filter()
        if self.has_class("filtering"):
            self._before_filter = before
            self.run_worker(self._live.make_texts(), group="texts", exclusive=True)

    def show_nets(self, nets: Nets | None) -> None:
        if self.filter.about_nets:
            self.use(self.parse(self.filter.text))
        for line in self.query(FilterInput):
            if not line.has_class("wrong"):
                self.note(None)

    def remember_filter(self) -> None:
        """Keep the place before the filter for the way back too: one place, however many letters were typed."""
        super().remember_filter()
        before, self._before_filter = self._before_filter, None
        if before is not None and before.view.filter.text != self.filter.text:
            self._trail.leave(before)

    def clear_filter(self) -> None:
        """Show everything again; the way back leads to the filtered rows."""
        if self.filter.text:
            self.leave()
            self.use(Filter())
        self.show_filter()

    def focus_rows(self) -> None:
        self.set_focus(self.listing)  # at once, as for the line

    def go_to_match(self, by: int, wanted: Filter) -> bool:
        listing, snapshot = self.listing, self.snapshot
        return snapshot is not None and listing.seek(
            by, lambda place: _is_sought(listing.rows[place], wanted, snapshot)
        )

    # Keys: the host

    def receive(self) -> None:
        """Receive from the host of the session, which `replace` may have changed."""
        self.run_worker(self.session.run(), group="session", exclusive=True)

    def action_rescan(self) -> None:
        if self.session.rescan():
            self.receive()

    def action_holders(self) -> None:
        self.session.search_holders(slowly=False)

    # Copying and exporting

    @property
    def title_of_file(self) -> str:
        return self.view.by

    def copies(self) -> list[Copy]:
        if self.snapshot is None:
            return []
        return clipboard.of_row(self.listing.row, self.snapshot, self.view.by, self.session.host.elsewhere)

    def writing(self, ending: str) -> Callable[[], str]:
        snapshot, wanted = self.snapshot, self.filter
        assert snapshot is not None
        if ending == ".csv":
            return lambda: clipboard.processes_sheet(narrow(snapshot, wanted))
        return lambda: export.text(export.listing(narrow(snapshot, wanted), snapshot)) + "\n"


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
