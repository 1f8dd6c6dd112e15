"""A dockerd and a containerd of the suite's own, each in its workspace, and the commands that drive them.

Neither touches what the machine runs: own data, state, sockets and bridge, no firewall rules. Images come from the
machine's static busybox, so nothing is downloaded.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .workspace import Workspace, search_path, start_time, wait_until

IMAGE = "nsview-test:1"
SLEEP = ("/bin/sleep", "9999")
_START = 60.0  # seconds; a cold disk, not a wait: what is ready sooner is used sooner
_SYSTEM_CONTAINERD = Path("/run/containerd/containerd.sock")


class CommandError(Exception):
    """A docker, ctr or other command failed; the text is the command and what it said."""


def missing(*programs: str) -> list[str]:
    """Which of these programs cannot be found."""
    return [program for program in programs if not shutil.which(program, path=search_path())]


def run(command: Sequence[str], environment: dict[str, str], *, check: bool = True) -> str:
    """A command's standard output; CommandError where it fails and `check`."""
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=120,
        check=False,
    )
    if check and done.returncode != 0:
        raise CommandError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def make_rootfs(root: Path) -> None:
    """A small root directory: busybox and its applets, root and one ordinary user."""
    for name in ("bin", "dev", "etc", "home/app", "proc", "root", "run", "sys", "tmp", "var"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    busybox = shutil.which("busybox", path=search_path())
    assert busybox
    shutil.copy(busybox, root / "bin/busybox")
    # Proof that it is the static one: the other needs libraries that are not in here.
    run(["chroot", str(root), "/bin/busybox", "true"], {"PATH": search_path()})
    for applet in run([busybox, "--list"], {"PATH": search_path()}).split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\napp:x:1000:1000:app:/home/app:/bin/sh\n"
    )
    (root / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\napp:x:1000:\nextra:x:2000:app\n")
    (root / "root/inside.txt").write_text("a file of the container\n")
    os.chown(root / "home/app", 1000, 1000)


class Daemon:
    """A long-running program with its log, in a session of its own so that ^C reaches only the tests."""

    def __init__(self, command: Sequence[str], log: Path, environment: dict[str, str]) -> None:
        self.name = Path(command[0]).name
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, start_new_session=True
            )
        self.pid = self._process.pid

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Until `ready`; CommandError with the end of its log where it ends before or takes too long."""

        def ready_or_dead() -> bool:
            return self._process.poll() is not None or ready()

        try:
            wait_until(ready_or_dead, _START, self.name)
        except TimeoutError as error:
            raise CommandError(f"{error}\n{self.log_tail()}") from None
        if self._process.poll() is not None:
            raise CommandError(f"{self.name} ended with {self._process.returncode}\n{self.log_tail()}")

    def log_tail(self, lines: int = 30) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """Ask it to end, then make it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)


class Docker:
    """A running dockerd. `pid`, `data_root` and `exec_root` are its own; `address` is its socket.

    `containerd_address` is the socket of the containerd that it uses, `containerd_pid` that one's pid, `runc_root`
    where runc keeps its state. beside: it uses a containerd that was there before it, as dockerd does where one
    listens at the usual place; else it starts its own. options: further ones of dockerd.
    """

    NEEDS = ("dockerd", "docker", "containerd", "containerd-shim-runc-v2", "runc", "busybox", "ip", "tar")

    def __init__(self, workspace: Workspace, rootfs: Path, *options: str, beside: bool = False) -> None:
        root = workspace.root / "d"
        root.mkdir()
        self.data_root = root / "data"
        self.exec_root = root / "exec"
        self.address = root / "d.sock"
        self._environment = workspace.environment
        self._containerd: Daemon | None = None
        self.runc_root = self.exec_root / "runtime-runc" / "moby"
        self.containerd_address = self.exec_root / "containerd" / "containerd.sock"
        # Never the machine's own, where its containers would be among the machine's.
        extra: list[str] = []
        if beside or os.path.lexists(_SYSTEM_CONTAINERD):
            self._containerd, self.containerd_address = _start_containerd(root / "containerd", self._environment)
            extra = ["--containerd", str(self.containerd_address)]
        workspace.add_bridge()
        config = root / "daemon.json"
        config.write_text("{}")  # not /etc/docker/daemon.json
        self._daemon = Daemon(
            [
                *("dockerd", "--config-file", str(config)),
                *("--data-root", str(self.data_root), "--exec-root", str(self.exec_root)),
                *("-H", f"unix://{self.address}", "-p", str(root / "d.pid"), "--group", "0"),
                *("--bridge", workspace.bridge, "--iptables=false", "--ip6tables=false"),
                *("--ip-forward=false", "--ip-masq=false", "--userland-proxy=true"),
                *extra,
                *options,
            ],
            root / "log",
            self._environment,
        )
        self.pid = self._daemon.pid
        try:
            self._daemon.wait_until(self._answers)
            self._client = self._working_client()
            self._import(rootfs)
        except BaseException:
            self.stop()
            raise

    @property
    def containerd_pid(self) -> int:
        """The containerd that it uses: a child of its own, unless it is `beside` one."""
        if self._containerd:
            return self._containerd.pid
        return int((self.exec_root / "containerd" / "containerd.pid").read_text())

    def kill(self) -> None:
        """End it and its containerd as they would not by themselves."""
        contained = self.containerd_pid
        for pid in (self.pid, contained):
            os.kill(pid, signal.SIGKILL)
        for daemon in filter(None, (self._daemon, self._containerd)):
            daemon.stop()
        wait_until(lambda: start_time(contained) is None, 20, "end of containerd")

    @property
    def command(self) -> list[str]:
        """The words that start docker against this daemon."""
        return [self._client, "-H", f"unix://{self.address}"]

    def run(self, *args: str, check: bool = True) -> str:
        """`docker ARGS` against this daemon: its standard output."""
        return run([*self.command, *args], self._environment, check=check)

    def container(self, name: str, *run_args: str, command: Sequence[str] = SLEEP) -> int:
        """Start a container in the background: the pid of its first process, as the host counts."""
        self.run("run", "--detach", "--name", name, *run_args, IMAGE, *command)
        return int(self.inspect(name)["State"]["Pid"])

    def inspect(self, name: str) -> dict[str, Any]:
        """What `docker inspect` says of one container."""
        found: dict[str, Any] = json.loads(self.run("inspect", "--type", "container", name))[0]
        return found

    def remove(self, name: str) -> None:
        """Kill and delete a container."""
        self.run("rm", "--force", "--volumes", name)

    def stop(self) -> None:
        """Delete all containers and end the daemon. What refuses is left to Workspace.clear."""
        if hasattr(self, "_client") and (ids := self.run("ps", "--all", "--quiet", check=False).split()):
            self.run("rm", "--force", "--volumes", *ids, check=False)
        self._daemon.stop()
        if self._containerd:
            self._containerd.stop()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(str(self.address))
                connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
                return b" 200 " in connection.recv(64)
            except OSError:
                return False

    def _working_client(self) -> str:
        """The first docker on PATH whose API this daemon speaks: a machine may have several."""
        failures = []
        for directory in search_path().split(":"):
            client = Path(directory, "docker")
            if os.access(client, os.X_OK):
                try:
                    run([str(client), "-H", f"unix://{self.address}", "version"], self._environment)
                    return str(client)
                except CommandError as error:
                    failures.append(str(error))
        raise CommandError("no docker client speaks with this dockerd: " + "; ".join(failures))

    def _import(self, rootfs: Path) -> None:
        with subprocess.Popen(["tar", "-C", str(rootfs), "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run(
                [*self.command, "import", "-", IMAGE],
                stdin=tar.stdout,
                stdout=subprocess.DEVNULL,
                env=self._environment,
                check=True,
                timeout=120,
            )


class Containerd:
    """A running containerd without CRI. `address` is its socket, `state` its state directory, `rootfs` a root."""

    NEEDS = ("containerd", "ctr", "containerd-shim-runc-v2", "runc", "busybox")

    def __init__(self, workspace: Workspace, rootfs: Path) -> None:
        self.rootfs = rootfs
        self._environment = workspace.environment
        self._daemon, self.address = _start_containerd(workspace.root / "c", self._environment)
        self.state = workspace.root / "c" / "state"
        self.pid = self._daemon.pid
        # runc's state is in one place for all of a machine's containerds, where their ids would meet.
        self._runc_root = workspace.root / "c" / "runc"
        self._containers: dict[tuple[str, str], None] = {}

    def run(self, *args: str, check: bool = True) -> str:
        """`ctr ARGS` against this daemon: its standard output."""
        return run(["ctr", "--address", str(self.address), *args], self._environment, check=check)

    def container(self, id: str, *run_args: str, namespace: str = "default", command: Sequence[str] = SLEEP) -> int:
        """Start a container in the background, in a namespace of containerd's: the pid of its first process.

        Its cgroup is /NAMESPACE/ID on the whole machine, so choose an id that other runs have no use for.
        """
        self._containers[namespace, id] = None
        options = ["--detach", "--runc-root", str(self._runc_root), *run_args, "--rootfs"]
        self.run("-n", namespace, "run", *options, str(self.rootfs), id, *command)
        for line in self.run("-n", namespace, "task", "ls").splitlines():
            task, pid, *_ = line.split()
            if task == id:
                return int(pid)
        raise CommandError(f"ctr task ls does not list {id}")

    def remove(self, id: str, namespace: str = "default") -> None:
        """Kill and delete a container."""
        self._containers.pop((namespace, id), None)
        self.run("-n", namespace, "task", "rm", "--force", id, check=False)  # already gone where it ended by itself
        self.run("-n", namespace, "container", "rm", id)

    def stop(self) -> None:
        """Delete all containers and end the daemon. What refuses is left to Workspace.clear."""
        for namespace, id in list(self._containers):
            self.run("-n", namespace, "task", "rm", "--force", id, check=False)
            self.run("-n", namespace, "container", "rm", id, check=False)
        self._daemon.stop()


def _start_containerd(directory: Path, environment: dict[str, str]) -> tuple[Daemon, Path]:
    """A containerd that keeps to `directory`: the daemon and its socket."""
    directory.mkdir()
    address = directory / "c.sock"
    config = directory / "config.toml"
    config.write_text(
        f"""version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[plugins."io.containerd.internal.v1.opt"]
path = "{directory}/opt"
"""
    )
    daemon = Daemon(
        [
            *("containerd", "--config", str(config), "--address", str(address)),
            *("--root", str(directory / "root"), "--state", str(directory / "state")),
        ],
        directory / "log",
        environment,
    )

    def answers() -> bool:
        return address.exists() and bool(run(["ctr", "-a", str(address), "version"], environment, check=False))

    try:
        daemon.wait_until(answers)
    except BaseException:
        daemon.stop()
        raise
    return daemon, address
