"""What the keys and the mouse do."""

import gzip
import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.events import Key
from textual.widgets import Button, Checkbox, Input, Static

from nsview.hosts.recording import RecordedHost, demo
from nsview.model.changes import changes
from nsview.model.snapshot import Snapshot
from nsview.model.view import GROUPINGS, GroupRow, NoteRow, ProcessRow
from nsview.tui.app import NsviewApp
from nsview.tui.screens.enter_dialog import Box, JoinDialog, NamespaceDialog
from nsview.tui.screens.help import HelpScreen
from nsview.tui.screens.menu import Menu
from nsview.tui.widgets.details import DetailsPane
from nsview.tui.widgets.kind_bar import KindBar
from nsview.tui.widgets.row_list import RowList
from nsview.tui.widgets.status import Status

from .screens import SMALL, USER, drawn, explorer, opened, running


def on(app: NsviewApp) -> str:
    """What the cursor is on, in words."""
    row = app.explorer.listing.row
    match row:
        case ProcessRow():
            return f"{row.container.name if row.container else '-'}: {row.process.comm}"
        case GroupRow():
            return row.namespace.label if row.namespace else row.container.name if row.container else "?"
        case NoteRow():
            return row.text
    return "nothing"


def line(app: NsviewApp, y: int) -> str:
    """A line of the list as drawn."""
    return app.explorer.listing.render_line(y).text.rstrip()


async def go_to(app: NsviewApp, container: str, comm: str) -> None:
    """Put the cursor on a container's process."""
    listing = app.explorer.listing
    for place, row in enumerate(listing.rows):
        process = isinstance(row, ProcessRow) and row.container
        if process and (process.name, row.process.comm) == (container, comm):
            listing.cursor = place
            return
    raise AssertionError(f"{container}: {comm} is not in the list")


async def test_it_opens_below_the_hosts_own_namespace_which_is_folded_but_there() -> None:
    async with opened() as (app, _):
        assert "host" in line(app, 1)
        assert "▶" in line(app, 1)
        assert app.explorer.listing.cursor == 1
        assert "shared by 2 containers" in line(app, 2)


@pytest.mark.parametrize("number", range(10))
async def test_a_digit_groups_otherwise_and_the_selection_stays(number: int) -> None:
    async with opened() as (app, pilot):
        await go_to(app, "web-logs", "tail")
        await pilot.press(str(number))
        assert app.explorer.query_one(KindBar).by == GROUPINGS[number]
        assert on(app) == "web-logs: tail"


async def test_a_folded_group_opens_to_keep_the_selection() -> None:
    async with opened() as (app, pilot):
        await go_to(app, "web-logs", "tail")
        await pilot.press("6")
        assert on(app) == "web-logs: tail"
        groups = [row for row in app.explorer.listing.rows if isinstance(row, GroupRow)]
        assert [group.folded for group in groups if group.initial] == [False]


async def test_brackets_go_through_all_groupings_and_back() -> None:
    async with opened() as (app, pilot):
        seen = []
        for _ in GROUPINGS:
            await pilot.press("right_square_bracket")
            seen.append(app.explorer.view.by)
        assert sorted(seen) == sorted(GROUPINGS)
        await pilot.press("left_square_bracket")
        assert app.explorer.view.by == "pid"


async def test_filter_is_live_kept_by_enter_and_undone_by_escape() -> None:
    async with opened() as (app, pilot):
        every = len(app.explorer.listing.rows)
        await pilot.press("slash", *"proxy")
        assert len(app.explorer.listing.rows) == 4  # the head, and all that share the namespace
        assert "1 of 3 processes" in line(app, 1) and "proxy" in on(app)
        assert f" 1 of {len(app.explorer.snapshot.processes)} processes " in drawn(app)  # type: ignore[union-attr]
        await pilot.press("enter")
        assert app.focused is app.explorer.listing
        assert app.explorer.query_one(Status).filter == "proxy"
        await pilot.press("escape")
        assert app.explorer.query_one(Status).filter == ""
        assert len(app.explorer.listing.rows) == every
        assert on(app) == "proxy: nc"  # what was found, now among all the others


async def test_the_selection_survives_a_filter_and_its_undoing() -> None:
    async with opened() as (app, pilot):
        await go_to(app, "proxy", "nc")
        await pilot.press("slash", *"shop", "enter")
        assert on(app) == "proxy: nc"
        await pilot.press("escape")
        assert on(app) == "proxy: nc"


async def test_q_in_the_filter_is_a_letter_and_elsewhere_quits() -> None:
    async with opened() as (app, pilot):
        await pilot.press("slash", "q")
        assert app.explorer.query_one(Input).value == "q"
        await pilot.press("escape", "q")
    assert app.return_code == 0


async def test_what_matches_nothing_says_how_to_get_back() -> None:
    async with opened() as (app, pilot):
        await pilot.press("slash", *"zzz")
        assert on(app) == "Nothing matches. Esc clears the filter."


async def test_arrows_fold_and_unfold() -> None:
    async with opened() as (app, pilot):
        group = app.explorer.listing.row
        assert isinstance(group, GroupRow)
        await pilot.press("down", "left")
        assert app.explorer.listing.row == group
        await pilot.press("left")
        assert isinstance(app.explorer.listing.row, GroupRow)
        assert app.explorer.listing.row.folded
        await pilot.press("right")
        assert app.explorer.listing.row == group
        await pilot.press("right")
        assert isinstance(app.explorer.listing.row, ProcessRow)


async def test_fold_all_and_back() -> None:
    async with opened() as (app, pilot):
        await pilot.press("f")
        assert all(isinstance(row, GroupRow) for row in app.explorer.listing.rows)
        await pilot.press("f")
        assert any(isinstance(row, ProcessRow) for row in app.explorer.listing.rows)


async def test_ends_pages_and_vi_keys_move_the_cursor() -> None:
    async with opened(size=SMALL) as (app, pilot):
        listing = app.explorer.listing
        last = len(listing.rows) - 1
        await pilot.press("G")
        assert listing.cursor == last
        assert line(app, listing.size.height - 1) != ""
        await pilot.press("g")
        assert listing.cursor == 0
        await pilot.press("j", "j", "k")
        assert listing.cursor == 1
        await pilot.press("pagedown")
        assert listing.cursor == min(last, 1 + listing.size.height - 1)
        await pilot.press("pageup", "pageup")
        assert listing.cursor == 0


async def test_the_cursor_is_always_in_sight() -> None:
    async with opened(size=SMALL) as (app, pilot):
        listing = app.explorer.listing
        await pilot.press("0")
        for key in ("end", "home", *["pagedown"] * 5, *["up"] * 9):
            await pilot.press(key)
            assert 0 <= listing.cursor - listing.scroll_offset.y < listing.size.height - 1


async def test_mouse_selects_folds_and_chooses_the_kind() -> None:
    async with opened() as (app, pilot):
        await pilot.click(RowList, offset=(10, 3))
        assert isinstance(app.explorer.listing.row, ProcessRow)
        await pilot.click(RowList, offset=(0, 2))
        row = app.explorer.listing.row
        assert isinstance(row, GroupRow)
        assert row.folded
        await pilot.click(KindBar, offset=(3, 0))
        assert app.explorer.view.by == "tree"


async def test_details_tell_namespaces_chain_and_container_of_the_chosen_process() -> None:
    async with opened() as (app, pilot):
        await go_to(app, "web-logs", "tail")
        await pilot.pause(0.4)
        text = drawn(app)
        for expected in ("web-logs", "ops/agent:7", "containerd-shim", "serves it", "known by", "this container only"):
            assert expected in text


async def test_d_hides_and_shows_the_details() -> None:
    async with opened() as (app, pilot):
        pane = app.explorer.query_one(DetailsPane)
        assert pane.display
        await pilot.press("d")
        assert not pane.display
        await pilot.press("d")
        assert pane.display


async def test_of_a_namespace_without_a_name_its_processes_follow() -> None:
    async with opened() as (app, pilot):
        await pilot.press("1")
        rows = (row for row in app.explorer.listing.rows if isinstance(row, GroupRow) and row.namespace)
        nameless = [row.namespace.label for row in rows if len(row.pids) == 1 and not row.containers]  # type: ignore[union-attr]
        assert any(f"{label}  1 process " in drawn(app) for label in nameless)


async def test_a_narrow_screen_has_the_details_below() -> None:
    async with opened() as (app, pilot):
        listing, pane = app.explorer.listing, app.explorer.query_one(DetailsPane)
        assert pane.region.x > listing.region.x
        await pilot.resize_terminal(*SMALL)
        await pilot.pause()
        assert pane.region.x == listing.region.x
        assert pane.region.y > listing.region.y
        assert listing.row is not None


@pytest.mark.parametrize("key", ["question_mark", "f1"])
@pytest.mark.parametrize("opens", ["", "m", "u"])
async def test_help_has_the_keys_in_five_groups(key: str, opens: str) -> None:
    app = explorer()
    async with running(app, (160, 120)) as pilot:
        await pilot.press(*opens)
        await pilot.pause()
        await pilot.press(key)
        await pilot.pause()
        lines = [line.partition("│")[2].partition("│")[0].strip() for line in drawn(app).splitlines()]
        places = [lines.index(group) for group in ("Move", "Find", "Look", "Act", "Take along", "Filters (/)")]
        assert places == sorted(places)
        of = {
            group: "\n".join(lines[begin:end])
            for group, begin, end in zip(("Move", "Find", "Look", "Act"), places, places[1:], strict=False)
        }
        assert "PgDn" in of["Move"] or "pgdn" in of["Move"].lower()
        assert "Find a pid" in of["Find"] and "Show only what matches" in of["Find"] and "shell" in of["Act"]
        assert "Findings" in of["Look"] or opens
        name, own = {
            "": ("Explorer", "Group by: 0 tree"),
            "m": ("Matrix", "A line for each: 0 process"),
            "u": ("Use", "each process"),
        }[opens]
        assert lines.index(name) < places[0] and "\n".join(lines).count(own) == 1
        assert own in "\n".join(lines[lines.index(name) : places[0]])
        await pilot.press(key)
        assert app.screen is (app.lens or app.explorer)


async def test_help_lists_the_real_bindings_and_closes() -> None:
    app = explorer()
    async with running(app, (160, 120)) as pilot:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        text = drawn(app)
        await pilot.press("end")
        text += drawn(app)
        for words in ("Look again now", "Show only what matches", "devices, addresses, routes, ports", "CLONE_NEWNET"):
            assert words in text
        await pilot.press("q")
        assert app.screen is app.explorer


async def test_becoming_root_is_offered_to_live_users_alone() -> None:
    async with opened(USER) as (app, _):
        assert app.check_action("elevate", ()) is False  # a recording
        assert "unreadable" in app.explorer.query_one(Status).render().plain
        assert app.explorer.view.by == "container"


async def test_the_dialog_presets_the_kinds_and_tells_the_consequences() -> None:
    async with opened() as (app, pilot):
        await go_to(app, "web-logs", "tail")
        await pilot.press("e")
        await pilot.pause()
        assert isinstance(app.screen, JoinDialog)
        ticked = [box.id for box in app.screen.query(Checkbox) if box.value]
        assert ticked == ["kind-mnt", "kind-uts", "kind-ipc", "kind-pid", "kind-net"]
        await pilot.press("4")
        words = app.screen.query_one("#words", Static).render().plain
        assert "mnt without pid" in words
        by_hand = app.screen.query_one("#nsenter", Static).render().plain
        assert "nsenter -t" in by_hand
        assert "--pid" not in by_hand
        await pilot.press("escape")
        assert app.screen is app.explorer
        assert on(app) == "web-logs: tail"


async def test_the_words_of_the_boxes_are_whole_at_80_columns_where_others_may_be_hidden() -> None:
    async with opened(size=SMALL) as (app, pilot):
        known = app.explorer.snapshot
        assert known is not None
        snapshot = replace(known, host=replace(known.host, hides_processes=True))
        process = next(p for p in snapshot.processes.values() if p.container and p.comm == "nc")
        details = await app.session.details(process)
        assert details is not None
        app.push_screen(JoinDialog(process, details, snapshot, None, app.session.host, None))
        await pilot.pause()
        text, boxes = drawn(app), [box.label.plain for box in app.screen.query(Box)]
        assert all(words in text for words in boxes)
        assert any("no other container seen" in words for words in boxes)


async def test_a_namespace_row_presets_its_own_kind() -> None:
    async with opened() as (app, pilot):
        await pilot.press("e")
        await pilot.pause()
        assert [box.id for box in app.screen.query(Checkbox) if box.value] == ["kind-net"]


async def test_a_recording_cannot_be_entered_but_its_plan_copied() -> None:
    async with opened() as (app, pilot):
        await go_to(app, "web-logs", "tail")
        await pilot.press("e")
        await pilot.pause()
        assert app.screen.query_one("#ok", Button).disabled
        await pilot.press("ctrl+y")
        assert app.clipboard.startswith("nsenter -t ")


async def test_a_namespace_without_processes_says_so() -> None:
    async with opened() as (app, pilot):
        await pilot.press("slash", *"blue", "enter")
        assert "nsenter --net=/run/netns/blue ip addr" in drawn(app)
        await pilot.press("e")
        await pilot.pause()
        assert isinstance(app.screen, NamespaceDialog)
        assert "no process is in it" in drawn(app) and "nsenter --net=/run/netns/blue" in drawn(app)
        await pilot.press("9", "0", "enter", "escape")
        assert app.screen is app.explorer


async def test_hostile_names_are_shown_harmless(tmp_path: Path) -> None:
    """A recording whose process calls itself what a terminal, or markup, would obey."""
    name = "\x1b]0;owned\x07[red]x[/red]\n\u202etxt"
    lines = gzip.decompress(demo().read_bytes()).splitlines()
    snapshot = json.loads(lines[1])
    for process in snapshot["processes"]:
        process["comm"], process["cmdline"], process["user"] = name, [name], name
    for container in snapshot["containers"]:
        container["name"] = container["image"] = name
    path = tmp_path / "hostile.jsonl"
    path.write_bytes(lines[0] + b"\n" + json.dumps(snapshot).encode() + b"\n")
    app = NsviewApp(RecordedHost(path))
    async with running(app) as pilot:
        for key in ("0", "9", "5", "down"):
            await pilot.press(key)
            text = drawn(app)
            assert "\x1b" not in text
            assert "\u202e" not in text
            assert "\\x1b]0;owned" in text
            assert "[red]" in text


async def test_a_row_is_drawn_only_when_visible() -> None:
    """The cost of a key does not grow with the list: lines rendered are counted."""
    async with opened(size=SMALL) as (app, pilot):
        await pilot.press("0", "home")
        await pilot.pause()
        listing = app.explorer.listing
        lines = []
        render_line = listing.render_line
        listing.render_line = lambda y: lines.append(y) or render_line(y)  # type: ignore[method-assign,func-returns-value]
        await pilot.press("down")
        await pilot.pause()
        assert 0 < len(lines) <= 2 * listing.size.height


def without(snapshot: Snapshot, pid: int) -> Snapshot:
    return replace(snapshot, processes={p: process for p, process in snapshot.processes.items() if p != pid})


def moved(snapshot: Snapshot, pid: int, inode: int) -> Snapshot:
    process = snapshot.processes[pid]
    process = replace(process, namespaces=replace(process.namespaces, net=inode))
    return replace(snapshot, processes={**snapshot.processes, pid: process})


async def test_pause_keeps_what_is_shown_and_marks_what_happens() -> None:
    async with opened() as (app, pilot):
        before = app.explorer.snapshot
        assert before is not None
        web, logs = (next(c.init_pid for c in before.containers.values() if c.name == n) for n in ("web", "web-logs"))
        assert web is not None
        assert logs is not None
        await pilot.press("space")
        later = moved(without(before, web), logs, before.host.initial.net or 0)
        app.explorer.show_snapshot(later, changes(before, later))
        await pilot.pause(0.1)
        text = drawn(app)
        assert "paused  +0 -1 ~1" in text
        assert f"- {web}" in " ".join(text.split())
        assert f"~ {logs}" in " ".join(text.split())
        await pilot.press("space")
        await pilot.pause(0.1)
        assert app.explorer.snapshot is later
        assert "paused" not in drawn(app)


async def test_births_and_deaths_are_marked_for_a_moment() -> None:
    async with opened() as (app, pilot):
        whole = app.explorer.snapshot
        assert whole is not None
        logs = next(c.init_pid for c in whole.containers.values() if c.name == "web-logs")
        assert logs is not None
        later = without(whole, logs)
        app.explorer.show_snapshot(later, changes(whole, later))
        await pilot.pause(0.1)
        assert f"- {logs}" in " ".join(drawn(app).split())
        await pilot.pause(2)
        assert f" {logs} " not in drawn(app)
        app.explorer.show_snapshot(whole, changes(later, whole))
        await pilot.pause(0.1)
        assert f"+ {logs}" in " ".join(drawn(app).split())
        await pilot.pause(2)
        assert f"+ {logs}" not in " ".join(drawn(app).split())
        assert f" {logs} " in drawn(app)


async def test_namespaces_nest_below_their_parent_or_owner() -> None:
    async with opened() as (app, pilot):
        await pilot.press("4", "t")
        depths = [row.depth for row in app.explorer.listing.rows if isinstance(row, GroupRow) and row.namespace]
        assert depths[0] == 0
        assert set(depths[1:]) == {1}
        await pilot.press("5")
        owners = [row for row in app.explorer.listing.rows if isinstance(row, GroupRow) and row.owner]
        assert [row.namespace.type for row in owners if row.namespace] == ["user"]
        assert owners[0].shown == len(owners[0].pids) > 0 and owners[0].oldest in owners[0].pids
        await pilot.press("t")
        assert not any(isinstance(row, GroupRow) and row.depth for row in app.explorer.listing.rows)


async def test_a_click_on_a_title_that_no_order_is_by_asks_for_one() -> None:
    async with opened() as (app, pilot):
        row = app.explorer.listing.cursor
        await pilot.click("#listing", offset=(11, 0))  # INSIDE
        await pilot.pause()
        assert isinstance(app.screen, Menu)
        await pilot.press("escape")
        assert app.explorer.listing.cursor == row


async def test_a_click_on_a_key_presses_it() -> None:
    async with opened() as (app, pilot):
        bar = drawn(app).splitlines()[-1]
        await pilot.click("#keys", offset=(bar.index("Help"), 0))
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)


async def test_a_ready_command_opens_the_dialog_filled_in() -> None:
    async with opened() as (app, pilot):
        await go_to(app, "web-logs", "tail")
        await pilot.press("x")
        await pilot.pause(0.3)
        await pilot.press(*"tcpdump", "enter")
        await pilot.pause(0.5)
        if not isinstance(app.screen, JoinDialog):  # the palette takes the first Enter to choose, where it is slow
            await pilot.press("enter")
            await pilot.pause(0.5)
        assert isinstance(app.screen, JoinDialog)
        assert app.screen.query_one("#command", Input).value == "tcpdump -ni any"
        assert [box.id for box in app.screen.query(Checkbox) if box.value] == ["kind-net", "privileges"]


async def test_keys_typed_ahead_of_the_end_do_no_harm() -> None:
    async with opened() as (app, _):
        app.exit()
        await app.explorer.action_filter()
    assert app.return_code == 0


async def test_help_that_is_closed_at_once_does_no_harm() -> None:
    async with opened() as (app, pilot):
        for _ in range(5):
            app.action_help()
            app.screen.dismiss()
            await pilot.pause()
        assert app.screen is app.explorer


async def test_what_keeps_the_agent_from_seeing_all_is_said_above_the_rows(tmp_path: Path) -> None:
    lines = gzip.decompress(demo().read_bytes()).splitlines()
    hello = json.loads(lines[0])
    hello["host"]["notes"] = ["processes of others are hidden (hidepid=2)"]
    path = tmp_path / "hidden.jsonl"
    path.write_bytes(json.dumps(hello).encode() + b"\n" + lines[1] + b"\n")
    app = NsviewApp(RecordedHost(path))
    async with running(app):
        assert "processes of others are hidden (hidepid=2)" in drawn(app).splitlines()[2]


@pytest.mark.parametrize("first", [(), ("m",), ("slash", *"web", "enter")], ids=["explorer", "lens", "again"])
@pytest.mark.parametrize("key", ["slash", "colon"])
async def test_what_is_typed_ahead_of_a_line_is_in_it_whole(first: tuple[str, ...], key: str) -> None:
    """On a host under load all of it comes before the line has the focus."""
    async with opened() as (app, pilot):
        await pilot.press(*first)
        app.post_message(Key(key, {"slash": "/", "colon": ":"}[key]))
        for letter in "port=8080":
            app.post_message(Key({"=": "equals_sign"}.get(letter, letter), letter))
        await pilot.pause()
        await pilot.pause(0.1)
        assert isinstance(app.focused, Input) and app.focused.value == "port=8080"
