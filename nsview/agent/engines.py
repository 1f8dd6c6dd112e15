"""The ports that engines have published, by their records, whether or not anyone listens or a rule is there.

dockerd writes them into the container's config.v2.json; libcni, which podman, nerdctl and Kubernetes' runtimes use,
into the results that it keeps. A record is read as the container's supervisor would see it, and believed if none
but root or the user whose engine it is can have written it.

Sources: moby daemon/network/settings.go; containernetworking/cni libcni/api.go (cachedInfo).
"""

from __future__ import annotations

import os

from nsview import linux

from . import files
from .containers import witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, Literal

    from .protocol import Container, Forward, Look, Process

_CNI = "/var/lib/cni/results"
_CONFIG = "/config.v2.json"


def forwards(look: Look) -> dict[int, list[Forward]]:
    """{net namespace: [the frame's record of a forward]} of the containers of a look."""
    files.damaged.clear()
    found: dict[int, list[Forward]] = {}
    listed: dict[int | None, list[str]] = {}
    for container in look["containers"]:
        supervisor = supervisor_of(container, look["processes"])
        if supervisor is None or (net := supervisor["namespaces"].get("net")) is None:
            continue
        try:
            root = os.open("/proc/%d/root" % supervisor["pid"], os.O_PATH | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            mnt = supervisor["namespaces"].get("mnt")
            if mnt not in listed:
                listed[mnt] = _names(root)
            records = [*_of_docker(root, container), *_of_cni(root, container, listed[mnt])]
        finally:
            os.close(root)
        for record in records:
            record["container"] = container["key"]
        found.setdefault(net, []).extend(records)
    return found


def supervisor_of(container: Container, processes: Mapping[int, Process]) -> Process | None:
    """The record of the shim of a container, or of the conmon that is the parent of its first process. None if it has
    neither."""
    init = processes.get(container["init_pid"] or 0)
    parent = processes.get(init["ppid"]) if init else None
    return processes.get(container["shim_pid"] or 0) or (parent if parent and parent["comm"] == "conmon" else None)


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


def _of_docker(root: int, container: Container) -> Iterator[Forward]:
    path = next((word for word in container["witness"].split("; ") if word.endswith(_CONFIG)), None)
    settings = _dict(_read(root, path, container["uid"]).get("NetworkSettings")) if path else {}
    addresses = [settings.get("IPAddress")]
    addresses += [_dict(network).get("IPAddress") for network in _dict(settings.get("Networks")).values()]
    to = next((address for address in addresses if isinstance(address, str) and address), "")
    for inner, places in _dict(settings.get("Ports")).items():
        port, _, protocol = inner.partition("/")
        for place in map(_dict, places if isinstance(places, list) else ()):
            yield from _record("docker", protocol, place.get("HostIp"), place.get("HostPort"), to, port)


def _of_cni(root: int, container: Container, names: Iterable[str]) -> Iterator[Forward]:
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
        for one in map(_dict, mappings if isinstance(mappings, list) else ()):
            port, inner = one.get("hostPort"), one.get("containerPort")
            yield from _record("cni", one.get("protocol"), one.get("hostIP"), port, to, inner)


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
