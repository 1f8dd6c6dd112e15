"""Live is current: what no process has to run for is told when it happens, and not by the next look at everything."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from textual.pilot import Pilot

from nsview.agent import links, notices, schedule
from nsview.hosts import spawn
from nsview.hosts.local import LocalHost
from nsview.model.net import Net
from nsview.model.records import NamespaceKey
from nsview.tui.app import NsviewApp
from nsview.tui.screens import netmap

from .conftest import require
from .daemons import Containerd, Docker
from .runtimes import Podman
from .test_follow import Live
from .workspace import Workspace, wait_until

# An agent that looks at everything once, so that whatever comes later was told to it.
_ONCE = """
import sys; sys.path.append(sys.argv[1])
from nsview.agent import schedule, main
schedule.LOOK = schedule.LOOK_TOLD = 1e9, 1
main.main()
"""


@pytest.fixture
def live() -> Iterator[Live]:
    argv = [sys.executable, "-I", "-S", "-c", _ONCE, spawn.ROOT]
    opened = Live(LocalHost(agent=subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)))
    yield opened
    opened.close()


def names(live: Live) -> set[str]:
    return {container.name for container in live.now.containers.values()}


def renamed(live: Live, engine: Docker | Podman) -> None:
    """A container's new names are shown, one after the other, and the old ones no more."""
    first, *others = (f"current-{os.getpid()}-{n}" for n in range(4))
    engine.container(first)
    name = first
    try:
        wait_until(lambda: first in names(live), 5, first)
        for other in others:
            engine.run("rename", name, other)
            before, name = name, other
            wait_until(lambda name=name, before=before: name in names(live) - {before}, 5, name)
    finally:
        engine.run("rm", "--force", name)
    wait_until(lambda: name not in names(live), 5, "its end")


def test_a_container_is_renamed(live: Live, docker: Docker) -> None:
    renamed(live, docker)


def test_a_container_of_podmans_is_renamed(live: Live, workspace: Workspace, rootfs: Path) -> None:
    require(*Podman.NEEDS)
    podman = Podman(workspace, rootfs)
    try:
        renamed(live, podman)
    finally:
        podman.clear()


def test_a_container_of_nerdctls_is_renamed(live: Live, containerd: Containerd, workspace: Workspace) -> None:
    """As nerdctl writes it: pkg/dnsutil/hostsstore/hostsstore.go. Without the file the name is the first one."""
    id, store = f"{workspace.bridge}-nerd", workspace.root / "nerdctl" / "1935db59"
    meta = store / "etchosts" / "default" / id / "meta.json"
    meta.parent.mkdir(parents=True)
    said = {"nerdctl/name": f"{id}-0", "nerdctl/state-dir": f"{store}/containers/default/{id}"}
    containerd.container(id, *(word for pair in said.items() for word in ("--annotation", "=".join(pair))))
    try:
        before = ""
        for name in (f"{id}-0", f"{id}-1", f"{id}-2"):
            known = {"Namespace": "default", "ID": id, "Networks": None, "Hostname": id[:12], "ExtraHosts": {}}
            meta.write_text(json.dumps({**known, "Name": name}))
            wait_until(lambda name=name, before=before: name in names(live) - {before}, 5, name)
            before = name
        meta.write_text(json.dumps({**known, "ID": "anothers", "Name": "anothers"}))
        wait_until(lambda: f"{id}-0" in names(live), 5, "its first name")
    finally:
        containerd.remove(id)


def test_a_namespace_is_mounted_and_unmounted(live: Live, workspace: Workspace) -> None:
    """Held by the mount alone, and beside a process that is in it."""
    with subprocess.Popen(["unshare", "--net", "sleep", "600"], start_new_session=True) as member:
        place = workspace.root / "mounted"
        place.touch()
        try:
            wait_until(lambda: _net(live, member.pid) not in (None, _net(live, os.getpid())), 5, "its namespace")
            inode = _net(live, member.pid)
            assert inode
            key: NamespaceKey = "net", inode
            for alone in (False, True):
                subprocess.run(["mount", "--bind", f"/proc/{member.pid}/ns/net", place], check=True)
                wait_until(lambda: str(place) in live.now.namespaces[key].names, 5, "the mount")
                if alone:
                    member.kill()
                    member.wait()
                    wait_until(lambda: member.pid not in live.now.processes, 5, "its end")
                    assert key in live.now.namespaces
                subprocess.run(["umount", place], check=True)
                wait_until(lambda: key not in live.now.namespaces or not live.now.namespaces[key].names, 5, "no mount")
            wait_until(lambda: key not in live.now.namespaces, 5, "its end")
        finally:
            member.kill()


def _net(live: Live, pid: int) -> int | None:
    process = live.now.processes.get(pid)
    return process.namespaces.net if process else None


def _trees() -> list[Path]:
    """Where each hierarchy of cgroups is mounted as a whole."""
    found: dict[str, Path] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, kind = line.split(), line.split(" - ")[1].split()[0]
        if kind in ("cgroup", "cgroup2") and fields[3] == "/":
            found.setdefault(fields[2], Path(fields[4]))
    return list(found.values())


@pytest.fixture(params=_trees(), ids=lambda tree: tree.name)
def tree(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A cgroup of each hierarchy in turn."""
    require("sleep")
    made = request.param / f"current-{os.getpid()}"
    made.mkdir()
    yield made
    for directory in [*sorted(made.rglob("*/"), reverse=True), made]:
        wait_until(lambda directory=directory: _removed(directory), 5, str(directory))


def _removed(directory: Path) -> bool:
    with suppress(OSError):
        directory.rmdir()
    return not directory.exists()


def _ready(directory: Path) -> None:
    """v1's cpuset takes nobody who has no processor to run on."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (directory / name).exists():
            (directory / name).write_text((directory.parent / name).read_text())


def _put(pid: int, directory: Path) -> None:
    """Move a process, by one that is over at once."""
    subprocess.run(["sh", "-c", f"echo {pid} >{directory}/cgroup.procs"], check=True)


def test_a_sleeper_is_moved_by_another(live: Live, tree: Path) -> None:
    """To a cgroup that was there, to new ones at once, and back."""
    _ready(tree)
    with subprocess.Popen(["sleep", "600"]) as sleeper:
        try:
            for root in _trees():
                _put(sleeper.pid, root)
            for place in (tree, tree / "a" / "b", tree / "c", tree, tree.parent):
                if not place.exists():
                    place.parent.mkdir(exist_ok=True)
                    _ready(place.parent)
                    place.mkdir()
                    _ready(place)
                _put(sleeper.pid, place)
                expected = f"/{place.relative_to(tree.parent)}".rstrip(".")
                wait_until(lambda e=expected: _is_in(live, sleeper.pid, e), 5, expected)
        finally:
            sleeper.kill()


def _is_in(live: Live, pid: int, path: str) -> bool:
    return pid in live.now.processes and live.now.processes[pid].cgroup == path


def test_cgroups_that_the_kernel_makes_wait_for_leave_time_for_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where others make and remove cgroups all the time: each look at one waits for theirs."""
    watched = notices.Notices()
    watched.begin()
    while watched.growing:
        watched.grow(1.0)
    watched.moved({}, 0.0)
    assert watched.changed, "no more than there was time for"
    watched.moved({}, 60.0)
    assert not watched.changed

    followed = schedule.Schedule()
    followed.looked(0.0)
    monkeypatch.setattr(notices.Notices, "growing", True)
    monkeypatch.setattr(notices.Notices, "grow", lambda self, seconds: time.sleep(5 * seconds))
    followed.begin()
    now = time.monotonic()
    assert followed.next(now) > now


@pytest.mark.parametrize("lost", [False, True], ids=["all told", "some lost"])
def test_cgroups_are_watched_for_as_long_as_they_are_there(tree: Path, lost: bool) -> None:
    """Not longer: the kernel keeps a watched one, and counts it, after its removal. By the kernel's list of watches."""
    watched = notices.Notices()
    info = Path(f"/proc/self/fdinfo/{watched.fileno()}")

    def watches() -> set[str]:
        watched.heard()
        while watched.growing:
            watched.grow(1.0)
        watched.heard()  # of those that are not watched any longer
        lines = (line.split() for line in info.read_text().splitlines() if line.startswith("inotify wd"))
        return {" ".join(words[2:4]) for words in lines}

    def watch(path: Path) -> str:
        found = path.stat()
        return f"ino:{found.st_ino:x} sdev:{os.major(found.st_dev) << 20 | os.minor(found.st_dev):x}"

    watched.begin()
    before = watches()
    paths = [tree / "kept", tree / "kept/below", tree / "removed", tree / "removed/below"]
    for path in paths:
        path.mkdir()
    made = {path: watch(path) for path in paths}
    try:
        assert watches() >= before | {*made.values()}
        for path in reversed(paths[2:]):
            path.rmdir()
        if lost:
            for _ in range(int(Path("/proc/sys/fs/inotify/max_queued_events").read_text()) // 2 + 1):
                paths[2].mkdir()
                paths[2].rmdir()
        paths[2].mkdir()
        found = watches()
        assert watch(paths[2]) in found and found >= {made[path] for path in paths[:2]}
        assert not found & {made[path] for path in paths[2:]}
    finally:
        for path in reversed(paths):
            if path.exists():
                path.rmdir()
        os.close(watched.fileno())


@pytest.fixture
def apart() -> Iterator[str]:
    """A net namespace by its name, to which nothing leads; "NAMEv" is for one end of a pair."""
    require("ip")
    name = f"cur{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield name
    subprocess.run(["ip", "netns", "del", name], check=True)


def _pair(name: str) -> None:
    words = f"link add {name}v type veth peer name end netns {name}"
    subprocess.run(["ip", *words.split()], check=True)


@pytest.mark.parametrize("pair", [True, False])
async def test_an_open_net_map_shows_what_changes(apart: str, pair: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told where the kernel tells it, which is where the two ends of a pair are; else asked for again and again."""
    monkeypatch.setattr(netmap, "REST", 1e6)
    monkeypatch.setattr(netmap, "SHARE", 1.0)  # however long it takes beside others
    monkeypatch.setattr(netmap, "SHARE_WAITED", 1.0)
    if pair:
        monkeypatch.setattr(netmap, "REST_UNTOLD", 1e6)
        _pair(apart)
    app = NsviewApp(LocalHost())
    async with app.run_test(size=(160, 50)) as pilot:
        await _until(pilot, lambda: app.explorer.snapshot is not None and not app.explorer.snapshot.partial)
        await pilot.press("w")
        inode = os.stat(f"/run/netns/{apart}").st_ino
        for number in range(2):
            await _until(pilot, lambda: _shown(app, inode))
            address = f"10.99.98.{number}/32"
            device = "end" if pair else "lo"
            subprocess.run(["ip", "-n", apart, "address", "add", address, "dev", device], check=True)
            await _until(pilot, lambda address=address: address in _addresses(app, inode))


def _shown(app: NsviewApp, inode: int) -> list[Net]:
    """The net namespace as it is shown; [] if it is not."""
    return [net for net in app.session.nets.nets if net.inode == inode] if app.session.nets else []


def _addresses(app: NsviewApp, inode: int) -> list[str]:
    """Of a net namespace, as it is shown."""
    return [address for net in _shown(app, inode) for interface in net.interfaces for address in interface.addresses]


async def _until(pilot: Pilot[int], ready: Callable[[], bool]) -> None:
    for _ in range(1200):
        if ready():
            return
        await pilot.pause(0.05)
    raise AssertionError("never")


def test_all_of_what_can_be_heard_is_known_to_be(apart: str) -> None:
    """A namespace to which nothing leads is not; nor is any where others may not be heard of."""
    heard = links.LinkSocket()
    try:
        own = os.stat("/proc/self/ns/net").st_ino
        ways = {own: lambda: os.open("/proc/self/ns/net", os.O_RDONLY)}
        assert heard.hears_of(ways)
        other = {**ways, 1: lambda: os.open(f"/run/netns/{apart}", os.O_RDONLY)}
        assert not heard.hears_of(other)
        _pair(apart)
        subprocess.run(["ip", "link", "show", f"{apart}v"], check=True)  # whoever asks makes it a number
        assert heard.hears_of(other)
        heard.take()
        subprocess.run(["ip", "-n", apart, "link", "set", "end", "mtu", "1400"], check=True)
        assert select.select([heard], [], [], 10)[0]
    finally:
        heard.close()
