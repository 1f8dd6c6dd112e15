"""The records of engines: the ports that they have published, whether or not anyone listens or a rule is there, the
addresses of containers, and the containers without a process.

dockerd writes its ports into a container's config.v2.json; libcni, which podman, nerdctl and Kubernetes' runtimes use,
into the results that it keeps. A record is read as the container's supervisor would see it, and believed if none
but root or the user whose engine it is can have written it. Addresses are the kernel's own word.

Sources: moby daemon/network/settings.go; containernetworking/cni libcni/api.go (cachedInfo).
"""

from __future__ import annotations

import os

from nsview import linux

from . import files, hostfiles, procnet
from .containers import cri, docker, podman, witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, Literal

    from .containers.supervisor import Population
    from .protocol import Container, ContainerNet, Engines, Forward, Look, Process

_CNI = "/var/lib/cni/results"
_CONFIG = "/config.v2.json"


def records(look: Look, host: Population, initial: int | None) -> Engines:
    """The frame's record. initial: the inode of the host's own net namespace."""
    addresses: dict[int | None, list[str] | None] = {None: None}
    if initial is not None:
        addresses[initial] = []
    told = published(look)
    places: list[ContainerNet] = []
    for container in look["containers"]:
        init = look["processes"].get(container["init_pid"] or 0)
        net = init["namespaces"].get("net") if init else None
        if init and net not in addresses:
            addresses[net] = procnet.addresses("/proc/%d/net" % init["pid"])
        key = container["key"]
        places.append({"key": key, "addresses": addresses[net], "ports": told.get(key, (0, None))[1]})
    # A container that waits to be started again has stopped too.
    known = {container["id"] for container in look["containers"] if container["pids"]}
    unread: list[str] = []
    stopped = [one for engine in (docker, cri, podman) for one in engine.ended(host, known, unread)]
    # Of a container of a pod that lives, the kubelet keeps the end of the last attempt for its log.
    live = {(pod["uid"], one["name"]) for one in look["containers"] if (pod := one["pod"]) and pod["uid"]}
    stopped = [one for one in stopped if not one["pod"] or (one["pod"]["uid"], one["name"]) not in live]
    return {"places": places, "stopped": stopped, "unread": sorted(unread)}


def forwards(look: Look) -> dict[int, list[Forward]]:
    """{net namespace: [the frame's record of a forward]} of the containers of a look."""
    found: dict[int, list[Forward]] = {}
    for net, records in published(look).values():
        found.setdefault(net, []).extend(records or ())
    return found


def published(look: Look) -> dict[str, tuple[int, list[Forward] | None]]:
    """{a container's key: (the net namespace of its supervisor, [the frame's record of a published port], None if no
    record tells)}; without those of whom neither supervisor nor heir is known."""
    files.damaged.clear()
    found: dict[str, tuple[int, list[Forward] | None]] = {}
    listed: dict[int | None, list[str]] = {}
    for container in look["containers"]:
        supervisor = supervisor_of(container, look["processes"]) or _heir(container, look["processes"])
        if supervisor is None or (net := supervisor["namespaces"].get("net")) is None:
            continue
        mnt = supervisor["namespaces"].get("mnt")
        try:  # the host's root is there also if its first process may not be looked into
            root = hostfiles.root_of(0 if mnt == hostfiles.host().inode else supervisor["pid"])
        except OSError:
            continue
        try:
            if mnt not in listed:
                listed[mnt] = _names(root)
            told = [*_of_docker(root, container), *_of_cni(root, container, listed[mnt])]
        finally:
            os.close(root)
        records: list[Forward] = []
        for record in (record for records in told for record in records):
            record["container"] = container["key"]
            if record not in records:  # docker has one for each family of addresses
                records.append(record)
        found[container["key"]] = net, records if told else None
    return found


def supervisor_of(container: Container, processes: Mapping[int, Process]) -> Process | None:
    """The record of the shim of a container, or of the conmon that is the parent of its first process. None if it has
    neither."""
    init = processes.get(container["init_pid"] or 0)
    parent = processes.get(init["ppid"]) if init else None
    return processes.get(container["shim_pid"] or 0) or (parent if parent and parent["comm"] == "conmon" else None)


def _heir(container: Container, processes: Mapping[int, Process]) -> Process | None:
    """The record of the process that the kernel gave the first process of a container to, as its supervisor is gone: in
    the host's namespaces as that was, or in those of the container around it. None if it is not gone."""
    init = processes.get(container["init_pid"] or 0)
    return processes.get(init["ppid"]) if init and container["supervisor_gone"] else None


def _names(root: int) -> list[str]:
    """The names of libcni's records."""
    try:
        directory = linux.open_in_root(root, _CNI, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return []
    try:
        return os.listdir(directory)
    finally:
        os.close(directory)


def _read(root: int, path: str, uid: int) -> dict[str, Any]:
    try:
        directory = linux.open_in_root(root, os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return {}
    try:
        return witness.read_json(directory, os.path.basename(path), uid) or {}
    finally:
        os.close(directory)


def _of_docker(root: int, container: Container) -> Iterator[list[Forward]]:
    path = next((word for word in container["witness"].split("; ") if word.endswith(_CONFIG)), None)
    said = _read(root, path, container["uid"]) if path else {}
    if not said:
        return
    settings = _dict(said.get("NetworkSettings"))
    addresses = [settings.get("IPAddress")]
    addresses += [_dict(network).get("IPAddress") for network in _dict(settings.get("Networks")).values()]
    to = next((address for address in addresses if isinstance(address, str) and address), "")
    records: list[Forward] = []
    for inner, places in _dict(settings.get("Ports")).items():
        port, _, protocol = inner.partition("/")
        for place in map(_dict, places if isinstance(places, list) else ()):
            records += _record("docker", protocol, place.get("HostIp"), place.get("HostPort"), to, port)
    yield records


def _of_cni(root: int, container: Container, names: Iterable[str]) -> Iterator[list[Forward]]:
    for name in names:
        if "-%s-" % container["id"] not in name:
            continue
        kept = _read(root, "%s/%s" % (_CNI, name), container["uid"])
        if kept.get("containerId") != container["id"]:
            continue
        ips = _dict(kept.get("result")).get("ips")
        first = _dict(ips[0]).get("address") if isinstance(ips, list) and ips else None
        to = first.partition("/")[0] if isinstance(first, str) else ""
        mappings = _dict(kept.get("capabilityArgs")).get("portMappings")
        records: list[Forward] = []
        for one in map(_dict, mappings if isinstance(mappings, list) else ()):
            port, inner = one.get("hostPort"), one.get("containerPort")
            records += _record("cni", one.get("protocol"), one.get("hostIP"), port, to, inner)
        yield records


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _record(
    by: Literal["docker", "cni"], protocol: Any, address: Any, port: Any, to: str, to_port: Any
) -> Iterator[Forward]:
    """The frame's record, if the numbers are ports; else none."""
    try:
        port, to_port = int(port), int(to_port)
    except (TypeError, ValueError):
        return
    if 0 < port < 65536 and 0 < to_port < 65536 and isinstance(protocol, str):
        every = not isinstance(address, str) or address in ("", "0.0.0.0", "::")
        yield {
            "protocol": protocol,
            "address": None if every else address,
            "port": port,
            "last": port,
            "to": to,
            "to_port": to_port,
            "in_step": False,
            "by": by,
        }
