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
        record["name"] = monitor.get("name") or record["name"]
        record["witness"].append("conmon %d" % process["pid"])
        bundle = monitor.get("bundle", "")
        if config:
            record["witness"].append(bundle + "/config.json")
        record["image"] = _image(host, process["pid"], bundle, record["id"])
        _describe_pod(host, process["pid"], bundle, config or {}, init, record)

    return describe


def _image(host, pid, bundle, id):
    """The image's name, from the storage's own list: GRAPHROOT/DRIVER-containers/containers.json."""
    images = host.cached(pid, os.path.normpath(bundle + "/../../containers.json"), _images)
    return (images or {}).get(id) or None


def _images(text):
    """{id: image's name}. The file is an array; `metadata` is JSON in a string, made by libpod."""
    images = {}
    try:
        for entry in jsontext.value(text):
            name = jsontext.value(entry["metadata"])["image-name"]
            if isinstance(name, str):
                images[entry["id"]] = name
    except (KeyError, TypeError, ValueError, RecursionError):
        return images
    return images


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
