"""time: how far its clocks are ahead of the host's."""

from nsview.model.contents import Contents
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot

from ..pieces import Pieces, labelled, span
from . import ContentsText


def tell(process: Process, contents: Contents, snapshot: Snapshot) -> ContentsText:
    clocks = contents.time
    assert clocks is not None
    lines: list[Pieces] = []
    for name, offset in (("boot", clocks.boottime), ("monotonic", clocks.monotonic)):
        words = "not known: only a namespace for children tells its own" if offset is None else _ahead(offset)
        lines.append(labelled(name, (words, "" if offset else "dim")))
    if clocks.for_children:
        child = clocks.for_children
        lines.append([(f"its children will be in time:[{child.inode}]:", "warning")])
        lines += [labelled("  " + n, (_ahead(o), "")) for n, o in (("boot", child.boottime), ("mono", child.monotonic))]
    return ContentsText("CLOCKS", lines, "boot " + _ahead(clocks.boottime) if clocks.boottime else "the host's clocks")


def _ahead(offset: float) -> str:
    """The difference of a clock from the host's, in words."""
    if not offset:
        return "as the host's"
    return f"{span(abs(offset))} {'ahead of' if offset > 0 else 'behind'} the host's"
