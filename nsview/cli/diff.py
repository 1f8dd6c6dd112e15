"""`nsview diff`: the processes, namespaces and containers gone, new or moved between two recordings or hosts, or until
now."""

import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join.failure import USAGE, Failure
from nsview.lookup import remote, say

from .console import DONE, host_of, paint, place_of, print_json, print_text

if TYPE_CHECKING:
    from nsview.hosts.live import LiveHost
    from nsview.hosts.recording import RecordedHost
    from nsview.model.snapshot import Snapshot


def run(options: SimpleNamespace) -> int:
    from nsview import report
    from nsview.model import export
    from nsview.model.matrix import sees_all

    words = options.before, options.after
    if options.recording:
        raise Failure(USAGE, "`nsview diff A B` names both of its recordings itself")
    hosts = [word for word in words if _is_host(word)]
    if "now" not in words and (options.where or options.via or (options.sudo and not hosts)):
        what = "hosts or recordings" if hosts else "recordings"
        raise Failure(USAGE, f"-H, --via and --sudo are for `now`, and both of these are {what}")
    before, after = _looks(words, hosts, options)
    if before.host.boot_id != after.host.boot_id:
        print("nsview: note: of two hosts, or of two boots of one: compared by names and commands", file=sys.stderr)
    unseen = [name for name, at in zip(words, (before, after), strict=True) if not sees_all(at)]
    if unseen:
        say((f"note: not all could be read in {' and '.join(unseen)}: what is gone or new may be what was not seen",))
    difference = export.difference(before, after)
    if options.json:
        print_json(difference, options)
    else:
        print_text(report.difference(difference, paint()), options)
    return DONE


def _is_host(word: str) -> bool:
    """True if a word is a host, such as ssh://web1, and no file."""
    return "://" in word and not os.path.lexists(word)


def _looks(words: tuple[str, str], hosts: list[str], options: SimpleNamespace) -> "tuple[Snapshot, Snapshot]":
    """The snapshots that two words mean. Both agents are at work before the first is read, so that neither may ask for
    a password in the terminal that the other one asks in."""
    elsewhere = len(hosts) + bool(options.where or options.via)

    def opened(word: str) -> "LiveHost | RecordedHost":
        there = SimpleNamespace(**vars(options))
        if word in hosts:
            there.where, there.via = word, None
        elif word != "now":
            there.recording, there.where, there.via, there.sudo = word, None, None, False
        if place := place_of(there):
            return remote(place, "--once", elevated=there.sudo, asking=elsewhere < 2)
        return host_of(there, "--once")

    looked: list[LiveHost | RecordedHost] = []
    try:
        for word in words:
            looked.append(opened(word))
        before, after = (host.first() for host in looked)
        return before, after
    finally:
        for host in looked:
            host.stop()
