"""`nsview events`: containers started and stopped, namespaces born and gone and the like, as they happen."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join.failure import NOTHING, Failure
from nsview.lookup import say

from .console import DONE, host_of, parsed, width

if TYPE_CHECKING:
    from nsview.model.events.record import Event
    from nsview.model.snapshot import Snapshot


def run(options: SimpleNamespace) -> int:
    if options.places:
        from .fleet_events import show_many  # for several hosts alone

        return show_many(options)
    from nsview import report
    from nsview.model import export
    from nsview.model.events.lines import FIELDS, line

    wanted = parsed(options, fields=FIELDS)
    found = 0
    snapshot = None
    try:
        for snapshot, event in _events(options):
            if event is None or not wanted.line(line(found, event), snapshot):
                continue
            if not options.json and not found:
                print(report.events_header(width()))
            found += 1
            print(export.event(event) if options.json else report.event(event, width()), flush=True)
    except KeyboardInterrupt:
        if not options.follow:
            raise
    if not options.json and snapshot is not None:
        say(snapshot.host.notes)
    if not found and options.filter:
        raise Failure(NOTHING, "nothing matched")
    if not found:
        say((_nothing(options),))
    return DONE


def _nothing(options: SimpleNamespace) -> str:
    """The reason why there are no events, in words."""
    if options.recording:
        return "nothing happened in this recording: no container or namespace came or went in it"
    if options.follow:
        return "nothing happened meanwhile"
    return "no container runs here; `nsview events --follow` prints what happens from now on"


def _events(options: SimpleNamespace) -> "Iterator[tuple[Snapshot, Event | None]]":
    """Each event with the last snapshot; None for it with one at which nothing has happened."""
    from nsview.hosts.recording import RecordedHost
    from nsview.model.events.containers import running
    from nsview.model.events.follower import Follower
    from nsview.model.snapshot import Snapshot

    host = host_of(options, pace=1.0 if options.follow else 0.0)
    follower, last = Follower(), None
    try:
        if not host.live or options.follow:
            for said in host.read():
                first = last is None
                last = said if isinstance(said, Snapshot) else last
                if first and last and options.follow and not options.json:
                    print("nsview: following; ^C ends", file=sys.stderr)
                happened = follower.take(said)
                if last is not None:
                    yield from ((last, event) for event in happened or (None,))
        elif not isinstance(host, RecordedHost):
            last = host.first()
            known = running(last, host.usage([], []).host)
            yield from ((last, event) for event in known or (None,))
    finally:
        host.stop()
