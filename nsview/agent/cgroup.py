"""The place of a process in the cgroup tree, and the container that its path names.

Only root, or a user whom root delegated a part to, writes this tree, so a path is the strongest witness there is. The
patterns are those the runtimes make: containerd internal/cri/server/helpers.go, cri-o internal/config/cgmgr, podman
libpod/container_internal_linux.go, moby daemon/oci_linux.go, lxc src/lxc/cgroups/cgfsng.c, systemd src/nspawn
(payload and supervisor), buildkit executor/oci/spec.go, and the task cgroup of the ECS agent.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import List, Optional, Tuple, Union

    _Named = Union[Tuple[Optional[str], Optional[str]], Tuple[Optional[str], str, str]]
    _Layout = Callable[[List[str], int], Optional[_Named]]

_WORDS = ("pod", ":", "docker", "nerdctl-", "crio-", "/ecs/", "/buildkit/", "/lxc.payload", "/machine.slice/")
"""Parts of which each path of a container has one."""
_RUNTIME = {"cri-containerd": "containerd", "crio": "cri-o", "docker": "docker"}
_HEX = frozenset("0123456789abcdef")


class Claim:
    """The container that a cgroup path names: its runtime (None if the path does not tell), id, the path down to the
    container's own cgroup, and the pod's uid."""

    __slots__ = ("id", "path", "pod_uid", "runtime")

    def __init__(self, runtime: str | None, id: str, path: str, pod_uid: str | None = None) -> None:
        self.runtime = runtime
        self.id = id
        self.path = path
        self.pod_uid = pod_uid


def claim(path: str) -> Claim | None:
    """The deepest container that a path names. None if it names none.

    Deepest, so that a container in a container is its own: /docker/A/docker/B is B.
    """
    if not any(word in path for word in _WORDS):
        return None  # most paths are of no container
    parts = path.split("/")
    for at in range(len(parts) - 1, 0, -1):
        for layout in _LAYOUTS:
            found = layout(parts, at)
            if found:
                runtime, id = found[:2]
                pod_uid = found[2] if len(found) > 2 else None
                return Claim(runtime, id, "/".join(parts[: at + 1]), pod_uid) if id else None
    return None


def claims(path: str) -> Iterator[Claim]:
    """All containers that a path names, the deepest first: a user who may make cgroups in a container can name
    another."""
    for above in ancestors(path):
        found = claim(above)
        if found and found.path == above:
            yield found


def is_service(path: str) -> bool:
    """True if a path is that of one of the host's services by systemd, and of nothing below it."""
    above, _, name = path.rpartition("/")
    return above == "/system.slice" and name.endswith(".service")


# The layouts: each returns (runtime, id of the container that parts[at] is the cgroup of, the uid of its pod), or None.
# The id of a monitor, which stands beside its container and not in it, is None.


def _pod(parts: list[str], at: int) -> tuple[str | None, str, str] | None:
    runtime, id = _unit(parts[at], "", "cri-containerd-", "crio-", "docker-")
    above, pod, uid = parts[at - 1].rpartition("pod")
    uid = uid[:-6] if uid.endswith(".slice") else uid
    if not id or not pod or not _is_uuid(uid) or (above and not above.endswith("-")):
        return None
    # kubepods, or a class of pods below it; a name made of its whole path holds that word itself
    near = parts[max(at - 3, 0) : at - 1] if not above else [above, parts[at - 2]]
    if runtime is None or not any("kubepods" in part for part in near):
        return None
    return _RUNTIME.get(runtime[:-1]), id, uid.replace("_", "-")


def _colon(parts: list[str], at: int) -> tuple[str | None, str] | None:
    before, _, id = parts[at].rpartition(":")
    before, colon, runtime = before.rpartition(":")
    return (_RUNTIME[runtime], id) if colon and runtime in _RUNTIME and is_hex(id, 64) else None


def _docker(parts: list[str], at: int) -> tuple[str | None, str] | None:
    _, id = _unit(parts[at], "docker-", *([""] if at > 1 and parts[at - 1] == "docker" else []))
    return ("docker", id) if id else None


def _podman(parts: list[str], at: int) -> tuple[str | None, str | None] | None:
    if parts[at] == "container":
        return _podman(parts, at - 1) if parts[at - 1] != "container" else None
    prefix, id = _unit(parts[at], "libpod-", "libpod-payload-", "libpod-conmon-")
    return ("podman", None if prefix == "libpod-conmon-" else id) if id else None


def _crio(parts: list[str], at: int) -> tuple[str | None, str | None] | None:
    prefix, id = _unit(parts[at], "crio-", "crio-conmon-")
    return ("cri-o", None if prefix == "crio-conmon-" else id) if id else None


def _nerdctl(parts: list[str], at: int) -> tuple[str | None, str] | None:
    _, id = _unit(parts[at], "nerdctl-")
    return ("containerd", id) if id and parts[at].endswith(".scope") else None


def _ecs(parts: list[str], at: int) -> tuple[str | None, str] | None:
    task, _, number = parts[at].partition("-")
    known = is_hex(parts[at], 64) or (is_hex(task, 32) and number.isdecimal())
    return ("ecs", parts[at]) if known and parts[at - 1] and "ecs" in parts[max(at - 3, 1) : at - 1] else None


def _buildkit(parts: list[str], at: int) -> tuple[str | None, str] | None:
    id = parts[at]
    known = len(id) == 25 and id.isascii() and id.isalnum() and id.islower()
    return ("buildkit", id) if known and at > 1 and parts[at - 1] == "buildkit" else None


def _lxc(parts: list[str], at: int) -> tuple[str | None, str] | None:
    if at > 1 and parts[at - 1] == "lxc.payload" and parts[at]:
        return "lxc", parts[at]
    name = parts[at][12:] if parts[at].startswith("lxc.payload.") else ""
    return ("lxc", name) if name else None


def _nspawn(parts: list[str], at: int) -> tuple[str | None, str] | None:
    """The payload of a machine. None of its supervisor, which stands beside it, and if there is neither: it may be a
    virtual machine."""
    if parts[at] != "payload" or parts[at - 2] != "machine.slice":
        return None
    unit = parts[at - 1]
    for prefix, ending in (("systemd-nspawn@", ".service"), ("machine-", ".scope")):
        if unit.startswith(prefix) and unit.endswith(ending) and len(unit) > len(prefix) + len(ending):
            return "nspawn", _unescaped(unit[len(prefix) : -len(ending)])
    return None


_LAYOUTS: tuple[_Layout, ...] = (_pod, _colon, _docker, _podman, _crio, _nerdctl, _ecs, _buildkit, _lxc, _nspawn)
"""The layouts in order: a later one would take a pod's container for one outside of pods."""


def _unit(part: str, *prefixes: str) -> tuple[str, str] | tuple[None, None]:
    """(prefix, id) of a name that is one of these prefixes, 64 digits, and perhaps ".scope"; else (None, None)."""
    stem = part[:-6] if part.endswith(".scope") else part
    return (stem[:-64], stem[-64:]) if stem[:-64] in prefixes and is_hex(stem[-64:], 64) else (None, None)


def is_hex(text: str, length: int) -> bool:
    """True if a text is that many hexadecimal digits, as ids are written."""
    return len(text) == length and _HEX.issuperset(text)


def _is_uuid(text: str) -> bool:
    """True for a uid of the Kubernetes API, or for the digest that stands for one in a static pod."""
    groups = text.replace("_", "-").split("-")
    return [len(group) for group in groups] in ([8, 4, 4, 4, 12], [32]) and _HEX.issuperset("".join(groups))


def _unescaped(name: str) -> str:
    """The name without the escapes of systemd-escape(1), such as \\x2d."""
    first, *rest = name.split("\\x")
    return first + "".join(chr(int(r[:2], 16)) + r[2:] if is_hex(r[:2], 2) else "\\x" + r for r in rest)


UNLIMITED = 1 << 60
"""A limit of v1 from so many bytes on is none: the kernel tells the largest multiple of a page."""


def number(text: str) -> int | None:
    """The number in a file of a cgroup. None for "max", -1 and other words, and if there is no text."""
    text = text.strip()
    return int(text) if text.isdigit() else None


def own(witness: str) -> str | None:
    """The path of a container's own cgroup, by the evidence that its record keeps. None if it has none."""
    first = witness.split("; ", 1)[0]
    return first[len("cgroup ") :] if first.startswith("cgroup ") else None


def lines(text: str) -> Iterator[tuple[str, str]]:
    """(controllers, "" for v2; path) of each line of the text of /proc/PID/cgroup. A path may hold colons."""
    for line in text.split("\n"):  # not splitlines(): a path may hold other ends of lines
        parts = line.split(":", 2)
        if len(parts) == 3:
            yield parts[1], parts[2]


def parse(text: str) -> tuple[str, Claim | None]:
    """(path, Claim or None) from the text of /proc/PID/cgroup.

    v1 and hybrid hosts have a line a hierarchy, and these may disagree (moby#33352): the first that names a container
    counts, else v2's, else the longest. A path may hold colons.
    """
    unified = longest = ""
    for controllers, path in lines(text):
        found = claim(path)
        if found:
            return path, found
        if not controllers:
            unified = path
        if len(path) > len(longest):
            longest = path
    return (unified if len(unified) > 1 else longest), None


def ancestors(path: str) -> Iterator[str]:
    """The path and each path above it, deepest first, without the root."""
    while len(path) > 1:
        yield path
        path = path[: path.rindex("/")]
