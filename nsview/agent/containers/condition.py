"""What a container is doing: paused, restarting, or ended and collected by nobody; and who is in it from outside.

Sources: cgroups(7), Documentation/admin-guide/cgroup-v2.rst (cgroup.events), cgroup-v1/freezer-subsystem.rst; moby
container/state.go (Restarting).
"""

from __future__ import annotations

import os

from .. import files

_SUPERVISED = ("docker", "containerd", "podman", "cri-o")
_SUPERVISORS = ("containerd-shim", "conmon")


def describe(record, path, hierarchies, processes):
    """Put into a container's record its state, its sessions and whether its supervisor is gone.

    path: of the cgroup that it is in. hierarchies: as `mountinfo.hierarchies` gives them.
    """
    init = processes.get(record["init_pid"])
    record["state"] = "exited" if _ended(init) else "paused" if frozen(path, hierarchies) else "running"
    record["supervisor_gone"] = _unsupervised(record, init, processes)
    record["execs"] = sessions(record["pids"], record, processes)


def frozen(path, hierarchies):
    """A cgroup, or one above it, is frozen, by v1's freezer or v2's."""
    for mount in hierarchies.get("freezer", ()):
        if _text(mount, path, "freezer.state").strip() in ("FROZEN", "FREEZING"):
            return True
    return any("frozen 1" in _text(mount, path, "cgroup.events") for mount in hierarchies.get("", ()))


def sessions(pids, record, processes):
    """Which of these members came from outside, as by `docker exec`: no other member is their parent, and they are not
    the first process."""
    members = set(record["pids"])
    return [pid for pid in pids if pid != record["init_pid"] and processes[pid]["ppid"] not in members]


def _ended(init):
    """A process has ended, with all of its threads, and nobody has collected it."""
    if init is None or init["state"] != "Z":
        return False
    try:
        return len(os.listdir("/proc/%d/task" % init["pid"])) == 1
    except OSError:
        return False


def _unsupervised(record, init, processes):
    """Nobody will reap a container's first process or collect its exit code: by the kernel's word its parent is neither
    shim nor conmon. None where that can't be known."""
    if record["runtime"] not in _SUPERVISED or record["shim_pid"] is not None:
        return False
    parent = processes.get(init["ppid"]) if init else None
    return None if parent is None else not parent["comm"].startswith(_SUPERVISORS)


def _text(mount, path, name):
    root = mount.root.rstrip("/")
    if path != root and not path.startswith(root + "/"):
        return ""
    try:
        return files.text(files.read(mount.point + path[len(root) :] + "/" + name))
    except OSError:
        return ""
