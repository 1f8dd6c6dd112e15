"""Each way of finding leads to the right row, on real containers: the answers are the daemons' and the kernel's."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
from textual.pilot import Pilot

from nsview.hosts.local import LocalHost
from nsview.model.view import GroupRow, ProcessRow
from nsview.tui.app import NsviewApp
from tests.tui.screens import WIDE, drawn

from . import workspace
from .command import links, nsview, printed
from .daemons import Containerd, Docker

WEB, PEER, OTHER, POD = (f"{name}{os.getpid()}" for name in ("fweb", "fpeer", "fother", "fpod"))
PORT = str(workspace.PORT)


@pytest.fixture(scope="module")
def pids(docker: Docker, containerd: Containerd) -> Iterator[dict[str, int]]:
    """{name: first process, by its daemon}: a server, who shares its network, another, and one of containerd."""
    served = ("httpd", "-f", "-p", PORT)
    yield {
        WEB: docker.container(WEB, command=served),
        PEER: docker.container(PEER, "--network", f"container:{WEB}"),
        OTHER: docker.container(OTHER),
        POD: containerd.container(POD, namespace="k8s.io"),
    }
    for name in (WEB, PEER, OTHER):
        docker.remove(name)
    containerd.remove(POD, namespace="k8s.io")


@asynccontextmanager
async def exploring() -> AsyncIterator[tuple[NsviewApp, Pilot[int]]]:
    """The explorer of this machine."""
    app = NsviewApp(LocalHost())
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: bool(app.explorer.listing.rows))
        yield app, pilot


async def until(pilot: Pilot[int], ready: Callable[[], bool], what: str = "") -> None:
    end = monotonic() + 20 * workspace.PATIENCE
    while monotonic() < end:
        await pilot.pause(0.05)
        if ready():
            return
    raise AssertionError(f"{what or 'never'}; the screen:\n{drawn(pilot.app)}")  # type: ignore[arg-type]


def chosen(app: NsviewApp) -> object:
    """The pid, the inode, or the container's name under the cursor."""
    row = app.explorer.listing.row
    match row:
        case ProcessRow():
            return row.process.pid
        case GroupRow():
            return row.namespace.inode if row.namespace else row.container.name if row.container else None
    return None


def found(*expression: str, table: str = "processes") -> list[int]:
    """The pids that the command line finds."""
    return [process["pid"] for process in printed("list", table, "--filter", *expression)["processes"]]


def test_the_command_line_finds_by_each_field(pids: dict[str, int], docker: Docker) -> None:
    web, peer = pids[WEB], pids[PEER]
    net, mnt = links(web)["net"], links(web)["mnt"]
    id = docker.inspect(WEB)["Id"]
    for expression in (
        f"container={WEB}", f"container={id}", f"container={id[:12]}*", f"pid={web}", f"mnt:{mnt}", f"inode={mnt}",
        f"net:{net} not container={PEER}", f"net:[{net}] httpd", f"port={PORT}", f"cgroup~{id}", f'"-p {PORT}" {WEB}',
        f"(container={WEB} or container={PEER}) name=httpd",
    ):  # fmt: skip
        assert found(expression) == [web], expression
    assert sorted(found(f"net={net}")) == sorted((web, peer))
    assert sorted(found(f"shared.net=2 container=f*{os.getpid()}")) == sorted((web, peer))
    assert sorted(found(f"pid=1 container=f*{os.getpid()}")) == sorted(pids.values())
    assert found(f"pid=1 container={POD} runtime=containerd runtime=k8s.io") == [pids[POD]]
    shared = printed("list", "--type", "net", "--filter", f"shared>1 {WEB}")["namespaces"]
    assert [namespace["inode"] for namespace in shared] == [net]
    alone = printed("list", "containers", "--filter", f"container={PEER}")["containers"]
    assert [container["init_pid"] for container in alone] == [peer]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("container=web )", "--filter, at character 15: nothing opens this parenthesis"),
        ("contaner=web", "--filter, at character 1: no field is called contaner here (in quotes it is text)"),
        ("net:", "--filter, at its end: net: needs a value"),
        ('a "b', "--filter, at character 3: nothing closes this quote"),
    ],
)
def test_the_command_line_says_where_an_expression_is_wrong(expression: str, said: str) -> None:
    done = nsview("list", "--filter", expression)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"nsview: {said}")


async def test_what_is_typed_into_the_filter_leaves_the_right_rows(pids: dict[str, int]) -> None:
    net = links(pids[WEB])["net"]
    async with exploring() as (app, pilot):
        for expression, left in (
            (WEB, [pids[WEB]]),
            (f"container={PEER}", [pids[PEER]]),
            (f"net:{net}", [pids[WEB], pids[PEER]]),
            (f"shared>1 not host net:{net}", [pids[WEB], pids[PEER]]),
            (str(net), [pids[WEB], pids[PEER]]),
            (f"pid=1 (container={WEB} or container={POD})", [pids[WEB], pids[POD]]),
        ):
            await pilot.press("slash", "ctrl+u", *expression, "enter")
            rows = app.explorer.listing.rows
            # Who started them has their names in its command line for a moment.
            await until(
                pilot,
                lambda: {r.process.pid for r in rows if isinstance(r, ProcessRow) and not r.context} == set(left),  # noqa: B023
                expression,
            )


async def test_a_number_typed_at_the_colon_leads_to_its_row_and_back(pids: dict[str, int], docker: Docker) -> None:
    net = links(pids[WEB])["net"]
    id = docker.inspect(OTHER)["Id"]
    async with exploring() as (app, pilot):
        begun = chosen(app)
        for text, row in (
            (str(pids[POD]), pids[POD]), (str(net), net), (f"net:{net}", net), (f"uts:[{links(pids[WEB])['uts']}]",
            links(pids[WEB])["uts"]), (id[:14], OTHER), (OTHER, OTHER), (f"container={PEER} name=sleep", pids[PEER]),
        ):  # fmt: skip
            await pilot.press("colon", *text)
            await pilot.pause(0.1)
            await pilot.press("enter")
            await until(pilot, lambda: chosen(app) == row, text)  # noqa: B023
        for _ in range(7):
            await pilot.press("backspace")
        assert chosen(app) == begun


async def test_the_numbers_of_a_row_are_followed_through_the_host(pids: dict[str, int], docker: Docker) -> None:
    """From a container's process to its shim, whose daemon is this docker's containerd, and to who shares its net."""
    shim = int(Path(f"/proc/{pids[WEB]}/stat").read_text().rpartition(")")[2].split()[1])
    async with exploring() as (app, pilot):
        app.go_to(pids[WEB])
        await pilot.press("o", *"shim", "enter")
        await until(pilot, lambda: chosen(app) == shim)
        await pilot.press("o", *"daemon it serves", "enter")
        await until(pilot, lambda: chosen(app) not in (shim, None))
        daemon = chosen(app)
        assert os.readlink(f"/proc/{daemon}/exe").endswith("/containerd")
        assert str(docker.containerd_address.parent) in Path(f"/proc/{daemon}/cmdline").read_text()
        await pilot.press("backspace", "backspace")
        assert chosen(app) == pids[WEB]
        await pilot.press("o", *"net namespace", "enter")
        await until(pilot, lambda: chosen(app) == links(pids[WEB])["net"])
        await pilot.press("o", *PEER, "enter")
        await until(pilot, lambda: chosen(app) == PEER)
