"""What the screen does for a key and for a snapshot, counted: lines drawn, lists shown. No clock is involved."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from textual._compositor import Compositor
from textual.pilot import Pilot

from nsview.model.records import Details, Process
from nsview.model.snapshot import Snapshot, advance
from nsview.model.view import NoteRow, ProcessRow
from nsview.tui.app import NsviewApp
from nsview.tui.session import Session
from nsview.tui.text import row_text
from nsview.tui.widgets.row_list import RowList
from nsview.tui.widgets.status import Status
from tests.tui.screens import WIDE, drawn, loaded
from tests.unit import make

ROWS = 5000
BURST = 300


class Feed:
    """A host that says these snapshots, one after the other, as fast as they are taken."""

    live = False
    timed = True
    source = "live"
    elsewhere = None

    def __init__(self, snapshots: Callable[[], Iterator[Snapshot]], early: Snapshot | None = None) -> None:
        self._snapshots = snapshots
        self._early = early

    def early(self) -> Snapshot | None:
        return self._early

    def read(self) -> Iterator[Snapshot]:
        return self._snapshots()

    def details(self, process: Process) -> Details | None:
        return None

    def stop(self) -> None:
        pass


def large() -> Snapshot:
    """So many rows in one net namespace that is not the host's, so that it is unfolded."""
    return make.host(*(make.process(1000 + number, net=7) for number in range(ROWS)))


def burst() -> Iterator[Snapshot]:
    """A large host, and then a birth and a death a snapshot."""
    snapshot = large()
    yield snapshot
    for number in range(BURST):
        gone = [100_000 + number - 5] if number >= 5 else []
        snapshot = advance(snapshot, 2.0 + number, [make.process(100_000 + number, net=7)], gone, [], [], [], [])
        yield snapshot


class Counts:
    """How many lines of the list were drawn, how often it was given rows, and how many snapshots arrived."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines = self.shown = self.arrived = 0
        draw, show, arrive = RowList.render_line, RowList.show, Session._show

        def render_line(listing: RowList, y: int) -> object:
            self.lines += 1
            return draw(listing, y)

        def shows(listing: RowList, *args: object, **more: object) -> None:
            self.shown += 1
            show(listing, *args, **more)  # type: ignore[arg-type]

        def arrives(session: Session, snapshot: Snapshot) -> None:
            self.arrived += 1
            arrive(session, snapshot)

        monkeypatch.setattr(RowList, "render_line", render_line)
        monkeypatch.setattr(RowList, "show", shows)
        monkeypatch.setattr(Session, "_show", arrives)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    return Counts(monkeypatch)


def explorer(snapshots: Callable[[], Iterator[Snapshot]]) -> NsviewApp:
    return NsviewApp(Feed(snapshots))  # type: ignore[arg-type]


async def settled(pilot: Pilot[int], app: NsviewApp, pid: int) -> None:
    """Until a process is in the list: what has arrived is shown soon, but not at once."""
    for _ in range(200):
        await pilot.pause(0.05)
        if any(row.key[:2] == ("process", pid) for row in app.explorer.listing.rows):
            return
    raise AssertionError(f"process {pid} never came to the list")


@pytest.mark.parametrize(("key", "most"), [("down", 2), ("up", 2), ("pagedown", 0), ("end", 0)])
async def test_a_key_draws_two_lines_or_one_screen(counts: Counts, key: str, most: int) -> None:
    app = explorer(lambda: iter([large()]))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("down", "down", "down")
        await pilot.pause(0.3)
        assert len(app.explorer.listing.rows) == ROWS + 1
        counts.lines = counts.shown = 0
        await pilot.press(key)
        await pilot.pause()
        assert counts.shown == 0
        assert 0 < counts.lines <= (most or app.explorer.listing.size.height)


async def test_a_letter_of_a_filter_lays_out_nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    app = explorer(lambda: iter([large()]))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("slash", "p")
        await pilot.pause(0.3)
        laid_out = 0
        reflow = Compositor.reflow

        def lay_out(*of: Any) -> object:
            nonlocal laid_out
            laid_out += 1
            return reflow(*of)

        monkeypatch.setattr(Compositor, "reflow", lay_out)
        await pilot.press("1", "0")
        await pilot.pause(0.3)
        matches = sum("p10" in f"p{1000 + number}" for number in range(ROWS))
        assert app.explorer.query_one(Status).matches == matches < ROWS == len(app.explorer.listing.rows) - 1
        assert laid_out == 0


async def test_columns_are_measured_again_for_newer_processes_not_for_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    app = explorer(lambda: iter([large()]))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        measured: list[int] = []
        columns = row_text.columns

        def measure(snapshot: Snapshot, *others: Any) -> row_text.Columns:
            measured.append(len(snapshot.processes))
            return columns(snapshot, *others)

        monkeypatch.setattr(row_text, "columns", measure)
        listing = app.explorer.listing
        listing._measured = 0.0, *listing._measured[1:]  # long ago
        await pilot.press("slash", "p", "1", "escape", "1", "5")
        await pilot.pause(0.3)
        assert measured == []
        snapshot = app.explorer.snapshot
        assert snapshot is not None
        large_pid = make.process(9_000_000)
        app.explorer.show_snapshot(advance(snapshot, 1.0, [large_pid], (), (), (), (), ()), None)
        await pilot.pause(0.3)
        assert measured == [ROWS + 1]
        assert listing._columns.pid == len("9000000")


async def test_what_was_read_before_is_in_the_first_picture(counts: Counts) -> None:
    app = NsviewApp(Feed(lambda: iter(()), large()))  # type: ignore[arg-type]
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        height = app.explorer.listing.size.height
        assert app.screen_stack == [app.explorer]
        assert counts.shown == 1
        assert counts.lines <= 2 * height  # as it is mounted, and again when it knows its size
        assert app.explorer.listing.cursor == 1
        assert app.explorer.listing.scroll_offset.y == 0


async def test_rows_that_are_not_visible_are_never_drawn(counts: Counts) -> None:
    app = explorer(lambda: iter([large()]))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.pause(0.3)
        # It is laid out a few times until the screen stands.
        assert 0 < counts.lines <= 6 * app.explorer.listing.size.height


async def test_a_burst_is_a_few_pictures_and_the_last_one_is_right(counts: Counts) -> None:
    app = explorer(burst)
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await settled(pilot, app, 100_000 + BURST - 1)
        assert counts.arrived <= BURST + 1
        assert counts.shown <= BURST / 3, f"{counts.shown} pictures of {counts.arrived} snapshots"
        assert counts.lines <= (counts.shown + 10) * 2 * app.explorer.listing.size.height
        latest = app.explorer.snapshot
        assert latest is not None
        assert len(latest.processes) == ROWS + 5
        assert app._message_queue.qsize() < 20


async def test_while_paused_nothing_is_shown_anew(counts: Counts) -> None:
    snapshots = list(burst())
    app = explorer(lambda: iter(snapshots[:1]))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("space")
        counts.shown = 0
        for snapshot in snapshots[1:]:
            app.explorer.show_snapshot(snapshot, None)
        await pilot.pause(0.5)
        assert counts.shown == 0
        assert app.explorer.snapshot is snapshots[0]


def reading() -> list[Snapshot]:
    """A first look in parts: an eighth of the processes, a quarter, a half, all and a container; then a birth."""
    processes = [make.process(1), *(make.process(1000 + n, net=7 + n // 10) for n in range(800))]
    parts = [replace(make.host(*processes[:number]), partial=True) for number in (100, 200, 400)]
    whole = make.host(*processes, containers=[make.container("web", [1000])])
    return [*parts, whole, advance(whole, 2.0, [make.process(5000, net=7)], [], [], [], [], [])]


async def test_a_first_look_in_parts_is_a_picture_each_and_nothing_jumps_or_is_new(counts: Counts) -> None:
    *parts, whole, later = reading()
    app = explorer(lambda: iter(parts[:1]))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        listing, status = app.explorer.listing, app.explorer.query_one(Status)
        assert listing.row == listing.rows[1]
        app.explorer.show_progress(1200, 9800)
        await pilot.press("down", "down", "down")
        await pilot.pause(0.3)
        row, at = listing.row, listing.cursor - listing.scroll_offset.y
        assert isinstance(row, ProcessRow)
        assert "reading 1,200 of 9,800" in str(status.render())
        counts.shown = counts.lines = 0
        for number, snapshot in enumerate([*parts[1:], whole], 1):
            app.session._show(snapshot)
            await pilot.pause(0.1)
            assert counts.shown == number
            assert app.explorer.snapshot is snapshot
            assert listing.row is not None
            assert listing.row.key == row.key
            assert listing.cursor - listing.scroll_offset.y == at
            assert not listing._marks
        assert "801 processes" in str(status.render())
        app.session._show(later)
        await pilot.pause(0.3)
        assert list(listing._marks) == [("process", 5000, 5000)]


@pytest.mark.parametrize("moved", [False, True])
async def test_a_cursor_that_nobody_moved_begins_where_the_whole_does(moved: bool) -> None:
    """In a tree the threads of the kernel are read first and shown last."""
    kernel = [make.process(2, 0, kthread=True), *(make.process(n, 2, kthread=True) for n in range(3, 100))]
    processes = [make.process(1, 0), *kernel, *(make.process(1000 + n) for n in range(800))]
    part, whole = replace(make.host(*processes[:90]), partial=True), make.host(*processes)
    app = explorer(lambda: iter([part]))
    app.memory.remember(grouping="tree")
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        listing = app.explorer.listing
        assert listing.row is not None
        if moved:
            await pilot.press("up", "down", "up")
        key = listing.row.key
        app.explorer.show_snapshot(whole, None)
        await pilot.pause()
        assert (listing.cursor, listing.scroll_offset.y) == ((0, 0) if moved else (1, 0))
        assert (listing.row.key == key) is moved


async def test_of_a_part_nothing_is_said_that_takes_the_whole(counts: Counts) -> None:
    part, *_, whole, _ = reading()
    app = explorer(lambda: iter([part]))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        for key in ("m", "a", "w", "colon", "y", "E", "o"):
            await pilot.press(key)
            await pilot.pause()
            assert app.screen is app.explorer, key
        assert "so far" in drawn(app)
        await pilot.press("9")
        assert [row.text for row in app.explorer.listing.rows if isinstance(row, NoteRow)] == [
            "Containers are known when every process is read; a moment."
        ]
        await pilot.press("2")
        assert "no other is in use" not in drawn(app)
        # A pause begins with the whole.
        await pilot.press("space")
        app.explorer.show_snapshot(whole, None)
        await pilot.pause(0.3)
        assert app.explorer.snapshot is whole
        assert "so far" not in drawn(app)
        assert "no other is in use" in drawn(app)
        await pilot.press("space", "m")
        assert app.screen is app.lens


async def test_a_part_that_shows_nothing_of_what_is_asked_for_is_not_shown(counts: Counts) -> None:
    part, *_, whole, _ = reading()
    hidden = [replace(process, unreadable="EACCES") for process in part.processes.values()]
    app = explorer(lambda: iter([replace(make.host(*hidden), partial=True)]))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        assert app.explorer.snapshot is None
        app.explorer.show_snapshot(whole, None)
        assert app.explorer.snapshot is whole
        assert app.explorer.listing.cursor == 1
        assert counts.shown == 1
