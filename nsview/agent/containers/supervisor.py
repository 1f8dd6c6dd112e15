"""What the runtimes have in common: a process that watches over a container from outside, and its first process.

A runtime's file has `find(host)`, which gives a `Found` for each container that it knows of, and nothing else is
asked of it. What a `Found` claims of a process is held against the kernel's word by `identify`.
"""

from __future__ import annotations

import json
import os
from typing import Any

from nsview import linux

from .. import files

PROGRAMS = (
    "containerd", "dockerd", "conmon", "crio", "lxc", "systemd-nspawn", "systemd-machine", "runc", "crun", "youki",
    "buildkit", "buildah", "podman", "k3s", "rke2", "kubelet",
)  # fmt: skip
"""How the names begin of all that runs or watches over containers."""


class Host:
    """What is at hand to find containers by. processes, claims, and kept, the Cache: as `identify` is given them."""

    def __init__(self, processes, claims, cache):
        self.processes = processes
        self.claims = claims
        self.kept = cache
        self._children: dict[int, list[dict[str, Any]]] | None = None

    def children(self, pid):
        """The records of a process's children, oldest first."""
        if self._children is None:
            self._children = {}
            for process in sorted(self.processes.values(), key=lambda process: (process["start"], process["pid"])):
                self._children.setdefault(process["ppid"], []).append(process)
        return self._children.get(pid, [])

    def first_process(self, supervisor, id):
        """The child of a supervisor's that is its container's first process, or None.

        The one whose cgroup says so; else the oldest that is pid 1 to itself, or has another root than the supervisor.
        """
        children = self.children(supervisor["pid"])
        for child in children:
            claim = self.claims.get(child["cgroup"])
            if claim and claim.id == id:
                return child
        depth = len(supervisor["nspid"])
        for child in children:
            if len(child["nspid"]) > depth and child["nspid"][-1] == 1:
                return child
        for child in children:
            if child["namespaces"].get("mnt") not in (None, supervisor["namespaces"].get("mnt")):
                return child
        return None

    def read_json(self, pid, path):
        """The JSON object in a file as that process would find it (0: as we do), or None."""
        return self.cached(pid, path, _object)

    def cached(self, pid, path, parse):
        """What parse makes of a file's bytes, kept until the file changes; None where it can't be read."""
        try:
            root = os.open("/proc/%s/root" % (pid or "self"), os.O_PATH | os.O_DIRECTORY)
        except OSError:
            return None
        try:
            fd = linux.open_in_root(root, path, os.O_PATH)
            try:
                status = os.fstat(fd)
            finally:
                os.close(fd)
            key = "file", pid, path, status.st_mtime_ns, status.st_ino
            return self.kept.get(key, lambda: parse(files.read_in_root(root, path)))
        except OSError:
            return None
        finally:
            os.close(root)


class Found:
    """A container as its runtime knows it.

    init_pid: its first process, as a pid of ours. supervisor: the record of the process outside that watches over it,
    None where there is none. describe(record): puts into a container's record what the runtime knows.
    """

    __slots__ = ("describe", "id", "init_pid", "runtime", "supervisor")

    def __init__(self, runtime, id, init_pid, supervisor, describe):
        self.runtime = runtime
        self.id = id
        self.init_pid = init_pid
        self.supervisor = supervisor
        self.describe = describe


def _object(text):
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def texts(value):
    """Of what should be an object of strings, those members that are."""
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}
