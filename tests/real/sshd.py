"""A real sshd of the suite's own: its own port, host key and users' keys; and a user who reaches it by the own ssh."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .account import Account
from .workspace import Workspace, search_path, wait_until


def _free_port() -> int:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


class Sshd:
    """A server that root runs on this machine, or below `words` (unshare, say). `account` reaches it as Host `name`."""

    NEEDS = ("sshd", "ssh", "ssh-keygen")

    def __init__(self, workspace: Workspace, account: Account, name: str, words: Sequence[str] = ()) -> None:
        self.name, self.account = name, account
        self.port = _free_port()
        self.directory = workspace.root / f"sshd-{name}"
        self.directory.mkdir(mode=0o755)
        self.key = self._key(self.directory / "host_key")
        self.known = account.home / ".ssh" / "known_hosts"
        own = account.home / ".ssh" / "id"
        if not own.exists():
            self.known.parent.mkdir(mode=0o700)
            self._key(own)
        authorized = self.directory / "authorized_keys"
        shutil.copy(f"{own}.pub", authorized)
        authorized.chmod(0o644)
        (self.directory / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.directory}/host_key\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {authorized}\nStrictModes no\nPermitRootLogin prohibit-password\n"
            "KbdInteractiveAuthentication no\nLogLevel VERBOSE\n"
        )
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        program = shutil.which("sshd", path=search_path())
        assert program
        self._words = [*words, program, "-D", "-f", str(self.directory / "sshd_config")]
        self._words += ["-E", str(self.directory / "log")]
        self._environment = workspace.environment
        self.start()
        self.write_config()
        self.know()

    def _key(self, path: Path) -> str:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
        if path.parent == self.account.home / ".ssh":
            for file in (path, Path(f"{path}.pub"), path.parent):
                shutil.chown(file, self.account.name, self.account.name)
        return Path(f"{path}.pub").read_text().strip()

    def start(self) -> None:
        """Start it, again."""
        self._process = subprocess.Popen(self._words, env=self._environment, start_new_session=True)

        def answers() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return True
            return False

        wait_until(answers, 10, "an answer of sshd")

    def stop(self) -> None:
        """End it; connections stay."""
        self._process.terminate()
        self._process.wait(10)

    def write_config(self, *lines: str, user: str = "root") -> None:
        """The user's own ~/.ssh/config, which alone knows the name. lines: before the others."""
        text = "\n".join(
            (
                f"Host {self.name}",
                *lines,
                "HostName 127.0.0.1",
                f"Port {self.port}",
                f"User {user}",
                f"IdentityFile {self.account.home}/.ssh/id",
                "IdentitiesOnly yes",
            )
        )
        self._write(self.known.parent / "config", f"{text}\n")

    def know(self, key: str | None = None) -> None:
        """Write the user's known_hosts: with the key of this host, or another, or with none ("")."""
        key = self.key if key is None else key
        self._write(self.known, f"[127.0.0.1]:{self.port} {key}\n" if key else "")

    def _write(self, file: Path, text: str) -> None:
        file.write_text(text)
        file.chmod(0o600)
        shutil.chown(file, self.account.name, self.account.name)

    def sessions(self) -> list[int]:
        """The pids of sshd's children, each of which serves one connection."""
        pid = self._process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def nsview(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run it as that user, without a terminal."""
        return self.account.run("setsid", "--wait", *self.account.nsview(), *arguments, check=False)

    def left(self) -> list[str]:
        """The command lines of agents that were sent and still run."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes()
                if b"readline())" in words and words.startswith(b"python3\0"):
                    found.append(words.decode())
        return found
