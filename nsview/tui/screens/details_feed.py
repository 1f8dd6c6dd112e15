"""The details of the chosen row: when they are asked for, and when they are shown."""

from functools import partial
from time import monotonic

from textual.timer import Timer

from nsview.model import ended, usage
from nsview.model.leads import process_of_row
from nsview.model.records import Details
from nsview.model.rows import Rows
from nsview.model.view import GroupRow, ProcessRow, Row, RowKey

from .. import gc_pace
from ..text.contents import wanted
from ..text.row_details import RowDetails
from ..widgets.details import DetailsPane
from ..widgets.row_list import RowList
from .browser import Browser

SOON = 0.02  # seconds from a key to the details of its row: the row itself comes first
REST = 0.15  # seconds for which the cursor rests on a row before its details are asked for, as that costs the host
AGAIN = 1.0  # seconds between two looks at the details of one row while the host changes


class DetailsFeed:
    """Asks for the details of the row that the cursor rests on, and has the pane show them as they arrive."""

    def __init__(self, screen: Browser) -> None:
        self._screen = screen
        self._details: Details | None = None
        self._of: RowKey | None = None  # the row whose representative they are about
        self._meter = usage.Meter()
        self._showing: Timer | None = None
        self._shown = self._due = 0.0  # the time when details were shown last, and of the next time
        self._asking: Timer | None = None

    @property
    def _listing(self) -> RowList:
        return self._screen.query_one(RowList)

    def chosen(self, row: Row | None) -> None:
        """The cursor is on another row."""
        self.soon()
        self._want_end(row)
        if self._asking:
            self._asking.stop()
            self._asking = None
        if isinstance(row, ProcessRow) or (isinstance(row, GroupRow) and wanted(self._by)):
            self._ask_in(REST, row)

    def refresh(self, *, at_once: bool) -> None:
        """Show the details of a newer snapshot, and ask for those of a process again."""
        self.soon(0.0 if at_once else self._shown + AGAIN - monotonic())
        row = self._listing.row
        self._want_end(row)
        if isinstance(row, ProcessRow) and self._asking is None and self._screen.session.live:
            self._ask_in(3 * AGAIN, row)  # the use of the host changes

    def _want_end(self, row: Row | None) -> None:
        """Ask for the last end of a container without a process, which its engine's record tells."""
        if isinstance(row, GroupRow) and row.container and not row.container.pids:
            self._screen.session.want_engines()

    def soon(self, seconds: float = 0.0) -> None:
        """Show the details in so many seconds, SOON at the least, or when they are due anyway."""
        seconds = max(SOON, seconds)
        due = monotonic() + seconds
        if self._showing is not None:
            if self._due <= due:
                return
            self._showing.stop()
        self._due = due
        self._showing = self._screen.set_timer(seconds, self._show)

    def _show(self) -> None:
        self._showing, self._shown = None, monotonic()
        row, rows = self._listing.row, self._listing.rows
        if not isinstance(rows, Rows):
            return
        details = self._details if row is not None and row.key == self._of else None
        gone = isinstance(row, ProcessRow) and row.process.pid not in rows.snapshot.processes
        snapshot = rows.with_ghosts() if gone else rows.snapshot
        measured = self._meter.process(details.pid, details.start) if details else None
        session, end = self._screen.session, None
        if isinstance(row, GroupRow) and row.container and (one := session.ended(row.container.key)):
            end = ended.facts(one, session.engines.taken_at, row.container.state)
        pane = self._screen.query_one(DetailsPane)
        about = RowDetails(
            pane.style, snapshot, rows.view.by, details, measured, session.nets, session.host.elsewhere, end
        )
        pane.show(row, about.of(row))
        gc_pace.rest()

    @property
    def _by(self) -> str:
        rows = self._listing.rows
        return rows.view.by if isinstance(rows, Rows) else ""

    def _ask_in(self, seconds: float, row: ProcessRow | GroupRow) -> None:
        self._asking = self._screen.set_timer(seconds, partial(self._ask, row))

    def _ask(self, row: ProcessRow | GroupRow) -> None:
        self._asking = None
        self._screen.run_worker(self._fetch(row), group="details", exclusive=True)

    async def _fetch(self, row: ProcessRow | GroupRow) -> None:
        """Ask for the details of a row, and show them if it is still the one they are for."""
        rows, session = self._listing.rows, self._screen.session
        process = process_of_row(rows.snapshot, row) if isinstance(rows, Rows) else None
        if process is None:
            return
        sockets = isinstance(row, ProcessRow)
        if row.key != self._of:
            self._details, self._of = None, row.key
        used = await session.usage([process.pid], [], files=True) if sockets else None
        if used is not None:
            before = self._meter if (process.pid, process.start) in self._meter.processes else usage.Meter()
            self._meter = usage.read(before, used)
        self._details = await session.details(process, wanted(self._by), sockets=sockets)
        self.soon()
