"""The lens m: its keys, where a cell leads, and the explanation of its kind."""

import pytest
from textual.widgets import Checkbox

from nsview.model import matrix
from nsview.model.kinds import KIND_NAMES
from nsview.tui.screens import matrix as lens
from nsview.tui.screens.enter_dialog import JoinDialog
from nsview.tui.screens.help import HelpScreen
from nsview.tui.screens.matrix import Matrix
from nsview.tui.screens.palette import Palette

from .screens import SMALL, WIDE, drawn, opened


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_m_shows_who_is_in_which_namespace(size: tuple[int, int]) -> None:
    async with opened(size=size) as (app, pilot):
        await pilot.press("m")
        assert isinstance(app.screen, Matrix)
        lines = {line.split()[0]: line for line in drawn(app).splitlines() if line.strip()}
        assert lines["node-agent"].count("■ host") == 2
        web, logs = (lines[name].split() for name in ("web", "web-logs"))
        net = 2 * (1 + KIND_NAMES.index("net"))
        shared = web[net - 1 : net + 1]
        assert shared == logs[net - 1 : net + 1] and shared[0] not in ("·", "■", "□")
        assert all(own == "·" for name in (web, logs) for own in name[1:9:2])
        await pilot.press("escape")
        assert app.screen is app.explorer


@pytest.mark.parametrize("width", [80, 100, 120, 160])
async def test_each_sign_is_explained_whole_whatever_the_lines_are(width: int) -> None:
    async with opened(size=(width, 30)) as (app, pilot):
        await pilot.press("9", "m")  # from where the way back is named longest
        for digit in range(10):
            await pilot.press(str(digit))
            await pilot.pause()
            heading = drawn(app).splitlines()[1]
            for sign, meaning, brief in matrix.LEGEND[:4]:
                assert f"{sign} {brief if width < lens.WHOLE else meaning}  " in heading, digit
        await pilot.resize_terminal(220, 30)
        await pilot.pause()
        assert all(f"{sign} {meaning}" in drawn(app) for sign, meaning, _ in matrix.LEGEND[:4])


@pytest.mark.parametrize("width", [80, 120, 139, 140])
async def test_all_kinds_are_seen_whole(width: int) -> None:
    async with opened(size=(width, 40)) as (app, pilot):
        await pilot.press("m")
        await pilot.pause()
        (head,) = (line for line in drawn(app).splitlines() if line.split()[:1] == ["NAME"])
        assert head.split("▊")[0].split()[1:9] == list(KIND_NAMES)
        await pilot.press("5")  # cells with how many more
        await pilot.pause()
        (head,) = (line for line in drawn(app).splitlines() if line.split()[:1] == ["NAME"])
        assert head.split("▊")[0].split()[1:9] == list(KIND_NAMES)


async def test_enter_on_a_cell_goes_to_that_namespace_and_on_the_name_to_the_container() -> None:
    async with opened() as (app, pilot):
        await pilot.press("m", "end", *["right"] * (1 + KIND_NAMES.index("net")), "enter")
        await pilot.pause()
        row = app.explorer.listing.row
        assert app.screen is app.explorer and app.explorer.view.by == "net"
        assert row is not None and "web-logs" in [container.name for container in row.containers]  # type: ignore[union-attr]
        await pilot.press("m", "end", "enter")
        await pilot.pause()
        assert app.explorer.view.by == "container"
        assert app.explorer.listing.row.container.name == "web-logs"  # type: ignore[union-attr]


async def test_a_digit_makes_lines_of_something_else() -> None:
    async with opened() as (app, pilot):
        await pilot.press("m", "0")
        assert f"{len(app.explorer.snapshot.processes)} processes" in drawn(app)  # type: ignore[union-attr]
        await pilot.press("5")
        assert "web, web-logs" in drawn(app) and "/run/netns/" in drawn(app)


async def test_s_sorts_by_the_column_of_the_cursor() -> None:
    async with opened() as (app, pilot):
        await pilot.press("m", *["right"] * (1 + KIND_NAMES.index("net")), "s")
        assert isinstance(app.screen, Matrix)
        names = [line.cells[0].text for line in app.screen.table.lines]
        assert names[0] == "node-agent" and {*names[1:4]} == {"api", "checkout", "proxy"}


async def test_question_mark_explains_the_kind_of_the_cell_and_of_the_namespace() -> None:
    async with opened() as (app, pilot):
        await pilot.press("m", *["right"] * (1 + KIND_NAMES.index("pid")), "question_mark")
        assert isinstance(app.screen, HelpScreen)
        assert "The pid namespace" in drawn(app) and "When pid 1 exits" in drawn(app)
        await pilot.press("escape", "escape", "7", "home", "question_mark")
        assert "The cgroup namespace" in drawn(app)


async def test_of_a_line_that_is_in_many_namespaces_a_few_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs a look at all lines, and the host's own net may hold a thousand mnt."""
    looks: list[int] = []
    sharers = matrix.sharers
    monkeypatch.setattr(matrix, "sharers", lambda *asked: looks.append(asked[2]) or sharers(*asked))
    monkeypatch.setattr(lens, "_TOLD", 2)
    async with opened() as (app, pilot):
        await pilot.press("m", "5", "home")
        await pilot.pause()
        assert isinstance(app.screen, Matrix)
        entry = app.screen.table.line.subject  # type: ignore[union-attr]
        many = max(entry.namespaces, key=len)  # type: ignore[attr-defined]
        assert len(many) > 2
        assert f"and {len(many) - 2} more" in drawn(app)
        looks.clear()
        app.screen.about(app.screen.table.line)  # type: ignore[arg-type]
        assert len(looks) <= 2 * len(KIND_NAMES)


async def test_a_matrix_without_containers_says_what_to_press() -> None:
    async with opened() as (app, pilot):
        await pilot.press("m", "slash", *"nothing like it", "enter")
        assert "Esc shows everything again" in drawn(app)


async def test_e_asks_to_enter_what_is_behind_the_line_or_the_namespace_of_the_cell() -> None:
    async with opened() as (app, pilot):
        await pilot.press("m", "end", "e")
        await pilot.pause()
        assert isinstance(app.screen, JoinDialog) and "Enter web-logs" in drawn(app)
        await pilot.press("escape", *["right"] * (1 + KIND_NAMES.index("net")), "e")
        await pilot.pause()
        assert isinstance(app.screen, JoinDialog) and _ticked(app.screen) == ["kind-net"]
        await pilot.press("escape", "x")
        await pilot.pause()
        assert isinstance(app.screen, Palette)


async def test_the_return_from_a_shell_leads_to_the_lens_and_the_host_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[str] = []
    async with opened() as (app, pilot):
        monkeypatch.setattr(app.context.entrance, "enter", lambda plan, name: looks.append(name) or True)
        monkeypatch.setattr(app.session, "rescan", lambda: looks.append("again"))
        await pilot.press("m", "slash", *"web", "enter", "end", "e")
        await pilot.pause()
        assert isinstance(app.screen, JoinDialog)
        await pilot.press("escape")
        await pilot.pause()
        assert looks == ["web-logs", "again"]
        assert isinstance(app.screen, Matrix) and app.screen.filter.text == "web"
        line = app.screen.line()
        assert line is not None and line.cells[0].text == "web-logs"


def _ticked(dialog: JoinDialog) -> list[str | None]:
    return [box.id for box in dialog.query(Checkbox) if box.value]


async def test_e_where_nothing_is_behind_says_so() -> None:
    async with opened() as (app, pilot):
        await pilot.press("m", "slash", *"nobodyshere", "enter", "e")
        await pilot.pause()
        assert isinstance(app.screen, Matrix)
        assert [n.message for n in app._notifications] == ["No process or namespace is behind this line."]
