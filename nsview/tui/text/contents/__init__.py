"""The content of a namespace of each kind, as styled pieces of text.

Pure; every piece is safe for a terminal. One module a kind. Each makes lines for the top of the details if rows are
grouped by its kind, lines for their end if there is more, and a few words for the details of all kinds.

mnt     the mounts, and those that the host has too
uts     the host name and domain name
ipc     queues, shared memory, semaphores
pid     the pid namespaces that a process has a pid in
user    the ids outside of the ids inside, and the power of its root
cgroup  its place, its limits and its use
time    the offsets of the clocks
"""

from collections.abc import Callable, Sequence
from importlib import import_module

from msgspec import Struct

from nsview.model.contents import READ, Contents
from nsview.model.kinds import KIND_NAMES, KindName
from nsview.model.records import Process
from nsview.model.snapshot import Snapshot

from ..pieces import Pieces

TOLD: tuple[KindName, ...] = tuple(kind for kind in KIND_NAMES if kind in READ or kind == "pid")
"""The kinds whose content is shown."""


class ContentsText(Struct, frozen=True):
    """The content of one namespace. first: the lines that matter; rest: all lines, if those are a part; brief: a few
    words."""

    heading: str
    first: Sequence[Pieces]
    brief: str
    rest_heading: str = ""
    rest: Sequence[Pieces] = ()


def wanted(by: str) -> tuple[KindName, ...]:
    """The kinds to ask for when rows are grouped so: that kind alone, else all."""
    return tuple(kind for kind in READ if by == kind or by not in KIND_NAMES)


def told(kind: KindName, process: Process, contents: Contents | None, snapshot: Snapshot) -> ContentsText | None:
    """The content of a process's namespace of a kind. None if nothing is known, or not yet."""
    if kind not in TOLD:
        return None
    if contents and kind in contents.unreadable:
        why = _why(contents.unreadable[kind], snapshot)
        return ContentsText(kind.upper(), [[(why, "warning")]], why)
    if kind != "pid" and (contents is None or getattr(contents, kind) is None):
        return None
    # A module a kind, imported when it is first needed.
    tell: Callable[..., ContentsText] = import_module(f".{kind}", __package__).tell
    return tell(process, contents, snapshot)


def _why(reason: str, snapshot: Snapshot) -> str:
    if reason in ("EACCES", "EPERM"):
        return "protected even from root" if snapshot.host.privileged else "only root may look: R"
    if reason in ("ENOENT", "ESRCH"):
        return "this kernel, or this process, has none"
    return f"could not be read ({reason})"
