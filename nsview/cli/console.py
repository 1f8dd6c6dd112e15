"""Parts of several commands: the host to look at, filters, printing."""

import gc
import os
import shlex
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join.failure import USAGE, Failure
from nsview.lookup import local, nets_of, remote

if TYPE_CHECKING:
    from nsview.hosts.live import LiveHost
    from nsview.hosts.place import Place
    from nsview.hosts.recording import RecordedHost
    from nsview.model.filter import Fields, Filter, Reach
    from nsview.model.net import Nets
    from nsview.model.snapshot import Snapshot

DONE = 0


def host_of(options: SimpleNamespace, *arguments: str) -> "LiveHost | RecordedHost":
    """The host to look at: a recording, one elsewhere, or this machine. arguments: of the agent."""
    if place := place_of(options):
        return remote(place, *arguments, elevated=options.sudo)
    if options.recording:
        from nsview.hosts.recording import RecordedHost

        return RecordedHost(options.recording, pace=1)
    return local(*arguments)


def place_of(options: SimpleNamespace) -> "Place | None":
    """The place of the host that was asked for, None if that is this machine or a recording. Raises Failure."""
    if options.where is None and options.via is None:
        if options.sudo:
            raise Failure(USAGE, f"--sudo is for a host elsewhere; here: {sudo(options, '--sudo')}")
        return None
    if options.recording or None not in (options.where, options.via):
        raise Failure(USAGE, "give one of --from, -H and --via")
    from nsview.hosts import HostError, place

    try:
        return place.of(options.where) if options.via is None else place.via(options.via)
    except HostError as error:
        raise Failure(USAGE, str(error)) from None


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
    here = not (options.recording or options.where or options.via)
    return (os.getpid(), os.getppid()) if here else ()


def sudo(options: SimpleNamespace, *without: str) -> str:
    """The command line as given, to be run as root there; without these words."""
    given = [word for word in options.given if word not in without]
    if options.where or options.via:
        return shlex.join(("nsview", "--sudo", *given))
    return shlex.join(("sudo", "nsview", *given))
