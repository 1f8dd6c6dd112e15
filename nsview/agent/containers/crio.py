"""cri-o: a pod's sandbox and containers, by the conmon beside each and the annotations in its bundle.

Sources: cri-o internal/oci/runtime_oci.go (conmon's arguments), internal/annotations/annotations.go,
internal/config/cgmgr (cgroup paths), server/container_create.go (k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT).
"""

from __future__ import annotations

from .. import jsontext
from . import conmon, supervisor

_PREFIX = "io.kubernetes.cri-o."
_STORAGE = "/run/containers/storage/overlay-containers"


def find(host):
    """The containers that a conmon of cri-o's watches over, and those with a cgroup of cri-o's alone (conmon-rs)."""
    seen = set()
    for process in host.watchers():
        monitor = conmon.monitor(process)
        init = host.first_process(process, monitor["id"]) if monitor else None
        if not init:
            continue
        bundle = monitor.get("bundle", "")
        annotations = _annotations(host, process["pid"], bundle)
        claim = host.claims.get(init["cgroup"])
        if annotations.get("io.container.manager", "cri-o") != "cri-o":
            continue
        if annotations or (claim and claim.runtime == "cri-o"):
            seen.add(monitor["id"])
            yield supervisor.Found(
                "cri-o", monitor["id"], init["pid"], process,
                _describer(annotations, monitor.get("name", ""), "conmon %d" % process["pid"], bundle),
            )  # fmt: skip
    yield from _by_cgroup(host, seen)


def left(host, state, process):
    """The container of a state that runc or crun keeps, where cri-o made it and its conmon is gone."""
    bundle = state["bundle"] or ""
    annotations = _annotations(host, 0, bundle, state["uid"])
    if annotations.get("io.container.manager") != "cri-o":
        return None
    describe = _describer(annotations, "", state["path"], bundle)
    return supervisor.Found("cri-o", state["id"], process["pid"], None, describe, state["uid"])


def _by_cgroup(host, seen):
    for path, pids in host.by_path.items():
        claim = host.claims.get(path)
        if not claim or claim.runtime != "cri-o" or claim.id in seen or host.cgroups.owner(claim.path):
            continue
        init = next((pid for pid in sorted(pids) if host.processes[pid]["nspid"][-1] == 1), None)
        if init is None:
            continue
        seen.add(claim.id)
        bundle = "%s/%s/userdata" % (_STORAGE, claim.id)
        annotations = _annotations(host, 0, bundle)
        if annotations:
            yield supervisor.Found("cri-o", claim.id, init, None, _describer(annotations, "", None, bundle))


def _annotations(host, pid, bundle, uid=0):
    config = host.read_json(pid, bundle + "/config.json", uid)
    return supervisor.texts((config or {}).get("annotations"))


def _describer(annotations, name, monitor, bundle):
    def describe(record):
        if monitor:
            record["witness"].append(monitor)
        said = {key[len(_PREFIX) :]: value for key, value in annotations.items() if key.startswith(_PREFIX)}
        # Names of Kubernetes have no underscore, so the parts of conmon's are told apart by it.
        parts = name.split("_") if name.startswith("k8s_") else []
        container, pod, namespace, uid = parts[1:5] if len(parts) == 6 else ("", "", "", "")
        if said:
            record["witness"].append(bundle + "/config.json")
        record["role"] = "sandbox" if said.get("ContainerType", container) in ("sandbox", "POD") else "container"
        record["image"] = said.get("ImageName") or said.get("Image") or record["image"]
        labels = _labels(annotations)
        record["pod"] = {
            "name": said.get("KubeName") or labels.get("io.kubernetes.pod.name") or pod,
            "namespace": said.get("Namespace") or labels.get("io.kubernetes.pod.namespace") or namespace,
            "uid": labels.get("io.kubernetes.pod.uid") or uid or (record["pod"] or {}).get("uid", ""),
        }
        if record["role"] == "sandbox":
            record["name"] = record["pod"]["name"] or record["name"]
        else:
            record["name"] = (
                labels.get("io.kubernetes.container.name") or container or said.get("ContainerName") or record["name"]
            )

    return describe


def _labels(annotations):
    """The labels that the kubelet gave, which cri-o keeps as JSON in one annotation."""
    try:
        return supervisor.texts(jsontext.value(annotations.get(_PREFIX + "Labels", "")))
    except ValueError:
        return {}
