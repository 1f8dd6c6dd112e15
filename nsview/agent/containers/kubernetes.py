"""Kubernetes: the files that the kubelet itself leaves of a pod, whatever its runtime. Read last, if that was silent.

The kubelet mounts <root>/pods/UID/containers/NAME/HASH into each container for its termination log, and writes logs to
/var/log/pods/NAMESPACE_POD_UID. Sources: kubelet pkg/kubelet/kuberuntime/helpers.go (BuildPodLogsDirectory) and
kuberuntime_container.go (makeMounts).
"""

from __future__ import annotations

import os

from .. import hostfiles, mountinfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..mountinfo import Mount
    from ..protocol import Pod
    from .identify import Cache
    from .supervisor import Draft

_LOGS = "/var/log/pods"
PODS = "/var/lib/kubelet/pods"


def describe(record: Draft, pod: Pod, cache: Cache) -> None:
    """Put into the record of a pod's container the facts that its runtime did not tell."""
    if pod["name"] and record["name"] != record["id"][:12]:
        return
    name = cache.get(("kubelet", record["init_pid"], record["id"]), lambda: _container(record["init_pid"], pod["uid"]))
    if name and record["name"] == record["id"][:12]:
        record["name"] = name
        record["witness"].append("mount of the kubelet's")
    if not pod["name"]:
        named = cache.get(("pod logs", pod["uid"]), lambda: _pod(pod["uid"]))
        if named:
            pod["namespace"], pod["name"] = named
            record["witness"].append("%s/%s_%s_%s" % (_LOGS, *named, pod["uid"]))


def _container(pid: int | None, uid: str) -> str | None:
    """The container's name by the mounts of its first process, None if they do not tell."""
    if pid is None:
        return None
    try:
        mounts = mountinfo.parse(mountinfo.read(pid))
    except OSError:
        return None
    for mount in mounts:
        # /pods/UID/containers/NAME/DIGITS: the container's termination log
        parts = mount.root.split("/")[-5:]
        known = len(parts) == 5 and parts[:3] == ["pods", uid, "containers"]
        if known and _is_kubelets(mount, "/".join([PODS, *parts[1:]])):
            return parts[3]
    return None


def _is_kubelets(mount: Mount, path: str) -> bool:
    """True if a mount shows this very file of the host's. A container that may mount can show a file of its own that
    has such a path below a directory that it may write to."""
    try:
        device = hostfiles.status(path, os.O_NOFOLLOW).st_dev
    except OSError:
        return False
    if mount.device != "%d:%d" % (os.major(device), os.minor(device)):
        return False
    own = [place for place in mountinfo.parse(hostfiles.mounts()) if place.device == mount.device]
    rests = [(place.root, mountinfo.below(path, place.point)) for place in own]
    return any(rest is not None and root.rstrip("/") + rest == mount.root for root, rest in rests)


def _pod(uid: str) -> tuple[str, str] | None:
    """(namespace, name) by the pod's log directory, None without one. Neither may hold an underscore."""
    try:
        names = hostfiles.listdir(_LOGS)
    except OSError:
        return None
    for name in names:
        parts = name.split("_")
        if len(parts) == 3 and parts[2] == uid:
            return parts[0], parts[1]
    return None
