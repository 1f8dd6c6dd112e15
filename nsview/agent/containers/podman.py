"""podman, of root and of users: containers and pods, by the conmon beside each and the storage it works in.

Sources: podman libpod/oci_conmon_common.go, libpod/container_internal_linux.go (cgroup paths), pkg/specgen/generate/
pod_create.go (an infra container's host name is its pod's), pkg/annotations; containers/storage containers.go
(containers.json).
"""

from __future__ import annotations

import os

from .. import cgroup, jsontext
from . import conmon, supervisor

_SANDBOX = "io.kubernetes.cri-o.SandboxID"
_MANAGER = "io.container.manager"


def find(host):
    """The containers that a conmon of podman's watches over."""
    for process in host.watchers():
        monitor = conmon.monitor(process)
        if not monitor:
            continue
        init = host.first_process(process, monitor["id"])
        if init is None:
            continue
        claim = host.claims.get(init["cgroup"])
        config = host.read_json(process["pid"], monitor.get("bundle", "") + "/config.json")
        manager = supervisor.texts((config or {}).get("annotations")).get(_MANAGER)
        if manager == "libpod" or (manager is None and claim and claim.runtime == "podman"):
            yield supervisor.Found(
                "podman", monitor["id"], init["pid"], process, _describer(host, process, monitor, config, init)
            )


def _describer(host, process, monitor, config, init):
    def describe(record):
        bundle = monitor.get("bundle", "")
        # The name can be changed while it runs (podman rename); conmon's arguments have the first one.
        name, record["image"] = _stored(host, process["pid"], bundle, record["id"])
        record["name"] = name or monitor.get("name") or record["name"]
        record["witness"].append("conmon %d" % process["pid"])
        if config:
            record["witness"].append(bundle + "/config.json")
        _describe_pod(host, process["pid"], bundle, config or {}, init, record)

    return describe


def _stored(host, pid, bundle, id):
    """(name, image's name), each None where it is not told, by the storage's own list: GRAPHROOT/DRIVER-containers/
    containers.json."""
    stored = host.cached(pid, os.path.normpath(bundle + "/../../containers.json"), _containers)
    return (stored or {}).get(id) or (None, None)


def _containers(text):
    """{id: (name, image's name)}. The file is an array; `metadata` is JSON in a string, made by libpod."""
    stored = {}
    try:
        for entry in jsontext.value(text):
            names, image = entry.get("names"), jsontext.value(entry["metadata"])["image-name"]
            said = [*(names if isinstance(names, list) else []), None][0], image
            stored[entry["id"]] = tuple(word if isinstance(word, str) and word else None for word in said)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return stored
    return stored


def _pod(path):
    """The id of the pod in whose cgroup a container's is: POD/libpod-ID, libpod_pod_POD.slice/libpod-ID.scope."""
    parts = path.split("/")
    for above, part in zip(parts, parts[1:]):  # noqa: B905, RUF007  Python 3.8
        name = above[:-6] if above.endswith(".slice") else above
        before, pod = name[:-64], name[-64:]
        if part.startswith("libpod-") and cgroup.is_hex(pod, 64) and (not before or before.endswith("libpod_pod_")):
            return pod
    return None


def _describe_pod(host, pid, bundle, config, init, record):
    pod = _pod(init["cgroup"])
    if not pod:
        return
    if record["name"] == pod[:12] + "-infra":
        record["role"] = "sandbox"
        infra = config
    else:
        id = supervisor.texts(config.get("annotations")).get(_SANDBOX, "")
        path = os.path.normpath(bundle + "/../../" + id + "/userdata/config.json")
        infra = (host.read_json(pid, path) if id and "/" not in id else None) or {}
    name = infra.get("hostname")
    record["pod"] = {"name": name if isinstance(name, str) else "", "namespace": "", "uid": pod}
