"""Docker: a container's name and image, from the daemon's own files.

Source: moby container/container.go (config.v2.json), daemon/oci_linux.go (the bundle's mounts).
"""

from __future__ import annotations

import os

from .. import files, hostfiles
from . import containerd, directories, witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..protocol import Process
    from .containerd import Shim
    from .identify import Cache
    from .runc import State
    from .supervisor import Draft, Found, Population

ENGINE_NAMESPACE = "moby"  # containerd's namespace for whatever dockerd runs
_OWN_FILES = ("hostname", "hosts", "resolv.conf")  # ROOT/containers/ID/hostname, mounted into the container


def left(host: Population, state: State, process: Process) -> Found | None:
    """The container of a state, if dockerd had a shim run it."""
    bundle = containerd.bundle_left(host, state, process)
    found = containerd.left(host, state, process)
    if found is None or bundle is None or bundle.shim.namespace != ENGINE_NAMESPACE:
        return None
    as_containerd = found.describe

    def tell(record: Draft) -> None:
        as_containerd(record)
        describe(record, host, bundle.config, bundle.shim)

    found.describe = tell
    return found


def describe(record: Draft, host: Population, config: dict[str, Any], shim: Shim) -> None:
    """Put into the record the facts of dockerd's config.v2.json; without it the name is the short id."""
    record["runtime"] = "docker"
    record["engine_namespace"] = ENGINE_NAMESPACE
    record["name"] = record["id"][:12]
    for root in _data_roots(config, shim, host):
        path = "%s/containers/%s/config.v2.json" % (root, record["id"])
        # As the shim would find it: dockerd may itself be in a container.
        said = host.read_json(shim.pid or 0, path, shim.uid)
        if said and said.get("ID") == record["id"]:
            name = said.get("Name")
            if isinstance(name, str) and name.strip("/"):
                record["name"] = name.lstrip("/")
            created = said.get("Config")
            image = created.get("Image") if isinstance(created, dict) else None
            record["image"] = image if isinstance(image, str) else None
            record["restarts"] = said["RestartCount"] if type(said.get("RestartCount")) is int else None
            record["witness"].append(path)
            return


def gone_shim(id: str, pid: int | None = None) -> Shim:
    """The shim that must have run a container of root's dockerd, and is gone. pid: of a process that sees the files as
    the shim did, if they are not the host's."""
    return containerd.Shim(pid, ENGINE_NAMESPACE, id, "", 0)


def restarting(host: Population, known: set[str]) -> Iterator[str]:
    """The ids of containers without a process that a live dockerd will start again. known: those that have one.

    Only a live one's word counts: the plans of a dead one will not be carried out.
    """
    for root in host.directories.of_live_dockerd:
        try:
            directory = hostfiles.opened(root + "/containers", os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            others = sorted(set(os.listdir(directory)) - known)
            for id in others if others and witness.owner_of_place(directory) == 0 else ():
                if _restarts(host.kept, directory, root, id):
                    yield id
        finally:
            os.close(directory)


def _restarts(kept: Cache, directory: int, root: str, id: str) -> bool:
    path = id + "/config.v2.json"
    try:
        status = os.stat(path, dir_fd=directory)
    except OSError:
        return False
    key = "restarting", root, id, status.st_mtime_ns, status.st_ino
    said = kept.get(key, lambda: _state(directory, path)) or {}
    return said.get("Restarting") is True and said.get("Pid") == 0


def _state(directory: int, path: str) -> dict[str, Any] | None:
    """The state in a container's file. None if the file can't be read."""
    said = files.read_json(directory, path, lambda fd: witness.owned(fd, 0))
    state = said and said.get("State")
    return state if isinstance(state, dict) else said and {}


def _data_roots(config: dict[str, Any], shim: Shim, host: Population) -> dict[str, None]:
    """The directories in which dockerd keeps its containers, most telling first; found also if dockerd is dead."""
    roots: list[str | None] = []
    mounts = config.get("mounts")
    for mount in mounts if isinstance(mounts, list) else ():
        roots += _above_own_file(str(mount.get("source", ""))) if isinstance(mount, dict) else []
    rootfs = config.get("root")
    roots += directories.above_layers(str(rootfs.get("path", ""))) if isinstance(rootfs, dict) else []
    within = host.within(host.processes[shim.pid]) if shim.pid else None
    if within is None:
        roots += host.directories.data_roots(shim.uid)
    for process in host.watchers() if within else ():
        # Another user's, or another container's, is not this shim's, whatever it is called.
        if process["comm"] == "dockerd" and host.owner(process) == shim.uid and host.within(process) == within:
            options = containerd.options_of(process["cmdline"])
            roots.append(options.get("data-root") or options.get("g"))
    return dict.fromkeys(filter(None, [*roots, directories.DATA_ROOT]))


def _above_own_file(path: str) -> list[str]:
    """[ROOT] of ROOT/containers/ID/hostname, which dockerd mounts into a container; [] of another path."""
    root, _, rest = path.rpartition("/containers/")
    return [root] if root[:1] == "/" and rest.partition("/")[2] in _OWN_FILES else []
