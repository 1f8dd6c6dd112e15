"""The one file, where there is no Python: in a container of busybox alone, and in a small Debian 11."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import onefile

from . import debian
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
    image = IMAGE if request.param == "busybox" else debian.image(docker, workspace)
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


def _read(file: Path, what: str) -> str:
    return subprocess.run(["readelf", "-W", what, str(file)], check=True, capture_output=True, text=True).stdout


_OF_THE_LOADER = {"ld-linux-x86-64.so.2", "ld.so"}
_OLDEST = (4, 18)
"""The kernel of RHEL 8; Debian 11 has 5.10."""


def test_no_library_of_the_host_is_needed_and_no_newer_kernel_or_processor(file: Path) -> None:
    """So it makes no difference which glibc a host has: RHEL 8 has 2.28, Alpine none, and the build's is 2.36."""
    require("readelf")
    home = Path(subprocess.run([str(file), "--unpacked"], check=True, capture_output=True, text=True).stdout.strip())
    library = home / "lib"
    binaries = [path for path in home.rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]
    needed = {name for path in binaries for name in re.findall(r"\(NEEDED\).*\[(.+)\]", _read(path, "-d"))}
    assert "libc.so.6" in needed and needed <= {path.name for path in library.iterdir()} | _OF_THE_LOADER
    told = {path: _read(path, "-V").partition("Version needs section") for path in binaries}
    defined = {
        name for path in library.iterdir() if path in told for name in re.findall(r"GLIBC_[\d.]+", told[path][0])
    }
    wanted = {name for _, _, needs in told.values() for name in re.findall(r"GLIBC_[\d.]+", needs)}
    assert len(wanted) > 5 and wanted <= defined
    notes = "".join(_read(path, "-n") for path in binaries)
    kernels = {tuple(map(int, found.split("."))) for found in re.findall(r"OS: Linux, ABI: ([\d.]+)", notes)}
    assert kernels and max(kernels) <= _OLDEST
    assert set(re.findall(r"x86 ISA needed: (.*)", notes)) == {"x86-64-baseline"}
