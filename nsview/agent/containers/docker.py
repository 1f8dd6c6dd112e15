"""Docker: a container's name and image, and the containers without a process, from the daemon's own files.

Sources: moby container/container.go and container/state.go (config.v2.json), daemon/oci_linux.go (the bundle's mounts);
compose pkg/api/labels.go; cri-dockerd core/container_create.go (the kubelet's labels).
"""

from __future__ import annotations

import os

from .. import files
from . import containerd, directories, stopped, supervisor, witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Dict, Tuple

    from ..protocol import Process, Stopped
    from .containerd import Shim
    from .runc import SavedState
    from .supervisor import Draft, Found, Population

    _Left = Tuple[Stopped, Dict[str, Any]]
    """(the frame's record without its end, the state in the file)"""

ENGINE_NAMESPACE = "moby"  # containerd's namespace for whatever dockerd runs
_PROJECT = "com.docker.compose.project"
_POD = "io.kubernetes.pod."
_OWN_FILES = ("hostname", "hosts", "resolv.conf")  # ROOT/containers/ID/hostname, mounted into the container


def left(host: Population, state: SavedState, process: Process) -> Found | None:
    """The container of a state, None if dockerd did not have a shim run it."""
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
    """Put into the record the facts of dockerd's config.v2.json, or those it had: `docker rm` removes it before all of
    the container is gone. Without any the name is the short id."""
    record["runtime"] = "docker"
    record["engine_namespace"] = ENGINE_NAMESPACE
    record["name"] = record["id"][:12]
    last: dict[str, Stopped] = host.kept.get(("told", record["id"]), dict)
    # As the shim would find it: dockerd may itself be in a container. As the host does if that may not be looked into.
    pid = shim.pid if shim.pid and "mnt" in host.processes[shim.pid]["namespaces"] else 0
    for root in _data_roots(config, shim, host):
        path = "%s/containers/%s/config.v2.json" % (root, record["id"])
        said = host.read_json(pid, path, shim.uid)
        if said and said.get("ID") == record["id"]:
            last["told"] = _told(said, path)
            break
    if "told" in last:
        told = last["told"]
        record["name"], record["image"] = told["name"], told["image"]
        record["restarts"], record["project"] = told["restarts"], told["project"]
        record["witness"].append(told["witness"])


def gone_shim(id: str, pid: int | None = None) -> Shim:
    """The shim that must have run a container of root's dockerd, and is gone. pid: of a process that sees the files as
    the shim did, if they are not the host's."""
    return containerd.Shim(pid, ENGINE_NAMESPACE, id, "", 0)


def restarting(host: Population, known: set[str]) -> Iterator[str]:
    """The ids of containers without a process that a live dockerd will start again. known: those that have one.

    Only a live one's word counts: the plans of a dead one will not be carried out.
    """
    for root in host.directories.of_live_dockerd:
        for record, state in _left(host, root, known, []):
            if _waits(state):
                yield record["id"]


def ended(host: Population, known: set[str], unread: list[str]) -> Iterator[Stopped]:
    """The containers without a process of root's dockerds, live or dead; see `stopped`."""
    for root in host.directories.data_roots(0):
        for record, state in _left(host, root, known, unread):
            if state.get("Running") is not True or _waits(state):
                yield _with_end(record, state)
            elif root not in host.directories.of_live_dockerd:
                yield record  # nobody has noted its end; of a live one's it begins or ends just now


def _waits(state: dict[str, Any]) -> bool:
    """True if a container has ended, and waits to be started again."""
    return state.get("Restarting") is True and state.get("Pid") == 0


def _with_end(record: Stopped, state: dict[str, Any]) -> Stopped:
    if not stopped.moment(state.get("StartedAt")):
        return {**record, "state": "created", "error": _text(state.get("Error"))}
    return {
        **record,
        "state": "dead" if state.get("Dead") is True else "exited",
        "exit_code": stopped.number(state.get("ExitCode")),
        "oom_killed": state.get("OOMKilled") is True,
        "finished": stopped.moment(state.get("FinishedAt")),
        "error": _text(state.get("Error")),
    }


def _left(host: Population, root: str, known: set[str], unread: list[str]) -> Iterator[_Left]:
    """The records that a dockerd keeps of other containers than the known ones."""
    path = root + "/containers"
    directory = stopped.opened(path, unread)
    if directory is None:
        return
    try:
        others = sorted(set(os.listdir(directory)) - known)
        for id in others if others and witness.owner_of_place(directory) == 0 else ():
            name = id + "/config.v2.json"
            try:
                status = os.stat(name, dir_fd=directory)
            except OSError:
                continue
            read = supervisor.later(_read_left, directory, name, path)
            left: _Left | None = host.kept.get(("left", path, id, status.st_mtime_ns, status.st_ino), read)
            if left and left[0]["id"] == id:
                yield left
    finally:
        os.close(directory)


def _read_left(directory: int, name: str, path: str) -> _Left | None:
    said = files.read_json(directory, name, lambda fd: witness.owned(fd, 0))
    if said is None:
        return None
    state = said.get("State")
    return _told(said, path + "/" + name), state if isinstance(state, dict) else {}


def _told(said: dict[str, Any], path: str) -> Stopped:
    """The facts of a config.v2.json but for the state, as those of a container that has stopped."""
    created, id, name = said.get("Config"), said.get("ID"), said.get("Name")
    created = created if isinstance(created, dict) else {}
    labels = supervisor.texts(created.get("Labels"))
    id = id if isinstance(id, str) else ""
    record = stopped.record("docker:" + id, id, "docker", path)
    record["name"] = (name.strip("/") if isinstance(name, str) else "") or id[:12]
    record["image"] = created["Image"] if isinstance(created.get("Image"), str) else None
    record["project"] = labels.get(_PROJECT)
    record["restarts"] = stopped.number(said.get("RestartCount"))
    arguments = said.get("Args")
    record["command"] = stopped.words([said.get("Path"), *(arguments if isinstance(arguments, list) else ())])
    record["log"] = _text(said.get("LogPath"))
    if labels.get(_POD + "uid"):
        name, namespace = labels.get(_POD + "name", ""), labels.get(_POD + "namespace", "")
        record["pod"] = {"name": name, "namespace": namespace, "uid": labels[_POD + "uid"]}
    return record


def _text(value: Any) -> str | None:
    """A text of JSON. None for an empty one, and for anything else."""
    return value if value and isinstance(value, str) else None


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
