"""The package of Debian's: installed where there is no Python, it works, and purged it leaves nothing."""

import subprocess
from pathlib import Path

import pytest

from nsview import __version__
from scripts import deb

from . import debian
from .conftest import require
from .daemons import Docker
from .test_hostfiles import ADMIN, NET_ADMIN, POD, PTRACE
from .user import NOBODY
from .workspace import Workspace

_TRIED = """
files() { find / -xdev ! -path "/proc/*" ! -path "/var/lib/dpkg/*" ! -path "/var/log/*" | sort; }
set -e
files >/tmp/after; files >/tmp/before
dpkg --install /nsview.deb >/dev/null 2>&1
dpkg --verify nsview
nsview --version
nsview list containers -q
nsview record --service | grep ^ExecStart
setpriv --reuid=@NOBODY@ --clear-groups nsview list processes -q | head -n 1
man=/usr/share/man/man1/nsview.1.gz; gzip -t $man
dpkg --status nsview | grep ^Status
dpkg --purge nsview >/dev/null 2>&1
files >/tmp/after
diff /tmp/before /tmp/after && echo nothing is left
"""


@pytest.fixture(scope="module")
def package(workspace: Workspace) -> Path:
    require("dpkg-deb")
    return deb.build(workspace.root / "deb")


def test_it_is_installed_used_and_purged(package: Path, docker: Docker, workspace: Workspace) -> None:
    image = debian.image(docker, workspace)
    docker.container("deb-web")
    try:
        tried = _TRIED.replace("@NOBODY@", str(NOBODY))
        words = [
            "run",
            "--rm",
            *POD,
            PTRACE,
            ADMIN,
            NET_ADMIN,
            f"--volume={package}:/nsview.deb:ro",
            image,
            "bash",
            "-c",
        ]
        done = subprocess.run(
            [*docker.command, *words, tried], check=False, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        version, *lines, status, left = done.stdout.splitlines()
        assert version.endswith(__version__) and "deb-web" in lines
        assert "ExecStart=/usr/bin/nsview record --keep 86400s /var/lib/nsview/recording" in lines
        assert (status, left) == ("Status: install ok installed", "nothing is left")
    finally:
        docker.remove("deb-web")


def test_all_of_it_is_roots_and_no_others_to_write(package: Path) -> None:
    listed = subprocess.run(["dpkg-deb", "--contents", str(package)], check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in listed.splitlines()]
    assert len(lines) > 500 and {owner for _, owner, *_ in lines} == {"root/root"}
    assert {mode for mode, *_ in lines} == {"drwxr-xr-x", "-rwxr-xr-x", "-rw-r--r--"}
    fields = subprocess.run(["dpkg-deb", "--field", str(package)], check=True, capture_output=True, text=True).stdout
    assert "Depends" not in fields and f"Version: {__version__}\n" in fields
