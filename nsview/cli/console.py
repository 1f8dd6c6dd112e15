"""Parts of several commands: the host to look at, filters, printing."""

import gc
import os
import shlex
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join.failure import USAGE, Failure
from nsview.lookup import local, nets_of

if TYPE_CHECKING:
    from nsview.hosts.local import LocalHost
    from nsview.hosts.recording import RecordedHost
    from nsview.model.filter import Fields, Filter, Reach
    from nsview.model.net import Nets
    from nsview.model.snapshot import Snapshot

DONE = 0


def host_of(options: SimpleNamespace, *arguments: str) -> "LocalHost | RecordedHost":
    """What is to be looked at. arguments: the agent's own, where it is this machine."""
    if options.recording:
        from nsview.hosts.recording import RecordedHost

        return RecordedHost(options.recording, pace=1)
    return local(*arguments)


def first(options: SimpleNamespace, *, holders: bool = False) -> "Snapshot":
    """What the host is like; with all that keeps its namespaces alive, where that is wanted and can be looked for."""
    return look(options, holders=holders)[0]


def look(options: SimpleNamespace, *, holders: bool, nets: bool = False) -> "tuple[Snapshot, Nets | None]":
    """The same, and its net namespaces from within, where that is wanted and can be."""
    gc.disable()  # what prints and ends has nothing to collect
    host = host_of(options, *([] if holders or nets else ["--once"]))
    try:
        first = host.first()
        if holders:
            first = host.holders()
        return first, nets_of(host) if nets else None
    finally:
        host.stop()


def width() -> int | None:
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_json(value: object) -> None:
    from nsview.model import export

    print(export.text(value))


def parsed(
    text: str, by: str | None = None, fields: "Fields | None" = None, nets: "Reach | None" = None
) -> "Filter":
    """What a --filter means. fields: what it may ask for, where that is not what a process has."""
    from nsview.model import filter

    try:
        return filter.parse(text, by, nets=nets, fields=filter.FIELDS if fields is None else fields)
    except filter.FilterError as error:
        where = f"at character {error.at + 1}" if error.at < len(text) else "at its end"
        raise Failure(USAGE, f"--filter, {where}: {error}") from None


def own_pids(options: SimpleNamespace) -> tuple[int, ...]:
    """Our own pid and that of the shell: their command lines have the words of the filter."""
    return () if options.recording else (os.getpid(), os.getppid())


def sudo(options: SimpleNamespace) -> str:
    """The command as given, for root."""
    return shlex.join(("sudo", "nsview", *options.given))
