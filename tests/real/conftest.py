"""Fixtures on real daemons: `docker`, `containerd`, and `population` of processes with known namespaces.

They need root and the Debian packages that tests/run installs. Where these are missing a test is skipped, and with
CI=true it fails. Every test in this directory gets the mark `real`.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import in_ci

from .daemons import CommandError, Containerd, Docker, make_rootfs, missing
from .joining import Terminal
from .nets import Seen
from .population import Population
from .workspace import Workspace

if TYPE_CHECKING:
    from .account import Account
    from .runtimes import Podman
    from .user import User

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker("real")


def unavailable(reason: str) -> None:
    """Skip, or in CI fail, for what this machine lacks."""
    (pytest.fail if in_ci() else pytest.skip)(f"{reason} (tests/run installs what is missing)")


def require(*programs: str) -> None:
    """Root and these programs, or `unavailable`."""
    if os.geteuid() != 0:
        unavailable("needs root")
    if absent := missing(*programs):
        unavailable(f"not found: {', '.join(absent)}")


@pytest.fixture(scope="session")
def workspace() -> Iterator[Workspace]:
    """The directory that everything real of this session lives in."""
    require("ip", "umount")
    # timeout(1) and CI systems end a run by SIGTERM, which would leave daemons behind until the next one.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Workspace.create() as created:
        yield created
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def rootfs(workspace: Workspace) -> Path:
    """A root directory with busybox, for containers without an image."""
    require("busybox", "chroot")
    root = workspace.root / "rootfs"
    try:
        make_rootfs(root)
    except CommandError as error:
        unavailable(f"busybox-static is needed: {error}")
    return root


@pytest.fixture(scope="session")
def docker(workspace: Workspace, rootfs: Path) -> Iterator[Docker]:
    """A dockerd of this session with the image nsview-test:1. All its containers go at the end."""
    require(*Docker.NEEDS)
    daemon = Docker(workspace, rootfs)
    yield daemon
    daemon.stop()


@pytest.fixture(scope="session")
def containerd(workspace: Workspace, rootfs: Path) -> Iterator[Containerd]:
    """A containerd of this session. All containers made through it go at the end."""
    require(*Containerd.NEEDS)
    daemon = Containerd(workspace, rootfs)
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def podman(workspace: Workspace, rootfs: Path) -> "Iterator[Podman]":
    """A podman with a root of its own. All its containers go at the end of the module."""
    from .runtimes import Podman

    require(*Podman.NEEDS)
    made = Podman(workspace, rootfs)
    yield made
    made.clear()


@pytest.fixture
def seen() -> Iterator[Seen]:
    require("ip", "nsenter", "ss")
    found = Seen()
    yield found
    found.host.stop()


@pytest.fixture
def population(workspace: Workspace) -> Iterator[Population]:
    """Processes with known namespaces, gone at the end of the test."""
    require("unshare", "nsenter")
    with Population(workspace) as people:
        yield people


@pytest.fixture(scope="module")
def web(docker: Docker) -> Iterator[int]:
    """A container j-web of the image: its first process, as the host counts."""
    yield docker.container("j-web")
    docker.remove("j-web")


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Terminals that are put in here are closed at the end."""
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


@pytest.fixture(scope="session")
def account(workspace: Workspace) -> "Iterator[Account]":
    from .account import Account

    require("useradd", "userdel", "usermod", "chpasswd", "setpriv")
    account = Account(workspace)
    yield account
    account.remove()


@pytest.fixture(scope="session")
def user(workspace: Workspace) -> "User":
    """Nobody, who runs nsview."""
    from .user import User

    require("setpriv", "unshare", "mount")
    return User(workspace)
