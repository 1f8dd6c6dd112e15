"""Plain runc and crun: containers that no engine watches over, by the state that these keep, and buildkit's steps.

A container started with `runc run` in the foreground has that process as its parent. One that was detached has pid 1,
and only the state directory tells of it: found by the --root of those that run, and the places these use without.
What it says of a process counts only where pid and start time are those of a living one.

Sources: runc libcontainer/container_linux.go (state.json), main.go and rootless_linux.go (--root); crun
src/libcrun/status.c (status); buildkit executor/runcexecutor/executor.go.
"""

from __future__ import annotations

import functools
import os

from .. import files
from . import supervisor

_PROGRAMS = ("runc", "crun", "youki", "buildkit-runc")
_STATE_FILES = ("state.json", "status")
_DEFAULT_ROOTS = ("/run/runc", "/run/crun")


def find(host):
    """Those in the foreground first, then those by state alone."""
    known = set()
    roots = dict.fromkeys(_DEFAULT_ROOTS)
    for process in host.watchers():
        if process["comm"] not in _PROGRAMS or not process["cmdline"]:
            continue
        values, words = _parsed(process["cmdline"])
        if values.get("root") and len(process["nspid"]) == 1:
            roots[values["root"]] = None
        if words[:1] == ["run"] and len(words) > 1 and "/" not in words[-1]:
            init = host.first_process(process, words[-1])
            if init:
                known.add(init["pid"])
                yield supervisor.Found(
                    _maker(process, words[-1], values, init), words[-1], init["pid"], process,
                    _describer("%s %d" % (process["comm"], process["pid"]), values.get("bundle")),
                )  # fmt: skip
    for user in _entries("/run/user"):
        roots["/run/user/%s/runc" % user] = roots["/run/user/%s/crun" % user] = None
    for root in roots:
        yield from _by_state(host, root, known)


def _entries(path):
    try:
        return sorted(os.listdir(path))
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


def _maker(process, id, values, init):
    """buildkit where it is a step of a build, else the program."""
    bundle = values.get("bundle", "")
    if process["comm"] == "buildkit-runc" or bundle.endswith("/executor/" + id) or "/buildkit/" + id in init["cgroup"]:
        return "buildkit"
    return process["comm"]


def _describer(witness, bundle):
    def describe(record):
        record["witness"].append(witness)
        if bundle:
            record["witness"].append(bundle + "/config.json")

    return describe


def _by_state(host, root, known):
    try:
        directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        for id in sorted(os.listdir(directory)):
            state = _state(host, directory, root, id)
            process = host.processes.get(state["pid"]) if state else None
            if (
                process is not None
                and process["pid"] not in known
                and process["start"] == state["start"]
                and state["uid"] in (0, process["uid"])  # a user may say it of his own processes alone
            ):
                yield supervisor.Found(
                    state["runtime"], id, process["pid"], None, _describer(state["path"], state["bundle"]), state["uid"]
                )
    finally:
        os.close(directory)


def _state(host, directory, root, id):
    for name in _STATE_FILES:
        try:
            status, place = os.stat(id + "/" + name, dir_fd=directory), os.stat(id, dir_fd=directory)
        except OSError:
            continue
        if (status.st_mode | place.st_mode) & 0o002:
            continue  # anybody's word
        # A hard link makes root's file a user's to name.
        uid = status.st_uid or place.st_uid or os.fstat(directory).st_uid
        path = "%s/%s/%s" % (root, id, name)
        key = "state", path, status.st_mtime_ns, status.st_ino
        return host.kept.get(key, functools.partial(_read, directory, id, name, path, uid))
    return None


def _read(directory, id, name, path, uid):
    said = files.read_json(directory, id + "/" + name)
    if not said:
        return None
    crun = name == "status"
    labels = (said.get("config") or {}).get("labels") if isinstance(said.get("config"), dict) else None
    bundles = [label[7:] for label in labels or () if isinstance(label, str) and label.startswith("bundle=")]
    bundle = said.get("bundle") if crun else next(iter(bundles), None)
    state = {
        "runtime": "crun" if crun else "runc",
        "pid": said.get("pid" if crun else "init_process_pid"),
        "start": said.get("process-start-time" if crun else "init_process_start"),
        "bundle": bundle if isinstance(bundle, str) else None,
        "path": path,
        "uid": uid,
    }
    # A bool is an int to Python, and a pid to nobody.
    return state if type(state["pid"]) is int and type(state["start"]) is int else None
