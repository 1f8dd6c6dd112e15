"""An ordinary user of the suite's own, with a home in the workspace and ids for containers of its own."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
from pathlib import Path

from .user import interpreter, library
from .workspace import Workspace, wait_until

_PASSWORD = "nsview's own"
_NAME = re.compile(r"nsv(\d+)")


class Account:
    """One user; `words` come before a command that is to be theirs, with `environment` as the whole environment."""

    password = _PASSWORD

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.name = f"nsv{os.getpid()}"
        self.home = workspace.root / "home"
        _clear_away()
        self._run("useradd", "--no-create-home", "--home-dir", str(self.home), "--shell", "/bin/bash", self.name)
        try:
            self._run("chpasswd", input=f"{self.name}:{_PASSWORD}\n")
            self.uid = pwd.getpwnam(self.name).pw_uid
            for directory in (self.home, self.home / "run"):
                directory.mkdir(mode=0o700)
                shutil.chown(directory, self.name, self.name)
            self._give_ids()
            self.words = ["setpriv", f"--reuid={self.name}", f"--regid={self.name}", "--init-groups", "env", "-i"]
            self.words += [f"{name}={value}" for name, value in self.environment.items()]
        except BaseException:
            self.remove()
            raise

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: self._workspace.environment[name] for name in ("PATH",)}
        return {
            **kept, "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home / "run"), "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command of theirs, with no terminal."""
        return subprocess.run(
            [*self.words, *command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=check, timeout=120, cwd="/",
        )  # fmt: skip

    def nsview(self) -> list[str]:
        """The words that run nsview as this user does who has installed it: from a virtual environment."""
        venv = self._workspace.root / "venv"
        if not venv.exists():
            self._run(interpreter(self._workspace), "-m", "venv", "--without-pip", str(venv))
            (packages,) = venv.glob("lib/python*/site-packages")
            (packages / "nsview.pth").write_text(f"{library(self._workspace)}\n")
        return [str(venv / "bin/python"), "-P", "-m", "nsview"]

    def _give_ids(self) -> None:
        """65,536 of its own for containers, as useradd gives by itself where it is set up to."""
        for kind in ("uid", "gid"):
            file = Path(f"/etc/sub{kind}")
            lines = [line.split(":") for line in file.read_text().splitlines()] if file.exists() else []
            if not any(name == self.name for name, _, _ in lines):
                first = max((int(first) + int(count) for _, first, count in lines), default=100_000)
                self._run("usermod", f"--add-sub{kind}s", f"{first}-{first + 65_535}", self.name)

    def processes(self) -> list[int]:
        """All that run as this user, or as one of the ids that are theirs for containers."""
        ids = [range(self.uid, self.uid + 1)]
        for line in Path("/etc/subuid").read_text().splitlines() if Path("/etc/subuid").exists() else ():
            name, first, count = line.split(":")
            if name == self.name:
                ids.append(range(int(first), int(first) + int(count)))
        found = []
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            with contextlib.suppress(OSError):
                uid = os.stat(f"/proc/{pid}").st_uid
                status = Path(f"/proc/{pid}/status").read_text(errors="replace")
                real = int(status.partition("\nUid:")[2].split()[0])
                if "\nState:\tZ" not in status and any(uid in own or real in own for own in ids):
                    found.append(pid)
        return found

    def remove(self) -> None:
        """The user, what still runs as them, and their ids."""

        def ended() -> bool:
            pids = self.processes() if hasattr(self, "uid") else []
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not pids

        wait_until(ended, 20, f"the end of all that {self.name} runs")
        subprocess.run(["userdel", self.name], capture_output=True, check=False)

    def _run(self, *command: str, input: str | None = None) -> None:
        subprocess.run(command, check=True, capture_output=True, text=True, input=input, timeout=60)


def _clear_away() -> None:
    """Users of runs that were killed."""
    for user in pwd.getpwall():
        match = _NAME.fullmatch(user.pw_name)
        if match and not Path(f"/proc/{match[1]}").exists():
            subprocess.run(["userdel", user.pw_name], capture_output=True, check=False)
