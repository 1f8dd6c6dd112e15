"""The confinement of one process, read through its directory's fd: shared by `details` and `security`.

Sources: proc_pid_status(5), proc_pid_attr(5), apparmor(7).
"""

from __future__ import annotations

from . import files, hostfiles, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .protocol import Capabilities, Label

_APPARMOR, _SELINUX = "/sys/kernel/security/apparmor", "/sys/fs/selinux"


def status_of(fd: int) -> dict[str, str]:
    """{field: value} of /proc/PID/status."""
    lines = files.text(procfs.read_at(fd, "status", procfs.STATUS_LIMIT)).split("\n")
    pairs = (line.partition(":") for line in lines)
    return {name: value.strip() for name, _, value in pairs}


def text_at(fd: int, name: str) -> str:
    """The text of a small file of a process; "" if it can't be read."""
    try:
        return files.text(procfs.read_at(fd, name, 16384))
    except OSError:
        return ""


def capabilities(status: Mapping[str, str]) -> Capabilities:
    """The five sets of capabilities as masks. status: from `status_of`."""
    return {
        "effective": int(status["CapEff"], 16),
        "permitted": int(status["CapPrm"], 16),
        "inheritable": int(status["CapInh"], 16),
        "bounding": int(status["CapBnd"], 16),
        "ambient": int(status.get("CapAmb", "0"), 16),  # Linux 4.3
    }


def limits(table: str) -> dict[str, tuple[str, str]]:
    """{"Max open files": (soft, hard)} from the text of /proc/PID/limits, whose columns have fixed widths."""
    rows = table.split("\n")[1:]
    return {row[:26].strip(): (row[26:46].strip(), row[47:67].strip()) for row in rows if row}


def label(fd: int) -> Label | None:
    """The label by which AppArmor or SELinux confines the process. None if neither does."""
    text = text_at(fd, "attr/apparmor/current") or (text_at(fd, "attr/current") if hostfiles.exists(_APPARMOR) else "")
    profile = text.strip("\0\n").rpartition(" (")[0] or text.strip("\0\n")
    if profile and profile != "unconfined":
        return {"module": "apparmor", "text": profile}
    context = text_at(fd, "attr/current").strip("\0\n") if hostfiles.exists(_SELINUX) else ""
    return {"module": "selinux", "text": context} if context.count(":") >= 2 else None
