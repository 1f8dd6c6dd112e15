"""The rows of the explorer while the host changes."""

import asyncio
from collections.abc import Hashable, Mapping
from time import monotonic

from msgspec.structs import replace
from rich.text import Text
from textual.timer import Timer
from textual.widgets import Static

from nsview.model.changes import Changes, changes
from nsview.model.columns import Extra
from nsview.model.events.lines import is_told, summary
from nsview.model.filter import Filter
from nsview.model.heir import Standing, heirs, standing
from nsview.model.rows import Rows
from nsview.model.snapshot import Snapshot
from nsview.model.text import safe
from nsview.model.view import GroupOrder, GroupRow, ProcessOrder, Row, RowKey, View, process_key

from .. import first_view
from ..marks import Recent
from ..text.row_text import Mark
from ..widgets.kind_bar import KindBar
from ..widgets.row_list import RowList
from ..widgets.status import Status
from .browser import Browser
from .details_feed import DetailsFeed

SLICE = 2000  # processes whose texts are made between two looks at the keyboard: about a millisecond


class LiveRows:
    """The rows of the latest snapshot in the list of a screen; while paused, those of an older one.

    A process that is just gone stays in its place for a moment. New, moved and gone ones are marked.
    """

    def __init__(self, screen: Browser, details: DetailsFeed) -> None:
        self._screen, self._details = screen, details
        self.view = View()
        self.rows: Rows | None = None
        self.paused = False
        self._latest: Snapshot | None = None  # also while paused
        self._begun: list[RowKey] = []  # the row that the cursor began on
        self._at: RowKey | None = None  # the row that the cursor was put on
        self._stood: Standing | None = None  # the container of that row, or of one before it that is gone
        self._waits = False  # the row is gone, and its container has not begun anew
        self._recent = Recent()
        self._fading: Timer | None = None
        self._stale = self._refreshing = False

    @property
    def _listing(self) -> RowList:
        return self._screen.query_one(RowList)

    @property
    def _status(self) -> Status:
        return self._screen.query_one(Status)

    def take(self, snapshot: Snapshot, happened: Changes | None) -> None:
        """Show a newer snapshot soon; the cursor stays on its process."""
        if self._screen.snapshot is None:
            view = first_view.of_snapshot(snapshot, self.view, self._screen.context.memory.state)
            if view is not None:
                self._begin(snapshot, view)
            return
        self._latest = snapshot
        if self._screen.snapshot.partial:
            self._show_latest()  # parts are few and wanted soon: they do not wait, not even while paused
            return
        if happened and not self.paused:
            self._recent.add(happened)
        self.refresh()

    def _begin(self, snapshot: Snapshot, view: View) -> None:
        """Show the first snapshot."""
        self._latest = self._screen.snapshot = self._status.snapshot = snapshot
        self.view = view
        self._show_view()
        self._show_host(snapshot)
        self.rows = Rows(snapshot, view)
        self._begun = first_view.chosen(self.rows)
        self._listing.show(self.rows, self._begun)

    def _show_host(self, snapshot: Snapshot) -> None:
        """Show what keeps the agent from reading all of the host, and offer to become root."""
        notes = self._screen.query_one("#notes", Static)
        notes.update(Text("\n".join(map(safe, snapshot.host.notes))))
        notes.set_class(bool(snapshot.host.notes), "some")
        self._screen.refresh_bindings()

    def refresh(self) -> None:
        """Show the latest snapshot soon: snapshots that arrive meanwhile are one refresh, not several."""
        self._stale = True
        if not self._refreshing:
            self._refreshing = True
            self._screen.run_worker(self._keep_fresh(), group="refresh")

    async def _keep_fresh(self) -> None:
        try:
            while self._stale:
                self._stale = False
                began = monotonic()
                if self.paused:
                    self._show_changes()
                else:
                    self._show_latest()
                # A costly refresh is done less often, so that most of the time is left for keys.
                await asyncio.sleep(max(0.03, 4 * (monotonic() - began)))
        finally:
            self._refreshing = False

    def _show_latest(self) -> None:
        """Show the latest snapshot, with the processes that are just gone still in their places."""
        latest, rows, listing = self._latest, self.rows, self._listing
        assert latest is not None
        assert rows is not None
        before, self._screen.snapshot = self._screen.snapshot, latest
        self._status.snapshot = latest
        if before is None or before.host != latest.host:
            self._show_host(latest)  # another agent's, as root
        was_part = before is not None and before.partial
        row = listing.row
        if self._screen.has_class("filtering"):
            self._screen.texts.follow(latest)  # the next letter has less to catch up with
        fades = self._recent.expire()
        self._stand(row, rows.snapshot)
        rows.update(latest, self._recent.gone)
        stood = self._stood
        self._waits = stood is not None and (self._waits or (row is not None and rows.find(row.key) is None))
        select = heirs(stood, latest, rows.view.by) if self._waits and stood else None
        if was_part and row is not None and [row.key] == self._begun:
            # The user did not choose it, and it may be far down now: the cursor starts again at the top.
            select = self._begun = first_view.chosen(rows)
        listing.show(rows, select, self._marks(self._recent.marks))
        self._at = listing.row.key if listing.row else None
        self._waits = self._waits and self._at not in (select or ())
        self._count()
        self._details.refresh(at_once=was_part)
        if self._fading:
            self._fading.stop()
        if fades is not None:
            self._fading = self._screen.set_timer(max(0.01, fades), self.refresh)

    def _stand(self, row: Row | None, snapshot: Snapshot) -> None:
        """Note the container of the row that the cursor is on, unless the cursor waits there for another's."""
        if row is None or row.key != self._at:
            self._stood, self._waits = None, False  # the user has gone elsewhere
        if not self._waits:
            self._stood = standing(row, snapshot) or self._stood

    def _show_changes(self) -> None:
        """Show, while paused, how many processes have come, gone and moved, and mark their rows."""
        if self._screen.snapshot is None or self._latest is None:
            return
        self._status.since = since = changes(self._screen.snapshot, self._latest)
        self._status.events = summary(filter(is_told, self._screen.session.unseen))
        marks: dict[RowKey, Mark] = {process_key(process): "gone" for process in since.gone}
        marks.update((process_key(process), "moved") for _, process in since.moved)
        self._listing.mark(self._marks(marks))

    def _marks(self, happened: Mapping[RowKey, Mark]) -> dict[Hashable, Mark]:
        """The marks of these events, and of the rows that the user has marked."""
        marks: dict[Hashable, Mark] = dict.fromkeys(self._screen.marks.of, "marked")
        marks.update(happened.items())
        return marks

    def pause(self) -> None:
        """Keep the rows still, or let them follow the host again."""
        self.paused = not self.paused
        if self.paused:
            self._recent.clear()
            self._screen.session.unseen.clear()
            self._show_changes()
        else:
            self._status.since = None
            if self._screen.snapshot is not None and self._latest is not None:
                self._recent.add(changes(self._screen.snapshot, self._latest))
            self.refresh()

    async def make_texts(self) -> None:
        """Make the texts of processes before the first letter of a filter; a few at a time, for keys come first."""
        if self._screen.snapshot is not None:
            for _ in self._screen.texts.ahead(self._screen.snapshot, SLICE):
                await asyncio.sleep(0)

    def begin(self, view: View) -> None:
        """Wait for the first snapshot with this view."""
        self.view = view
        self._show_view()

    def _show_view(self) -> None:
        bar = self._screen.query_one(KindBar)
        bar.by, bar.order = self.view.by, first_view.order(self.view)
        self._status.order = bar.order

    def _count(self) -> None:
        """Tell how many processes match."""
        self._status.matches = self.rows.matches if self.rows is not None and self.view.filter else None

    def sort(self, groups: GroupOrder, processes: ProcessOrder) -> None:
        """Show groups or processes in another order."""
        self._screen.context.memory.remember(groups=groups, processes=processes)
        self.look(groups=groups, processes=processes)

    def toggle_column(self, name: Extra) -> None:
        """Show or hide a column beside the usual ones."""
        columns = self._listing.extras
        others = tuple(other for other in columns if other != name)
        self._listing.extras = others if name in columns else (*columns, name)
        self._screen.context.memory.remember(columns=self._listing.extras)
        self.look()

    def seek(self, wanted: Filter, *, only: bool) -> None:
        """Filter the rows; from one that is gone or does not match the cursor goes to the next one that does."""
        listing, before = self._listing, self._listing.row
        self.look(filter=wanted, only=only)
        rows, row = self.rows, listing.row
        stays = isinstance(row, GroupRow) and before is not None and row.key == before.key
        if wanted and rows is not None and not (stays or rows.is_match(listing.cursor)):
            listing.seek(1, rows.is_match)

    def look(self, select: list[RowKey] | None = None, **changed: object) -> None:
        """Show the same snapshot in a changed view. select: the keys of the row for the cursor, best first."""
        self.view = replace(self.view, **changed)
        self._show_view()
        if self.rows is not None:
            row = self._listing.row
            waits = self._waits and select is None and row is not None and row.key == self._at
            self.rows.look(self.view)
            self._listing.show(self.rows, select)
            if waits and (row := self._listing.row):
                self._at = row.key  # the user has not gone there
            self._count()
            self._details.soon()  # the same row may have other details
