"""Parts of several commands: the host to look at, filters, printing."""

import gc
import os
import shlex
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join.failure import USAGE, Failure
from nsview.lookup import local, nets_of, say

if TYPE_CHECKING:
    from nsview.hosts.local import LocalHost
    from nsview.hosts.recording import RecordedHost
    from nsview.model.filter import Fields, Filter, Reach
    from nsview.model.net import Nets
    from nsview.model.snapshot import Snapshot

DONE = 0


def host_of(options: SimpleNamespace, *arguments: str) -> "LocalHost | RecordedHost":
    """The host to look at: a recording or this machine. arguments: of this machine's agent."""
    if options.recording:
        from nsview.hosts.recording import RecordedHost, opened

        recorded = opened(options.recording, RecordedHost)
        say(filter(None, (recorded.note,)))
        return recorded
    return local(*arguments)


def first(options: SimpleNamespace, *, holders: bool = False) -> "Snapshot":
    """The first snapshot of the host; with the holders of its namespaces if `holders`."""
    return look(options, holders=holders)[0]


def look(options: SimpleNamespace, *, holders: bool, nets: bool = False) -> "tuple[Snapshot, Nets | None]":
    """The first snapshot; and, if `nets`, the net namespaces from within, None if a recording has none."""
    gc.disable()  # a program that prints and exits has nothing to collect
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


def parsed(text: str, by: str | None = None, fields: "Fields | None" = None, nets: "Reach | None" = None) -> "Filter":
    """The filter of a --filter. Raises Failure. fields: allowed in it, if not those of processes."""
    from nsview.model import filter

    try:
        return filter.parse(text, by, nets=nets, fields=filter.FIELDS if fields is None else fields)
    except filter.FilterError as error:
        where = f"at character {error.at + 1}" if error.at < len(text) else "at its end"
        raise Failure(USAGE, f"--filter, {where}: {error}") from None


def own_pids(options: SimpleNamespace) -> tuple[int, ...]:
    """The pids of nsview and of its shell, whose command lines contain the filter."""
    return () if options.recording else (os.getpid(), os.getppid())


def sudo(options: SimpleNamespace) -> str:
    """The command line as given, to be run as root."""
    return shlex.join(("sudo", "nsview", *options.given))
