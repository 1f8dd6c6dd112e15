"""What a container is doing: paused, restarting, or ended and collected by nobody; and who is in it from outside.

Sources: cgroups(7), Documentation/admin-guide/cgroup-v2.rst (cgroup.events), cgroup-v1/freezer-subsystem.rst; moby
container/state.go (Restarting).
"""

from __future__ import annotations

import os

from .. import files
from . import directories

_SUPERVISED = ("docker", "containerd", "podman", "cri-o")
_SUPERVISORS = ("containerd-shim", "conmon")
_STATES = {True: "paused", False: "running", None: None}  # by whether it is frozen


def describe(record, path, hierarchies, processes):
    """Put into a container's record its state, its sessions and whether its supervisor is gone.

    path: of the cgroup that it is in. hierarchies: as `mountinfo.hierarchies` gives them.
    """
    init = processes.get(record["init_pid"])
    record["state"] = "exited" if _ended(init) else _STATES[frozen(path, hierarchies)]
    record["supervisor_gone"] = _unsupervised(record, init, processes)
    record["execs"] = sessions(record["pids"], record, processes)


def frozen(path, hierarchies):
    """A cgroup, or one above it, is frozen, by v1's freezer or v2's. None if neither can be asked."""
    if path == "/":
        return False  # nobody can freeze that
    files = ("freezer", "freezer.state"), ("", "cgroup.events")
    told = [_text(mount, path, name) for kind, name in files for mount in hierarchies.get(kind, ())]
    if any(text.strip() in ("FROZEN", "FREEZING") or "frozen 1" in text for text in told):
        return True
    return False if any(told) else None


def sessions(pids, record, processes):
    """Which of these members came from outside, as by `docker exec`: no other member is their parent, nor are they
    orphans of the container's own, and they are not the first process."""
    members = set(record["pids"])
    others = (processes[pid] for pid in pids if pid != record["init_pid"])
    return [p["pid"] for p in others if p["ppid"] not in members and _is_from_outside(p, processes)]


def _is_from_outside(process, processes):
    """A process has not lost its parent within the pid namespace that it is in: the kernel gives an orphan to a process
    of the orphan's own one (kernel/exit.c, find_new_reaper). In the namespace of the shim too, as with --pid=host, it
    begins a session of its own, which runtimes make for what they run and an orphan has by its own doing alone."""
    parent = processes.get(process["ppid"])
    if parent is None or len(parent["nspid"]) < len(process["nspid"]):
        return True
    if len(parent["nspid"]) > 1 and parent["nspid"][-1] == 1:
        return False  # another container's first process, whose pid namespace it shares
    try:
        return int(files.read("/proc/%d/stat" % process["pid"]).rpartition(b")")[2].split()[3]) == process["pid"]
    except (OSError, ValueError, IndexError):
        return False


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
    while parent is not None and parent["comm"].startswith(directories.RUNTIMES):
        parent = processes.get(parent["ppid"])  # the shim has it started just now
    return None if parent is None else not parent["comm"].startswith(_SUPERVISORS)


def _text(mount, path, name):
    root = mount.root.rstrip("/")
    if path != root and not path.startswith(root + "/"):
        return ""
    try:
        return files.text(files.read(mount.point + path[len(root) :] + "/" + name))
    except OSError:
        return ""
