"""A look from within a namespace, by a thread that joins it and exits.

uts, ipc and cgroup namespaces may be joined by one thread of several, so it takes no fork, and the agent
itself never leaves its own. Nothing in there is executed, and no other process can be met there: those three hold
neither files to open nor processes to be traced by. setns(2).
"""

from __future__ import annotations

import os
import threading

from nsview import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ..protocol import KindName

    _T = TypeVar("_T")


def within(kind: KindName, fd: int, look: Callable[[], _T]) -> _T:
    """The result of look() in the namespace of a process. fd: of its directory in /proc. Raises OSError if it, or
    setns, fails."""
    namespace = os.open("ns/" + kind, os.O_RDONLY, dir_fd=fd)
    try:
        if os.fstat(namespace).st_ino == os.stat("/proc/thread-self/ns/" + kind).st_ino:
            return look()  # our own takes no privileges
        found: list[_T] = []
        failed: list[OSError | ValueError] = []

        def run() -> None:
            try:
                linux.setns(namespace, linux.CLONE_NEW[kind])
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
