"""The net map on a recording: what is typed, drawn and followed."""

from nsview.model.netmap import NetItem
from nsview.model.view import ProcessRow
from nsview.tui.app import NsviewApp
from nsview.tui.screens.netmap import NetMap
from tests.real.test_finding import until

from .screens import NET, SMALL, USER, WIDE, drawn, opened


def netmap(app: NsviewApp) -> NetMap:
    assert isinstance(app.lens, NetMap)
    return app.lens


def shown(app: NsviewApp) -> list[str]:
    return ["".join(cell.text for cell in line.cells) for line in netmap(app).table.lines]


async def test_which_container_listens_on_a_port_is_answered_by_typing_it() -> None:
    async with opened(NET) as (app, pilot):
        await pilot.press("w")
        await pilot.pause()
        await pilot.press("slash", *"8080")
        await pilot.pause()
        assert len(shown(app)) == 2
        assert "web, web-logs" in drawn(app)
        assert "14773 httpd  web" in drawn(app)


async def test_which_container_is_a_veth_is_answered_by_typing_it() -> None:
    async with opened(NET, size=SMALL) as (app, pilot):
        await pilot.press("w")
        await pilot.pause()
        await pilot.press("slash", *"veth14c58fe", "enter")
        await pilot.pause()
        assert "↔ eth0 of ledger" in drawn(app)
        assert "veth71fd92a  veth" not in drawn(app)


async def test_enter_goes_to_the_process_that_listens_and_back_leads_here() -> None:
    async with opened(NET) as (app, pilot):
        await pilot.press("w")
        await pilot.pause()
        await pilot.press("slash", *"5432", "enter", "G", "enter")
        await pilot.pause()
        assert app.lens is None
        row = app.explorer.listing.row
        assert isinstance(row, ProcessRow) and row.process.comm == "nc"
        await pilot.press("backspace")
        await pilot.pause()
        assert netmap(app).table.lines


async def test_enter_on_an_interface_goes_to_where_it_leads() -> None:
    async with opened(NET) as (app, pilot):
        await pilot.press("w")
        await pilot.pause()
        table = netmap(app).table
        line = next(line for line in table.lines if line.cells[0].text.strip() == "p1")
        table.select(line.key)
        await pilot.press("enter")
        await pilot.pause()
        group = app.explorer.listing.row
        assert group is not None and "red" in str(getattr(group, "namespace", None))


async def test_it_opens_on_the_namespace_of_the_chosen_row() -> None:
    async with opened(NET) as (app, pilot):
        app.go_to("ledger")
        await pilot.pause()
        await pilot.press("w")
        await pilot.pause()
        line = netmap(app).table.line
        assert line is not None and line.cells[0].text == "ledger"


async def test_the_picture_and_the_table_are_one_key_apart_and_keep_the_line() -> None:
    async with opened(NET) as (app, pilot):
        await pilot.press("w")
        await pilot.pause()
        await pilot.press("slash", *"web", "enter", "G", "p")
        await pilot.pause()
        assert any("╪═ eth0  10.213.67.2/24" in line for line in shown(app))
        assert not any("ledger" in line for line in shown(app)), "what was not asked for is not drawn"
        line = netmap(app).table.line
        assert line is not None and isinstance(line.subject, NetItem)
        assert line.subject.thing is not None and "8080" in str(line.subject.thing)
        await pilot.press("escape")
        await pilot.pause()
        assert any("ledger" in line for line in shown(app))
        await pilot.press("p")
        await pilot.pause()
        assert "INTERFACE, PORT" in drawn(app)


async def test_the_picture_is_as_wide_as_there_is_room() -> None:
    async with opened(NET) as (app, pilot):
        await pilot.press("w", "p")
        await pilot.pause()
        assert max(map(len, shown(app))) > SMALL[0]
        await pilot.resize_terminal(*SMALL)
        await pilot.pause(0.1)
        assert max(map(len, shown(app))) <= SMALL[0]


async def test_a_picture_is_not_sorted() -> None:
    async with opened(NET) as (app, pilot):
        await pilot.press("w", "p")
        await pilot.pause()
        before = shown(app)
        await pilot.press("p", "s", "S", "p", "s", "S")
        await pilot.pause()
        assert shown(app) == before


async def test_what_is_drawn_is_taken_away_as_the_table_has_it() -> None:
    async with opened(NET) as (app, pilot):
        await pilot.press("w")
        await pilot.pause()
        await pilot.press("slash", *"8080", "enter", "G")
        listed, line = netmap(app).listed(), netmap(app).line()
        assert line is not None and line.cells[0].text.strip() == "tcp 8080"
        await pilot.press("p")
        await pilot.pause()
        assert list(netmap(app).listed()) == list(listed)
        assert netmap(app).line() == line


async def test_a_recording_without_a_net_map_says_so() -> None:
    async with opened(USER) as (app, pilot):
        await pilot.press("w")
        await pilot.pause()
        assert "has no net map in it" in drawn(app)


async def test_what_it_told_stays_in_the_details_of_a_namespace() -> None:
    async with opened(NET) as (app, pilot):
        app.go_to(("net", 4026532410))
        await pilot.pause()
        assert "w reads interfaces, addresses, and who listens" in drawn(app)
        await pilot.press("w")
        await until(pilot, lambda: app.session.nets is not None)
        await pilot.press("q")
        app.go_to(("net", 4026532489))
        await until(pilot, lambda: "10.213.67.3/24  ↔ veth14c58fe of host" in drawn(app))
        assert "tcp 5432" in drawn(app)


async def test_it_costs_nothing_while_it_is_closed() -> None:
    async with opened(NET) as (app, pilot):
        await pilot.press("w")
        await pilot.pause()
        lens = netmap(app)
        await pilot.press("q")
        await pilot.pause()
        made: list[object] = []
        lens.lines = lambda: made.append(1) or []  # type: ignore[method-assign,func-returns-value]
        assert app.explorer.snapshot is not None
        app.explorer.show_snapshot(app.explorer.snapshot, None)
        await pilot.pause(0.1)
        assert not made and not lens.is_attached


async def test_a_screen_of_160_columns_tells_the_whole_way_of_each_port() -> None:
    async with opened(NET, WIDE) as (app, pilot):
        await pilot.press("w")
        await pilot.pause(0.2)
        assert app.lens is not None
        table = app.lens.table
        lines = [table.render_line(y).text.rstrip() for y in range(1, 1 + len(table.lines))]
        assert any("listens" in line for line in lines) and [line for line in lines if line.endswith("…")] == []
