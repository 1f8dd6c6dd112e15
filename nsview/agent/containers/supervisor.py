"""What the runtimes have in common: a process that watches over a container from outside, and its first process.

A runtime's file has `find(host)`, which gives a `Found` for each container that it knows of, and nothing else is
asked of it. What a `Found` claims of a process is held against the kernel's word by `identify`.
"""

from __future__ import annotations

import os

from nsview import linux

from .. import cgroup, files, hostfiles
from . import witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROGRAMS = (
    "containerd", "dockerd", "conmon", "crio", "lxc", "systemd-nspawn", "systemd-machine", "runc", "crun", "youki",
    "buildkit", "buildah", "podman", "k3s", "rke2", "kubelet",
)  # fmt: skip
"""How the names begin of all that runs or watches over containers."""


LXC_MONITOR = "[lxc monitor] "
"""How the command line begins of what watches over an LXC container, whatever the program is called."""


class Host:
    """The processes of a host, and what containers are found by without a look at each of them.

    processes: {pid: record}. claims: {cgroup path: Claim or None} of their paths. by_path: {cgroup path: pids}, of
    those in another than the root. watching: the pids of those that may run or watch over containers. kept: what
    was read from disk. standing: what `follow` made of the containers it was last given. places: the containers'
    own cgroups, as far as `identify` knows them; cgroups: who could have named one. mounts: of the host's own mount
    namespace; mounts_seen: the mount namespaces that show the host's own files. supervised: (engine namespace, id)
    of those whose supervisor lives. directories: where engines keep their state; told: {(what is kept there,
    directory): uid} as live ones of root's have named them. noted(directory fd, name): is told of a file before it
    is read.
    """

    def __init__(self, kept, noted=None):
        self.processes: dict[int, dict[str, Any]] = {}
        self.claims: dict[str, Any] = {}
        self.by_path: dict[str, set[int]] = {}
        self.watching: set[int] = set()
        self.kept = kept
        self.noted = noted or (lambda directory, name: None)
        self.standing: Any = None
        self.places: Any = {}
        self.cgroups = witness.Cgroups({})
        self.mounts: Any = []
        self.mounts_seen: set[int] = set()
        self.supervised: set[tuple[Any, str]] = set()
        self.directories: Any = None
        self.told: dict[tuple[str, str], int] = {}
        self._children: dict[int, set[int]] = {}

    def begin(self, processes, claims):
        """These are the processes now."""
        self.processes, self.claims = processes, claims
        self.by_path, self.watching, self._children = {}, set(), {}
        for record in processes.values():
            self._add(record)

    def replace(self, old, new):
        """A process has changed, come (old is None) or gone (new is None)."""
        if old:
            pid = old["pid"]
            del self.processes[pid]
            self.watching.discard(pid)
            _take(self._children, old["ppid"], pid)
            _take(self.by_path, old["cgroup"], pid)
        if new:
            self.processes[new["pid"]] = new
            self._add(new)

    def _add(self, record):
        pid, path = record["pid"], record["cgroup"]
        children = self._children.get(record["ppid"])
        if children is None:
            children = self._children[record["ppid"]] = set()
        children.add(pid)
        if len(path) > 1:
            inside = self.by_path.get(path)
            if inside is None:
                inside = self.by_path[path] = set()
            inside.add(pid)
        if watches(record):
            self.watching.add(pid)

    def watchers(self):
        """The records of those that may run or watch over containers, in order of pid."""
        return [self.processes[pid] for pid in sorted(self.watching)]

    def child_pids(self, pid):
        """The pids of a process's children."""
        return self._children.get(pid, ())

    def children(self, pid):
        """The records of a process's children, oldest first."""
        records = [self.processes[child] for child in self.child_pids(pid)]
        return sorted(records, key=lambda record: (record["start"], record["pid"]))

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

    def owner(self, process):
        """The uid that a process speaks for; see `witness.owner_of_process`."""
        key = "owner", process["pid"], process["start"], process["uid"], process["comm"]
        return self.kept.get(key, lambda: witness.owner_of_process(process["pid"]))

    def within(self, process):
        """The container that a process is in, None where it is in none that is known: its own cgroup, or the first
        process of one that has none or was left, which is the child of one that watches over containers."""
        own = next((above for above in cgroup.ancestors(process["cgroup"]) if above in self.places), None)
        while own is None and (parent := self.processes.get(process["ppid"])):
            if parent["pid"] in self.watching and runs(parent) and self.owner(parent) == 0:
                return process["pid"]
            process = parent
        return own

    def is_stranger(self, process):
        """A process of root's sees other files than the host's own, and is in no container that is known so far: it may
        be in one that is not. A service of systemd's is none: nobody but the host's root puts a process there."""
        if self.owner(process) != 0 or process["namespaces"].get("mnt") in self.mounts_seen:
            return False
        return not cgroup.is_service(process["cgroup"]) and self.within(process) is None

    def read_json(self, pid, path, uid=0):
        """The JSON object in a file as that process would find it (0: as the host does), or None; also where another
        user could have written it."""
        return self.cached(pid, path, files.json_object, uid)

    def cached(self, pid, path, parse, uid=0):
        """The result of parse for a file's bytes, kept until the file changes; None where it can't be read or parsed
        (ValueError), or another user than the process's (uid, where there is none) could have written it, or could have
        put it there."""
        uid = self.owner(self.processes[pid]) if pid else uid
        try:
            root = hostfiles.root_of(pid)
        except OSError:
            return None
        try:
            directory = linux.open_in_root(root, os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
        except OSError:
            return None
        finally:
            os.close(root)
        name = os.path.basename(path)
        try:
            if not witness.owned(directory, uid) or not (pid or witness.owner_of_place(directory) == uid):
                return None
            self.noted(directory, name)
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            key = "file", pid, path, uid, status.st_mtime_ns, status.st_ino
            return self.kept.get(
                key, lambda: parse(files.read_in_root(directory, name, believed=lambda fd: witness.owned(fd, uid)))
            )
        except (OSError, ValueError, RecursionError) as error:
            files.note_damaged(directory, name, error)
            return None
        finally:
            os.close(directory)


class Found:
    """A container as its runtime knows it.

    init_pid: its first process, as a pid of ours. supervisor: the record of the process outside that watches over it,
    None where there is none. uid: of whoever says so, where there is no supervisor. describe(record): puts into a
    container's record what the runtime knows.
    """

    __slots__ = ("describe", "id", "init_pid", "runtime", "supervisor", "uid")

    def __init__(self, runtime, id, init_pid, supervisor, describe, uid=0):
        self.uid = uid
        self.runtime = runtime
        self.id = id
        self.init_pid = init_pid
        self.supervisor = supervisor
        self.describe = describe


def texts(value):
    """Of what should be an object of strings, those members that are."""
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def watches(process):
    """It may be one of those that containers are found by."""
    arguments = process["cmdline"]
    return process["comm"].startswith(PROGRAMS) or bool(arguments and arguments[0].startswith(LXC_MONITOR))


_RUNNING = ("containerd-shim", "conmon", "systemd-nspawn")


def runs(process):
    """It is one of those whose children are first processes of containers."""
    arguments = process["cmdline"]
    return process["comm"].startswith(_RUNNING) or bool(arguments and arguments[0].startswith(LXC_MONITOR))


def _take(sets, key, pid):
    """Take a pid out of the set under a key, and the set with its last one."""
    found = sets.get(key)
    if found:
        found.discard(pid)
        if not found:
            del sets[key]
