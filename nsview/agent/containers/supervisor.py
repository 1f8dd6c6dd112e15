"""The common parts of runtimes: a process that watches over a container from outside, and its first process.

A runtime's file has `find(host)`, which yields a `Found` for each container that it knows of, and nothing else is
asked of it. A supervisor is found among `host.watchers()`, so its program must be in PROGRAMS. The claims of a `Found`
on a process are held against the kernel's word by `identify`.
"""

from __future__ import annotations

import os

from nsview import linux

from .. import cgroup, files, hostfiles
from . import witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Any, List, Optional, TypeVar

    from ..cgroup import Claim
    from ..mountinfo import Mount
    from ..protocol import Container, ContainerFacts, Process
    from .directories import Directories
    from .identify import Cache

    _T = TypeVar("_T")

    class Draft(ContainerFacts):
        """A container's record in the making."""

        runtime: Optional[str]
        witness: List[str]
        outer: Optional[Draft]


PROGRAMS = (
    "containerd", "dockerd", "conmon", "crio", "lxc", "systemd-nspawn", "systemd-machine", "runc", "crun", "youki",
    "buildkit", "buildah", "podman", "k3s", "rke2", "kubelet",
)  # fmt: skip
"""The beginnings of the names (comm) of programs that run or watch over containers: only these are `watchers`,
and LXC's monitors."""

LXC_MONITOR = "[lxc monitor] "
"""The beginning of the command line of an LXC container's monitor, whatever the program is called."""


class Population:
    """The processes of a host, and the facts by which containers are found without a look at each of them.

    processes: {pid: record}. claims: {cgroup path: Claim or None} of their paths. by_path: {cgroup path: pids}, of
    those in another than the root. watching: the pids of those that may run or watch over containers. kept: the
    files read from disk. standing: the result of `follow` for the containers that it was last given. places: the
    containers' own cgroups, as far as `identify` knows them; cgroups: their owners. mounts: of the host's own mount
    namespace; mounts_seen: the mount namespaces that show the host's own files. supervised: (engine namespace, id)
    of those whose supervisor lives. directories: of the engines' state; told: {(kind of state, directory): uid} as
    live engines of root's have named them. noted(directory fd, name): is called with a file before it is read.
    """

    def __init__(self, kept: Cache, noted: Callable[[int, str], None] | None = None) -> None:
        self.processes: dict[int, Process] = {}
        self.claims: dict[str, Claim | None] = {}
        self.by_path: dict[str, set[int]] = {}
        self.watching: set[int] = set()
        self.kept = kept
        self.noted = noted or (lambda directory, name: None)
        self.standing: tuple[list[Container], set[int], dict[str, str], dict[int, str]] | None = None
        self.places: Mapping[Any, Draft] = {}
        self.cgroups = witness.Cgroups({})
        self.mounts: list[Mount] = []
        self.mounts_seen: set[int] = set()
        self.supervised: set[tuple[str | None, str]] = set()
        self.directories: Directories
        self.told: dict[tuple[str, str], int] = {}
        self._children: dict[int, set[int]] = {}

    def begin(self, processes: dict[int, Process], claims: dict[str, Claim | None]) -> None:
        """Begin a look with these processes."""
        self.processes, self.claims = processes, claims
        self.by_path, self.watching, self._children = {}, set(), {}
        for record in processes.values():
            self._add(record)

    def replace(self, old: Process | None, new: Process | None) -> None:
        """Replace the record of a process that has changed, come (old is None) or gone (new is None)."""
        if old:
            pid = old["pid"]
            del self.processes[pid]
            self.watching.discard(pid)
            _take(self._children, old["ppid"], pid)
            _take(self.by_path, old["cgroup"], pid)
        if new:
            self.processes[new["pid"]] = new
            self._add(new)

    def _add(self, record: Process) -> None:
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

    def watchers(self) -> list[Process]:
        """The records of those that may run or watch over containers, in order of pid."""
        return [self.processes[pid] for pid in sorted(self.watching)]

    def child_pids(self, pid: int) -> Collection[int]:
        """The pids of a process's children."""
        return self._children.get(pid, ())

    def children(self, pid: int) -> list[Process]:
        """The records of a process's children, oldest first."""
        records = [self.processes[child] for child in self.child_pids(pid)]
        return sorted(records, key=lambda record: (record["start"], record["pid"]))

    def first_process(self, supervisor: Process, id: str) -> Process | None:
        """The child of a supervisor's that is its container's first process. None if there is none.

        The one whose cgroup names the container; else the oldest that is pid 1 to itself; else the oldest in another
        mnt namespace than the supervisor's.
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

    def owner(self, process: Process) -> int:
        """The uid that a process speaks for; see `witness.owner_of_process`."""
        key = "owner", process["pid"], process["start"], process["uid"], process["comm"]
        return self.kept.get(key, lambda: witness.owner_of_process(process["pid"]))

    def within(self, process: Process) -> Any:
        """The container that a process is in: its own cgroup, or the first process of one that has none or was left,
        which is the child of a process that watches over containers. None if it is in none that is known."""
        own = next((above for above in cgroup.ancestors(process["cgroup"]) if above in self.places), None)
        while own is None and (parent := self.processes.get(process["ppid"])):
            if parent["pid"] in self.watching and runs(parent) and self.owner(parent) == 0:
                return process["pid"]
            process = parent
        return own

    def is_stranger(self, process: Process) -> bool:
        """True if a process of root's sees other files than the host's own, and is in no container that is known so
        far: it may be in one that is not. A service of systemd's is no stranger: only the host's root starts one."""
        mnt = process["namespaces"].get("mnt")
        if self.owner(process) != 0 or mnt in self.mounts_seen or mnt is None:
            return False  # not known to who may not trace root's, and who gives nothing away by their words
        if cgroup.is_service(process["cgroup"]) or self.within(process) is not None:
            return False
        return not witness.has_hosts_root(process["pid"])  # podman's conmon may have a copy of the host's mounts

    def read_json(self, pid: int, path: str, uid: int = 0) -> dict[str, Any] | None:
        """The JSON object in a file as that process would find it (0: as the host does). None if there is none, or
        another user could have written it."""
        found: dict[str, Any] | None = self.cached(pid, path, files.json_object, uid)
        return found

    def cached(self, pid: int, path: str, parse: Callable[[bytes], Any], uid: int = 0) -> Any:
        """The result of parse for a file's bytes, kept until the file changes. None if it can't be read or parsed
        (ValueError), or a user other than the process's (uid, if there is none) could have written it, or could have
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

    id: unique within one engine. A cgroup that the first process is in or below, and that is named after the id, is
    taken for the container's own: so an id that is made up must not be like the name of any other cgroup.
    init_pid: its first process, as a pid of ours. supervisor: the record of the process outside that watches over it,
    None if there is none. uid: of the witness, if there is no supervisor. describe(record): puts the runtime's facts
    into a container's record.
    """

    __slots__ = ("describe", "id", "init_pid", "runtime", "supervisor", "uid")

    def __init__(
        self,
        runtime: str,
        id: str,
        init_pid: int,
        supervisor: Process | None,
        describe: Callable[[Draft], None],
        uid: int = 0,
    ) -> None:
        self.uid = uid
        self.runtime = runtime
        self.id = id
        self.init_pid = init_pid
        self.supervisor = supervisor
        self.describe = describe


def texts(value: object) -> dict[str, str]:
    """The members of an object that are strings; {} if it is no object."""
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def later(read: Callable[..., _T], *values: Any) -> Callable[[], _T]:
    """A function that reads with these values."""
    return lambda: read(*values)


def watches(process: Process) -> bool:
    """True if a process may be one of those that containers are found by."""
    arguments = process["cmdline"]
    return process["comm"].startswith(PROGRAMS) or bool(arguments and arguments[0].startswith(LXC_MONITOR))


_RUNNING = ("containerd-shim", "conmon", "systemd-nspawn")
"""The beginnings of the names of those PROGRAMS whose children are first processes of containers; see `runs`."""


def runs(process: Process) -> bool:
    """True if the children of a process are first processes of containers."""
    arguments = process["cmdline"]
    return process["comm"].startswith(_RUNNING) or bool(arguments and arguments[0].startswith(LXC_MONITOR))


def _take(sets: dict[Any, set[int]], key: Any, pid: int) -> None:
    """Take a pid out of the set under a key, and the set with its last one."""
    found = sets.get(key)
    if found:
        found.discard(pid)
        if not found:
            del sets[key]
