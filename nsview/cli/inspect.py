"""`nsview inspect`: everything that is known of one thing."""

import gc
from types import SimpleNamespace

from nsview.lookup import engines_of, find

from .console import DONE, host_of, paint, print_json, print_text


def run(options: SimpleNamespace) -> int:
    from nsview import report
    from nsview.model import ended, export

    gc.disable()
    host = host_of(options)
    try:
        # The holders of a single namespace are worth the time of the search.
        snapshot, target = find(host, host.first(), options.target, holders=True, stopped=True)
        meter = engines_of(host) if target.container and not target.container.pids else None
    finally:
        host.stop()
    one = ended.of_thing(target.container.key, snapshot, meter) if target.container and meter else None
    if one and meter and target.container:
        if options.json:
            print_json(export.ended(target.container, one), options)
        else:
            print_text(report.ended(one, meter.taken_at, target.container, paint()), options)
    elif not options.json:
        print_text(report.inspected(snapshot, target, paint()), options)
    elif target.namespace:
        print_json(export.namespace(target.namespace, snapshot), options)
    elif target.process and target.thing == target.process.pid:
        print_json(export.inspected_process(snapshot, target.process), options)
    elif target.container:
        print_json(export.container(target.container), options)
    return DONE
