"""podman, of root and of users: containers and pods, by the conmon beside each, or the state that is left without it,
and the storage it works in.

Sources: podman libpod/oci_conmon_common.go, libpod/container_internal_linux.go (cgroup paths), pkg/specgen/generate/
pod_create.go (an infra container's host name is its pod's), pkg/annotations; containers/storage containers.go
(containers.json).
"""

from __future__ import annotations

import os

from .. import cgroup, hostfiles, jsontext
from . import conmon, directories, stopped, supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Optional, Tuple

    from ..protocol import Process, Stopped
    from .runc import SavedState
    from .supervisor import Draft, Found, Population

    _Listed = Tuple[Optional[str], Optional[str], bool]

_LISTS = "-containers"  # STORAGE/DRIVER-containers/containers.json
_SANDBOX = "io.kubernetes.cri-o.SandboxID"
_MANAGER = "io.container.manager"


def find(host: Population) -> Iterator[Found]:
    """The containers that a conmon of podman's watches over."""
    for process, monitor, init in conmon.monitored(host):
        claim = host.claims.get(init["cgroup"])
        said = _Said(host, process["pid"], 0, monitor.get("bundle", ""))
        if said.manager == "libpod" or (said.manager is None and claim and claim.runtime == "podman"):
            describe = _describer(said, monitor.get("name"), "conmon %d" % process["pid"], init)
            yield supervisor.Found("podman", monitor["id"], init["pid"], process, describe)


def left(host: Population, state: SavedState, process: Process) -> Found | None:
    """The container of a state that runc or crun keeps, after its conmon is gone; None if podman did not make it."""
    said = _Said(host, 0, state["uid"], state["bundle"] or "")
    claim = host.claims.get(process["cgroup"])
    # With ids of its own (--uidmap) a container has its bundle in a directory that is not root's.
    by_cgroup = said.manager is None and claim and claim.runtime == "podman" and claim.id == state["id"]
    if said.manager != "libpod" and not by_cgroup:
        return None
    return supervisor.Found(
        "podman", state["id"], process["pid"], None, _describer(said, None, state["path"], process), state["uid"]
    )


def ended(host: Population, known: set[str], unread: list[str]) -> Iterator[Stopped]:
    """The containers without a process of root's podman; see `stopped`.

    How they ended is in podman's database, of a format of its own: podman takes away the file that conmon writes of an
    exit as soon as it has seen it (libpod/container_internal.go, handleExitFile).
    """
    for root in host.directories.storages():
        for name in directories.names(root):
            place = "%s/%s" % (root, name)
            directory = stopped.opened(place, unread) if name.endswith(_LISTS) else None
            if directory is not None:
                os.close(directory)
                yield from _ended_in(host, place, known)


def _ended_in(host: Population, place: str, known: set[str]) -> Iterator[Stopped]:
    listed: dict[str, _Listed] = host.cached(0, place + "/containers.json", _stored) or {}
    for id, (name, image, by_podman) in listed.items():
        if by_podman and id not in known:
            record = stopped.record("podman:" + id, id, "podman", place + "/containers.json")
            record["name"], record["image"] = name or record["name"], image
            config = host.read_json(0, "%s/%s/userdata/config.json" % (place, id))
            if config:
                process = config.get("process")
                record["command"] = stopped.words(process.get("args")) if isinstance(process, dict) else None
            else:
                record["state"] = "created"  # the container is made anew at each start
            log = "%s/%s/userdata/%s" % (place, id, conmon.LOG)
            record["log"] = log if hostfiles.exists(log) else None
            yield record


class _Said:
    """The facts in the storage around a container's bundle, GRAPHROOT/DRIVER-containers/ID/userdata.

    pid: the process as which files are looked up, 0 for none; then uid is the user whose word is believed.
    """

    def __init__(self, host: Population, pid: int, uid: int, bundle: str) -> None:
        self._host, self._pid, self._uid = host, pid, uid
        self.bundle = bundle
        self.config = self._config("") or {}
        self.manager = supervisor.texts(self.config.get("annotations")).get(_MANAGER)

    def _config(self, up: str) -> dict[str, Any] | None:
        return self._host.read_json(self._pid, os.path.normpath(self.bundle + up) + "/config.json", self._uid)

    def of_infra(self) -> dict[str, Any]:
        """The configuration of its pod's infra container."""
        id = supervisor.texts(self.config.get("annotations")).get(_SANDBOX, "")
        return (self._config("/../../%s/userdata" % id) if id and "/" not in id else None) or {}

    def stored(self, id: str) -> tuple[str | None, str | None]:
        """(its name, its image's name) by the storage's own list; None for each that is not told."""
        path = os.path.normpath(self.bundle + "/../../containers.json")
        listed: dict[str, _Listed] = self._host.cached(self._pid, path, _stored, self._uid) or {}
        return listed.get(id, (None, None, False))[:2]


def _describer(said: _Said, name: str | None, witness: str, init: Process) -> Callable[[Draft], None]:
    def describe(record: Draft) -> None:
        stored, image = said.stored(record["id"])
        # `podman rename` leaves conmon's arguments as they were.
        record["name"] = stored or name or record["name"]
        record["witness"].append(witness)
        if said.config:
            record["witness"].append(said.bundle + "/config.json")
        record["image"] = image
        _describe_pod(said, init, record)

    return describe


def _stored(text: bytes) -> dict[str, _Listed]:
    """{id: (name, image's name, whether podman made it)}, None for each that is not told. The file is an array;
    `metadata` is JSON in a string, made by libpod, with the name that the container had at first. cri-o's has more of
    its pod, buildah's is empty."""
    found: dict[str, _Listed] = {}
    entries = jsontext.value(text)
    if not isinstance(entries, list):
        raise ValueError("no array")
    for entry in entries:
        try:
            names = entry.get("names")
            named = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else None
            metadata = jsontext.value(entry["metadata"])
            image = metadata.get("image-name")
            by_podman = "created-at" in metadata and "pod-id" not in metadata
            found[entry["id"]] = named, (image if isinstance(image, str) else None) or None, by_podman
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            continue
    return found


def _pod(path: str) -> str | None:
    """The id of the pod in whose cgroup a container's is: POD/libpod-ID, libpod_pod_POD.slice/libpod-ID.scope. None if
    it is in no pod's."""
    parts = path.split("/")
    for above, part in zip(parts, parts[1:]):  # noqa: B905, RUF007  Python 3.8
        name = above[:-6] if above.endswith(".slice") else above
        before, pod = name[:-64], name[-64:]
        if part.startswith("libpod-") and cgroup.is_hex(pod, 64) and (not before or before.endswith("libpod_pod_")):
            return pod
    return None


def _describe_pod(said: _Said, init: Process, record: Draft) -> None:
    pod = _pod(init["cgroup"])
    if not pod:
        return
    infra = record["name"] == pod[:12] + "-infra"
    if infra:
        record["role"] = "sandbox"
    name = (said.config if infra else said.of_infra()).get("hostname")
    record["pod"] = {"name": name if isinstance(name, str) else "", "namespace": "", "uid": pod}
