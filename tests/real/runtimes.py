"""Containers of the runtimes that need no daemon, made for a test and named so that no two runs meet.

podman, runc, crun, LXC and systemd-nspawn, each on the suite's root directory of busybox. `Imitation` makes what cannot
run here: processes with the names, working directories and cgroups that a runtime gives them, in the kernel's own tree.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .account import Account
from .daemons import SLEEP, CommandError, run
from .workspace import Workspace, wait_until

# crun refuses hosts with both cgroup v1 and v2: these are shown v2 alone.
_V2_ALONE = 'umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"'
_FOR_CRUN = ["unshare", "--mount", "sh", "-c", _V2_ALONE, "sh"]
# Limits that are above ours can't be set where CAP_SYS_RESOURCE is missing.
_CONFIGURATION = """
[containers]
default_ulimits = ["nofile=512:512", "nproc=15000:15000"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "{}"
events_logger = "file"
"""


class Podman:
    """podman with storage of its own; `command` are the words that start it. runtime: "runc" or "crun"."""

    NEEDS = ("podman", "conmon", "runc", "crun", "catatonit", "busybox")

    def __init__(self, workspace: Workspace, rootfs: Path, runtime: str = "runc") -> None:
        root = workspace.root / "p"
        root.mkdir(exist_ok=True)  # one after another may use it
        self.rootfs = rootfs
        self._crun = runtime == "crun"
        config = root / "containers.conf"
        config.write_text(_CONFIGURATION.format(runtime))
        self._environment = {**workspace.environment, "CONTAINERS_CONF": str(config)}
        del self._environment["DOCKER_CONFIG"]  # of a directory that only docker does without
        self.graphroot = root / "graph"
        self.command = [
            *("podman", "--root", str(self.graphroot), "--runroot", str(root / "run"), "--tmpdir", str(root / "tmp")),
        ]

    def run(self, *args: str, check: bool = True) -> str:
        return run([*self.command, *args], self._environment, check=check)

    def container(self, name: str, *run_args: str, image: str | None = None) -> int:
        """Start a container in the background: its first process, as the host counts."""
        what = [image] if image else ["--rootfs", str(self.rootfs)]
        network = [] if any(arg.startswith("--pod") for arg in run_args) else ["--network", "none"]
        words = [*self.command, "run", "--detach", "--name", name, *network, *run_args]
        if self._crun:
            words = [*_FOR_CRUN, *words, "--cgroups=disabled"]
        run([*words, *what, *SLEEP], self._environment)
        return int(self.inspect(name)["State"]["Pid"])

    def inspect(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("inspect", "--type", "container", name))[0]
        return found

    def import_image(self, tag: str) -> None:
        with subprocess.Popen(["tar", "-C", str(self.rootfs), "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run(
                [*self.command, "import", "-q", "-", tag],
                stdin=tar.stdout, stdout=subprocess.DEVNULL, env=self._environment, check=True, timeout=120,
            )  # fmt: skip

    def clear(self) -> None:
        self.run("pod", "rm", "--all", "--force", "--time", "0", check=False)
        self.run("rm", "--all", "--force", "--time", "0", check=False)


class RootlessPodman:
    """podman as an ordinary user runs it, with containers in a user namespace of the user's; as Podman otherwise."""

    NEEDS = ("podman", "conmon", "runc", "crun", "newuidmap", "newgidmap", "busybox")

    def __init__(self, account: Account, rootfs: Path, runtime: str = "runc") -> None:
        # Of its own for each runtime, for podman goes on in the mounts of its first command.
        home = account.home / runtime
        self.runtime_dir = home / "run"
        run([*account.words, "mkdir", "--parents", str(self.runtime_dir)], account.environment)
        self._rootfs = home / "rootfs"
        run(["cp", "--recursive", str(rootfs), str(self._rootfs)], account.environment)
        run(["chown", "--recursive", f"{account.name}:", str(self._rootfs)], account.environment)
        config = home / "containers.conf"
        config.write_text(_CONFIGURATION.format(runtime))
        self.crun = runtime == "crun"
        variables = [f"CONTAINERS_CONF={config}", f"XDG_RUNTIME_DIR={self.runtime_dir}", "STORAGE_DRIVER=vfs"]
        self.command = [*account.words, "env", *variables, "podman", "--root", str(home / "graph")]
        if self.crun:
            self.command = [*_FOR_CRUN, *self.command]

    def run(self, *args: str, check: bool = True) -> str:
        done = subprocess.run(
            [*self.command, *args],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120, cwd="/",
        )  # fmt: skip
        if check and done.returncode:
            raise CommandError(f"podman {' '.join(args)}: exit {done.returncode}: {done.stderr}")
        return done.stdout

    def container(self, name: str, *run_args: str) -> int:
        """Start a container in the background: its first process, as the host counts."""
        network = [] if "--network" in run_args else ["--network", "none"]
        options = [*network, *(["--cgroups=disabled"] if self.crun else []), *run_args]
        self.run("run", "--detach", "--name", name, *options, "--rootfs", str(self._rootfs), *SLEEP)
        return int(self.run("inspect", "--format", "{{.State.Pid}}", name))

    def remove(self, name: str) -> None:
        self.run("rm", "--force", "--time", "0", name)

    def clear(self) -> None:
        self.run("rm", "--all", "--force", "--time", "0", check=False)


class Oci:
    """runc or crun by hand. Ids are made unique, for `root` None is the place that the program uses by itself."""

    def __init__(self, workspace: Workspace, rootfs: Path, program: str, root: Path | None = None) -> None:
        self._workspace = workspace
        self._program = program
        self._rootfs = rootfs
        self._options = ["--root", str(root)] if root else []
        # Without cgroups, because crun would lift a limit to load its device filter.
        self._options += ["--cgroup-manager=disabled"] if program == "crun" else []
        self._wrapped = _FOR_CRUN if program == "crun" else []
        self._ids: list[str] = []
        self._foreground: list[subprocess.Popen[bytes]] = []

    def container(
        self, name: str, *, foreground: bool = False, seccomp: dict[str, Any] | None = None,
        process: dict[str, Any] | None = None, **more: Any,
    ) -> tuple[str, Path, int]:  # fmt: skip
        """A container: its id, bundle and first process. seccomp: its profile; process: parts of the object of that
        name; more: parts of config.json."""
        id = f"{self._workspace.root.name}-{name}"
        bundle = self._workspace.root / f"{self._program}-{name}"
        bundle.mkdir()
        run(["runc", "spec", "--bundle", str(bundle)], self._workspace.environment)
        file = bundle / "config.json"
        config = json.loads(file.read_text())
        config["root"] = {"path": str(self._rootfs), "readonly": True}
        config["process"].update({"args": list(SLEEP), "terminal": False, "rlimits": [], **(process or {})})
        if seccomp:
            config["linux"]["seccomp"] = seccomp
        config.update(more)
        file.write_text(json.dumps(config))
        words = [self._program, *self._options, "run", "--bundle", str(bundle)]
        self._ids.append(id)
        if foreground:
            started = subprocess.Popen(
                [*words, id], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=self._workspace.environment,
                start_new_session=True,
            )  # fmt: skip
            self._foreground.append(started)
        else:
            # A file and a pipe, for the container keeps the one open, and crun gives /dev/null to the container's user.
            with (bundle / "log").open("wb") as log:
                done = subprocess.run(
                    [*self._wrapped, *words, "--detach", id], input=b"", stdout=log, stderr=log,
                    env=self._workspace.environment, timeout=60, check=False,
                )  # fmt: skip
            if done.returncode:
                raise CommandError((bundle / "log").read_text())
        pid = 0

        def started() -> bool:
            nonlocal pid
            said = run([self._program, *self._options, "state", id], self._workspace.environment, check=False)
            state = json.loads(said) if said else {}
            pid = state.get("pid", 0)
            return bool(state.get("status") == "running")

        wait_until(started, 20, id)
        return id, bundle, pid

    def clear(self) -> None:
        for id in self._ids:
            run([self._program, *self._options, "delete", "--force", id], self._workspace.environment, check=False)
        for process in self._foreground:
            process.wait(20)


class Lxc:
    """LXC with its containers in a directory of their own."""

    NEEDS = ("lxc-start", "lxc-info", "lxc-stop", "busybox")

    def __init__(self, workspace: Workspace, rootfs: Path) -> None:
        self._workspace = workspace
        self._rootfs = rootfs
        self.path = workspace.root / "lxc"
        self._names: list[str] = []

    def container(self, name: str) -> tuple[str, int]:
        """A container: its name on this machine, and its first process."""
        name = f"{self._workspace.root.name}-{name}"
        directory = self.path / name
        directory.mkdir(parents=True)
        (directory / "config").write_text(
            f"lxc.uts.name = {name}\nlxc.rootfs.path = dir:{self._rootfs}\nlxc.net.0.type = empty\n"
            "lxc.apparmor.profile = unconfined\n"
        )
        self._names.append(name)
        self._run("lxc-start", name, "--daemon", "--", *SLEEP)
        return name, int(self._run("lxc-info", name, "--pid", "--no-humanize"))

    def clear(self) -> None:
        for name in self._names:
            self._run("lxc-stop", name, "--kill", check=False)

    def _run(self, program: str, name: str, *args: str, check: bool = True) -> str:
        command = [program, "--lxcpath", str(self.path), "--name", name, *args]
        return run(command, self._workspace.environment, check=check)


class Imitation:
    """Processes as a runtime leaves them, with cgroups in the kernel's own tree; all gone at the end."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines() if "cgroup2" in line]
        self._tree = Path(mounts[0][4])
        self._cgroups: list[Path] = []
        self._started: list[subprocess.Popen[str]] = []

    def run(self, command_line: Sequence[str], cwd: Path, *cgroups: str, comm: str | None = None) -> list[int]:
        """A supervisor in the first of these cgroups, with a child in each further one that is pid 1 to itself.

        Their pids, the supervisor's first. comm: its name, by default of what its command line begins with.
        """
        for path in cgroups:
            self._make(self._tree / path.lstrip("/"))
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, "." * 2000],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd, env=self._workspace.environment,
        )  # fmt: skip
        self._started.append(process)
        assert process.stdin and process.stdout
        asked = {
            "command_line": list(command_line),
            "comm": (comm or Path(command_line[0]).name)[:15],
            "cgroups": [f"{self._tree}{path.rstrip('/')}/cgroup.procs" for path in cgroups],
        }
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        children = process.stdout.readline()
        assert children, "the imitation failed"
        return [process.pid, *json.loads(children)]

    def _make(self, directory: Path) -> None:
        if not directory.exists():
            self._make(directory.parent)
            directory.mkdir()
            self._cgroups.append(directory)

    def clear(self) -> None:
        for process in self._started:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            for pid in [process.pid, *map(int, children)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.communicate(timeout=60)
        for directory in reversed(self._cgroups):

            def removed(directory: Path = directory) -> bool:
                with contextlib.suppress(OSError):
                    directory.rmdir()
                return not directory.exists()

            wait_until(removed, 20, str(directory))


# Its line of input is JSON: the cgroup.procs files for itself and each child, and what it is to look like. A program
# may write over its own arguments, as setproctitle does; these are padded so that there is room.
_PROGRAM = """
import ctypes, json, os, signal, sys
asked = json.loads(sys.stdin.readline())
libc = ctypes.CDLL(None)
NEWPID, NEWNS = 0x20000000, 0x20000
own_pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY)
def enter(file):
    with open(file, "w") as procs:
        procs.write("0")
enter(asked["cgroups"][0])
children = []
for file in asked["cgroups"][1:]:
    there, here = os.pipe()
    assert libc.unshare(NEWPID) == 0
    child = os.fork()
    if child == 0:
        libc.unshare(NEWNS)
        enter(file)
        os.write(here, b".")
        while True:
            signal.pause()
    os.read(there, 1)
    assert libc.setns(own_pid_namespace, NEWPID) == 0
    children.append(child)
own = open("/proc/self/cmdline", "rb").read()
start, end = next(l for l in open("/proc/self/maps") if "[stack]" in l).split()[0].split("-")
start, end = int(start, 16), int(end, 16)
arguments = start + ctypes.string_at(start, end - start).rindex(own)
shown = "\\0".join(asked["command_line"]).encode() + b"\\0"
assert len(shown) <= len(own)
ctypes.memset(arguments, 0, len(own))
ctypes.memmove(arguments, shown, len(shown))
libc.prctl(15, asked["comm"].encode(), 0, 0, 0)
print(json.dumps(children), flush=True)
while True:
    signal.pause()
"""
