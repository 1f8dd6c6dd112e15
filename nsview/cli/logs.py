"""`nsview logs`: the log of a container, from the file that its engine keeps."""

import json
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join.failure import NOT_PERMITTED, NOTHING, USAGE, Failure
from nsview.lookup import find, say

from .console import DONE, host_of, sudo

if TYPE_CHECKING:
    from nsview.model.log import LogLine

PAUSE = 0.2
"""Seconds between two looks at a log that is followed."""


def run(options: SimpleNamespace) -> int:
    from nsview.hosts.live import LiveHost
    from nsview.model.log import missing

    if options.recording:
        raise Failure(USAGE, "a recording has no logs: leave out --from")
    host = host_of(options)
    assert isinstance(host, LiveHost)
    try:
        snapshot, target = find(host, host.first(), options.target, stopped=True)
        container = target.container or (snapshot.container_of(target.process) if target.process else None)
        if container is None:
            raise Failure(NOTHING, f"{options.target} is in no container; logs are those of containers")
        log = host.log(container.key, options.tail)
        if why := missing(log, container, snapshot, sudo(options), host.elsewhere):
            raise Failure(NOT_PERMITTED if log.unreadable in ("EACCES", "EPERM") else NOTHING, why)
        while True:
            for line in log.lines:
                print(_text(line, options))
            if not options.follow or (log.gone and not log.more):
                break
            if not log.more:
                print(end="", flush=True)
                time.sleep(PAUSE)
            log = host.log(container.key, options.tail, log.place)
        if options.follow:
            say((f"container {container.name} has stopped",))
    finally:
        host.stop()
    return DONE


def _text(line: "LogLine", options: SimpleNamespace) -> str:
    from nsview.model.log import shown

    if options.json:
        return json.dumps({"time": line.time, "stream": line.stream, "text": line.text})
    return f"{line.time} {shown(line)}" if options.timestamps else shown(line)
