"""The interpreter that ./nsview/start and ./tests/run choose: for root one that every user can execute."""

import os
import subprocess
from pathlib import Path

import pytest

from .conftest import require
from .user import NOBODY, copy_interpreter, interpreter
from .workspace import Workspace

FIND = Path(__file__).parents[2] / "nsview" / "find_python"
HIDDEN = "for p in /usr/bin/python3 /usr/local/bin/python3 /usr/*bin/python3.?? /usr/local/bin/python3.??; do "
HIDDEN += '[ ! -e "$p" ] || mount --bind /bin/false "$p" || exit 9; done; exec "$@"'


@pytest.fixture(scope="module")
def closed(workspace: Workspace) -> Path:
    """A python3 in a directory of root's."""
    require("unshare", "mount")
    home = workspace.root / "closed"
    program = home / "python" / "bin" / "python3"
    copy_interpreter(program)
    home.chmod(0o700)
    return program


def found(path: Path, *around: str, user: int = 0) -> subprocess.CompletedProcess[str]:
    """What it finds where this directory is the first on PATH."""
    environment = {**os.environ, "PATH": f"{path}:/usr/bin:/bin"}
    return subprocess.run(
        [*around, str(FIND)], env=environment, user=user, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_first_on_path_is_passed_over_where_it_is_closed(closed: Path, tmp_path: Path) -> None:
    link, shim = tmp_path / "link" / "python3", tmp_path / "shim" / "python3"
    for made in (link, shim):
        made.parent.mkdir()
    link.symlink_to(closed)
    shim.write_text(f'#!/bin/sh\nexec {closed} "$@"\n')
    shim.chmod(0o755)
    for first in (closed, link, shim):
        done = found(first.parent)
        assert (done.returncode, done.stderr) == (0, "")
        chosen = done.stdout.strip()
        assert chosen not in (str(closed), str(link))
        subprocess.run([chosen, "-c", "import ctypes"], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", check=True)


def test_one_that_all_can_run_is_taken_as_it_is(workspace: Workspace, tmp_path: Path) -> None:
    python = interpreter(workspace)
    (tmp_path / "python3").write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    (tmp_path / "python3").chmod(0o755)
    assert found(tmp_path).stdout == f"{python}\n"


def test_without_another_the_closed_one_is_taken_and_that_is_said(closed: Path) -> None:
    done = found(closed.parent, "unshare", "--mount", "sh", "-c", HIDDEN, "sh")
    assert (done.returncode, done.stdout) == (0, f"{closed}\n")
    assert done.stderr == (
        f"nsview: note: {closed} can be run by root alone, and there is no other Python 3.11 or newer\n"
    )


def test_without_any_it_fails(tmp_path: Path) -> None:
    require("unshare", "mount")
    done = found(tmp_path, "unshare", "--mount", "sh", "-c", HIDDEN, "sh")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
