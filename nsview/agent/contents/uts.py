"""The host name and domain name of a uts namespace.

/proc/PID/root/proc/sys/kernel/hostname is the reader's own, whosever /proc it is in (kernel/utsname_sysctl.c takes
current's namespace), and /etc/hostname was written some time before. So it is asked from within: uname(2).
"""

from __future__ import annotations

import os

from .. import files, procfs
from .joined import within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..protocol import KindName, Names


def read(fd: int, initial: Mapping[KindName, int | None]) -> Names:
    """The names of a process's uts namespace. fd: of its directory in /proc."""
    return within("uts", fd, _names)


def _names() -> Names:
    proc = os.open("/proc/sys/kernel", os.O_PATH | os.O_DIRECTORY)
    try:
        domain = files.text(procfs.read_at(proc, "domainname", 256)).rstrip("\n")
        name = files.text(procfs.read_at(proc, "hostname", 256)).rstrip("\n")
    finally:
        os.close(proc)
    return {"hostname": name, "domainname": None if domain == "(none)" else domain}
