"""systemd-nspawn: the process that watches over a machine, and the name it registered.

Sources: systemd src/nspawn/nspawn.c (arguments, the cgroups payload and supervisor), src/machine/machine.c
(/run/systemd/machines/NAME).
"""

from __future__ import annotations

import os

from . import supervisor

_VALUES = {
    "-M": "machine",
    "--machine": "machine",
    "-D": "directory",
    "--directory": "directory",
    "-i": "image",
    "--image": "image",
}


def find(host):
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


def _named(origin):
    """What nspawn calls a machine that was given no name: as its directory, or its image without .raw."""
    name = os.path.basename((origin or "").rstrip("/"))
    return name[:-4] if name.endswith(".raw") else name


def _values(arguments):
    """The options that name the machine or what it was made of: -M NAME, -MNAME, --machine=NAME, --machine NAME."""
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


def _describer(process, name, origin):
    def describe(record):
        record["name"] = name
        record["image"] = origin
        record["witness"].append("systemd-nspawn %d" % process["pid"])

    return describe
