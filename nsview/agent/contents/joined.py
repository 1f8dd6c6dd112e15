"""A look from within a namespace, by a thread that joins it and ends.

uts, ipc and cgroup namespaces may be joined by one thread of several, so it takes neither a fork nor does the agent
itself ever leave its own. Nothing in there is executed, and no other process can be met there: those three hold
neither files to open nor processes to be traced by. setns(2).
"""

from __future__ import annotations

import os
import threading

from nsview import linux

FLAGS = {"uts": 0x04000000, "ipc": 0x08000000, "cgroup": 0x02000000}


def within(kind, fd, look):
    """What look() gives in the namespace of a process. fd: of its directory in /proc. OSError where it, or setns,
    fails."""
    namespace = os.open("ns/" + kind, os.O_RDONLY, dir_fd=fd)
    try:
        if os.fstat(namespace).st_ino == os.stat("/proc/thread-self/ns/" + kind).st_ino:
            return look()  # our own takes no privileges
        found: list[object] = []
        failed: list[OSError | ValueError] = []

        def run():
            try:
                linux.setns(namespace, FLAGS[kind])
                found.append(look())
            except (OSError, ValueError) as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return found[0]
    finally:
        os.close(namespace)
