"""What makes it one's own: what is remembered, themes, keys, copies, files."""

from pathlib import Path

from nsview.state import Memory, State

from .screens import WIDE, explorer, loaded


async def test_the_next_run_looks_as_the_last_one_did(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    app = explorer(memory=Memory(file))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("4", "d")
    assert Memory(file).state == State(grouping="pid", details=False)
    app = explorer(memory=Memory(file))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        assert app.explorer.view.by == "pid"
        assert not app.explorer.query_one("#details").display
        assert app.explorer.listing.rows[1].namespace.type == "pid"  # type: ignore[union-attr]
