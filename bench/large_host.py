"""A recording of a large host that nobody has: so many processes in one net namespace, and some that come and go.

All are in a namespace that is not the host's first, so that they are unfolded when the recording is opened, and no row
is missing from the list.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KINDS = ("mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time")
INITIAL = {kind: 4026531832 + number for number, kind in enumerate(KINDS)}
OWN = {kind: 4026532000 + number for number, kind in enumerate(KINDS)}
FIRST = 1000  # pid of the first process
HUB = FIRST + 5  # whose children come and go: rows are added and removed above where one looks


def name(number: int) -> str:
    """A process's own name: three letters."""
    return "".join(chr(97 + number // 26**place % 26) for place in (2, 1, 0))


def _process(pid: int, ppid: int, comm: str) -> dict[str, Any]:
    return {
        "pid": pid, "ppid": ppid, "start": pid, "uid": 0, "user": "root", "state": "S", "comm": comm,
        "cmdline": [f"/usr/bin/{comm}", "--serve"], "nspid": [pid], "namespaces": OWN, "container": None,
        "unreadable": None, "cgroup": "/system.slice/worker.service", "kthread": False,
    }  # fmt: skip


def _namespace(kind: str, inode: int) -> dict[str, Any]:
    return {
        "type": kind, "inode": inode, "device": 4, "id": inode, "initial": inode == INITIAL[kind], "owner": None,
        "owner_uid": None, "parent": None, "out_of_view": [], "names": [], "held_by": [],
    }  # fmt: skip


def _delta(taken_at: float, processes: list[dict[str, Any]], gone: list[int]) -> dict[str, Any]:
    return {
        "frame": "delta", "taken_at": taken_at, "processes": processes, "gone": gone, "namespaces": [],
        "namespaces_gone": [], "containers": [], "containers_gone": [],
    }  # fmt: skip


def frames(processes: int, quiet: float, churning: float, rate: int, every: float) -> Iterator[dict[str, Any]]:
    """A snapshot; after `quiet` seconds, for `churning` ones, `rate` births and as many deaths a second.

    every: seconds from one delta to the next. What is born dies a second later.
    """
    yield {
        "frame": "hello",
        "schema": 1,
        "host": {
            "name": "large", "kernel": "6.18.0", "boot_id": "0", "uid": 0, "privileged": True, "nsview": "0",
            "namespaces": OWN, "initial": INITIAL, "notes": [],
        },
    }  # fmt: skip
    yield {
        "frame": "snapshot",
        "taken_at": 0.0,
        "processes": [_process(FIRST + n, 1, name(n)) for n in range(processes)],
        "namespaces": [_namespace(kind, inode) for of in (INITIAL, OWN) for kind, inode in of.items()],
        "containers": [],
    }
    each = max(1, round(rate * every))
    alive: list[list[int]] = []
    pid = FIRST + processes
    for number in range(round(churning / every)):
        born = list(range(pid, pid + each))
        pid += each
        alive.append(born)
        gone = alive.pop(0) if len(alive) > 1 / every else []
        yield _delta(quiet + number * every, [_process(one, HUB, "CHURN") for one in born], gone)


def write(path: Path, **wanted: Any) -> None:
    """Write such a recording to a file."""
    with path.open("w", encoding="ascii") as file:
        for frame in frames(**wanted):
            file.write(json.dumps(frame, separators=(",", ":")) + "\n")
