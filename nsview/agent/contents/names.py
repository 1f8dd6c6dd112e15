"""The host name and domain name of a uts namespace.

/proc/PID/root/proc/sys/kernel/hostname is the reader's own, whosever /proc it is in (kernel/utsname_sysctl.c takes
current's namespace), and /etc/hostname is what somebody once wrote. So it is asked from within: uname(2).
"""

from __future__ import annotations

import os

from .. import files, procfs
from .joined import within


def read(fd, initial):
    """{"hostname": .., "domainname": .. or None where it was never set}"""
    return within("uts", fd, _names)


def _names():
    proc = os.open("/proc/sys/kernel", os.O_PATH | os.O_DIRECTORY)
    try:
        domain = files.text(procfs.read_at(proc, "domainname", 256)).rstrip("\n")
        name = files.text(procfs.read_at(proc, "hostname", 256)).rstrip("\n")
    finally:
        os.close(proc)
    return {"hostname": name, "domainname": None if domain == "(none)" else domain}
