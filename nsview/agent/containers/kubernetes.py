"""Kubernetes: what the kubelet itself leaves of a pod, whatever runtime it has. Asked last, where that was silent.

The kubelet mounts <root>/pods/UID/containers/NAME/HASH into each container for its termination log, and writes logs to
/var/log/pods/NAMESPACE_POD_UID. Sources: kubelet pkg/kubelet/kuberuntime/helpers.go (BuildPodLogsDirectory) and
kuberuntime_container.go (makeMounts).
"""

from __future__ import annotations

import os
import re

from .. import files

_LOGS = "/var/log/pods"
PODS = "/var/lib/kubelet/pods"
_MOUNT = re.compile(
    r"^\S+ \S+ \S+ \S*/pods/(?P<uid>[0-9a-f-]{32,36})/containers/(?P<name>[^/ ]+)/[0-9a-f]+ ", re.MULTILINE
)


def describe(record, cache):
    """Put into the record of a pod's container what its runtime did not say."""
    pod = record["pod"]
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


def _container(pid, uid):
    """The container's name, by the mounts of its first process."""
    if pid is None:
        return None
    try:
        text = files.text(files.read("/proc/%d/mountinfo" % pid))
    except OSError:
        return None
    for match in _MOUNT.finditer(text):
        # A container that may mount can show any text here; the kubelet's own directory it can't make.
        if match.group("uid") == uid and os.path.isdir("%s/%s/containers/%s" % (PODS, uid, match.group("name"))):
            return match.group("name")
    return None


def _pod(uid):
    """(namespace, name) by the pod's log directory. Neither may hold an underscore."""
    try:
        names = os.listdir(_LOGS)
    except OSError:
        return None
    for name in names:
        parts = name.split("_")
        if len(parts) == 3 and parts[2] == uid:
            return parts[0], parts[1]
    return None
