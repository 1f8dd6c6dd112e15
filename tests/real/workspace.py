"""The directory of one test run, everything that lives from it, and how to leave nothing behind.

A workspace is /tmp/nsv-XXXXXXXX (short: paths of unix sockets end at 107 bytes). What belongs to it names it, in its
command line or its environment, so that a later run can clear away what a killed one left: processes, mounts, cgroups,
the network bridge, files.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

_PARENT = Path("/tmp")  # not TMPDIR, which may be long
_PREFIX = "nsv-"
_OWNER = "owner"
MARK = "NSVIEW_TEST_WORKSPACE"
PATIENCE = 4
"""How many times longer than it should take a machine is given that others load as well."""
PORT = 45_000 + os.getpid() % 10_000
"""A port that this run listens at; other runs and programs have others, and most kernels have no pid beyond 32768."""


def search_path() -> str:
    """PATH with the directories of daemons, which a root shell started by su(1) may lack."""
    return os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"


def wait_until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until `ready`; TimeoutError that names `what` otherwise."""
    deadline = time.monotonic() + PATIENCE * seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {PATIENCE * seconds:g} s")
        time.sleep(0.02)


def start_time(pid: int) -> str | None:
    """When a process began, in clock ticks since boot; None where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return None


class Workspace:
    """A private directory of this run. Use as a context manager."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def create(cls) -> "Workspace":
        """A new one, after clearing those whose test run is dead."""
        for root in _PARENT.glob(f"{_PREFIX}*"):
            if _abandoned(root):
                cls(root).clear()
        root = _PARENT / (_PREFIX + secrets.token_hex(4))  # a part of ids, which for containerd don't begin with "_"
        root.mkdir(0o700)
        workspace = cls(root)
        pid = os.getpid()
        (workspace.root / _OWNER).write_text(f"{os.readlink('/proc/self/ns/pid')} {pid} {start_time(pid)}")
        workspace.root.chmod(0o755)  # users other than root look into a rootfs
        return workspace

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    @property
    def environment(self) -> dict[str, str]:
        """For what is started here: nothing of the caller's Docker or containerd, and the mark of this workspace."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DOCKER_", "CONTAINERD_", "CONTAINER_", "BUILDKIT_"))
        }
        return {**kept, "PATH": search_path(), "DOCKER_CONFIG": str(self.root / "cli"), MARK: str(self.root)}

    @property
    def bridge(self) -> str:
        """The name of the network bridge of this workspace, at most 15 bytes."""
        return self.root.name.replace("-", "")

    def add_bridge(self) -> None:
        """Make the bridge, with the first address of a subnet that nothing here uses."""
        taken = _output("ip", "-o", "-4", "addr") + _output("ip", "-4", "route", "show", "table", "all")
        first = os.getpid() % 200  # runs side by side do not try the same
        subnet = next(net for n in range(200) if f"{(net := f'10.213.{(first + n) % 200}')}." not in taken)
        for words in (
            ("link", "add", "name", self.bridge, "type", "bridge"),
            ("addr", "add", f"{subnet}.1/24", "dev", self.bridge),
            ("link", "set", self.bridge, "up"),
        ):
            subprocess.run(["ip", *words], check=True, env=self.environment, timeout=30)

    def clear(self) -> None:
        """Kill, unmount and delete all that belongs to this workspace; says nothing of what is already gone."""
        cgroups: set[str] = set()
        deadline = time.monotonic() + 20
        while pids := self._processes():
            for pid in pids:
                cgroups |= _cgroups(pid)
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.root}: processes survive SIGKILL: {sorted(pids)}")
            time.sleep(0.02)
        self._remove_shim_sockets()
        for _ in range(3):  # a lazy unmount uncovers what was mounted below it
            mounts = self._mounts()
            if not mounts:
                break
            subprocess.run(["umount", "--lazy", *mounts], check=False, capture_output=True, timeout=60)
        own = _cgroups(os.getpid())
        for path in sorted(cgroups - own, key=len, reverse=True):
            for cgroup in (Path(f"/sys/fs/cgroup{path}"), *Path("/sys/fs/cgroup").glob(f"*{path}")):
                with contextlib.suppress(OSError):  # in use, or no directory of that hierarchy
                    cgroup.rmdir()
        if Path("/sys/class/net", self.bridge).exists():
            subprocess.run(["ip", "link", "delete", self.bridge], check=False, env=self.environment, timeout=30)
        shutil.rmtree(self.root, ignore_errors=True)

    def _processes(self) -> set[int]:
        """Living processes that name this workspace, and all that descend from them; never this one."""
        name = str(self.root).encode()
        children: dict[int, list[int]] = {}
        named: list[int] = []
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            try:
                state, ppid = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
                says = b"\0".join(_head(f"/proc/{pid}/{file}") for file in ("cmdline", "environ"))
            except OSError:
                continue
            if state in "ZX":
                continue
            children.setdefault(int(ppid), []).append(pid)
            if name in says:
                named.append(pid)
        found: set[int] = set()
        while named:
            pid = named.pop()
            if pid not in found:
                found.add(pid)
                named += children.get(pid, ())
        return found - _ancestry()

    def _mounts(self) -> list[str]:
        """Mount points at or below the directory, the deepest first."""
        points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        return sorted((p for p in points if p == str(self.root) or p.startswith(f"{self.root}/")), reverse=True)

    def _remove_shim_sockets(self) -> None:
        """A killed shim leaves its socket in /run/containerd; its bundle says which."""
        for address in self.root.rglob("address"):
            with contextlib.suppress(OSError):
                Path(address.read_text().strip().removeprefix("unix://")).unlink()


def _abandoned(root: Path) -> bool:
    """Whether the run that made the directory is dead, as far as that can be known from here."""
    try:
        pid_namespace, pid, start = (root / _OWNER).read_text().split()
    except (OSError, ValueError):
        # Without an owner it is being made just now, or was half deleted.
        with contextlib.suppress(OSError):
            return time.time() - root.stat().st_mtime > 60
        return False
    return pid_namespace == os.readlink("/proc/self/ns/pid") and start_time(int(pid)) != start


def _ancestry() -> set[int]:
    pids = {pid := os.getpid()}
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
        pids.add(pid)
    return pids


def _head(path: str) -> bytes:
    """The beginning of a file that a process may have made as large as its memory."""
    with open(path, "rb") as file:
        return file.read(1 << 18)


def _cgroups(pid: int) -> set[str]:
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return set()
    return {path for line in lines if (path := line.split(":", 2)[2]) != "/"}


def _output(*command: str) -> str:
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=30, env={"PATH": search_path()}
    ).stdout


def cgroup_directory(pid: int, controller: str) -> Path:
    """Where the files of a controller are, by the lines of this machine's own /proc."""
    lines = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    path = {name: path for _, names, path in lines for name in names.split(",")}
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    v1 = [m[4] for m in mounts if m[m.index("-") + 1] == "cgroup" and controller in m[-1].split(",")]
    if v1 and controller in path:
        return Path(v1[0] + path[controller])
    return Path(next(m[4] for m in mounts if m[m.index("-") + 1] == "cgroup2") + path[""])
