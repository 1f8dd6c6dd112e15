"""The matrix and the pane on real containers: what docker inspect says of their modes is what the screen shows."""

import os
from collections.abc import Iterator

import pytest

from nsview.hosts.local import LocalHost
from nsview.model import matrix
from nsview.model.kinds import KIND_NAMES, KindName
from nsview.model.matrix import Entry
from tests.tui.screens import drawn

from .command import links, said
from .conftest import require
from .daemons import Containerd, Docker
from .test_finding import exploring, until

MODES: dict[KindName, str] = {
    "net": "NetworkMode", "pid": "PidMode", "ipc": "IpcMode", "uts": "UTSMode", "user": "UsernsMode",
    "cgroup": "CgroupnsMode",
}  # fmt: skip
WEB, PEER, AGENT, PLAIN, TASK = (f"{name}{os.getpid()}" for name in ("mweb", "mpeer", "magent", "mplain", "mtask"))


@pytest.fixture(scope="module")
def pids(docker: Docker, containerd: Containerd) -> Iterator[dict[str, int]]:
    """{name: first process}: one apart, one that shares with it, one that shares with the host, and others."""
    yield {
        WEB: docker.container(WEB, "--ipc", "shareable", "--hostname", "front-1", "--memory", "64m"),
        PEER: docker.container(
            PEER, *(f"--{kind}=container:{WEB}" for kind in ("network", "pid", "ipc")), "--cgroupns", "private"
        ),
        AGENT: docker.container(AGENT, "--network=host", "--pid=host", "--ipc=host", "--uts=host"),
        PLAIN: docker.container(PLAIN),
        TASK: containerd.container(TASK),
    }
    for name in (PEER, WEB, AGENT, PLAIN):
        docker.remove(name)
    containerd.remove(TASK)


def test_a_cell_is_the_hosts_shared_or_its_own_as_docker_inspect_says(docker: Docker, pids: dict[str, int]) -> None:
    host = LocalHost(once=True)
    try:
        snapshot = host.first()
    finally:
        host.stop()
    cells = {
        line.cells[0].text: dict(zip(KIND_NAMES, line.cells[1:], strict=False))
        for line in matrix.lines(snapshot, "container")
    }
    for name in (WEB, PEER, AGENT, PLAIN):
        inspected = docker.inspect(name)
        config = inspected["HostConfig"]
        for kind, field in MODES.items():
            mode, text = config[field], cells[name][kind].text
            if mode == "host" or (mode == "" and kind == "user"):
                assert text in (matrix.HOST, matrix.USUAL_HOST, matrix.USUAL_HOST[0]), (name, kind)
            elif mode.startswith("container:"):
                assert text == cells[WEB][kind].text, (name, kind)
                assert text[0].isalpha()
            else:
                assert text not in (matrix.HOST, matrix.USUAL_HOST, matrix.USUAL_HOST[0]), (name, kind)
        # No other mode than these is known to docker: each container's own.
        assert cells[name]["mnt"].text.startswith(matrix.ALONE)


def test_two_cells_are_equal_where_the_links_in_proc_are(pids: dict[str, int]) -> None:
    host = LocalHost(once=True)
    try:
        lines = matrix.lines(host.first(), "container")
    finally:
        host.stop()
    of_name = {line.cells[0].text: line for line in lines}
    for kind, place in ((kind, place + 1) for place, kind in enumerate(KIND_NAMES)):
        for one in pids:
            entry = of_name[one].subject
            assert isinstance(entry, Entry)
            assert entry.namespaces[place - 1] == (links(pids[one])[kind],)
            for other in pids:
                equal = links(pids[one])[kind] == links(pids[other])[kind]
                assert (of_name[one].cells[place].text == of_name[other].cells[place].text) == equal, (kind, one, other)


async def test_what_containers_share_is_read_off_the_screen_and_a_cell_opened(pids: dict[str, int]) -> None:
    """Which containers are in the host's net namespace (moby#32501), and who is with me in mine?"""
    async with exploring() as (app, pilot):
        await pilot.press("m", "slash", *AGENT, "enter")
        await until(pilot, lambda: "■ host" in drawn(app))
        (shown,) = [line for line in drawn(app).splitlines() if line.startswith(f" {AGENT} ")]
        assert shown.count("■ host") == 4
        await pilot.press("escape", "slash", *PEER, "enter", *["right"] * (1 + KIND_NAMES.index("net")))
        await until(pilot, lambda: "shared with" in drawn(app))
        assert WEB in drawn(app)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.explorer)
        row = app.explorer.listing.row
        assert row.namespace.inode == links(pids[WEB])["net"]  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["mnt", "uts", "pid", "cgroup"])
async def test_the_pane_tells_first_what_the_namespace_of_the_chosen_kind_holds(
    pids: dict[str, int], kind: KindName
) -> None:
    require("nsenter")
    pid = pids[WEB]
    expected = {
        "mnt": f"{len(said(['cat', f'/proc/{pid}/mountinfo']).splitlines())} mounts",
        "uts": said(["nsenter", "-t", str(pid), "-u", "hostname"]).strip(),
        "pid": f"pid:[{links(pid)['pid']}]  pid 1",
        "cgroup": "of 64.0 MiB",
    }[kind]
    async with exploring() as (app, pilot):
        await until(pilot, lambda: pid in app.explorer.snapshot.processes)  # type: ignore[union-attr]
        app.explorer.action_group(kind)
        app.go_to(pid)
        await until(pilot, lambda: expected in drawn(app), expected)
