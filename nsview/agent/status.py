"""What confines one process, read through its directory's fd: shared by `details` and `security`.

Sources: proc_pid_status(5), proc_pid_attr(5), apparmor(7).
"""

from __future__ import annotations

from . import files, hostfiles, procfs

_APPARMOR, _SELINUX = "/sys/kernel/security/apparmor", "/sys/fs/selinux"
_SETS = {"effective": "CapEff", "permitted": "CapPrm", "inheritable": "CapInh", "bounding": "CapBnd"}


def status_of(fd):
    """{field: value} of /proc/PID/status."""
    lines = files.text(procfs.read_at(fd, "status", procfs.STATUS_LIMIT)).split("\n")
    pairs = (line.partition(":") for line in lines)
    return {name: value.strip() for name, _, value in pairs}


def text_at(fd, name):
    """A small file of a process as text; "" where it can't be read."""
    try:
        return files.text(procfs.read_at(fd, name, 16384))
    except OSError:
        return ""


def capabilities(status):
    """The five sets as masks. status: as `status_of` gives it."""
    sets = {name: int(status[field], 16) for name, field in _SETS.items()}
    return dict(sets, ambient=int(status.get("CapAmb", "0"), 16))  # Linux 4.3


def limits(table):
    """{"Max open files": (soft, hard)} from the text of /proc/PID/limits, whose columns have fixed widths."""
    rows = table.split("\n")[1:]
    return {row[:26].strip(): (row[26:46].strip(), row[47:67].strip()) for row in rows if row}


def label(fd):
    """What AppArmor or SELinux confines the process by, None where neither does."""
    text = text_at(fd, "attr/apparmor/current") or (text_at(fd, "attr/current") if hostfiles.exists(_APPARMOR) else "")
    profile = text.strip("\0\n").rpartition(" (")[0] or text.strip("\0\n")
    if profile and profile != "unconfined":
        return {"module": "apparmor", "text": profile}
    context = text_at(fd, "attr/current").strip("\0\n") if hostfiles.exists(_SELINUX) else ""
    return {"module": "selinux", "text": context} if context.count(":") >= 2 else None
