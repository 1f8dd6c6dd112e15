"""Where in the cgroup tree a process is, and which container that path names.

Only root, or whom root delegated to, writes this tree, so a path is the strongest witness there is. The patterns
are those the runtimes make: containerd internal/cri/server/helpers.go, cri-o internal/config/cgmgr, podman
libpod/container_internal_linux.go, moby daemon/oci_linux.go, lxc src/lxc/cgroups/cgfsng.c, systemd src/nspawn
(payload and supervisor), buildkit executor/oci/spec.go, and the task cgroup of the ECS agent.
"""

from __future__ import annotations

import re

_H = r"(?P<id>[0-9a-f]{64})"
_END = r"(?=/|$)"
_UUID = r"[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32}"

# (name, a word that is in each such path, the pattern). Order matters: the pod's also holds what the later ones would
# find in part of it.
_PATTERNS = (
    ("pod", "pod",
        r"kubepods[^/]*(?:/[^/]*?)??(?:/|-)pod(?P<pod>" + _UUID + r")(?:\.slice)?/"
        r"(?:(?P<runtime>cri-containerd|crio|docker)-)?" + _H + r"(?:\.scope)?" + _END),
    ("colon", ":", r":(?P<runtime>cri-containerd|crio|docker):" + _H + _END),
    ("docker", "docker", r"(?:/docker/|/docker-)" + _H + r"(?:\.scope)?" + _END),
    ("podman", "libpod-", r"/libpod-(?P<role>conmon-|payload-)?" + _H + r"(?:\.scope)?(?:/container)?" + _END),
    ("cri-o", "crio-", r"/crio-(?P<role>conmon-)?" + _H + r"(?:\.scope)?" + _END),
    ("containerd", "nerdctl-", r"/nerdctl-" + _H + r"\.scope" + _END),
    ("ecs", "/ecs/", r"/ecs/[^/]+/(?:[^/]+/)?(?P<id>[0-9a-f]{64}|[0-9a-f]{32}-\d+)" + _END),
    ("buildkit", "/buildkit/", r"/buildkit/(?P<id>[0-9a-z]{25})" + _END),
    ("lxc", "/lxc.payload", r"/lxc\.payload[./](?P<id>[^/]+)" + _END),
    # Beside the payload stands the supervisor, which is not inside; without either it may be a virtual machine.
    ("nspawn", "/machine.slice/",
        r"/machine\.slice/(?:systemd-nspawn@(?P<id>[^/]+)\.service|machine-(?P<machine>[^/]+)\.scope)/payload" + _END),
)  # fmt: skip
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")  # systemd-escape(1)
_RUNTIME = {"cri-containerd": "containerd", "crio": "cri-o", "docker": "docker"}


class Claim:
    """What a cgroup path says of a container: its runtime (None where the path does not tell), id, the path down to
    the container's own cgroup, and the pod's uid."""

    __slots__ = ("id", "path", "pod_uid", "runtime")

    def __init__(self, runtime, id, path, pod_uid=None):
        self.runtime = runtime
        self.id = id
        self.path = path
        self.pod_uid = pod_uid


def claim(path):
    """The deepest container that a path names, or None.

    Deepest, so that a container in a container is its own: /docker/A/docker/B is B.
    """
    best = None
    for name, word, pattern in _PATTERNS:
        if word not in path:
            continue  # most paths are of no container, and a pattern is compiled at its first use
        match = None
        for match in re.finditer(pattern, path):  # noqa: B007  the last one is wanted
            pass
        if match is None or (best is not None and match.end() <= best[1].end()):
            continue
        best = (name, match)
    if best is None:
        return None
    name, match = best
    groups = match.groupdict()
    if groups.get("role") == "conmon-":
        return None  # the monitor stands beside the container, not in it
    runtime = _RUNTIME.get(groups.get("runtime") or "") if name in ("pod", "colon") else name
    pod_uid = groups.get("pod")
    id = groups["id"] or groups["machine"]
    if name == "nspawn":
        id = _ESCAPED.sub(lambda escaped: chr(int(escaped.group(1), 16)), id)
    return Claim(runtime, id, path[: match.end()], pod_uid.replace("_", "-") if pod_uid else None)


def parse(lines):
    """(path, Claim or None) from the text of /proc/PID/cgroup.

    v1 and hybrid hosts have a line a hierarchy, and these may disagree (moby#33352): the first that names a container
    counts, else v2's, else the longest. A path may hold colons.
    """
    unified = longest = ""
    for line in lines.split("\n"):  # and at nothing else that splitlines() takes for a line's end: a path may hold it
        parts = line.split(":", 2)
        if len(parts) != 3:
            continue
        path = parts[2]
        found = claim(path)
        if found:
            return path, found
        if parts[0] == "0":
            unified = path
        if len(path) > len(longest):
            longest = path
    return (unified if len(unified) > 1 else longest), None


def ancestors(path):
    """The path and each path above it, deepest first, without the root."""
    while len(path) > 1:
        yield path
        path = path[: path.rindex("/")]
