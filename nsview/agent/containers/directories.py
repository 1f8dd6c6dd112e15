"""The directories in which engines keep the state of their containers: it outlives a shim, a conmon and a daemon.

Known are the directories that engines use by themselves, those that the command line, the configuration or the working
directory of a live one names, and those that the host's mounts show, for a container's mounts stay when its engine is
gone. A mount in a container's own mount namespace, which the container could have made itself, tells at most where its
user keeps state.

Sources: moby daemon/config (exec-root, data-root), daemon/runtime_unix.go (EXEC-ROOT/runtime-NAME),
daemon/daemon_unix.go (setupDaemonRoot), libnetwork (EXEC-ROOT/netns); containerd pkg/process/init.go (RuncRoot),
runtime/v2/shim (options.json); runc main.go and rootless_linux.go (--root); crun src/libcrun/status.c; podman
libpod/container_internal_common.go (.containerenv), pkg/util/utils_supported.go.
"""

from __future__ import annotations

import os

from .. import cgroup, files, hostfiles, mountinfo
from . import conmon, containerd, supervisor, witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Dict, Optional, Tuple

    from ..mountinfo import Mount
    from ..protocol import Process
    from .supervisor import Population

    _Runtimes = Dict[str, Tuple[Optional[str], int]]
    """{directory: (engine namespace or None, owner of the word that state is kept there)}"""

_RUNC = "/run/containerd/runc"
_STATES = ("/run/containerd", "/run/docker/containerd/daemon", "/run/k3s/containerd",
           "/var/snap/microk8s/common/run/containerd")  # fmt: skip
_EXEC_ROOT = "/run/docker"
_OF_RUNTIMES = ("/run/runc", "/run/crun")
_OF_PODMAN = (
    "/run/.containerenv"  # of XDG_RUNTIME_DIR, or /tmp/podman-run-UID, /containers/DRIVER-containers/ID/userdata
)
_DOCKER = "/etc/docker/daemon.json"
_CONTAINERD = "/etc/containerd/config.toml"
DATA_ROOT = "/var/lib/docker"
STORAGE = "/var/lib/containers/storage"  # of podman
_OPTIONS = {"exec-root": _EXEC_ROOT, "data-root": DATA_ROOT}  # of dockerd, on its command line and in its file
_REMAPPED = "remapped-root"  # a data root of which only the parts `_below` are used: with --userns-remap
_ROOTS = ("data-root", _REMAPPED)
_DRIVERS = ("overlay2", "overlay", "aufs", "vfs", "btrfs", "fuse-overlayfs", "zfs", "rootfs")  # ROOT/overlay2/..


def usual_runtimes(uids: Iterable[int]) -> _Runtimes:
    """The directories in which runc and crun keep state by themselves, for root, these users and the engines."""
    found: _Runtimes = dict.fromkeys(_OF_RUNTIMES, (None, 0))
    for uid in filter(None, uids):
        found.update({"/run/user/%d/%s" % (uid, name): (None, uid) for name in ("runc", "crun")})
    for parent in (_RUNC, *_of_exec_root(_EXEC_ROOT)):
        found.update(_namespaces(parent, 0))
    return found


class Directories:
    """The directories that tell of containers without a supervisor, as one look at a host finds them.

    Those that a live process of root's names are kept on the host from then on, for when that process is gone.
    of_live_dockerd: the data roots of those that live.
    """

    def __init__(self, host: Population) -> None:
        self._host = host
        self._of: dict[tuple[str, str], int] = {("exec-root", _EXEC_ROOT): 0}
        self._of.update({("state", path): 0 for path in _STATES})
        live: dict[tuple[str, str], None] = {}
        self._by_files()
        inside = witness.mounts_of_host()
        for process in host.watchers():
            owner = host.owner(process)
            # Root in a container of its own could name whatever a volume shows on the host.
            if owner > 0 or (owner == 0 and process["namespaces"].get("mnt") in inside):
                said = host.told if owner == 0 else self._of
                key = "said", process["pid"], process["start"]
                for place in host.kept.get(key, supervisor.later(self._said_by, process)):
                    said.setdefault(place, owner)
                    if owner == 0:
                        live[place] = None
        self._of.update(host.told)
        self._by_mounts()
        self._by_orphans()
        self._of.setdefault(("data-root", DATA_ROOT), 0)
        self._of.setdefault(("storage", STORAGE), 0)
        below = {root: _below(root) for kind, root in self._of if kind in _ROOTS}
        self._data_roots = {
            path: owner for (kind, root), owner in self._of.items() if kind in _ROOTS for path in (root, *below[root])
        }
        self.of_live_dockerd = {
            path
            for kind, root in live
            for path in ((root,) if kind == "data-root" else below[root] if kind == _REMAPPED else ())
        }

    def data_roots(self, uid: int) -> list[str]:
        """The directories in which dockerd keeps its records of containers, by the word of this user or root."""
        return [path for path, owner in self._data_roots.items() if owner in (0, uid)]

    def storages(self) -> list[str]:
        """The directories in which root's podman keeps its containers."""
        return [path for path, owner in self._those("storage") if owner == 0]

    def runtimes(self) -> _Runtimes:
        """All directories in which runc and crun may keep state."""
        users = (int(name) for name in names("/run/user") if name.isdigit())
        found = usual_runtimes(users)
        for path, uid in self._those("root"):
            found.setdefault(path, (None, uid))
        for path, uid in self._those("exec-root"):
            for parent in _of_exec_root(path):
                found.update(_namespaces(parent, uid))
        for parent, uid in self._of_bundles().items():
            found.update(_namespaces(parent, uid))
        return found

    def _those(self, kind: str) -> list[tuple[str, int]]:
        return [(path, uid) for (one, path), uid in self._of.items() if one == kind]

    def _by_files(self) -> None:
        """Add the directories in the configurations at the usual places, also of an engine that does not run."""
        said = self._host.read_json(0, _DOCKER) or {}
        self._of.update({(name, said[name]): 0 for name in _OPTIONS if _is_path(said.get(name))})
        state = self._state_by(_CONTAINERD)
        if state:
            self._of["state", state] = 0

    def _state_by(self, path: str) -> Any:
        return self._host.cached(0, path, _state_in)

    def _by_mounts(self) -> None:
        """Add the directories behind the mounts of the host's own namespace. A user may mount there too, in a directory
        of theirs, by FUSE; so the owner of each file below counts."""
        for mount in self._host.mounts:
            for place in _behind(mount):
                self._of.setdefault(place, 0)

    def _by_orphans(self) -> None:
        """Add the directories of users whose podman keeps state in none of the usual places, by its file in a container
        without a conmon. Another file of the user's own may be there too: a state counts as the word of its owner."""
        for process in self._host.processes.values():
            alone = process["nspid"][-1] == 1 and len(process["nspid"]) > 1 and witness.confined(process["namespaces"])
            if alone and process["ppid"] not in self._host.watching:
                key = "runtime directories", process["pid"], process["start"]
                owner, paths = self._host.kept.get(key, supervisor.later(self._of_podmans_file, process["pid"]))
                self._of.update({("root", path): owner for path in paths if owner})

    def _of_podmans_file(self, pid: int) -> tuple[int, list[str]]:
        """(owner, directories in which runc and crun may keep state) by the first process of a user's container."""
        try:
            mounts = mountinfo.parse(mountinfo.read(pid))
        except OSError:
            return 0, []
        places = mountinfo.Places(self._host.mounts)
        files = [path for mount in mounts if mount.point == _OF_PODMAN for path in places.paths(mount)]
        above = [path.partition("/containers/")[0] for path in files]
        return witness.owner_of_userns(pid) or 0, [path + name for path in above for name in ("/runc", "/crun")]

    def _said_by(self, process: Process) -> list[tuple[str, str]]:
        """(kind of state, directory) of all that a live process names."""
        comm, words = process["comm"], process["cmdline"]
        said: list[tuple[str, Any]]
        if comm == "dockerd":
            options = containerd.options_of(words)
            file = self._host.read_json(process["pid"], options.get("config-file", _DOCKER)) or {}
            options.setdefault("data-root", options.get("g", ""))
            said = [(name, options.get(name) or file.get(name) or usual) for name, usual in _OPTIONS.items()]
            if options.get("userns-remap") or file.get("userns-remap"):
                said = [(_REMAPPED if kind == "data-root" else kind, path) for kind, path in said]
        elif comm.startswith("containerd-shim"):
            # The working directory of a shim is STATE/io.containerd.runtime.v2.task/NAMESPACE/ID.
            state, found, _ = (files.link("/proc/%d/cwd" % process["pid"]) or "").partition(containerd.TASKS)
            said = [("state", state if found else None)]
        elif containerd.is_daemon(process):
            options = containerd.options_of(words)
            said = [("state", options.get("state") or self._state_by(options.get("config", _CONTAINERD)))]
        elif comm == "conmon":
            said = [("root", root) for root in conmon.runtime_roots(words)]
            # The bundle of a conmon is STORAGE/DRIVER-containers/ID/userdata.
            bundle = (conmon.monitor(process) or {}).get("bundle", "")
            said += [("storage", bundle.rsplit("/", 3)[0])] if bundle.endswith("/userdata") else []
        elif comm in RUNTIMES:
            said = [("root", root_of(words))]
        else:
            return []
        return [(kind, path) for kind, path in said if _is_path(path)]

    def _of_bundles(self) -> dict[str, int]:
        """{directory: uid} of those that a containerd has runc's state in by an option, as a bundle tells."""
        found: dict[str, int] = {}
        for state, uid in self._those("state"):
            tasks = state + containerd.TASKS
            for namespace in names(tasks):
                for id in names(tasks + namespace):
                    if (namespace, id) not in self._host.supervised:
                        path = "%s%s/%s/options.json" % (tasks, namespace, id)
                        root = (self._host.read_json(0, path) or {}).get("root")
                        if root and _is_path(root):
                            found[root] = uid
        return found


def _below(root: str) -> list[str]:
    """ROOT/UID.GID: the data roots below one of a dockerd with user namespaces."""
    parts = [(name, name.partition(".")) for name in names(root)]
    return ["%s/%s" % (root, name) for name, (uid, _, gid) in parts if uid.isdecimal() and gid.isdecimal()]


def _behind(mount: Mount) -> list[tuple[str, str]]:
    """[(kind of state, directory)] of the engine whose container has something mounted: its layers, its net namespace
    or its bundle's root."""
    point, last = mount.point, mount.point.rpartition("/")[2]
    if mount.fstype == "nsfs":
        named = last == "default" or cgroup.is_hex(last, 12)
        return [("exec-root", point[: -len("/netns/" + last)])] if named and point.endswith("/netns/" + last) else []
    state, found, _ = point.partition(containerd.TASKS)
    if found and last == "rootfs":
        return [("state", state)]
    layers = mount.fstype != "cgroup" and (last == "merged" or cgroup.is_hex(last, 64))
    return [("data-root", root) for root in above_layers(point)] if layers else []


def above_layers(path: str) -> list[str]:
    """[ROOT] of ROOT/overlay2/LAYER/merged and its like, docker's directory of a container's root; [] of another
    path."""
    parts = path.split("/")
    return ["/".join(parts[:at]) for at in range(len(parts) - 2, 1, -1) if parts[at] in _DRIVERS][:1]


def _state_in(text: bytes) -> str:
    """The state directory that a config.toml of containerd's names, "" if it names none."""
    for line in text.splitlines():
        name, equals, value = line.partition(b"=")
        if name.strip() == b"state" and equals:
            return os.fsdecode(value.strip().strip(b"\"'"))
    return ""


RUNTIMES = ("runc", "crun", "youki", "buildkit-runc")


def root_of(words: list[str]) -> str | None:
    """The --root of a runc's or crun's command line. None if it has none."""
    for word, following in zip(words[1:], [*words[2:], ""]):  # noqa: B905  Python 3.8
        name, equals, value = word.partition("=")
        if name in ("--root", "-root"):
            return value if equals else following
    return None


def names(path: str) -> list[str]:
    """The names in a directory of the host's, in order; [] if it can't be read."""
    try:
        return sorted(hostfiles.listdir(path))
    except OSError:
        return []


def _of_exec_root(path: str) -> list[str]:
    return ["%s/%s" % (path, name) for name in names(path) if name.startswith("runtime-")]


def _namespaces(parent: str, uid: int) -> _Runtimes:
    return {"%s/%s" % (parent, name): (name, uid) for name in names(parent)}


def _is_path(value: object) -> bool:
    return isinstance(value, str) and value.startswith("/")
