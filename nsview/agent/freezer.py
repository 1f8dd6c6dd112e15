"""The freezers of cgroups, v1's and v2's: a process in a frozen cgroup waits, and so does one that joins it.

Sources: Documentation/admin-guide/cgroup-v2.rst (cgroup.events), cgroup-v1/freezer-subsystem.rst.
"""

from __future__ import annotations

from . import cgroup, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .mountinfo import Mount

FILES = {"freezer": "freezer.state", "": "cgroup.events"}
"""{controller, "" for v2: the file of a cgroup that tells whether it, or one above it, is frozen}"""


def frozen(text: str) -> bool:
    """True if the text of one of FILES tells that the cgroup, or one above it, is frozen or about to be."""
    return text.strip() in ("FROZEN", "FREEZING") or "frozen 1" in text


def of_cgroup(path: str, hierarchies: Mapping[str, list[Mount]]) -> bool | None:
    """True if a cgroup, or one above it, is frozen, by v1's freezer or v2's. None if neither can be read."""
    answers = {_by(controller, path, hierarchies) for controller in FILES}
    return True if True in answers else False if False in answers else None


def of_process(lines: str, hierarchies: Mapping[str, list[Mount]]) -> bool | None:
    """True if a process is frozen by one of its cgroups. None if that can't be read. lines: of /proc/PID/cgroup."""
    answers = {
        _by(controller, path, hierarchies)
        for controllers, path in cgroup.lines(lines)
        for controller in controllers.split(",")
        if controller in FILES
    }
    return True if True in answers else None if None in answers or not lines else False


def _by(controller: str, path: str, hierarchies: Mapping[str, list[Mount]]) -> bool | None:
    """True if one freezer alone has frozen a cgroup. None if it can't be read."""
    if path == "/":
        return False  # the root can't be frozen
    texts = []
    for mount in hierarchies.get(controller, ()):
        directory = mount.path_of(path)
        if directory is not None:
            try:
                texts.append(files.text(files.read(directory + "/" + FILES[controller])))
            except OSError:
                continue
    return any(map(frozen, texts)) if texts else None
