"""runc and crun: containers by the state that these keep of them, and those that one of them waits for.

A container started with `runc run` in the foreground has that process as its parent. One that was detached, or whose
engine is gone, has pid 1, and only the state directory tells of it (see `directories`), with the bundle that it names,
which tells the engine. The claims of a state on a process count only if pid and start time are those of a process that
exists.

Sources: runc libcontainer/container_linux.go (state.json); crun src/libcrun/status.c (status); buildkit
executor/runcexecutor/executor.go.
"""

from __future__ import annotations

import os

from .. import hostfiles
from . import containerd, crio, directories, docker, podman, supervisor, witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Optional, TypedDict

    from ..protocol import Process
    from .supervisor import Draft, Found, Population

    class SavedState(TypedDict):
        """The state of one container. path: of its file. uid: of the user whose word it is."""

        id: str
        runtime: str
        pid: int
        start: int
        bundle: Optional[str]
        seccomp: Any
        path: str
        uid: int


_STATE_FILES = ("state.json", "status")


def find(host: Population) -> Iterator[Found]:
    """The containers in the foreground first, then those by state alone."""
    known: set[int] = set()
    for process in host.watchers():
        started = run(process)
        init = host.first_process(process, started[0]) if started else None
        if started and init:
            id, bundle = started
            known.add(init["pid"])
            yield supervisor.Found(
                _maker(process, id, bundle, init), id, init["pid"], process,
                _describer("%s %d" % (process["comm"], process["pid"]), bundle),
            )  # fmt: skip
    for root, (namespace, owner) in host.directories.runtimes().items():
        yield from _by_state(host, root, namespace, owner, known)


def run(process: Process) -> tuple[str, str] | None:
    """(id, bundle) of the container that a process is told to run and wait for. None if it is told nothing of that
    kind."""
    if process["comm"] not in directories.RUNTIMES or not process["cmdline"]:
        return None
    values, words = _parsed(process["cmdline"])
    if words[:1] != ["run"] or len(words) < 2 or "/" in words[-1]:
        return None
    try:
        return words[-1], os.path.join(os.readlink("/proc/%d/cwd" % process["pid"]), values.get("bundle", ""))
    except OSError:
        return words[-1], values.get("bundle", "")


def _parsed(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """({name: value}, words) of runc's command line. Options without a value are known by their names."""
    values: dict[str, str] = {}
    words: list[str] = []
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


def _maker(process: Process, id: str, bundle: str, init: Process) -> str:
    """The runtime: buildkit for a step of a build, else the program."""
    if process["comm"] == "buildkit-runc" or bundle.endswith("/executor/" + id) or "/buildkit/" + id in init["cgroup"]:
        return "buildkit"
    return process["comm"]


def _describer(witness: str, bundle: str) -> Callable[[Draft], None]:
    def describe(record: Draft) -> None:
        record["witness"].append(witness)
        if bundle:
            record["witness"].append(bundle.rstrip("/") + "/config.json")

    return describe


def _by_state(host: Population, root: str, namespace: str | None, owner: int, known: set[int]) -> Iterator[Found]:
    for state in states(root, owner, lambda id: (namespace, id) not in host.supervised, host.kept.get):
        process = host.processes.get(state["pid"])
        if (
            process is not None
            and process["pid"] not in known
            and process["start"] == state["start"]
            and (state["uid"] == 0 or state["uid"] == witness.owner_of_userns(process["pid"]))
        ):
            yield _by_bundle(host, state, process)


def _by_bundle(host: Population, state: SavedState, process: Process) -> Found:
    """The container of a state, described by the engine whose bundle it is in; else by runc's own state."""
    bundle = state["bundle"] or ""
    for engine in (docker, containerd, podman, crio):
        found: Found | None = engine.left(host, state, process)
        if found:
            return found
    describe = _describer(state["path"], bundle)
    return supervisor.Found(state["runtime"], state["id"], process["pid"], None, describe, state["uid"])


def states(
    root: str,
    owner: int,
    wanted: Callable[[str], bool] | None = None,
    get: Callable[[Any, Callable[[], Any]], Any] = lambda key, read: read(),
) -> Iterator[SavedState]:
    """The states in a directory of runc's or crun's, of those whose id is wanted; `uid` is the user whose word it is.

    owner: of the word that state is kept there. get: returns the value under a key, or reads it.
    """
    try:
        directory = hostfiles.opened(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        ids = sorted(filter(wanted, os.listdir(directory)))
        owner = owner or (witness.owner_of_place(directory) if ids else 0)
        for id in ids:
            state = _state(directory, root, owner, id, get)
            if state:
                yield state
    finally:
        os.close(directory)


def _state(
    directory: int, root: str, owner: int, id: str, get: Callable[[Any, Callable[[], Any]], Any]
) -> SavedState | None:
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
            state: SavedState | None = get(key, supervisor.later(_read, place, name, id, path, uid))
            return state
        except OSError:
            continue
        finally:
            os.close(place)
    return None


def _read(directory: int, name: str, id: str, path: str, uid: int) -> SavedState | None:
    said = witness.read_json(directory, name, uid)
    if not said:
        return None
    crun = name == "status"
    config: dict[str, Any] = said["config"] if isinstance(said.get("config"), dict) else {}
    labels = config.get("labels")
    listed = labels if isinstance(labels, list) else []
    bundles = [label[7:] for label in listed if isinstance(label, str) and label.startswith("bundle=")]
    bundle = said.get("bundle") if crun else next(iter(bundles), None)
    pid = said.get("pid" if crun else "init_process_pid")
    start = said.get("process-start-time" if crun else "init_process_start")
    if type(pid) is not int or type(start) is not int:  # a bool is an int to Python, but no pid
        return None
    return {
        "id": id,
        "runtime": "crun" if crun else "runc",
        "pid": pid,
        "start": start,
        "bundle": bundle if isinstance(bundle, str) else None,
        "seccomp": {"runtime": name} if crun else config.get("seccomp"),
        "path": path,
        "uid": uid,
    }
