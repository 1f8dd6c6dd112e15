"""`nsview compare`: two processes side by side."""

from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join.failure import NOTHING, Failure
from nsview.lookup import find

from .console import DONE, host_of, paint, print_json, print_text, width

if TYPE_CHECKING:
    from nsview.model.records import Process
    from nsview.model.snapshot import Snapshot
    from nsview.model.target import Target


def run(options: SimpleNamespace) -> int:
    from nsview import report
    from nsview.model import compare

    host = host_of(options)
    try:
        snapshot, first = find(host, host.first(), options.a)
        snapshot, second = find(host, snapshot, options.b)
        a, b = _process_of(first, options.a, snapshot), _process_of(second, options.b, snapshot)
        facts = host.security([a.pid, b.pid])
        details = [host.details(process, ("cgroup",)) for process in (a, b)]
    finally:
        host.stop()
    found = compare.compare(snapshot, a, b, facts, details)
    if options.json:
        print_json(compare.printed(found), options)
    else:
        print_text(report.comparison(found, width(), paint()), options)
    return DONE


def _process_of(target: "Target", text: str, snapshot: "Snapshot") -> "Process":
    if target.process is None:
        seen = "" if target.namespace and snapshot.sees_all(target.namespace.type) else " that can be seen"
        raise Failure(NOTHING, f"no process{seen} is in {text}, so there is nothing to compare")
    return target.process
