"""The containers without a process of Kubernetes on containerd, by the status that its CRI plugin keeps of each.

The status has neither name nor pod: these are in the kubelet's links to logs,
/var/log/containers/POD_NAMESPACE_NAME-ID.log, each of which leads to
/var/log/pods/NAMESPACE_POD_UID/NAME/ATTEMPT.log.
Sources: containerd internal/cri/store/container/status.go; kubelet pkg/kubelet/kuberuntime/legacy.go and helpers.go
(BuildContainerLogsDirectory).
"""

from __future__ import annotations

import os

from .. import files, hostfiles
from . import containerd, stopped, witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..protocol import Stopped
    from .supervisor import Population

ROOTS = (
    "/var/lib/containerd", "/var/lib/rancher/k3s/agent/containerd", "/var/lib/rancher/rke2/agent/containerd",
    "/var/snap/microk8s/common/var/lib/containerd",
)  # fmt: skip
"""The usual root directories of containerd."""
LOGS = "/var/log/containers"
_OF_CRI = "/io.containerd.grpc.v1.cri/containers"
_SECOND = 1e-9  # in nanoseconds, which the status counts


def ended(host: Population, known: set[str], unread: list[str]) -> Iterator[Stopped]:
    """The containers without a process; see `stopped`."""
    links: dict[str, list[str]] | None = None
    for root in _roots(host):
        path = root + _OF_CRI
        directory = stopped.opened(path, unread)
        if directory is None:
            continue
        try:
            others = sorted(set(os.listdir(directory)) - known)
            for id in others if others and witness.owner_of_place(directory) == 0 else ():
                said = files.read_json(directory, id + "/status", lambda fd: witness.owned(fd, 0))
                if said and (record := _record(id, said, "%s/%s/status" % (path, id))):
                    links = _links() if links is None else links
                    _name(record, links.get(id, []))
                    yield record
        finally:
            os.close(directory)


def _roots(host: Population) -> dict[str, None]:
    """ROOTS, and those that live daemons of the host's own name."""
    inside = witness.mounts_of_host()
    told = [
        containerd.options_of(process["cmdline"]).get("root", "")
        for process in host.watchers()
        if containerd.is_daemon(process) and process["namespaces"].get("mnt") in inside and host.owner(process) == 0
    ]
    return dict.fromkeys(filter(None, [*ROOTS, *told]))


def _record(id: str, said: dict[str, Any], witness: str) -> Stopped | None:
    """The frame's record by a status. None if it says that the container runs: it has begun just now."""
    moments = (stopped.number(said.get(key)) or 0 for key in ("CreatedAt", "StartedAt", "FinishedAt"))
    created, started, finished = moments
    record = stopped.record("containerd:k8s.io/" + id, id, "containerd", witness)
    if finished:
        record["exit_code"] = stopped.number(said.get("ExitCode"))
        record["oom_killed"] = said.get("Reason") == "OOMKilled"
        record["finished"] = finished * _SECOND
    elif created and not started:
        record["state"] = "created"
    else:
        return None
    return record


def _links() -> dict[str, list[str]]:
    """{id: [pods, NAMESPACE_POD_UID, NAME, ATTEMPT.log]} of root's links to logs."""
    found: dict[str, list[str]] = {}
    try:
        directory = hostfiles.opened(LOGS, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return found
    try:
        if witness.owner_of_place(directory) == 0 and witness.owned(directory, 0):
            for name in os.listdir(directory):
                target = files.link(name, directory)
                if target and name.endswith(".log"):
                    found[name[:-4].rpartition("-")[2]] = target.split("/")[-4:]
    finally:
        os.close(directory)
    return found


def _name(record: Stopped, parts: list[str]) -> None:
    pod = parts[1].split("_") if len(parts) == 4 else []
    if len(pod) == 3:
        record["pod"] = {"namespace": pod[0], "name": pod[1], "uid": pod[2]}
        record["name"] = parts[2]
        record["log"] = "/var/log/" + "/".join(parts)
        attempt = parts[3].partition(".")[0]
        record["restarts"] = int(attempt) if attempt.isdecimal() else None
