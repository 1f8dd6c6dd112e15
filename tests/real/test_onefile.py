"""The one file, where there is no Python: in a container of busybox alone, and in a Debian of its smallest packages."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import onefile

from .conftest import require
from .daemons import IMAGE, Docker
from .test_hostfiles import ADMIN, NET_ADMIN, POD, PTRACE
from .user import AS_NOBODY, NOBODY
from .workspace import Workspace

HOST = ("--rm", *POD, PTRACE, ADMIN, NET_ADMIN)
_NO_PYTHON = 'for name in python python3; do ! command -v $name || exit 9; done; exec /nsview "$@"'


@pytest.fixture(scope="module")
def file(workspace: Workspace) -> Path:
    made = workspace.root / "onefile" / "nsview"
    onefile.build(made)
    return made


@pytest.fixture(scope="module", params=["busybox", "debian"])
def words(request: pytest.FixtureRequest, file: Path, docker: Docker, workspace: Workspace) -> Iterator[list[str]]:
    """The words that run the file in a container of the host's pid namespace."""
    image = IMAGE
    if request.param == "debian":
        require("debootstrap")
        try:
            socket.create_connection(("deb.debian.org", 80), 10).close()
        except OSError as error:
            pytest.skip(f"Debian's packages can't be had: {error}")
        root, image = workspace.root / "debian", "nsview-debian:1"
        if not root.exists():
            subprocess.run(
                ["debootstrap", "--variant=minbase", "stable", str(root)], check=True, stdout=subprocess.DEVNULL
            )
            with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
                subprocess.run([*docker.command, "import", "-", image], stdin=tar.stdout, check=True)
    yield [*docker.command, "run", *HOST, f"--volume={file}:/nsview:ro", image, "sh", "-c", _NO_PYTHON, "nsview"]


def run(words: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*words, *arguments], check=False, capture_output=True, text=True, timeout=120)


def test_it_runs_where_there_is_no_python(words: list[str], docker: Docker) -> None:
    docker.container("one-web", "--hostname", "into")
    try:
        listed = run(words, "list", "containers", "-q")
        assert listed.returncode == 0 and "one-web" in listed.stdout.splitlines(), listed.stderr
        exported = run(words, "export", "--prometheus")
        assert exported.returncode == 0 and "nsview_info" in exported.stdout, exported.stderr
        assert run(words, "list", "nets").returncode == 0
        entered = run(words, "enter", "one-web", "--", "hostname")
        assert (entered.returncode, entered.stdout) == (0, "into\n"), entered.stderr
    finally:
        docker.remove("one-web")


def test_a_place_that_another_has_made_is_not_taken(file: Path, workspace: Workspace) -> None:
    """As anybody could in a directory that all may write. The next place is tried, and there is none."""
    done = subprocess.run([str(file), "--unpacked"], check=True, capture_output=True, text=True)
    name = Path(done.stdout.strip()).name
    shutil.rmtree(done.stdout.strip())
    home = workspace.root / "onefile-home"
    (home / ".cache" / name.replace("-0-", f"-{NOBODY}-") / "bin").mkdir(parents=True)
    for path in (home, home / ".cache"):
        path.chmod(0o777)
    program = home / ".cache" / name.replace("-0-", f"-{NOBODY}-") / "bin" / "nsview"
    program.write_text("#!/bin/sh\necho taken in\n")
    program.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_RUNTIME_DIR": "/nonexistent"}
    words = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o noexec none /dev/shm && exec "$@"', "sh", *AS_NOBODY]
    done = subprocess.run(
        [*words, str(file), "--version"], check=False, capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
    assert "nowhere to unpack to" in done.stderr


def test_the_same_source_makes_the_same_file(file: Path, tmp_path: Path) -> None:
    again = tmp_path / "nsview"
    onefile.build(again)
    assert again.read_bytes() == file.read_bytes()
