"""containerd: its shims' command lines, the bundles they work in, and the daemon that a shim serves.

Sources: containerd pkg/shim/util.go and runtime/v2/runc/manager/manager_linux.go (the shim's arguments and one shim
per pod), runtime/v2/bundle.go (the bundle: config.json, init.pid), pkg/cio/io_unix.go (FIFOS/NUMBER/ID-stdout),
internal/cri/annotations/annotations.go; nerdctl pkg/labels/labels.go and pkg/cmd/container/create.go (its labels as
annotations), pkg/dnsutil/hostsstore/hostsstore.go and pkg/cmd/container/rename.go (meta.json).
"""

from __future__ import annotations

import os
import time

from .. import cgroup, files, hostfiles
from . import supervisor, witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ..protocol import Pod, Process
    from .identify import Cache
    from .runc import SavedState
    from .supervisor import Draft, Found, Population

TASKS = "/io.containerd.runtime.v2.task/"
"""Below this, in its state directory, containerd has a bundle for each container: NAMESPACE/ID."""
_CRI = "io.kubernetes.cri."
_FIFOS = "/run/containerd/fifo"
_MAKING = 2_000_000_000  # nanoseconds in which who makes a directory there has made what is in it
DEFAULT_ADDRESS = "/run/containerd/containerd.sock"


class Shim:
    """A containerd-shim-* process: the engine namespace and id that it was started for, and its daemon's socket.

    uid: the user that it speaks for. pid: None if it is gone.
    """

    __slots__ = ("address", "id", "namespace", "pid", "uid")

    def __init__(self, pid: int | None, namespace: str, id: str, address: str, uid: int) -> None:
        self.uid = uid
        self.pid = pid
        self.namespace = namespace
        self.id = id
        self.address = address


class Bundle:
    """One container's directory as a shim keeps it.

    init_pid: its first process as the shim counts. init, the same as we count, and cgroup are set once that process is
    known to be real.
    """

    __slots__ = ("cgroup", "config", "directory", "id", "init", "init_pid", "shim")

    def __init__(self, shim: Shim, id: str, directory: str, config: dict[str, Any], init_pid: int | None) -> None:
        self.shim = shim
        self.id = id
        self.directory = directory
        self.config = config
        self.init_pid = init_pid
        self.init: int | None = None
        self.cgroup: str | None = None


def shim(process: Process, owner: Callable[[Process], int]) -> Shim | None:
    """The Shim that a process is. None if it is none. owner: returns the uid that it speaks for."""
    if not process["comm"].startswith("containerd-shim"):
        return None
    arguments = process["cmdline"]
    if not arguments or not os.path.basename(arguments[0]).startswith("containerd-shim"):
        return None
    values = options_of(arguments)
    if not values.get("namespace") or not values.get("id"):
        return None
    uid = owner(process)
    if uid == witness.NOBODY:
        return None
    return Shim(process["pid"], values["namespace"], values["id"], values.get("address", DEFAULT_ADDRESS), uid)


def options_of(arguments: list[str]) -> dict[str, str]:
    """{name: value} of a Go program's flags: -name value, --name value, -name=value."""
    values: dict[str, str] = {}
    previous = None
    for argument in arguments[1:]:
        if argument.startswith("-"):
            name, equals, value = argument.lstrip("-").partition("=")
            if equals:
                values[name] = value
            previous = None if equals else name
        elif previous:
            values[previous] = argument
            previous = None
    return values


def read_bundle(shim: Shim, id: str) -> Bundle | None:
    """The bundle of a container of a shim's. None if it can't be read.

    The shim's working directory is its own bundle, wherever the daemon's --state is; its siblings are those of the same
    engine namespace. Read only if nobody but the shim's user and root could have written it.
    """
    if "/" in id or id in ("", ".", ".."):
        return None
    try:
        own = os.open("/proc/%d/cwd" % (shim.pid or 0), os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        parent = os.open("..", os.O_PATH | os.O_DIRECTORY, dir_fd=own)
    finally:
        os.close(own)
    try:
        bundle = os.open(id, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    except OSError:
        return None
    finally:
        os.close(parent)
    try:
        config = witness.read_json(bundle, "config.json", shim.uid)
        init_pid = int(files.read_in_root(bundle, "init.pid", 32, lambda fd: witness.owned(fd, shim.uid)))
        directory = os.readlink("/proc/self/fd/%d" % bundle)
    except (OSError, ValueError) as error:
        files.note_damaged(bundle, "init.pid", error)
        return None
    finally:
        os.close(bundle)
    return Bundle(shim, id, directory, config, init_pid) if config else None


def bundle_unread(shim: Shim, id: str, children: list[Process]) -> Bundle | None:
    """A Bundle of a container whose directory can't be read (as a user), if the cgroup of a child of the shim's agrees
    with the shim's command line; else None."""
    inside = [child for child in children if own_cgroup(child["cgroup"], id)]
    if not inside:
        return None
    bundle = Bundle(shim, id, "", {}, None)
    bundle.init = min(inside, key=lambda child: (child["start"], child["pid"]))["pid"]
    return bundle


def bundle_left(host: Population, state: SavedState, process: Process) -> Bundle | None:
    """The Bundle of a container whose shim is gone, by runc's state of it. None if that is of another engine's."""
    directory, uid = state["bundle"] or "", state["uid"]
    namespace, _, id = directory.partition(TASKS)[2].partition("/")
    config = host.read_json(0, directory + "/config.json", uid) if id == state["id"] else None
    if not namespace or id != state["id"] or (uid and not config):
        return None
    bundle = Bundle(Shim(None, namespace, id, "", uid), id, directory if config else "", config or {}, None)
    bundle.init = process["pid"]
    return bundle


def left(host: Population, state: SavedState, process: Process) -> Found | None:
    """The container of a state, None if no shim ran it."""
    bundle = bundle_left(host, state, process)
    if bundle is None:
        return None

    def tell(record: Draft) -> None:
        record["witness"].append(state["path"])
        describe(record, bundle, host)

    return supervisor.Found("containerd", bundle.id, process["pid"], None, tell, state["uid"])


def find(host: Population) -> Iterator[Found]:
    """The containers of which nothing can be found but a cgroup of root's, /NAMESPACE/ID, and the fifos in the usual
    place that a client of containerd's made for an ID: all of an engine with directories of its own is gone."""
    fifos: dict[str, str] | None = None
    for path, pids in host.by_path.items():
        root, namespace, id = (path.split("/") + ["", ""])[:3]
        inits = [pid for pid in sorted(pids) if host.processes[pid]["nspid"][1:][-1:] == [1]]
        if root or not id or not inits or path.count("/") != 2 or path in host.places or host.cgroups.owner(path):
            continue
        fifos = _fifos(host.kept.get("fifos", dict)) if fifos is None else fifos
        if id in fifos:

            def describe(record: Draft, namespace: str = namespace, fifo: str = fifos[id]) -> None:
                record["engine_namespace"] = namespace
                record["witness"].append(fifo)

            yield supervisor.Found("containerd", id, inits[0], None, describe)


def _fifos(known: dict[str, Any]) -> dict[str, str]:
    """{id: path} of the fifos that root made: FIFOS/NUMBER/ID-stdout.

    known: kept from one call to the next. Thousands may be left of containers that are gone: so only new directories
    are listed, and those that were empty, for a client makes a directory before the fifos in it.
    """
    try:
        changed = hostfiles.status(_FIFOS).st_mtime_ns
    except OSError:
        return {}
    if known.get("changed") != changed:
        old = known.get("fifos", {})
        known["fifos"] = {path: old.get(path) or _entries(path) for path in _entries(_FIFOS)}
        known["changed"] = changed if changed < time.time_ns() - _MAKING else None
    found = {}
    for entries in known["fifos"].values():
        for entry in entries:
            id, _, stream = entry.rpartition("/")[2].rpartition("-")
            if stream in ("stdin", "stdout", "stderr"):
                found[id] = entry
    return found


def _entries(path: str) -> list[str]:
    try:
        return [path + "/" + name for name in sorted(hostfiles.listdir(path))]
    except OSError:
        return []


def own_cgroup(path: str, id: str) -> str | None:
    """The part of a cgroup path that ends in the container's own cgroup. None if it has none.

    runc names it after the id: /NAMESPACE/ID, or PREFIX-ID.scope under systemd (linux.cgroupsPath in config.json).
    """
    for above in cgroup.ancestors(path):
        name = above[above.rindex("/") + 1 :]
        if name == id or name.endswith(("-" + id + ".scope", ":" + id)):
            return above
    return None


def outside(path: str, container: str) -> bool:
    """True if a cgroup path is not in a container's cgroup. Shims are outside: one within only bears the name."""
    return not (path + "/").startswith(container + "/")


def named_after(path: str) -> str:
    """The id that a cgroup may be named after; without a bundle of that name it is no container's."""
    name = path[path.rindex("/") + 1 :] if "/" in path else path
    return name[: -len(".scope")].partition("-")[2] if name.endswith(".scope") else name


def describe(record: Draft, bundle: Bundle, host: Population) -> None:
    """Put into the record the facts of the bundle."""
    shim = bundle.shim
    record["id"] = bundle.id
    record["name"] = bundle.id if len(bundle.id) < 64 else bundle.id[:12]
    record["runtime"] = record["runtime"] or "containerd"
    record["engine_namespace"] = shim.namespace
    record["init_pid"] = bundle.init
    record["shim_pid"] = shim.pid
    if shim.pid is not None:
        record["witness"].append("shim %d" % shim.pid)
    if bundle.directory:
        record["witness"].append(bundle.directory + "/config.json")
    annotations = bundle.config.get("annotations")
    if isinstance(annotations, dict):
        annotations = {str(k): v for k, v in annotations.items() if isinstance(v, str)}
        # nerdctl keeps its own name for a container in a label, and copies that here for its hooks.
        record["name"] = annotations.get("nerdctl/name") or record["name"]
        _rename(record, annotations.get("nerdctl/state-dir", ""), shim, host)
        _describe_pod(record, annotations)


def _rename(record: Draft, state: str, shim: Shim, host: Population) -> None:
    """Put the name that `nerdctl rename` gave into the record: it leaves the bundle as it was, and writes into the file
    that the /etc/hosts of others is made by. state: STORE/containers/NAMESPACE/ID."""
    store, _, rest = state.rpartition("/containers/")
    if rest == "%s/%s" % (shim.namespace, record["id"]):
        path = "%s/etchosts/%s/meta.json" % (store, rest)
        said = host.read_json(shim.pid or 0, path, shim.uid) or {}
        if said.get("ID") == record["id"] and isinstance(said.get("Name"), str) and said["Name"]:
            record["name"] = said["Name"]
            record["witness"].append(path)


def _describe_pod(record: Draft, annotations: dict[str, str]) -> None:
    """Put a pod's sandbox or container into the record, by the annotations that containerd's CRI plugin writes."""
    kind = annotations.get(_CRI + "container-type")
    if kind != "container" and kind != "sandbox":
        return
    record["role"] = kind  # type: ignore[typeddict-item]
    record["image"] = annotations.get(_CRI + "image-name", record["image"])
    pod: Pod = {
        "name": annotations.get(_CRI + "sandbox-name", ""),
        "namespace": annotations.get(_CRI + "sandbox-namespace", ""),
        "uid": annotations.get(_CRI + "sandbox-uid", record["pod"]["uid"] if record["pod"] else ""),
    }
    record["pod"] = pod
    name = annotations.get(_CRI + "container-name")
    if name:
        record["name"] = name
    elif kind == "sandbox" and pod["name"]:
        record["name"] = pod["name"]


def is_daemon(process: Process) -> bool:
    """True if a process may be the daemon of shims: containerd itself, or a distribution that has it built in."""
    return process["comm"] == "containerd" or process["comm"].startswith(("k3s", "rke2"))


def daemon_of(address: str, daemons: list[Process], cache: Cache) -> int | None:
    """The pid of the daemon that listens on a shim's -address. None if none does.

    The listening socket's inode is looked for among the daemons' fds; if these can't be read, their command lines must
    do (--address, or --config beside the socket, as dockerd starts its own).
    """
    keys = {process["pid"]: ("sockets", process["pid"], process["start"], address) for process in daemons}
    for pid, key in keys.items():
        if cache.has(key):  # so that of several daemons the others are not read again and again
            return pid
    for pid, key in keys.items():
        if cache.get(key, supervisor.later(_listens, pid, address)):
            return pid
    for process in daemons:
        options = options_of(process["cmdline"])
        listening = options.get("address")
        if listening is None:
            config = options.get("config", "/etc/containerd/config.toml")
            directory = os.path.dirname(config)
            listening = DEFAULT_ADDRESS if directory == "/etc/containerd" else directory + "/containerd.sock"
        if listening == address:
            return process["pid"]
    return None


def _listens(pid: int, address: str) -> bool | None:
    """True if a process listens at the path. None if it does not, or if that can't be read."""
    try:
        with open("/proc/%d/net/unix" % pid, "rb") as table:
            suffix = b" " + os.fsencode(address) + b"\n"
            inodes = {line.split()[6] for line in table if line.endswith(suffix)}
        directory = "/proc/%d/fd" % pid
        wanted = {"socket:[%s]" % inode.decode("ascii") for inode in inodes}
        return any(files.link(directory + "/" + fd) in wanted for fd in os.listdir(directory) if wanted) or None
    except OSError:
        return None
