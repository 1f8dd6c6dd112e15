"""`nsview inspect`: everything that is known of one thing."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING

from .answer import Answer, show
from .console import paint

if TYPE_CHECKING:
    from nsview.model.snapshot import Snapshot
    from nsview.model.target import Target
    from nsview.model.usage import Meter, Stopped

    from .sight import Sight


def run(options: SimpleNamespace) -> int:
    return show(options, _question)


def _question(options: SimpleNamespace) -> "Callable[[Sight], Answer]":
    """The question for the thing that a word means."""
    from nsview.model import ended

    from .tables import NOTHING_LISTED

    def answer(sight: "Sight") -> Answer:
        snapshot, target, meter = sight.find(options.target)
        one = ended.of_thing(target.container.key, snapshot, meter) if target.container and meter else None
        if options.json:
            return Answer(NOTHING_LISTED, _value(snapshot, target, one))
        return Answer(NOTHING_LISTED, report=_report(snapshot, target, one, meter))

    return answer


def _value(snapshot: "Snapshot", target: "Target", one: "Stopped | None") -> object:
    from nsview.model import export

    if one and target.container:
        return export.ended(target.container, one)
    if target.namespace:
        return export.namespace(target.namespace, snapshot)
    if target.process and target.thing == target.process.pid:
        return export.inspected_process(snapshot, target.process)
    return export.container(target.container) if target.container else None


def _report(snapshot: "Snapshot", target: "Target", one: "Stopped | None", meter: "Meter | None") -> str:
    from nsview import report

    if one and meter and target.container:
        return report.ended(one, meter.taken_at, target.container, paint())
    return report.inspected(snapshot, target, paint())
