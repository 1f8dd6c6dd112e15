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

TASKS = "/io.containerd.runtime.v2.task/"
"""Below this, in its state directory, containerd has a bundle for each container: NAMESPACE/ID."""
_CRI = "io.kubernetes.cri."
_FIFOS = "/run/containerd/fifo"
_MAKING = 2_000_000_000  # nanoseconds in which who makes a directory there has made what is in it
DEFAULT_ADDRESS = "/run/containerd/containerd.sock"


class Shim:
    """A containerd-shim-* process: which engine namespace and id it was started for, and its daemon's socket.

    uid: the user that it speaks for. pid: None where it is gone.
    """

    __slots__ = ("address", "id", "namespace", "pid", "uid")

    def __init__(self, pid, namespace, id, address, uid):
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

    def __init__(self, shim, id, directory, config, init_pid):
        self.shim = shim
        self.id = id
        self.directory = directory
        self.config = config
        self.init_pid = init_pid
        self.init = self.cgroup = None


def shim(process, owner):
    """The Shim that a process is, or None. owner: gives the uid that it speaks for."""
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


def options_of(arguments):
    """{name: value} of a Go program's flags: -name value, --name value, -name=value."""
    values = {}
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


def read_bundle(shim, id):
    """The bundle of a container of a shim's, or None where it can't be read.

    The shim's working directory is its own bundle, wherever the daemon's --state is; its siblings are those of the
    same engine namespace. Read only where nobody but the shim's user and root could have written it.
    """
    if "/" in id or id in ("", ".", ".."):
        return None
    try:
        own = os.open("/proc/%d/cwd" % shim.pid, os.O_PATH | os.O_DIRECTORY)
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


def bundle_unread(shim, id, children):
    """A Bundle of a container whose directory can't be read (as a user), when the cgroup of a child of the shim's says
    the same as the shim's command line; else None."""
    inside = [child for child in children if own_cgroup(child["cgroup"], id)]
    if not inside:
        return None
    bundle = Bundle(shim, id, None, {}, None)
    bundle.init = min(inside, key=lambda child: (child["start"], child["pid"]))["pid"]
    return bundle


def bundle_left(host, state, process):
    """The Bundle of a container whose shim is gone, by runc's state of it; None where that is of another engine's."""
    directory, uid = state["bundle"] or "", state["uid"]
    namespace, _, id = directory.partition(TASKS)[2].partition("/")
    config = host.read_json(0, directory + "/config.json", uid) if id == state["id"] else None
    if not namespace or id != state["id"] or (uid and not config):
        return None
    bundle = Bundle(Shim(None, namespace, id, None, uid), id, directory if config else None, config or {}, None)
    bundle.init = process["pid"]
    return bundle


def left(host, state, process):
    """The container of a state, where a shim ran it."""
    bundle = bundle_left(host, state, process)
    if bundle is None:
        return None

    def tell(record):
        record["witness"].append(state["path"])
        describe(record, bundle, host)

    return supervisor.Found("containerd", bundle.id, bundle.init, None, tell, state["uid"])


def find(host):
    """The containers of which nothing can be found but a cgroup of root's, /NAMESPACE/ID, and the fifos in the usual
    place that a client of containerd's made for an ID: so it is where all of an engine with directories of its own is
    gone."""
    fifos: dict[str, str] | None = None
    for path, pids in host.by_path.items():
        root, namespace, id = (path.split("/") + ["", ""])[:3]
        inits = [pid for pid in sorted(pids) if host.processes[pid]["nspid"][1:][-1:] == [1]]
        if root or not id or not inits or path.count("/") != 2 or path in host.places or host.cgroups.owner(path):
            continue
        fifos = _fifos(host.kept.get("fifos", dict)) if fifos is None else fifos
        if id in fifos:

            def describe(record, namespace=namespace, fifo=fifos[id]):
                record["engine_namespace"] = namespace
                record["witness"].append(fifo)

            yield supervisor.Found("containerd", id, inits[0], None, describe)


def _fifos(known):
    """{id: path} of those that root made: FIFOS/NUMBER/ID-stdout.

    known: what this one keeps from one time to the next. Thousands may be left of containers that are gone: so only new
    ones are listed, and those in which nothing was. A client makes a directory, and then what is in it.
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


def _entries(path):
    try:
        return [path + "/" + name for name in sorted(hostfiles.listdir(path))]
    except OSError:
        return []


def own_cgroup(path, id):
    """The part of a cgroup path that ends in the container's own cgroup, or None where it has none.

    runc names it after the id: /NAMESPACE/ID, or PREFIX-ID.scope under systemd (linux.cgroupsPath in config.json).
    """
    for above in cgroup.ancestors(path):
        name = above[above.rindex("/") + 1 :]
        if name == id or name.endswith(("-" + id + ".scope", ":" + id)):
            return above
    return None


def outside(path, container):
    """A cgroup path is not in a container's cgroup. Shims are not: one within only bears the name."""
    return not (path + "/").startswith(container + "/")


def named_after(path):
    """The id that a cgroup may be named after; what has no bundle of that name is no container."""
    name = path[path.rindex("/") + 1 :] if "/" in path else path
    return name[: -len(".scope")].partition("-")[2] if name.endswith(".scope") else name


def describe(record, bundle, host):
    """Put into the record what the bundle says."""
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


def _rename(record, state, shim, host):
    """`nerdctl rename` leaves the bundle as it was, and writes into the file that /etc/hosts of others is made by.
    state: STORE/containers/NAMESPACE/ID."""
    store, _, rest = state.rpartition("/containers/")
    if rest == "%s/%s" % (shim.namespace, record["id"]):
        path = "%s/etchosts/%s/meta.json" % (store, rest)
        said = host.read_json(shim.pid or 0, path, shim.uid) or {}
        if said.get("ID") == record["id"] and isinstance(said.get("Name"), str) and said["Name"]:
            record["name"] = said["Name"]
            record["witness"].append(path)


def _describe_pod(record, annotations):
    """A pod's sandbox or container, from the annotations that containerd's CRI plugin writes."""
    kind = annotations.get(_CRI + "container-type")
    if kind not in ("container", "sandbox"):
        return
    record["role"] = kind
    record["image"] = annotations.get(_CRI + "image-name", record["image"])
    record["pod"] = {
        "name": annotations.get(_CRI + "sandbox-name", ""),
        "namespace": annotations.get(_CRI + "sandbox-namespace", ""),
        "uid": annotations.get(_CRI + "sandbox-uid", (record["pod"] or {}).get("uid", "")),
    }
    name = annotations.get(_CRI + "container-name")
    if name:
        record["name"] = name
    elif kind == "sandbox" and record["pod"]["name"]:
        record["name"] = record["pod"]["name"]


def is_daemon(process):
    """It may be what shims serve: containerd itself, or a distribution that has it built in."""
    return process["comm"] == "containerd" or process["comm"].startswith(("k3s", "rke2"))


def daemon_of(address, daemons, cache):
    """The pid of the daemon that listens on a shim's -address, or None.

    The listening socket's inode is looked for among the daemons' fds; where these can't be read their command lines
    must do (--address, or --config beside the socket, as dockerd starts its own).
    """
    keys = {process["pid"]: ("sockets", process["pid"], process["start"], address) for process in daemons}
    for pid, key in keys.items():
        if cache.has(key):  # so that of several daemons the others are not looked at again and again
            return pid
    for pid, key in keys.items():
        if cache.get(key, lambda pid=pid: _listens(pid, address) or None):
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


def _listens(pid, address):
    try:
        with open("/proc/%d/net/unix" % pid, "rb") as table:
            suffix = b" " + os.fsencode(address) + b"\n"
            inodes = {line.split()[6] for line in table if line.endswith(suffix)}
        if not inodes:
            return False
        directory = "/proc/%d/fd" % pid
        wanted = {"socket:[%s]" % inode.decode("ascii") for inode in inodes}
        return any(_link(directory + "/" + fd) in wanted for fd in os.listdir(directory))
    except OSError:
        return False


def _link(path):
    try:
        return os.readlink(path)
    except OSError:
        return None
