"""A host to look at, and the things that a user's words mean on it.

Used by the commands and by the slow path of `nsview enter`, without Textual.
"""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .join.failure import FAILED, NOTHING, Failure
from .model.text import safe

if TYPE_CHECKING:
    from .hosts.live import LiveHost
    from .hosts.local import LocalHost
    from .hosts.place import Destination
    from .hosts.recording import RecordedHost
    from .hosts.remote import RemoteHost
    from .model.net import Nets
    from .model.snapshot import Snapshot
    from .model.target import Target
    from .model.usage import Meter


def say(lines: Iterable[str]) -> None:
    """Print lines for the user on stderr."""
    for line in lines:
        print(f"nsview: {safe(line)}", file=sys.stderr)


def local(*arguments: str) -> "LocalHost":
    """The host that is this machine. Its agent starts before the decoder of its frames is imported. arguments: of the
    agent."""
    from .hosts.spawn import agent

    started = agent(*arguments)
    from .hosts.local import LocalHost

    host = LocalHost(agent=started)
    host.on_restart = lambda how: say((how,))
    return host


def remote(place: "Destination", *arguments: str, elevated: bool = False, asking: bool = True) -> "RemoteHost":
    """The host in a place. Raises HostError if it can't be asked for. arguments: of the agent. asking: the terminal may
    be asked in."""
    from .hosts.remote import RemoteHost

    host = RemoteHost(place, *arguments, elevated=elevated, asking=asking)
    host.on_restart = lambda how: say((how,))
    return host


def nets_of(host: "LiveHost | RecordedHost") -> "Nets | None":
    """The net namespaces of a host from within, None if a recording has none. Raises Failure if none could be read: a
    host always has one."""
    found = host.nets()
    if found and not found.nets and found.notes:
        raise Failure(FAILED, f"{found.notes[0]}; try again")
    return found


def find(
    host: "LiveHost | RecordedHost", snapshot: "Snapshot", text: str, *, holders: bool = False, stopped: bool = False
) -> "tuple[Snapshot, Target]":
    """(a snapshot, the target that a text means in it): this snapshot of the host, or a later one.

    Net namespaces are read from within, the engines' records of stopped containers are read, and holders of namespaces
    are searched, if nothing else has that name. holders: they are searched too if a namespace is meant. stopped: a
    container without a process will do too, which the snapshot then has. Raises Failure.
    """
    from .model.target import TargetError, needs_nets, resolve

    # A path is a path of this machine; elsewhere, and in a recording, it is the mount point of a namespace.
    word, leader = spelled(text) if host.here else text, host.thread_group(text)
    nets = nets_of(host) if needs_nets(snapshot, word, leader) else None
    try:
        try:
            target = resolve(snapshot, word, nets, leader)
        except TargetError as error:
            if error.kind == "ambiguous":
                raise
            target = None
        if target is None and (found := _stopped(host, snapshot, word, leader)):
            if stopped:
                return found[:2]
            raise Failure(NOTHING, found[2])
        if target is None or (holders and target.namespace):
            snapshot = host.holders()
            target = resolve(snapshot, word, nets, leader)
    except TargetError as error:
        raise Failure(NOTHING, str(error)) from None
    if target.thread and target.process:
        say((f"{target.thread} is a thread of process {target.process.pid}",))
    return snapshot, target


def _stopped(
    host: "LiveHost | RecordedHost", snapshot: "Snapshot", word: str, leader: int | None
) -> "tuple[Snapshot, Target, str] | None":
    """(the snapshot with stopped containers, the one that a word means, a line that it can't be joined). None if it
    means none."""
    from .model.container_table import with_stopped
    from .model.ended import refusal
    from .model.target import TargetError, resolve

    meter, whole = engines_of(host), snapshot
    if meter.engines:
        whole = with_stopped(snapshot, meter)
    try:
        target = resolve(whole, word, None, leader)
    except TargetError as error:
        if error.kind == "ambiguous":
            raise
        return None
    one = next((one for one in meter.engines.stopped if one.key == target.thing), None) if meter.engines else None
    return (whole, target, refusal(one, meter.taken_at)) if one else None


def engines_of(host: "LiveHost | RecordedHost") -> "Meter":
    """The engines' records of a host as they are now, or as of the moment of a recording; and nothing else."""
    from .hosts.recording import RecordedHost
    from .model.usage import Meter

    readings = host.usages() if isinstance(host, RecordedHost) else [host.usage([], [], engines=True)]
    meter = Meter()
    for reading in readings:
        meter = Meter(reading.taken_at, engines=reading.engines) if reading.engines else meter
    return meter


def spelled(text: str) -> str:
    """The text, or the name of the namespace at a path if it is one. Raises Failure if the file there is no namespace.

    Only a namespace is opened, and the text of a link is not believed: both may be a container's, or a user's.
    """
    if not text.startswith(("/", "./")):
        return text
    from .join import target

    fd = target.open_path(text)
    try:
        kind, _, inode, _ = target.identity(fd)
        return f"{kind}:{inode}"
    finally:
        os.close(fd)


def meant_to_enter(word: str) -> "tuple[Snapshot, Target]":
    """(a snapshot of this machine, the target that the word means there)."""
    host = local()
    try:
        return found_to_enter(host, host.first(), word)
    finally:
        host.stop()


def found_to_enter(host: "LiveHost", snapshot: "Snapshot", word: str) -> "tuple[Snapshot, Target]":
    """(a snapshot of the host, the target that a word means in it); holders are searched if nothing else leads in."""
    snapshot, found = find(host, snapshot, word)
    if not found.process and found.namespace and not found.namespace.names and not snapshot.search:
        snapshot, found = find(host, host.holders(), word)
    return snapshot, found
