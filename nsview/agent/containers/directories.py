"""Where engines keep the state of their containers: it outlives a shim, a conmon and a daemon.

Known are the directories that they use by themselves, those that the command line, the configuration or the working
directory of a live one names, and those that the host's mounts show, for a container's mounts stay when its engine is
gone. What a container has mounted in a mount namespace of its own tells nothing here: it could have made that itself.

Sources: moby daemon/config (exec-root, data-root), daemon/runtime_unix.go (EXEC-ROOT/runtime-NAME), libnetwork
(EXEC-ROOT/netns); containerd pkg/process/init.go (RuncRoot), runtime/v2/shim (options.json); runc main.go and
rootless_linux.go (--root); crun src/libcrun/status.c.
"""

from __future__ import annotations

import os

from .. import cgroup, hostfiles
from . import conmon, containerd, witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_RUNC = "/run/containerd/runc"
_STATES = ("/run/containerd", "/run/docker/containerd/daemon", "/run/k3s/containerd",
           "/var/snap/microk8s/common/run/containerd")  # fmt: skip
_EXEC_ROOT = "/run/docker"
_OF_RUNTIMES = ("/run/runc", "/run/crun")
_DOCKER = "/etc/docker/daemon.json"
_CONTAINERD = "/etc/containerd/config.toml"
DATA_ROOT = "/var/lib/docker"
_OPTIONS = {"exec-root": _EXEC_ROOT, "data-root": DATA_ROOT}  # of dockerd, on its command line and in its file
_DRIVERS = ("overlay2", "overlay", "aufs", "vfs", "btrfs", "fuse-overlayfs", "zfs", "rootfs")  # ROOT/overlay2/..


def usual_runtimes(uids):
    """{directory: (engine namespace or None, whose word it is)} of the places where runc and crun keep state by
    themselves, for root, these users and the engines."""
    found: dict[str, tuple[Any, int]] = dict.fromkeys(_OF_RUNTIMES, (None, 0))
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

    def __init__(self, host):
        self._host = host
        self._of: dict[tuple[str, str], int] = {("exec-root", _EXEC_ROOT): 0}
        self._of.update({("state", path): 0 for path in _STATES})
        self.of_live_dockerd: dict[str, None] = {}
        self._by_files()
        inside = witness.mounts_of_host()
        for process in host.watchers():
            owner = host.owner(process)
            # Root in a container of its own could name whatever a volume shows on the host.
            if owner > 0 or (owner == 0 and process["namespaces"].get("mnt") in inside):
                said = host.told if owner == 0 else self._of
                key = "said", process["pid"], process["start"]
                for place in host.kept.get(key, lambda process=process: self._said_by(process)):
                    said.setdefault(place, owner)
                    if place[0] == "data-root" and owner == 0:
                        self.of_live_dockerd[place[1]] = None
        self._of.update(host.told)
        self._by_mounts()
        self._of.setdefault(("data-root", DATA_ROOT), 0)

    def data_roots(self, uid):
        """Where dockerd keeps what it knows of its containers, by the word of this user or root."""
        return [path for path, owner in self._those("data-root") if owner in (0, uid)]

    def runtimes(self):
        """{directory: (engine namespace or None, uid)} of all in which runc and crun may keep state."""
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

    def _those(self, kind):
        return [(path, uid) for (one, path), uid in self._of.items() if one == kind]

    def _by_files(self):
        """Of configurations at the usual places, whether who reads them lives or not."""
        said = self._host.read_json(0, _DOCKER) or {}
        self._of.update({(name, said[name]): 0 for name in _OPTIONS if _is_path(said.get(name))})
        state = self._state_by(_CONTAINERD)
        if state:
            self._of["state", state] = 0

    def _state_by(self, path):
        return self._host.cached(0, path, _state_in)

    def _by_mounts(self):
        """By what the host's own namespace has mounted. A user may mount there too, in a directory of theirs, by FUSE;
        so what is read below is held against its owner."""
        for mount in self._host.mounts:
            for place in _behind(mount):
                self._of.setdefault(place, 0)

    def _said_by(self, process):
        """(what is kept there, directory) of all that a live process names."""
        comm, words = process["comm"], process["cmdline"]
        if comm == "dockerd":
            options = containerd.options_of(words)
            file = self._host.read_json(process["pid"], options.get("config-file", _DOCKER)) or {}
            options.setdefault("data-root", options.get("g"))
            said = [(name, options.get(name) or file.get(name) or usual) for name, usual in _OPTIONS.items()]
        elif comm.startswith("containerd-shim"):
            # Its working directory is STATE/io.containerd.runtime.v2.task/NAMESPACE/ID.
            state, found, _ = (_link("/proc/%d/cwd" % process["pid"]) or "").partition(containerd.TASKS)
            said = [("state", state if found else None)]
        elif containerd.is_daemon(process):
            options = containerd.options_of(words)
            said = [("state", options.get("state") or self._state_by(options.get("config", _CONTAINERD)))]
        elif comm == "conmon":
            said = [("root", root) for root in conmon.runtime_roots(words)]
        elif comm in RUNTIMES:
            said = [("root", root_of(words))]
        else:
            return []
        return [(kind, path) for kind, path in said if _is_path(path)]

    def _of_bundles(self):
        """{directory: uid} of those that a containerd has runc's state in by an option, as a bundle says."""
        found: dict[Any, int] = {}
        for state, uid in self._those("state"):
            tasks = state + containerd.TASKS
            for namespace in names(tasks):
                for id in names(tasks + namespace):
                    if (namespace, id) not in self._host.supervised:
                        path = "%s%s/%s/options.json" % (tasks, namespace, id)
                        root = (self._host.read_json(0, path) or {}).get("root")
                        if _is_path(root):
                            found[root] = uid
        return found


def _behind(mount):
    """[(what is kept there, directory)] of the engine whose container has something mounted: its layers, its net
    namespace or its bundle's root."""
    point, last = mount.point, mount.point.rpartition("/")[2]
    if mount.fstype == "nsfs":
        named = last == "default" or cgroup.is_hex(last, 12)
        return [("exec-root", point[: -len("/netns/" + last)])] if named and point.endswith("/netns/" + last) else []
    state, found, _ = point.partition(containerd.TASKS)
    if found and last == "rootfs":
        return [("state", state)]
    layers = mount.fstype != "cgroup" and (last == "merged" or cgroup.is_hex(last, 64))
    return [("data-root", root) for root in above_layers(point)] if layers else []


def above_layers(path):
    """[ROOT] of ROOT/overlay2/LAYER/merged and its like, where docker has a container's root; [] of another path."""
    parts = path.split("/")
    return ["/".join(parts[:at]) for at in range(len(parts) - 2, 1, -1) if parts[at] in _DRIVERS][:1]


def _state_in(text):
    """The state directory that a config.toml of containerd's names, "" where it names none."""
    for line in text.splitlines():
        name, equals, value = line.partition(b"=")
        if name.strip() == b"state" and equals:
            return os.fsdecode(value.strip().strip(b"\"'"))
    return ""


RUNTIMES = ("runc", "crun", "youki", "buildkit-runc")


def root_of(words):
    """The --root of a runc's or crun's command line, None where it has none."""
    for word, following in zip(words[1:], [*words[2:], ""]):  # noqa: B905  Python 3.8
        name, equals, value = word.partition("=")
        if name in ("--root", "-root"):
            return value if equals else following
    return None


def names(path):
    """What is in a directory of the host's, in order; nothing where it can't be read."""
    try:
        return sorted(hostfiles.listdir(path))
    except OSError:
        return []


def _of_exec_root(path):
    return ["%s/%s" % (path, name) for name in names(path) if name.startswith("runtime-")]


def _namespaces(parent, uid):
    return {"%s/%s" % (parent, name): (name, uid) for name in names(parent)}


def _is_path(value):
    return isinstance(value, str) and value.startswith("/")


def _link(path):
    try:
        return os.readlink(path)
    except OSError:
        return None
