"""systemd-nspawn: the process that watches over a machine, and the name it registered.

Sources: systemd src/nspawn/nspawn.c (arguments, the cgroups payload and supervisor), src/machine/machine.c
(/run/systemd/machines/NAME).
"""

from __future__ import annotations

import os

from . import supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..protocol import Process
    from .supervisor import Draft, Found, Population

_VALUES = {
    "-M": "machine",
    "--machine": "machine",
    "-D": "directory",
    "--directory": "directory",
    "-i": "image",
    "--image": "image",
}


def find(host: Population) -> Iterator[Found]:
    """The machines that a systemd-nspawn watches over."""
    for process in host.watchers():
        if process["comm"] != "systemd-nspawn":
            continue
        values = _values(process["cmdline"])
        init = host.first_process(process, values.get("machine", ""))
        if init is None:
            continue
        claim = host.claims.get(init["cgroup"])
        origin = values.get("directory") or values.get("image")
        name = values.get("machine") or (claim.id if claim and claim.runtime == "nspawn" else None) or _named(origin)
        if name:
            yield supervisor.Found("nspawn", name, init["pid"], process, _describer(process, name, origin))


def _named(origin: str | None) -> str:
    """The name that nspawn gives a machine by itself: that of its directory, or of its image without .raw."""
    name = os.path.basename((origin or "").rstrip("/"))
    return name[:-4] if name.endswith(".raw") else name


def _values(arguments: list[str]) -> dict[str, str]:
    """The options that name the machine or its origin: -M NAME, -MNAME, --machine=NAME, --machine NAME."""
    values: dict[str, str] = {}
    rest = list(arguments[1:])
    while rest:
        argument = rest.pop(0)
        if argument == "--" or not argument.startswith("-"):
            break  # the command to run inside
        name, equals, value = argument.partition("=")
        if argument[:2] in _VALUES and not argument.startswith("--"):
            name, equals, value = argument[:2], argument[2:], argument[2:]
        if name in _VALUES and (equals or rest):
            values.setdefault(_VALUES[name], value if equals else rest.pop(0))
    return values


def _describer(process: Process, name: str, origin: str | None) -> Callable[[Draft], None]:
    def describe(record: Draft) -> None:
        record["name"] = name
        record["image"] = origin
        record["witness"].append("systemd-nspawn %d" % process["pid"])

    return describe
