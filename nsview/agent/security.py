"""The confinement of processes, and the parts of the host within their reach, read for an audit or a comparison.

Of each process its capabilities, seccomp and the like; of each mount namespace, seen through its first process, the
mounts with the host's files that they show, and the targets of paths inside: a daemon's socket, a device, an entry
of /proc that runtimes mask. All of it is read from outside: nothing is joined, and a file in a container is opened only
to be looked at (O_PATH).

Sources: proc_pid_status(5), proc_pid_uid_map(5), proc_pid_mountinfo(5); the runtime specification's maskedPaths as
moby oci/defaults.go and containerd oci/spec.go set them; cgroup v1's devices.list (the kernel's cgroup-v1/devices.rst).
cgroup v2 has its device rules in a BPF program, which nobody can read as rules.
"""

from __future__ import annotations

import os
import stat
import time

from nsview import linux

from . import cgroup, files, hostfiles, mountinfo, procfs
from .containers import containerd, witness
from .status import capabilities, label, status_of, text_at
from .users import id_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .mountinfo import Mount
    from .protocol import DaemonSocket, DeviceNode, Look, NamespaceKey, PathMount, Process, Security

MASKED = (
    "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
    "/proc/timer_list", "/proc/timer_stats", "/sys/firmware",
)  # fmt: skip
SOCKETS = {
    "/run/docker.sock": "docker",
    "/run/containerd/containerd.sock": "containerd",
    "/run/k3s/containerd/containerd.sock": "containerd",
    "/run/crio/crio.sock": "cri-o",
    "/run/podman/podman.sock": "podman",
    "/run/cri-dockerd.sock": "cri-dockerd",
    "/run/buildkit/buildkitd.sock": "buildkit",
}
"""The usual sockets of daemons that start containers."""
_NAMES = {os.path.basename(path): daemon for path, daemon in SOCKETS.items()}
_MEMORY = (1, 2, 4)  # minors of major 1: mem, kmem, port; devices.txt of the kernel
_MODULES = (
    ("apparmor", "/sys/module/apparmor/parameters/enabled", "Y"),
    ("selinux", "/sys/fs/selinux/enforce", "1"),  # there, and enforcing
)
NODES_LIMIT, ENTRIES_LIMIT = 64, 4096
_PROCESS_KINDS = ("mnt", "pid", "net", "ipc", "uts")


class SecurityReading:
    """The facts of some processes of one look, in slices. pids: of these processes; None for those of containers and
    those in the namespaces of containers."""

    def __init__(self, look: Look, pids: Iterable[int] | None = None) -> None:
        # The look's own changes between two slices.
        self._processes = dict(look["processes"])
        self.everything = pids is None
        inits = {record["init_pid"] for record in look["containers"]}
        wanted = of_containers(look) if pids is None else [pid for pid in pids if pid in self._processes]
        # A container's first process sees its mounts from its root, and a later one may have another root.
        self.pids = sorted(wanted, key=lambda pid: (pid not in inits, pid))
        self.done = 0
        self._host = _Host(self._processes)
        self._mounts_told: set[int] = set()
        self._maps: dict[int, tuple[list[list[int]], list[list[int]]]] = {}

    def step(self, seconds: float) -> list[Security]:
        """The records of some more processes, read in about so many seconds. `done` is the number of all that were
        told."""
        until = time.monotonic() + seconds
        records = []
        while self.done < len(self.pids):
            record = self._process(self._processes[self.pids[self.done]])
            self.done += 1
            if record:
                records.append(record)
            if time.monotonic() >= until:
                break
        return records

    @property
    def lsm(self) -> list[str]:
        """The security modules of this host: "apparmor", "selinux"."""
        return self._host.modules

    def _process(self, process: Process) -> Security | None:
        """The frame's record of one process. None if it is gone."""
        try:
            fd = os.open("/proc/%d" % process["pid"], os.O_PATH | os.O_DIRECTORY)
        except OSError:
            return None
        try:
            start = int(procfs.stat_fields(fd)[19])
            return self._record(process, fd) if start == process["start"] else None
        except (OSError, KeyError, IndexError, ValueError):
            return None  # the process exited meanwhile
        finally:
            os.close(fd)

    def _record(self, process: Process, fd: int) -> Security:
        status = status_of(fd)
        uid_map, gid_map = self._maps_of(process, fd)
        record: Security = {
            "pid": process["pid"],
            "start": process["start"],
            "age": max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - process["start"] / _TICKS),
            "uid": int(status["Uid"].split()[1]),
            "gid": int(status["Gid"].split()[1]),
            "groups": [int(group) for group in status.get("Groups", "").split()],
            "capabilities": capabilities(status),
            "seccomp": int(status["Seccomp"]) if "Seccomp" in status else None,
            "no_new_privs": status["NoNewPrivs"] == "1" if "NoNewPrivs" in status else None,
            "uid_map": uid_map,
            "gid_map": gid_map,
            "label": label(fd) if self._host.modules else None,
            "mounts": None,
            "inside": None,
            "devices": None,
            "unreadable": None,
        }
        inode = process["namespaces"].get("mnt")
        if inode is None or inode not in self._mounts_told or not self.everything:
            self._add_mounts(record, process, fd)
            self._mounts_told |= {inode} if inode is not None else set()
        return record

    def _maps_of(self, process: Process, fd: int) -> tuple[list[list[int]], list[list[int]]]:
        inode = process["namespaces"].get("user")
        maps = self._maps.get(inode) if inode else None
        if maps is None:
            maps = id_map(text_at(fd, "uid_map")), id_map(text_at(fd, "gid_map"))
            if inode:
                self._maps[inode] = maps
        return maps

    def _add_mounts(self, record: Security, process: Process, fd: int) -> None:
        """Add the mounts, the paths that lead out of the container, and the device rules of its cgroup."""
        record["devices"] = self._host.device_rules(fd)
        try:
            mounts = mountinfo.parse(mountinfo.read(process["pid"]))
            covered = mountinfo.hidden(mounts)
            mounts = [mount for mount in mounts if mount.id not in covered]
            told = record["mounts"] = [self._host.told(mount) for mount in mounts]
            root = os.open("root", os.O_PATH | os.O_DIRECTORY, dir_fd=fd)
        except OSError as error:
            record["unreadable"] = procfs.errno_name(error)
            return
        try:
            record["inside"] = {
                "sockets": list(self._host.sockets_in(told, root)),
                "nodes": _nodes(root),
                "unmasked": _unmasked(told, root),
            }
        finally:
            os.close(root)


def of_containers(look: Look) -> set[int]:
    """The pids of all containers' processes, and of those outside of any that are in a container's own namespaces."""
    processes, namespaces = look["processes"], look["namespaces"]
    wanted = {pid for record in look["containers"] for pid in record["pids"] if pid in processes}
    own: set[NamespaceKey] = set()
    for record in look["containers"]:
        init = processes.get(record["init_pid"] or 0)
        if init:
            own.update(item for item in init["namespaces"].items() if item[0] in _PROCESS_KINDS)
    own = {key for key in own if not (key in namespaces and namespaces[key]["initial"])}
    for pid, process in processes.items():
        if process["container"] is None and not own.isdisjoint(process["namespaces"].items()):
            wanted.add(pid)
    return wanted


class _Host:
    """The facts of the host that those of all processes are compared with: its mounts, its daemons' sockets, its
    modules."""

    def __init__(self, processes: dict[int, Process]) -> None:
        self.modules = [name for name, path, word in _MODULES if hostfiles.text(path).strip() == word]
        mounts = mountinfo.parse(hostfiles.mounts())
        self._device_mounts = hostfiles.hierarchies(mounts).get("devices", ())
        self._places = mountinfo.Places(mounts)
        self._sockets: dict[tuple[int, int], tuple[str, str]] = {}  # {(device, inode): (path, daemon)}
        for path, daemon in _daemon_sockets(processes):
            try:
                status = hostfiles.status(path)
            except OSError:
                continue
            if stat.S_ISSOCK(status.st_mode):
                self._sockets.setdefault((status.st_dev, status.st_ino), (hostfiles.realpath(path), daemon))

    def told(self, mount: Mount) -> PathMount:
        """The frame's record of a mount. host: the host's path of its files, None if it has none."""
        return {
            "point": mount.point,
            "root": mount.root,
            "device": mount.device,
            "fstype": mount.fstype,
            "source": mount.source,
            "options": list(mount.options),
            "super_options": list(mount.super_options),
            "host": next(iter(self._places.paths(mount)), None),
        }

    def device_rules(self, fd: int) -> list[str] | None:
        """The lines of cgroup v1's devices.list for a process's cgroup. None if there is no such file to read."""
        for controllers, path in cgroup.lines(text_at(fd, "cgroup")):
            for mount in self._device_mounts if "devices" in controllers.split(",") else ():
                try:
                    return files.text(files.read("%s/devices.list" % mount.path_of(path))).split("\n")[:-1]
                except OSError:
                    continue
        return None

    def sockets_in(self, mounts: list[PathMount], root: int) -> Iterator[DaemonSocket]:
        """The sockets of daemons that a path below this root leads to, by any of these mounts."""
        tried: dict[str, tuple[str, str]] = {}
        for mount in mounts:
            host = mount["host"]
            if host is None or mount["root"].endswith("//deleted"):
                continue
            for path, daemon in self._sockets.values():
                rest = mountinfo.below(path, host)
                if rest is not None:
                    tried[mount["point"].rstrip("/") + rest] = path, daemon
            for name in (os.path.basename(mount["root"]), os.path.basename(mount["point"])):
                if name in _NAMES:
                    tried.setdefault(mount["point"], (host, _NAMES[name]))
        for inside, (path, daemon) in tried.items():
            status = _status_in(root, inside)
            if status is None or not stat.S_ISSOCK(status.st_mode):
                continue
            known = self._sockets.get((status.st_dev, status.st_ino))
            if known or os.path.basename(path) in _NAMES or os.path.basename(inside) in _NAMES:
                path, daemon = known or (path, daemon)
                yield {
                    "path": inside, "host": path, "daemon": daemon, "known": known is not None,
                    "mode": stat.S_IMODE(status.st_mode), "uid": status.st_uid, "gid": status.st_gid,
                }  # fmt: skip


def _daemon_sockets(processes: dict[int, Process]) -> Iterator[tuple[str, str]]:
    """(path, daemon) of the sockets that daemons listen on: the usual ones, and those in the command lines of root's
    own."""
    yield from SOCKETS.items()
    for process in processes.values():
        if not process["comm"].startswith(("containerd-shim", "dockerd")):
            continue
        if process["uid"] != 0 or process["container"] is not None or len(process["nspid"]) > 1:
            continue
        if witness.owner_of_process(process["pid"]) != 0:
            continue
        shim = containerd.shim(process, lambda _: 0)
        if shim:
            yield shim.address, "containerd"
        elif process["comm"] == "dockerd":
            arguments = process["cmdline"]
            for option, value in zip(arguments, arguments[1:] + [""]):  # noqa: B905  Python 3.8
                given = value if option in ("-H", "--host") else option.partition("=")[2]
                if given.startswith("unix://"):
                    yield given[len("unix://") :], "docker"


def _status_in(root: int, path: str) -> os.stat_result | None:
    """The fstat of the target of a path below a root. None if there is none. Opened only to be looked at."""
    try:
        fd = linux.open_in_root(root, path, os.O_PATH)
    except (OSError, ValueError):
        return None
    try:
        return os.fstat(fd)
    finally:
        os.close(fd)


def _unmasked(mounts: list[PathMount], root: int) -> list[str]:
    """The paths of MASKED that are the kernel's own there, not covered by something else."""
    kernel = {mount["device"] for mount in mounts if mount["fstype"] in ("proc", "sysfs")}
    found = []
    for path in MASKED:
        status = _status_in(root, path)
        if status and "%d:%d" % (os.major(status.st_dev), os.minor(status.st_dev)) in kernel:
            found.append(path)
    return found


def _nodes(root: int) -> list[DeviceNode]:
    """Block devices and those of memory in /dev; a path there may be whatever the container likes."""
    found: list[DeviceNode] = []
    try:
        directory = linux.open_in_root(root, "/dev", os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)
    except OSError:
        return found
    try:
        for number, name in enumerate(os.listdir(directory)):
            if number >= ENTRIES_LIMIT or len(found) >= NODES_LIMIT:
                break
            try:
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            except OSError:
                continue
            major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
            block = stat.S_ISBLK(status.st_mode)
            if block or (stat.S_ISCHR(status.st_mode) and major == 1 and minor in _MEMORY):
                found.append({
                    "path": "/dev/" + name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
                    "type": "b" if block else "c", "major": major, "minor": minor,
                })  # fmt: skip
    finally:
        os.close(directory)
    return found


_TICKS = os.sysconf("SC_CLK_TCK")
