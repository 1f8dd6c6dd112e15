"""conmon: the monitor that podman and cri-o put beside each container. Its command line has the container's name.

Sources: podman libpod/oci_conmon_common.go (sharedConmonArgs), cri-o internal/oci/runtime_oci.go, conmon src/cli.c.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..protocol import Process
    from .supervisor import Population

_VALUES = {"-c": "id", "--cid": "id", "-n": "name", "--name": "name", "-b": "bundle", "--bundle": "bundle",
           "-r": "runtime", "--runtime": "runtime"}  # fmt: skip
# Options of an exec session's conmon, which watches over that session, not over the container.
_OF_EXEC = ("-e", "--exec", "--exec-attach", "--exec-process-spec")


def runtime_roots(arguments: list[str]) -> list[str]:
    """The directories that conmon has its runtime keep state in: of `--runtime-arg --root=DIR`, as cri-o starts it."""
    values = [following for word, following in zip(arguments[1:], arguments[2:]) if word == "--runtime-arg"]  # noqa: B905, RUF007  Python 3.8
    return [value[len("--root=") :] for value in values if value.startswith("--root=")]


LOG = "ctr.log"
"""The log in a container's directory, unless conmon is told of another."""


def log_places(arguments: list[str]) -> list[tuple[str, str]]:
    """(driver, path) of each log that conmon writes, as its --log-path tells; the path is "" where that is no file."""
    places = []
    for argument, following in zip(arguments[1:], arguments[2:]):  # noqa: B905, RUF007  Python 3.8
        if argument in ("--exit-command", "--exit-command-arg"):
            break
        name, equals, value = argument.partition("=")
        if name in ("-l", "--log-path"):
            driver, colon, path = (value if equals else following).partition(":")
            places.append(("k8s-file", driver) if driver.startswith("/") else (driver, path if colon else ""))
    return places


def monitored(host: Population) -> Iterator[tuple[Process, dict[str, str], Process]]:
    """(conmon, its `monitor`, the first process of the container) of each conmon of a host."""
    for process in host.watchers():
        found = monitor(process)
        init = host.first_process(process, found["id"]) if found else None
        if found and init:
            yield process, found, init


def monitor(process: Process) -> dict[str, str] | None:
    """{"id", "name", "bundle", "runtime"} of the container that a conmon watches over. None if the process is none."""
    if process["comm"] != "conmon":
        return None
    arguments = process["cmdline"]
    if not arguments or os.path.basename(arguments[0]) != "conmon":
        return None
    values: dict[str, str] = {}
    for argument, following in zip(arguments[1:], arguments[2:]):  # noqa: B905, RUF007  Python 3.8
        if argument in ("--exit-command", "--exit-command-arg"):
            break  # from here on it is the command line of another program
        if argument in _OF_EXEC:
            return None
        name, equals, value = argument.partition("=")
        if name in _VALUES:
            values.setdefault(_VALUES[name], value if equals else following)
    return values if values.get("id") and "/" not in values["id"] else None
