"""The configuration that decides the rights of a command in a container: its runtime's config.json.

`docker exec` and its like go by that file, and not by the changes that the container's processes made to themselves. It
is believed if root's engine put it there, or the caller's own: the engine of a supervisor that stands outside of the
container and speaks for that user. Sources: as for `containerd`, `conmon` and `runc`; runc exec.go (getProcess).
"""

from __future__ import annotations

import os

from nsview import linux

from .. import cgroup, files, hostfiles, procfs
from . import conmon, containerd, witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..procfs import Reader
    from ..protocol import Process
    from .containerd import Shim
    from .runc import SavedState

_MOST = 256  # ancestors of a process that are read
_TRIES = 3
_SUPERVISORS = ("containerd-shim", "conmon", "runc", "crun", "youki", "buildkit-runc")


class BelievedConfig:
    """The configuration of a container. path: of config.json; config: its object. init_pid: the container's first
    process, None if it is another than the process that was asked for. first: the pid of that one, whoever was asked
    for, None if it is not known. runtime: the maker of the container, "runc" or "crun". supervisor: the pid of the
    process whose limits and umask a command inherits, None if that is the caller."""

    __slots__ = ("config", "first", "init_pid", "path", "runtime", "supervisor")

    def __init__(
        self, path: str, config: dict[str, Any], init_pid: int | None, runtime: str, first: int | None
    ) -> None:
        self.path = path
        self.config = config
        self.init_pid = init_pid
        self.runtime = runtime
        self.first = first
        self.supervisor: int | None = None

    @property
    def filtered(self) -> bool:
        """True if a command in the container must be under a seccomp filter; also if the file is not as specified, so
        that nothing is run without what it may have meant."""
        try:
            annotations = self.config.get("annotations") or {}
            own = self.runtime == "crun" and "run.oci.seccomp_bpf_data" in annotations
            return bool((self.config.get("linux") or {}).get("seccomp") or own)
        except (AttributeError, TypeError):
            return True


def config_of(pid: int) -> BelievedConfig | None:
    """The believed config of the container that a process is in. None if none is known and believed.

    The outermost supervisor above the process decides: one further down is itself in a container, and so is its word.
    """
    reader = procfs.Reader()
    try:
        for _ in range(_TRIES):
            try:
                found, above = _outermost(reader, pid)
                return found or _by_state(reader, pid, above)
            except procfs.Vanished:
                continue  # an ancestor exited meanwhile
            except OSError:
                return None
    finally:
        reader.close()
    return None


def _outermost(reader: Reader, pid: int) -> tuple[BelievedConfig | None, set[int]]:
    """(the believed config, the pids of the process and those above it)."""
    found = None
    child, lines = reader.process(pid)
    chain = {pid}
    for _ in range(_MOST):
        if child["ppid"] == 0:
            break
        parent, above = reader.process(child["ppid"])
        if len(parent["nspid"]) == 1:
            config = _of_child(reader, parent, above, child, lines)
            if config:
                config.supervisor = parent["pid"]
                found = config
        child, lines = parent, above
        chain.add(child["pid"])
    return found, chain


def _of_child(
    reader: Reader, parent: Process, parent_cgroup: bytes, child: Process, lines: bytes
) -> BelievedConfig | None:
    """The config by a process, and the child of it that the container begins with. None if it is no supervisor."""
    if not parent["comm"].startswith(_SUPERVISORS):
        return None
    uid = witness.owner_of_process(parent["pid"])
    if uid not in (0, os.geteuid()) or not witness.is_host(parent["pid"], uid):
        return None
    outside, within = cgroup.parse(files.text(parent_cgroup))
    if within and containerd.outside(_own_path(), within.path):
        return None  # in a container that we are not in ourselves
    path, claim = cgroup.parse(files.text(lines))
    shim = containerd.shim(parent, lambda _: uid)
    if shim:
        return _of_shim(reader, shim, child, path, outside)
    monitor = conmon.monitor(parent)
    if monitor:
        return _of_conmon(parent, monitor, uid, child, path, claim, outside)
    from . import runc  # rarely needed, and a start is to be quick

    started = runc.run(parent)
    return _of_runc(parent, started, uid, child, path, outside) if started else None


def _of_shim(reader: Reader, shim: Shim, child: Process, path: str, outside: str) -> BelievedConfig | None:
    """The config by containerd's shim, which has a pod's other containers too, each with a bundle beside its own. None
    if no bundle is believed.

    A user who may make cgroups in a container can call one like another container: so the first process of the believed
    one must be the child of this very shim and be in that cgroup itself.
    """
    for claim, id in (*((claim, claim.id) for claim in cgroup.claims(path)), (None, shim.id)):
        own = _own(path, claim, id)
        if own is None or not containerd.outside(outside, own):
            continue
        bundle = containerd.read_bundle(shim, id)
        if bundle and _began_in(reader, shim, bundle.init_pid, own):
            init_pid = child["pid"] if bundle.init_pid == child["pid"] else None
            return BelievedConfig(bundle.directory + "/config.json", bundle.config, init_pid, "runc", bundle.init_pid)
    return None


def _began_in(reader: Reader, shim: Shim, pid: int | None, own: str) -> bool:
    """True if a process is the shim's child, and in this cgroup."""
    try:
        init, lines = reader.process(pid or 0)
    except procfs.Vanished:
        return False
    paths = (line.split(":", 2)[-1] for line in files.text(lines).split("\n"))
    return init["ppid"] == shim.pid and any(not containerd.outside(path, own) for path in paths)


def _of_conmon(
    parent: Process, monitor: dict[str, str], uid: int, child: Process, path: str, claim: cgroup.Claim | None,
    outside: str,
) -> BelievedConfig | None:  # fmt: skip
    """The config by podman's or cri-o's monitor, None if that is not believed. A user's own container may have no
    cgroup of its own; then a fake monitor made in a container would be under that container's filter."""
    own = _own(path, claim, monitor["id"])
    if own is None and (uid == 0 or _filtered(parent["pid"])):
        return None
    if own is not None and not containerd.outside(outside, own):
        return None
    runtime = "crun" if os.path.basename(monitor.get("runtime", "")).startswith("crun") else "runc"
    found = _of_bundle(parent["pid"], monitor.get("bundle", ""), uid, None, runtime, child["pid"])
    if found and not (child["nspid"][-1] == 1 and _has_own_pids(found.config)):
        found.first = None  # an orphan of the container's becomes its monitor's child where the two share pids
    return found


def _has_own_pids(config: dict[str, Any]) -> bool:
    """True if a configuration gives the container a new pid namespace."""
    try:
        namespaces = (config.get("linux") or {}).get("namespaces") or ()
        return any(namespace.get("type") == "pid" and not namespace.get("path") for namespace in namespaces)
    except (AttributeError, TypeError):
        return False


def _of_runc(
    parent: Process, started: tuple[str, str], uid: int, child: Process, path: str, outside: str
) -> BelievedConfig | None:
    """The config by a runc or crun in the foreground, the parent of the container's first process. None if the child is
    not that process."""
    id, bundle = started
    own = containerd.own_cgroup(path, id)
    inside = own is not None and not containerd.outside(outside, own)
    if inside or child["nspid"][-1] != 1:
        return None
    runtime = "crun" if parent["comm"] == "crun" else "runc"
    return _of_bundle(parent["pid"], bundle, uid, child["pid"], runtime, child["pid"])


def _by_state(reader: Reader, pid: int, above: set[int]) -> BelievedConfig | None:
    """The config by the state that a detached runc or crun keeps in the usual places, None if none is of the process.
    above: the process and those above it.

    crun keeps a copy of config.json beside its state. Of runc's, if the bundle is gone, state.json tells at least that
    a filter must be put on; it is in a form of runc's own, so that it can't be.
    """
    process, lines = reader.process(pid)
    path, claim = cgroup.parse(files.text(lines))
    named = {containerd.named_after(part) for part in cgroup.ancestors(path)} | ({claim.id} if claim else set())
    ids = None if len(process["nspid"]) > 1 or not witness.is_host(pid, 0) else named
    uid = os.geteuid()
    from . import directories, runc  # rarely needed, and a start is to be quick

    for root, (namespace, owner) in directories.usual_runtimes([uid]).items():
        among = ids if namespace is None else named  # an engine may have thousands, and names their cgroups
        for state in runc.states(root, owner, None if among is None else among.__contains__):
            if state["uid"] in (0, uid) and _is_inside(reader, process, path, above, state):
                init_pid = pid if state["pid"] == pid else None
                bundle = state["bundle"] or ""
                for directory in (bundle, os.path.dirname(state["path"])):
                    found = _of_bundle(0, directory, state["uid"], init_pid, state["runtime"], state["pid"])
                    if found:
                        return found
                config = {"linux": {"seccomp": state["seccomp"]}}
                return BelievedConfig(state["path"], config, None, state["runtime"], state["pid"])
    return None


def _is_inside(reader: Reader, process: Process, path: str, above: set[int], state: SavedState) -> bool:
    """True if a process is in the container of a state."""
    try:
        init, lines = reader.process(state["pid"])
    except procfs.Vanished:
        return False
    if init["start"] != state["start"]:
        return False
    own = containerd.own_cgroup(cgroup.parse(files.text(lines))[0], state["id"])
    beside = init["nspid"][-1] == 1 and init["namespaces"].get("pid") == process["namespaces"].get("pid")
    return init["pid"] in above or beside or (own is not None and not containerd.outside(path, own))


def _of_bundle(
    pid: int, directory: str, uid: int, init_pid: int | None, runtime: str, first: int | None
) -> BelievedConfig | None:
    """The config in a bundle's directory as a process would find it. None if it is not this user's or root's."""
    try:
        root = hostfiles.root_of(pid)
        try:
            bundle = linux.open_in_root(root, directory, os.O_PATH | os.O_DIRECTORY)
        finally:
            os.close(root)
    except OSError:
        return None
    try:
        config = witness.read_json(bundle, "config.json", uid)
    finally:
        os.close(bundle)
    return BelievedConfig(directory.rstrip("/") + "/config.json", config, init_pid, runtime, first) if config else None


def _own(path: str, claim: cgroup.Claim | None, id: str) -> str | None:
    return claim.path if claim and claim.id == id else containerd.own_cgroup(path, id)


def _own_path() -> str:
    return cgroup.parse(files.text(files.read("/proc/self/cgroup")))[0]


def _filtered(pid: int) -> bool:
    try:
        with open("/proc/%d/status" % pid, "rb") as status:
            return b"\nSeccomp:\t0\n" not in status.read()
    except OSError:
        return True
