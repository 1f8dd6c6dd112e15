"""The condition of a container: paused, restarting, or exited and not reaped; and its members from outside.

Sources: cgroups(7), Documentation/admin-guide/cgroup-v2.rst (cgroup.events), cgroup-v1/freezer-subsystem.rst; moby
container/state.go (Restarting).
"""

from __future__ import annotations

import os

from nsview import linux

from .. import files, freezer
from . import directories

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal

    from ..mountinfo import Mount
    from ..protocol import Container, Process
    from .supervisor import Draft

_SUPERVISED = ("docker", "containerd", "podman", "cri-o")
_SUPERVISORS = ("containerd-shim", "conmon")
# By the answer of `freezer`.
_STATES: dict[bool | None, Literal["paused", "running"] | None] = {True: "paused", False: "running", None: None}


def describe(
    record: Draft, path: str, hierarchies: Mapping[str, list[Mount]], processes: Mapping[int, Process]
) -> None:
    """Put into a container's record its state, its sessions and whether its supervisor is gone.

    path: of the cgroup that it is in. hierarchies: from `mountinfo.hierarchies`.
    """
    init = processes.get(record["init_pid"] or 0)
    still = freezer.of_cgroup(path, hierarchies)
    if still is None and init:
        still = freezer.of_process(files.text_of("/proc/%d/cgroup" % init["pid"]), hierarchies)
    record["state"] = "exited" if _ended(init) else _STATES[still]
    record["supervisor_gone"] = _unsupervised(record, init, processes)
    record["execs"] = sessions(record["pids"], record, processes)


def sessions(pids: Iterable[int], record: Draft | Container, processes: Mapping[int, Process]) -> list[int]:
    """The members among these that came from outside, as by `docker exec`: no other member is their parent, nor are
    they orphans of the container's own, and they are not the first process."""
    members = set(record["pids"])
    others = (processes[pid] for pid in pids if pid != record["init_pid"])
    return [p["pid"] for p in others if p["ppid"] not in members and _is_from_outside(p, processes)]


def _is_from_outside(process: Process, processes: Mapping[int, Process]) -> bool:
    """True if a process has not lost its parent within the pid namespace that it is in: the kernel gives an orphan to a
    process of the orphan's own one (kernel/exit.c, find_new_reaper). In the namespace of the shim too, as with
    --pid=host, it begins a session of its own, which runtimes make for each command and an orphan has by its own doing
    alone."""
    parent = processes.get(process["ppid"])
    if parent is None or len(parent["nspid"]) < len(process["nspid"]):
        return True
    if len(parent["nspid"]) > 1 and parent["nspid"][-1] == 1:
        return False  # another container's first process, whose pid namespace it shares
    try:
        return int(linux.stat_fields(files.read("/proc/%d/stat" % process["pid"]))[3]) == process["pid"]
    except (OSError, ValueError, IndexError):
        return False


def _ended(init: Process | None) -> bool:
    """True if a process has exited, with all of its threads, and is not reaped."""
    if init is None or init["state"] != "Z":
        return False
    try:
        return len(os.listdir("/proc/%d/task" % init["pid"])) == 1
    except OSError:
        return False


def _unsupervised(record: Draft, init: Process | None, processes: Mapping[int, Process]) -> bool | None:
    """True if no process will reap a container's first process or collect its exit code: by the kernel's word its
    parent is neither shim nor conmon. None if not known."""
    if record["runtime"] not in _SUPERVISED or record["shim_pid"] is not None:
        return False
    parent = processes.get(init["ppid"]) if init else None
    while parent is not None and parent["comm"].startswith(directories.RUNTIMES):
        parent = processes.get(parent["ppid"])  # the shim has it started just now
    return None if parent is None else not parent["comm"].startswith(_SUPERVISORS)
