"""cri-o: a pod's sandbox and containers, by the conmon beside each and the annotations in its bundle.

Sources: cri-o internal/oci/runtime_oci.go (conmon's arguments), internal/annotations/annotations.go,
internal/config/cgmgr (cgroup paths), server/container_create.go (k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT).
"""

from __future__ import annotations

from .. import jsontext
from . import conmon, supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..protocol import Pod, Process
    from .runc import SavedState
    from .supervisor import Draft, Found, Population

_PREFIX = "io.kubernetes.cri-o."
_STORAGE = "/run/containers/storage/overlay-containers"


def find(host: Population) -> Iterator[Found]:
    """The containers that a conmon of cri-o's watches over, and those with a cgroup of cri-o's alone (conmon-rs)."""
    seen: set[str] = set()
    for process, monitor, init in conmon.monitored(host):
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


def left(host: Population, state: SavedState, process: Process) -> Found | None:
    """The container of a state that runc or crun keeps, after its conmon is gone; None if cri-o did not make it."""
    bundle = state["bundle"] or ""
    annotations = _annotations(host, 0, bundle, state["uid"])
    if annotations.get("io.container.manager") != "cri-o":
        return None
    describe = _describer(annotations, "", state["path"], bundle)
    return supervisor.Found("cri-o", state["id"], process["pid"], None, describe, state["uid"])


def _by_cgroup(host: Population, seen: set[str]) -> Iterator[Found]:
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


def _annotations(host: Population, pid: int, bundle: str, uid: int = 0) -> dict[str, str]:
    config = host.read_json(pid, bundle + "/config.json", uid)
    return supervisor.texts((config or {}).get("annotations"))


def _describer(annotations: dict[str, str], name: str, monitor: str | None, bundle: str) -> Callable[[Draft], None]:
    def describe(record: Draft) -> None:
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
        pod_record: Pod = {
            "name": said.get("KubeName") or labels.get("io.kubernetes.pod.name") or pod,
            "namespace": said.get("Namespace") or labels.get("io.kubernetes.pod.namespace") or namespace,
            "uid": labels.get("io.kubernetes.pod.uid") or uid or (record["pod"]["uid"] if record["pod"] else ""),
        }
        record["pod"] = pod_record
        if record["role"] == "sandbox":
            record["name"] = pod_record["name"] or record["name"]
        else:
            record["name"] = (
                labels.get("io.kubernetes.container.name") or container or said.get("ContainerName") or record["name"]
            )

    return describe


def _labels(annotations: dict[str, str]) -> dict[str, str]:
    """The kubelet's labels, which cri-o keeps as JSON in one annotation."""
    try:
        return supervisor.texts(jsontext.value(annotations.get(_PREFIX + "Labels", "")))
    except (ValueError, RecursionError):
        return {}
