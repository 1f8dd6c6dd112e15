"""`nsview inspect`: everything that is known of one thing."""

import gc
from types import SimpleNamespace

from nsview.lookup import find

from .console import DONE, host_of, print_json


def run(options: SimpleNamespace) -> int:
    from nsview import report
    from nsview.model import export

    gc.disable()
    host = host_of(options)
    try:
        # The holders of a single namespace are worth the time of the search.
        snapshot, target = find(host, host.first(), options.target, holders=True)
    finally:
        host.stop()
    if not options.json:
        print(report.inspected(snapshot, target))
    elif target.namespace:
        print_json(export.namespace(target.namespace, snapshot))
    elif target.process and target.thing == target.process.pid:
        print_json(export.inspected_process(snapshot, target.process))
    elif target.container:
        print_json(export.container(target.container))
    return DONE
