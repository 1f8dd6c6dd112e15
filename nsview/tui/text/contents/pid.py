"""pid: the namespaces that a process has a pid in, from the host's down to its own."""

from nsview.model.contents import Contents
from nsview.model.levels import levels
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot
from nsview.model.text import safe

from ..pieces import Pieces
from . import ContentsText


def tell(process: Process, contents: Contents | None, snapshot: Snapshot) -> ContentsText:
    lines: list[Pieces] = []
    found = levels(snapshot, process)
    for depth, level in enumerate(found):
        guide = "   " * (depth - 1) + "└─ " if depth else ""
        name = f"pid:[{level.inode}]" if level.inode is not None else "pid:[?]"
        lines.append([
            (guide, "dim"), (name, "host" if level.initial else ""), ("  pid ", "label"), (str(level.pid), "title"),
            *([("  init ", "label"), (f"{level.init.pid} {safe(level.init.comm)}", "")] if level.init else []),
            *([("  the host", "host")] if level.initial else []),
        ])  # fmt: skip
    init = found[-1].init
    if len(found) > 1 and init is None:
        lines.append([("its pid 1 is not visible: if it has exited, no process can start in there", "warning")])
    elif init is not None and init.pid == process.pid and len(found) > 1:
        lines.append([("it is pid 1 in there: when it exits, all others are killed", "dim")])
    brief = " → ".join(str(level.pid) for level in found) if len(found) > 1 else "the host's pids"
    return ContentsText("PIDS", lines, brief)
