"""The tasks of somebody who looks after a host, each done on real containers in a real terminal, with keys alone, and
its answer read off the screen. `Keys` counts them: no task takes more than the number at its head.

A name of three letters stands for `web`, one of four for `peer` and `blue`, one of six for an image without a shell.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import workspace
from .command import links, said
from .conftest import require
from .daemons import IMAGE, Docker
from .test_terminal import NSVIEW, Terminal
from .workspace import Workspace, wait_until

_LETTERS = "ghijkmnopqrstuvwxyz"  # no number in hex has them
_OWN = _LETTERS[os.getpid() // len(_LETTERS) % len(_LETTERS)] + _LETTERS[os.getpid() % len(_LETTERS)]
WEB, PEER, BLUE, BARE, OPEN = (f"{_OWN}{end}" for end in ("w", "pe", "bl", "bare", "open"))
GONE, LOOP = f"{_OWN}z-gone", f"{_OWN}z-loop"
BARE_IMAGE = "nsview-bare:1"
PORT = str(workspace.PORT)


@pytest.fixture(scope="module")
def pids(docker: Docker, workspace: Workspace) -> Iterator[dict[str, int]]:
    """{name: first process, by the daemon}: a server whose port is published, a container that shares its network, one
    without a shell, one that has the host's files; and the namespace BLUE that `ip netns` made."""
    require("tmux", "ip", "nsenter", "busybox")
    root = workspace.root / "bare"
    root.mkdir()
    shutil.copy(shutil.which("busybox") or "", root / "sleep")
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        words = [*docker.command, "import", "-", BARE_IMAGE]
        subprocess.run(words, stdin=tar.stdout, stdout=subprocess.DEVNULL, check=True)
    docker.container(WEB, "--publish", f"{PORT}:8080", command=("httpd", "-f", "-p", "8080"))
    docker.container(PEER, "--network", f"container:{WEB}", command=("tail", "-f", f"/etc/{_OWN}", "/dev/null"))
    docker.container(OPEN, "--pid", "host", "--volume", "/:/host")
    docker.run("run", "--detach", "--name", BARE, BARE_IMAGE, "/sleep", "9999")
    said(["ip", "netns", "add", BLUE])
    yield {name: docker.inspect(name)["State"]["Pid"] for name in (WEB, PEER, OPEN, BARE)}
    said(["ip", "netns", "delete", BLUE])
    docker.run("rm", "--force", WEB, PEER, OPEN, BARE)


class Keys:
    """The keys that are pressed, and the screen that they lead to."""

    def __init__(self, workspace: Workspace, width: int, height: int, directory: Path) -> None:
        begun = ["env", f"--chdir={directory}", f"XDG_STATE_HOME={directory}", *NSVIEW]  # a first run, with its hint
        self._terminal = Terminal(workspace, width, height, begun)
        self._terminal.shows("Any key goes on")
        self.wide = width > 80
        self.number = 0

    def press(self, *keys: str) -> "Keys":
        """Each a name of tmux's, or a text that is typed letter by letter."""
        for key in keys:
            named = key in ("Enter", "Escape")
            (self._terminal.press if named else self._terminal.type)(key)
            self.number += 1 if named else len(key)
        return self

    def shows(self, *texts: str) -> str:
        return self._terminal.shows(*texts)

    def says(self, pattern: str) -> re.Match[str]:
        """The place on the screen, once there is one."""
        found: list[re.Match[str] | None] = []

        def come() -> bool:
            found[:] = [re.search(pattern, self._terminal.screen(), re.MULTILINE)]
            return found[0] is not None

        try:
            wait_until(come, 20, pattern)
        except TimeoutError as error:
            raise AssertionError(f"{error}; the screen:\n{self._terminal.screen()}") from None
        assert found[0]
        return found[0]

    def find(self, name: str) -> "Keys":
        """Go to the row of a container."""
        return self.press(":", name, "Enter")

    def inside(self, script: str) -> "Keys":
        """A line for the shell that is open; not counted."""
        self._terminal.type(script)
        self._terminal.press("Enter")
        return self

    def close(self) -> None:
        self._terminal.close()


Begin = Callable[[int], Keys]


@pytest.fixture(params=[(160, 50), (80, 24)], ids=["160x50", "80x24"])
def begin(
    request: pytest.FixtureRequest, workspace: Workspace, pids: dict[str, int], tmp_path: Path
) -> Iterator[Begin]:
    """A task that takes at most so many keys."""
    bounds: list[int] = []
    keys = Keys(workspace, *request.param, tmp_path)

    def begun(most: int) -> Keys:
        bounds.append(most)
        return keys

    yield begun
    keys.close()
    assert bounds and 0 < keys.number <= bounds[0]


def test_who_shares_the_network_of_a_container(begin: Begin, pids: dict[str, int]) -> None:
    keys = begin(6).press("/", WEB, "Enter")
    keys.shows(f"net:[{links(pids[WEB])['net']}]  {PEER}, {WEB}  shared by 2 containers")


def test_the_container_shim_and_daemon_of_a_pid(begin: Begin, pids: dict[str, int], docker: Docker) -> None:
    pid = pids[WEB]
    shim = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    keys = begin(2 + len(str(pid))).press(":", str(pid), "Enter")
    if keys.wide:
        keys.says(rf"{docker.containerd_pid} containerd\b")
        keys.says(rf"└╌{shim} containerd-shim  serves it")
        keys.says(rf"└─{pid} httpd {WEB}")
        keys.says(rf"name +{WEB}\b")
    keys.shows(f"pid         {pid} here, 1 inside")
    keys.says(rf"^ *{pid} +1 +root +{WEB} ")


def test_a_shell_in_a_container_and_back(begin: Begin, pids: dict[str, int]) -> None:
    keys = begin(7).find(WEB).press("e")
    keys.shows(f"Enter {WEB}:")
    keys.press("Enter")
    keys.shows(f"in {WEB} as root; exit returns", "/ #")
    keys.inside("readlink /proc/self/ns/net").shows(f"net:[{links(pids[WEB])['net']}]")
    keys.inside("exit").shows("Help")
    keys.says(rf"name +{WEB}\b")


def test_the_addresses_of_a_container_by_the_hosts_ip(begin: Begin, docker: Docker) -> None:
    keys = begin(8).find(WEB).press("x")
    keys.shows(f"Run in {WEB}")
    keys.press("Enter").shows(f"Enter {WEB}:")
    keys.press("Enter").shows(f"inet {docker.inspect(WEB)['NetworkSettings']['IPAddress']}/", "exit code 0")


def test_packets_of_a_container(begin: Begin) -> None:
    keys = begin(12).find(WEB).press("x")
    keys.shows(f"Run in {WEB}")
    keys.press("dump").shows("packets on all interfaces")
    keys.press("Enter").shows(f"Enter {WEB}:", "tcpdump -")
    keys.press("Enter").shows("nsview enter")
    keys.says(r"listening on any|tcpdump is not on this host")


def test_a_shell_in_a_container_without_one(begin: Begin, pids: dict[str, int]) -> None:
    keys = begin(10).find(BARE).press("e")
    keys.shows(f"Enter {BARE}:", "[x] 0 toolbox: the host's static busybox")
    keys.press("Enter").shows(f"in {BARE} as root; exit returns")
    keys.inside("readlink /proc/self/ns/mnt; echo /s*").shows(f"mnt:[{links(pids[BARE])['mnt']}]", "/sleep /sys")


def test_the_container_behind_a_published_port(begin: Begin) -> None:
    keys = begin(1 + len(PORT)).press(":", PORT)
    keys.shows(f"published at tcp {PORT}  {WEB}  docker  {IMAGE}")


def test_whose_a_veth_is(begin: Begin, pids: dict[str, int]) -> None:
    peer = re.search(r"eth0@if(\d+)", said(["nsenter", "-t", str(pids[WEB]), "-n", "ip", "-o", "link"]))
    assert peer
    veth = re.search(rf"^{peer[1]}: (\w+)@", said(["ip", "-o", "link"]), re.MULTILINE)
    assert veth and len(veth[1]) == 11
    keys = begin(13).press(":", veth[1])
    keys.shows(f"{veth[1]} leads to  net:[{links(pids[WEB])['net']}]  {PEER}, {WEB}")
    keys.press("Enter").shows(f"net:[{links(pids[WEB])['net']}]  {PEER}, {WEB}  shared by 2 containers")


def test_why_a_netns_exists(begin: Begin) -> None:
    keys = begin(6).press(":", BLUE, "Enter")
    keys.shows(f"net:[{os.stat(f'/run/netns/{BLUE}').st_ino}]  /run/netns/{BLUE}  0 processes  held by that mount")
    keys.says(rf"mounted at +/run/netns/{BLUE}")
    if keys.wide:
        keys.says(rf"mount /run/netns/{BLUE}\b")
        keys.shows(f"nsenter --net=/run/netns/{BLUE} ip addr")


def test_which_containers_are_dangerous(begin: Begin) -> None:
    begin(1).press("a").says(rf"high +{OPEN} +has the host's / at /host, to write")


def test_the_container_of_a_command_of_which_a_part_is_known(begin: Begin, pids: dict[str, int]) -> None:
    keys = begin(9).press("/", f"c/{_OWN}", "Enter")
    keys.says(rf"^ *{pids[PEER]} +1 +root +{PEER} +tail -f /etc/{_OWN}")


def test_two_containers_compared(begin: Begin, pids: dict[str, int]) -> None:
    keys = begin(16).find(WEB).press("v")
    keys.shows(f"◆ {WEB}")
    keys.find(PEER).press("c")
    net = links(pids[WEB])["net"]
    keys.says(rf"^ =  net +{net} +{net}\b")
    keys.says(r"^ ≠  mnt ")


def test_a_thing_copied(begin: Begin) -> None:
    keys = begin(2).press("y")
    keys.shows("Copy", "inode", "JSON")
    keys.press("Enter").shows("Copied ")


def test_the_screen_in_a_file(begin: Begin, tmp_path: Path, pids: dict[str, int]) -> None:
    keys = begin(2).press("E")
    keys.shows("Export to a file", ".json", "↑ ↓ choose another ending")
    keys.press("Enter").shows("Written to")
    (file,) = tmp_path.glob("*.json")
    assert pids[WEB] in {process["pid"] for process in json.loads(file.read_text())["processes"]}


def test_what_changed_while_one_was_away(begin: Begin, docker: Docker) -> None:
    keys = begin(5)
    keys.says(r"\d containers +live")
    try:
        docker.run("run", "--detach", "--name", LOOP, "--restart", "on-failure:1", IMAGE, "sh", "-c", "exit 3")
        wait_until(lambda: docker.inspect(LOOP)["State"]["Status"] == "exited", 20, "its last end")
        docker.container(GONE)
        docker.run("rm", "--force", GONE)
        keys.press("i", "/", f"{_OWN}z")
        keys.says(rf"started +{GONE} +{GONE} ")
        keys.says(rf"stopped +{GONE} +{GONE} +exit code 137")
        keys.says(rf"restarted +{LOOP} +{LOOP} +exit code 3")
    finally:
        docker.run("rm", "--force", GONE, LOOP, check=False)
