"""Plain runc and crun: containers that no engine watches over, by the state that these keep, and buildkit's steps.

A container started with `runc run` in the foreground has that process as its parent. One that was detached has pid 1,
and only the state directory tells of it: found by the --root of those that run, and the places these use without.
What it says of a process counts only where pid and start time are those of a living one.

Sources: runc libcontainer/container_linux.go (state.json), main.go and rootless_linux.go (--root); crun
src/libcrun/status.c (status); buildkit executor/runcexecutor/executor.go.
"""

from __future__ import annotations

import os

from .. import hostfiles
from . import supervisor, witness

_PROGRAMS = ("runc", "crun", "youki", "buildkit-runc")
_STATE_FILES = ("state.json", "status")
_DEFAULT_ROOTS = ("/run/runc", "/run/crun")


def find(host):
    """Those in the foreground first, then those by state alone."""
    known = set()
    roots = usual_roots(map(int, filter(str.isdigit, _entries("/run/user"))))
    for process in host.watchers():
        if process["comm"] not in _PROGRAMS or not process["cmdline"]:
            continue
        values, _ = _parsed(process["cmdline"])
        owner = host.owner(process)
        root = values.get("root", "")
        if root.startswith("/") and owner != witness.NOBODY and host.within(process) is None:
            roots[root] = 0 if owner == 0 else roots.get(root, owner)
        started = run(process)
        init = host.first_process(process, started[0]) if started else None
        if init:
            id, bundle = started
            known.add(init["pid"])
            yield supervisor.Found(
                _maker(process, id, bundle, init), id, init["pid"], process,
                _describer("%s %d" % (process["comm"], process["pid"]), bundle),
            )  # fmt: skip
    for root, owner in roots.items():
        yield from _by_state(host, root, owner, known)


def usual_roots(uids):
    """{directory: whose word it is} of the places where state is kept by itself, of root and of these users."""
    roots = dict.fromkeys(_DEFAULT_ROOTS, 0)
    for uid in uids:
        if uid:
            roots.update(dict.fromkeys(("/run/user/%d/runc" % uid, "/run/user/%d/crun" % uid), uid))
    return roots


def run(process):
    """(id, bundle) of the container that a process is told to run and wait for, or None."""
    if process["comm"] not in _PROGRAMS or not process["cmdline"]:
        return None
    values, words = _parsed(process["cmdline"])
    if words[:1] != ["run"] or len(words) < 2 or "/" in words[-1]:
        return None
    try:
        return words[-1], os.path.join(os.readlink("/proc/%d/cwd" % process["pid"]), values.get("bundle", ""))
    except OSError:
        return words[-1], values.get("bundle", "")


def _entries(path):
    try:
        return sorted(hostfiles.listdir(path))
    except OSError:
        return []


def _parsed(arguments):
    """({name: value}, words) of runc's command line. Options that take no value are told by their names."""
    values, words = {}, []
    rest = list(arguments[1:])
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("-"):
            words.append(argument)
            continue
        name, equals, value = argument.lstrip("-").partition("=")
        name = {"b": "bundle", "r": "root", "f": "config"}.get(name, name)
        if equals:
            values[name] = value
        elif name in ("root", "bundle", "log", "log-format", "config", "console-socket", "pid-file", "preserve-fds",
                      "cgroup-manager", "rootless", "criu") and rest:  # fmt: skip
            values[name] = rest.pop(0)
    return values, words


def _maker(process, id, bundle, init):
    """buildkit where it is a step of a build, else the program."""
    if process["comm"] == "buildkit-runc" or bundle.endswith("/executor/" + id) or "/buildkit/" + id in init["cgroup"]:
        return "buildkit"
    return process["comm"]


def _describer(witness, bundle):
    def describe(record):
        record["witness"].append(witness)
        if bundle:
            record["witness"].append(bundle.rstrip("/") + "/config.json")

    return describe


def _by_state(host, root, owner, known):
    for state in states(root, owner, None, host.kept.get):
        process = host.processes.get(state["pid"])
        if (
            process is not None
            and process["pid"] not in known
            and process["start"] == state["start"]
            and (state["uid"] == 0 or state["uid"] == witness.owner_of_userns(process["pid"]))
        ):
            yield supervisor.Found(
                state["runtime"], state["id"], process["pid"], None, _describer(state["path"], state["bundle"]),
                state["uid"],
            )  # fmt: skip


def states(root, owner, ids=None, get=lambda key, read: read()):
    """What is kept in a directory of one's containers, or of these ids alone; `uid` is of whose word it is.

    owner: of whoever says that it is kept there. get: gives what is kept under a key, or reads it.
    """
    try:
        directory = hostfiles.opened(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        for id in sorted(os.listdir(directory)):
            state = _state(directory, root, owner, id, get) if ids is None or id in ids else None
            if state:
                yield state
    finally:
        os.close(directory)


def _state(directory, root, owner, id, get):
    for name in _STATE_FILES:
        try:
            place = os.open(id, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
        except OSError:
            return None
        try:
            status = os.stat(name, dir_fd=place)
            # A hard link makes root's file a user's to name.
            uid = owner or status.st_uid or os.fstat(place).st_uid or os.fstat(directory).st_uid
            if not witness.owned(place, uid) or not witness.owned(directory, uid):
                return None
            path = "%s/%s/%s" % (root, id, name)
            key = "state", path, uid, status.st_mtime_ns, status.st_ino
            return get(key, lambda a=(place, name, id, path, uid): _read(*a))
        except OSError:
            continue
        finally:
            os.close(place)
    return None


def _read(directory, name, id, path, uid):
    said = witness.read_json(directory, name, uid)
    if not said:
        return None
    crun = name == "status"
    config = said.get("config") if isinstance(said.get("config"), dict) else {}
    labels = config.get("labels")
    listed = labels if isinstance(labels, list) else []
    bundles = [label[7:] for label in listed if isinstance(label, str) and label.startswith("bundle=")]
    bundle = said.get("bundle") if crun else next(iter(bundles), None)
    state = {
        "id": id,
        "runtime": "crun" if crun else "runc",
        "pid": said.get("pid" if crun else "init_process_pid"),
        "start": said.get("process-start-time" if crun else "init_process_start"),
        "bundle": bundle if isinstance(bundle, str) else None,
        "seccomp": {"runtime": name} if crun else config.get("seccomp"),
        "path": path,
        "uid": uid,
    }
    # A bool is an int to Python, and a pid to nobody.
    return state if type(state["pid"]) is int and type(state["start"]) is int else None
