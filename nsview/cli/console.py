"""Parts of several commands: the host to look at, filters, printing."""

import os
import sys
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join import failure
from nsview.join.failure import USAGE, Failure
from nsview.lookup import local, remote, say

if TYPE_CHECKING:
    from nsview.hosts.live import LiveHost
    from nsview.hosts.place import Destination
    from nsview.hosts.recording import RecordedHost
    from nsview.model.filter import Fields, Filter, Reach
    from nsview.paint import Paint

DONE = 0


def host_of(options: SimpleNamespace, *arguments: str, pace: float = 0) -> "LiveHost | RecordedHost":
    """The host to look at: a recording, one elsewhere, or this machine. arguments: of the agent. pace: of the
    recording."""
    if place := place_of(options):
        host = remote(place, *arguments, elevated=options.sudo, asking=not options.names)
        if options.names:
            from nsview.hosts.link import MANY

            host.allowed = MANY
        return host
    if options.recording:
        from nsview.hosts.recording import RecordedHost, opened

        recorded = opened(options.recording, partial(RecordedHost, pace=pace))
        say(filter(None, (recorded.note,)))
        return recorded
    return local(*arguments)


def place_of(options: SimpleNamespace) -> "Destination | None":
    """The place of the host that was asked for, None if that is this machine or a recording. Raises Failure."""
    if options.places:
        raise Failure(
            USAGE, "several hosts are for the explorer, list, ps, inspect, audit and events; give one by -H or --via"
        )
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


def width() -> int | None:
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def paint() -> "Paint":
    """Colours, on a terminal that has them and where NO_COLOR is not set (https://no-color.org)."""
    from nsview.paint import coloured, plain

    return coloured if is_screen() and not os.environ.get("NO_COLOR") else plain


def is_screen() -> bool:
    """True if stdout is a terminal that can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


def print_text(text: str, options: SimpleNamespace) -> None:
    """Print a text, by a pager if there is need for one; nothing if it has no line."""
    from .pager import print_paged

    if text and options.pager:
        print_paged(text)
    elif text:
        print(text)


def print_json(value: object, options: SimpleNamespace) -> None:
    from nsview.model import export

    print_text(export.text(value), options)


def parsed(
    options: SimpleNamespace, by: str | None = None, fields: "Fields | None" = None, nets: "Reach | None" = None
) -> "Filter":
    """The filter of a --filter. Raises Failure. fields: allowed in it, if not those of processes."""
    from msgspec.structs import replace

    from nsview.model import filter

    text, known = options.filter, filter.FIELDS if fields is None else fields
    if options.names:
        known = {**known, "host": replace(filter.FIELDS["host"], names=options.names)}
    try:
        return filter.parse(text, by, nets=nets, fields=known)
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
    return failure.sudo(given, there=bool(options.where or options.via))
