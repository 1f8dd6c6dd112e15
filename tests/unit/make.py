"""Records as short as a test can say them."""

from collections.abc import Iterable, Sequence

from nsview.model.filter import Fields, parse
from nsview.model.kinds import KIND_NAMES
from nsview.model.records import Container, Host, Namespace, Namespaces, Process
from nsview.model.snapshot import Snapshot, snapshot
from nsview.model.table import Line, narrow

HOST_INODE = 1
INITIAL = Namespaces(**dict.fromkeys(KIND_NAMES, HOST_INODE))
HOST = Host("host", "6.18.0", "boot", 0, True, "0", INITIAL, INITIAL)


def process(pid: int, ppid: int = 1, /, **fields: object) -> Process:
    """A process in the host's namespaces but for those given as `net=2`; start is the pid."""
    inodes: dict[str, object] = dict.fromkeys(KIND_NAMES, HOST_INODE)
    # `user` is a namespace's inode where it is a number, else a name.
    inodes.update({kind: fields.pop(kind) for kind in KIND_NAMES if not isinstance(fields.get(kind, ""), str)})
    record: dict[str, object] = {
        "pid": pid, "ppid": ppid, "start": pid, "uid": 0, "user": "root", "state": "S", "comm": f"p{pid}",
        "cmdline": (f"p{pid}",), "nspid": (pid,), "namespaces": Namespaces(**inodes),
    }  # fmt: skip
    return Process(**(record | fields))  # type: ignore[arg-type]


def container(id: str, pids: Iterable[int] = (), **fields: object) -> Container:
    """A docker container; its name is its id, its first process the first of the pids."""
    pids = tuple(pids)
    record: dict[str, object] = {
        "key": f"docker:{id}", "id": id, "name": id, "runtime": "docker", "engine_namespace": "moby", "image": None,
        "pod": None, "role": "container", "init_pid": pids[0] if pids else None, "pids": pids, "shim_pid": None,
        "daemon_pid": None, "witness": "",
    }  # fmt: skip
    return Container(**(record | fields))  # type: ignore[arg-type]


def left(
    lines: Sequence[Line], expression: str, snapshot: Snapshot, fields: Fields, by: str | None = None
) -> list[Line]:
    """The lines of a lens that a filter leaves."""
    wanted = parse(expression, by, fields=fields)
    return narrow(lines, lambda line: wanted.line(line, snapshot))


def host(*processes: Process, containers: Iterable[Container] = ()) -> Snapshot:
    """A snapshot of these processes and of all namespaces that they are in."""
    keys = {
        (kind, inode) for p in processes for kind in KIND_NAMES if (inode := getattr(p.namespaces, kind)) is not None
    }
    namespaces = [Namespace(kind, inode, 4, initial=inode == HOST_INODE) for kind, inode in sorted(keys)]
    return snapshot(HOST, 1.0, processes, namespaces, containers)
