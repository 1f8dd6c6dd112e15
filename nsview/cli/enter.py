"""`nsview enter` with arguments that `nsview.launch` leaves to the grammar, and on a host elsewhere."""

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview import enter
from nsview.join.failure import NOTHING, USAGE, Failure
from nsview.join.plan import path_of, ways_of
from nsview.lookup import found_to_enter, remote, say

from .console import place_of

if TYPE_CHECKING:
    from nsview.hosts.place import Destination
    from nsview.model.snapshot import Snapshot
    from nsview.model.target import Target


def run(options: SimpleNamespace) -> int:
    if options.recording:
        raise Failure(USAGE, "a recording can be looked at, not entered")
    if place := place_of(options):
        return _there(place, options)
    return enter.run(options)


def _there(place: "Destination", options: SimpleNamespace) -> int:
    """Look for the target from here, and have the rest done there, which looks again."""
    from nsview.hosts import entering

    terminal = sys.stdin.isatty()
    if not (options.cmd or options.dry_run or terminal):
        raise Failure(USAGE, "a shell needs a terminal; give a command after --")
    host = remote(place, elevated=options.sudo)
    try:
        given = dict(vars(options))
        snapshot = host.first()
        if not options.target.startswith("/"):  # a path is one of that host's
            given.update(_named(*found_to_enter(host, snapshot, options.target), options))
        entering.draining(host)
        return entering.enter(host, given, terminal=terminal)
    finally:
        host.stop()


def _named(snapshot: "Snapshot", found: "Target", options: SimpleNamespace) -> dict[str, object]:
    """The options that name the same thing by its number, or its path, there. Raises Failure if nothing leads in."""
    process, namespace = found.process, found.namespace
    container = found.container if isinstance(found.thing, str) else None
    if container and (process is None or process.ended):
        raise enter.ended(container.name, container.state)
    if container and container.whose and container.uid != snapshot.host.uid:
        say((f"note: {container.name} is a container {container.whose}",))
    if process is None:
        starts = {pid: record.start for pid, record in snapshot.processes.items()}
        ways = ways_of(namespace, starts) if namespace else ()
        path = path_of(ways)
        if namespace is None or path is None:
            raise Failure(NOTHING, f"no process and no path there leads into {options.target}")
        return {"target": path, "inode": namespace.inode, "called": options.target}
    if namespace:
        thread = f"/task/{found.thread}" if found.thread else ""
        return {
            "target": f"/proc/{process.pid}{thread}/ns/{namespace.type}",
            "inode": namespace.inode,
            "called": options.target,
        }
    name = container.name if container else None
    given = {"target": str(process.pid), "start": process.start, "thread": found.thread or options.thread}
    return {**given, "container": name, "called": name or options.target}
