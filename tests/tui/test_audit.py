"""The audit and the comparison on the screen, on a host that is made up here: frames as an agent writes them."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nsview.hosts.recording import RecordedHost
from nsview.model.kinds import KIND_NAMES
from nsview.model.security import Security, mask
from nsview.tui.app import NsviewApp
from nsview.tui.screens.audit import Audit
from nsview.tui.screens.compare import Compare
from nsview.tui.widgets.table import Table
from tests.unit.make import HOST, container, process
from tests.unit.model.test_audit import NOTHING, PROC, ROOT, SYS, caps, facts, inside

from .screens import SMALL, USER, WIDE, drawn, loaded, running

ESC = "\x1b[31mred"


def recording(path: Path, security: list[Security] | None = None) -> Path:
    """A host with a container "web" as docker makes one, and "agent", which was given all kinds of things."""
    first, shim = process(1, 0, comm="init"), process(2, 1, comm="containerd-shim")
    web = inside(7, ppid=2, nspid=(7, 1))
    agent = inside(
        9, ppid=2, mnt=21, pid=1, net=1, ipc=23, uts=22, container="docker:agent", cgroup="/docker/agent", comm=ESC
    )
    containers = [container("web", [7], shim_pid=2), container("agent", [9], shim_pid=2, name=f"agent{ESC}")]
    keys = sorted({(k, getattr(p.namespaces, k)) for p in (first, shim, web, agent) for k in KIND_NAMES})
    namespaces = [{"type": kind, "inode": inode, "device": 4, "initial": inode == 1} for kind, inode in keys]
    frames: list[dict[str, Any]] = [
        {"frame": "hello", "schema": 1, "host": HOST},
        {"frame": "snapshot", "taken_at": 1.0, "processes": [first, shim, web, agent], "namespaces": namespaces,
         "containers": containers},
        {"frame": "holders", "id": 1, "taken_at": 1.0, "kinds": [], "processes": 4, "unreadable": {}},
    ]  # fmt: skip
    given = facts(9, seccomp=0, mounts=(ROOT, PROC, SYS), inside=NOTHING, capabilities=caps(mask("SYS_ADMIN")))
    told = [facts(7), given] if security is None else security
    for done, known in enumerate(told, 1):
        frames.append({"frame": "security", "id": 2, "done": done, "total": len(told), "lsm": [], "processes": [known]})
    path.write_bytes(b"".join(msgspec.json.encode(frame) + b"\n" for frame in frames))
    return path


@pytest.fixture
def host(tmp_path: Path) -> RecordedHost:
    return RecordedHost(recording(tmp_path / "host.jsonl"))


def table(app: NsviewApp) -> Table:
    assert app.lens is not None
    return app.lens.table


def cells(app: NsviewApp, column: int) -> list[str]:
    return [line.cells[column].text for line in table(app).lines]


async def test_findings_are_shown_the_worst_first(host: RecordedHost) -> None:
    app = NsviewApp(host)
    async with running(app) as pilot:
        await pilot.press("a")
        await pilot.pause()
        assert isinstance(app.lens, Audit)
        assert cells(app, 0) == ["high", "high", "medium", "medium", "medium", "low", "low"]
        assert set(cells(app, 2)) == {
            "capabilities", "proc-writable", "host-pid", "host-net", "seccomp-off", "root-is-root",
        }  # fmt: skip
        assert app.lens.heading() == "2 high, 3 medium, 2 low"
        shown = drawn(app)
        assert "Capabilities beyond the default set" in shown
        assert "SYS_ADMIN" in shown and "WHY IT MATTERS" in shown and "WHAT TO DO" in shown
        assert "\x1b" not in shown.replace("\n", ""), "names are as hostile as their owners"


@pytest.mark.parametrize("width", [100, 120, 140, 160])
async def test_what_is_found_of_a_container_is_not_cut(width: int) -> None:
    app = NsviewApp(RecordedHost(USER.with_name("shop.jsonl.gz")))
    async with running(app, (width, 35)) as pilot:
        await pilot.press("a")
        await pilot.pause()
        found = [
            text for text, severity in zip(cells(app, 3), cells(app, 0), strict=True) if severity in ("high", "medium")
        ]
        assert len(found) >= 3 and all(text in drawn(app) for text in found)


async def test_a_filter_and_the_way_to_the_container_and_back(host: RecordedHost) -> None:
    app = NsviewApp(host)
    async with running(app, SMALL) as pilot:
        await pilot.press("a", "slash", *"web", "enter")
        await pilot.pause()
        assert cells(app, 1) == ["web"]
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen is app.explorer
        row = app.explorer.listing.row
        assert row is not None and row.container is not None and row.container.name == "web"  # type: ignore[union-attr]


async def test_rules_that_are_ignored_are_not_told_of(host: RecordedHost) -> None:
    app = NsviewApp(host)
    app.context.audit_ignore = ("root-is-root", "host-net:docker:agent")
    async with running(app) as pilot:
        await pilot.press("a")
        await pilot.pause()
        assert not {"root-is-root", "host-net"} & set(cells(app, 2))


async def test_two_thousand_findings_of_one_rule_are_one_line_until_one_is_sought(tmp_path: Path) -> None:
    path = recording(tmp_path / "host.jsonl")
    blues = [{"type": "net", "inode": 100 + n, "device": 4, "names": [f"/run/netns/blue{n:04}"]} for n in range(2000)]
    delta = {"frame": "delta", "taken_at": 1.0, "processes": [], "gone": [], "namespaces": blues,
             "namespaces_gone": [], "containers": [], "containers_gone": []}  # fmt: skip
    with path.open("ab") as file:
        file.write(msgspec.json.encode(delta) + b"\n")
    app = NsviewApp(RecordedHost(path))
    async with running(app) as pilot:
        await pilot.press("a")
        await pilot.pause()
        assert app.lens is not None and app.lens.heading() == "2 high, 3 medium, 2002 low"
        assert len(table(app).lines) == 8
        assert cells(app, 3)[-2].startswith("2,000 named net namespaces without processes: blue0000, ")
        await pilot.press("end", "up")
        await pilot.pause()
        assert "and 1,980 more" in drawn(app) and drawn(app).count("net:1") < 60
        await pilot.press("slash", *"blue0007", "enter")
        await pilot.pause()
        assert cells(app, 1) == ["blue0007"]


async def test_a_recording_without_facts_says_what_was_not_checked(tmp_path: Path) -> None:
    app = NsviewApp(RecordedHost(recording(tmp_path / "host.jsonl", [])))
    async with running(app) as pilot:
        await pilot.press("a")
        await pilot.pause()
        assert cells(app, 0) == ["medium", "medium", "?"]
        assert re.fullmatch("how [0-9]+ of [0-9]+ processes in containers are confined", cells(app, 3)[-1])
        await pilot.press("end")
        assert "nothing is known of that" in drawn(app)


async def test_nothing_is_asked_for_while_it_is_closed(host: RecordedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    whole = host.security
    monkeypatch.setattr(host, "security", lambda pids=None: asked.append(pids) or whole(pids))
    app = NsviewApp(host)
    async with running(app) as pilot:
        assert asked == []
        await pilot.press("a")
        await pilot.pause()
        await pilot.press("q")
        await pilot.pause()
        assert asked == [None]


async def test_two_marked_rows_are_compared(host: RecordedHost) -> None:
    app = NsviewApp(host)
    async with running(app) as pilot:
        await pilot.press("9")
        await pilot.pause()
        explorer = app.explorer
        app.go_to(7)
        await pilot.press("v")
        app.go_to(9)
        await pilot.press("c")
        await pilot.pause()
        assert isinstance(app.lens, Compare)
        assert {app.lens.a.pid, app.lens.b.pid} == {7, 9}
        rows = {line.cells[1].text: [cell.text for cell in line.cells] for line in table(app).lines}
        assert rows["pid"] == ["≠", "pid", "14", "1 host"]
        assert rows["user"] == ["=", "user", "1 host", "1 host"]
        assert rows["effective caps"][3].endswith(" of both, SYS_ADMIN")
        assert rows["seccomp"][:1] + rows["seccomp"][2:] == ["≠", "filter", "off"]
        assert rows["mount /proc/sys"][3] == "-"
        assert "parted at 2 containerd-shim" in app.lens.heading()
        await pilot.press("q")
        assert app.screen is explorer
        assert "◆" in drawn(app)


async def test_what_to_mark_is_said_and_a_third_mark_lets_the_first_go(host: RecordedHost) -> None:
    app = NsviewApp(host)
    async with running(app) as pilot:
        await pilot.press("0")
        await pilot.pause()
        await pilot.press("c")
        assert app.lens is None, "nothing is marked"
        for pid in (2, 7, 9):
            app.go_to(pid)
            await pilot.pause()
            await pilot.press("v")
        assert [p.pid for p in app.explorer.marks.of.values()] == [7, 9]
        await pilot.press("v")
        assert [p.pid for p in app.explorer.marks.of.values()] == [7]


def test_frames_of_facts_add_up(host: RecordedHost) -> None:
    told = host.security()
    assert sorted(told.processes) == [7, 9]
    assert told.complete
    line = next(line for line in host.path.read_bytes().splitlines() if b'"security"' in line)
    assert json.loads(line)["total"] == 2


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["160x50", "80x24"])
@pytest.mark.parametrize("name", ["audit", "compare", "audit-unknown"])
def test_looks(tmp_path: Path, snap_compare: Any, name: str, size: tuple[int, int]) -> None:
    async def press(pilot: Any) -> None:
        await loaded(pilot)
        if name == "compare":
            pilot.app.go_to(7)
            await pilot.press("v")
            pilot.app.go_to(9)
            await pilot.press("c")
        else:
            await pilot.press("a")
        await pilot.pause(0.4)

    told = [] if name == "audit-unknown" else None
    app = NsviewApp(RecordedHost(recording(tmp_path / "host.jsonl", told)))
    assert snap_compare(app, terminal_size=size, run_before=press)
