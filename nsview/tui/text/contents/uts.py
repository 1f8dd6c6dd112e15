"""uts: the names that uname(2) gives in there."""

from nsview.model.contents import Contents
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot
from nsview.model.text import safe

from ..pieces import Pieces, labelled
from . import ContentsText


def tell(process: Process, contents: Contents, snapshot: Snapshot) -> ContentsText:
    names = contents.uts
    assert names is not None
    lines: list[Pieces] = [labelled("host name", (safe(names.hostname) or "(empty)", "title"))]
    if names.domainname is not None:
        lines.append(labelled("NIS domain", (safe(names.domainname), "")))
    return ContentsText("NAMES", lines, safe(names.hostname))
