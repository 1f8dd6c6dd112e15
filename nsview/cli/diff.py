"""`nsview diff`: the processes, namespaces and containers gone, new or moved between two recordings, or until now."""

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nsview.join.failure import USAGE, Failure
from nsview.lookup import say

from .console import DONE, paint, place_of, print_json, print_text
from .sight import Sight

if TYPE_CHECKING:
    from nsview.model.snapshot import Snapshot


def run(options: SimpleNamespace) -> int:
    from nsview import report
    from nsview.model import export
    from nsview.model.matrix import sees_all

    def at(place: str) -> "Snapshot":
        now = place == "now"
        chosen = vars(options) if now else {"recording": place, "where": None, "via": None, "sudo": False, "places": ()}
        sight = Sight(SimpleNamespace(**{**chosen, "watch": None}))
        try:
            return sight.look()[0]
        finally:
            sight.close()

    if options.recording:
        raise Failure(USAGE, "`nsview diff A B` names both of its recordings itself")
    if "now" not in (options.before, options.after) and place_of(options):
        raise Failure(USAGE, "-H, --via and --sudo are for `now`, and both of these are recordings")
    before, after = at(options.before), at(options.after)
    if before.host.boot_id != after.host.boot_id:
        print("nsview: note: of two hosts, or of two boots of one: pids and inodes say little", file=sys.stderr)
    unseen = [name for name, at in ((options.before, before), (options.after, after)) if not sees_all(at)]
    if unseen:
        say((f"note: not all could be read in {' and '.join(unseen)}: what is gone or new may be what was not seen",))
    difference = export.difference(before, after)
    if options.json:
        print_json(difference, options)
    else:
        print_text(report.difference(difference, paint()), options)
    return DONE
