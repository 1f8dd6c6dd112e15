"""What an ordinary user needs to run nsview, and one who does: nobody.

The checkout, its libraries and the interpreter of the suite may lie where such a user may not go, as in root's home.
So they get copies, in the workspace.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from .conftest import unavailable
from .workspace import Workspace

NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs")
# nsview, what it imports, and what those import in turn.
_PACKAGES = (
    "nsview", "msgspec", "textual", "rich", "pygments", "markdown_it", "mdurl", "mdit_py_plugins", "platformdirs",
    "psutil", "prometheus_client", "pyroute2", "linkify_it", "uc_micro", "typing_extensions",
)  # fmt: skip


def library(workspace: Workspace) -> Path:
    """The directory with nsview and all that it imports, for everybody to read."""
    made = workspace.root / "packages"
    if not made.exists():
        made.mkdir()
        for package in _PACKAGES:
            found = importlib.util.find_spec(package)
            if found is None or found.origin is None:
                continue  # which packages there are depends on the versions of the others
            if found.submodule_search_locations:
                shutil.copytree(Path(found.origin).parent, made / package)  # with its bytecode
            else:
                shutil.copy(found.origin, made)
        _open_to_all(made)
    return made


def interpreter(workspace: Workspace) -> str:
    """A Python of this version that everybody can run: the suite's, the machine's, or a copy."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    copied = workspace.root / "python" / "bin" / version
    installed: str = sys._base_executable  # type: ignore[attr-defined]
    for python in filter(None, (installed, shutil.which(version, path="/usr/local/bin:/usr/bin"), str(copied))):
        if python == str(copied) and not copied.exists():
            copy_interpreter(copied)
        if _runs(python):
            return python
    unavailable(f"no {version} that an ordinary user can run")
    raise AssertionError


def _runs(python: str) -> bool:
    """Whether nobody can run it. Not by setpriv(1), which executes it with root's power to reach it still."""
    words = [python, "-I", "-c", "import ctypes"]
    nobody: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    try:
        done = subprocess.run(words, capture_output=True, check=False, cwd="/", **nobody)
    except PermissionError:
        return False
    return done.returncode == 0


def copy_interpreter(program: Path) -> None:
    """The suite's interpreter and its library, as `program` and ../lib."""
    root = program.parent.parent
    program.parent.mkdir(parents=True)
    shutil.copy(os.path.realpath(sys.executable), program)
    library = Path(os.__file__).parent
    left_out = shutil.ignore_patterns("site-packages", "dist-packages", "test", "idlelib", "__pycache__")
    shutil.copytree(library, root / "lib" / library.name, ignore=left_out)
    _open_to_all(root)
    program.chmod(0o755)


def _open_to_all(root: Path) -> None:
    for directory, _, files in os.walk(root):
        os.chmod(directory, 0o755)
        for file in files:
            os.chmod(os.path.join(directory, file), 0o644)


class User:
    """Runs programs as nobody, with root's environment: its HOME too, as setpriv(1) and `sudo -u` may leave it."""

    def __init__(self, workspace: Workspace) -> None:
        self.library = library(workspace)
        self.python = (interpreter(workspace), "-s", "-P")
        self._environment = {
            **workspace.environment, "PYTHONPATH": str(self.library), "PYTHONDONTWRITEBYTECODE": "1"
        }  # fmt: skip

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command, as whoever it makes itself."""
        return subprocess.run(
            command, check=False, capture_output=True, text=True, env=self._environment, cwd="/", timeout=60,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def nsview(self, *arguments: str, around: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """nsview as nobody. around: a command that runs what follows it."""
        return self.run(*around, *AS_NOBODY, *self.python, "-m", "nsview", *arguments)

    def printed(self, *arguments: str, around: tuple[str, ...] = ()) -> Any:
        """The JSON that it prints; it must end well."""
        done = self.nsview(*arguments, "--json", around=around)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
