"""A host to look at, and the things that a user's words mean on it.

Used by the commands and by the slow path of `nsview enter`; imports Textual for none of them.
"""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .join.failure import FAILED, NOTHING, Failure
from .model.text import safe

if TYPE_CHECKING:
    from .hosts.local import LocalHost
    from .hosts.recording import RecordedHost
    from .model.net import Nets
    from .model.snapshot import Snapshot
    from .model.target import Target


def say(lines: Iterable[str]) -> None:
    """Tell the user, beside what is printed."""
    for line in lines:
        print(f"nsview: {safe(line)}", file=sys.stderr)


def local(*arguments: str) -> "LocalHost":
    """This machine; its agent runs before what decodes its frames is imported. arguments: the agent's own."""
    from .hosts.spawn import agent

    started = agent(*arguments)
    from .hosts.local import LocalHost

    host = LocalHost(agent=started)
    host.on_restart = lambda how: say((how,))
    return host


def nets_of(host: "LocalHost | RecordedHost") -> "Nets | None":
    """The net namespaces of a host from within, None of a recording without. Raises Failure where none could be read:
    there is always one, and what is not known is not nothing."""
    found = host.nets()
    if found and not found.nets and found.notes:
        raise Failure(FAILED, f"{found.notes[0]}; try again")
    return found


def find(
    host: "LocalHost | RecordedHost", snapshot: "Snapshot", text: str, *, holders: bool = False
) -> "tuple[Snapshot, Target]":
    """The target that a text means, and the snapshot that it is of: this one of the host, or a later one.

    Net namespaces are read from within, and what holds namespaces is searched for, where nothing else has that name.
    holders: that is searched for too where a namespace is meant.
    """
    from .model.target import TargetError, needs_nets, resolve

    # A path is one of this machine; of a recording it is what was mounted there.
    word, leader = spelled(text) if host.live else text, host.thread_group(text)
    nets = nets_of(host) if needs_nets(snapshot, word, leader) else None
    try:
        try:
            target = resolve(snapshot, word, nets, leader)
        except TargetError as error:
            if error.kind == "ambiguous":
                raise
            target = None
        if target is None or (holders and target.namespace):
            snapshot = host.holders()
            target = resolve(snapshot, word, nets, leader)
    except TargetError as error:
        raise Failure(NOTHING, str(error)) from None
    if target.thread and target.process:
        say((f"{target.thread} is a thread of process {target.process.pid}",))
    return snapshot, target


def spelled(text: str) -> str:
    """A text in which a path of this machine is the name of the namespace that it leads to. Raises Failure if the file
    at the path is none.

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
    """This machine's snapshot, and what a word means in it; holders are searched where nothing else leads in."""
    host = local()
    try:
        snapshot, found = find(host, host.first(), word)
        if not found.process and found.namespace and not found.namespace.names and not snapshot.search:
            snapshot, found = find(host, host.holders(), word)
    finally:
        host.stop()
    return snapshot, found
