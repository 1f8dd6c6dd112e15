"""Root's nsview imports nothing from where others could have put it, and says whose installation it is."""

import functools
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nsview

from .command import ENVIRONMENT
from .conftest import require
from .workspace import Workspace

MODULE = [sys.executable, "-m", "nsview"]
SAFE = [sys.executable, "-P", "-m", "nsview"]
SCRIPT = [str(Path(sys.executable).parent / "nsview")]
COMMANDS = [
    ["list"], ["list", "nets"], ["list", "--holders"], ["inspect", "1"], ["enter", "1", "--net", "--dry-run"],
    ["audit"], ["--help"],
]  # fmt: skip
# The interpreter looks for these itself, wherever PYTHONPATH says, before any code of a program runs; and the program
# that it is told to run it takes from there too. PYTHONPATH is root's own environment: sudo does not pass a user's on.
BY_INTERPRETER = {"sitecustomize", "usercustomize", "nsview"}
USER = 1234
EVIL = """
import posix
fd = posix.open({log!r}, posix.O_WRONLY | posix.O_CREAT | posix.O_APPEND, 0o600)
posix.write(fd, {name!r})
posix.close(fd)
"""


@pytest.fixture(autouse=True)
def _root() -> None:
    require()


def imported(words: tuple[str, ...], command: list[str]) -> tuple[set[str], set[str]]:
    """The modules that are imported before the guard is, and those after it; without what they are in or below."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words[words[0] == sys.executable :], *command],
        cwd="/", env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    names = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    at = names.index("nsview.imports")
    before, after = ({name.partition(".")[0] for name in part} for part in (names[:at], names[at:]))
    return before, after - before


def planted(directory: Path, names: set[str]) -> Path:
    """A file for each module in the directory, which writes its name to a log when it is executed: the log."""
    directory.mkdir()
    log = directory.parent / "log"
    for name in names:
        (directory / f"{name}.py").write_text(EVIL.format(log=str(log), name=f"{name}\n".encode()))
    return log


@functools.cache
def all_names(words: tuple[str, ...]) -> set[str]:
    """Modules that nsview's own code imports, or could, in whichever of its processes."""
    parts = [imported(words, command) for command in COMMANDS]
    before, after = set.union(*(b for b, _ in parts)), set.union(*(a for _, a in parts))
    assert {"argparse", "msgspec", "re"} <= before | after
    return (after | set(sys.stdlib_module_names) | {"pyroute2", "psutil", "textual", "rich"}) - before - BY_INTERPRETER


@pytest.mark.parametrize("words", [MODULE, SAFE, SCRIPT], ids=["python -m", "python -P -m", "script"])
@pytest.mark.parametrize("place", ["working directory", "PYTHONPATH", "PYTHONPATH, relative"])
def test_nothing_is_imported_from_there(tmp_path: Path, words: list[str], place: str) -> None:
    directory = tmp_path / "planted"
    log = planted(directory, all_names(tuple(words)))
    environment = dict(ENVIRONMENT)
    if place != "working directory":
        environment["PYTHONPATH"] = "planted" if "relative" in place else f"{directory}:"
    cwd = tmp_path if "relative" in place else directory
    for command in COMMANDS:
        done = subprocess.run(
            [*words, *command], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert not log.exists(), (command, log.read_text())
        assert done.returncode in (0, 1) and done.stdout, done.stderr


def test_without_the_guard_it_would_be(tmp_path: Path) -> None:
    log = planted(tmp_path / "planted", {"argparse"})
    code = "import nsview.imports as i; i.guard = lambda: 0; from nsview.cli import main; main(['list'])"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "planted", capture_output=True, check=False, timeout=60)
    assert log.read_text() == "argparse\n"


@pytest.mark.parametrize(
    ("owner", "mode", "above", "kept"),
    [(0, 0o755, 0, True), (USER, 0o755, 0, False), (0, 0o757, 0, False), (0, 0o775, 0, False), (0, 0o755, USER, False),
     (0, 0o1777, 0, False)],
)  # fmt: skip
def test_what_others_can_write_is_left_out(workspace: Workspace, owner: int, mode: int, above: int, kept: bool) -> None:
    """However it came to be on the path."""
    outer = workspace.root / "path"
    inner = outer / "inner"
    inner.mkdir(parents=True)
    try:
        os.chown(outer, above, 0)
        os.chown(inner, owner, 0)
        inner.chmod(mode)
        code = "import sys; sys.path.insert(1, sys.argv[1]); import nsview.cli; print(sys.argv[1] in sys.path)"
        done = subprocess.run([sys.executable, "-c", code, str(inner)], cwd="/", capture_output=True, text=True)
        assert done.stdout == f"{kept}\n", done.stderr
    finally:
        shutil.rmtree(outer)


def installed_by(workspace: Workspace, name: str) -> Path:
    """A directory with a copy of nsview, root's so far."""
    root = workspace.root / name
    shutil.copytree(Path(nsview.__file__).parent, root / "nsview", ignore=shutil.ignore_patterns("__pycache__"))
    return root


OWNER = "import sys; sys.path.append(sys.argv[1]); from nsview import imports; print(imports.installation_owner())"


def owner_of(root: Path) -> str:
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", OWNER, str(root)], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_whose_installation_it_is(workspace: Workspace) -> None:
    root = installed_by(workspace, "whose")
    roots = owner_of(root)  # None, but where the interpreter belongs to a user
    for place in (root, root / "nsview"):
        os.chown(place, USER, 0)
        assert owner_of(root) == str(USER)
        os.chown(place, 0, 0)
        place.chmod(0o1777)
        assert owner_of(root) == "-1"
        place.chmod(0o775)  # a group of which nobody but root is
        assert owner_of(root) == roots
        place.chmod(0o755)
    link = workspace.root / "link"
    link.symlink_to(root)
    os.chown(link, USER, 0, follow_symlinks=False)
    assert owner_of(link) == str(USER)
    assert owner_of(root) == roots
    in_user_namespace = ["unshare", "--user", "--map-root-user", sys.executable, "-I", "-S", "-c", OWNER, str(root)]
    os.chown(root, USER, 0)
    done = subprocess.run(in_user_namespace, check=True, capture_output=True, text=True)
    assert done.stdout == "None\n", "there is no telling who that is"


def on_terminal(words: list[str], environment: dict[str, str]) -> str:
    """What a command writes to a terminal."""
    master, slave = pty.openpty()
    with subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=environment, cwd="/") as running:
        os.close(slave)
        said = b""
        try:
            while data := os.read(master, 65536):
                said += data
        except OSError:
            pass  # its end
        running.wait(60)
    os.close(master)
    return said.decode()


def test_root_is_told_on_the_terminal_whose_it_is(workspace: Workspace) -> None:
    root = installed_by(workspace, "told")
    environment = {**ENVIRONMENT, "PYTHONPATH": str(root)}
    note = f"nsview: note: this installation belongs to uid {USER}, who can become root through it; see docs/"
    command = [*SAFE, "list", "--type", "uts"]
    assert f"uid {USER}" not in on_terminal(command, environment)
    os.chown(root / "nsview", USER, 0)
    assert on_terminal(command, environment).count(note) == 1
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=60, check=True)
    assert note not in done.stderr, "a program need not be told"
