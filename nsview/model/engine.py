"""The commands by which a container's own engine is told to stop it, or to show its log: to be copied, not run. Pure.

The words reach that very engine: its socket or storage, its namespace, its user, the container that it runs in.
Sources: docker(1), dockerd(8), ctr(8), crictl(1), podman(1), runc(8), crun(1), lxc-stop(1), machinectl(1).
"""

from collections.abc import Sequence
from itertools import pairwise

from .elsewhere import Elsewhere, typed
from .records import Container, Process
from .snapshot import Snapshot

Words = tuple[str, ...]
_DOCKER = ("unix:///var/run/docker.sock", "unix:///run/docker.sock", "fd://")
_STORAGE = {"--root": "/var/lib/containers/storage", "--runroot": "/run/containers/storage", "--tmpdir": "/run/libpod"}
_STATES = {"runc": "/run/runc", "crun": "/run/crun"}


def commands(container: Container, snapshot: Snapshot, elsewhere: Elsewhere | None = None) -> list[tuple[str, str]]:
    """[(name, command line)] that stop a container and kill it; [] if none is known. elsewhere: its host, None for
    this machine."""
    stop, kill = _verbs(container, snapshot)
    return [(name, typed(words, elsewhere)) for name, words in (("stop", stop), ("kill", kill)) if words]


def logs(container: Container, snapshot: Snapshot) -> Words:
    """The command that follows a container's log, of its engine; () if none is known."""
    match container.runtime:
        case "docker" | "podman":
            client = _docker(container, snapshot) if container.runtime == "docker" else _podman(container, snapshot)
            return (*client, "logs", "--tail", "100", "--follow", _called(container))
        case "cri-o" | "containerd" if container.pod:
            return (*_crictl(container, snapshot), "logs", "--tail", "100", "--follow", container.id)
        case "nspawn":
            return _as_root(("journalctl", "-M", container.name, "--lines", "100", "--follow"), container, snapshot)
    return ()


def journal(container: Container, snapshot: Snapshot) -> Words:
    """The command that follows the log of a container whose engine writes it to the journal."""
    words = ("journalctl", "--lines", "100", "--follow", f"CONTAINER_ID_FULL={container.id}")
    return _as_root(words, container, snapshot)


def _verbs(container: Container, snapshot: Snapshot) -> tuple[Words, Words]:
    """(the command that stops a container, the command that kills it), () for a command that is not known."""
    name = _called(container)
    match container.runtime:
        case "docker" | "podman":
            client = _docker(container, snapshot) if container.runtime == "docker" else _podman(container, snapshot)
            return (*client, "stop", name), (*client, "kill", name)
        case "cri-o" | "containerd" if container.pod:
            client = _crictl(container, snapshot)
            if container.role == "sandbox":
                return (*client, "stopp", container.id), ()
            return (*client, "stop", container.id), (*client, "stop", "--timeout", "0", container.id)
        case "containerd":
            address, namespace = _address(container, snapshot), container.engine_namespace
            which = (*(("-a", address) if address else ()), *(("-n", namespace) if namespace else ()))
            client = _as_root(("ctr", *which, "tasks", "kill", "--signal"), container, snapshot)
            return (*client, "SIGTERM", container.id), (*client, "SIGKILL", container.id)
        case "runc" | "crun" as program:
            state = _state(container)
            root = ("--root", state) if state and state != _STATES[program] else ()
            client = _as_root((program, *root, "kill", container.id), container, snapshot)
            return (*client, "TERM"), (*client, "KILL")
        case "lxc":
            path = _told(container, "lxc monitor ", " of ").removesuffix(f"/{container.name}")
            where = ("-P", path) if path and path != "/var/lib/lxc" else ()
            client = _as_root(("lxc-stop", *where, "-n", container.name), container, snapshot)
            return client, (*client, "--kill")
        case "nspawn":
            client = _as_root(("machinectl",), container, snapshot)
            return (*client, "poweroff", container.name), (*client, "terminate", container.name)
    return (), ()


def _called(container: Container) -> str:
    """The name of a container, if its engine takes a name of such characters; else its id."""
    plain = container.name.replace("_", "a").replace(".", "a").replace("-", "a")
    return container.name if plain.isascii() and plain.isalnum() and container.name[0].isalnum() else container.id


def _as_root(words: Words, container: Container, snapshot: Snapshot) -> Words:
    """The words, run as the engine's user, in the container that the engine runs in."""
    outer = snapshot.containers.get(container.outer or "")
    if outer is not None:
        words = ("nsview", "enter", _called(outer), "--", *words)
    if container.uid == 0 or outer is not None:
        return words if snapshot.host.uid == 0 else ("sudo", *words)
    if container.uid == snapshot.host.uid:
        return words
    return ("sudo", "-u", f"#{container.uid}", "env", f"XDG_RUNTIME_DIR=/run/user/{container.uid}", *words)


def _docker(container: Container, snapshot: Snapshot) -> Words:
    """docker, for the dockerd of a container: by the socket that its command line names, or the user's own."""
    daemons = [
        process
        for process in snapshot.processes.values()
        if process.comm == "dockerd" and process.uid == container.uid and process.container == container.outer
    ]
    contained = snapshot.processes.get(container.daemon_pid or 0)
    address = _address(container, snapshot)
    mine = [one for one in daemons if contained is not None and contained.ppid == one.pid]
    mine = mine or [one for one in daemons if address and address in one.cmdline] or daemons
    own = _values(mine[0].cmdline, "-H", "--host") if len(mine) == 1 else []
    usual = f"unix:///run/user/{container.uid}/docker.sock" if container.uid else ""
    socket = next((one for one in own if one.startswith("unix://")), usual)
    where = ("-H", socket) if socket and socket not in _DOCKER else ()
    return _as_root(("docker", *where), container, snapshot)


def _podman(container: Container, snapshot: Snapshot) -> Words:
    """podman, for the storage of a container: as conmon is told to call it at the container's end."""
    init = snapshot.init_of(container)
    monitor = snapshot.processes.get(init.ppid) if init else None
    told = _values(monitor.cmdline, "--exit-command-arg") if monitor and monitor.comm == "conmon" else []
    usual = _STORAGE if container.uid == 0 else {}
    where: list[str] = []
    for option, value in pairwise(told):
        if option in _STORAGE and usual.get(option) != value and option not in where:
            where += (option, value)
    return _as_root(("podman", *where), container, snapshot)


def _crictl(container: Container, snapshot: Snapshot) -> Words:
    usual = "/run/crio/crio.sock" if container.runtime == "cri-o" else "/run/containerd/containerd.sock"
    return _as_root(("crictl", "-r", f"unix://{_address(container, snapshot) or usual}"), container, snapshot)


def _address(container: Container, snapshot: Snapshot) -> str:
    """The socket of the containerd that a container's shim serves; "" if it is not known."""
    shim: Process | None = snapshot.processes.get(container.shim_pid or 0)
    return next(iter(_values(shim.cmdline, "-address", "--address")), "") if shim else ""


def _state(container: Container) -> str:
    """The directory in which runc or crun keeps its states; "" if it is not told: DIRECTORY/ID/state.json."""
    for word in container.witness.split("; "):
        if word.startswith("/") and word.endswith((f"/{container.id}/state.json", f"/{container.id}/status")):
            return word.rpartition("/")[0].removesuffix(f"/{container.id}")
    return ""


def _told(container: Container, beginning: str, middle: str) -> str:
    """The end of the witness with this beginning, behind these words; "" if there is none."""
    words = next((word for word in container.witness.split("; ") if word.startswith(beginning)), "")
    return words.partition(middle)[2]


def _values(arguments: Sequence[str], *names: str) -> list[str]:
    """The values of an option of a command line: NAME VALUE, NAME=VALUE."""
    found: list[str] = []
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in names:
            found += [value] if equals else arguments[place + 1 : place + 2]
    return found
